from __future__ import annotations

import numpy as np

from models.bundle import Bundle
from models.cascade import Cascade, CascadeSettings, choose

TEXTS = ["快递到哪了", "give my money back", "zzqx", ""]


def test_the_least_certain_are_read_again_up_to_the_share() -> None:
    confidence = np.array([0.9, 0.2, 0.5, 0.1], np.float32)

    assert choose(confidence, CascadeSettings(below=0.6, share=0.5)).tolist() == [3, 1]
    assert choose(confidence, CascadeSettings(below=0.05, share=1)).tolist() == []


def test_a_cascade_of_a_bundle_with_itself_changes_nothing(bundle: Bundle) -> None:
    cascade = Cascade(fast=bundle, slow=bundle, settings=CascadeSettings(below=1, share=1))

    again, once = cascade.predict(TEXTS), bundle.predict(TEXTS)

    assert np.allclose(again.probability, once.probability, atol=1e-6)
    assert again.in_scope.tolist() == once.in_scope.tolist()

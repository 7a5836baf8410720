from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from models.fitting import log_ratios


def test_an_input_speaks_for_the_class_that_holds_it() -> None:
    counts = sp.csr_matrix(np.array([[1, 0, 1], [2, 0, 1], [0, 1, 1], [0, 1, 1]], np.float32))

    ratios = log_ratios(counts, np.array([0, 0, 1, 1]), 2, added=0.1)

    assert (ratios[:2] > 1).tolist() == [[True, False], [False, True]]
    assert (ratios[:2] < -1).tolist() == [[False, True], [True, False]]
    assert abs(ratios[2]).max() < 1e-6


def test_a_class_without_messages_has_no_infinite_ratios() -> None:
    counts = sp.csr_matrix(np.eye(2, dtype=np.float32))

    assert bool(np.isfinite(log_ratios(counts, np.array([0, 1]), 3, added=0.1)).all())

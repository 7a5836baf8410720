from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save

from models.bundle import Bundle, load
from models.errors import BundleError
from models.manifest import hash_file

TEXTS = ["快递到哪了", "give my money back", "你好", "", "讲个笑话", "退款 refund"]


@pytest.fixture
def copy(bundle_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundle_folder, tmp_path / "copy"))


def renew_hash(folder: Path, name: str) -> None:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"][name] = hash_file(folder / name)
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def test_a_prediction_has_one_row_a_text(bundle: Bundle) -> None:
    prediction = bundle.predict(TEXTS)

    assert prediction.probability.shape == (6, 3)
    assert prediction.sentiment.shape == (6, 3)
    assert prediction.embedding.shape == (6, bundle.dimension)
    assert prediction.language.tolist() == [0, 1, 0, 0, 0, 0]


def test_probabilities_are_probabilities(bundle: Bundle) -> None:
    prediction = bundle.predict(TEXTS)

    assert prediction.probability.sum(axis=1) == pytest.approx(np.ones(6), abs=1e-5)
    assert prediction.sentiment.sum(axis=1) == pytest.approx(np.ones(6), abs=1e-5)
    for column in (prediction.confidence, prediction.anger):
        assert bool(((column >= 0) & (column <= 1)).all())


def test_an_answer_does_not_hang_on_its_batch(bundle: Bundle) -> None:
    batch = bundle.predict(TEXTS * 200)
    alone = bundle.predict([TEXTS[1]])

    assert batch.probability[1] == pytest.approx(alone.probability[0], abs=1e-6)
    assert batch.confidence[601] == pytest.approx(alone.confidence[0], abs=1e-6)


def test_what_was_learned_is_known(bundle: Bundle) -> None:
    prediction = bundle.predict(["物流查不到", "refund me please", "在吗亲"])

    names = [bundle.intents[intent] for intent in prediction.intent]
    assert names == ["shipping.track", "refund.request", "chat.greeting"]


def test_a_second_intent_is_another_one_or_none(bundle: Bundle) -> None:
    prediction = bundle.predict([*TEXTS, "快递到哪了 把钱退给我"])

    assert not bool((prediction.second == prediction.intent).any())
    assert bool((prediction.second >= -1).all())


def test_no_texts_give_no_rows(bundle: Bundle) -> None:
    assert bundle.predict([]).probability.shape == (0, 3)
    assert bundle.encode([]).shape == (0, bundle.dimension)


def test_embeddings_have_length_one_or_zero(bundle: Bundle) -> None:
    lengths = np.linalg.norm(bundle.encode(["快递到哪了", "", "zzqx"]), axis=1)

    assert lengths == pytest.approx([1, 0, 0], abs=1e-5)


def test_a_text_of_8_kib_is_answered(bundle: Bundle) -> None:
    assert bundle.predict(["快递没到 " * 800]).confidence.size == 1


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"nowhere: no such bundle.*models train"):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "name", ["heads.safetensors", "calibration.safetensors", "encoder/table.safetensors"]
)
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()

    with pytest.raises(BundleError, match=f"{name} is missing"):
        load(copy)


def test_a_changed_file_is_refused(copy: Path) -> None:
    path = copy / "heads.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)

    with pytest.raises(BundleError, match=r"heads.safetensors is damaged"):
        load(copy)


def test_a_cut_off_file_is_refused(copy: Path) -> None:
    path = copy / "encoder" / "table.safetensors"
    path.write_bytes(path.read_bytes()[:100])

    with pytest.raises(BundleError, match=r"table.safetensors is damaged"):
        load(copy)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not JSON"),
        ("[]", "not a manifest"),
        ('{"format": 99}', "format 99"),
        ('{"format": 2}', "incomplete"),
    ],
)
def test_a_bad_manifest_is_explained(copy: Path, content: str, message: str) -> None:
    (copy / "manifest.json").write_text(content, encoding="utf-8")

    with pytest.raises(BundleError, match=message):
        load(copy)


def test_heads_of_another_version_are_refused(copy: Path) -> None:
    path = copy / "heads.safetensors"
    arrays = load_file(path)
    path.write_bytes(save({name: array for name, array in arrays.items() if name != "prototypes"}))
    renew_hash(copy, "heads.safetensors")

    with pytest.raises(
        BundleError, match=r"heads.safetensors.*does not fit this program.*train the bundle again"
    ):
        load(copy)


def test_a_manifest_cannot_reach_outside(copy: Path) -> None:
    manifest = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"]["../secret"] = "0"
    (copy / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")

    with pytest.raises(BundleError, match="outside the bundle"):
        load(copy)

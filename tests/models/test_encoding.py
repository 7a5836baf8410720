from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from engine.bootstrap_bundle import SHIPPED_BUNDLE
from models import encoding, teacher, train
from models.bundle import ENCODER_FOLDER, load
from models.encoder import TABLE_FILE, StaticEncoder, Table
from models.encoding import SentenceEncoder
from models.errors import BundleError, MissingExtraError
from models.train import TrainSettings


def count_letters(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """A stand-in for a transformer: how often each of some characters occurs."""
    alphabet = "abcdefghijklmnopqrstuvwxyz你退款快递到哪好在吗"
    return np.array([[1 + text.count(letter) for letter in alphabet] for text in texts], np.float32)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(teacher, "load_encoder", lambda name: count_letters)
    return "stand-in"


def test_any_sentence_transformers_model_may_take_the_place(
    model: str, pack_folder: Path, tmp_path: Path
) -> None:
    settings = TrainSettings(pack=pack_folder, output=tmp_path / "bundle", created="2026-01-01")
    train.train(settings, train.take_model(model), lambda _: None)

    bundle = load(tmp_path / "bundle")

    assert bundle.manifest.encoder["model"] == model
    assert bundle.predict(["快递到哪了", "refund me please"]).embedding.shape == (2, bundle.dimension)


def test_its_vectors_have_length_one_and_are_remembered(model: str) -> None:
    encoder = SentenceEncoder(model, remember=True)

    assert np.linalg.norm(encoder.encode(["abc", "退款", "abc"]), axis=1) == pytest.approx(
        [1, 1, 1], abs=1e-5
    )
    assert encoder.encode([]).shape == (0, encoder.dimension)


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)

    with pytest.raises(MissingExtraError, match=r"pip install 'yingda-server\[train\]'"):
        teacher.load_encoder("any")


def test_an_unknown_kind_of_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="unknown kind"):
        encoding.load(tmp_path, "magic", "")


def test_the_shipped_table_is_written_as_it_was_read(tmp_path: Path) -> None:
    folder = SHIPPED_BUNDLE / ENCODER_FOLDER
    StaticEncoder(Table.load(folder)).save(tmp_path)

    assert (tmp_path / TABLE_FILE).read_bytes() == (folder / TABLE_FILE).read_bytes()

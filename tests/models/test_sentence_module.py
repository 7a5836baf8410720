from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.encoder import StaticEncoder, Table

TEXTS = ["快递到哪了", "give my money back", "", "unknown zzqx", "退款 refund"]


def test_sentence_transformers_gives_the_same_vectors(encoder_folder: Path) -> None:
    library = pytest.importorskip("sentence_transformers", reason="the extra `train` is not installed")
    model = library.SentenceTransformer(str(encoder_folder), device="cpu", trust_remote_code=True)

    assert model.encode(TEXTS) == pytest.approx(
        StaticEncoder(Table.load(encoder_folder)).encode(TEXTS), abs=1e-5
    )


def test_what_sentence_transformers_saves_loads_again(encoder_folder: Path, tmp_path: Path) -> None:
    library = pytest.importorskip("sentence_transformers", reason="the extra `train` is not installed")
    model = library.SentenceTransformer(str(encoder_folder), device="cpu", trust_remote_code=True)
    model.save(str(tmp_path / "saved"))

    saved = StaticEncoder(Table.load(tmp_path / "saved")).encode(TEXTS)
    assert np.abs(saved - model.encode(TEXTS)).max() < 2e-2  # rounded to 8 bits once more

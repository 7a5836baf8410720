from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from models import distill, sources, vocabulary
from models.distill import DistillSettings, Pairs
from models.encoder import StaticEncoder
from models.errors import InputError
from models.features import extract
from models.teacher import TeacherCache
from models.vocabulary import VocabularySettings

ENGLISH = ("where is my parcel", "give me my money back", "hello there", "is it in stock")
CHINESE = ("我的包裹在哪", "把钱退给我", "你好呀", "有没有货")
EVERY = VocabularySettings(word=1, character=1, pair=1, longer=1)


def make_vectors(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """A stand-in for a teacher: each known text has a direction of its own."""
    rows = np.eye(len(ENGLISH), dtype=np.float32)
    return rows[[ENGLISH.index(text) for text in texts]]


@pytest.fixture
def cache(tmp_path: Path) -> TeacherCache:
    found = TeacherCache(tmp_path / "teacher")
    found.fill(ENGLISH, make_vectors, lambda done, total: None)
    return found


def test_vectors_are_kept_between_runs(cache: TeacherCache, tmp_path: Path) -> None:
    again = TeacherCache(tmp_path / "teacher")

    assert again.missing(ENGLISH) == []
    assert np.array_equal(again.vectors(ENGLISH), make_vectors(ENGLISH))


def test_a_missing_vector_names_the_command(cache: TeacherCache) -> None:
    with pytest.raises(InputError, match="python -m models teacher"):
        cache.vectors(["unknown"])


def test_both_languages_meet_after_distillation(cache: TeacherCache) -> None:
    pytest.importorskip("torch", reason="the extra `train` is not installed")
    pairs = Pairs(texts=ENGLISH + CHINESE, targets=ENGLISH * 2, weights=np.ones(8, np.float32))
    settings = DistillSettings(dimension=3, epochs=60, batch=8, dropout=0, vocabulary=EVERY)

    table = distill.distill(pairs, [], cache, settings, lambda done, total: None)

    encoder = StaticEncoder(table)
    similarity = encoder.encode(CHINESE) @ encoder.encode(ENGLISH).T
    assert similarity.argmax(axis=1).tolist() == [0, 1, 2, 3]


def test_rare_n_grams_get_no_vector_and_plain_text_counts_a_little() -> None:
    paired, plain = ["the parcel", "the box"], ["box"] * 5
    strict, counted = VocabularySettings(plain_weight=0), VocabularySettings(plain_weight=0.2)

    alone = vocabulary.choose(paired, plain, strict)
    helped = vocabulary.choose(paired, plain, counted)

    word = {text: extract([text]).hashes[extract([text]).kinds == 0][0] for text in ("the", "parcel", "box")}
    assert set(alone.tolist()) == {int(word["the"])}
    assert set(helped.tolist()) == {int(word["the"]), int(word["box"])}


def test_share_alike_rows_stay_out(tmp_path: Path) -> None:
    (tmp_path / "parallel_zh_en").mkdir()
    with gzip.open(tmp_path / sources.PARALLEL.path, "wt", encoding="utf-8") as stream:
        stream.write("en,zh,source,licence\nhi,你好,tatoeba,x\nbye,再见,sib200,x\n")

    assert sources.read_parallel(tmp_path) == [("你好", "hi")]


def test_missing_public_data_names_the_option(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--data"):
        distill.collect(tmp_path, tmp_path, DistillSettings())

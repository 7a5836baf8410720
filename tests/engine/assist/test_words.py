from __future__ import annotations

import numpy as np
import pytest

from engine.assist.words import Lexicon, Shares, shared
from tests.fakes import FakeClassifier

LEXICON = Lexicon(counter=FakeClassifier(), texts=("the parcel", "the money"))


def cosines(asked: str, *texts: str) -> list[float]:
    rows = np.arange(len(texts))
    return [float(one) for one in shared(LEXICON.words([asked]), LEXICON.words(texts), rows)]


def test_equal_texts_share_all_and_different_ones_nothing() -> None:
    assert cosines("where parcel", "where parcel", "money back") == [pytest.approx(1, abs=1e-2), 0.0]


def test_a_rare_word_says_more_than_a_common_one() -> None:
    common, rare = cosines("the points", "the card", "my points")

    assert rare > common > 0


def test_texts_without_words_share_nothing() -> None:
    assert cosines("", "parcel", "") == [0.0, 0.0]
    assert cosines("parcel") == []


def test_many_texts_are_as_if_taken_apart_one_by_one() -> None:
    texts = [f"word {number % 7} of text {number}" for number in range(1100)]
    together = LEXICON.words(texts)

    for row in (0, 511, 512, 1099):
        alone = LEXICON.words([texts[row]])
        part = slice(together.offsets[row], together.offsets[row + 1])
        assert np.array_equal(together.buckets[part], alone.buckets)
        assert np.array_equal(together.weights[part], alone.weights)


def test_shares_are_the_same_when_remembered_and_when_too_many_to_be() -> None:
    among = LEXICON.words([f"word {number % 7} of text {number}" for number in range(900)])
    shares, asked = Shares(among), LEXICON.words(["word 3 of text 12"])

    for start in (0, 10, 300, 0, 600):
        rows = np.arange(start, start + 300)
        assert np.array_equal(shares.of(asked, rows), shared(asked, among, rows))

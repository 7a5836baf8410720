from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import few
from models.features import Features, Kind, extract, extract_batch

TEXTS = ["我的快递到哪了", "where's my parcel??", "", "iPhone 15 有货吗 😡", "order 20231198 NOT HERE"]


def hashes_of(text: str) -> list[int]:
    return sorted(extract([text]).hashes.tolist())


def list_features(features: Features) -> list[tuple[int, int, int]]:
    return sorted(zip(features.kinds.tolist(), features.rows.tolist(), features.hashes.tolist(), strict=True))


def test_a_text_has_the_same_features_alone_and_in_a_batch() -> None:
    batch = extract(TEXTS)

    for row, text in enumerate(TEXTS):
        assert sorted(batch.hashes[batch.rows == row].tolist()) == hashes_of(text)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=5))
def test_any_text_at_all_is_read(texts: list[str]) -> None:
    features = extract(texts)

    assert features.n == len(texts)
    assert features.hashes.size == features.rows.size == features.kinds.size
    assert bool(np.all((features.rows >= 0) & (features.rows < len(texts))))


AWKWARD = st.text(alphabet="aAbBzZ09'’ !?！\n\r\0。好吗发货😡👍🏽ÀéßſK\u0301\u200b\U00020000Ω÷", max_size=14)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(AWKWARD, st.text(max_size=20)), min_size=1, max_size=few.FEW))
def test_few_texts_have_the_features_that_a_batch_gives_them(texts: list[str]) -> None:
    one, batch = few.extract(texts), extract_batch(texts)

    assert list_features(one) == list_features(batch)
    assert one.counts.tolist() == batch.counts.tolist()
    assert (one.cjk.tolist(), one.letters.tolist()) == (batch.cjk.tolist(), batch.letters.tolist())
    assert (one.encodable, one.sparse) == (batch.encodable, batch.sparse)


@pytest.mark.parametrize("text", ["a" * 80 + " ok", "NOOOO!!! WHERE'S IT", "单号" + "7" * 40, "ab" * 40])
def test_a_text_alone_has_its_features_in_the_order_of_a_batch(text: str) -> None:
    assert few.extract([text]).hashes.tolist() == extract_batch([text]).hashes.tolist()


def test_every_character_there_is_is_read() -> None:
    features = extract([chr(code) for code in range(0x110000)])

    assert features.n == 0x110000


def test_encoders_and_heads_take_slices_of_the_features() -> None:
    features = extract(TEXTS)

    assert set(features.kinds[features.encodable]) <= set(range(Kind.WORD, Kind.SYMBOL + 1))
    assert Kind.CJK_4 not in features.kinds[features.sparse]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("發貨", "发货"),
        ("ＡＢＣ１２", "abc12"),
        ("don’t", "dont"),
        ("soooo", "soo"),
        ("café", "cafe"),
        ("好\u200b吗", "好吗"),
        ("哪里！", "哪里!"),
    ],
)
def test_ways_of_writing_the_same_are_read_alike(written: str, meant: str) -> None:
    assert hashes_of(written) == hashes_of(meant)


def test_only_the_length_of_a_long_number_counts() -> None:
    assert hashes_of("单号88271") == hashes_of("单号10433")
    assert hashes_of("13号") != hashes_of("14号")


def test_words_in_capitals_are_marked() -> None:
    kinds = extract(["WHERE is it", "where is it"]).kinds.tolist()

    assert kinds.count(Kind.SHOUT) == 1


def test_a_long_text_is_read_whole() -> None:
    assert extract(["快递没到 " * 1600]).hashes.size > 1600

from __future__ import annotations

import numpy as np

from models import grams


def test_a_texts_grams_do_not_hang_on_its_neighbours() -> None:
    texts = ["我的积分呢", "", "where is my parcel", "12345"]
    together = grams.count(texts)

    for row, text in enumerate(texts):
        alone = grams.count([text])
        part = slice(together.offsets[row], together.offsets[row + 1])
        assert np.array_equal(together.buckets[part], alone.buckets)
        assert np.array_equal(together.counts[part], alone.counts)


def test_each_bucket_comes_once_a_text() -> None:
    found = grams.count(["退款退款退款 退款"])

    assert len(set(found.buckets.tolist())) == len(found.buckets)
    assert found.counts.max() > found.counts.min()


def test_texts_share_what_they_both_say() -> None:
    found = grams.count(["积分怎么用", "我的积分"])
    first, second = (set(found.buckets[found.offsets[row] : found.offsets[row + 1]]) for row in (0, 1))

    assert first & second

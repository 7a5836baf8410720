from __future__ import annotations

import numpy as np
import pytest

from models.keys import KeyIndex

RNG = np.random.default_rng(0)
PREFIX = np.uint64(7) << np.uint64(44)  # keys that share their leading bits
KEYS = np.unique(
    np.concatenate(
        (RNG.integers(0, 2**64, 3000, np.uint64), PREFIX + np.arange(5, dtype=np.uint64) * np.uint64(3))
    )
)


@pytest.mark.parametrize("size", [40, 3000])
def test_every_key_is_found_at_its_place(size: int) -> None:
    places = RNG.integers(0, KEYS.size, size)

    assert KeyIndex(KEYS).find(KEYS[places]).tolist() == places.tolist()


@pytest.mark.parametrize("size", [1, 1000])
def test_what_is_no_key_is_put_after_the_last(size: int) -> None:
    strangers = np.concatenate(
        (np.full(size, PREFIX + np.uint64(1)), np.array([0, 2**64 - 1, KEYS[0] - np.uint64(1)], np.uint64))
    )

    assert set(KeyIndex(KEYS).find(strangers).tolist()) == {KEYS.size}


def test_keys_in_no_order_are_refused() -> None:
    with pytest.raises(ValueError, match="ascend"):
        KeyIndex(KEYS[::-1])

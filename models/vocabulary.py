"""Choose which n-grams get a vector of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from models.features import Features, Kind, extract

UInt64Array = npt.NDArray[np.uint64]

BLOCK: Final = 4096  # texts read at once


@dataclass(frozen=True, slots=True, kw_only=True)
class VocabularySettings:
    """How often an n-gram must occur; `paired` texts have a teacher vector, `plain` ones only a frequency."""

    word: int = 2
    character: int = 1
    pair: int = 3  # two CJK characters
    longer: int = 4  # three or four CJK characters
    plain_weight: float = 0.2  # an occurrence in plain text counts this much


def choose(paired: Sequence[str], plain: Sequence[str], settings: VocabularySettings) -> UInt64Array:
    """Give the ascending keys of the n-grams of `paired` texts that occur often enough."""
    keys, kinds, count = _count(paired)
    seen, _, often = _count(plain)
    place = np.searchsorted(seen, keys).clip(max=max(seen.size - 1, 0))
    matched = seen[place] == keys if seen.size else np.zeros(keys.size, np.bool_)
    weight = count + settings.plain_weight * np.where(matched, often[place] if seen.size else 0, 0)
    return keys[weight >= _thresholds(settings)[kinds]]


def _thresholds(settings: VocabularySettings) -> npt.NDArray[np.float64]:
    needed = np.ones(max(Kind) + 1)
    needed[Kind.WORD] = settings.word
    needed[Kind.CJK_1] = settings.character
    needed[Kind.CJK_2] = settings.pair
    needed[[Kind.CJK_3, Kind.CJK_4]] = settings.longer
    return needed


def _count(texts: Sequence[str]) -> tuple[UInt64Array, npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Give the distinct keys of `texts`, ascending, with kind and number of occurrences."""
    blocks = [_encodable(extract(texts[start : start + BLOCK])) for start in range(0, len(texts), BLOCK)]
    if not blocks:
        return np.zeros(0, np.uint64), np.zeros(0, np.uint8), np.zeros(0, np.int64)
    hashes = np.concatenate([block[0] for block in blocks])
    kinds = np.concatenate([block[1] for block in blocks])
    keys, first, count = np.unique(hashes, return_index=True, return_counts=True)
    return keys, kinds[first], count


def _encodable(features: Features) -> tuple[UInt64Array, npt.NDArray[np.uint8]]:
    return features.hashes[features.encodable], features.kinds[features.encodable]

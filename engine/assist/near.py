"""Replies that say nearly the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.assist import pinyin
from engine.assist.index import FlatReplyIndex, build_index
from engine.assist.reward import edit_distance
from engine.domain import Reply
from engine.ports import Encoder

ALIKE = 0.85  # share of equal characters from which two texts are near duplicates
MEANING = 0.97  # cosine from which they are, whatever the characters
_NEIGHBOURS = 6
_MANY = 500  # replies asked about, from which making clusters of all is worth it
_AT_ONCE = 512  # texts encoded together
_HOPELESS = 0.7  # cosine below which two texts cannot be alike
_LONGEST = 512  # characters compared


@dataclass(frozen=True, slots=True)
class Pair:
    """Two reply ids in order, and their likeness in [0, 1]."""

    one: str
    other: str
    similarity: float


def pairs(replies: Sequence[Reply], encoder: Encoder, among: frozenset[str] | None = None) -> list[Pair]:
    """All near duplicates within a language; where `among` is given, those that one of these ids is part of."""
    found: dict[tuple[str, str], Pair] = {}
    for language in sorted({reply.language for reply in replies}):
        of_language = [reply for reply in replies if reply.language == language]
        asked = [row for row, one in enumerate(of_language) if among is None or one.reply_id in among]
        for pair in _pairs(of_language, asked, encoder):
            found[pair.one, pair.other] = pair
    return list(found.values())


def _pairs(replies: Sequence[Reply], asked: Sequence[int], encoder: Encoder) -> Iterator[Pair]:
    """Those of the rows asked about; a pair may come twice."""
    if not asked:
        return
    folded = [pinyin.fold_typed(reply.text)[:_LONGEST] for reply in replies]
    seen: set[tuple[int, int]] = set()
    for one, other, cosine in _neighbours([reply.text for reply in replies], asked, encoder):
        rows = (min(one, other), max(one, other))
        if one != other and rows not in seen:
            seen.add(rows)
            if similarity := _similarity(folded[one], folded[other], cosine):
                yield _pair(replies[one], replies[other], similarity)
    wanted = set(asked)
    for same in _groups(folded):
        for row in same[1:]:
            if row in wanted or same[0] in wanted:
                yield _pair(replies[same[0]], replies[row], 1.0)


def _neighbours(
    texts: Sequence[str], asked: Sequence[int], encoder: Encoder
) -> Iterator[tuple[int, int, float]]:
    """Each row asked about with the rows nearest in meaning, and the cosine."""
    parts = (texts[start : start + _AT_ONCE] for start in range(0, len(texts), _AT_ONCE))
    vectors: npt.NDArray[np.float32] = np.concatenate([encoder.encode(part) for part in parts])
    index = FlatReplyIndex(vectors) if len(asked) < _MANY else build_index(vectors)
    for start in range(0, len(asked), _AT_ONCE):
        rows = asked[start : start + _AT_ONCE]
        cosines, found = index.search(vectors[rows], _NEIGHBOURS)
        for row, near, likeness in zip(rows, found.tolist(), cosines.tolist(), strict=True):
            yield from (
                (row, other, cosine) for other, cosine in zip(near, likeness, strict=True) if other >= 0
            )


def _groups(folded: Sequence[str]) -> list[list[int]]:
    """Rows whose texts are the same, however they are spaced and cased."""
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for row, text in enumerate(folded):
        groups[text].append(row)
    return [rows for rows in groups.values() if len(rows) > 1]


def _pair(one: Reply, other: Reply, similarity: float) -> Pair:
    first, second = sorted((one.reply_id, other.reply_id))
    return Pair(first, second, similarity)


def _similarity(one: str, other: str, cosine: float) -> float:
    """0 where they are not near. Texts that share few words are not compared letter by letter."""
    if cosine < _HOPELESS:
        return 0.0
    if one == other:
        return 1.0
    same = _sameness(one, other)
    best = max(same if same >= ALIKE else 0.0, cosine if cosine >= MEANING else 0.0)
    return min(best, 0.998)


def _sameness(one: str, other: str) -> float:
    """Share of equal characters; 0 where their lengths or their characters say that it is below ALIKE."""
    longest = max(len(one), len(other), 1)
    allowed = (1 - ALIKE) * longest
    if abs(len(one) - len(other)) > allowed or len(set(one) ^ set(other)) > 2 * allowed:
        return 0.0
    return 1 - edit_distance(one, other) / longest

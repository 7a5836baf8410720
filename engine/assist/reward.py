"""What a sent text says about the reply it began as."""

from __future__ import annotations

import re

from engine.domain import FeedbackOutcome

_LONGEST = 1024  # characters compared
_SLOT_VALUE = 24  # characters that a filled slot may add for nothing
_SLOT = re.compile(r"\{[a-z][a-z0-9_]*\}")


def reward(outcome: FeedbackOutcome, reply_text: str, sent_text: str) -> float:
    """In [0, 1]: 1 sent as it was, less by the share of characters changed, 0 ignored or wholly rewritten.

    Filling a slot is no change.
    """
    if outcome is FeedbackOutcome.IGNORED:
        return 0.0
    if outcome is FeedbackOutcome.ACCEPTED:
        return 1.0
    slots = len(_SLOT.findall(reply_text))
    one, other = _SLOT.sub("", reply_text).strip()[:_LONGEST], sent_text.strip()[:_LONGEST]
    filled = min(max(len(other) - len(one), 0), slots * _SLOT_VALUE)
    longest = max(len(one), len(other), 1)
    return max(1 - (edit_distance(one, other) - filled) / longest, 0.0)


def edit_distance(one: str, other: str) -> int:
    """Insertions, deletions and replacements between two texts; what they begin and end with alike costs little.

    The rest takes O(len(other)) operations on whole columns.

    Source: Myers (1999) as restated by Hyyrö, "Explaining and extending the bit-parallel approximate string matching
    algorithm of Myers" (2001).
    """
    start = _alike(one, other)
    one, other = one[start:], other[start:]
    end = _alike(one[::-1], other[::-1])
    one, other = one[: len(one) - end], other[: len(other) - end]
    if not one:
        return len(other)
    last, places = 1 << (len(one) - 1), _places(one)
    everywhere = (last << 1) - 1
    more, less, distance = everywhere, 0, len(one)
    for character in other:
        same = places.get(character, 0)
        across = (((same & more) + more) ^ more) | same
        up, down = less | ~(across | more), more & across
        distance += bool(up & last) - bool(down & last)
        up = up << 1 | 1
        column = same | less
        more, less = ((down << 1) | ~(column | up)) & everywhere, up & column & everywhere
    return distance


def _alike(one: str, other: str) -> int:
    """How many characters two texts begin with in common."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one.startswith(other[:middle]):
            low = middle
        else:
            high = middle - 1
    return low


def _places(text: str) -> dict[str, int]:
    """Of each character, the places where it stands, as bits."""
    places: dict[str, int] = {}
    for place, character in enumerate(text):
        places[character] = places.get(character, 0) | 1 << place
    return places

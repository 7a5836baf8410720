"""Changed shelves; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from engine.assist.block import Block
from engine.assist.shelf import Part, Shelf
from engine.domain import Reply

MANY_PARTS = 4  # small ones from which some are merged
_LEAST_GROWTH = 1024  # replies
_GROWTH = 8  # a shelf is made anew when this share (1/8) of it was put or lost since
_TIER = 4  # a small part is merged with those after it, unless it is so many times larger


def changed(shelf: Shelf, gone: Mapping[str, object], block: Block | None) -> Shelf:
    """The shelf without the replies `gone`, and with a new block on top."""
    kept = [part.without(gone) for part in shelf.parts]
    if block is not None:
        kept.append(Part(block))
    return Shelf(tuple(part for part in kept if part.count()), shelf.width)


def to_merge(shelf: Shelf) -> Sequence[Part]:
    """The parts that are better one; none where all is well.

    Source: the tiers of a log-structured merge tree (O'Neil et al., 1996), so that a reply is indexed a few times, not
    once for every reply put after it.
    """
    base, *small = shelf.parts or (None,)
    if base is None:
        return ()
    put_since = sum(part.count() for part in small)
    lost = len(base.block) - base.count()
    if base.block.typed is None or put_since + lost > max(_LEAST_GROWTH, base.count() // _GROWTH):
        return shelf.parts
    made_in_haste = [number for number, part in enumerate(small) if part.block.typed is None]
    if made_in_haste:
        return small[made_in_haste[0] :]
    return _tier(small) if len(small) > MANY_PARTS else ()


def _tier(small: Sequence[Part]) -> Sequence[Part]:
    """The last two, and those before them that are not much larger than all after them."""
    first = len(small) - 2
    while first and small[first - 1].count() <= _TIER * sum(part.count() for part in small[first:]):
        first -= 1
    return small[first:]


def merged(shelf: Shelf, old: Sequence[Part], block: Block) -> Shelf:
    """The shelf, which may have changed meanwhile, with one block in the place of the parts `old` it was made of."""
    current = {id(reply) for part in shelf.parts for _, reply in part.replies()}
    alive = np.array([id(reply) in current for reply in block.replies], dtype=np.bool_)
    taken = {reply.reply_id: reply for reply, is_alive in zip(block.replies, alive, strict=True) if is_alive}
    gone = {id(part.block) for part in old}
    place = next((n for n, part in enumerate(shelf.parts) if id(part.block) in gone), 0)
    new = Part(block, None if alive.all() else alive)
    parts = [part.without(_same(part, taken)) for part in shelf.parts]
    parts.insert(place, new)
    return Shelf(tuple(part for part in parts if part.count()), shelf.width)


def _same(part: Part, taken: Mapping[str, Reply]) -> dict[str, Reply]:
    """The part's current replies that are the very ones taken."""
    return {reply.reply_id: reply for _, reply in part.replies() if taken.get(reply.reply_id) is reply}

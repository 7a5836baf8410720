"""Changed shelves; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from engine.assist.block import Block
from engine.assist.shelf import Part, Shelf
from engine.domain import Reply

MANY_PARTS = 4  # small ones from which they are merged into one
_LEAST_GROWTH = 1024  # replies
_GROWTH = 32  # a shelf is made anew when this share (1/32) of it was put since


def changed(shelf: Shelf, gone: Mapping[str, object], block: Block | None) -> Shelf:
    """The shelf without the replies `gone`, and with a new block on top."""
    kept = [part.without(gone) for part in shelf.parts]
    if block is not None:
        kept.append(Part(block))
    return Shelf(tuple(part for part in kept if part.count()), shelf.width)


def to_merge(shelf: Shelf) -> Sequence[Part]:
    """The parts that are better one; none where all is well."""
    base, *small = shelf.parts or (None,)
    if base is None:
        return ()
    put_since = sum(part.count() for part in small)
    lost = len(base.block) - base.count()
    if base.block.typed is None or put_since + lost > max(_LEAST_GROWTH, base.count() // _GROWTH):
        return shelf.parts
    return small if len(small) > MANY_PARTS else ()


def merged(shelf: Shelf, old: Sequence[Part], block: Block) -> Shelf:
    """The shelf, which may have changed meanwhile, with one block that was made of the parts `old`."""
    current = {id(reply) for part in shelf.parts for _, reply in part.replies()}
    alive = np.array([id(reply) in current for reply in block.replies], dtype=np.bool_)
    taken = {reply.reply_id: reply for reply, is_alive in zip(block.replies, alive, strict=True) if is_alive}
    first = old[0].block is shelf.parts[0].block if shelf.parts else True
    rest = [part.without(_same(part, taken)) for part in shelf.parts]
    parts = [part for part in rest if part.count()]
    new = Part(block, None if alive.all() else alive)
    if new.count():
        parts.insert(0 if first else 1, new)
    return Shelf(tuple(parts), shelf.width)


def _same(part: Part, taken: Mapping[str, Reply]) -> dict[str, Reply]:
    """The part's current replies that are the very ones taken."""
    return {reply.reply_id: reply for _, reply in part.replies() if taken.get(reply.reply_id) is reply}

"""To whom, where and when replies are offered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.domain import Reply

Allowed = npt.NDArray[np.bool_]
_FOR_EVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a reply is wanted. Team "" and channel 0 are given only what is for all."""

    team: str = ""
    channel: int = 0
    now_ms: int


class Visibility:
    """Immutable; knows the rows' teams, channels and dates as columns."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        self._teams = _members([reply.teams for reply in replies])
        self._channels = _members([reply.channels for reply in replies])
        self._from = np.array([reply.valid_from_ms for reply in replies], dtype=np.int64)
        self._until = np.array([reply.valid_until_ms or _FOR_EVER for reply in replies], dtype=np.int64)
        self.is_dated = bool(self._from.any() or (self._until != _FOR_EVER).any())

    @property
    def is_open(self) -> bool:
        """Whether every row is offered always and to all."""
        return not (self._teams or self._channels or self.is_dated)

    def allowed(self, place: Place) -> Allowed | None:
        """[rows], or None where all are."""
        masks = [
            _mask(members, key)
            for members, key in ((self._teams, place.team), (self._channels, place.channel))
        ]
        if self.is_dated:
            masks.append((self._from <= place.now_ms) & (place.now_ms < self._until))
        return both(*masks)


def both(*masks: Allowed | None) -> Allowed | None:
    """Where all of them are true; None is true everywhere."""
    allowed: Allowed | None = None
    for mask in masks:
        if mask is not None:
            allowed = mask if allowed is None else allowed & mask
    return allowed


def _members(groups: Sequence[frozenset[str]] | Sequence[frozenset[int]]) -> dict[str | int | None, Allowed]:
    """Rows open to each group, and to any other (None); empty where every row is open to all."""
    named = {name for group in groups for name in group}
    if not named:
        return {}
    members: dict[str | int | None, Allowed] = {
        None: np.array([not group for group in groups], dtype=np.bool_)
    }
    for name in named:
        members[name] = members[None] | np.array([name in group for group in groups], dtype=np.bool_)
    return members


def _mask(members: dict[str | int | None, Allowed], key: str | int) -> Allowed | None:
    return members.get(key, members[None]) if members else None

"""The last word on a list's order: what was learned, watched by the guard; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from engine.assist import guard, learning
from engine.assist.learning import Record
from engine.assist.memory import Learned
from engine.assist.ticket import Ticket
from engine.domain import Suggestion

DEPTH = 32  # candidates of the static order that learning may bring forward
_TYPED = 8  # characters of typed text that make a context


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What a list is for. `key` names it, so that it looks the same at every keystroke until something happens."""

    key: str
    intent: str
    typed: str
    now_ms: int

    @property
    def contexts(self) -> tuple[str, ...]:
        """What learning distinguishes."""
        return learning.contexts(self.intent, self.typed[:_TYPED])


@dataclass(frozen=True, slots=True)
class Ranked:
    """A list, and what feedback on it must bring along."""

    suggestions: Sequence[Suggestion]
    ticket: Ticket


def rank(static: Sequence[Suggestion], learned: Learned, moment: Moment, limit: int) -> Ranked:
    """The best `limit` of the candidates, which come best first.

    Most lists are in the learned order (the static one while the guard does not trust it); a few mix both to keep
    comparing them, a few give their last place to a reply that is little known. Which, hangs on the moment's key.
    """
    better = reorder(static, learned, moment)
    share, coin = _dice(moment.key)
    arms: list[guard.Arm] = []
    if share < guard.PROBES and guard.differ(better, static, limit):
        shown, arms = guard.interleave(better, static, limit, coin)
    else:
        shown = list(better if learned.guard.trusts() else static)[:limit]
        if guard.PROBES <= share < guard.PROBES + guard.EXPLORED:
            shown = _explore(shown, better, learned)
    ticket = Ticket(intent=moment.intent, typed=moment.typed[:_TYPED], arms="".join(arms))
    return Ranked(shown, ticket)


def reorder(static: Sequence[Suggestion], learned: Learned, moment: Moment) -> list[Suggestion]:
    """The candidates by static score and what was learned; ties keep the static order."""
    if not learned.records:
        return list(static)
    known = moment.contexts
    scored = [
        one._replace(score=one.score + _bonus(learned.records.get(one.reply.reply_id), known, moment))
        for one in static
    ]
    return sorted(scored, key=lambda one: -one.score)


def _bonus(record: Record | None, known: Sequence[str], moment: Moment) -> float:
    if record is None:
        return 0.0
    return learning.bonus(record, known, moment.now_ms)


def _explore(
    shown: Sequence[Suggestion], candidates: Sequence[Suggestion], learned: Learned
) -> list[Suggestion]:
    """The list with the least known of the next few in the last place."""
    if len(shown) < 2:  # noqa: PLR2004  # the only place is never given away
        return list(shown)
    ids = {one.reply.reply_id for one in shown}
    following = [one for one in candidates if one.reply.reply_id not in ids][: len(shown)]
    if not following:
        return list(shown)
    least = min(following, key=lambda one: learned.records.get(one.reply.reply_id, Record()).looks())
    return [*shown[:-1], least]


def _dice(key: str) -> tuple[float, int]:
    """A number in [0, 1) and 32 bits, the same for the same key."""
    digest = blake2b(key.encode(), digest_size=8).digest()
    return int.from_bytes(digest[:4], "big") / 2**32, int.from_bytes(digest[4:], "big")

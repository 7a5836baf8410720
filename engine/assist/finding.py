"""What is wrong or doubtful about a tenant's replies; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from itertools import pairwise

from engine.assist import markup, pinyin
from engine.assist.learning import Record
from engine.assist.near import Pair
from engine.assist.slot import SlotType
from engine.domain import Reply

MANY_SHOWN = 50  # times a reply was shown after which somebody should have taken it
STALE = 180 * 86_400_000  # milliseconds without being put or taken
_SAME = 0.999


class FindingKind(StrEnum):
    """What a finding is about."""

    DUPLICATE = "duplicate"
    NEAR_DUPLICATE = "near_duplicate"
    CONTRADICTION = "contradiction"
    UNKNOWN_SLOT = "unknown_slot"
    TOO_LONG = "too_long"
    NEVER_USED = "never_used"
    STALE = "stale"
    UNKNOWN_INTENT = "unknown_intent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing about a reply, in words that say what to do. `similarity` is in [0, 1]."""

    kind: FindingKind
    reply_id: str
    other_reply_id: str = ""
    message: str
    similarity: float = 0.0


@dataclass(frozen=True, slots=True)
class Known:
    """What a reply may name."""

    slots: Mapping[str, SlotType]
    intents: Collection[str]


def lint(
    replies: Sequence[Reply],
    *,
    pairs: Sequence[Pair],
    records: Mapping[str, Record],
    known: Known,
    now_ms: int,
) -> list[Finding]:
    """By kind, then by id."""
    found = [
        *duplicates(pairs),
        *_contradictions(replies, {(pair.one, pair.other) for pair in pairs}),
        *_unknown_slots(replies, known.slots),
        *_unknown_intents(replies, known.intents),
        *_too_long(replies),
        *_never_used(replies, records),
        *_stale(replies, records, now_ms),
    ]
    order = list(FindingKind)
    return sorted(found, key=lambda one: (order.index(one.kind), one.reply_id, one.other_reply_id))


def duplicates(pairs: Sequence[Pair]) -> list[Finding]:
    """Nearest first."""
    ordered = sorted(pairs, key=lambda pair: (-pair.similarity, pair.one, pair.other))
    return [
        Finding(
            kind=FindingKind.DUPLICATE if pair.similarity >= _SAME else FindingKind.NEAR_DUPLICATE,
            reply_id=pair.one,
            other_reply_id=pair.other,
            message=f"says {'the' if pair.similarity >= _SAME else 'nearly the'} same as {pair.other}: keep one",
            similarity=pair.similarity,
        )
        for pair in ordered
    ]


def _contradictions(replies: Sequence[Reply], same: set[tuple[str, str]]) -> Iterator[Finding]:
    """Two replies to one question whose texts are not alike."""
    asked: defaultdict[tuple[str, str], list[Reply]] = defaultdict(list)
    for reply in replies:
        for question in {pinyin.fold_typed(one) for one in (reply.title, *reply.questions) if one.strip()}:
            asked[reply.language, question].append(reply)
    seen: set[tuple[str, str]] = set()
    for (_, question), answers in asked.items():
        for one, other in pairwise(answers):
            pair = tuple(sorted((one.reply_id, other.reply_id)))
            if pair in same or pair in seen or _apart(one, other):
                continue
            seen.add((pair[0], pair[1]))
            yield Finding(
                kind=FindingKind.CONTRADICTION,
                reply_id=pair[0],
                other_reply_id=pair[1],
                message=f"answers “{question[:40]}” otherwise than {pair[1]}: keep one answer, or tell when each holds",
            )


def _apart(one: Reply, other: Reply) -> bool:
    """Whether they are never offered together."""
    teams = one.teams and other.teams and not one.teams & other.teams
    channels = one.channels and other.channels and not one.channels & other.channels
    after = one.valid_until_ms and one.valid_until_ms <= other.valid_from_ms
    before = other.valid_until_ms and other.valid_until_ms <= one.valid_from_ms
    return bool(teams or channels or after or before)


def _unknown_slots(replies: Sequence[Reply], known: Mapping[str, SlotType]) -> Iterator[Finding]:
    for reply in replies:
        for name in reply.slots:
            if name not in known:
                yield Finding(
                    kind=FindingKind.UNKNOWN_SLOT,
                    reply_id=reply.reply_id,
                    message=f"{{{name}}} is filled by nothing: take a known slot or add it under [engine.slots]",
                )


def _unknown_intents(replies: Sequence[Reply], known: Collection[str]) -> Iterator[Finding]:
    for reply in replies:
        if reply.intent and reply.intent not in known:
            close = get_close_matches(reply.intent, known, n=1)
            yield Finding(
                kind=FindingKind.UNKNOWN_INTENT,
                reply_id=reply.reply_id,
                message=f"the bundle knows no intent {reply.intent}: "
                + (f"is it {close[0]}?" if close else "leave it empty, or train a bundle that knows it"),
            )


def _too_long(replies: Sequence[Reply]) -> Iterator[Finding]:
    for reply in replies:
        limits = [
            limit for channel, limit in markup.LIMITS.items() if channel in (reply.channels or (channel,))
        ]
        if limits and len(reply.text) > min(limits):
            where = "a channel it is for" if reply.channels else "some channel"
            yield Finding(
                kind=FindingKind.TOO_LONG,
                reply_id=reply.reply_id,
                message=f"{len(reply.text)} characters, {where} takes {min(limits)}: shorten it or name its channels",
            )


def _never_used(replies: Sequence[Reply], records: Mapping[str, Record]) -> Iterator[Finding]:
    for reply in replies:
        record = records.get(reply.reply_id, Record())
        if record.shown >= MANY_SHOWN and not record.taken_ms:
            yield Finding(
                kind=FindingKind.NEVER_USED,
                reply_id=reply.reply_id,
                message=f"shown {record.shown} times, never taken: rewrite or delete it",
            )


def _stale(replies: Sequence[Reply], records: Mapping[str, Record], now_ms: int) -> Iterator[Finding]:
    for reply in replies:
        last_ms = max(reply.updated_ms, records.get(reply.reply_id, Record()).taken_ms)
        if reply.valid_until_ms and reply.valid_until_ms <= now_ms:
            message = "is past its last day: delete it or give it new dates"
        elif last_ms and now_ms - last_ms > STALE:
            message = f"neither put nor taken for {(now_ms - last_ms) // 86_400_000} days: is it still right?"
        else:
            continue
        yield Finding(kind=FindingKind.STALE, reply_id=reply.reply_id, message=message)

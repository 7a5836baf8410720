"""Looks a tenant's replies over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from engine.assist import finding, near
from engine.assist.finding import Finding, FindingKind, Known
from engine.assist.learning import Record
from engine.assist.memory import Memory
from engine.assist.slot import SlotFiller
from engine.domain import OUT_OF_SCOPE, Reply
from engine.ports import Clock, Encoder

MOST = 1000  # findings of a kind


class Reviewer:
    """`records` is called on the decision thread, the rest on any, once `Bookkeeper.ready` was."""

    def __init__(
        self,
        *,
        encoder: Encoder,
        intents: Sequence[str],
        memory: Memory,
        filler: SlotFiller,
        clock: Clock,
    ) -> None:
        """`intents` are those that the bundle knows."""
        self._encoder = encoder
        self._intents = frozenset([*intents, OUT_OF_SCOPE])
        self._memory = memory
        self._filler = filler
        self._clock = clock

    def records(self, tenant: str) -> Mapping[str, Record]:
        """How the replies fare, by id; those nobody ever saw are missing."""
        return self._memory.load(tenant).records

    def duplicates(self, new: Sequence[Reply], before: Sequence[Reply]) -> list[Finding]:
        """Which of the new replies are near one another or near one that was there before, nearest first."""
        ids = frozenset(reply.reply_id for reply in new)
        both = [*new, *(reply for reply in before if reply.reply_id not in ids)]
        return finding.duplicates(near.pairs(both, self._encoder, ids))

    def lint(self, tenant: str, replies: Sequence[Reply]) -> list[Finding]:
        """By kind, then by id; at most MOST of a kind."""
        found = finding.lint(
            replies,
            pairs=near.pairs(replies, self._encoder),
            records=self._memory.learned(tenant).records,
            known=Known(self._filler.known, self._intents),
            now_ms=self._clock.now_ms(),
        )
        of_kind: defaultdict[FindingKind, int] = defaultdict(int)
        kept = []
        for one in found:
            of_kind[one.kind] += 1
            if of_kind[one.kind] <= MOST:
                kept.append(one)
        return kept

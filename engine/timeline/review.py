"""Decides a conversation, or a span of a tenant's journal, once more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

from engine.analysis.analyzer import Analyzer
from engine.ports import Classifier, Codec
from engine.routing.policy import Policy
from engine.timeline.difference import ROUTING, Redecided
from engine.timeline.entry import Commit
from engine.timeline.past import Past
from engine.timeline.reader import JournalReader
from engine.timeline.redecider import Redecider
from engine.timeline.rereading import Rereader

_MOST: Final = 100  # entries of one report


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What to decide again: of one conversation or ("") all, from `start_ms` and before `end_ms`."""

    tenant: str
    conversation_id: str = ""
    start_ms: int = 0
    end_ms: int = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was found since the report before; the counts are of all so far."""

    found: Sequence[Redecided] = ()
    events: int = 0
    different: int = 0
    skipped: int = 0


class Reviewer:
    """Reads the journal on the decision thread and decides on one of its own."""

    def __init__(self, *, reader: JournalReader, codec: Codec, executor: Executor) -> None:
        self._reader = reader
        self._codec = codec
        self._executor = executor

    async def review(
        self, span: Span, classifier: Classifier, policy: Policy | None
    ) -> AsyncIterator[Report]:
        """A report for every part of the journal, the last one with all counts. Raises: NotFoundError."""
        last = None
        if span.conversation_id:
            last = (await self._reader.conversation(span.tenant, span.conversation_id))[-1].sequence
        rereader = Rereader(analyzer=Analyzer(classifier=classifier), bundle_id=classifier.id)
        redecider = Redecider(past=Past(span.tenant), rereader=rereader, codec=self._codec, policy=policy)
        part = _Part(span, redecider)
        async for commits in self._reader.commits(span.tenant):
            for report in await self._run(part.decide, commits):
                yield report
            if part.is_over or (last is not None and commits and commits[-1][-1].sequence >= last):
                break
        for report in await self._run(part.end):
            yield report

    async def _run(self, work: Callable[..., list[Report]], *args: object) -> list[Report]:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work, *args)


class _Part:
    """What was decided so far. Used by one thread at a time."""

    def __init__(self, span: Span, redecider: Redecider) -> None:
        self.is_over = False
        self._span = span
        self._redecider = redecider
        self._events = 0
        self._different = 0

    def decide(self, commits: Sequence[Commit]) -> list[Report]:
        """Go on by these commits."""
        found: list[Redecided] = []
        for commit in commits:
            self.is_over = self.is_over or commit[0].event.time_ms >= self._span.end_ms
            if self.is_over:
                break
            if self._is_asked_for(commit):
                found += self._redecided(commit)
            else:
                self._redecider.pass_by(commit)
        return self._reports(found)

    def end(self) -> list[Report]:
        """What is left at the end of the journal; at least one report."""
        found = [] if self.is_over or self._span.conversation_id else self._redecider.rest()
        return self._reports(found) or [self._report([])]

    def _is_asked_for(self, commit: Commit) -> bool:
        one = self._span.conversation_id
        concerns = not one or any(entry.event.conversation_id == one for entry in commit)
        return concerns and commit[0].event.time_ms >= self._span.start_ms

    def _redecided(self, commit: Commit) -> list[Redecided]:
        one = self._span.conversation_id
        routed = [entry for entry in commit if entry.event.kind in ROUTING]
        self._events += sum(not one or entry.event.conversation_id == one for entry in routed)
        found = self._redecider.redecide(commit)
        return [other for other in found if not one or other.conversation_id == one]

    def _reports(self, found: Sequence[Redecided]) -> list[Report]:
        self._different += len(found)
        return [self._report(found[at : at + _MOST]) for at in range(0, len(found), _MOST)]

    def _report(self, found: Sequence[Redecided]) -> Report:
        return Report(
            found=found, events=self._events, different=self._different, skipped=self._redecider.skipped
        )

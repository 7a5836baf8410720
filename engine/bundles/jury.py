"""Lets each engine of a store judge a canary by what all of them count."""

from __future__ import annotations

import asyncio
import json
from typing import Final

import structlog

from engine.bundles.canary import Arm
from engine.bundles.trials import Trials
from engine.decision_thread import DecisionThread
from engine.errors import EngineError
from engine.ports import EVERYONE, AssistStore

LOOK: Final = 0.5  # seconds between two looks at what the others count
_COUNTS: Final = ("messages", "calls", "errors", "out_of_scope", "corrections", "confidence", "squares")


class Jury:
    """One per engine; `engine` names it for as long as it runs. Called on the decision thread, but for `run`."""

    def __init__(self, *, store: AssistStore, trials: Trials, engine: str, is_shared: bool) -> None:
        self._store = store
        self._trials = trials
        self._engine = engine
        self._is_shared = is_shared
        self._told: tuple[str, bytes] = ("", b"")

    def confer(self) -> None:
        """Tell the others what was counted here, and hear what they did."""
        report = self._trials.canary()
        kind = f"canary:{report.bundle_id}:{report.since_ms}" if report else ""
        if kind != self._told[0]:
            self._withdraw()
        if report is None:
            return
        data = json.dumps([_counts(report.canary), _counts(report.serving)]).encode()
        if (kind, data) != self._told:
            self._store.put_document(EVERYONE, kind, self._engine, data)
            self._told = kind, data
        found = self._store.documents(EVERYONE, kind)
        others = [json.loads(one) for engine, one in found.items() if engine != self._engine]
        arms = [sum((_arm(other[place]) for other in others), Arm()) for place in range(2)]
        self._trials.hear(report, arms[0], arms[1])

    def _withdraw(self) -> None:
        """A trial is over, and what was counted with it."""
        if self._told[0]:
            self._store.delete_document(EVERYONE, self._told[0], self._engine)
        self._told = ("", b"")

    async def run(self, thread: DecisionThread) -> None:
        """From time to time, until cancelled; not where no other engine uses the store."""
        while self._is_shared:
            await asyncio.sleep(LOOK)
            if self._trials.canary() is None and not self._told[0]:
                continue
            try:
                await thread.run(self.confer)
            except EngineError as error:
                structlog.get_logger().warning("jury_retries", error=str(error))


def _counts(arm: Arm) -> dict[str, float]:
    return {name: getattr(arm, name) for name in _COUNTS}


def _arm(counts: dict[str, float]) -> Arm:
    return Arm(**{name: counts.get(name, 0) for name in _COUNTS})  # type: ignore[arg-type]  # as `_counts` made them

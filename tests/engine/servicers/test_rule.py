from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, cast

import pytest
from yingda.v1 import rule_service_pb2 as pb

from engine.decision_thread import DecisionThread
from engine.ports import Store
from engine.servicers.codec_workflow import ProtoWorkflowCodec
from engine.servicers.rule import RuleServicer
from engine.timeline.reader import JournalReader
from engine.workflow import rule_desk, trial
from engine.workflow.reading import Recorded
from engine.workflow.rule_desk import RuleDesk
from tests.engine.stores.conftest import redis_opener, sqlite_opener
from tests.engine.stores.redis_server import redis_server, redis_url
from tests.engine.timeline.conftest import desk_store
from tests.engine.timeline.days import POLICIES, RULES, Day
from tests.fakes import TENANT, Workday, make_desk

__all__ = ["desk_store", "redis_opener", "redis_server", "redis_url", "sqlite_opener"]


class Trying:
    """A rule servicer over a day's journal; `read` counts what was read of it."""

    def __init__(self, store: Store, thread: DecisionThread, searchers: ThreadPoolExecutor) -> None:
        desk = make_desk(store, policy=POLICIES["plain"], workday=Workday(rules=RULES))
        Day(desk, seed=6).open(120)
        unused = cast(Any, None)
        rules = RuleDesk(
            rulebooks=desk.workflow.rulebooks,
            store=store,
            codec=ProtoWorkflowCodec(),
            clock=desk.clock,
            context=unused,
        )
        self.read = 0
        self._journal = rules.journal
        rules.journal = self.journal  # type: ignore[method-assign]
        self.servicer = RuleServicer(
            desk=rules,
            policies=unused,
            reader=JournalReader(store=store, thread=thread),
            thread=thread,
            searchers=searchers,
        )

    def journal(self, tenant: str, after: int) -> tuple[Sequence[Recorded], int]:
        found, through = self._journal(tenant, after)
        self.read += len(found)
        return found, through

    async def run(self, since_ms: int = 0) -> tuple[list[pb.RuleTrial], int]:
        """Firings since then, and how many messages there were."""
        request = pb.TestRulesRequest(tenant=TENANT)
        if since_ms:
            request.since_time.FromMilliseconds(since_ms)
        parts = [part async for part in self.servicer.TestRules(request, cast(Any, None))]
        return [one for part in parts for one in part.trials], parts[-1].messages


def named(one: pb.RuleTrial) -> tuple[object, ...]:
    return one.rule_id, one.conversation_id, one.message_id, one.time.ToMilliseconds()


@pytest.fixture
def trying(desk_store: Store) -> Iterator[Trying]:
    with closing(DecisionThread()) as thread, ThreadPoolExecutor(1) as searchers:
        yield Trying(desk_store, thread, searchers)


async def test_from_a_moment_on_rules_fire_as_they_do_in_the_whole_journal(trying: Trying) -> None:
    everything, messages = await trying.run()
    whole = trying.read
    middle_ms = everything[len(everything) // 2].time.ToMilliseconds()
    trying.read = 0
    late, fewer = await trying.run(middle_ms)

    assert late == [one for one in everything if one.time.ToMilliseconds() >= middle_ms]
    assert 0 < fewer < messages
    assert trying.read < 0.7 * whole


async def test_few_conversations_remembered_give_the_same(
    trying: Trying, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, messages = await trying.run()
    monkeypatch.setattr(trial.Rehearsal.__init__, "__kwdefaults__", {"is_whole": True, "most": 2})
    monkeypatch.setattr(rule_desk, "_PAGE", 20)

    found, counted = await trying.run()
    assert list(map(named, found)) == list(map(named, whole))
    assert counted == messages

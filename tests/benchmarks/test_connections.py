from __future__ import annotations

import json

import pytest

from benchmarks import connections
from benchmarks.held import Kind, split


def test_a_plan_has_every_connection_once_and_mixes_the_kinds() -> None:
    found = connections.plan(52_000)

    assert len(set(found)) == len(found) == 52_000
    assert {one.kind for one in found[:40]} == set(Kind)
    assert sum(one.kind is Kind.AGENT for one in found) == 36_400


def test_no_tenant_has_more_agents_than_it_may() -> None:
    agents = [one.tenant for one in connections.plan(2000) if one.kind is Kind.AGENT]

    assert max(agents.count(tenant) for tenant in set(agents)) <= connections.PER_TENANT


def test_shares_hold_everything() -> None:
    shares = split(connections.plan(30), 8)

    assert [len(one) for one in shares] == [8, 8, 8, 6]


def test_too_few_connections_are_refused_with_the_flag(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        connections.main(["--connections", "3"])

    assert "--connections" in capsys.readouterr().err


@pytest.mark.slow
def test_streams_are_held_while_messages_flow(capsys: pytest.CaptureFixture[str]) -> None:
    assert connections.main(["--connections", "20", "--rate", "40", "--seconds", "1"]) == 0
    report = json.loads(capsys.readouterr().out)

    assert report["held"] == report["floor"]["held"] == 20
    assert report["files"] > 20
    assert report["messages"] > 0
    assert report["events_heard"] > 0
    assert report["floor"]["latency_ms"]["p99"] > 0

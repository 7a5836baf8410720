"""What a decision costs as agents and waiting conversations grow: `python -m benchmarks.routing_scale`. JSON.

`agents`: new conversations for desks of more and more agents with room, decided and committed one by one.
`waiting`: closes by busy agents while more and more wait, each of which gives the freed place to the first in line;
`next_offer_ms` is the time from the close to the commit of the next offer, `next_offer_cpu_ms` the CPU time of it. CPU
time is that of the decision alone, store included. The sizes take turns, a few decisions each, so that what else the
machine does falls on all of them alike; the ratios are to the smallest one.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks import machine, routing_desk
from benchmarks.routing_desk import TENANT, TEXTS, Desk
from benchmarks.statistic import percentile
from engine.analysis.analyzer import Analyzer
from engine.domain import AnalysisBatch, Change, Conversation, Presence
from engine.ports import Classifier
from engine.routing.policy import Policy
from engine.servicers import codec
from engine.stores import sqlite

AGENTS = (10, 100, 1_000, 10_000)
WAITING = (100, 1_000, 10_000, 100_000)
BUSY = 20  # agents beside whom conversations wait
_FILL = 2_000  # conversations put into the queue by one commit
_TURN = 20  # decisions in a row at one size
_US = 1e6

Row = dict[str, float]
Opening = AbstractContextManager["Case"]


class Case(Protocol):
    """A desk of some size."""

    def decide(self) -> tuple[float, float]:
        """CPU and wall time of one more decision, seconds."""
        ...


def measure(repeats: int, sizes: Sequence[int], opened: Callable[[Classifier, int], Opening]) -> list[Row]:
    """A row per size, with the ratio of its cost to that of the smallest."""
    reader = routing_desk.classifier()
    with ExitStack() as stack:
        cases = [stack.enter_context(opened(reader, size)) for size in sizes]
        found: list[list[tuple[float, float]]] = [[] for _ in cases]
        for _ in range(max(repeats // _TURN, 1)):
            for case, times in zip(cases, found, strict=True):
                case.decide()  # warms the caches that the others took
                times += [case.decide() for _ in range(_TURN)]
    rows = [_row(size, times) for size, times in zip(sizes, found, strict=True)]
    return [{**row, "ratio": round(row["cpu_us"] / rows[0]["cpu_us"], 3)} for row in rows]


@dataclass(slots=True)
class Arrivals:
    """Messages of new customers, each assigned at once."""

    desk: Desk
    analyses: Sequence[AnalysisBatch]
    number: int = 0

    def decide(self) -> tuple[float, float]:
        """See `Case`."""
        self.number += 1
        message = routing_desk.make_message(f"c{self.number}", TEXTS[self.number % len(TEXTS)])
        batch = codec.decode([message.SerializeToString()])
        started, cpu = time.perf_counter(), time.thread_time()
        draft = self.desk.dispatcher.draft(TENANT)
        analysis = self.analyses[self.number % len(TEXTS)]
        _, (assignment,) = self.desk.dispatcher.receive(draft, batch, [0], analysis)
        self.desk.dispatcher.commit(draft)
        spent = time.thread_time() - cpu, time.perf_counter() - started
        assert assignment.agent_id
        return spent


@dataclass(slots=True)
class Closes:
    """Closes by busy agents, each followed by an offer of the freed place; as many wait after as before."""

    desk: Desk
    held: Sequence[str]
    made: int
    number: int = 0
    offered: float = 0.0

    def hear(self, _: str, changed: Sequence[Conversation]) -> None:
        """A commit was made."""
        self.offered = time.perf_counter()

    def decide(self) -> tuple[float, float]:
        """See `Case`."""
        (one,) = self.desk.store.held(TENANT, self.held[self.number % len(self.held)])
        started, cpu = time.perf_counter(), time.thread_time()
        self.desk.lifecycle.close(TENANT, one.conversation_id)
        spent = time.thread_time() - cpu, self.offered - started
        (given,) = self.desk.store.held(TENANT, self.held[self.number % len(self.held)])
        assert given.conversation_id != one.conversation_id
        text = TEXTS[int(one.conversation_id[1:]) % len(TEXTS)]
        _send(self.desk, f"w{(self.made + self.number) * len(TEXTS) + TEXTS.index(text)}", text)
        self.number += 1
        return spent


@contextmanager
def arrivals(reader: Classifier, agents: int) -> Iterator[Arrivals]:
    """With so many agents, who have much room."""
    analyses = [Analyzer(classifier=reader).analyze([text]) for text in TEXTS]
    with _desk(reader, agents, chats=1000) as desk:
        yield Arrivals(desk, analyses)


@contextmanager
def closes(reader: Classifier, waiting: int) -> Iterator[Closes]:
    """Where so many wait."""
    with _desk(reader, BUSY, chats=1) as desk:
        _wait(desk, waiting + BUSY)
        case = Closes(desk, _held(desk), waiting + BUSY)
        desk.store.subscribe(case.hear)
        yield case


def _send(desk: Desk, conversation_id: str, text: str) -> None:
    message = routing_desk.make_message(conversation_id, text)
    desk.pipeline.process(codec.decode([message.SerializeToString()]))


def _wait(desk: Desk, count: int) -> None:
    """Fill the queue with as many conversations of every skill, and bring the agents online."""
    for start in range(0, count, _FILL):
        messages = [
            routing_desk.make_message(f"w{number}", TEXTS[number % len(TEXTS)])
            for number in range(start, min(start + _FILL, count))
        ]
        desk.pipeline.process(codec.decode([one.SerializeToString() for one in messages]))
    for agent_id in desk.store.roster(TENANT).rows:
        desk.team.set_presence(TENANT, agent_id, Presence.ONLINE)


def _held(desk: Desk) -> list[str]:
    return [one for one in desk.store.roster(TENANT).rows if desk.store.held(TENANT, one)]


@contextmanager
def _desk(reader: Classifier, agents: int, *, chats: int) -> Iterator[Desk]:
    """Agents with three skills each; online where they have much room."""
    skills = routing_desk.skills(reader)
    with (
        tempfile.TemporaryDirectory(prefix="yingda-") as folder,
        closing(sqlite.open_store(Path(folder) / "yingda.db", sync="normal")) as store,
    ):
        for number in range(agents):
            agent = routing_desk.make_agent(number, skills, chats=chats)
            store.put_agent(TENANT, agent)
            if chats > 1:
                store.set_presence(TENANT, agent.agent_id, Presence.ONLINE)
        store.commit([Change(tenant=TENANT)])
        desk = routing_desk.make_desk(store, reader, Policy())
        yield desk
        desk.thread.close()


def _row(size: int, times: Sequence[tuple[float, float]]) -> Row:
    """The calmest half of the costs: other work on the machine only ever adds to them."""
    costs, delays = zip(*times, strict=True)
    calm = sorted(costs)[: max(len(costs) // 2, 1)]
    return {
        "size": size,
        "cpu_us": round(statistics.mean(calm) * _US, 1),
        "cpu_us_p50": round(percentile(costs, 0.5) * _US, 1),
        **{f"next_offer_ms_p{one}": round(percentile(delays, one / 100) * 1000, 2) for one in (50, 99)},
        "next_offer_cpu_ms_p99": round(percentile(costs, 0.99) * 1000, 2),
    }


def main() -> None:
    """Print the report."""
    args = _parser().parse_args()
    report = {
        "date": machine.now(),
        "commit": machine.commit(),
        "machine": machine.describe(),
        "parameters": {"repeats": args.repeats, "most": args.most},
        **{
            name: measure(args.repeats, [size for size in sizes if size <= args.most], one)
            for name, sizes, one in (("agents", AGENTS, arrivals), ("waiting", WAITING, closes))
            if args.only in (None, name)
        },
    }
    sys.stdout.write(json.dumps(report, indent=1) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.routing_scale", description="Cost of a decision by size."
    )
    parser.add_argument("--repeats", type=int, default=2000, help="decisions measured at each size (2000)")
    parser.add_argument("--most", type=int, default=100_000, help="largest size (100000)")
    parser.add_argument("--only", choices=("agents", "waiting"), help="one of the two")
    parser.add_argument("--json", action="store_true", help="print JSON (the default, and the only form)")
    return parser


if __name__ == "__main__":
    main()

"""What a decision costs as agents and waiting conversations grow: `python -m benchmarks.routing_scale`. JSON.

`agents`: new conversations for desks of more and more agents with room, decided and committed one by one.
`waiting`: closes by busy agents while more and more wait, each of which gives the freed place to the first in line;
`next_offer_ms` is the time from the close to the commit of the next offer. CPU time is that of the decision alone,
store included; the smallest size of each is measured again at the end, and the ratios are to the mean of both.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from benchmarks import machine, routing_desk
from benchmarks.routing_desk import TENANT, TEXTS, Desk
from benchmarks.statistic import percentile
from engine.analysis.analyzer import Analyzer
from engine.domain import Change, Presence
from engine.ports import Classifier
from engine.routing.policy import Policy
from engine.servicers import codec
from engine.stores import sqlite

AGENTS = (10, 100, 1_000, 10_000)
WAITING = (100, 1_000, 10_000, 100_000)
BUSY = 20  # agents beside whom conversations wait
_FILL = 2_000  # conversations put into the queue by one commit
_US = 1e6

Row = dict[str, float]


def measure(repeats: int, sizes: Sequence[int], one: Callable[[Classifier, int, int], Row]) -> list[Row]:
    """A row per size, with the ratio of its cost to that of the smallest."""
    reader = routing_desk.classifier()
    one(reader, sizes[0], repeats // 4)  # warm caches
    rows = [{"size": size, **one(reader, size, repeats)} for size in [*sizes, sizes[0]]]
    least = statistics.mean([rows[0]["cpu_us"], rows[-1]["cpu_us"]])
    return [{**row, "ratio": round(row["cpu_us"] / least, 3)} for row in rows]


def with_agents(reader: Classifier, agents: int, repeats: int) -> Row:
    """Messages of new customers, each assigned at once."""
    with _desk(reader, agents, chats=1000) as desk:
        costs = []
        analyses = [Analyzer(classifier=reader).analyze([text]) for text in TEXTS]
        for number in range(repeats):
            message = routing_desk.make_message(f"c{number}", TEXTS[number % len(TEXTS)])
            batch = codec.decode([message.SerializeToString()])
            started = time.thread_time()
            draft = desk.dispatcher.draft(TENANT)
            _, (assignment,) = desk.dispatcher.receive(draft, batch, [0], analyses[number % len(TEXTS)])
            desk.dispatcher.commit(draft)
            costs.append(time.thread_time() - started)
            assert assignment.agent_id
    return _row(costs, [])


def with_waiting(reader: Classifier, waiting: int, repeats: int) -> Row:
    """Closes by busy agents, each followed by an offer of the freed place."""
    with _desk(reader, BUSY, chats=1) as desk:
        offers: list[float] = []
        desk.store.subscribe(lambda _, changed: offers.append(time.perf_counter()))
        _wait(desk, waiting + BUSY)
        held = _held(desk)
        costs, delays = [], []
        for number in range(repeats):
            (one,) = desk.store.held(TENANT, held[number % len(held)])
            started, cpu = time.perf_counter(), time.thread_time()
            desk.lifecycle.close(TENANT, one.conversation_id)
            costs.append(time.thread_time() - cpu)
            delays.append(offers[-1] - started)
            text = TEXTS[int(one.conversation_id[1:]) % len(TEXTS)]  # so that as many wait as before
            _send(desk, f"w{(waiting + BUSY + number) * len(TEXTS) + TEXTS.index(text)}", text)
    return _row(costs, delays)


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


def _row(costs: Sequence[float], delays: Sequence[float]) -> Row:
    """The calmest half of the costs: other work on the machine only ever adds to them."""
    calm = sorted(costs)[: max(len(costs) // 2, 1)]
    row = {
        "cpu_us": round(statistics.mean(calm) * _US, 1),
        "cpu_us_p50": round(percentile(costs, 0.5) * _US, 1),
    }
    if delays:
        row |= {
            f"next_offer_ms_p{share}": round(percentile(delays, share / 100) * 1000, 2) for share in (50, 99)
        }
    return row


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
            for name, sizes, one in (("agents", AGENTS, with_agents), ("waiting", WAITING, with_waiting))
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

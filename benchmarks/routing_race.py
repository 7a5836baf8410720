"""Let many callers change routing at once and check what came of it: `python -m benchmarks.routing_race`.

Messages, accepts, declines, time-outs, closes, transfers, presence and capacity changes run concurrently: with SQLite
through one engine's decision thread, with Redis through two engines' threads on one server of the benchmark's own. A
checker follows every commit and counts claims over capacity, conversations with two owners, lost messages and changes,
and conversations that went before a more urgent one of the same skill and priority. Time goes on with the operations,
2,000 of them a second, so that as much ends by itself on a busy machine as on an idle one. JSON on standard output,
progress on standard error; the exit code is 1 where anything was found.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import machine, routing_desk
from benchmarks.redis_process import serving_redis
from benchmarks.routing_checker import Checker, Faults, Order
from benchmarks.routing_desk import ANGRY_TEXT, TENANT, TEXTS, Desk
from engine.domain import Conversation, ConversationState, Presence
from engine.errors import ConflictError, ContentionError
from engine.ports import Store
from engine.routing.policy import Policy
from engine.stores import sqlite

AGENTS = 40
OPEN = 400  # conversations that are spoken of at any time
CALLERS = 64
PRESENCE_SHARE = CAPACITY_SHARE = 0.02  # of the operations
ANGRY_SHARE = 0.05  # of the messages
NEW_SHARE = 0.5  # of the conversations that would be opened again
REPLACED_SHARE = 0.2  # of the choices are among those in whose stead others were opened
REPORTS = 20  # lines of progress of each part
AT_ONCE = 500  # names that the store is asked for in the end
_ALL_EVENTS = 1_000_000  # of a conversation
STUCK = 120.0  # seconds in which nothing ended
PACE_MS = 0.5  # that pass with each operation
SETTLING_MS = 20.0  # that pass with each round of the end
# Short times, so that offers, ladders and wrap-ups end by themselves in the thick of it.
POLICY = Policy(auto_accept=False, offer_seconds=1.0, wrap_up_seconds=0.2, sla=0.2)
ORDER = Order(priority=3.0, vip=5.0, anger=5.0, sla_weight=0.5, sla=POLICY.sla)
WAITING, OFFERED, ASSIGNED = ConversationState.WAITING, ConversationState.OFFERED, ConversationState.ASSIGNED
WRAPPING, CLOSED = ConversationState.WRAPPING, ConversationState.CLOSED
# What may happen to a conversation, and how likely; "" is nothing, so that time goes on.
CHOICES: dict[ConversationState, list[tuple[str, float]]] = {
    CLOSED: [("message", 1.0)],
    WAITING: [("message", 0.1), ("close", 0.02), ("", 0.88)],
    OFFERED: [("accept", 0.6), ("decline", 0.1), ("stale accept", 0.05), ("message", 0.1), ("", 0.15)],
    ASSIGNED: [("message", 0.4), ("close", 0.5), ("transfer", 0.1)],
    WRAPPING: [("complete", 0.6), ("message", 0.1), ("", 0.3)],
}


class PacedClock:
    """Time that goes on when it is told to, from the present on."""

    def __init__(self) -> None:
        self._now_ms = time.time() * 1000

    def now_ms(self) -> int:
        """See `ports.Clock`."""
        return int(self._now_ms)

    def advance(self, milliseconds: float) -> None:
        """From one thread."""
        self._now_ms += milliseconds


@dataclass(kw_only=True)
class Race:
    """The callers' common state. `names` are the conversations spoken of; some are replaced when they are closed."""

    desks: Sequence[Desk]
    checker: Checker
    skills: Sequence[str]
    random: random.Random
    clock: PacedClock
    operations: int
    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    sent: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=lambda: [f"c{number}" for number in range(OPEN)])
    replaced: list[str] = field(default_factory=list)  # some of them are opened again by a message on its way
    made: int = OPEN
    changing: set[str] = field(default_factory=set)  # agents whose capacity is being changed
    judged: int = 0  # doubts that the journal settled

    async def run(self) -> None:
        """All of it, and then until nothing is open any more."""
        await asyncio.gather(*(self._call() for _ in range(CALLERS)))
        await self._settle()

    async def _call(self) -> None:
        while self.done.total() + self.refused.total() < self.operations:
            name, work = self._choose()
            try:
                await work
            except (ConflictError, ContentionError) as error:
                self.refused[f"{name}: {type(error).__name__}"] += 1
            else:
                self._count(name)
            self.clock.advance(PACE_MS)

    def _choose(self) -> tuple[str, Awaitable[object]]:
        """Something that the state of some conversation allows, or a change of some agent."""
        dice = self.random.random()
        if dice < PRESENCE_SHARE:
            return "presence", self._flip_presence()
        if dice < PRESENCE_SHARE + CAPACITY_SHARE:
            return "capacity", self._change_capacity()
        while True:
            is_replaced = bool(self.replaced) and self.random.random() < REPLACED_SHARE
            slot = self.random.randrange(len(self.replaced) if is_replaced else OPEN)
            name = (self.replaced if is_replaced else self.names)[slot]
            found = self.checker.seen.get(name)
            state = found.state if found else CLOSED
            if is_replaced and state is CLOSED:
                self.replaced[slot] = self.replaced[-1]
                self.replaced.pop()
                continue
            (kind,) = self.random.choices(*zip(*CHOICES[state], strict=True))
            if kind:
                return kind, self._do_to(kind, self._name(slot, found) if state is CLOSED else "", found)

    def _do_to(self, kind: str, new: str, found: Conversation | None) -> Awaitable[object]:
        if found is None or new:
            return self._send(new)
        lifecycle, name = self._desk().lifecycle, found.conversation_id
        if kind == "accept":
            return self._accept(found)
        if kind == "transfer":
            return self._do(lifecycle.transfer, TENANT, name, skill=self.random.choice(self.skills))
        stale = f"{name}~{max(found.version - 1, 1)}"
        work, target = {
            "decline": (lifecycle.decline, found.reservation_id),
            "stale accept": (lifecycle.accept, stale),
            "complete": (lifecycle.complete, name),
            "close": (lifecycle.close, name),
        }.get(kind, (None, name))
        return self._do(work, TENANT, target) if work else self._send(name)

    async def _do(self, work: Callable[..., object], *args: str, **kwargs: str) -> object:
        return await self._desk().run(work, *args, **kwargs)

    async def _accept(self, found: Conversation) -> None:
        desk = self._desk()
        told = await desk.run(desk.lifecycle.accept, TENANT, found.reservation_id)
        self.checker.accepted(found.reservation_id, told)

    async def _send(self, conversation_id: str) -> None:
        text = ANGRY_TEXT if self.random.random() < ANGRY_SHARE else self.random.choice(TEXTS)
        message = routing_desk.make_message(conversation_id, text, priority=self.random.choice((0, 0, 5)))
        self.sent.append(f"{message.channel}:{message.message_id}")
        await self._desk().send(message)

    async def _flip_presence(self) -> None:
        desk, agent_id = self._desk(), f"a{self.random.randrange(AGENTS):05}"
        presence = self.random.choice((Presence.ONLINE, Presence.ONLINE, Presence.OFFLINE, Presence.AWAY))
        await desk.run(desk.team.set_presence, TENANT, agent_id, presence)

    async def _change_capacity(self) -> None:
        number = self.random.randrange(AGENTS)
        agent = routing_desk.make_agent(number, self.skills, chats=self.random.randint(1, 6))
        if agent.agent_id in self.changing:
            return
        self.changing.add(agent.agent_id)
        self.checker.allow_both(agent.agent_id, agent.capacity)
        desk = self._desk()
        await desk.run(desk.team.put, TENANT, agent)
        await self._caught_up(f"mark-{agent.agent_id}")
        self.checker.allow(agent.agent_id, agent.capacity)
        self.changing.discard(agent.agent_id)

    async def _caught_up(self, name: str) -> None:
        """Until the checker has seen a commit that was made after this call."""
        before = self._version(name)
        await self._send(name)
        while self._version(name) == before:  # noqa: ASYNC110  # the checker is told from another thread
            await asyncio.sleep(0.001)

    def _version(self, name: str) -> int:
        return self.checker.seen[name].version if name in self.checker.seen else 0

    async def _settle(self) -> None:
        """Serve what is left: whoever is never offered to an idle agent is lost."""
        desk = self.desks[0]
        for number in range(AGENTS):
            agent = routing_desk.make_agent(number, self.skills, chats=10)
            self.checker.allow_both(agent.agent_id, agent.capacity)
            await desk.run(desk.team.put, TENANT, agent)
            await desk.run(desk.team.set_presence, TENANT, agent.agent_id, Presence.ONLINE)
        rest, progressed = self._open(self.checker.seen), time.monotonic()
        least = len(rest) + 1
        while rest and time.monotonic() < progressed + STUCK:
            if len(rest) < least:
                least, progressed = len(rest), time.monotonic()
                sys.stderr.write(f"{least} conversations are open in the end\n")
            # Some at a time, since an offer that is not accepted soon goes to somebody else.
            await asyncio.gather(*(self._end(one) for one in rest[:CALLERS]))
            self.clock.advance(SETTLING_MS)
            await asyncio.sleep(0.01)
            # All are looked at again only when these have ended: a commit may be told of late.
            rest = self._open([one.conversation_id for one in rest]) or self._open(self.checker.seen)

    async def _end(self, one: Conversation) -> None:
        desk = self._desk()
        try:
            if one.state is OFFERED:
                await desk.run(desk.lifecycle.accept, TENANT, one.reservation_id)
            if one.state in (OFFERED, ASSIGNED):
                await desk.run(desk.lifecycle.close, TENANT, one.conversation_id)
                await desk.run(desk.lifecycle.complete, TENANT, one.conversation_id)
        except (ConflictError, ContentionError):
            return  # it ended by itself meanwhile; the next round sees how

    def _open(self, names: Iterable[str]) -> list[Conversation]:
        latest = (self.checker.seen[name] for name in list(names))  # which grows in another thread
        found = [one for one in latest if one.state is not CLOSED]
        return sorted(found, key=lambda one: (one.state is WAITING, one.conversation_id))

    def _name(self, slot: int, found: Conversation | None) -> str:
        """The conversation itself, or a new one in its stead."""
        if found is not None and self.random.random() < NEW_SHARE:
            self.replaced.append(self.names[slot])
            self.names[slot] = f"c{self.made}"
            self.made += 1
        return self.names[slot]

    def _desk(self) -> Desk:
        return self.random.choice(self.desks)

    def _count(self, name: str) -> None:
        self.done[name] += 1
        total = self.done.total() + self.refused.total()
        if total % max(self.operations // REPORTS, 1) == 0:
            faults = self.checker.faults
            last = f"; {faults.examples[-1]}" if faults.examples else ""
            sys.stderr.write(
                f"{total} of {self.operations} operations, {sum(faults.counts().values())} faults{last}\n"
            )


async def race(args: argparse.Namespace) -> dict[str, object]:
    """Run it and say what was found."""
    checker, clock = Checker(ORDER), PacedClock()
    reader = routing_desk.classifier()
    skills = routing_desk.skills(reader)
    with tempfile.TemporaryDirectory(prefix="yingda-") as folder:
        async with AsyncExitStack() as stack:
            stores = await stack.enter_async_context(_stores(args.store, Path(folder), checker))
            desks = [
                await stack.enter_async_context(
                    routing_desk.working(routing_desk.make_desk(store, reader, POLICY, clock), clock)
                )
                for store in stores
            ]
            await _hire(desks[0], checker, skills)
            running = Race(
                desks=desks,
                checker=checker,
                skills=skills,
                random=random.Random(args.seed),
                clock=clock,
                operations=args.operations,
            )
            started, cpu = time.perf_counter(), time.process_time()
            await running.run()
            seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
            await desks[0].run(_audit, desks[0].store, running)
    return _report(args, running, seconds, cpu)


@asynccontextmanager
async def _stores(kind: str, folder: Path, checker: Checker) -> AsyncIterator[list[Store]]:
    """Those of the engines; the checker hears of every commit once and in order."""
    if kind == "sqlite":
        with closing(sqlite.open_store(folder / "yingda.db", sync="normal")) as store:
            store.subscribe(checker.follow)
            yield [store]
        return
    from engine.stores import redis  # noqa: PLC0415  # only where it is asked for

    with serving_redis(folder) as server, ExitStack() as stack:
        opened = [stack.enter_context(closing(redis.open_store(server.url))) for _ in range(3)]
        # The third commits nothing, so it is told of everything in the order of the server.
        opened[2].subscribe(checker.follow)
        yield list(opened[:2])


async def _hire(desk: Desk, checker: Checker, skills: Sequence[str]) -> None:
    for number in range(AGENTS):
        agent = routing_desk.make_agent(number, skills, chats=1 + number % 5)
        checker.allow(agent.agent_id, agent.capacity)
        await desk.run(desk.team.put, TENANT, agent)
        await desk.run(desk.team.set_presence, TENANT, agent.agent_id, Presence.ONLINE)


def _audit(store: Store, running: Race) -> None:
    """Compare what the store holds in the end with the history, and look for every message."""
    faults = running.checker.faults
    running.judged = running.checker.judge(lambda name: store.events(TENANT, name, 0, _ALL_EVENTS))
    for keys in _reported("messages looked for", running.sent):
        for key in set(keys) - store.records(TENANT, keys).keys():
            faults.add("lost", f"message {key} is not in the journal")
    for names in _reported("conversations compared", list(running.checker.seen)):
        found = store.conversations(TENANT, names)
        for name in names:
            _compare(running.checker.seen[name], found.get(name), faults)
    for agent_id, units in zip(store.roster(TENANT).rows, store.roster(TENANT).load.tolist(), strict=True):
        if units:
            faults.add("over_capacity", f"{agent_id} holds {units} units of nothing in the end")


def _compare(seen: Conversation, kept: Conversation | None, faults: Faults) -> None:
    name = seen.conversation_id
    if seen.state is not CLOSED:
        faults.add("lost", f"{name} is {seen.state} in the end")
    if kept != seen:
        faults.add("lost", f"{name} is kept as version {kept.version if kept else 0}, not {seen.version}")


def _reported(what: str, names: Sequence[str]) -> Iterator[Sequence[str]]:
    """Some of them at a time; how far that is goes to standard error."""
    told = max(len(names) // REPORTS, 1)
    for start in range(0, len(names), AT_ONCE):
        yield names[start : start + AT_ONCE]
        done = min(start + AT_ONCE, len(names))
        if done == len(names) or done // told > start // told:
            sys.stderr.write(f"{done} of {len(names)} {what}\n")


def _report(args: argparse.Namespace, running: Race, seconds: float, cpu: float) -> dict[str, object]:
    total = running.done.total() + running.refused.total()
    return {
        "date": machine.now(),
        "commit": machine.commit(),
        "machine": machine.describe(),
        "parameters": {"operations": args.operations, "store": args.store, "seed": args.seed},
        "engines": len(running.desks),
        "operations": total,
        "seconds": round(seconds, 1),
        "cpu_us_per_operation": round(cpu / total * 1e6, 1),
        "done": dict(running.done.most_common()),
        "refused": dict(running.refused.most_common()),
        "commits": running.checker.commits,
        "messages": len(running.sent),
        "conversations": len(running.checker.seen),
        "states_entered": dict(running.checker.states.most_common()),
        "doubts_settled": running.judged,
        "faults": running.checker.faults.counts(),
        "examples": running.checker.faults.examples,
    }


def main() -> int:
    """Print the report; 1 where a fault was found."""
    report = asyncio.run(race(_parser().parse_args()))
    sys.stdout.write(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    faults = report["faults"]
    assert isinstance(faults, dict)
    return int(any(faults.values()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.routing_race",
        description="Concurrent routing operations, checked commit by commit.",
        epilog="example: python -m benchmarks.routing_race --operations 1000000 --store redis --json",
    )
    parser.add_argument("--operations", type=int, default=20_000, help="how many (20000)")
    parser.add_argument("--store", choices=("sqlite", "redis"), default="sqlite", help="(sqlite)")
    parser.add_argument("--seed", type=int, default=1, help="other choices (1)")
    parser.add_argument("--json", action="store_true", help="print JSON (the default, and the only form)")
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""An engine of some size in this process, and customers who all write equally often."""

from __future__ import annotations

import gc
import os
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from yingda.v1 import message_pb2, message_service_pb2

from benchmarks import inside
from benchmarks.system import team
from benchmarks.texts import PACK, read_utterances, unseen
from benchmarks.traffic import CHANNELS, NEW_SHARE
from engine.domain import Reply
from engine.samples import read_replies
from engine.servicers import convert

FRAME = 256  # messages
_ROOM = 10**7  # units of each agent, so that nobody waits, whatever the size
_OPENING = "你好"
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large an engine is: open conversations of all tenants, agents of each, replies of each, tenants.

    `replies` 0 is for those of the pack.
    """

    conversations: int = 1_000
    agents: int = 32
    replies: int = 0
    tenants: int = 1


class Crowd:
    """Customers of several tenants: three messages in ten are somebody new's, the others anybody's who wrote before."""

    def __init__(self, texts: Iterator[str], tenants: Sequence[str], seed: str) -> None:
        self._texts = texts
        self._tenants = tenants
        self._random = random.Random(seed)
        self._customers = 0
        self._messages = 0

    def openings(self, count: int) -> Iterator[bytes]:
        """Frames in which so many write for the first time."""
        for start in range(0, count, FRAME):
            yield _frame([self._first() for _ in range(min(FRAME, count - start))])

    def frame(self, size: int) -> bytes:
        """What they write next, texts that nobody wrote before."""
        return _frame([self._next() for _ in range(size)])

    def _first(self) -> message_pb2.Message:
        self._customers += 1
        return self._message(self._customers, _OPENING)

    def _next(self) -> message_pb2.Message:
        if not self._customers or self._random.random() < NEW_SHARE:
            self._customers += 1
            return self._message(self._customers, next(self._texts))
        return self._message(self._random.randint(1, self._customers), next(self._texts))

    def _message(self, customer: int, text: str) -> message_pb2.Message:
        self._messages += 1
        return message_pb2.Message(
            tenant=self._tenants[customer % len(self._tenants)],
            channel=CHANNELS[customer % len(CHANNELS)],
            message_id=f"g-m{self._messages}",
            customer_id=f"g-c{customer}",
            text=text,
        )


@dataclass(slots=True)
class Case:
    """An engine of this size, and what each message of a frame cost it, in CPU seconds."""

    size: Size
    engine: inside.Engine
    crowd: Crowd
    memory_bytes: int = 0  # that this process grew by as the engine was made
    costs: list[float] = field(default_factory=list)

    def warm(self) -> None:
        """Bring back into the caches what another case drove out."""
        self.engine.process(self.crowd.frame(FRAME // 8))

    def measure(self) -> None:
        """Process one more frame."""
        frame = self.crowd.frame(FRAME)
        began = time.thread_time()
        self.engine.process(frame)
        self.costs.append((time.thread_time() - began) / FRAME)


@contextmanager
def made(size: Size, seed: str) -> Iterator[Case]:
    """An engine with so many conversations open, agents online and replies known."""
    tenants = [f"growth-{number}" for number in range(size.tenants)]
    crowd = Crowd(unseen(read_utterances(), seed), tenants, seed)
    before = _resident_bytes()
    with (
        tempfile.TemporaryDirectory(prefix="yingda-") as folder,
        inside.running(Path(folder), samples=replies(size.replies)) as engine,
    ):
        for tenant in tenants:
            agents = [convert.agent_from_proto(one) for one in team(size.agents)]
            engine.hire(tenant, [replace(one, capacity=_ROOM) for one in agents])
        for frame in crowd.openings(size.conversations):
            engine.process(frame)
        case = Case(size, engine, crowd)
        case.warm()
        engine.settle()
        case.memory_bytes = _resident_bytes() - before
        yield case


def replies(count: int) -> Sequence[Reply] | None:
    """So many, after the pack's, each with a text of its own; None for the pack's where that is 0."""
    if not count:
        return None
    pack = read_replies(PACK)
    random.Random("replies").shuffle(pack)
    return [
        replace(one, reply_id=f"{one.reply_id}-{number}", text=f"{one.text} {number}", questions=())
        for number, one in ((number, pack[number % len(pack)]) for number in range(count))
    ]


def _frame(messages: Sequence[message_pb2.Message]) -> bytes:
    return message_service_pb2.StreamMessagesRequest(messages=messages).SerializeToString()


def _resident_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE

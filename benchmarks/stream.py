"""StreamMessages in a closed loop: how many messages go through, and what CPU time each costs each service."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from yingda.v1 import answer_pb2, assignment_pb2, message_service_pb2

from benchmarks import yardstick
from benchmarks.errors import BenchmarkError
from benchmarks.exchange import Exchange, exchange, opened
from benchmarks.settings import Settings
from benchmarks.system import CAPACITY, System, employ
from benchmarks.traffic import NEW_SHARE, Traffic

METHOD = "/yingda.v1.MessageService/StreamMessages"
ROUNDS = 4  # at least so many, so that their spread shows how calm the machine was
MAX_ROUNDS = 40  # there are not more tenants
_LAID = 5  # times
WARM_UP = 2  # frames of each stream before the clock starts
WARM_UP_SECONDS = 1.0  # of a first round that is not counted
_FULL = 1 / 3  # of the team's places are taken by the end of a round, so that nobody waits
_LARGEST_ROUND = 50_000  # messages whose answers are kept until the round is over
SERVICES = ("gateway", "engine")

Memory = Mapping[str, float]  # texts that were "remembered", and that were "read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One tenant's share of the measurement."""

    messages: int
    answer_bytes: int
    outcomes: Counter[str]
    seconds: float
    cpu: dict[str, float]
    yardstick: float  # seconds a message, before and after: how fast the machine was


async def measure(system: System, texts: Iterator[str], settings: Settings) -> dict[str, object]:
    """The section of the report. Raises: BenchmarkError."""
    await _round(system, texts, settings, WARM_UP_SECONDS)
    rounds: list[Round] = []
    before = system.memory()
    left = settings.seconds
    for _ in range(MAX_ROUNDS):
        rounds.append(await _round(system, texts, settings, min(left, settings.seconds / ROUNDS)))
        left -= rounds[-1].seconds
        if left <= 0:
            break
    return (
        _report(rounds, settings)
        | _memory(before, system.memory(), settings)
        | {"rss_mb": {"gateway": system.gateway.rss_mb(), "engine": system.engine.rss_mb()}}
    )


async def _round(system: System, texts: Iterator[str], settings: Settings, limit: float) -> Round:
    tenant = next(system.tenants)
    await employ(system.gateway.address, tenant, settings.agents)
    frames = build_frames(texts, settings, tenant)
    async with opened(system.gateway.address, METHOD, len(frames)) as calls:
        services = system.services
        pace = yardstick.seconds(frames[0][0], _LAID)
        await exchange(calls, [own[:WARM_UP] for own in frames], services, limit)
        found = await exchange(calls, [own[WARM_UP:] for own in frames], services, limit)
    pace = (pace + yardstick.seconds(frames[0][0], _LAID)) / 2
    return read(found, pace / settings.frame)


def _memory(before: Memory, after: Memory, settings: Settings) -> dict[str, object]:
    """Whether readings were remembered, and of which share of the texts."""
    if not before:
        return {}
    hits, misses = (after[name] - before[name] for name in ("remembered", "read"))
    share = hits / (hits + misses) if hits + misses else 0.0
    return {"texts_remembered": {"at_most": settings.remembered, "share_of_texts": share}}


def build_frames(texts: Iterator[str], settings: Settings, tenant: str) -> list[list[bytes]]:
    """For each stream the frames of one round: as many as the team has room for, and those to warm up with."""
    messages = min(settings.agents * CAPACITY * _FULL / NEW_SHARE, _LARGEST_ROUND)
    count = WARM_UP + max(int(messages / settings.frame / settings.streams), 1)
    sources = [
        Traffic(texts, tenant=tenant, name=f"s{number}", seed=f"{settings.seed}:{tenant}:{number}")
        for number in range(settings.streams)
    ]
    return [[source.frame(settings.frame) for _ in range(count)] for source in sources]


def read(found: Exchange, pace: float = 0.0) -> Round:
    """What the answers say. Raises: BenchmarkError where a message was refused: there is no reason to."""
    outcomes: Counter[str] = Counter()
    for answer in found.answers:
        for result in message_service_pb2.StreamMessagesResponse.FromString(answer).results:
            outcomes[_outcome(result)] += 1
    return Round(
        messages=outcomes.total(),
        answer_bytes=sum(map(len, found.answers)),
        outcomes=outcomes,
        seconds=found.seconds,
        cpu=found.cpu,
        yardstick=pace,
    )


def _outcome(result: answer_pb2.MessageResult) -> str:
    if result.WhichOneof("outcome") != "answer":
        raise BenchmarkError(f"message {result.message_id} was refused: {result.error.message}")
    if result.answer.duplicate:
        raise BenchmarkError(f"message {result.message_id} is new and was taken for a duplicate")
    name = assignment_pb2.AssignmentOutcome.Name(result.answer.assignment.outcome)
    return name.removeprefix("ASSIGNMENT_OUTCOME_").lower()


def _report(rounds: Sequence[Round], settings: Settings) -> dict[str, object]:
    messages = sum(one.messages for one in rounds)
    seconds = sum(one.seconds for one in rounds)
    cpu = {name: sum(one.cpu[name] for one in rounds) for name in rounds[0].cpu}
    each = sorted(_together(one) for one in rounds)
    return {
        "messages": messages,
        "seconds": seconds,
        "messages_per_second": messages / seconds,
        "frames_per_second": messages / seconds / settings.frame,
        "cpu_us_per_message": {
            "together": sum(cpu[name] for name in SERVICES) / messages * 1e6,
            **{name: used / messages * 1e6 for name, used in cpu.items()},
        },
        # By work that is always the same, so that runs at different hours can be compared.
        "times_yardstick": statistics.median(_together(one) / one.yardstick / 1e6 for one in rounds),
        "yardstick_us_per_message": statistics.median(one.yardstick for one in rounds) * 1e6,
        "rounds": {
            "count": len(rounds),
            "cpu_us_per_message_together": {
                "least": each[0],
                "median": statistics.median(each),
                "most": each[-1],
            },
        },
        "cores_used": {name: used / seconds for name, used in cpu.items()},
        "answer_bytes_per_message": sum(one.answer_bytes for one in rounds) / messages,
        "assignments": dict(sum((one.outcomes for one in rounds), Counter[str]())),
    }


def _together(one: Round) -> float:
    return sum(one.cpu[name] for name in SERVICES) / one.messages * 1e6

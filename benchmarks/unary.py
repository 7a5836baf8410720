"""SendMessage in an open loop: callers who come when they come, whether or not the answers to others are ready."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import grpc
from yingda.v1 import message_service_pb2

from benchmarks.errors import BenchmarkError
from benchmarks.exchange import quiet
from benchmarks.process import Service
from benchmarks.settings import Settings
from benchmarks.statistic import arrivals, percentile
from benchmarks.system import System, employ
from benchmarks.traffic import Traffic

METHOD = "/yingda.v1.MessageService/SendMessage"
DEADLINE = 10.0  # seconds a caller waits
WARM_UP_SECONDS = 1.0
SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99_9": 0.999, "max": 1.0}
# What leaves open whether the message was kept; any other status is a refusal.
_LOST = frozenset({grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED})

Method = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]


@dataclass(slots=True)
class Record:
    """What became of the calls.

    `late` and `taken` are seconds from the intended time to sending and to the answer; `cpu` CPU seconds by service.
    """

    late: list[float] = field(default_factory=list)
    taken: list[float] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)
    failures: Counter[grpc.StatusCode] = field(default_factory=Counter)
    cpu: dict[str, float] = field(default_factory=dict)


async def measure(system: System, texts: Iterator[str], settings: Settings) -> list[dict[str, object]]:
    """The section of the report: one entry a rate. Raises: BenchmarkError."""
    return [await _measure_rate(system, texts, settings, rate) for rate in settings.rates]


async def _measure_rate(
    system: System, texts: Iterator[str], settings: Settings, rate: float
) -> dict[str, object]:
    tenant = next(system.tenants)
    await employ(system.gateway.address, tenant, settings.agents)
    source = Traffic(texts, tenant=tenant, name="u", seed=f"{settings.seed}:{rate}")
    async with grpc.aio.insecure_channel(system.gateway.address) as channel:
        method: Method = channel.unary_unary(METHOD)
        record = await open_loop(method, source, (system.gateway, system.engine), settings, rate)
    for answer in record.answers:
        if not message_service_pb2.SendMessageResponse.FromString(answer).answer.conversation_id:
            raise BenchmarkError("an answer names no conversation: the gateway is not one of this version")
    return report(record, rate)


async def open_loop(
    method: Method, source: Traffic, services: Sequence[Service], settings: Settings, rate: float
) -> Record:
    """What became of calls at this rate for the settings' seconds, after a warm-up."""
    await _send(method, source, arrivals(rate, WARM_UP_SECONDS, f"{settings.seed}:{rate}:warm"))
    before = {service.name: service.cpu_seconds() for service in services}
    record = await _send(method, source, arrivals(rate, settings.seconds, f"{settings.seed}:{rate}"))
    record.cpu = {service.name: service.cpu_seconds() - before[service.name] for service in services}
    return record


async def _send(method: Method, source: Traffic, offsets: Sequence[float]) -> Record:
    """Send a message at each offset, and wait until every one is answered or given up."""
    requests = [source.request() for _ in offsets]
    record = Record()
    with quiet():
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for offset, request in zip(offsets, requests, strict=True):
                if (early := began + offset - time.perf_counter()) > 0:
                    await asyncio.sleep(early)
                group.create_task(_send_one(method, request, began + offset, record))
    return record


async def _send_one(method: Method, request: bytes, intended: float, record: Record) -> None:
    record.late.append(time.perf_counter() - intended)
    try:
        answer = await method(request, timeout=DEADLINE)
    except grpc.aio.AioRpcError as error:
        record.failures[error.code()] += 1
        return
    record.taken.append(time.perf_counter() - intended)
    record.answers.append(answer)


def report(record: Record, rate: float) -> dict[str, object]:
    """One entry of the section. Raises: BenchmarkError where nothing was answered."""
    if not record.taken:
        raise BenchmarkError(f"no message was answered: {_named(record.failures)}")
    lost = sum(count for code, count in record.failures.items() if code in _LOST)
    each = {name: used / len(record.late) * 1e6 for name, used in record.cpu.items()}
    return {
        "rate": rate,
        "sent": len(record.late),
        "answered": len(record.answers),
        "errors": record.failures.total() - lost,
        "lost": lost,
        "statuses": _named(record.failures),
        "latency_ms": _percentiles(record.taken),
        "client_late_ms": _percentiles(record.late),
        "cpu_us_per_message": {"together": sum(each.values()), **each},
    }


def _percentiles(seconds: Sequence[float]) -> dict[str, float]:
    return {name: percentile(seconds, share) * 1000 for name, share in SHARES.items()}


def _named(failures: Counter[grpc.StatusCode]) -> dict[str, int]:
    return {code.name: count for code, count in failures.items()}

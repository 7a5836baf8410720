"""What customers do beside writing, recorded at a steady rate while messages come: does a message notice?"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import grpc
from yingda.v1 import activity_pb2, conversation_service_pb2, message_pb2

from benchmarks.errors import BenchmarkError
from benchmarks.settings import Settings
from benchmarks.statistic import percentile
from benchmarks.system import System, employ
from benchmarks.traffic import Traffic
from benchmarks.unary import METHOD, Method, open_loop, report

RECORD = "/yingda.v1.ConversationService/RecordActivity"
RATE = 5000  # activities a second
CALL = 100  # activities a call
CUSTOMERS = 2000  # who do something
MESSAGES = 500.0  # a second
DEADLINE = 10.0  # seconds
_KINDS = (
    activity_pb2.ACTIVITY_KIND_PAGE_VIEW,
    activity_pb2.ACTIVITY_KIND_CLICK,
    activity_pb2.ACTIVITY_KIND_CART,
)


@dataclass(slots=True)
class Load:
    """What became of the calls that record: seconds each took, and what they counted."""

    taken: list[float] = field(default_factory=list)
    failures: int = 0
    seconds: float = 0.0


async def measure(system: System, texts: Iterator[str], settings: Settings) -> dict[str, object]:
    """The section of the report. Raises: BenchmarkError."""
    idle = await _messages(system, texts, settings, "alone")
    tenant = next(system.tenants)
    stop = asyncio.Event()
    before = _cpu(system)
    recording = asyncio.create_task(_record(system.gateway.address, tenant, stop))
    beside = await _messages(system, texts, settings, "beside", tenant)
    stop.set()
    load = await recording
    if not load.taken:
        raise BenchmarkError("no activity was recorded")
    count = len(load.taken) * CALL
    p99 = [one["latency_ms"]["p99"] for one in (idle, beside)]  # type: ignore[index]
    return {
        "messages_per_second": MESSAGES,
        "activities_per_second": count / load.seconds,
        "activities": count,
        "failed_calls": load.failures,
        "record_ms": {
            name: percentile(load.taken, share) * 1000 for name, share in (("p50", 0.5), ("p99", 0.99))
        },
        "idle": idle,
        "beside": beside,
        "p99_ratio": p99[1] / p99[0],
        "cpu_seconds_of_services": _cpu(system) - before,
    }


async def _messages(
    system: System, texts: Iterator[str], settings: Settings, name: str, tenant: str = ""
) -> dict[str, object]:
    """SendMessage in an open loop; its entry of the report."""
    tenant = tenant or next(system.tenants)
    await employ(system.gateway.address, tenant, settings.agents)
    source = Traffic(texts, tenant=tenant, name=f"v-{name}", seed=f"{settings.seed}:{name}")
    async with grpc.aio.insecure_channel(system.gateway.address) as channel:
        method: Method = channel.unary_unary(METHOD)
        services = (system.gateway, system.engine)
        return report(await open_loop(method, source, services, settings, MESSAGES), MESSAGES)


async def _record(address: str, tenant: str, stop: asyncio.Event) -> Load:
    """Calls at a steady rate, on a connection of their own, until told to stop."""
    load = Load()
    calls = itertools.cycle(_calls(tenant))
    began = time.perf_counter()
    async with grpc.aio.insecure_channel(address) as channel, asyncio.TaskGroup() as group:
        method: Method = channel.unary_unary(RECORD)
        for number in itertools.count():
            if (early := began + number * CALL / RATE - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            if stop.is_set():
                break
            group.create_task(_record_one(method, next(calls), load))
    load.seconds = time.perf_counter() - began
    return load


async def _record_one(method: Method, call: bytes, load: Load) -> None:
    started = time.perf_counter()
    try:
        await method(call, timeout=DEADLINE)
    except grpc.aio.AioRpcError:
        load.failures += 1
        return
    load.taken.append(time.perf_counter() - started)


def _calls(tenant: str) -> Sequence[bytes]:
    """Made ahead, so that making them costs the services nothing."""
    numbers = itertools.count()
    return [
        conversation_service_pb2.RecordActivityRequest(
            tenant=tenant, activities=[_activity(next(numbers)) for _ in range(CALL)]
        ).SerializeToString()
        for _ in range(200)
    ]


def _activity(number: int) -> activity_pb2.Activity:
    return activity_pb2.Activity(
        channel=message_pb2.CHANNEL_WEB,
        customer_id=f"v-{number * 7919 % CUSTOMERS}",
        kind=_KINDS[number % len(_KINDS)],
        subject=f"/products/{number % 997}?from=search",
    )


def _cpu(system: System) -> float:
    return system.gateway.cpu_seconds() + system.engine.cpu_seconds()

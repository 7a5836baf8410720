"""What a keystroke costs at the gateway with many replies, and what the replies cost in memory."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Iterator, Sequence
from pathlib import Path

import grpc
from yingda.v1 import (
    assist_service_pb2,
    assist_service_pb2_grpc,
    message_pb2,
    message_service_pb2,
    message_service_pb2_grpc,
    reply_service_pb2,
    reply_service_pb2_grpc,
)

from benchmarks import assist_corpus
from benchmarks.assist_desk import Case
from benchmarks.exchange import quiet
from benchmarks.settings import QUICK
from benchmarks.statistic import percentile
from benchmarks.system import System, running
from engine.servicers.convert_reply import reply_to_proto

_IMPORTED = 10_000  # replies a call
_SETTLED = 300  # seconds that indexes get to be built in


async def measure(sizes: Sequence[int], cases: Sequence[Case], keystrokes: int) -> list[dict[str, object]]:
    """One entry a size: wall time of keystrokes, one at a time, and CPU time of both services for one.

    `new` ones ask what was never asked before: first for a conversation that an agent opens and has typed nothing in,
    which `latency_ms_opened` tells apart from the keystrokes behind it; the CPU time is that of all. `warm` ones are
    the same again, as colleagues type the same. Agents type on a stream; `calls` are the warm ones as a call each,
    `empty_call` what such a call costs that asks for nothing.
    """
    return [await _measure_size(size, cases, keystrokes) for size in sizes]


async def _measure_size(size: int, cases: Sequence[Case], keystrokes: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        async with running(Path(folder), QUICK) as system:
            tenant = next(system.tenants)
            async with grpc.aio.insecure_channel(system.gateway.address) as channel:
                indexed = await _index(channel, system, tenant, size)
                requests = list(_requests(tenant, await _converse(channel, tenant, cases), cases))
                practice, new = requests[: len(requests) // 5], requests[len(requests) // 5 :]
                await _type(channel, practice)
                warm = [new[number % len(new)] for number in range(keystrokes)]
                report = {
                    "new": await _measured_new(system, channel, new),
                    "warm": await _measured(system, _type(channel, warm)),
                    "calls": await _measured(system, _call(channel, warm)),
                    "empty_call": await _measured(system, _knock(channel, tenant, keystrokes)),
                }
    return {"replies": size, **indexed, **report}


async def _index(
    channel: grpc.aio.Channel, system: System, tenant: str, size: int
) -> dict[str, dict[str, float]]:
    """What it takes until all replies are kept and searched as fast as can be, on top of a bare engine."""
    rss, cpu, began = system.engine.rss_mb(), system.engine.cpu_seconds(), time.perf_counter()
    await _import(channel, tenant, size)
    imported = time.perf_counter() - began
    await _settle(system)
    return {
        "seconds": {"imported": imported, "engine_cpu": system.engine.cpu_seconds() - cpu},
        "engine_mb": {
            "before": rss,
            "after": system.engine.rss_mb(),
            "highest": system.engine.peak_mb(),
        },
    }


async def _import(channel: grpc.aio.Channel, tenant: str, size: int) -> None:
    """Also takes the pack's samples out of the way: their ids are among the imported."""
    stub = reply_service_pb2_grpc.ReplyServiceStub(channel)
    replies = [reply_to_proto(reply) for reply in assist_corpus.replies(size)]
    for start in range(0, size, _IMPORTED):
        await stub.ImportReplies(
            reply_service_pb2.ImportRepliesRequest(
                tenant=tenant, replies=replies[start : start + _IMPORTED], without_duplicates=True
            ),
            timeout=_SETTLED,
        )


async def _settle(system: System) -> None:
    """Wait until the engine has been idle for a second: nothing is being built any more."""
    used = -1.0
    for _ in range(_SETTLED):
        if used == (used := system.engine.cpu_seconds()):
            return
        await asyncio.sleep(1)


async def _converse(channel: grpc.aio.Channel, tenant: str, cases: Sequence[Case]) -> list[str]:
    """A conversation for each case; their ids."""
    stub = message_service_pb2_grpc.MessageServiceStub(channel)
    ids = []
    for number, case in enumerate(cases):
        for place, text in enumerate(case.messages):
            message = message_pb2.Message(
                tenant=tenant,
                channel=message_pb2.CHANNEL_WEB,
                message_id=f"{number}-{place}",
                customer_id=f"c{number}",
                text=text,
            )
            answered = await stub.SendMessage(message_service_pb2.SendMessageRequest(message=message))
        ids.append(answered.answer.conversation_id)
    return ids


def _requests(
    tenant: str, conversations: Sequence[str], cases: Sequence[Case]
) -> Iterator[assist_service_pb2.SuggestRepliesRequest]:
    """As agents type: the conversation is opened, then each keystroke asks again."""
    for conversation_id, case in zip(conversations, cases, strict=True):
        for length in range(len(case.typed) + 1):
            yield assist_service_pb2.SuggestRepliesRequest(
                tenant=tenant, conversation_id=conversation_id, typed_text=case.typed[:length]
            )


async def _type(
    channel: grpc.aio.Channel, requests: Sequence[assist_service_pb2.SuggestRepliesRequest]
) -> list[float]:
    """Seconds that each took on one stream."""
    stream = assist_service_pb2_grpc.AssistServiceStub(channel).StreamSuggestions()
    taken = []
    with quiet():
        for request in requests:
            began = time.perf_counter()
            await stream.write(request)
            await stream.read()
            taken.append(time.perf_counter() - began)
    await stream.done_writing()
    return taken


async def _call(
    channel: grpc.aio.Channel, requests: Sequence[assist_service_pb2.SuggestRepliesRequest]
) -> list[float]:
    """The same as a call each."""
    stub = assist_service_pb2_grpc.AssistServiceStub(channel)
    taken = []
    with quiet():
        for request in requests:
            began = time.perf_counter()
            await stub.SuggestReplies(request)
            taken.append(time.perf_counter() - began)
    return taken


async def _knock(channel: grpc.aio.Channel, tenant: str, calls: int) -> list[float]:
    """The same way there and back for a call that does nothing: what the two hops cost by themselves."""
    stub = assist_service_pb2_grpc.AssistServiceStub(channel)
    request = assist_service_pb2.GetAutoReplyPolicyRequest(tenant=tenant)
    taken = []
    with quiet():
        for _ in range(calls):
            began = time.perf_counter()
            await stub.GetAutoReplyPolicy(request)
            taken.append(time.perf_counter() - began)
    return taken


async def _measured_new(
    system: System, channel: grpc.aio.Channel, requests: Sequence[assist_service_pb2.SuggestRepliesRequest]
) -> dict[str, object]:
    """What was never asked before, the openings of conversations apart from the keystrokes."""
    taken: list[float] = []

    async def typing() -> list[float]:
        taken.extend(await _type(channel, requests))
        return [one for one, request in zip(taken, requests, strict=True) if request.typed_text]

    report = await _measured(system, typing(), len(requests))
    opened = [one for one, request in zip(taken, requests, strict=True) if not request.typed_text]
    return {**report, "opened": len(opened), "latency_ms_opened": _latencies(opened)}


async def _measured(system: System, typing: Awaitable[list[float]], asked: int = 0) -> dict[str, object]:
    """Latencies of what is typed, and CPU time of one of all that were asked."""
    services = (system.gateway, system.engine)
    before = [service.cpu_seconds() for service in services]
    taken = await typing
    used = [service.cpu_seconds() - start for service, start in zip(services, before, strict=True)]
    return {
        "calls": len(taken),
        "latency_ms": _latencies(taken),
        "cpu_us": {
            service.name: round(cpu / (asked or len(taken)) * 1e6)
            for service, cpu in zip(services, used, strict=True)
        },
    }


def _latencies(taken: Sequence[float]) -> dict[str, float]:
    return {f"p{share:g}": percentile(taken, share / 100) * 1000 for share in (50, 90, 99)}

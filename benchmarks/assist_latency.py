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

_IMPORTED = 2000  # replies a call
_SETTLED = 300  # seconds that indexes get to be built in


async def measure(sizes: Sequence[int], cases: Sequence[Case], keystrokes: int) -> list[dict[str, object]]:
    """One entry a size: wall time of keystrokes, one at a time, and CPU time of both services for one."""
    return [await _measure_size(size, cases, keystrokes) for size in sizes]


async def _measure_size(size: int, cases: Sequence[Case], keystrokes: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        async with running(Path(folder), QUICK) as system:
            tenant = next(system.tenants)
            async with grpc.aio.insecure_channel(system.gateway.address) as channel:
                before = system.engine.rss_mb()
                began = time.perf_counter()
                await _import(channel, tenant, size)
                await _settle(system)
                imported = time.perf_counter() - began
                requests = list(_requests(tenant, await _converse(channel, tenant, cases), cases))
                await _type(channel, requests[: keystrokes // 4])
                typed = [requests[number % len(requests)] for number in range(keystrokes)]
                report = {
                    "keystroke": await _measured(system, keystrokes, _type(channel, typed)),
                    "empty_call": await _measured(system, keystrokes, _knock(channel, tenant, keystrokes)),
                }
            rss = system.engine.rss_mb()
    return {"replies": size, "import_s": imported, "engine_rss_mb": rss, "grown_mb": rss - before, **report}


async def _import(channel: grpc.aio.Channel, tenant: str, size: int) -> None:
    """Also takes the pack's samples out of the way: their ids are among the imported."""
    stub = reply_service_pb2_grpc.ReplyServiceStub(channel)
    replies = [reply_to_proto(reply) for reply in assist_corpus.replies(size)]
    for start in range(0, size, _IMPORTED):
        await stub.ImportReplies(
            reply_service_pb2.ImportRepliesRequest(tenant=tenant, replies=replies[start : start + _IMPORTED]),
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
    """Seconds that each took."""
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


async def _measured(system: System, keystrokes: int, typing: Awaitable[list[float]]) -> dict[str, object]:
    services = (system.gateway, system.engine)
    before = [service.cpu_seconds() for service in services]
    taken = await typing
    used = [service.cpu_seconds() - start for service, start in zip(services, before, strict=True)]
    return {
        "latency_ms": {f"p{share:g}": percentile(taken, share / 100) * 1000 for share in (50, 90, 99)},
        "cpu_ms": {
            service.name: cpu / keystrokes * 1000 for service, cpu in zip(services, used, strict=True)
        },
    }

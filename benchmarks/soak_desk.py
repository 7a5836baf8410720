"""A desk at an even pace for as long as one likes: customers write, agents look at suggestions and close."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial

import grpc
from yingda.v1 import (
    activity_pb2,
    agent_service_pb2,
    assist_service_pb2,
    conversation_service_pb2,
    message_pb2,
    message_service_pb2,
)

from benchmarks import held, stream, unary
from benchmarks.errors import BenchmarkError
from benchmarks.exchange import ask
from benchmarks.system import employ, team
from benchmarks.traffic import Traffic

AGENTS = 32
CONSOLES = 8  # agents whose consoles are held open
OPEN = 1000  # conversations; where there are more, the one that was opened first is closed
SUGGEST_EVERY = 10  # messages: an agent types something
ACTIVITY_EVERY = 5  # messages: a customer looks at a page
FRAME_EVERY = 50  # messages: a frame of as many comes over a stream
FRAME = 32  # messages
UNDER_WAY = 64  # arrivals at most; on a machine that is too busy those beyond it stay away and are counted
MESSAGES_AN_ARRIVAL = (FRAME_EVERY - 1 + FRAME) / FRAME_EVERY
SUGGEST = "/yingda.v1.AssistService/SuggestReplies"
CLOSE = "/yingda.v1.ConversationService/CloseConversation"
RECORD = "/yingda.v1.ConversationService/RecordActivity"
_TYPED = ("您好", "nin", "亲,", "hello", "the par", "退款")


@dataclass(slots=True)
class Tally:
    """What was done, and what failed by its status."""

    done: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)


class Desk:
    """One tenant's traffic over one connection. Customers and texts come without end; what is open is bounded."""

    def __init__(self, channel: grpc.aio.Channel, tenant: str, texts: Iterator[str], tally: Tally) -> None:
        self._channel = channel
        self._tenant = tenant
        self._random = random.Random(tenant)
        self._single = Traffic(texts, tenant=tenant, name="s", seed=f"{tenant}:single")
        self._framed = Traffic(texts, tenant=tenant, name="f", seed=f"{tenant}:framed")
        self._tally = tally
        self._open: dict[str, None] = {}  # conversations in order of their opening
        self._count = itertools.count(1)

    async def message(self) -> None:
        """One message, and now and then what agents and customers do beside it."""
        number = next(self._count)
        if number % FRAME_EVERY == 0:
            await self._guarded("frame", self._send_frame)
        else:
            await self._guarded("message", self._send_one)
        if number % SUGGEST_EVERY == 0:
            await self._guarded("suggest", self._suggest)
        if number % ACTIVITY_EVERY == 0:
            await self._guarded("activity", partial(self._record, number))
        while len(self._open) > OPEN:
            await self._guarded("close", self._close_first)

    async def watch(self, agent_id: str) -> None:
        """Hold an agent's console until cancelled, counting what it hears."""
        request = agent_service_pb2.WatchAgentRequest(tenant=self._tenant, agent_id=agent_id)
        method: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = self._channel.unary_stream(held.WATCH)
        call = method(request.SerializeToString())
        while isinstance(await call.read(), bytes):
            self._tally.done["heard"] += 1
        self._tally.failed["watch: ended"] += 1

    async def _guarded(self, name: str, what: Callable[[], Awaitable[int]]) -> None:
        try:
            self._tally.done[name] += await what()
        except grpc.aio.AioRpcError as error:
            self._tally.failed[f"{name}: {error.code().name}"] += 1
        except (BenchmarkError, TimeoutError) as error:
            self._tally.failed[f"{name}: {error or 'no answer'}"] += 1

    async def _send_one(self) -> int:
        answer = await self._unary(unary.METHOD, self._single.request())
        self._note(message_service_pb2.SendMessageResponse.FromString(answer).answer.conversation_id)
        return 1

    async def _send_frame(self) -> int:
        method: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = self._channel.stream_stream(stream.METHOD)
        call = method()
        try:
            async with asyncio.timeout(unary.DEADLINE):
                answer = await ask(call, self._framed.frame(FRAME))
                await call.done_writing()
                await call.read()
        finally:
            call.cancel()
        results = message_service_pb2.StreamMessagesResponse.FromString(answer).results
        for result in results:
            self._note(result.answer.conversation_id)
        self._tally.failed["frame: refused"] += sum(one.HasField("error") for one in results)
        return len(results)

    async def _suggest(self) -> int:
        request = assist_service_pb2.SuggestRepliesRequest(
            tenant=self._tenant,
            typed_text=self._random.choice(_TYPED),
            conversation_id=next(iter(self._open), ""),
        )
        await self._unary(SUGGEST, request.SerializeToString())
        return 1

    async def _record(self, number: int) -> int:
        activity = activity_pb2.Activity(
            channel=message_pb2.CHANNEL_WEB,
            customer_id=f"v-{number}",
            kind=activity_pb2.ACTIVITY_KIND_PAGE_VIEW,
            subject=f"/products/{number}",
        )
        request = conversation_service_pb2.RecordActivityRequest(tenant=self._tenant, activities=[activity])
        await self._unary(RECORD, request.SerializeToString())
        return 1

    async def _close_first(self) -> int:
        first = next(iter(self._open))
        del self._open[first]
        request = conversation_service_pb2.CloseConversationRequest(
            tenant=self._tenant, conversation_id=first
        )
        await self._unary(CLOSE, request.SerializeToString())
        return 1

    def _note(self, conversation_id: str) -> None:
        if conversation_id:
            self._open.setdefault(conversation_id)

    async def _unary(self, method: str, request: bytes) -> bytes:
        call: unary.Method = self._channel.unary_unary(method)
        return await call(request, timeout=unary.DEADLINE)


async def run(
    tally: Tally, address: str, tenant: str, texts: Iterator[str], *, rate: float, seconds: float
) -> None:
    """So many messages a second in an open loop, counted as they go. Raises: YingdaError."""
    await employ(address, tenant, AGENTS)
    async with AsyncExitStack() as stack:
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(address))
        desk = Desk(channel, tenant, texts, tally)
        consoles = [asyncio.create_task(desk.watch(one.agent_id)) for one in team(CONSOLES)]
        stack.push_async_callback(_cancelled, consoles)
        arrivals = random.Random(f"{tenant}:arrivals")
        await _paced(desk, tally, arrivals, rate / MESSAGES_AN_ARRIVAL, seconds)


async def _paced(desk: Desk, tally: Tally, random_: random.Random, rate: float, seconds: float) -> None:
    """A Poisson process, its arrivals drawn as they come, so that this process does not grow with `seconds`."""
    began = time.perf_counter()
    offset = random_.expovariate(rate)
    under_way: set[asyncio.Task[None]] = set()
    async with asyncio.TaskGroup() as group:
        while offset < seconds:
            await asyncio.sleep(max(began + offset - time.perf_counter(), 0))
            if len(under_way) < UNDER_WAY:
                task = group.create_task(desk.message())
                under_way.add(task)
                task.add_done_callback(under_way.discard)
            else:
                tally.done["stayed away"] += 1
            offset += random_.expovariate(rate)


async def _cancelled(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

"""Streams held open, each over a connection of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import grpc
from yingda.v1 import agent_service_pb2, bot_service_pb2

from benchmarks import echo, stream
from benchmarks.errors import BenchmarkError
from benchmarks.traffic import Traffic

WATCH = "/yingda.v1.AgentService/WatchAgent"
FOLLOW = "/yingda.v1.BotService/ReceiveEvents"
PATIENCE = 120.0  # seconds in which a connection must be there, and a first answer
_AGAIN = frozenset({grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED})
_QUIET_KIND = "conversation_closed"  # what bots wait for, and the traffic does not bring
_OPTIONS = (("grpc.use_local_subchannel_pool", 1),)  # else equal channels share one connection


class Kind(StrEnum):
    """Who holds a stream."""

    AGENT = "agent"
    BOT = "bot"
    MESSAGES = "messages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One stream; `name` is the agent's, the bot's, or begins the customers' of a stream of messages."""

    kind: Kind
    tenant: str
    name: str


@dataclass(slots=True)
class Count:
    """What came over streams that only listen."""

    events: int = 0


class Talk:
    """A stream of frames, one under way at a time."""

    def __init__(self, call: grpc.aio.StreamStreamCall[bytes, bytes], source: Traffic) -> None:
        self._call = call
        self._source = source
        self._turn = asyncio.Lock()

    async def ask(self) -> None:
        """Send one message and wait for the answer. Raises: BenchmarkError where the stream ended."""
        async with self._turn:
            await self._call.write(self._source.frame(1))
            if not isinstance(await self._call.read(), bytes):
                raise BenchmarkError("a stream ended that was to be held")


@dataclass(slots=True)
class Held:
    """What is open until `close`."""

    channels: list[grpc.aio.Channel] = field(default_factory=list)
    talks: list[Talk] = field(default_factory=list)
    listening: list[asyncio.Task[None]] = field(default_factory=list)
    count: Count = field(default_factory=Count)
    again: int = 0  # streams that were opened more than once

    async def open(self, address: str, wanted: Wanted, texts: Traffic, *, is_echo: bool) -> None:
        """Open one stream, and wait until the server has it."""
        channel = grpc.aio.insecure_channel(address, options=_OPTIONS)
        self.channels.append(channel)
        async with asyncio.timeout(PATIENCE):
            await channel.channel_ready()
            if wanted.kind is Kind.MESSAGES or is_echo:
                await self._talk(channel, wanted, texts, is_echo=is_echo)
            elif wanted.kind is Kind.BOT:
                await self._follow(channel, wanted)
            else:
                self._watch(channel, wanted)

    async def close(self) -> None:
        """End them all."""
        for task in self.listening:
            task.cancel()
        await asyncio.gather(*self.listening, return_exceptions=True)
        await asyncio.gather(*(channel.close() for channel in self.channels))

    async def _talk(
        self, channel: grpc.aio.Channel, wanted: Wanted, texts: Traffic, *, is_echo: bool
    ) -> None:
        talk = await self._begun(channel, texts, echo.STREAM if is_echo else stream.METHOD)
        if wanted.kind is Kind.MESSAGES:
            self.talks.append(talk)
        else:
            self.listening.append(asyncio.create_task(_hold(talk)))

    async def _begun(self, channel: grpc.aio.Channel, texts: Traffic, name: str) -> Talk:
        """A stream whose first message was answered; opened again where a busy server did not answer in time."""
        method: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(name)
        while True:  # until the caller's patience ends
            talk = Talk(method(), texts)
            try:
                await talk.ask()
            except grpc.aio.AioRpcError as error:
                if error.code() not in _AGAIN:
                    raise
                self.again += 1
            else:
                return talk

    async def _follow(self, channel: grpc.aio.Channel, wanted: Wanted) -> None:
        method: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(FOLLOW)
        call = method()
        request = bot_service_pb2.ReceiveEventsRequest(
            tenant=wanted.tenant, bot_id=wanted.name, kinds=[_QUIET_KIND]
        )
        await call.write(request.SerializeToString())
        if not isinstance(await call.read(), bytes):
            raise BenchmarkError("a bot's stream ended that was to be held")
        self.listening.append(asyncio.create_task(_listen(call, self.count)))

    def _watch(self, channel: grpc.aio.Channel, wanted: Wanted) -> None:
        method: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(WATCH)
        request = agent_service_pb2.WatchAgentRequest(tenant=wanted.tenant, agent_id=wanted.name)
        call = method(request.SerializeToString())
        self.listening.append(asyncio.create_task(_listen(call, self.count)))

    def ended(self) -> int:
        """Streams that were to listen on, and do not."""
        return sum(task.done() for task in self.listening)


async def _listen(
    call: grpc.aio.UnaryStreamCall[bytes, bytes] | grpc.aio.StreamStreamCall[bytes, bytes], count: Count
) -> None:
    while isinstance(await call.read(), bytes):  # not `async for`, which gRPC forbids after a read
        count.events += 1


async def _hold(_: Talk) -> None:
    """Keep a call from being collected, which would end it."""
    await asyncio.Event().wait()


def split(wanted: Sequence[Wanted], most: int) -> list[Sequence[Wanted]]:
    """Shares of at most so many."""
    return [wanted[start : start + most] for start in range(0, len(wanted), most)]

"""Small frames and single messages that come together go to the one engine behind a socket together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from yingda.v1 import engine_service_pb2, message_service_pb2

from gateway.servicers.message import SMALL
from tests.fakes import FakeEngine, make_message, serving
from tests.gateway.refusal import refusal
from tests.gateway.test_failures import (
    PROCESS,
    SEND,
    STREAM,
    Answer,
    Call,
    first_answer,
    gateway_before,
    gateway_to,
    good,
)

STREAMS = 8
TURNS = 10


async def slow(_: str, request: bytes) -> bytes:
    """Time for others to come meanwhile."""
    await asyncio.sleep(0.005)
    return await good(PROCESS, request)


async def forgetful(_: str, request: bytes) -> bytes:
    """Answers the first message only."""
    whole = engine_service_pb2.RawFrame.FromString(await slow(PROCESS, request))
    return engine_service_pb2.RawFrame(messages=whole.messages[:1]).SerializeToString()


def frame(*texts: str) -> bytes:
    messages = [make_message(text) for text in texts]
    return engine_service_pb2.ProcessMessagesRequest(messages=messages).SerializeToString()


def sizes(fake: FakeEngine) -> list[int]:
    """Of the engine's calls, how many messages each had."""
    return [len(engine_service_pb2.RawFrame.FromString(request).messages) for _, request in fake.calls]


@asynccontextmanager
async def behind_a_socket(answer: Answer, folder: Path) -> AsyncIterator[tuple[FakeEngine, grpc.aio.Channel]]:
    """The fake engine, and a channel to a gateway before it."""
    fake = FakeEngine(answer=answer)
    async with (
        serving(fake, f"unix:{folder / 'engine.sock'}") as engine,
        gateway_to(engine) as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        yield fake, channel


@pytest.fixture
async def before(tmp_path: Path) -> AsyncIterator[tuple[FakeEngine, grpc.aio.Channel]]:
    async with behind_a_socket(slow, tmp_path) as found:
        yield found


async def converse(channel: grpc.aio.Channel, name: str, count: int) -> list[list[str]]:
    """What is answered to so many frames of two, one after the other: with the fake engine, their texts."""
    call: Any = channel.stream_stream(STREAM)()
    answers = [
        message_service_pb2.StreamMessagesResponse.FromString(
            await first_answer(call, frame(f"{name} {turn} a", f"{name} {turn} b"))
        )
        for turn in range(count)
    ]
    return [[one.answer.conversation_id for one in answer.results] for answer in answers]


async def send(channel: grpc.aio.Channel, text: str) -> str:
    call: Call = channel.unary_unary(SEND)
    answer = message_service_pb2.SendMessageResponse.FromString(await call(frame(text)))
    return answer.answer.conversation_id


async def test_each_frame_of_several_that_go_together_gets_its_own_answers(
    before: tuple[FakeEngine, grpc.aio.Channel],
) -> None:
    fake, channel = before
    found = await asyncio.gather(*(converse(channel, f"s{n}", TURNS) for n in range(STREAMS)))

    assert found == [[[f"s{n} {turn} a", f"s{n} {turn} b"] for turn in range(TURNS)] for n in range(STREAMS)]
    assert sum(sizes(fake)) == STREAMS * TURNS * 2
    assert len(fake.calls) < STREAMS * TURNS / 2


async def test_single_messages_go_with_the_frames(before: tuple[FakeEngine, grpc.aio.Channel]) -> None:
    fake, channel = before
    texts = [f"alone {n}" for n in range(STREAMS)]
    found, _ = await asyncio.gather(
        asyncio.gather(*(send(channel, text) for text in texts)), converse(channel, "s", 1)
    )

    assert found == texts
    assert sum(sizes(fake)) == STREAMS + 2
    assert len(fake.calls) < STREAMS + 1


async def test_a_large_frame_goes_alone(before: tuple[FakeEngine, grpc.aio.Channel]) -> None:
    fake, channel = before
    texts = [str(n) for n in range(SMALL + 1)]
    await asyncio.gather(
        *(first_answer(channel.stream_stream(STREAM)(), frame(*texts)) for _ in range(STREAMS))
    )

    assert sizes(fake) == [SMALL + 1] * STREAMS


async def test_frames_to_engines_behind_a_name_are_calls_that_grpc_divides_among_them() -> None:
    async with (
        gateway_before(slow) as (fake, address),
        grpc.aio.insecure_channel(address) as channel,
    ):
        await asyncio.gather(*(converse(channel, f"s{n}", 1) for n in range(STREAMS)))

    assert sizes(fake) == [2] * STREAMS


async def test_nobody_gets_the_answer_of_another_where_the_engine_loses_some(tmp_path: Path) -> None:
    async with behind_a_socket(forgetful, tmp_path) as (_, channel):
        texts = [f"alone {n}" for n in range(STREAMS)]
        found = await asyncio.gather(*(send(channel, text) for text in texts), return_exceptions=True)
        refused = await refusal(_again(found))

    assert all(one == text for one, text in zip(found, texts, strict=True) if isinstance(one, str))
    assert refused.code is grpc.StatusCode.INTERNAL


async def _again(found: list[str | BaseException]) -> bytes:
    """Raises the first error."""
    for one in found:
        if isinstance(one, BaseException):
            raise one
    return b""

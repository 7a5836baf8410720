from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
import pytest
from yingda import Client, YingdaError
from yingda.v1 import answer_pb2, engine_service_pb2, message_pb2, message_service_pb2

from tests.fakes import FieldValue, make_message
from tests.gateway.refusal import refusal

pytestmark = pytest.mark.asyncio(loop_scope="session")

STREAM = "/yingda.v1.MessageService/StreamMessages"
INVALID = grpc.StatusCode.INVALID_ARGUMENT.value[0]
NOT_FOUND = grpc.StatusCode.NOT_FOUND.value[0]


async def exchange(
    client: Client, *frames: Sequence[message_pb2.Message]
) -> list[Sequence[answer_pb2.MessageResult]]:
    return [results async for results in client.stream(frames)]


async def exchange_bytes(channel: grpc.aio.Channel, frame: bytes) -> Sequence[answer_pb2.MessageResult]:
    """The results of one frame sent as it is."""

    async def requests() -> AsyncIterator[bytes]:
        yield frame

    call: Any = channel.stream_stream(STREAM)
    (answer,) = [one async for one in call(requests())]
    return message_service_pb2.StreamMessagesResponse.FromString(answer).results


def make_frame(tenant: str, size: int, **changes: FieldValue) -> list[message_pb2.Message]:
    return [make_message("hello", tenant=tenant, **changes) for _ in range(size)]


async def test_each_frame_has_its_answer_in_order(client: Client, tenant: str) -> None:
    frames = [make_frame(tenant, size, customer_id=f"cu{size}") for size in (3, 1, 2)]
    answered = await exchange(client, *frames)

    assert [[one.message_id for one in results] for results in answered] == [
        [message.message_id for message in frame] for frame in frames
    ]
    assert all(one.HasField("answer") for results in answered for one in results)


async def test_the_first_frame_is_answered_before_the_second_is_sent(client: Client, tenant: str) -> None:
    turn = asyncio.Semaphore(1)

    async def frames() -> AsyncIterator[Sequence[message_pb2.Message]]:
        for _ in range(3):
            await asyncio.wait_for(turn.acquire(), 5)
            yield make_frame(tenant, 1)

    sizes = []
    async for results in client.stream(frames()):
        sizes.append(len(results))
        turn.release()

    assert sizes == [1, 1, 1]


async def test_messages_of_one_conversation_are_journaled_in_the_order_sent(
    client: Client, tenant: str
) -> None:
    messages = [make_message(f"message {n}", tenant=tenant) for n in range(30)]
    await exchange(client, messages[:10], messages[10:11], messages[11:])
    (conversation,) = await client.conversations()
    events = await client.events(conversation.conversation_id)

    assert [event.message_received.message for event in events] == messages


async def test_a_frame_of_512_is_answered(client: Client, tenant: str) -> None:
    frame = [make_message("hello", tenant=tenant, customer_id=f"cu{n}") for n in range(512)]
    (results,) = await exchange(client, frame)

    assert len({one.answer.conversation_id for one in results}) == 512


async def test_a_frame_of_the_largest_messages_is_answered(client: Client, tenant: str) -> None:
    attachments = [message_pb2.Attachment(url="u" * 2048, media_type="m" * 127)] * 16
    metadata = {f"{n:064}": "v" * 512 for n in range(32)}
    frame = [
        make_message("x" * 8192, tenant=tenant, attachments=attachments, metadata=metadata)
        for _ in range(512)
    ]
    (results,) = await exchange(client, frame)

    assert [one.WhichOneof("outcome") for one in results] == ["answer"] * 512


async def test_a_bad_message_has_its_own_error_and_hurts_no_other(client: Client, tenant: str) -> None:
    frame = [
        make_message("first", tenant=tenant),
        make_message("", tenant=tenant, message_id="empty"),
        make_message("x" * 8193, tenant=tenant, message_id="long"),
        make_message("stranger", tenant="nobody", message_id="stranger"),
        make_message("nameless", tenant=tenant, message_id=""),
        make_message("last", tenant=tenant),
    ]
    (results,) = await exchange(client, frame)

    assert [one.WhichOneof("outcome") for one in results] == ["answer", *["error"] * 4, "answer"]
    assert [one.message_id for one in results] == [message.message_id for message in frame]
    errors = [(one.error.code, one.error.field) for one in results[1:5]]
    assert errors == [(INVALID, "text"), (INVALID, "text"), (NOT_FOUND, "tenant"), (INVALID, "message_id")]
    assert results[2].error.message == "text: is 8193 bytes long, the limit is 8192"


async def test_nothing_of_a_bad_message_is_kept(client: Client, tenant: str) -> None:
    await exchange(client, [make_message("", tenant=tenant, conversation_id="bad"), *make_frame(tenant, 1)])

    assert len(await client.conversations()) == 1
    with pytest.raises(YingdaError, match="NOT_FOUND"):
        await client.conversation("bad")


async def test_a_frame_of_bad_messages_alone_is_answered(client: Client, tenant: str) -> None:
    (results,) = await exchange(client, [make_message("", tenant=tenant), make_message("", tenant=tenant)])

    assert [one.error.field for one in results] == ["text", "text"]


async def test_a_message_twice_in_a_frame_gets_its_first_answer(client: Client, tenant: str) -> None:
    message = make_message("hello", tenant=tenant)
    (results,) = await exchange(client, [message, make_message("", tenant=tenant), message])

    assert [one.answer.duplicate for one in results] == [False, False, True]
    assert results[0].answer.conversation_id == results[2].answer.conversation_id


async def test_a_message_that_is_no_utf_8_spoils_itself_alone(channel: grpc.aio.Channel, tenant: str) -> None:
    messages = [make_message(text, tenant=tenant) for text in ("first", "XXXX", "last")]
    frame = message_service_pb2.StreamMessagesRequest(messages=messages).SerializeToString()
    results = await exchange_bytes(channel, frame.replace(b"XXXX", b"\xff\xfe\x80\x80"))

    assert [one.message_id for one in results] == [messages[0].message_id, "", messages[2].message_id]
    assert [one.WhichOneof("outcome") for one in results] == ["answer", "error", "answer"]
    assert (results[1].error.code, results[1].error.field) == (INVALID, "")
    assert results[1].error.message == "message: is no valid yingda.v1.Message; texts must be UTF-8"


@pytest.mark.parametrize("broken", [b"\xff", b"\x32\x05ab", b"\x07", b"\x0a\x02\xc3\x28"])
async def test_bytes_that_are_no_message_spoil_themselves_alone(
    channel: grpc.aio.Channel, tenant: str, broken: bytes
) -> None:
    good = make_message("good", tenant=tenant)
    frame = engine_service_pb2.RawFrame(messages=[broken, good.SerializeToString()])
    results = await exchange_bytes(channel, frame.SerializeToString())

    assert [one.WhichOneof("outcome") for one in results] == ["error", "answer"]


@pytest.mark.parametrize("field", ["metadata", "message_id", "url"])
async def test_a_key_or_value_that_is_no_utf_8_spoils_its_message_alone(
    channel: grpc.aio.Channel, tenant: str, field: str
) -> None:
    bad = make_message("bad", tenant=tenant)
    if field == "metadata":
        bad.metadata["XXXX"] = "v"
    elif field == "url":
        bad.attachments.add(url="XXXX")
    else:
        bad.message_id = "XXXX"
    messages = [bad, make_message("good", tenant=tenant)]
    frame = message_service_pb2.StreamMessagesRequest(messages=messages).SerializeToString()
    results = await exchange_bytes(channel, frame.replace(b"XXXX", b"\xff\xfe\x80\x80"))

    assert [one.WhichOneof("outcome") for one in results] == ["error", "answer"]


@pytest.mark.parametrize("size", [0, 513])
async def test_a_frame_that_is_empty_or_too_long_ends_the_stream(
    channel: grpc.aio.Channel, tenant: str, size: int
) -> None:
    frame = message_service_pb2.StreamMessagesRequest(messages=make_frame(tenant, size))
    refused_with = await refusal(exchange_bytes(channel, frame.SerializeToString()))

    assert (refused_with.code, refused_with.field) == (grpc.StatusCode.INVALID_ARGUMENT, "messages")
    assert refused_with.text == f"messages: has {size} entries, must have 1 to 512"


async def test_frames_before_a_bad_one_were_answered_and_kept(client: Client, tenant: str) -> None:
    answered = client.stream([make_frame(tenant, 2), []])
    first = await anext(answered)

    with pytest.raises(YingdaError, match="INVALID_ARGUMENT: messages: has 0 entries"):
        await anext(answered)
    assert len(first) == 2
    assert len(await client.conversations()) == 1


async def test_bytes_that_are_no_frame_end_the_stream(channel: grpc.aio.Channel) -> None:
    refused_with = await refusal(exchange_bytes(channel, b"\xff\xff\xff"))

    assert refused_with.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused_with.text == "the request is not a serialised frame of messages"


async def test_a_frame_of_several_tenants_is_answered(
    client: Client, other_client: Client, tenant: str, other_tenant: str
) -> None:
    frame = [make_message("hello", tenant=one, message_id="same") for one in (tenant, other_tenant)]
    (results,) = await exchange(client, frame)

    assert [one.answer.duplicate for one in results] == [False, False]
    assert len(await client.conversations()) == len(await other_client.conversations()) == 1


async def test_a_stream_of_no_frames_ends_well(client: Client) -> None:
    assert await exchange(client) == []


async def test_a_field_of_a_newer_release_reaches_the_journal(
    channel: grpc.aio.Channel, client: Client, tenant: str
) -> None:
    newer = make_message("hello", tenant=tenant).SerializeToString() + b"\xfa\x3f\x03new"
    results = await exchange_bytes(channel, engine_service_pb2.RawFrame(messages=[newer]).SerializeToString())
    (event,) = await client.events(results[0].answer.conversation_id)

    assert event.message_received.message.SerializeToString().endswith(b"\xfa\x3f\x03new")

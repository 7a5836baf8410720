from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from yingda import Client
from yingda.v1 import (
    agent_pb2,
    analysis_pb2,
    assignment_pb2,
    message_pb2,
    message_service_pb2,
)

from tests.fakes import FieldValue, make_message
from tests.gateway.refusal import Refusal, refusal

pytestmark = pytest.mark.asyncio(loop_scope="session")

SEND = "/yingda.v1.MessageService/SendMessage"
INVALID = grpc.StatusCode.INVALID_ARGUMENT


def request_of(message: message_pb2.Message) -> bytes:
    return message_service_pb2.SendMessageRequest(message=message).SerializeToString()


async def refused(channel: grpc.aio.Channel, message: message_pb2.Message) -> Refusal:
    return await refused_bytes(channel, request_of(message))


async def refused_bytes(channel: grpc.aio.Channel, request: bytes) -> Refusal:
    call: Any = channel.unary_unary(SEND)
    return await refusal(call(request))


async def test_a_message_gets_a_complete_answer(client: Client) -> None:
    await client.put_agent(
        agent_pb2.Agent(agent_id="ann", name="Ann", skills={"logistics": 5}, languages=["en"], capacity=2)
    )
    await client.set_presence("ann", agent_pb2.PRESENCE_ONLINE)
    answer = await client.send("Where is my parcel? It was due on Monday", customer_id="cu1")

    assert answer.analysis.intent.startswith("shipping.")
    assert answer.analysis.skill == "logistics"
    assert 0.5 < answer.analysis.confidence <= 1
    assert len(answer.analysis.candidates) == 3
    assert answer.analysis.language == "en"
    assert answer.analysis.sentiment != analysis_pb2.SENTIMENT_UNSPECIFIED
    assert answer.assignment.outcome == assignment_pb2.ASSIGNMENT_OUTCOME_ASSIGNED
    assert (answer.assignment.agent_id, answer.assignment.agent_name) == ("ann", "Ann")
    assert len(answer.suggestions) == 3
    assert not answer.duplicate


async def test_a_chinese_message_gets_chinese_replies(client: Client) -> None:
    answer = await client.send("我的快递到哪里了,怎么还没送到", customer_id="cu1")

    assert answer.analysis.language == "zh"
    assert answer.analysis.skill == "logistics"
    assert all(any("\u4e00" <= one <= "\u9fff" for one in found.text) for found in answer.suggestions)


async def test_a_message_sent_twice_gets_its_first_answer(client: Client) -> None:
    first = await client.send("refund please", customer_id="cu1", message_id="m1")
    second = await client.send("something else", customer_id="cu1", message_id="m1")

    assert (first.duplicate, second.duplicate) == (False, True)
    second.duplicate = False
    assert first == second


async def test_an_empty_text_is_fine_with_an_attachment(client: Client) -> None:
    message = client.message("", customer_id="cu1")
    message.attachments.add(url="https://example.org/photo.jpg", media_type="image/jpeg")
    answer = await client.send_message(message)

    assert answer.conversation_id
    (event,) = await client.events(answer.conversation_id)
    assert event.message_received.message == message


async def test_a_channel_that_this_release_does_not_know_is_served(client: Client) -> None:
    answer = await client.send("hello", channel=4711, customer_id="cu1")  # type: ignore[arg-type]

    assert (await client.conversation(answer.conversation_id)).channel == 4711


@pytest.mark.parametrize("text", ["", " ", "\x00", "?", "🙂" * 2048, "a\nb\tc", "{order_id}", "\ufeff\u202e"])
async def test_any_text_up_to_8192_bytes_is_answered(client: Client, text: str) -> None:
    message = client.message(text, customer_id="cu1")
    if not text:
        message.attachments.add(url="https://example.org/a")
    answer = await client.send_message(message)

    assert answer.analysis.language in ("zh", "en")


@pytest.mark.parametrize(
    ("change", "field", "text"),
    [
        ({"tenant": ""}, "tenant", "must be 1 to 64 of a-z, 0-9, '_' and '-'"),
        ({"tenant": "Shop"}, "tenant", "must be 1 to 64"),
        ({"tenant": "a" * 65}, "tenant", "must be 1 to 64"),
        ({"tenant": "t0\n"}, "tenant", "must be 1 to 64"),
        ({"channel": 0}, "channel", "is required"),
        ({"channel": -1}, "channel", "is required"),
        ({"message_id": ""}, "message_id", "is required"),
        ({"message_id": "款" * 43}, "message_id", "is 129 bytes long, the limit is 128"),
        ({"customer_id": ""}, "customer_id", "is required where conversation_id is empty"),
        ({"customer_id": "x" * 129}, "customer_id", "is 129 bytes long"),
        ({"conversation_id": "x" * 129}, "conversation_id", "is 129 bytes long"),
        ({"text": ""}, "text", "is empty; a message needs a text or an attachment"),
        ({"text": "x" * 8193}, "text", "is 8193 bytes long, the limit is 8192"),
        ({"text": "款" * 2731}, "text", "is 8193 bytes long"),
        ({"locale": "x" * 36}, "locale", "is 36 bytes long"),
        ({"metadata": {"k" * 65: "v"}}, "metadata key", "is 65 bytes long"),
        ({"metadata": {"k": "v" * 513}}, "metadata['k']", "is 513 bytes long"),
        ({"metadata": {f"k{n}": "v" for n in range(33)}}, "metadata", "has 33 entries, the limit is 32"),
        ({"attachments": [message_pb2.Attachment()]}, "attachments[0].url", "is required"),
        (
            {"attachments": [message_pb2.Attachment(url="u"), message_pb2.Attachment(url="x" * 2049)]},
            "attachments[1].url",
            "is 2049 bytes long",
        ),
        (
            {"attachments": [message_pb2.Attachment(url="u", media_type="x" * 128)]},
            "attachments[0].media_type",
            "is 128 bytes long",
        ),
        (
            {"attachments": [message_pb2.Attachment(url="u", size_bytes=-1)]},
            "attachments[0].size_bytes",
            "must be 0 or more",
        ),
        ({"attachments": [message_pb2.Attachment(url="u")] * 17}, "attachments", "has 17 entries"),
    ],
)
async def test_a_message_beyond_a_limit_is_refused_by_field(
    channel: grpc.aio.Channel, tenant: str, change: dict[str, FieldValue], field: str, text: str
) -> None:
    refused_with = await refused(channel, make_message(**({"tenant": tenant} | change)))

    assert (refused_with.code, refused_with.field) == (INVALID, field)
    assert refused_with.text.startswith(f"{field}: {text}")
    assert refused_with.retry_ms is None


async def test_every_limit_can_be_reached(client: Client, tenant: str) -> None:
    attachment = message_pb2.Attachment(url="u" * 2048, media_type="m" * 127, size_bytes=2**62)
    answer = await client.send_message(
        message_pb2.Message(
            tenant=tenant,
            channel=message_pb2.CHANNEL_QQ,
            message_id="m" * 128,
            conversation_id="c" * 128,
            customer_id="u" * 128,
            text="款" * 2730 + "xx",
            locale="l" * 35,
            attachments=[attachment] * 16,
            metadata={f"{n:064}": "v" * 512 for n in range(32)},
        )
    )

    assert answer.conversation_id == "c" * 128


async def test_an_unknown_tenant_is_not_found(channel: grpc.aio.Channel) -> None:
    refused_with = await refused(channel, make_message(tenant="nobody"))

    assert (refused_with.code, refused_with.field) == (grpc.StatusCode.NOT_FOUND, "tenant")
    assert refused_with.text == (
        "tenant: 'nobody' is not served for this caller; an operator adds it under [gateway]"
    )


async def test_a_refused_message_can_be_sent_again_mended(
    client: Client, channel: grpc.aio.Channel, tenant: str
) -> None:
    await refused(channel, make_message(tenant=tenant, message_id="m1", text=""))

    assert not (await client.send("hello", customer_id="cu1", message_id="m1")).duplicate


async def test_a_text_that_is_no_utf_8_is_refused(channel: grpc.aio.Channel, tenant: str) -> None:
    request = request_of(make_message("XXXX", tenant=tenant))
    refused_with = await refused_bytes(channel, request.replace(b"XXXX", b"\xff\xfe\x80\x80"))

    assert refused_with.code is INVALID
    assert refused_with.text == "message: is no valid yingda.v1.Message; texts must be UTF-8"


@pytest.mark.parametrize("request_bytes", [b"", b"\x0a", b"\xff\xff\xff", b"\x08\x01", b"GET / HTTP/1.1"])
async def test_bytes_that_are_no_request_are_refused(channel: grpc.aio.Channel, request_bytes: bytes) -> None:
    assert (await refused_bytes(channel, request_bytes)).code is INVALID


async def test_a_request_without_a_message_names_it(channel: grpc.aio.Channel) -> None:
    refused_with = await refused_bytes(channel, b"")

    assert (refused_with.code, refused_with.field) == (INVALID, "message")


async def test_the_engines_own_service_is_not_served(channel: grpc.aio.Channel) -> None:
    call: Any = channel.unary_unary("/yingda.v1.EngineService/ProcessMessages")

    assert (await refusal(call(b""))).code is grpc.StatusCode.UNIMPLEMENTED


async def test_many_callers_at_once_each_get_their_own_answer(client: Client) -> None:
    texts = [("refund my money please", "refund"), ("where is my parcel", "shipping")] * 50
    answers = await asyncio.gather(
        *(client.send(text, customer_id=f"cu{n}") for n, (text, _) in enumerate(texts))
    )

    assert [answer.analysis.intent.partition(".")[0] for answer in answers] == [topic for _, topic in texts]
    assert len({answer.conversation_id for answer in answers}) == 100

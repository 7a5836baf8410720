from __future__ import annotations

from typing import TypeAlias

import grpc
import pytest
from yingda import Client, YingdaError
from yingda.v1 import (
    assist_service_pb2,
    assist_service_pb2_grpc,
    reply_pb2,
    reply_service_pb2,
    reply_service_pb2_grpc,
)

from tests.fakes import FieldValue
from tests.gateway.refusal import refusal

pytestmark = pytest.mark.asyncio(loop_scope="session")

ReplyStub: TypeAlias = "reply_service_pb2_grpc.ReplyServiceAsyncStub"
AssistStub: TypeAlias = "assist_service_pb2_grpc.AssistServiceAsyncStub"
INVALID = grpc.StatusCode.INVALID_ARGUMENT


def make(reply_id: str = "own", **changes: FieldValue) -> reply_pb2.Reply:
    fields: dict[str, FieldValue] = {"language": "en", "title": "Zebra", "text": "zebra for {order_id}"}
    return reply_pb2.Reply(reply_id=reply_id, **(fields | changes))


@pytest.fixture
def replies(channel: grpc.aio.Channel) -> ReplyStub:
    return reply_service_pb2_grpc.ReplyServiceStub(channel)


@pytest.fixture
def assist(channel: grpc.aio.Channel) -> AssistStub:
    return assist_service_pb2_grpc.AssistServiceStub(channel)


async def test_a_new_tenant_has_the_sample_replies(client: Client) -> None:
    found = await client.replies()

    assert len(found) > 100
    assert [one.reply_id for one in found] == sorted(one.reply_id for one in found)


async def test_a_put_reply_comes_back_with_its_slots_and_is_suggested_at_once(client: Client) -> None:
    put = await client.put_reply(make())
    (best, *_) = await client.suggest("zeb", language="en")

    assert list(put.slots) == ["order_id"]
    assert put in await client.replies()
    assert (best.reply_id, best.text, list(best.slots)) == ("own", "zebra for {order_id}", ["order_id"])


async def test_a_deleted_reply_is_gone_at_once(client: Client) -> None:
    await client.put_reply(make())
    await client.suggest("zeb", language="en")
    await client.delete_reply("own")

    assert "own" not in [one.reply_id for one in await client.replies()]
    assert "own" not in [one.reply_id for one in await client.suggest("zeb", language="en", limit=20)]


async def test_deleting_what_is_not_there_is_not_found(client: Client) -> None:
    with pytest.raises(YingdaError, match=r"NOT_FOUND: .* has no reply nothing"):
        await client.delete_reply("nothing")


async def test_a_repeated_delete_succeeds(client: Client) -> None:
    await client.put_reply(make())
    for _ in range(2):
        await client.delete_reply("own", request_id="d1")

    assert "own" not in [one.reply_id for one in await client.replies()]


async def test_braces_that_do_not_pair_are_refused(replies: ReplyStub, tenant: str) -> None:
    request = reply_service_pb2.PutReplyRequest(tenant=tenant, reply=make(text="hi {name"))
    refused = await refusal(replies.PutReply(request))

    assert (refused.code, refused.field) == (INVALID, "reply.text")
    assert refused.text.startswith("reply.text: '{' at character 4 belongs to no slot")


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("{{7*7}}", "{7*7}"),
        ("{{{order_id}}}", "{{order_id}}"),
        ("${{jndi:ldap}}", "${jndi:ldap}"),
        ("<%= 7*7 %>", "<%= 7*7 %>"),
    ],
)
async def test_what_looks_like_a_template_is_only_characters(client: Client, text: str, sent: str) -> None:
    await client.put_reply(make(text=text))
    (found,) = await client.suggest("zebra", language="en", limit=1)

    assert found.text == sent
    assert next(one for one in await client.replies() if one.reply_id == "own").text == text


async def test_replies_come_in_pages_by_id(client: Client, replies: ReplyStub, tenant: str) -> None:
    request = reply_service_pb2.ListRepliesRequest(tenant=tenant, page_size=150)
    seen: list[str] = []
    while not seen or (request.page_token and len(seen) < 10_000):
        page = await replies.ListReplies(request)
        seen += [one.reply_id for one in page.replies]
        request.page_token = page.next_page_token

    assert seen == [one.reply_id for one in await client.replies()]
    assert len(set(seen)) == len(seen)


async def test_the_conversation_decides_what_is_suggested(client: Client) -> None:
    await client.send("I want my money back for this order", conversation_id="c1")
    found = await client.suggest(conversation_id="c1", limit=20)

    assert len(found) == 20
    assert found[0].reply_id.startswith("refund.")
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert all(-1.001 <= one.similarity <= 1.001 for one in found)


async def test_three_are_suggested_where_no_limit_is_given(assist: AssistStub, tenant: str) -> None:
    request = assist_service_pb2.SuggestRepliesRequest(tenant=tenant, typed_text="r")

    assert len((await assist.SuggestReplies(request)).suggestions) == 3


async def test_typed_text_narrows_what_the_conversation_suggests(client: Client) -> None:
    await client.send("I want my money back for this order", conversation_id="c1")
    await client.put_reply(make(intent="refund.request", title="Zebra"))

    assert (await client.suggest("zebra", conversation_id="c1"))[0].reply_id == "own"


async def test_a_conversation_of_an_attachment_alone_has_suggestions(client: Client) -> None:
    message = client.message("", conversation_id="c1")
    message.attachments.add(url="https://example.org/photo.jpg")
    await client.send_message(message)

    assert len(await client.suggest(conversation_id="c1")) == 3


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({}, "typed_text"),
        ({"typed_text": "x" * 8193}, "typed_text"),
        ({"typed_text": "x", "language": "fr"}, "language"),
        ({"typed_text": "x", "limit": 21}, "limit"),
        ({"typed_text": "x", "limit": -1}, "limit"),
        ({"conversation_id": "x" * 129}, "conversation_id"),
    ],
)
async def test_a_bad_request_is_refused_by_field(
    assist: AssistStub,
    tenant: str,
    change: dict[str, FieldValue],
    field: str,
) -> None:
    refused = await refusal(
        assist.SuggestReplies(assist_service_pb2.SuggestRepliesRequest(tenant=tenant, **change))
    )

    assert (refused.code, refused.field) == (INVALID, field)


async def test_a_conversation_that_is_not_there_is_not_found(client: Client) -> None:
    with pytest.raises(YingdaError, match=r"NOT_FOUND: .* has no conversation nothing"):
        await client.suggest(conversation_id="nothing")

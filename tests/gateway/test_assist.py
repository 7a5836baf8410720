from __future__ import annotations

import grpc
import pytest
from yingda import Client, YingdaError
from yingda.v1 import answer_pb2, assist_service_pb2_grpc, message_pb2, reply_pb2, reply_service_pb2
from yingda.v1 import assist_service_pb2 as pb

from tests.fakes import FieldValue
from tests.gateway.refusal import refusal

pytestmark = pytest.mark.asyncio(loop_scope="session")


def make(reply_id: str, **changes: FieldValue) -> reply_pb2.Reply:
    fields: dict[str, FieldValue] = {"language": "zh", "title": "斑马说明", "text": "斑马在路上"}
    return reply_pb2.Reply(reply_id=reply_id, **(fields | changes))


async def listed(client: Client, typed: str, **wanted: FieldValue) -> pb.SuggestRepliesResponse:
    return await client.suggest_list(pb.SuggestRepliesRequest(typed_text=typed, **wanted))


@pytest.mark.parametrize("typed", ["发", "fa", "fh", "fahuo", "发h"])
async def test_the_shipping_replies_are_there_with_the_first_keys(client: Client, typed: str) -> None:
    await client.send("都付款四天了怎么还没动静", conversation_id="c1")
    found = await client.suggest(typed, conversation_id="c1")

    assert any(one.reply_id.startswith("shipping.when.zh") for one in found)


async def test_what_an_agent_types_on_a_stream_is_answered_as_single_calls_are(client: Client) -> None:
    await client.send("都付款四天了怎么还没动静", conversation_id="c1")
    keys = ["", "f", "fa", "fah", "发h", "refund"]
    async with client.keystrokes() as typing:
        streamed = [await typing.suggest(one, conversation_id="c1") for one in keys]

    assert streamed == [await client.suggest(one, conversation_id="c1") for one in keys]
    assert all(streamed)


async def test_a_refused_keystroke_does_not_spoil_the_next(client: Client) -> None:
    async with client.keystrokes() as typing:
        with pytest.raises(YingdaError) as refused:
            await typing.suggest("fa", conversation_id="nowhere")
        found = await typing.suggest("fa")

    assert refused.value.code is grpc.StatusCode.NOT_FOUND
    assert found


async def test_every_request_of_a_stream_must_be_of_a_tenant_that_is_served(
    channel: grpc.aio.Channel, tenant: str
) -> None:
    stream = assist_service_pb2_grpc.AssistServiceStub(channel).StreamSuggestions()
    await stream.write(pb.SuggestRepliesRequest(tenant=tenant, typed_text="fa"))
    first = await stream.read()
    await stream.write(pb.SuggestRepliesRequest(tenant="nobody", typed_text="fa"))
    found = await refusal(stream.read())

    assert isinstance(first, pb.SuggestRepliesResponse)
    assert first.suggestions
    assert (found.code, found.field) == (grpc.StatusCode.NOT_FOUND, "tenant")


async def test_facts_of_the_call_win_over_those_of_the_messages(client: Client) -> None:
    await client.put_reply(make("own", text="{order_id} {customer_name}", title="斑马"))
    for order_id in ("OLD", "NEW"):
        message = client.message("你好", conversation_id="c1", customer_id="u")
        message.metadata.update({"order_id": order_id, "customer_name": "王先生"})
        await client.send_message(message)

    async def own(**facts: str) -> tuple[str, list[str]]:
        found = await listed(client, "斑马", conversation_id="c1", limit=20, facts=facts)
        (one,) = [one for one in found.suggestions if one.reply_id == "own"]
        return one.text, list(one.slots)

    assert await own() == ("NEW 王先生", [])
    assert await own(order_id="TOLD") == ("TOLD 王先生", [])


async def test_replies_are_offered_only_to_their_team_and_on_their_channel(client: Client) -> None:
    await client.put_reply(make("team", teams=["vip"]))
    await client.put_reply(make("channel", channels=[message_pb2.CHANNEL_WECHAT]))

    async def ids(**place: FieldValue) -> set[str]:
        found = await listed(client, "斑马", limit=20, **place)
        return {one.reply_id for one in found.suggestions} & {"team", "channel"}

    assert await ids() == set()
    assert await ids(team="vip") == {"team"}
    assert await ids(channel=message_pb2.CHANNEL_WECHAT) == {"channel"}


async def test_feedback_is_counted_once_and_seen_in_the_health(client: Client) -> None:
    await client.put_reply(make("own", text="斑马 {order_id}"))
    found = await listed(client, "斑马", limit=3)
    shown = [one.reply_id for one in found.suggestions]
    request = pb.RecordFeedbackRequest(
        request_id="f1",
        list_id=found.list_id,
        shown_reply_ids=shown,
        outcome=pb.FEEDBACK_OUTCOME_EDITED,
        reply_id="own",
        sent_text="斑马 A1",
    )
    first, second = [await client.record_feedback(request) for _ in range(2)]
    (health,) = [one for one in await client.reply_health() if one.reply_id == "own"]

    assert (first.reward, first.duplicate, second.duplicate) == (1.0, False, True)
    assert (health.shown, health.edited, health.reward) == (1, 1, 1.0)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"request_id": ""}, "request_id"),
        ({"request_id": "x" * 129}, "request_id"),
        ({"list_id": "", "conversation_id": ""}, "list_id"),
        ({"list_id": "nonsense"}, "list_id"),
        ({"shown_reply_ids": []}, "shown_reply_ids"),
        ({"shown_reply_ids": ["a", "a"]}, "shown_reply_ids"),
        ({"shown_reply_ids": ["a"] * 21}, "shown_reply_ids"),
        ({"reply_id": "c"}, "reply_id"),
        ({"reply_id": ""}, "reply_id"),
        ({"outcome": 0}, "outcome"),
        ({"outcome": 9}, "outcome"),
        ({"outcome": pb.FEEDBACK_OUTCOME_EDITED}, "sent_text"),
        ({"sent_text": "x" * 8193}, "sent_text"),
    ],
)
async def test_bad_feedback_is_refused_by_field(
    channel: grpc.aio.Channel, client: Client, tenant: str, changes: dict[str, FieldValue], field: str
) -> None:
    await client.put_reply(make("a"))
    fields: dict[str, FieldValue] = {
        "tenant": tenant,
        "request_id": "f1",
        "list_id": (await listed(client, "斑马")).list_id,
        "shown_reply_ids": ["a", "b"],
        "reply_id": "a",
        "outcome": pb.FEEDBACK_OUTCOME_ACCEPTED,
    }
    stub = assist_service_pb2_grpc.AssistServiceStub(channel)
    found = await refusal(stub.RecordFeedback(pb.RecordFeedbackRequest(**(fields | changes))))

    assert (found.code, found.field) == (grpc.StatusCode.INVALID_ARGUMENT, field)


async def test_an_import_is_all_or_nothing_and_names_the_reply(client: Client) -> None:
    with pytest.raises(YingdaError, match=r"replies\[1\]: bad: reply.language: must be one of zh, en"):
        await client.import_replies([make("good"), make("bad", language="fr")])
    with pytest.raises(YingdaError, match=r"bad: reply.text: \{weather\} is no slot"):
        await client.import_replies([make("good"), make("bad", text="{weather}")])

    assert "good" not in {one.reply_id for one in await client.replies()}


async def test_a_look_at_an_import_names_every_bad_reply(client: Client) -> None:
    bad = [make("bad", language="fr"), make("good"), make("good"), make("ugly", text="{weather}")]
    found = await client.import_replies(bad, validate_only=True)

    assert [(one.number, one.reply_id, one.field) for one in found.problems] == [
        (0, "bad", "reply.language"),
        (2, "good", "reply.reply_id"),
        (3, "ugly", "reply.text"),
    ]
    assert found.created == 1


async def test_an_import_reports_what_is_near(client: Client) -> None:
    await client.put_reply(make("a", text="斑马明天就从仓库发出，请您留意物流信息，谢谢您的耐心等待"))
    near = make("b", text="斑马明天就从仓库发出，请您留意物流信息，谢谢您耐心等待！")
    dry = await client.import_replies([near, make("c")], validate_only=True)
    done = await client.import_replies([near, make("c")])

    assert (dry.created, dry.replaced) == (2, 0)
    assert dry.duplicates == done.duplicates
    assert [(one.reply_id, one.other_reply_id) for one in done.duplicates] == [("a", "b")]
    assert (await client.import_replies([make("c")])).replaced == 1


async def test_lint_finds_what_was_put(client: Client) -> None:
    await client.import_replies(
        [make("a", questions=["斑马几条腿"]), make("b", text="没有", questions=["斑马几条腿"])]
    )
    kinds = {(one.kind, one.reply_id) for one in await client.lint_replies()}

    assert (reply_service_pb2.REPLY_FINDING_KIND_CONTRADICTION, "a") in kinds


async def test_gaps_show_what_no_reply_answers(client: Client) -> None:
    for number in range(3):
        await client.send("zzkqx wvvq jjpq", customer_id=f"c{number}")
    found = await client.gaps()

    assert (found.messages, found.unanswered) == (3, 3)
    assert [gap.messages for gap in found.gaps] in ([3], [])


async def test_the_engine_answers_alone_where_the_policy_lets_it(client: Client) -> None:
    assert not (await client.auto_reply_policy()).enabled
    policy = pb.AutoReplyPolicy(enabled=True, intents=["chat.greeting"], min_confidence=0.5)
    kept = await client.put_auto_reply_policy(policy)
    answer = await client.send("你好，在吗", customer_id="u")

    assert kept.max_anger == pytest.approx(0.2)
    assert kept.min_similarity == pytest.approx(0.3)
    assert answer.auto_reply.decision > 0
    assert answer.auto_reply.reason


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"min_confidence": 0.4}, "policy.min_confidence"),
        ({"max_anger": 1.5}, "policy.max_anger"),
        ({"min_similarity": 2.0}, "policy.min_similarity"),
        ({"notice_zh": "x" * 513}, "policy.notice_zh"),
        ({"intents": ["x"] * 65}, "policy.intents"),
    ],
)
async def test_a_policy_beyond_a_limit_is_refused(
    client: Client, changes: dict[str, FieldValue], field: str
) -> None:
    with pytest.raises(YingdaError, match=field):
        await client.put_auto_reply_policy(pb.AutoReplyPolicy(**changes))


async def test_answers_are_tried_before_a_policy_is_chosen(client: Client) -> None:
    texts = ["在吗", "转人工", "the moon is made of what"] * 70
    found = await client.try_auto_replies(texts)

    assert len(found) == len(texts)
    assert found[0].intent == "chat.greeting"
    assert found[0].confidence > 0.5
    assert found[1].auto_reply.decision == answer_pb2.AUTO_REPLY_DECISION_HUMAN


@pytest.mark.parametrize("count", [0, 201])
async def test_too_few_or_too_many_tries_are_refused(
    channel: grpc.aio.Channel, tenant: str, count: int
) -> None:
    stub = assist_service_pb2_grpc.AssistServiceStub(channel)
    refused = await refusal(stub.TryAutoReplies(pb.TryAutoRepliesRequest(tenant=tenant, texts=["x"] * count)))

    assert refused.field == "texts"


async def test_letters_that_begin_words_of_both_languages_find_both(client: Client) -> None:
    found = await client.suggest("fa", limit=4)

    assert {one.reply_id.split(".")[-2] for one in found} == {"zh", "en"}

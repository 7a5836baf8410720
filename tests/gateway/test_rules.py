from __future__ import annotations

import pytest
from yingda import Client, YingdaError
from yingda.v1 import rule_pb2
from yingda.v1 import rule_service_pb2 as pb

from tests.fakes import FieldValue

pytestmark = pytest.mark.asyncio(loop_scope="session")

TAG = rule_pb2.RuleAction(add_tags=rule_pb2.AddTagsAction(tags=["x"]))


def make(rule_id: str = "own", **fields: FieldValue) -> rule_pb2.Rule:
    whole: dict[str, FieldValue] = {"rule_id": rule_id, "then": [TAG]}
    return rule_pb2.Rule(**(whole | fields))


def saying(text: str) -> rule_pb2.RuleAction:
    return rule_pb2.RuleAction(auto_reply=rule_pb2.AutoReplyAction(texts={"en": text, "zh": text}))


async def test_a_return_request_opens_a_ticket_out_of_the_box_and_tells_its_number(client: Client) -> None:
    message = client.message("我要退货，怎么申请", customer_id="cu1")
    message.metadata["order_id"] = "A1001"
    answer = await client.send_message(message)
    await client.send("我要退货，怎么申请", customer_id="cu1")
    (ticket,) = await client.tickets()

    assert answer.analysis.intent == "return.request"
    assert (ticket.rule_id, dict(ticket.facts)) == ("return-ticket", {"order_id": "A1001"})
    assert f"工单号 {ticket.ticket_id}" in answer.auto_reply.text
    assert (await client.conversation(answer.conversation_id)).tags == ["return"]


async def test_a_put_rule_is_asked_from_the_next_message_on(client: Client) -> None:
    await client.put_rule(make(when=rule_pb2.RuleCondition(keywords=["zebra"])))
    answer = await client.send("a Zebra!", customer_id="cu1")
    await client.delete_rule("own")
    other = await client.send("a zebra", customer_id="cu2")

    assert (await client.conversation(answer.conversation_id)).tags == ["x"]
    assert (await client.conversation(other.conversation_id)).tags == []


async def test_a_tenant_starts_with_the_packs_rules_and_may_delete_them(client: Client) -> None:
    before = [one.rule_id for one in await client.rules()]
    await client.delete_rule("return-ticket")
    after = [one.rule_id for one in await client.rules()]

    assert "return-ticket" in before
    assert after == [one for one in before if one != "return-ticket"]
    with pytest.raises(YingdaError, match=r"NOT_FOUND: .* has no rule return-ticket"):
        await client.delete_rule("return-ticket")


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"rule_id": "a b"}, r"rule\.rule_id: must be 1 to 64"),
        ({"then": []}, r"rule\.then: has 0 entries, must have 1 to 8"),
        ({"then": [rule_pb2.RuleAction()]}, r"rule\.then\[0\]: must be one of open_ticket"),
        (
            {"when": {"intents": ["retrun.request"]}},
            r"rule\.when\.intents\[0\]: .* did you mean return\.request",
        ),
        ({"when": {"min_confidence": 1.5}}, r"rule\.when\.min_confidence: is 1\.5, must be 0 to 1"),
        ({"when": {"patterns": ["(?=x)"]}}, r"rule\.when\.patterns\[0\]: .* is no RE2 expression"),
        ({"when": {"min_anger": 0.9, "max_anger": 0.1}}, r"rule\.when\.min_anger: is above max_anger"),
        (
            {"then": [saying("{order_nr}")]},
            r"auto_reply\.texts\.en: there is no slot order_nr; did you mean order_id",
        ),
        ({"then": [saying("{ticket_id}")]}, r"names \{ticket_id\}, but no open_ticket stands before"),
        (
            {"then": [{"call_webhook": {"webhook": "owm"}}]},
            r"call_webhook\.webhook: there is no webhook owm; did you mean own",
        ),
        (
            {"then": [{"auto_reply": {"reply_ids": {"en": "nothing.en"}}}]},
            r"auto_reply\.reply_ids\.en: there is no reply nothing\.en",
        ),
    ],
)
async def test_a_bad_rule_is_refused_with_its_key_and_the_fix(
    client: Client, fields: dict[str, FieldValue], problem: str
) -> None:
    rule = make(**({"rule_id": "own"} | fields))

    with pytest.raises(YingdaError, match=f"INVALID_ARGUMENT: .*{problem}"):
        await client.put_rule(rule)
    assert "own" not in [one.rule_id for one in await client.rules()]


async def test_doubts_are_told_and_do_not_hinder(client: Client) -> None:
    rules = [make("first", stop=True), make("second", position=1, when={"keywords": ["no"]})]
    found = {(one.rule_id, one.key): one for one in await client.lint_rules(rules)}

    assert all(one.level == pb.RULE_FINDING_LEVEL_WARNING for one in found.values())
    assert "holds for every message" in found["first", "when"].message
    assert "is never asked: first always holds" in found["second", ""].message
    assert "stands in many words" in found["second", "when.keywords[0]"].message


async def test_the_packs_rules_are_sound(client: Client) -> None:
    found = await client.lint_rules()

    assert [one for one in found if one.level == pb.RULE_FINDING_LEVEL_ERROR] == []


async def test_a_text_is_explained_condition_by_condition(client: Client) -> None:
    await client.put_rule(make(when={"keywords": ["zebra"], "min_vip": 2}))
    explained = await client.explain_rules(pb.ExplainRulesRequest(text="a zebra", vip=1))
    own = next(one for one in explained if one.rule_id == "own")

    assert not own.fires
    assert [(one.name, one.wanted, one.found, one.holds) for one in own.checks] == [
        ("min_vip", "2 or more", "1", False),
        ("keywords", "zebra", "zebra", True),
    ]


async def test_a_conversation_s_explanation_knows_what_fired(client: Client) -> None:
    await client.put_rule(make(when={"keywords": ["zebra"]}))
    answer = await client.send("zebra", customer_id="cu1")
    request = pb.ExplainRulesRequest(conversation_id=answer.conversation_id)
    own = next(one for one in await client.explain_rules(request) if one.rule_id == "own")

    assert (own.fires, own.hindrance) == (False, "window")


async def test_rules_are_tried_on_the_journal_without_doing_anything(client: Client) -> None:
    await client.put_rule(make("old", when={"keywords": ["zebra"]}))
    for text in ("zebra", "horse", "zebra again"):
        await client.send(text, customer_id="cu1")
    tried = [make("old", when={"keywords": ["zebra"]}), make("new", when={"keywords": ["horse"]})]
    found = await client.test_rules(pb.TestRulesRequest(rules=tried))

    assert [(one.rule_id, one.fired) for one in found.trials] == [("old", True), ("new", False)]
    assert found.messages == 3
    assert [one.found for one in found.trials[1].checks] == ["horse"]
    assert (await client.conversation(found.trials[0].conversation_id)).tags == ["x"]


async def test_a_weight_counts_from_the_next_decision_on(client: Client) -> None:
    before = await client.routing_policy()
    put = await client.put_routing_policy(
        pb.RoutingPolicy(weights=pb.RoutingWeights(language=0.0), min_proficiency=2)
    )
    answer = await client.send("hello", customer_id="cu1")

    assert (put.weights.language, put.weights.proficiency) == (0.0, before.weights.proficiency)
    assert (put.min_proficiency, put.version != before.version) == (2, True)
    assert answer.assignment.policy_version == put.version
    assert await client.routing_policy() == put


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        (
            {"weights": {"language": -1.0}},
            r"policy\.weights\.language: is -1\.0: .*greater than or equal to 0",
        ),
        ({"order": {"vip": -0.5}}, r"policy\.order\.vip: is -0\.5"),
        ({"min_proficiency": 6}, r"policy\.min_proficiency: is 6: .*less than or equal to 5"),
        ({"sla": {"seconds": 0}}, r"policy\.sla: is 0\.0: .*greater than 0"),
    ],
)
async def test_a_bad_weight_is_refused_with_its_key(
    client: Client, policy: dict[str, FieldValue], problem: str
) -> None:
    before = await client.routing_policy()

    with pytest.raises(YingdaError, match=f"INVALID_ARGUMENT: {problem}"):
        await client.put_routing_policy(pb.RoutingPolicy(**policy))
    assert await client.routing_policy() == before

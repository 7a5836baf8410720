from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from yingda import Activity, ActivityKind
from yingda.sync_client import SyncClient
from yingda.v1.conversation_service_pb2 import SendReplyRequest

from tests.cli.conftest import Server

Yingda = Callable[..., str]


@pytest.fixture
def conversation_id(shared: Server) -> Iterator[str]:
    """A new conversation of one message; closed after the test."""
    with SyncClient(shared.target) as client:
        customer_id = client.message("").message_id
        found = client.send("我的快递到哪了", customer_id=customer_id).conversation_id
        yield found
        client.close_conversation(found)


def test_route_shows_who_would_get_it_and_why(yingda: Yingda) -> None:
    text = yingda("route", "我的快递到哪了")

    for part in ("shipping.track", "neutral, anger 0.", "zh", "logistics", "best of 3 eligible"):
        assert part in text


def test_route_explains_how_every_agent_stood(yingda: Yingda) -> None:
    text = yingda("route", "我的快递到哪了", "--explain")

    assert "proficiency 0.32 + free_capacity" in text
    assert "Yun (yun)" in text
    assert "lacks skill" in text


def test_route_prints_json(yingda: Yingda) -> None:
    found = json.loads(yingda("route", "我的快递到哪了", "--json"))

    assert found["analysis"]["skill"] == "logistics"
    assert len(found["candidates"]) >= 8


def test_route_explains_a_conversation(yingda: Yingda, conversation_id: str) -> None:
    text = yingda("route", "--conversation", conversation_id, "--explain")

    for part in ("shipping.track", "logistics", "0 of 4 steps", "policy "):
        assert part in text


@pytest.mark.parametrize("arguments", [(), ("hi", "--conversation", "c1")])
def test_route_takes_a_text_or_a_conversation(yingda: Yingda, arguments: tuple[str, ...]) -> None:
    assert "give a text or --conversation ID" in yingda("route", *arguments, code=1)


def test_suggest_lists_replies_in_the_language_asked_for(yingda: Yingda) -> None:
    found = json.loads(yingda("suggest", "where is my refund", "--language", "zh", "--limit", "5", "--json"))

    assert len(found) == 5
    assert all("zh" in one["reply_id"] for one in found)


def test_suggest_shows_a_table(yingda: Yingda) -> None:
    assert "refund.status.en" in yingda("suggest", "where is my refund")


def test_suggest_takes_a_conversation(yingda: Yingda, conversation_id: str) -> None:
    assert "shipping.track.zh" in yingda("suggest", "您", "--conversation", conversation_id)


def test_a_policy_is_set_and_what_is_not_named_is_as_before(yingda: Yingda) -> None:
    found = yingda("policy", "set", "sla=5", "weights.language=1", "require_language=true")
    again = yingda("policy", "set")

    assert [
        line.split()[1] for line in found.splitlines() if line.startswith(("sla", "weights.language"))
    ] == ["1", "5"]
    assert "require_language         true" in found
    assert yingda("policy", "show") == again
    assert "require_language         false" in again


@pytest.mark.parametrize(
    ("value", "refusal"),
    [
        ("weights.language=-1", "policy.weights.language: is -1.0"),
        ("wait=1", "wait is no setting; there are weights.proficiency,"),
        ("auto_accept=maybe", "auto_accept cannot be 'maybe'"),
        ("sla", "'sla' is not of the form sla=5"),
    ],
)
def test_a_bad_policy_is_refused_with_its_key(yingda: Yingda, value: str, refusal: str) -> None:
    assert refusal in yingda("policy", "set", value, code=1)


def test_agents_are_listed_with_their_load(yingda: Yingda) -> None:
    text = yingda("agents", "list")

    assert "tech 5, account 4, aftersales 2" in text
    assert "online" in text


def test_a_new_agent_is_offline_until_presence_says_otherwise(yingda: Yingda) -> None:
    put = yingda("agents", "put", "new", "--name", "新来的", "--skill", "rare=4", "--capacity", "2")

    assert "rare 4" in put
    assert "yingda agents presence new online" in put
    assert "online" in yingda("agents", "presence", "new", "online")


def test_a_level_that_no_skill_has_is_refused(yingda: Yingda) -> None:
    with pytest.raises(SystemExit) as ended:
        yingda("agents", "put", "new", "--skill", "rare=6", "--capacity", "2")

    assert ended.value.code == 2


def test_a_reply_is_put_listed_and_deleted(yingda: Yingda) -> None:
    yingda(
        "replies",
        "put",
        "ours",
        "--language",
        "zh",
        "--text",
        "您好 {customer_name}",
        "--intent",
        "chat.greeting",
    )

    (found,) = [one for one in json.loads(yingda("replies", "list", "--json")) if one["reply_id"] == "ours"]
    assert found["slots"] == ["customer_name"]
    assert "ours is deleted" in yingda("replies", "delete", "ours")


def test_an_import_names_every_bad_record_and_keeps_none(yingda: Yingda, tmp_path: Path) -> None:
    file = tmp_path / "replies.csv"
    file.write_text(
        "reply_id,language,text\ngood,zh,您好\nbad,zh,{weather}\ngood,zh,您好\n", encoding="utf-8"
    )
    said = yingda("replies", "import", str(file), code=1)

    assert "record 3 (bad): text {weather} is no slot" in said
    assert "record 4 (good): reply_id comes twice" in said
    assert '"good"' not in yingda("replies", "list", "--json")


def test_replies_are_listed_by_intent_and_language(yingda: Yingda) -> None:
    found = json.loads(yingda("replies", "list", "--intent", "refund.status", "--language", "en", "--json"))

    assert found
    assert {(one["intent"], one["language"]) for one in found} == {("refund.status", "en")}


def test_a_reply_whose_braces_do_not_pair_is_refused_in_the_service_s_words(yingda: Yingda) -> None:
    said = yingda("replies", "put", "bad", "--language", "zh", "--text", "您好 {name", code=1)

    assert "INVALID_ARGUMENT: " in said
    assert "{name}" in said


def test_a_conversation_is_shown_and_listed(yingda: Yingda, conversation_id: str) -> None:
    assert "assigned" in yingda("conversations", "show", conversation_id)
    assert conversation_id in yingda("conversations", "list", "--state", "assigned", "--limit", "1000")
    assert conversation_id not in yingda("conversations", "list", "--state", "waiting")


def test_the_journal_of_a_conversation_is_shown(yingda: Yingda, conversation_id: str) -> None:
    text = yingda("conversations", "events", conversation_id)

    assert "message received" in text
    assert "我的快递到哪了" in text


def test_a_closed_conversation_says_whom_it_was_taken_from(yingda: Yingda, conversation_id: str) -> None:
    assert "closed" in yingda("conversations", "close", conversation_id)
    assert "taken from" in yingda("conversations", "events", conversation_id)


def test_an_unknown_conversation_is_one_line_and_exit_code_1(yingda: Yingda) -> None:
    said = yingda("conversations", "show", "nope", code=1)

    assert said == "yingda: NOT_FOUND: tenant default has no conversation nope\n"


def test_an_unknown_tenant_is_refused(yingda: Yingda) -> None:
    assert "NOT_FOUND: tenant: 'nobody'" in yingda("agents", "list", "--tenant", "nobody", code=1)


def test_a_conversation_is_given_on(yingda: Yingda, conversation_id: str) -> None:
    moved = json.loads(yingda("conversations", "transfer", conversation_id, "--agent", "yun", "--json"))

    assert moved["conversation"]["agent_id"] == "yun"
    assert "to agent yun" in yingda("conversations", "events", conversation_id)


def test_a_supervisor_joins(yingda: Yingda, conversation_id: str) -> None:
    joined = json.loads(yingda("conversations", "join", conversation_id, "yun", "--json"))

    assert joined["participant_agent_ids"] == ["yun"]


def test_what_is_closed_is_complete(yingda: Yingda, conversation_id: str) -> None:
    assert "close it first" in yingda("conversations", "complete", conversation_id, code=1)
    yingda("conversations", "close", conversation_id)

    assert "closed" in yingda("conversations", "complete", conversation_id)


def test_customers_show_says_that_nothing_is_known(yingda: Yingda) -> None:
    assert "Nothing is known of walk-in." in yingda("customers", "show", "walk-in", "--channel", "wechat")


def test_customers_report_prints_a_table_and_json(yingda: Yingda) -> None:
    assert "0 times an agent came to see a customer" in yingda("customers", "report")
    assert json.loads(yingda("customers", "report", "--json"))["hit_rate"] == 0


def test_bots_are_listed_and_forgotten(yingda: Yingda) -> None:
    assert "No bots yet." in yingda("bots", "list")
    assert "has no bot greeter" in yingda("bots", "forget", "greeter", code=1)


def test_events_show_what_was_written_and_what_the_customer_did(
    yingda: Yingda, shared: Server, conversation_id: str
) -> None:
    with SyncClient(shared.target) as client:
        conversation = client.conversation(conversation_id)
        client.send_reply(
            SendReplyRequest(conversation_id=conversation_id, text="马上为您查", agent_id="lin")
        )
        activity = Activity(
            channel=conversation.channel,
            customer_id=conversation.customer_id,
            kind=ActivityKind.ACTIVITY_KIND_CART,
            subject="A1",
            detail="added",
        )
        client.record_activity([activity])

    text = yingda("conversations", "events", conversation_id)
    assert "lin: 马上为您查" in text
    assert "cart A1 added" in text
    name = yingda("customers", "activity", conversation.customer_id)
    assert "cart" in name
    assert "A1" in name


def test_replies_that_may_go_out_alone_are_chosen_from_judged_answers(yingda: Yingda, tmp_path: Path) -> None:
    messages, judged = tmp_path / "messages.txt", tmp_path / "judged.csv"
    messages.write_text("在吗\n有人在吗\n在不在\n你好在吗\n在么亲\n转人工\n", encoding="utf-8")
    assert "could be answered" in yingda("replies", "auto", "try", str(messages), "--output", str(judged))
    rows = judged.read_text(encoding="utf-8-sig").replace(",,0.", ",1,0.")
    judged.write_text(rows + "".join(rows.split("\n", 1)[1:]) * 3, encoding="utf-8")

    said = yingda("replies", "auto", "choose", str(judged), "--apply")
    assert "That is the policy now." in said
    assert json.loads(yingda("replies", "auto", "show", "--json"))["enabled"]
    assert "no" in yingda("replies", "auto", "off")


def test_a_policy_is_switched_on_for_intents(yingda: Yingda) -> None:
    yingda("replies", "auto", "on", "--intents", "chat.greeting,chat.thanks", "--min-confidence", "0.9")
    kept = json.loads(yingda("replies", "auto", "show", "--json"))
    yingda("replies", "auto", "off")

    assert (kept["intents"], kept.get("reply_ids")) == (["chat.greeting", "chat.thanks"], [])

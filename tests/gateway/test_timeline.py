from __future__ import annotations

import time
from collections.abc import AsyncIterator

import grpc
import pytest
import pytest_asyncio
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from yingda import YingdaError
from yingda.journal_client import JournalClient
from yingda.v1 import agent_pb2, assist_service_pb2, conversation_pb2, event_pb2, model_service_pb2
from yingda.v1 import conversation_service_pb2 as pb

from tests.fakes import FieldValue

pytestmark = pytest.mark.asyncio(loop_scope="session")

INVALID = grpc.StatusCode.INVALID_ARGUMENT
ACCEPTED = assist_service_pb2.FEEDBACK_OUTCOME_ACCEPTED


@pytest_asyncio.fixture(loop_scope="session")
async def journal(gateway_address: str, tenant: str) -> AsyncIterator[JournalClient]:
    async with JournalClient(gateway_address, tenant=tenant) as opened:
        yield opened


async def hire(client: JournalClient) -> None:
    skills = {"logistics": 3, "finance": 3, "general": 3, "complaint": 3}
    await client.put_agent(agent_pb2.Agent(agent_id="ann", skills=skills, capacity=1))
    await client.set_presence("ann", agent_pb2.PRESENCE_ONLINE)


async def live(client: JournalClient) -> None:
    """A conversation that waits, is given to ann, goes on, and is closed."""
    await client.send("where is my parcel", conversation_id="c1", message_id="m1")
    await hire(client)
    await client.send("it is order 12345", conversation_id="c1", message_id="m2")
    await client.close_conversation("c1")


async def listed(client: JournalClient, *args: str, **wanted: FieldValue) -> list[event_pb2.Event]:
    return [one async for page in client.journal(*args, **wanted) for one in page]


def kinds(events: list[event_pb2.Event]) -> list[str | None]:
    return [one.WhichOneof("kind") for one in events]


async def test_a_conversations_journal_tells_what_led_to_what(journal: JournalClient) -> None:
    await live(journal)
    events = await listed(journal, "c1")
    whole = {one.sequence: one for one in await listed(journal)}

    assert kinds(events) == [
        "message_received",
        "conversation_assigned",
        "message_received",
        "conversation_closed",
    ]
    assert whole[events[1].cause_sequence].presence_changed.agent_ids == ["ann"]
    assert [one.cause_sequence for one in (events[0], events[2], events[3])] == [0, 0, 0]
    assert all(one.commit_sequence for one in whole.values())


async def test_a_tenants_journal_tells_of_agents_and_what_decided(journal: JournalClient) -> None:
    await live(journal)
    events = await listed(journal)

    assert kinds(events)[:4] == ["basis_changed", "message_received", "agent_put", "presence_changed"]
    basis = events[0].basis_changed
    assert basis.policy_version
    assert basis.skills["shipping.track"] == "logistics"
    assert [one.sequence for one in events] == sorted(one.sequence for one in events)


async def test_events_are_listed_by_time_and_kind(journal: JournalClient) -> None:
    await live(journal)
    middle = (await listed(journal, "c1"))[2].create_time

    assert kinds(await listed(journal, "c1", kinds=["message_received"])) == ["message_received"] * 2
    assert kinds(await listed(journal, "c1", end=middle)) == ["message_received", "conversation_assigned"]
    assert kinds(await listed(journal, start=middle)) == ["message_received", "conversation_closed"]
    assert await listed(journal, end=Timestamp(seconds=1)) == []


async def test_a_kind_that_there_is_not_is_refused(journal: JournalClient) -> None:
    with pytest.raises(YingdaError, match="is no kind of event") as refused:
        await listed(journal, kinds=["weather"])

    assert refused.value.code is INVALID


async def test_a_conversation_is_shown_as_it_stood(journal: JournalClient) -> None:
    await live(journal)
    first, given, *_ = await listed(journal, "c1")

    waited = await journal.conversation_at("c1", first.create_time)
    held = await journal.conversation_at("c1", given.create_time)
    assert (waited.state, waited.agent_id) == (conversation_pb2.CONVERSATION_STATE_WAITING, "")
    assert (held.state, held.agent_id) == (conversation_pb2.CONVERSATION_STATE_ASSIGNED, "ann")
    now = Timestamp()
    now.GetCurrentTime()
    assert await journal.conversation_at("c1", now) == await journal.conversation("c1")


async def test_before_it_was_opened_there_is_no_conversation(journal: JournalClient) -> None:
    await live(journal)

    with pytest.raises(YingdaError, match="was not open at that moment"):
        await journal.conversation_at("c1", Timestamp(seconds=1))


async def replayed(client: JournalClient, **wanted: FieldValue) -> list[pb.ReplayConversationResponse]:
    request = pb.ReplayConversationRequest(conversation_id="c1", **wanted)
    return [scene async for scene in client.replay(request)]


async def test_a_replay_shows_each_event_and_the_conversation_after_it(journal: JournalClient) -> None:
    await live(journal)
    scenes = await replayed(journal)

    assert [one.event for one in scenes] == await listed(journal, "c1")
    assert [one.conversation.agent_id for one in scenes] == ["", "ann", "ann", ""]
    assert scenes[0].elapsed.ToMilliseconds() == 0
    assert scenes[-1].conversation == await journal.conversation("c1")


async def test_a_replay_goes_on_step_by_step_and_from_a_moment(journal: JournalClient) -> None:
    await live(journal)
    whole = await replayed(journal)
    step = await replayed(journal, after_sequence=whole[1].event.sequence, max_events=1)

    assert step == [whole[2]]
    assert await replayed(journal, start_time=whole[2].event.create_time) == whole[2:]


async def test_a_replay_takes_its_time(journal: JournalClient) -> None:
    await journal.send("hello", conversation_id="c1")
    first = time.monotonic()
    while time.monotonic() - first < 0.3:  # time that passes is what is tested
        await journal.conversation("c1")
    await journal.send("hello?", conversation_id="c1")

    start = time.monotonic()
    await replayed(journal, speed=1)
    at_its_own_pace = time.monotonic() - start
    start = time.monotonic()
    await replayed(journal, speed=1, max_pause=Duration())
    assert at_its_own_pace >= 0.29
    assert time.monotonic() - start < 0.29


@pytest.mark.parametrize("speed", [-1.0, 0.01, 101.0, float("nan")])
async def test_a_replay_has_a_speed_within_bounds(journal: JournalClient, speed: float) -> None:
    await live(journal)

    with pytest.raises(YingdaError, match="speed"):
        await replayed(journal, speed=speed)


async def redecided(client: JournalClient, **wanted: FieldValue) -> list[pb.RedecideEventsResponse]:
    return [one async for one in client.redecide(pb.RedecideEventsRequest(**wanted))]


async def test_what_was_decided_is_decided_again(journal: JournalClient) -> None:
    await live(journal)
    (report,) = await redecided(journal)
    (of_one,) = await redecided(journal, conversation_id="c1")

    assert (report.event_count, report.different_count, report.skipped_count) == (4, 0, 0)
    assert of_one == report


async def test_another_policy_is_compared(journal: JournalClient) -> None:
    await live(journal)
    reports = await redecided(journal, policy="auto_accept = false")

    events = [one for report in reports for one in report.events]
    found = {(one.kind, other.field) for one in events for other in one.differences}
    assert ("conversation_assigned", "assignment.outcome") in found
    assert reports[-1].different_count == len(events)


@pytest.mark.parametrize(
    ("policy", "problem"),
    [("auto_accept = maybe", "neither TOML nor JSON"), ('{"colour": 1}', "colour"), ("sla = -1", "sla")],
)
async def test_a_policy_that_is_none_is_refused(journal: JournalClient, policy: str, problem: str) -> None:
    await live(journal)

    with pytest.raises(YingdaError, match=problem) as refused:
        await redecided(journal, policy=policy)
    assert refused.value.code is INVALID


async def test_a_bundle_that_there_is_not_is_refused(journal: JournalClient) -> None:
    await live(journal)

    with pytest.raises(YingdaError, match="no bundle") as refused:
        await redecided(journal, bundle="none-such")
    assert refused.value.code is grpc.StatusCode.NOT_FOUND


def label(message_id: str = "m1", **fields: FieldValue) -> pb.LabelMessageRequest:
    wanted = {"conversation_id": "c1", "intent": "refund.request", "agent_id": "ann"} | fields
    return pb.LabelMessageRequest(message_id=message_id, **wanted)


async def test_an_agent_says_what_a_message_was_about(journal: JournalClient) -> None:
    await live(journal)
    done = await journal.label_message(label(request_id="r1"))
    again = await journal.label_message(label(request_id="r1", intent="other.intent"))

    assert (done.label.intent, done.label.read_intent) == ("refund.request", "shipping.track")
    assert (done.duplicate, again.duplicate, again.label) == (False, True, done.label)
    assert kinds(await listed(journal, "c1", kinds=["message_labelled"])) == ["message_labelled"]


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        (label("m9"), "has no message m9"),
        (label(conversation_id="c9"), "no conversation c9"),
        (label(intent=""), "intent"),
        (label(intent="a b"), "intent"),
    ],
)
async def test_a_label_of_nothing_is_refused(
    journal: JournalClient, request_: pb.LabelMessageRequest, problem: str
) -> None:
    await live(journal)

    with pytest.raises(YingdaError, match=problem):
        await journal.label_message(request_)


async def used(client: JournalClient, outcome: int, text: str = "") -> str:
    """Take the first suggestion for the conversation; its id."""
    shown = await client.suggest(conversation_id="c1")
    request = assist_service_pb2.RecordFeedbackRequest(
        request_id="f1",
        conversation_id="c1",
        shown_reply_ids=[one.reply_id for one in shown],
        outcome=outcome,  # type: ignore[arg-type]
        reply_id=shown[0].reply_id,
        sent_text=text,
    )
    await client.record_feedback(request)
    await client.record_feedback(request)
    return shown[0].reply_id


async def test_what_became_of_suggestions_is_journaled_once(journal: JournalClient) -> None:
    await live(journal)
    reply_id = await used(journal, ACCEPTED)
    (event,) = await listed(journal, "c1", kinds=["suggestions_used"])

    assert (event.suggestions_used.outcome, event.suggestions_used.reply_id) == ("accepted", reply_id)
    assert event.suggestions_used.reward == 1


async def test_deeds_become_labelled_rows_without_what_is_personal(journal: JournalClient) -> None:
    await journal.send("where is my parcel? call me on 13812345678", conversation_id="c1", message_id="m1")
    await hire(journal)
    await journal.label_message(label())
    await journal.label_message(label(intent="shipping.track"))
    await used(journal, ACCEPTED)
    await journal.transfer("c1", skill="complaint")
    rows = [row async for row in journal.export_feedback()]

    corrected, confirmed, accepted, moved = rows
    assert {row.text for row in rows} == {"where is my parcel? call me on [phone]"}
    assert (corrected.intent, corrected.is_weak) == ("refund.request", False)
    assert (confirmed.intent, confirmed.source) == (
        "shipping.track",
        model_service_pb2.FEEDBACK_SOURCE_CONFIRMED,
    )
    assert (accepted.is_weak, accepted.weight) == (True, 0.5)
    assert accepted.intent.startswith("shipping.")
    assert (moved.intent, moved.skill, moved.is_weak) == ("", "complaint", True)
    assert {row.group for row in rows} == {rows[0].group}
    assert {row.read_intent for row in rows} == {"shipping.track"}


async def test_rows_of_a_span_know_the_messages_before_it(journal: JournalClient) -> None:
    await live(journal)
    await journal.label_message(label())
    (said,) = await listed(journal, "c1", kinds=["message_labelled"])

    assert [row.text async for row in journal.export_feedback(start=said.create_time)] == [
        "where is my parcel"
    ]
    assert [row async for row in journal.export_feedback(end=said.create_time)] == []


async def test_a_customer_is_deleted(journal: JournalClient) -> None:
    text = "my order went to Mulberry Lane by mistake"
    answer = await journal.send(text, customer_id="cu-gone", message_id="m1")
    done = await journal.delete_customer("cu-gone")
    (event,) = await listed(journal, answer.conversation_id, kinds=["message_received"])

    assert (done.conversation_count, done.remaining_count) == (1, 0)
    assert done.text_count >= 1
    assert event.message_received.message.text == ""
    assert event.message_received.answer.analysis == answer.analysis
    assert (await journal.conversation(answer.conversation_id)).customer_id == ""


async def test_whom_to_delete_must_be_said(journal: JournalClient) -> None:
    with pytest.raises(YingdaError, match="customer_id"):
        await journal.delete_customer("")

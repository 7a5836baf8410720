from __future__ import annotations

import pytest
from yingda import Client, YingdaError
from yingda.v1 import activity_pb2 as pb
from yingda.v1 import message_pb2

from tests.fakes import FieldValue

pytestmark = pytest.mark.asyncio(loop_scope="session")

WEB = message_pb2.CHANNEL_WEB


def did(subject: str = "/p/1", **changes: FieldValue) -> pb.Activity:
    fields: dict[str, FieldValue] = {
        "channel": WEB,
        "customer_id": "cu1",
        "kind": pb.ACTIVITY_KIND_PAGE_VIEW,
        "subject": subject,
    }
    return pb.Activity(**(fields | changes))


def at(milliseconds: int, subject: str, **changes: FieldValue) -> pb.Activity:
    activity = did(subject, **changes)
    activity.time.FromMilliseconds(milliseconds)
    return activity


async def test_what_a_customer_did_is_listed_newest_first(client: Client) -> None:
    await client.record_activity([at(1000, "/a"), at(3000, "/c", detail="twice"), at(2000, "/b")])
    await client.record_activity([at(4000, "A1", kind=pb.ACTIVITY_KIND_ORDER, detail="paid")])

    found = await client.activity("cu1")
    assert [(one.subject, one.detail, one.time.ToMilliseconds()) for one in found] == [
        ("A1", "paid", 4000),
        ("/c", "twice", 3000),
        ("/b", "", 2000),
        ("/a", "", 1000),
    ]
    assert [one.subject for one in await client.activity("cu1", limit=2)] == ["A1", "/c"]


async def test_customers_are_apart(client: Client, other_client: Client) -> None:
    both = [did("/mine"), did("/theirs", customer_id="cu2"), did("/app", channel=message_pb2.CHANNEL_APP)]
    await client.record_activity(both)

    assert [one.subject for one in await client.activity("cu1")] == ["/mine"]
    assert [one.subject for one in await client.activity("cu2")] == ["/theirs"]
    assert list(await other_client.activity("cu1")) == []


async def test_while_a_conversation_is_open_it_stands_in_its_journal(client: Client) -> None:
    await client.record_activity([did("/before")])
    answer = await client.send("hello", customer_id="cu1")
    await client.record_activity([did("/during"), did("/during/2")])
    await client.close_conversation(answer.conversation_id)
    await client.record_activity([did("/after")])

    events = await client.events(answer.conversation_id)
    (recorded,) = [one.activity_recorded for one in events if one.HasField("activity_recorded")]
    assert [one.subject for one in recorded.activities] == ["/during", "/during/2"]
    assert {one.subject for one in await client.activity("cu1")} == {
        "/before",
        "/during",
        "/during/2",
        "/after",
    }


async def test_a_call_made_twice_under_one_name_is_kept_once(client: Client) -> None:
    activities = [did("/a"), did("/b", customer_id="cu2")]
    first = await client.record_activity(activities, request_id="q1")
    again = await client.record_activity(activities, request_id="q1")

    assert (first, again) == (False, True)
    assert len(await client.activity("cu1")) == 1


async def test_a_call_without_a_name_counts_each_time(client: Client) -> None:
    for _ in range(2):
        assert await client.record_activity([did()]) is False

    assert len(await client.activity("cu1")) == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"channel": message_pb2.CHANNEL_UNSPECIFIED}, "channel"),
        ({"kind": pb.ACTIVITY_KIND_UNSPECIFIED}, "kind"),
        ({"customer_id": ""}, "customer_id"),
        ({"customer_id": "x" * 129}, "customer_id"),
        ({"subject": "款" * 171}, "subject"),
        ({"detail": "x" * 129}, "detail"),
    ],
)
async def test_a_bad_activity_is_refused_with_its_place_and_nothing_is_kept(
    client: Client, changes: dict[str, FieldValue], field: str
) -> None:
    with pytest.raises(YingdaError, match=rf"INVALID_ARGUMENT: activities\[1\]\.{field}"):
        await client.record_activity([did(), did(**{"subject": "/x", **changes})])
    assert list(await client.activity("cu1")) == []


async def test_what_is_as_long_as_it_may_be_is_kept(client: Client) -> None:
    longest = did("款" * 170 + "xx", customer_id="x" * 128, detail="x" * 128)
    await client.record_activity([longest])

    assert [one.subject for one in await client.activity("x" * 128)] == [longest.subject]


@pytest.mark.parametrize("count", [0, 501])
async def test_an_empty_call_and_one_too_long_are_refused(client: Client, count: int) -> None:
    with pytest.raises(YingdaError, match="INVALID_ARGUMENT: activities: has"):
        await client.record_activity([did()] * count)

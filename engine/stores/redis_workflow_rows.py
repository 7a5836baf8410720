"""What follows from a change, as redis_workflow.lua takes it."""

from __future__ import annotations

from engine.ports import RECEIPTS_KEPT
from engine.stores import detail_workflow as detail
from engine.workflow.outbox import Delivery, FollowUp
from engine.workflow.ticket import Ticket

_DIGITS = 15  # of a time in a sorted set's member, so that order of text is order of time


def part_of_header(follow_up: FollowUp | None) -> dict[str, object]:
    """Nothing where nothing follows. Numbers are texts: Lua's are floating."""
    if follow_up is None:
        return {}
    receipt = follow_up.receipt
    return {
        "follow_up": {
            "firings": [
                [one.conversation_id, one.rule_id, str(one.before_ms), str(one.fired_ms)]
                for one in follow_up.firings
            ],
            "tickets": [ticket_arguments(one) for one in follow_up.tickets],
            "dropped": [ticket_arguments(one)[:5] for one in follow_up.dropped],
            "comments": [[one.ticket_id, detail.comment_text(one)] for one in follow_up.comments],
            "deliveries": [delivery_arguments(one) for one in follow_up.deliveries],
            "receipt": [receipt.request_id, receipt.data.decode(), RECEIPTS_KEPT] if receipt else [],
        }
    }


def ticket_arguments(one: Ticket) -> list[str]:
    """Id, version before, head, place in lists, conversation, value."""
    head = f"{one.version} {one.state}"
    place = member(one.opened_ms, one.ticket_id)
    return [one.ticket_id, str(one.version - 1), head, place, one.conversation_id, detail.ticket_text(one)]


def delivery_arguments(one: Delivery) -> list[str]:
    """Id, state, due, place in the list, value."""
    place = member(one.created_ms, one.delivery_id)
    return [one.delivery_id, one.state, str(one.due_ms), place, detail.delivery_text(one)]


def member(time_ms: int, one_id: str) -> str:
    """Of a sorted set whose order is that of the time, then of the id."""
    return f"{time_ms:0{_DIGITS}d}:{one_id}"


def id_of(place: str) -> str:
    """The id in a member."""
    return place[_DIGITS + 1 :]

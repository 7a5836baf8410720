"""Customers to protobuf and back; pure."""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf.duration_pb2 import Duration
from yingda.v1 import customer_pb2
from yingda.v1 import customer_service_pb2 as pb

from engine.customer.fields import MAX_NAME, MAX_VALUE, MOST_CONTACTS, MOST_FACTS, MOST_ORDERS
from engine.customer.profile import ORDER, Contact, Customer, Order, Part
from engine.customer.tally import SourceTally, Tally
from engine.servicers.convert import optional_timestamp


def customer_to_proto(one: Customer) -> customer_pb2.Customer:
    """All of it."""
    return customer_pb2.Customer(
        channel=one.key.channel,  # type: ignore[arg-type]  # an open enum: any number goes
        customer_id=one.key.customer_id,
        facts=one.facts,
        orders=[
            customer_pb2.CustomerOrder(
                order_id=order.order_id,
                status=order.status,
                order_time=optional_timestamp(order.ordered_ms),
                facts=order.facts,
            )
            for order in one.orders
        ],
        contacts=[
            customer_pb2.CustomerContact(
                conversation_id=contact.conversation_id,
                about=contact.about,
                status=contact.status,
                open_time=optional_timestamp(contact.opened_ms),
            )
            for contact in one.contacts
        ],
        fetch_time=optional_timestamp(one.fetched_ms),
        waiting_sources=one.waiting,
        failed_sources=one.failed,
    )


def part_from_proto(one: customer_pb2.Customer) -> Part:
    """What a source of somebody else's says; whatever is too long or too much of it is left out."""
    orders = [
        Order(
            order_id=order.order_id,
            status=_short(order.status),
            ordered_ms=max(order.order_time.ToMilliseconds(), 0),
            facts={ORDER: order.order_id, **_facts(order.facts)},
        )
        for order in one.orders
        if _short(order.order_id)
    ]
    contacts = [
        Contact(
            conversation_id=contact.conversation_id,
            about=_short(contact.about),
            status=_short(contact.status),
            opened_ms=max(contact.open_time.ToMilliseconds(), 0),
        )
        for contact in one.contacts
        if _short(contact.conversation_id)
    ]
    return Part(
        facts=_facts(one.facts), orders=tuple(orders[:MOST_ORDERS]), contacts=tuple(contacts[:MOST_CONTACTS])
    )


def report_to_proto(tally: Tally) -> pb.ReportPreloadResponse:
    """All of it."""
    return pb.ReportPreloadResponse(
        shown=tally.shown,
        ready=tally.ready,
        hit_rate=tally.ready / tally.shown if tally.shown else 0.0,
        saved=_duration(tally.saved_ms),
        waited=_duration(tally.waited_ms),
        dropped=tally.dropped,
        sources=[_source(name, tally.sources[name]) for name in sorted(tally.sources)],
    )


def _source(name: str, one: SourceTally) -> pb.PreloadSource:
    return pb.PreloadSource(
        name=name,
        answered=one.answered,
        failed=one.failed,
        timed_out=one.timed_out,
        refused=one.refused,
        mean_latency=_duration(one.took_ms // one.answered) if one.answered else None,
    )


def _facts(facts: Mapping[str, str]) -> dict[str, str]:
    fitting = [
        (name, value) for name, value in facts.items() if _short(value) and len(name.encode()) <= MAX_NAME
    ]
    return dict(sorted(fitting)[:MOST_FACTS])


def _short(text: str) -> str:
    return text if len(text.encode()) <= MAX_VALUE else ""


def _duration(milliseconds: int) -> Duration:
    duration = Duration()
    duration.FromMilliseconds(milliseconds)
    return duration

"""What rules, tickets and the outbox keep in the shared store."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

from engine.domain import Change
from engine.stores import detail_workflow as detail
from engine.stores import redis_rows as rows
from engine.stores import redis_workflow_rows as workflow_rows
from engine.stores.redis_assist import Write
from engine.stores.redis_client import RedisClient
from engine.workflow.outbox import Delivery, DeliveryState
from engine.workflow.ticket import Comment, Ticket, TicketFilter

_SENDING = "yingda:outbox"
_PAGE = 200  # members of a list that are looked through at a time


class RedisWorkflowStore:
    """See `ports.WorkflowStore`. Shares the store's connection, and its one thread."""

    def __init__(self, client: RedisClient, write: Write, confirm: Callable[[Sequence[str]], None]) -> None:
        self._client = client
        self._write = write
        self._confirm = confirm  # waits for the replicas of tenants, by prefix
        self._sending: set[str] = set()
        self._losses = client.losses

    def expect(self, changes: Sequence[Change]) -> None:
        """Before a commit: remember whose outbox is to be looked at. Raises: StorageError."""
        if self._losses != self._client.losses:
            self._losses = self._client.losses
            self._sending.clear()
        sending = {one.tenant for one in changes if one.follow_up and one.follow_up.deliveries}
        if new := sending - self._sending:
            self._client.call("SADD", _SENDING, *sorted(new))
            self._sending |= new

    def fired(self, tenant: str, conversation_ids: Sequence[str]) -> dict[tuple[str, str], int]:
        """See `ports.WorkflowStore`."""
        prefix = rows.prefix_of(tenant)
        found = self._client.call_all([("HGETALL", f"{prefix}:fired:{one}") for one in conversation_ids])
        return {
            (one, rule_id.decode()): int(fired_ms)
            for one, rules in zip(conversation_ids, found, strict=True)
            for rule_id, fired_ms in _pairs(rules)
        }

    def ticket(self, tenant: str, ticket_id: str) -> Ticket | None:
        """See `ports.WorkflowStore`."""
        value = self._client.call("HGET", f"{rows.prefix_of(tenant)}:tickets", ticket_id)
        return detail.ticket(value) if value else None

    def tickets(
        self, tenant: str, wanted: TicketFilter, before: tuple[int, str] | None, limit: int
    ) -> list[Ticket]:
        """See `ports.WorkflowStore`."""
        found: list[Ticket] = []
        for ticket in self._newest_first(tenant, wanted, before):
            if wanted.takes(ticket):
                found.append(ticket)
            if len(found) == limit:
                break
        return found

    def comments(self, tenant: str, ticket_id: str, after: int, limit: int) -> list[Comment]:
        """See `ports.WorkflowStore`."""
        key = f"{rows.prefix_of(tenant)}:comments:{ticket_id}"
        return [detail.comment(one) for one in self._client.call("LRANGE", key, after, after + limit - 1)]

    def answered(self, tenant: str, request_id: str) -> bytes | None:
        """See `ports.WorkflowStore`."""
        prefix = rows.prefix_of(tenant)
        receipt: bytes | None = self._client.call("GET", f"{prefix}:answered:{request_id}")
        if receipt is not None:
            self._confirm([prefix])  # the first call may never have been waited for
        return receipt

    def deliveries(
        self, tenant: str, state: DeliveryState | None, after: tuple[int, str], limit: int
    ) -> list[Delivery]:
        """See `ports.WorkflowStore`."""
        found: list[Delivery] = []
        for delivery in self._oldest_first(tenant, after):
            if state in (None, delivery.state):
                found.append(delivery)
            if len(found) == limit:
                break
        return found

    def claim_deliveries(self, now_ms: int, until_ms: int, limit: int) -> list[tuple[str, Delivery]]:
        """See `ports.WorkflowStore`."""
        tenants = sorted(one.decode() for one in self._client.call("SMEMBERS", _SENDING))
        heads = self._client.call_all(
            [
                ("ZRANGEBYSCORE", f"{rows.prefix_of(one)}:outbox_due", "-inf", now_ms, "LIMIT", 0, 1)
                for one in tenants
            ]
        )
        claimed: list[tuple[str, Delivery]] = []
        for tenant in itertools.compress(tenants, heads):
            left = limit - len(claimed)
            ids = self._write("claim_due", tenant, now_ms, until_ms, left) if left else ()
            values = self._client.call("HMGET", f"{rows.prefix_of(tenant)}:outbox", *ids) if ids else ()
            claimed += [(tenant, detail.delivery(value)) for value in values if value]
        return claimed

    def put_delivery(self, tenant: str, delivery: Delivery) -> None:
        """See `ports.WorkflowStore`."""
        self._client.call("SADD", _SENDING, tenant)
        self._write("put_delivery", tenant, *workflow_rows.delivery_arguments(delivery))

    def finish_delivery(self, tenant: str, delivery_id: str) -> None:
        """See `ports.WorkflowStore`."""
        value = self._client.call("HGET", f"{rows.prefix_of(tenant)}:outbox", delivery_id)
        if value:
            place = workflow_rows.member(detail.delivery(value).created_ms, delivery_id)
            self._write("finish_delivery", tenant, delivery_id, place)

    def _newest_first(
        self, tenant: str, wanted: TicketFilter, before: tuple[int, str] | None
    ) -> Iterator[Ticket]:
        prefix = rows.prefix_of(tenant)
        bound = f"({workflow_rows.member(*before)}" if before else "+"
        key = f"{prefix}:{_list_of(wanted)}"
        while members := self._client.call("ZREVRANGEBYLEX", key, bound, "-", "LIMIT", 0, _PAGE):
            ids = [workflow_rows.id_of(one.decode()) for one in members]
            yield from map(detail.ticket, filter(None, self._client.call("HMGET", f"{prefix}:tickets", *ids)))
            bound = b"(" + members[-1]

    def _oldest_first(self, tenant: str, after: tuple[int, str]) -> Iterator[Delivery]:
        prefix = rows.prefix_of(tenant)
        bound: str | bytes = f"({workflow_rows.member(*after)}"
        while members := self._client.call(
            "ZRANGEBYLEX", f"{prefix}:outbox_list", bound, "+", "LIMIT", 0, _PAGE
        ):
            ids = [workflow_rows.id_of(one.decode()) for one in members]
            yield from map(
                detail.delivery, filter(None, self._client.call("HMGET", f"{prefix}:outbox", *ids))
            )
            bound = b"(" + members[-1]


def _list_of(wanted: TicketFilter) -> str:
    """The shortest list that holds them all."""
    if wanted.conversation_id:
        return f"ticket_list:of:{wanted.conversation_id}"
    return f"ticket_list:{wanted.state}" if wanted.state else "ticket_list"


def _pairs(flat: object) -> Iterator[tuple[bytes, bytes]]:
    """Of what HGETALL gives, which is a mapping or a flat list."""
    if isinstance(flat, dict):
        yield from flat.items()
    elif isinstance(flat, list):
        yield from zip(flat[::2], flat[1::2], strict=True)

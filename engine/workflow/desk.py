"""Tickets as callers manage them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, TypeVar

from engine.domain import Change, Event
from engine.errors import ConflictError, ContentionError, NotFoundError
from engine.ports import Clock, Store
from engine.workflow.codec import WorkflowCodec
from engine.workflow.gathering import Gathering
from engine.workflow.outbox import FollowUp, Receipt
from engine.workflow.outgoing import Occasion, Outgoing
from engine.workflow.ticket import MAX_COMMENTS, Comment, Ticket, TicketFilter, TicketState, number_of

R = TypeVar("R", Ticket, Comment)
DELETED = "ticket_deleted"
_ATTEMPTS = 20  # a stale commit means another engine got on, so as many in a row are a fault


class TicketDesk:
    """Every write is one commit with its event and its deliveries, once for its request id.

    Called on the decision thread.
    """

    def __init__(self, *, store: Store, codec: WorkflowCodec, clock: Clock, outgoing: Outgoing) -> None:
        self._store = store
        self._codec = codec
        self._clock = clock
        self._outgoing = outgoing

    def ticket(self, tenant: str, ticket_id: str) -> Ticket:
        """Raises: NotFoundError."""
        found = self._store.workflow.ticket(tenant, ticket_id)
        if found is None:
            raise NotFoundError(f"tenant {tenant} has no ticket {ticket_id}")
        return found

    def tickets(
        self, tenant: str, wanted: TicketFilter, before: tuple[int, str] | None, limit: int
    ) -> list[Ticket]:
        """Newest first, those opened before `before` (opened_ms, id)."""
        return self._store.workflow.tickets(tenant, wanted, before, limit)

    def comments(self, tenant: str, ticket_id: str, after: int, limit: int) -> list[Comment]:
        """In order, those behind the number `after`. Raises: NotFoundError."""
        self.ticket(tenant, ticket_id)
        return self._store.workflow.comments(tenant, ticket_id, after, limit)

    def now_ms(self) -> int:
        """For what is overdue."""
        return self._clock.now_ms()

    def open(self, tenant: str, request_id: str, ticket: Ticket) -> Ticket:
        """Keep a new ticket and give it a number. Raises: NotFoundError where its conversation never was."""

        def attempt(gathering: Gathering, now_ms: int) -> tuple[Ticket, str, bytes]:
            self._must_be(tenant, ticket.conversation_id)
            opened = replace(
                ticket,
                ticket_id=number_of(tenant, request_id),
                opened_ms=now_ms,
                updated_ms=now_ms,
                version=1,
            )
            gathering.tickets.append(opened)
            self._outgoing.ticket(
                Occasion(tenant=tenant, now_ms=now_ms, into=gathering), "ticket.opened", opened
            )
            return opened, "ticket_opened", self._codec.ticket(opened)

        return self._once(tenant, request_id, _ticket, attempt)

    def update(self, tenant: str, request_id: str, wanted: Ticket) -> Ticket:
        """Take over what callers may change. Raises: NotFoundError, ConflictError, ContentionError."""

        def attempt(gathering: Gathering, now_ms: int) -> tuple[Ticket, str, bytes]:
            before = self.ticket(tenant, wanted.ticket_id)
            _must_follow(before, wanted)
            changed = replace(
                before,
                title=wanted.title,
                state=wanted.state,
                priority=wanted.priority,
                assignee_id=wanted.assignee_id,
                team=wanted.team,
                tags=wanted.tags,
                facts=wanted.facts,
                due_ms=wanted.due_ms,
                updated_ms=now_ms,
                version=before.version + 1,
            )
            return self._changed(tenant, gathering, now_ms, changed)

        return self._once(tenant, request_id, _ticket, attempt)

    def note_external(self, tenant: str, ticket_id: str, external_id: str) -> None:
        """Keep what another system calls the ticket; nobody is told, for it is told by that system.

        Raises: NotFoundError, ContentionError.
        """
        for _ in range(_ATTEMPTS):
            before = self.ticket(tenant, ticket_id)
            after = replace(before, external_id=external_id, version=before.version + 1)
            change = Change(tenant=tenant, follow_up=FollowUp(tickets=[after]))
            if before.external_id == external_id or self._store.commit([change]) == [True]:
                return
        raise ContentionError(f"ticket {ticket_id} changed under {_ATTEMPTS} attempts; try again")

    def complete(
        self, tenant: str, ticket_id: str, facts: Mapping[str, str], titles: tuple[str, str]
    ) -> None:
        """Add facts that came late, and let the second title follow the first: see `completion`.

        Raises: NotFoundError, ContentionError.
        """
        for _ in range(_ATTEMPTS):
            before = self.ticket(tenant, ticket_id)
            known = {**facts, **before.facts}
            is_nobodys = not before.customer_id  # deleted meanwhile
            if known == before.facts or is_nobodys or before.state is TicketState.CLOSED:
                return
            gathering, now_ms = Gathering(), self._clock.now_ms()
            title = titles[1] if before.title == titles[0] else before.title
            changed = replace(
                before,
                facts=known,
                title=title,
                updated_ms=now_ms,
                version=before.version + 1,
            )
            _, kind, data = self._changed(tenant, gathering, now_ms, changed)
            change = Change(
                tenant=tenant,
                events=_events(gathering.tickets, kind, data, now_ms),
                follow_up=gathering.made(),
            )
            if self._store.commit([change]) == [True]:
                return
        raise ContentionError(f"ticket {ticket_id} changed under {_ATTEMPTS} attempts; try again")

    def comment(self, tenant: str, request_id: str, comment: Comment) -> Comment:
        """Say something about a ticket. Raises: NotFoundError, ConflictError where it has too many."""

        def attempt(gathering: Gathering, now_ms: int) -> tuple[Comment, str, bytes]:
            before = self.ticket(tenant, comment.ticket_id)
            if before.comments >= MAX_COMMENTS:
                raise ConflictError(f"ticket {before.ticket_id} has {MAX_COMMENTS} comments already")
            said = replace(comment, number=before.comments + 1, time_ms=now_ms)
            after = replace(before, comments=said.number, updated_ms=now_ms, version=before.version + 1)
            gathering.tickets.append(after)
            gathering.comments.append(said)
            self._outgoing.comment(Occasion(tenant=tenant, now_ms=now_ms, into=gathering), after, said)
            return said, "ticket_commented", self._codec.commented(said)

        return self._once(tenant, request_id, _comment, attempt)

    def delete(self, tenant: str, request_id: str, ticket_id: str, agent_id: str, reason: str) -> Ticket:
        """Take a ticket and what was said about it away; that and by whom stays in the journal. The ticket as it was.

        Raises: NotFoundError, ContentionError.
        """

        def attempt(gathering: Gathering, now_ms: int) -> tuple[Ticket, str, bytes]:
            before = self.ticket(tenant, ticket_id)
            gathering.dropped.append(before)
            on = Occasion(tenant=tenant, now_ms=now_ms, into=gathering)
            self._outgoing.deleted(on, before, agent_id, reason)
            # What the ticket said is not kept with the receipt.
            left = Ticket(ticket_id=ticket_id, title=ticket_id, conversation_id=before.conversation_id)
            return left, DELETED, self._codec.deleted(ticket_id, agent_id, reason)

        return self._once(tenant, request_id, _ticket, attempt)

    def _must_be(self, tenant: str, conversation_id: str) -> None:
        """Else the journal would tell of a conversation that nobody began."""
        if conversation_id and not self._store.conversations(tenant, [conversation_id]):
            raise NotFoundError(f"tenant {tenant} has no conversation {conversation_id}")

    def _changed(
        self, tenant: str, gathering: Gathering, now_ms: int, changed: Ticket
    ) -> tuple[Ticket, str, bytes]:
        gathering.tickets.append(changed)
        on = Occasion(tenant=tenant, now_ms=now_ms, into=gathering)
        self._outgoing.ticket(on, "ticket.changed", changed)
        return changed, "ticket_changed", self._codec.ticket(changed)

    def _once(
        self,
        tenant: str,
        request_id: str,
        read: Callable[[dict[str, Any]], R],
        attempt: Callable[[Gathering, int], tuple[R, str, bytes]],
    ) -> R:
        """What the attempt gives, or gave when the request came first."""
        for _ in range(_ATTEMPTS):
            if earlier := self._store.workflow.answered(tenant, request_id):
                return read(json.loads(earlier))
            gathering: Gathering = Gathering()
            now_ms = self._clock.now_ms()
            result, kind, data = attempt(gathering, now_ms)
            made = gathering.made()
            assert made is not None  # every attempt changes a ticket
            receipt = Receipt(request_id=request_id, data=json.dumps(asdict(result)).encode(), time_ms=now_ms)
            change = Change(
                tenant=tenant,
                events=_events([*gathering.tickets, *gathering.dropped], kind, data, now_ms),
                follow_up=replace(made, receipt=receipt),
            )
            if self._store.commit([change]) == [True]:
                return result
        raise ContentionError(f"the ticket changed under {_ATTEMPTS} attempts; try again")


def _must_follow(before: Ticket, wanted: Ticket) -> None:
    if wanted.version and wanted.version != before.version:
        raise ContentionError(
            f"ticket {before.ticket_id} is at version {before.version}, not {wanted.version}: read it again"
        )
    if before.state is TicketState.CLOSED:
        raise ConflictError(f"ticket {before.ticket_id} is closed for good; open another")


def _events(tickets: Sequence[Ticket], kind: str, data: bytes, now_ms: int) -> list[Event]:
    """In the journal of the ticket's conversation; where it has none, only that it was deleted is the tenant's."""
    return [
        Event(conversation_id=one.conversation_id, kind=kind, time_ms=now_ms, data=data)
        for one in tickets
        if one.conversation_id or kind == DELETED
    ]


def _ticket(fields: dict[str, Any]) -> Ticket:
    return Ticket(**{**fields, "state": TicketState(fields["state"]), "tags": tuple(fields["tags"])})


def _comment(fields: dict[str, Any]) -> Comment:
    return Comment(**fields)

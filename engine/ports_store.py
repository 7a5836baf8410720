"""What the engine needs of a store; `engine.ports` gives these with the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from engine.bots.store import BotStore
from engine.domain import Agent, Change, Conversation, ConversationState, Event, Presence, Roster, StoredEvent
from engine.ports_assist import AssistStore
from engine.timeline.archive import Archive
from engine.workflow.outbox import Delivery, DeliveryState
from engine.workflow.ticket import Comment, Ticket, TicketFilter

EVERYONE = "*"  # the tenant under which is kept what all engines share; no tenant can have that name


class Documents(Protocol):
    """What is kept by kind and key. Called from one thread."""

    def documents(self, tenant: str, kind: str) -> dict[str, bytes]:
        """All of a kind, by key."""
        ...

    def put_document(self, tenant: str, kind: str, key: str, data: bytes) -> None:
        """Create or replace; it survives a kill."""
        ...


class RoutingStore(Protocol):
    """What routing decides on, and where it commits what it decided. Called from one thread."""

    def records(self, tenant: str, keys: Sequence[str]) -> dict[str, bytes]:
        """Journal data of the messages with these keys, where they exist; empty where only the key is still known."""
        ...

    def conversations(self, tenant: str, conversation_ids: Sequence[str]) -> dict[str, Conversation]:
        """By id, where they exist."""
        ...

    def open_conversations(
        self, tenant: str, customers: Sequence[tuple[int, str]]
    ) -> dict[tuple[int, str], Conversation]:
        """The newest conversation that is not closed, by (channel, customer_id), where there is one."""
        ...

    def waiting(self, tenant: str, queues: Mapping[str, int]) -> list[Conversation]:
        """Waiting conversations: of each queue as many as asked, smallest `rank_ms` first, ties by id; each once."""
        ...

    def held(self, tenant: str, agent_id: str) -> list[Conversation]:
        """Conversations offered to, assigned to or wrapped up by the agent, by id."""
        ...

    def due(self, now_ms: int) -> list[tuple[str, str]]:
        """(tenant, conversation_id) of conversations whose `due_ms` has come, earliest first; not all, if many."""
        ...

    def lapsed(self, now_ms: int) -> list[tuple[str, str]]:
        """(tenant, agent_id) of agents that are not offline and whose lease ended by now."""
        ...

    def roster(self, tenant: str) -> Roster:
        """The agents and what they carry; `agents` is the same object until one of them changes."""
        ...

    def mark(self, tenant: str) -> str | None:
        """Names the state of the last `roster`, for a `Change` decided on it; None where nobody else writes."""
        ...

    def lapse(self, tenant: str, agent_id: str, now_ms: int, event: Event | None = None) -> int | None:
        """Take an agent offline whose lease ended by now; None where it was renewed, or ended, meanwhile.

        Journals the event with it; its sequence, or 0.
        """
        ...

    def commit(self, changes: Sequence[Change]) -> list[bool]:
        """Commit each change wholly or not at all; False where it was stale.

        Stale is: a conversation's version does not follow the stored one, a positive claim would pass the agent's
        capacity or the agent is gone, an event's key exists already, the customer of one that is to be `alone` has
        another open conversation stored, the follow-up is stale, or something happened since its `mark` by which it
        would have been decided otherwise (see `Change`).
        """
        ...

    def list_conversations(
        self, tenant: str, state: ConversationState | None, before: tuple[int, str] | None, limit: int
    ) -> list[Conversation]:
        """Newest first by (opened_ms, conversation_id), those strictly before `before`."""
        ...

    @property
    def assist(self) -> Documents:
        """What belongs to no conversation."""
        ...


class WorkflowStore(Protocol):
    """Firings, tickets and the outbox. `Store.commit` writes them; called from the same thread."""

    def fired(self, tenant: str, conversation_ids: Sequence[str]) -> dict[tuple[str, str], int]:
        """When rules fired last, by (conversation_id, rule_id), where they did."""
        ...

    def ticket(self, tenant: str, ticket_id: str) -> Ticket | None:
        """By its number."""
        ...

    def tickets(
        self, tenant: str, wanted: TicketFilter, before: tuple[int, str] | None, limit: int
    ) -> list[Ticket]:
        """Newest first by (opened_ms, ticket_id), those strictly before `before`."""
        ...

    def comments(self, tenant: str, ticket_id: str, after: int, limit: int) -> list[Comment]:
        """In order, numbers strictly above `after`."""
        ...

    def answered(self, tenant: str, request_id: str) -> bytes | None:
        """The receipt of a request that was committed."""
        ...

    def deliveries(
        self, tenant: str, state: DeliveryState | None, after: tuple[int, str], limit: int
    ) -> list[Delivery]:
        """Oldest first by (created_ms, delivery_id), those strictly after `after`."""
        ...

    def claim_deliveries(self, now_ms: int, until_ms: int, limit: int) -> list[tuple[str, Delivery]]:
        """(tenant, delivery) of pending ones that are due; no engine gets them again before `until_ms`."""
        ...

    def put_delivery(self, tenant: str, delivery: Delivery) -> None:
        """Replace it; one that is gone meanwhile stays so."""
        ...

    def finish_delivery(self, tenant: str, delivery_id: str) -> None:
        """It has arrived: forget it."""
        ...


class Store(RoutingStore, Protocol):
    """State that outlives the process. It holds no policy: it says what is so, and commits all of a change or none.

    Called from one thread. What `commit`, `put_…` and `set_presence` returned for survives a kill.
    """

    def next_due_ms(self) -> int | None:
        """The earliest moment at which `due` or `lapsed` gives something; None where nothing ends by itself."""
        ...

    def of_customer(self, tenant: str, channel: int, customer_id: str, limit: int) -> list[Conversation]:
        """The customer's conversations on the channel, open or not, newest first by (opened_ms, id)."""
        ...

    def put_agent(self, tenant: str, agent: Agent, event: Event | None = None) -> int:
        """Create or replace; the stored presence and load stay. Journals the event with it; its sequence, or 0."""
        ...

    def set_presence(
        self, tenant: str, agent_id: str, presence: Presence, lease_ms: int = 0, event: Event | None = None
    ) -> int:
        """Until `lease_ms`, or until it is set again where that is 0. Journals the event with it; its sequence, or 0.

        Raises: NotFoundError.
        """
        ...

    def renew(self, tenant: str, agent_id: str, lease_ms: int) -> None:
        """Let the presence last until then; an agent who is offline stays so. Raises: NotFoundError."""
        ...

    def subscribe(self, listener: Callable[[str, Sequence[Conversation]], None]) -> None:
        """Call this with the tenant and the changed conversations after each commit, whichever engine made it.

        It is called from any thread and must neither block nor raise.
        """
        ...

    def events(self, tenant: str, conversation_id: str, after: int, limit: int) -> list[StoredEvent]:
        """Journal of a conversation in order, sequences strictly above `after`."""
        ...

    def latest_events(self, tenant: str, conversation_id: str, kind: str, limit: int) -> list[StoredEvent]:
        """The newest of the kind in a conversation's journal, newest first."""
        ...

    def last_record(self, tenant: str, conversation_id: str) -> bytes | None:
        """Journal data of the conversation's last message."""
        ...

    @property
    def assist(self) -> AssistStore:
        """What the assist keeps."""
        ...

    @property
    def workflow(self) -> WorkflowStore:
        """What rules, tickets and the outbox keep; `commit` writes it."""
        ...

    @property
    def archive(self) -> Archive:
        """What takes texts out."""
        ...

    @property
    def bots(self) -> BotStore:
        """The journal as bots read it."""
        ...

    def close(self) -> None:
        """Give up files and locks."""
        ...

"""What the engine needs from outside; `bootstrap` supplies it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from engine.bots.store import BotStore
from engine.domain import (
    Advice,
    Agent,
    AnalysisBatch,
    Assignment,
    Change,
    Conversation,
    ConversationState,
    Event,
    Heard,
    Presence,
    Reply,
    Roster,
    StoredEvent,
)
from engine.routing.policy import Policy
from engine.timeline.archive import Archive
from engine.workflow.outbox import Delivery, DeliveryState
from engine.workflow.ticket import Comment, Ticket, TicketFilter


class Clock(Protocol):
    """The time."""

    def now_ms(self) -> int:
        """Milliseconds since 1970 (UTC)."""
        ...


class Prediction(Protocol):
    """What a classifier says of `n` texts, as columns; `models.bundle.Prediction` has the shape."""

    @property
    def probability(self) -> npt.NDArray[np.float32]:
        """[n, k], calibrated, rows sum to 1."""
        ...

    @property
    def confidence(self) -> npt.NDArray[np.float32]:
        """[n], the calibrated probability of the likeliest intent."""
        ...

    @property
    def in_scope(self) -> npt.NDArray[np.bool_]:
        """[n], False where "out_of_scope" is the answer."""
        ...

    @property
    def sentiment(self) -> npt.NDArray[np.float32]:
        """[n, 3] over SENTIMENTS, rows sum to 1."""
        ...

    @property
    def anger(self) -> npt.NDArray[np.float32]:
        """[n], calibrated probability."""
        ...

    @property
    def is_angry(self) -> npt.NDArray[np.bool_]:
        """[n], whether `anger` passes its threshold."""
        ...

    @property
    def language(self) -> npt.NDArray[np.uint8]:
        """[n], 0 for zh, 1 for en."""
        ...

    @property
    def embedding(self) -> npt.NDArray[np.float32]:
        """[n, d], rows of length 1, or 0 where nothing was known."""
        ...


class Encoder(Protocol):
    """Turns texts into vectors."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """[n, dimension], rows of length 1, or 0 where nothing was known."""
        ...


class Grams(Protocol):
    """Words and n-grams of `n` texts, ordered by text, each bucket once a text; `models.grams.Grams` has the shape."""

    @property
    def offsets(self) -> npt.NDArray[np.int64]:
        """[n + 1], where each text's begin, and the end."""
        ...

    @property
    def buckets(self) -> npt.NDArray[np.uint16]:
        """[m], what stands for an n-gram; different ones may share a bucket."""
        ...

    @property
    def counts(self) -> npt.NDArray[np.float32]:
        """[m], how often it comes, above 0."""
        ...


class GramCounter(Protocol):
    """Takes texts apart."""

    def grams(self, texts: Sequence[str]) -> Grams:
        """Words and n-grams of each text."""
        ...


class Predictor(Protocol):
    """Reads texts; one is read the same alone or in any batch."""

    def predict(self, texts: Sequence[str]) -> Prediction:
        """Read a batch of texts."""
        ...


class Classifier(Encoder, GramCounter, Predictor, Protocol):
    """A bundle at work. A text is read the same alone or in any batch."""

    @property
    def id(self) -> str:
        """Names the bundle for ever."""
        ...

    @property
    def intents(self) -> tuple[str, ...]:
        """The `k` intents, without "out_of_scope"."""
        ...

    @property
    def skills(self) -> Mapping[str, str]:
        """Intent to skill, "out_of_scope" included."""
        ...


class ReplyIndex(Protocol):
    """Vectors that can be searched; immutable, so safe to search while the next one is built."""

    @property
    def vectors(self) -> npt.NDArray[np.float32]:
        """[rows, d], as they were given; not to be written."""
        ...

    def search(
        self, queries: npt.NDArray[np.float32], k: int, allowed: npt.NDArray[np.bool_] | None = None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Inner products and row numbers of the best `k` among the rows `allowed` (all if None), best first.

        Both [n, min(k, rows)]; where fewer are found, the rest is -inf and row -1.
        """
        ...


class Policies(Protocol):
    """Which routing policy a tenant has."""

    def of(self, tenant: str) -> Policy:
        """The same object until it changes."""
        ...


class Codec(Protocol):
    """The bytes an answer is sent and kept as; each is made once."""

    def answers(
        self,
        conversation_ids: Sequence[str],
        analysis: AnalysisBatch,
        assignments: Sequence[Assignment],
        advice: Sequence[Advice],
    ) -> list[bytes]:
        """One serialised answer per message."""
        ...

    def records(self, raw: Sequence[bytes], answers: Sequence[bytes]) -> list[bytes]:
        """Messages and their answers, as journaled."""
        ...

    def answer_in(self, record: bytes) -> bytes:
        """The answer in a record."""
        ...

    def heard(self, record: bytes) -> Heard:
        """The message in a record."""
        ...

    def again(self, answer: bytes) -> bytes:
        """The answer, marked as given before."""
        ...

    def assigned(self, assignment: Assignment) -> bytes:
        """A conversation's getting an agent, as journaled."""
        ...

    def basis(self, policy: Policy, read: AnalysisBatch | None) -> bytes:
        """What decides from here on, as journaled; of the bundle nothing is said where nothing was read."""
        ...

    def presence(self, agent_ids: Sequence[str], presence: Presence, how: str) -> bytes:
        """Agents' coming or going, as journaled."""
        ...

    def agent(self, agent: Agent) -> bytes:
        """An agent's being put, as journaled."""
        ...

    def event(self, kind: str, **fields: str | int | float | bool) -> bytes:
        """The payload of an event of this kind (a field of the Event message), as journaled."""
        ...


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


EVERYONE = "*"  # the tenant under which is kept what all engines share; no tenant can have that name
REPLIES = "replies"  # what `SharedStore.versions` calls them
LEARNED = "learned"  # the kind of document that feedback changes
RECEIPTS_KEPT = 30 * 86_400  # seconds for which a request of the assist is known again


class SharedStore(Protocol):
    """A store that other engines may write to as well."""

    def versions(self, tenant: str) -> Mapping[str, int]:
        """By kind of document, and for REPLIES, a number that is another once another engine changed them.

        It stays where only this engine did; a kind that is missing has 0. To remember what is kept, read this first.
        """
        ...


class ReplyStore(SharedStore, Protocol):
    """The canned replies, and the customers' words they answer. Called from one thread.

    What `put_replies`, `delete_reply` and `seed` returned for survives a kill.
    """

    def replies(self, tenant: str) -> list[Reply]:
        """All, by id."""
        ...

    def put_replies(self, tenant: str, replies: Sequence[Reply]) -> None:
        """Create or replace all of them, or none."""
        ...

    def delete_reply(self, tenant: str, reply_id: str, request_id: str, now_ms: int) -> None:
        """Raises: NotFoundError, unless that request ("" is none) deleted something within RECEIPTS_KEPT."""
        ...

    def seed(self, tenant: str, replies: Sequence[Reply]) -> bool:
        """Keep the replies if the tenant was never seeded; False if it was, however little is left of them."""
        ...

    def recent_records(self, tenant: str, conversation_id: str, limit: int) -> list[bytes]:
        """Journal data of the newest messages, of one conversation or ("") of all, newest first.

        Of all, a store may remember only the last 10,000.
        """
        ...


class FeedbackStore(SharedStore, Protocol):
    """What was learned and decided beside the replies, as documents. Called from one thread.

    What `put_document` and `commit_feedback` returned for survives a kill.
    """

    def documents(self, tenant: str, kind: str) -> dict[str, bytes]:
        """All of a kind, by key."""
        ...

    def put_document(self, tenant: str, kind: str, key: str, data: bytes) -> None:
        """Create or replace."""
        ...

    def delete_document(self, tenant: str, kind: str, key: str) -> bool:
        """Whether it was there."""
        ...

    def receipt(self, tenant: str, request_id: str) -> bytes | None:
        """The receipt of a feedback that was committed."""
        ...

    def commit_feedback(
        self, tenant: str, request_id: str, receipt: bytes, documents: Mapping[str, bytes], now_ms: int
    ) -> bytes | None:
        """Keep the receipt, for RECEIPTS_KEPT at least, and, as kind LEARNED, the documents: all or nothing.

        The earlier receipt, and no change, where one of that id was committed before; else None. Raises:
        ContentionError where another engine changed documents of the kind since `versions` was called.
        """
        ...


class AssistStore(ReplyStore, FeedbackStore, Protocol):
    """Both, as a store has them."""


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

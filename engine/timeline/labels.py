"""What agents say and do that can be learned from, in the journal."""

from __future__ import annotations

from dataclasses import dataclass

from yingda.v1 import event_pb2

from engine.assist.adviser import Returned
from engine.domain import Change, Event
from engine.errors import ContentionError, NotFoundError
from engine.ports import Clock, Codec, Store

LABELLED = "message_labelled"
USED = "suggestions_used"


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A message's intent, as somebody says. `agent_id` and `request_id` may be ""."""

    conversation_id: str
    message_id: str
    intent: str
    agent_id: str
    request_id: str


class LabelBook:
    """Called on the decision thread."""

    def __init__(self, *, store: Store, codec: Codec, clock: Clock) -> None:
        self._store = store
        self._codec = codec
        self._clock = clock

    def label(self, tenant: str, label: Label) -> tuple[bytes, bool]:
        """The serialised MessageLabelled, and whether the call had been made before. Raises: NotFoundError."""
        key = f"label:{label.request_id}" if label.request_id else ""
        if key and (known := self._store.records(tenant, [key]).get(key)):
            return known, True
        data = self._codec.event(
            LABELLED,
            message_id=label.message_id,
            intent=label.intent,
            read_intent=self._read_intent(tenant, label),
            agent_id=label.agent_id,
        )
        self._journal(tenant, label.conversation_id, LABELLED, data, key)
        return data, False

    def use(self, tenant: str, returned: Returned, reward: float) -> None:
        """Journal once, however often it is told, what became of a list of suggestions."""
        key = f"feedback:{returned.feedback.request_id}"
        if self._store.records(tenant, [key]):
            return
        name = returned.conversation_id
        # What belongs to no conversation could not be found again should its customer be deleted.
        known = name if name and self._store.conversations(tenant, [name]) else ""
        data = event_pb2.SuggestionsUsed(
            list_id=returned.list_id if known else "",
            shown_reply_ids=returned.feedback.shown,
            outcome=returned.feedback.outcome,
            reply_id=returned.feedback.reply_id,
            sent_text=returned.feedback.sent_text if known else "",
            reward=reward,
        ).SerializeToString()
        self._journal(tenant, known, USED, data, key)

    def _read_intent(self, tenant: str, label: Label) -> str:
        found = self._store.conversations(tenant, [label.conversation_id]).get(label.conversation_id)
        if found is None:
            raise NotFoundError(f"tenant {tenant} has no conversation {label.conversation_id}")
        key = f"{found.channel}:{label.message_id}"
        record = self._store.records(tenant, [key]).get(key)
        answer = event_pb2.MessageReceived.FromString(record or b"").answer
        if answer.conversation_id != label.conversation_id:
            raise NotFoundError(f"conversation {label.conversation_id} has no message {label.message_id}")
        return answer.analysis.intent

    def _journal(self, tenant: str, conversation_id: str, kind: str, data: bytes, key: str) -> None:
        event = Event(
            conversation_id=conversation_id, kind=kind, time_ms=self._clock.now_ms(), data=data, key=key
        )
        (done,) = self._store.commit([Change(tenant=tenant, events=[event])])
        if not done and not (key and self._store.records(tenant, [key])):
            raise ContentionError("the journal could not be written; try again")

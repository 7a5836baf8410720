"""What was learned of every tenant's replies, in memory and in the store."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from engine.assist import learning
from engine.assist.guard import Arm, Guard
from engine.assist.learning import EXAMINATION, PROMISE, Record
from engine.assist.reward import reward
from engine.assist.ticket import Ticket
from engine.domain import FeedbackOutcome
from engine.errors import ContentionError, InvalidArgumentError
from engine.ports import LEARNED, Clock, FeedbackStore

_GUARD = "guard"
_REPLY = "reply/"
_ATTEMPTS = 20  # a stale commit means another engine got on, so as many in a row are a fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What an agent did with a list; `reply_id` is "" where it was ignored."""

    request_id: str
    shown: Sequence[str]
    outcome: FeedbackOutcome
    reply_id: str
    reply_text: str
    sent_text: str


@dataclass(frozen=True, slots=True)
class Learned:
    """One tenant's; a snapshot, replaced as a whole, so that searches may read it from any thread."""

    records: Mapping[str, Record]
    guard: Guard


_NOTHING = Learned({}, Guard())


class Memory:
    """Changed on the decision thread, after the store; read from any."""

    def __init__(self, *, store: FeedbackStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._learned: dict[str, Learned] = {}
        self._versions: dict[str, int] = {}

    def load(self, tenant: str) -> Learned:
        """What was learned, read from the store the first time and when another engine learned more."""
        return self.renew(tenant, self._store.versions(tenant).get(LEARNED, 0))

    def renew(self, tenant: str, version: int) -> Learned:
        """The same, where the store's version is known."""
        if self._versions.get(tenant) != version:
            documents = self._store.documents(tenant, LEARNED)
            records = {
                key.removeprefix(_REPLY): learning.from_bytes(data)
                for key, data in documents.items()
                if key.startswith(_REPLY)
            }
            guard = Guard.from_bytes(documents[_GUARD]) if _GUARD in documents else Guard()
            self._learned[tenant] = Learned(records, guard)
            self._versions[tenant] = version
        return self._learned[tenant]

    def learned(self, tenant: str) -> Learned:
        """The same without reading the store; nothing where it was not loaded."""
        return self._learned.get(tenant, _NOTHING)

    def unlearn(self, tenant: str, typed: str, reply_ids: Sequence[str]) -> None:
        """Forget what was learned of these replies where this was typed, which may have been a customer's word."""
        before = self.load(tenant)
        changed = {
            one: learning.without(before.records[one], typed) for one in reply_ids if one in before.records
        }
        for one, record in changed.items():
            self._store.put_document(tenant, LEARNED, _REPLY + one, learning.to_bytes(record))
        self._learned[tenant] = Learned({**before.records, **changed}, before.guard)

    def record(self, tenant: str, feedback: Feedback, ticket: Ticket) -> tuple[float, bool]:
        """The reward, and whether the call had been made before. Kept in the store first. Raises: ContentionError."""
        for _ in range(_ATTEMPTS):
            with suppress(ContentionError):
                return self._record(tenant, feedback, ticket)
        raise ContentionError(f"what was learned changed under {_ATTEMPTS} attempts; try again")

    def _record(self, tenant: str, feedback: Feedback, ticket: Ticket) -> tuple[float, bool]:
        if earlier := self._store.receipt(tenant, feedback.request_id):
            return float(json.loads(earlier)), True
        worth = reward(feedback.outcome, feedback.reply_text, feedback.sent_text)
        before = self.load(tenant)
        changed = self._after(before, feedback, ticket, worth)
        guard = self._judged(before.guard, feedback, ticket, worth)
        documents = {_REPLY + one: learning.to_bytes(record) for one, record in changed.items()}
        documents[_GUARD] = guard.to_bytes()
        receipt, now_ms = json.dumps(worth).encode(), self._clock.now_ms()
        if earlier := self._store.commit_feedback(tenant, feedback.request_id, receipt, documents, now_ms):
            return float(json.loads(earlier)), True  # another engine was asked as well
        self._learned[tenant] = Learned({**before.records, **changed}, guard)
        return worth, False

    def _after(self, before: Learned, feedback: Feedback, ticket: Ticket, worth: float) -> dict[str, Record]:
        now_ms = self._clock.now_ms()
        known = learning.contexts(ticket.intent, ticket.typed)
        changed = {}
        for place, reply_id in enumerate(feedback.shown):
            record = before.records.get(reply_id, Record())
            taken = reply_id == feedback.reply_id
            # Who took a reply has looked at it, however low it stood.
            looks = 1.0 if taken else EXAMINATION[place]
            gained = (worth if taken else 0.0) - PROMISE[place] * looks
            record = record.seen(known, gained, looks, now_ms)
            changed[reply_id] = _taken(record, feedback.outcome, worth, now_ms) if taken else record
        return changed

    def _judged(self, guard: Guard, feedback: Feedback, ticket: Ticket, worth: float) -> Guard:
        if not ticket.arms or not worth:
            return guard
        place = feedback.shown.index(feedback.reply_id)
        if place >= len(ticket.arms):
            raise InvalidArgumentError("shown_reply_ids", "has more replies than the list had")
        return guard.plus(Arm(ticket.arms[place]), worth, self._clock.now_ms())


def _taken(record: Record, outcome: FeedbackOutcome, worth: float, now_ms: int) -> Record:
    return replace(
        record,
        accepted=record.accepted + (outcome is FeedbackOutcome.ACCEPTED),
        edited=record.edited + (outcome is FeedbackOutcome.EDITED),
        reward=record.reward + worth,
        taken_ms=now_ms,
    )

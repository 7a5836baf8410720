"""Customers' messages, put into conversations one after the other.

Most go to an agent who has the conversation already, or open one that somebody free may take; for these as little
is done as can be. Both are what `Draft` would do step by step.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from engine.domain import (
    NO_HINTS,
    OUT_OF_SCOPE,
    AnalysisBatch,
    Assignment,
    Conversation,
    ConversationState,
    Hints,
    MessageBatch,
    Mood,
    Presence,
    Requirement,
)
from engine.routing import mood
from engine.routing.draft import HOLDING, Draft
from engine.routing.requirement import Asker, requirement_of

SMALL_TALK = "chat."  # intents that say nothing about what the customer needs
_ENDED = (ConversationState.CLOSED, ConversationState.WRAPPING)  # for the customer
_NOTHING_ASKED = Requirement(skill="", skills={}, language="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Stored conversations that a batch may touch; `by_customer`, the newest open ones, follows the batch."""

    by_id: dict[str, Conversation]
    by_customer: dict[tuple[int, str], Conversation]

    def follow(self, conversation: Conversation) -> None:
        """Remember an open conversation where it is its customer's newest, as the store would."""
        customer = (conversation.channel, conversation.customer_id)
        newest = self.by_customer.get(customer)
        self.by_customer[customer] = conversation if newest is None else max(newest, conversation, key=_age)


class Keeper(Protocol):
    """What the dispatcher does about a message besides."""

    def cancel_offer(self, draft: Draft, conversation: Conversation) -> None:
        """Journal that an offer ends, where there is one."""
        ...

    def drain_into(self, draft: Draft, tenant: str) -> None:
        """Give away what was freed."""
        ...

    def note_mood(self, draft: Draft, conversation_id: str, after: Mood) -> None:
        """Journal that a customer became angry, or calm."""
        ...


class Intake:
    """One tenant's messages of a batch, for one draft."""

    def __init__(
        self, *, draft: Draft, batch: MessageBatch, analysis: AnalysisBatch, known: Known, keeper: Keeper
    ) -> None:
        self._draft = draft
        self._batch = batch
        self._analysis = analysis
        self._known = known
        self._keeper = keeper
        self._asker = Asker(analysis)
        self._roster = draft.crew.roster

    def receive(self, rows: Sequence[int]) -> tuple[list[str], list[Assignment]]:
        """Decide about these, in order: ids of their conversations, and the decisions."""
        draft, angers, angry = self._draft, self._analysis.anger, self._analysis.is_angry
        ids: list[str] = []
        assignments: list[Assignment] = []
        for number, row in enumerate(rows):
            draft.message = number
            before = self._conversation(row)
            after = mood.follow(before.mood, angers[row], is_angry=angry[row])
            if after.is_angry is not before.mood.is_angry:
                self._keeper.note_mood(draft, before.conversation_id, after)
            ids.append(before.conversation_id)
            assignments.append(self._decide(row, before, after))
        draft.message = None
        return ids, assignments

    def _decide(self, row: int, before: Conversation, after: Mood) -> Assignment:
        draft = self._draft
        if self._is_owned(before):
            return draft.keep(before, after)
        if not before.version and draft.is_unknown(before):
            asked = self._asker.of(row, self._batch.hints[row])
            made = draft.begin(before, after, asked)
        else:
            self._keeper.cancel_offer(draft, before)
            asked = _asked_by(before, self._batch, row, self._analysis, self._asker)
            made = draft.place(unowned(draft, before, after, asked))
        if draft.has_freed():
            self._keeper.drain_into(draft, draft.tenant)
        return made

    def _is_owned(self, conversation: Conversation) -> bool:
        """Whether it has an agent who can still answer; one who is gone does not hold it any longer."""
        state = conversation.state
        if state is not ConversationState.ASSIGNED and state is not ConversationState.OFFERED:
            return False
        row = self._roster.rows.get(conversation.agent_id)
        return row is not None and self._roster.presences[row] is not Presence.OFFLINE

    def _conversation(self, row: int) -> Conversation:
        """The conversation a message belongs to, as the draft sees it; a new one has version 0."""
        batch = self._batch
        named = batch.conversation_ids[row]
        if not named:
            newest = self._known.by_customer.get((batch.channels[row], batch.customer_ids[row]))
            if newest is not None:
                return self._draft.latest(newest)
        return self._other(row, named)

    def _other(self, row: int, named: str) -> Conversation:
        """One that was named, or that nobody has opened."""
        draft, batch = self._draft, self._batch
        if not named:
            draft.open_alone(named := _new_id(batch, row))
        found = (
            draft.conversation(named)
            or self._known.by_id.get(named)
            or blank(draft.now_ms, named, batch.channels[row], batch.customer_ids[row])
        )
        self._known.follow(found)
        return found


def asked_by(before: Conversation, batch: MessageBatch, row: int, analysis: AnalysisBatch) -> Requirement:
    """What an unowned conversation asks for after the message."""
    hints = _hints_of(before, batch, row)
    return _asked(before, requirement_of(analysis, row, hints), analysis.intents[row])


def unowned(draft: Draft, before: Conversation, after: Mood, asked: Requirement) -> Conversation:
    """The conversation ready to be placed: taken from its agent, opened again, and asking for what it asks now."""
    conversation = draft.release(before) if before.state in HOLDING else before
    closed = conversation.state is ConversationState.CLOSED
    state = ConversationState.WAITING if closed else conversation.state
    return draft.touch(conversation, mood=after, state=state, requirement=asked)


def blank(now_ms: int, conversation_id: str = "", channel: int = 0, customer_id: str = "") -> Conversation:
    """A conversation of which nothing is known yet; its version is 0."""
    made = _BLANK.copy()
    made.conversation_id = conversation_id
    made.channel = channel
    made.customer_id = customer_id
    made.opened_ms = made.updated_ms = now_ms
    return made


_BLANK = Conversation(
    conversation_id="",
    channel=0,
    customer_id="",
    state=ConversationState.WAITING,
    requirement=_NOTHING_ASKED,
    opened_ms=0,
    updated_ms=0,
    version=0,
)


def _asked_by(
    before: Conversation, batch: MessageBatch, row: int, analysis: AnalysisBatch, asker: Asker
) -> Requirement:
    return _asked(before, asker.of(row, _hints_of(before, batch, row)), analysis.intents[row])


def _hints_of(before: Conversation, batch: MessageBatch, row: int) -> Hints:
    """The message's; one that says nothing changes nothing of what is known of a conversation that waits."""
    hints = batch.hints[row]
    if hints is not NO_HINTS and hints != NO_HINTS:
        return hints
    asked = before.requirement
    if asked is _NOTHING_ASKED or before.state is ConversationState.CLOSED:
        return NO_HINTS
    return Hints(
        agent_id=asked.agent_id,
        preferred_agent_id=asked.preferred_agent_id,
        team=asked.team,
        priority=asked.priority,
        vip=asked.vip,
    )


def _age(conversation: Conversation) -> tuple[int, str]:
    return conversation.opened_ms, conversation.conversation_id


def _new_id(batch: MessageBatch, row: int) -> str:
    """Made of the opening message's name, so that a retry of it opens the same conversation."""
    name = f"{batch.channels[row]}:{batch.message_ids[row]}"
    return "c-" + hashlib.blake2b(name.encode(), digest_size=10).hexdigest()


def _asked(conversation: Conversation, asked: Requirement, intent: str) -> Requirement:
    """What an unowned conversation asks for now: small talk does not change what it asked before.

    Nor does anything else the customer writes, where a transfer named the skill, until it has ended.
    """
    before = conversation.requirement
    if before.is_given and conversation.state not in _ENDED:
        return replace(asked, skill=before.skill, skills=before.skills, is_given=True)
    if before.skill and (intent == OUT_OF_SCOPE or intent.startswith(SMALL_TALK)):
        return replace(before, language=asked.language, is_given=False)
    return asked

"""One rule at work in one conversation."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.domain import Conversation, Event
from engine.routing.draft import Draft
from engine.workflow.hook import Decided
from engine.workflow.outgoing import Occasion
from engine.workflow.reading import Reading
from engine.workflow.rule import Rule


@dataclass(slots=True, kw_only=True)
class Step:
    """What its actions work on.

    `decided` is None where the rule fires for waiting; else `row` is the message's place in it, `message` its number in
    the draft. `facts` grow with what the actions make; `done` says what they did.
    """

    tenant: str
    draft: Draft
    rule: Rule
    reading: Reading
    conversation_id: str
    facts: dict[str, str]
    decided: Decided | None = None
    row: int = 0
    message: int | None = None
    done: list[str] = field(default_factory=list)

    @property
    def now_ms(self) -> int:
        """When it fires."""
        return self.draft.now_ms

    @property
    def conversation(self) -> Conversation:
        """As the draft has it by now."""
        found = self.draft.conversation(self.conversation_id)
        assert found is not None  # whatever is decided about, and whatever waited, was touched
        return found

    @property
    def occasion(self) -> Occasion:
        """For the outbox."""
        return Occasion(tenant=self.tenant, now_ms=self.now_ms, into=self.draft.follow_up)

    def record(self, kind: str, data: bytes, *, key: str = "") -> None:
        """Journal that something followed."""
        event = Event(
            conversation_id=self.conversation_id, kind=kind, time_ms=self.now_ms, data=data, key=key
        )
        if self.message is None:
            self.draft.record(event)
        else:
            self.draft.record_behind(event, self.message)

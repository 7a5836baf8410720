"""Rules tried on what was recorded: where they would have fired, and why. Nothing is done."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from engine.customer.informer import NOBODY
from engine.domain import Conversation, ConversationState, Mood, Requirement
from engine.routing import mood
from engine.workflow.flow import is_within_window
from engine.workflow.reading import Reading, Recorded, columns_of
from engine.workflow.rule import Rule, Trigger, Verdict
from engine.workflow.rulebook import Rulebook

MOST_KNOWN = 20_000  # conversations, about a kilobyte each


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Once that a rule would have fired. `has_fired` where the journal says that it did."""

    rule: Rule
    conversation_id: str
    message_id: str
    time_ms: int
    verdicts: Sequence[Verdict]
    has_fired: bool


@dataclass(slots=True)
class _Past:
    """A conversation while its events go by."""

    conversation: Conversation
    last: Reading | None = None
    fired: dict[str, int] = field(default_factory=dict)


class Rehearsal:
    """Goes through a journal, part by part; a firing that the journal tells of may come with the part behind.

    How conversations stand is remembered of the last `most`. Where that is not all, or the journal is not read from its
    beginning (`is_whole`), what happened in those that are `unknown` before a part has to be prepared before it.
    """

    def __init__(
        self,
        tenant: str,
        rules: Sequence[Rule],
        since_ms: int,
        *,
        is_whole: bool = True,
        most: int = MOST_KNOWN,
    ) -> None:
        self._tenant = tenant
        self._book = Rulebook(rules)
        self._since_ms = since_ms
        self._is_whole = is_whole
        self._most = most
        self._pasts: OrderedDict[str, _Past] = OrderedDict()
        self.messages = 0

    def unknown(self, events: Sequence[Recorded]) -> list[str]:
        """Conversations of the part that went on before, as far as is known, and of which nothing is remembered."""
        if self._is_whole:
            return []
        return [
            one for one in dict.fromkeys(event.conversation_id for event in events) if one not in self._pasts
        ]

    def prepare(self, events: Sequence[Recorded]) -> None:
        """What happened before in conversations that were unknown; nothing is forgotten until the part was run."""
        counted = self.messages
        self._run(events)
        self.messages = counted

    def run(self, events: Sequence[Recorded]) -> list[Trial]:
        """Of a further part of the journal, in the order of the events."""
        trials = self._run(events)
        while len(self._pasts) > self._most:
            self._pasts.popitem(last=False)
            self._is_whole = False
        return trials

    def _run(self, events: Sequence[Recorded]) -> list[Trial]:
        done = {(one.conversation_id, one.fired_rule_id, one.time_ms) for one in events if one.fired_rule_id}
        placed = _placed_at_once(events)
        return [trial for at, one in enumerate(events) if at not in placed for trial in self._see(one, done)]

    def _see(self, event: Recorded, done: set[tuple[str, str, int]]) -> list[Trial]:
        past = self._pasts.setdefault(event.conversation_id, _Past(_blank(event)))
        self._pasts.move_to_end(event.conversation_id)
        past.conversation = _after(past.conversation, event)
        if event.reading:
            past.last = event.reading
            self.messages += event.time_ms >= self._since_ms
            return self._try(past, event, Trigger.MESSAGE, done)
        if event.relaxation and past.last:
            return self._try(past, event, Trigger.WAITING, done)
        return []

    def _try(
        self, past: _Past, event: Recorded, trigger: Trigger, done: set[tuple[str, str, int]]
    ) -> list[Trial]:
        assert past.last is not None  # whoever calls has seen it
        columns = columns_of(
            self._tenant, [past.last], [past.conversation], customers=NOBODY, now_ms=event.time_ms
        )
        trials = []
        for hit in self._book.match(columns, trigger):
            rule_id = hit.rule.rule_id
            if is_within_window(hit.rule, past.fired.get(rule_id, 0), event.time_ms):
                continue
            past.fired[rule_id] = event.time_ms
            if event.time_ms >= self._since_ms:
                trial = Trial(
                    rule=hit.rule,
                    conversation_id=event.conversation_id,
                    message_id=past.last.message_id if trigger is Trigger.MESSAGE else "",
                    time_ms=event.time_ms,
                    verdicts=self._book.verdicts(hit.rule, columns, 0),
                    has_fired=(event.conversation_id, rule_id, event.time_ms) in done,
                )
                trials.append(trial)
        return trials


def _placed_at_once(events: Sequence[Recorded]) -> set[int]:
    """Places of the relaxation steps that found an agent in the same commit, so that nobody waited after them."""
    placed: set[int] = set()
    relaxed: dict[tuple[int, str], int] = {}
    for at, one in enumerate(events):
        name = (one.commit, one.conversation_id)
        if one.relaxation:
            relaxed[name] = at
        elif one.is_assigned and name in relaxed:
            placed.add(relaxed.pop(name))
        elif one.is_transferred:
            relaxed.pop(name, None)  # a rule gave it on, which is why it has an agent
    return placed


def _blank(event: Recorded) -> Conversation:
    return Conversation(
        conversation_id=event.conversation_id,
        channel=event.reading.channel if event.reading else 0,
        customer_id=event.reading.customer_id if event.reading else "",
        state=ConversationState.WAITING,
        requirement=Requirement(skill="", skills={}, language=""),
        opened_ms=event.time_ms,
        updated_ms=event.time_ms,
        version=1,
    )


def _after(one: Conversation, event: Recorded) -> Conversation:
    """As far as rules look at it."""
    changes: Mapping[str, object] = {}
    if event.reading:
        changes = {
            "mood": _mood(one.mood, event.reading),
            "queued_ms": (one.queued_ms or event.time_ms) if event.reading.is_queued else 0,
            "relaxation": one.relaxation if event.reading.is_queued else 0,
            "requirement": replace(one.requirement, vip=event.reading.vip or one.requirement.vip),
        }
    elif event.relaxation:
        changes = {"relaxation": event.relaxation}
    elif event.is_assigned or event.is_closed:
        changes = {"queued_ms": 0, "relaxation": 0}
    return replace(one, **changes)  # type: ignore[arg-type]  # fields of a conversation


def _mood(before: Mood, reading: Reading) -> Mood:
    return mood.follow(before, reading.anger, is_angry=reading.is_angry)

"""Rules as callers manage them: put, inspected, explained, tried, and what they sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from engine.analysis.analyzer import Analyzer
from engine.assist.bookkeeper import Bookkeeper
from engine.customer.informer import Customers
from engine.domain import Conversation
from engine.errors import NotFoundError
from engine.ports import Classifier, Clock, Store
from engine.routing.intake import blank
from engine.workflow import inspection
from engine.workflow.codec import WorkflowCodec
from engine.workflow.columns import Columns
from engine.workflow.flow import is_within_window
from engine.workflow.inspection import Known, RuleFinding
from engine.workflow.outbox import Delivery, DeliveryState
from engine.workflow.reading import Reading, Recorded, columns_of
from engine.workflow.rule import Rule, Trigger, Verdict
from engine.workflow.rulebook import Rulebook
from engine.workflow.rulebooks import Rulebooks
from engine.workflow.webhook import Webhooks

_KINDS = (
    "message_received",
    "requirement_relaxed",
    "conversation_assigned",
    "conversation_transferred",
    "conversation_closed",
    "rule_fired",
)
_PAGE = 500  # entries of the journal that are read at a time
_MOST = 1000  # deliveries that one call requeues


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One rule and what it was asked about. `hindrance` is why it does not fire though all conditions hold."""

    rule: Rule
    verdicts: Sequence[Verdict]
    hindrance: str

    @property
    def fires(self) -> bool:
        """Whether it would."""
        return not self.hindrance and self.holds

    @property
    def holds(self) -> bool:
        """Whether all conditions do."""
        return all(one.holds for one in self.verdicts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Imagined:
    """A message that nobody sent."""

    text: str
    channel: int
    facts: Mapping[str, str]
    vip: int


class RuleDesk:
    """Called on the decision thread."""

    def __init__(
        self,
        *,
        rulebooks: Rulebooks,
        store: Store,
        codec: WorkflowCodec,
        clock: Clock,
        context: RuleContext,
    ) -> None:
        self._rulebooks = rulebooks
        self._store = store
        self._codec = codec
        self._clock = clock
        self._context = context

    def rules(self, tenant: str) -> list[Rule]:
        """All, by id."""
        return self._rulebooks.rules(tenant)

    def put(self, tenant: str, rule: Rule) -> Rule:
        """Create or replace. Raises: InvalidArgumentError, naming the key."""
        inspection.must_be_sound(rule, self._context.known(tenant))
        return self._rulebooks.put(tenant, rule)

    def delete(self, tenant: str, rule_id: str) -> None:
        """Raises: NotFoundError."""
        self._rulebooks.delete(tenant, rule_id)

    def inspect(self, tenant: str, rules: Sequence[Rule]) -> list[RuleFinding]:
        """Of these, or where there are none of the tenant's."""
        return inspection.inspect(rules or self.rules(tenant), self._context.known(tenant))

    def explain_text(self, tenant: str, imagined: Imagined) -> list[Explanation]:
        """What would follow from a first message."""
        now_ms = self._clock.now_ms()
        reading = self._context.read(imagined)
        conversation = self._context.blank(now_ms, reading)
        return self._explain(tenant, reading, conversation, {})

    def explain_conversation(self, tenant: str, conversation_id: str) -> list[Explanation]:
        """What would follow from its last message now. Raises: NotFoundError."""
        conversation = self._store.conversations(tenant, [conversation_id]).get(conversation_id)
        record = self._store.last_record(tenant, conversation_id)
        if conversation is None or record is None:
            raise NotFoundError(f"tenant {tenant} has no conversation {conversation_id}")
        fired = self._store.workflow.fired(tenant, [conversation_id])
        of_rules = {rule_id: fired_ms for (_, rule_id), fired_ms in fired.items()}
        return self._explain(tenant, self._codec.reading(record), conversation, of_rules)

    def journal(self, tenant: str, after: int) -> tuple[Sequence[Recorded], int]:
        """The next entries that rules care for, and up to which sequence it was looked; all is seen once that stays."""
        page = self._store.bots.journal(tenant, after, _KINDS, _PAGE)
        return [self._codec.recorded(one) for one in page.events], page.through

    def earlier(
        self, tenant: str, places: Mapping[str, int], through: int
    ) -> tuple[Sequence[Recorded], dict[str, int]]:
        """What rules care for of these conversations, each above its place, up to a sequence; and where to go on."""
        found: list[Recorded] = []
        further: dict[str, int] = {}
        for name, after in places.items():
            page = self._store.events(tenant, name, after, _PAGE)
            earlier = [one for one in page if one.sequence <= through]
            found += [self._codec.recorded(one) for one in earlier if one.event.kind in _KINDS]
            if len(earlier) == _PAGE:
                further[name] = earlier[-1].sequence
        return found, further

    def deliveries(
        self, tenant: str, state: DeliveryState | None, after: tuple[int, str], limit: int
    ) -> list[Delivery]:
        """Oldest first."""
        return self._store.workflow.deliveries(tenant, state, after, limit)

    def requeue(self, tenant: str, delivery_ids: Sequence[str]) -> int:
        """Try dead deliveries again, these or all; how many that were."""
        dead = self._store.workflow.deliveries(tenant, DeliveryState.DEAD, (0, ""), _MOST)
        wanted = [one for one in dead if not delivery_ids or one.delivery_id in delivery_ids]
        for one in wanted:
            pending = replace(
                one, state=DeliveryState.PENDING, attempts=0, due_ms=self._clock.now_ms(), error=""
            )
            self._store.workflow.put_delivery(tenant, pending)
        return len(wanted)

    def _explain(
        self, tenant: str, reading: Reading, conversation: Conversation, fired: Mapping[str, int]
    ) -> list[Explanation]:
        now_ms = self._clock.now_ms()
        book = Rulebook(self.rules(tenant))
        columns = columns_of(
            tenant, [reading], [conversation], customers=self._context.customers, now_ms=now_ms
        )
        explained: list[Explanation] = []
        for rule in book.rules:
            hindrance = _hindrance(rule, explained, fired.get(rule.rule_id, 0), now_ms)
            explained.append(_explanation(book, rule, columns, hindrance))
        return explained


class RuleContext:
    """What rules may name, and how a text would be read."""

    def __init__(
        self,
        *,
        reader: Callable[[], tuple[Classifier, Bookkeeper]],
        store: Store,
        webhooks: Webhooks,
        customers: Customers,
    ) -> None:
        self.customers = customers
        self._reader = reader  # of the bundle that serves
        self._store = store
        self._webhooks = webhooks

    def known(self, tenant: str) -> Known:
        """By kind."""
        classifier, bookkeeper = self._reader()
        return Known(
            intents=classifier.intents,
            webhooks=self._webhooks.names(tenant),
            slots=bookkeeper.slots,
            reply_ids=[one.reply_id for one in bookkeeper.replies(tenant)],
            teams={team for agent in self._store.roster(tenant).agents for team in agent.teams},
        )

    def read(self, imagined: Imagined) -> Reading:
        """As the pipeline would."""
        classifier, _ = self._reader()
        analysis = Analyzer(classifier=classifier).analyze([imagined.text])
        return Reading(
            text=imagined.text,
            channel=imagined.channel,
            vip=imagined.vip,
            metadata=imagined.facts,
            intent=analysis.intents[0],
            confidence=analysis.confidence[0],
            sentiment=analysis.sentiments[0],
            anger=analysis.anger[0],
            is_angry=analysis.is_angry[0],
            language=analysis.languages[0],
        )

    def blank(self, now_ms: int, reading: Reading) -> Conversation:
        """A conversation that this message opens."""
        return blank(now_ms, "", reading.channel, reading.customer_id)


def _hindrance(rule: Rule, before: Sequence[Explanation], fired_ms: int, now_ms: int) -> str:
    if rule.disabled:
        return "disabled"
    if rule.trigger is not Trigger.MESSAGE:
        return "trigger"
    for one in before:
        if one.rule.stop and one.holds and one.hindrance in ("", "window"):
            return f"stopped by {one.rule.rule_id}"
    return "window" if is_within_window(rule, fired_ms, now_ms) else ""


def _explanation(book: Rulebook, rule: Rule, columns: Columns, hindrance: str) -> Explanation:
    return Explanation(rule=rule, verdicts=book.verdicts(rule, columns, 0), hindrance=hindrance)

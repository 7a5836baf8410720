from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import pytest
from yingda.v1 import answer_pb2, assignment_pb2, event_pb2

from engine.customer.profile import Customer, Key, Order
from engine.domain import Change, ConversationState, Presence
from engine.ports import Store
from engine.routing.policy import MINUTE
from engine.stores.sqlite import SQLiteStore
from engine.workflow.outbox import Firing, FollowUp
from engine.workflow.rule import (
    AddTags,
    AssignTeam,
    CallWebhook,
    CloseConversation,
    Condition,
    Escalate,
    FactTest,
    OpenTicket,
    Rule,
    SendReply,
    SetPriority,
    Trend,
    Trigger,
)
from engine.workflow.ticket import Ticket, TicketFilter
from engine.workflow.webhook import Webhook
from tests.fakes import (
    TENANT,
    ContestedStore,
    Desk,
    FieldValue,
    Workday,
    ask,
    get,
    hire,
    kinds,
    make_agent,
    make_desk,
    make_message,
    send,
)

SECRET = "a secret of 16 bytes or more"
REFUND = Condition(intents=("refund.request",))
TELL = SendReply(texts={"en": "Your number is {ticket_id}.", "zh": "工单 {ticket_id}"})
OPENS = Rule(
    rule_id="refund-ticket", when=REFUND, then=(OpenTicket(title="Refund of {order_id}", due_ms=5000), TELL)
)


class KnownFacts:
    """One customer's order."""

    def is_on(self, tenant: str) -> bool:
        return True

    def facts_for(self, tenant: str, channel: int, customer_id: str, text: str) -> Mapping[str, str]:
        return {"order_id": "A1", "carrier": "SF", "secret": "x"} if customer_id == "cu1" else {}


class Silent:
    """Sources that have not answered yet."""

    def is_on(self, tenant: str) -> bool:
        return True

    def facts_for(self, tenant: str, channel: int, customer_id: str, text: str) -> Mapping[str, str]:
        return {}


def desk_with(store: Store, *rules: Rule, **workday: FieldValue) -> Desk:
    return make_desk(store, workday=Workday(rules=rules, **workday))


def tickets(desk: Desk) -> list[Ticket]:
    return desk.workflow.desk.tickets(TENANT, TicketFilter(), None, 99)


def tagging(rule_id: str = "tag", **fields: FieldValue) -> Rule:
    return Rule(rule_id=rule_id, then=(AddTags(tags=(rule_id,)),), **fields)


def fired(desk: Desk, conversation_id: str) -> list[event_pb2.RuleFired]:
    stored = desk.store.events(TENANT, conversation_id, 0, 99)
    return [
        event_pb2.RuleFired.FromString(one.event.data) for one in stored if one.event.kind == "rule_fired"
    ]


class TestTickets:
    def test_a_refund_opens_a_ticket_with_the_orders_data_and_tells_its_number(
        self, embedded: SQLiteStore
    ) -> None:
        desk = desk_with(embedded, OPENS, customers=KnownFacts())
        answer = ask(desk, "refund.request please")
        (ticket,) = tickets(desk)

        assert (ticket.title, ticket.rule_id) == ("Refund of A1", "refund-ticket")
        assert ticket.facts == {"order_id": "A1", "carrier": "SF"}
        assert (ticket.conversation_id, ticket.customer_id) == (answer.conversation_id, "cu1")
        assert ticket.due_ms == ticket.opened_ms + 5000
        assert answer.auto_reply.decision == answer_pb2.AUTO_REPLY_DECISION_SENT
        assert answer.auto_reply.text.endswith(f"Your number is {ticket.ticket_id}.")

    def test_what_came_with_the_message_counts_before_what_is_known(self, embedded: SQLiteStore) -> None:
        desk = desk_with(embedded, OPENS, customers=KnownFacts())
        ask(desk, "refund.request", metadata={"order_id": "B2"})

        assert tickets(desk)[0].facts["order_id"] == "B2"

    def test_a_ticket_is_not_opened_twice_within_the_window(self, embedded: SQLiteStore) -> None:
        desk = desk_with(embedded, OPENS)
        first = ask(desk, "refund.request")
        second = ask(desk, "refund.request again")
        desk.clock.advance(OPENS.window_ms)
        ask(desk, "refund.request")

        assert first.HasField("auto_reply")
        assert not second.HasField("auto_reply")
        assert len(tickets(desk)) == 2

    def test_two_messages_of_one_batch_open_one_ticket(self, embedded: SQLiteStore) -> None:
        desk = desk_with(embedded, OPENS)
        send(desk, make_message("refund.request"), make_message("refund.request"))

        assert len(tickets(desk)) == 1

    def test_a_message_that_comes_again_changes_nothing(self, embedded: SQLiteStore) -> None:
        desk = desk_with(embedded, Rule(rule_id="each", when=REFUND, then=OPENS.then, window_ms=0))
        message = make_message("refund.request")
        (first,), (again,) = send(desk, message), send(desk, message)

        assert again.duplicate
        assert again.auto_reply == first.auto_reply
        assert len(tickets(desk)) == 1

    def test_a_rule_that_fired_on_another_engine_meanwhile_does_not_again(
        self, embedded: SQLiteStore
    ) -> None:
        plain = desk_with(embedded)
        opened = ask(plain, "hello")
        name = {"conversation_id": opened.conversation_id, "rule_id": OPENS.rule_id}

        def fire(store: SQLiteStore) -> None:
            rival = Firing(**name, before_ms=0, fired_ms=plain.clock.now_ms())
            assert store.commit([Change(tenant=TENANT, follow_up=FollowUp(firings=[rival]))]) == [True]

        store = ContestedStore(embedded, [fire])
        desk = desk_with(store, OPENS)
        answer = ask(desk, "refund.request", conversation_id=opened.conversation_id)

        assert store.commits == 2
        assert tickets(desk) == []
        assert not answer.HasField("auto_reply")

    def test_the_journal_says_what_was_done_and_why(self, embedded: SQLiteStore) -> None:
        desk = desk_with(embedded, OPENS)
        answer = ask(desk, "refund.request")
        (event,) = fired(desk, answer.conversation_id)
        (check,) = event.checks

        assert kinds(desk, answer.conversation_id) == ["message_received", "ticket_opened", "rule_fired"]
        assert list(event.actions) == [f"open_ticket {tickets(desk)[0].ticket_id}", "auto_reply sent"]
        assert (check.name, check.wanted, check.found) == ("intents", "refund.request", "refund.request")
        assert check.holds


class TestLateFacts:
    KEY = Key(tenant=TENANT, channel=1, customer_id="cu1")

    def customer(self, *orders: str, waiting: tuple[str, ...] = ()) -> Customer:
        made = tuple(Order(order_id=one, facts={"order_id": one, "carrier": "SF"}) for one in orders)
        return Customer(key=self.KEY, orders=made, facts={"customer_name": "An"}, waiting=waiting)

    def test_what_a_source_says_a_moment_later_is_added(self, embedded: SQLiteStore) -> None:
        desk = desk_with(embedded, OPENS, customers=Silent())
        answer = ask(desk, "refund.request")
        (before,) = tickets(desk)
        desk.workflow.completion.complete(self.customer(waiting=("orders",)), desk.workflow.desk)
        desk.workflow.completion.complete(self.customer("A1"), desk.workflow.desk)
        (after,) = tickets(desk)

        assert (before.title, before.facts) == ("Refund of", {})
        assert after.title == "Refund of A1"
        assert after.facts == {"order_id": "A1", "carrier": "SF", "customer_name": "An"}
        assert kinds(desk, answer.conversation_id)[-1] == "ticket_changed"

    def test_a_title_that_somebody_changed_stays(self, embedded: SQLiteStore) -> None:
        desk = desk_with(embedded, OPENS, customers=Silent())
        ask(desk, "refund.request")
        (opened,) = tickets(desk)
        desk.workflow.desk.update(TENANT, "q1", replace(opened, title="mine"))
        desk.workflow.completion.complete(self.customer("A1"), desk.workflow.desk)
        desk.workflow.completion.complete(self.customer("A2"), desk.workflow.desk)

        assert [(one.title, one.facts["order_id"]) for one in tickets(desk)] == [("mine", "A1")]

    def test_of_several_orders_none_is_taken_for_the_one_meant(self, embedded: SQLiteStore) -> None:
        desk = desk_with(embedded, OPENS, customers=Silent())
        ask(desk, "refund.request")
        desk.workflow.completion.complete(self.customer("A1", "A2"), desk.workflow.desk)

        assert [one.facts for one in tickets(desk)] == [{"customer_name": "An"}]


class TestConditions:
    @pytest.mark.parametrize(
        ("when", "text", "holds"),
        [
            (Condition(), "anything", True),
            (Condition(intents=("out_of_scope",)), "anything", True),
            (Condition(intents=("refund.request",)), "shipping.track", False),
            (Condition(min_confidence=0.85), "refund.request", True),
            (Condition(min_confidence=0.95), "refund.request", False),
            (Condition(sentiments=("negative",)), "no!", True),
            (Condition(sentiments=("negative",)), "no", False),
            (Condition(min_anger=0.5), "no!", True),
            (Condition(max_anger=0.5), "no!", False),
            (Condition(channels=(2, 1)), "no", True),
            (Condition(channels=(2,)), "no", False),
            (Condition(languages=("zh",)), "不", True),
            (Condition(languages=("zh",)), "no", False),
            (Condition(keywords=("LAWYER",)), "my lawyer says", True),
            (Condition(keywords=("12315", "消协")), "我要去消协投诉", True),
            (Condition(keywords=("a.c",)), "abc", False),
            (Condition(patterns=(r"\b\d{6}\b",)), "order 123456!", True),
            (Condition(patterns=(r"\b\d{6}\b",)), "order 1234567", False),
            (Condition(min_vip=1), "no", False),
            (Condition(min_relaxation=1), "no", False),
            (Condition(facts=(FactTest(name="order_id"),)), "no", True),
            (Condition(facts=(FactTest(name="order_id", values=("B2",)),)), "no", False),
            (Condition(facts=(FactTest(name="amount", at_least=100),)), "no", True),
            (Condition(facts=(FactTest(name="amount", at_most=99.5),)), "no", False),
            (Condition(facts=(FactTest(name="ticket_id", absent=True),)), "no", True),
        ],
    )
    def test_a_rule_fires_where_its_condition_holds(
        self, embedded: SQLiteStore, when: Condition, text: str, holds: bool
    ) -> None:
        desk = desk_with(embedded, tagging(when=when))
        answer = ask(desk, text, metadata={"order_id": "A1", "amount": "CNY 1,200.50"})

        assert get(desk, answer.conversation_id).tags == (("tag",) if holds else ())
        assert all(check.holds for event in fired(desk, answer.conversation_id) for check in event.checks)

    def test_the_customers_standing_counts(self, embedded: SQLiteStore) -> None:
        desk = desk_with(embedded, tagging(when=Condition(min_vip=2)))
        message = make_message("hello")
        message.routing.vip = 2
        (answer,) = send(desk, message)

        assert get(desk, answer.conversation_id).tags == ("tag",)

    def test_rising_anger_is_told_from_anger(self, embedded: SQLiteStore) -> None:
        desk = desk_with(embedded, tagging(when=Condition(anger_trend=Trend.RISING), window_ms=0))
        first = ask(desk, "no!")
        calm = get(desk, first.conversation_id).tags
        ask(desk, "no!")

        assert calm == ()
        assert get(desk, first.conversation_id).tags == ("tag",)

    def test_a_rule_that_stops_hides_those_behind_it(self, embedded: SQLiteStore) -> None:
        first = tagging("first", when=REFUND, stop=True)
        desk = desk_with(embedded, first, tagging("second", position=1))
        stopped, other = ask(desk, "refund.request"), ask(desk, "hello", customer_id="cu2")

        assert get(desk, stopped.conversation_id).tags == ("first",)
        assert get(desk, other.conversation_id).tags == ("second",)

    def test_a_disabled_rule_does_not_fire(self, embedded: SQLiteStore) -> None:
        desk = desk_with(embedded, tagging(disabled=True))

        assert get(desk, ask(desk).conversation_id).tags == ()


class TestStaffing:
    def test_a_team_gets_the_conversation_in_the_same_commit(self, embedded: SQLiteStore) -> None:
        desk = desk_with(embedded, Rule(rule_id="r", when=REFUND, then=(AssignTeam(team="night"),)))
        hire(desk, make_agent("ann"), make_agent("bob", teams=frozenset({"night"}), skills={"finance": 1}))
        answer = ask(desk, "refund.request")
        one = get(desk, answer.conversation_id)

        assert (answer.assignment.agent_id, one.agent_id) == ("ann", "bob")
        assert one.version == 1
        assert kinds(desk, answer.conversation_id)[-3:] == [
            "conversation_transferred",
            "conversation_assigned",
            "rule_fired",
        ]
        assert {agent: int(desk.store.roster(TENANT).load[row]) for agent, row in _rows(desk)} == {
            "ann": 0,
            "bob": 100,
        }

    def test_an_agent_of_the_team_keeps_it(self, embedded: SQLiteStore) -> None:
        desk = desk_with(embedded, Rule(rule_id="r", then=(AssignTeam(team="night"),)))
        hire(desk, make_agent("ann", teams=frozenset({"night"})))

        assert ask(desk).assignment.agent_id == "ann"

    def test_an_owned_conversation_is_taken_from_its_agent_and_its_place_given_on(
        self, embedded: SQLiteStore
    ) -> None:
        rule = Rule(rule_id="r", when=REFUND, then=(AssignTeam(team="night"),))
        desk = desk_with(embedded, rule)
        hire(desk, make_agent("ann", capacity=100))
        first = ask(desk)
        waiting = ask(desk, customer_id="cu2")
        answer = ask(desk, "refund.request")

        assert get(desk, first.conversation_id).state is ConversationState.WAITING
        assert get(desk, first.conversation_id).last_agent_id == "ann"
        assert get(desk, waiting.conversation_id).agent_id == "ann"
        assert answer.assignment.outcome == assignment_pb2.ASSIGNMENT_OUTCOME_KEPT
        assert "conversation_transferred" in kinds(desk, first.conversation_id)

    def test_a_priority_moves_the_conversation_in_the_queue(self, embedded: SQLiteStore) -> None:
        desk = desk_with(embedded, Rule(rule_id="r", when=REFUND, then=(SetPriority(priority=9),)))
        first, urgent = ask(desk), ask(desk, "refund.request", customer_id="cu2")
        one = get(desk, urgent.conversation_id)

        assert one.requirement.priority == 9
        assert one.rank_ms < get(desk, first.conversation_id).rank_ms

    def test_a_supervisor_takes_part_who_has_the_most_room(self, embedded: SQLiteStore) -> None:
        desk = desk_with(embedded, Rule(rule_id="r", when=REFUND, then=(Escalate(),)))
        boss = partial(make_agent, teams=frozenset({"supervisors"}), skills={"none": 1})
        hire(desk, make_agent("ann"), boss("sue"), boss("tom"))
        desk.team.set_presence(TENANT, "sue", Presence.AWAY)
        answer = ask(desk, "refund.request")

        assert answer.assignment.agent_id == "ann"
        assert get(desk, answer.conversation_id).participants == ("tom",)
        assert "conversation_escalated" in kinds(desk, answer.conversation_id)

    def test_without_a_supervisor_the_conversation_goes_to_the_front(self, embedded: SQLiteStore) -> None:
        desk = desk_with(embedded, Rule(rule_id="r", then=(Escalate(),)))
        one = get(desk, ask(desk).conversation_id)

        assert one.participants == ()
        assert one.requirement.priority == 10

    def test_a_closed_conversation_frees_its_place(self, embedded: SQLiteStore) -> None:
        desk = desk_with(embedded, Rule(rule_id="r", when=REFUND, then=(CloseConversation(),)))
        hire(desk, make_agent("ann", capacity=100))
        answer = ask(desk, "refund.request")
        roster = desk.store.roster(TENANT)

        assert get(desk, answer.conversation_id).state is ConversationState.CLOSED
        assert int(roster.load[roster.rows["ann"]]) == 0
        assert kinds(desk, answer.conversation_id)[-2:] == ["conversation_closed", "rule_fired"]


class TestWaiting:
    WAITS = Rule(
        rule_id="overflow",
        trigger=Trigger.WAITING,
        when=Condition(min_relaxation=4, min_waiting_ms=MINUTE),
        then=(OpenTicket(title="late"), TELL),
    )

    def test_an_overflowed_conversation_gets_a_ticket_and_the_customer_hears_of_it(
        self, embedded: SQLiteStore
    ) -> None:
        desk = desk_with(embedded, self.WAITS)
        answer = ask(desk, "refund.request")
        for _ in range(12):
            desk.clock.advance(MINUTE)
            desk.lifecycle.tick(desk.clock.now_ms())
        (ticket,) = tickets(desk)
        sent = _sent(desk, answer.conversation_id)

        assert ticket.title == "late"
        assert f"Your number is {ticket.ticket_id}." in sent.text
        assert (sent.bot_id, sent.customer_id) == ("rule:overflow", "cu1")

    def test_a_conversation_that_found_an_agent_at_the_last_step_gets_none(
        self, embedded: SQLiteStore
    ) -> None:
        desk = desk_with(embedded, self.WAITS)
        hire(desk, make_agent("ann", skills={"none": 1}, languages=frozenset({"zh"})))
        ask(desk, "refund.request")
        for _ in range(12):
            desk.clock.advance(MINUTE)
            desk.lifecycle.tick(desk.clock.now_ms())

        assert tickets(desk) == []


class TestOutbox:
    CRM = Webhook(name="crm", url="https://crm.example/hook", secret=SECRET, events=("ticket.opened",))

    def test_a_ticket_and_its_delivery_are_one_commit(self, embedded: SQLiteStore) -> None:
        desk = desk_with(embedded, OPENS, webhooks=[self.CRM])
        ask(desk, "refund.request")
        (delivery,) = desk.store.workflow.deliveries(TENANT, None, (0, ""), 9)

        assert (delivery.webhook, delivery.kind) == ("crm", "ticket.opened")
        assert tickets(desk)[0].ticket_id.encode() in delivery.body

    def test_a_rule_calls_a_webhook_without_the_customers_words(self, embedded: SQLiteStore) -> None:
        rules = [
            Rule(rule_id="bare", when=REFUND, then=(CallWebhook(webhook="crm"),)),
            Rule(rule_id="full", when=REFUND, then=(CallWebhook(webhook="crm", with_text=True),)),
        ]
        desk = desk_with(embedded, *rules, webhooks=[self.CRM])
        ask(desk, "refund.request private words")
        sent = desk.store.workflow.deliveries(TENANT, None, (0, ""), 9)
        bodies = {b'"bare"' in one.body: one.body for one in sent}

        assert len(sent) == 2
        assert b"private words" not in bodies[True]
        assert b"private words" in bodies[False]

    def test_a_webhook_of_another_tenant_is_not_called(self, embedded: SQLiteStore) -> None:
        theirs = Webhook(name="crm", url="https://x.example", secret=SECRET, tenants=("other",))
        desk = desk_with(embedded, Rule(rule_id="r", then=(CallWebhook(webhook="crm"),)), webhooks=[theirs])
        answer = ask(desk)

        assert desk.store.workflow.deliveries(TENANT, None, (0, ""), 9) == []
        assert list(fired(desk, answer.conversation_id)[0].actions) == ["call_webhook crm: not configured"]


class TestSpeech:
    def test_what_has_an_open_slot_is_not_sent(self, embedded: SQLiteStore) -> None:
        desk = desk_with(embedded, Rule(rule_id="r", then=(SendReply(texts={"en": "hi {order_id}"}),)))
        answer = ask(desk)

        assert not answer.HasField("auto_reply")
        assert "nothing fills order_id" in fired(desk, answer.conversation_id)[0].actions[0]

    def test_the_first_rule_that_answers_is_heard(self, embedded: SQLiteStore) -> None:
        rules = [
            Rule(rule_id=one, position=place, then=(SendReply(texts={"en": one}),))
            for place, one in enumerate(("alpha", "beta"))
        ]
        answer = ask(desk_with(embedded, *rules))

        assert answer.auto_reply.text.endswith("alpha")
        assert answer.auto_reply.reason == "rule alpha"

    def test_a_bot_says_that_it_is_one(self, embedded: SQLiteStore) -> None:
        desk = desk_with(embedded, Rule(rule_id="r", then=(SendReply(texts={"zh": "您好"}),)))

        assert ask(desk, "你好").auto_reply.text == "【智能客服自动回复】如需人工，请回复“人工”。\n您好"


def _rows(desk: Desk) -> list[tuple[str, int]]:
    return list(desk.store.roster(TENANT).rows.items())


def _sent(desk: Desk, conversation_id: str) -> event_pb2.MessageSent:
    stored = desk.store.events(TENANT, conversation_id, 0, 99)
    (data,) = [one.event.data for one in stored if one.event.kind == "message_sent"]
    return event_pb2.MessageSent.FromString(data)

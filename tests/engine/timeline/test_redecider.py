from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from yingda.v1 import event_pb2

from engine.analysis.analyzer import Analyzer
from engine.domain import StoredEvent
from engine.ports import Classifier, Store
from engine.routing.policy import Policy, Weights
from engine.servicers.codec import ProtoCodec
from engine.timeline.difference import Redecided
from engine.timeline.entry import Commit
from engine.timeline.past import Past
from engine.timeline.redecider import Redecider
from engine.timeline.rereading import Rereader
from tests.engine.timeline.days import POLICIES, Day, told
from tests.fakes import TENANT, FakeClassifier, ask, hire, make_agent, make_desk


def make_redecider(classifier: Classifier, policy: Policy | None = None) -> Redecider:
    rereader = Rereader(analyzer=Analyzer(classifier=classifier), bundle_id=classifier.id)
    return Redecider(past=Past(TENANT), rereader=rereader, codec=ProtoCodec(), policy=policy)


def redecided(store: Store, redecider: Redecider) -> list[Redecided]:
    found = [one for commit in told(store) for one in redecider.redecide(commit)]
    return [*found, *redecider.rest()]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_days_decisions_are_made_again_as_they_were(desk_store: Store, policy: str) -> None:
    Day(make_desk(desk_store, policy=POLICIES[policy]), seed=6).open(150)
    redecider = make_redecider(FakeClassifier())

    assert redecided(desk_store, redecider) == []
    assert redecider.skipped == 0


def test_another_policy_chooses_others_where_its_weights_say_so(embedded: Store) -> None:
    Day(make_desk(embedded), seed=7).open(40)
    generalists_first = Policy(weights=Weights(proficiency=0.0, free_capacity=5.0))
    found = redecided(embedded, make_redecider(FakeClassifier(), generalists_first))

    fields = {difference.field for one in found for difference in one.differences}
    assert "assignment.agent_id" in fields
    assert not fields & {"intent", "confidence", "assignment.reason"}


def test_the_same_policy_given_by_hand_makes_no_difference(embedded: Store) -> None:
    Day(make_desk(embedded, policy=POLICIES["strict"]), seed=8).open(40)

    assert redecided(embedded, make_redecider(FakeClassifier(), POLICIES["strict"])) == []


class OtherClassifier(FakeClassifier):
    id = "fake-2"
    skills: Mapping[str, str] = {**FakeClassifier.skills, "refund.request": "general"}


def test_another_bundle_reads_and_so_decides_otherwise(embedded: Store) -> None:
    Day(make_desk(embedded), seed=9).open(40)
    found = redecided(embedded, make_redecider(OtherClassifier()))

    changed = {(one.field, one.was, one.would_be) for other in found for one in other.differences}
    assert ("skill", "finance", "general") in changed
    assert {one.kind for one in found} >= {"message_received"}
    assert all(field != "intent" for field, _, _ in changed)


def test_what_would_follow_an_agents_coming_is_told_though_it_did_not_happen(embedded: Store) -> None:
    desk = make_desk(embedded, policy=Policy(require_language=True))
    ask(desk, "shipping.track 好")
    hire(desk, make_agent("ann", languages=frozenset({"en"})))
    (found,) = redecided(embedded, make_redecider(FakeClassifier(), Policy()))

    assert (found.sequence, found.kind) == (0, "conversation_assigned")
    assert [(one.was, one.would_be) for one in found.differences] == [("", "ann")]


def test_a_text_that_was_taken_out_is_taken_as_it_was_read(embedded: Store) -> None:
    Day(make_desk(embedded), seed=10).open(5)
    redecider = make_redecider(OtherClassifier())

    assert [one for commit in told(embedded) for one in redecider.redecide(without_texts(commit))] == []


def without_texts(commit: Commit) -> Commit:
    return [without_text(one) if one.event.kind == "message_received" else one for one in commit]


def without_text(one: StoredEvent) -> StoredEvent:
    received = event_pb2.MessageReceived.FromString(one.event.data)
    received.message.text = ""
    return replace(one, event=one.event._replace(data=received.SerializeToString()))


def test_a_commit_whose_conversation_began_before_the_journal_is_skipped(embedded: Store) -> None:
    desk = make_desk(embedded)
    answer = ask(desk)
    desk.lifecycle.close(TENANT, answer.conversation_id)
    *_, closed = told(embedded)
    redecider = make_redecider(FakeClassifier())

    assert (redecider.redecide(closed), redecider.skipped) == ([], 1)

from __future__ import annotations

import numpy as np
from yingda.v1 import message_pb2

from engine.assist.gap import Unanswered, find_gaps
from tests.fakes import TENANT, Desk, FakeClassifier, make_batch, make_message, make_reply

FAKE = FakeClassifier()


def heard(text: str, *, language: str = "en", intent: str = "refund.request") -> Unanswered:
    return Unanswered(
        text=text, language=language, intent=intent, similarity=0.1, embedding=FAKE.encode([text])[0]
    )


def test_messages_that_mean_the_same_are_one_gap_and_the_largest_comes_first() -> None:
    found = find_gaps(
        [heard(f"do you engrave rings {n}") for n in "ab"] + [heard(f"ship to the moon {n}") for n in "abc"],
        9,
    )

    assert [gap.messages for gap in found] == [3, 2]
    assert all("moon" in example for example in found[0].examples)


def test_a_gap_proposes_the_intent_that_most_of_it_have() -> None:
    (gap,) = find_gaps([heard("engrave it", intent=intent) for intent in ("a", "out_of_scope", "b", "b")], 9)

    assert gap.intent == "b"
    assert gap.examples == ("engrave it",)


def test_languages_are_apart_and_single_messages_are_no_gap() -> None:
    found = find_gaps([heard("engrave it"), heard("engrave it", language="zh"), heard("other thing")], 9)

    assert found == []


def test_no_more_are_given_than_asked_for() -> None:
    messages = [heard(f"topic{number} word{number}") for number in range(20) for _ in range(2)]

    assert len(find_gaps(messages, 4)) == 4


def test_many_messages_are_grouped_quickly_and_each_once() -> None:
    draw = np.random.default_rng(1)
    messages = [heard(f"topic{draw.integers(40)} x{number}") for number in range(1500)]

    assert sum(gap.messages for gap in find_gaps(messages, 100)) <= 1500


def process(desk: Desk, *messages: message_pb2.Message) -> None:
    desk.pipeline.process(make_batch(*messages))


def test_only_messages_without_a_good_reply_are_looked_at(desk: Desk) -> None:
    desk.assist.bookkeeper.put(TENANT, [make_reply("a", text="where is my parcel")])
    process(
        desk,
        *(make_message("where is my parcel", customer_id=f"c{n}") for n in range(3)),
        *(make_message("engrave rings please", customer_id=f"d{n}") for n in range(2)),
    )
    seen = desk.assist.adviser.records(TENANT, 100)
    unanswered, gaps = desk.assist.adviser.find_gaps(seen, 9)

    assert (len(seen), unanswered) == (5, 2)
    assert [gap.examples for gap in gaps] == [("engrave rings please",)]


def test_a_tenant_without_messages_has_no_gaps(desk: Desk) -> None:
    assert desk.assist.adviser.find_gaps(desk.assist.adviser.records(TENANT, 100), 9) == (0, [])

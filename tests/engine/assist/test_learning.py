from __future__ import annotations

import pytest

from engine.assist import learning
from engine.assist.learning import HALF_LIFE, PROMISE, Evidence, Record
from engine.assist.reward import edit_distance, reward
from engine.domain import FeedbackOutcome

DAY = 86_400_000
INTENT = learning.contexts("refund.request", "")


def seen(times: int, gained: float, record: Record | None = None) -> Record:
    record = record or Record()
    for _ in range(times):
        record = record.seen(INTENT, gained, 1.0, 0)
    return record


def test_nothing_known_changes_nothing() -> None:
    assert learning.bonus(Record(), INTENT, 0) == 0


def test_more_than_the_place_promised_lifts_and_less_lowers() -> None:
    assert learning.bonus(seen(5, 0.4), INTENT, 0) > 0
    assert learning.bonus(seen(5, -0.6), INTENT, 0) < 0


def test_the_first_click_counts_and_many_count_more_but_never_without_bound() -> None:
    bonuses = [learning.bonus(seen(times, 0.4), INTENT, 0) for times in (1, 10, 1000)]

    assert 0 < bonuses[0] < bonuses[1] < bonuses[2] < learning.RATE_WEIGHT * 0.4


def test_what_was_learned_of_one_intent_says_nothing_of_another() -> None:
    other = learning.contexts("shipping.track", "")

    assert learning.bonus(seen(9, 0.4), other, 0) == 0


def test_what_was_learned_of_a_typed_text_refines_the_intent() -> None:
    typed = learning.contexts("refund.request", "tk")
    record = seen(9, -0.3)
    for _ in range(9):
        record = record.seen(typed[1:], 0.4, 1.0, 0)

    assert learning.bonus(record, INTENT, 0) < 0 < learning.bonus(record, typed, 0)


def test_evidence_fades_with_its_half_life() -> None:
    record = seen(20, 0.4)
    now, later = (learning.bonus(record, INTENT, time_ms) for time_ms in (0, 4 * HALF_LIFE))

    assert 0 < later < now / 2


def test_a_time_before_the_last_evidence_does_not_raise_it() -> None:
    one = Evidence(1.0, 1.0, 10 * DAY)

    assert one.plus(0, 0, 0).reward == 1.0


def test_only_so_many_contexts_are_kept() -> None:
    record = Record()
    for number in range(200):
        record = record.seen(learning.contexts("x", f"t{number}"), 0.1, 1.0, 0)

    assert len(record.evidence) <= 65
    assert learning.bonus(record, learning.contexts("x", ""), 0) > 0


def test_a_record_comes_back_as_it_was_kept() -> None:
    record = seen(3, 0.25)

    assert learning.from_bytes(learning.to_bytes(record)) == record


def test_lower_places_promise_less() -> None:
    assert list(PROMISE) == sorted(PROMISE, reverse=True)
    assert len(PROMISE) == len(learning.EXAMINATION) == 20


@pytest.mark.parametrize(
    ("outcome", "text", "sent", "worth"),
    [
        (FeedbackOutcome.ACCEPTED, "hello", "", 1.0),
        (FeedbackOutcome.IGNORED, "hello", "", 0.0),
        (FeedbackOutcome.EDITED, "hello", "hello", 1.0),
        (FeedbackOutcome.EDITED, "abcdefghij", "abcdefghix", 0.9),
        (FeedbackOutcome.EDITED, "hello", "xxxxx", 0.0),
        (FeedbackOutcome.EDITED, "您的订单 {order_id} 已发出", "您的订单 A1001 已发出", 1.0),
        (FeedbackOutcome.EDITED, "", "", 1.0),
    ],
)
def test_a_reward_falls_with_the_share_that_was_changed(
    outcome: FeedbackOutcome, text: str, sent: str, worth: float
) -> None:
    assert reward(outcome, text, sent) == pytest.approx(worth)


def test_two_texts_of_the_largest_size_are_compared_at_once() -> None:
    assert edit_distance("x" * 8192, "y" * 8192) == 8192
    assert reward(FeedbackOutcome.EDITED, "x" * 8192, "y" * 8192) == 0

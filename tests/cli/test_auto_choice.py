from __future__ import annotations

import pytest
from yingda.cli import auto_choice
from yingda.cli.auto_choice import Judged


def judged(reply_id: str, verdicts: str, confidence: float = 0.9) -> list[Judged]:
    return [Judged(reply_id=reply_id, confidence=confidence, is_right=one == "1") for one in verdicts]


def test_replies_that_were_always_right_may_go_out() -> None:
    found = [*judged("good", "1111"), *judged("bad", "1110"), *judged("rare", "11")]

    assert auto_choice.allowed(found, 0.98) == ["good"]


def test_who_asks_for_less_gets_more_replies() -> None:
    found = [*judged("good", "1111"), *judged("fair", "1111111110")]

    assert auto_choice.allowed(found, 0.98) == ["good"]
    assert auto_choice.allowed(found, 0.85) == ["fair", "good"]


def test_an_answer_is_never_judged_by_a_choice_it_took_part_in() -> None:
    """Of three answers each choice sees two or three, and none without it has seen enough."""
    (first, *_) = auto_choice.estimates(judged("a", "111"), 0.98)

    assert first.answered == 0


def test_the_interval_is_wilsons() -> None:
    found = auto_choice.estimate(judged("a", "1" * 98 + "00"), 0.5)

    assert found.precision == pytest.approx(0.98)
    assert found.low == pytest.approx(0.930, abs=1e-3)
    assert found.high == pytest.approx(0.9945, abs=1e-3)


def test_the_lowest_threshold_that_keeps_the_precision_is_taken() -> None:
    found = [*judged("a", "1" * 40, 0.97), *judged("b", "1111101111" * 4, 0.6)]
    best = auto_choice.lowest(auto_choice.estimates(found, 0.9), 0.95)

    assert best is not None
    assert best.min_confidence == 0.7


def test_nothing_is_chosen_where_nothing_keeps_the_precision() -> None:
    found = auto_choice.estimates(judged("a", "10" * 20), 0.98)

    assert auto_choice.lowest(found, 0.98) is None

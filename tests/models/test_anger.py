from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.anger import AngerPolicy, follow
from models.dialogue import Watched, turns_to_detect

POLICY = AngerPolicy()


def alarms(*probabilities: float) -> list[bool]:
    return [mood.is_angry for mood in follow(probabilities, POLICY)]


def test_one_very_angry_message_raises_the_alarm_at_once() -> None:
    assert alarms(0.1, 0.9) == [False, True]


def test_the_alarm_outlasts_one_calm_message_and_ends_after_two() -> None:
    assert alarms(0.9, 0.05, 0.02) == [True, True, False]


def test_calm_messages_raise_no_alarm() -> None:
    assert not any(alarms(*[0.3] * 20))


@given(st.lists(st.floats(min_value=0, max_value=1), max_size=20))
def test_the_level_stays_a_probability(probabilities: list[float]) -> None:
    assert all(0 <= mood.level <= 1 for mood in follow(probabilities, POLICY))


@pytest.mark.parametrize(
    ("alarm", "turns"), [([0, 1, 1], 0), ([0, 0, 1], 1), ([1, 0, 0], np.inf), ([0, 0, 0], np.inf)]
)
def test_time_to_detect_counts_from_the_first_angry_turn(alarm: list[int], turns: float) -> None:
    entry = Watched(author="a", angry=np.array([False, True, True]), alarm=np.array(alarm, np.bool_))

    assert turns_to_detect(entry) == turns

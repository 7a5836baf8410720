from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.domain import Mood
from engine.routing import mood

CALM, FURIOUS = Mood(), Mood(anger=1.0, is_angry=True)


def test_one_message_past_its_threshold_makes_a_conversation_angry() -> None:
    assert mood.follow(CALM, 0.5, is_angry=True).is_angry


def test_growing_annoyance_makes_it_angry_without_any_single_threshold() -> None:
    following = CALM
    for _ in range(3):
        following = mood.follow(following, 0.65, is_angry=False)

    assert following.is_angry


def test_one_calm_message_does_not_calm_an_angry_conversation() -> None:
    after = mood.follow(FURIOUS, 0.0, is_angry=False)

    assert after.is_angry


def test_two_calm_messages_do() -> None:
    after = mood.follow(mood.follow(FURIOUS, 0.0, is_angry=False), 0.0, is_angry=False)

    assert not after.is_angry


def test_between_the_thresholds_a_conversation_stays_as_it_was() -> None:
    lukewarm = 0.45

    assert not mood.follow(Mood(anger=lukewarm), lukewarm, is_angry=False).is_angry
    assert mood.follow(Mood(anger=lukewarm, is_angry=True), lukewarm, is_angry=False).is_angry


@given(before=st.floats(0, 1), anger=st.floats(0, 1), was_angry=st.booleans(), is_angry=st.booleans())
def test_the_anger_stays_a_probability_between_old_and_new(
    before: float, anger: float, was_angry: bool, is_angry: bool
) -> None:
    after = mood.follow(Mood(anger=before, is_angry=was_angry), anger, is_angry=is_angry)

    half_a_digit = 0.5 * 10**-mood.DIGITS + 1e-9
    assert min(before, anger) - half_a_digit <= after.anger <= max(before, anger) + half_a_digit
    assert after.is_angry or not is_angry

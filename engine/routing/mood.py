"""A conversation's anger over its messages: smoothed, and slow to change its mind."""

from __future__ import annotations

from engine.domain import Mood

SMOOTHING = 0.6  # weight of the newest message; two calm messages bring a full 1.0 down to 0.16
ANGRY_ABOVE = 0.6  # becomes angry at this smoothed probability
CALM_BELOW = 0.3  # and counts as angry until it is below this one
DIGITS = 4


def follow(mood: Mood, anger: float, *, is_angry: bool) -> Mood:
    """The mood after a message with this calibrated probability of anger.

    A message that passes its own threshold makes the conversation angry at once; it calms down only when the
    smoothed value has fallen below CALM_BELOW. Source: exponential smoothing with a Schmitt trigger.
    """
    # As many digits as are kept, so that it makes no difference when the mood was last written down.
    smoothed = round(SMOOTHING * anger + (1 - SMOOTHING) * mood.anger, DIGITS)
    if is_angry or smoothed >= ANGRY_ABOVE:
        return Mood(anger=smoothed, is_angry=True)
    return Mood(anger=smoothed, is_angry=mood.is_angry and smoothed >= CALM_BELOW)

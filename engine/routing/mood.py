"""A conversation's anger over its messages: smoothed, and slow to change its mind."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from engine.domain import Mood

SMOOTHING = 0.6  # weight of the newest message; two calm messages bring a full 1.0 down to 0.16
ANGRY_ABOVE = 0.6  # becomes angry at this smoothed probability
CALM_BELOW = 0.3  # and counts as angry until it is below this one
DIGITS = 4
_SCALE = 10**DIGITS
_MAKE: Callable[[tuple[float, bool]], Mood] = partial(tuple.__new__, Mood)  # from its fields


def follow(mood: Mood, anger: float, *, is_angry: bool) -> Mood:
    """The mood after a message with this calibrated probability of anger.

    A message that passes its own threshold makes the conversation angry at once; it calms down only when the
    smoothed value has fallen below CALM_BELOW. Source: exponential smoothing with a Schmitt trigger.
    """
    # As many digits as are kept, so that it makes no difference when the mood was last written down. A whole number
    # is rounded five times as fast as digits are.
    smoothed = round((SMOOTHING * anger + (1 - SMOOTHING) * mood.anger) * _SCALE) / _SCALE
    if is_angry or smoothed >= ANGRY_ABOVE:
        return _MAKE((smoothed, True))
    return _MAKE((smoothed, mood.is_angry and smoothed >= CALM_BELOW))

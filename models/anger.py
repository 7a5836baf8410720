"""How angry a conversation is: pure functions over the probabilities of its messages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AngerPolicy:
    """When a conversation counts as angry; all values in [0, 1]."""

    memory: float = 0.4  # how much of the level a new message leaves
    on: float = 0.45  # from this level up the alarm starts
    off: float = 0.2  # below this level it ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Mood:
    """How a conversation stands after a message."""

    level: float = 0.0  # in [0, 1]
    is_angry: bool = False


def update(mood: Mood, probability: float, policy: AngerPolicy) -> Mood:
    """Give the mood after one more message: it rises at once, and falls slowly (hysteresis)."""
    faded = policy.memory * mood.level + (1 - policy.memory) * probability
    level = max(probability, faded) if probability > mood.level else faded
    bound = policy.off if mood.is_angry else policy.on
    return Mood(level=level, is_angry=level >= bound)


def follow(probabilities: Iterable[float], policy: AngerPolicy) -> list[Mood]:
    """Give the mood after each message of a conversation."""
    moods, mood = [], Mood()
    for probability in probabilities:
        mood = update(mood, probability, policy)
        moods.append(mood)
    return moods

"""Measure what conversations show and single messages cannot: how soon anger is seen, and when it is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models import metrics
from models.anger import AngerPolicy, follow
from models.dataset import Dialogue
from models.metrics import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One conversation: what its labels say and when the alarm was on, turn by turn."""

    author: str
    angry: npt.NDArray[np.bool_]
    alarm: npt.NDArray[np.bool_]


def watch(
    dialogues: Sequence[Dialogue], anger: npt.NDArray[np.floating], policy: AngerPolicy
) -> list[Watched]:
    """Follow every conversation; `anger` holds the probabilities of all turns in order."""
    ends = np.cumsum([len(dialogue.turns) for dialogue in dialogues])
    parts = np.split(anger, ends[:-1])
    return [
        Watched(
            author=dialogue.author,
            angry=np.array([turn.anger for turn in dialogue.turns], np.bool_),
            alarm=np.array([mood.is_angry for mood in follow(part.tolist(), policy)], np.bool_),
        )
        for dialogue, part in zip(dialogues, parts, strict=True)
    ]


def measure(watched: Sequence[Watched]) -> dict[str, Estimate]:
    """Give the share of angry conversations seen, the turns until then, and the false alarms among calm ones."""
    authors = np.array([entry.author for entry in watched], np.str_)
    heated = np.array([bool(entry.angry.any()) for entry in watched], np.bool_)
    delay = np.array([turns_to_detect(entry) for entry in watched], np.float64)
    alarmed = np.array([bool(entry.alarm.any()) for entry in watched], np.bool_)
    seen = np.isfinite(delay)
    return {
        "angry_dialogues_seen": metrics.estimate(
            lambda rows: metrics.share(seen[rows][heated[rows]]), authors
        ),
        "turns_to_detect": metrics.estimate(lambda rows: _mean(delay[rows][(heated & seen)[rows]]), authors),
        "false_alarms": metrics.estimate(lambda rows: metrics.share(alarmed[rows][~heated[rows]]), authors),
    }


def turns_to_detect(entry: Watched) -> float:
    """Give the turns from the first angry one to the alarm (0: at once); infinite if it never comes."""
    if not entry.angry.any():
        return float("inf")
    first = int(entry.angry.argmax())
    later = np.flatnonzero(entry.alarm[first:])
    return float(later[0]) if later.size else float("inf")


def _mean(values: npt.NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else float("nan")

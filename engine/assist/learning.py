"""What feedback teaches about a reply; pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

HALF_LIFE = 30 * 86_400_000  # milliseconds after which a click counts for half
STRENGTH = 8.0  # looks that it takes to believe half of what they say
RATE_WEIGHT = 0.6  # what one reward more than expected a look is worth beside a cosine of 1
_INTENT = "i:"
_MOST_CONTEXTS = 64  # kept per reply; the least looked at go first

# Share of lists whose reader looks at this place. Source: 1/rank^0.7, the middle of what the click models of
# Chuklin, Markov and de Rijke, "Click Models for Web Search" (2015), find for the first places.
EXAMINATION = tuple(1 / place**0.7 for place in range(1, 21))

# Reward of a look that a place promises: what stands higher is better already. Only what is above or below it teaches.
PROMISE = (0.6, 0.25, 0.15, *(0.1,) * 17)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Reward beyond what the places promised, and looks so far, decayed to `time_ms`."""

    reward: float = 0.0
    looks: float = 0.0
    time_ms: int = 0

    def plus(self, reward: float, looks: float, now_ms: int) -> Evidence:
        """One more look."""
        share = _share(self.time_ms, now_ms)
        return Evidence(self.reward * share + reward, self.looks * share + looks, now_ms)

    def rate(self, prior: float, now_ms: int) -> float:
        """Reward beyond the promise of a look, shrunk to the prior. Source: clicks over expected clicks."""
        share = _share(self.time_ms, now_ms)
        return (self.reward * share + STRENGTH * prior) / (self.looks * share + STRENGTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All that is known of one reply. `evidence` is kept by context, see `contexts`."""

    shown: int = 0
    accepted: int = 0
    edited: int = 0
    reward: float = 0.0
    taken_ms: int = 0
    evidence: Mapping[str, Evidence] = field(default_factory=dict)

    def rate(self, contexts: Sequence[str], now_ms: int) -> float:
        """Reward beyond the promise in the last of the contexts; each context's prior is the one before it."""
        rate = 0.0
        for context in contexts:
            if found := self.evidence.get(context):
                rate = found.rate(rate, now_ms)
        return rate

    def looks(self) -> float:
        """How much is known."""
        return sum(one.looks for context, one in self.evidence.items() if context.startswith(_INTENT))

    def seen(self, contexts: Sequence[str], reward: float, looks: float, now_ms: int) -> Record:
        """Once more in a list, with what came of it."""
        evidence = dict(self.evidence)
        for context in contexts:
            evidence[context] = evidence.get(context, Evidence()).plus(reward, looks, now_ms)
        if len(evidence) > _MOST_CONTEXTS:
            del evidence[min(evidence, key=lambda context: evidence[context].looks)]
        return replace(self, shown=self.shown + 1, evidence=evidence)


def contexts(intent: str, typed: str) -> tuple[str, ...]:
    """From the widest to the narrowest. What is learned of one intent says nothing of another."""
    return (f"{_INTENT}{intent}", *([f"t:{typed}"] if typed else []))


def without(record: Record, typed: str) -> Record:
    """The record without what was learned where this was typed."""
    narrow = contexts("", typed)[1:]
    return replace(record, evidence={key: one for key, one in record.evidence.items() if key not in narrow})


def bonus(record: Record, known: Sequence[str], now_ms: int) -> float:
    """To be added to a static score; 0 where nothing was learned."""
    return RATE_WEIGHT * record.rate(known, now_ms)


def to_bytes(record: Record) -> bytes:
    """As JSON."""
    return json.dumps(
        {
            "health": [record.shown, record.accepted, record.edited, record.reward, record.taken_ms],
            "evidence": {key: [one.reward, one.looks, one.time_ms] for key, one in record.evidence.items()},
        }
    ).encode()


def from_bytes(data: bytes) -> Record:
    """What `to_bytes` made."""
    fields = json.loads(data)
    shown, accepted, edited, reward, taken_ms = fields["health"]
    return Record(
        shown=shown,
        accepted=accepted,
        edited=edited,
        reward=reward,
        taken_ms=taken_ms,
        evidence={key: Evidence(*one) for key, one in fields["evidence"].items()},
    )


def _share(then_ms: int, now_ms: int) -> float:
    """What is left of something after that time."""
    return float(0.5 ** (max(now_ms - then_ms, 0) / HALF_LIFE))

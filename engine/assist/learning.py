"""What feedback teaches about a reply; pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float32]

HALF_LIFE = 30 * 86_400_000  # milliseconds after which a click counts for half
PRIOR = 0.3  # reward expected of a reply that somebody looked at, nothing known
STRENGTH = 4.0  # looks that the prior is worth
RATE_WEIGHT = 0.6  # what a rate of 1 instead of 0 is worth beside a cosine of 1
MEANING_WEIGHT = 0.8  # what messages just like those it was accepted for are worth
MEANING_STRENGTH = 2.0  # acceptances that are worth half of that
_MOST_CONTEXTS = 64  # kept per reply; the least looked at go first

# Share of lists whose reader looks at this place. Source: 1/rank^0.7, the middle of what the click models of
# Chuklin, Markov and de Rijke, "Click Models for Web Search" (2015), find for the first places.
EXAMINATION = tuple(1 / place**0.7 for place in range(1, 21))


@dataclass(frozen=True, slots=True)
class Evidence:
    """Reward and looks so far, decayed to `time_ms`."""

    reward: float = 0.0
    looks: float = 0.0
    time_ms: int = 0

    def plus(self, reward: float, looks: float, now_ms: int) -> Evidence:
        """One more look."""
        share = _share(self.time_ms, now_ms)
        return Evidence(self.reward * share + reward, self.looks * share + looks, now_ms)

    def rate(self, prior: float, now_ms: int) -> float:
        """Expected reward of a look. Source: clicks over expected clicks, shrunk to the prior."""
        share = _share(self.time_ms, now_ms)
        return (self.reward * share + STRENGTH * prior) / (self.looks * share + STRENGTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """The sum of the messages' embeddings that a reply was taken for, of one bundle."""

    bundle_id: str = ""
    weight: float = 0.0
    total: Vector = field(default_factory=lambda: np.zeros(0, dtype=np.float32))
    time_ms: int = 0

    def plus(self, bundle_id: str, embedding: Vector, weight: float, now_ms: int) -> Meaning:
        """One more; those of another bundle are forgotten, for they lie elsewhere."""
        same = bundle_id == self.bundle_id and len(embedding) == len(self.total)
        share = _share(self.time_ms, now_ms) if same else 0.0
        total = embedding * np.float32(weight) + (self.total * np.float32(share) if same else 0)
        weight += self.weight * share
        return Meaning(bundle_id=bundle_id, weight=weight, total=total.astype(np.float32), time_ms=now_ms)

    def likeness(self, bundle_id: str, embedding: Vector) -> float:
        """Cosine to what it was taken for, less where that was seldom; 0 where never."""
        if bundle_id != self.bundle_id or len(embedding) != len(self.total):
            return 0.0
        length = float(np.linalg.norm(self.total)) * float(np.linalg.norm(embedding))
        if not length:
            return 0.0
        return float(self.total @ embedding) / length * self.weight / (self.weight + MEANING_STRENGTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All that is known of one reply. `evidence` is kept by context: "" is any."""

    shown: int = 0
    accepted: int = 0
    edited: int = 0
    reward: float = 0.0
    taken_ms: int = 0
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    meaning: Meaning = field(default_factory=Meaning)

    def rate(self, contexts: Sequence[str], now_ms: int) -> float:
        """Expected reward of a look in the last of the contexts; each context's prior is the one before it."""
        rate = PRIOR
        for context in contexts:
            if found := self.evidence.get(context):
                rate = found.rate(rate, now_ms)
        return rate

    def looks(self) -> float:
        """How much is known."""
        return self.evidence.get("", Evidence()).looks

    def seen(self, contexts: Sequence[str], reward: float, looks: float, now_ms: int) -> Record:
        """Once more in a list, with what came of it."""
        evidence = dict(self.evidence)
        for context in contexts:
            evidence[context] = evidence.get(context, Evidence()).plus(reward, looks, now_ms)
        if len(evidence) > _MOST_CONTEXTS:
            del evidence[min(evidence, key=lambda context: evidence[context].looks)]
        return replace(self, shown=self.shown + 1, evidence=evidence)


def contexts(intent: str, typed: str) -> tuple[str, ...]:
    """From the widest to the narrowest."""
    return ("", f"i:{intent}", *([f"t:{typed}"] if typed else []))


def bonus(record: Record, known: Sequence[str], bundle_id: str, embedding: Vector, now_ms: int) -> float:
    """To be added to a static score; 0 where nothing was learned."""
    rate = record.rate(known, now_ms) - PRIOR
    return RATE_WEIGHT * rate + MEANING_WEIGHT * record.meaning.likeness(bundle_id, embedding)


def to_bytes(record: Record) -> bytes:
    """As JSON."""
    return json.dumps(
        {
            "health": [record.shown, record.accepted, record.edited, record.reward, record.taken_ms],
            "evidence": {key: [one.reward, one.looks, one.time_ms] for key, one in record.evidence.items()},
            "meaning": [
                record.meaning.bundle_id,
                record.meaning.weight,
                base64.b64encode(record.meaning.total.astype(np.float16).tobytes()).decode(),
                record.meaning.time_ms,
            ],
        }
    ).encode()


def from_bytes(data: bytes) -> Record:
    """What `to_bytes` made."""
    fields = json.loads(data)
    shown, accepted, edited, reward, taken_ms = fields["health"]
    bundle_id, weight, total, time_ms = fields["meaning"]
    vector = np.frombuffer(base64.b64decode(total), dtype=np.float16).astype(np.float32)
    return Record(
        shown=shown,
        accepted=accepted,
        edited=edited,
        reward=reward,
        taken_ms=taken_ms,
        evidence={key: Evidence(*one) for key, one in fields["evidence"].items()},
        meaning=Meaning(bundle_id=bundle_id, weight=weight, total=vector, time_ms=time_ms),
    )


def _share(then_ms: int, now_ms: int) -> float:
    """What is left of something after that time."""
    return float(0.5 ** (max(now_ms - then_ms, 0) / HALF_LIFE))

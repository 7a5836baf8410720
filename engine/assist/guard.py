"""Whether the learned order may be used: it is compared with the static one all the time; pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from math import sqrt

from engine.assist.learning import HALF_LIFE
from engine.domain import Suggestion

PROBES = 0.06  # share of lists that mix both orders, to compare them
EXPLORED = 0.03  # share of lists whose last place goes to a reply that is little known
_BEHIND = 1.645  # one-sided 95 %: by so many standard errors must the static order lead to be used alone


class Arm(StrEnum):
    """Which order put a reply where it stands."""

    LEARNED = "L"
    STATIC = "S"


@dataclass(frozen=True, slots=True)
class Guard:
    """Rewards that each order earned in mixed lists, decayed to `time_ms`."""

    learned: float = 0.0
    static: float = 0.0
    time_ms: int = 0

    def trusts(self) -> bool:
        """Whether the learned order is not significantly behind. Source: a sign test on interleaved clicks."""
        return self.static - self.learned <= _BEHIND * sqrt(self.static + self.learned)

    def plus(self, arm: Arm, reward: float, now_ms: int) -> Guard:
        """One more reward."""
        share = 0.5 ** (max(now_ms - self.time_ms, 0) / HALF_LIFE)
        learned = self.learned * share + (reward if arm is Arm.LEARNED else 0)
        static = self.static * share + (reward if arm is Arm.STATIC else 0)
        return Guard(learned, static, now_ms)

    def to_bytes(self) -> bytes:
        """As JSON."""
        return json.dumps([self.learned, self.static, self.time_ms]).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Guard:
        """What `to_bytes` made."""
        return cls(*json.loads(data))


def interleave(
    learned: Sequence[Suggestion], static: Sequence[Suggestion], limit: int, coin: int
) -> tuple[list[Suggestion], list[Arm]]:
    """The two orders drafting in turn, and who chose each; `coin`'s bits say who goes first in each round.

    Source: team draft of Radlinski, Kurup and Joachims, "How Does Clickthrough Data Reflect Retrieval Quality?" (2008).
    """
    chosen: dict[str, Suggestion] = {}
    arms: list[Arm] = []
    orders = {Arm.LEARNED: learned, Arm.STATIC: static}
    for turn in range(limit):
        first = Arm.LEARNED if coin >> (turn // 2) & 1 else Arm.STATIC
        arm = first if turn % 2 == 0 else _other(first)
        best = next((one for one in orders[arm] if one.reply.reply_id not in chosen), None)
        if best is not None:
            chosen[best.reply.reply_id] = best
            arms.append(arm)
    return list(chosen.values()), arms


def differ(learned: Sequence[Suggestion], static: Sequence[Suggestion], limit: int) -> bool:
    """Whether the two orders show different lists."""
    pairs = islice(zip(learned, static, strict=False), limit)
    return any(one.reply.reply_id != other.reply.reply_id for one, other in pairs)


def _other(arm: Arm) -> Arm:
    return Arm.STATIC if arm is Arm.LEARNED else Arm.LEARNED

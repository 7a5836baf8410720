"""Whether a bundle that answers a share of the conversations does worse than the one that answers the others."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from engine.bundles.said import Heard

LEAST: Final = 50  # messages of each arm before anything is judged
SURE: Final = 4.0  # standard errors; the figures are looked at again and again, so 1.96 would cry wolf
OUT_OF_SCOPE_MARGIN: Final = 0.05  # of the messages
CONFIDENCE_MARGIN: Final = 0.05
MOST_ERRORS: Final = 0.01  # of the calls
_LEAST_ERRORS: Final = 3
_LEAST_CORRECTIONS: Final = 5
SLOWER: Final = 2.0  # times
_SLOWER_MS: Final = 10.0  # and by as much
_LEAST_CALLS: Final = 50
_CALLS: Final = 512  # the latest, whose time is remembered


@dataclass(slots=True)
class Arm:
    """One group of conversations."""

    messages: int = 0
    calls: int = 0
    errors: int = 0
    out_of_scope: int = 0
    corrections: int = 0
    confidence: float = 0.0  # sum
    squares: float = 0.0  # of the confidence, sum
    seconds: deque[float] = field(default_factory=lambda: deque(maxlen=_CALLS))

    def __add__(self, other: Arm) -> Arm:
        """Both counted together; the times of calls are this one's, for they are its machine's."""
        return Arm(
            messages=self.messages + other.messages,
            calls=self.calls + other.calls,
            errors=self.errors + other.errors,
            out_of_scope=self.out_of_scope + other.out_of_scope,
            corrections=self.corrections + other.corrections,
            confidence=self.confidence + other.confidence,
            squares=self.squares + other.squares,
            seconds=self.seconds,
        )

    def hear(self, heard: Sequence[Heard], seconds: float) -> None:
        """A call was answered."""
        self.calls += 1
        self.seconds.append(seconds)
        self.messages += len(heard)
        for one in heard:
            self.out_of_scope += one.said.is_out_of_scope
            self.confidence += one.said.confidence
            self.squares += one.said.confidence**2

    def share(self, count: float) -> float:
        """Of the messages."""
        return count / max(self.messages, 1)

    def p95_ms(self) -> float:
        """Milliseconds that a call took."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[int(0.95 * len(ordered))] if ordered else 0.0


@dataclass(frozen=True, slots=True)
class CanaryReport:
    """How both groups do; read them, do not change them."""

    bundle_id: str
    share: float
    canary: Arm
    serving: Arm
    since_ms: int = 0  # when it began, the same for all engines


class Canary:
    """Counts. Called from one thread; `report` from any."""

    def __init__(self, bundle_id: str, share: float, since_ms: int = 0) -> None:
        self._report = CanaryReport(bundle_id, share, Arm(), Arm(), since_ms)
        self._others = (Arm(), Arm())  # of other engines

    def hear(self, heard: Sequence[Heard], *, is_canary: bool, seconds: float) -> None:
        """A call was answered."""
        self._arm(is_canary).hear(heard, seconds)

    def fail(self) -> None:
        """The canary did not answer a call."""
        self._report.canary.calls += 1
        self._report.canary.errors += 1

    def correct(self, *, is_canary: bool) -> None:
        """An agent passed a conversation to another skill, or named another intent."""
        self._arm(is_canary).corrections += 1

    def hear_others(self, canary: Arm, serving: Arm) -> None:
        """What the other engines counted so far; from any thread."""
        self._others = canary, serving

    def report(self) -> CanaryReport:
        """So far, on this engine."""
        return self._report

    def overall(self) -> CanaryReport:
        """So far, on all engines."""
        canary, serving = self._others
        return replace(
            self._report, canary=self._report.canary + canary, serving=self._report.serving + serving
        )

    def _arm(self, is_canary: bool) -> Arm:
        return self._report.canary if is_canary else self._report.serving


def find_fault(report: CanaryReport) -> str:
    """Why the canary must go, with figures; "" while it does no worse."""
    canary, serving = report.canary, report.serving
    if canary.errors >= _LEAST_ERRORS and canary.errors > MOST_ERRORS * canary.calls:
        return f"{canary.errors} of {canary.calls} calls failed"
    if min(canary.messages, serving.messages) < LEAST:
        return ""
    return (
        _outside(canary, serving)
        or _confidence(canary, serving)
        or _corrections(canary, serving)
        or _latency(canary, serving)
    )


def _outside(canary: Arm, serving: Arm) -> str:
    ours, theirs = serving.share(serving.out_of_scope), canary.share(canary.out_of_scope)
    error = math.hypot(_spread(ours, serving.messages), _spread(theirs, canary.messages))
    if theirs - ours > max(OUT_OF_SCOPE_MARGIN, SURE * error):
        return (
            f"{theirs:.1%} of {canary.messages} messages were out of scope, {ours:.1%} of {serving.messages} "
            "with the serving bundle"
        )
    return ""


def _confidence(canary: Arm, serving: Arm) -> str:
    ours, theirs = serving.share(serving.confidence), canary.share(canary.confidence)
    error = math.hypot(*(_deviation(arm) / math.sqrt(arm.messages) for arm in (canary, serving)))
    if ours - theirs > max(CONFIDENCE_MARGIN, SURE * error):
        return f"mean confidence {theirs:.3f} over {canary.messages} messages, {ours:.3f} with the serving bundle"
    return ""


def _corrections(canary: Arm, serving: Arm) -> str:
    ours, theirs = serving.share(serving.corrections), canary.share(canary.corrections)
    error = math.hypot(_spread(ours, serving.messages), _spread(theirs, canary.messages))
    if canary.corrections >= _LEAST_CORRECTIONS and theirs - ours > SURE * error:
        return (
            f"agents corrected {canary.corrections} of {canary.messages} messages, {serving.corrections} of "
            f"{serving.messages} with the serving bundle"
        )
    return ""


def _latency(canary: Arm, serving: Arm) -> str:
    if min(len(canary.seconds), len(serving.seconds)) < _LEAST_CALLS:
        return ""
    ours, theirs = serving.p95_ms(), canary.p95_ms()
    if theirs > max(SLOWER * ours, ours + _SLOWER_MS):
        return f"a call took {theirs:.0f} ms (95th percentile), {ours:.0f} ms with the serving bundle"
    return ""


def _spread(share: float, count: int) -> float:
    """Standard error of a share; one hit and one miss are added, so that none of few is no certainty."""
    smoothed = (share * count + 1) / (count + 2)
    return math.sqrt(smoothed * (1 - smoothed) / count)


def _deviation(arm: Arm) -> float:
    mean = arm.confidence / arm.messages
    return math.sqrt(max(arm.squares / arm.messages - mean**2, 0.0))

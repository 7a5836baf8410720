"""Follows what is tried beside the serving bundle, on a thread of its own that no answer waits for."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from engine.bundles.canary import Arm, Canary, CanaryReport, find_fault
from engine.bundles.deployer import Trip
from engine.bundles.deployment import Deployment
from engine.bundles.ports import Gauge, Meter, ModelCodec
from engine.bundles.said import Heard
from engine.bundles.shadow import Disagreement, Shadow, ShadowReport
from engine.bundles.switch import Switch
from engine.domain import MessageBatch
from engine.ports import Classifier

MOST_WAITING: Final = 4096  # messages; what comes when as many wait is not read along
# Messages that are read at once: 2 ms in which an answer may have to wait; half as many take nearly as long.
STEP: Final = 32
SHARE: Final = 0.25  # of the time that reading along may take, waiting for the interpreter's lock included
METERED: Final = 50  # messages a second that are enough to see a drift
_NAP: Final = 0.25  # seconds between two looks at what came: nobody is woken for a message, and those that
# come one by one are read together
_LONGEST_NAP: Final = 0.5  # seconds


@dataclass(frozen=True, slots=True)
class _Answered:
    batch: MessageBatch
    answers: Sequence[bytes]
    is_canary: bool
    seconds: float
    epoch: int


@dataclass(frozen=True, slots=True)
class _Corrected:
    is_canary: bool


class Trials:
    """See `switch.Observer` and `deployer.Watcher`. Reports may be read from any thread."""

    def __init__(self, *, switch: Switch, codec: ModelCodec) -> None:
        self._switch = switch
        self._codec = codec
        self._trip: Trip = _ignore
        self._waiting: deque[_Answered | _Corrected | None] = deque()
        self._came = 0  # messages that were ever put into the queue; counted by the thread that answers
        self._gone = 0  # messages that were ever taken out; counted by the thread that reads along
        self._next = 0.0  # when the meter wants to be told of a batch again
        self._due = 0.0  # when it wants to see some of those that are read along
        self._shadow: Shadow | None = None
        self._canary: Canary | None = None
        self._meter: Meter | None = None
        self._tripped = ""
        self._active = ""  # the bundle that serves
        self._epoch = 0  # of what may be remembered; another one after each `forget`
        self._known = 0  # the epoch that the thread that reads along has come to
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._wake = threading.Event()

    def follow(
        self, deployment: Deployment, shadow: Classifier | None, meter: Meter | None, trip: Trip
    ) -> None:
        """See `deployer.Watcher`."""
        self._trip = trip
        self._active = deployment.active
        if shadow is None or self._shadow is None or self._shadow.classifier is not shadow:
            self._shadow = Shadow(shadow) if shadow else None
        self._canary = self._canary_of(deployment)
        self._meter = meter
        is_wanted = bool(self._shadow or self._canary or meter)
        self._switch.observe(self if is_wanted else None)
        if is_wanted and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="trials", daemon=True)
            self._thread.start()

    def answered(
        self, batch: MessageBatch, answers: Sequence[bytes], *, is_canary: bool, seconds: float
    ) -> None:
        """See `switch.Observer`."""
        if self._shadow is None and self._canary is None and not self._is_metered(len(batch)):
            return
        if self._came - self._gone + len(batch) > MOST_WAITING:
            if self._shadow:
                self._shadow.shed += len(batch)
            return
        self._came += len(batch)
        self._waiting.append(_Answered(batch, answers, is_canary, seconds, self._epoch))

    def failed(self, batch: MessageBatch, *, is_canary: bool) -> None:
        """See `switch.Observer`."""
        if is_canary:
            self._waiting.append(None)

    def correct(self, bundle_id: str, time_ms: int) -> None:
        """On the decision thread: an agent says that a message was read wrongly, by this bundle and then."""
        report = self.canary()
        if report and time_ms >= report.since_ms and bundle_id in (report.bundle_id, self._active):
            self._waiting.append(_Corrected(bundle_id == report.bundle_id))

    def hear(self, about: CanaryReport, canary: Arm, serving: Arm) -> None:
        """On the decision thread: what the other engines counted of the canary that is reported."""
        if self._canary and self._canary.report() is about:
            self._canary.hear_others(canary, serving)

    @property
    def waiting(self) -> int:
        """Messages that were answered and not read along yet, MOST_WAITING at most."""
        return self._came - self._gone

    def shadow(self) -> ShadowReport | None:
        """How the one that reads along does."""
        shadow = self._shadow
        return shadow.report() if shadow else None

    def disagreements(self, tenant: str) -> list[Disagreement]:
        """The tenant's messages that it reads differently, newest first."""
        if self._shadow is None or self._known != self._epoch:
            return []
        return self._shadow.disagreements(tenant)

    def forget(self) -> None:
        """Know no text any more, nor read one that came before; never waits for what is being read. Any one thread."""
        self._epoch += 1

    def canary(self) -> CanaryReport | None:
        """How the one that answers a share does on this engine."""
        canary = self._canary
        return canary.report() if canary else None

    def overall(self) -> CanaryReport | None:
        """How it does on all engines, by which it is judged."""
        canary = self._canary
        return canary.overall() if canary else None

    def gauges(self) -> Sequence[Gauge]:
        """How far the messages have drifted; reckoned as it is asked, which is not for the event loop."""
        meter = self._meter
        return meter.gauges() if meter else ()

    def close(self) -> None:
        """Stop reading along."""
        self._switch.observe(None)
        self._is_closed = True
        self._wake.set()
        if self._thread:
            self._thread.join()

    def settle(self, timeout: float = 10.0) -> None:
        """Wait until everything that came was read; for tests and benchmarks."""
        until = time.monotonic() + timeout
        self._wake.set()
        while self._came != self._gone or self._waiting:
            if time.monotonic() > until:
                raise TimeoutError(f"{self._came - self._gone} messages still wait")
            time.sleep(0.005)

    def _canary_of(self, deployment: Deployment) -> Canary | None:
        if not deployment.canary:
            return None
        running = self._canary.report() if self._canary else None
        wanted = deployment.canary, deployment.share, deployment.canary_since_ms
        if running and (running.bundle_id, running.share, running.since_ms) == wanted:
            return self._canary
        self._tripped = ""
        return Canary(deployment.canary, deployment.share, deployment.canary_since_ms)

    def _is_metered(self, messages: int) -> bool:
        """Whether the meter should see a batch: few of them are enough."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + min(messages, STEP) / METERED
        return True

    def _run(self) -> None:
        while not self._is_closed:
            self._wake.wait(_NAP)
            self._wake.clear()
            self._renew()
            while self._waiting and not self._is_closed:
                self._pace(self._take(self._few()))

    def _pace(self, steps: Iterator[None]) -> None:
        """Go through the steps, and rest after each."""
        began = time.perf_counter()
        for _ in steps:
            if self._is_closed:
                return
            # While the lock is asked for a lot, a step takes longer, and so does the rest.
            self._wake.wait(min((time.perf_counter() - began) * (1 / SHARE - 1), _LONGEST_NAP))
            began = time.perf_counter()

    def _few(self) -> list[_Answered | _Corrected | None]:
        """The oldest, as many as make a step."""
        few: list[_Answered | _Corrected | None] = []
        messages = 0
        while self._waiting and messages < STEP:
            few.append(item := self._waiting.popleft())
            messages += len(item.batch) if isinstance(item, _Answered) else 0
        return few

    def _renew(self) -> None:
        """Come to the epoch; what was read in one before is not shown meanwhile."""
        if self._known != (epoch := self._epoch):
            if self._shadow:
                self._shadow.forget()
            self._known = epoch

    def _take(self, items: Sequence[_Answered | _Corrected | None]) -> Iterator[None]:
        """Step by step."""
        self._renew()
        answered = [one for one in items if isinstance(one, _Answered)]
        try:
            yield from self._read([one for one in answered if one.epoch == self._known])
        except Exception as error:  # whatever a bundle does, it must not end the others' trials
            structlog.get_logger().error("trial_failed", error=type(error).__name__)
        for item in items if self._canary else ():
            self._count(item)
        self._gone += sum(len(one.batch) for one in answered)
        self._judge()
        yield

    def _count(self, item: _Answered | _Corrected | None) -> None:
        """What is no answer."""
        if self._canary is None or isinstance(item, _Answered):
            return
        if item is None:
            self._canary.fail()
        else:
            self._canary.correct(is_canary=item.is_canary)

    def _read(self, answered: Sequence[_Answered]) -> Iterator[None]:
        theirs: list[Heard] = []
        for item in answered:
            # The meter alone wants few, and to read an answer again is dear.
            heard = _heard(item, self._codec, None if self._canary or self._shadow else STEP)
            if self._canary and heard:
                self._canary.hear(heard, is_canary=item.is_canary, seconds=item.seconds)
            theirs += [] if item.is_canary else heard
        self._show_meter(theirs[:STEP])
        for start in range(0, len(theirs) if self._shadow else 0, STEP):
            yield
            if self._shadow:
                self._shadow.read(theirs[start : start + STEP])

    def _show_meter(self, heard: Sequence[Heard]) -> None:
        """Few are enough, however many are read along."""
        now = time.monotonic()
        if self._meter is None or not heard or ((self._shadow or self._canary) and now < self._due):
            return
        self._due = now + len(heard) / METERED
        self._meter.add([str(one.channel) for one in heard], [one.text for one in heard])

    def _judge(self) -> None:
        if self._canary is None:
            return
        report = self._canary.overall()
        fault = find_fault(report)
        if fault and self._tripped != report.bundle_id:
            self._tripped = report.bundle_id
            self._trip(report.bundle_id, fault)


def _heard(item: _Answered, codec: ModelCodec, most: int | None) -> list[Heard]:
    """The messages of a batch (of its first so many) that were not answered before and have a text."""
    batch = item.batch
    said = [codec.said(answer) for answer in item.answers[:most]]
    return [
        Heard(
            tenant=batch.tenants[row],
            channel=batch.channels[row],
            message_id=batch.message_ids[row],
            text=batch.texts[row],
            said=one,
        )
        for row, one in enumerate(said)
        if not one.is_duplicate and batch.texts[row].strip()
    ]


def _ignore(_bundle_id: str, _reason: str) -> None:
    """Before anything is followed there is no canary."""

"""What a bundle that reads along does to those that answer: nothing."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

import pytest

from engine.bundles.deployment import Deployment
from engine.bundles.generation import Generation
from engine.bundles.ports import Gauge, Meter
from engine.bundles.switch import Switch
from engine.bundles.trials import METERED, MOST_WAITING, STEP, Trials
from engine.domain import MessageBatch
from engine.ports import Store
from engine.servicers.convert_model import ProtoModelCodec
from engine.stores.sqlite import SQLiteStore
from tests.fakes import TENANT, Desk, FakeClassifier, FakePrediction, make_batch, make_desk, make_message

SHADOW = Deployment(active="fake-1", shadow="shadow")
BATCH = 256


class Reading(FakeClassifier):
    """Reads as `read` lets it; `threads` are those it was asked on."""

    id = "shadow"

    def __init__(self, read: Callable[[], None]) -> None:
        self.read = read
        self.threads: set[int] = set()
        self.texts = 0

    def predict(self, texts: Sequence[str]) -> FakePrediction:
        self.threads.add(threading.get_ident())
        self.read()
        self.texts += len(texts)
        return super().predict(["refund.request"] * len(texts))


@dataclass
class Counting:
    """A meter that counts what it sees."""

    seen: int = 0

    def add(self, channels: Sequence[str], texts: Sequence[str]) -> None:
        self.seen += len(texts)

    def gauges(self) -> Sequence[Gauge]:
        return ()


@dataclass
class Answering:
    """A desk's pipeline, counted; what a switch needs of a generation."""

    desk: Desk
    answered: int = 0
    threads: set[int] = field(default_factory=set)
    forgot: int = 0

    @property
    def pipeline(self) -> Answering:
        return self

    def process(self, batch: MessageBatch) -> Sequence[bytes]:
        self.threads.add(threading.get_ident())
        self.answered += len(batch)
        return self.desk.pipeline.process(batch)

    def forget(self) -> None:
        self.forgot += 1


@dataclass(frozen=True)
class Stage:
    switch: Switch
    trials: Trials
    serving: Answering

    def say(self, count: int, text: str = "shipping.track") -> None:
        """Let as many messages be answered."""
        for start in range(self.serving.answered, self.serving.answered + count, BATCH):
            messages = [
                make_message(text, message_id=f"m{start + number}", customer_id=f"cu{number}")
                for number in range(min(BATCH, count))
            ]
            assert len(self.switch.process(make_batch(*messages))) == len(messages)


@contextlib.contextmanager
def shadowed(store: Store, shadow: FakeClassifier, meter: Meter | None = None) -> Iterator[Stage]:
    serving = Answering(make_desk(store))
    switch = Switch(cast(Generation, serving))
    trials = Trials(switch=switch, codec=ProtoModelCodec())
    trials.follow(SHADOW, shadow, meter, lambda *_: None)
    with contextlib.closing(trials):
        yield Stage(switch, trials, serving)


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20.0
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_shadow_that_hangs_keeps_nobody_waiting_and_its_queue_is_bounded(embedded: SQLiteStore) -> None:
    gate = threading.Event()
    shadow = Reading(lambda: cast(None, gate.wait(30)))
    with shadowed(embedded, shadow) as stage:
        stage.say(BATCH)
        until(lambda: bool(shadow.threads))  # it hangs from here on
        stage.say(2 * MOST_WAITING)
        report, waiting = stage.trials.shadow(), stage.trials.waiting
        gate.set()

    assert stage.serving.answered == 2 * MOST_WAITING + BATCH
    assert report is not None
    assert report.messages == 0
    assert waiting <= MOST_WAITING
    assert waiting + report.shed == stage.serving.answered


def test_a_shadow_reads_on_a_thread_of_its_own(embedded: SQLiteStore) -> None:
    shadow = Reading(lambda: None)
    with shadowed(embedded, shadow) as stage:
        stage.say(2 * BATCH)
        stage.trials.settle()

    assert shadow.texts == 2 * BATCH
    assert len(shadow.threads) == 1
    assert shadow.threads.isdisjoint(stage.serving.threads)


def test_what_measures_a_drift_sees_few_of_those_that_a_shadow_reads(embedded: SQLiteStore) -> None:
    shadow, meter = Reading(lambda: None), Counting()
    with shadowed(embedded, shadow, meter) as stage:
        began = time.monotonic()
        for _ in range(10 * STEP):
            stage.say(1)
        stage.trials.settle()
        seconds = time.monotonic() - began

    assert shadow.texts == 10 * STEP
    assert 0 < meter.seen <= STEP + METERED * seconds


def test_a_shadow_that_fails_leaves_answers_and_what_comes_later_alone(
    embedded: SQLiteStore, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise MemoryError("broken")

    shadow = Reading(fail)
    with shadowed(embedded, shadow) as stage:
        stage.say(BATCH)
        stage.trials.settle()
        shadow.read = lambda: None
        stage.say(BATCH)
        stage.trials.settle()
        report = stage.trials.shadow()

    assert stage.serving.answered == 2 * BATCH
    assert report is not None
    assert report.messages == BATCH
    assert "trial_failed" in capsys.readouterr().out


def test_what_was_read_differently_is_forgotten_and_what_waits_is_not_read(embedded: SQLiteStore) -> None:
    gate = threading.Event()
    gate.set()
    shadow = Reading(lambda: cast(None, gate.wait(30)))
    with shadowed(embedded, shadow) as stage:
        stage.say(BATCH)
        stage.trials.settle()
        before = len(stage.trials.disagreements(TENANT))
        gate.clear()
        stage.say(BATCH)
        stage.switch.forget()  # what is being read at this moment is not kept either
        at_once = stage.trials.disagreements(TENANT)
        gate.set()
        stage.trials.settle()
        stage.say(1, "shipping.track afterwards")
        stage.trials.settle()
        until(lambda: bool(stage.trials.disagreements(TENANT)))
        after = [one.heard.text for one in stage.trials.disagreements(TENANT)]

    assert before > 0
    assert at_once == []
    assert after == ["shipping.track afterwards"]
    assert stage.serving.forgot == 1


def test_those_that_may_answer_again_forget_with_the_one_that_does(embedded: SQLiteStore) -> None:
    serving, before = Answering(make_desk(embedded)), Answering(make_desk(embedded))
    switch = Switch(cast(Generation, serving))
    switch.rest([cast(Generation, serving), cast(Generation, before)])
    switch.forget()

    assert (serving.forgot, before.forgot) == (1, 1)

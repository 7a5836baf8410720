from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.analysis.analyzer import Analyzer
from engine.analysis.memory import LEAST, ReadingMemory
from engine.ports import Prediction
from tests.fakes import FakeClassifier, FakePrediction

TEXTS = [f"shipping.track {number}!" if number % 2 else f"你好 {number}" for number in range(9)]


class Counting(FakeClassifier):
    """Remembers what it was asked to read."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def predict(self, texts: Sequence[str]) -> FakePrediction:
        """See `ports.Classifier`."""
        self.asked += texts
        return super().predict(texts)


def make() -> tuple[ReadingMemory, Counting]:
    counting = Counting()
    return ReadingMemory(predictor=counting, size=LEAST), counting


def same(one: Prediction, other: Prediction) -> bool:
    names = (
        "probability",
        "confidence",
        "in_scope",
        "sentiment",
        "anger",
        "is_angry",
        "language",
        "embedding",
    )
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


@given(st.lists(st.lists(st.sampled_from(TEXTS), max_size=6), max_size=5))
def test_what_is_remembered_is_what_would_be_read(batches: list[list[str]]) -> None:
    memory, counting = make()

    assert all(same(memory.predict(texts), FakeClassifier().predict(texts)) for texts in batches)
    assert len(counting.asked) == len(set(counting.asked))


def test_a_text_is_read_once_in_a_batch_and_afterwards() -> None:
    memory, counting = make()
    memory.predict(["a", "b", "a"])
    memory.predict(["c", "a"])

    assert counting.asked == ["a", "b", "c"]
    assert (memory.hits, memory.misses) == (2, 3)


def test_the_oldest_texts_are_forgotten() -> None:
    memory, counting = make()
    memory.predict(["first"])
    for at in range(0, LEAST, 256):
        memory.predict([f"t{at + number}" for number in range(256)])
    counting.asked.clear()
    memory.predict(["first", f"t{LEAST - 1}"])

    assert counting.asked == ["first"]


def test_a_long_text_is_not_remembered() -> None:
    memory, counting = make()
    for _ in range(2):
        memory.predict(["long " * 100])

    assert len(counting.asked) == 2


def test_an_analyzer_that_remembers_says_the_same() -> None:
    memory, _ = make()
    remembering = Analyzer(classifier=FakeClassifier(), memory=memory)
    remembering.analyze(TEXTS[:4])

    again, plain = remembering.analyze(TEXTS), Analyzer(classifier=FakeClassifier()).analyze(TEXTS)
    assert (again.intents, again.anger, again.languages) == (plain.intents, plain.anger, plain.languages)

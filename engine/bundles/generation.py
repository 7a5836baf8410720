"""A bundle at work, with everything that is made for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.analysis.memory import ReadingMemory
from engine.assist.assembly import Assist
from engine.bundles.ports import Meter
from engine.domain import MessageBatch
from engine.ports import Classifier
from engine.servicers.reading import ReadingServicers


class Answering(Protocol):
    """The path of a batch; `pipeline.Pipeline` is one."""

    def process(self, batch: MessageBatch) -> Sequence[bytes]:
        """A serialised answer for each message, in order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One bundle's."""

    classifier: Classifier
    assist: Assist
    pipeline: Answering
    servicers: ReadingServicers
    meter: Meter | None = None
    memory: ReadingMemory | None = None

    def forget(self) -> None:
        """Know no text any more. Called on the decision thread."""
        self.assist.adviser.forget()
        self.assist.suggester.forget()
        if self.memory:
            self.memory.forget()

    @property
    def bundle_id(self) -> str:
        """The bundle's."""
        return self.classifier.id


class MakeGeneration(Protocol):
    """Makes all that a bundle needs beside the one that serves; `bootstrap` knows how."""

    def __call__(self, classifier: Classifier, meter: Meter | None, beside: Generation) -> Generation:
        """Nothing of it is used yet."""
        ...

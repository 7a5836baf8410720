"""Which bundle answers a batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol
from zlib import crc32

from engine.bundles.generation import Generation
from engine.domain import MessageBatch

_WHOLE = 1 << 32  # of what a CRC-32 can be


class Observer(Protocol):
    """Told of every batch where somebody wants to know; it must neither block nor raise."""

    def answered(
        self, batch: MessageBatch, answers: Sequence[bytes], *, is_canary: bool, seconds: float
    ) -> None:
        """A batch was answered."""
        ...

    def failed(self, batch: MessageBatch, *, is_canary: bool) -> None:
        """It was not."""
        ...

    def forget(self) -> None:
        """No text that it was told may be remembered."""
        ...


class Switch:
    """Hands batches to the bundle that serves, and a share of the conversations to a canary.

    Called on the decision thread, so a change falls between two batches: each is read, answered and journaled by one
    bundle. Where nothing is tried out, a batch costs one comparison more than without this.
    """

    def __init__(self, serving: Generation) -> None:
        self.serving = serving
        self._canary: Generation | None = None
        self._resting: Sequence[Generation] = ()
        self._bound = 0  # conversations whose hash is below it are the canary's
        self._observer: Observer | None = None

    def process(self, batch: MessageBatch) -> Sequence[bytes]:
        """See `Pipeline.process`."""
        if self._observer is None:
            return self.serving.pipeline.process(batch)
        if self._canary is None:
            return self._observed(self.serving, batch, is_canary=False)
        return self._split(self._canary, batch)

    def change(self, serving: Generation, canary: Generation | None, share: float) -> None:
        """Who answers from the next batch on."""
        self.serving = serving
        self._canary = canary
        self._bound = round(share * _WHOLE)

    def rest(self, resting: Sequence[Generation]) -> None:
        """These answered or may answer: they forget with those that do. From any thread."""
        self._resting = resting

    def forget(self) -> None:
        """Know no text any more, whoever answers."""
        all_ = (self.serving, self._canary, *self._resting)
        for generation in {id(one): one for one in all_ if one is not None}.values():
            generation.forget()
        self._note(lambda observer: observer.forget())

    def observe(self, observer: Observer | None) -> None:
        """Tell it of what is answered; None: nobody wants to know. A canary needs one."""
        self._observer = observer

    def _split(self, canary: Generation, batch: MessageBatch) -> Sequence[bytes]:
        theirs = [row for row in range(len(batch)) if conversation_hash(batch, row) < self._bound]
        if not theirs:
            return self._observed(self.serving, batch, is_canary=False)
        chosen = set(theirs)
        ours = [row for row in range(len(batch)) if row not in chosen]
        answers: dict[int, bytes] = {}
        # The serving bundle first: what a canary does wrong must not keep the others waiting.
        for generation, rows in ((self.serving, ours), (canary, theirs)):
            if rows:
                part = batch.take(rows)
                answers.update(zip(rows, self._answer(generation, part, canary), strict=True))
        return [answers[row] for row in range(len(batch))]

    def _answer(self, generation: Generation, batch: MessageBatch, canary: Generation) -> Sequence[bytes]:
        """What a canary cannot answer, the serving bundle does: a message is never lost to a trial."""
        if generation is not canary:
            return self._observed(generation, batch, is_canary=False)
        try:
            return self._observed(canary, batch, is_canary=True)
        except Exception:  # whatever a new bundle does wrong; the serving one says whether it was the bundle
            self._note(lambda observer: observer.failed(batch, is_canary=True))
            return self.serving.pipeline.process(batch)

    def _observed(self, generation: Generation, batch: MessageBatch, *, is_canary: bool) -> Sequence[bytes]:
        start = time.perf_counter()
        answers = generation.pipeline.process(batch)
        seconds = time.perf_counter() - start
        self._note(lambda one: one.answered(batch, answers, is_canary=is_canary, seconds=seconds))
        return answers

    def _note(self, tell: Callable[[Observer], None]) -> None:
        if self._observer is not None:
            tell(self._observer)


def conversation_hash(batch: MessageBatch, row: int) -> int:
    """In [0, 2³²), the same for all messages that name their conversation or customer alike.

    A conversation must be named in one way: whoever sends its first message with a customer's id alone and later ones
    with the conversation's id may see it change the bundle once.
    """
    named = batch.conversation_ids[row] or f"{batch.channels[row]}:{batch.customer_ids[row]}"
    return crc32(f"{batch.tenants[row]}\n{named}".encode())

"""What rules look at: one tenant's messages or waiting conversations, as columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from engine.domain import Conversation
from engine.routing.mood import SMOOTHING
from engine.workflow.matcher import Matcher

LANGUAGES = ("zh", "en")
Booleans = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(kw_only=True)
class Columns:
    """`n` rows at one moment; `conversations` are as the decisions left them. Arrays are made when first asked for.

    `facts_of` gives what is known of a row's customer. `sentiments` indexes SENTIMENTS.
    """

    now_ms: int
    intents: Sequence[str]
    confidences: Sequence[float]
    sentiments: Sequence[int]
    angers: Sequence[float]
    languages: Sequence[str]
    channels: Sequence[int]
    texts: Sequence[str]
    vips: Sequence[int]
    conversations: Sequence[Conversation]
    facts_of: Callable[[int], Mapping[str, str]]
    _facts: dict[int, Mapping[str, str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.intents)

    def codes(self, vocabulary: Mapping[str, int]) -> Integers:
        """Each row's intent as a number of the vocabulary, 0 for another; there is one vocabulary."""
        if self._codes is None:
            get = vocabulary.get
            self._codes = np.array([get(intent, 0) for intent in self.intents], dtype=np.int64)
        return self._codes

    def matches(self, matcher: Matcher, alive: Booleans) -> Booleans:
        """[n, expressions], right in the rows that are alive; there is one matcher."""
        if self._matches is None:
            self._matches = np.zeros((len(self), len(matcher.columns)), dtype=np.bool_)
            self._matched = np.zeros(len(self), dtype=np.bool_)
        matcher.find(self.texts, alive & ~self._matched, self._matches)
        self._matched |= alive
        return self._matches

    def facts(self, row: int) -> Mapping[str, str]:
        """What is known of the row's customer."""
        if row not in self._facts:
            self._facts[row] = self.facts_of(row)
        return self._facts[row]

    _codes: Integers | None = None
    _matches: Booleans | None = None
    _matched: Booleans = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))

    @cached_property
    def confidence(self) -> Floats:
        """In [0, 1]."""
        return np.array(self.confidences, dtype=np.float64)

    @cached_property
    def anger(self) -> Floats:
        """In [0, 1], of the message alone."""
        return np.array(self.angers, dtype=np.float64)

    @cached_property
    def rise(self) -> Floats:
        """How much angrier the message is than the conversation was before it; 0 for the first message."""
        after = np.array([one.mood.anger for one in self.conversations], dtype=np.float64)
        is_first = np.array([one.opened_ms >= self.now_ms for one in self.conversations], dtype=np.bool_)
        # The mood is smoothed: after = SMOOTHING * anger + (1 - SMOOTHING) * before.
        return np.where(is_first, 0.0, (self.anger - after) / (1 - SMOOTHING))

    @cached_property
    def sentiment(self) -> Integers:
        """An index of SENTIMENTS."""
        return np.array(self.sentiments, dtype=np.int64)

    @cached_property
    def language(self) -> Integers:
        """An index of LANGUAGES; one more for any other."""
        known = {name: number for number, name in enumerate(LANGUAGES)}
        return np.array([known.get(one, len(known)) for one in self.languages], dtype=np.int64)

    @cached_property
    def channel(self) -> Integers:
        """Its number."""
        return np.array(self.channels, dtype=np.int64)

    @cached_property
    def vip(self) -> Integers:
        """0 to 3: the message's word or the conversation's."""
        stored = [one.requirement.vip for one in self.conversations]
        return np.maximum(np.array(self.vips, dtype=np.int64), np.array(stored, dtype=np.int64))

    @cached_property
    def waiting(self) -> Integers:
        """Milliseconds since it began to wait, 0 where an agent has it."""
        queued = np.array([one.queued_ms for one in self.conversations], dtype=np.int64)
        return np.where(queued > 0, self.now_ms - queued, 0)

    @cached_property
    def relaxation(self) -> Integers:
        """0 to 4."""
        return np.array([one.relaxation for one in self.conversations], dtype=np.int64)

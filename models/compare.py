"""Compare two bundles on the same labelled messages, and say whether one may take the other's place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from models import metrics
from models.bundle import Bundle
from models.dataset import Examples
from models.errors import ModelsError
from models.metrics import Estimate
from models.taxonomy import LANGUAGES, OUT_OF_SCOPE

BoolArray = npt.NDArray[np.bool_]

TOLERANCE: Final = 0.01  # share of messages by which a protected slice may lose
SIGNIFICANCE: Final = 0.05  # above it a loss may be chance


class GateError(ModelsError):
    """A bundle is worse than the one it should replace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How two bundles answer the same messages of one slice."""

    messages: int
    before: float  # share answered right
    after: float
    difference: Estimate  # after less before, by drawing whole authors
    p_value: float  # of McNemar's exact test

    @property
    def is_worse(self) -> bool:
        """Whether the loss is larger than the tolerance and no chance."""
        return self.difference.value < -TOLERANCE and self.p_value < SIGNIFICANCE


def compare(
    before: Bundle, after: Bundle, examples: Examples, intents: Sequence[str] = ()
) -> dict[str, Comparison]:
    """Compare on all messages and on each protected slice: language, in scope, out of scope, anger, intent.

    `intents` are the labels' columns, where those are not the intents of the first bundle.
    """
    names = intents or before.intents
    old, new = judge(before, examples, names), judge(after, examples, names)
    slices = list_slices(examples, names)
    found = {
        name: compare_slice(old, new, rows, examples.author) for name, rows in slices.items() if rows.any()
    }
    moods = (is_anger_right(before, examples), is_anger_right(after, examples))
    everyone = np.ones(len(examples.texts), np.bool_)
    return {**found, "anger": compare_slice(*moods, everyone, examples.author)}


def require_no_loss(comparisons: Mapping[str, Comparison]) -> None:
    """Raises: GateError naming every slice on which the later bundle is worse."""
    worse = [
        f"{name}: {entry.before:.3f} -> {entry.after:.3f} (p = {entry.p_value:.4f})"
        for name, entry in comparisons.items()
        if entry.is_worse
    ]
    if worse:
        raise GateError("the new bundle is worse on " + "; ".join(worse))


def judge(bundle: Bundle, examples: Examples, intents: Sequence[str]) -> BoolArray:
    """Give bool [n]: whether the answer, out of scope included, is one of the labels, whose columns are `intents`."""
    prediction = bundle.predict(examples.texts)
    column = {intent: place for place, intent in enumerate(intents)}
    columns = np.array([column.get(intent, len(intents)) for intent in bundle.intents])
    labels = np.column_stack(
        (examples.labels, np.zeros(len(examples.texts), np.bool_))
    )  # the last: no such label
    chosen = labels[np.arange(len(examples.texts)), columns[prediction.intent]]
    right: BoolArray = np.where(prediction.in_scope, chosen, ~examples.in_scope)
    return right


def is_anger_right(bundle: Bundle, examples: Examples) -> BoolArray:
    """Give bool [n]: whether anger is seen where it is, and nowhere else."""
    return np.equal(bundle.predict(examples.texts).is_angry, examples.anger)


def list_slices(examples: Examples, intents: Sequence[str]) -> dict[str, BoolArray]:
    """Give the rows of every protected slice."""
    everyone = {"all": np.ones(len(examples.texts), np.bool_)}
    spoken = {name: examples.language == number for number, name in enumerate(LANGUAGES)}
    scope = {"in_scope": examples.in_scope, OUT_OF_SCOPE: ~examples.in_scope}
    each = {name: examples.labels[:, number] for number, name in enumerate(intents)}
    return {**everyone, **spoken, **scope, **each}


def compare_slice(
    old: BoolArray, new: BoolArray, rows: BoolArray, authors: npt.NDArray[np.str_]
) -> Comparison:
    """Compare bool [n] `old` with `new` on the chosen rows. Source: McNemar 1947, exact form."""
    place = np.flatnonzero(rows)
    gained = int((new & ~old)[place].sum())
    lost = int((old & ~new)[place].sum())
    change = new[place].astype(np.float64) - old[place]
    p_value = float(binomtest(lost, lost + gained).pvalue) if lost + gained else 1.0
    return Comparison(
        messages=place.size,
        before=metrics.share(old[place]),
        after=metrics.share(new[place]),
        difference=metrics.estimate(lambda chosen: float(change[chosen].mean()), authors[place]),
        p_value=p_value,
    )

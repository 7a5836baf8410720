"""Draw the pictures of a report. Needs matplotlib, from the extra `train`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from models import extras
from models.curve import Curve

SIZE: Final = (6.0, 4.5)  # inches
DPI: Final = 110
BINS: Final = 15
WORTH_A_FIGURE: Final = 2  # % of a label's messages


def draw_confusion(path: Path, counts: npt.NDArray[np.int64], names: Sequence[str]) -> None:
    """Draw int64 [k, k] counts, label by answer, as % of each label: errors in colour, what is right in figures."""
    figure, axes = _canvas((12.5, 11.0))
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    wrong = np.where(np.eye(len(names), dtype=np.bool_), 0, shares)
    most = max(float(wrong.max()), 1)
    image = axes.imshow(wrong, cmap="Reds", vmin=0, vmax=most)
    for row, column in np.argwhere(shares >= WORTH_A_FIGURE).tolist():
        share = shares[row, column]
        colour = "0.45" if row == column else "white" if share > most / 2 else "black"
        axes.text(column, row, f"{share:.0f}", ha="center", va="center", fontsize=6, color=colour)
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
    axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.set(xlabel="answer", ylabel="label", title="Confusion, % of each label")
    figure.colorbar(image, shrink=0.7, label="% of the label's messages, errors alone")
    figure.savefig(path)


def draw_reliability(path: Path, confidence: npt.NDArray[np.floating], right: npt.NDArray[np.bool_]) -> None:
    """Draw how often answers of each confidence are right, in bins of equal count, and how many there are."""
    figure, (axes, below) = _canvas((6.0, 6.0), rows=(3, 1))
    parts = np.array_split(np.argsort(confidence, kind="stable"), BINS)
    points = [(confidence[part].mean(), right[part].mean()) for part in parts if part.size]
    axes.plot([0, 1], [0, 1], color="0.7", linestyle="--", label="perfect")
    axes.plot(*zip(*points, strict=True), marker="o", markersize=4, label="measured")
    axes.set(ylabel="share of right answers", title="Reliability", xlim=(0, 1.02), ylim=(0, 1.02))
    axes.legend()
    below.hist(confidence, bins=20, range=(0, 1), weights=np.full(confidence.size, 100 / confidence.size))
    below.set(xlabel="confidence", ylabel="% of answers", xlim=(0, 1.02))
    figure.savefig(path)


def draw_curve(path: Path, curve: Curve) -> None:
    """Draw accuracy against the number of training authors."""
    figure, axes = _canvas(SIZE)
    axes.plot(curve.authors, curve.accuracy, marker="o")
    for authors, accuracy in zip(curve.authors, curve.accuracy, strict=True):
        axes.annotate(f"{accuracy:.3f}", (authors, accuracy), xytext=(6, -10), textcoords="offset points")
    axes.set_xticks(curve.authors)
    axes.margins(x=0.12)
    axes.set(xlabel="training authors", ylabel="intent accuracy, unseen authors", title="Learning curve")
    axes.grid(alpha=0.3)
    figure.savefig(path)


def draw_coverage(path: Path, confidence: npt.NDArray[np.floating], right: npt.NDArray[np.bool_]) -> None:
    """Draw the accuracy on the most confident share of the messages."""
    figure, axes = _canvas(SIZE)
    order = np.argsort(-confidence, kind="stable")
    accuracy = np.cumsum(right[order]) / np.arange(1, order.size + 1)
    first = order.size // 50
    axes.plot(np.arange(first, order.size) / order.size, accuracy[first:])
    axes.set(xlabel="share of messages answered", ylabel="accuracy", title="Answering only what is certain")
    axes.grid(alpha=0.3)
    figure.savefig(path)


def _canvas(
    size: tuple[float, float], rows: tuple[int, ...] = (1,)
) -> tuple[Any, Any]:  # matplotlib has no types
    """Give a figure and its axes, rows of these heights, that no window shows."""
    figure = extras.load("matplotlib.figure").Figure(figsize=size, dpi=DPI, layout="constrained")
    return figure, figure.subplots(len(rows), height_ratios=rows)

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


def draw_confusion(path: Path, counts: npt.NDArray[np.int64], names: Sequence[str]) -> None:
    """Draw int64 [k, k] counts, label by answer, as shares of each label."""
    figure, axes = _canvas((11.5, 10.5))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
    axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.set(xlabel="answer", ylabel="label", title="Confusion, as shares of each label")
    figure.colorbar(image, shrink=0.7)
    figure.savefig(path)


def draw_reliability(path: Path, confidence: npt.NDArray[np.floating], right: npt.NDArray[np.bool_]) -> None:
    """Draw how often answers of each confidence are right, in bins of equal count."""
    figure, axes = _canvas(SIZE)
    parts = np.array_split(np.argsort(confidence, kind="stable"), BINS)
    points = [(confidence[part].mean(), right[part].mean()) for part in parts if part.size]
    axes.plot([0, 1], [0, 1], color="0.7", linestyle="--", label="perfect")
    axes.plot(*zip(*points, strict=True), marker="o", label="measured")
    axes.set(
        xlabel="confidence", ylabel="share of right answers", title="Reliability", xlim=(0, 1), ylim=(0, 1)
    )
    axes.legend()
    figure.savefig(path)


def draw_curve(path: Path, curve: Curve) -> None:
    """Draw accuracy against the number of training authors."""
    figure, axes = _canvas(SIZE)
    axes.plot(curve.authors, curve.accuracy, marker="o")
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


def _canvas(size: tuple[float, float]) -> tuple[Any, Any]:  # matplotlib has no types here
    """Give a figure and its axes that no window shows."""
    figure = extras.load("matplotlib.figure").Figure(figsize=size, dpi=DPI, layout="constrained")
    return figure, figure.subplots()

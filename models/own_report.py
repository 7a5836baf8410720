"""The report of a bundle made of somebody's own messages, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from models.advice import IntentAdvice
from models.manifest import Manifest
from models.metrics import Estimate

_FIGURES: Final = (
    "intent_accuracy",
    "answer_accuracy",
    "in_scope_kept",
    "out_of_scope_caught",
    "calibration_error",
)


def write(manifest: Manifest, advice: Sequence[IntentAdvice]) -> str:
    """Give the page."""
    return "\n".join(
        [
            f"# {manifest.id}",
            "",
            "Every message was answered by heads that did not see it. Intervals are 95 %.",
            "",
            "| figure | value |",
            "| --- | --- |",
            *(f"| {name.replace('_', ' ')} | {Estimate(*manifest.scores[name])} |" for name in _FIGURES),
            "",
            "## What to write next",
            "",
            "| intent | messages | recall | with half of them | mostly taken for | advice |",
            "| --- | --- | --- | --- | --- | --- |",
            *(_row(line) for line in advice),
            "",
        ]
    )


def _row(line: IntentAdvice) -> str:
    cells = (line.intent, line.messages, f"{line.recall:.2f}", f"{line.recall_with_half:.2f}", line.taken_for)
    return f"| {' | '.join(map(str, cells))} | {line.advice or 'fine'} |"

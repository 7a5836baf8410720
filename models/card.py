"""Write a bundle's CARD.md: what it is, what it was made of, how good it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from models import breakdown
from models.evaluate import Judged
from models.manifest import Manifest
from models.metrics import Estimate
from models.taxonomy import LANGUAGES
from models.validation import Validated

TARGETS: Final[Mapping[str, tuple[str, float]]] = {
    "intent_accuracy": ("≥", 0.92),
    "skill_accuracy": ("≥", 0.95),
    "intent_accuracy_at_80": ("≥", 0.97),
    "calibration_error": ("≤", 0.03),
    "in_scope_kept": ("≥", 0.95),
    "out_of_scope_caught": ("≥", 0.80),
    "near_misses_caught": ("≥", 0.60),
    "anger_f1": ("≥", 0.80),
    "anger_auroc": ("≥", 0.95),
}


def write(manifest: Manifest, validated: Validated, *, notes: str = "") -> str:
    """Give the card as Markdown."""
    return "\n".join(
        [
            f"# Bundle {manifest.id}",
            "",
            f"Made on {manifest.created} with seed {manifest.seed} by `python -m models train`. "
            f"{len(manifest.intents)} intents and out_of_scope, Chinese and English; "
            f"static encoder of {manifest.encoder['dimension']} dimensions. It serves with numpy and scipy.",
            "",
            "## How good it is",
            "",
            "Every message was scored by heads that never saw its author (grouped cross-validation). "
            "The interval is 95 %, by drawing whole authors.",
            "",
            *_score_table(validated.figures),
            "",
            "## By length",
            "",
            *_length_table(validated.judged),
            "",
            "## By intent, the weakest first",
            "",
            *_intent_table(validated.judged, manifest.intents),
            "",
            "## What it was made of",
            "",
            *_data_table(manifest),
            "",
            *([notes, ""] if notes else []),
        ]
    )


def _score_table(scores: Mapping[str, Estimate]) -> list[str]:
    names = [name for name in scores if "/" not in name]
    head = [
        "| figure | target | all | " + " | ".join(LANGUAGES) + " |",
        "| --- | --- | --- |" + " --- |" * len(LANGUAGES),
    ]
    return head + [_score_row(name, scores) for name in names]


def _length_table(judged: Judged) -> list[str]:
    rows = [f"| {name} | {accuracy} |" for name, accuracy in breakdown.by_length(judged).items()]
    return ["| length | intent accuracy |", "| --- | --- |", *rows]


def _intent_table(judged: Judged, intents: Sequence[str]) -> list[str]:
    head = [
        "| intent | messages | recall | precision | most often taken for |",
        "| --- | --- | --- | --- | --- |",
    ]
    return head + [
        f"| {row.name} | {row.messages} | {row.recall} | {row.precision:.3f} | {row.taken_for} |"
        for row in breakdown.by_intent(judged, intents)
    ]


def _score_row(name: str, scores: Mapping[str, Estimate]) -> str:
    sign, bound = TARGETS.get(name, ("", None))
    target = f"{sign} {bound}" if bound is not None else ""
    cells = [
        str(scores[key]) if key in scores else "" for key in (name, *(f"{name}/{lang}" for lang in LANGUAGES))
    ]
    return f"| {name.replace('_', ' ')} | {target} | " + " | ".join(cells) + " |"


def _data_table(manifest: Manifest) -> list[str]:
    head = ["| source | rows | licence | SHA-256 |", "| --- | --- | --- | --- |"]
    return head + [
        f"| {name} | {entry['rows']} | {entry['licence']} | {str(entry['sha256'])[:12]} |"
        for name, entry in manifest.data.items()
    ]

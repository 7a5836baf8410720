"""The README's figures of the models are those of the shipped bundle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from models.manifest import Manifest

ROOT = Path(__file__).parents[2]
SCORES = Manifest.load(ROOT / "models" / "bundles" / "ecommerce").scores
KEPT = f"{100 * SCORES['in_scope_kept'][0]:.1f}"
README = (ROOT / "README.md").read_text(encoding="utf-8")


def percent(name: str) -> str:
    value, low, high = (100 * number for number in SCORES[name])
    return f"{value:.1f} % [{low:.1f}, {high:.1f}]"


def plain(name: str) -> str:
    value, low, high = SCORES[name]
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"


def fine(name: str) -> str:
    value, low, high = SCORES[name]
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


@pytest.mark.parametrize(
    ("claim", "name", "write"),
    [
        ("intent, on authors the heads never saw", "intent_accuracy", percent),
        ("skill, likewise", "skill_accuracy", percent),
        (f"out of scope caught, with {KEPT} % of the rest kept", "out_of_scope_caught", percent),
        ("anger F1, likewise", "anger_f1", plain),
        ("calibration error of the confidence", "calibration_error", fine),
    ],
)
def test_the_readme_says_what_the_bundle_scored(claim: str, name: str, write: Callable[[str], str]) -> None:
    (line,) = [line for line in README.splitlines() if line.startswith(f"| {claim} |")]

    assert line.split("|")[2].strip() == write(name)

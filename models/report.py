"""Write one HTML report of a cross-validation, its pictures beside it."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from models import breakdown, curve, dataset, pictures
from models.breakdown import IntentRow, Mistake
from models.card import TARGETS
from models.curve import Curve
from models.dataset import Pack
from models.encoding import Encoder
from models.fitting import HeadSettings
from models.metrics import Estimate
from models.taxonomy import LANGUAGES, OUT_OF_SCOPE
from models.validation import Validated

HTML_FILE: Final = "report.html"
PICTURES: Final = ("confusion.png", "reliability.png", "curve.png", "coverage.png")
GAINS: Final = 10  # intents listed

_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1c2733}"
    "table{border-collapse:collapse;margin:1rem 0}td,th{padding:.25rem .7rem;border-bottom:1px solid #dde3ea;"
    "text-align:left}th{background:#f4f6f9}img{max-width:100%}.miss{color:#b3261e}.hit{color:#146c2e}"
)


def write(folder: Path, pack: Pack, encoder: Encoder, validated: Validated) -> None:
    """Write report.html and its pictures into `folder`. Raises: MissingExtraError."""
    folder.mkdir(parents=True, exist_ok=True)
    learned = curve.draw(dataset.tabulate(pack.utterances, pack.taxonomy), encoder, HeadSettings())
    _draw(folder, pack, validated, learned)
    page = _page(pack.taxonomy.intents, validated, learned)
    (folder / HTML_FILE).write_text(page, encoding="utf-8")


def _draw(folder: Path, pack: Pack, validated: Validated, learned: Curve) -> None:
    judged = validated.judged
    names = [*pack.taxonomy.intents, OUT_OF_SCOPE]
    confusion, reliability, growth, coverage = (folder / name for name in PICTURES)
    pictures.draw_confusion(confusion, breakdown.confusion(judged), names)
    pictures.draw_reliability(reliability, judged.outcome.confidence, judged.answer_right)
    pictures.draw_curve(growth, learned)
    inside = judged.examples.in_scope
    pictures.draw_coverage(coverage, judged.outcome.confidence[inside], judged.intent_right[inside])


def _page(intents: Sequence[str], validated: Validated, learned: Curve) -> str:
    judged = validated.judged
    parts = [
        "<h1>How the models do on authors they never saw</h1>",
        f"<p>{len(judged.examples.texts)} messages of {np.unique(judged.examples.author).size} authors, each "
        "answered by heads trained without its author. Intervals are 95 %, by drawing whole authors.</p>",
        _figures(validated.figures),
        "<h2>Pictures</h2>",
        *(f'<p><img src="{name}" alt="{name.removesuffix(".png")}"></p>' for name in PICTURES),
        "<h2>By length</h2>",
        _table(
            ("length", "intent accuracy"), ((name, str(e)) for name, e in breakdown.by_length(judged).items())
        ),
        "<h2>By intent, the weakest first</h2>",
        _intents(breakdown.by_intent(judged, intents)),
        "<h2>More data for which intent would help most?</h2>",
        _gains(intents, learned),
        "<h2>The most confident mistakes</h2>",
        _mistakes(breakdown.worst(judged, intents)),
    ]
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Yingda models</title><style>{_STYLE}</style>'
    return head + "\n".join(parts) + "</html>\n"


def _figures(figures: Mapping[str, Estimate]) -> str:
    names = [name for name in figures if "/" not in name]
    rows = [(name.replace("_", " "), *_cells(name, figures)) for name in names]
    return _table(("figure", "target", "all", *LANGUAGES), rows)


def _cells(name: str, figures: Mapping[str, Estimate]) -> list[str]:
    sign, bound = TARGETS.get(name, ("", None))
    spoken = [str(figures[key]) if (key := f"{name}/{lang}") in figures else "" for lang in LANGUAGES]
    return ["" if bound is None else f"{sign} {bound}", str(figures[name]), *spoken]


def _intents(rows: Iterable[IntentRow]) -> str:
    cells = ((r.name, str(r.messages), str(r.recall), f"{r.precision:.3f}", r.taken_for) for r in rows)
    return _table(("intent", "messages", "recall", "precision", "most often taken for"), cells)


def _gains(intents: Sequence[str], learned: Curve) -> str:
    gain = learned.by_intent[-1] - learned.by_intent[-2]
    order = np.argsort(-(gain * (1 - learned.by_intent[-1])), kind="stable")[:GAINS]
    rows = ((intents[i], f"{learned.by_intent[-1][i]:.3f}", f"{gain[i]:+.3f}") for i in order)
    return _table(("intent", "recall", f"from {learned.authors[-2]} to {learned.authors[-1]} authors"), rows)


def _mistakes(rows: Iterable[Mistake]) -> str:
    cells = ((r.text, r.author, r.label, r.answer, f"{r.confidence:.2f}") for r in rows)
    return _table(("message", "author", "label", "answer", "confidence"), cells)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    top = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><tr>{top}</tr>\n{body}</table>"

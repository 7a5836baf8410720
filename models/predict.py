"""Score a file of messages with a bundle."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from models.bundle import BLOCK, Bundle, Prediction
from models.errors import InputError
from models.taxonomy import LANGUAGES, OUT_OF_SCOPE, SENTIMENTS

Answer = dict[str, str | float | bool | list[str]]

DIGITS = 6  # of a probability


def read_texts(path: Path) -> list[str]:
    """Read the `text` of each JSON line. Raises: InputError naming file and line."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    return [_read_line(line, f"{path}:{number}") for number, line in enumerate(lines, 1)]


def answer(bundle: Bundle, texts: Sequence[str]) -> Iterator[Answer]:
    """Yield intent, skill, confidence, sentiment, anger, language and all intents of each text, in order."""
    for start in range(0, len(texts), BLOCK):
        yield from _rows(bundle, bundle.predict(texts[start : start + BLOCK]))


def write_answers(bundle: Bundle, source: Path, target: Path) -> int:
    """Score the JSON lines of `source` into `target`, one for one; give their number."""
    texts = read_texts(source)
    with target.open("w", encoding="utf-8") as output:
        for row in answer(bundle, texts):
            output.write(json.dumps(row, ensure_ascii=False) + "\n")
    return len(texts)


def _rows(bundle: Bundle, prediction: Prediction) -> Iterator[Answer]:
    for row, intent in enumerate(prediction.intent):
        in_scope, second = bool(prediction.in_scope[row]), int(prediction.second[row])
        name = bundle.intents[intent] if in_scope else OUT_OF_SCOPE
        yield {
            "intent": name,
            "skill": bundle.skills[name],
            "confidence": round(float(prediction.confidence[row]), DIGITS),
            "sentiment": SENTIMENTS[int(prediction.sentiment[row].argmax())],
            "anger": round(float(prediction.anger[row]), DIGITS),
            "is_angry": bool(prediction.is_angry[row]),
            "language": LANGUAGES[prediction.language[row]],
            "intents": [name, bundle.intents[second]] if in_scope and second >= 0 else [name],
        }


def _read_line(line: bytes, place: str) -> str:
    try:
        content = json.loads(line.decode("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f'{place}: not a JSON line like {{"text": "..."}} ({error})') from error
    text = content.get("text") if isinstance(content, dict) else None
    if not isinstance(text, str):
        raise InputError(f'{place}: no "text" of type string; write {{"text": "..."}}')
    return text

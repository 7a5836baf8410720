"""Texts that no cache has seen: the pack's utterances, each spoilt a little differently every time."""

from __future__ import annotations

import csv
import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import BenchmarkError

PACK = Path(__file__).parents[1] / "models" / "packs" / "ecommerce"
TYPO_SHARE = 0.7
NUMBER_SHARE = 0.4
_NUMBER_WORDS = {"zh": " 订单号", "en": " order #"}


@dataclass(frozen=True, slots=True)
class Utterance:
    """What a customer might write, and in which language: "zh" or "en"."""

    text: str
    language: str


def read_utterances(pack: Path = PACK) -> list[Utterance]:
    """Those of every author, in the order of the files. Raises: BenchmarkError."""
    found = [one for path in sorted((pack / "utterances").glob("*.csv")) for one in _read(path)]
    if not found:
        raise BenchmarkError(f"{pack}/utterances holds no texts: run this from a checkout of the project")
    return found


def _read(path: Path) -> list[Utterance]:
    with path.open(encoding="utf-8", newline="") as lines:
        return [Utterance(row["text"], row["lang"]) for row in csv.DictReader(lines)]


def fingerprint(utterances: Sequence[Utterance]) -> str:
    """Equal for equal texts, so that two reports can be compared."""
    return hashlib.sha256("\n".join(one.text for one in utterances).encode()).hexdigest()[:16]


def unseen(utterances: Sequence[Utterance], seed: str) -> Iterator[str]:
    """Texts without end, no two of them equal; the same ones for the same seed."""
    random_ = random.Random(seed)
    seen: set[str] = set()
    while True:
        text = _spoilt(random_.choice(utterances), random_, seen)
        seen.add(text)
        yield text


def _spoilt(one: Utterance, random_: random.Random, seen: set[str]) -> str:
    text = with_typo(one.text, random_) if random_.random() < TYPO_SHARE else one.text
    while text in seen or random_.random() < NUMBER_SHARE:
        text = f"{text}{_NUMBER_WORDS.get(one.language, ' ')}{random_.randrange(10**7, 10**12)}"
        if text not in seen:
            break
    return text


def with_typo(text: str, random_: random.Random) -> str:
    """The text with two neighbours swapped, or one character missing or doubled."""
    if len(text) <= 1:
        return text + text
    place = random_.randrange(len(text) - 1)
    first, second = text[place], text[place + 1]
    changed = random_.choice((second + first, second, first + first + second))
    return text[:place] + changed + text[place + 2 :]

"""Read a pack's messages and dialogues into columns."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from models import taxonomy
from models.errors import PackError
from models.taxonomy import LANGUAGES, OUT_OF_SCOPE, SENTIMENTS, Taxonomy

FIELDS: Final = ("text", "lang", "intent", "sentiment", "anger", "kind")
SEPARATOR: Final = "|"


class Kind(StrEnum):
    """Why a message was written."""

    PLAIN = "plain"
    MULTI = "multi"
    ANGER = "anger"
    OOS_NEAR = "oos_near"
    OOS_FAR = "oos_far"
    DIALOGUE = "dialogue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """One labelled message; its author is the file it stands in."""

    text: str
    lang: str
    intents: tuple[str, ...]
    sentiment: str
    anger: bool
    kind: Kind
    author: str

    @property
    def in_scope(self) -> bool:
        """Whether a shop's help desk serves it."""
        return self.intents != (OUT_OF_SCOPE,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """One conversation: the customer's messages in order."""

    author: str
    turns: tuple[Utterance, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """Labelled messages as columns of n rows, for fitting and scoring."""

    texts: tuple[str, ...]
    labels: npt.NDArray[np.bool_]  # [n, k] the intents of each; no True: out of scope
    sentiment: npt.NDArray[np.int64]  # [n] index into SENTIMENTS
    anger: npt.NDArray[np.bool_]  # [n]
    language: npt.NDArray[np.int64]  # [n] index into LANGUAGES
    author: npt.NDArray[np.str_]  # [n]
    kind: npt.NDArray[np.str_]  # [n]

    def take(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Self:
        """Give the chosen rows, in the order given."""
        places = np.arange(len(self.texts))[rows]
        return type(self)(
            texts=tuple(self.texts[place] for place in places),
            labels=self.labels[places],
            sentiment=self.sentiment[places],
            anger=self.anger[places],
            language=self.language[places],
            author=self.author[places],
            kind=self.kind[places],
        )

    @property
    def in_scope(self) -> npt.NDArray[np.bool_]:
        """Give bool [n]."""
        found: npt.NDArray[np.bool_] = np.logical_or.reduce(self.labels, axis=1)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """Everything a pack holds that models learn from."""

    taxonomy: Taxonomy
    utterances: tuple[Utterance, ...]
    dialogues: tuple[Dialogue, ...]


def read(folder: Path) -> Pack:
    """Read a pack's folder. Raises: PackError naming file, line and what is wrong."""
    if not folder.is_dir():
        raise PackError(f"{folder}: no such pack; a pack is a folder like models/packs/ecommerce")
    labels = taxonomy.read(folder / "taxonomy.yaml")
    files = sorted((folder / "utterances").glob("*.csv"))
    if not files:
        raise PackError(
            f"{folder}/utterances: no CSV file; add one per author with columns {','.join(FIELDS)}"
        )
    utterances = [row for file in files for row in _read_csv(file, labels)]
    dialogues = [
        row for file in sorted((folder / "dialogues").glob("*.jsonl")) for row in _read_jsonl(file, labels)
    ]
    return Pack(taxonomy=labels, utterances=tuple(utterances), dialogues=tuple(dialogues))


def tabulate(utterances: Sequence[Utterance], labels: Taxonomy) -> Examples:
    """Turn messages into columns."""
    place = {intent: index for index, intent in enumerate(labels.intents)}
    hot = np.zeros((len(utterances), len(place)), np.bool_)
    for row, utterance in enumerate(utterances):
        hot[row, [place[intent] for intent in utterance.intents if intent in place]] = True
    return Examples(
        texts=tuple(u.text for u in utterances),
        labels=hot,
        sentiment=np.array([SENTIMENTS.index(u.sentiment) for u in utterances], np.int64),
        anger=np.array([u.anger for u in utterances], np.bool_),
        language=np.array([LANGUAGES.index(u.lang) for u in utterances], np.int64),
        author=np.array([u.author for u in utterances], np.str_),
        kind=np.array([str(u.kind) for u in utterances], np.str_),
    )


def _read_csv(file: Path, labels: Taxonomy) -> Iterator[Utterance]:
    with file.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        if tuple(reader.fieldnames or ()) != FIELDS:
            raise PackError(f"{file}: the columns must be {','.join(FIELDS)}")
        for row in reader:
            yield _parse(row, file=file, line=reader.line_num, labels=labels)


def _parse(row: dict[str, str], *, file: Path, line: int, labels: Taxonomy) -> Utterance:
    intents = tuple(row["intent"].split(SEPARATOR))
    _require(row["text"].strip() != "", f"{file}:{line}: the text is empty")
    _require(row["lang"] in LANGUAGES, f"{file}:{line}: lang {row['lang']!r} is not zh or en")
    _require(row["sentiment"] in SENTIMENTS, f"{file}:{line}: sentiment {row['sentiment']!r} is unknown")
    _require(row["anger"] in ("0", "1"), f"{file}:{line}: anger {row['anger']!r} is not 0 or 1")
    _require(row["kind"] in tuple(Kind), f"{file}:{line}: kind {row['kind']!r} is unknown")
    _require(
        set(intents) <= set(labels.skills), f"{file}:{line}: intent {row['intent']!r} is not in the taxonomy"
    )
    return Utterance(
        text=row["text"],
        lang=row["lang"],
        intents=intents,
        sentiment=row["sentiment"],
        anger=row["anger"] == "1",
        kind=Kind(row["kind"]),
        author=file.stem,
    )


def _read_jsonl(file: Path, labels: Taxonomy) -> Iterator[Dialogue]:
    for line, text in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        try:
            content = json.loads(text)
            turns = [turn for turn in content["turns"] if turn["speaker"] == "customer"]
            rows = [_row_of(turn, content["lang"]) for turn in turns]
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise PackError(f"{file}:{line}: not a dialogue ({error!r})") from error
        yield Dialogue(
            author=file.stem, turns=tuple(_parse(row, file=file, line=line, labels=labels) for row in rows)
        )


def _row_of(turn: dict[str, object], lang: str) -> dict[str, str]:
    return {**{key: str(value) for key, value in turn.items()}, "lang": lang, "kind": Kind.DIALOGUE}


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise PackError(message)


def turns(dialogues: Iterable[Dialogue]) -> tuple[Utterance, ...]:
    """Give the customers' messages of all dialogues, in order."""
    return tuple(turn for dialogue in dialogues for turn in dialogue.turns)

"""Pick the messages that are worth a human's look: what one label of them teaches most."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from models.bundle import Bundle, Prediction
from models.errors import InputError
from models.taxonomy import LANGUAGES, OUT_OF_SCOPE

Int64Array = npt.NDArray[np.int64]

SUGGESTED: Final = 5  # intents offered for a message
SAME: Final = 0.97  # cosine from which a second message teaches nothing new
NEW: Final = 0.5  # cosine to every labelled message below which one is about something new
UNSURE: Final = 0.8  # confidence below which a label helps


class Why(StrEnum):
    """Why a message was picked."""

    CORRECTED = "corrected"  # somebody said it is something else than the bundle says
    UNCERTAIN = "uncertain"  # the bundle is not sure
    REFUSED = "refused"  # the bundle says out of scope
    NEW = "new"  # nothing labelled is near


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message from the journal; `intent` is what somebody said it is, "" if nobody did."""

    text: str
    intent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """A message to label, with what the bundle would say, likeliest first."""

    text: str
    lang: str
    why: Why
    suggested: tuple[str, ...]
    confidence: float


def read_messages(path: Path) -> list[Message]:
    """Read JSON lines {"text": ..., "intent": ...}; without an intent nobody said what it is. Raises: InputError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); give JSON lines with a text each") from error
    return [_read_line(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip()]


def choose(bundle: Bundle, messages: Sequence[Message], known: Sequence[str], count: int) -> list[Pick]:
    """Give at most `count`, from each group as many, none twice or nearly twice; `known` are labelled texts."""
    fresh = list(
        {one.text: one for one in messages if one.text.strip() and one.text not in set(known)}.values()
    )
    if not fresh:
        return []
    prediction = bundle.predict([one.text for one in fresh])
    near = _nearness(prediction.embedding, bundle.encode(known))
    groups = _group(bundle, fresh, prediction, near)
    order = _take_turns(groups, prediction.embedding, count)
    return [_pick(bundle, fresh[row], prediction, row, why) for row, why in order]


def _group(
    bundle: Bundle, fresh: Sequence[Message], prediction: Prediction, near: npt.NDArray[np.float32]
) -> dict[Why, Int64Array]:
    """The rows of each group, those that teach most first."""
    said = np.array([one.intent for one in fresh])
    read = np.array([*bundle.intents, OUT_OF_SCOPE])[
        np.where(prediction.in_scope, prediction.intent, len(bundle.intents))
    ]
    members = {
        Why.CORRECTED: (said != "") & (said != read),
        Why.NEW: near < NEW,
        Why.REFUSED: ~prediction.in_scope,
        Why.UNCERTAIN: prediction.confidence < UNSURE,
    }
    keys = {Why.NEW: near, Why.REFUSED: -near}  # of what is refused, that which is near to something known
    found: dict[Why, Int64Array] = {}
    for why, mask in members.items():
        rows = np.flatnonzero(mask)
        found[why] = rows[np.argsort(keys.get(why, prediction.confidence)[rows], kind="stable")]
    return found


def _take_turns(
    groups: dict[Why, Int64Array], embedding: npt.NDArray[np.float32], count: int
) -> list[tuple[int, Why]]:
    """One of each group after the other, so that none crowds out the others; near copies are passed over."""
    queues = {why: rows.tolist() for why, rows in groups.items()}
    taken: list[tuple[int, Why]] = []
    while len(taken) < count and any(queues.values()):
        for why, queue in queues.items():
            while queue and len(taken) < count:
                row = queue.pop(0)
                if _teaches(embedding, row, [one for one, _ in taken]):
                    taken.append((row, why))
                    break
    return taken


def _teaches(embedding: npt.NDArray[np.float32], row: int, taken: Sequence[int]) -> bool:
    if row in taken:
        return False
    return not taken or float((embedding[list(taken)] @ embedding[row]).max()) < SAME


def _nearness(embedding: npt.NDArray[np.float32], known: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Give float32 [n]: the cosine to the nearest labelled message."""
    if not len(known):
        return np.zeros(len(embedding), np.float32)
    nearest: npt.NDArray[np.float32] = (embedding @ known.T).max(axis=1)
    return nearest


def _pick(bundle: Bundle, message: Message, prediction: Prediction, row: int, why: Why) -> Pick:
    best = np.argsort(-prediction.probability[row], kind="stable")[:SUGGESTED].tolist()
    names = [bundle.intents[place] for place in best]
    first = [message.intent] if message.intent else []
    refused = [] if prediction.in_scope[row] else [OUT_OF_SCOPE]
    return Pick(
        text=message.text,
        lang=LANGUAGES[int(prediction.language[row])],
        why=why,
        suggested=tuple(dict.fromkeys([*first, *refused, *names]))[:SUGGESTED],
        confidence=float(prediction.confidence[row]),
    )


def _read_line(line: str, place: str) -> Message:
    try:
        content = json.loads(line)
        return Message(text=str(content["text"]), intent=str(content.get("intent") or ""))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{place}: not a JSON object with a text ({error!r})") from error

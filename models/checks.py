"""Prove that a pack is fit to learn from: enough of everything, nothing twice, no near copies across authors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from models import similarity
from models.dataset import Kind, Pack, Utterance, turns
from models.features import extract
from models.similarity import Copy

MINIMUM: Final[Mapping[str, int]] = {"zh": 120, "en": 70}  # utterances of an intent
OUT_OF_SCOPE_MINIMUM: Final = 600
NEAR_SHARE: Final = 0.5  # of the out-of-scope messages that are near misses
MULTI_MINIMUM: Final = 400
MOOD_MINIMUM: Final = 2500
DIALOGUE_MINIMUM: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was checked."""

    name: str
    passed: bool
    detail: str


def check(pack: Pack) -> list[Finding]:
    """Check counts, duplicates and near copies."""
    return [*_check_counts(pack), _check_duplicates(pack), _check_copies(pack)]


def find_leaks(utterances: Sequence[Utterance]) -> list[Copy]:
    """Give the near copies by different authors; very short messages may be the same."""
    texts = [utterance.text for utterance in utterances]
    features = extract(texts)
    length = features.cjk + 3 * features.letters
    return [
        copy
        for copy in similarity.find_copies(texts)
        if utterances[copy.first].author != utterances[copy.second].author
        and min(length[copy.first], length[copy.second]) > similarity.SHORT
    ]


def _check_counts(pack: Pack) -> list[Finding]:
    of_intent = Counter((intent, u.lang) for u in pack.utterances for intent in u.intents)
    kinds = Counter(u.kind for u in pack.utterances)
    outside = kinds[Kind.OOS_NEAR] + kinds[Kind.OOS_FAR]
    return [
        *(_check_intents(pack, lang, needed, of_intent) for lang, needed in MINIMUM.items()),
        _at_least("out-of-scope messages", outside, OUT_OF_SCOPE_MINIMUM),
        _at_least("near misses among them", kinds[Kind.OOS_NEAR], round(NEAR_SHARE * outside)),
        _at_least("messages with two intents", kinds[Kind.MULTI], MULTI_MINIMUM),
        _at_least("messages labelled with a mood", len(pack.utterances), MOOD_MINIMUM),
        _at_least("angry messages and hard negatives", kinds[Kind.ANGER], MOOD_MINIMUM // 2),
        _at_least("dialogues", len(pack.dialogues), DIALOGUE_MINIMUM),
        _at_least("customers' turns in them", len(turns(pack.dialogues)), 3 * DIALOGUE_MINIMUM),
    ]


def _check_intents(pack: Pack, lang: str, needed: int, count: Counter[tuple[str, str]]) -> Finding:
    few = {intent: count[intent, lang] for intent in pack.taxonomy.intents if count[intent, lang] < needed}
    detail = ", ".join(f"{intent} has {number}" for intent, number in few.items()) or f"all {needed} or more"
    return Finding(name=f"utterances of each intent, {lang}", passed=not few, detail=detail)


def _check_duplicates(pack: Pack) -> Finding:
    count = Counter((u.author, u.text) for u in pack.utterances)
    twice = [f"{author}: {text}" for (author, text), number in count.items() if number > 1]
    return Finding(
        name="no message twice by an author", passed=not twice, detail="; ".join(twice[:5]) or "none"
    )


def _check_copies(pack: Pack) -> Finding:
    leaks = find_leaks(pack.utterances)
    shown = [
        f"{pack.utterances[copy.first].text!r} = {pack.utterances[copy.second].text!r}" for copy in leaks
    ]
    return Finding(
        name="no near copies across authors",
        passed=not leaks,
        detail="; ".join(shown[:5]) or f"none of {len(pack.utterances)} (cosine {similarity.NEAR})",
    )


def _at_least(name: str, count: int, needed: int) -> Finding:
    return Finding(name=name, passed=count >= needed, detail=f"{count} of {needed}")

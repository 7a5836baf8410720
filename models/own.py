"""Make a pack of anybody's own messages: what the shipped pack knows besides is lent to them.

A few messages of a few intents say nothing of what is out of scope, nor of moods. So messages of the shipped pack join
as out of scope, those left out that mean nearly the same as an own one; moods that the file does not label are as the
shipped bundle reads them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from models.bundle import Bundle
from models.dataset import Kind, Pack, Utterance
from models.spreadsheet import Row
from models.taxonomy import OUT_OF_SCOPE, SENTIMENTS, Taxonomy

FOLDS: Final = (
    5  # parts of messages without an author, so that each can be answered by heads that never saw it
)
LENT: Final = 1500  # messages of the shipped pack
NEAR: Final = 0.55  # cosine from which a message of the shipped pack means the same as an own one
COMMON_SKILL: Final = "general"
_FAR: Final = 0.6  # share of the lent messages that no shop is asked


def make_pack(rows: Sequence[Row], shipped: Pack, bundle: Bundle, *, seed: int = 0) -> Pack:
    """Give own messages and lent ones as one pack."""
    own = _utterances(rows, bundle)
    lent = _lend([row.text for row in rows], shipped, bundle, seed)
    return Pack(taxonomy=_taxonomy(rows, shipped), utterances=(*own, *lent), dialogues=())


def make_test_pack(rows: Sequence[Row], bundle: Bundle) -> Pack:
    """Give own messages alone, to measure with; skills are the bundle's."""
    skills = {intent: bundle.skills.get(intent, COMMON_SKILL) for row in rows for intent in row.intents}
    skills.setdefault(OUT_OF_SCOPE, COMMON_SKILL)
    labels = Taxonomy(intents=tuple(one for one in skills if one != OUT_OF_SCOPE), skills=skills)
    return Pack(taxonomy=labels, utterances=tuple(_utterances(rows, bundle)), dialogues=())


def count_by_intent(rows: Sequence[Row]) -> Mapping[str, int]:
    """Give how many messages each intent has."""
    return Counter(intent for row in rows for intent in row.intents if intent != OUT_OF_SCOPE)


def _utterances(rows: Sequence[Row], bundle: Bundle) -> list[Utterance]:
    prediction = bundle.predict([row.text for row in rows])
    mood = prediction.sentiment.argmax(axis=1)
    turn: Counter[str] = Counter()
    made = []
    for place, row in enumerate(rows):
        turn[row.intents[0]] += 1
        anger = bool(prediction.is_angry[place]) if row.anger is None else row.anger
        made.append(
            Utterance(
                text=row.text,
                lang=row.lang,
                intents=row.intents,
                sentiment="negative" if anger else SENTIMENTS[int(mood[place])],
                anger=anger,
                kind=Kind.OOS_NEAR if row.intents == (OUT_OF_SCOPE,) else Kind.PLAIN,
                author=row.author or f"part {turn[row.intents[0]] % FOLDS + 1}",
            )
        )
    return made


def _lend(texts: Sequence[str], shipped: Pack, bundle: Bundle, seed: int) -> list[Utterance]:
    """Give messages of the shipped pack that no own message is near to."""
    rng = np.random.default_rng(seed)
    far = [one for one in shipped.utterances if not one.in_scope]
    inside = [one for one in shipped.utterances if one.in_scope and one.kind is not Kind.MULTI]
    candidates = _draw(far, round(_FAR * LENT), rng) + _draw(inside, LENT - round(_FAR * LENT), rng)
    likeness = bundle.encode([one.text for one in candidates]) @ bundle.encode(texts).T
    apart = np.flatnonzero(likeness.max(axis=1) < NEAR)
    return [_outside(candidates[place]) for place in apart.tolist()]


def _draw(among: Sequence[Utterance], count: int, rng: np.random.Generator) -> list[Utterance]:
    chosen = rng.permutation(len(among))[:count]
    return [among[place] for place in np.sort(chosen).tolist()]


def _outside(one: Utterance) -> Utterance:
    return Utterance(
        text=one.text,
        lang=one.lang,
        intents=(OUT_OF_SCOPE,),
        sentiment=one.sentiment,
        anger=one.anger,
        kind=Kind.OOS_FAR,
        author=one.author,
    )


def _taxonomy(rows: Sequence[Row], shipped: Pack) -> Taxonomy:
    """Intents in the order of the file; a skill that the file leaves out is the shipped pack's, or the common one."""
    known = {**shipped.taxonomy.skills}
    skills = {intent: known.get(intent, COMMON_SKILL) for row in rows for intent in row.intents}
    skills |= {row.intents[0]: row.skill for row in rows if row.skill}
    skills.setdefault(OUT_OF_SCOPE, COMMON_SKILL)
    return Taxonomy(intents=tuple(one for one in skills if one != OUT_OF_SCOPE), skills=skills)

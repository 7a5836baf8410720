"""How often the right reply is among the first three, and what each part of the assist adds to that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import ModuleType
from typing import Any
from zlib import crc32

import numpy as np

import benchmarks.assist_desk as desk
from benchmarks.assist_desk import TENANT, Case
from benchmarks.assist_learning import StandingClock, questions, teach
from benchmarks.texts import PACK
from engine.assist import block, fits, pinyin, query, search, typed
from engine.assist.assembly import Assist
from engine.assist.wanted import Wanted
from engine.samples import read_replies

LIMIT = 3
_DRAWS = 1000  # of the bootstrap
_CLICKS = 1000
_SEED = 300

Form = Callable[[Case], str | None]


def characters(case: Case) -> str | None:
    """As in the case: one or two Chinese characters, or the first letters of an English word."""
    return case.typed


def letters(case: Case) -> str | None:
    """Full pinyin."""
    return pinyin.letters(case.typed) if case.language == "zh" else None


def initials(case: Case) -> str | None:
    """The first letter of each syllable."""
    units = pinyin.units(case.typed)
    return "".join(unit.reading[0] for unit in units) if case.language == "zh" else None


def mixed(case: Case) -> str | None:
    """The first character, then initials; a single character's pinyin but for its last letter."""
    if case.language != "zh":
        return None
    first, *rest = pinyin.units(case.typed)
    if not rest:
        return first.reading[:-1] or first.reading
    return first.literal + "".join(unit.reading[0] for unit in rest)


FORMS: Mapping[str, Form] = {
    "characters": characters,
    "pinyin": letters,
    "initials": initials,
    "mixed": mixed,
}


def is_held_out(case: Case) -> bool:
    """Half of the cases: weights were chosen on the other half."""
    return crc32(case.case_id.encode()) % 2 == 1


def measure(cases: Sequence[Case]) -> dict[str, object]:
    """Everything on all cases, and the main figures on the half that nothing was tuned on."""
    held_out = [case for case in cases if is_held_out(case)]
    with desk.opened() as assist:
        report = {"cases": len(cases), **_main(assist, cases), "held_out": _held_out(assist, held_out)}
    report["ablations"] = {name: run(cases) for name, run in ABLATIONS.items()}
    return report


def _main(assist: Assist, cases: Sequence[Case]) -> dict[str, Any]:
    return {
        "typed_and_context": _typed(assist, cases, with_context=True),
        "context_only": hits(assist, cases, lambda _: "", with_context=True),
        "typed_only": _typed(assist, cases, with_context=False),
        "by_language": {
            language: hits(
                assist, [case for case in cases if case.language == language], lambda _: "", with_context=True
            )
            for language in ("zh", "en")
        },
    }


def _held_out(assist: Assist, cases: Sequence[Case]) -> dict[str, Any]:
    return {
        "cases": len(cases),
        "typed_and_context": _typed(assist, cases, with_context=True)["all"],
        "context_only": hits(assist, cases, lambda _: "", with_context=True),
    }


def _typed(assist: Assist, cases: Sequence[Case], *, with_context: bool) -> dict[str, dict[str, float]]:
    """By form, and over all forms together."""
    found = {name: hits(assist, cases, form, with_context=with_context) for name, form in FORMS.items()}
    found["all"] = _joined(list(found.values()))
    return found


def hits(assist: Assist, cases: Sequence[Case], form: Form, *, with_context: bool) -> dict[str, float]:
    """Share of cases with a right reply in the first place and among the first three, with 95 % intervals."""
    places = [
        _place(assist, case, text, with_context=with_context)
        for case in cases
        if (text := form(case)) is not None
    ]
    return _shares(places)


def _place(assist: Assist, case: Case, text: str, *, with_context: bool) -> int:
    """Of the first right reply, from 0; LIMIT where there is none."""
    wanted = Wanted(
        typed=text, messages=case.messages if with_context else (), language=case.language, limit=LIMIT
    )
    found = assist.suggester.suggest(TENANT, wanted).suggestions
    right = [place for place, one in enumerate(found) if one.reply.reply_id in case.right]
    return right[0] if right else LIMIT


def _shares(places: Sequence[int]) -> dict[str, float]:
    found = np.array(places)
    first, three = found == 0, found < LIMIT
    drawn = np.random.default_rng(1).integers(0, len(found), (_DRAWS, len(found)))
    low, high = np.quantile(three[drawn].mean(axis=1), [0.025, 0.975])
    return {
        "n": len(found),
        "hit_at_1": round(float(first.mean()), 3),
        "hit_at_3": round(float(three.mean()), 3),
        "hit_at_3_low": round(float(low), 3),
        "hit_at_3_high": round(float(high), 3),
    }


def _joined(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    total = sum(one["n"] for one in found)
    return {
        "n": total,
        **{
            name: round(sum(one[name] * one["n"] for one in found) / total, 3)
            for name in ("hit_at_1", "hit_at_3")
        },
    }


@contextmanager
def _set(module: ModuleType, **values: float) -> Iterator[None]:
    """Other constants for a while."""
    before = {name: getattr(module, name) for name in values}
    for name, value in values.items():
        setattr(module, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)


def _brief(assist: Assist, cases: Sequence[Case]) -> dict[str, float]:
    typed_hits = _typed(assist, cases, with_context=True)["all"]
    context = hits(assist, cases, lambda _: "", with_context=True)
    return {
        "typed_and_context_at_3": typed_hits["hit_at_3"],
        "context_at_1": context["hit_at_1"],
        "context_at_3": context["hit_at_3"],
    }


def _without_pinyin(cases: Sequence[Case]) -> dict[str, float]:
    with _set(typed, READING=0.0, HOMOPHONE=0.0, TYPO=0.0), desk.opened() as assist:
        return _brief(assist, cases)


def _without_prefixes(cases: Sequence[Case]) -> dict[str, float]:
    with _set(search, TYPED_WEIGHT=0.0), _set(fits, TYPED_WEIGHT=0.0), desk.opened() as assist:
        return _brief(assist, cases)


def _without_typed_meaning(cases: Sequence[Case]) -> dict[str, float]:
    with _set(query, TYPED_LEAST=1e9, TYPED_MEANING=0.0, TYPED_WHOLE=1e9), desk.opened() as assist:
        return _brief(assist, cases)


def _without_words(cases: Sequence[Case]) -> dict[str, float]:
    with _set(search, WORDS_WEIGHT=0.0), desk.opened() as assist:
        return _brief(assist, cases)


def _without_context(cases: Sequence[Case]) -> dict[str, float]:
    """Nothing but what is typed; there is nothing to say of context only."""
    with desk.opened() as assist:
        found = _typed(assist, cases, with_context=False)["all"]["hit_at_3"]
    return {"typed_and_context_at_3": found}


def _after_learning(cases: Sequence[Case]) -> dict[str, float]:
    """Agents answered messages of the pack before, none of which is a case; probes and explorations included."""
    clock = StandingClock()
    with desk.opened(clock=clock) as assist:
        teach(assist, clock, questions(read_replies(PACK)), clicks=_CLICKS, seed=_SEED)
        return _brief(assist, cases)


def _without_intents(cases: Sequence[Case]) -> dict[str, float]:
    with _set(block, INTENT_WEIGHT=0.0), desk.opened() as assist:
        return _brief(assist, cases)


def _without_questions(cases: Sequence[Case]) -> dict[str, float]:
    plain = [replace(reply, questions=()) for reply in read_replies(PACK)]
    with desk.opened(plain) as assist:
        return _brief(assist, cases)


def _whole(cases: Sequence[Case]) -> dict[str, float]:
    with desk.opened() as assist:
        return _brief(assist, cases)


ABLATIONS: Mapping[str, Callable[[Sequence[Case]], dict[str, float]]] = {
    "after 1,000 clicks": _after_learning,
    "no learning": _whole,  # all that follow have learned nothing either
    "no context": _without_context,
    "no pinyin": _without_pinyin,
    "no prefixes": _without_prefixes,
    "no meaning of typed text": _without_typed_meaning,
    "no intents": _without_intents,
    "no shared words": _without_words,
    "no questions": _without_questions,
}

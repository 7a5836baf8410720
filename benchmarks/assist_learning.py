"""The learning ranker against the static one under a simulated agent."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

import benchmarks.assist_desk as desk
from benchmarks.assist_desk import TENANT, Case
from benchmarks.texts import PACK
from engine.assist.assembly import Assist
from engine.assist.memory import Feedback
from engine.assist.wanted import Wanted
from engine.domain import FeedbackOutcome, Reply, Suggestion
from engine.samples import read_replies

LIMIT = 3
CHECKPOINTS = 5
JUDGED = 300  # messages that judge
_SIGNIFICANT = 1.96  # standard errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """How agents look and click: a position based model, whose steepness is not the one that the ranker assumes (0.7).

    `taken` and `noise` are the probabilities of taking a right and a wrong reply that was looked at.
    Source: Craswell et al., "An experimental comparison of click position-bias models" (2008).
    """

    steepness: float
    taken: float = 0.85
    noise: float = 0.05


HABITS = {
    "careful": Habit(steepness=1.0),
    "careless": Habit(steepness=1.0, noise=0.3),
    "only the first": Habit(steepness=2.0),
}


class StandingClock:
    """A minute passes with every list."""

    def __init__(self) -> None:
        self._now_ms = 1_700_000_000_000

    def now_ms(self) -> int:
        """See `ports.Clock`."""
        return self._now_ms

    def advance(self) -> None:
        """To the next list."""
        self._now_ms += 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """Replies that know a third of the pack's questions; the second third is asked and clicked on, the last judges."""

    replies: Sequence[Reply]
    asked: Sequence[Case]
    judged: Sequence[Case]


def lesson(seed: int) -> Lesson:
    """The pack's questions, dealt out at random within each reply. They are other people's words for the replies."""
    draw = random.Random(seed)
    replies: list[Reply] = []
    asked: list[Case] = []
    judged: list[Case] = []
    for reply in read_replies(PACK):
        questions = draw.sample(reply.questions, len(reply.questions))
        replies.append(replace(reply, questions=tuple(questions[::3])))
        asked.extend(_case(reply, text) for text in questions[1::3])
        judged.extend(_case(reply, text) for text in questions[2::3])
    return Lesson(replies=replies, asked=asked, judged=draw.sample(judged, JUDGED))


def questions(replies: Sequence[Reply]) -> list[Case]:
    """Every question of every reply."""
    return [_case(reply, text) for reply in replies for text in reply.questions]


def teach(assist: Assist, clock: StandingClock, asked: Sequence[Case], *, clicks: int, seed: int) -> None:
    """Have careful agents answer messages until they have clicked so often."""
    draw = random.Random(seed)
    count = number = 0
    while count < clicks:
        number += 1
        case = asked[draw.randrange(len(asked))]
        count += _teach(assist, case, HABITS["careful"], draw, f"{seed}-{number}")
        clock.advance()


def _case(reply: Reply, text: str) -> Case:
    return Case(
        case_id=text,
        language=reply.language,
        intent=reply.intent,
        messages=(text,),
        typed="",
        right=frozenset({reply.reply_id}),
    )


def measure(*, lists: int, seeds: Sequence[int]) -> dict[str, object]:
    """For each habit: agents answer messages, and others, never clicked on, show what was learned.

    The learned lists are as agents see them, probes and explorations included.
    """
    return {name: _habit(habit, lists, seeds) for name, habit in HABITS.items()}


def _habit(habit: Habit, lists: int, seeds: Sequence[int]) -> dict[str, object]:
    runs = [_run(lesson(seed), habit, lists, seed) for seed in seeds]
    static = np.concatenate([run.static for run in runs])
    gained = np.concatenate([np.array(run.curve) for run in runs], axis=1) - static  # [checkpoints, messages]
    mean = gained.mean(axis=1)
    error = gained.std(axis=1, ddof=1) / np.sqrt(gained.shape[1])
    return {
        "after_lists": [lists * part // CHECKPOINTS for part in range(1, CHECKPOINTS + 1)],
        "clicks": [
            round(float(np.mean(counts))) for counts in zip(*(run.clicks for run in runs), strict=True)
        ],
        "static_mrr": round(float(static.mean()), 4),
        "learned_mrr": [round(float(static.mean() + one), 4) for one in mean],
        "standard_errors": [round(float(one), 4) for one in error],
        "ever_significantly_behind": bool((mean < -_SIGNIFICANT * error).any()),
        "significantly_ahead_at_the_end": bool(mean[-1] > _SIGNIFICANT * error[-1]),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One seed: reciprocal ranks of the judged messages before and [checkpoints, messages] later; clicks so far."""

    static: list[float]
    curve: list[list[float]]
    clicks: list[int]


def _run(given: Lesson, habit: Habit, lists: int, seed: int) -> Run:
    draw, clock = random.Random(seed), StandingClock()
    curve: list[list[float]] = []
    clicks: list[int] = []
    count = 0
    with desk.opened(given.replies, clock=clock) as assist:
        static = _values(assist, given.judged, "-")
        for number in range(1, lists + 1):
            case = given.asked[draw.randrange(len(given.asked))]
            count += _teach(assist, case, habit, draw, f"{seed}-{number}")
            clock.advance()
            if number % (lists // CHECKPOINTS) == 0:
                curve.append(_values(assist, given.judged, f"{number}-"))
                clicks.append(count)
    return Run(static=static, curve=curve[:CHECKPOINTS], clicks=clicks[:CHECKPOINTS])


def _values(assist: Assist, cases: Sequence[Case], key: str) -> list[float]:
    return [_value(_shown(assist, case, key), case) for case in cases]


def _taken(
    shown: Sequence[Suggestion], right: frozenset[str], habit: Habit, draw: random.Random
) -> int | None:
    """The place of the reply that the agent takes, or None."""
    for place, one in enumerate(shown):
        chance = habit.taken if one.reply.reply_id in right else habit.noise
        if draw.random() < (place + 1) ** -habit.steepness and draw.random() < chance:
            return place
    return None


def _teach(assist: Assist, case: Case, habit: Habit, draw: random.Random, name: str) -> bool:
    """Show a list as it would be shown, and record what the agent does; whether anything was taken."""
    wanted = Wanted(messages=case.messages, language=case.language, conversation_id=name, limit=LIMIT)
    ranked = assist.suggester.suggest(TENANT, wanted)
    place = _taken(ranked.suggestions, case.right, habit, draw)
    taken = ranked.suggestions[place].reply if place is not None else None
    feedback = Feedback(
        request_id=name,
        shown=[one.reply.reply_id for one in ranked.suggestions],
        outcome=FeedbackOutcome.ACCEPTED if taken else FeedbackOutcome.IGNORED,
        reply_id=taken.reply_id if taken else "",
        reply_text=taken.text if taken else "",
        sent_text="",
    )
    assist.bookkeeper.record(TENANT, feedback, ranked.ticket)
    return taken is not None


def _shown(assist: Assist, case: Case, key: str) -> Sequence[Suggestion]:
    wanted = Wanted(messages=case.messages, language=case.language, conversation_id=key, limit=LIMIT)
    return assist.suggester.suggest(TENANT, wanted).suggestions


def _value(shown: Sequence[Suggestion], case: Case) -> float:
    """Reciprocal rank of the first right reply, 0 without one."""
    return next((1 / place for place, one in enumerate(shown, 1) if one.reply.reply_id in case.right), 0.0)

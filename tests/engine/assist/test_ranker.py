from __future__ import annotations

from collections.abc import Sequence

import pytest

from engine.assist import guard, learning, ranker
from engine.assist.guard import Arm, Guard, interleave
from engine.assist.learning import Record
from engine.assist.memory import Learned
from engine.assist.ranker import Moment
from engine.domain import Suggestion
from tests.fakes import make_reply

STATIC = [
    Suggestion(reply=make_reply(name), score=1 - place / 100, similarity=0.5)
    for place, name in enumerate("abcdefgh")
]
KNOWN = learning.contexts("x", "")


def moment(key: str) -> Moment:
    return Moment(key=key, intent="x", typed="", now_ms=0)


def key_in(low: float, high: float) -> str:
    """One whose dice fall there."""
    return next(key for key in map(str, range(10_000)) if low <= ranker._dice(key)[0] < high)


PLAIN = key_in(0.5, 1)
PROBE = key_in(0, guard.PROBES)
EXPLORED = key_in(guard.PROBES, guard.PROBES + guard.EXPLORED)


def favoured(reply_id: str, *, of: Guard | None = None) -> Learned:
    record = Record()
    for _ in range(50):
        record = record.seen(KNOWN, 0.6, 1.0, 0)
    return Learned({reply_id: record}, of or Guard())


def ids(shown: Sequence[Suggestion]) -> str:
    return "".join(one.reply.reply_id for one in shown)


def test_without_anything_learned_the_static_order_stays() -> None:
    for key in (PLAIN, PROBE, EXPLORED):
        shown = ranker.rank(STATIC, Learned({}, Guard()), moment(key), 8).suggestions
        assert ids(shown) == "abcdefgh"


def test_what_was_learned_brings_a_reply_forward() -> None:
    ranked = ranker.rank(STATIC, favoured("e"), moment(PLAIN), 3)

    assert ids(ranked.suggestions) == "eab"
    assert ranked.ticket.arms == ""


def test_the_static_order_is_used_while_the_learned_one_is_significantly_behind() -> None:
    behind = favoured("e", of=Guard(learned=2, static=20))

    assert ids(ranker.rank(STATIC, behind, moment(PLAIN), 3).suggestions) == "abc"


def test_both_orders_go_on_being_compared_even_then() -> None:
    behind = favoured("e", of=Guard(learned=2, static=20))
    ranked = ranker.rank(STATIC, behind, moment(PROBE), 3)

    assert sorted(set(ranked.ticket.arms)) == ["L", "S"]
    assert "e" in ids(ranked.suggestions)


def test_a_little_known_reply_gets_the_last_place_now_and_then() -> None:
    shown = ids(ranker.rank(STATIC, favoured("d"), moment(EXPLORED), 3).suggestions)

    assert shown[:2] == "da"
    assert shown[2] in "cef"


def test_the_only_place_is_never_given_away() -> None:
    assert ids(ranker.rank(STATIC, favoured("d"), moment(EXPLORED), 1).suggestions) == "d"


def test_a_list_is_the_same_until_something_happens() -> None:
    for key in map(str, range(50)):
        first, second = (ranker.rank(STATIC, favoured("e"), moment(key), 3) for _ in range(2))
        assert first == second


def test_probes_and_explorations_are_as_rare_as_they_should_be() -> None:
    shares = [ranker._dice(str(number))[0] for number in range(20_000)]

    assert sum(one < guard.PROBES for one in shares) / 20_000 == pytest.approx(guard.PROBES, abs=0.01)


def test_interleaving_gives_both_orders_the_same_places() -> None:
    other = list(reversed(STATIC))
    for coin in range(16):
        shown, arms = interleave(other, STATIC, 6, coin)
        assert len(set(ids(shown))) == 6
        assert arms.count(Arm.LEARNED) == arms.count(Arm.STATIC) == 3


def test_the_guard_trusts_until_the_evidence_is_against_it() -> None:
    assert Guard().trusts()
    assert Guard(learned=5, static=6).trusts()
    assert Guard(learned=0, static=2).trusts()
    assert not Guard(learned=1, static=12).trusts()


def test_the_guard_comes_back_as_it_was_kept_and_forgives_with_time() -> None:
    lost = Guard()
    for _ in range(12):
        lost = lost.plus(Arm.STATIC, 1.0, 0)
    later = lost.plus(Arm.LEARNED, 1.0, 10 * learning.HALF_LIFE)

    assert Guard.from_bytes(lost.to_bytes()) == lost
    assert not lost.trusts()
    assert later.trusts()

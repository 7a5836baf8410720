from __future__ import annotations

import time
from types import SimpleNamespace

from benchmarks.stopwatch import Stopwatch


def burn(seconds: float) -> float:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass
    return seconds


def test_the_time_of_an_inner_stage_is_not_the_outer_one_s() -> None:
    watch = Stopwatch()
    inner = watch.timed("inner", lambda: burn(0.02))

    watch.timed("outer", lambda: (burn(0.005), inner()))()

    assert watch.seconds["inner"] >= 0.02
    assert 0.005 <= watch.seconds["outer"] < 0.02


def test_stages_side_by_side_are_both_taken_off() -> None:
    watch = Stopwatch()
    inner = watch.timed("inner", lambda: burn(0.01))

    watch.timed("outer", lambda: (inner(), inner()))()

    assert watch.calls == {"inner": 2, "outer": 1}
    assert watch.seconds["outer"] < 0.01


def test_a_watched_name_still_does_what_it_did() -> None:
    watch = Stopwatch()
    owner = SimpleNamespace(double=lambda number: 2 * number)

    watch.watch(owner, "double", "arithmetic")

    assert owner.double(4) == 8
    assert watch.calls["arithmetic"] == 1


def test_a_reset_forgets() -> None:
    watch = Stopwatch()
    watch.timed("stage", lambda: None)()

    watch.reset()

    assert not watch.seconds

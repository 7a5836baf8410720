from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from yingda.bot.progress import Progress


@given(st.permutations(range(1, 9)))
def test_what_is_done_is_all_up_to_the_first_that_is_not(order: list[int]) -> None:
    progress = Progress()
    for sequence in range(1, 9):
        progress.begin(sequence)
    ended: set[int] = set()
    for sequence in order:
        progress.end(sequence)
        ended.add(sequence)

        first_open = min(set(range(1, 10)) - ended)
        assert progress.done_through == first_open - 1


def test_what_comes_again_while_it_is_under_way_is_not_new() -> None:
    progress = Progress()
    assert [progress.begin(one) for one in (3, 5, 3, 5, 9)] == [True, True, False, False, True]


def test_a_journal_that_begins_anew_is_followed_from_its_beginning() -> None:
    progress = Progress()
    progress.begin(7)
    progress.end(7)

    assert progress.begin(2)
    progress.end(2)
    assert progress.done_through == 2

from __future__ import annotations

from collections.abc import Sequence

from engine.assist.lists import Lists
from engine.assist.shelf import Shelf
from engine.assist.visibility import Place
from engine.domain import Suggestion
from tests.engine.assist.test_shelf import shelf
from tests.fakes import make_reply

PLACE = Place(now_ms=1000)


class Searching:
    """Finds nothing, and counts how often it is asked to."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> Sequence[Suggestion]:
        self.times += 1
        return []


def searches(*asked: tuple[Shelf, str, Place]) -> int:
    """How many of these are searched for."""
    lists, searching = Lists(), Searching()
    for one, typed, place in asked:
        lists.of(one, typed, place, 3, searching)
    return searching.times


def test_what_was_typed_before_is_not_searched_for_again() -> None:
    one = shelf(make_reply("a"))

    assert searches((one, "fa", PLACE), (one, "fah", PLACE), (one, "fa", PLACE)) == 2


def test_another_place_has_a_list_of_its_own() -> None:
    one = shelf(make_reply("a", teams=frozenset({"vip"})))

    assert searches((one, "fa", PLACE), (one, "fa", Place(team="vip", now_ms=1000))) == 2


def test_a_changed_shelf_is_searched_anew() -> None:
    assert searches((shelf(make_reply("a")), "fa", PLACE), (shelf(make_reply("a")), "fa", PLACE)) == 2


def test_replies_with_dates_are_searched_for_at_every_keystroke() -> None:
    one = shelf(make_reply("a", valid_until_ms=2000))

    assert searches((one, "fa", PLACE), (one, "fa", PLACE)) == 2


def test_no_list_is_remembered_for_ever() -> None:
    one = shelf(make_reply("a"))
    many = [(one, f"typed {number}", PLACE) for number in range(100)]

    assert searches(*many, many[0]) == 101

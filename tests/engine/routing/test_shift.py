from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from engine.domain import Shift
from engine.routing import shift
from tests.fakes import make_agent, make_crew

NIGHT = 22 * 60, 30 * 60  # minutes: 22:00 to 06:00 on the day after


def is_on(shifts: list[Shift], moment: str, zone: str) -> bool:
    """The moment is written as the clock on the agent's wall shows it."""
    agent = make_agent(shifts=tuple(shifts), time_zone=zone)
    local = datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(zone))
    return shift.is_on_shift(agent, round(local.timestamp() * 1000))


def week(start: int, end: int, *weekdays: int) -> list[Shift]:
    return [Shift(weekday=one, start_minute=start, end_minute=end) for one in weekdays]


def test_without_shifts_an_agent_always_works() -> None:
    assert is_on([], "2025-03-03T03:00", "UTC")


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2025-03-03T08:59", False),
        ("2025-03-03T09:00", True),
        ("2025-03-03T17:59", True),
        ("2025-03-03T18:00", False),
        ("2025-03-04T09:00", False),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/New_York"])
def test_a_shift_is_read_by_the_agents_own_clock(moment: str, expected: bool, zone: str) -> None:
    assert is_on(week(540, 1080, 1), moment, zone) == expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2025-03-07T21:59", False),
        ("2025-03-07T22:00", True),
        ("2025-03-08T00:00", True),
        ("2025-03-08T05:59", True),
        ("2025-03-08T06:00", False),
    ],
)
def test_a_night_shift_goes_on_over_midnight(moment: str, expected: bool) -> None:
    assert is_on(week(*NIGHT, 5), moment, "Asia/Shanghai") == expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [("2025-03-09T23:00", True), ("2025-03-10T05:59", True), ("2025-03-10T06:00", False)],
)
def test_sundays_night_shift_ends_on_monday(moment: str, expected: bool) -> None:
    assert is_on(week(*NIGHT, 7), moment, "UTC") == expected


@pytest.mark.parametrize("day", ["2025-03-28", "2025-03-31"])  # Berlin goes forward on the 30th
def test_a_shift_keeps_its_hours_when_clocks_change(day: str) -> None:
    every_day = week(540, 1080, *range(1, 8))

    assert not is_on(every_day, f"{day}T08:59", "Europe/Berlin")
    assert is_on(every_day, f"{day}T09:00", "Europe/Berlin")


def test_the_hour_that_clocks_repeat_is_worked_twice() -> None:
    agent = make_agent(shifts=tuple(week(120, 180, 7)), time_zone="Europe/Berlin")
    half_past_two = datetime(2025, 10, 26, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))

    for fold in (0, 1):
        moment = half_past_two.replace(fold=fold).timestamp()
        assert shift.is_on_shift(agent, round(moment * 1000))


def test_whose_shift_begins_is_named() -> None:
    agent = make_agent(shifts=tuple(week(540, 1080, 1)))
    crew = make_crew(agent, make_agent("always"))
    nine = round(datetime(2025, 3, 3, 9, tzinfo=ZoneInfo("UTC")).timestamp() * 1000)

    assert crew.begun(nine - 1) == set()
    assert crew.begun(nine) == {"ann"}

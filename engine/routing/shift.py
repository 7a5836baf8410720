"""When agents work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from engine.domain import Agent, Shift

DAY = 1440  # minutes
WEEK = 7 * DAY  # minutes


def is_on_shift(agent: Agent, now_ms: int) -> bool:
    """Whether the moment lies in one of the agent's shifts; an agent without shifts always works."""
    return not agent.shifts or is_within(agent.shifts, agent.time_zone, now_ms)


def is_within(shifts: Sequence[Shift], time_zone: str, now_ms: int) -> bool:
    """Whether the moment lies in one of the spans."""
    minute = _minute_of_week(time_zone, now_ms)
    return any(_contains(shift, minute) for shift in shifts)


def _contains(shift: Shift, minute: int) -> bool:
    start = (shift.weekday - 1) * DAY + shift.start_minute
    # A shift of Sunday night goes on at the start of the week.
    return (minute - start) % WEEK < shift.end_minute - shift.start_minute


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _minute_of_week(time_zone: str, now_ms: int) -> int:
    local = datetime.fromtimestamp(now_ms / 1000, tz=UTC).astimezone(_zone(time_zone))
    return local.weekday() * DAY + local.hour * 60 + local.minute

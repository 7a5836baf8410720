"""Limits of fields, each naming the field it refuses."""

from __future__ import annotations

import bisect
import re
from collections.abc import Sequence
from zoneinfo import available_timezones

from engine.errors import InvalidArgumentError

_IDENTIFIER = re.compile(r"[A-Za-z0-9._-]{1,64}")
MAX_PAGE = 1000
DEFAULT_PAGE = 100
MAX_NAME = 64  # bytes
MAX_NUMBER = 2**63 - 1


def invalid(field: str, problem: str) -> InvalidArgumentError:
    """To be raised where a rule is too special for this module."""
    return InvalidArgumentError(field, problem)


def identifier(field: str, value: str) -> None:
    """1 to 64 of the characters that go into keys and addresses. Raises: InvalidArgumentError."""
    if not _IDENTIFIER.fullmatch(value):
        raise InvalidArgumentError(field, "must be 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'")


def named(field: str, value: str) -> None:
    """1 to 64 bytes. Raises: InvalidArgumentError."""
    filled(field, value, MAX_NAME)


def filled(field: str, value: str, limit: int) -> None:
    """1 to `limit` bytes. Raises: InvalidArgumentError."""
    if not value:
        raise InvalidArgumentError(field, "is required")
    at_most(field, value, limit)


def at_most(field: str, value: str, limit: int) -> None:
    """Up to `limit` bytes. Raises: InvalidArgumentError."""
    size = len(value.encode())
    if size > limit:
        raise InvalidArgumentError(field, f"is {size} bytes long, the limit is {limit}")


def between(field: str, value: int, low: int, high: int) -> None:
    """In [low, high]. Raises: InvalidArgumentError."""
    if not low <= value <= high:
        raise InvalidArgumentError(field, f"is {value}, must be {low} to {high}")


def count(field: str, entries: int, low: int, high: int) -> None:
    """As many entries. Raises: InvalidArgumentError."""
    if not low <= entries <= high:
        raise InvalidArgumentError(field, f"has {entries} entries, must have {low} to {high}")


def one_of(field: str, value: str, allowed: Sequence[str]) -> None:
    """One of these. Raises: InvalidArgumentError."""
    if value not in allowed:
        raise InvalidArgumentError(field, f"must be one of {', '.join(allowed)}")


def time_zone(field: str, value: str) -> None:
    """Empty or the IANA name of a zone. Raises: InvalidArgumentError."""
    if value and value not in available_timezones():
        raise InvalidArgumentError(field, "is no IANA time zone; write one like Asia/Shanghai")


def page_size(value: int) -> int:
    """The size to use. Raises: InvalidArgumentError."""
    between("page_size", value, 0, MAX_PAGE)
    return value or DEFAULT_PAGE


def page_number(token: str) -> int:
    """A page token that is a number; 0 for the first page. Raises: InvalidArgumentError."""
    if not token:
        return 0
    # The length comes first: Python refuses to read a number of thousands of digits.
    if not token.isdecimal() or len(token) > len(str(MAX_NUMBER)) or int(token) > MAX_NUMBER:
        raise InvalidArgumentError("page_token", "is not one that a page gave")
    return int(token)


def page_by_id(ids: Sequence[str], token: str, size: int) -> tuple[Sequence[str], str]:
    """The page of sorted ids after `token`, and the next token, "" on the last page."""
    start = bisect.bisect_right(ids, token)
    page = ids[start : start + size]
    return page, page[-1] if start + size < len(ids) else ""

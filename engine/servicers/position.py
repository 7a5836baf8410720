"""Page tokens of lists that are ordered by a time and an id."""

from __future__ import annotations

from engine.servicers import check


def position_of(token: str) -> tuple[int, str] | None:
    """Where a page ended; None for the first page. Raises: InvalidArgumentError."""
    if not token:
        return None
    time_ms, _, one_id = token.partition(":")
    if not time_ms or not one_id:
        raise check.invalid("page_token", "is not one that a page gave")
    return check.page_number(time_ms), one_id


def token_of(time_ms: int, one_id: str) -> str:
    """What `position_of` reads."""
    return f"{time_ms}:{one_id}"

"""Lists that were searched for before: agents go back a letter, and consoles ask again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from weakref import ref

from engine.assist.shelf import Shelf
from engine.assist.visibility import Place
from engine.domain import Suggestion

_KEPT = 64  # lists of one query

_Asked = tuple[int, str, str, int, int]


class Lists:
    """Those of one query, as long as its shelves stay what they are. Safe to share between threads."""

    def __init__(self) -> None:
        self._found: dict[_Asked, tuple[ref[Shelf], Sequence[Suggestion]]] = {}

    def of(
        self, shelf: Shelf, typed: str, place: Place, limit: int, search: Callable[[], Sequence[Suggestion]]
    ) -> Sequence[Suggestion]:
        """What `search` finds, which is not asked again; not to be changed."""
        asked = (id(shelf), typed, place.team, place.channel, limit)
        known = self._found.get(asked)
        if known is not None and known[0]() is shelf:
            return known[1]
        found = search()
        if not shelf.is_dated():
            if len(self._found) >= _KEPT:
                self._found.clear()
            self._found[asked] = ref(shelf), found
        return found

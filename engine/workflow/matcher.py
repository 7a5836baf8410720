"""Finds words and RE2 expressions in texts: all of a tenant's rules at once, in time linear in the text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import re2

from engine.errors import InvalidArgumentError

_MEMORY = 64 << 20  # bytes that the automaton may take; beyond it RE2 would find nothing
_EXPRESSION = 1 << 16  # bytes that one expression may take

Booleans = npt.NDArray[np.bool_]


def check_pattern(key: str, pattern: str) -> None:
    """Raises: InvalidArgumentError for what is no RE2 expression, or one that needs too much memory."""
    try:
        re2.compile(pattern, _options(_EXPRESSION))
    except re2.error as error:
        reason = error.args[0] if error.args else "it is none"
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise InvalidArgumentError(
            key, f"{pattern!r} is no RE2 expression: {text}; RE2 has no look-around and no backreferences"
        ) from None


def literal(keyword: str) -> str:
    """The expression that finds just this."""
    escaped: str = re2.escape(keyword)
    return escaped


class Matcher:
    """`expressions` were checked."""

    def __init__(self, expressions: Sequence[str]) -> None:
        self.columns = {one: column for column, one in enumerate(dict.fromkeys(expressions))}
        self._set = re2.Set.SearchSet(_options(_MEMORY))
        for expression in self.columns:
            self._set.Add(expression)
        self._set.Compile()

    def find(self, texts: Sequence[str], wanted: Booleans, found: Booleans) -> None:
        """Set `found` [texts, expressions] in the rows that are `wanted`."""
        for row in np.flatnonzero(wanted).tolist():
            if columns := self._set.Match(texts[row]):
                found[row, columns] = True


def _options(memory: int) -> re2.Options:
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = memory
    return options

"""Slots of a canned reply: `{name}`; "{{" and "}}" are literal braces. Nothing is ever executed."""

from __future__ import annotations

import re

from engine.errors import InvalidArgumentError

_TOKEN = re.compile(r"\{\{|\}\}|\{([a-z][a-z0-9_]{0,63})\}|[{}]")


def slots(text: str) -> tuple[str, ...]:
    """Names of the slots in order, each once. Raises: InvalidArgumentError for a brace that is no part of one."""
    names: dict[str, None] = {}
    for token in _TOKEN.finditer(text):
        if token[0] in ("{", "}"):
            raise InvalidArgumentError(
                "reply.text",
                f"'{token[0]}' at character {token.start() + 1} belongs to no slot; "
                "write {name} for a slot (a-z, 0-9, _) or double the brace to send it",
            )
        if token[1]:
            names[token[1]] = None
    return tuple(names)

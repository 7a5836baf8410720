"""What can go wrong, as the engine says it.

EngineError
├── InvalidArgumentError   a field is missing, too long or contradictory
├── NotFoundError          the named thing does not exist in the tenant
├── ConflictError          the named thing is not in the state the call needs
├── OverloadedError        the queue is full; try again after a moment
├── ContentionError        other engines changed the same state again and again
├── StorageError           the store cannot be read or written; nothing of the call was kept
└── StartError             the engine cannot start; the message says what to do
"""

from __future__ import annotations


class EngineError(Exception):
    """Anything the engine refuses. The message is for the caller: ids and limits, never customer text."""


class InvalidArgumentError(EngineError):
    """A field is missing, too long or contradictory."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class NotFoundError(EngineError):
    """The named thing does not exist in the tenant."""


class ConflictError(EngineError):
    """The named thing is not in the state the call needs; an offer that has ended, say."""


class OverloadedError(EngineError):
    """More is waiting than the engine may queue; nothing of the call was kept."""


class ContentionError(EngineError):
    """Other engines changed the same state again and again; nothing of the call was kept."""


class StorageError(EngineError):
    """The store cannot be read or written; nothing of the call was kept."""


class StartError(EngineError):
    """The engine cannot start; the message names the setting or the file and the fix."""

"""How a command can fail.

CommandError             refused, or something is wrong: exit code 1
├── UnreachableError     no gateway listens: exit code 2
├── StartError           a service cannot start: exit code 2
└── GaveUpError          a service died again and again
"""

from __future__ import annotations


class CommandError(Exception):
    """The text is shown as it is and says what to do."""

    exit_code = 1


class UnreachableError(CommandError):
    """No gateway listens where one was asked for."""

    exit_code = 2


class StartError(CommandError):
    """A service cannot start."""

    exit_code = 2


class GaveUpError(CommandError):
    """A service died again and again."""

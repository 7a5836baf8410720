"""The data folder belongs to one engine, whatever its store: the socket in it can have but one server."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import StartError


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Make the folder if need be, and keep other engines out until the block or the process ends.

    Raises: StartError.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = (path / "engine.lock").open("ab")
    except OSError as error:
        raise StartError(
            f"cannot use {path} ({error.strerror}): name a --data-dir that this user can write"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StartError(
                f"{path} is in use by another engine: stop that one, or name another --data-dir"
            ) from error
        yield

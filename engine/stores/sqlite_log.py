"""The write-ahead log of the embedded store, copied into its file on a thread of its own.

SQLite would do that within the commit that makes the log too long, and wait for the disk: every few hundred messages
one would take 50 ms. Copied beside the commits, most of it is done when the log has to begin anew.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Final

import structlog

_PAUSE: Final = 0.5  # seconds between two looks at whether anything was written
_PASSES: Final = (
    4  # as what is written meanwhile is left, each leaves less; the log begins anew where none is left
)
_NEXT: Final = 0.005  # seconds between two of them


class LogCopier:
    """Has a connection of its own to a file that another one writes."""

    def __init__(self, path: Path, sync: str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0.0)
        self._db.execute(f"PRAGMA synchronous = {sync.upper()}")
        self._seen = self._version()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop, between two passes."""
        self._stop.set()
        self._thread.join()
        self._db.close()

    def _run(self) -> None:
        while not self._stop.wait(_PAUSE):
            try:
                if (version := self._version()) != self._seen:
                    self._seen = version
                    self._copy()
            except sqlite3.Error as error:  # the writer copies it at last, and hears of a file that is broken
                structlog.get_logger().warning("log_not_copied", error=str(error))

    def _copy(self) -> None:
        for number in range(_PASSES):
            if number and self._stop.wait(_NEXT):
                return
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _version(self) -> int:
        """Another number after each commit of the writer's."""
        found: int = self._db.execute("PRAGMA data_version").fetchone()[0]
        return found

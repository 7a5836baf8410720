"""Customers from files: a CSV, or a table of an SQLite database."""

from __future__ import annotations

import asyncio
import csv
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from engine.customer.fields import FieldMap, Row
from engine.customer.profile import Key, Part
from engine.customer.source import SourceError

CUSTOMER = "customer_id"  # the column that says whose row it is, unless the map names another


class CsvSource:
    """All rows of a file, in memory; a file that was changed is read again."""

    def __init__(self, *, name: str, path: Path, fields: FieldMap, customer: str = CUSTOMER) -> None:
        self.name = name
        self._path = path
        self._fields = fields
        self._customer = customer
        self._read_at: tuple[int, int] | None = None
        self._rows: dict[str, list[Row]] = {}
        self._reading = asyncio.Lock()

    async def fetch(self, key: Key) -> Part:
        """See `source.CustomerSource`."""
        async with self._reading:
            await asyncio.to_thread(self._refresh)
        return self._fields.part(self._rows.get(key.customer_id, []))

    async def close(self) -> None:
        """See `source.CustomerSource`."""

    def _refresh(self) -> None:
        try:
            found = self._path.stat()
            if (found.st_mtime_ns, found.st_size) != self._read_at:
                self._rows = _read(self._path, self._customer)
                self._read_at = (found.st_mtime_ns, found.st_size)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise SourceError(f"cannot read {self._path}: {type(error).__name__}") from error


class SQLiteSource:
    """A table of a database that somebody else writes; it is only read."""

    def __init__(
        self, *, name: str, path: Path, table: str, fields: FieldMap, customer: str = CUSTOMER
    ) -> None:
        self.name = name
        self._path = path
        self._statement = f"SELECT * FROM {_quoted(table)} WHERE {_quoted(customer)} = ?"
        self._fields = fields

    async def fetch(self, key: Key) -> Part:
        """See `source.CustomerSource`."""
        rows = await asyncio.to_thread(self._select, key.customer_id)
        return self._fields.part(rows)

    async def close(self) -> None:
        """See `source.CustomerSource`."""

    def _select(self, customer_id: str) -> Sequence[Row]:
        uri = f"{self._path.absolute().as_uri()}?mode=ro"
        try:
            with closing(sqlite3.connect(uri, uri=True, timeout=1.0)) as database:
                database.row_factory = sqlite3.Row
                return [dict(row) for row in database.execute(self._statement, (customer_id,)).fetchall()]
        except sqlite3.Error as error:
            raise SourceError(f"cannot read {self._path}: {error}") from error


def _read(path: Path, customer: str) -> dict[str, list[Row]]:
    rows: defaultdict[str, list[Row]] = defaultdict(list)
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines, strict=True)  # half a file is a failure, not a customer less
        if customer not in (reader.fieldnames or ()):
            raise SourceError(f"{path} has no column {customer}; name the customer's with `customer`")
        for row in reader:
            whole = {name: value for name, value in row.items() if name and name != customer}
            rows[row[customer]].append(whole)
    return dict(rows)


def _quoted(name: str) -> str:
    """As an identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'

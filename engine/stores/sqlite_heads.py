"""Where each conversation's newest journal entry is: known at once, written later.

A conversation's head moves with every message. The table follows behind by a bounded number of conversations and
entries, for the journal itself tells what it lacks: whoever opens the store reads the frames after `written_to` again.
"""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from itertools import islice

from engine.stores import sqlite_rows as rows

_LAGGING = 2048  # conversations, at most, whose heads are written later
_AT_ONCE = 4  # times as many as a commit moves are written together
_SPAN = 65536  # entries, at most, that are read again when the store is opened
_KNOWN = 32768  # heads remembered; some 200 bytes each
_MARK = "heads"

Name = tuple[str, str]  # tenant, conversation_id


class Heads:
    """Sequences of newest entries, 0 for none. What a transaction moves and writes holds once it is `committed`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        found = connection.execute("SELECT value FROM marks WHERE name = ?", (_MARK,)).fetchone()
        self.written_to: int = found[0] if found else 0  # no entry up to this one is lacking in the table
        self._newest = self.written_to
        self._known: dict[Name, int] = {}
        # The first entry that the table lacks of each, in its order. The oldest leave first: a dict would pass over all
        # that left whenever its first one is asked for.
        self._lagging: OrderedDict[Name, int] = OrderedDict()
        self._moved: dict[Name, tuple[int, int]] = {}  # by the transaction: the new head, and its first entry
        self._undone: dict[Name, tuple[int, int]] = {}
        self._written: Sequence[Name] = ()

    def of(self, tenant: str, conversation_id: str) -> int:
        """One head."""
        return self._found(tenant, [conversation_id])[conversation_id]

    def remember(self, tenant: str, conversation_ids: Sequence[str]) -> None:
        """Keep these in memory, outside a transaction."""
        if unknown := [one for one in conversation_ids if (tenant, one) not in self._known]:
            self._known.update(((tenant, one), head) for one, head in self._stored(tenant, unknown))

    def advance(self, tenant: str, conversation_ids: Sequence[str], first: int) -> list[int]:
        """Entries numbered from `first` are written for these: the entry before each."""
        heads = self._found(tenant, conversation_ids)
        firsts: dict[str, int] = {}
        before = []
        for sequence, one in enumerate(conversation_ids, first):
            before.append(heads[one])
            heads[one] = sequence
            firsts.setdefault(one, sequence)
        for one, its_first in firsts.items():
            moved = self._moved.get((tenant, one))
            self._moved[tenant, one] = (heads[one], moved[1] if moved else its_first)
        return before

    def begin(self) -> None:
        """A change begins, that `undo` undoes."""
        self._undone = dict(self._moved)

    def undo(self) -> None:
        """Forget what moved since `begin`."""
        self._moved = self._undone

    def write(self) -> Sequence[Name]:
        """Write some of those that lag too far, the longest first; whose heads they are.

        They are left to grow to some times what moved, for in order many cost little more than few: most pages of the
        file are then written once for several of them.
        """
        many, at_once = len(self._lagging) - _LAGGING, _AT_ONCE * len(self._moved)
        oldest = next(iter(self._lagging.values()), self._newest)
        if many < at_once and oldest >= self._newest - _SPAN:
            return self._write([])
        # Twice as many catch up in the end, and cost a commit no more than some times its own size.
        return self._write(list(islice(self._overdue(), 2 * at_once)))

    def write_all(self) -> Sequence[Name]:
        """Write all that lag; nothing may have moved in this transaction."""
        return self._write(list(self._lagging))

    def drop(self, gone: Collection[Name]) -> None:
        """These have no entries any more, nor rows."""
        for one in gone:
            self._known.pop(one, None)
            self._lagging.pop(one, None)

    def committed(self) -> None:
        """The transaction is kept."""
        if self._written:
            self.written_to = self._lacking() - 1
        for one, (head, first) in self._moved.items():
            self._known[one] = head
            self._lagging.setdefault(one, first)
        self._newest = max(self._newest, *(head for head, _ in self._moved.values()), 0)
        for one in self._written:
            del self._lagging[one]
        if len(self._known) > _KNOWN:
            self._known = {one: self._known[one] for one in self._lagging}
        self.forget()

    def forget(self) -> None:
        """The transaction is over."""
        self._moved, self._undone, self._written = {}, {}, ()

    def _write(self, names: Sequence[Name]) -> Sequence[Name]:
        self._written = names
        if names:
            self._db.executemany(
                "INSERT OR REPLACE INTO heads VALUES (?, ?, ?)",
                sorted((*one, self._head(one)) for one in names),
            )
            self._db.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (_MARK, self._lacking() - 1))
        return names

    def _head(self, name: Name) -> int:
        return self._moved[name][0] if name in self._moved else self._known[name]

    def _overdue(self) -> Iterator[Name]:
        many = len(self._lagging) - _LAGGING
        for number, (one, first) in enumerate(self._lagging.items()):
            if number >= many and first >= self._newest - _SPAN:
                return
            yield one

    def _lacking(self) -> int:
        """The first entry that the table lacks once this transaction is kept."""
        left = next(islice(self._lagging.values(), len(self._written), None), None)
        moved = (first for one, (_, first) in self._moved.items() if one not in self._lagging)
        return left or min(moved, default=self._newest + 1)

    def _found(self, tenant: str, conversation_ids: Sequence[str]) -> dict[str, int]:
        known, moved = self._known, self._moved
        heads = {one: known.get((tenant, one), -1) for one in dict.fromkeys(conversation_ids)}
        if moved:
            heads = {one: moved.get((tenant, one), (head,))[0] for one, head in heads.items()}
        unknown = [one for one, head in heads.items() if head < 0]
        heads.update(dict.fromkeys(unknown, 0))
        if unknown:
            heads.update(self._stored(tenant, unknown))
        return heads

    def _stored(self, tenant: str, conversation_ids: Sequence[str]) -> list[tuple[str, int]]:
        wanted = rows.padded(conversation_ids)
        return self._db.execute(
            "SELECT conversation_id, sequence FROM heads WHERE tenant = ?"
            f" AND conversation_id IN ({rows.marks('?', wanted)})",
            (tenant, *wanted),
        ).fetchall()

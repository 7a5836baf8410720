"""The conversations of the embedded store: in memory while they are busy, in the file as far as anything asks for.

This process is the only writer, so what it remembers is true. A conversation of which only the mood changed, as with
most messages, is not written to its row with every commit: a pulse beside the journal's frame tells what the row
lacks, and the row follows when its head does (see `sqlite_heads`). One that was opened and at once given to an agent
has no row before that. A query by condition that may concern such ones writes their rows first.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

from engine.domain import Conversation, ConversationState, Mood
from engine.stores import sqlite_rows as rows
from engine.stores.sqlite_frame import Lacking
from engine.stores.sqlite_heads import Name

_REMEMBERED = 32768  # conversations, about a kilobyte each; and twice as many customers
_OTHERS_OPEN = (
    # Left alone, SQLite would look through all conversations of the tenant.
    "SELECT 1 FROM conversations INDEXED BY conversations_open WHERE tenant = ? AND channel = ? AND customer_id = ?"
    " AND state != 'closed' AND conversation_id != ?"
)
_OF_CUSTOMER = (
    f"SELECT {rows.CONVERSATION} FROM conversations INDEXED BY conversations_customer"
    " WHERE tenant = ? AND channel = ? AND customer_id = ?"
    " ORDER BY opened_ms DESC, conversation_id DESC LIMIT ?"
)

_LEAVE_QUEUE = "DELETE FROM queues WHERE tenant = ? AND queue = ? AND rank_ms = ? AND conversation_id = ?"

Customer = tuple[str, int, str]  # tenant, channel, customer_id


class StaleError(Exception):
    """The change does not follow the stored state."""


class Following(NamedTuple):
    """New states by what is written of them at once: all; nothing, of a row that there is; nothing at all."""

    changed: Sequence[Conversation]
    kept: Sequence[Conversation]
    born: Sequence[Conversation]


class Conversations:
    """Reads and writes them. What a transaction writes holds once it is `committed`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._known: dict[Name, Conversation] = {}
        self._newest: dict[Customer, str] = {}  # open conversation of each customer, "" where there is none
        self._lagging: set[Name] = set()  # whose rows lack pulses
        self._written: dict[Name, Conversation] = {}  # by the transaction
        self._pulsed: dict[Name, Conversation] = {}
        self._born: set[Name] = set()  # by the transaction; they have no row yet
        self._bearing: Sequence[Name] = ()
        self._unborn: dict[Name, Customer] = {}  # that have no row yet; they lag as well
        self._expecting: defaultdict[Customer, set[Name]] = defaultdict(set)  # the same by customer
        self._undone = (self._written, self._pulsed, self._born)
        self._caught_up: Sequence[Name] = ()

    def by_id(self, tenant: str, conversation_ids: Sequence[str]) -> dict[str, Conversation]:
        """Where they exist."""
        is_at_rest = not self._pulsed and not self._written
        latest = self._known.get if is_at_rest else self._latest
        found = {one: known for one in conversation_ids if (known := latest((tenant, one)))}
        if unknown := [one for one in conversation_ids if one not in found]:
            wanted = rows.padded(unknown)
            read = self._db.execute(
                f"SELECT {rows.CONVERSATION} FROM conversations WHERE tenant = ?"
                f" AND conversation_id IN ({rows.marks('?', wanted)})",
                (tenant, *wanted),
            )
            for row in read:
                found[row[0]] = self._known[tenant, row[0]] = rows.conversation(row)
        return found

    def has(self, tenant: str, conversation_id: str) -> bool:
        """Whether it is in memory."""
        return (tenant, conversation_id) in self._known

    def newest_open(
        self, tenant: str, customers: Sequence[tuple[int, str]]
    ) -> dict[tuple[int, str], Conversation]:
        """See `ports.Store.open_conversations`."""
        newest = {one: self._newest.get((tenant, *one)) for one in customers}
        if unknown := [one for one, found in newest.items() if found is None]:
            newest |= self._read_newest(tenant, unknown)
        known = self.by_id(tenant, [found for found in newest.values() if found])
        return {customer: known[found] for customer, found in newest.items() if found}

    def of_customer(self, customer: Customer, limit: int) -> list[Conversation]:
        """See `ports.Store.of_customer`."""
        read = self._db.execute(_OF_CUSTOMER, (*customer, limit))
        found = {row[0]: rows.conversation(row) for row in read}
        for name in self._expecting.get(customer, ()):
            found |= self.by_id(name[0], [name[1]])
        newest = sorted(found.values(), key=lambda one: (one.opened_ms, one.conversation_id), reverse=True)
        return newest[:limit]

    def read(self, tenant: str, found: Iterable[rows.Row]) -> list[Conversation]:
        """From the CONVERSATION columns, each as it is by now."""
        return [self._latest((tenant, row[0])) or rows.conversation(row) for row in found]

    def write(self, tenant: str, following: Following, alone: Collection[str]) -> None:
        """Within the store's transaction; of what lags the journal must tell. Raises: StaleError, sqlite3.Error."""
        changed, kept, born = following
        before = self._before(tenant, [one for one in (*changed, *kept) if one.version > 1])
        opened = [one for one in changed if one.version == 1]
        self._check_new(tenant, opened, born)
        for one in (*changed, *born):
            if one.conversation_id in alone:
                self._check_alone(tenant, one)
        self._write_rows(tenant, opened, [])
        self._write_rows(tenant, *self._parted(tenant, [one for one in changed if one.version > 1]))
        self._write_customers(tenant, before, changed)
        self._write_queues(tenant, before, changed)
        for one in changed:
            self._written[tenant, one.conversation_id] = one
            self._pulsed.pop((tenant, one.conversation_id), None)
        self._pulsed.update(((tenant, one.conversation_id), one) for one in (*kept, *born))
        self._born.update((tenant, one.conversation_id) for one in born)
        for one in (*changed, *born):
            self._follow_customer(tenant, one)

    def catch_up(self, names: Sequence[Name]) -> None:
        """Within the store's transaction: write of these what their rows lack."""
        # Neighbours in the file are written one after the other.
        self._caught_up = sorted(one for one in names if one in self._lagging or one in self._pulsed)
        self._catch_up(self._caught_up)

    def bear(self) -> None:
        """Within a transaction of its own: write the rows that there are not yet, for a query that needs them."""
        self._bearing = sorted(self._unborn)
        self._catch_up(self._bearing)

    def learn(self, lacking: Lacking) -> None:
        """What a killed engine had only in memory."""
        for name, birth in lacking.births.items():
            if not self.by_id(name[0], [name[1]]):
                self._pulsed[name] = birth
                self._born.add(name)
        for (tenant, conversation_id), pulse in lacking.pulses.items():
            one = self.by_id(tenant, [conversation_id]).get(conversation_id)
            if one and one.version < pulse.version:
                one = one.copy()
                one.version, one.updated_ms = pulse.version, pulse.updated_ms
                one.mood = Mood(anger=pulse.anger, is_angry=pulse.is_angry)
                self._pulsed[tenant, conversation_id] = one
        self.committed()

    def drop(self, gone: Collection[Name]) -> None:
        """These have no rows any more."""
        for one in gone:
            self._known.pop(one, None)
        self._lagging.difference_update(gone)

    @property
    def has_unborn(self) -> bool:
        """Whether some have no row yet."""
        return bool(self._unborn)

    def begin(self) -> None:
        """A change begins, that `undo` undoes."""
        self._undone = (dict(self._written), dict(self._pulsed), set(self._born))

    def undo(self) -> None:
        """Forget what was written since `begin`."""
        self._forget_customers()
        self._written, self._pulsed, self._born = self._undone

    def committed(self) -> None:
        """The transaction is kept."""
        self._known.update(self._written)
        self._known.update(self._pulsed)
        self._lagging.difference_update(self._written)
        self._lagging.update(self._pulsed)
        self._lagging.difference_update(self._caught_up)
        self._follow_births()
        if len(self._known) > _REMEMBERED:
            self._known = {one: self._known[one] for one in self._lagging}
        if len(self._newest) > 2 * _REMEMBERED:
            self._newest.clear()
        self._end()

    def forget(self) -> None:
        """The transaction is over, and nothing of it was kept."""
        self._forget_customers()
        self._end()

    def _end(self) -> None:
        self._written, self._pulsed, self._born = {}, {}, set()
        self._caught_up, self._bearing = (), ()

    def _latest(self, name: Name) -> Conversation | None:
        """As the transaction left it, or as it is remembered."""
        return self._pulsed.get(name) or self._written.get(name) or self._known.get(name)

    def _follow_births(self) -> None:
        """Know of the transaction's whose rows it did not write."""
        for name in self._born.difference(self._written, self._caught_up):
            one = self._known[name]
            customer = self._unborn[name] = (name[0], one.channel, one.customer_id)
            self._expecting[customer].add(name)
        for name in (*self._caught_up, *self._bearing, *self._written) if self._unborn else ():
            if whose := self._unborn.pop(name, None):
                self._expecting[whose].discard(name)
                if not self._expecting[whose]:
                    del self._expecting[whose]

    def _catch_up(self, names: Sequence[Name]) -> None:
        for tenant, of_tenant in itertools.groupby(names, key=itemgetter(0)):
            latest = [one for name in of_tenant if (one := self._latest(name))]
            fresh, old = self._parted(tenant, latest)
            self._write_rows(tenant, fresh, [])
            rows.write(
                self._db, rows.CATCH_UP_CONVERSATION, [rows.lagging_values(tenant, one) for one in old]
            )

    def _parted(
        self, tenant: str, some: Sequence[Conversation]
    ) -> tuple[list[Conversation], list[Conversation]]:
        """Those that have no row, and those that have one, if only since this transaction wrote it."""
        fresh, old = list[Conversation](), list[Conversation]()
        for one in some:
            name = (tenant, one.conversation_id)
            is_awaited = (name in self._unborn or name in self._born) and name not in self._written
            (fresh if is_awaited else old).append(one)
        return fresh, old

    def _write_rows(self, tenant: str, fresh: Sequence[Conversation], old: Sequence[Conversation]) -> None:
        rows.write(
            self._db, rows.INSERT_CONVERSATION, [rows.conversation_values(tenant, one) for one in fresh]
        )
        rows.write(self._db, rows.UPDATE_CONVERSATION, [rows.conversation_values(tenant, one) for one in old])

    def _write_customers(
        self, tenant: str, before: Mapping[str, Conversation], changed: Sequence[Conversation]
    ) -> None:
        other = [
            one
            for one in changed
            if (was := before.get(one.conversation_id)) and _opening(was) != _opening(one)
        ]
        rows.write(
            self._db, rows.UPDATE_CUSTOMER, [rows.conversation_values(tenant, one)[:7] for one in other]
        )

    def _before(self, tenant: str, following: Sequence[Conversation]) -> dict[str, Conversation]:
        """What these follow. Raises: StaleError where they do not."""
        before = self.by_id(tenant, [one.conversation_id for one in following])
        for one in following:
            if (found := before.get(one.conversation_id)) is None or found.version != one.version - 1:
                raise StaleError
        return before

    def _check_new(self, tenant: str, opened: Sequence[Conversation], born: Sequence[Conversation]) -> None:
        """Whether there is none of them yet; of the opened ones that have a row the file says so."""
        if born and self.by_id(tenant, [one.conversation_id for one in born]):
            raise StaleError
        if opened and self._parted(tenant, opened)[0]:
            raise StaleError

    def _check_alone(self, tenant: str, one: Conversation) -> None:
        newest = self._newest.get((tenant, one.channel, one.customer_id))
        if newest in ("", one.conversation_id):
            return
        customer = (tenant, one.channel, one.customer_id, one.conversation_id)
        if newest or self._db.execute(_OTHERS_OPEN, customer).fetchone() or self._expects_other(customer):
            raise StaleError

    def _expects_other(self, customer: tuple[str, int, str, str]) -> bool:
        tenant, channel, customer_id, conversation_id = customer
        others = self._expecting.get((tenant, channel, customer_id), ())
        return any(one != conversation_id for _, one in others)

    def _write_queues(
        self, tenant: str, before: Mapping[str, Conversation], changed: Sequence[Conversation]
    ) -> None:
        earlier = [was for one in changed if (was := before.get(one.conversation_id))]
        stood = {place for one in earlier for place in _places(tenant, one)}
        stand = {place for one in changed for place in _places(tenant, one)}
        rows.write(self._db, _LEAVE_QUEUE, sorted(stood - stand))
        rows.write(self._db, "INSERT INTO queues VALUES (?, ?, ?, ?)", sorted(stand - stood))

    def _follow_customer(self, tenant: str, one: Conversation) -> None:
        """Keep what is known of the customer's newest open conversation, or know nothing."""
        customer = (tenant, one.channel, one.customer_id)
        newest = self._newest.get(customer)
        if newest == "" and one.state is not ConversationState.CLOSED:
            self._newest[customer] = one.conversation_id
        elif newest != one.conversation_id or one.state is ConversationState.CLOSED:
            self._newest.pop(customer, None)

    def _forget_customers(self) -> None:
        opened = {name: self._pulsed[name] for name in self._born if name in self._pulsed}
        for (tenant, _), one in (*self._written.items(), *opened.items()):
            self._newest.pop((tenant, one.channel, one.customer_id), None)

    def _read_newest(
        self, tenant: str, customers: Sequence[tuple[int, str]]
    ) -> dict[tuple[int, str], str | None]:
        wanted = rows.padded(customers)
        # Without statistics the planner would read every conversation of the tenant.
        read = self._db.execute(
            f"WITH wanted (a_channel, a_customer) AS (VALUES {rows.marks('(?, ?)', wanted)})"
            " SELECT channel, customer_id, conversation_id FROM wanted CROSS JOIN conversations"
            " INDEXED BY conversations_open ON tenant = ? AND channel = a_channel AND customer_id = a_customer"
            " AND state != 'closed' ORDER BY opened_ms, conversation_id",
            (*itertools.chain.from_iterable(wanted), tenant),
        )
        found: dict[tuple[int, str], str | None] = dict.fromkeys(customers, "")
        for channel, customer_id, conversation_id in read:  # the newest comes last
            found[channel, customer_id] = conversation_id
        for customer in customers if self._expecting else ():
            if (tenant, *customer) in self._expecting:
                found[customer] = self._newer_unborn(tenant, customer, found[customer] or "")
        self._newest.update(((tenant, *one), newest or "") for one, newest in found.items())
        return found

    def _newer_unborn(self, tenant: str, customer: tuple[int, str], newest: str) -> str:
        """The customer's newest open conversation, of the one in the file and those that have no row yet."""
        for name in self._expecting.get((tenant, *customer), ()):
            known = self.by_id(tenant, [name[1], *([newest] if newest else [])])
            newest = max(known.values(), key=lambda one: (one.opened_ms, one.conversation_id)).conversation_id
        return newest


def _places(tenant: str, one: Conversation) -> list[tuple[str, str, int, str]]:
    """Rows of the queues where it stands."""
    return [(tenant, name, one.rank_ms, one.conversation_id) for name in one.queues]


def _opening(one: Conversation) -> tuple[int, str, int]:
    """What hardly ever changes of a conversation."""
    return one.channel, one.customer_id, one.opened_ms

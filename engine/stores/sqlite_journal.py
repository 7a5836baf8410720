"""The journal in the embedded store: one row per tenant and commit, that holds all of its entries.

A row is a frame. `places` says of each entry which one of the same conversation came before it, when it was written
and where its payload ends in `data`; `names` gives kinds, conversations, keys, and causes where there are any. So the
entries of a conversation are a chain that is followed backwards from its head, and no index has to be kept of them.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate

from engine.bots.store import Page
from engine.domain import MESSAGE, Conversation, Event, StoredEvent
from engine.stores import sqlite_rows as rows
from engine.stores.detail import encode
from engine.stores.padding import padded
from engine.stores.sqlite_frame import Frame, Lacking, lagging_of, runs
from engine.stores.sqlite_heads import Heads, Name

_FRAMES_KEPT = 16  # read frames that are remembered: entries that follow each other are often in one
_FRAMES_LOOKED = 256  # frames that one page of a tenant's journal is looked for in
_RECENT = 1024  # conversations whose last messages are remembered
_KEYS_AT_ONCE = 64  # rows of one INSERT
_INSERT_KEYS = f"INSERT INTO messages VALUES {', '.join(['(?, ?, ?)'] * _KEYS_AT_ONCE)}"
_INSERT_FRAME = "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?)"
_DROP_PULSES = "UPDATE journal SET pulses = x'' WHERE sequence = ? AND pulses != x''"


class SQLiteJournal:
    """Entries of all tenants, numbered together; a number that a refused commit took is not given again."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._heads = Heads(connection)
        self._recent: dict[
            tuple[str, str, int], tuple[int, list[bytes]]
        ] = {}  # and the head they were read at
        self._next = 1 + max(self._heads.written_to, self._last())
        self._frame = lru_cache(maxsize=_FRAMES_KEPT)(self._read_frame)
        self.lacking = self._catch_up()  # what rows of conversations may lack

    def append(
        self,
        tenant: str,
        events: Sequence[Event],
        kept: Sequence[Conversation] = (),
        born: Sequence[Conversation] = (),
    ) -> int:
        """Within the store's transaction; the first sequence.

        Of each kept conversation there is an event, and its row may lag; of each that was born as well, and it may have
        no row yet. Raises: sqlite3.IntegrityError where a key exists.
        """
        if not events:
            return 0
        first, self._next = self._next, self._next + len(events)
        ids, kinds, times, payloads, keys, bys, afters = zip(*events, strict=True)
        before = self._heads.advance(tenant, ids, first)
        # Mere messages come from outside.
        causes = [list(zip(bys, afters, strict=True))] if any(bys) or any(afters) else []
        self._db.execute(
            _INSERT_FRAME,
            (
                first,
                tenant,
                max(times),
                array("q", [*before, *times, *accumulate(map(len, payloads))]).tobytes(),
                encode([kinds, ids, keys, *causes]),
                lagging_of(ids, kept, born),
                b"".join(payloads),
            ),
        )
        self._insert_keys([(tenant, key, number) for number, key in enumerate(keys, first) if key])
        return first

    def begin(self) -> None:
        """A change begins, that `undo` undoes."""
        self._heads.begin()

    def undo(self) -> None:
        """Forget the change; its rows the store takes back."""
        self._heads.undo()

    def settle(self) -> Sequence[Name]:
        """Within the store's transaction, at its end: write some of what lags behind too far; whose it is."""
        return self._heads.write()

    def settle_all(self) -> Sequence[Name]:
        """Within a transaction of its own: write all that lags behind; whose it is."""
        return self._heads.write_all()

    def committed(self) -> None:
        """The store's transaction is kept."""
        self._heads.committed()

    def forget(self) -> None:
        """The store's transaction is over, and nothing of it was kept."""
        self._heads.forget()
        self._recent.clear()

    def rewrite(self, tenant: str, payloads: Mapping[int, bytes]) -> None:
        """Within a transaction: put these in place of what the tenant's entries hold, by sequence.

        They are shorter, so they are padded and only their own pages are written; a frame is written anew where one
        cannot be padded. All heads must be written, for what a frame says of rows is taken away: it names customers.
        """
        self._recent.clear()
        of_frames: defaultdict[int, dict[int, bytes]] = defaultdict(dict)
        for sequence, data in payloads.items():
            if frame := self._holding(tenant, sequence):
                of_frames[frame.first][sequence - frame.first] = data
        for first, changed in of_frames.items():
            if (frame := self._frame(first)) and not self._overwrite(frame, changed):
                self._rewrite_frame(frame, changed)
                self._frame.cache_clear()
            self._db.execute(_DROP_PULSES, (first,))

    def _overwrite(self, frame: Frame, changed: Mapping[int, bytes]) -> bool:
        """Whether all of them could be put where the old ones stood."""
        spans = {number: frame.span(number) for number in changed}
        fitting = {
            number: padded(data, spans[number][1] - spans[number][0]) for number, data in changed.items()
        }
        if any(data is None for data in fitting.values()):
            return False
        with self._db.blobopen("journal", "data", frame.first) as blob:
            for number, data in fitting.items():
                blob.seek(spans[number][0])
                blob.write(data or b"")
        return True

    def _rewrite_frame(self, frame: Frame, changed: Mapping[int, bytes]) -> None:
        held = [one.event.data for one in self._entries(frame, range(len(frame)))]
        payloads = [changed.get(number, data) for number, data in enumerate(held)]
        places = frame.placed([*accumulate(map(len, payloads))])
        self._db.execute(
            "UPDATE journal SET places = ?, data = ? WHERE sequence = ?",
            (places.tobytes(), b"".join(payloads), frame.first),
        )

    def frame_after(self, tenant: str, sequence: int) -> Frame | None:
        """The tenant's first frame above it, but never the newest of all, by which entries are numbered on."""
        first = self._db.execute(
            "SELECT min(sequence) FROM journal WHERE tenant = ? AND sequence > ?"
            " AND sequence < (SELECT max(sequence) FROM journal)",
            (tenant, sequence),
        ).fetchone()[0]
        return self._frame(first) if first else None

    def keep(self, frame: Frame, numbers: Sequence[int]) -> list[str]:
        """Within a transaction: take all but these entries away; conversations of which nothing is left.

        What stays keeps its numbers, in frames of entries that follow each other. No row may lag behind the frame.
        """
        self._recent.clear()
        (data,) = self._db.execute("SELECT data FROM journal WHERE sequence = ?", (frame.first,)).fetchone()
        self._db.execute("DELETE FROM journal WHERE sequence = ?", (frame.first,))
        for run in runs(numbers):
            self._insert(frame.part(run), data[frame.span(run[0])[0] : frame.span(run[-1])[1]])
        removed = sorted(set(range(len(frame))).difference(numbers))
        keys = [(frame.tenant, frame.keys[number]) for number in removed if frame.keys[number]]
        self._db.executemany("DELETE FROM messages WHERE tenant = ? AND key = ?", keys)
        names = sorted({frame.conversation_ids[number] for number in removed})
        return [one for one in names if self._heads.of(frame.tenant, one) <= frame.last]

    def _insert(self, frame: Frame, data: bytes) -> None:
        columns = [frame.kinds, frame.conversation_ids, frame.keys, *([frame.causes] if frame.causes else ())]
        values = (
            frame.first,
            frame.tenant,
            frame.newest_ms,
            frame.places.tobytes(),
            encode(columns),
            b"",
            data,
        )
        self._db.execute(_INSERT_FRAME, values)

    @property
    def written_to(self) -> int:
        """No row lacks what entries up to this one tell."""
        return self._heads.written_to

    def remember(self, tenant: str, conversation_ids: Sequence[str]) -> None:
        """Where these conversations end, for what is written of them next."""
        self._heads.remember(tenant, conversation_ids)

    def drop(self, gone: Collection[Name]) -> None:
        """What was removed is removed for good; nothing is left of these conversations."""
        self._heads.drop(gone)
        self._frame.cache_clear()

    def records(self, tenant: str, keys: Sequence[str]) -> dict[str, bytes]:
        """See `ports.Store`; nothing is left of a record whose frame was taken away, but the key is known still."""
        wanted = rows.padded(keys)
        found = self._db.execute(
            f"SELECT key, sequence FROM messages WHERE tenant = ? AND key IN ({rows.marks('?', wanted)})",
            (tenant, *wanted),
        ).fetchall()
        stored = ((key, self._entry(tenant, sequence)) for key, sequence in found)
        return {key: one.event.data if one else b"" for key, one in stored}

    def events(self, tenant: str, conversation_id: str, after: int, limit: int) -> list[StoredEvent]:
        """See `ports.Store`."""
        sequences = list(self._chain(tenant, conversation_id, after))
        first = sequences[::-1][:limit]
        return [one for sequence in first if (one := self._entry(tenant, sequence))]

    def recent_records(self, tenant: str, conversation_id: str, limit: int) -> list[bytes]:
        """See `ports.ReplyStore`. An agent's keystrokes ask for the same ones again and again."""
        if not conversation_id:
            return self._newest(tenant, limit)
        name, head = (tenant, conversation_id, limit), self._heads.of(tenant, conversation_id)
        known = self._recent.get(name)
        if known is None or known[0] != head:
            known = head, self._records(self._chain(tenant, conversation_id), tenant, limit)
            if len(self._recent) >= _RECENT:
                self._recent.clear()
            self._recent[name] = known
        return list(known[1])

    def _records(self, found: Iterator[int], tenant: str, limit: int) -> list[bytes]:
        records: list[bytes] = []
        for sequence in found if limit > 0 else ():
            entry = self._entry(tenant, sequence) if self._is_of(sequence, MESSAGE) else None
            records += [entry.event.data] if entry else []
            if len(records) == limit:
                break
        return records

    def latest(self, tenant: str, conversation_id: str, kind: str, limit: int) -> list[StoredEvent]:
        """See `ports.Store.latest_events`."""
        of_kind = (one for one in self._chain(tenant, conversation_id) if self._is_of(one, kind))
        found = (self._entry(tenant, sequence) for sequence in itertools.islice(of_kind, limit))
        return [one for one in found if one]

    @property
    def last_sequence(self) -> int:
        """No entry of any tenant stands above it."""
        return self._next - 1

    def page(self, tenant: str, after: int, kinds: Sequence[str], limit: int) -> Page:
        """See `bots.store.BotStore.journal`."""
        found: list[StoredEvent] = []
        through = after
        for frame in self._frames_from(tenant, after + 1):
            wanted = [
                number
                for number in range(max(after + 1 - frame.first, 0), len(frame))
                if not kinds or frame.kinds[number] in kinds
            ]
            room = limit - len(found)
            found += self._entries(frame, wanted[:room])
            if len(wanted) >= room:
                return Page(events=found, through=found[-1].sequence)
            through = max(through, frame.first + len(frame) - 1)
        return Page(events=found, through=through)

    def _frames_from(self, tenant: str, sequence: int) -> Iterator[Frame]:
        """The tenant's next frames, the one first that may hold the entry; not all, if many."""
        firsts = self._db.execute(
            "SELECT sequence FROM journal WHERE tenant = ?1 AND sequence >= coalesce("
            "(SELECT max(sequence) FROM journal WHERE tenant = ?1 AND sequence <= ?2), 0)"
            " ORDER BY sequence LIMIT ?3",
            (tenant, sequence, _FRAMES_LOOKED),
        ).fetchall()
        for (first,) in firsts:
            if frame := self._frame(first):
                yield frame

    def _chain(self, tenant: str, conversation_id: str, after: int = 0) -> Iterator[int]:
        """Sequences of a conversation above `after`, newest first; it ends where frames were taken away."""
        sequence = self._heads.of(tenant, conversation_id)
        while sequence > after and (frame := self._holding(tenant, sequence)):
            yield sequence
            sequence = frame.before(sequence - frame.first)

    def _newest(self, tenant: str, limit: int) -> list[bytes]:
        """Messages of a tenant, newest first, a frame at a time."""
        records: list[bytes] = []
        below = self._next
        while len(records) < limit:
            below = self._db.execute(
                "SELECT max(sequence) FROM journal WHERE tenant = ? AND sequence < ?", (tenant, below)
            ).fetchone()[0]
            frame = self._frame(below) if below else None
            if frame is None:
                break
            numbers = [number for number in reversed(range(len(frame))) if frame.kinds[number] == MESSAGE]
            records += [one.event.data for one in self._entries(frame, numbers[: limit - len(records)])]
        return records

    def _is_of(self, sequence: int, kind: str) -> bool:
        frame = self._frame_of(sequence)
        return frame is not None and frame.kinds[sequence - frame.first] == kind

    def _entry(self, tenant: str, sequence: int) -> StoredEvent | None:
        """None where its frame was taken away."""
        frame = self._holding(tenant, sequence)
        return self._entries(frame, [sequence - frame.first])[0] if frame else None

    def _entries(self, frame: Frame, numbers: Sequence[int]) -> list[StoredEvent]:
        """With their payloads, read from the disk in one go."""
        found: list[StoredEvent] = []
        with self._db.blobopen("journal", "data", frame.first, readonly=True) as blob:
            for number in numbers:
                begin, end = frame.span(number)
                blob.seek(begin)
                by, after = frame.cause(number)
                event = Event(
                    conversation_id=frame.conversation_ids[number],
                    kind=frame.kinds[number],
                    time_ms=frame.time_ms(number),
                    data=blob.read(end - begin),
                    key=frame.keys[number],
                    by=by,
                    after=after,
                )
                entry = StoredEvent(sequence=frame.first + number, commit=frame.first, event=event)
                found.append(entry)
        return found

    def _holding(self, tenant: str, sequence: int) -> Frame | None:
        frame = self._frame_of(sequence)
        return frame if frame and frame.tenant == tenant else None

    def _frame_of(self, sequence: int) -> Frame | None:
        first: int | None = self._db.execute(
            "SELECT max(sequence) FROM journal WHERE sequence <= ?", (sequence,)
        ).fetchone()[0]
        frame = self._frame(first) if first else None
        return frame if frame and sequence - frame.first < len(frame) else None

    def _read_frame(self, first: int) -> Frame | None:
        found = self._db.execute(
            "SELECT tenant, places, names FROM journal WHERE sequence = ?", (first,)
        ).fetchone()
        if found is None:
            return None
        places = array("q")
        places.frombytes(found[1])
        return Frame(found[0], first, places, *json.loads(found[2]))

    def _insert_keys(self, keys: Sequence[tuple[str, str, int]]) -> None:
        whole = len(keys) - len(keys) % _KEYS_AT_ONCE
        for at in range(0, whole, _KEYS_AT_ONCE):
            self._db.execute(_INSERT_KEYS, list(itertools.chain.from_iterable(keys[at : at + _KEYS_AT_ONCE])))
        rows.write(self._db, "INSERT INTO messages VALUES (?, ?, ?)", keys[whole:])

    def _last(self) -> int:
        """The newest entry's sequence, 0 where there is none."""
        first = self._db.execute("SELECT max(sequence) FROM journal").fetchone()[0]
        frame = self._read_frame(first) if first else None
        return frame.first + len(frame) - 1 if frame else 0

    def _catch_up(self) -> Lacking:
        """Learn the heads that a killed engine had only in memory; what else it had."""
        newer = self._db.execute(
            "SELECT sequence, pulses FROM journal WHERE sequence > ? ORDER BY sequence",
            (self._heads.written_to,),
        ).fetchall()
        lacking = Lacking({}, {})
        for first, data in newer:
            if frame := self._read_frame(first):
                self._heads.advance(frame.tenant, frame.conversation_ids, first)
                lacking.learn(frame, data)
        self._heads.committed()
        return lacking

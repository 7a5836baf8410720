"""A frame of the embedded journal: the entries of one commit, or some of them that follow each other."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from engine.domain import Conversation
from engine.stores import sqlite_births as births
from engine.stores.sqlite_heads import Name
from engine.stores.sqlite_rows import Pulse

_BEFORE, _TIME, _END = range(3)  # the columns of `places`


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame without its payloads. `places` is one column after the other."""

    tenant: str
    first: int
    places: array[int]
    kinds: Sequence[str]
    conversation_ids: Sequence[str]
    keys: Sequence[str]
    causes: Sequence[tuple[int, int]] = ()

    def __len__(self) -> int:
        return len(self.kinds)

    @property
    def last(self) -> int:
        """Its newest entry."""
        return self.first + len(self) - 1

    @property
    def newest_ms(self) -> int:
        """When that was written."""
        return max(self.places[_TIME * len(self) : _END * len(self)])

    def placed(self, ends: Sequence[int]) -> array[int]:
        """Its places, with payloads that end there."""
        places = array("q", self.places[: _END * len(self)])
        places.extend(ends)
        return places

    def part(self, numbers: Sequence[int]) -> Frame:
        """Some entries that follow each other, as a frame of their own."""
        places = array("q", [self.before(one) for one in numbers])
        places.extend(self.time_ms(one) for one in numbers)
        begin = self.span(numbers[0])[0]
        places.extend(self.span(one)[1] - begin for one in numbers)
        cut = slice(numbers[0], numbers[-1] + 1)
        return Frame(
            self.tenant,
            self.first + numbers[0],
            places,
            self.kinds[cut],
            self.conversation_ids[cut],
            self.keys[cut],
            self.causes[cut],
        )

    def before(self, number: int) -> int:
        """The sequence of the conversation's entry before, 0 where there is none."""
        return self.places[_BEFORE * len(self) + number]

    def time_ms(self, number: int) -> int:
        """When it was written."""
        return self.places[_TIME * len(self) + number]

    def cause(self, number: int) -> tuple[int, int]:
        """See `Event.by` and `Event.after`."""
        return self.causes[number] if self.causes else (0, 0)

    def span(self, number: int) -> tuple[int, int]:
        """Where its payload begins and ends."""
        ends = _END * len(self)
        return self.places[ends + number - 1] if number else 0, self.places[ends + number]


def runs(numbers: Sequence[int]) -> list[list[int]]:
    """Ascending numbers, those together that follow each other."""
    found: list[list[int]] = []
    for one in numbers:
        if found and found[-1][-1] == one - 1:
            found[-1].append(one)
        else:
            found.append([one])
    return found


class Lacking(NamedTuple):
    """What rows of conversations may lack: the newest pulse of each, and what it was when it was opened."""

    pulses: dict[Name, Pulse]
    births: dict[Name, Conversation]

    def learn(self, frame: Frame, blob: bytes) -> None:
        """What a frame tells."""
        pulses, born = births.unpacked(blob)
        self.pulses.update(_read_pulses(frame, pulses))
        times = frame.places[_TIME * len(frame) : _END * len(frame)]
        for one in births.read(born, frame.conversation_ids, times):
            self.births[frame.tenant, one.conversation_id] = one


def lagging_of(ids: Sequence[str], kept: Sequence[Conversation], born: Sequence[Conversation]) -> bytes:
    """What `Lacking` learns of a frame whose entries are of these conversations."""
    if not kept and not born:
        return b""
    numbers = {one: number for number, one in enumerate(ids)}
    return births.packed(_pulses_of(numbers, kept) if kept else b"", numbers, born)


def _pulses_of(numbers: Mapping[str, int], kept: Sequence[Conversation]) -> bytes:
    """int64 columns: each conversation's last entry here, its version, time and whether it is angry; float64: anger."""
    columns = array("q", [numbers[one.conversation_id] for one in kept])
    columns.extend([one.version for one in kept])
    columns.extend([one.updated_ms for one in kept])
    columns.extend([one.mood.is_angry for one in kept])
    return columns.tobytes() + array("d", [one.mood.anger for one in kept]).tobytes()


def _read_pulses(frame: Frame, data: bytes) -> Iterator[tuple[Name, Pulse]]:
    """What `_pulses_of` made."""
    integers, angers = array("q"), array("d")
    integers.frombytes(data[: len(data) // 5 * 4])
    angers.frombytes(data[len(data) // 5 * 4 :])
    many = len(angers)
    columns = (integers[at * many : (at + 1) * many] for at in range(4))
    for number, version, updated_ms, is_angry, anger in zip(*columns, angers, strict=True):
        pulse = Pulse(version=version, updated_ms=updated_ms, anger=anger, is_angry=bool(is_angry))
        yield (frame.tenant, frame.conversation_ids[number]), pulse

"""Protobuf's wire format where whole messages are joined without being built again.

Source: https://protobuf.dev/programming-guides/encoding/ (length-delimited records; concatenation merges).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

_CONTINUES = 0x80
_SEVEN_BITS = 0x7F
_VARINT, _LENGTH_DELIMITED, _FIXED32 = 0, 2, 5  # wire types


def tag_of_varint(number: int) -> int:
    """The byte before a bool, an enum or an integer; `number` 1 to 15."""
    return number << 3 | _VARINT


def tag_of_float(number: int) -> int:
    """The byte before a float, which follows as 4 bytes, little-endian; `number` 1 to 15."""
    return number << 3 | _FIXED32


def head(number: int, size: int) -> bytes:
    """What comes before a string, bytes or a message of that size; `number` 1 to 15."""
    return _TAGS[number] + (_SMALL[size] if size < MANY else _varint(size))


@cache
def heads(number: int) -> Sequence[bytes]:
    """All of `head` for sizes below MANY, to be looked up where a call for each would be dear."""
    return [_TAGS[number] + one for one in _SMALL]


def framed(number: int, some: Sequence[bytes]) -> Iterator[bytes]:
    """What comes before each of these: `head`, a column at a time."""
    sizes = list(map(len, some))
    if max(sizes, default=0) < MANY:
        return map(heads(number).__getitem__, sizes)
    return (head(number, size) for size in sizes)


def field(number: int, data: bytes) -> bytes:
    """A length-delimited field: a string, bytes or a message; `number` 1 to 15."""
    size = len(data)
    return _TAGS[number] + (_SMALL[size] if size < MANY else _varint(size)) + data


def text(number: int, value: str) -> bytes:
    """A string field, nothing where it is empty; `number` 1 to 15."""
    return field(number, value.encode()) if value else b""


def true(number: int) -> bytes:
    """A bool field that is true; `number` 1 to 15."""
    return bytes((tag_of_varint(number), 1))


def first_text(message: bytes) -> str:
    """The string field 1 of a message, where it stands first and is shorter than 128 bytes; else nothing."""
    if not message.startswith(_TAGS[1]) or message[1:2] >= b"\x80":
        return ""
    return message[2 : 2 + message[1]].decode(errors="replace") if len(message) > 1 else ""


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > _SEVEN_BITS:
        parts.append(value & _SEVEN_BITS | _CONTINUES)
        value >>= 7
    parts.append(value)
    return bytes(parts)


_TAGS = [bytes((number << 3 | _LENGTH_DELIMITED,)) for number in range(16)]
MANY = 4096  # most fields are shorter
_SMALL = [_varint(size) for size in range(MANY)]

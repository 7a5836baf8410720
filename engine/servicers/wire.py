"""Protobuf's wire format where whole messages are joined without being built again.

Source: https://protobuf.dev/programming-guides/encoding/ (length-delimited records; concatenation merges).
"""

from __future__ import annotations

_LENGTH_DELIMITED = 2
_CONTINUES = 0x80
_SEVEN_BITS = 0x7F


def field(number: int, data: bytes) -> bytes:
    """A length-delimited field; `number` 1 to 15."""
    return bytes((number << 3 | _LENGTH_DELIMITED,)) + _varint(len(data)) + data


def true(number: int) -> bytes:
    """A bool field that is true; `number` 1 to 15."""
    return bytes((number << 3, 1))


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > _SEVEN_BITS:
        parts.append(value & _SEVEN_BITS | _CONTINUES)
        value >>= 7
    parts.append(value)
    return bytes(parts)

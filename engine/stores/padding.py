"""Lets a shorter protobuf message take the place of a longer one.

Source: https://protobuf.dev/programming-guides/encoding/ (fields of unknown numbers are passed over; a varint may be
longer than it must).
"""

from __future__ import annotations

from typing import Final

_TAG: Final = bytes((0xFA, 0xE1, 0x09))  # field 19999, of the range that no message may use, length-delimited
_SEVEN_BITS: Final = 0x7F
_LENGTH_BYTES: Final = 4  # of the varint behind the tag; 2**28 is more than a message has
_LEAST: Final = len(_TAG) + _LENGTH_BYTES


def padded(message: bytes, size: int) -> bytes | None:
    """The message and zeros that its reader passes over, `size` bytes in all; None where they do not fit in."""
    gap = size - len(message)
    if not gap:
        return message
    if gap < _LEAST:
        return None
    zeros = gap - _LEAST
    length = bytes(
        zeros >> 7 * place & _SEVEN_BITS | (0x80 if place < _LENGTH_BYTES - 1 else 0)
        for place in range(_LENGTH_BYTES)
    )
    return b"".join((message, _TAG, length, bytes(zeros)))

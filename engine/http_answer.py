"""An answer of HTTP/1.1, out of the bytes that arrive.

Strict where two readers could differ on where an answer ends, since the next one comes by the same connection.
Source: RFC 9112, sections 4 to 8.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from engine.http_call import MOST_READ, Answer, BrokenAnswerError

_MOST_ALL = 4 * MOST_READ  # bytes, whatever they are
_MOST_HEAD = 1 << 16  # bytes
_MOST_LINE = 1 << 10  # bytes before a chunk
_STATUS = re.compile(r"HTTP/1\.([01]) (\d{3})(?: .*)?")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LENGTH = re.compile(r"[0-9]{1,15}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?")
_INTERIM = range(100, 200)
_BODILESS = (204, 304)
_SWITCHING = 101


class AnswerReader:
    """Of one call, which is no HEAD."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._body = bytearray()
        self._seen = 0  # bytes
        self._left = 0  # bytes of the body or of the chunk
        self._status = 0
        self._headers: dict[str, str] = {}
        self._step: Callable[[], bool] = self._read_head
        self._is_kept = False
        self.is_whole = False

    @property
    def is_untouched(self) -> bool:
        """Whether nothing has arrived."""
        return not self._status and not self._buffer

    @property
    def leaves_connection(self) -> bool:
        """Whether another call may go by the same connection."""
        return self.is_whole and self._is_kept and not self._buffer

    @property
    def answer(self) -> Answer:
        """What has arrived, once it `is_whole`; a body of more than MOST_READ bytes was cut off."""
        return Answer(status=self._status, headers=self._headers, body=bytes(self._body))

    def feed(self, data: bytes) -> None:
        """Take what has arrived. Raises: BrokenAnswerError."""
        self._seen += len(data)
        _limit(self._seen, _MOST_ALL)
        self._buffer += data
        while not self.is_whole and self._step():
            pass

    def end(self) -> None:
        """Nothing more will come: where no length was told, that is the end. Raises: BrokenAnswerError."""
        if self._step == self._read_rest:
            self.is_whole = True
        elif not self.is_whole:
            raise BrokenAnswerError("the connection was closed before the answer was whole")

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            _limit(len(self._buffer), _MOST_HEAD)
            return False
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        found = _STATUS.fullmatch(first)
        if found is None or int(found[2]) == _SWITCHING:
            raise BrokenAnswerError("the answer is none of HTTP/1.1")
        if int(found[2]) in _INTERIM:
            return True
        self._status, self._headers = int(found[2]), _headers(lines)
        closes = "close" in self._headers.get("connection", "").lower()
        self._is_kept = found[1] == "1" and not closes
        self._step = self._after_head()
        return True

    def _after_head(self) -> Callable[[], bool]:
        """How the body is read."""
        coding, length = self._headers.get("transfer-encoding"), self._headers.get("content-length")
        if self._status in _BODILESS:
            return self._read_body
        if coding is not None:
            if coding.lower() != "chunked" or length is not None:
                raise BrokenAnswerError("the answer does not tell in one way how long it is")
            return self._read_chunk_line
        if length is None:
            self._is_kept = False
            return self._read_rest
        if not _LENGTH.fullmatch(length):
            raise BrokenAnswerError("the answer does not tell in one way how long it is")
        self._left = int(length)
        return self._read_body

    def _read_body(self) -> bool:
        self._take()
        self.is_whole = self.is_whole or not self._left
        return False

    def _read_rest(self) -> bool:
        self._left = len(self._buffer)
        self._take()
        return False

    def _read_chunk_line(self) -> bool:
        line = self._line(_MOST_LINE)
        if line is None:
            return False
        found = _CHUNK.fullmatch(line)
        if found is None:
            raise BrokenAnswerError("the answer has a broken chunk")
        self._left = int(found[1], 16)
        self._step = self._read_chunk if self._left else self._read_trailer
        return True

    def _read_chunk(self) -> bool:
        self._take()
        if self._left or len(self._buffer) < 2:  # noqa: PLR2004  # the line end that follows
            return False
        if self._buffer[:2] != b"\r\n":
            raise BrokenAnswerError("the answer has a broken chunk")
        del self._buffer[:2]
        self._step = self._read_chunk_line
        return True

    def _read_trailer(self) -> bool:
        line = self._line(_MOST_HEAD)
        if line == b"":
            self.is_whole = True
        return bool(line)

    def _line(self, most: int) -> bytes | None:
        """The next line, where all of it has arrived."""
        end = self._buffer.find(b"\r\n")
        _limit(len(self._buffer) if end < 0 else end, most)
        if end < 0:
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _take(self) -> None:
        """Move what has arrived of the body; beyond the limit, be done with it and with the connection."""
        taken = self._buffer[: self._left]
        del self._buffer[: self._left]
        self._left -= len(taken)
        self._body += taken
        if len(self._body) > MOST_READ:
            self.is_whole, self._is_kept = True, False


def _headers(lines: list[str]) -> dict[str, str]:
    """By their names in lower case; of several of a name, all."""
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _NAME.fullmatch(name):
            raise BrokenAnswerError("the answer has a broken header")
        known, said = found.get(name.lower()), value.strip(" \t")
        found[name.lower()] = said if known is None else f"{known}, {said}"
    return found


def _limit(size: int, most: int) -> None:
    if size > most:
        raise BrokenAnswerError(f"the answer has a part of more than {most} bytes")

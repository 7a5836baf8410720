from __future__ import annotations

import pytest

from engine.http_answer import AnswerReader
from engine.http_call import MOST_READ, BrokenAnswerError

OK = b"HTTP/1.1 200 OK\r\n"


def read(data: bytes, size: int = 0) -> AnswerReader:
    """All of it, in pieces of this size."""
    reader = AnswerReader()
    for start in range(0, len(data), size or len(data)):
        reader.feed(data[start : start + (size or len(data))])
    return reader


@pytest.mark.parametrize("size", [0, 1, 7])
@pytest.mark.parametrize(
    ("data", "body", "stays"),
    [
        (OK + b"Content-Length: 5\r\n\r\nhello", b"hello", True),
        (
            OK + b"Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nA: b\r\n\r\n",
            b"hello",
            True,
        ),
        (OK + b"Content-Length: 5\r\nConnection: Close\r\n\r\nhello", b"hello", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello", False),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 0\r\n\r\n", b"", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
        (OK + b"Content-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK", b"hello", False),
    ],
    ids=["length", "chunks", "closing", "1.0", "interim", "no content", "more than was asked for"],
)
def test_an_answer_is_read_however_it_is_cut(data: bytes, body: bytes, stays: bool, size: int) -> None:
    reader = read(data, size)

    assert (reader.is_whole, reader.answer.body) == (True, body)
    assert reader.leaves_connection is stays


def test_without_a_length_the_end_of_the_connection_is_the_answers() -> None:
    reader = read(OK + b"\r\nhello")
    assert not reader.is_whole
    reader.end()

    assert (reader.is_whole, reader.answer.body, reader.leaves_connection) == (True, b"hello", False)


def test_of_several_headers_of_a_name_all_are_told() -> None:
    answer = read(OK + b"X-A: 1\r\nx-a:2 \r\nContent-Length: 0\r\n\r\n").answer

    assert (answer.status, answer.headers) == (200, {"x-a": "1, 2", "content-length": "0"})


@pytest.mark.parametrize(
    "data",
    [
        OK + b"Content-Length: 5\r\n\r\nhell",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        OK + b"Content-Le",
    ],
)
def test_an_answer_that_ends_early_is_none(data: bytes) -> None:
    with pytest.raises(BrokenAnswerError, match="before the answer was whole"):
        read(data).end()


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        OK + b"Content-Length: -1\r\n\r\n",
        OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        OK + b"Content-Length : 5\r\n\r\n",
        OK + b" folded\r\n\r\n",
        OK + b"A: " + b"b" * (1 << 17),
    ],
)
def test_what_two_readers_could_read_in_two_ways_is_refused(data: bytes) -> None:
    with pytest.raises(BrokenAnswerError):
        read(data)


@pytest.mark.parametrize(
    "start",
    [b"Content-Length: 99999999\r\n\r\n", b"\r\n", b"Transfer-Encoding: chunked\r\n\r\nfffffff\r\n"],
    ids=["length", "none", "chunk"],
)
def test_an_endless_body_is_cut_off_and_its_connection_is_not_used_again(start: bytes) -> None:
    reader = AnswerReader()
    reader.feed(OK + start)
    while not reader.is_whole:
        reader.feed(b"x" * (1 << 16))

    assert MOST_READ < len(reader.answer.body) < MOST_READ * 2
    assert not reader.leaves_connection


def test_answers_to_nothing_are_not_read_for_ever() -> None:
    with pytest.raises(BrokenAnswerError, match="more than"):
        read(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 200_000)

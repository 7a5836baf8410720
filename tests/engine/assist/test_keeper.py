"""Vectors from one start of the engine to the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from structlog.testing import capture_logs

from engine.assist import block
from engine.assist.block import BlockMaker, ReplyVectors
from engine.assist.index import FlatReplyIndex, build_index
from engine.assist.keeper import Keeper
from engine.assist.library import Library
from engine.assist.words import Lexicon
from engine.domain import Reply
from engine.ports import Encoding
from engine.stores.vector_folder import VectorFolder
from tests.fakes import FakeClassifier, make_reply

REPLIES = [make_reply(f"r{number}", title=f"title{number}", text=f"word{number}") for number in range(40)]


class Counting(FakeClassifier):
    """Knows what it encoded; `shift` makes it read texts otherwise."""

    def __init__(self, *, encoder: str = "fake-1", shift: int = 0) -> None:
        self.id = encoder
        self.shift = shift
        self.texts: list[str] = []

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        self.texts += texts
        return np.roll(super().encode(texts), self.shift, axis=1)


@contextmanager
def started(folder: Path, reader: Counting | None = None) -> Iterator[Library]:
    """A library as an engine has it that starts with this folder."""
    reader = reader or Counting()
    vectors = ReplyVectors(encoder=reader, intents=reader.intents)
    encoding = Encoding(encoder=reader.id, width=reader.dimension)
    made = Library(
        maker=BlockMaker(
            vectors=vectors, lexicon=Lexicon(counter=reader, texts=()), quick=FlatReplyIndex, full=build_index
        ),
        width=reader.dimension,
        samples=(),
        keeper=Keeper(store=VectorFolder(folder), vectors=vectors, encoding=encoding),
    )
    yield made
    made.settle()
    made.close()


def vectors(library: Library) -> dict[str, bytes]:
    """Of each current reply."""
    shelf = library.shelf("shop", "en")
    assert shelf is not None
    return {
        reply.reply_id: part.block.vectors[row].tobytes()
        for part in shelf.parts
        for row, reply in part.replies()
    }


def encoded(folder: Path, replies: Sequence[Reply], reader: Counting | None = None) -> int:
    """How many texts a start with these replies encodes, until all is well."""
    reader = reader or Counting()
    with started(folder, reader) as library:
        library.load("shop", replies)
        library.settle()
    return len(reader.texts)


ONE = 2  # texts: the title, and the title with the text; that one reply is read again is the check of the others


@pytest.mark.parametrize("soon", [10, 1000])
def test_a_second_start_takes_the_vectors_of_the_first(
    tmp_path: Path, soon: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block, "SOON", soon)
    with started(tmp_path) as library:
        library.load("shop", REPLIES)
        library.settle()
        first = vectors(library)
    reader = Counting()
    with started(tmp_path, reader) as library:
        library.load("shop", REPLIES)
        library.settle()
        second = vectors(library)

    assert len(reader.texts) == ONE
    assert second == first


def test_what_was_put_and_changed_is_kept_too(tmp_path: Path) -> None:
    changed = [replace(REPLIES[0], text="other"), *REPLIES[1:], make_reply("new", text="more")]
    with started(tmp_path) as library:
        library.load("shop", REPLIES)
        library.put("shop", [changed[0], changed[-1]])

    assert encoded(tmp_path, changed) == ONE


def test_what_is_new_since_is_encoded_alone(tmp_path: Path) -> None:
    encoded(tmp_path, REPLIES)

    assert encoded(tmp_path, [*REPLIES, make_reply("new", text="more")]) == 2 * ONE


def test_nothing_is_left_of_a_deleted_reply(tmp_path: Path) -> None:
    with started(tmp_path) as library:
        library.load("shop", REPLIES)
        gone = vectors(library)["r7"][: 4 * FakeClassifier.dimension]
        library.delete("shop", "r7")
    (file,) = tmp_path.rglob("*.vectors")

    assert gone not in file.read_bytes()
    assert encoded(tmp_path, [*REPLIES[:7], *REPLIES[8:]]) == ONE


def test_nothing_is_left_of_what_others_deleted_while_the_engine_was_away(tmp_path: Path) -> None:
    with started(tmp_path) as library:
        library.load("shop", REPLIES)
        gone = vectors(library)["r7"][: 4 * FakeClassifier.dimension]
    encoded(tmp_path, REPLIES[:7])
    (file,) = tmp_path.rglob("*.vectors")

    assert gone not in file.read_bytes()


def test_a_reply_deleted_while_its_block_is_merged_stays_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block, "SOON", 10)
    with started(tmp_path) as library:
        library.load("shop", REPLIES)
        library.delete("shop", "r7")
        library.settle()
        left = vectors(library)

    assert "r7" not in left
    assert encoded(tmp_path, REPLIES) == 2 * ONE


def test_another_encoder_s_vectors_are_not_used(tmp_path: Path) -> None:
    encoded(tmp_path, REPLIES)

    assert encoded(tmp_path, REPLIES, Counting(encoder="fake-2")) == len(REPLIES) * ONE


def test_vectors_that_would_be_others_today_are_ignored_with_a_note(tmp_path: Path) -> None:
    encoded(tmp_path, REPLIES)
    with capture_logs() as logs:
        again = encoded(tmp_path, REPLIES, Counting(shift=1))

    assert again == len(REPLIES) * ONE + ONE
    assert "vectors_ignored" in {one["event"] for one in logs}
    assert encoded(tmp_path, REPLIES, Counting(shift=1)) == ONE


def test_a_damaged_file_is_made_again(tmp_path: Path) -> None:
    encoded(tmp_path, REPLIES)
    (file,) = tmp_path.rglob("*.vectors")
    file.write_bytes(bytes(byte ^ 1 for byte in file.read_bytes()))
    again = encoded(tmp_path, REPLIES)

    assert again == len(REPLIES) * ONE
    assert encoded(tmp_path, REPLIES) == ONE


def test_many_that_are_not_known_are_there_at_once_and_read_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block, "SOON", 10)
    with started(tmp_path) as library:
        library.load("shop", REPLIES)
        there = len(library.replies("shop"))
        library.settle()
        made = vectors(library)
    expected = ReplyVectors(encoder=FakeClassifier(), intents=FakeClassifier.intents).of(REPLIES)

    assert there == len(REPLIES)
    assert made == {one.reply_id: vector.tobytes() for one, vector in zip(REPLIES, expected, strict=True)}


def test_tenants_do_not_share_vectors(tmp_path: Path) -> None:
    reader = Counting()
    with started(tmp_path, reader) as library:
        library.load("shop", REPLIES)
        library.load("other", REPLIES)

    assert len(reader.texts) == 2 * len(REPLIES) * ONE

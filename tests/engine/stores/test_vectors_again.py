"""What a restarted engine need not read again, whatever its store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from engine.assist.assembly import Assist, Surroundings, assemble
from engine.assist.slot import SLOTS
from engine.assist.wanted import Wanted
from engine.servicers.codec import ProtoCodec
from engine.stores.vector_folder import VectorFolder
from tests.engine.assist.test_keeper import Counting
from tests.engine.stores.conformance import Opener
from tests.fakes import TENANT, FakeClock, make_reply

REPLIES = [make_reply(f"r{number}", title=f"title{number}", text=f"word{number}") for number in range(20)]


@contextmanager
def started(opener: Opener, folder: Path, reader: Counting) -> Iterator[Assist]:
    """The assist of an engine that starts with this store and this folder."""
    with closing(opener()) as store:
        assist = assemble(
            Surroundings(
                store=store.assist,
                classifier=reader,
                codec=ProtoCodec(),
                clock=FakeClock(),
                samples=(),
                slots=SLOTS,
                vectors=VectorFolder(folder / "vectors"),
            )
        )
        assist.bookkeeper.ready(TENANT)
        yield assist
        assist.library.close()


def suggested(assist: Assist) -> list[str]:
    """To an agent who has typed the beginning of all titles."""
    ranked = assist.suggester.suggest(TENANT, Wanted(typed="title", language="en", limit=20))
    return [one.reply.reply_id for one in ranked.suggestions]


def test_a_restarted_engine_suggests_without_encoding_its_replies_again(
    opener: Opener, tmp_path: Path
) -> None:
    with started(opener, tmp_path, Counting()) as assist:
        assist.bookkeeper.put(TENANT, REPLIES)
        first = suggested(assist)
        assist.bookkeeper.delete(TENANT, "r3")
    reader = Counting()
    with started(opener, tmp_path, reader) as assist:
        second = suggested(assist)

    assert len(first) == 20
    assert second == [one for one in first if one != "r3"]
    assert len(reader.texts) < 5  # what was typed, and one reply to see that texts are read as before

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np
import pytest

from engine.assist import block, change
from engine.assist.block import BlockMaker, ReplyVectors
from engine.assist.index import FlatReplyIndex, build_index
from engine.assist.libraries import Libraries
from engine.assist.library import Library
from engine.assist.shelf import Part, Shelf
from engine.assist.visibility import Place
from engine.assist.words import Lexicon
from tests.fakes import FakeClassifier, make_reply

FAKE = FakeClassifier()
SAMPLES = [make_reply("s1", text="parcel"), make_reply("s2", text="包裹", language="zh")]


def make_library() -> Library:
    vectors = ReplyVectors(encoder=FAKE, intents=FAKE.intents)
    lexicon = Lexicon(counter=FAKE, texts=())
    maker = BlockMaker(vectors=vectors, lexicon=lexicon, quick=FlatReplyIndex, full=build_index)
    return Library(maker=maker, width=FAKE.dimension, samples=SAMPLES)


@pytest.fixture
def library() -> Iterator[Library]:
    made = make_library()
    yield made
    made.close()


def texts(library: Library, tenant: str = "shop") -> dict[str, str]:
    return {reply.reply_id: reply.text for reply in library.replies(tenant)}


def test_tenants_with_the_samples_share_one_shelf(library: Library) -> None:
    library.load("a", SAMPLES)
    library.load("b", list(reversed(SAMPLES)))

    assert library.shelf("a", "en") is library.shelf("b", "en")


def test_a_change_of_one_tenant_is_not_seen_by_another(library: Library) -> None:
    library.load("a", SAMPLES)
    library.load("b", SAMPLES)
    library.put("a", [make_reply("s1", text="changed")])
    library.delete("b", "s2")

    assert texts(library, "a") == {"s1": "changed", "s2": "包裹"}
    assert texts(library, "b") == {"s1": "parcel"}


def test_a_reply_that_changes_its_language_moves(library: Library) -> None:
    library.load("shop", SAMPLES)
    library.put("shop", [make_reply("s1", text="包裹", language="zh")])

    assert library.shelf("shop", "en") is None
    assert library.reply("shop", "s1") == make_reply("s1", text="包裹", language="zh")


def test_many_small_changes_are_merged_and_lose_nothing(library: Library) -> None:
    library.load("shop", [])
    for number in range(50):
        library.put("shop", [make_reply(f"r{number % 30}", text=f"version {number}")])
    library.settle()

    shelf = library.shelf("shop", "en")
    assert shelf is not None
    assert len(shelf.parts) <= change.MANY_PARTS + 1
    assert texts(library) == {f"r{number % 30}": f"version {number}" for number in range(20, 50)}


def test_a_large_shelf_can_be_searched_before_and_after_it_is_indexed_in_full(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block, "SOON", 10)
    library.load("shop", [make_reply(f"r{number}", text=f"word{number}") for number in range(40)])
    wanted = np.hstack([FAKE.encode(["word7"]), np.zeros((1, len(FAKE.intents) + 1), np.float32)])
    at_once = library.shelf("shop", "en")
    library.settle()
    settled = library.shelf("shop", "en")

    for shelf in (at_once, settled):
        assert shelf is not None
        assert "r7" in {one.reply.reply_id for one in shelf.search(wanted, Place(now_ms=1), 3)[0]}
    assert settled is not None
    assert settled.parts[0].block.typed is not None


def test_what_changes_while_a_merge_runs_is_kept(library: Library) -> None:
    library.load("shop", [make_reply("a", text="one"), make_reply("b", text="two")])
    shelf = library.shelf("shop", "en")
    assert shelf is not None
    old = shelf.parts
    merged_block = library._maker.make([reply for part in old for _, reply in part.replies()])
    library.put("shop", [make_reply("a", text="newer")])
    library.delete("shop", "b")
    now = library.shelf("shop", "en")
    assert now is not None

    after = change.merged(now, old, merged_block)

    assert [reply.text for reply in after.replies()] == ["newer"]


def test_deleting_all_leaves_no_shelf(library: Library) -> None:
    library.load("shop", SAMPLES)
    library.delete("shop", "s1")

    assert library.shelf("shop", "en") is None
    assert library.shelf("nobody", "en") is None


def test_many_replies_put_on_a_large_shelf_are_found_by_what_is_typed(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block, "SOON", 10)
    library.load("shop", [make_reply(f"r{number}", text=f"word{number}") for number in range(300)])
    library.settle()
    library.put("shop", [make_reply(f"n{number}", title=f"fresh{number}") for number in range(20)])
    library.settle()
    shelf = library.shelf("shop", "en")

    assert shelf is not None
    assert shelf.has_typed("fresh7")


def test_a_reply_is_merged_a_few_times_however_many_follow_it() -> None:
    vectors = ReplyVectors(encoder=FAKE, intents=FAKE.intents)
    maker = BlockMaker(
        vectors=vectors, lexicon=Lexicon(counter=FAKE, texts=()), quick=FlatReplyIndex, full=build_index
    )
    shelf, indexed = Shelf((Part(maker.make([make_reply(f"r{n}") for n in range(600)])),), FAKE.dimension), 0
    for number in range(300):
        shelf = change.changed(shelf, {}, maker.make([make_reply(f"n{number}")]))
        while old := change.to_merge(shelf):
            indexed += sum(part.count() for part in old)
            shelf = change.merged(
                shelf, old, maker.make([reply for part in old for _, reply in part.replies()])
            )

    assert len(shelf.replies()) == 900
    assert indexed < 300 * 12


def test_another_bundle_s_library_holds_for_each_tenant_what_the_first_does(library: Library) -> None:
    for tenant in ("a", "b", "c", "d"):
        library.load(tenant, SAMPLES)
    library.put("b", [make_reply("s1", text="changed")])
    with contextlib.closing(make_library()) as other:
        Libraries(library).prepare(other)
        library.delete("c", "s1")
        Libraries(library).prepare(other)  # some time after it went and before it comes back

        assert [texts(other, tenant) for tenant in "abcd"] == [texts(library, tenant) for tenant in "abcd"]
        assert other.shelf("a", "zh") is other.shelf("d", "zh")

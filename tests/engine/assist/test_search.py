from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.assist import search
from engine.assist.block import Block, BlockMaker, ReplyVectors
from engine.assist.index import FlatReplyIndex, build_index
from engine.assist.query import Query
from engine.assist.shelf import Part, Shelf
from engine.assist.visibility import Place
from engine.assist.words import Lexicon
from engine.domain import Reply, Suggestion
from tests.fakes import FakeClassifier, make_reply

FAKE = FakeClassifier()
LEXICON = Lexicon(counter=FAKE, texts=("the parcel", "the money", "the card"))
MAKER = BlockMaker(
    vectors=ReplyVectors(encoder=FAKE, intents=FAKE.intents),
    lexicon=LEXICON,
    quick=FlatReplyIndex,
    full=build_index,
)


def shelf(*replies: Reply) -> Shelf:
    return Shelf((Part(MAKER.make(replies)),), FAKE.dimension)


def query(text: str = "", *, intent: str = "", certainty: float = 1.0, words: str = "") -> Query:
    columns = [*FAKE.intents, "out_of_scope"]
    intents = np.array([certainty * (name == intent) for name in columns], dtype=np.float32)
    return Query(
        vector=np.hstack([FAKE.encode([text])[0], intents]),
        width=FAKE.dimension,
        words=LEXICON.words([words]),
        certainty=1.0,
        languages=("en",),
        intent=intent,
    )


def found(one: Shelf, wanted: Query, typed: str, limit: int = 9) -> list[Suggestion]:
    return search.search(one, wanted, typed, Place(now_ms=1000), limit)


def ids(suggestions: Sequence[Suggestion]) -> list[str]:
    return [one.reply.reply_id for one in suggestions]


def test_a_title_that_begins_with_what_was_typed_comes_first() -> None:
    one = shelf(
        make_reply("inside", text="all about refunds", title="Money"),
        make_reply("starts", text="x", title="Refund done"),
        make_reply("neither", text="y"),
    )

    assert ids(found(one, query(), "refund")) == ["starts", "inside", "neither"]


def test_what_was_typed_and_what_was_said_count_together() -> None:
    one = shelf(
        make_reply("typed", title="Refund", text="x"),
        make_reply("both", title="Refund", text="y", intent="refund.request"),
        make_reply("said", title="Money", text="z", intent="refund.request"),
    )

    suggestions = found(one, query(intent="refund.request", certainty=0.9), "ref")

    assert ids(suggestions) == ["both", "typed", "said"]


def test_what_was_typed_is_found_however_many_replies_there_are() -> None:
    crowd = [make_reply(f"r{number}", text="where is my parcel") for number in range(300)]
    one = shelf(*crowd, make_reply("rare", text="warranty card"))

    assert ids(found(one, query("where is my parcel"), "where", limit=1)) != ["rare"]
    assert ids(found(one, query(), "warranty", limit=1)) == ["rare"]


def test_typed_patterns_are_only_characters() -> None:
    one = shelf(make_reply("a", text="costs {amount} (net)"), make_reply("b"))

    assert len(found(one, query(), ".*[")) == 2
    assert len(found(one, query(), "{amount} (")) == 2


def test_equal_scores_come_by_id() -> None:
    one = shelf(*(make_reply(name, text="same") for name in "dbca"))

    assert ids(found(one, query("same"), "same", limit=4)) == list("abcd")


def test_the_reply_that_shares_the_rare_word_comes_first() -> None:
    one = shelf(make_reply("often", text="the parcel"), make_reply("rare", text="the points"))

    assert ids(found(one, query(words="the points"), "")) == ["rare", "often"]


def test_words_that_are_in_no_reply_change_nothing() -> None:
    one = shelf(make_reply("a", text="parcel"), make_reply("b", text="money"))

    assert ids(found(one, query("money", words="zebra"), "")) == ["b", "a"]


def test_a_block_without_words_is_searched_all_the_same() -> None:
    replies = [make_reply("a", text="parcel"), make_reply("b", text="money")]
    vectors = ReplyVectors(encoder=FAKE, intents=FAKE.intents).of(replies)
    quick = Shelf((Part(Block(replies, index=FlatReplyIndex(vectors))),), FAKE.dimension)

    assert ids(found(quick, query("money", words="parcel"), "mo")) == ["b", "a"]


def test_what_was_typed_is_offered_only_where_it_is_for() -> None:
    one = shelf(make_reply("all"), make_reply("vip", teams=frozenset({"vip"})))

    assert ids(search.search(one, query(), "text", Place(now_ms=1), 9)) == ["all"]
    assert ids(search.search(one, query(), "text", Place(now_ms=1, team="vip"), 9)) == ["all", "vip"]


def test_what_was_near_before_and_is_gone_is_not_offered() -> None:
    one = shelf(*(make_reply(f"r{number}", text=f"parcel {number}") for number in range(5)))
    before = ids(found(one, query("parcel 3"), ""))
    later = Shelf(tuple(part.without({"r3": None}) for part in one.parts), one.width)

    assert "r3" in before
    assert sorted(ids(found(later, query("parcel 3"), ""))) == ["r0", "r1", "r2", "r4"]


def test_dates_count_at_every_keystroke() -> None:
    one = shelf(make_reply("a", valid_until_ms=10), make_reply("b", valid_from_ms=10))

    assert ids(search.search(one, query(), "", Place(now_ms=9), 9)) == ["a"]
    assert ids(search.search(one, query(), "", Place(now_ms=10), 9)) == ["b"]

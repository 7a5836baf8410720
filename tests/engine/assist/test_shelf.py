from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from engine.assist.block import BlockMaker, ReplyVectors
from engine.assist.change import changed
from engine.assist.index import FlatReplyIndex, build_index
from engine.assist.shelf import Part, Shelf
from engine.assist.visibility import Place
from engine.assist.words import Lexicon
from engine.domain import Reply, Suggestion
from tests.fakes import FakeClassifier, make_reply

FAKE = FakeClassifier()
MAKER = BlockMaker(
    vectors=ReplyVectors(encoder=FAKE, intents=FAKE.intents),
    lexicon=Lexicon(counter=FAKE, texts=()),
    quick=FlatReplyIndex,
    full=build_index,
)
NOW = Place(now_ms=1000)


def shelf(*replies: Reply) -> Shelf:
    return Shelf((Part(MAKER.make(replies)),), FAKE.dimension)


def query(text: str = "", *, intent: str = "", certainty: float = 1.0) -> npt.NDArray[np.float32]:
    columns = [*FAKE.intents, "out_of_scope"]
    intents = np.array([certainty * (name == intent) for name in columns], dtype=np.float32)
    return np.hstack([FAKE.encode([text])[0], intents])


def ids(suggestions: Sequence[Suggestion]) -> list[str]:
    return [one.reply.reply_id for one in suggestions]


def search(
    one: Shelf, wanted: npt.NDArray[np.float32], limit: int = 9, place: Place = NOW
) -> list[Suggestion]:
    return one.search(wanted[np.newaxis], place, limit)[0]


def test_the_nearest_text_comes_first() -> None:
    found = search(
        shelf(make_reply("far", text="something else"), make_reply("near", text="parcel on its way")),
        query("where is my parcel"),
    )

    assert ids(found) == ["near", "far"]
    assert found[0].similarity > found[1].similarity


def test_a_reply_is_found_by_a_question_that_it_answers() -> None:
    one = shelf(
        make_reply("asked", text="we will look", questions=("where is my parcel",)),
        make_reply("other", text="we will see"),
    )

    assert ids(search(one, query("where is my parcel"))) == ["asked", "other"]


def test_a_certain_intent_outweighs_a_near_text() -> None:
    one = shelf(
        make_reply("near", text="where is my parcel"),
        make_reply("meant", text="x y", intent="refund.request"),
    )

    assert ids(search(one, query("where is my", intent="refund.request"))) == ["meant", "near"]
    assert ids(search(one, query("where is my", intent="refund.request", certainty=0.2))) == ["near", "meant"]


def test_replies_for_what_is_out_of_scope_are_found_by_it() -> None:
    found = search(
        shelf(make_reply("any"), make_reply("oos", intent="out_of_scope")), query(intent="out_of_scope")
    )

    assert ids(found) == ["oos", "any"]


def test_the_similarity_is_a_cosine() -> None:
    (found,) = search(shelf(make_reply(title="", text="where parcel")), query("where parcel"))

    assert found.similarity == pytest.approx(1.0)


def test_no_more_are_given_than_asked_for_or_there() -> None:
    three = shelf(*(make_reply(name) for name in "abc"))

    assert [len(search(three, query("text"), limit)) for limit in (1, 3, 20)] == [1, 3, 3]


def test_each_query_has_its_own_answer() -> None:
    one = shelf(make_reply("a", text="parcel"), make_reply("b", text="money"))
    found = one.search(np.stack([query("money"), query("parcel")]), NOW, 1)

    assert [ids(suggestions) for suggestions in found] == [["b"], ["a"]]


@pytest.mark.parametrize(
    ("place", "seen"),
    [
        (Place(now_ms=1), ["all"]),
        (Place(now_ms=1, team="vip"), ["all", "vip"]),
        (Place(now_ms=1, channel=3), ["all", "wechat"]),
        (Place(now_ms=1, channel=4), ["all"]),
        (Place(now_ms=50), ["all", "dated"]),
        (Place(now_ms=99), ["all", "dated"]),
        (Place(now_ms=100), ["all"]),
    ],
)
def test_only_what_is_for_this_place_is_found(place: Place, seen: list[str]) -> None:
    one = shelf(
        make_reply("all"),
        make_reply("vip", teams=frozenset({"vip"})),
        make_reply("wechat", channels=frozenset({3})),
        make_reply("dated", valid_from_ms=50, valid_until_ms=100),
    )

    assert sorted(ids(search(one, query("text"), place=place))) == seen


def test_filters_hold_inside_the_search_not_after_it() -> None:
    crowd = [make_reply(f"r{number}", text="parcel", teams=frozenset({"a"})) for number in range(200)]
    one = shelf(*crowd, make_reply("mine", text="quite another thing", teams=frozenset({"b"})))

    assert ids(search(one, query("parcel"), 3, Place(now_ms=1, team="b"))) == ["mine"]


def test_what_was_put_later_is_found_beside_what_was_there() -> None:
    first = shelf(make_reply("a", text="parcel"), make_reply("b", text="money"))
    later = changed(first, {}, MAKER.make([make_reply("c", text="parcel here")]))

    assert ids(search(later, query("parcel here"), 2)) == ["c", "a"]
    assert ids(search(first, query("parcel here"), 2)) == ["a", "b"]


def test_a_replaced_reply_is_found_only_as_it_is_now() -> None:
    first = shelf(make_reply("a", text="parcel"), make_reply("b", text="money"))
    new = make_reply("a", text="warranty card")
    later = changed(first, {"a": new}, MAKER.make([new]))

    assert [one.reply.text for one in search(later, query("parcel"), 9) if one.reply.reply_id == "a"] == [
        "warranty card"
    ]
    assert later.reply("a") == new

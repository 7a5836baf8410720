from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from engine.assist.index import FaissReplyIndex
from engine.assist.shelf import Shelf
from engine.domain import Reply, Suggestion
from tests.fakes import FakeClassifier, make_reply

FAKE = FakeClassifier()


def shelf(*replies: Reply) -> Shelf:
    return Shelf(replies, encoder=FAKE, intents=FAKE.intents, build=FaissReplyIndex)


def query(text: str = "", *, intent: str = "", certainty: float = 1.0) -> npt.NDArray[np.float32]:
    columns = [*FAKE.intents, "out_of_scope"]
    intents = np.array([certainty * (name == intent) for name in columns], dtype=np.float32)
    return np.hstack([FAKE.encode([text])[0], intents])


def ids(suggestions: list[Suggestion]) -> list[str]:
    return [one.reply.reply_id for one in suggestions]


def search(one: Shelf, wanted: npt.NDArray[np.float32], limit: int = 9) -> list[Suggestion]:
    return one.search(wanted[np.newaxis], limit)[0]


def test_the_nearest_text_comes_first() -> None:
    found = search(
        shelf(make_reply("far", text="something else"), make_reply("near", text="parcel on its way")),
        query("where is my parcel"),
    )

    assert ids(found) == ["near", "far"]
    assert found[0].similarity > found[1].similarity


def test_a_certain_intent_outweighs_a_near_text() -> None:
    found = search(
        shelf(
            make_reply("near", text="where is my parcel"),
            make_reply("meant", text="x y", intent="refund.request"),
        ),
        query("where is my", intent="refund.request"),
    )

    assert ids(found) == ["meant", "near"]


def test_an_uncertain_intent_does_not() -> None:
    found = search(
        shelf(
            make_reply("near", text="where is my parcel"),
            make_reply("meant", text="x y", intent="refund.request"),
        ),
        query("where is my", intent="refund.request", certainty=0.2),
    )

    assert ids(found) == ["near", "meant"]


def test_replies_for_what_is_out_of_scope_are_found_by_it() -> None:
    found = search(
        shelf(make_reply("any"), make_reply("oos", intent="out_of_scope")), query(intent="out_of_scope")
    )

    assert ids(found) == ["oos", "any"]


def test_a_reply_of_an_intent_that_the_bundle_does_not_know_is_found_by_its_text() -> None:
    found = search(shelf(make_reply("old", text="parcel", intent="gone.intent")), query("parcel"))

    assert ids(found) == ["old"]


def test_the_similarity_is_the_cosine_with_title_and_text() -> None:
    (found,) = search(shelf(make_reply(title="parcel", text="where")), query("where parcel"))

    assert found.similarity == pytest.approx(1.0)


def test_no_more_are_given_than_asked_for_or_there() -> None:
    three = shelf(*(make_reply(name) for name in "abc"))

    assert [len(search(three, query("text"), limit)) for limit in (1, 3, 20)] == [1, 3, 3]


def test_each_query_has_its_own_answer() -> None:
    one = shelf(make_reply("a", text="parcel"), make_reply("b", text="money"))
    found = one.search(np.stack([query("money"), query("parcel")]), 1)

    assert [ids(suggestions) for suggestions in found] == [["b"], ["a"]]


def test_a_title_that_starts_with_what_was_typed_comes_first() -> None:
    one = shelf(
        make_reply("inside", text="all about refunds", title="Money"),
        make_reply("starts", text="x", title="Refund done"),
        make_reply("neither", text="y"),
    )

    assert ids(one.search_typed(query(), "refund", 9)) == ["starts", "inside", "neither"]


def test_one_typed_character_is_enough() -> None:
    one = shelf(make_reply("b", text="你好"), make_reply("a", text="退款已到账"))

    assert ids(one.search_typed(query(), "退", 1)) == ["a"]


def test_what_was_typed_is_found_however_many_replies_there_are() -> None:
    crowd = [make_reply(f"r{number}", text="where is my parcel") for number in range(300)]
    one = shelf(*crowd, make_reply("rare", text="warranty card"))

    assert ids(one.search_typed(query("where is my parcel"), "where", 1)) != ["rare"]
    assert ids(one.search_typed(query(), "warranty", 1)) == ["rare"]


def test_typed_braces_and_patterns_are_only_characters() -> None:
    one = shelf(make_reply("a", text="costs {amount} (net)"), make_reply("b"))

    assert ids(one.search_typed(query(), "{amount} (", 1)) == ["a"]
    assert len(one.search_typed(query(), ".*[", 9)) == 2


def test_equal_scores_keep_the_order_of_the_shelf() -> None:
    one = shelf(*(make_reply(name, text="same") for name in "abcd"))

    assert ids(one.search_typed(query("same"), "same", 4)) == list("abcd")

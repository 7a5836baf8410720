from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from engine.assist.wanted import Wanted
from engine.domain import Suggestion
from engine.errors import InvalidArgumentError, NotFoundError
from engine.stores.sqlite import SQLiteStore
from tests.fakes import TENANT, Desk, FieldValue, make_desk, make_reply

SAMPLES = [
    make_reply("track", text="your parcel is on its way", title="Tracking", intent="shipping.track"),
    make_reply("refund", text="your money is on its way", title="Refund", intent="refund.request"),
    make_reply("物流", text="您的包裹在路上", title="物流", intent="shipping.track", language="zh"),
]


@pytest.fixture
def seeded(embedded: SQLiteStore) -> Desk:
    return make_desk(embedded, samples=SAMPLES)


def suggest(desk: Desk, tenant: str = TENANT, *, context: str = "", **wanted: FieldValue) -> list[str]:
    return [one.reply.reply_id for one in found(desk, tenant, context=context, **wanted)]


def found(
    desk: Desk, tenant: str = TENANT, *, context: str = "", **wanted: FieldValue
) -> Sequence[Suggestion]:
    desk.assist.bookkeeper.ready(tenant)
    asked = replace(Wanted(messages=(context,), limit=9), **wanted)
    return desk.assist.suggester.suggest(tenant, asked).suggestions


def test_a_new_tenant_starts_with_the_samples(seeded: Desk) -> None:
    assert seeded.assist.bookkeeper.replies("new") == sorted(SAMPLES, key=lambda one: one.reply_id)


def test_a_tenant_that_removed_the_samples_does_not_get_them_again(
    seeded: Desk, embedded: SQLiteStore
) -> None:
    for reply in SAMPLES:
        seeded.assist.bookkeeper.delete(TENANT, reply.reply_id)
    restarted = make_desk(embedded, samples=SAMPLES)

    assert restarted.assist.bookkeeper.replies(TENANT) == []
    assert suggest(restarted, context="shipping.track") == []


def test_a_tenants_first_own_reply_stands_beside_the_samples(seeded: Desk) -> None:
    seeded.assist.bookkeeper.put(TENANT, [make_reply("own")])

    assert {one.reply_id for one in seeded.assist.bookkeeper.replies(TENANT)} == {
        "own",
        "track",
        "refund",
        "物流",
    }


def test_what_the_customer_said_decides_the_order(seeded: Desk) -> None:
    assert suggest(seeded, context="refund.request") == ["refund", "track"]
    assert suggest(seeded, context="shipping.track") == ["track", "refund"]


def test_what_is_typed_decides_the_order(seeded: Desk) -> None:
    assert suggest(seeded, typed="Ref") == ["refund", "track"]
    assert suggest(seeded, typed="track") == ["track", "refund"]


def test_what_is_typed_refines_what_the_customer_said(seeded: Desk) -> None:
    seeded.assist.bookkeeper.put(TENANT, [make_reply("track2", text="late, sorry", intent="shipping.track")])

    assert suggest(seeded, context="shipping.track", typed="late")[0] == "track2"
    assert suggest(seeded, context="shipping.track", typed="parcel")[0] == "track"


def test_the_customers_language_wins_over_the_typed_one(seeded: Desk) -> None:
    assert suggest(seeded, context="shipping.track 在哪", typed="way") == ["物流"]


def test_the_language_asked_for_wins_over_both(seeded: Desk) -> None:
    assert "track" in suggest(seeded, context="shipping.track 在哪", typed="物流", language="en")


def test_the_typed_language_counts_where_nothing_was_said(seeded: Desk) -> None:
    assert suggest(seeded, typed="物") == ["物流"]


def test_a_conversation_without_a_text_still_has_suggestions(seeded: Desk) -> None:
    assert suggest(seeded, context="", typed="", language="en")
    assert isinstance(suggest(seeded, context="", typed=""), list)


def test_a_language_without_replies_has_no_suggestions(embedded: SQLiteStore) -> None:
    desk = make_desk(embedded, samples=[make_reply(language="zh")])

    assert suggest(desk, typed="zzz") == []


def test_a_similarity_is_a_cosine_whatever_was_given(seeded: Desk) -> None:
    text = "your parcel is on its way"
    some = found(seeded, typed=text, context=text, language="en")

    assert all(-1.0001 <= one.similarity <= 1.0001 for one in some)
    assert some[0].similarity > 0.5


def test_a_new_reply_is_suggested_at_once(seeded: Desk) -> None:
    suggest(seeded, typed="warranty")
    seeded.assist.bookkeeper.put(TENANT, [make_reply("new", text="warranty card")])

    assert suggest(seeded, typed="warranty")[0] == "new"


def test_a_changed_reply_is_suggested_as_it_is_now(seeded: Desk) -> None:
    suggest(seeded, typed="way")
    seeded.assist.bookkeeper.put(TENANT, [make_reply("track", text="warranty card", language="zh")])

    assert suggest(seeded, typed="way") == ["refund"]
    assert suggest(seeded, typed="warranty", language="zh")[0] == "track"


def test_a_deleted_reply_is_not_suggested_any_more(seeded: Desk) -> None:
    suggest(seeded, typed="way")
    seeded.assist.bookkeeper.delete(TENANT, "refund")

    assert suggest(seeded, typed="way") == ["track"]


def test_deleting_what_is_not_there_is_refused(seeded: Desk) -> None:
    with pytest.raises(NotFoundError, match=r"shop has no reply nothing"):
        seeded.assist.bookkeeper.delete(TENANT, "nothing")


def test_replies_of_tenants_are_apart(seeded: Desk) -> None:
    seeded.assist.bookkeeper.put("a", [make_reply("only-a", text="warranty")])
    seeded.assist.bookkeeper.delete("b", "track")

    assert suggest(seeded, "b", typed="warranty") == ["refund"]
    assert suggest(seeded, "a", typed="warranty")[0] == "only-a"


def test_letters_alone_may_be_pinyin_or_a_word(embedded: SQLiteStore) -> None:
    desk = make_desk(
        embedded,
        samples=[
            make_reply("zh", text="", title="物流查询", language="zh"),
            make_reply("en", text="", title="wulong tea"),
        ],
    )

    assert set(suggest(desk, typed="wul")) == {"zh", "en"}


def test_the_last_message_counts_most(seeded: Desk) -> None:
    seeded.assist.bookkeeper.ready(TENANT)
    first, second = (
        Wanted(messages=messages, limit=9)
        for messages in (("refund.request", "shipping.track"), ("shipping.track", "refund.request"))
    )
    scores = [
        {one.reply.reply_id: one.score for one in seeded.assist.suggester.suggest(TENANT, asked).suggestions}
        for asked in (first, second)
    ]

    assert scores[0]["track"] > scores[0]["refund"]
    assert scores[1]["refund"] > scores[0]["refund"]


def test_known_facts_fill_slots_and_open_slots_are_named(seeded: Desk) -> None:
    seeded.assist.bookkeeper.put(
        TENANT,
        [
            make_reply(
                "late", text="{order_id} leaves {ship_date}", slots=("order_id", "ship_date"), title="Late"
            )
        ],
    )
    (late,) = found(seeded, typed="late", facts={"order_id": "A1"}, limit=1)

    assert (late.text, late.open_slots) == ("A1 leaves {ship_date}", ("ship_date",))


def test_an_unknown_slot_is_refused_when_it_is_put(seeded: Desk) -> None:
    with pytest.raises(InvalidArgumentError, match=r"own: \{weather\} is no slot; known are address"):
        seeded.assist.bookkeeper.put(TENANT, [make_reply("own", text="{weather}", slots=("weather",))])

    assert seeded.assist.library.reply(TENANT, "own") is None


@pytest.mark.parametrize(("text", "sent"), [("a {{b", "a {b"), ("a }} b", "a } b"), ("{{x}}", "{x}")])
def test_a_doubled_brace_is_sent_as_one_also_without_facts(seeded: Desk, text: str, sent: str) -> None:
    seeded.assist.bookkeeper.put(TENANT, [make_reply("own", text=text)])
    (own,) = [one for one in found(seeded, context="shipping.track") if one.reply.reply_id == "own"]

    assert own.text == sent


def test_only_what_was_asked_before_is_known_until_it_is_forgotten(seeded: Desk) -> None:
    suggester, asked = seeded.assist.suggester, Wanted(messages=("refund.request",), typed="R", limit=3)
    seeded.assist.bookkeeper.ready(TENANT)
    first = suggester.suggest_known(TENANT, asked)
    listed = suggester.suggest(TENANT, replace(asked, typed=""))

    assert first is None
    assert suggester.suggest_known(TENANT, replace(asked, typed="")) == listed
    assert suggester.suggest_known(TENANT, asked) is not None
    suggester.forget()
    assert suggester.suggest_known(TENANT, asked) is None

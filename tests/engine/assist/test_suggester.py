from __future__ import annotations

import pytest

from engine.errors import NotFoundError
from engine.stores.sqlite import SQLiteStore
from tests.fakes import TENANT, Desk, make_desk, make_reply

SAMPLES = [
    make_reply("track", text="your parcel is on its way", title="Tracking", intent="shipping.track"),
    make_reply("refund", text="your money is on its way", title="Refund", intent="refund.request"),
    make_reply("物流", text="您的包裹在路上", title="物流", intent="shipping.track", language="zh"),
]


@pytest.fixture
def seeded(embedded: SQLiteStore) -> Desk:
    return make_desk(embedded, samples=SAMPLES)


def suggest(desk: Desk, tenant: str = TENANT, **wanted: str) -> list[str]:
    fields = {"typed": "", "context": "", "language": ""} | wanted
    return [one.reply.reply_id for one in desk.suggester.suggest(tenant, limit=9, **fields)]


def test_a_new_tenant_starts_with_the_samples(seeded: Desk) -> None:
    assert seeded.suggester.replies("new") == sorted(SAMPLES, key=lambda one: one.reply_id)


def test_a_tenant_that_removed_the_samples_does_not_get_them_again(
    seeded: Desk, embedded: SQLiteStore
) -> None:
    for reply in SAMPLES:
        seeded.suggester.delete(TENANT, reply.reply_id)
    restarted = make_desk(embedded, samples=SAMPLES)

    assert restarted.suggester.replies(TENANT) == []
    assert suggest(restarted, context="shipping.track") == []


def test_a_tenants_first_own_reply_stands_beside_the_samples(seeded: Desk) -> None:
    seeded.suggester.put(TENANT, make_reply("own"))

    assert {one.reply_id for one in seeded.suggester.replies(TENANT)} == {"own", "track", "refund", "物流"}


def test_what_the_customer_said_decides_the_order(seeded: Desk) -> None:
    assert suggest(seeded, context="refund.request please") == ["refund", "track"]
    assert suggest(seeded, context="shipping.track please") == ["track", "refund"]


def test_what_is_typed_decides_the_order(seeded: Desk) -> None:
    assert suggest(seeded, typed="Ref") == ["refund", "track"]
    assert suggest(seeded, typed="track") == ["track", "refund"]


def test_what_is_typed_refines_what_the_customer_said(seeded: Desk) -> None:
    seeded.suggester.put(TENANT, make_reply("track2", text="late, sorry", intent="shipping.track"))

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

    assert suggest(desk, typed="text") == []


def test_a_similarity_is_a_cosine_whatever_was_given(seeded: Desk) -> None:
    text = "your parcel is on its way"
    found = seeded.suggester.suggest(TENANT, typed=text, context=text, language="en", limit=9)

    assert all(-1.0001 <= one.similarity <= 1.0001 for one in found)
    assert found[0].similarity > 0.8


def test_a_new_reply_is_suggested_at_once(seeded: Desk) -> None:
    suggest(seeded, typed="warranty")
    seeded.suggester.put(TENANT, make_reply("new", text="warranty card"))

    assert suggest(seeded, typed="warranty")[0] == "new"


def test_a_changed_reply_is_suggested_as_it_is_now(seeded: Desk) -> None:
    suggest(seeded, typed="way")
    seeded.suggester.put(TENANT, make_reply("track", text="warranty card", language="zh"))

    assert suggest(seeded, typed="way") == ["refund"]
    assert suggest(seeded, typed="warranty", language="zh")[0] == "track"


def test_a_deleted_reply_is_not_suggested_any_more(seeded: Desk) -> None:
    suggest(seeded, typed="way")
    seeded.suggester.delete(TENANT, "refund")

    assert suggest(seeded, typed="way") == ["track"]


def test_deleting_what_is_not_there_is_refused(seeded: Desk) -> None:
    with pytest.raises(NotFoundError, match=r"shop has no reply nothing"):
        seeded.suggester.delete(TENANT, "nothing")


def test_replies_of_tenants_are_apart(seeded: Desk) -> None:
    seeded.suggester.put("a", make_reply("only-a", text="warranty"))
    seeded.suggester.delete("b", "track")

    assert suggest(seeded, "b", typed="warranty") == ["refund"]
    assert suggest(seeded, "a", typed="warranty")[0] == "only-a"

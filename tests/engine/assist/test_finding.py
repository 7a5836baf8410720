from __future__ import annotations

from collections.abc import Sequence

import pytest

from engine.assist import finding, near
from engine.assist.finding import Finding, FindingKind, Known
from engine.assist.learning import Record
from engine.assist.slot import SLOTS
from engine.domain import Reply
from tests.fakes import FakeClassifier, make_reply

FAKE = FakeClassifier()
DAY = 86_400_000
LONG = "we looked into it and your parcel will be with you by the end of next week, sorry"


def lint(*replies: Reply, now_ms: int = 0, **records: Record) -> list[Finding]:
    known = Known(SLOTS, FAKE.intents)
    return finding.lint(replies, pairs=near.pairs(replies, FAKE), records=records, known=known, now_ms=now_ms)


def kinds(found: Sequence[Finding]) -> list[tuple[FindingKind, str, str]]:
    return [(one.kind, one.reply_id, one.other_reply_id) for one in found]


def test_sound_replies_have_no_findings() -> None:
    assert lint(make_reply("a", text="your parcel"), make_reply("b", text="quite another thing")) == []


def test_the_same_text_is_a_duplicate_whatever_its_spaces_and_width() -> None:
    found = lint(make_reply("b", text=LONG), make_reply("a", text=LONG.upper().replace(" ", "  ")))

    assert kinds(found) == [(FindingKind.DUPLICATE, "a", "b")]
    assert found[0].similarity == 1


def test_nearly_the_same_text_is_a_near_duplicate() -> None:
    found = lint(make_reply("a", text=LONG), make_reply("b", text=LONG.replace("sorry", "sorry!")))

    assert kinds(found) == [(FindingKind.NEAR_DUPLICATE, "a", "b")]
    assert 0.85 <= found[0].similarity < 1


def test_texts_in_two_languages_are_no_duplicates() -> None:
    assert lint(make_reply("a", text=LONG), make_reply("b", text=LONG, language="zh")) == []


def test_only_pairs_with_the_named_replies_are_reported_on_import() -> None:
    replies = [make_reply(name, text=LONG) for name in "abc"]

    assert {(one.one, one.other) for one in near.pairs(replies, FAKE, frozenset({"c"}))} == {
        ("a", "c"),
        ("b", "c"),
    }


def test_two_answers_to_one_question_contradict() -> None:
    one = make_reply("a", text="yes, within seven days", questions=("Can I return it?",))
    other = make_reply("b", text="no, all sales are final", questions=("can i return it?",))

    assert kinds(lint(one, other)) == [(FindingKind.CONTRADICTION, "a", "b")]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"teams": frozenset({"x"})}, {"teams": frozenset({"y"})}),
        ({"channels": frozenset({1})}, {"channels": frozenset({2})}),
        ({"valid_until_ms": 50}, {"valid_from_ms": 50}),
    ],
)
def test_answers_that_never_meet_do_not_contradict(
    first: dict[str, object], second: dict[str, object]
) -> None:
    one = make_reply("a", text="yes, within seven days", title="Return?", **first)
    other = make_reply("b", text="no, all sales are final", title="Return?", **second)

    assert lint(one, other) == []


def test_a_slot_that_nothing_fills_is_found() -> None:
    assert kinds(lint(make_reply("a", text="{x} {order_id}", slots=("x", "order_id")))) == [
        (FindingKind.UNKNOWN_SLOT, "a", "")
    ]


def test_a_text_that_a_channel_does_not_take_is_found() -> None:
    long = "字" * 301

    assert kinds(lint(make_reply("weibo", text=long, channels=frozenset({17})))) == [
        (FindingKind.TOO_LONG, "weibo", "")
    ]
    assert lint(make_reply("mail", text=long, channels=frozenset({6}))) == []


def test_what_is_often_shown_and_never_taken_is_found() -> None:
    assert kinds(lint(make_reply("a"), a=Record(shown=50))) == [(FindingKind.NEVER_USED, "a", "")]
    assert lint(make_reply("a"), a=Record(shown=49)) == []
    assert lint(make_reply("a"), a=Record(shown=50, accepted=1, taken_ms=1)) == []


def test_what_is_past_its_dates_or_untouched_for_long_is_stale() -> None:
    later = 200 * DAY

    assert kinds(lint(make_reply("a", valid_until_ms=DAY), now_ms=later)) == [(FindingKind.STALE, "a", "")]
    assert kinds(lint(make_reply("a", updated_ms=DAY), now_ms=later)) == [(FindingKind.STALE, "a", "")]
    assert lint(make_reply("a", updated_ms=DAY), now_ms=later, a=Record(taken_ms=150 * DAY)) == []
    assert lint(make_reply("sample"), now_ms=later) == []


def test_an_intent_that_the_bundle_does_not_know_is_told_with_the_nearest_one() -> None:
    found = lint(
        make_reply("a", intent="refund.requests"), make_reply("b", intent="refund.request", text="y")
    )

    assert kinds(found) == [(FindingKind.UNKNOWN_INTENT, "a", "")]
    assert "is it refund.request?" in found[0].message

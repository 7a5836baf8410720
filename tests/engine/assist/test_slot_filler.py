from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.assist import fact, markup
from engine.assist.slot import SLOTS, SlotFiller
from engine.domain import Filled
from engine.errors import InvalidArgumentError

FILLER = SlotFiller(SLOTS)
SLACK, WECHAT, WEB = 13, 3, 1


def fill(text: str, language: str = "en", channel: int = WEB, **facts: str) -> Filled:
    return FILLER.fill(text, facts, language=language, channel=channel)


def test_known_slots_are_filled_and_open_ones_stay_and_are_named() -> None:
    filled = fill(
        "{customer_name}: {order_id}, {order_id}, {tracking_no}", order_id="A1", customer_name="Wang"
    )

    assert filled == Filled("Wang: A1, A1, {tracking_no}", ("tracking_no",))


def test_doubled_braces_are_sent_as_one() -> None:
    assert fill("{{order_id}} {{}}", order_id="A1") == Filled("{order_id} {}", ())


@pytest.mark.parametrize(
    ("slot", "value", "language", "shown"),
    [
        ("ship_date", "2026-11-28", "zh", "11月28日"),
        ("ship_date", "2026-11-28T08:00:00+08:00", "en", "28 Nov"),
        ("ship_date", "明天", "zh", "明天"),
        ("ship_date", "2026-13-45", "zh", None),
        ("amount", "39.9", "zh", "39.90"),
        ("amount", "CNY 39.9", "zh", "¥39.90"),
        ("amount", "39元", "zh", "¥39"),
        ("amount", "$1,299.00", "en", "$1,299.00"),
        ("amount", "a lot", "en", None),
        ("order_id", "SF-2026/11#7", "en", "SF-2026/11#7"),
        ("order_id", "<script>", "en", None),
        ("order_id", "x" * 65, "en", None),
        ("customer_name", "  王\n小\t明 ", "zh", "王 小 明"),
        ("customer_name", "a\u202eb\x00c", "en", "ab c"),
        ("customer_name", "\u200b", "en", None),
        ("customer_name", "", "en", None),
    ],
)
def test_a_value_is_written_as_its_slot_and_language_ask_or_not_used(
    slot: str, value: str, language: str, shown: str | None
) -> None:
    assert fact.shown(value, SLOTS[slot], language) == shown


def test_tags_are_taken_off_values_on_channels_that_read_them() -> None:
    link = '<a href="http://x">me</a>'

    assert fill("{customer_name}", channel=WECHAT, customer_name=link).text == '＜a href="http://x"＞me＜/a＞'
    assert fill("{customer_name}", channel=SLACK, customer_name="<!channel>").text == "＜!channel＞"
    assert fill("{customer_name}", channel=WEB, customer_name="<3").text == "<3"
    assert markup.escape(markup.escape(link, WECHAT), WECHAT) == markup.escape(link, WECHAT)


def test_an_unknown_slot_is_refused_with_what_there_is() -> None:
    with pytest.raises(
        InvalidArgumentError, match=r"reply.text: \{weather\} is no slot; known are address, agent"
    ):
        FILLER.check(("order_id", "weather"))


PAYLOADS = (
    "{{7*7}}", "${7*7}", "#{7*7}", "<%= 7*7 %>", "{%% print(1) %%}", "{order_id}", "{0}", "{order_id.__class__}",
    "{order_id!r}", "%(order_id)s", "%s", "%n", "$order_id", "`id`", "$(id)", "; rm -rf /", "' OR 1=1 --",
    "{{config.items()}}", "{{''.__class__.__mro__[1].__subclasses__()}}", "__import__('os').system('id')",
    "{{constructor.constructor('return process')()}}", "*{T(java.lang.Runtime)}", "@(7*7)", "[[${7*7}]]", "\\x41",
)  # fmt: skip
WRAPS = ("{}", " {}", "{} ", "a{}b", "王{}", "{}{}", "x {} y {}", "“{}”", "[{}]", "({})")
INJECTIONS = [
    wrap.replace("{}", payload) + mark
    for payload, wrap, mark in itertools.product(PAYLOADS, WRAPS, ("", "!", "?", "。"))
]


def test_a_thousand_injections_are_only_characters() -> None:
    assert len(set(INJECTIONS)) >= 1000
    for injection in INJECTIONS:
        filled = fill("Dear {customer_name}, {order_id}", customer_name=injection, order_id="A1")
        expected = " ".join(injection.split())
        if len(expected) <= 64:
            assert filled == Filled(f"Dear {expected}, A1", ())
        else:
            assert filled == Filled("Dear {customer_name}, A1", ("customer_name",))


@given(st.text(max_size=80))
def test_no_value_ever_opens_a_slot_or_a_line(value: str) -> None:
    filled = fill("{product_name}|{order_id}", product_name=value, order_id="A1")

    assert filled.text.endswith("|A1")
    assert not re.search(r"[\x00-\x1f\u2028\u2029]", filled.text)

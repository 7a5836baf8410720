from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.assist.slot import slots
from engine.errors import InvalidArgumentError


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ()),
        ("no slots here", ()),
        ("order {order_id} of {name}", ("order_id", "name")),
        ("{b} then {a} then {b}", ("b", "a")),
        ("您的订单{order_id}已发货", ("order_id",)),
        ("{a}{b}", ("a", "b")),
        ("{{literal}}", ()),
        ("{{{name}}}", ("name",)),
        ("{{}}", ()),
        ("{a1_2}", ("a1_2",)),
        ("{" + "a" * 64 + "}", ("a" * 64,)),
    ],
)
def test_slots_are_found_in_order_each_once(text: str, names: tuple[str, ...]) -> None:
    assert slots(text) == names


@pytest.mark.parametrize(
    "text",
    [
        "$name ${name}$ #{{name}}",
        "%(name)s %s",
        "{{ config.items() }}",
        "{{7*7}}",
        "<% import os %> `id` $(id)",
        "\\{{x\\}}",
    ],
)
def test_what_other_languages_would_run_is_literal(text: str) -> None:
    assert slots(text.replace("${name}", "")) == ()


@pytest.mark.parametrize(
    ("text", "brace"),
    [
        ("{", "'{' at character 1"),
        ("}", "'}' at character 1"),
        ("a {b", "'{' at character 3"),
        ("a b}", "'}' at character 4"),
        ("{}", "'{' at character 1"),
        ("{ name }", "'{' at character 1"),
        ("{Name}", "'{' at character 1"),
        ("{1a}", "'{' at character 1"),
        ("{0}", "'{' at character 1"),
        ("{a.b}", "'{' at character 1"),
        ("{a[0]}", "'{' at character 1"),
        ("{a!r}", "'{' at character 1"),
        ("{a:>10}", "'{' at character 1"),
        ("{名}", "'{' at character 1"),
        ("{{{}", "'{' at character 3"),
        ("{{a}", "'}' at character 4"),
        ("{a.__class__.__init__.__globals__}", "'{' at character 1"),
        ("{" + "a" * 65 + "}", "'{' at character 1"),
    ],
)
def test_a_brace_that_belongs_to_no_slot_is_refused_where_it_stands(text: str, brace: str) -> None:
    with pytest.raises(InvalidArgumentError) as raised:
        slots(text)

    assert raised.value.field == "reply.text"
    assert brace in str(raised.value)
    assert "double the brace" in str(raised.value)


@given(st.text("{}a_1.", max_size=30))
def test_any_text_has_slots_or_a_plain_refusal(text: str) -> None:
    try:
        found = slots(text)
    except InvalidArgumentError:
        return

    filled = text.replace("{{", "").replace("}}", "") if not found else text
    assert found or not {"{", "}"} & set(filled)

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidArgumentError
from engine.servicers import check


def refusal(call: Callable[..., object], *args: object) -> str:
    with pytest.raises(InvalidArgumentError) as raised:
        call(*args)
    return str(raised.value)


@pytest.mark.parametrize("value", ["a", "A.b_c-9", "x" * 64])
def test_an_identifier_is_made_of_plain_characters(value: str) -> None:
    check.identifier("id", value)


@pytest.mark.parametrize("value", ["", "x" * 65, "a b", "a/b", "é", "a\n", "a\x00"])
def test_any_other_identifier_is_refused(value: str) -> None:
    assert refusal(check.identifier, "id", value).startswith("id: must be 1 to 64 of")


def test_a_text_is_measured_in_bytes() -> None:
    check.at_most("text", "款" * 3, 9)

    assert refusal(check.at_most, "text", "款" * 4, 9) == "text: is 12 bytes long, the limit is 9"


def test_a_required_text_is_not_empty() -> None:
    check.filled("text", "x", 1)

    assert refusal(check.filled, "text", "", 9) == "text: is required"


@pytest.mark.parametrize("value", [0, 1000])
def test_both_ends_of_a_range_are_in_it(value: int) -> None:
    check.between("page_size", value, 0, 1000)


@pytest.mark.parametrize("value", [-1, 1001])
def test_beyond_the_ends_it_is_refused(value: int) -> None:
    assert refusal(check.page_size, value) == f"page_size: is {value}, must be 0 to 1000"


def test_no_page_size_is_a_hundred() -> None:
    assert [check.page_size(size) for size in (0, 1, 1000)] == [100, 1, 1000]


@pytest.mark.parametrize("token", ["-1", "1.0", "a", " 1", "1e3", "9" * 19, "9" * 5000])
def test_a_page_token_that_no_page_gave_is_refused(token: str) -> None:
    assert refusal(check.page_number, token) == "page_token: is not one that a page gave"


def test_a_page_token_is_a_sequence() -> None:
    assert [check.page_number(token) for token in ("", "7", str(2**63 - 1))] == [0, 7, 2**63 - 1]


@given(ids=st.sets(st.text("abc", min_size=1, max_size=3)).map(sorted), size=st.integers(1, 5))
def test_pages_by_id_join_without_gap_or_repeat(ids: list[str], size: int) -> None:
    seen: list[str] = []
    token = ""
    for _ in range(len(ids) + 1):
        page, token = check.page_by_id(ids, token, size)
        seen += page
        if not token:
            break

    assert seen == ids


def test_a_page_goes_on_after_an_id_that_is_gone() -> None:
    assert check.page_by_id(["a", "c", "d"], "b", 1) == (["c"], "c")

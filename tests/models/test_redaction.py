from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.redaction import found, is_card_number, is_identity_number, redact

ID_WEIGHTS = [2 ** (17 - place) % 11 for place in range(17)]
DAYS = st.dates().filter(lambda day: day.year >= 1900).map(lambda day: f"{day:%Y%m%d}")
SEPARATORS = st.sampled_from(["", " ", "-"])
AROUND_ZH = st.sampled_from(["", "我的是", "麻烦看一下，", "（", "打这个："])
AROUND_EN = st.sampled_from(["", "it's ", "please use ", "(", "call: "])
AFTER = st.sampled_from(["", "，谢谢", ". Thanks!", ")", "\n", "。"])


def with_check(seventeen: str) -> str:
    total = sum(weight * int(digit) for weight, digit in zip(ID_WEIGHTS, seventeen, strict=True))
    return seventeen + "0123456789X"[(12 - total) % 11]


def luhn(number: str) -> str:
    """The number with its check digit, worked out the slow way."""
    for check in "0123456789":
        digits = [int(one) for one in number + check]
        doubled = [
            d if place % 2 == 0 else sum(divmod(2 * d, 10)) for place, d in enumerate(reversed(digits))
        ]
        if sum(doubled) % 10 == 0:
            return number + check
    raise AssertionError


def digits(count: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=count, max_size=count)


def grouped(number: str, separator: str) -> str:
    return separator.join(number[at : at + 4] for at in range(0, len(number), 4))


def wide(number: str) -> str:
    return "".join(chr(ord(one) + 0xFEE0) for one in number)


MOBILES = st.builds("1{}{}".format, st.sampled_from("3456789"), digits(9))
IDENTITIES = st.builds("{}{}{}".format, st.sampled_from(["110105", "440301", "510107"]), DAYS, digits(3)).map(
    with_check
)
CARDS = (
    st.builds(
        str.__add__, st.sampled_from(["622202", "621700", "4", "51"]), st.integers(9, 11).flatmap(digits)
    )
    .map(luhn)
    .filter(lambda number: len(number) >= 14)
)
NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=12)
EMAILS = st.builds(
    "{}.{}@{}.{}".format, NAMES, NAMES, NAMES, st.sampled_from(["com", "com.cn", "co.uk", "org"])
)


@given(AROUND_ZH, MOBILES, st.sampled_from(["", "+86 ", "0086", "86-"]), AFTER)
def test_no_mobile_number_is_left(before: str, number: str, prefix: str, after: str) -> None:
    assert redact(f"{before}{prefix}{number}{after}") == f"{before}[phone]{after}"


@given(AROUND_ZH, MOBILES, AFTER, st.sampled_from(["零一二三四五六七八九", "〇幺二三四五六七八九"]))
def test_no_mobile_number_in_chinese_or_wide_digits_is_left(
    before: str, number: str, after: str, names: str
) -> None:
    spelt = "".join(names[int(digit)] for digit in number)

    assert redact(f"{before}{wide(number)}{after}") == f"{before}[phone]{after}"
    assert redact(f"{before}{spelt}{after}") == f"{before}[phone]{after}"


@pytest.mark.parametrize(
    "number",
    [
        "010-62345678",
        "0755 2345 6789",
        "(415) 555-0132",
        "415-555-0132",
        "+44 20 7946 0958",
        "+1 (415) 555-0132",
    ],
)
def test_other_telephone_numbers_are_taken_out(number: str) -> None:
    assert redact(f"call {number} today") == "call [phone] today"


@given(AROUND_ZH, IDENTITIES, AFTER, st.sampled_from([str, str.lower, wide]))
def test_no_identity_number_is_left(
    before: str, number: str, after: str, spelt: Callable[[str], str]
) -> None:
    assert is_identity_number(number)
    assert redact(f"{before}{spelt(number)}{after}") == f"{before}[id_number]{after}"


@given(IDENTITIES, st.integers(0, 9))
def test_an_identity_number_with_another_check_character_is_none(number: str, check: int) -> None:
    changed = number[:17] + str(check)

    assert is_identity_number(changed) is (changed == number)


@given(digits(17).map(with_check).filter(lambda number: not 1 <= int(number[10:12]) <= 12))
def test_an_identity_number_has_a_month(number: str) -> None:
    assert not is_identity_number(number)


@given(AROUND_EN, CARDS, SEPARATORS, AFTER)
def test_no_bank_card_is_left(before: str, number: str, separator: str, after: str) -> None:
    assert is_card_number(number)
    assert redact(f"{before}{grouped(number, separator)}{after}") == f"{before}[bank_card]{after}"


@given(CARDS, st.integers(1, 9))
def test_a_bank_card_with_another_check_digit_is_none(number: str, step: int) -> None:
    changed = number[:-1] + str((int(number[-1]) + step) % 10)

    assert not is_card_number(changed)


@given(AROUND_EN, EMAILS, AFTER)
def test_no_email_address_is_left(before: str, address: str, after: str) -> None:
    assert redact(f"{before}{address}{after}") == f"{before}[email]{after}"


@pytest.mark.parametrize(
    "address",
    [
        "北京市朝阳区建国路88号",
        "建国路88号",
        "浙江省杭州市西湖区文三路",
        "3栋2单元501室",
        "阳光花园12栋",
        "221B Baker Street",
        "88 Pine St",
        "1600 Amphitheatre Parkway Road, Suite 4",
        "P.O. Box 1234",
        "Springfield, IL 62704",
        "NW1 6XE",
    ],
)
def test_a_fragment_of_an_address_is_taken_out(address: str) -> None:
    assert redact(f"送到 {address} 谢谢") == "送到 [address] 谢谢"


@pytest.mark.parametrize(
    "text",
    [
        "密码是abc123!",
        "password: hunter22",
        "验证码 445566",
        "Bearer 9f8e7d6c5b4a",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
        "sk-a1b2c3d4e5f6g7h8i9j0",
        "https://shop.example/r?token=8c6976e5b541",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
    ],
)
def test_a_secret_is_taken_out(text: str) -> None:
    assert [name for name, _ in found(text)] == ["token"]


@pytest.mark.parametrize(
    "text",
    [
        "订单号2025111940057什么时候发货",
        "my order 114-3941689-8772232 is late",
        "去超市买了两件，一共1234.50元",
        "能不能改成XL码，2024年11月19日前到",
        "It broke on day 3, order #48213, size 40 in place of 39",
        "退款3-5个工作日到账，客服说24小时内",
        "我在上海市，你们发什么快递",
        "一二三四五，上山打老虎",
    ],
)
def test_what_is_not_personal_stays(text: str) -> None:
    assert redact(text) == text


@given(
    st.lists(st.one_of(MOBILES, IDENTITIES, CARDS, EMAILS, st.text(max_size=20)), max_size=6).map(" ".join)
)
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact(text)

    assert redact(once) == once


@given(st.lists(MOBILES, min_size=2, max_size=4), st.sampled_from([" ", "  ", "-", "\n", "，"]))
def test_numbers_side_by_side_are_each_taken_out(numbers: list[str], between: str) -> None:
    assert redact(between.join(numbers)) == between.join(["[phone]"] * len(numbers))


@given(st.text(max_size=200))
def test_what_is_found_is_in_the_text(text: str) -> None:
    assert all(characters in text for _, characters in found(text))


def test_a_long_text_is_gone_through_in_a_bounded_number_of_ways() -> None:
    """8 KiB of what the rules begin with; a careless pattern would not end."""
    letters = random.Random(1).choices("市区路号a1 -.@", k=8192)
    texts = ["1 " * 4096, "路" * 2700, "a@" * 4096, "".join(letters), "市区" * 1300]

    assert [len(redact(text)) > 0 for text in texts] == [True] * len(texts)

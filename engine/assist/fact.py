"""What is known of a customer, as it may stand in a reply."""

from __future__ import annotations

import datetime
import re
import unicodedata

MAX_VALUE = 512  # bytes
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/#-]{0,63}")
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ].*)?")
_MONEY = re.compile(r"([A-Z]{3}|[¥￥$€£])? ?(\d{1,9}(?:,\d{3})*(?:\.\d{1,2})?) ?(元|[A-Z]{3})?")
_SIGNS = {"CNY": "¥", "RMB": "¥", "元": "¥", "￥": "¥", "USD": "$", "EUR": "€", "GBP": "£"}
_LONGEST = {"name": 64, "code": 64, "text": 256, "date": 32, "money": 32}  # characters


def shown(value: str, kind: str, language: str) -> str | None:
    """The value as it is written in the language; None where it is empty or does not fit the kind."""
    plain = _plain(value)
    if not plain or len(plain) > _LONGEST[kind]:
        return None
    if kind == "code":
        return plain if _CODE.fullmatch(plain) else None
    if kind == "date":
        return _date(plain, language)
    return _money(plain) if kind == "money" else plain


def _plain(value: str) -> str:
    """One line without control, format or private characters."""
    if value.isprintable():  # most are; of what is taken away nothing is printable
        return " ".join(value.split())
    kept = "".join(
        " " if unicodedata.category(one) in ("Zl", "Zp", "Cc") else one
        for one in value
        if unicodedata.category(one) not in ("Cf", "Co", "Cn", "Cs")
    )
    return " ".join(kept.split())


def _date(value: str, language: str) -> str | None:
    """`2026-11-28` as 11月28日 or 28 Nov; other words for a day stay, such as "tomorrow"."""
    found = _DATE.fullmatch(value)
    if not found:
        return None if re.search(r"[{}<>]", value) else value
    try:
        day = datetime.date(*map(int, found.groups()))
    except ValueError:
        return None
    return f"{day.month}月{day.day}日" if language == "zh" else f"{day.day} {day:%b}"


def _money(value: str) -> str | None:
    """`CNY 39.9` as ¥39.90; a bare number is not guessed a currency."""
    found = _MONEY.fullmatch(value)
    if not found:
        return None
    sign = found[1] or found[3] or ""
    amount = found[2]
    whole, _, cents = amount.partition(".")
    amount = f"{whole}.{cents:0<2}" if cents else whole
    return f"{_SIGNS.get(sign, sign + ' ' if sign.isalpha() else sign)}{amount}" if sign else amount

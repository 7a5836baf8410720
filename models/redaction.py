"""Take out of a text what says who wrote it: numbers, addresses, secrets. What is left may be learned from.

A rule gives spans of the text; whoever comes first in `_RULES` keeps a span that two rules want. Digits may be full
width or Chinese, and have blanks, dots or dashes between them, as people write them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from itertools import chain
from typing import Final

Span = tuple[int, int]

_WIDE: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_CHINESE: Final = {ord(digit): str(value) for value, digit in enumerate("零一二三四五六七八九")}
# One character for one, so that a place in the plain text is the same place in the text.
_PLAIN: Final = (
    _WIDE | _CHINESE | {ord("〇"): "0", ord("幺"): "1", ord("兩"): "2", ord("两"): "2", 0x3000: " "}
)

_GAP: Final = "[ \\t\\u00a0\\u200b.\u2010-\u2015-]{0,2}"  # between the digits of one number
_NUMBER: Final = re.compile(
    rf"(?<![0-9A-Za-z])(?:\+|00)?[0-9](?:{_GAP}[0-9]){{6,}}(?:{_GAP}[Xx])?(?![0-9A-Za-z])"
)
_GROUP: Final = re.compile(r"\+?[0-9]+[Xx]?|[Xx]")
_MOST_GROUPS: Final = 10
_LENGTHS: Final = range(7, 21)
_ID_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # Source: GB 11643-1999
_ID_CHECKS: Final = "10X98765432"
# Issuers that give cards to people, of 14 to 19 digits; an order's number seldom begins so. Source: ISO/IEC 7812-1.
_CARD: Final = re.compile(r"(?:[34569][0-9]|22[2-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{10,17}")
_CARD_DIGITS: Final = range(14, 20)

_MOBILE: Final = re.compile(r"(?:86)?1[3-9][0-9]{9}")
_LANDLINE: Final = re.compile(r"(?:86)?0[1-9][0-9]{1,2}[2-9][0-9]{6,7}")
_AMERICAN: Final = re.compile(r"1?[2-9][0-9]{2}[2-9][0-9]{6}")
_AMERICAN_SHAPE: Final = re.compile(r"(?:1[ .-])?[0-9]{3}[ .-][0-9]{3}[ .-][0-9]{4}")
_IN_BRACKETS: Final = re.compile(
    r"(?:(?<![0-9A-Za-z])\+?[0-9]{1,3}[ -]?)?\([0-9]{2,4}\)[ -]?[0-9]{3,4}[ -]?[0-9]{4}(?![0-9])"
)

_EMAIL: Final = re.compile(
    r"[A-Za-z0-9_%+-](?:[A-Za-z0-9._%+-]{0,63})@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z])"
)
_SECRETS: Final = (
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"),  # a JSON web token
    re.compile(r"\b(?:sk|pk|rk|ghp|gho|ghs|github_pat|glpat|xox[abprs]|AKIA|ASIA|AIza)[-_A-Za-z0-9]{12,}"),
    re.compile(r"(?<=[Bb]earer )[A-Za-z0-9._~+/=-]{8,}"),
    re.compile(
        r"(?:(?<=[?&])|\b)(?:access_token|token|api_?key|sig|signature|secret|session)=[^\s&]{6,}", re.I
    ),
    re.compile(r"(?<![A-Za-z0-9])(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9_-]{28,}(?![A-Za-z0-9])"),
)
_SAID_SECRET: Final = re.compile(
    r"(?:密码|口令|验证码|动态码|校验码|password|passcode|passwd|pwd|verification code|otp|pin code)"
    r"(?:[ ]?(?:是|为|is|:|=)[ ]?|[ ])(?P<secret>(?=[!-~]{0,40}[0-9])[!-~]{4,40})",
    re.I,
)

_HAN: Final = "\u4e00-\u9fff"
_PLACE_ZH: Final = (
    # Province, city, district, town: two of them in a row, and the street behind them.
    re.compile(
        rf"(?:[{_HAN}]{{2,5}}?(?:省|自治区|特别行政区|市|州|盟))(?:[{_HAN}]{{1,5}}?(?:市|区|县|旗|镇|乡|街道)){{1,3}}"
        rf"(?:[{_HAN}0-9]{{1,12}}?(?:路|街|大道|道|巷|弄|胡同|村|小区|花园|苑|大厦|广场|里))*"
        rf"(?:[ ]?[0-9]{{1,5}}(?:号|弄|巷)?)?"
    ),
    re.compile(
        rf"[{_HAN}]{{2,8}}?(?:路|街|大道|巷|弄|胡同|村)[ ]?[0-9]{{1,5}}(?:号|弄|巷)"
        r"(?:[0-9A-Za-z]{1,4}(?:号|栋|幢|座|楼))?"
    ),
    re.compile(
        rf"[{_HAN}]{{2,8}}?(?:小区|花园|公寓|大厦|家园|新村|苑)[ ]?[0-9A-Za-z]{{1,4}}(?:号楼|栋|幢|座|号|期)"
    ),
    re.compile(
        r"[0-9A-Za-z]{1,4}(?:号楼|栋|幢|座)[ ]?(?:[0-9]{1,2}单元)?[ ]?(?:[0-9]{1,2}(?:楼|层))?"
        r"[ ]?[0-9]{2,5}(?:室|号|户)?"
    ),
    re.compile(r"[0-9]{1,2}单元[ ]?[0-9]{2,5}(?:室|号|户)?"),
)
_STREET: Final = (
    "street|st|road|rd|avenue|ave|boulevard|blvd|lane|ln|drive|dr|court|ct|square|sq|terrace|way|highway|hwy"
)
_STATES: Final = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|DC|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK|OR|"
    "PA|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY"
)
_PLACE_EN: Final = (
    re.compile(
        rf"\b[0-9]{{1,6}}[A-Za-z]?,? (?:[A-Za-z][A-Za-z'.-]{{1,20}} ){{1,3}}(?:{_STREET})\b\.?"
        r"(?:,? (?:apt|apartment|suite|ste|unit|flat|floor|#)\.? ?[0-9A-Za-z-]{1,6})?",
        re.I,
    ),
    re.compile(r"\b(?:apt|apartment|suite|flat)\.? ?#?[0-9]{1,5}[A-Za-z]?\b", re.I),
    re.compile(r"\bp\.? ?o\.? box [0-9]{1,6}\b", re.I),
    re.compile(rf"\b[A-Z][a-z]{{2,20}},? (?:{_STATES}),? [0-9]{{5}}(?:-[0-9]{{4}})?\b"),
    re.compile(r"\b[A-Z]{1,2}[0-9][A-Z0-9]? [0-9][A-Z]{2}\b"),  # a British postcode
)


def redact(text: str) -> str:
    """The text with "[phone]" and the like for what is personal; redacting twice changes nothing more."""
    parts: list[str] = []
    end = 0
    for (start, stop), name in _chosen(text):
        parts += text[end:start], f"[{name}]"
        end = stop
    return "".join([*parts, text[end:]])


def found(text: str) -> list[tuple[str, str]]:
    """What `redact` would take out, in order: what it is, and the characters."""
    return [(name, text[start:stop]) for (start, stop), name in _chosen(text)]


def is_identity_number(number: str) -> bool:
    """Whether 18 characters are a Chinese resident's number: a date that is one, and the right check character."""
    if not re.fullmatch(r"[1-9][0-9]{16}[0-9Xx]", number) or not _is_date(number[6:14]):
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_ID_WEIGHTS, number, strict=False))
    return number[17].upper() == _ID_CHECKS[total % 11]


def is_card_number(number: str) -> bool:
    """Whether digits may be a bank card's: an issuer's first ones, 14 to 19 in all, and Luhn's check digit."""
    if len(number) not in _CARD_DIGITS or not _CARD.fullmatch(number):
        return False
    doubled = [int(digit) * 2 for digit in number[-2::-2]]
    total = sum(map(int, number[-1::-2])) + sum(value - 9 * (value > 9) for value in doubled)  # noqa: PLR2004
    return total % 10 == 0


def _chosen(text: str) -> list[tuple[Span, str]]:
    plain = text.translate(_PLAIN)
    taken: list[tuple[Span, str]] = []
    for name, rule in _RULES:
        for start, stop in rule(plain, text):
            if all(stop <= other[0] or other[1] <= start for other, _ in taken):
                taken.append(((start, stop), name))
    return sorted(taken)


def _emails(plain: str, _text: str) -> Iterator[Span]:
    return (one.span() for one in _EMAIL.finditer(plain))


def _secrets(plain: str, _text: str) -> Iterator[Span]:
    yield from (one.span() for rule in _SECRETS for one in rule.finditer(plain))
    yield from (one.span("secret") for one in _SAID_SECRET.finditer(plain))


def _identities(plain: str, _text: str) -> Iterator[Span]:
    for span, number in _numbers(plain):
        if is_identity_number(number) or _is_old_identity_number(number):
            yield span


def _cards(plain: str, _text: str) -> Iterator[Span]:
    return (span for span, number in _numbers(plain) if is_card_number(number))


def _phones(plain: str, _text: str) -> Iterator[Span]:
    yield from (one.span() for one in _IN_BRACKETS.finditer(plain))
    for (start, stop), number in _numbers(plain):
        written = plain[start:stop]
        if _is_phone(number, written):
            yield start, stop


def _places(plain: str, text: str) -> Iterator[Span]:
    """House numbers may be of any kind; what stands around them is looked for in the text itself."""
    narrow = text.translate(_WIDE)
    for rule in chain(_PLACE_ZH, _PLACE_EN):
        yield from (one.span() for one in rule.finditer(narrow))
    yield from (one.span() for one in _PLACE_ZH[-2].finditer(plain))


def _numbers(plain: str) -> Iterator[tuple[Span, str]]:
    """Long numbers as they are written, and without what stands between their digits; of those that overlap the longer.

    Two numbers may stand side by side, so any neighbouring groups of digits can be one.
    """
    for run in _NUMBER.finditer(plain):
        groups = [
            (run.start() + one.start(), run.start() + one.end()) for one in _GROUP.finditer(run.group())
        ]
        for size in range(min(len(groups), _MOST_GROUPS), 0, -1):
            for first, last in zip(groups, groups[size - 1 :], strict=False):
                number = re.sub(r"[^0-9Xx]", "", plain[first[0] : last[1]]).removeprefix("00")
                if len(number) in _LENGTHS:
                    yield (first[0], last[1]), number


def _is_phone(number: str, written: str) -> bool:
    if written.startswith(("+", "00")):
        return 7 <= len(number) <= 15  # noqa: PLR2004  # Source: ITU-T E.164
    if _MOBILE.fullmatch(number) or _LANDLINE.fullmatch(number):
        return True
    return bool(_AMERICAN_SHAPE.fullmatch(written) and _AMERICAN.fullmatch(number))


def _is_old_identity_number(number: str) -> bool:
    """15 digits, without a check character, as they were given until 1999."""
    return bool(re.fullmatch(r"[1-9][0-9]{14}", number)) and _is_date(f"19{number[6:12]}")


def _is_date(digits: str) -> bool:
    try:
        born = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return born.year >= 1900  # noqa: PLR2004


_RULES: Final[tuple[tuple[str, Callable[[str, str], Iterator[Span]]], ...]] = (
    ("email", _emails),
    ("token", _secrets),
    ("id_number", _identities),
    ("bank_card", _cards),
    ("phone", _phones),
    ("address", _places),
)

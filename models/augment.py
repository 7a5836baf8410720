"""Noisy copies of messages, as other people would have typed them. The same seed gives the same copies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

Change = Callable[[str, np.random.Generator], str]

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_NEIGHBOURS: Final[Mapping[str, str]] = {
    **dict(
        zip("qwertyuiop", ("wa", "qes", "wrd", "etf", "ryg", "tuh", "yij", "uok", "ipl", "ol"), strict=True)
    ),
    **dict(
        zip("asdfghjkl", ("qsz", "adwx", "sfec", "dgrv", "fhtb", "gjyn", "hkum", "jlin", "kop"), strict=True)
    ),
    **dict(zip("zxcvbnm", ("asx", "zcd", "xvf", "cbg", "vnh", "bmj", "nk"), strict=True)),
}
_HOMOPHONES: Final = """
的得地 在再 他她它 做作 那哪 吗嘛 以已 会回 发法 货或 快块
退腿 款宽 单但 到道 钱前 换还 没每 有又 是事 收手 查差 送松
坏怀 修休 码马 号好 气起 真针 急级 订定 账帐 份分 拆猜 件见
期其 店点 寄记 等登 知之 怎子 您宁 客刻 服福 投头 诉速 优有
惠会 券卷 邮油 费非 物勿 流留 运云 改该 址只 取去 消小
"""
_SAME_SOUND: Final[Mapping[str, str]] = {
    character: group.replace(character, "") for group in _HOMOPHONES.split() for character in group
}
_ENDINGS: Final = ("", "!", "!!", "?", "...", "~", " 😭", " 🙏", "啊", " pls", " thx")
_PUNCTUATION: Final = str.maketrans("", "", "，。,.;；:：、~…")


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentSettings:
    """How noisy the copies are."""

    typo_share: float = 0.04  # of letters
    homophone_share: float = 0.04  # of Chinese characters
    bare_share: float = 0.3  # of messages that lose their punctuation
    number_share: float = 0.05  # of messages that get an order number
    ending_share: float = 0.15  # of messages that get another ending
    seed: int = 0


def augment(texts: Sequence[str], settings: AugmentSettings) -> list[str]:
    """Give one noisy copy of each text."""
    rng = np.random.default_rng(settings.seed)
    return [_vary(text, settings, rng) for text in texts]


def add_typos(text: str, share: float, rng: np.random.Generator) -> str:
    """Drop, double, replace or swap a share of the Latin letters.

    Replacements are keys nearby, half of the time.
    """
    typed: list[str] = []
    for character, chance in zip(text, rng.random(len(text)), strict=True):
        if chance < share and character.isascii() and character.isalpha():
            _mistype(typed, character, rng)
        else:
            typed.append(character)
    return "".join(typed)


def add_homophones(text: str, share: float, rng: np.random.Generator) -> str:
    """Replace a share of the Chinese characters by one that sounds the same, as input methods do."""
    chances = rng.random(len(text))
    return "".join(
        rng.choice(list(_SAME_SOUND[character])) if chance < share and character in _SAME_SOUND else character
        for character, chance in zip(text, chances, strict=True)
    )


def _mistype(typed: list[str], character: str, rng: np.random.Generator) -> None:
    slip = rng.integers(4)
    if slip == 1:
        typed += [character, character]
    elif slip == 2:  # noqa: PLR2004 (one of four slips)
        near = _NEIGHBOURS.get(character.lower(), _LETTERS) if rng.random() < 0.5 else _LETTERS  # noqa: PLR2004
        typed.append(near[rng.integers(len(near))])
    elif slip == 3:  # noqa: PLR2004
        typed.insert(max(len(typed) - 1, 0), character)


def _vary(text: str, settings: AugmentSettings, rng: np.random.Generator) -> str:
    bare, numbered, ended = rng.random(3)
    if bare < settings.bare_share:
        text = text.translate(_PUNCTUATION)
    if numbered < settings.number_share:
        text = f"{text} {rng.integers(10**7, 10**10)}"
    if ended < settings.ending_share:
        text = text.rstrip("!?！？。.~") + _ENDINGS[rng.integers(len(_ENDINGS))]
    text = add_typos(text, settings.typo_share, rng)
    return add_homophones(text, settings.homophone_share, rng)

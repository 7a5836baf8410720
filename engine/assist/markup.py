"""What channels make of a text: markup in it, and its length."""

from __future__ import annotations

from collections.abc import Mapping

# Numbers of yingda.v1.Channel whose clients make links, mentions or tags of what stands between "<" and ">" in a
# plain text message: WeChat, WeCom, mini program, e-mail, Slack, DingTalk, Feishu.
_READ_TAGS = frozenset({3, 4, 5, 6, 13, 14, 15})
_FULL_WIDTH = str.maketrans("<>", "＜＞")

# Characters that a channel surely takes in one message: its documented limit, or what that many bytes of UTF-8 hold.
LIMITS: Mapping[int, int] = {
    3: 680,  # WeChat customer service messages, 2048 bytes
    4: 680,
    5: 680,
    7: 500,  # SMS, what the gateways join at most
    8: 4096,
    9: 2000,
    10: 1000,
    11: 4096,
    12: 5000,
    17: 300,
}


def escape(value: str, channel: int) -> str:
    """A fact's value that the channel cannot take for markup.

    Full-width signs look alike and, unlike entities, stay the same when what sends the message escapes it again.
    """
    return value.translate(_FULL_WIDTH) if channel in _READ_TAGS else value

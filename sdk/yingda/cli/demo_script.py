"""What the demo's customers write, and how many places its agents have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from yingda.v1.agent_pb2 import Agent
from yingda.v1.message_pb2 import (
    CHANNEL_APP,
    CHANNEL_DOUYIN,
    CHANNEL_EMAIL,
    CHANNEL_INSTAGRAM,
    CHANNEL_LINE,
    CHANNEL_MESSENGER,
    CHANNEL_MINI_PROGRAM,
    CHANNEL_QQ,
    CHANNEL_SMS,
    CHANNEL_WEB,
    CHANNEL_WECHAT,
    CHANNEL_WECOM,
    CHANNEL_WHATSAPP,
    Channel,
)


@dataclass(frozen=True, slots=True)
class Line:
    """One message. The same customer on the same channel goes on with the conversation."""

    channel: Channel.ValueType
    customer_id: str
    text: str
    message_id: str


def script() -> list[Line]:
    """In the order of sending. One message comes twice, as a channel repeats what it saw no answer to."""
    lines = [Line(*found, message_id=f"demo-{number}") for number, found in enumerate(_LINES, start=1)]
    lines.insert(_REPEATED + 5, lines[_REPEATED])
    return lines


def with_few_places(team: Iterable[Agent]) -> list[Agent]:
    """The agents with `PLACES` places each at most: fewer in all than there are conversations, so some must wait."""
    few = []
    for agent in team:
        copy = Agent()
        copy.CopyFrom(agent)
        copy.capacity = min(agent.capacity, PLACES)
        few.append(copy)
    return few


PLACES = 2
_REPEATED = 4  # index of the message that is delivered again
_LINES: tuple[tuple[Channel.ValueType, str, str], ...] = (
    (CHANNEL_WECHAT, "wx-17", "你好，我周一下的单怎么还没发货？"),
    (CHANNEL_WEB, "web-03", "Hi, do you ship to Canada, and who pays the customs duty?"),
    (CHANNEL_APP, "app-88", "三天了物流一动不动，打电话也没人理，你们这是什么垃圾服务！气死我了"),
    (CHANNEL_WECHAT, "wx-17", "今天能发出来吗，着急用"),
    (CHANNEL_EMAIL, "mail-12", "You approved my refund two weeks ago and I still have nothing. Where is it?"),
    (CHANNEL_DOUYIN, "dy-05", "收到的杯子碎了一个，能给我换一个吗"),
    (CHANNEL_WHATSAPP, "wa-41", "The earbuds won't pair with my phone, what am I doing wrong?"),
    (CHANNEL_MINI_PROGRAM, "mp-29", "优惠券领了用不了，提示已过期"),
    (CHANNEL_WEB, "web-07", "帮我写一首关于秋天的诗吧"),
    (CHANNEL_APP, "app-52", "裤子大了想换小一码，另外发票抬头也要改成公司的"),
    (CHANNEL_SMS, "sms-09", "u charged me twice for one order"),
    (CHANNEL_APP, "app-61", "手机号换了，登录收不到验证码怎么办"),
    (
        CHANNEL_INSTAGRAM,
        "ig-33",
        "Is this bag genuine? The stitching looks different from the one in the store",
    ),
    (CHANNEL_WECOM, "wc-18", "我们公司想采购200件，有批发价吗"),
    (CHANNEL_LINE, "line-26", "Please change the delivery address of my order, I moved last week"),
    (
        CHANNEL_MESSENGER,
        "fb-70",
        "This is the THIRD time you send me the wrong size. Unbelievable, you are useless!!",
    ),
    (CHANNEL_WECHAT, "wx-58", "空气炸锅第一次用要怎么设置，说明书找不到了"),
    (CHANNEL_WEB, "web-11", "打印机连不上wifi，灯一直闪红"),
    (CHANNEL_DOUYIN, "dy-44", "保修多久？去年买的，屏幕突然不亮了"),
    (CHANNEL_QQ, "qq-36", "退货的运费谁出啊"),
    (CHANNEL_WECHAT, "wx-90", "收到啦，质量很好，谢谢你们！"),
)

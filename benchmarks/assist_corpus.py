"""Many replies: the pack's, over and over, each time about other goods, places and days."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count, islice

from benchmarks.texts import PACK
from engine.domain import Reply
from engine.samples import read_replies

_ZH = (
    "羽绒服,电饭煲,耳机,猫粮,面霜,童鞋,茶叶,手机壳,沙发,台灯,书包,牛奶,口红,帐篷,键盘,雨伞,被套,水杯,戒指,投影仪,"
    "洗衣机,奶粉,跑鞋,香水,围巾,自行车,花盆,硬盘,手表,拖把,春装,礼盒,会员,新客,团购,直播,预售,海淘,门店"
)
_EN = (
    "jacket,cooker,earbuds,kibble,cream,sneakers,tea,case,sofa,lamp,backpack,milk,lipstick,tent,keyboard,umbrella,"
    "duvet,tumbler,ring,projector,washer,formula,runner,perfume,scarf,bicycle,planter,drive,watch,mop"
)


def replies(total: int, *, seed: int = 1) -> list[Reply]:
    """The pack's own first, then variants of them; ids differ, texts differ, most windows of titles do."""
    return list(islice(_endless(read_replies(PACK), random.Random(seed)), total))


def _endless(pack: Sequence[Reply], draw: random.Random) -> Iterator[Reply]:
    yield from pack
    for number in count():
        yield _variant(pack[number % len(pack)], number, draw)


def _variant(reply: Reply, number: int, draw: random.Random) -> Reply:
    words = draw.sample((_ZH if reply.language == "zh" else _EN).split(","), 3)
    joint = "" if reply.language == "zh" else " "
    title = joint.join([words[0], reply.title, words[1]])
    text = joint.join([reply.text, words[2], words[0], str(number)])
    return replace(reply, reply_id=f"v{number}", title=title, text=text, questions=reply.questions[:1])

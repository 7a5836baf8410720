"""What rules cost: CPU time per message of a batch for a number of rules of which few hold."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence

import benchmarks.one_thread  # noqa: F401  # before numpy
from engine.domain import Conversation, ConversationState, Requirement
from engine.workflow.columns import Columns
from engine.workflow.rule import AddTags, Condition, Rule, Trend, Trigger
from engine.workflow.rulebook import Rulebook

_INTENTS = [f"group{number // 4}.intent{number}" for number in range(40)]
_TEXTS = (
    "我要退货，这个衣服质量太差了，怎么申请退货呢",
    "Where is my order? I have waited for three days now",
    "你好",
)
_ROUNDS = 50


def measure(rules: int, messages: int) -> Mapping[str, float]:
    """The best of some rounds, columns included; `hits` are the firings of one batch."""
    book = Rulebook([_rule(number) for number in range(rules)])
    best = float("inf")
    for _ in range(_ROUNDS):
        columns = _columns(messages)
        started = time.process_time()
        hits = book.match(columns, Trigger.MESSAGE) if book.has(Trigger.MESSAGE) else []
        best = min(best, time.process_time() - started)
    return {
        "rules": rules,
        "messages": messages,
        "us_per_message": round(best / messages * 1e6, 2),
        "hits": len(hits),
    }


def _rule(number: int) -> Rule:
    """Two intents, a confidence, a language and two channels; some ask for words, anger, standing or a trend too."""
    when = Condition(
        intents=(_INTENTS[number % 40], _INTENTS[-1 - number % 40]),
        min_confidence=0.5 + number % 20 / 100,
        languages=("zh",),
        channels=(1, 2),
        min_anger=0.1 if number % 2 else 0.0,
        keywords=(f"词{number}", "退货") if number % 4 == 0 else (),
        min_vip=1 if number % 5 == 1 else 0,
        anger_trend=Trend.RISING if number % 7 == 1 else Trend.ANY,
    )
    return Rule(rule_id=f"r{number}", position=number, when=when, then=(AddTags(tags=("a",)),))


def _columns(messages: int) -> Columns:
    rows = range(messages)
    return Columns(
        now_ms=5000,
        intents=[_INTENTS[(row * 7 + 20) % 40] for row in rows],
        confidences=[0.5 + row % 50 / 100 for row in rows],
        sentiments=[row % 3 for row in rows],
        angers=[row % 10 / 10 for row in rows],
        languages=["zh" if row % 2 else "en" for row in rows],
        channels=[1 + row % 3 for row in rows],
        texts=[_TEXTS[row % 3] for row in rows],
        vips=[row % 4 for row in rows],
        conversations=[_conversation(row) for row in rows],
        facts_of=lambda _: {},
    )


def _conversation(row: int) -> Conversation:
    return Conversation(
        conversation_id=f"c{row}",
        channel=1,
        customer_id=f"cu{row}",
        state=ConversationState.WAITING,
        requirement=Requirement(skill="general", skills={"general": 1.0}, language="zh"),
        opened_ms=1000,
        updated_ms=1000,
        version=2,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a JSON object per line."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rules", type=int, nargs="+", default=[0, 1, 5, 20, 100])
    options.add_argument("--messages", type=int, nargs="+", default=[1, 32, 256])
    args = options.parse_args(arguments)
    for messages in args.messages:
        for rules in args.rules:
            print(json.dumps(measure(rules, messages)))  # noqa: T201  # what the command is for


if __name__ == "__main__":
    main()

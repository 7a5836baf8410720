from __future__ import annotations

import re
from pathlib import Path

import pytest
from yingda.rule_file import RuleFileError, read_rules
from yingda.v1.message_pb2 import CHANNEL_MINI_PROGRAM, CHANNEL_WEB
from yingda.v1.rule_pb2 import RULE_TRIGGER_WAITING

ROOT = Path(__file__).parents[2]
TAGS = 'then = [{add_tags = {tags = ["a"]}}]'


def of(body: str) -> str:
    return f'[[rules]]\nrule_id = "r"\n{body}'


def test_short_names_and_spans_are_read() -> None:
    (rule,) = read_rules(
        of(f'trigger = "waiting"\nwindow = "36h"\nwhen = {{channels = ["web", "mini_program"]}}\n{TAGS}')
    )

    assert rule.trigger == RULE_TRIGGER_WAITING
    assert rule.window.seconds == 36 * 3600
    assert list(rule.when.channels) == [CHANNEL_WEB, CHANNEL_MINI_PROGRAM]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("rules = 3", r"rules: a file of rules holds nothing but \[\[rules\]\]"),
        ("", r"rules: there are none; begin each with \[\[rules\]\]"),
        ("x = [", "is not valid TOML"),
        (of("when = {min_anger = nan}"), r"when\.min_anger: is nan, must be a number"),
        (of("then = [{close = {}, escalate = {}}]"), r"then\[0\]: has .*; give each a table of its own"),
        (of("wehn = {}"), r"rules\[0\]\.wehn: there is no such key; did you mean when\?"),
        (of('when = {intent = ["a"]}'), r"rules\[0\]\.when\.intent: .* did you mean intents\?"),
        (of('when = {channels = ["wechta"]}'), r"rules\[0\]\.when\.channels\[0\]: .* did you mean wechat\?"),
        (of('when = {channels = "web"}'), r"rules\[0\]\.when\.channels: must be a list"),
        (of("when = 3"), r"rules\[0\]\.when: must be a table"),
        (of('window = "soon"'), r"rules\[0\]\.window: is 'soon', must be a span such as"),
        (of("stop = 1"), r"rules\[0\]\.stop: is 1, must be true or false"),
        (of('position = "1"'), r"rules\[0\]\.position: is '1', must be a whole number"),
        (
            of("then = [{auto_reply = {texts = {zh = 3}}}]"),
            r"then\[0\]\.auto_reply\.texts: must be a table of texts",
        ),
        (of(TAGS) + "\n" + of(TAGS), r"rules\[1\]\.rule_id: r comes twice"),
    ],
)
def test_a_bad_file_is_refused_with_the_key_and_the_fix(text: str, problem: str) -> None:
    with pytest.raises(RuleFileError, match=problem):
        read_rules(text)


def test_the_examples_of_the_guide_are_rules() -> None:
    guide = (ROOT / "docs" / "workflow.md").read_text(encoding="utf-8")
    examples = [one for one in re.findall(r"```toml\n(.*?)```", guide, re.S) if "[[rules]]" in one]

    assert [rule.rule_id for one in examples for rule in read_rules(one)] == ["vip-refund"]

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console
from yingda.cli import demo_script, demo_table
from yingda.cli.demo_table import Handover, Row
from yingda.cli.team import sample_team
from yingda.v1.analysis_pb2 import SENTIMENT_NEGATIVE, Analysis
from yingda.v1.answer_pb2 import MessageAnswer
from yingda.v1.assignment_pb2 import ASSIGNMENT_OUTCOME_ASSIGNED, Assignment
from yingda.v1.reply_pb2 import Suggestion

ANSWER = MessageAnswer(
    conversation_id="c-1",
    analysis=Analysis(
        intent="shipping.international",
        confidence=0.97,
        sentiment=SENTIMENT_NEGATIVE,
        anger=0.91,
        is_angry=True,
    ),
    assignment=Assignment(
        outcome=ASSIGNMENT_OUTCOME_ASSIGNED, agent_id="lin", agent_name="Lin", reason="best of 3 eligible"
    ),
    suggestions=[Suggestion(text="您的包裹已经打包好了，单号是 {tracking_no}，今天就能发出。" * 3)] * 3,
)
ROWS = [Row(line=line, answer=ANSWER, error="", seconds=0.0071) for line in demo_script.script()]


def drawn(rows: list[Row], handover: Handover | None = None, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, markup=False, highlight=False, emoji=False)
    console.print(demo_table.table(rows, handover, width))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_the_table_keeps_within_the_terminal_and_each_reply_on_its_line(width: int) -> None:
    lines = drawn(ROWS, width=width).splitlines()

    assert max(map(cell_len, lines)) <= width
    assert sum("…" in line for line in lines) >= 3 * len(ROWS)
    assert not any(line.strip() == "…" for line in lines)


def test_a_row_shows_everything_that_was_decided() -> None:
    text = drawn(ROWS[:1], width=120)

    for part in ("wx-17, wechat", "shipping.international", "0.97", "negative", "anger 0.91"):
        assert part in text
    for part in ("Lin", "best of 3", "7.1"):
        assert part in text


def test_an_intent_too_long_for_its_column_breaks_after_its_group() -> None:
    assert "shipping. " in drawn(ROWS[:1], width=80)


def test_a_message_that_was_refused_shows_why() -> None:
    refused = Row(line=ROWS[0].line, answer=None, error="UNAVAILABLE: try again", seconds=0.1)

    assert "UNAVAILABLE" in drawn([refused])


def test_a_message_that_came_again_points_to_the_first() -> None:
    again = MessageAnswer()
    again.CopyFrom(ANSWER)
    again.duplicate = True
    rows = [ROWS[0], Row(line=ROWS[0].line, answer=again, error="", seconds=0.001)]

    assert "the answer to 1" in " ".join(drawn(rows, width=160).split())


def test_the_handover_comes_last() -> None:
    handover = Handover(
        closed=ROWS[0], waiting=ROWS[1], reason="held 1 of 2", agent_name="Lin", seconds=0.002
    )
    text = drawn(ROWS[:2], handover, width=160)

    assert "Lin takes web-03 from the queue" in text.splitlines()[-2] + text.splitlines()[-1]


def test_there_are_more_conversations_than_places_so_that_some_must_wait() -> None:
    conversations = {(line.channel, line.customer_id) for line in demo_script.script()}
    places = sum(agent.capacity for agent in demo_script.with_few_places(sample_team()))

    assert len(conversations) > places


def test_one_message_comes_twice_and_one_customer_writes_twice() -> None:
    lines = demo_script.script()

    assert len({line.message_id for line in lines}) == len(lines) - 1
    assert len({(line.channel, line.customer_id) for line in lines}) == len(lines) - 2

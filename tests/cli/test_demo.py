from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest
from rich.cells import cell_len
from yingda.cli import demo as demo_command
from yingda.cli import demo_script
from yingda.cli.demo_table import Handover, Row
from yingda.cli.errors import CommandError
from yingda.v1.analysis_pb2 import Analysis
from yingda.v1.answer_pb2 import MessageAnswer
from yingda.v1.assignment_pb2 import ASSIGNMENT_OUTCOME_ASSIGNED, Assignment


def demo(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "yingda.cli", "demo", *options],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "COLUMNS": "80"},
        check=False,
    )


def test_the_demo_answers_every_message_and_ends() -> None:
    ended = demo("--ci")
    table, _, rest = ended.stdout.partition("22 messages, median")

    assert ended.returncode == 0, ended.stderr
    assert max(map(cell_len, table.splitlines())) <= 80
    for part in ("wx-17, wechat", "out_of_scope", "queued", "delivered again", "from the queue", "(kept)"):
        assert part in " ".join(table.split())
    assert "yingda chat --target 127.0.0.1:" in rest
    assert "grpcurl -plaintext -d " in rest
    assert ended.stderr == ""


def test_a_demo_that_finds_its_port_taken_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = demo("--ci", "--port", str(taken.getsockname()[1]))

    assert ended.returncode == 2
    assert "it is in use" in ended.stderr
    assert "Traceback" not in ended.stderr


def row(number: int, *, intent: str = "order.status", duplicate: bool = False) -> Row:
    answer = MessageAnswer(
        analysis=Analysis(intent=intent),
        assignment=Assignment(outcome=ASSIGNMENT_OUTCOME_ASSIGNED),
        duplicate=duplicate,
    )
    return Row(line=demo_script.script()[number], answer=answer, error="", seconds=0.001)


HANDOVER = Handover(closed=row(0), waiting=row(1), reason="", agent_name="Lin", seconds=0.001)


def test_a_demo_in_which_all_went_well_passes() -> None:
    demo_command._check([row(0), row(1, duplicate=True)], HANDOVER)


@pytest.mark.parametrize(
    ("rows", "handover", "problem"),
    [
        ([Row(line=row(0).line, answer=None, error="it broke", seconds=0)], HANDOVER, "message 1: it broke"),
        ([row(0, intent="")], HANDOVER, "message 1: the answer is not complete"),
        ([row(0), row(1)], HANDOVER, "came twice was not taken for one"),
        ([row(0), row(1, duplicate=True)], None, "from the queue"),
    ],
)
def test_a_demo_in_which_something_went_wrong_says_what(
    rows: list[Row], handover: Handover | None, problem: str
) -> None:
    with pytest.raises(CommandError, match=problem):
        demo_command._check(rows, handover)

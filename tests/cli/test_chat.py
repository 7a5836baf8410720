from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest

Yingda = Callable[..., str]


@pytest.fixture
def chat(yingda: Yingda, monkeypatch: pytest.MonkeyPatch) -> Yingda:
    """Runs `yingda chat` on these lines; what it printed."""

    def run(typed: str, *options: str, code: int = 0) -> str:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        return yingda("chat", *options, code=code)

    return run


def test_each_line_is_answered(chat: Yingda) -> None:
    text = chat("我的快递到哪了\n")

    for part in ("> 我的快递到哪了", "shipping.track", "neutral", "→ ", "best of", "1. ", "3. "):
        assert part in text


def test_what_the_customer_is_told_at_once_is_shown(chat: Yingda) -> None:
    assert "← [" in chat("I want to return my order A1001\n")


def test_lines_are_one_conversation(chat: Yingda) -> None:
    found = [json.loads(line) for line in chat("我的快递到哪了\n着急\n", "--json").splitlines()]

    assert len({one["answer"]["conversation_id"] for one in found}) == 1


def test_empty_lines_are_no_messages_and_quit_ends(chat: Yingda) -> None:
    text = chat("\n  \n你好\n/quit\nnot sent\n")

    assert text.count("> ") == 1


def test_a_refused_line_ends_nothing_but_the_exit_code_tells(chat: Yingda) -> None:
    text = chat(f"{'长' * 3000}\n你好\n", code=1)

    assert "INVALID_ARGUMENT: text: " in text
    assert "> 你好" in text


def test_the_customer_writes_where_the_options_say(chat: Yingda, yingda: Yingda) -> None:
    answer = json.loads(chat("你好\n", "--channel", "wechat", "--customer", "wx-1", "--json"))["answer"]
    found = json.loads(yingda("conversations", "show", answer["conversation_id"], "--json"))

    assert (found["channel"], found["customer_id"]) == ("CHANNEL_WECHAT", "wx-1")


def test_a_wrong_target_shows_before_anything_is_typed(chat: Yingda) -> None:
    assert "no gateway listens" in chat("你好\n", "--target", "127.0.0.1:1", code=2)

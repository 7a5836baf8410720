from __future__ import annotations

from pathlib import Path

import pytest

from models import active
from models.active import Message, Why
from models.bundle import Bundle
from models.errors import InputError


def test_each_group_has_its_turn_and_nothing_comes_twice(bundle: Bundle) -> None:
    messages = [
        Message(text="where is my parcel", intent="refund.request"),
        Message(text="tell me a joke"),
        Message(text="solar inverter"),
        Message(text="give my box parcel hello"),
        Message(text="tell me a joke"),
    ]
    picks = active.choose(bundle, messages, ["where is my parcel now"], 10)

    assert picks[0].why is Why.CORRECTED
    assert picks[0].suggested[0] == "refund.request"
    assert len({pick.text for pick in picks}) == len(picks)
    assert {Why.NEW, Why.CORRECTED} <= {pick.why for pick in picks}


def test_what_is_labelled_already_and_what_is_clear_teaches_nothing(bundle: Bundle) -> None:
    known = ["where is my parcel", "give my money back"]

    assert active.choose(bundle, [Message(text=text) for text in known], known, 10) == []


def test_no_more_are_picked_than_were_asked_for(bundle: Bundle) -> None:
    messages = [Message(text=f"weather joke {number}") for number in range(50)]

    assert len(active.choose(bundle, messages, [], 3)) <= 3


def test_a_line_that_is_no_message_is_named(tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text('{"text": "a"}\n[1]\n', encoding="utf-8")

    with pytest.raises(InputError, match=r"m\.jsonl:2: not a JSON object with a text"):
        active.read_messages(tmp_path / "m.jsonl")

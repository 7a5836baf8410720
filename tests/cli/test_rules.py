from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Yingda = Callable[..., str]
RULE = """
[[rules]]
rule_id = "zebra"
description = "about stripes"
when = {keywords = ["zebra"]}
then = [{open_ticket = {title = "stripes"}}, {add_tags = {tags = ["animal"]}}]
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.toml"
    path.write_text(RULE, encoding="utf-8")
    return path


def test_rules_are_put_from_a_file_and_listed(yingda: Yingda, rules: Path) -> None:
    put = yingda("rules", "put", str(rules))
    listed = json.loads(yingda("rules", "list", "--json"))
    deleted = yingda("rules", "delete", "zebra")

    assert "about stripes" in put
    assert "zebra" in [one["rule_id"] for one in listed]
    assert deleted == "zebra is deleted\n"


def test_a_bad_file_is_refused_by_name_and_key_and_nothing_is_kept(yingda: Yingda, rules: Path) -> None:
    rules.write_text(
        RULE + RULE.replace("zebra", "lion").replace('stripes"}', '{stripe}"}'), encoding="utf-8"
    )
    said = yingda("rules", "put", str(rules), code=1)

    assert f"{rules}: lion, then[0].open_ticket.title: there is no slot stripe" in said.replace("\n", " ")
    assert "zebra" not in yingda("rules", "list")


def test_lint_ends_with_1_only_where_something_is_wrong(yingda: Yingda, rules: Path) -> None:
    sound = yingda("rules", "lint", str(rules))
    rules.write_text(RULE.replace("keywords", "intents"), encoding="utf-8")

    assert "Nothing is wrong" in sound
    assert "there is no intent zebra" in yingda("rules", "lint", str(rules), code=1)


def test_a_text_is_explained(yingda: Yingda, rules: Path) -> None:
    yingda("rules", "put", str(rules))
    said = yingda("rules", "explain", "a zebra", "--json")
    yingda("rules", "delete", "zebra")
    own = next(one for one in json.loads(said) if one["rule_id"] == "zebra")

    assert own["fires"]
    assert own["checks"][0]["found"] == "zebra"
    assert "give a text or --conversation" in yingda("rules", "explain", code=1)


def test_rules_are_tried_on_the_journal(yingda: Yingda, rules: Path) -> None:
    yingda("route", "warm up")
    found = json.loads(yingda("rules", "test", str(rules), "--since", "1h", "--json").partition("yingda:")[0])

    assert found["messages"] >= 0
    assert found["trials"] == []


def test_a_ticket_is_opened_changed_discussed_and_shown(yingda: Yingda) -> None:
    opened = json.loads(
        yingda("tickets", "open", "call back", "--due", "4h", "--fact", "order_id=A1", "--json")
    )
    number = opened["ticket_id"]
    yingda("tickets", "update", number, "--state", "pending", "--assignee", "mei", "--tag", "x")
    yingda("tickets", "comment", number, "parcel is back", "--author", "mei")
    shown = yingda("tickets", "show", number)

    assert number in yingda("tickets", "list", "--state", "pending", "--assignee", "mei")
    assert number not in yingda("tickets", "list", "--overdue")
    assert "say --yes" in yingda("tickets", "delete", number, code=1)
    assert "is deleted" in yingda(
        "tickets", "delete", number, "--by", "mei", "--reason", "a mistake", "--yes"
    )
    assert number not in yingda("tickets", "list")
    assert all(one in shown for one in ("pending", "mei", "A1", "parcel is back"))


def test_an_empty_outbox_says_so(yingda: Yingda) -> None:
    assert yingda("outbox", "list") == "Nothing waits.\n"
    assert yingda("outbox", "requeue") == "0 are tried again\n"

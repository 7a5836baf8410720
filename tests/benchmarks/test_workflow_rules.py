from __future__ import annotations

import json

import pytest

from benchmarks import workflow_rules


def test_each_number_of_rules_and_messages_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    workflow_rules.main(["--rules", "0", "20", "--messages", "64"])
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert [(one["rules"], one["messages"]) for one in found] == [(0, 64), (20, 64)]
    assert found[0]["hits"] == 0 < found[1]["hits"]

from __future__ import annotations

import json

import pytest

from benchmarks import redis_process, scale

SAID = [
    {"messages": 300, "began": 10.0, "ended": 12.0},
    {"messages": 100, "began": 10.5, "ended": 14.0},
]


def test_throughput_counts_from_the_first_beginning_to_the_last_end() -> None:
    found = scale.report(SAID, {"engine": 0.2})

    assert found["messages_per_second"] == 100.0
    assert found["cpu_us_per_message"] == {"engine": pytest.approx(500.0)}
    assert found["cores_used"] == {"engine": pytest.approx(0.05)}


def test_a_number_of_engines_that_is_none_is_refused_with_the_flag(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        scale.main(["--engines", "1,none"])

    assert "--engines: 1,none" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(not redis_process.is_installed(), reason=redis_process.MISSING)
def test_two_engines_answer_what_their_clients_send(capsys: pytest.CaptureFixture[str]) -> None:
    assert scale.main(["--engines", "2", "--seconds", "1", "--frame", "16"]) == 0
    found = json.loads(capsys.readouterr().out)["sizes"]

    assert found[0]["messages"] >= 2 * scale.STREAMS * 16
    assert all(used > 0 for used in found[0]["cpu_us_per_message"].values())

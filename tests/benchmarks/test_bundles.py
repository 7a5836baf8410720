from __future__ import annotations

from typing import Any

from benchmarks.bundles import summarize


def phase(name: str, p99: float, failed: int = 0) -> dict[str, Any]:
    return {"phase": name, "p99_ms": p99, "failed": failed}


def test_changes_are_compared_with_what_is_usual_and_the_noise_is_told() -> None:
    quiet = [phase("nothing", p99) for p99 in (10.0, 15.0, 30.0)]
    found = summarize([*quiet, phase("activated", 45.0), phase("shadow", 15.0, failed=1)])

    assert found["p99_ratio"] == {"activated": 3.0, "shadow": 1.0}
    assert (found["worst"], found["failed"]) == ("activated", 1)
    assert found["noise"] == [0.67, 2.0]

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_a_bad_weight_stops_the_start_and_is_named(tmp_path: Path) -> None:
    file = tmp_path / "yingda.toml"
    file.write_text('[engine.policy."*".weights]\nlanguage = -0.1\n', encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "engine", "--config", file, "--data-dir", tmp_path / "data"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert done.stderr.startswith(f"engine: policy.*.weights.language in {file}, [engine]: ")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists()

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from yingda.cli import diagnosis, doctor, program, requirement

Run = Callable[..., dict[str, tuple[bool, str]]]


@pytest.fixture
def examine(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs `yingda doctor` without the slow look at the installation; its findings by name."""

    def run(*options: str, code: int) -> dict[str, tuple[bool, str]]:
        monkeypatch.setattr(diagnosis, "installation", list)
        found = program.run(["doctor", "--json", "--data-dir", str(tmp_path), *options])
        out = capsys.readouterr().out
        assert found == code, out
        return {one["check"]: (one["ok"], one["text"]) for one in json.loads(out)}

    return run


def test_this_installation_is_whole() -> None:
    findings = list(diagnosis.installation())

    assert [one.check for one in findings] == [
        "python",
        "yingda",
        "yingda-server",
        "engine",
        "gateway",
        "bundle",
    ]
    assert all(one.is_ok for one in findings), findings


def test_a_serving_gateway_is_well(examine: Run, yingda: Callable[..., str]) -> None:
    found = examine(code=0)

    assert found["port"][1].startswith("a gateway serves at")
    assert found["gateway"][1].startswith("answers; tenant default has")


def test_an_unknown_tenant_is_not(examine: Run, yingda: Callable[..., str]) -> None:
    is_ok, text = examine("--tenant", "nobody", code=1)["gateway"]

    assert not is_ok
    assert "'nobody'" in text


def test_a_gateway_that_was_named_must_be_there(examine: Run) -> None:
    assert "nobody listens at 127.0.0.1:1" in examine("--target", "127.0.0.1:1", code=1)["gateway"][1]


def test_a_free_default_port_is_well(examine: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "DEFAULT_TARGET", "127.0.0.1:1")

    assert "127.0.0.1:1 is free" in examine("--target", "127.0.0.1:1", code=0)["gateway"][1]


def test_something_else_on_the_port_is_named(examine: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        is_ok, text = examine("--target", f"127.0.0.1:{other.getsockname()[1]}", code=1)["port"]

    assert not is_ok
    assert "is no gateway" in text


def test_a_data_folder_that_can_be_made_is_well_and_not_made(tmp_path: Path) -> None:
    finding = diagnosis.data_dir(tmp_path / "a" / "b")

    assert finding.is_ok
    assert list(tmp_path.iterdir()) == []


def test_a_data_folder_below_a_file_is_not(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert not diagnosis.data_dir(tmp_path / "file" / "data").is_ok


def test_an_old_python_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "OLDEST", (9, 9))

    assert "install one of 3.11 to 3.13" in next(diagnosis.installation()).text


def test_a_check_that_fails_shows_its_last_line_alone() -> None:
    finding = diagnosis._child("bundle", ["-c", "raise SystemExit('noise\\nit is not whole')"], "whole")

    assert not finding.is_ok
    assert finding.text.startswith("it is not whole; ")


@pytest.mark.parametrize("needed", ["pytest>=8.4", "pytest>=8,<999", "pytest"])
def test_a_requirement_that_is_met_is_no_problem(needed: str) -> None:
    assert requirement.problem(needed) == ""


@pytest.mark.parametrize("needed", ["pytest>=999", "pytest<8", "pytest==1.0"])
def test_another_version_is_named(needed: str) -> None:
    assert needed in requirement.problem(needed)


def test_a_package_that_is_not_there_is_named() -> None:
    assert requirement.problem("no-such-package>=1") == "no-such-package is missing"


def test_findings_are_a_table(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    doctor._print([diagnosis.data_dir(tmp_path)])

    assert "data folder" in capsys.readouterr().out

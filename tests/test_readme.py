"""The README's commands and programs do what the README says: all but `make`, which .ci/run runs itself."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf import json_format
from yingda import SyncClient, YingdaError
from yingda.v1.message_service_pb2 import SendMessageRequest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent
START = 60.0  # seconds for the services to serve

pytestmark = pytest.mark.slow


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line.startswith((".venv/bin/", "printf")) and " serve " not in line]


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        shell=True,
        cwd=folder,
        capture_output=True,
        text=True,
        input="在吗\n",
        timeout=600,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where the relative paths of the README lead to what they lead to in a checkout."""
    path = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "models", path / "models", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return path


@pytest.fixture(scope="module", autouse=True)
def served(folder: Path) -> Iterator[None]:
    """The README's own serve command, until the module's tests are done."""
    (line,) = [line for block in blocks("sh") for line in block.splitlines() if " serve " in line]
    words = shlex.split(line, comments=True)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("YINGDA_")}
    process = subprocess.Popen([str(BIN / Path(words[0]).name), *words[1:]], cwd=folder, env=environ)
    until = time.monotonic() + START
    while not _serves():
        assert process.poll() is None, "serve ended"
        assert time.monotonic() < until, "serve does not serve"
        time.sleep(0.2)
    yield
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 0


def _serves() -> bool:
    try:
        with SyncClient(timeout=1) as client:
            return bool(client.agents())
    except YingdaError:
        return False


def test_every_command_succeeds(folder: Path) -> None:
    here = f"{shlex.quote(str(BIN))}/"
    done = {command: run(command.replace(".venv/bin/", here), folder) for command in commands()}

    # `doctor` says, rightly, that the port of a running gateway is taken.
    failed = {
        command: one.stderr for command, one in done.items() if one.returncode and "doctor" not in command
    }
    assert not failed
    assert len(done) > 6
    assert json.loads((folder / "out.jsonl").read_text(encoding="utf-8"))["intent"] == "invoice.request"
    (read,) = (one.stdout for command, one in done.items() if "狗狗" in command)
    assert json.loads(read)["analysis"]["intent"] == "pets.allowed"


def test_every_python_program_runs(folder: Path) -> None:
    programs = blocks("python")
    for program in programs:
        (folder / "program.py").write_text(program, encoding="utf-8")
        done = run(f"{shlex.quote(sys.executable)} program.py", folder)

        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("shipping.track")
    assert programs


def test_the_message_for_grpcurl_is_answered() -> None:
    (text,) = re.findall(r"grpcurl .*?-d '(.*?)'", README, flags=re.DOTALL)
    request = json_format.Parse(text, SendMessageRequest())
    with SyncClient() as client:
        answer = client.send_message(request.message)

    assert answer.analysis.intent == "shipping.track"

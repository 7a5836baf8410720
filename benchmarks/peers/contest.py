"""A peer made ready and started: its environment, what it learned, its process."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import BenchmarkError
from benchmarks.peers import asking, venv
from benchmarks.peers.peer import Peer, Protocol
from benchmarks.peers.race import Runner
from benchmarks.peers.split import ENCODER, Split
from benchmarks.process import ROOT, spawned

START_LIMIT = 1800.0  # seconds; some encode all that they know when they start
LEARN_LIMIT = 3600.0  # seconds
_TAIL = 500  # characters of what a program said last
_FIRST = ["你好"]
_WAYS = {Protocol.HTTP: asking.over_http, Protocol.INFER: asking.over_inference}

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a peer was prepared, and the line that starts it."""

    python: Path
    command: Sequence[str]
    versions: dict[str, str]


def prepare(peer: Peer, split: Split, work: Path, bundle: Path, progress: Progress) -> Place:
    """Install it and let it learn, unless that was done. Raises: BenchmarkError with the reason."""
    python = venv.make(work / peer.environment, peer.requirements, progress)
    if peer.protocol is Protocol.NONE:
        raise BenchmarkError("installs, but there is no program here that drives it")
    folder = bundle if peer.protocol is Protocol.INFER else work / f"{peer.name}-{split.fingerprint}"
    folder.mkdir(exist_ok=True)
    command = [f"benchmarks.peers.{peer.program}", "--name", peer.name, "--folder", str(folder)]
    command += ["--rows", str(split.rows), "--encoder", peer.encoder or str(ENCODER)]
    done = work / f"{peer.name}-{split.fingerprint}.learned"
    if not done.exists():
        progress(f"{peer.name}: learning (minutes, once)")
        _learn(python, command)
        done.touch()
    return Place(python=python, command=command, versions=venv.versions(python, peer.packages))


@asynccontextmanager
async def started(peer: Peer, place: Place, folder: Path) -> AsyncIterator[Runner]:
    """Its process, which has answered once. Raises: BenchmarkError."""
    async with AsyncExitStack() as stack:
        service = stack.enter_context(spawned(peer.name, place.command, folder, python=str(place.python)))
        await service.announced(START_LIMIT)
        ask = await stack.enter_async_context(_WAYS[peer.protocol](service.address))
        await ask(_FIRST)
        seconds = service.seconds_since_start()
        yield Runner(
            name=peer.name, ask=ask, services=[service], start_seconds=seconds, idle_rss_mb=service.rss_mb()
        )


def _learn(python: Path, command: Sequence[str]) -> None:
    try:
        done = subprocess.run(
            [str(python), "-m", *command, "--learn"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=LEARN_LIMIT,
        )
    except subprocess.TimeoutExpired:
        raise BenchmarkError(f"did not learn within {LEARN_LIMIT / 60:.0f} minutes") from None
    if done.returncode:
        raise BenchmarkError(f"does not run: {done.stderr.strip()[-_TAIL:]}")

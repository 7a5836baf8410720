"""Others that tell intents, and ourselves, on the same texts in one run: `python -m benchmarks.peers --json`.

Each peer comes from the package index into an environment of its own, learns from the messages of most authors of the
pack, and is tried on those of the others. Then all are asked in turns, with texts made of the others' messages that
nobody has seen: one at a time, by 16 callers at once, and in batches of 256. Everybody computes on one thread. What
cannot be installed or run is named with the reason under `not_run`. The first run takes long: environments and what
was learned are kept in the work folder.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from yingda import YingdaError

from benchmarks import machine
from benchmarks.errors import BenchmarkError
from benchmarks.peers import contest, ours, race, split, table
from benchmarks.peers.contest import Place
from benchmarks.peers.peer import PEERS, Peer
from benchmarks.peers.race import Runner
from benchmarks.peers.split import Row, Split
from benchmarks.process import ROOT
from benchmarks.texts import fingerprint, unseen

Report = dict[str, Any]
ROWS = 2000  # held-out messages on which everybody is tried


def main(words: Sequence[str] | None = None) -> int:
    """Print the report; 2 if there can be none."""
    args = _parser().parse_args(words)
    try:
        report = measure(args.work.resolve(), args.only, args.seconds, args.rows)
    except (BenchmarkError, YingdaError) as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        return _refuse("interrupted")
    sys.stdout.write(table.render(report) if args.table else json.dumps(report, indent=1) + "\n")
    return 0


def measure(work: Path, only: Sequence[str], seconds: float, rows: int) -> Report:
    """The whole report. Raises: BenchmarkError where we ourselves cannot run."""
    work.mkdir(parents=True, exist_ok=True)
    found = split.make(work)
    _progress(f"{ours.NAME}: learning (minutes, once)")
    bundle = ours.learn(found, work)
    not_run: dict[str, str] = {}
    places: list[tuple[Peer, Place]] = []
    for peer in (one for one in PEERS if one.name in only):
        try:
            places.append((peer, contest.prepare(peer, found, work, bundle, _progress)))
        except BenchmarkError as error:
            _note(not_run, peer, error)
    measured = asyncio.run(_measure_all(found, bundle, places, seconds, rows, not_run))
    versions = {peer.name: place.versions for peer, place in places}
    return {
        **_head(found, seconds),
        **measured,
        "versions": {ours.NAME: machine.versions(), **versions},
        "not_run": not_run,
    }


async def _measure_all(
    found: Split,
    bundle: Path,
    places: Sequence[tuple[Peer, Place]],
    seconds: float,
    rows: int,
    not_run: dict[str, str],
) -> Report:
    with tempfile.TemporaryDirectory(prefix="yingda-") as folder:
        async with AsyncExitStack() as stack:
            runners = [await stack.enter_async_context(ours.started(Path(folder), bundle))]
            for peer, place in places:
                _progress(f"{peer.name}: starting")
                try:
                    started = contest.started(peer, place, Path(folder))
                    runners.append(await stack.enter_async_context(started))
                except BenchmarkError as error:
                    _note(not_run, peer, error)
            return await _measured(
                runners, split.sample(found.held_out, rows), _texts(found), seconds, not_run
            )


def _note(not_run: dict[str, str], peer: Peer, error: BenchmarkError) -> None:
    not_run[peer.name] = str(error)
    _progress(f"{peer.name}: {error}")


async def _measured(
    runners: Sequence[Runner],
    tried: Sequence[Row],
    texts: Callable[[], Iterator[str]],
    seconds: float,
    not_run: dict[str, str],
) -> Report:
    right = {}
    for runner in runners:
        _progress(f"accuracy: {runner.name}")
        right[runner.name] = await race.accuracy(runner.ask, tried)
    out = await race.race(runners, texts, seconds, _progress)
    if ours.NAME in out:
        raise BenchmarkError(f"{ours.NAME} {out[ours.NAME]}")
    not_run.update(out)
    does = {ours.NAME: ours.DOES} | {peer.name: peer.does for peer in PEERS}
    rows: dict[str, Report] = {
        runner.name: {
            "does": does[runner.name],
            "start_seconds": runner.start_seconds,
            "idle_rss_mb": runner.idle_rss_mb,
            "rss_mb": runner.rss_mb(),
            "accuracy": right[runner.name],
            "ways": race.summarize(runner),
        }
        for runner in runners
        if runner.name not in out
    }
    mine = rows[ours.NAME]["ways"]
    ratios = {name: ratio(mine, row["ways"]) for name, row in rows.items() if name != ours.NAME}
    return {"runners": rows, "ratios": ratios}


def ratio(mine: Report, theirs: Report) -> dict[str, float]:
    """How many times their messages a second we have, and their CPU time a message is ours."""
    found = {}
    for way in ("batch", "single"):
        key, cost = "messages_per_second", "cpu_us_per_message"
        found[f"{way}_rate"] = mine[way][key] / theirs[way][key]
        found[f"{way}_cpu"] = theirs[way][cost] / mine[way][cost] if mine[way][cost] else 0.0
    return found


def _head(found: Split, seconds: float) -> Report:
    texts = found.utterances()
    return {
        "date": machine.now(),
        "commit": machine.commit(),
        "machine": machine.describe(),
        "parameters": {
            "seconds": seconds,
            "rounds": race.ROUNDS,
            "callers": race.CALLERS,
            "batch": split.FRAME,
            "batches_at_once": race.FRAMES,
            "held_out": len(texts),
            "texts_id": fingerprint(texts),
            "learned_from": found.fingerprint,
        },
    }


def _texts(found: Split) -> Callable[[], Iterator[str]]:
    """The same texts for everybody."""
    utterances = found.utterances()
    return lambda: unseen(utterances, "peers")


def _progress(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _refuse(why: str) -> int:
    sys.stderr.write(f"benchmarks.peers: {why}\n")
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description="Measure others that tell intents beside us.",
        epilog="example: python -m benchmarks.peers --only mlserver,fastapi --table",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON (the default)")
    form.add_argument("--table", action="store_true", help="print Markdown for people")
    names = [peer.name for peer in PEERS]
    parser.add_argument(
        "--only", type=_names, default=names, help=f"some of {','.join(names)}, or {ours.NAME}"
    )
    parser.add_argument("--seconds", type=_positive, default=4.0, help="of each way in each round (4)")
    parser.add_argument("--rows", type=int, default=ROWS, help=f"messages to be tried on ({ROWS})")
    parser.add_argument(
        "--work", type=Path, default=ROOT / "build" / "peers", help="folder of the environments (build/peers)"
    )
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def _names(text: str) -> list[str]:
    known = [ours.NAME, *(peer.name for peer in PEERS)]
    named = text.split(",")
    if unknown := [one for one in named if one not in known]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(known)}")
    return named


if __name__ == "__main__":
    sys.exit(main())

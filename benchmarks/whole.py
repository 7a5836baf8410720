"""Everything in one go: `make bench-full`, or `python -m benchmarks.whole --json`. One JSON document, and a page.

`load`: throughput, CPU time, latencies, the floor. `growth`: what a message costs as a desk grows. `connections`: held
streams. `soak`: memory under an even load. Each is a benchmark of its own that runs by itself too, for longer or with
more; they run one after the other, for some forty minutes. `peers` is run where it is asked for: it installs others for
many minutes. A part that fails is named with its reason, the others run all the same, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import machine, plot, table
from benchmarks.process import ROOT

PARTS: Mapping[str, Sequence[str]] = {
    "load": ("--full",),
    "growth": ("--turns", "8"),
    "connections": ("--connections", "2000"),
    "soak": ("--minutes", "30", "--rate", "200"),
    "peers": (),
}
USUAL = ("load", "growth", "connections", "soak")
PAGE = ROOT / "build" / "bench.html"
_DIMENSIONS = ("conversations", "agents", "replies", "tenants")
_TAIL = 8  # lines that a part said last

Report = dict[str, Any]


def main(words: Sequence[str] | None = None) -> int:
    """Print the report and write the page; 1 where a part failed."""
    args = _parser().parse_args(words)
    try:
        report = measure(args.only)
    except KeyboardInterrupt:
        sys.stderr.write("benchmarks.whole: interrupted\n")
        return 2
    args.page.parent.mkdir(parents=True, exist_ok=True)
    args.page.write_text(plot.page("Yingda, measured", list(charts(report))), encoding="utf-8")
    sys.stderr.write(f"drawn: {args.page}\n")
    sys.stdout.write(table.render(report) if args.table else json.dumps(report, indent=1) + "\n")
    return 1 if report["failed"] else 0


def measure(names: Sequence[str]) -> Report:
    """The parts one after the other."""
    report: Report = {
        "date": machine.now(),
        "commit": machine.commit(),
        "machine": machine.describe(),
        "failed": {},
    }
    for name in names:
        sys.stderr.write(f"== {name}\n")
        sys.stderr.flush()
        found, why = _run(name)
        if found is not None:
            report[name] = found
        if why:
            report["failed"][name] = why
    return report


def charts(report: Report) -> Iterator[plot.Chart]:
    """Of the parts that were measured."""
    if unary := report.get("load", {}).get("unary"):
        lines = {name: [(one["rate"], one["latency_ms"][name]) for one in unary] for name in ("p50", "p99")}
        yield plot.Chart(title="SendMessage", x_label="messages a second", y_label="ms", lines=lines)
    if grown := {name: report["growth"][name] for name in _DIMENSIONS if name in report.get("growth", {})}:
        lines = {
            name: [(math.log10(row["size"]), row["cpu_us"]) for row in rows] for name, rows in grown.items()
        }
        yield plot.Chart(
            title="Cost of a message", x_label="how many, as a power of ten", y_label="µs of CPU", lines=lines
        )
    if readings := report.get("soak", {}).get("readings"):
        lines = {
            name: [(row["seconds"] / 60, row[f"{name}_mb"]) for row in readings]
            for name in ("gateway", "engine")
        }
        yield plot.Chart(title="Memory under load", x_label="minutes", y_label="MiB", lines=lines)


def _run(name: str) -> tuple[Report | None, str]:
    """The report of one part, if it made one, and what was wrong."""
    command = [sys.executable, "-m", f"benchmarks.{name}", *PARTS[name], "--json"]
    said: deque[str] = deque(maxlen=_TAIL)
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as out,
        subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=subprocess.PIPE, text=True) as process,
    ):
        assert process.stderr
        for line in process.stderr:  # its progress, as it is made
            sys.stderr.write(line)
            said.append(line)
        process.wait()
        out.seek(0)
        found = _document(out.read())
    if process.returncode == 0 and found is not None:
        return found, ""
    return found, "".join(said).strip() or f"ended with status {process.returncode}"


def _document(text: str) -> Report | None:
    try:
        found: Report = json.loads(text)
    except json.JSONDecodeError:
        return None
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.whole",
        description="Measure everything, one benchmark after the other.",
        epilog="example: python -m benchmarks.whole --only load,soak --table",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON (the default)")
    form.add_argument("--table", action="store_true", help="print a table for people")
    parser.add_argument(
        "--only", type=_names, default=USUAL, help=f"some of {','.join(PARTS)} ({','.join(USUAL)})"
    )
    parser.add_argument("--page", type=Path, default=PAGE, help="where the plots go (build/bench.html)")
    return parser


def _names(text: str) -> tuple[str, ...]:
    named = tuple(text.split(","))
    if unknown := [one for one in named if one not in PARTS]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(PARTS)}")
    return named


if __name__ == "__main__":
    sys.exit(main())

"""`python -m benchmarks.public_table`: put the figures of `benchmarks.public --json` into docs/benchmarks.md."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks import public_measure
from benchmarks.public_measure import Result, Speed

BEGIN: Final = "<!-- public sets: written by `python -m benchmarks.public_table` -->"
END: Final = "<!-- public sets: end -->"
TITLE: Final = "# Benchmarks\n"
WORDS: Final = """## Public sets

`python -m benchmarks.public --data ../shared/data --json` (`--minilm` for the rows of MiniLM), on {cpu}
({cores} cores, one thread, load {load:.0f}).

One pipeline for all sets: the shipped encoder's vectors and hashed n-grams, a linear head on each,
mixed. Whether mistyped copies of the training rows join, and with few rows how strongly the first head is held back,
is chosen on training rows left out. Test rows are read once. Intervals are 95 %, by drawing test rows. µs is CPU time
a message in batches of 256; MiniLM's vectors are kept in a file, so its rows do not count the time to make them.
"""
NOTES: Final = """
The encoder was distilled on the unlabelled training texts of BANKING77, HWU64, MultiDoGO, Bitext and GoEmotions.
XSID-zh is new to it, and CrossWOZ but for its validation turns, which helped to choose n-grams. Bitext is made of
templates, so its figures say little. MiniLM, and what is made of it, knows English alone and is left
out of the Chinese sets. semantic-router is stood for by its way of deciding (the five nearest examples vote), not by
its package. SetFit was not run: it fine-tunes MiniLM on thousands of pairs, which two cores do not do in minutes.
What the command knows and the table lacks was not measured on this machine: sets and methods can be run one by one
(`--sets`, `--methods`) and their reports joined.
"""


def write_section(report: dict[str, Any], page: str) -> str:
    """Give the page with its section of public sets replaced, or put at its end."""
    machine = report["machine"]
    words = WORDS.format(cpu=machine["cpu"], cores=machine["cores"], load=machine["load_1m"])
    results = [Result(**row) for row in report["results"]]
    speed = [Speed(**row) for row in report["speed"]]
    section = "\n".join([BEGIN, words, *public_measure.list_lines(results, speed), NOTES + END, ""])
    before, begin, rest = page.partition(BEGIN)
    after = rest.partition(END + "\n")[2] if begin else ""
    return before.rstrip("\n") + "\n\n" + section + after


def join(reports: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Give one report of several: all results, the rest of the first."""
    return {**reports[0], "results": [row for report in reports for row in report["results"]]}


def main(arguments: Sequence[str] | None = None) -> int:
    """Read a report and write the page; give the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.public_table",
        description=__doc__,
        epilog="example: python -m benchmarks.public_table public.json --page docs/benchmarks.md",
    )
    parser.add_argument(
        "reports",
        type=Path,
        nargs="+",
        help="what `python -m benchmarks.public --json` printed, in one go or several",
    )
    parser.add_argument("--page", type=Path, default=Path("docs/benchmarks.md"), help="(%(default)s)")
    options = parser.parse_args(arguments)
    try:
        report = join([json.loads(path.read_text(encoding="utf-8")) for path in options.reports])
        page = options.page.read_text(encoding="utf-8") if options.page.is_file() else TITLE
        options.page.write_text(write_section(report, page), encoding="utf-8")
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write(
            f"error: {options.reports[0]}: {error!r}; give the output of benchmarks.public --json\n"
        )
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

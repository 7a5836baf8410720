"""Measure the assist: `python -m benchmarks.assist --json`."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Mapping, Sequence

from benchmarks import (
    assist_index,
    assist_latency,
    assist_learning,
    assist_precision,
    assist_quality,
    assist_search,
    assist_weights,
)
from benchmarks.assist_desk import read_cases
from benchmarks.machine import describe
from benchmarks.table import render

SIZES = (100, 10_000, 100_000)
_LISTS = 1500
_SEEDS = range(200, 203)  # not those that the weights were chosen with
_PROBES = (8, 16, 32)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report; 0."""
    args = _parser().parse_args(arguments)
    report: dict[str, object] = {"machine": describe()}
    for section in args.only:
        report[section] = SECTIONS[section](args)
    sys.stdout.write(
        render(report) if args.table else json.dumps(report, ensure_ascii=False, indent=2) + "\n"
    )
    return 0


def _quality(_: argparse.Namespace) -> object:
    return assist_quality.measure(read_cases())


def _learning(_: argparse.Namespace) -> object:
    return assist_learning.measure(lists=_LISTS, seeds=_SEEDS)


def _precision(_: argparse.Namespace) -> object:
    return assist_precision.measure()


def _search(args: argparse.Namespace) -> object:
    return assist_search.measure(args.sizes, read_cases())


def _weights(_: argparse.Namespace) -> object:
    return assist_weights.measure()


def _index(args: argparse.Namespace) -> object:
    return assist_index.measure(args.sizes, _PROBES)


def _latency(args: argparse.Namespace) -> object:
    return asyncio.run(assist_latency.measure(args.sizes, read_cases(), args.keystrokes))


SECTIONS: Mapping[str, Callable[[argparse.Namespace], object]] = {
    "quality": _quality,
    "precision": _precision,
    "learning": _learning,
    "latency": _latency,
    "search": _search,
    "index": _index,
    "weights": _weights,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.assist",
        description="Measure how good suggestions are, how they learn, and what a keystroke costs.",
        epilog="example: python -m benchmarks.assist --only latency --sizes 10000 --table",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON (the default)")
    form.add_argument("--table", action="store_true", help="print a table for people")
    parser.add_argument(
        "--only",
        type=_sections,
        default=["quality", "precision", "learning", "latency"],
        help=f"some of {','.join(SECTIONS)} (default: all but search, index and weights)",
    )
    parser.add_argument("--sizes", type=_sizes, default=SIZES, help="numbers of replies (100,10000,100000)")
    parser.add_argument("--keystrokes", type=int, default=2000, help="measured ones of each size (2000)")
    return parser


def _sections(text: str) -> list[str]:
    named = text.split(",")
    if unknown := [one for one in named if one not in SECTIONS]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(SECTIONS)}")
    return named


def _sizes(text: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form 100,10000") from None
    if min(sizes) < 1:
        raise argparse.ArgumentTypeError("sizes must be above 0")
    return sizes


if __name__ == "__main__":
    sys.exit(main())

"""The command line of the load generator."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from benchmarks.settings import FULL, QUICK, SECTIONS, Settings

MAX_FRAME = 512  # messages; the contract's limit
MAX_STREAMS = 16
EXAMPLES = 8  # agents of the example team, who have all skills only together


def parse(arguments: Sequence[str] | None) -> tuple[Settings, bool]:
    """What to measure, and whether people will read it. Ends the program where the arguments are bad."""
    args = _parser().parse_args(arguments)
    given = {name: value for name, value in vars(args).items() if value is not None}
    for_people = given.pop("table")
    given.pop("json")
    return replace(FULL if given.pop("full") else QUICK, **given), for_people


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.load",
        description="Measure throughput, CPU and latency of a gateway and an engine of their own.",
        epilog="example: python -m benchmarks.load --only stream,floor --streams 4 --table",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON (the default)")
    form.add_argument("--table", action="store_true", help="print a table for people")
    parser.add_argument(
        "--full", action="store_true", help="measure longer, and unary calls at 1,500/s as well"
    )
    parser.add_argument("--seconds", type=_positive, help="measured time of each section (10; full: 30)")
    parser.add_argument("--frame", type=_count(1, MAX_FRAME), help="messages a frame, at most 512 (256)")
    parser.add_argument("--streams", type=_count(1, MAX_STREAMS), help="streams at once, at most 16 (2)")
    parser.add_argument(
        "--rate", dest="rates", type=_rates, help="unary calls a second, such as 300,1500 (300)"
    )
    parser.add_argument("--agents", type=_count(EXAMPLES, 1000), help="agents of each tenant, 8 to 1000 (32)")
    parser.add_argument(
        "--only", dest="sections", type=_sections, help="some of start,stream,unary,activity,floor"
    )
    parser.add_argument("--seed", type=int, help="other texts, customers and times (1)")
    parser.add_argument("--sync", choices=("normal", "full"), help="what a commit survives (normal: a kill)")
    parser.add_argument(
        "--store", choices=("sqlite", "redis"), help="redis: a server of its own (sqlite, the embedded store)"
    )
    parser.add_argument(
        "--remembered",
        type=_count(0, 1 << 20),
        help="texts whose reading is remembered, 0: none (8192, as an engine does)",
    )
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if not math.isfinite(value) or value <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def _count(least: int, most: int) -> Callable[[str], int]:
    """Reads an integer in this range."""

    def number(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not {least} to {most}")
        return value

    return number


def _rates(text: str) -> tuple[float, ...]:
    return tuple(_positive(part) for part in text.split(","))


def _sections(text: str) -> tuple[str, ...]:
    named = text.split(",")
    if unknown := [one for one in named if one not in SECTIONS]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(SECTIONS)}")
    return tuple(one for one in SECTIONS if one in named)

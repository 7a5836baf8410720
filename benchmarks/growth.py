"""What a message costs as a desk grows: `python -m benchmarks.growth --json`. One run, the sizes taking turns.

`conversations` (open ones), `agents`, `replies` and `tenants`: the CPU time of a message at each size, the others
being small, with the ratio to the smallest size. Each size is an engine of its own in this process with an embedded
store; a turn is a frame of 256 unseen texts, three in ten of which open a conversation, the others going to any of
those open. Of the turns the calmest half counts: other work on the machine only ever adds to them. `memory_mb` is what
the process grew by while that engine was made.

`--record` measures beside these what `yingda plan` reckons with, both services from outside and Redis, and writes it
to sdk/yingda/cli/costs.json, to be committed with the change that explains it. It says how busy the machine was before
it began, and begins only on a calm one, unless told `--anyway`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from yingda.service import lifecycle

from benchmarks import growth_case, growth_record, machine, table
from benchmarks.errors import BenchmarkError
from benchmarks.growth_case import Case, Size
from benchmarks.growth_record import Row, Rows

CONVERSATIONS = (1_000, 10_000, 100_000, 1_000_000)
AGENTS = (10, 100, 1_000, 10_000)
REPLIES = (100, 1_000, 10_000, 100_000)
TENANTS = (1, 10, 100, 1_000)
DIMENSIONS: dict[str, tuple[Sequence[int], Callable[[int], Size]]] = {
    "conversations": (CONVERSATIONS, lambda size: Size(conversations=size)),
    "agents": (AGENTS, lambda size: Size(agents=size)),
    "replies": (REPLIES, lambda size: Size(replies=size)),
    "tenants": (TENANTS, lambda size: Size(tenants=size, agents=8)),
}
LARGEST = {"conversations": 100_000, "replies": 10_000}  # unless more is asked for
_US = 1e6
_MB = 2**20


def main(words: Sequence[str] | None = None) -> int:
    """Print the report; 2 if there can be none."""
    args = _parser().parse_args(words)
    try:
        report = _report(args)
    except BenchmarkError as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        return _refuse("interrupted")
    sys.stdout.write(table.render(report) if args.table else json.dumps(report, indent=1) + "\n")
    return 0


def measure(name: str, sizes: Sequence[int], turns: int) -> Rows:
    """A row per size of one dimension. Raises: BenchmarkError."""
    make = DIMENSIONS[name][1]
    with ExitStack() as stack:
        cases: list[Case] = []
        for size in sizes:
            _progress(f"{name}: making an engine with {size:,}")
            cases.append(stack.enter_context(growth_case.made(make(size), f"{name}:{size}")))
        for _ in range(turns):
            for case in cases:
                case.warm()
                case.measure()
        rows = [_row(size, case) for size, case in zip(sizes, cases, strict=True)]
    return [{**row, "ratio": round(row["cpu_us"] / rows[0]["cpu_us"], 3)} for row in rows]


def _report(args: argparse.Namespace) -> dict[str, object]:
    before = machine.describe()
    if args.record and not args.anyway:
        growth_record.require_calm(before)
    names = args.only or tuple(DIMENSIONS)
    found = {name: measure(name, _sizes(name, args), args.turns) for name in names}
    report: dict[str, object] = {
        "date": machine.now(),
        "commit": machine.commit(),
        "machine": before,
        "parameters": {"turns": args.turns, "frame": growth_case.FRAME},
        **found,
    }
    if args.record:
        _progress("record: both services from outside, and Redis")
        report["recorded"] = growth_record.record(found, before)
    return report


def _sizes(name: str, args: argparse.Namespace) -> list[int]:
    most = args.most or (DIMENSIONS[name][0][-1] if args.largest else LARGEST.get(name, 10_000))
    sizes = [size for size in DIMENSIONS[name][0] if size <= most]
    if not sizes:
        raise BenchmarkError(f"--most {most}: the smallest size of {name} is {DIMENSIONS[name][0][0]}")
    return sizes


def _row(size: int, case: Case) -> Row:
    calm = sorted(case.costs)[: max(len(case.costs) // 2, 1)]
    return {
        "size": size,
        "cpu_us": round(statistics.mean(calm) * _US, 1),
        "cpu_us_median": round(statistics.median(case.costs) * _US, 1),
        "memory_mb": round(case.memory_bytes / _MB, 1),
    }


def _progress(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _refuse(why: str) -> int:
    sys.stderr.write(f"benchmarks.growth: {why}\n")
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.growth",
        description="What a message costs by size.",
        epilog="example: python -m benchmarks.growth --only agents,tenants --table",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON (the default)")
    form.add_argument("--table", action="store_true", help="print a table for people")
    parser.add_argument("--turns", type=_positive, default=24, help="frames measured at each size (24)")
    most = parser.add_mutually_exclusive_group()
    most.add_argument("--most", type=_positive, help="the largest size of any dimension")
    most.add_argument(
        "--largest", action="store_true", help="a million conversations and 100,000 replies as well (minutes)"
    )
    parser.add_argument("--only", type=_names, help=f"some of {','.join(DIMENSIONS)} (all)")
    parser.add_argument("--record", action="store_true", help="write what `yingda plan` reckons with")
    parser.add_argument(
        "--anyway", action="store_true", help="record on a busy machine too; the record says so"
    )
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text} is no whole number above 0")
    return int(text)


def _names(text: str) -> tuple[str, ...]:
    named = tuple(text.split(","))
    if unknown := [one for one in named if one not in DIMENSIONS]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(DIMENSIONS)}")
    return named


if __name__ == "__main__":
    lifecycle.configure_logging("growth")  # to standard error, away from the report
    sys.exit(main())

"""The report for people, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.peers.ours import NAME

Report = Mapping[str, Any]


def render(report: Report) -> str:
    """What each came to, how many times that is ours, and what did not run and why."""
    return "\n".join([*_figures(report), "", *_ratios(report), "", *_missing(report)]) + "\n"


def _figures(report: Report) -> Iterator[str]:
    yield (
        "| | messages/s, in batches | singly | p50 alone, ms | p99 alone | p99 of 16 at once | "
        "CPU, µs a message, in batches | singly | memory idle, MiB | at work | ready after, s | accuracy, % | zh | en |"
    )
    yield "| --- |" + " --- |" * 13
    for name, row in report["runners"].items():
        ways, right = row["ways"], row["accuracy"]
        alone, single, batch = (ways[way] for way in ("alone", "single", "batch"))
        shares = [f"{100 * right[key]:.1f}" if key in right else "" for key in ("all", "zh", "en")]
        cells = [
            name,
            f"{batch['messages_per_second']:,.0f}",
            f"{single['messages_per_second']:,.0f}",
            f"{alone['p50_ms']:.1f}",
            f"{alone['p99_ms']:.1f}",
            f"{single['p99_ms']:.0f}",
            f"{batch['cpu_us_per_message']:,.0f}",
            f"{single['cpu_us_per_message']:,.0f}",
            f"{row['idle_rss_mb']:.0f}",
            f"{row['rss_mb']:.0f}",
            f"{row['start_seconds']:.1f}",
            *shares,
        ]
        yield f"| {' | '.join(cells)} |"


def _ratios(report: Report) -> Iterator[str]:
    if not report["ratios"]:
        return
    yield f"| {NAME} has, times | messages/s, in batches | singly | less CPU, in batches | singly |"
    yield "| --- | --- | --- | --- | --- |"
    for name, ratio in report["ratios"].items():
        keys = ("batch_rate", "single_rate", "batch_cpu", "single_cpu")
        yield f"| {name} | " + " | ".join(f"{ratio[key]:.1f}" for key in keys) + " |"


def _missing(report: Report) -> Iterator[str]:
    for name, why in report["not_run"].items():
        yield f"- {name}: {why}"

"""What would be decided otherwise, gathered and shown."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field

from yingda.cli import render
from yingda.journal_client import JournalClient
from yingda.v1 import conversation_service_pb2 as pb


@dataclass(slots=True)
class Found:
    """All that a comparison found."""

    events: list[pb.RedecidedEvent] = field(default_factory=list)
    looked_at: int = 0
    skipped: int = 0


async def gather(client: JournalClient, request: pb.RedecideEventsRequest, *, is_quiet: bool) -> Found:
    """The whole comparison; on a terminal it shows how far it came."""
    found = Found()
    shows = not is_quiet and sys.stderr.isatty()
    async for report in client.redecide(request):
        found.events.extend(report.events)
        found.looked_at, found.skipped = report.event_count, report.skipped_count
        if shows:
            print(
                f"\r{found.looked_at} events, {len(found.events)} otherwise",
                end="",
                file=sys.stderr,
                flush=True,
            )
    if shows:
        print(file=sys.stderr)
    return found


def as_json(found: Found) -> dict[str, object]:
    """For programs."""
    return {
        "event_count": found.looked_at,
        "different_count": len(found.events),
        "skipped_count": found.skipped,
        "by_field": dict(_by_field(found).most_common()),
        "events": [render.as_json(one) for one in found.events],
    }


def print_table(found: Found) -> None:
    """For people: each difference, then how many of what."""
    render.print_table(
        ("conversation", "time", "event", "what", "was", "would be"),
        (
            (
                one.conversation_id,
                render.moment(one.create_time),
                one.kind.replace("_", " "),
                other.field,
                other.was or "-",
                other.would_be or "-",
            )
            for one in found.events
            for other in one.differences
        ),
        empty="No difference.",
    )
    counts = ", ".join(f"{name} {count}" for name, count in _by_field(found).most_common())
    render.note(
        f"{found.looked_at} events compared, {len(found.events)} would be otherwise{': ' if counts else ''}{counts}"
    )
    if found.skipped:
        render.note(f"{found.skipped} commits began before the journal does and could not be decided again")


def _by_field(found: Found) -> Counter[str]:
    return Counter(other.field for one in found.events for other in one.differences)

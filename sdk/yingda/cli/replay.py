"""`yingda replay`: a conversation once more, or decisions made again."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from google.protobuf.duration_pb2 import Duration

from yingda.cli import happening, redecision, render
from yingda.cli.connection import look_back
from yingda.cli.errors import CommandError
from yingda.cli.moment import HELP, moment
from yingda.cli.options import Group
from yingda.journal_client import JournalClient
from yingda.v1 import conversation_service_pb2 as pb

_SLOWEST, _FASTEST = 0.1, 100.0


def add(group: Group) -> None:
    """The command."""
    command = group.add(
        "replay",
        _run,
        about="see a conversation happen again, or what another bundle or policy would decide",
        example="yingda replay c-0f1e2d3c4b5a69788796 --speed 20",
    )
    command.add_argument("conversation_id", nargs="?", default="", metavar="CONVERSATION")
    pace = command.add_argument_group("replay")
    pace.add_argument(
        "--speed", type=_speed, default=10.0, help="times as fast as it happened, 0.1 to 100 (default: 10)"
    )
    pace.add_argument("--step", action="store_true", help="one event at a time: Enter shows the next")
    pace.add_argument("--from", dest="start", type=moment, metavar="TIME", help=f"begin at {HELP}")
    pace.add_argument(
        "--max-pause", type=float, default=60.0, help="longest pause, in seconds as it happened"
    )
    again = command.add_argument_group("decide again")
    again.add_argument("--diff", action="store_true", help="show what would be decided otherwise")
    again.add_argument("--bundle", default="", help="read with this bundle (default: the one that serves)")
    again.add_argument("--policy", type=Path, metavar="FILE", help="route by this TOML or JSON")
    again.add_argument("--since", type=moment, metavar="TIME", help="from this moment on")
    again.add_argument("--until", type=moment, metavar="TIME", help="before this moment")


def _run(args: argparse.Namespace) -> int:
    if args.diff:
        return _diff(args)
    if not args.conversation_id:
        raise CommandError("name a CONVERSATION, or compare a span with --diff --since TIME")
    if args.step:
        return _step(args)
    request = pb.ReplayConversationRequest(
        conversation_id=args.conversation_id,
        speed=0 if args.json else args.speed,
        start_time=args.start,
        max_pause=Duration(nanos=round(args.max_pause % 1 * 1e9), seconds=int(args.max_pause)),
    )
    look_back(args, partial(_show_all, request=request, show=_shower(args)))
    return 0


def _step(args: argparse.Namespace) -> int:
    show, after = _shower(args), 0
    while True:
        request = pb.ReplayConversationRequest(
            conversation_id=args.conversation_id, start_time=args.start, after_sequence=after, max_events=1
        )
        after = look_back(args, partial(_show_all, request=request, show=show))
        if not after or not sys.stdin.readline():
            return 0


async def _show_all(
    client: JournalClient,
    *,
    request: pb.ReplayConversationRequest,
    show: Callable[[pb.ReplayConversationResponse], None],
) -> int:
    """The last one's sequence, 0 where there was none."""
    last = 0
    async for scene in client.replay(request):
        show(scene)
        last = scene.event.sequence
    return last


def _shower(args: argparse.Namespace) -> Callable[[pb.ReplayConversationResponse], None]:
    if args.json:
        return lambda scene: render.print_json_line(render.as_json(scene))
    return _show


def _show(scene: pb.ReplayConversationResponse) -> None:
    elapsed = scene.elapsed.ToMilliseconds() / 1000
    after = scene.conversation
    state = f"{render.state_name(after.state)} {after.agent_id}".strip()
    print(f"+{elapsed:9.3f} s  {happening.kind(scene.event):<22} [{state}]")
    for line in happening.what(scene.event).plain.splitlines():
        print(f"{'':15}{line}")
    sys.stdout.flush()


def _diff(args: argparse.Namespace) -> int:
    request = pb.RedecideEventsRequest(
        conversation_id=args.conversation_id,
        start_time=args.since,
        end_time=args.until,
        bundle=args.bundle,
        policy=_policy(args.policy) if args.policy else "",
    )
    found = look_back(args, lambda client: redecision.gather(client, request, is_quiet=args.json))
    if args.json:
        render.print_json(redecision.as_json(found))
    else:
        redecision.print_table(found)
    return 0


def _policy(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise CommandError(f"cannot read {path}: {why}; name a TOML or JSON file") from None


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not _SLOWEST <= speed <= _FASTEST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from {_SLOWEST:g} to {_FASTEST:g}")
    return speed

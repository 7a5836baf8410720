"""`yingda replies import | export | lint | search | gaps`: the replies as a whole."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from yingda.cli import render, reply_file
from yingda.cli.connection import connect
from yingda.cli.options import Group, between, channel, channel_names, fact
from yingda.cli.reply_file import Entry
from yingda.sync_client import SyncClient
from yingda.v1.assist_service_pb2 import SuggestRepliesRequest
from yingda.v1.message_pb2 import CHANNEL_UNSPECIFIED
from yingda.v1.reply_service_pb2 import ImportRepliesResponse, ReplyFinding, ReplyFindingKind

_SECONDS = 120.0  # an import of thousands of replies compares each with all
_AT_ONCE = 10_000  # replies of a call
_SHOWN = 48  # columns of a text


def add(actions: Group) -> None:
    """The actions."""
    _add_import(actions)
    export = actions.add(
        "export",
        _export,
        about="write all replies to a file that `import` reads",
        example="yingda replies export replies.csv",
    )
    export.add_argument("file", type=Path, metavar="FILE", help=".csv (for Excel too), .jsonl or .yaml")
    actions.add(
        "lint",
        _lint,
        about="list what is wrong or doubtful: duplicates, contradictions, slots, lengths, unused, stale",
        example="yingda replies lint --json",
    )
    _add_search(actions)
    _add_gaps(actions)


def _add_import(actions: Group) -> None:
    command = actions.add(
        "import",
        _import,
        about="create or replace replies from a file and report near duplicates",
        example="yingda replies import replies.csv --dry-run",
    )
    command.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help=f".csv in UTF-8 or GB18030, .jsonl or .yaml; columns: {', '.join(reply_file.COLUMNS)}",
    )
    command.add_argument("--dry-run", action="store_true", help="only check, keep nothing")


def _add_search(actions: Group) -> None:
    command = actions.add(
        "search",
        _search,
        about="find replies as an agent would, by what was typed",
        example="yingda replies search fh --fact order_id=A1001",
    )
    command.add_argument("text", metavar="TEXT", help="characters, pinyin, initials or words; one is enough")
    command.add_argument("--conversation", metavar="ID", default="", help="the open conversation, as context")
    command.add_argument("--language", choices=("zh", "en"), default="", help="of the replies")
    command.add_argument("--team", default="", help="the agent's team")
    command.add_argument(
        "--channel",
        type=channel,
        default=CHANNEL_UNSPECIFIED,
        help=f"where the reply goes: {', '.join(channel_names())}",
    )
    command.add_argument(
        "--fact",
        dest="facts",
        type=fact,
        action="append",
        default=[],
        metavar="SLOT=VALUE",
        help="what is known of the customer",
    )
    command.add_argument(
        "--limit", type=between(1, 20), default=10, help="most to list (default: %(default)s)"
    )


def _add_gaps(actions: Group) -> None:
    command = actions.add(
        "gaps",
        _gaps,
        about="list what customers ask and no reply answers: what to write next",
        example="yingda replies gaps --messages 5000",
    )
    command.add_argument(
        "--messages",
        type=between(1, 5000),
        default=2000,
        help="look at so many of the newest messages, whenever they came; older ones are not looked at "
        "(default: %(default)s, at most 5000)",
    )
    command.add_argument("--limit", type=between(1, 100), default=20, help="groups (default: %(default)s)")


def _import(args: argparse.Namespace) -> int:
    entries = reply_file.read(args.file)
    with connect(args, timeout=_SECONDS) as client:
        # All is checked before anything is kept, so that a bad record keeps nothing.
        checked = _in_parts(client, entries, validate_only=True, without_duplicates=not args.dry_run)
        reply_file.refuse(list(_problems(entries, checked)))
        kept = [] if args.dry_run else _in_parts(client, entries)
    found = [one for part in (kept or checked) for one in part.duplicates]
    created, replaced = (sum(getattr(part, name) for part in checked) for name in ("created", "replaced"))
    if args.json:
        counts = {"created": created, "replaced": replaced, "kept": not args.dry_run}
        render.print_json({**counts, "duplicates": [render.as_json(one) for one in found]})
        return 0
    verb = "would be" if args.dry_run else "are"
    print(f"{created} replies {verb} new, {replaced} {verb} replaced")
    if found:
        _print_findings(found)
    return 0


def _in_parts(
    client: SyncClient,
    entries: Sequence[Entry],
    *,
    validate_only: bool = False,
    without_duplicates: bool = False,
) -> list[ImportRepliesResponse]:
    parts = []
    for start in range(0, len(entries), _AT_ONCE):
        if start:
            render.note(f"{start} of {len(entries)} records are {'checked' if validate_only else 'kept'}")
        replies = [one.reply for one in entries[start : start + _AT_ONCE]]
        parts.append(
            client.import_replies(replies, validate_only=validate_only, without_duplicates=without_duplicates)
        )
    return parts


def _problems(entries: Sequence[Entry], checked: Sequence[ImportRepliesResponse]) -> Iterator[str]:
    """A response counts from the first reply of its call; people are told the place in the file and the column."""
    for start, part in zip(range(0, len(entries), _AT_ONCE), checked, strict=True):
        for one in part.problems:
            column = one.field.removeprefix("reply.").removesuffix("_time")
            yield f"{entries[start + one.number].place} ({one.reply_id}): {column} {one.problem}"


def _export(args: argparse.Namespace) -> int:
    with connect(args) as client:
        replies = client.replies()
    reply_file.write(args.file, replies)
    if args.json:
        render.print_json({"exported": len(replies), "file": str(args.file)})
    else:
        print(f"{len(replies)} replies are in {args.file}")
    return 0


def _lint(args: argparse.Namespace) -> int:
    """Exit code 1 where something was found, so that a script can stop there."""
    with connect(args, timeout=_SECONDS) as client:
        found = client.lint_replies()
    if args.json:
        render.print_messages(found)
    elif not found:
        print("Nothing is wrong with the replies.")
    else:
        _print_findings(found)
        counts = Counter(_kind(one) for one in found)
        print(", ".join(f"{count} {kind}" for kind, count in counts.items()))
    return int(bool(found))


def _search(args: argparse.Namespace) -> int:
    request = SuggestRepliesRequest(
        typed_text=args.text,
        conversation_id=args.conversation,
        language=args.language,
        team=args.team,
        channel=args.channel,
        facts=dict(args.facts),
        limit=args.limit,
    )
    with connect(args) as client:
        found = client.suggest_list(request)
    if args.json:
        render.print_json(render.as_json(found))
        return 0
    render.print_table(
        ("id", "title", "text", "to fill"),
        (
            (one.reply_id, one.title, render.shortened(one.text, _SHOWN), ", ".join(one.slots))
            for one in found.suggestions
        ),
        empty="No reply fits.",
    )
    return 0


def _gaps(args: argparse.Namespace) -> int:
    with connect(args, timeout=_SECONDS) as client:
        found = client.gaps(messages=args.messages, limit=args.limit)
    if args.json:
        render.print_json(render.as_json(found))
        return 0
    print(f"{found.unanswered} of the last {found.messages} messages have no good reply")
    render.print_table(
        ("messages", "language", "write for", "customers say"),
        ((str(one.messages), one.language, one.intent, " / ".join(one.examples[:3])) for one in found.gaps),
        empty="They have nothing in common that is worth a reply.",
    )
    return 0


def _print_findings(found: Sequence[ReplyFinding]) -> None:
    render.print_table(
        ("id", "kind", "finding"),
        ((one.reply_id, _kind(one), one.message) for one in found),
        empty="",
    )


def _kind(found: ReplyFinding) -> str:
    return ReplyFindingKind.Name(found.kind).removeprefix("REPLY_FINDING_KIND_").lower().replace("_", " ")

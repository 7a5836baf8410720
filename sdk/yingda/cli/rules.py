"""`yingda rules`: what follows by itself."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from yingda.cli import render
from yingda.cli.connection import connect
from yingda.cli.errors import CommandError
from yingda.cli.options import Group, between, channel, channel_names, fact, span
from yingda.rule_file import RuleFileError, read_rules
from yingda.v1.message_pb2 import CHANNEL_WEB
from yingda.v1.rule_pb2 import RULE_TRIGGER_WAITING, Rule, RuleCheck
from yingda.v1.rule_service_pb2 import (
    RULE_FINDING_LEVEL_ERROR,
    ExplainRulesRequest,
    RuleExplanation,
    RuleFinding,
    TestRulesRequest,
    TestRulesResponse,
)


def add(group: Group) -> None:
    """The command and its actions."""
    actions = group.nest("rules", about="list, change, check and try rules", example="yingda rules list")
    actions.add(
        "list", _list, about="list the rules in the order they are asked", example="yingda rules list"
    )
    put = actions.add(
        "put",
        _put,
        about="create or replace the rules of a file",
        example="yingda rules put rules.toml",
    )
    put.add_argument("file", type=Path, metavar="FILE", help="TOML: [[rules]], see docs/workflow.md")
    delete = actions.add(
        "delete", _delete, about="remove a rule", example="yingda rules delete return-ticket"
    )
    delete.add_argument("rule_id", metavar="ID")
    lint = actions.add(
        "lint",
        _lint,
        about="list what is wrong or doubtful about the rules, or about those of a file",
        example="yingda rules lint rules.toml",
    )
    lint.add_argument("file", type=Path, metavar="FILE", nargs="?", help="(default: the tenant's)")
    _add_explain(actions)
    _add_test(actions)


def _add_explain(actions: Group) -> None:
    explain = actions.add(
        "explain",
        _explain,
        about="show which rules hold for a text, or for a conversation's last message, and why",
        example="yingda rules explain '我要退货' --fact order_id=A1001",
    )
    explain.add_argument("text", metavar="TEXT", nargs="?", default="")
    explain.add_argument("--conversation", metavar="ID", default="", help="in place of a text")
    explain.add_argument(
        "--channel", type=channel, default=CHANNEL_WEB, help=f"of the text: {', '.join(channel_names())}"
    )
    explain.add_argument("--vip", type=between(0, 3), default=0, help="the customer's standing, 0 to 3")
    explain.add_argument(
        "--fact",
        dest="facts",
        type=fact,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what is known of the customer",
    )


def _add_test(actions: Group) -> None:
    trying = actions.add(
        "test",
        _test,
        about="show where rules would have fired in the journal; nothing is done",
        example="yingda rules test rules.toml --since 24h",
    )
    trying.add_argument("file", type=Path, metavar="FILE", nargs="?", help="(default: the tenant's)")
    trying.add_argument(
        "--since", type=span, default=None, metavar="SPAN", help="such as 90m, 24h or 7d (default: all)"
    )
    trying.add_argument(
        "--limit",
        type=between(1, 1_000_000),
        default=1000,
        help="most firings to show, the others are counted (default: %(default)s)",
    )


def _list(args: argparse.Namespace) -> int:
    with connect(args) as client:
        found = sorted(client.rules(), key=lambda one: (one.position, one.rule_id))
    _print_rules(found, as_json=args.json)
    return 0


def _put(args: argparse.Namespace) -> int:
    """All are checked before one is kept."""
    rules = _read(args.file)
    with connect(args) as client:
        found = client.lint_rules(rules)
        errors = [one for one in found if one.level == RULE_FINDING_LEVEL_ERROR]
        if errors:
            raise CommandError("\n".join(f"{args.file}: {_place(one)}: {one.message}" for one in errors))
        kept = [client.put_rule(rule) for rule in rules]
    _print_rules(kept, as_json=args.json)
    for one in found:
        render.note(f"{_place(one)}: {one.message}")
    return 0


def _delete(args: argparse.Namespace) -> int:
    with connect(args) as client:
        client.delete_rule(args.rule_id)
    if args.json:
        render.print_json({"deleted": args.rule_id})
    else:
        print(f"{args.rule_id} is deleted")
    return 0


def _lint(args: argparse.Namespace) -> int:
    """Exit code 1 where something is wrong, so that a script can stop there; doubts alone are 0."""
    rules = _read(args.file) if args.file else []
    with connect(args) as client:
        found = client.lint_rules(rules)
    if args.json:
        render.print_messages(found)
    else:
        render.print_table(
            ("rule", "level", "key", "finding"),
            ((one.rule_id, _level(one), one.key, one.message) for one in found),
            empty="Nothing is wrong with the rules.",
        )
    return int(any(one.level == RULE_FINDING_LEVEL_ERROR for one in found))


def _explain(args: argparse.Namespace) -> int:
    if bool(args.text) is bool(args.conversation):
        raise CommandError("give a text or --conversation, not both")
    request = ExplainRulesRequest(
        text=args.text,
        conversation_id=args.conversation,
        channel=args.channel,
        facts=dict(args.facts),
        vip=args.vip,
    )
    with connect(args) as client:
        found = client.explain_rules(request)
    if args.json:
        render.print_messages(found)
        return 0
    render.print_table(
        ("rule", "fires", "condition", "wanted", "found"),
        (row for one in found for row in _explained(one)),
        empty="There are no rules: add some with `yingda rules put`.",
    )
    return 0


def _test(args: argparse.Namespace) -> int:
    request = TestRulesRequest(rules=_read(args.file) if args.file else [])
    if args.since is not None:
        request.since_time.FromMilliseconds(round((time.time() - args.since) * 1000))
    fired = 0

    def progress(part: TestRulesResponse) -> None:
        nonlocal fired
        fired += len(part.trials)
        _progress(part)

    with connect(args) as client:
        found = client.test_rules(request, progress=progress, limit=args.limit)
    if args.json:
        render.print_json(render.as_json(found))
        return 0
    render.print_table(
        ("rule", "conversation", "when", "why", "would do", "did"),
        (
            (
                one.rule_id,
                one.conversation_id,
                render.moment(one.time),
                "; ".join(map(_because, one.checks)) or "always",
                ", ".join(one.actions),
                "yes" if one.fired else "no",
            )
            for one in found.trials
        ),
        empty="No rule would have fired.",
    )
    print(f"{fired} firings in {found.messages} messages")
    if fired > len(found.trials):
        render.note(f"the first {len(found.trials)} are shown; --limit shows more")
    return 0


def _read(path: Path) -> list[Rule]:
    try:
        return read_rules(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise CommandError(f"{path}: is not UTF-8; save it as UTF-8") from None
    except RuleFileError as error:
        raise CommandError(f"{path}: {error}") from None


def _progress(part: TestRulesResponse) -> None:
    if part.HasField("through_time"):
        render.note(f"{part.messages} messages, up to {render.moment(part.through_time)}")


def _print_rules(rules: Sequence[Rule], *, as_json: bool) -> None:
    if as_json:
        render.print_messages(rules)
        return
    render.print_table(
        ("id", "asked", "does", "about"),
        ((one.rule_id, _asked(one), ", ".join(_actions(one)), one.description) for one in rules),
        empty="There are no rules: add some with `yingda rules put`.",
    )


def _asked(rule: Rule) -> str:
    if rule.disabled:
        return "never (disabled)"
    return "while waiting" if rule.trigger == RULE_TRIGGER_WAITING else "each message"


def _actions(rule: Rule) -> Iterable[str]:
    return (one.WhichOneof("action") or "" for one in rule.then)


def _explained(one: RuleExplanation) -> list[tuple[str, ...]]:
    """A row per condition; what holds is marked."""
    fires = "yes" if one.fires else f"no: {one.hindrance}" if one.hindrance else "no"
    if not one.checks:
        return [(one.rule_id, fires, "", "", "")]
    return [
        (
            one.rule_id if not number else "",
            fires if not number else "",
            f"{'✓' if check.holds else '✗'} {check.name}",
            check.wanted,
            check.found,
        )
        for number, check in enumerate(one.checks)
    ]


def _because(check: RuleCheck) -> str:
    return f"{check.name} {check.found}"


def _place(found: RuleFinding) -> str:
    return f"{found.rule_id}, {found.key}" if found.key else found.rule_id


def _level(found: RuleFinding) -> str:
    return "error" if found.level == RULE_FINDING_LEVEL_ERROR else "warning"

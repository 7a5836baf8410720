"""`yingda replies auto`: when the engine answers customers alone."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from yingda.cli import auto_choice, judged_file, render
from yingda.cli.auto_choice import Estimate, Judged
from yingda.cli.connection import connect
from yingda.cli.options import Group
from yingda.v1.answer_pb2 import AUTO_REPLY_DECISION_SENT, AutoReplyDecision
from yingda.v1.assist_service_pb2 import AutoReplyPolicy, AutoReplyTrial

_SHOWN = 60  # columns of a message


def add(actions: Group) -> None:
    """The actions."""
    group = actions.nest(
        "auto", about="when the engine answers customers alone", example="yingda replies auto show"
    )
    group.add("show", _show, about="show the policy", example="yingda replies auto show --json")
    group.add("off", _off, about="let every answer come from people", example="yingda replies auto off")
    _add_on(group)
    _add_try(group)
    _add_choose(group)


def _add_on(group: Group) -> None:
    command = group.add(
        "on",
        _on,
        about="let the engine answer some intents alone",
        example="yingda replies auto on --intents chat.greeting,chat.thanks --min-confidence 0.9",
    )
    command.add_argument("--intents", type=_names, required=True, help="separated by commas")
    command.add_argument(
        "--replies", type=_names, default=[], help="only these replies (default: all of the intents)"
    )
    command.add_argument(
        "--min-confidence", type=_share, default=0.98, help="0.5 to 1 (default: %(default)s)"
    )
    command.add_argument("--max-anger", type=_share, default=0.2, help="0 to 1 (default: %(default)s)")


def _add_try(group: Group) -> None:
    command = group.add(
        "try",
        _try,
        about="see what the engine would answer alone; nothing is sent",
        example="yingda replies auto try messages.txt --output judged.csv",
    )
    command.add_argument(
        "file", type=Path, metavar="FILE", help="a message a line, or .csv with a column text"
    )
    command.add_argument(
        "--output", type=Path, metavar="FILE", help="a CSV file to write 1 or 0 into, for `choose`"
    )


def _add_choose(group: Group) -> None:
    command = group.add(
        "choose",
        _choose,
        about="choose replies and the confidence from judged answers",
        example="yingda replies auto choose judged.csv --precision 0.98 --apply",
    )
    command.add_argument(
        "file", type=Path, metavar="FILE", help="what `try` wrote, with 1 or 0 in column right"
    )
    command.add_argument(
        "--precision", type=_share, default=0.98, help="share of answers to be right (default: %(default)s)"
    )
    command.add_argument("--apply", action="store_true", help="put the policy; else only show it")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return share


def _show(args: argparse.Namespace) -> int:
    with connect(args) as client:
        policy = client.auto_reply_policy()
    return _print_policy(policy, as_json=args.json)


def _off(args: argparse.Namespace) -> int:
    with connect(args) as client:
        policy = client.auto_reply_policy()
        policy.enabled = False
        kept = client.put_auto_reply_policy(policy)
    return _print_policy(kept, as_json=args.json)


def _on(args: argparse.Namespace) -> int:
    with connect(args) as client:
        policy = client.auto_reply_policy()
        _name(policy, args.intents, args.replies)
        policy.min_confidence, policy.max_anger = args.min_confidence, args.max_anger
        kept = client.put_auto_reply_policy(policy)
    return _print_policy(kept, as_json=args.json)


def _try(args: argparse.Namespace) -> int:
    texts = judged_file.read_texts(args.file)
    with connect(args) as client:
        trials = client.try_auto_replies(texts)
    if args.output:
        rows = [_row(text, trial) for text, trial in zip(texts, trials, strict=True) if _is_open(trial)]
        judged_file.write(args.output, rows)
        print(f"{len(rows)} of {len(texts)} messages could be answered; judge the answers in {args.output}")
        return 0
    if args.json:
        render.print_messages(trials)
        return 0
    render.print_table(
        ("message", "confidence", "decision", "reply"),
        (
            (render.shortened(text, _SHOWN), f"{one.confidence:.3f}", _decision(one), one.auto_reply.reply_id)
            for text, one in zip(texts, trials, strict=True)
        ),
        empty="",
    )
    return 0


def _choose(args: argparse.Namespace) -> int:
    verdicts = judged_file.read_verdicts(args.file)
    with connect(args) as client:
        trials = client.try_auto_replies([one.text for one in verdicts])
        pairs = list(zip(verdicts, trials, strict=True))
        judged = [
            Judged(reply_id=one.reply_id, confidence=trial.confidence, is_right=one.is_right)
            for one, trial in pairs
            if _is_open(trial) and trial.auto_reply.reply_id == one.reply_id
        ]
        found = auto_choice.estimates(judged, args.precision)
        best = auto_choice.lowest(found, args.precision)
        policy = client.auto_reply_policy()
        if best:
            intents = {one.reply_id: trial.intent for one, trial in pairs}
            chosen = auto_choice.allowed(judged, args.precision)
            _name(policy, sorted({intents[reply_id] for reply_id in chosen}), chosen)
            policy.min_confidence = best.min_confidence
            if args.apply:
                policy = client.put_auto_reply_policy(policy)
    _print_choice(args, len(verdicts) - len(judged), found, policy if best else None)
    return 0 if best else 1


def _print_choice(
    args: argparse.Namespace, changed: int, found: Sequence[Estimate], policy: AutoReplyPolicy | None
) -> None:
    if args.json:
        chosen = render.as_json(policy) if policy else None
        render.print_json(
            {"not_answered_so_now": changed, "estimates": [asdict(one) for one in found], "policy": chosen}
        )
        return
    render.print_table(
        ("min confidence", "answered", "right", "95 % interval"),
        (
            (
                f"{one.min_confidence:g}",
                str(one.answered),
                f"{one.precision:.1%}",
                f"{one.low:.1%} to {one.high:.1%}",
            )
            for one in found
        ),
        empty="",
    )
    if changed:
        print(f"{changed} judged answers are not what would be sent now: `try` the messages again")
    if policy is None:
        print(f"No choice keeps {args.precision:.1%}: judge more answers, or ask for less.")
        return
    print(
        f"{len(policy.reply_ids)} replies from confidence {policy.min_confidence:g} on keep {args.precision:.1%}."
    )
    print("That is the policy now." if args.apply else "Give --apply to make it the policy.")


def _name(policy: AutoReplyPolicy, intents: Sequence[str], reply_ids: Sequence[str]) -> None:
    """Turn it on for these."""
    policy.enabled = True
    del policy.intents[:], policy.reply_ids[:]
    policy.intents.extend(intents)
    policy.reply_ids.extend(reply_ids)


def _is_open(trial: AutoReplyTrial) -> bool:
    """Whether nothing but the confidence can stand against the answer."""
    return trial.auto_reply.decision == AUTO_REPLY_DECISION_SENT


def _row(text: str, trial: AutoReplyTrial) -> dict[str, str]:
    return {
        "text": text,
        "reply_id": trial.auto_reply.reply_id,
        "right": "",
        "confidence": f"{trial.confidence:.3f}",
        "decision": _decision(trial),
        "answer": trial.auto_reply.text,
    }


def _decision(trial: AutoReplyTrial) -> str:
    name = AutoReplyDecision.Name(trial.auto_reply.decision)
    return "could be sent" if _is_open(trial) else name.removeprefix("AUTO_REPLY_DECISION_").lower()


def _print_policy(policy: AutoReplyPolicy, *, as_json: bool) -> int:
    if as_json:
        render.print_json(render.as_json(policy))
        return 0
    render.print_table(
        ("setting", "value"),
        (
            ("answers alone", "yes" if policy.enabled else "no"),
            ("intents", ", ".join(policy.intents) or "none"),
            ("replies", ", ".join(policy.reply_ids) or "all of the intents"),
            ("least confidence", f"{policy.min_confidence:g}"),
            ("most anger", f"{policy.max_anger:g}"),
            ("least similarity", f"{policy.min_similarity:g}"),
            ("before a Chinese reply", policy.notice_zh),
            ("before an English reply", policy.notice_en),
        ),
        empty="",
    )
    return 0

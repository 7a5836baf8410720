"""`yingda agents`: who can be assigned."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from yingda.cli import render
from yingda.cli.connection import connect
from yingda.cli.options import Group, between
from yingda.v1.agent_pb2 import PRESENCE_OFFLINE, Agent, Presence

_PRESENCES = ("online", "busy", "away", "offline", "wrapping")


def add(group: Group) -> None:
    """The command and its actions."""
    actions = group.nest("agents", about="list and change agents", example="yingda agents list")
    actions.add("list", _list, about="list all agents with their load", example="yingda agents list --json")
    _add_put(actions)
    presence = actions.add(
        "presence",
        _presence,
        about="say whether an agent takes conversations; coming online drains the queue",
        example="yingda agents presence lin online",
    )
    presence.add_argument("agent_id", metavar="ID")
    presence.add_argument("presence", choices=_PRESENCES)


def _add_put(actions: Group) -> None:
    put = actions.add(
        "put",
        _put,
        about="create or replace an agent; presence and load stay",
        example="yingda agents put lin --name Lin --skill presale=5 order=4 --language zh --capacity 6",
    )
    put.add_argument("agent_id", metavar="ID", help="1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'")
    put.add_argument("--name", default="", help="display name (default: the id)")
    put.add_argument(
        "--skill",
        dest="skills",
        type=_skill,
        nargs="+",
        action="extend",
        required=True,
        metavar="SKILL=LEVEL",
        help="what the agent can do, from 1 (can) to 5 (expert)",
    )
    put.add_argument(
        "--language",
        dest="languages",
        choices=("zh", "en"),
        nargs="+",
        action="extend",
        default=[],
        help="what the agent writes (default: any)",
    )
    put.add_argument(
        "--capacity", type=between(1, 1000), required=True, help="conversations held at once, 1 to 1000"
    )


def _skill(text: str) -> tuple[str, int]:
    name, separator, level = text.rpartition("=")
    if not (name and separator and level.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form refund=4")
    return name, between(1, 5)(level)


def _list(args: argparse.Namespace) -> int:
    with connect(args) as client:
        found = client.agents()
    if args.json:
        render.print_messages(found)
    else:
        _print(found)
    return 0


def _put(args: argparse.Namespace) -> int:
    agent = Agent(
        agent_id=args.agent_id,
        name=args.name,
        skills=dict(args.skills),
        languages=args.languages,
        capacity=args.capacity,
    )
    with connect(args) as client:
        kept = client.put_agent(agent)
    _print_one(kept, as_json=args.json)
    if kept.presence == PRESENCE_OFFLINE:
        render.note(f"{kept.agent_id} is offline; `yingda agents presence {kept.agent_id} online` changes it")
    return 0


def _presence(args: argparse.Namespace) -> int:
    with connect(args) as client:
        changed = client.set_presence(args.agent_id, Presence.Value(f"PRESENCE_{args.presence.upper()}"))
    _print_one(changed, as_json=args.json)
    return 0


def _print_one(agent: Agent, *, as_json: bool) -> None:
    if as_json:
        render.print_json(render.as_json(agent))
    else:
        _print([agent])


def _print(agents: Iterable[Agent]) -> None:
    render.print_table(
        ("id", "name", "presence", "load", "languages", "skills"),
        (
            (
                one.agent_id,
                one.name,
                render.presence_name(one.presence),
                f"{one.load:g}/{one.capacity}",
                " ".join(one.languages) or "any",
                _skills(one),
            )
            for one in agents
        ),
        empty="No agents yet: add one with `yingda agents put`, or serve with --sample-team.",
    )


def _skills(agent: Agent) -> str:
    """The best first."""
    ranked = sorted(agent.skills.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {level}" for name, level in ranked)

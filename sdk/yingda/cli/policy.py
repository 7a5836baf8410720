"""`yingda policy`: how a tenant's conversations find their agents."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from yingda.cli import render
from yingda.cli.connection import connect
from yingda.cli.errors import CommandError
from yingda.cli.options import Group
from yingda.framing import duration
from yingda.v1.rule_service_pb2 import RoutingPolicy

_PARTS = ("weights", "order")
# What a setting is called in the server's file, the field it is, and the seconds of its unit.
_SPANS = {"sla": ("sla", 60), "offer_seconds": ("offer", 1), "wrap_up_seconds": ("wrap_up", 1)}
_OUTPUT = "version"
_TRUTH = {"true": True, "false": False}
_READERS: Mapping[int, Callable[[str], object]] = {
    FieldDescriptor.TYPE_BOOL: _TRUTH.__getitem__,
    FieldDescriptor.TYPE_INT32: int,
    FieldDescriptor.TYPE_DOUBLE: float,
    FieldDescriptor.TYPE_STRING: str,
}


def add(group: Group) -> None:
    """The command and its actions."""
    actions = group.nest(
        "policy", about="show and set how conversations find agents", example="yingda policy show"
    )
    actions.add(
        "show", _show, about="show the routing policy that applies", example="yingda policy show --json"
    )
    put = actions.add(
        "set",
        _set,
        about="set values of the tenant's own, in place of all that were set before; without any, what the server's"
        " file says applies. Whoever waits gets the new place at once",
        example="yingda policy set sla=5 weights.language=1 auto_accept=false",
    )
    put.add_argument(
        "values",
        nargs="*",
        metavar="KEY=VALUE",
        help="keys as `yingda policy show` names them; sla in minutes",
    )


def _show(args: argparse.Namespace) -> int:
    with connect(args) as client:
        _print(client.routing_policy(), args.json)
    return 0


def _set(args: argparse.Namespace) -> int:
    policy = RoutingPolicy()
    for text in args.values:
        _read(policy, text)
    with connect(args) as client:
        _print(client.put_routing_policy(policy), args.json)
    return 0


def _print(policy: RoutingPolicy, as_json: bool) -> None:
    if as_json:
        render.print_json(render.as_json(policy))
    else:
        render.print_pairs([*_settings(policy), ("version", policy.version)])


def _settings(policy: RoutingPolicy) -> Iterator[tuple[str, str]]:
    """By key, in the order of the contract."""
    keys = {field: (key, unit) for key, (field, unit) in _SPANS.items()}
    for field in RoutingPolicy.DESCRIPTOR.fields:
        value = getattr(policy, field.name)
        if field.name in _PARTS:
            yield from (
                (f"{field.name}.{part.name}", _text(getattr(value, part.name)))
                for part in value.DESCRIPTOR.fields
            )
        elif isinstance(value, Duration):
            key, unit = keys[field.name]
            yield key, f"{value.ToMilliseconds() / 1000 / unit:g}"
        elif field.name != _OUTPUT:
            yield field.name, _text(value)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value) or '""'


def _read(policy: RoutingPolicy, text: str) -> None:
    """Put one KEY=VALUE into the policy. Raises: CommandError."""
    key, separator, value = text.partition("=")
    if not separator:
        raise CommandError(f"{text!r} is not of the form sla=5")
    try:
        if key in _SPANS:
            field, unit = _SPANS[key]
            getattr(policy, field).CopyFrom(duration(float(value) * unit) or Duration())
        else:
            message, name = _place(policy, key)
            setattr(message, name, _READERS[message.DESCRIPTOR.fields_by_name[name].type](value))
    except (ValueError, KeyError):
        raise CommandError(f"{key} cannot be {value!r}; `yingda policy show` shows what it is now") from None


def _place(policy: RoutingPolicy, key: str) -> tuple[Message, str]:
    """The message that has the setting, and its field there. Raises: CommandError."""
    part, _, name = key.rpartition(".")
    message: Message | None = policy if not part else getattr(policy, part) if part in _PARTS else None
    if message is None or name not in message.DESCRIPTOR.fields_by_name or name in (_OUTPUT, *_PARTS):
        known = ", ".join(one for one, _ in _settings(RoutingPolicy()))
        raise CommandError(f"{key} is no setting; there are {known}")
    return message, name

"""What to do next: lines to copy."""

from __future__ import annotations

import json
import shlex

from yingda.cli import render
from yingda.client import DEFAULT_TARGET

_ANY_HOST = ("0.0.0.0", "[::]")  # listened on, not connected to


def print_hints(address: str, tenant: str) -> None:
    """One line for `yingda chat`, one for any gRPC client."""
    target = reachable(address)
    render.copy_line("chat:", chat_line(target, tenant))
    render.copy_line("any client:", grpc_line(target, tenant))


def reachable(address: str) -> str:
    """An address that this machine can connect to, for one that may stand for all of its addresses."""
    host, _, port = address.rpartition(":")
    return f"127.0.0.1:{port}" if host in _ANY_HOST else address


def chat_line(target: str, tenant: str) -> str:
    """The command, with what differs from its defaults."""
    options = [] if target == DEFAULT_TARGET else ["--target", target]
    options += [] if tenant == "default" else ["--tenant", tenant]
    return shlex.join(["yingda", "chat", *options])


def grpc_line(target: str, tenant: str) -> str:
    """A grpcurl command; the gateway tells it the contracts by reflection."""
    message = {
        "tenant": tenant,
        "channel": "CHANNEL_WEB",
        "message_id": "m-1",
        "customer_id": "u-1",
        "text": "我的快递到哪了",
    }
    data = json.dumps({"message": message}, ensure_ascii=False)
    return shlex.join(["grpcurl", "-plaintext", "-d", data, target, "yingda.v1.MessageService/SendMessage"])

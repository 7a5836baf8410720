from __future__ import annotations

import shlex

import pytest
from google.protobuf import json_format
from yingda.cli import hints
from yingda.v1.message_service_pb2 import SendMessageRequest


@pytest.mark.parametrize(
    ("target", "tenant", "line"),
    [
        ("127.0.0.1:50051", "default", "yingda chat"),
        ("127.0.0.1:7", "shop", "yingda chat --target 127.0.0.1:7 --tenant shop"),
    ],
)
def test_the_chat_line_names_what_differs_from_the_defaults(target: str, tenant: str, line: str) -> None:
    assert hints.chat_line(target, tenant) == line


def test_the_line_for_any_client_carries_a_whole_message() -> None:
    *_, data, target, method = shlex.split(hints.grpc_line("127.0.0.1:7", "shop"))
    message = json_format.Parse(data, SendMessageRequest()).message

    assert (message.tenant, message.text) == ("shop", "我的快递到哪了")
    assert (target, method) == ("127.0.0.1:7", "yingda.v1.MessageService/SendMessage")


def test_an_address_that_stands_for_all_is_reached_at_home() -> None:
    assert hints.reachable("0.0.0.0:7") == "127.0.0.1:7"

"""Both services as an operator runs them: how they start, refuse to, log and stop."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from yingda import SyncClient, YingdaError
from yingda.v1 import agent_pb2, message_service_pb2

from tests.fakes import make_message
from tests.processes import Service, run

SECRETS = ["Secret Street", "隐私地址", "my-customer-4711"]
SEND = "/yingda.v1.MessageService/SendMessage"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data-dir", "{tmp}/file"], "engine: cannot use {tmp}/file ("),
        (["--listen", "{taken}"], "engine: cannot listen on {taken}: it is in use"),
    ],
)
def test_an_engine_that_cannot_start_says_why_in_a_line(
    tmp_path: Path, options: list[str], message: str
) -> None:
    (tmp_path / "file").write_text("")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        places = {"tmp": tmp_path, "taken": f"127.0.0.1:{taken.getsockname()[1]}"}
        filled = [option.format(**places) for option in options]
        code, said = run("engine", "--data-dir", str(tmp_path / "data"), *filled)

    assert code == 2
    assert said.startswith(message.format(**places))
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"YINGDA_GATEWAY__SPEED": "9"}, "gateway: speed in the environment: unknown setting; known are "),
        ({"YINGDA_GATEWAY__LISTEN": "192.0.2.1:50051", "YINGDA_GATEWAY__TOKENS": '{"0123456789abcdef": "a"}'},
         "gateway: cannot listen on 192.0.2.1:50051: "),
    ],
)  # fmt: skip
def test_a_gateway_that_cannot_start_says_why_in_a_line(environ: dict[str, str], message: str) -> None:
    code, said = run("gateway", environ=environ)

    assert code == 2
    assert said.startswith(message)
    assert len(said.splitlines()) == 1


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Service]:
    service = Service("engine", tmp_path / "engine.log", "--data-dir", str(tmp_path / "data"))
    yield service
    service.kill()


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Service]:
    socket_path = tmp_path / "data" / "engine.sock"
    options = ["--engine", f"unix:{socket_path}", "--listen", "127.0.0.1:0", "--tenant", "shop"]
    service = Service("gateway", tmp_path / "gateway.log", *options)
    yield service
    service.kill()


def use_everything(client: SyncClient) -> None:
    """Every kind of call with a customer's words in it, good and bad."""
    client.put_agent(agent_pb2.Agent(agent_id="ann", skills={"general": 1, "logistics": 1}, capacity=2))
    client.set_presence("ann", agent_pb2.PRESENCE_ONLINE)
    for secret in SECRETS:
        answer = client.send(f"please send it to {secret}!", customer_id=SECRETS[2])
        client.suggest(secret, conversation_id=answer.conversation_id)
        client.explain(secret)
        client.events(answer.conversation_id)
        for bad in (
            client.message(secret * 2000, customer_id="cu"),
            client.message(secret, customer_id=secret * 100),
            client.message(secret),
        ):
            with suppress(YingdaError):
                client.send_message(bad)
        client.close_conversation(answer.conversation_id)
        with suppress(YingdaError):
            client.conversation(secret)


def send_bytes(address: str) -> None:
    """A message that is no UTF-8 and one whose caller goes at once."""
    request = message_service_pb2.SendMessageRequest(message=make_message(f"XXXX {SECRETS[0]}"))
    broken = request.SerializeToString().replace(b"XXXX", b"\xff\xfe\x80\x80")
    with grpc.insecure_channel(address) as channel:
        call: Any = channel.unary_unary(SEND)
        for data, timeout in ((broken, 5.0), (request.SerializeToString(), 0.0005)):
            with suppress(grpc.RpcError):
                call(data, timeout=timeout)


def test_no_word_of_a_customer_is_logged_and_both_stop_when_told_to(
    engine: Service, gateway: Service
) -> None:
    engine.start()
    address = gateway.start()
    with SyncClient(address, tenant="shop") as client:
        use_everything(client)
    send_bytes(address)
    codes = [gateway.stop(), engine.stop()]

    assert codes == [0, 0]
    for service in (engine, gateway):
        events = [json.loads(line) for line in service.said.splitlines()]
        assert [event["level"] for event in events] == ["info"] * len(events)
        assert not [secret for secret in SECRETS if secret in service.said]

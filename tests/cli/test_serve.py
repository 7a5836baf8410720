from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

import pytest
from yingda.errors import YingdaError
from yingda.sync_client import SyncClient
from yingda.v1.agent_pb2 import PRESENCE_ONLINE, Agent

from tests.cli.conftest import Serve, Server


def refused(*options: str) -> str:
    """What a `yingda serve` that cannot start says."""
    ended = subprocess.run(
        [sys.executable, "-m", "yingda.cli", "serve", *options],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stderr


def send(server: Server, message_id: str, customer_id: str = "u") -> bool:
    """Whether the message had been answered before."""
    with SyncClient(server.target, timeout=30) as client:
        return client.send("我的快递到哪了", customer_id=customer_id, message_id=message_id).duplicate


def test_a_killed_engine_is_restarted_and_the_journal_is_still_there(serve: Serve, tmp_path: Path) -> None:
    server = serve(tmp_path / "data")
    send(server, "m-1")
    os.kill(server.child("engine"), signal.SIGKILL)
    server.until_said("the engine serves again")

    assert send(server, "m-1")


def test_a_killed_gateway_is_restarted_at_its_address(serve: Serve, tmp_path: Path) -> None:
    server = serve(tmp_path / "data")
    os.kill(server.child("gateway"), signal.SIGKILL)
    server.until_said("the gateway serves again")

    assert not send(server, "m-1")


def test_sigterm_under_load_loses_nothing_that_was_acknowledged(serve: Serve, tmp_path: Path) -> None:
    server = serve(tmp_path / "data")
    acknowledged: list[str] = []
    enough = threading.Event()

    def sender(name: str) -> None:
        with SyncClient(server.target) as client:
            for number in range(100_000):
                try:
                    client.send("在吗", customer_id=name, message_id=f"{name}-{number}")
                except YingdaError:
                    return
                acknowledged.append(f"{name}-{number}")
                if len(acknowledged) > 100:
                    enough.set()

    senders = [threading.Thread(target=sender, args=(name,)) for name in "abcd"]
    for one in senders:
        one.start()
    assert enough.wait(60)
    code = server.stop()
    for one in senders:
        one.join()

    assert code == 0
    again = serve(tmp_path / "data")
    with SyncClient(again.target) as client:
        answers = [client.send("在吗", customer_id=one[0], message_id=one) for one in acknowledged]
    assert all(answer.duplicate for answer in answers)


def test_sigterm_stops_both_children_and_says_so(serve: Serve, tmp_path: Path) -> None:
    server = serve(tmp_path / "data")
    children = [server.child("engine"), server.child("gateway")]

    assert server.stop() == 0
    assert server.said.read_text().endswith("yingda: stopped\n")
    for child in children:
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)


def test_children_stop_when_serve_is_killed(serve: Serve, tmp_path: Path) -> None:
    server = serve(tmp_path / "data")
    server.process.kill()
    server.process.wait()

    assert not send(serve(tmp_path / "data"), "m-1")  # the lock on the data folder is free again


def test_a_long_data_folder_moves_the_socket_elsewhere(serve: Serve, tmp_path: Path) -> None:
    server = serve(tmp_path / ("long" * 30))

    assert not send(server, "m-1")


def test_the_sample_team_is_given_to_each_tenant_named(serve: Serve, tmp_path: Path) -> None:
    server = serve(tmp_path / "data", "--sample-team", "--tenant", "shop-a", "shop-b")
    with SyncClient(server.target, tenant="shop-b") as client:
        agents = client.agents()

    assert {agent.presence for agent in agents} == {PRESENCE_ONLINE}
    assert len(agents) == 8


def test_agents_that_are_there_are_left_as_they_are(serve: Serve, tmp_path: Path) -> None:
    first = serve(tmp_path / "data")
    with SyncClient(first.target) as client:
        client.put_agent(Agent(agent_id="ours", skills={"order": 3}, capacity=2))
    first.stop()
    with SyncClient(serve(tmp_path / "data", "--sample-team").target) as client:
        agents = client.agents()

    assert [agent.agent_id for agent in agents] == ["ours"]


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        said = refused("--data-dir", str(tmp_path / "data"), "--listen", address)

    assert f"yingda: gateway: cannot listen on {address}: it is in use" in said
    assert "E1" not in said.partition("yingda: ")[2]


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert "name a --data-dir that this user can write" in refused(
        "--data-dir", str(tmp_path / "file" / "data")
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_data_folder_without_the_right_to_write_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    assert "name a --data-dir that this user can write" in refused("--data-dir", str(tmp_path / "data"))


def test_a_damaged_bundle_is_named(tmp_path: Path) -> None:
    spec = find_spec("models")
    assert spec
    assert spec.submodule_search_locations
    bundle = tmp_path / "bundle"
    shutil.copytree(Path(spec.submodule_search_locations[0]) / "bundles" / "ecommerce", bundle)
    (bundle / "heads.safetensors").write_bytes(b"not whole")

    assert "heads.safetensors" in refused("--data-dir", str(tmp_path / "data"), "--bundle", str(bundle))


def test_a_bad_tenant_name_is_refused_before_anything_starts(tmp_path: Path) -> None:
    said = refused("--data-dir", str(tmp_path / "data"), "--tenant", "Bad Name")

    assert "'Bad Name' is no tenant name" in said
    assert not (tmp_path / "data").exists()


def test_an_unknown_setting_is_named(tmp_path: Path) -> None:
    (tmp_path / "yingda.toml").write_text("[gateway]\nport = 1\n")
    said = refused("--data-dir", str(tmp_path / "data"), "--config", str(tmp_path / "yingda.toml"))

    assert "port in" in said
    assert "unknown setting" in said


def test_a_data_folder_in_use_is_named(shared: Server) -> None:
    assert "is in use by another engine" in refused("--data-dir", str(shared.folder))

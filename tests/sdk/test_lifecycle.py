from __future__ import annotations

import socket
from pathlib import Path

import grpc
import pytest
from yingda.service import lifecycle
from yingda.service.lifecycle import BindError


def server() -> grpc.aio.Server:
    return lifecycle.make_server(interceptors=[])


def failure(address: str) -> str:
    with pytest.raises(BindError) as raised:
        lifecycle.bind(server(), address)
    return str(raised.value)


async def test_port_0_is_any_free_one() -> None:
    host, _, port = lifecycle.bind(server(), "127.0.0.1:0").rpartition(":")

    assert host == "127.0.0.1"
    assert int(port) > 0


async def test_a_port_in_use_is_named_with_the_fix() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        assert failure(address) == (
            f"cannot listen on {address}: it is in use or not an address of this machine; "
            "stop what uses it, or name another with --listen"
        )


async def test_two_servers_do_not_share_a_port() -> None:
    first = server()
    address = lifecycle.bind(first, "127.0.0.1:0")
    await first.start()

    assert failure(address).startswith(f"cannot listen on {address}")
    await first.stop(None)


@pytest.mark.parametrize("address", ["192.0.2.1:50051", "nonsense", "127.0.0.1:99999", "127.0.0.1:x", ""])
async def test_what_is_no_address_of_this_machine_is_named(address: str) -> None:
    assert failure(address).startswith(f"cannot listen on {address}: ")


async def test_a_socket_that_a_killed_service_left_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))

    assert lifecycle.bind(server(), f"unix:{path}") == f"unix:{path}"


async def test_a_socket_path_too_long_for_the_kernel_is_named() -> None:
    path = "/tmp/" + "x" * 100

    assert failure(f"unix:{path}") == (
        f"the socket path {path} is longer than 100 bytes: name a shorter --data-dir"
    )


async def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("keep me")

    assert failure(f"unix:{path}").startswith(f"cannot listen on unix:{path}")
    assert path.read_text() == "keep me"


async def test_a_folder_in_the_sockets_place_is_named(tmp_path: Path) -> None:
    assert failure(f"unix:{tmp_path}").startswith(f"cannot listen on unix:{tmp_path}")


async def test_a_file_in_the_folders_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    assert failure(f"unix:{tmp_path / 'file' / 'x.sock'}").startswith("cannot listen on unix:")


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert failure(f"unix:{tmp_path / 'none' / 'x.sock'}").startswith("cannot listen on unix:")

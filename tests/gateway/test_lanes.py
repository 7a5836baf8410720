from __future__ import annotations

import pytest

from gateway.settings import GatewaySettings


@pytest.mark.parametrize(
    ("engine", "lanes"),
    [
        ("unix:a.sock", ["unix:a.sock"]),
        ("unix:a.sock,unix:b.sock", ["unix:a.sock", "unix:b.sock"]),
        ("dns:///engines:50052", ["dns:///engines:50052"]),
        ("ipv4:10.0.0.1:50052,10.0.0.2:50052", ["ipv4:10.0.0.1:50052,10.0.0.2:50052"]),
    ],
)
def test_conversations_are_divided_among_sockets_only(engine: str, lanes: list[str]) -> None:
    assert GatewaySettings(engine=engine).engine_lanes() == lanes

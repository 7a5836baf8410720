from __future__ import annotations

import asyncio
import re
import threading
from pathlib import Path

import pytest
import yaml

from engine import metrics
from engine.errors import StartError
from engine.metrics import Figure

ROOT = Path(__file__).parents[2]
FIGURES = [
    Figure(name="b", about="second", value=1.5, labels={"k": 'a "quoted"\nname'}),
    Figure(name="a_total", about="first", value=3, kind="counter"),
    Figure(name="b", about="second", value=2),
]


async def get(address: str, request: bytes) -> str:
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    await writer.drain()
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer.decode()


def test_figures_are_rendered_as_prometheus_reads_them() -> None:
    assert metrics.render(FIGURES).splitlines() == [
        "# HELP a_total first",
        "# TYPE a_total counter",
        "a_total 3",
        "# HELP b second",
        "# TYPE b gauge",
        'b{k="a \\"quoted\\"\\nname"} 1.5',
        "b 2",
    ]


async def test_figures_are_served() -> None:
    async with metrics.serving("127.0.0.1:0", lambda: FIGURES) as address:
        answer = await get(address, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        other = await get(address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")

    assert answer.startswith("HTTP/1.1 200 OK")
    assert answer.endswith("b 2\n")
    assert other.startswith("HTTP/1.1 404")


async def test_figures_are_reckoned_beside_the_event_loop() -> None:
    threads: list[int] = []

    def figures() -> list[Figure]:
        threads.append(threading.get_ident())
        return FIGURES

    async with metrics.serving("127.0.0.1:0", figures) as address:
        await get(address, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")

    assert len(threads) == 1
    assert threads != [threading.get_ident()]


@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1:x", "256.1.1.1:80"])
async def test_an_address_that_is_none_is_named(address: str) -> None:
    with pytest.raises(StartError, match="metrics: cannot listen on"):
        async with metrics.serving(address, list):
            raise AssertionError


def test_the_alert_rules_ask_for_figures_that_there_are() -> None:
    source = (ROOT / "engine" / "bundles" / "figures.py").read_text(encoding="utf-8")
    rules = yaml.safe_load((ROOT / "deploy" / "prometheus" / "models.yaml").read_text(encoding="utf-8"))
    asked = {
        name
        for group in rules["groups"]
        for rule in group["rules"]
        for name in re.findall(r"yingda_\w+", rule["expr"])
    }

    assert len(asked) == 3
    assert {name for name in asked if f'"{name}"' not in source} == set()

"""SendMessage without customers' data, and beside sources of it that are slow or dead: `python -m benchmarks.preload`.

One JSON document on standard output. Every message is of a customer whom nobody has asked about yet or about whom the
answer is on its way, so that a source which could delay a message would. CPU time per message is that of the services,
the fetches with it; three messages in ten are of a new customer, which no real day has. Before anything is measured, as
many messages come as the slow source takes, so that as many fetches end as begin.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import grpc
from yingda import Client
from yingda.v1 import customer_service_pb2

from benchmarks import machine
from benchmarks.errors import BenchmarkError
from benchmarks.settings import QUICK, Settings
from benchmarks.system import System, employ, running
from benchmarks.texts import read_utterances, unseen
from benchmarks.traffic import Traffic
from benchmarks.unary import METHOD, Method, open_loop, report

DELAY = 3.0  # seconds that the slow source takes
SOURCES = ("none", "slow", "dead")
_ORDERS = json.dumps([{"order_id": "A1", "status": "sent", "tracking_no": "SF1"}]).encode()


async def measure(settings: Settings, rate: float) -> dict[str, object]:
    """The whole document. Raises: BenchmarkError."""
    texts = unseen(read_utterances(), f"{settings.seed}:texts")
    found = {name: await _measure_one(name, texts, settings, rate) for name in SOURCES}
    cpu: dict[str, dict[str, float]] = {name: one["cpu_us_per_message"] for name, one in found.items()}  # type: ignore[misc]
    p99 = {name: one["latency_ms"]["p99"] for name, one in found.items()}  # type: ignore[index]
    added = {
        name: {service: cpu[name][service] - cpu["none"][service] for service in cpu["none"]}
        for name in SOURCES[1:]
    }
    return {
        "date": machine.now(),
        "commit": machine.commit(),
        "machine": machine.describe(),
        "rate": rate,
        "source_delay_seconds": DELAY,
        **found,
        "p99_ratio": {name: p99[name] / p99["none"] for name in SOURCES},
        "cpu_us_per_message_added": added,
        "engine_cpu_us_per_fetch": {
            name: added[name]["engine"] / found[name]["fetches_per_message"]  # type: ignore[operator]
            for name in SOURCES[1:]
        },
    }


async def _measure_one(name: str, texts: Iterator[str], settings: Settings, rate: float) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="yingda-") as folder:
        async with _source(name) as url:
            config = Path(folder) / "yingda.toml"
            config.write_text(_config(url) if url else "", encoding="utf-8")
            async with running(Path(folder), settings, engine_options=["--config", str(config)]) as system:
                tenant = next(system.tenants)
                await employ(system.gateway.address, tenant, settings.agents)
                source = Traffic(texts, tenant=tenant, name=f"p-{name}", seed=f"{settings.seed}:{name}")
                async with Client(system.gateway.address, tenant=tenant) as client:
                    return await _load(system, client, source, settings, rate)


async def _load(
    system: System, client: Client, source: Traffic, settings: Settings, rate: float
) -> dict[str, object]:
    services = (system.gateway, system.engine)
    async with grpc.aio.insecure_channel(system.gateway.address) as channel:
        method: Method = channel.unary_unary(METHOD)
        await open_loop(method, source, services, replace(settings, seconds=DELAY), rate)
        before, sent = _asked(await client.preload_report()), source.sent
        entry = report(await open_loop(method, source, services, settings, rate), rate)
    preload = await client.preload_report()
    asked = {name: count - before.get(name, 0) for name, count in _asked(preload).items()}
    return entry | {
        "asked": asked,
        "not_fetched_ahead": preload.dropped,
        "fetches_per_message": max(asked.values(), default=0) / (source.sent - sent),
        "engine_threads": system.engine.threads(),
    }


def _asked(preload: customer_service_pb2.ReportPreloadResponse) -> dict[str, int]:
    """How often each source was."""
    return {one.name: one.answered + one.failed + one.timed_out for one in preload.sources}


def _config(url: str) -> str:
    return (
        '[engine.customers."*"]\nconcurrency = 256\n[[engine.customers."*".sources]]\n'
        f'kind = "http"\nname = "shop"\ngives = "orders"\nurl = "{url}/{{customer_id}}"\n'
    )


@asynccontextmanager
async def _source(name: str) -> AsyncIterator[str]:
    """Its address: "" for none, a port where nobody listens for a dead one."""
    if name != "slow":
        yield "" if name == "none" else "http://127.0.0.1:9"
        return
    server = await asyncio.get_running_loop().create_server(_Shop, "127.0.0.1", 0, backlog=1024)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


class _Shop(asyncio.Protocol):
    """A connection to the slow source, kept as long as who asks keeps it."""

    def __init__(self) -> None:
        self._heard = b""
        self._transport = asyncio.Transport()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.BaseProtocol`."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        *whole, self._heard = (self._heard + data).split(b"\r\n\r\n")
        for _ in whole:
            asyncio.get_running_loop().call_later(DELAY, self._answer)

    def _answer(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(_ORDERS), _ORDERS)
            )


def main(words: Sequence[str] | None = None) -> int:
    """Print the document; 2 if there can be none."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.preload",
        description="Measure SendMessage beside sources of customers' data that are slow or dead.",
        epilog="example: python -m benchmarks.preload --seconds 20 --rate 100",
    )
    parser.add_argument("--seconds", type=float, default=QUICK.seconds, help="measured time of each (10)")
    parser.add_argument("--rate", type=float, default=100.0, help="messages a second (100)")
    args = parser.parse_args(words)
    try:
        found = asyncio.run(measure(replace(QUICK, seconds=args.seconds), args.rate))
    except BenchmarkError as error:
        sys.stderr.write(f"benchmarks: {error}\n")
        return 2
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

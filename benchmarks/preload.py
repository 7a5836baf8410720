"""SendMessage without customers' data, and beside sources of it that are slow or dead: `python -m benchmarks.preload`.

One JSON document on standard output. Every message is of a customer whom nobody has asked about yet or about whom the
answer is on its way, so that a source which could delay a message would. CPU time per message is that of the services,
the fetches with it; each customer is new, which no real day has.
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

from benchmarks import machine
from benchmarks.errors import BenchmarkError
from benchmarks.settings import QUICK, Settings
from benchmarks.system import employ, running
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
    return {
        "date": machine.now(),
        "commit": machine.commit(),
        "machine": machine.describe(),
        "rate": rate,
        "source_delay_seconds": DELAY,
        **found,
        "p99_ratio": {name: p99[name] / p99["none"] for name in SOURCES},
        "cpu_us_per_message_added": {
            name: {service: cpu[name][service] - cpu["none"][service] for service in cpu["none"]}
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
                async with grpc.aio.insecure_channel(system.gateway.address) as channel:
                    method: Method = channel.unary_unary(METHOD)
                    services = (system.gateway, system.engine)
                    entry = report(await open_loop(method, source, services, settings, rate), rate)
                async with Client(system.gateway.address, tenant=tenant) as client:
                    preload = await client.preload_report()
                asked = {one.name: one.answered + one.failed + one.timed_out for one in preload.sources}
                return entry | {"asked": asked, "not_fetched_ahead": preload.dropped}


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
    server = await asyncio.start_server(_answer, "127.0.0.1", 0, backlog=1024)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(DELAY)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(_ORDERS), _ORDERS))
        await writer.drain()
    except (OSError, asyncio.IncompleteReadError):
        pass  # who asked has gone
    finally:
        writer.close()


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

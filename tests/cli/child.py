"""A program as the supervisor expects one, for its tests: serves, or misbehaves as its flags say."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from yingda.service import lifecycle


async def serve(listen: str) -> None:
    server = lifecycle.make_server(interceptors=[])
    health = lifecycle.Health(server, [])
    address = lifecycle.bind(server, listen)
    await server.start()
    await health.serving()
    say(f'{{"event": "child_ready", "address": "{address}", "level": "info"}}')
    await lifecycle.until_stopped(with_parent=True)
    await server.stop(None)


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", action="append")
    parser.add_argument("--farewell", type=Path)
    parser.add_argument("--say", default="")
    parser.add_argument("--dies-if", type=Path, help="end at once where this exists")
    parser.add_argument("--deaf", action="store_true", help="stop for nothing but SIGKILL")
    args = parser.parse_args()
    if args.say or (args.dies_if and args.dies_if.exists()):
        say(args.say)
        return 2
    if args.deaf:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    asyncio.run(serve(args.listen[-1]))
    if args.farewell:
        args.farewell.write_text("finished")
    return 0


if __name__ == "__main__":
    sys.exit(main())

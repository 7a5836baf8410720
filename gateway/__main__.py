"""Run a gateway: `python -m gateway --engine unix:data/engine.sock`."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
from pathlib import Path

# What gRPC writes by itself is no JSON; what matters of it reaches us as an error.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
# Its own older pollers: the thread that waits for a completion also reads the socket, which saves a hand-over for each.
os.environ.setdefault("GRPC_EXPERIMENTS", "-event_engine_client,-event_engine_listener")
# Nothing of what is imported is garbage, and to look for some takes a fifth of the start; `settle` turns it on again.
gc.disable()
# structlog takes rich along where it is installed, for tracebacks in colour; a service writes JSON.
sys.modules["rich"] = None  # type: ignore[assignment]

from yingda.service import lifecycle
from yingda.service.settings import SettingsError, load

from gateway.bootstrap import bootstrap
from gateway.settings import GatewaySettings


def main() -> int:
    """Serve until SIGTERM or Ctrl-C; 2 if it could not start."""
    args = _parser().parse_args()
    lifecycle.configure_logging("gateway")
    try:
        settings = load(
            GatewaySettings,
            section="gateway",
            file=args.config,
            environ=os.environ,
            flags={
                "listen": args.listen,
                "engine": args.engine,
                "tenants": args.tenant,
                "share_port": args.share_port,
            },
        )
        asyncio.run(_serve(settings, with_parent=args.with_parent))
    except (SettingsError, lifecycle.BindError) as error:
        print(f"gateway: {error}", file=sys.stderr)
        return 2
    return 0


async def _serve(settings: GatewaySettings, *, with_parent: bool) -> None:
    async with bootstrap(settings):
        lifecycle.settle()
        await lifecycle.until_stopped(with_parent=with_parent)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m gateway",
        description="The gateway of Yingda: the edge that callers talk to.",
        epilog="example: python -m gateway --engine unix:data/engine.sock --listen 127.0.0.1:50051",
    )
    parser.add_argument("--config", type=Path, help="TOML file; the gateway reads its [gateway] table")
    parser.add_argument("--listen", help='"host:port" (default: 127.0.0.1:50051)')
    parser.add_argument(
        "--engine",
        help='"host:port" or "unix:path" of the engine; of several sockets with a comma between'
        " (default: unix:data/engine.sock)",
    )
    parser.add_argument(
        "--share-port",
        action="store_true",
        default=None,
        help="let other gateways of this machine listen there too",
    )
    parser.add_argument(
        "--tenant", action="append", help="a tenant to serve; may be given several times (default: default)"
    )
    parser.add_argument("--with-parent", action="store_true", help="stop when standard input ends")
    return parser


if __name__ == "__main__":
    sys.exit(main())

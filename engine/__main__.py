"""Run an engine: `python -m engine --data-dir data`."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
from pathlib import Path

# One decision thread needs one core; idle BLAS and OpenMP threads would only spin beside it.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
# What gRPC writes by itself is no JSON; what matters of it reaches us as an error.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
# Its own older pollers: the thread that waits for a completion also reads the socket, which saves a hand-over for each.
os.environ.setdefault("GRPC_EXPERIMENTS", "-event_engine_client,-event_engine_listener")
# Nobody changes what pypinyin knows, so it need not be there twice.
os.environ.setdefault("PYPINYIN_NO_DICT_COPY", "true")
# Nothing of what is imported is garbage, and to look for some takes a fifth of the start; `settle` turns it on again.
gc.disable()
# structlog takes rich along where it is installed, for tracebacks in colour; a service writes JSON.
sys.modules["rich"] = None  # type: ignore[assignment]

from yingda.service import lifecycle
from yingda.service.settings import SettingsError, load

from engine.bootstrap import bootstrap
from engine.errors import StartError
from engine.settings import EngineSettings

_UNSHARED = (
    "several engines need a store that they share: give --store redis://HOST:PORT/0, "
    "or set store under [engine]; the embedded store belongs to one engine"
)


def main() -> int:
    """Serve until SIGTERM or Ctrl-C; 2 if it could not start."""
    args = _parser().parse_args()
    lifecycle.configure_logging("engine")
    try:
        settings = load(
            EngineSettings,
            section="engine",
            file=args.config,
            environ=os.environ,
            flags={
                "listen": args.listen,
                "data_dir": args.data_dir,
                "bundle": args.bundle,
                "store": args.store,
                "sync": args.sync,
                "sample_customers": args.sample_customers,
            },
        )
        if args.one_of_several and not settings.store:
            raise StartError(_UNSHARED)
        asyncio.run(_serve(settings, with_parent=args.with_parent))
    except (SettingsError, StartError) as error:
        print(f"engine: {error}", file=sys.stderr)
        return 2
    return 0


async def _serve(settings: EngineSettings, *, with_parent: bool) -> None:
    async with bootstrap(settings):
        lifecycle.settle()
        await lifecycle.until_stopped(with_parent=with_parent)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m engine",
        description="The engine of Yingda: reads messages, assigns agents, suggests replies.",
        epilog="example: python -m engine --data-dir data --listen unix:data/engine.sock",
    )
    parser.add_argument("--config", type=Path, help="TOML file; the engine reads its [engine] table")
    parser.add_argument("--listen", help='"host:port" or "unix:path" (default: a socket in the data folder)')
    parser.add_argument("--data-dir", type=Path, help="folder of the store (default: data)")
    parser.add_argument(
        "--store",
        help='"redis://host:port/0" or "redis+cluster://h1:p1,h2:p2" (default: SQLite in the folder)',
    )
    parser.add_argument("--bundle", type=Path, help="folder of the bundle (default: the shipped one)")
    parser.add_argument(
        "--sync", choices=("normal", "full"), help="what a commit survives (default: normal, a kill)"
    )
    parser.add_argument(
        "--sample-customers",
        action="store_true",
        default=None,
        help="show the pack's invented customers to tenants without sources of their own",
    )
    parser.add_argument(
        "--one-of-several", action="store_true", help="refuse to start without a store that engines share"
    )
    parser.add_argument("--with-parent", action="store_true", help="stop when standard input ends")
    return parser


if __name__ == "__main__":
    sys.exit(main())

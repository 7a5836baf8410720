"""Engine and gateway on one machine: two child processes, a Unix socket between them."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from yingda.cli.errors import StartError
from yingda.cli.process import Program, Say
from yingda.cli.supervisor import Service

SERVER_PACKAGES = ("engine", "gateway", "models")
SOCKET_LIMIT = 100  # bytes; the kernel's limit for a Unix socket is 108 on Linux, 104 on macOS


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to start the two; None leaves a setting to the file, the environment and the defaults."""

    data_dir: Path
    environ: Mapping[str, str]
    listen: str | None = None
    config: Path | None = None
    tenants: Sequence[str] = ()
    bundle: Path | None = None
    sync: str | None = None
    sample_customers: bool = False
    store: str | None = None
    engines: int = 1
    gateways: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Engines and gateways, serving."""

    engines: Sequence[Service]
    gateways: Sequence[Service]

    @property
    def engine(self) -> Service:
        """One that may be asked anything."""
        return self.engines[0]

    @property
    def gateway(self) -> Service:
        """One at the address of all."""
        return self.gateways[0]

    @property
    def all(self) -> Sequence[Service]:
        """In the order of their start."""
        return [*self.engines, *self.gateways]


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """Where news go: a child's log lines, sentences about the children, and steps that take a while."""

    log: Say
    say: Say
    step: Callable[[str], AbstractContextManager[None]]


@asynccontextmanager
async def serving(plan: Plan, voice: Voice) -> AsyncIterator[Pair]:
    """All, serving until the block ends; then the gateways are drained first, the engines after them.

    Raises: StartError.
    """
    require_server()
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(_socket_folder(plan.data_dir))
        sockets = [folder / f"engine{_suffix(number)}.sock" for number in range(plan.engines)]
        engines = [
            await _start(stack, _engine(plan, number, socket), voice) for number, socket in enumerate(sockets)
        ]
        gateways: list[Service] = []
        for _ in range(plan.gateways):
            listen = gateways[0].address if gateways else plan.listen
            gateways.append(await _start(stack, _gateway(plan, sockets, listen), voice))
        yield Pair(engines=engines, gateways=gateways)


def _suffix(number: int) -> str:
    """Nothing for the first."""
    return f"-{number + 1}" if number else ""


def require_server() -> None:
    """Raises: StartError where only the client is installed."""
    missing = [name for name in SERVER_PACKAGES if find_spec(name) is None]
    if missing:
        raise StartError(
            f"only the client is installed ({', '.join(missing)} not found): pip install yingda-server, "
            "or `make setup` in a checkout"
        )


async def _start(stack: AsyncExitStack, program: Program, voice: Voice) -> Service:
    service = Service(program, log=voice.log, say=voice.say)
    stack.push_async_callback(service.stop)
    with voice.step(f"starting the {program.name}"):
        await service.start()
    return service


@contextmanager
def _socket_folder(data_dir: Path) -> Iterator[Path]:
    """Where the socket goes: into the data folder, or a short temporary one where the path is too long."""
    if len(str(data_dir / "engine.sock").encode()) <= SOCKET_LIMIT:
        yield data_dir
        return
    with tempfile.TemporaryDirectory(prefix="yingda-") as folder:
        yield Path(folder)


def _engine(plan: Plan, number: int, socket: Path) -> Program:
    folder = plan.data_dir / f"engine{_suffix(number)}" if number else plan.data_dir
    flags = {"--data-dir": folder, "--bundle": plan.bundle, "--sync": plan.sync, "--store": plan.store}
    samples = ["--sample-customers"] if plan.sample_customers else []
    several = ["--one-of-several"] if plan.engines > 1 else []
    return _program("engine", plan, [*_flags(flags), *samples, *several, "--listen", f"unix:{socket}"])


def _gateway(plan: Plan, sockets: Sequence[Path], listen: str | None) -> Program:
    tenants = [part for tenant in plan.tenants for part in ("--tenant", tenant)]
    engines = ",".join(f"unix:{socket}" for socket in sockets)
    shared = ["--share-port"] if plan.gateways > 1 else []
    flags = ["--engine", engines, *_flags({"--listen": listen}), *shared, *tenants]
    return _program("gateway", plan, flags)


def _program(name: str, plan: Plan, flags: Sequence[str]) -> Program:
    # -P: a folder named "engine" where this is run must not be taken for ours.
    command = [sys.executable, "-P", "-m", name, "--with-parent", *_flags({"--config": plan.config}), *flags]
    return Program(name=name, command=command, environ=plan.environ)


def _flags(values: Mapping[str, object]) -> list[str]:
    return [part for flag, value in values.items() if value is not None for part in (flag, str(value))]

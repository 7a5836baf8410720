"""How a service starts, says so, and stops without dropping what it accepted."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from yingda.service.errors import ErrorInterceptor

MAX_MESSAGE_BYTES = 36 * 1024 * 1024  # a frame of 512 messages of the largest size, and a margin
_PENDING = 65536  # calls that wait to be looked at
_COLLECT_AFTER = 10_000  # objects; looked at in a few milliseconds, in which no message is answered
_SELDOM = 100  # times before what stayed is looked at again: most of it is remembered and makes no cycles
_SWITCH_AFTER = 0.0005  # seconds
LAST_PORT = 65535
_STANDARD_INPUT = 0
SOCKET_PATH_LIMIT = 100  # bytes; the kernel's limit for a Unix socket is 108 on Linux, 104 on macOS


class BindError(Exception):
    """The address cannot be listened on; the message says what to do."""


def make_server(*, interceptors: Sequence[ErrorInterceptor], share_port: bool = False) -> grpc.aio.Server:
    """A server that refuses to share its port unless it is told to, so that a second one on it is noticed."""
    return grpc.aio.server(
        interceptors=list(interceptors),
        options=[
            ("grpc.so_reuseport", int(share_port)),
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            # Beyond gRPC's own 1,000 a call would end in a bare CANCELLED; ours end with a status that says what to do.
            ("grpc.server.max_pending_requests", _PENDING),
            ("grpc.server.max_pending_requests_hard_limit", 2 * _PENDING),
        ],
    )


def bind(server: grpc.aio.Server, address: str) -> str:
    """Listen on "host:port" (port 0: any free one) or "unix:path"; the address as bound. Raises: BindError."""
    if address.startswith("unix:"):
        _clear_socket(address)
    try:
        port = 0 if _is_beyond_ports(address) else server.add_insecure_port(address)
    except RuntimeError:
        port = 0
    if not port:
        raise BindError(
            f"cannot listen on {address}: it is in use or not an address of this machine; "
            "stop what uses it, or name another with --listen"
        )
    if address.startswith("unix:"):
        return address
    return f"{address.rpartition(':')[0]}:{port}"


def _is_beyond_ports(address: str) -> bool:
    """Whether the port is too large for one: gRPC would take the rest of a division."""
    port = address.rpartition(":")[2]
    return port.isdecimal() and int(port) > LAST_PORT


def _clear_socket(address: str) -> None:
    """Remove what a killed service left behind; the caller holds the lock that makes it the only one."""
    path = address.removeprefix("unix:")
    if len(path.encode()) > SOCKET_PATH_LIMIT:
        raise BindError(
            f"the socket path {path} is longer than {SOCKET_PATH_LIMIT} bytes: name a shorter --data-dir"
        )
    with contextlib.suppress(OSError):  # what cannot be removed is then found in use
        if Path(path).is_socket():
            Path(path).unlink()


class Health:
    """The health service of a server: "" is the process, and each service has a name of its own."""

    def __init__(self, server: grpc.aio.Server, services: Sequence[str]) -> None:
        self._servicer = health.aio.HealthServicer()
        self._services = ["", *services]
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)
        reflection.enable_server_reflection([*services, health.SERVICE_NAME, reflection.SERVICE_NAME], server)

    async def serving(self) -> None:
        """Say that calls are welcome."""
        for service in self._services:
            await self._servicer.set(service, health_pb2.HealthCheckResponse.SERVING)

    async def leaving(self) -> None:
        """Say, once and for all, that no new calls are."""
        await self._servicer.enter_graceful_shutdown()


def settle() -> None:
    """Tune this process for serving, once everything is loaded.

    What is loaded stays, so the collector need not look at it again, and what a batch makes is seldom a cycle. A thread
    that computes gives way to the event loop sooner than after Python's 5 ms.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, _SELDOM, 50)
    gc.enable()
    sys.setswitchinterval(_SWITCH_AFTER)


async def until_stopped(*, with_parent: bool) -> None:
    """Return on SIGTERM or SIGINT and, with `with_parent`, when standard input ends because the parent died."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    if with_parent:
        # A thread, because standard input may be anything, also what a loop cannot watch: a file, /dev/null.
        threading.Thread(target=_watch_parent, args=(loop, stop), daemon=True).start()
    await stop.wait()


def _watch_parent(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    with contextlib.suppress(OSError):
        while os.read(_STANDARD_INPUT, 1024):
            pass
    with contextlib.suppress(RuntimeError):  # the loop is closed: it stopped for another reason
        loop.call_soon_threadsafe(stop.set)


def configure_logging(service: str) -> None:
    """JSON lines on standard error: an event name and fields; ids only, never what a customer wrote."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )
    structlog.contextvars.bind_contextvars(service=service)

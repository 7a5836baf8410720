from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
import structlog
from yingda.service import lifecycle
from yingda.service.errors import MAX_TEXT, ErrorInterceptor, StatusError

from tests.gateway.refusal import refusal

SECRET = "my parcel went to 42 Secret Street"
CODE = grpc.StatusCode.FAILED_PRECONDITION


def translate(error: Exception) -> StatusError | None:
    return StatusError(CODE, f"known: {error}") if isinstance(error, LookupError) else None


class Failing(grpc.GenericRpcHandler):
    """Four methods, one of each kind, that raise what they are given; the streaming ones answer once before."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        async def single(_: object, __: object) -> bytes:
            raise self._error

        async def stream(_: object, __: object) -> AsyncIterator[bytes]:
            yield b"first"
            raise self._error

        handlers: dict[str, Callable[[], grpc.RpcMethodHandler[Any, Any]]] = {
            "/s/UnaryUnary": lambda: grpc.unary_unary_rpc_method_handler(single),
            "/s/StreamUnary": lambda: grpc.stream_unary_rpc_method_handler(single),
            "/s/UnaryStream": lambda: grpc.unary_stream_rpc_method_handler(stream),
            "/s/StreamStream": lambda: grpc.stream_stream_rpc_method_handler(stream),
        }
        make = handlers.get(details.method)
        return make() if make else None


@asynccontextmanager
async def failing_with(error: Exception) -> AsyncIterator[grpc.aio.Channel]:
    server = lifecycle.make_server(interceptors=[ErrorInterceptor(translate)])
    server.add_generic_rpc_handlers([Failing(error)])
    address = lifecycle.bind(server, "127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(address) as channel:
            yield channel
    finally:
        await server.stop(None)


async def call(channel: grpc.aio.Channel, kind: str = "UnaryUnary") -> list[bytes]:
    """The answers of a method; what ends it is raised."""
    stubs: dict[str, Any] = {
        "UnaryUnary": channel.unary_unary,
        "StreamUnary": channel.stream_unary,
        "UnaryStream": channel.unary_stream,
        "StreamStream": channel.stream_stream,
    }
    begun = stubs[kind](f"/s/{kind}")(iter([b""]) if kind.startswith("Stream") else b"")
    if kind.endswith("Unary"):
        return [await begun]
    return [answer async for answer in begun]


KINDS = pytest.mark.parametrize("kind", ["UnaryUnary", "StreamUnary", "UnaryStream", "StreamStream"])


@KINDS
async def test_a_status_error_is_told_with_its_details(kind: str) -> None:
    error = StatusError(CODE, "a: is bad", field="a", retry_ms=700)
    async with failing_with(error) as channel:
        found = await refusal(call(channel, kind))

    assert (found.code, found.text, found.field, found.retry_ms) == (CODE, "a: is bad", "a", 700)


@KINDS
async def test_a_known_error_is_translated(kind: str) -> None:
    async with failing_with(LookupError("thing")) as channel:
        found = await refusal(call(channel, kind))

    assert (found.code, found.text, found.field, found.retry_ms) == (CODE, "known: thing", "", None)


@KINDS
async def test_an_unknown_error_is_told_by_an_id_that_the_log_knows(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with failing_with(ValueError(SECRET)) as channel:
        found = await refusal(call(channel, kind))

    error_id = found.text.removeprefix("internal error ")
    assert found.code is grpc.StatusCode.INTERNAL
    assert len(error_id) == 12
    assert SECRET not in found.text
    assert error_id in capsys.readouterr().out


async def test_an_unknown_error_is_logged_without_what_a_customer_wrote(
    capsys: pytest.CaptureFixture[str], plain_logs: None
) -> None:
    lifecycle.configure_logging("test")
    async with failing_with(ValueError(SECRET)) as channel:
        await refusal(call(channel))
    (line,) = [json.loads(line) for line in capsys.readouterr().err.splitlines() if "call_failed" in line]

    assert (line["event"], line["service"], line["method"]) == ("call_failed", "test", "/s/UnaryUnary")
    assert line["error"] == ["ValueError"]
    assert line["trace"][-1].endswith(" single")
    assert SECRET not in str(line)


async def test_what_an_unknown_error_came_of_is_logged_too(
    capsys: pytest.CaptureFixture[str], plain_logs: None
) -> None:
    error = ValueError("later")
    error.__cause__ = KeyError("first")
    lifecycle.configure_logging("test")
    async with failing_with(error) as channel:
        await refusal(call(channel))

    assert '"error": ["ValueError", "KeyError"]' in capsys.readouterr().err


@pytest.fixture
def plain_logs() -> Iterator[None]:
    """As they were, afterwards."""
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


async def test_answers_before_an_error_arrive() -> None:
    async with failing_with(LookupError("thing")) as channel:
        stub: Any = channel.unary_stream("/s/UnaryStream")
        begun = stub(b"")

        assert await begun.read() == b"first"
        assert (await refusal(begun.read())).text == "known: thing"


async def test_a_method_that_is_none_is_unimplemented() -> None:
    async with failing_with(LookupError()) as channel:
        stub: Any = channel.unary_unary("/s/Nothing")

        assert (await refusal(stub(b""))).code is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("letter", ["x", "款", "🙂", "%"])
async def test_a_text_too_long_for_a_header_is_cut_off(letter: str) -> None:
    error = StatusError(CODE, letter * 100_000, field=letter * 100_000, retry_ms=1)
    async with failing_with(error) as channel:
        found = await refusal(call(channel))

    assert (found.code, found.retry_ms) == (CODE, 1)
    assert letter * 100_000 == found.text + letter * (100_000 - len(found.text))
    assert MAX_TEXT - 4 < len(found.text.encode()) <= MAX_TEXT
    assert found.field


def test_a_code_has_googles_number() -> None:
    assert StatusError(grpc.StatusCode.RESOURCE_EXHAUSTED, "").number == 8

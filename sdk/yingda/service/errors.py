"""Errors as a caller sees them: a status, a field at fault, a delay after which to try again."""

from __future__ import annotations

import functools
import inspect
import traceback
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NoReturn

import grpc
import structlog
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

MAX_TEXT = 1000  # bytes of a refusal's text: it goes out up to five times as long in headers limited to 8 KiB
MAX_FIELD = 200  # bytes
RETRY_DELAY_MS = 200  # what an overloaded service asks for: a few batches' time

Context = grpc.aio.ServicerContext[Any, Any]


class StatusError(Exception):
    """A call's refusal. `field` names what is at fault; `retry_ms` asks to come back after that many milliseconds.

    What is too long for a header, because it names what the caller sent, is cut off.
    """

    def __init__(
        self, code: grpc.StatusCode, message: str, *, field: str = "", retry_ms: int | None = None
    ) -> None:
        super().__init__(_cut(message, MAX_TEXT))
        self.code = code
        self.field = _cut(field, MAX_FIELD)
        self.retry_ms = retry_ms

    @property
    def number(self) -> int:
        """The google.rpc.Code number."""
        return int(self.code.value[0])

    def to_status(self) -> grpc.Status:
        """With BadRequest and RetryInfo details where they apply."""
        status = status_pb2.Status(code=self.number, message=str(self))
        for detail in self._details():
            packed = any_pb2.Any()
            packed.Pack(detail)
            status.details.append(packed)
        return rpc_status.to_status(status)

    def _details(self) -> list[error_details_pb2.BadRequest | error_details_pb2.RetryInfo]:
        details: list[error_details_pb2.BadRequest | error_details_pb2.RetryInfo] = []
        if self.field:
            violation = error_details_pb2.BadRequest.FieldViolation(field=self.field, description=str(self))
            details.append(error_details_pb2.BadRequest(field_violations=[violation]))
        if self.retry_ms is not None:
            delay = duration_pb2.Duration()
            delay.FromMilliseconds(self.retry_ms)
            details.append(error_details_pb2.RetryInfo(retry_delay=delay))
        return details


class ErrorInterceptor(grpc.aio.ServerInterceptor):
    """Turns exceptions into statuses: what `translate` knows, and a bare INTERNAL for the rest.

    An unknown exception is logged under an id, and the id is all the caller is told.
    """

    def __init__(self, translate: Callable[[Exception], StatusError | None]) -> None:
        self._translate = translate
        self._wrapped: dict[str, tuple[object, grpc.RpcMethodHandler[Any, Any]]] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Wrap whatever handler answers the call."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        method = handler_call_details.method
        known = self._wrapped.get(method)
        if known is None or known[0] is not handler:
            known = self._wrapped[method] = (handler, self._wrap(handler, method))
        return known[1]

    def _wrap(self, handler: grpc.RpcMethodHandler[Any, Any], method: str) -> grpc.RpcMethodHandler[Any, Any]:
        make, behaviour = _kind(handler)
        # A handler of a stream that is no generator writes to the context by itself, as that of health does.
        if handler.response_streaming and inspect.isasyncgenfunction(behaviour):
            wrapped = self._streaming(behaviour, method)
        else:
            wrapped = self._single(behaviour, method)
        return make(wrapped, handler.request_deserializer, handler.response_serializer)

    def _single(self, behaviour: Callable[..., Any], method: str) -> Callable[..., Any]:
        @functools.wraps(behaviour)
        async def call(request: Any, context: Context) -> Any:  # noqa: ANN401
            try:
                return await behaviour(request, context)
            except Exception as error:
                await self._abort(error, context, method)

        return call

    def _streaming(self, behaviour: Callable[..., Any], method: str) -> Callable[..., Any]:
        @functools.wraps(behaviour)
        async def call(request: Any, context: Context) -> AsyncIterator[Any]:  # noqa: ANN401
            try:
                async for response in behaviour(request, context):
                    yield response
            except Exception as error:
                await self._abort(error, context, method)

        return call

    async def _abort(self, error: Exception, context: Context, method: str) -> NoReturn:
        if isinstance(error, (grpc.aio.AbortError, grpc.aio.UsageError)):
            raise error
        known = error if isinstance(error, StatusError) else self._translate(error)
        if known is None:
            error_id = uuid.uuid4().hex[:12]
            structlog.get_logger().error("call_failed", method=method, error_id=error_id, **_trace(error))
            known = StatusError(grpc.StatusCode.INTERNAL, f"internal error {error_id}")
        await context.abort_with_status(known.to_status())
        raise AssertionError("abort_with_status always raises")


def _trace(error: BaseException) -> dict[str, object]:
    """What an error and what it came of are, and where; never their texts, which may quote a customer."""
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in chain:
        chain.append(cause)
        cause = cause.__cause__ or cause.__context__
    return {
        "error": [type(one).__name__ for one in chain],
        "trace": [
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for one in reversed(chain)
            for frame in traceback.extract_tb(one.__traceback__)
        ],
    }


def _cut(text: str, limit: int) -> str:
    return text.encode()[:limit].decode(errors="ignore")


def _kind(
    handler: grpc.RpcMethodHandler[Any, Any],
) -> tuple[Callable[..., grpc.RpcMethodHandler[Any, Any]], Callable[..., Any]]:
    """How to make such a handler again, and what it runs."""
    kinds = {
        (False, False): (grpc.unary_unary_rpc_method_handler, handler.unary_unary),
        (False, True): (grpc.unary_stream_rpc_method_handler, handler.unary_stream),
        (True, False): (grpc.stream_unary_rpc_method_handler, handler.stream_unary),
        (True, True): (grpc.stream_stream_rpc_method_handler, handler.stream_stream),
    }
    make, behaviour = kinds[handler.request_streaming, handler.response_streaming]
    assert behaviour is not None
    return make, behaviour

"""What the gateway tells its callers of errors it did not make itself."""

from __future__ import annotations

import grpc
from google.rpc import error_details_pb2, status_pb2
from yingda import batcher
from yingda.service.errors import RETRY_DELAY_MS, StatusError

_DETAILS = "grpc-status-details-bin"  # Source: https://grpc.io/docs/guides/error/#richer-error-model
# What an engine says to the gateway's callers too; for any other status of its the gateway has no words.
_PASSED_ON = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
    }
)
_RETRIED = frozenset({grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE})


def translate(error: Exception) -> StatusError | None:
    """What a caller is told; None for what is unknown."""
    if isinstance(error, batcher.OverloadedError):
        return StatusError(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error), retry_ms=RETRY_DELAY_MS)
    if isinstance(error, grpc.aio.AioRpcError):
        return _from_engine(error)
    return None


def _from_engine(error: grpc.aio.AioRpcError) -> StatusError | None:
    code, text, said = error.code(), error.details() or "", _said(error)
    if code not in _PASSED_ON:
        return None
    if code is grpc.StatusCode.UNAVAILABLE and not said.code:
        text = "the engine cannot be reached; nothing was lost, try again"
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        text = "the engine did not answer in time; the same message may be sent again"
    return StatusError(code, text, field=_field(said), retry_ms=RETRY_DELAY_MS if code in _RETRIED else None)


def _said(error: grpc.aio.AioRpcError) -> status_pb2.Status:
    """What the engine itself says; empty where gRPC made the error, as for a lost connection."""
    metadata = dict(error.trailing_metadata() or ())
    return status_pb2.Status.FromString(metadata.get(_DETAILS, b""))


def _field(said: status_pb2.Status) -> str:
    """The field that is at fault; "" where none is named."""
    bad_request = error_details_pb2.BadRequest()
    for detail in said.details:
        if detail.Unpack(bad_request):
            return str(bad_request.field_violations[0].field)
    return ""

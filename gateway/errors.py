"""What the gateway tells its callers of errors it did not make itself."""

from __future__ import annotations

import grpc
from google.rpc import error_details_pb2, status_pb2
from yingda import batcher
from yingda.service.errors import RETRY_DELAY_MS, StatusError

_DETAILS = "grpc-status-details-bin"  # Source: https://grpc.io/docs/guides/error/#richer-error-model
# What an engine says to the gateway's callers too; any other status of its is the gateway's own fault.
_PASSED_ON = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.INTERNAL,
    }
)


def translate(error: Exception) -> StatusError | None:
    """What a caller is told; None for what is unknown."""
    if isinstance(error, batcher.OverloadedError):
        return StatusError(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error), retry_ms=RETRY_DELAY_MS)
    if isinstance(error, grpc.aio.AioRpcError):
        return _from_engine(error)
    return None


def _from_engine(error: grpc.aio.AioRpcError) -> StatusError:
    code, details = error.code(), error.details() or ""
    if code is grpc.StatusCode.UNAVAILABLE:
        return StatusError(
            code, "the engine cannot be reached; nothing was lost, try again", retry_ms=RETRY_DELAY_MS
        )
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return StatusError(code, "the engine did not answer in time; the same message may be sent again")
    if code not in _PASSED_ON:
        return StatusError(grpc.StatusCode.INTERNAL, "internal error")
    retry_ms = RETRY_DELAY_MS if code is grpc.StatusCode.RESOURCE_EXHAUSTED else None
    return StatusError(code, details, field=_field(error), retry_ms=retry_ms)


def _field(error: grpc.aio.AioRpcError) -> str:
    """The field that the engine names as at fault; "" where it names none."""
    metadata = dict(error.trailing_metadata() or ())
    status = status_pb2.Status.FromString(metadata.get(_DETAILS, b""))
    bad_request = error_details_pb2.BadRequest()
    for detail in status.details:
        if detail.Unpack(bad_request):
            return str(bad_request.field_violations[0].field)
    return ""

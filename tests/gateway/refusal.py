"""A refused call, taken apart."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

_DETAILS = "grpc-status-details-bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """`field` and `retry_ms` come from the BadRequest and RetryInfo details; "" and None where there are none."""

    code: grpc.StatusCode
    text: str
    field: str
    retry_ms: int | None


async def refusal(call: Awaitable[object]) -> Refusal:
    """How the call is refused; a test fails where it is not."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    error = raised.value
    status = status_pb2.Status.FromString(_metadata(error).get(_DETAILS, b""))
    bad_request, retry = error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    for detail in status.details:
        assert detail.Unpack(bad_request) or detail.Unpack(retry)
    return Refusal(
        code=error.code(),
        text=error.details() or "",
        field=bad_request.field_violations[0].field if bad_request.field_violations else "",
        retry_ms=retry.retry_delay.ToMilliseconds() if retry.HasField("retry_delay") else None,
    )


def _metadata(error: grpc.aio.AioRpcError) -> dict[str, bytes]:
    return {key: value for key, value in error.trailing_metadata() if isinstance(value, bytes)}

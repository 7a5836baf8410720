"""The one table from the engine's errors to statuses."""

from __future__ import annotations

import grpc
from yingda import batcher
from yingda.service.errors import RETRY_DELAY_MS, StatusError

from engine.errors import (
    ConflictError,
    ContentionError,
    EngineError,
    InvalidArgumentError,
    NotFoundError,
    OverloadedError,
    StartError,
    StorageError,
)

CODES: dict[type[EngineError], grpc.StatusCode] = {
    InvalidArgumentError: grpc.StatusCode.INVALID_ARGUMENT,
    NotFoundError: grpc.StatusCode.NOT_FOUND,
    ConflictError: grpc.StatusCode.FAILED_PRECONDITION,
    OverloadedError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    ContentionError: grpc.StatusCode.ABORTED,
    StorageError: grpc.StatusCode.UNAVAILABLE,
    StartError: grpc.StatusCode.FAILED_PRECONDITION,
}


def translate(error: Exception) -> StatusError | None:
    """What a caller is told of an engine's error; None for any other."""
    if isinstance(error, batcher.OverloadedError):
        error = OverloadedError(str(error))
    if not isinstance(error, EngineError):
        return None
    return StatusError(
        CODES[type(error)],
        str(error),
        field=error.field if isinstance(error, InvalidArgumentError) else "",
        retry_ms=RETRY_DELAY_MS if isinstance(error, OverloadedError) else None,
    )

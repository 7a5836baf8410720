"""What a client's call can end in."""

from __future__ import annotations

import grpc


class YingdaError(Exception):
    """A call that was refused or failed; `code` says which, the text says what to do.

    UNAVAILABLE, RESOURCE_EXHAUSTED and DEADLINE_EXCEEDED may be tried again with the same message id: a message
    that was processed after all is answered with its first answer.
    """

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(f"{code.name}: {message}")
        self.code = code

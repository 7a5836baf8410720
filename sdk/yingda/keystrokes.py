"""Suggestions while an agent types, on one stream."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Self

import grpc

from yingda.errors import YingdaError
from yingda.line import Line
from yingda.v1 import reply_pb2
from yingda.v1.assist_service_pb2 import SuggestRepliesRequest, SuggestRepliesResponse


class Keystrokes:
    """An agent's typing; an async context manager.

    A keystroke costs less than as a call. A stream that broke is opened again; where the server has none, or is away,
    the keystroke is a call of its own.
    """

    def __init__(
        self,
        line: Line[SuggestRepliesRequest, SuggestRepliesResponse],
        call: Callable[[SuggestRepliesRequest], Awaitable[SuggestRepliesResponse]],
        *,
        tenant: str,
        timeout: float,
    ) -> None:
        self._line = line
        self._call = call
        self._tenant = tenant
        self._timeout = timeout

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the stream."""
        self._line.close()

    async def suggest(
        self, typed_text: str = "", *, conversation_id: str = "", language: str = "", limit: int = 3
    ) -> Sequence[reply_pb2.Suggestion]:
        """As `Client.suggest`. Raises: YingdaError."""
        request = SuggestRepliesRequest(
            typed_text=typed_text, conversation_id=conversation_id, language=language, limit=limit
        )
        return (await self.suggest_list(request)).suggestions

    async def suggest_list(self, request: SuggestRepliesRequest) -> SuggestRepliesResponse:
        """As `Client.suggest_list`. Raises: YingdaError."""
        request.tenant = self._tenant
        try:
            response = await self._line.ask(request, self._timeout)
        except grpc.aio.AioRpcError as error:
            raise YingdaError(error.code(), error.details() or "") from None
        return await self._call(request) if response is None else response

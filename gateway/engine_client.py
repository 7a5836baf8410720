"""The gateway's way to the engine."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import grpc
from yingda.service.lifecycle import MAX_MESSAGE_BYTES

_METHOD = "/yingda.v1.EngineService/ProcessMessages"
# Every call is idempotent, so the channel may repeat one that a restarting engine did not take.
_SERVICE_CONFIG = {
    "methodConfig": [
        {
            "name": [{}],
            "waitForReady": True,
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.05s",
                "maxBackoff": "1s",
                "backoffMultiplier": 3,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
    "retryThrottling": {"maxTokens": 100, "tokenRatio": 0.1},
}


def open_channel(address: str) -> grpc.aio.Channel:
    """A channel that waits for an engine which is just starting, and spreads over all addresses of a name."""
    return grpc.aio.insecure_channel(
        address,
        options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            ("grpc.lb_policy_name", "round_robin"),
            ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.min_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1000),
        ],
    )


class EngineClient:
    """Calls the engine with bytes."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel
        self._methods: dict[str, grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]] = {}

    async def process(self, frame: bytes, timeout: float) -> bytes:
        """A serialised ProcessMessagesRequest to its response. Raises: AioRpcError."""
        return await self.forward(_METHOD, frame, timeout)

    async def forward_stream(self, method: str, request: bytes) -> AsyncIterator[bytes]:
        """Any call that streams its responses, for as long as it lasts. Raises: AioRpcError."""
        call: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = self._channel.unary_stream(method)
        async for response in call(request):
            yield response

    async def forward_streams(self, method: str, requests: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Any call that streams both ways, for as long as it lasts. Raises: AioRpcError."""
        call: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = self._channel.stream_stream(method)
        async for response in call(requests):
            yield response

    async def forward(self, method: str, request: bytes, timeout: float) -> bytes:
        """Any unary call, as it came. Raises: AioRpcError."""
        call = self._methods.get(method)
        if call is None:
            call = self._methods[method] = self._channel.unary_unary(method)
        return await call(request, timeout=timeout)

"""The gateway's way to the engine."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Mapping, Sequence

import grpc
from yingda.line import Line
from yingda.service.lifecycle import MAX_MESSAGE_BYTES

_TYPING = 4  # keystrokes on their way at a time that need no call of their own
_METHOD = "/yingda.v1.EngineService/ProcessMessages"
SUGGEST = "/yingda.v1.AssistService/SuggestReplies"
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


class Lines:
    """The streams to one engine: one for batches of single messages, some for keystrokes."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.batches = _line(channel, "/yingda.v1.EngineService/StreamBatches")
        self._keystrokes = [
            _line(channel, "/yingda.v1.AssistService/StreamSuggestions") for _ in range(_TYPING)
        ]

    async def suggest(self, request: bytes, timeout: float) -> bytes | None:
        """The list for a keystroke; None where a call of its own is to ask, as it does when all streams are busy."""
        line = next((one for one in self._keystrokes if not one.is_busy), None)
        return await line.ask(request, timeout) if line else None

    def close(self) -> None:
        """Let the engine go."""
        for line in (self.batches, *self._keystrokes):
            line.close()


def _line(channel: grpc.aio.Channel, method: str) -> Line[bytes, bytes]:
    stream: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(method)
    return Line(stream)


class EngineClient:
    """Calls the engines with bytes. Any may answer; `lane` picks one, so that what belongs together stays so."""

    def __init__(self, channels: Sequence[grpc.aio.Channel], lines: Mapping[int, Lines]) -> None:
        self._channels = channels
        self._lines = lines
        self._turns = itertools.cycle(range(len(channels)))
        self._methods: dict[tuple[str, int], grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]] = {}

    @property
    def lanes(self) -> int:
        """How many engines there are."""
        return len(self._channels)

    def is_single(self, lane: int) -> bool:
        """Whether one engine is behind the lane, to which what is sent goes one after the other anyhow."""
        return lane in self._lines

    def next_lane(self) -> int:
        """Of whatever belongs to nothing."""
        return next(self._turns)

    async def process(self, frame: bytes, timeout: float, lane: int) -> bytes:
        """A serialised ProcessMessagesRequest to its response. Raises: AioRpcError."""
        return await self._call(_METHOD, frame, timeout, lane)

    async def process_next(self, frame: bytes, timeout: float, lane: int) -> bytes:
        """The same, for who sends a lane one frame after the other; cheaper where a single engine is behind it."""
        lines = self._lines.get(lane)
        response = await lines.batches.ask(frame, timeout) if lines else None
        return await self.process(frame, timeout, lane) if response is None else response

    async def forward_stream(self, method: str, request: bytes) -> AsyncIterator[bytes]:
        """Any call that streams its responses, for as long as it lasts. Raises: AioRpcError."""
        channel = self._channels[self.next_lane()]
        call: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(method)
        async for response in call(request):
            yield response

    async def forward_streams(self, method: str, requests: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Any call that streams both ways, for as long as it lasts. Raises: AioRpcError."""
        channel = self._channels[self.next_lane()]
        call: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(method)
        async for response in call(requests):
            yield response

    async def forward(self, method: str, request: bytes, timeout: float) -> bytes:
        """Any unary call, as it came. Raises: AioRpcError."""
        lane = self.next_lane()
        lines = self._lines.get(lane) if method == SUGGEST else None
        response = await lines.suggest(request, timeout) if lines else None
        return await self._call(method, request, timeout, lane) if response is None else response

    async def _call(self, method: str, request: bytes, timeout: float, lane: int) -> bytes:
        call = self._methods.get((method, lane))
        if call is None:
            call = self._methods[method, lane] = self._channels[lane].unary_unary(method)
        return await call(request, timeout=timeout)

"""ProcessMessages: batches in, batches out, as bytes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import grpc
from yingda.batcher import Batcher
from yingda.service.held import Held
from yingda.v1 import engine_service_pb2

from engine.bundles.generation import Answering
from engine.decision_thread import DecisionThread
from engine.errors import InvalidArgumentError
from engine.servicers import codec, wire
from engine.servicers.codec import Frame

MAX_BATCH = 512  # messages decided together
MAX_QUEUE = 8192  # messages that may wait; more are refused
SMALL = 32  # messages: a frame that is not larger does not wait behind its tenant's large ones

Context = grpc.aio.ServicerContext[Any, Any]


class EngineServicer:
    """Joins concurrent frames into one batch of the pipeline."""

    def __init__(self, *, pipeline: Answering, thread: DecisionThread, held: Held) -> None:
        self._pipeline = pipeline
        self._thread = thread
        self._held = held
        self._batcher: Batcher[Frame, bytes] = Batcher(
            self._process, max_size=MAX_BATCH, max_queue=MAX_QUEUE, weigh=lambda frame: len(frame.messages)
        )

    async def ProcessMessages(self, request: bytes, _context: Context) -> bytes:
        """See engine_service.proto; request and response are serialised."""
        return await self._answer(request, is_joined=False)

    async def StreamBatches(self, _requests: object, context: Context) -> None:
        """See engine_service.proto."""
        await self._held.answer(context, lambda request: self._answer(request, is_joined=True))

    async def _answer(self, request: bytes, *, is_joined: bool) -> bytes:
        """`is_joined`: of single messages and small frames, which a gateway put together."""
        frame = codec.split(request)
        if not 0 < len(frame.messages) <= MAX_BATCH:
            raise InvalidArgumentError(
                "messages", f"has {len(frame.messages)} entries, must have 1 to {MAX_BATCH}"
            )
        return await self._batcher.submit(frame, source_of(frame.messages, is_joined=is_joined))

    def handler(self) -> grpc.GenericRpcHandler:
        """To be added to a server; the generated one would parse what is only passed on."""
        name = engine_service_pb2.DESCRIPTOR.services_by_name["EngineService"].full_name
        methods: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            "ProcessMessages": grpc.unary_unary_rpc_method_handler(self.ProcessMessages),
            "StreamBatches": grpc.stream_stream_rpc_method_handler(self.StreamBatches),
        }
        return grpc.method_handlers_generic_handler(name, methods)

    async def _process(self, frames: Sequence[Frame]) -> list[bytes]:
        return await self._thread.run(self._process_blocking, frames)

    def _process_blocking(self, frames: Sequence[Frame]) -> list[bytes]:
        batch = codec.decode_frames(frames)
        results = iter(codec.results(batch, self._pipeline.process(batch)))
        return [b"".join(islice(results, len(frame.messages))) for frame in frames]


def source_of(messages: Sequence[bytes], *, is_joined: bool = False) -> str:
    """Whose turn it takes: of single messages and of large frames, each of one tenant or of several, apart.

    What a gateway joined are single messages and small frames, however many. Only the first message and the last are
    looked at: a gateway's frames hold one tenant's messages, or anybody's.
    """
    first, last = wire.first_text(messages[0]), wire.first_text(messages[-1])
    return f"{first if first == last else ''}:{is_joined or len(messages) <= SMALL}"

"""ProcessMessages: batches in, batches out, as bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc
from yingda.batcher import Batcher
from yingda.v1 import engine_service_pb2

from engine.bundles.generation import Answering
from engine.decision_thread import DecisionThread
from engine.errors import InvalidArgumentError
from engine.servicers import codec, wire

MAX_BATCH = 512  # messages decided together
MAX_QUEUE = 8192  # messages that may wait; more are refused
SMALL = 32  # messages: a frame that is not larger does not wait behind its tenant's large ones

Frame = Sequence[bytes]  # serialised messages


class EngineServicer:
    """Joins concurrent frames into one batch of the pipeline."""

    def __init__(self, *, pipeline: Answering, thread: DecisionThread) -> None:
        self._pipeline = pipeline
        self._thread = thread
        self._batcher: Batcher[Frame, bytes] = Batcher(
            self._process, max_size=MAX_BATCH, max_queue=MAX_QUEUE, weigh=len
        )

    async def ProcessMessages(self, request: bytes, _context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
        """See engine_service.proto; request and response are serialised."""
        frame = engine_service_pb2.RawFrame.FromString(request).messages
        if not frame or len(frame) > MAX_BATCH:
            raise InvalidArgumentError("messages", f"has {len(frame)} entries, must have 1 to {MAX_BATCH}")
        return await self._batcher.submit(frame, source_of(frame))

    def handler(self) -> grpc.GenericRpcHandler:
        """To be added to a server; the generated one would parse what is only passed on."""
        name = engine_service_pb2.DESCRIPTOR.services_by_name["EngineService"].full_name
        method: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(
            self.ProcessMessages
        )
        return grpc.method_handlers_generic_handler(name, {"ProcessMessages": method})

    async def _process(self, frames: Sequence[Frame]) -> list[bytes]:
        return await self._thread.run(self._process_blocking, frames)

    def _process_blocking(self, frames: Sequence[Frame]) -> list[bytes]:
        batch = codec.decode([raw for frame in frames for raw in frame])
        results = iter(codec.results(batch, self._pipeline.process(batch)))
        return [b"".join(next(results) for _ in frame) for frame in frames]


def source_of(frame: Frame) -> str:
    """Whose turn it takes: of single messages and of large frames, each of one tenant or of several, apart.

    Only the first message and the last are looked at: a gateway's frames hold one tenant's messages, or anybody's.
    """
    first, last = wire.first_text(frame[0]), wire.first_text(frame[-1])
    return f"{first if first == last else ''}:{len(frame) <= SMALL}"

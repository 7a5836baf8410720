"""Joins calls that record activities into one commit."""

from __future__ import annotations

from collections.abc import Sequence

from yingda.batcher import Batcher
from yingda.v1 import conversation_service_pb2 as pb

from engine.customer.activity import Activities, Recording
from engine.decision_thread import DecisionThread
from engine.servicers import check, convert_activity

MAX_BATCH = 256  # activities in one commit, so that messages get their turn in between
MAX_QUEUE = 20_000  # activities that may wait; more are refused
DEFAULT_LIMIT = 100


class Recorder:
    """Used on one event loop."""

    def __init__(self, *, activities: Activities, thread: DecisionThread) -> None:
        self._activities = activities
        self._thread = thread
        self._batcher: Batcher[Recording, bool] = Batcher(
            self._record, max_size=MAX_BATCH, max_queue=MAX_QUEUE, weigh=lambda one: one.size
        )

    async def record(self, request: pb.RecordActivityRequest) -> pb.RecordActivityResponse:
        """Raises: InvalidArgumentError, OverloadedError, StorageError."""
        recording = convert_activity.recording_from_proto(request)
        return pb.RecordActivityResponse(duplicate=await self._batcher.submit(recording))

    async def latest(self, request: pb.ListActivityRequest) -> pb.ListActivityResponse:
        """Raises: InvalidArgumentError, StorageError."""
        check.between("channel", request.channel, 1, 2**31 - 1)
        check.filled("customer_id", request.customer_id, convert_activity.MAX_ID)
        check.between("limit", request.limit, 0, check.MAX_PAGE)
        limit = request.limit or DEFAULT_LIMIT
        found = await self._thread.run(
            self._activities.latest, request.tenant, request.channel, request.customer_id, limit
        )
        return pb.ListActivityResponse(activities=convert_activity.activities_to_proto(found, limit))

    async def _record(self, recordings: Sequence[Recording]) -> list[bool]:
        return await self._thread.run(self._activities.record, recordings)

"""The part of ConversationService that reads journals, and says what else belongs into them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import grpc
from yingda.v1 import conversation_service_pb2 as pb
from yingda.v1 import event_pb2
from yingda.v1.conversation_service_pb2_grpc import ConversationServiceServicer

from engine.decision_thread import DecisionThread
from engine.domain import Conversation
from engine.ports import Classifier
from engine.routing.policy import Policy
from engine.servicers import check, convert, convert_timeline
from engine.timeline import replay
from engine.timeline.labels import LabelBook
from engine.timeline.listing import Listing
from engine.timeline.privacy import Privacy
from engine.timeline.reader import JournalReader
from engine.timeline.review import Reviewer

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """What reads journals, and with what. `load` gives a bundle by its id, `policy` a policy by its settings' text."""

    reader: JournalReader
    reviewer: Reviewer
    labels: LabelBook
    privacy: Privacy
    thread: DecisionThread
    loading: Executor
    load: Callable[[str], Classifier]
    policy: Callable[[str], Policy]


class TimelineServicer(ConversationServiceServicer):
    """What happened."""

    def __init__(self, *, timeline: Timeline, classifier: Classifier) -> None:
        self._timeline = timeline
        self._classifier = classifier
        self._listing = Listing(reader=timeline.reader)

    async def ListEvents(self, request: pb.ListEventsRequest, context: Context) -> pb.ListEventsResponse:
        """See conversation_service.proto."""
        size = check.page_size(request.page_size)
        after = check.page_number(request.page_token)
        found, go_on = await self._listing.page(convert_timeline.wanted_from_proto(request), after, size)
        page = [convert.event_to_proto(one) for one in found]
        return pb.ListEventsResponse(events=page, next_page_token=str(go_on) if go_on else "")

    async def ReplayConversation(
        self, request: pb.ReplayConversationRequest, context: Context
    ) -> AsyncIterator[pb.ReplayConversationResponse]:
        """See conversation_service.proto."""
        speed, max_pause_ms = convert_timeline.pace_from_proto(request)
        story = await self._timeline.reader.story(request.tenant, request.conversation_id)
        told = await asyncio.to_thread(list, replay.scenes(request.tenant, request.conversation_id, story))
        shown = convert_timeline.asked_for(request, told)
        async for scene in replay.paced(shown, speed=speed, max_pause_ms=max_pause_ms):
            yield convert_timeline.scene_to_proto(scene)

    async def RedecideEvents(
        self, request: pb.RedecideEventsRequest, context: Context
    ) -> AsyncIterator[pb.RedecideEventsResponse]:
        """See conversation_service.proto."""
        span = convert_timeline.span_from_proto(request)
        policy = self._timeline.policy(request.policy) if request.policy else None
        classifier = await self._reading(request.bundle)
        async for report in self._timeline.reviewer.review(span, classifier, policy):
            yield convert_timeline.report_to_proto(report)

    async def LabelMessage(
        self, request: pb.LabelMessageRequest, context: Context
    ) -> pb.LabelMessageResponse:
        """See conversation_service.proto."""
        label = convert_timeline.label_from_proto(request)
        data, duplicate = await self._timeline.thread.run(self._timeline.labels.label, request.tenant, label)
        return pb.LabelMessageResponse(label=event_pb2.MessageLabelled.FromString(data), duplicate=duplicate)

    async def DeleteCustomer(
        self, request: pb.DeleteCustomerRequest, context: Context
    ) -> pb.DeleteCustomerResponse:
        """See conversation_service.proto."""
        check.filled("customer_id", request.customer_id, convert_timeline.MAX_ID)
        deleted = await self._timeline.privacy.delete(
            request.tenant, request.customer_id, request.channel, rewrite_files=request.rewrite_files
        )
        return convert_timeline.deleted_to_proto(deleted)

    async def _state_at(self, tenant: str, conversation_id: str, moment_ms: int) -> Conversation:
        story = await self._timeline.reader.story(tenant, conversation_id)
        return await asyncio.to_thread(replay.state_at, tenant, conversation_id, story, moment_ms)

    async def _reading(self, bundle_id: str) -> Classifier:
        """The bundle named, or the one that serves."""
        if not bundle_id or bundle_id == self._classifier.id:
            return self._classifier
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._timeline.loading, self._timeline.load, bundle_id)

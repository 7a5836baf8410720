"""BotService."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc
from yingda.v1 import bot_service_pb2 as pb
from yingda.v1.bot_service_pb2_grpc import BotServiceServicer

from engine.bots.feed import DEFAULT_WINDOW, Feed, Feeds, Subscription
from engine.bots.register import Register
from engine.decision_thread import DecisionThread
from engine.errors import InvalidArgumentError
from engine.servicers import check, convert

Context = grpc.aio.ServicerContext[Any, Any]
MAX_WINDOW = 1000  # events
MAX_KINDS = 64


class BotServicer(BotServiceServicer):
    """Programs that follow what happens."""

    def __init__(self, *, feeds: Feeds, register: Register, thread: DecisionThread) -> None:
        self._feeds = feeds
        self._register = register
        self._thread = thread

    async def ReceiveEvents(
        self, requests: AsyncIterator[pb.ReceiveEventsRequest], context: Context
    ) -> AsyncIterator[pb.ReceiveEventsResponse]:
        """See bot_service.proto."""
        subscription = _subscription(await anext(requests, pb.ReceiveEventsRequest()))
        async with self._feeds.feeding(subscription) as feed, aclosing(feed.pages()) as pages:
            yield pb.ReceiveEventsResponse()
            hearing = asyncio.create_task(_hear(requests, feed))
            try:
                async for page in pages:
                    yield pb.ReceiveEventsResponse(events=[convert.event_to_proto(one) for one in page])
            finally:
                hearing.cancel()

    async def ListBots(self, request: pb.ListBotsRequest, context: Context) -> pb.ListBotsResponse:
        """See bot_service.proto."""
        size = check.page_size(request.page_size)
        found = await self._thread.run(self._register.standings, request.tenant)
        ids, token = check.page_by_id(list(found), request.page_token, size)
        connected = self._feeds.connected(request.tenant)
        bots = [
            pb.Bot(
                bot_id=one,
                acknowledged_sequence=found[one].sequence,
                is_connected=one in connected,
                behind_since_time=convert.optional_timestamp(found[one].behind_since_ms),
            )
            for one in ids
        ]
        return pb.ListBotsResponse(bots=bots, next_page_token=token)

    async def DeleteBot(self, request: pb.DeleteBotRequest, context: Context) -> pb.DeleteBotResponse:
        """See bot_service.proto."""
        await self._thread.run(self._register.forget, request.tenant, request.bot_id)
        return pb.DeleteBotResponse()


def _subscription(request: pb.ReceiveEventsRequest) -> Subscription:
    """Raises: InvalidArgumentError."""
    check.filled("tenant", request.tenant, check.MAX_NAME)
    check.identifier("bot_id", request.bot_id)
    check.count("kinds", len(request.kinds), 0, MAX_KINDS)
    for number, kind in enumerate(request.kinds):
        check.named(f"kinds[{number}]", kind)
        if " " in kind:
            raise InvalidArgumentError(f"kinds[{number}]", "is the name of a field of Event, without blanks")
    check.between("window", request.window, 0, MAX_WINDOW)
    check.between("acknowledged_sequence", request.acknowledged_sequence, 0, check.MAX_NUMBER)
    return Subscription(
        tenant=request.tenant,
        bot_id=request.bot_id,
        kinds=tuple(request.kinds),
        window=request.window or DEFAULT_WINDOW,
        from_start=request.from_start,
        resume_after=request.acknowledged_sequence,
    )


async def _hear(requests: AsyncIterator[pb.ReceiveEventsRequest], feed: Feed) -> None:
    """Pass on what the bot acknowledges, until it says no more."""
    async for request in requests:
        feed.acknowledge(request.acknowledged_sequence)
    feed.finish()

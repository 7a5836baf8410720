"""The calls that only bots, and those who run them, make."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from functools import cached_property

import grpc

from yingda.client import PAGE_SIZE, Client
from yingda.errors import YingdaError
from yingda.v1 import bot_service_pb2, bot_service_pb2_grpc, event_pb2


class BotClient(Client):
    """A client that can also follow the journal."""

    @cached_property
    def _bots(self) -> bot_service_pb2_grpc.BotServiceAsyncStub:
        return bot_service_pb2_grpc.BotServiceStub(self._channel)

    async def receive_events(
        self, requests: AsyncIterator[bot_service_pb2.ReceiveEventsRequest]
    ) -> AsyncGenerator[Sequence[event_pb2.Event], None]:
        """The journal as bot_service.proto describes it; `bot.ChatBot` is made of this."""
        call = self._bots.ReceiveEvents(requests, metadata=self._metadata)
        try:
            async for response in call:
                yield response.events
        except grpc.aio.AioRpcError as error:
            raise YingdaError(error.code(), error.details() or "") from None
        finally:
            call.cancel()

    async def bots(self) -> list[bot_service_pb2.Bot]:
        """The tenant's bots and how far behind each is, by id."""
        found: list[bot_service_pb2.Bot] = []
        request = bot_service_pb2.ListBotsRequest(tenant=self._tenant, page_size=PAGE_SIZE)
        while True:
            page = await self._call(self._bots.ListBots, request)
            found.extend(page.bots)
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    async def delete_bot(self, bot_id: str) -> None:
        """Forget where a bot stands; should it come again, it begins anew."""
        request = bot_service_pb2.DeleteBotRequest(tenant=self._tenant, bot_id=bot_id)
        await self._call(self._bots.DeleteBot, request)

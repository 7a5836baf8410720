"""A bot's events over as many streams as it takes: resumed where the last one broke off, without a gap."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing

import grpc

from yingda.bot.config import BotConfig
from yingda.bot.progress import Progress
from yingda.bot_client import BotClient
from yingda.errors import YingdaError
from yingda.v1 import bot_service_pb2, event_pb2

log = logging.getLogger("yingda.bot")
GATHER = 0.02  # seconds in which acknowledgements join
FIRST_PAUSE = 0.1  # seconds before a lost stream is opened again; doubled while that fails
LONGEST_PAUSE = 5.0  # seconds
# The caller has to change something before these go away.
_FINAL = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.ABORTED,
    }
)


class Receiver:
    """Used on one event loop. `connected` is called with every page: the first one says that the bot has its place."""

    def __init__(
        self, *, client: BotClient, config: BotConfig, kinds: Sequence[str], connected: Callable[[], None]
    ) -> None:
        self._client = client
        self._config = config
        self._kinds = kinds
        self._progress = Progress()
        self._news = asyncio.Event()
        self._stopping = False
        self._connected = connected

    async def events(self) -> AsyncGenerator[event_pb2.Event, None]:
        """Each event once, in order, until `stop`. Raises: YingdaError where trying again is of no use."""
        pause = FIRST_PAUSE
        while not self._stopping:
            try:
                async with aclosing(self._client.receive_events(self._requests())) as pages:
                    async for page in pages:
                        pause = FIRST_PAUSE
                        self._connected()
                        for event in page:
                            if self._progress.begin(event.sequence):
                                yield event
            except YingdaError as error:
                if error.code in _FINAL:
                    raise
                log.warning("stream lost (%s), trying again in %.1f s", error.code.name, pause)
            if not self._stopping:
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # bots that lost one gateway come apart
                pause = min(2 * pause, LONGEST_PAUSE)

    def acknowledge(self, event: event_pb2.Event) -> None:
        """The event is done with, now or never."""
        self._progress.end(event.sequence)
        self._news.set()

    def stop(self) -> None:
        """Send what is acknowledged and end."""
        self._stopping = True
        self._news.set()

    async def _requests(self) -> AsyncIterator[bot_service_pb2.ReceiveEventsRequest]:
        config, told = self._config, self._progress.done_through
        yield bot_service_pb2.ReceiveEventsRequest(
            tenant=config.tenant,
            bot_id=config.bot_id,
            kinds=self._kinds,
            window=config.window,
            from_start=config.from_start,
            acknowledged_sequence=told,
        )
        while not self._stopping or told < self._progress.done_through:
            await self._news.wait()
            await asyncio.sleep(GATHER)
            self._news.clear()
            if told < self._progress.done_through:
                told = self._progress.done_through
                yield bot_service_pb2.ReceiveEventsRequest(acknowledged_sequence=told)

"""A bot: handlers, and the loop that feeds them."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager, suppress
from typing import Any, TypeVar

from yingda.bot import handlers as occasions
from yingda.bot.config import BotConfig
from yingda.bot.handlers import FailureHandler, Handlers, Occasion
from yingda.bot.receiver import Receiver
from yingda.bot.tester import BotTester
from yingda.bot.worker import Worker
from yingda.bot_client import BotClient

H = TypeVar("H", bound=Callable[..., object])
_NOT_READY = "the bot has no handler; name one with @bot.on_message"


class ChatBot:
    """Calls its handlers with what happens, each event at least once, those of a conversation in order.

    A handler is an `async def`, which gets a ChatMessage (ChatAssignment, …), or a plain function, which gets a
    SyncChatMessage (…) and runs in a thread of its own. One that raises is called again after a pause, `attempts` times
    in all; then the event is given up, `on_failure` is told, and the bot goes on. Replies and transfers are made once,
    however often the event is handled.
    """

    def __init__(self, config: BotConfig | None = None) -> None:
        self.config = config or BotConfig()
        self._handlers = Handlers()
        self._failed: list[FailureHandler] = []
        self._is_stopping = False
        self._bell: asyncio.Event | None = None  # while it serves
        self._is_connected = threading.Event()

    def on_message(self, handler: H) -> H:
        """Decorate what is called when a customer wrote."""
        return self._on(occasions.MESSAGE, handler)

    def on_assignment(self, handler: H) -> H:
        """Decorate what is called when a human got, or is asked to take, a conversation."""
        return self._on(occasions.ASSIGNMENT, handler)

    def on_escalation(self, handler: H) -> H:
        """Decorate what is called when a rule calls a supervisor, a customer became angry, or nobody came in time."""
        return self._on(occasions.ESCALATION, handler)

    def on_ticket(self, handler: H) -> H:
        """Decorate what is called when a ticket was opened, changed or talked about."""
        return self._on(occasions.TICKET, handler)

    def on_event(self, kind: str) -> Callable[[H], H]:
        """Decorate what gets the events of this kind, named as in event.proto, as they are."""

        def decorate(handler: H) -> H:
            self._handlers.plain[kind].append(handler)
            return handler

        return decorate

    def on_failure(self, handler: H) -> H:
        """Decorate what is told of an event that is given up, and of the last error."""
        self._failed.append(handler)
        return handler

    async def serve(self) -> None:
        """Run until `stop`. Raises: YingdaError where trying again is of no use; ValueError without handlers."""
        if not self._handlers.kinds():
            raise ValueError(_NOT_READY)
        config = self.config
        async with BotClient(
            config.target,
            tenant=config.tenant,
            token=config.token,
            timeout=config.timeout,
            credentials=config.credentials,
        ) as client:
            await self._serve(client)

    def stop(self) -> None:
        """From the bot's own loop: finish what is under way and end `serve`; called before, it ends at once."""
        self._is_stopping = True
        if self._bell:
            self._bell.set()

    def run(self) -> None:
        """Serve until Ctrl-C or SIGTERM, which finish what is under way. Raises: as `serve`."""
        asyncio.run(self._run())

    @contextmanager
    def background(self) -> Iterator[None]:
        """Serve in a thread while the block runs, for programs without asyncio; it begins when the bot is connected.

        Raises: as `serve`, at the end.
        """
        loop = asyncio.new_event_loop()
        failures: list[BaseException] = []

        def work() -> None:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                try:
                    runner.run(self.serve())
                except Exception as error:  # it belongs to whoever entered the block
                    failures.append(error)
                finally:
                    self._is_connected.set()

        thread = threading.Thread(target=work, name="yingda-bot", daemon=True)
        thread.start()
        self._is_connected.wait()
        try:
            yield
        finally:
            with suppress(RuntimeError):  # the loop is closed: serving failed
                loop.call_soon_threadsafe(self.stop)
            thread.join()
        if failures:
            raise failures[0]

    def testing(self) -> BotTester:
        """A desk without a server, whose customers say what a test tells them to."""
        return BotTester(self._handlers, self.config.bot_id)

    def _on(self, occasion: Occasion, handler: H) -> H:
        self._handlers.waiting[occasion].append(handler)
        return handler

    async def _serve(self, client: BotClient) -> None:
        receiver = Receiver(
            client=client,
            config=self.config,
            kinds=self._handlers.kinds(),
            connected=self._is_connected.set,
        )
        worker = Worker(
            handlers=self._handlers,
            failed=self._failed,
            desk=client,
            config=self.config,
            done=receiver.acknowledge,
        )
        feeding = asyncio.create_task(_feed(receiver, worker))
        try:
            await self._until_stopped(feeding)
            await worker.drain(self.config.drain)
            receiver.stop()
            await asyncio.wait([feeding], timeout=self.config.timeout)
        finally:
            await worker.drain(0)
            feeding.cancel()
        await _result(feeding)

    async def _until_stopped(self, feeding: asyncio.Task[None]) -> None:
        """Return when the bot is told to stop, or cannot be fed."""
        self._bell = asyncio.Event()
        if self._is_stopping:
            self._bell.set()
        waiting = asyncio.create_task(self._bell.wait())
        try:
            await asyncio.wait([feeding, waiting], return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            self._bell, self._is_stopping = None, False

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGINT, signal.SIGTERM):
            with suppress(NotImplementedError):  # Windows: Ctrl-C raises, and what was under way comes again
                loop.add_signal_handler(signum, self.stop)
        await self.serve()


async def _feed(receiver: Receiver, worker: Worker) -> None:
    async with aclosing(receiver.events()) as events:
        async for event in events:
            worker.begin(event)


async def _result(task: asyncio.Task[Any]) -> None:
    """Raise what the task raised, its being cancelled excepted."""
    try:
        await task
    except asyncio.CancelledError:
        if not task.cancelled():
            raise

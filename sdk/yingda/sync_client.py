"""The client for code without asyncio."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Concatenate, ParamSpec, TypeVar

import grpc

from yingda.bot_client import BotClient
from yingda.client import DEFAULT_TARGET, DEFAULT_TIMEOUT, Client
from yingda.v1 import message_pb2

P = ParamSpec("P")
R = TypeVar("R")


def _blocking(
    method: Callable[Concatenate[BotClient, P], Awaitable[R]],
) -> Callable[Concatenate[SyncClient, P], R]:
    """The method of `Client`, waited for."""

    def call(self: SyncClient, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._wait(method(self._client, *args, **kwargs))

    call.__name__, call.__doc__ = method.__name__, method.__doc__
    return call


class SyncClient:
    """`Client` for code without asyncio; a context manager, safe to share between threads."""

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        *,
        tenant: str = "default",
        token: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="yingda-client", daemon=True)
        self._thread.start()

        async def make() -> BotClient:  # a channel belongs to the loop it is made on
            return BotClient(target, tenant=tenant, token=token, timeout=timeout, credentials=credentials)

        self._client = self._wait(make())

    def __enter__(self) -> SyncClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all calls and give up the connection."""
        self._wait(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    send = _blocking(Client.send)
    send_message = _blocking(Client.send_message)
    suggest = _blocking(Client.suggest)
    suggest_list = _blocking(Client.suggest_list)
    record_feedback = _blocking(Client.record_feedback)
    gaps = _blocking(Client.gaps)
    put_auto_reply_policy = _blocking(Client.put_auto_reply_policy)
    auto_reply_policy = _blocking(Client.auto_reply_policy)
    try_auto_replies = _blocking(Client.try_auto_replies)
    put_agent = _blocking(Client.put_agent)
    get_agent = _blocking(Client.get_agent)
    set_presence = _blocking(Client.set_presence)
    agents = _blocking(Client.agents)
    customer = _blocking(Client.customer)
    preload_report = _blocking(Client.preload_report)
    accept = _blocking(Client.accept)
    decline = _blocking(Client.decline)
    put_reply = _blocking(Client.put_reply)
    delete_reply = _blocking(Client.delete_reply)
    import_replies = _blocking(Client.import_replies)
    lint_replies = _blocking(Client.lint_replies)
    reply_health = _blocking(Client.reply_health)
    replies = _blocking(Client.replies)
    conversation = _blocking(Client.conversation)
    conversations = _blocking(Client.conversations)
    close_conversation = _blocking(Client.close_conversation)
    transfer = _blocking(Client.transfer)
    send_reply = _blocking(Client.send_reply)
    bots = _blocking(BotClient.bots)
    delete_bot = _blocking(BotClient.delete_bot)
    record_activity = _blocking(Client.record_activity)
    activity = _blocking(Client.activity)
    join = _blocking(Client.join)
    complete = _blocking(Client.complete)
    events = _blocking(Client.events)
    explain = _blocking(Client.explain)
    put_rule = _blocking(Client.put_rule)
    rules = _blocking(Client.rules)
    delete_rule = _blocking(Client.delete_rule)
    lint_rules = _blocking(Client.lint_rules)
    explain_rules = _blocking(Client.explain_rules)
    test_rules = _blocking(Client.test_rules)
    deliveries = _blocking(Client.deliveries)
    requeue_deliveries = _blocking(Client.requeue_deliveries)
    put_routing_policy = _blocking(Client.put_routing_policy)
    routing_policy = _blocking(Client.routing_policy)
    open_ticket = _blocking(Client.open_ticket)
    update_ticket = _blocking(Client.update_ticket)
    ticket = _blocking(Client.ticket)
    tickets = _blocking(Client.tickets)
    delete_ticket = _blocking(Client.delete_ticket)
    comment_ticket = _blocking(Client.comment_ticket)
    ticket_comments = _blocking(Client.ticket_comments)

    def message(
        self,
        text: str,
        *,
        channel: message_pb2.Channel.ValueType = message_pb2.CHANNEL_WEB,
        customer_id: str = "",
        conversation_id: str = "",
        message_id: str = "",
    ) -> message_pb2.Message:
        """See `Client.message`."""
        return self._client.message(
            text,
            channel=channel,
            customer_id=customer_id,
            conversation_id=conversation_id,
            message_id=message_id,
        )

    def _wait(self, awaitable: Awaitable[R]) -> R:
        async def wait() -> R:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(wait(), self._loop).result()

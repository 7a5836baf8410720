"""What a bot needs to know."""

from __future__ import annotations

from dataclasses import dataclass

import grpc

from yingda.client import DEFAULT_TARGET, DEFAULT_TIMEOUT


@dataclass(frozen=True, slots=True, kw_only=True)
class BotConfig:
    """Where the gateway is, who the bot is, and how much it does at once.

    Under `bot_id` the engine keeps how far the bot has come, so a bot that is started again goes on where it was; a new
    one begins with what happens from now on or, with `from_start`, with all that ever happened. `credentials` (see
    `grpc.ssl_channel_credentials`) make the connection TLS. `timeout` is for a call to the gateway, `handler_timeout`
    for one try of a handler, `drain` for what is under way when the bot stops, all in seconds. `window` is how many
    events may be under way, 1 to 1000, and `concurrency` how many of them are handled side by side. A handler that
    raises gets `attempts` tries in all.
    """

    target: str = DEFAULT_TARGET
    tenant: str = "default"
    bot_id: str = "bot"
    token: str | None = None
    credentials: grpc.ChannelCredentials | None = None
    from_start: bool = False
    window: int = 256
    concurrency: int = 32
    attempts: int = 5
    timeout: float = DEFAULT_TIMEOUT
    handler_timeout: float = 60.0
    drain: float = 10.0

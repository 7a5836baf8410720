"""Client of Yingda, the engine for omnichannel customer service."""

from __future__ import annotations

from yingda.batcher import Batcher, OverloadedError
from yingda.bot import BotConfig, ChatBot, ChatMessage, SyncChatMessage
from yingda.client import Client
from yingda.errors import YingdaError
from yingda.sync_client import SyncClient
from yingda.v1.activity_pb2 import Activity, ActivityKind
from yingda.v1.agent_pb2 import Agent, Presence
from yingda.v1.answer_pb2 import MessageAnswer, MessageResult
from yingda.v1.message_pb2 import Attachment, Channel, Message
from yingda.v1.reply_pb2 import Reply, Suggestion

__all__ = [
    "Activity",
    "ActivityKind",
    "Agent",
    "Attachment",
    "Batcher",
    "BotConfig",
    "Channel",
    "ChatBot",
    "ChatMessage",
    "Client",
    "Message",
    "MessageAnswer",
    "MessageResult",
    "OverloadedError",
    "Presence",
    "Reply",
    "Suggestion",
    "SyncChatMessage",
    "SyncClient",
    "YingdaError",
]

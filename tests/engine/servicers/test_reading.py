from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
from yingda.service.held import Held
from yingda.v1 import assist_service_pb2 as pb
from yingda.v1.assist_service_pb2_grpc import AssistServiceServicer
from yingda.v1.conversation_service_pb2_grpc import ConversationServiceServicer
from yingda.v1.reply_service_pb2_grpc import ReplyServiceServicer

from engine.servicers.reading import ReadingServicers, always_current


def make_servicers(name: str) -> ReadingServicers:
    """Those of a bundle, which its lists are named after."""

    async def suggest(*_: object) -> pb.SuggestRepliesResponse:
        return pb.SuggestRepliesResponse(list_id=name)

    assist: Any = type("Assist", (AssistServiceServicer,), {"SuggestReplies": suggest})
    reply: Any = type("Reply", (ReplyServiceServicer,), {})
    conversation: Any = type("Conversation", (ConversationServiceServicer,), {})
    return ReadingServicers(assist=assist(), reply=reply(), conversation=conversation())


class Typing:
    """A call's context: whoever types does `between` before the second keystroke, and leaves after it."""

    def __init__(self, between: Callable[[], None]) -> None:
        self.written: list[str] = []
        self._between = between

    async def read(self) -> object:
        if len(self.written) == 1:
            self._between()
        return pb.SuggestRepliesRequest() if len(self.written) < 2 else grpc.aio.EOF

    async def write(self, response: pb.SuggestRepliesResponse) -> None:
        self.written.append(response.list_id)


async def test_a_keystroke_is_answered_with_the_bundle_that_serves_when_it_comes() -> None:
    serving = [make_servicers("old")]
    current: Any = always_current(lambda: serving[-1], lambda *_: None, Held())
    typing = Typing(between=lambda: serving.append(make_servicers("new")))
    await current.assist.StreamSuggestions(None, typing)

    assert typing.written == ["old", "new"]

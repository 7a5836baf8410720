"""The servicers that read texts, and so belong to a bundle; and some that always stand for the current ones."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

from yingda.service.held import Held
from yingda.v1.assist_service_pb2_grpc import AssistServiceServicer
from yingda.v1.conversation_service_pb2_grpc import ConversationServiceServicer
from yingda.v1.reply_service_pb2_grpc import ReplyServiceServicer

S = TypeVar("S")
After = Callable[[Any, Any], None]
Correct = Callable[[str, str], None]  # tenant, conversation_id


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingServicers:
    """One per service."""

    assist: AssistServiceServicer
    reply: ReplyServiceServicer
    conversation: ConversationServiceServicer


def always_current(
    current: Callable[[], ReadingServicers], corrected: Correct, held: Held
) -> ReadingServicers:
    """Servicers whose every call goes to those that are current when the call comes.

    A call keeps the servicer it began with, so one that runs while bundles change sees one bundle throughout; but each
    request of a stream on which an agent types is a call of its own.
    `corrected` is told of each conversation that was read wrongly, as an agent says who passes it to another skill or
    names another intent.
    """

    def transferred(request: Any, _response: Any) -> None:  # noqa: ANN401
        if request.skill:
            corrected(request.tenant, request.conversation_id)

    def labelled(request: Any, response: Any) -> None:  # noqa: ANN401
        if not response.duplicate and response.label.intent != response.label.read_intent:
            corrected(request.tenant, request.conversation_id)

    async def typed(_self: object, _requests: object, context: Any) -> None:  # noqa: ANN401
        async def suggest(request: Any) -> object:  # noqa: ANN401
            assist: Any = current().assist
            return await assist.SuggestReplies(request, context)

        await held.answer(context, suggest)

    first = current()
    return ReadingServicers(
        assist=_delegate(
            AssistServiceServicer,
            type(first.assist),
            lambda: current().assist,
            instead={"StreamSuggestions": typed},
        ),
        reply=_delegate(ReplyServiceServicer, type(first.reply), lambda: current().reply),
        conversation=_delegate(
            ConversationServiceServicer,
            type(first.conversation),
            lambda: current().conversation,
            after={"TransferConversation": transferred, "LabelMessage": labelled},
        ),
    )


def _delegate(
    base: Any,  # noqa: ANN401  # mypy forbids abstract ones
    kind: type[S],
    current: Callable[[], S],
    *,
    after: Mapping[str, After] = MappingProxyType({}),
    instead: Mapping[str, Callable[..., Any]] = MappingProxyType({}),
) -> S:
    """`after` is called with request and response of a method of that name; `instead` are methods as they are."""
    names = [name for name in vars(base) if not name.startswith("_") and name not in instead]
    methods = {name: _method(name, getattr(kind, name), current, after.get(name)) for name in names}
    made: S = type(f"Current{kind.__name__}", (base,), {**methods, **instead})()
    return made


def _method(
    name: str, behaviour: Callable[..., Any], current: Callable[[], S], after: After | None
) -> Callable[..., Any]:
    if inspect.isasyncgenfunction(behaviour):

        async def stream(_self: object, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: ANN401
            async for one in getattr(current(), name)(request, context):
                yield one

        return stream

    async def call(_self: object, request: Any, context: Any) -> Any:  # noqa: ANN401
        response = await getattr(current(), name)(request, context)
        if after:
            after(request, response)
        return response

    return call

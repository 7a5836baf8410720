"""Writes to customers: a message of ours is an event, which whoever speaks for the channel delivers."""

from __future__ import annotations

from dataclasses import dataclass

from engine.domain import Conversation, ConversationState
from engine.errors import ConflictError
from engine.ports import Codec, Store
from engine.routing.dispatcher import Dispatcher

KIND = "message_sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """What to write, and who does: exactly one of `agent_id` and `bot_id` is not ""."""

    request_id: str
    text: str
    agent_id: str = ""
    bot_id: str = ""
    reply_id: str = ""
    in_reply_to_message_id: str = ""

    @property
    def key(self) -> str:
        """Names the message for ever within its tenant; no customer's message has such a name."""
        return f"reply:{self.request_id}"


class Speaker:
    """Called on the decision thread."""

    def __init__(self, *, store: Store, codec: Codec, dispatcher: Dispatcher) -> None:
        self._store = store
        self._codec = codec
        self._dispatcher = dispatcher

    def send(self, tenant: str, conversation_id: str, outgoing: Outgoing) -> tuple[bytes, bool]:
        """The serialised MessageSent, and whether it had been sent before. One commit.

        Raises: NotFoundError, ConflictError where the conversation is closed.
        """

        def attempt() -> tuple[bytes, bool] | None:
            if known := self._store.records(tenant, [outgoing.key]).get(outgoing.key):
                return known, True
            found = self._dispatcher.stored(tenant, conversation_id)
            if found.state is ConversationState.CLOSED:
                raise ConflictError(f"conversation {conversation_id} is closed; a new message opens it again")
            return self._commit(tenant, found, outgoing)

        return self._dispatcher.until_committed(attempt)

    def _commit(self, tenant: str, found: Conversation, outgoing: Outgoing) -> tuple[bytes, bool] | None:
        draft = self._dispatcher.draft(tenant)
        data = self._codec.event(
            KIND,
            message_id=outgoing.key,
            text=outgoing.text,
            channel=found.channel,
            customer_id=found.customer_id,
            agent_id=outgoing.agent_id,
            bot_id=outgoing.bot_id,
            reply_id=outgoing.reply_id,
            in_reply_to_message_id=outgoing.in_reply_to_message_id,
        )
        self._dispatcher.record(draft, found.conversation_id, KIND, data, key=outgoing.key)
        draft.touch(found)  # so that whoever follows the conversation hears of it
        return (data, False) if self._dispatcher.commit(draft) else None

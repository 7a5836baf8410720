"""A typed client of the gateway for asyncio; `sync_client.SyncClient` is for everything else."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Sequence,
)
from contextlib import aclosing
from typing import ParamSpec, Self, TypeVar

import grpc

from yingda.customer_methods import CustomerMethods
from yingda.errors import YingdaError
from yingda.framing import duration, frame_requests
from yingda.reply_methods import ReplyMethods
from yingda.v1 import (
    agent_pb2,
    agent_service_pb2,
    agent_service_pb2_grpc,
    answer_pb2,
    conversation_pb2,
    conversation_service_pb2,
    conversation_service_pb2_grpc,
    event_pb2,
    message_pb2,
    message_service_pb2,
    message_service_pb2_grpc,
)
from yingda.workflow_methods import WorkflowMethods

P = ParamSpec("P")
R = TypeVar("R")
Response = TypeVar("Response")

DEFAULT_TARGET = "127.0.0.1:50051"
DEFAULT_TIMEOUT = 10.0  # seconds
MAX_FRAME = 512  # messages
MAX_MESSAGE_BYTES = 36 * 1024 * 1024  # what a service sends at most; gRPC itself would take 4 MiB
PAGE_SIZE = 1000
EVENTS_PAGE_SIZE = 100  # an event holds a whole message and its answer
_OPTIONS = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
]


class Client(WorkflowMethods, CustomerMethods, ReplyMethods):
    """Talks to one gateway for one tenant; an async context manager.

    Every method raises YingdaError when the call fails. A message without a `message_id` gets a random one.
    """

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        *,
        tenant: str = "default",
        token: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        self._tenant = tenant
        self._timeout = timeout
        self._metadata = (("authorization", f"Bearer {token}"),) if token else ()
        self._channel = (
            grpc.aio.secure_channel(target, credentials, options=_OPTIONS)
            if credentials
            else grpc.aio.insecure_channel(target, options=_OPTIONS)
        )
        self._messages = message_service_pb2_grpc.MessageServiceStub(self._channel)
        self._agents = agent_service_pb2_grpc.AgentServiceStub(self._channel)
        self._conversations = conversation_service_pb2_grpc.ConversationServiceStub(self._channel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End all calls and give up the connection."""
        await self._channel.close()

    def message(
        self,
        text: str,
        *,
        channel: message_pb2.Channel.ValueType = message_pb2.CHANNEL_WEB,
        customer_id: str = "",
        conversation_id: str = "",
        message_id: str = "",
    ) -> message_pb2.Message:
        """A message of this client's tenant; set its other fields as message.proto describes them."""
        return message_pb2.Message(
            tenant=self._tenant,
            channel=channel,
            message_id=message_id or uuid.uuid4().hex,
            conversation_id=conversation_id,
            customer_id=customer_id,
            text=text,
        )

    async def send(
        self,
        text: str,
        *,
        channel: message_pb2.Channel.ValueType = message_pb2.CHANNEL_WEB,
        customer_id: str = "",
        conversation_id: str = "",
        message_id: str = "",
    ) -> answer_pb2.MessageAnswer:
        """Process one message. Give `customer_id`, `conversation_id` or both."""
        return await self.send_message(
            self.message(
                text,
                channel=channel,
                customer_id=customer_id,
                conversation_id=conversation_id,
                message_id=message_id,
            )
        )

    async def send_message(self, message: message_pb2.Message) -> answer_pb2.MessageAnswer:
        """Process one message made by `message`, or by hand."""
        request = message_service_pb2.SendMessageRequest(message=message)
        return (await self._call(self._messages.SendMessage, request)).answer

    async def stream(
        self, frames: AsyncIterable[Sequence[message_pb2.Message]] | Iterable[Sequence[message_pb2.Message]]
    ) -> AsyncIterator[Sequence[answer_pb2.MessageResult]]:
        """Process frames of 1 to 512 messages on one stream; one list of results per frame, in order.

        What `frames` raises is raised here, and leaving the loop early ends the stream.
        """
        failures: list[Exception] = []
        call = self._messages.StreamMessages(frame_requests(frames, failures), metadata=self._metadata)
        try:
            async for response in call:
                yield response.results
        except grpc.aio.AioRpcError as error:
            raise YingdaError(error.code(), error.details() or "") from None
        except asyncio.CancelledError:  # gRPC's only sign of an error in `frames`
            if failures:
                raise failures[0] from None
            raise
        finally:
            call.cancel()

    async def put_agent(self, agent: agent_pb2.Agent) -> agent_pb2.Agent:
        """Create or replace an agent; a new one is offline."""
        request = agent_service_pb2.PutAgentRequest(tenant=self._tenant, agent=agent)
        return (await self._call(self._agents.PutAgent, request)).agent

    async def get_agent(self, agent_id: str) -> agent_pb2.Agent:
        """One agent."""
        request = agent_service_pb2.GetAgentRequest(tenant=self._tenant, agent_id=agent_id)
        return (await self._call(self._agents.GetAgent, request)).agent

    async def set_presence(
        self, agent_id: str, presence: agent_pb2.Presence.ValueType, *, lease: float = 0.0
    ) -> agent_pb2.Agent:
        """Say whether an agent takes conversations, for `lease` seconds or for good."""
        request = agent_service_pb2.SetPresenceRequest(
            tenant=self._tenant, agent_id=agent_id, presence=presence, lease=duration(lease)
        )
        return (await self._call(self._agents.SetPresence, request)).agent

    async def accept(self, reservation_id: str) -> conversation_pb2.Conversation:
        """Take an offered conversation; FAILED_PRECONDITION where the offer has ended."""
        request = agent_service_pb2.AcceptReservationRequest(
            tenant=self._tenant, reservation_id=reservation_id
        )
        return (await self._call(self._agents.AcceptReservation, request)).conversation

    async def decline(self, reservation_id: str) -> conversation_pb2.Conversation:
        """Refuse an offered conversation; somebody else is asked."""
        request = agent_service_pb2.DeclineReservationRequest(
            tenant=self._tenant, reservation_id=reservation_id
        )
        return (await self._call(self._agents.DeclineReservation, request)).conversation

    async def watch_agent(
        self, agent_id: str, *, lease: float = 0.0
    ) -> AsyncGenerator[conversation_pb2.Conversation, None]:
        """What an agent holds, then every change that concerns them, until the call is left.

        With a `lease` in seconds the agent stays present as long as this runs, and goes offline after it.
        """
        async with aclosing(self.watch_console(agent_id, lease=lease)) as responses:
            async for response in responses:
                yield response.conversation

    async def watch_console(
        self, agent_id: str, *, lease: float = 0.0
    ) -> AsyncGenerator[agent_service_pb2.WatchAgentResponse, None]:
        """The same with what is known of the customers, as soon as it is known."""
        request = agent_service_pb2.WatchAgentRequest(
            tenant=self._tenant, agent_id=agent_id, lease=duration(lease)
        )
        call = self._agents.WatchAgent(request, metadata=self._metadata)
        try:
            async for response in call:
                yield response
        except grpc.aio.AioRpcError as error:
            raise YingdaError(error.code(), error.details() or "") from None
        finally:
            call.cancel()

    async def agents(self) -> list[agent_pb2.Agent]:
        """All agents, by id."""
        found: list[agent_pb2.Agent] = []
        request = agent_service_pb2.ListAgentsRequest(tenant=self._tenant, page_size=PAGE_SIZE)
        while True:
            page = await self._call(self._agents.ListAgents, request)
            found.extend(page.agents)
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    async def conversation(self, conversation_id: str) -> conversation_pb2.Conversation:
        """One conversation."""
        request = conversation_service_pb2.GetConversationRequest(
            tenant=self._tenant, conversation_id=conversation_id
        )
        return (await self._call(self._conversations.GetConversation, request)).conversation

    async def conversations(
        self,
        state: conversation_pb2.ConversationState.ValueType = conversation_pb2.CONVERSATION_STATE_UNSPECIFIED,
        *,
        limit: int = 100,
    ) -> Sequence[conversation_pb2.Conversation]:
        """The newest conversations, at most 1000."""
        request = conversation_service_pb2.ListConversationsRequest(
            tenant=self._tenant, state=state, page_size=limit
        )
        return (await self._call(self._conversations.ListConversations, request)).conversations

    async def close_conversation(self, conversation_id: str) -> conversation_pb2.Conversation:
        """End a conversation; its agent's place goes to who waits longest."""
        request = conversation_service_pb2.CloseConversationRequest(
            tenant=self._tenant, conversation_id=conversation_id
        )
        return (await self._call(self._conversations.CloseConversation, request)).conversation

    async def transfer(
        self,
        conversation_id: str,
        *,
        agent_id: str = "",
        team: str = "",
        skill: str = "",
        request_id: str = "",
    ) -> conversation_service_pb2.TransferConversationResponse:
        """Give a conversation to another agent, team or skill: name exactly one.

        A second call of the same `request_id` changes nothing.
        """
        targets = {"agent_id": agent_id, "team": team, "skill": skill}
        request = conversation_service_pb2.TransferConversationRequest(
            tenant=self._tenant,
            conversation_id=conversation_id,
            request_id=request_id,
            **{name: target for name, target in targets.items() if target},
        )
        return await self._call(self._conversations.TransferConversation, request)

    async def send_reply(
        self, request: conversation_service_pb2.SendReplyRequest
    ) -> conversation_service_pb2.SendReplyResponse:
        """Write to the customer; tenant and, if need be, a request id are filled in."""
        request.tenant = self._tenant
        request.request_id = request.request_id or uuid.uuid4().hex
        return await self._call(self._conversations.SendReply, request)

    async def join(self, conversation_id: str, agent_id: str) -> conversation_pb2.Conversation:
        """Let a further agent, a supervisor say, take part beside the owner."""
        request = conversation_service_pb2.JoinConversationRequest(
            tenant=self._tenant, conversation_id=conversation_id, agent_id=agent_id
        )
        return (await self._call(self._conversations.JoinConversation, request)).conversation

    async def complete(self, conversation_id: str) -> conversation_pb2.Conversation:
        """End the wrap-up of a closed conversation and free its agent's place."""
        request = conversation_service_pb2.CompleteConversationRequest(
            tenant=self._tenant, conversation_id=conversation_id
        )
        return (await self._call(self._conversations.CompleteConversation, request)).conversation

    async def events(self, conversation_id: str) -> list[event_pb2.Event]:
        """The whole journal of a conversation, oldest first."""
        found: list[event_pb2.Event] = []
        request = conversation_service_pb2.ListEventsRequest(
            tenant=self._tenant, conversation_id=conversation_id, page_size=EVENTS_PAGE_SIZE
        )
        while True:
            page = await self._call(self._conversations.ListEvents, request)
            found.extend(page.events)
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    async def explain(
        self, text: str = "", *, conversation_id: str = ""
    ) -> conversation_service_pb2.ExplainAssignmentResponse:
        """Who would get a message that says `text`, or a conversation now, and why; nothing is kept."""
        request = conversation_service_pb2.ExplainAssignmentRequest(
            tenant=self._tenant, text=text, conversation_id=conversation_id
        )
        return await self._call(self._conversations.ExplainAssignment, request)

    async def _call(self, method: Callable[..., Awaitable[Response]], request: object) -> Response:
        try:
            return await method(request, timeout=self._timeout, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            raise YingdaError(error.code(), error.details() or "") from None

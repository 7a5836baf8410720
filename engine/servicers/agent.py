"""AgentService."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import structlog
from google.protobuf.duration_pb2 import Duration
from yingda.v1 import agent_pb2
from yingda.v1 import agent_service_pb2 as pb
from yingda.v1.agent_service_pb2_grpc import AgentServiceServicer

from engine.customer.preload import Preload
from engine.decision_thread import DecisionThread
from engine.domain import Conversation, Presence
from engine.errors import InvalidArgumentError, OverloadedError, StorageError
from engine.history import History
from engine.routing.lifecycle import Lifecycle
from engine.servicers import check, convert
from engine.servicers.sight import Sight
from engine.team import Team
from engine.watch import Console, Watch

Context = grpc.aio.ServicerContext[Any, Any]
_SHORTEST_LEASE_MS = 1000
_LONGEST_LEASE_MS = 86_400_000
_RENEWALS = 3  # per lease, so that two may be lost


class AgentServicer(AgentServiceServicer):
    """Who can be assigned, and what becomes of offers."""

    def __init__(
        self,
        *,
        team: Team,
        lifecycle: Lifecycle,
        history: History,
        watch: Watch,
        preload: Preload,
        thread: DecisionThread,
    ) -> None:
        self._team = team
        self._lifecycle = lifecycle
        self._history = history
        self._watch = watch
        self._preload = preload
        self._thread = thread

    async def PutAgent(self, request: pb.PutAgentRequest, context: Context) -> pb.PutAgentResponse:
        """See agent_service.proto."""
        agent = convert.agent_from_proto(request.agent)
        roster = await self._thread.run(self._team.put, request.tenant, agent)
        return pb.PutAgentResponse(agent=convert.agent_to_proto(roster, agent.agent_id))

    async def GetAgent(self, request: pb.GetAgentRequest, context: Context) -> pb.GetAgentResponse:
        """See agent_service.proto."""
        roster = await self._thread.run(self._team.roster_with, request.tenant, request.agent_id)
        return pb.GetAgentResponse(agent=convert.agent_to_proto(roster, request.agent_id))

    async def ListAgents(self, request: pb.ListAgentsRequest, context: Context) -> pb.ListAgentsResponse:
        """See agent_service.proto."""
        size = check.page_size(request.page_size)
        roster = await self._thread.run(self._team.roster, request.tenant)
        page, token = check.page_by_id(list(roster.rows), request.page_token, size)
        return pb.ListAgentsResponse(
            agents=[convert.agent_to_proto(roster, one) for one in page], next_page_token=token
        )

    async def SetPresence(self, request: pb.SetPresenceRequest, context: Context) -> pb.SetPresenceResponse:
        """See agent_service.proto."""
        presence = _presence(request.presence)
        lease_ms = _lease_ms(request.lease) if request.HasField("lease") else 0
        roster = await self._thread.run(
            self._team.set_presence, request.tenant, request.agent_id, presence, lease_ms
        )
        return pb.SetPresenceResponse(agent=convert.agent_to_proto(roster, request.agent_id))

    async def AcceptReservation(
        self, request: pb.AcceptReservationRequest, context: Context
    ) -> pb.AcceptReservationResponse:
        """See agent_service.proto."""
        taken = await self._thread.run(self._lifecycle.accept, request.tenant, request.reservation_id)
        return pb.AcceptReservationResponse(conversation=convert.conversation_to_proto(taken))

    async def DeclineReservation(
        self, request: pb.DeclineReservationRequest, context: Context
    ) -> pb.DeclineReservationResponse:
        """See agent_service.proto."""
        left = await self._thread.run(self._lifecycle.decline, request.tenant, request.reservation_id)
        return pb.DeclineReservationResponse(conversation=convert.conversation_to_proto(left))

    async def WatchAgent(
        self, request: pb.WatchAgentRequest, context: Context
    ) -> AsyncIterator[pb.WatchAgentResponse]:
        """See agent_service.proto."""
        lease_ms = _lease_ms(request.lease) if request.HasField("lease") else 0
        await self._thread.run(self._team.roster_with, request.tenant, request.agent_id)
        renewal = asyncio.create_task(self._renew(request.tenant, request.agent_id, lease_ms))
        try:
            sight = Sight(self._preload, request.tenant)
            async for conversation in self._concerning(request.tenant, request.agent_id):
                yield pb.WatchAgentResponse(
                    conversation=convert.conversation_to_proto(conversation), customer=sight.of(conversation)
                )
        finally:
            renewal.cancel()
        raise OverloadedError("the console reads too slowly; watch again to see where things stand")

    async def _concerning(self, tenant: str, agent_id: str) -> AsyncIterator[Conversation]:
        """What the agent holds now, then every change, none missed between the two."""
        with self._watch.watching(tenant, agent_id) as console:
            for held in await self._thread.run(self._begin, console, agent_id):
                yield held
            while (conversation := await console.changes.get()) is not None:
                yield conversation

    def _begin(self, console: Console, agent_id: str) -> list[Conversation]:
        held = self._history.held(console.tenant, agent_id)
        self._watch.begin(console, held)
        return held

    async def _renew(self, tenant: str, agent_id: str, lease_ms: int) -> None:
        while lease_ms:
            try:
                await self._thread.run(self._team.renew, tenant, agent_id, lease_ms)
            except StorageError as error:  # the store may be back before the lease ends
                structlog.get_logger().warning("lease_not_renewed", agent_id=agent_id, error=str(error))
            await asyncio.sleep(lease_ms / 1000 / _RENEWALS)


def _lease_ms(lease: Duration) -> int:
    milliseconds = lease.ToMilliseconds()
    check.between("lease", milliseconds, _SHORTEST_LEASE_MS, _LONGEST_LEASE_MS)
    return milliseconds


def _presence(number: agent_pb2.Presence.ValueType) -> Presence:
    if number not in convert.PRESENCES:
        raise InvalidArgumentError("presence", "must be online, busy, away, offline or wrapping")
    return convert.PRESENCES[number]

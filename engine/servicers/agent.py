"""AgentService."""

from __future__ import annotations

from typing import Any

import grpc
from yingda.v1 import agent_pb2
from yingda.v1 import agent_service_pb2 as pb
from yingda.v1.agent_service_pb2_grpc import AgentServiceServicer

from engine.decision_thread import DecisionThread
from engine.domain import Presence, Roster
from engine.errors import InvalidArgumentError
from engine.servicers import check, convert
from engine.team import Team

Context = grpc.aio.ServicerContext[Any, Any]


class AgentServicer(AgentServiceServicer):
    """Who can be assigned."""

    def __init__(self, *, team: Team, thread: DecisionThread) -> None:
        self._team = team
        self._thread = thread

    async def PutAgent(self, request: pb.PutAgentRequest, context: Context) -> pb.PutAgentResponse:
        """See agent_service.proto."""
        agent = convert.agent_from_proto(request.agent)
        roster = await self._thread.run(self._team.put, request.tenant, agent)
        return pb.PutAgentResponse(agent=_agent(roster, agent.agent_id))

    async def GetAgent(self, request: pb.GetAgentRequest, context: Context) -> pb.GetAgentResponse:
        """See agent_service.proto."""
        roster = await self._thread.run(self._team.roster_with, request.tenant, request.agent_id)
        return pb.GetAgentResponse(agent=_agent(roster, request.agent_id))

    async def ListAgents(self, request: pb.ListAgentsRequest, context: Context) -> pb.ListAgentsResponse:
        """See agent_service.proto."""
        size = check.page_size(request.page_size)
        roster = await self._thread.run(self._team.roster, request.tenant)
        page, token = check.page_by_id(sorted(roster.agents), request.page_token, size)
        return pb.ListAgentsResponse(agents=[_agent(roster, one) for one in page], next_page_token=token)

    async def SetPresence(self, request: pb.SetPresenceRequest, context: Context) -> pb.SetPresenceResponse:
        """See agent_service.proto."""
        presence = _presence(request.presence)
        roster = await self._thread.run(self._team.set_presence, request.tenant, request.agent_id, presence)
        return pb.SetPresenceResponse(agent=_agent(roster, request.agent_id))


def _agent(roster: Roster, agent_id: str) -> agent_pb2.Agent:
    return convert.agent_to_proto(roster.agents[agent_id], roster)


def _presence(number: agent_pb2.Presence.ValueType) -> Presence:
    if number not in convert.PRESENCES:
        raise InvalidArgumentError("presence", "must be online, busy, away or offline")
    return convert.PRESENCES[number]

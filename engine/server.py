"""Which services an engine serves."""

from __future__ import annotations

from dataclasses import dataclass

import grpc
from yingda.v1 import (
    agent_service_pb2_grpc,
    assist_service_pb2_grpc,
    bot_service_pb2_grpc,
    conversation_service_pb2_grpc,
    customer_service_pb2_grpc,
    model_service_pb2_grpc,
    reply_service_pb2_grpc,
    rule_service_pb2_grpc,
    ticket_service_pb2_grpc,
)

from engine.servicers.agent import AgentServicer
from engine.servicers.bot import BotServicer
from engine.servicers.customer import CustomerServicer
from engine.servicers.engine import EngineServicer
from engine.servicers.model import ModelServicer
from engine.servicers.reading import ReadingServicers
from engine.servicers.rule import RuleServicer
from engine.servicers.ticket import TicketServicer

SERVICES = (
    "yingda.v1.EngineService",
    "yingda.v1.AgentService",
    "yingda.v1.AssistService",
    "yingda.v1.ReplyService",
    "yingda.v1.ConversationService",
    "yingda.v1.BotService",
    "yingda.v1.CustomerService",
    "yingda.v1.ModelService",
    "yingda.v1.RuleService",
    "yingda.v1.TicketService",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Servicers:
    """One per service."""

    engine: EngineServicer
    agent: AgentServicer
    bot: BotServicer
    customer: CustomerServicer
    model: ModelServicer
    rule: RuleServicer
    ticket: TicketServicer
    reading: ReadingServicers


def add_servicers(server: grpc.aio.Server, servicers: Servicers) -> tuple[str, ...]:
    """Register them all; the names of their services."""
    server.add_generic_rpc_handlers([servicers.engine.handler()])
    agent_service_pb2_grpc.add_AgentServiceServicer_to_server(servicers.agent, server)
    assist_service_pb2_grpc.add_AssistServiceServicer_to_server(servicers.reading.assist, server)
    reply_service_pb2_grpc.add_ReplyServiceServicer_to_server(servicers.reading.reply, server)
    conversation_service_pb2_grpc.add_ConversationServiceServicer_to_server(
        servicers.reading.conversation, server
    )
    bot_service_pb2_grpc.add_BotServiceServicer_to_server(servicers.bot, server)
    customer_service_pb2_grpc.add_CustomerServiceServicer_to_server(servicers.customer, server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(servicers.model, server)
    rule_service_pb2_grpc.add_RuleServiceServicer_to_server(servicers.rule, server)
    ticket_service_pb2_grpc.add_TicketServiceServicer_to_server(servicers.ticket, server)
    return SERVICES

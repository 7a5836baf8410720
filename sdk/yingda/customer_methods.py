"""A client's calls about customers: what is known of them, and what they do beside writing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property
from typing import TypeVar

import grpc

from yingda.v1 import (
    activity_pb2,
    conversation_service_pb2,
    conversation_service_pb2_grpc,
    customer_pb2,
    customer_service_pb2,
    customer_service_pb2_grpc,
    message_pb2,
)

Response = TypeVar("Response")


class CustomerMethods:
    """A part of `client.Client`, which has the connection."""

    _tenant: str
    _channel: grpc.aio.Channel

    async def customer(
        self, customer_id: str, *, channel: message_pb2.Channel.ValueType = message_pb2.CHANNEL_WEB
    ) -> customer_pb2.Customer:
        """What the tenant's systems know of a customer, waited for where it is not known yet."""
        request = customer_service_pb2.GetCustomerRequest(
            tenant=self._tenant, channel=channel, customer_id=customer_id
        )
        return (await self._call(self._customers.GetCustomer, request)).customer

    async def preload_report(self) -> customer_service_pb2.ReportPreloadResponse:
        """What fetching customers' data ahead was good for."""
        request = customer_service_pb2.ReportPreloadRequest(tenant=self._tenant)
        return await self._call(self._customers.ReportPreload, request)

    async def record_activity(
        self, activities: Sequence[activity_pb2.Activity], *, request_id: str = ""
    ) -> bool:
        """Journal up to 500 things that customers did beside writing; whether `request_id` was recorded before."""
        request = conversation_service_pb2.RecordActivityRequest(
            tenant=self._tenant, activities=activities, request_id=request_id
        )
        return (await self._call(self._trail.RecordActivity, request)).duplicate

    async def activity(
        self,
        customer_id: str,
        *,
        channel: message_pb2.Channel.ValueType = message_pb2.CHANNEL_WEB,
        limit: int = 100,
    ) -> Sequence[activity_pb2.Activity]:
        """What a customer did lately, the newest first."""
        request = conversation_service_pb2.ListActivityRequest(
            tenant=self._tenant, channel=channel, customer_id=customer_id, limit=limit
        )
        return (await self._call(self._trail.ListActivity, request)).activities

    @cached_property
    def _customers(self) -> customer_service_pb2_grpc.CustomerServiceAsyncStub:
        return customer_service_pb2_grpc.CustomerServiceStub(self._channel)

    @cached_property
    def _trail(self) -> conversation_service_pb2_grpc.ConversationServiceAsyncStub:
        return conversation_service_pb2_grpc.ConversationServiceStub(self._channel)

    async def _call(self, method: Callable[..., Awaitable[Response]], request: object) -> Response:
        raise NotImplementedError  # the client's

"""CustomerService."""

from __future__ import annotations

from typing import Any

import grpc
from yingda.v1 import customer_service_pb2 as pb
from yingda.v1.customer_service_pb2_grpc import CustomerServiceServicer

from engine.customer.preload import Preload
from engine.customer.profile import Key
from engine.servicers import check, convert_customer

Context = grpc.aio.ServicerContext[Any, Any]
MAX_ID = 128  # bytes


class CustomerServicer(CustomerServiceServicer):
    """What is known of customers."""

    def __init__(self, *, preload: Preload) -> None:
        self._preload = preload

    async def GetCustomer(self, request: pb.GetCustomerRequest, context: Context) -> pb.GetCustomerResponse:
        """See customer_service.proto."""
        check.between("channel", request.channel, 1, 2**31 - 1)
        check.filled("customer_id", request.customer_id, MAX_ID)
        key = Key(tenant=request.tenant, channel=request.channel, customer_id=request.customer_id)
        found = await self._preload.get(key)
        return pb.GetCustomerResponse(customer=convert_customer.customer_to_proto(found))

    async def ReportPreload(
        self, request: pb.ReportPreloadRequest, context: Context
    ) -> pb.ReportPreloadResponse:
        """See customer_service.proto."""
        return convert_customer.report_to_proto(self._preload.tally(request.tenant))

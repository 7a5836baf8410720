"""Customers from somebody else's server of CustomerSourceService."""

from __future__ import annotations

import grpc
from yingda.v1 import customer_source_service_pb2 as pb
from yingda.v1.customer_source_service_pb2_grpc import CustomerSourceServiceStub

from engine.customer.profile import Key, Part
from engine.customer.source import SourceError
from engine.servicers.convert_customer import part_from_proto


class GrpcSource:
    """See `customer.source.CustomerSource`. `timeout` is in seconds, and is the call's deadline."""

    def __init__(self, *, name: str, target: str, tls: bool, timeout: float) -> None:
        self.name = name
        self._timeout = timeout
        self._channel = (
            grpc.aio.secure_channel(target, grpc.ssl_channel_credentials())
            if tls
            else grpc.aio.insecure_channel(target)
        )
        self._stub = CustomerSourceServiceStub(self._channel)

    async def fetch(self, key: Key) -> Part:
        """See `customer.source.CustomerSource`."""
        request = pb.FetchCustomerRequest(
            tenant=key.tenant,
            channel=key.channel,  # type: ignore[arg-type]  # an open enum: any number goes
            customer_id=key.customer_id,
        )
        try:
            response = await self._stub.FetchCustomer(request, timeout=self._timeout)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return Part()
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                raise TimeoutError from None
            raise SourceError(f"{self.name} answered {error.code().name}") from None
        return part_from_proto(response.customer)

    async def close(self) -> None:
        """See `customer.source.CustomerSource`."""
        await self._channel.close()

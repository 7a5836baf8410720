"""What one console is told of customers: each time more is known, and not again in between."""

from __future__ import annotations

from yingda.v1 import customer_pb2

from engine.customer.preload import Preload
from engine.customer.profile import Customer, Key
from engine.domain import Conversation
from engine.servicers import convert_customer


class Sight:
    """Used on the event loop, for as long as the console watches."""

    def __init__(self, preload: Preload, tenant: str) -> None:
        self._preload = preload
        self._tenant = tenant
        self._shown: dict[Key, Customer | None] = {}

    def of(self, conversation: Conversation) -> customer_pb2.Customer | None:
        """What is known of the customer; None where that is nothing, or nothing new."""
        if not self._preload.is_on(self._tenant):
            return None
        key = Key(tenant=self._tenant, channel=conversation.channel, customer_id=conversation.customer_id)
        before = self._shown.get(key)
        now = self._preload.known(key) if key in self._shown else self._preload.show(key)
        self._shown[key] = now
        return convert_customer.customer_to_proto(now) if now is not None and now != before else None

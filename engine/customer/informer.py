"""Lets replies use what is known of customers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from engine.domain import MessageBatch


class Customers(Protocol):
    """Who knows something of customers; `Preload` is one. May be asked on any thread, and never waits."""

    def is_on(self, tenant: str) -> bool:
        """Whether anything is known of the tenant's customers."""
        ...

    def facts_for(self, tenant: str, channel: int, customer_id: str, text: str) -> Mapping[str, str]:
        """What may stand in a reply to this text; empty where nothing is known yet."""
        ...


class NoCustomers:
    """Knows nobody."""

    def is_on(self, tenant: str) -> bool:
        """See `Customers`."""
        return False

    def facts_for(self, tenant: str, channel: int, customer_id: str, text: str) -> Mapping[str, str]:
        """See `Customers`."""
        return {}


NOBODY: Customers = NoCustomers()


def informed(batch: MessageBatch, customers: Customers) -> MessageBatch:
    """The batch, with what is known of its customers among the metadata; what came with a message counts more."""
    if not any(map(customers.is_on, set(batch.tenants))):
        return batch
    columns = zip(batch.tenants, batch.channels, batch.customer_ids, batch.texts, strict=True)
    facts = [customers.facts_for(*one) for one in columns]
    if not any(facts):
        return batch
    metadata = [{**known, **own} if known else own for known, own in zip(facts, batch.metadata, strict=True)]
    return replace(batch, metadata=metadata)

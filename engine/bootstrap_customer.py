"""The part of the composition root that knows where customers' data comes from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from engine.bootstrap_bundle import SHIPPED_PACK
from engine.clock import SystemClock
from engine.customer.fields import Kind
from engine.customer.history_source import Conversations, HistorySource
from engine.customer.http_source import Address, HttpSource
from engine.customer.preload import Desk, Preload, Terms
from engine.customer.settings import (
    OTHERS,
    CsvSettings,
    CustomerSettings,
    HttpSettings,
    SourceSettings,
    SQLiteSettings,
)
from engine.customer.source import CustomerSource
from engine.customer.table_source import CsvSource, SQLiteSource
from engine.decision_thread import DecisionThread
from engine.errors import StartError
from engine.http_caller import Caller
from engine.ports import Clock
from engine.servicers.customer_source import GrpcSource
from engine.settings import EngineSettings

SAMPLES = (("profiles", "customers.csv", Kind.PROFILE), ("orders", "orders.csv", Kind.ORDERS))


def open_preload(settings: EngineSettings, store: Conversations, thread: DecisionThread) -> Preload:
    """As the settings have it, sample customers included. Raises: StartError."""
    customers = settings.customers
    if settings.sample_customers:
        customers = with_samples(customers, settings.pack or SHIPPED_PACK)
    return make_preload(customers, store=store, thread=thread, clock=SystemClock())


def make_preload(
    settings: Mapping[str, CustomerSettings], *, store: Conversations, thread: DecisionThread, clock: Clock
) -> Preload:
    """Nothing is asked before a customer of a tenant with sources writes. Raises: StartError."""
    history = HistorySource(store=store, thread=thread)
    desks = {tenant: _desk(one, history, clock) for tenant, one in settings.items()}
    return Preload(desks=desks, others=desks.pop(OTHERS, None), clock=clock, tell=thread.tell)


def with_samples(settings: Mapping[str, CustomerSettings], pack: Path) -> dict[str, CustomerSettings]:
    """The pack's invented customers for all tenants without sources of their own."""
    sources: list[SourceSettings] = [
        CsvSettings(kind="csv", name=name, path=pack / file, gives=kind) for name, file, kind in SAMPLES
    ]
    return {OTHERS: CustomerSettings(sources=sources), **settings}


def _desk(settings: CustomerSettings, history: HistorySource, clock: Clock) -> Desk:
    terms = Terms(
        ttl_ms=round(settings.ttl_seconds * 1000),
        stale_ms=round(settings.stale_seconds * 1000),
        timeout_ms=round(settings.timeout_seconds * 1000),
        concurrency=settings.concurrency,
    )
    sources = [_source(one, settings.timeout_seconds) for one in settings.sources]
    return Desk(sources=[*sources, *([history] if settings.history else [])], terms=terms, clock=clock)


def _source(one: SourceSettings, timeout: float) -> CustomerSource:
    if isinstance(one, HttpSettings):
        return HttpSource(
            name=one.name,
            address=Address(url=one.url, rows=one.rows, headers=one.headers),
            fields=one.field_map,
            caller=Caller(),
        )
    if isinstance(one, CsvSettings):
        _must_be_there(one.path)
        return CsvSource(name=one.name, path=one.path, fields=one.field_map, customer=one.customer)
    if isinstance(one, SQLiteSettings):
        _must_be_there(one.path)
        return SQLiteSource(
            name=one.name, path=one.path, table=one.table, fields=one.field_map, customer=one.customer
        )
    return GrpcSource(name=one.name, target=one.target, tls=one.tls, timeout=timeout)


def _must_be_there(path: Path) -> None:
    if not path.is_file():
        raise StartError(f"customers: {path} is no file; name one that is under [engine.customers]")

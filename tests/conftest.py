"""One engine with the shipped bundle and one gateway for the whole session.

Tests that talk to them run on the session's event loop: `pytestmark = pytest.mark.asyncio(loop_scope="session")`.
Each takes a `tenant` of its own, so that none sees what another left.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import grpc
import pytest
import pytest_asyncio
from hypothesis import settings
from yingda.bot_client import BotClient

import engine.bootstrap
import gateway.bootstrap
from engine.routing.policy import Policy
from engine.settings import EngineSettings
from gateway.settings import GatewaySettings

pytest.register_assert_rewrite(
    "tests.engine.stores.conformance",
    "tests.engine.stores.assist_conformance",
    "tests.engine.stores.workflow_conformance",
    "tests.engine.stores.bots_conformance",
)
settings.register_profile("suite", derandomize=True, deadline=None)  # the same everywhere, however busy
settings.load_profile("suite")

TENANTS = [f"t{number}" for number in range(2000)]
ASKING = [f"asking{number}" for number in range(200)]
ASKS = Policy(auto_accept=False, wrap_up_seconds=60)


@pytest.fixture(scope="session")
def fresh_tenants() -> Iterator[str]:
    return iter(TENANTS)


@pytest.fixture
def tenant(fresh_tenants: Iterator[str]) -> str:
    """A tenant that the gateway serves and that nothing is known of."""
    return next(fresh_tenants)


@pytest.fixture(scope="session")
def fresh_asking() -> Iterator[str]:
    return iter(ASKING)


@pytest.fixture
def asking(fresh_asking: Iterator[str]) -> str:
    """A fresh tenant whose agents are asked first, and have a wrap-up of a minute."""
    return next(fresh_asking)


@pytest.fixture
def other_tenant(fresh_tenants: Iterator[str]) -> str:
    return next(fresh_tenants)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def engine_address(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    settings = EngineSettings(
        data_dir=tmp_path_factory.mktemp("engine"), grace=1, policy=dict.fromkeys(ASKING, ASKS)
    )
    async with engine.bootstrap.bootstrap(settings) as running:
        yield running.address


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def gateway_address(engine_address: str) -> AsyncIterator[str]:
    settings = GatewaySettings(listen="127.0.0.1:0", engine=engine_address, tenants=TENANTS + ASKING, grace=1)
    async with gateway.bootstrap.bootstrap(settings) as running:
        yield running.address


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def channel(gateway_address: str) -> AsyncIterator[grpc.aio.Channel]:
    """To the gateway."""
    async with grpc.aio.insecure_channel(gateway_address) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def client(gateway_address: str, tenant: str) -> AsyncIterator[BotClient]:
    """Speaks for `tenant`."""
    async with BotClient(gateway_address, tenant=tenant) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def other_client(gateway_address: str, other_tenant: str) -> AsyncIterator[BotClient]:
    """Speaks for `other_tenant`."""
    async with BotClient(gateway_address, tenant=other_tenant) as opened:
        yield opened

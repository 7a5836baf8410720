"""One engine with the shipped bundle and one gateway for the whole session.

Tests that talk to them run on the session's event loop: `pytestmark = pytest.mark.asyncio(loop_scope="session")`.
Each takes a `tenant` of its own, so that none sees what another left.
"""

from __future__ import annotations

import os
import runpy
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import pytest
import pytest_asyncio
from hypothesis import settings
from yingda.bot_client import BotClient

import engine.bootstrap
import gateway.bootstrap
from engine.routing.policy import Policy
from engine.settings import EngineSettings
from engine.workflow.webhook import Webhook
from gateway.settings import GatewaySettings

pytest.register_assert_rewrite(
    "tests.engine.stores.conformance",
    "tests.engine.stores.assist_conformance",
    "tests.engine.stores.workflow_conformance",
    "tests.engine.stores.bots_conformance",
)
settings.register_profile("suite", derandomize=True, deadline=None)  # the same everywhere, however busy
settings.load_profile("suite")
UNPICKLED = pytest.StashKey[Path]()

AUDIT = Path(__file__).parent / "audit"


def pytest_configure(config: pytest.Config) -> None:
    """Watch this process, and every Python it starts, for a service that unpickles."""
    place = Path(tempfile.mkdtemp(prefix="yingda-audit-")) / "unpickled"
    os.environ["YINGDA_TEST_UNPICKLED"] = str(place)
    paths = [str(AUDIT), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    runpy.run_path(str(AUDIT / "sitecustomize.py"))
    config.stash[UNPICKLED] = place


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run if one did."""
    place = session.config.stash[UNPICKLED]
    found = place.read_text(encoding="utf-8") if place.exists() else ""
    shutil.rmtree(place.parent, ignore_errors=True)
    if found:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        sys.stderr.write(f"\na service unpickled, see tests/audit:\n{found}")


TENANTS = [f"t{number}" for number in range(2000)]
ASKING = [f"asking{number}" for number in range(200)]
NOBODY = Webhook(  # hears of every ticket, but no longer listens
    name="own", url="http://127.0.0.1:9/", private=True, secret="s" * 32, events=("ticket.opened",)
)
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
        data_dir=tmp_path_factory.mktemp("engine"),
        grace=1,
        policy=dict.fromkeys(ASKING, ASKS),
        webhooks={"own": NOBODY},
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

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from yingda.v1 import engine_service_pb2, message_pb2, model_pb2, model_service_pb2_grpc
from yingda.v1 import model_service_pb2 as pb

from engine.bootstrap import bootstrap
from engine.settings import EngineSettings
from models import signature
from tests.bundles import files_of, mistaught, renamed, sign, train_bundle
from tests.fakes import TENANT

HOME = "home"
REPLIES = """reply_id,intent,language,title,text
track-en,shipping.track,en,Where it is,Your parcel is on its way
track-zh,shipping.track,zh,在哪里,您的包裹在路上
"""


@dataclass(frozen=True)
class Desk:
    """A running engine, and calls to it."""

    channel: grpc.aio.Channel
    models: model_service_pb2_grpc.ModelServiceAsyncStub

    async def put(self, folder: Path) -> str:
        """Give it a bundle; the id."""
        response = await self.models.PutBundle(pb.PutBundleRequest(tenant=TENANT, files=files_of(folder)))
        return response.bundle.bundle_id

    async def activate(self, bundle_id: str, *, allow_older: bool = False) -> model_pb2.ModelStatus:
        """Let it serve."""
        request = pb.ActivateBundleRequest(tenant=TENANT, bundle_id=bundle_id, allow_older=allow_older)
        return (await self.models.ActivateBundle(request)).status

    async def shadow(self, bundle_id: str) -> model_pb2.ModelStatus:
        """Let it read along."""
        request = pb.ShadowBundleRequest(tenant=TENANT, bundle_id=bundle_id)
        return (await self.models.ShadowBundle(request)).status

    async def canary(self, bundle_id: str, share: float = 0.5) -> model_pb2.ModelStatus:
        """Let it answer a share."""
        request = pb.CanaryBundleRequest(tenant=TENANT, bundle_id=bundle_id, share=share)
        return (await self.models.CanaryBundle(request)).status

    async def until(self, fits: Callable[[model_pb2.ModelStatus], bool]) -> model_pb2.ModelStatus:
        """How things stand once they stand so."""
        for _ in range(1000):
            if fits(status := await self.status()):
                return status
            await asyncio.sleep(0.01)
        raise AssertionError(f"it never came to that: {status}")

    async def status(self) -> model_pb2.ModelStatus:
        """How things stand."""
        return (await self.models.GetModelStatus(pb.GetModelStatusRequest(tenant=TENANT))).status

    async def read_by(self, *messages: message_pb2.Message) -> list[str]:
        """The bundle that read each message."""
        request = engine_service_pb2.ProcessMessagesRequest(messages=messages).SerializeToString()
        process: Any = self.channel.unary_unary("/yingda.v1.EngineService/ProcessMessages")
        response = engine_service_pb2.ProcessMessagesResponse.FromString(await process(request))
        return [one.answer.analysis.bundle_id for one in response.results]


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small bundle; not signed."""
    return train_bundle(tmp_path_factory.mktemp("trained"), created="2026-01-01")


@pytest.fixture(scope="session")
def home(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the engine is started with."""
    return renamed(trained, tmp_path_factory.mktemp("home") / "b", id=HOME)


@pytest.fixture(scope="session")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two replies."""
    folder = tmp_path_factory.mktemp("pack")
    (folder / "replies.csv").write_text(REPLIES, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private key."""
    path = tmp_path_factory.mktemp("key") / "signing.key"
    signature.create_key(path)
    return path


@pytest.fixture(scope="session")
def signed(trained: Path, key: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, signed with the key."""
    return sign(renamed(trained, tmp_path_factory.mktemp("signed") / "b", id="signed-1"), key)


@pytest.fixture(scope="session")
def worse(key: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Signed, but it takes customers' questions for out of scope."""
    made = train_bundle(tmp_path_factory.mktemp("worse"), phrases=mistaught())
    return sign(renamed(made, tmp_path_factory.mktemp("signed") / "b", id="worse"), key)


@pytest.fixture
def settings(tmp_path: Path, key: Path, home: Path, pack: Path) -> EngineSettings:
    trusted = [signature.read_public_key(key)]
    return EngineSettings(data_dir=tmp_path / "data", grace=0, trusted_keys=trusted, bundle=home, pack=pack)


@pytest_asyncio.fixture
async def desk(settings: EngineSettings) -> AsyncIterator[Desk]:
    async with (
        bootstrap(settings) as engine,
        grpc.aio.insecure_channel(engine.address) as channel,
    ):
        yield Desk(channel, model_service_pb2_grpc.ModelServiceStub(channel))

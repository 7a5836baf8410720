"""Two engines over one Redis: what one activates, the other serves with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
from yingda.v1 import conversation_service_pb2, conversation_service_pb2_grpc, model_service_pb2_grpc
from yingda.v1 import model_service_pb2 as pb

from engine.bootstrap import bootstrap
from engine.settings import EngineSettings
from tests.engine.bundles.conftest import HOME, Desk
from tests.engine.stores.redis_server import redis_server, redis_url  # noqa: F401
from tests.fakes import TENANT, make_message


@asynccontextmanager
async def running(settings: EngineSettings, folder: Path, store: str) -> AsyncIterator[Desk]:
    """An engine with a disk of its own."""
    own = settings.model_copy(update={"data_dir": folder, "store": store})
    async with bootstrap(own) as engine, grpc.aio.insecure_channel(engine.address) as channel:
        yield Desk(channel, model_service_pb2_grpc.ModelServiceStub(channel))


async def test_one_activation_reaches_every_engine(
    settings: EngineSettings,
    signed: Path,
    tmp_path: Path,
    redis_url: str,  # noqa: F811
) -> None:
    async with (
        running(settings, tmp_path / "a", redis_url) as one,
        running(settings, tmp_path / "b", redis_url) as other,
    ):
        await one.activate(await one.put(signed))
        await other.until(lambda status: status.bundle_id == "signed-1")
        read = await other.read_by(make_message("where is my parcel"))
        await other.models.RollBackBundle(pb.RollBackBundleRequest(tenant=TENANT))
        back = await one.until(lambda status: status.bundle_id == HOME)

    assert read == ["signed-1"]
    assert back.problem == ""


async def test_an_engine_that_joins_serves_with_what_the_others_do(
    settings: EngineSettings,
    signed: Path,
    tmp_path: Path,
    redis_url: str,  # noqa: F811
) -> None:
    async with running(settings, tmp_path / "a", redis_url) as one:
        await one.activate(await one.put(signed))
        async with running(settings, tmp_path / "b", redis_url) as other:
            assert (await other.status()).bundle_id == "signed-1"


async def test_a_canary_is_tried_out_by_all_and_ended_for_all(
    settings: EngineSettings,
    worse: Path,
    tmp_path: Path,
    redis_url: str,  # noqa: F811
) -> None:
    async with (
        running(settings, tmp_path / "a", redis_url) as one,
        running(settings, tmp_path / "b", redis_url) as other,
    ):
        await one.canary(await one.put(worse))
        await other.until(lambda status: status.canary.bundle_id == "worse")
        for number in range(300):
            await one.read_by(make_message("where is my parcel", customer_id=f"cu{number}"))
        ended = await other.until(lambda status: not status.HasField("canary"))

    assert "out of scope" in ended.changes[0].reason


async def test_corrections_count_whoever_answered_and_whoever_is_told(
    settings: EngineSettings,
    signed: Path,
    tmp_path: Path,
    redis_url: str,  # noqa: F811
) -> None:
    async with (
        running(settings, tmp_path / "a", redis_url) as one,
        running(settings, tmp_path / "b", redis_url) as other,
    ):
        await one.canary(await one.put(signed))
        await other.until(lambda status: status.canary.bundle_id == "signed-1")
        read: dict[str, str] = {}
        for number in range(20):
            message = make_message("where is my parcel", conversation_id=f"c{number}")
            (read[f"c{number}"],) = await one.read_by(message)
        stub = conversation_service_pb2_grpc.ConversationServiceStub(other.channel)
        for number in range(20):
            request = conversation_service_pb2.TransferConversationRequest(
                tenant=TENANT, conversation_id=f"c{number}", skill="finance"
            )
            await stub.TransferConversation(request)
        theirs = list(read.values()).count("signed-1")
        for desk in (one, other):
            status = await desk.until(lambda status: status.canary.canary.corrections == theirs)
            await desk.until(lambda status: status.canary.serving.corrections == 20 - theirs)
            assert status.canary.canary.messages == theirs

    assert 0 < theirs < 20


async def test_a_canary_is_judged_by_what_all_engines_count(
    settings: EngineSettings,
    worse: Path,
    tmp_path: Path,
    redis_url: str,  # noqa: F811
) -> None:
    async with (
        running(settings, tmp_path / "a", redis_url) as one,
        running(settings, tmp_path / "b", redis_url) as other,
    ):
        await one.canary(await one.put(worse))
        await other.until(lambda status: status.canary.bundle_id == "worse")
        for number in range(160):  # on neither engine alone has each arm the messages that are the least
            desk = (one, other)[number % 2]
            await desk.read_by(make_message("where is my parcel", customer_id=f"cu{number}"))
        ended = await other.until(lambda status: not status.HasField("canary"))

    assert "out of scope" in ended.changes[0].reason

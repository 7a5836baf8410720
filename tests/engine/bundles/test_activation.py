from __future__ import annotations

import asyncio
import itertools
import json
import shutil
from collections.abc import Awaitable, Sequence
from pathlib import Path

import grpc
import pytest
from yingda.v1 import (
    assist_service_pb2,
    assist_service_pb2_grpc,
    conversation_service_pb2,
    conversation_service_pb2_grpc,
    model_pb2,
    model_service_pb2_grpc,
    reply_pb2,
    reply_service_pb2,
    reply_service_pb2_grpc,
)
from yingda.v1 import model_service_pb2 as pb

from engine.assist import typed
from engine.bootstrap import bootstrap
from engine.bundles import deployer as deployers
from engine.bundles import deployment
from engine.bundles.cabinet import Cabinet
from engine.bundles.ports import Meter
from engine.domain import Change
from engine.ports import Classifier
from engine.settings import EngineSettings
from engine.stores.sqlite import SQLiteStore
from tests.bundles import renamed, sign
from tests.engine.bundles.conftest import HOME, Desk
from tests.fakes import TENANT, make_message


async def refusal(call: Awaitable[object]) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    assert raised.value.code() in (grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND)
    return raised.value.details() or ""


async def test_the_bundle_of_the_start_serves_until_another_is_activated(desk: Desk, signed: Path) -> None:
    before = await desk.read_by(make_message("where is my parcel"))
    status = await desk.activate(await desk.put(signed))

    assert before == [HOME]
    assert (status.bundle_id, status.wanted_bundle_id, status.problem) == ("signed-1", "signed-1", "")
    assert await desk.read_by(make_message("where is my parcel")) == ["signed-1"]
    assert list(status.earlier_bundle_ids) == [HOME]


async def test_the_one_before_comes_back(desk: Desk, signed: Path) -> None:
    await desk.activate(await desk.put(signed))
    response = await desk.models.RollBackBundle(pb.RollBackBundleRequest(tenant=TENANT, reason="too eager"))

    assert response.status.bundle_id == HOME
    assert response.status.changes[0].reason == "too eager"
    assert await desk.read_by(make_message()) == [HOME]


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The bundles that are read from the disk from now on."""
    found: list[str] = []
    load = Cabinet.load

    def counted(cabinet: Cabinet, bundle_id: str) -> tuple[Classifier, Meter | None]:
        found.append(bundle_id)
        return load(cabinet, bundle_id)

    monkeypatch.setattr(Cabinet, "load", counted)
    return found


async def roll_back(desk: Desk) -> None:
    await desk.models.RollBackBundle(pb.RollBackBundleRequest(tenant=TENANT))


async def test_the_way_back_and_forth_loads_nothing(desk: Desk, signed: Path, loaded: list[str]) -> None:
    await desk.activate(await desk.put(signed))
    await roll_back(desk)
    await desk.canary("signed-1")
    await roll_back(desk)
    await desk.activate("signed-1")

    assert loaded == ["signed-1"]
    assert await desk.read_by(make_message()) == ["signed-1"]


async def test_a_bundle_that_comes_back_suggests_what_was_written_meanwhile(desk: Desk, signed: Path) -> None:
    await desk.read_by(make_message())
    await desk.activate(await desk.put(signed))
    replies = reply_service_pb2_grpc.ReplyServiceStub(desk.channel)
    fresh = reply_pb2.Reply(reply_id="fresh", language="en", title="Parcel", text="It has wings")
    await replies.PutReply(reply_service_pb2.PutReplyRequest(tenant=TENANT, reply=fresh))
    await roll_back(desk)
    request = assist_service_pb2.SuggestRepliesRequest(tenant=TENANT, typed_text="wings", language="en")

    response = await assist_service_pb2_grpc.AssistServiceStub(desk.channel).SuggestReplies(request)
    assert "fresh" in [one.reply_id for one in response.suggestions]


async def test_a_bundle_that_rested_long_enough_is_let_go(
    desk: Desk, signed: Path, loaded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployers, "REST", 0)
    monkeypatch.setattr(deployers, "LOOK", 0.005)
    await desk.put(signed)
    for _ in range(200):
        await desk.activate("signed-1")
        await asyncio.sleep(0.02)
        await roll_back(desk)
        if HOME in loaded:
            break

    assert HOME in loaded


async def test_there_is_no_way_back_from_the_first(desk: Desk) -> None:
    call = desk.models.RollBackBundle(pb.RollBackBundleRequest(tenant=TENANT))

    assert await refusal(call) == "no bundle served before this one"


async def test_a_bundle_nobody_put_is_not_found(desk: Desk) -> None:
    assert "put it first" in await refusal(desk.activate("nothing"))


async def test_an_older_bundle_needs_leave(desk: Desk, trained: Path, key: Path, tmp_path: Path) -> None:
    old = sign(renamed(trained, tmp_path / "old", id="old", created="2020-01-01"), key)
    await desk.put(old)

    assert "allow older ones" in await refusal(desk.activate("old"))
    assert (await desk.activate("old", allow_older=True)).bundle_id == "old"


async def test_suggestions_follow_the_bundle(desk: Desk, signed: Path) -> None:
    await desk.read_by(make_message("where is my parcel"))
    await desk.activate(await desk.put(signed))
    await desk.read_by(make_message("where is my parcel"))
    explain = conversation_service_pb2.ExplainAssignmentRequest(tenant=TENANT, text="where is my parcel")
    stub = conversation_service_pb2_grpc.ConversationServiceStub(desk.channel)

    assert (await stub.ExplainAssignment(explain)).analysis.bundle_id == "signed-1"


async def test_no_reply_is_spelled_again_for_another_bundle(
    desk: Desk, signed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spelled: list[object] = []
    await desk.read_by(make_message("where is my parcel"))
    monkeypatch.setattr(typed, "spell", spelled.append)
    await desk.activate(await desk.put(signed))

    assert await desk.read_by(make_message("where is my parcel")) == ["signed-1"]
    assert not spelled


async def test_a_change_is_on_the_timeline_of_those_who_were_served(desk: Desk, signed: Path) -> None:
    await desk.read_by(make_message())
    await desk.activate(await desk.put(signed))
    stub = conversation_service_pb2_grpc.ConversationServiceStub(desk.channel)
    request = conversation_service_pb2.ListEventsRequest(tenant=TENANT, conversation_id="~models")

    (event,) = (await stub.ListEvents(request)).events
    assert event.model_changed.kind == model_pb2.MODEL_CHANGE_KIND_ACTIVATED
    assert (event.model_changed.bundle_id, event.model_changed.other_bundle_id) == ("signed-1", HOME)


async def test_few_timelines_are_written_at_once(
    desk: Desk, signed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenants = [f"shop-{number}" for number in range(2 * deployers.TOLD + 1)]
    await desk.read_by(*[make_message(tenant=tenant) for tenant in tenants])
    told: list[list[str]] = []
    commit = SQLiteStore.commit

    def counted(store: SQLiteStore, changes: Sequence[Change]) -> list[bool]:
        told.append([one.tenant for one in changes])
        return commit(store, changes)

    monkeypatch.setattr(SQLiteStore, "commit", counted)
    await desk.activate(await desk.put(signed))

    assert sorted(itertools.chain.from_iterable(told)) == sorted(tenants)
    assert max(map(len, told)) == deployers.TOLD


async def test_bundles_are_listed_with_what_they_do(desk: Desk, signed: Path) -> None:
    await desk.put(signed)
    listed = (await desk.models.ListBundles(pb.ListBundlesRequest(tenant=TENANT))).bundles

    assert {one.bundle_id: one.role for one in listed} == {
        HOME: model_pb2.BUNDLE_ROLE_SERVING,
        "signed-1": model_pb2.BUNDLE_ROLE_UNSPECIFIED,
    }


async def test_an_engine_that_starts_again_serves_what_served(settings: EngineSettings, signed: Path) -> None:
    for _ in range(2):
        async with bootstrap(settings) as engine, grpc.aio.insecure_channel(engine.address) as channel:
            desk = Desk(channel, model_service_pb2_grpc.ModelServiceStub(channel))
            if (await desk.status()).bundle_id == HOME:
                await desk.activate(await desk.put(signed))
            assert await desk.read_by(make_message()) == ["signed-1"]


async def test_an_engine_whose_bundle_is_gone_serves_its_own_and_says_so(
    settings: EngineSettings, signed: Path
) -> None:
    async with bootstrap(settings) as engine, grpc.aio.insecure_channel(engine.address) as channel:
        desk = Desk(channel, model_service_pb2_grpc.ModelServiceStub(channel))
        await desk.activate(await desk.put(signed))
    shutil.rmtree(settings.data_dir / "bundles" / "signed-1")
    async with bootstrap(settings) as engine, grpc.aio.insecure_channel(engine.address) as channel:
        desk = Desk(channel, model_service_pb2_grpc.ModelServiceStub(channel))
        status = await desk.status()

        assert (status.bundle_id, status.wanted_bundle_id) == (HOME, "signed-1")
        assert "no bundle signed-1" in status.problem
        assert await desk.read_by(make_message()) == [HOME]


async def test_messages_are_answered_all_through_an_activation(desk: Desk, signed: Path) -> None:
    await desk.put(signed)
    activation = asyncio.ensure_future(desk.activate("signed-1"))
    read: list[str] = []
    while not activation.done() or len(read) < 100:
        read += await desk.read_by(*[make_message() for _ in range(8)])
    await activation

    assert {*read} <= {HOME, "signed-1"}
    assert read == sorted(read, key=[HOME, "signed-1"].index)  # it changes once, and for good


def test_json_is_what_a_deployment_is_kept_as() -> None:
    now = deployment.start_canary(
        deployment.activate(deployment.Deployment(active="a"), "b", "why", 1), "c", 0.5, 2
    )

    assert deployment.from_bytes(deployment.to_bytes(now)) == now
    assert json.loads(deployment.to_bytes(now))["active"] == "b"

from __future__ import annotations

import asyncio
import socket
import threading
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import grpc
import pytest
from yingda.v1 import (
    conversation_service_pb2,
    conversation_service_pb2_grpc,
    message_pb2,
    model_pb2,
    model_service_pb2_grpc,
)
from yingda.v1 import model_service_pb2 as pb

from engine.bootstrap import bootstrap
from engine.bundles.ports import Gauge
from engine.bundles.trials import Trials
from engine.settings import EngineSettings
from tests.engine.bundles.conftest import HOME, Desk
from tests.engine.test_metrics import get
from tests.fakes import TENANT, make_message

QUESTIONS = ["where is my parcel", "快递到哪了", "refund me please", "你好", "track my box"]


def free_address() -> str:
    """One that nobody listened on a moment ago."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{found.getsockname()[1]}"


def messages(count: int, start: int = 0) -> list[message_pb2.Message]:
    """Of as many customers."""
    return [
        make_message(QUESTIONS[number % len(QUESTIONS)], customer_id=f"cu{start + number}")
        for number in range(count)
    ]


async def changes_on_the_timeline(desk: Desk) -> list[model_pb2.ModelChange]:
    stub = conversation_service_pb2_grpc.ConversationServiceStub(desk.channel)
    request = conversation_service_pb2.ListEventsRequest(tenant=TENANT, conversation_id="~models")
    return [event.model_changed for event in (await stub.ListEvents(request)).events]


async def test_a_shadow_reads_along_and_nobody_sees_it(desk: Desk, worse: Path) -> None:
    await desk.shadow(await desk.put(worse))
    read = await desk.read_by(*messages(50))
    status = await desk.until(lambda one: one.shadow.messages == 50)

    assert set(read) == {HOME}
    assert status.shadow.bundle_id == "worse"
    assert status.shadow.agreement < 0.5
    assert status.shadow.out_of_scope > status.shadow.serving_out_of_scope
    assert sum(one.messages for one in status.shadow.bins) == 50


async def test_disagreements_can_be_read_by_their_tenant_alone(desk: Desk, worse: Path) -> None:
    await desk.shadow(await desk.put(worse))
    await desk.read_by(make_message("where is my parcel", message_id="m1"))
    await desk.until(lambda one: one.shadow.messages == 1)
    mine = await desk.models.ListDisagreements(pb.ListDisagreementsRequest(tenant=TENANT))
    theirs = await desk.models.ListDisagreements(pb.ListDisagreementsRequest(tenant="other"))

    (one,) = mine.disagreements
    assert (one.message_id, one.text) == ("m1", "where is my parcel")
    assert (one.serving_intent, one.intent) == ("shipping.track", "out_of_scope")
    assert not theirs.disagreements


async def test_messages_are_answered_while_a_status_is_reckoned(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, answered = threading.Event(), threading.Event()

    def gauges(_trials: Trials) -> Sequence[Gauge]:
        begun.set()
        assert answered.wait(5)
        return ()

    monkeypatch.setattr(Trials, "gauges", gauges)
    status = asyncio.ensure_future(desk.status())
    assert await asyncio.to_thread(begun.wait, 5)

    assert await desk.read_by(make_message()) == [HOME]
    answered.set()
    assert (await status).bundle_id == HOME


async def test_a_shadow_ends(desk: Desk, worse: Path) -> None:
    await desk.shadow(await desk.put(worse))
    status = await desk.shadow("")

    assert not status.HasField("shadow")
    assert status.changes[0].kind == model_pb2.MODEL_CHANGE_KIND_SHADOW_ENDED


async def test_a_canary_answers_its_share_and_a_conversation_stays_where_it_is(
    desk: Desk, signed: Path
) -> None:
    await desk.canary(await desk.put(signed), share=0.3)
    read: defaultdict[str, set[str]] = defaultdict(set)
    for _ in range(3):
        sent = messages(200)
        for message, bundle_id in zip(sent, await desk.read_by(*sent), strict=True):
            read[message.customer_id].add(bundle_id)

    assert {len(bundles) for bundles in read.values()} == {1}
    share = sum(bundles == {"signed-1"} for bundles in read.values()) / len(read)
    assert 0.2 < share < 0.4


async def test_a_canary_that_is_no_worse_stays(desk: Desk, signed: Path) -> None:
    await desk.canary(await desk.put(signed))
    for start in range(0, 2000, 100):
        await desk.read_by(*messages(100, start))
    status = await desk.until(lambda one: one.canary.canary.messages + one.canary.serving.messages == 2000)

    assert status.canary.bundle_id == "signed-1"
    assert [one.kind for one in status.changes] == [model_pb2.MODEL_CHANGE_KIND_CANARY_STARTED]


async def test_a_canary_that_is_worse_goes_by_itself_within_1000_messages_and_says_why(
    desk: Desk, worse: Path
) -> None:
    await desk.read_by(make_message())
    await desk.canary(await desk.put(worse), share=0.2)
    sent = 0
    while sent < 1000 and (await desk.status()).HasField("canary"):
        await desk.read_by(*messages(20, sent))
        sent += 20
    status = await desk.until(lambda one: not one.HasField("canary"))

    last = (await changes_on_the_timeline(desk))[-1]
    assert last.kind == model_pb2.MODEL_CHANGE_KIND_CANARY_ROLLED_BACK
    assert "messages were out of scope" in last.reason
    assert status.changes[0].reason == last.reason
    assert set(await desk.read_by(*messages(100, 5000))) == {HOME}


async def test_a_canary_that_is_activated_answers_everything(desk: Desk, signed: Path) -> None:
    await desk.canary(await desk.put(signed))
    status = await desk.activate("signed-1")

    assert not status.HasField("canary")
    assert set(await desk.read_by(*messages(50))) == {"signed-1"}


async def test_rolling_back_ends_a_canary_first(desk: Desk, signed: Path) -> None:
    await desk.canary(await desk.put(signed))
    response = await desk.models.RollBackBundle(pb.RollBackBundleRequest(tenant=TENANT))

    assert response.status.bundle_id == HOME
    assert not response.status.HasField("canary")


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, float("nan")])
async def test_a_share_that_is_none_is_refused(desk: Desk, signed: Path, share: float) -> None:
    await desk.put(signed)
    with pytest.raises(grpc.aio.AioRpcError, match="must be above 0 and below 1"):
        await desk.canary("signed-1", share)


async def test_corrections_are_counted_and_metrics_tell_of_them(
    settings: EngineSettings, signed: Path
) -> None:
    address = free_address()
    told = settings.model_copy(update={"metrics": address})
    async with bootstrap(told) as engine, grpc.aio.insecure_channel(engine.address) as channel:
        desk = Desk(channel, model_service_pb2_grpc.ModelServiceStub(channel))
        await desk.canary(await desk.put(signed))
        stub = conversation_service_pb2_grpc.ConversationServiceStub(channel)
        for number in range(20):
            await desk.read_by(make_message("where is my parcel", conversation_id=f"c{number}"))
        await desk.until(lambda one: one.canary.canary.messages + one.canary.serving.messages == 20)
        for number in range(20):
            request = conversation_service_pb2.TransferConversationRequest(
                tenant=TENANT, conversation_id=f"c{number}", skill="finance"
            )
            await stub.TransferConversation(request)
        status = await desk.until(
            lambda one: one.canary.canary.corrections + one.canary.serving.corrections == 20
        )
        answer = await get(address, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")

    corrected = status.canary.canary.corrections
    assert f'yingda_model_canary_corrections_total{{bundle="signed-1",arm="canary"}} {corrected}' in answer
    assert 'yingda_model_bundle{bundle="home",role="serving"} 1' in answer

from __future__ import annotations

import asyncio
import shutil
import socket
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import pytest
from yingda.v1 import engine_service_pb2, reply_service_pb2, reply_service_pb2_grpc

from engine.bootstrap import bootstrap
from engine.bootstrap_bundle import SHIPPED_BUNDLE, SHIPPED_PACK
from engine.domain import MessageBatch
from engine.errors import StartError
from engine.pipeline import Pipeline
from engine.servicers.convert_reply import reply_to_proto
from engine.settings import EngineSettings
from engine.stores.sqlite import open_store
from tests.bundles import mistaught, train_bundle
from tests.fakes import TENANT, make_message, make_reply


async def failure(**settings: Any) -> str:  # noqa: ANN401
    with pytest.raises(StartError) as raised:
        async with bootstrap(EngineSettings(**settings)):
            pass
    return str(raised.value)


def process_stub(channel: grpc.aio.Channel) -> Any:  # noqa: ANN401
    return channel.unary_unary("/yingda.v1.EngineService/ProcessMessages")


def frame(message_id: str) -> bytes:
    messages = [make_message(message_id=message_id)]
    return engine_service_pb2.ProcessMessagesRequest(messages=messages).SerializeToString()


async def intents(texts: list[str], **settings: Any) -> list[str]:  # noqa: ANN401
    """What an engine takes the texts for."""
    request = engine_service_pb2.ProcessMessagesRequest(messages=[make_message(text) for text in texts])
    async with (
        bootstrap(EngineSettings(**settings, grace=0)) as engine,
        grpc.aio.insecure_channel(engine.address) as channel,
    ):
        answer = await process_stub(channel)(request.SerializeToString())
    response = engine_service_pb2.ProcessMessagesResponse.FromString(answer)
    return [result.answer.analysis.intent for result in response.results]


async def test_an_engine_listens_in_its_data_folder_where_nothing_else_is_said(tmp_path: Path) -> None:
    async with bootstrap(EngineSettings(data_dir=tmp_path / "data", grace=0)) as engine:
        assert engine.address == f"unix:{tmp_path / 'data' / 'engine.sock'}"


async def test_an_engine_can_listen_on_a_port(tmp_path: Path) -> None:
    async with (
        bootstrap(EngineSettings(data_dir=tmp_path, listen="127.0.0.1:0", grace=0)) as engine,
        grpc.aio.insecure_channel(engine.address) as channel,
    ):
        assert await process_stub(channel)(frame("m1"))


async def test_a_second_engine_on_the_same_data_is_refused_and_hurts_not_the_first(tmp_path: Path) -> None:
    async with bootstrap(EngineSettings(data_dir=tmp_path, grace=0)) as engine:
        message = await failure(data_dir=tmp_path)

        async with grpc.aio.insecure_channel(engine.address) as channel:
            assert await process_stub(channel)(frame("m1"))
    assert "is in use by another engine" in message


async def test_an_engine_that_cannot_listen_lets_its_data_go(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        message = await failure(data_dir=tmp_path, listen=listen)

    assert message.startswith(f"cannot listen on {listen}: ")
    async with bootstrap(EngineSettings(data_dir=tmp_path, grace=0)):
        pass


async def test_a_data_folder_too_long_for_a_socket_is_named(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100)

    assert await failure(data_dir=folder) == (
        f"the socket path {folder / 'engine.sock'} is longer than 100 bytes: name a shorter --data-dir"
    )


async def test_a_bundle_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert (await failure(data_dir=tmp_path, bundle=tmp_path / "none")).startswith(str(tmp_path / "none"))


async def test_a_damaged_bundle_is_named(tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(SHIPPED_BUNDLE, tmp_path / "bundle"))
    (bundle / "heads.safetensors").write_bytes(b"damaged")

    assert "heads.safetensors" in await failure(data_dir=tmp_path, bundle=bundle)


async def test_a_second_bundle_that_is_not_there_is_named_with_its_setting(tmp_path: Path) -> None:
    message = await failure(data_dir=tmp_path, reread_bundle=tmp_path / "none")

    assert message.startswith(f"[engine] reread_bundle: {tmp_path / 'none'}: no such bundle")


async def test_a_second_bundle_answers_what_the_first_is_unsure_of(tmp_path: Path) -> None:
    first, second = train_bundle(tmp_path / "1"), train_bundle(tmp_path / "2", phrases=mistaught())
    again = {"reread_bundle": second, "reread_share": 0.9, "reread_languages": ["zh"]}
    texts = ["快递到哪了", "where is my parcel"]

    assert await intents(texts, data_dir=tmp_path, bundle=first) == ["shipping.track"] * 2
    assert await intents(texts, data_dir=tmp_path, bundle=first, **again) == [
        "out_of_scope",
        "shipping.track",
    ]


async def test_a_pack_without_replies_is_named(tmp_path: Path) -> None:
    assert "name a folder with a replies.csv as pack" in await failure(data_dir=tmp_path, pack=tmp_path)


async def test_a_pack_of_ones_own_is_used(tmp_path: Path) -> None:
    shutil.copy(SHIPPED_PACK / "replies.csv", tmp_path)
    async with bootstrap(EngineSettings(data_dir=tmp_path / "data", pack=tmp_path, grace=0)):
        pass


async def test_an_engine_that_stops_finishes_the_decision_it_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = threading.Event()
    outcomes: list[object] = []
    process = Pipeline.process

    def slowly(self: Pipeline, batch: MessageBatch) -> list[bytes]:
        began.set()
        time.sleep(0.2)
        try:
            answers = process(self, batch)
        except BaseException as error:
            outcomes.append(error)
            raise
        outcomes.append("kept")
        return answers

    monkeypatch.setattr(Pipeline, "process", slowly)
    async with bootstrap(EngineSettings(data_dir=tmp_path, grace=0)) as engine:
        channel = grpc.aio.insecure_channel(engine.address)
        call = asyncio.ensure_future(process_stub(channel)(frame("m1")))
        assert await asyncio.to_thread(began.wait, 10)
    await asyncio.gather(call, return_exceptions=True)
    await channel.close()

    assert outcomes == ["kept"]
    with closing(open_store(tmp_path / "yingda.db", sync="normal")) as store:
        assert store.records(TENANT, ["1:m1"])


async def test_the_vectors_of_replies_are_kept_in_the_data_folder(tmp_path: Path) -> None:
    settings = EngineSettings(data_dir=tmp_path / "data", grace=0)
    request = reply_service_pb2.PutReplyRequest(tenant=TENANT, reply=reply_to_proto(make_reply("own")))
    async with bootstrap(settings) as engine, grpc.aio.insecure_channel(engine.address) as channel:
        await reply_service_pb2_grpc.ReplyServiceStub(channel).PutReply(request)
    files = list((tmp_path / "data" / "vectors").rglob("*.vectors"))

    assert len(files) == 1

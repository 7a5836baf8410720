"""The documented loop from end to end: train, activate, gather, review, train again, compare, gate, activate."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from yingda.model_client import ModelClient
from yingda.v1 import engine_service_pb2

from engine.bootstrap import bootstrap
from engine.settings import EngineSettings
from models import active
from models.__main__ import main
from models.bundle import load
from models.review.labels import Labels
from models.review.server import ReviewServer
from tests.bundles import files_of
from tests.fakes import TENANT, make_message
from tests.models.test_review import call

ROOT = Path(__file__).parents[1]
# What guests asked of the first bundle and nobody had thought of, and what a human said it is.
ASKED = {
    "is there a swimming pool": "pool.open",
    "can my kids swim after eight": "pool.open",
    "泳池几点开放": "pool.open",
    "游泳要带泳帽吗": "pool.open",
    "how deep is the pool": "pool.open",
    "游泳池是恒温的吗": "pool.open",
    "pool towels, where": "pool.open",
    "我的小猫可以一起来吗": "pets.allowed",
    "may the parrot come": "pets.allowed",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "models").symlink_to(ROOT / "models")
    shutil.copy(ROOT / "models" / "packs" / "hotel.csv", tmp_path / "my.csv")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest_asyncio.fixture
async def address(folder: Path) -> AsyncIterator[str]:
    async with bootstrap(EngineSettings(data_dir=folder / "data", grace=0)) as engine:
        yield engine.address


async def read(address: str, texts: list[str]) -> list[str]:
    """The intents that the engine reads."""
    messages = [make_message(text, customer_id=text) for text in texts]
    request = engine_service_pb2.ProcessMessagesRequest(messages=messages).SerializeToString()
    async with grpc.aio.insecure_channel(address) as channel:
        process: Any = channel.unary_unary("/yingda.v1.EngineService/ProcessMessages")
        response = engine_service_pb2.ProcessMessagesResponse.FromString(await process(request))
    return [one.answer.analysis.intent for one in response.results]


def label(data: Path, bundle: Path, messages: Path) -> int:
    """Do what a human does on the page; how many labels it took."""
    loaded = load(bundle)
    picks = active.choose(loaded, active.read_messages(messages), [], 100)
    with ReviewServer(picks, loaded.intents, Labels(data, picks)) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        for number, pick in enumerate(picks):
            call(server, "POST", "/label", {"number": number, "intent": ASKED[pick.text]})
        server.shutdown()
    return len(picks)


async def test_the_loop_ends_with_a_better_bundle_that_serves(folder: Path, address: str) -> None:
    assert main(["train", "--data", "my.csv", "--output", "first"]) == 0
    async with ModelClient(address, tenant=TENANT, timeout=60) as client:
        await client.activate_bundle((await client.put_bundle(files_of(folder / "first"))).bundle_id)
        before = await read(address, list(ASKED))
        lines = [json.dumps({"text": text, "intent": ""}, ensure_ascii=False) for text in ASKED]
        (folder / "feedback.jsonl").write_text("\n".join(lines), encoding="utf-8")
        labelled = label(folder / "my.csv", folder / "first", folder / "feedback.jsonl")
        assert main(["train", "--data", "my.csv", "--output", "second"]) == 0
        (folder / "held.csv").write_text(
            "text,intent\nwhen does the pool open,pool.open\n泳池在哪,pool.open\ncan i bring a dog,pets.allowed\n"
            "早餐到几点,breakfast.hours\nlate check out please,checkout.late\n",
            encoding="utf-8",
        )
        assert main(["compare", "first", "second", "--data", "held.csv", "--gate"]) == 0
        status = await client.activate_bundle(
            (await client.put_bundle(files_of(folder / "second"))).bundle_id
        )
        after = await read(address, ["can we use the pool in the morning", "带小狗来行吗"])

    assert "pool.open" not in before
    assert labelled >= 7
    assert status.problem == ""
    assert after == ["pool.open", "pets.allowed"]

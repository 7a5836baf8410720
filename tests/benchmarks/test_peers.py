from __future__ import annotations

import asyncio
import json
import platform
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.peers import __main__ as peers
from benchmarks.peers import asking, inference, ours, race, split, table, venv
from benchmarks.peers.race import Runner
from benchmarks.peers.split import Row
from benchmarks.process import ROOT


def row(text: str = "hi", language: str = "en", *intents: str) -> Row:
    return Row(text=text, language=language, intents=frozenset(intents or ("chat.greeting",)))


def test_nobody_learns_from_an_author_on_whose_messages_all_are_tried(tmp_path: Path) -> None:
    found = split.make(tmp_path)
    learned = found.rows.read_text(encoding="utf-8")
    files = {path.name for path in (found.pack / "utterances").iterdir()}

    assert {"a02.csv", "a34.csv"} <= files
    assert not files & {"a01.csv", "a31.csv"}
    assert not (found.pack / "dialogues" / "a01.jsonl").exists()
    assert "我周二半夜给宝宝拍的拉拉裤" not in learned
    assert any("我周二半夜给宝宝拍的拉拉裤" in one.text for one in found.held_out)


def test_everybody_is_tried_on_the_same_rows() -> None:
    rows = [row(str(number)) for number in range(100)]

    assert split.sample(rows, 10) == split.sample(rows, 10)
    assert len(split.sample(rows, 1000)) == 100


def test_of_two_intents_either_is_right_and_languages_are_told_apart() -> None:
    rows = [row("a", "en", "order.cancel", "refund.status"), row("b", "en"), row("c", "zh"), row("d", "zh")]
    found = split.score(rows, ["refund.status", "order.place", "chat.greeting", "chat.greeting"])

    assert found == {"rows": 4, "all": 0.75, "en": 0.5, "zh": 1.0}


def test_a_request_of_the_inference_protocol_is_laid_out_as_specified() -> None:
    assert inference.request(["hi"]) == (
        b"\x0a\x07intents"  # model_name = 1
        b"\x2a\x17"  # inputs = 5
        b"\x0a\x04text"  # name = 1
        b"\x12\x05BYTES"  # datatype = 2
        b"\x1a\x02\x01\x01"  # shape = 3
        b"\x2a\x04\x42\x02hi"  # contents = 5, bytes_contents = 8
    )


def test_intents_are_read_from_the_output_of_that_name() -> None:
    output = b"\x0a\x06intent\x12\x05BYTES\x1a\x02\x02\x01\x2a\x06\x42\x01a\x42\x01b"

    assert inference.intents(b"\x0a\x07intents\x2a" + bytes([len(output)]) + output) == ["a", "b"]


def test_why_something_does_not_install_is_what_pip_says_without_its_warnings() -> None:
    said = "WARNING: no cache\nERROR: No matching distribution found for rasa\n[notice] a new pip\n"

    assert venv.reason(said) == "No matching distribution found for rasa"
    assert venv.reason("WARNING: no cache\n") == "pip gave no reason"


def test_that_the_newest_release_wants_another_python_is_told() -> None:
    said = (
        "ERROR: Ignored the following versions that require a different python version: "
        "3.6.9 Requires-Python <3.11,>=3.7; 3.6.21 Requires-Python <3.11,>=3.8; 3.7.0 Requires-Python <3.10\n"
        "ERROR: No matching distribution found for rasa>=3\n"
    )

    assert venv.reason(said) == (
        f"No matching distribution found for rasa>=3; 3.7.0 wants Python <3.10, this is {platform.python_version()}"
    )


@asynccontextmanager
async def web(status: str = "200 OK") -> AsyncIterator[tuple[str, list[int]]]:
    """A server that answers each text with itself; its address, and how many connections there were."""
    connections: list[int] = []
    tasks: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        tasks.add(asyncio.current_task())
        with closing(writer):
            while head := await reader.readuntil(b"\r\n\r\n"):
                size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                body = json.dumps({"intents": json.loads(await reader.readexactly(size))["texts"]}).encode()
                writer.write(f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", connections
    finally:
        server.close()
        for task in filter(None, tasks):
            task.cancel()
        await asyncio.gather(*filter(None, tasks), return_exceptions=True)


async def test_a_web_service_is_asked_over_kept_connections() -> None:
    async with web() as (address, connections), asking.over_http(address) as ask:
        assert await ask(["退款", "hello"]) == ["退款", "hello"]
        assert await asyncio.gather(*(ask([name]) for name in "ab")) == [["a"], ["b"]]

    assert len(connections) == 2


async def test_a_web_service_that_fails_is_named_with_its_status() -> None:
    async with web("500 Oops") as (address, _), asking.over_http(address) as ask:
        with pytest.raises(BenchmarkError, match="500"):
            await ask(["hi"])


async def test_everybody_is_asked_every_way_with_the_same_texts() -> None:
    asked: dict[str, list[str]] = {"one": [], "other": []}

    def runner(name: str) -> Runner:
        async def ask(texts: Sequence[str]) -> list[str]:
            asked[name] += texts
            await asyncio.sleep(0.001)
            return list(texts)

        return Runner(name=name, ask=ask, services=[], start_seconds=1.0, idle_rss_mb=1.0)

    def texts() -> Iterator[str]:
        return map(str, iter(range(10**9)))

    runners = [runner(name) for name in asked]
    await race.race(runners, texts, 0.01, lambda _: None)
    found: dict[str, Any] = race.summarize(runners[0])

    assert list(found) == ["alone", "single", "batch"]
    assert found["batch"]["messages"] % split.FRAME == 0 < found["batch"]["messages_per_second"]
    assert asked["one"][:3] == asked["other"][:3] == ["0", "1", "2"]


def test_the_table_has_a_line_for_each_and_says_what_did_not_run() -> None:
    way = {"messages_per_second": 100.0, "p50_ms": 1.0, "p99_ms": 2.0, "cpu_us_per_message": 300.0}
    slow = way | {"messages_per_second": 10.0, "cpu_us_per_message": 3000.0}

    def entry(figures: dict[str, float]) -> dict[str, Any]:
        ways = dict.fromkeys(("alone", "single", "batch"), figures)
        right = {"rows": 10, "all": 0.9, "zh": 0.9}
        return {"ways": ways, "accuracy": right, "idle_rss_mb": 9.0, "rss_mb": 9.0, "start_seconds": 1.0}

    runners = {"yingda": entry(way), "mlserver": entry(slow)}
    ratios = {"mlserver": peers.ratio(runners["yingda"]["ways"], runners["mlserver"]["ways"])}
    found = table.render({"runners": runners, "ratios": ratios, "not_run": {"rasa": "does not install"}})

    assert "| mlserver | 10 | 10 | 1.0 | 2.0 | 2 | 3,000 | 3,000 | 9 | 9 | 1.0 | 90.0 | 90.0 |  |" in found
    assert "| mlserver | 10.0 | 10.0 | 10.0 | 10.0 |" in found
    assert "- rasa: does not install" in found


def test_a_name_that_no_peer_has_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        peers.main(["--only", "dialogflow"])

    assert "semantic-router-ours" in capsys.readouterr().err


@pytest.mark.slow
def test_what_pip_cannot_find_is_refused_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"does not install: .*no-such-folder"):
        venv.make(tmp_path / "peer", ["./no-such-folder"], lambda _: None)


@pytest.mark.slow
def test_our_own_part_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = (
        ROOT / "models" / "bundles" / "ecommerce"
    )  # which has read these texts: its accuracy says nothing here
    monkeypatch.setattr(ours, "learn", lambda *_: bundle)
    words = ["--only", "yingda", "--seconds", "0.1", "--rows", "40", "--work", str(tmp_path)]

    assert peers.main(words) == 0
    report = json.loads(capsys.readouterr().out)
    mine = report["runners"]["yingda"]
    assert mine["accuracy"]["rows"] == 40
    assert mine["ways"]["batch"]["messages"] >= split.FRAME
    assert mine["start_seconds"] > 0
    assert report["not_run"] == {}

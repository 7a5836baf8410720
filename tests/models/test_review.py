from __future__ import annotations

import csv
import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.active import Pick, Why
from models.errors import InputError
from models.review.labels import Labels
from models.review.server import TOKEN_HEADER, ReviewServer

TEXTS = ["<b>where</b>", "早餐, 几点？", 'a "quoted" one']
PICKS = [Pick(text=text, lang="en", why=Why.NEW, suggested=("a", "b"), confidence=0.5) for text in TEXTS]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "my.csv"


@pytest.fixture
def server(data: Path) -> Iterator[ReviewServer]:
    with ReviewServer(PICKS, ["a", "b"], Labels(data, PICKS)) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def call(
    server: ReviewServer, method: str, path: str, body: object = None, **headers: str
) -> tuple[int, str]:
    """Status and body of a call as the page makes it; headers are replaced by name."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    given = {TOKEN_HEADER: server.token, "Origin": server.origin}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    data = None if body is None else json.dumps(body)
    connection.request(method, path, data, {name: value for name, value in given.items() if value})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def rows(data: Path) -> list[dict[str, str]]:
    with data.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_a_label_is_in_the_file_at_once(server: ReviewServer, data: Path) -> None:
    status, _ = call(server, "POST", "/label", {"number": 1, "intent": "b"})

    assert status == 200
    assert rows(data) == [{"text": "早餐, 几点？", "intent": "b", "lang": "en"}]


def test_a_label_can_be_changed_and_taken_back(server: ReviewServer, data: Path) -> None:
    for number, intent in ((0, "a"), (2, "a"), (0, "new.one")):
        call(server, "POST", "/label", {"number": number, "intent": intent})
    _, undone = call(server, "POST", "/undo", {})

    assert json.loads(undone) == {"number": 0}
    assert [row["text"] for row in rows(data)] == [TEXTS[2]]


def test_the_queue_tells_what_there_is_to_do(server: ReviewServer) -> None:
    _, text = call(server, "GET", "/queue")

    queue = json.loads(text)
    assert [pick["text"] for pick in queue["picks"]] == TEXTS
    assert queue["intents"] == ["a", "b"]


def test_the_page_loads_nothing_from_elsewhere_and_runs_nothing_but_its_own(server: ReviewServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    connection.request("GET", "/")
    answer = connection.getresponse()
    page = answer.read().decode()
    connection.close()

    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http://" not in page.replace("http://127.0.0.1", "")
    assert "innerHTML" not in page
    assert server.token not in page


@pytest.mark.parametrize("path", ["/queue", "/label", "/undo"])
@pytest.mark.parametrize(
    "headers",
    [
        {"X_Review_Token": ""},
        {"X_Review_Token": "guess"},
        {"Origin": "http://evil.example"},
        {"Host": "evil.example"},
    ],
    ids=["no token", "another token", "another site", "another name"],
)
def test_other_sites_can_neither_read_nor_write(
    server: ReviewServer, data: Path, path: str, headers: dict[str, str]
) -> None:
    method = "GET" if path == "/queue" else "POST"
    body = None if method == "GET" else {"number": 0, "intent": "a"}

    assert call(server, method, path, body, **headers) == (403, "")
    assert not data.exists()


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"number": 99, "intent": "a"},
        {"number": "0", "intent": "a"},
        {"number": 0, "intent": "a\nb"},
        {"number": 0, "intent": " "},
    ],
)
def test_a_call_that_means_nothing_keeps_nothing(server: ReviewServer, data: Path, body: object) -> None:
    assert call(server, "POST", "/label", body)[0] == 400
    assert not data.exists()


def test_the_file_keeps_its_rows_and_its_columns(data: Path) -> None:
    data.write_text("skill,text,intent\ndesk,hello,a", encoding="utf-8")
    Labels(data, PICKS).give(0, "b")

    assert rows(data) == [
        {"skill": "desk", "text": "hello", "intent": "a"},
        {"skill": "", "text": "<b>where</b>", "intent": "b"},
    ]


def test_a_file_of_something_else_is_left_alone(data: Path) -> None:
    data.write_text("a,b\n", encoding="utf-8")

    with pytest.raises(InputError, match="must name text and intent"):
        Labels(data, PICKS)

"""A real HTTP server of the tests' own, which remembers what it was asked."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What came in; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


Answer = Callable[[Request], tuple[int, object]]  # status and what goes into the body as JSON


@dataclass(kw_only=True)
class Receiver:
    """Answers the next of `answers`, else 200; or whatever `answer` says."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    headers: Mapping[str, str] = field(default_factory=dict)
    answer: Answer | None = None
    delay: float = 0.0

    def take(self, request: Request) -> tuple[int, object]:
        self.requests.append(request)
        time.sleep(self.delay)
        if self.answer:
            return self.answer(request)
        return (self.answers.pop(0) if self.answers else 200), {}


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver at 127.0.0.1."""
    receiver, lock = Receiver(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            request = Request(
                method=self.command,
                path=self.path,
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(size),
            )
            with lock:
                status, said = receiver.take(request)
            data = json.dumps(said).encode()
            with contextlib.suppress(ConnectionError):  # whoever asked may have gone
                self._say(status, data)

        def _say(self, status: int, data: bytes) -> None:
            self.send_response(status)
            for name, value in {**receiver.headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = _any  # noqa: N815  # as http.server names them

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()

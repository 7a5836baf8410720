"""Serves the page to this machine alone.

A page of another site can neither read nor write: every call but the page itself must bear a token that only the
printed address holds, behind its #, and name this very host, so that no other name can lead here.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Final

from models.active import Pick
from models.review.labels import Labels

HOST: Final = "127.0.0.1"
TOKEN_HEADER: Final = "X-Review-Token"
_LONGEST: Final = 4096  # bytes of a call


class ReviewServer(ThreadingHTTPServer):
    """One sitting; `address` is what to open."""

    daemon_threads = True

    def __init__(self, picks: Sequence[Pick], intents: Sequence[str], labels: Labels, port: int = 0) -> None:
        super().__init__((HOST, port), _Handler)
        self.picks = picks
        self.intents = intents
        self.labels = labels
        self.token = secrets.token_urlsafe(24)

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"http://{HOST}:{self.server_address[1]}"

    @property
    def address(self) -> str:
        """With the token, which browsers do not send and nothing logs."""
        return f"{self.origin}/#{self.token}"


class _Handler(BaseHTTPRequestHandler):
    server: ReviewServer
    protocol_version = "HTTP/1.1"
    timeout = 30  # seconds

    def do_GET(self) -> None:  # the name is http.server's
        if not self._is_meant_for_us():
            self._refuse(403)
        elif self.path == "/":
            self._page()
        elif self.path == "/queue" and self._has_token():
            picks = [asdict(pick) for pick in self.server.picks]
            self._say(
                {"picks": picks, "intents": list(self.server.intents), "given": self.server.labels.given}
            )
        else:
            self._refuse(404 if self._has_token() else 403)

    def do_POST(self) -> None:
        actions: dict[str, Callable[[Mapping[str, object]], object]] = {
            "/label": self._label,
            "/undo": self._undo,
        }
        length = int(self.headers.get("Content-Length") or 0)
        action = actions.get(self.path)
        if not (self._is_meant_for_us() and self._has_token()):
            self._refuse(403)
        elif action is None or length > _LONGEST:
            self._refuse(404)
        else:
            try:
                self._say(action(json.loads(self.rfile.read(length) or b"{}")))
            except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
                self._refuse(400)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: what is labelled is customers' text."""

    def _label(self, call: Mapping[str, object]) -> object:
        number = call["number"]
        if not isinstance(number, int):
            raise TypeError("number")
        self.server.labels.give(number, str(call["intent"]))
        return {"given": len(self.server.labels.given)}

    def _undo(self, _call: Mapping[str, object]) -> object:
        return {"number": self.server.labels.take_back()}

    def _is_meant_for_us(self) -> bool:
        origin = self.headers.get("Origin")
        return self.headers.get("Host") == self.server.origin.removeprefix("http://") and (
            origin is None or origin == self.server.origin
        )

    def _has_token(self) -> bool:
        given = self.headers.get(TOKEN_HEADER, "")
        return hmac.compare_digest(given.encode(), self.server.token.encode())

    def _page(self) -> None:
        nonce = secrets.token_urlsafe(16)
        page = (
            files("models.review").joinpath("page.html").read_text(encoding="utf-8").replace("NONCE", nonce)
        )
        policy = (
            f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        self._send(200, "text/html; charset=utf-8", page.encode(), {"Content-Security-Policy": policy})

    def _say(self, content: object) -> None:
        self._send(200, "application/json", json.dumps(content, ensure_ascii=False).encode(), {})

    def _refuse(self, status: int) -> None:
        self.close_connection = True
        self._send(status, "text/plain", b"", {"Connection": "close"})

    def _send(self, status: int, kind: str, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            **headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

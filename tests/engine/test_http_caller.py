from __future__ import annotations

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from engine import http_caller, http_connection
from engine.http_call import Call, CallError
from engine.http_caller import Caller

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass(slots=True)
class Host:
    """A server that gives these answers, one a request, and says nothing where there are no more.

    b"" closes the connection instead.
    """

    answers: list[bytes]
    url: str = ""
    requests: list[bytes] = field(default_factory=list)
    connections: list[asyncio.StreamWriter] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(writer)
        try:
            while True:
                self.requests.append(await reader.readuntil(b"\r\n\r\n"))
                if self.answers:
                    answer = self.answers.pop(0)
                    writer.write(answer)
                    if not answer:
                        return
        except (asyncio.IncompleteReadError, OSError):
            self.gone.set()
        finally:
            writer.close()

    def call(self, *, repeatable: bool = True, timeout: float = 5.0) -> Call:
        return Call(
            method="GET", url=self.url, headers={}, timeout=timeout, private=True, repeatable=repeatable
        )


@asynccontextmanager
async def hosting(*answers: bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[Host, Caller]]:
    host, caller = Host(list(answers)), Caller()
    server = await asyncio.start_server(host.handle, "127.0.0.1", 0, ssl=tls)
    host.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}/a?b=c"
    yield host, caller
    caller.close()
    server.close()
    await asyncio.sleep(0)


async def test_calls_one_after_the_other_share_a_connection() -> None:
    async with hosting(OK, OK) as (host, caller):
        answers = [await caller.send(host.call()) for _ in range(2)]

        assert [(one.status, one.body) for one in answers] == [(200, b"ok")] * 2
        assert len(host.connections) == 1
        assert host.requests[0].startswith(b"GET /a?b=c HTTP/1.1\r\nhost: 127.0.0.1:")


async def test_calls_at_the_same_time_have_connections_of_their_own() -> None:
    async with hosting(OK, OK, OK, OK) as (host, caller):
        for _ in range(2):
            await asyncio.gather(*(caller.send(host.call()) for _ in range(2)))

        assert len(host.connections) == 2


async def test_what_may_not_come_twice_goes_by_a_connection_of_its_own() -> None:
    async with hosting(OK, OK) as (host, caller):
        await caller.send(host.call())
        await caller.send(host.call(repeatable=False))

        assert len(host.connections) == 2
        assert b"connection: close" in host.requests[1]


@pytest.mark.parametrize("closed_in", ["time", "the middle of the call"])
async def test_a_kept_connection_that_was_closed_is_replaced(closed_in: str) -> None:
    answers = (OK, OK) if closed_in == "time" else (OK, b"", OK)
    async with hosting(*answers) as (host, caller):
        await caller.send(host.call())
        if closed_in == "time":
            host.connections[0].close()
        answer = await caller.send(host.call())

        assert (answer.body, len(host.connections)) == (b"ok", 2)


async def test_a_new_connection_that_is_closed_is_no_answer() -> None:
    async with hosting(b"") as (host, caller):
        with pytest.raises(CallError, match="closed without an answer"):
            await caller.send(host.call())


async def test_bytes_that_nobody_asked_for_answer_nobody() -> None:
    async with hosting(OK, OK) as (host, caller):
        await caller.send(host.call())
        host.connections[0].write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
        await asyncio.wait_for(host.gone.wait(), 5)
        answer = await caller.send(host.call())

        assert (answer.body, len(host.connections)) == (b"ok", 2)


async def test_who_is_given_up_leaves_no_connection_to_others() -> None:
    async with hosting() as (host, caller):
        with pytest.raises(CallError, match="did not answer: timed out"):
            await caller.send(host.call(timeout=0.05))
        await asyncio.wait_for(host.gone.wait(), 5)
        host.answers.append(OK)

        assert (await caller.send(host.call())).body == b"ok"


async def test_nobody_uses_a_connection_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_caller, "IDLE", 0.01)
    async with hosting(OK) as (host, caller):
        await caller.send(host.call())

        await asyncio.wait_for(host.gone.wait(), 5)


async def test_a_name_is_looked_up_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    async with hosting(OK, OK) as (host, caller):
        await caller.send(host.call())
        monkeypatch.setattr(http_caller, "AGE", -1.0)
        await caller.send(host.call())

        assert len(host.connections) == 2


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("http://127.0.0.1:9/a b", {}),
        ("http://127.0.0.1:9/ä", {}),
        ("http://127.0.0.1:9/", {"A": "b\r\nC: d"}),
        ("http://127.0.0.1:9/", {"A: b\r\nC": "d"}),
        ("http://127.0.0.1:9/", {"A": "漢"}),
        ("ftp://127.0.0.1:9/", {}),
        ("http://127.0.0.1:nine/", {}),
    ],
)
async def test_what_is_no_single_request_is_not_sent(url: str, headers: dict[str, str]) -> None:
    with pytest.raises(CallError, match=r"does not allow|is no address"):
        await Caller().send(Call(method="GET", url=url, headers=headers, private=True))


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server of 127.0.0.1 says it is by, and what a caller believes it by."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "both.pem"
    form = serialization.PrivateFormat.PKCS8
    private = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=str(path))


async def test_by_tls_whoever_proves_the_name_is_asked_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, trust = certificate(tmp_path)
    monkeypatch.setattr(http_connection, "_trust", lambda: trust)
    async with hosting(OK, OK, tls=server) as (host, caller):
        answers = [await caller.send(host.call()) for _ in range(2)]

        assert [one.body for one in answers] == [b"ok", b"ok"]
        assert len(host.connections) == 1


async def test_by_tls_whoever_does_not_is_told_nothing(tmp_path: Path) -> None:
    server, _ = certificate(tmp_path)
    async with hosting(OK, tls=server) as (host, caller):
        with pytest.raises(CallError, match=r"did not answer: .*certificate verify failed"):
            await caller.send(host.call())

        assert host.requests == []

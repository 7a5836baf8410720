"""Lost streams, refused calls, slow handlers and TLS."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Awaitable, Callable

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from yingda.bot import BotConfig, ChatBot, ChatMessage
from yingda.v1 import event_pb2

from tests.fakes import FieldValue
from tests.sdk.bot.fake_gateway import FakeGateway, heard, serving_bots
from tests.sdk.bot.serving import until


def make_bot(
    address: str, handler: Callable[[ChatMessage], Awaitable[object]], **changes: FieldValue
) -> ChatBot:
    bot = ChatBot(BotConfig(target=address, bot_id="bot", **changes))
    bot.on_message(handler)
    return bot


async def serve_until(bot: ChatBot, is_so: Callable[[], bool]) -> None:
    """Run the bot until something is so, then stop it."""

    async def so() -> bool:
        return is_so()

    serving = asyncio.create_task(bot.serve())
    await until(so)
    bot.stop()
    await asyncio.wait_for(serving, 20)


async def test_a_broken_stream_is_resumed_behind_what_is_done_and_nothing_is_begun_twice() -> None:
    gateway = FakeGateway(*(heard(number) for number in range(1, 7)))
    gateway.break_after = 4
    seen: list[str] = []

    async def note(message: ChatMessage) -> None:
        seen.append(message.text)

    async with serving_bots(gateway) as address:
        await serve_until(make_bot(address, note), lambda: len(seen) == 6)

    assert seen == ["1", "2", "3", "4", "5", "6"]
    assert [one.acknowledged_sequence for one in gateway.firsts] == [0, 4]
    assert gateway.acknowledged[-1] == 6


async def test_what_is_under_way_when_a_stream_breaks_is_not_begun_again() -> None:
    gateway = FakeGateway(*(heard(number, f"c{number}") for number in range(1, 4)))
    gateway.break_after = 2
    seen: list[str] = []
    release = asyncio.Event()

    async def hold(message: ChatMessage) -> None:
        seen.append(message.text)
        if message.text == "3":
            release.set()
        await release.wait()

    async with serving_bots(gateway) as address:
        await serve_until(make_bot(address, hold), lambda: gateway.acknowledged[-1:] == [3])

    assert sorted(seen) == ["1", "2", "3"]
    assert [one.acknowledged_sequence for one in gateway.firsts] == [0, 0]


async def test_a_call_that_the_service_could_not_take_is_made_until_it_can() -> None:
    gateway = FakeGateway(heard(1))
    gateway.refuse_replies = 2
    failed: list[event_pb2.Event] = []

    async def answer(message: ChatMessage) -> None:
        await message.reply("yes")

    async with serving_bots(gateway) as address:
        bot = make_bot(address, answer, attempts=1)
        bot.on_failure(lambda event, _: failed.append(event))
        await serve_until(bot, lambda: gateway.acknowledged == [1])

    assert (gateway.replies, failed) == (["yes"], [])


async def test_a_handler_that_takes_too_long_is_given_up() -> None:
    gateway = FakeGateway(heard(1), heard(2))
    failed: list[tuple[int, str]] = []

    async def hang(message: ChatMessage) -> None:
        if message.text == "1":
            await asyncio.Event().wait()

    async with serving_bots(gateway) as address:
        bot = make_bot(address, hang, attempts=1, handler_timeout=0.1)
        bot.on_failure(lambda event, error: failed.append((event.sequence, type(error).__name__)))
        await serve_until(bot, lambda: gateway.acknowledged[-1:] == [2])

    assert failed == [(1, "TimeoutError")]


async def test_the_first_request_says_what_the_bot_wants() -> None:
    gateway = FakeGateway()

    async def note(_: ChatMessage) -> None: ...

    async with serving_bots(gateway) as address:
        bot = make_bot(address, note, tenant="shop", window=7, from_start=True)
        await serve_until(bot, lambda: bool(gateway.firsts))

    (first,) = gateway.firsts
    assert (first.tenant, first.bot_id, first.window, first.from_start) == ("shop", "bot", 7, True)
    assert list(first.kinds) == ["message_received"]


async def test_a_bot_speaks_tls() -> None:
    key, certificate = self_signed()
    gateway = FakeGateway(heard(1))

    async def answer(message: ChatMessage) -> None:
        await message.reply("yes")

    async with serving_bots(gateway, grpc.ssl_server_credentials([(key, certificate)])) as address:
        bot = make_bot(address, answer, credentials=grpc.ssl_channel_credentials(certificate), token="t")
        await serve_until(bot, lambda: gateway.replies == ["yes"])

    assert gateway.replies == ["yes"]


def self_signed() -> tuple[bytes, bytes]:
    """A key and a certificate of localhost, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private, certificate.public_bytes(serialization.Encoding.PEM)

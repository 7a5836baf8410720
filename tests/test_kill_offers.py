"""An engine is killed with offers open: each is made again, or taken, within two leases, and none twice."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from yingda import Client, YingdaError
from yingda.v1 import agent_pb2, conversation_pb2, event_pb2

from tests.engine.stores.redis_server import redis_server, redis_url  # noqa: F401
from tests.processes import Service

pytestmark = pytest.mark.slow

LEASE = 10.0  # seconds, of an offer and of a presence; enough for an engine to start again on a busy machine
OFFERS = 12
AGENTS = ("ann", "ben", "cat")
OFFERED = conversation_pb2.CONVERSATION_STATE_OFFERED
ASSIGNED = conversation_pb2.CONVERSATION_STATE_ASSIGNED


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Gateways' addresses; `crash` kills the engine behind the first, and `after` is served from then on."""

    before: str
    after: str
    crash: Callable[[], object]


class Services:
    """Starts engines and gateways in a folder, and kills all of them in the end."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._config = folder / "yingda.toml"
        policy = f'[engine.policy."*"]\nauto_accept = false\noffer_seconds = {LEASE}\n'
        self._config.write_text(policy, encoding="utf-8")

    def engine(self, name: str, *options: str) -> Service:
        """One that serves."""
        data = str(self._folder / name)
        return self._start(f"engine-{name}", "engine", "--data-dir", data, *options)[0]

    def gateway(self, name: str) -> str:
        """The address of one before that engine."""
        socket = f"unix:{self._folder / name / 'engine.sock'}"
        options = ("--engine", socket, "--tenant", "shop", "--listen", "127.0.0.1:0")
        return self._start(f"gateway-{name}", "gateway", *options)[1]

    def _start(self, log: str, kind: str, *options: str) -> tuple[Service, str]:
        service = Service(kind, self._folder / f"{log}.log", "--config", str(self._config), *options)
        self._stack.callback(service.kill)
        return service, service.start()


def restart(engine: Service) -> None:
    engine.kill()
    engine.start()


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with ExitStack() as stack:
        yield Services(tmp_path, stack)


@pytest.fixture
def embedded_desk(services: Services) -> Desk:
    """One engine, which is started again."""
    engine = services.engine("one")
    address = services.gateway("one")
    return Desk(before=address, after=address, crash=partial(restart, engine))


@pytest.fixture
def shared_desk(services: Services, redis_url: str) -> Desk:  # noqa: F811
    """Two engines on one Redis, of which one is not started again."""
    engine = services.engine("one", "--store", redis_url)
    services.engine("two", "--store", redis_url)
    return Desk(before=services.gateway("one"), after=services.gateway("two"), crash=engine.kill)


async def hire(client: Client) -> None:
    """Nobody renews the last one's lease."""
    for name in AGENTS:
        await client.put_agent(agent_pb2.Agent(agent_id=name, skills={"logistics": 3}, capacity=OFFERS))
        await client.set_presence(name, agent_pb2.PRESENCE_ONLINE, lease=LEASE if name == "cat" else 0)


async def make_offers(client: Client) -> dict[str, str]:
    """The reservation of each of as many conversations."""
    answers = [await client.send("where is my parcel", customer_id=f"cu{n}") for n in range(OFFERS)]
    return {one.conversation_id: one.assignment.reservation_id for one in answers}


async def is_settled(client: Client, conversation_id: str, reservation_id: str) -> bool:
    """Whether the offer was taken or another one was made; Ann takes what is hers."""
    now = await client.conversation(conversation_id)
    if now.agent_id == "ann" and now.state == OFFERED:
        with contextlib.suppress(YingdaError):  # it may just have timed out
            now = await client.accept(now.reservation_id)
    return now.state == ASSIGNED or (now.state == OFFERED and now.reservation_id != reservation_id)


async def settle(client: Client, offers: dict[str, str], deadline: float) -> None:
    """Return once every offer is settled."""
    left = dict(offers)
    while left:
        assert time.monotonic() < deadline, (
            f"{len(left)} of {len(offers)} offers are neither made again nor taken"
        )
        for conversation_id, reservation_id in list(left.items()):
            if await is_settled(client, conversation_id, reservation_id):
                del left[conversation_id]
        await asyncio.sleep(0.05)


def check_offers(events: Sequence[event_pb2.Event]) -> None:
    """One offer after the other, each with a name of its own, and at most one taken."""
    made: list[str] = []
    taken: list[str] = []
    is_open = ""
    for event in events:
        answer = event.message_received.answer if event.HasField("message_received") else None
        assignment = answer.assignment if answer else event.conversation_assigned.assignment
        if assignment.reservation_id:
            assert not is_open, f"{assignment.reservation_id} was offered beside {is_open}"
            made.append(is_open := assignment.reservation_id)
        if event.HasField("reservation_ended"):
            assert (event.reservation_ended.reservation_id, taken) == (is_open, [])
            is_open = ""
        if event.HasField("reservation_accepted"):
            taken.append(event.reservation_accepted.reservation_id)
            assert taken == [is_open]
    assert len(set(made)) == len(made) > 0


@pytest.mark.parametrize("kind", ["embedded_desk", "shared_desk"])
async def test_offers_of_a_killed_engine_are_made_again_or_taken_in_time_and_once(
    request: pytest.FixtureRequest, kind: str
) -> None:
    desk: Desk = request.getfixturevalue(kind)
    async with Client(desk.before, tenant="shop", timeout=30) as client:
        await hire(client)
        offers = await make_offers(client)
        first, second, *_ = offers.values()
        await client.accept(first)
        underway = asyncio.create_task(client.accept(second))
        killed = time.monotonic()
        await asyncio.to_thread(desk.crash)
        underway.cancel()
    async with Client(desk.after, tenant="shop", timeout=30) as client:
        await settle(client, offers, killed + 2 * LEASE)

        held = [await client.conversation(one) for one in offers]
        for one in held:
            check_offers(await client.events(one.conversation_id))
        agents = {agent.agent_id: agent.load for agent in await client.agents()}
        assert agents == {name: sum(one.agent_id == name for one in held) for name in AGENTS}

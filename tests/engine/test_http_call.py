from __future__ import annotations

import pytest

from engine.http_call import MOST_READ, Call, CallError, is_public
from engine.http_caller import Caller
from tests.engine.workflow.receiver import receiving


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fc00::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
def test_an_address_of_a_private_network_is_told(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1"])
async def test_a_private_network_is_not_asked_however_it_is_written(host: str) -> None:
    with receiving() as receiver:
        port = receiver.url.rpartition(":")[2]
        with pytest.raises(CallError, match=r"private network|not known"):
            await Caller().send(Call(method="GET", url=f"http://{host}:{port}/", headers={}))

        assert receiver.requests == []


async def test_a_redirect_is_not_followed() -> None:
    with receiving() as receiver:
        receiver.answers, receiver.headers = [302], {"Location": f"{receiver.url}/elsewhere"}
        answer = await Caller().send(Call(method="GET", url=receiver.url, headers={}, private=True))

    assert answer.status == 302
    assert [one.path for one in receiver.requests] == ["/"]


async def test_an_endless_answer_is_cut_off() -> None:
    with receiving() as receiver:
        receiver.answer = lambda _: (200, "x" * (MOST_READ * 3))
        answer = await Caller().send(Call(method="GET", url=receiver.url, headers={}, private=True))

    assert len(answer.body) < MOST_READ * 2


async def test_a_host_that_is_none_is_said_to_be_so() -> None:
    with pytest.raises(CallError, match=r"nowhere\.invalid is not known"):
        await Caller().send(Call(method="GET", url="https://nowhere.invalid/", headers={}))

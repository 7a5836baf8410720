from __future__ import annotations

import argparse

import pytest
from yingda.cli import options, program
from yingda.v1.message_pb2 import CHANNEL_MINI_PROGRAM


def test_a_channel_is_named_without_its_prefix() -> None:
    assert options.channel("mini_program") == CHANNEL_MINI_PROGRAM


def test_an_unknown_channel_lists_the_known_ones() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="wechat"):
        options.channel("fax")


@pytest.mark.parametrize("name", ["", "Shop", "a b", "a" * 65, "店"])
def test_what_no_tenant_can_be_called_is_refused(name: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="no tenant name"):
        options.tenant_name(name)


@pytest.mark.parametrize("text", ["localhost:50051", "[::1]:1", "unix:/tmp/a.sock", "dns:///host:1"])
def test_a_target_is_what_grpc_connects_to(text: str) -> None:
    assert options.target(text) == text


@pytest.mark.parametrize("text", ["", "localhost", "a b:1", "host:port"])
def test_another_target_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="HOST:PORT"):
        options.target(text)


@pytest.mark.parametrize("text", ["0", "21", "-1", "x", "1.5", "٣", "9999999999"])
def test_a_number_outside_its_range_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="from 1 to 20"):
        options.between(1, 20)(text)


def test_a_token_that_no_header_can_carry_is_refused() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="ASCII"):
        options.token("line\nbreak")


def test_an_argument_that_is_no_text_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        program.run(["route", "\udcff"])

    assert ended.value.code == 2
    assert "not valid UTF-8" in capsys.readouterr().err

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError
from yingda.service.settings import SettingsError, load

from engine.settings import EngineSettings
from gateway.settings import GatewaySettings


def engine(
    file: Path | None = None, environ: dict[str, str] | None = None, **flags: object
) -> EngineSettings:
    return load(EngineSettings, section="engine", file=file, environ=environ or {}, flags=flags)


def gateway(environ: dict[str, str] | None = None, **flags: object) -> GatewaySettings:
    return load(GatewaySettings, section="gateway", file=None, environ=environ or {}, flags=flags)


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "yingda.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults_hold_where_nothing_is_said() -> None:
    assert engine().data_dir == Path("data")
    assert gateway().listen == "127.0.0.1:50051"


def test_flags_win_over_the_environment_over_the_file_over_defaults(tmp_path: Path) -> None:
    file = write(tmp_path, '[engine]\nsync = "full"\ngrace = 1\nlisten = "a:1"\ndata_dir = "f"\n')
    environ = {"YINGDA_ENGINE__GRACE": "2", "YINGDA_ENGINE__LISTEN": "b:2", "OTHER": "x"}
    found = engine(file, environ, listen="c:3", bundle=None)

    assert (found.sync, found.grace, found.listen) == ("full", 2.0, "c:3")
    assert found.data_dir == Path("f")


def test_a_services_table_is_its_own(tmp_path: Path) -> None:
    file = write(tmp_path, '[gateway]\nlisten = "x:1"\n[other]\na = 1\n')

    assert engine(file) == EngineSettings()


def test_lists_and_tables_of_the_environment_are_json() -> None:
    found = gateway(
        {
            "YINGDA_GATEWAY__TENANTS": '["a", "b"]',
            "YINGDA_GATEWAY__TOKENS": '{"0123456789abcdef": "a"}',
        }
    )

    assert (found.tenants, found.tokens) == (["a", "b"], {"0123456789abcdef": "a"})


def test_weights_can_be_set_one_by_one() -> None:
    policy = '{"shop": {"weights": {"language": 2}}}'
    weights = engine(environ={"YINGDA_ENGINE__POLICY": policy}).policies().of("shop").weights

    assert (weights.language, weights.proficiency) == (2, 0.4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[engine]\nspeed = 1\n", "speed in {file}, [engine]: unknown setting; known are listen, data_dir"),
        ("[engine]\ngrace = -1\n", "grace in {file}, [engine]: Input should be greater than or equal to 0"),
        ("[engine]\nsync = 'fast'\n", "sync in {file}, [engine]: Input should be 'normal' or 'full'"),
        ("engine = 3\n", "{file}: engine must be a table; write [engine]"),
        ("engine", "{file} is not valid TOML: "),
        (
            "[engine.policy.shop.weights]\nluck = 1\n",
            "policy.shop.weights.luck in {file}, [engine]: unknown setting",
        ),
    ],
)
def test_a_bad_setting_is_named_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    file = write(tmp_path, text)

    with pytest.raises(SettingsError) as raised:
        engine(file)
    assert str(raised.value).startswith(message.format(file=file))


def test_an_unknown_setting_of_a_table_is_told_what_that_table_knows(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"known are proficiency, free_capacity, language, last_agent"):
        engine(write(tmp_path, "[engine.policy.shop.weights]\nluck = 1\n"))


def test_all_bad_settings_are_named_at_once(tmp_path: Path) -> None:
    file = write(tmp_path, "[engine]\nspeed = 1\ngrace = -1\n")

    with pytest.raises(SettingsError) as raised:
        engine(file, {"YINGDA_ENGINE__SYNC": "fast"}, listen=3)
    places = [line.split(":")[0] for line in str(raised.value).splitlines()]
    assert sorted(places) == [
        f"grace in {file}, [engine]",
        "listen in the command line",
        f"speed in {file}, [engine]",
        "sync in the environment",
    ]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cannot read .*none.toml: No such file.*--config"):
        engine(tmp_path / "none.toml")


def test_a_file_that_is_no_utf_8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "yingda.toml"
    path.write_bytes(b"\xff\xfe")

    with pytest.raises(SettingsError, match="is not valid TOML"):
        engine(path)


@pytest.mark.parametrize("listen", ["0.0.0.0:50051", ":50051", "[::]:1", "example.org:1", "10.0.0.1:1"])
def test_a_gateway_without_tokens_listens_at_home_only(listen: str) -> None:
    with pytest.raises(SettingsError, match="callers must prove who they are: set tokens, or listen on"):
        gateway(listen=listen)
    assert gateway(listen=listen, tokens={"0123456789abcdef": "a"}).listen == listen


@pytest.mark.parametrize(
    "listen", ["127.0.0.1:0", "127.1.2.3:1", "localhost:1", "[::1]:1", "unix:/tmp/g.sock"]
)
def test_at_home_a_gateway_needs_no_tokens(listen: str) -> None:
    assert gateway(listen=listen).listen == listen


def test_a_short_token_is_refused_without_being_shown() -> None:
    with pytest.raises(SettingsError) as raised:
        gateway({"YINGDA_GATEWAY__TOKENS": '{"s3cret-token": "a", "another-secret-token": "b"}'})

    assert "tokens in the environment: a token must have at least 16 characters" in str(raised.value)
    assert "secret" not in str(raised.value)
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize("tokens", ['"s3cret"', '["s3cret"]', '{"s3cret-0123456789abcdef": 7}'])
def test_tokens_of_a_wrong_shape_are_refused_without_being_shown(tokens: str) -> None:
    with pytest.raises(SettingsError) as raised:
        gateway({"YINGDA_GATEWAY__TOKENS": tokens})

    assert "tokens" in str(raised.value)
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize("model", [EngineSettings, GatewaySettings])
def test_every_model_refuses_what_it_does_not_know(model: type[BaseModel]) -> None:
    with pytest.raises(ValidationError):
        model.model_validate({"nothing": 1})

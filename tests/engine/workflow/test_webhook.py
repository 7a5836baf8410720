from __future__ import annotations

from pathlib import Path

import pytest
from yingda.service.settings import SettingsError, load

from engine.settings import EngineSettings
from engine.workflow.webhook import Webhook, Webhooks
from tests.fakes import FieldValue

SECRET = "whsec_dGhpcyBpcyBhIHNlY3JldCBvZiAzMiBieXRlcy4u"


def settings(tmp_path: Path, **fields: FieldValue) -> EngineSettings:
    """As read from a file."""
    whole: dict[str, FieldValue] = {"url": "https://crm.example/x", "secret": SECRET}
    lines = [f"{name} = {_toml(value)}" for name, value in (whole | fields).items()]
    file = tmp_path / "engine.toml"
    file.write_text("[engine.webhooks.crm]\n" + "\n".join(lines), encoding="utf-8")
    return load(EngineSettings, section="engine", file=file, environ={}, flags={})


def _toml(value: FieldValue) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


def test_a_webhook_is_read_under_its_name_and_hides_its_secret(tmp_path: Path) -> None:
    found = settings(tmp_path, events=["ticket.opened"], timeout=5)

    assert found.webhooks["crm"].name == "crm"
    assert found.webhooks["crm"].events == ("ticket.opened",)
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"url": "http://crm.example/"}, r"crm\.url: must be https://HOST/…; http only with private = true"),
        ({"url": "https://me:pw@crm.example/"}, r"crm\.url: must hold neither a name and password"),
        ({"url": "file:///etc/passwd", "private": True}, r"crm\.url: must be https"),
        ({"secret": "short"}, r"crm\.secret: must be 16 or more bytes"),
        ({"secret": "whsec_###"}, r"crm\.secret: must be 16 or more bytes"),
        ({"events": ["ticket.opend"]}, r"crm\.events: ticket\.opend is none; known are ticket\.opened"),
        ({"format": "zammad", "token": ""}, r"crm\.token: is required"),
        ({"format": "zammad", "token": "t"}, r"crm\.customer: is required"),
        ({"format": "jira"}, r"crm\.format: "),
        ({"timeout": 0}, r"crm\.timeout: .* greater than 0"),
        ({"secert": "x"}, r"crm\.secert: .* known are url, format, secret"),
    ],
)
def test_a_bad_webhook_stops_the_start_with_its_key_and_without_its_secret(
    tmp_path: Path, fields: dict[str, FieldValue], problem: str
) -> None:
    with pytest.raises(SettingsError, match=problem) as found:
        settings(tmp_path, **fields)
    assert SECRET not in str(found.value)
    assert "pw@" not in str(found.value)


def test_a_webhook_is_known_only_to_its_tenants() -> None:
    one = Webhook(name="a", url="https://a.example", secret=SECRET, tenants=("shop",), events=("rule.fired",))
    webhooks = Webhooks([one])

    assert (webhooks.named("shop", "a"), webhooks.named("other", "a")) == (one, None)
    assert (webhooks.listening("shop", "rule.fired"), webhooks.listening("other", "rule.fired")) == (
        ["a"],
        [],
    )
    assert webhooks.names("other") == []

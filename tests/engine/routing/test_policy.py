from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from yingda.service.settings import SettingsError, load

from engine.routing.policy import Policy, Weights
from engine.settings import EngineSettings


def read(tmp_path: Path, text: str) -> EngineSettings:
    file = tmp_path / "yingda.toml"
    file.write_text(text, encoding="utf-8")
    return load(EngineSettings, section="engine", file=file, environ={}, flags={})


def test_equal_policies_have_equal_versions_and_others_do_not() -> None:
    changed = Policy(weights=Weights(language=0.8))

    assert Policy().version == Policy().version
    assert changed.version != Policy().version


def test_a_tenant_without_a_policy_has_that_of_all_others(tmp_path: Path) -> None:
    policies = read(
        tmp_path,
        '[engine.policy."*"]\nsla = 5\n[engine.policy.shop]\nweights.language = 0.1\n',
    ).policies()

    assert policies.of("shop") == Policy(weights=Weights(language=0.1))
    assert policies.of("any") == Policy(sla=5)
    assert policies.of("any") is policies.of("other")


def test_channels_are_named_and_their_units_are_chats(tmp_path: Path) -> None:
    text = "[engine.policy.shop.channel_units]\nemail = 0.5\nwhatsapp = 0\n"

    policy = read(tmp_path, text).policies().of("shop")

    assert policy.units(6, 300) == 50
    assert policy.units(8, 300) == 300
    assert policy.units(1, 300) == 100


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[engine.policy.shop]\nweights.language = -1\n", "policy.shop.weights.language"),
        ("[engine.policy.shop]\nweights.langage = 1\n", "policy.shop.weights.langage"),
        ("[engine.policy.shop]\nmin_proficiency = 6\n", "policy.shop.min_proficiency"),
        ("[engine.policy.shop]\nsla = 0\n", "policy.shop.sla"),
        ("[engine.policy.shop]\nrelax_at = [0.5, 1]\n", "policy.shop.relax_at"),
        ("[engine.policy.shop.channel_units]\npigeon = 1\n", "channel_units: pigeon"),
        ("[engine.policy.shop.channel_units]\nemail = -0.5\n", "channel_units.email"),
        ("[engine.policy.shop.channel_units]\nemail = 0.004\n", "channel_units.email"),
        ('[engine.policy.shop.channel_units]\nemail = "half"\n', "channel_units.email"),
    ],
)
def test_a_bad_value_is_refused_with_its_key(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read(tmp_path, text)

    assert key in str(refused.value)


def test_steps_of_the_ladder_come_at_shares_of_the_target_time() -> None:
    policy = replace(Policy(), sla=10.0, relax_at=(0.25, 0.5, 0.75, 1.0))

    assert [policy.relax_ms(step) for step in (1, 2, 3, 4)] == [150_000, 300_000, 450_000, 600_000]

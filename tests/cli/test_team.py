from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
from yingda.cli import team
from yingda.cli.errors import CommandError


def test_the_sample_team_has_skills_and_places() -> None:
    agents = {agent.agent_id: agent for agent in team.sample_team()}

    assert agents["lin"].skills["presale"] == 5
    assert agents["hao"].languages == ["zh", "en"]
    assert all(agent.capacity for agent in agents.values())


def test_reading_it_imports_no_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "models", raising=False)
    team.sample_team()

    assert "models" not in sys.modules


def test_without_pyyaml_the_server_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)

    with pytest.raises(CommandError, match="pip install yingda-server"):
        team.sample_team()


def test_without_the_pack_the_server_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(team, "find_spec", lambda _: None)

    with pytest.raises(CommandError, match="pip install yingda-server"):
        team.sample_team()


@pytest.mark.parametrize("text", ["agents: [", "agents: [3]", "agents: [{id: a, captivity: 3}]", "[]", ""])
def test_a_damaged_file_is_named(text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pack = tmp_path / "packs" / "ecommerce"
    pack.mkdir(parents=True)
    (pack / "agents.yaml").write_text(text)
    spec = ModuleSpec("models", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(team, "find_spec", lambda _: spec)

    with pytest.raises(CommandError, match=r"agents\.yaml"):
        team.sample_team()

"""The sample pack's agents, for trying things with."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from google.protobuf import json_format

from yingda.cli.errors import CommandError
from yingda.client import Client
from yingda.v1.agent_pb2 import PRESENCE_ONLINE, Agent


def sample_team() -> list[Agent]:
    """As the pack lists them. Raises: CommandError where the server is not installed or the file is not whole."""
    try:
        import yaml  # noqa: PLC0415  # only the server's installation brings it
    except ModuleNotFoundError:
        raise CommandError("the sample team needs PyYAML: pip install yingda-server") from None
    path = _path()
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))["agents"]
        return [_agent(one) for one in found]
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror}; install yingda-server again") from None
    except (yaml.YAMLError, json_format.ParseError, AttributeError, KeyError, TypeError) as error:
        raise CommandError(f"{path} is not a list of agents ({error}); install yingda-server again") from None


async def put_online(client: Client, agents: Sequence[Agent]) -> None:
    """Register them and let them take conversations."""
    for agent in agents:
        await client.put_agent(agent)
        await client.set_presence(agent.agent_id, PRESENCE_ONLINE)


def _path() -> Path:
    spec = find_spec("models")
    if spec is None or not spec.submodule_search_locations:
        raise CommandError("the sample team comes with the server: pip install yingda-server")
    return Path(spec.submodule_search_locations[0]) / "packs" / "ecommerce" / "agents.yaml"


def _agent(found: dict[str, object]) -> Agent:
    renamed = {"agent_id" if name == "id" else name: value for name, value in found.items()}
    return json_format.ParseDict(renamed, Agent())

"""The engine's settings: `[engine]` in the file, `YINGDA_ENGINE__…` in the environment, flags on the line."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator
from yingda.v1 import message_pb2

from engine.assist.slot import SlotType
from engine.customer.settings import CustomerSettings
from engine.errors import InvalidArgumentError
from engine.routing.policy import UNIT, FixedPolicies, Policy
from engine.workflow.webhook import Webhook

_WEBHOOK = TypeAdapter(Webhook)
OTHERS = "*"  # the name under which the policy of all tenants without one of their own stands


class EngineSettings(BaseModel):
    """What an engine needs to know."""

    model_config = ConfigDict(extra="forbid")

    listen: str = Field(default="", description='"host:port" or "unix:path"; empty: a socket in data_dir')
    data_dir: Path = Field(
        default=Path("data"), description="folder of the store and the socket; made if need be"
    )
    store: str = Field(
        default="",
        repr=False,  # it may hold a password
        description='"redis://host:port/0" or "redis+cluster://host:port,host:port"; empty: SQLite in data_dir',
    )
    wait_replicas: int = Field(
        default=0, ge=0, description="replicas of Redis that must have a commit before it is acknowledged"
    )
    sync: Literal["normal", "full"] = Field(
        default="normal",
        description="of SQLite; normal: commits survive a kill; full: also a loss of power",
    )
    bundle: Path | None = Field(default=None, description="folder of the bundle; none: the shipped one")
    reread_bundle: Path | None = Field(
        default=None,
        description="folder of a slower bundle with the same intents, for what the serving one is least certain of",
    )
    reread_share: float = Field(
        default=0.1, gt=0, le=0.9, description="share of messages that the slower bundle reads again, about"
    )
    reread_languages: list[Literal["zh", "en"]] = Field(
        default=["en"], description="languages in which the slower bundle reads again"
    )
    metrics: str = Field(
        default="", description='"host:port" on which Prometheus may read the metrics; empty: nowhere'
    )
    trusted_keys: list[str] = Field(
        default=[],
        description="public keys, base64, whose bundles may be activated; none: that of data_dir/signing.key",
    )
    pack: Path | None = Field(default=None, description="folder of the sample pack; none: the shipped one")
    rules: Path | None = Field(
        default=None, description="file of the rules that tenants start with; none: the pack's rules.toml"
    )
    remembered_texts: int = Field(
        default=8192,
        ge=0,
        description="texts whose reading is remembered for when they come again, at least 1024; 0: none",
    )
    retention: dict[str, Annotated[int, Field(ge=1)]] = Field(
        default_factory=dict,
        description="days after which customers' texts are taken out of the journal, by tenant; none: never",
    )
    grace: float = Field(default=10.0, ge=0, description="seconds that running calls get to end in")
    slots: dict[str, SlotType] = Field(
        default_factory=dict, description="slots of replies beside the built-in ones, and their types"
    )
    webhooks: dict[str, Webhook] = Field(
        default_factory=dict,
        repr=False,  # it holds secrets
        description="other systems that rules and tickets tell, by name; see docs/workflow.md",
    )
    customers: dict[str, CustomerSettings] = Field(
        default={},
        repr=False,  # it may hold tokens
        description='sources of customers\' data by tenant; "*" is for all others; see docs/customers.md',
    )
    sample_customers: bool = Field(
        default=False,
        description="show the pack's invented customers to tenants without sources, to try it with",
    )
    policy: dict[str, Policy] = Field(
        default={}, description='routing policy by tenant; "*" is for all others; see docs/routing.md'
    )

    @field_validator("webhooks", mode="before")
    @classmethod
    def _webhooks_by_name(cls, webhooks: object) -> object:
        if not isinstance(webhooks, Mapping):
            raise ValueError("must be tables such as [engine.webhooks.crm]")
        return {name: _webhook(name, table) for name, table in webhooks.items()}

    @field_validator("policy", mode="before")
    @classmethod
    def _channels_by_name(cls, policies: object) -> object:
        """In a file, `channel_units` has channel names and units in chats: email = 0.5."""
        if not isinstance(policies, Mapping):
            return policies
        return {tenant: _with_channel_numbers(policy) for tenant, policy in policies.items()}

    def policies(self) -> FixedPolicies:
        """As the engine asks for them."""
        return FixedPolicies(others=self.policy.get(OTHERS, Policy()), by_tenant=self.policy)


def _webhook(name: str, table: object) -> Webhook:
    """Errors name the key and never what stands there, which may be a secret."""
    if isinstance(table, Webhook):
        return table
    try:
        webhook = _WEBHOOK.validate_python({**table, "name": name} if isinstance(table, Mapping) else table)
    except ValidationError as error:
        first = error.errors()[0]
        known = ", ".join(one.name for one in fields(Webhook) if one.name != "name")
        raise ValueError(
            f"{name}.{'.'.join(map(str, first['loc']))}: {first['msg']}; known are {known}"
        ) from None
    if problem := webhook.problem():
        raise ValueError(f"{name}.{problem[0]}: {problem[1]}")
    return webhook


def policy_from(text: str) -> Policy:
    """A routing policy from TOML or JSON, with the keys of `[engine.policy.TENANT]`. Raises: InvalidArgumentError."""
    try:
        found = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
        return EngineSettings.model_validate({"policy": {OTHERS: found}}).policy[OTHERS]
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"][2:])) or "policy"
        raise InvalidArgumentError("policy", f"{place}: {first['msg']}") from None
    except ValueError as error:  # of TOML and JSON alike
        raise InvalidArgumentError("policy", f"is neither TOML nor JSON: {error}") from None


def _with_channel_numbers(policy: object) -> object:
    if not isinstance(policy, Mapping) or not isinstance(policy.get("channel_units"), Mapping):
        return policy
    units = {_channel(name): _units(name, chats) for name, chats in policy["channel_units"].items()}
    return {**policy, "channel_units": units}


def _units(name: str, chats: object) -> int:
    is_number = isinstance(chats, int | float) and not isinstance(chats, bool)
    units = round(chats * UNIT) if is_number else -1  # type: ignore[operator]
    if not is_number or units < 0 or (chats and not units):
        raise ValueError(
            f"channel_units.{name}: is {chats!r}, must be {1 / UNIT} or more chats, or 0 for all of the agent"
        )
    return units


def _channel(name: str) -> int:
    try:
        return message_pb2.Channel.Value(f"CHANNEL_{name.upper()}")
    except ValueError:
        known = ", ".join(one.removeprefix("CHANNEL_").lower() for one in message_pb2.Channel.keys()[1:])
        raise ValueError(f"channel_units: {name} is no channel; known are {known}") from None

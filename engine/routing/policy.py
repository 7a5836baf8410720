"""What a tenant decides about routing: numbers only, no code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt, Le

UNIT = 100  # hundredths: what a chat takes of an agent's capacity
MINUTE = 60_000  # milliseconds

Share = Annotated[float, Ge(0), Le(1)]
NotNegative = Annotated[float, Ge(0)]
_FORBID = {"extra": "forbid"}  # read by whoever makes a policy from a file: an unknown key is an error


@dataclass(frozen=True, kw_only=True)
class Weights:
    """What a full mark in each term of an agent's score is worth, 0 or more.

    With the defaults an idle generalist (2) beats a specialist (5) once four fifths of the specialist's places
    are taken, and a shared language outweighs both.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _FORBID

    proficiency: NotNegative = 0.4
    free_capacity: NotNegative = 0.3
    language: NotNegative = 0.7
    last_agent: NotNegative = 0.5
    preferred_agent: NotNegative = 1.0
    de_escalation: NotNegative = 0.4


@dataclass(frozen=True, kw_only=True)
class QueueOrder:
    """What goes before what, all in minutes of waiting: see `routing.queue`."""

    __pydantic_config__: ClassVar[dict[str, str]] = _FORBID

    priority: NotNegative = 3.0  # per point of priority
    vip: NotNegative = 5.0  # per step of standing
    anger: NotNegative = 5.0  # for an angry conversation
    sla: NotNegative = 0.5  # per minute that the target time is nearer


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A tenant's routing policy. Times are minutes unless a name says seconds."""

    __pydantic_config__: ClassVar[dict[str, str]] = _FORBID

    weights: Weights = Weights()
    order: QueueOrder = QueueOrder()
    require_language: bool = False  # whether an agent must write the language, or only better had
    min_proficiency: Annotated[int, Ge(1), Le(5)] = 1  # asked for until the first relaxation
    sla: Annotated[float, Gt(0)] = 10.0  # target time to an agent
    # Shares of the target time after which the relaxation steps 1 to 4 come.
    relax_at: tuple[NotNegative, NotNegative, NotNegative, NotNegative] = (0.25, 0.5, 0.75, 1.0)
    neighbours: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # skill to skills that may stand in
    overflow_team: str = ""  # who may take what overflowed; "": anybody
    auto_accept: bool = True  # an agent gets a conversation without being asked
    offer_seconds: Annotated[float, Gt(0)] = 20.0  # how long an offer stands
    wrap_up_seconds: NotNegative = 0.0  # how long a closed conversation holds its place; 0: not at all
    sticky: NotNegative = 1440.0  # how long the last agent is preferred
    second_skill: Share = 0.3  # probability from which a further skill is asked for as well
    # Channel number to hundredths of a chat; 0: all of the agent; missing: UNIT.
    channel_units: Mapping[int, Annotated[int, Ge(0)]] = field(default_factory=dict)
    de_escalation_skill: str = "complaint"
    max_angry_streak: Annotated[int, Ge(1)] = 2  # angry conversations in a row before an agent gets a rest

    @cached_property
    def version(self) -> str:
        """A hash of the settings."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:12]

    def to_json(self) -> str:
        """The settings, all of them."""
        return json.dumps(asdict(self), sort_keys=True)

    @cached_property
    def known_queues(self) -> dict[object, tuple[str, ...]]:
        """What `queue.queues` found under it."""
        return {}

    def units(self, channel: int, capacity: int) -> int:
        """What a conversation of the channel takes of an agent with this capacity."""
        return self.channel_units.get(channel, UNIT) or capacity

    def relax_ms(self, step: int) -> int:
        """Milliseconds of waiting after which step 1 to 4 comes."""
        return round(self.relax_at[step - 1] * self.sla * MINUTE)


@dataclass(frozen=True, kw_only=True)
class FixedPolicies:
    """A policy per tenant, and one for all others."""

    others: Policy = Policy()
    by_tenant: Mapping[str, Policy] = field(default_factory=dict)

    def of(self, tenant: str) -> Policy:
        """The same object every time."""
        return self.by_tenant.get(tenant, self.others)

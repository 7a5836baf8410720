"""What a checkpoint holds: a conversation, or a tenant's agents and what decided, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from engine import roster as rosters
from engine.domain import Agent, Conversation, Presence, Roster
from engine.routing.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an agent stands, but for the lease."""

    presence: Presence
    load: int
    streak: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """A tenant's agents, by id, and what decided. `skills` are each bundle's intents' skills."""

    agents: Sequence[Agent]
    standings: Sequence[Standing]
    policy: Policy
    skills: Mapping[str, Mapping[str, str]]

    def roster(self) -> Roster:
        """Of these agents."""
        return rosters.make(
            self.agents,
            presences=[one.presence for one in self.standings],
            leases=[0] * len(self.agents),
            load=[one.load for one in self.standings],
            streak=[one.streak for one in self.standings],
        )


_POLICY = TypeAdapter(Policy)
_CONVERSATION = TypeAdapter(Conversation)
_BASIS = TypeAdapter(Basis)


def basis(roster: Roster, policy: Policy, skills: Mapping[str, Mapping[str, str]]) -> Basis:
    """As a roster has it."""
    columns = zip(roster.presences, roster.load.tolist(), roster.streak.tolist(), strict=True)
    standings = [Standing(presence=presence, load=load, streak=streak) for presence, load, streak in columns]
    return Basis(agents=roster.agents, standings=standings, policy=policy, skills=skills)


def policy_from(text: str) -> Policy:
    """What `Policy.to_json` made."""
    return _POLICY.validate_json(text)


def conversation_text(one: Conversation) -> str:
    """All of it."""
    return _CONVERSATION.dump_json(one).decode()


def conversation_from(text: str) -> Conversation:
    """What `conversation_text` made."""
    return _CONVERSATION.validate_json(text)


def basis_text(one: Basis) -> str:
    """All of it."""
    return _BASIS.dump_json(one).decode()


def basis_from(text: str) -> Basis:
    """What `basis_text` made."""
    return _BASIS.validate_json(text)

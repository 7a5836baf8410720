"""Which bundles serve, as all engines of a store agree on it; pure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Final

from engine.errors import ConflictError

MOST_CHANGES: Final = 50  # remembered
MOST_EARLIER: Final = 20  # bundles that can be rolled back to, one after the other
TIMELINE: Final = "~models"  # the conversation id under which a tenant's journal keeps the changes


class ChangeKind(StrEnum):
    """What was done."""

    ACTIVATED = "activated"
    ROLLED_BACK = "rolled_back"
    SHADOW_STARTED = "shadow_started"
    SHADOW_ENDED = "shadow_ended"
    CANARY_STARTED = "canary_started"
    CANARY_ENDED = "canary_ended"
    CANARY_ROLLED_BACK = "canary_rolled_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleChange:
    """What was done, to which bundle, beside or after which other, and why."""

    kind: ChangeKind
    bundle_id: str
    other_bundle_id: str = ""
    reason: str = ""
    time_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """The bundle that answers, those before it (the latest last), and what is tried beside it; "" is none."""

    active: str
    earlier: tuple[str, ...] = ()
    shadow: str = ""
    canary: str = ""
    share: float = 0.0  # of the conversations that the canary answers, in (0, 1)
    changes: tuple[BundleChange, ...] = ()  # newest first

    @property
    def canary_since_ms(self) -> int:
        """When the canary began; 0 where there is none, or nobody remembers."""
        begun = (
            one.time_ms
            for one in self.changes
            if one.kind is ChangeKind.CANARY_STARTED and one.bundle_id == self.canary
        )
        return next(begun, 0)

    def named(self) -> set[str]:
        """All bundles that must be loaded."""
        return {self.active, self.shadow, self.canary} - {""}


def activate(now: Deployment, bundle_id: str, reason: str, time_ms: int) -> Deployment:
    """`bundle_id` answers from now on. A canary or shadow of it ends; a canary of another ends too."""
    if bundle_id == now.active:
        return now
    change = BundleChange(
        kind=ChangeKind.ACTIVATED,
        bundle_id=bundle_id,
        other_bundle_id=now.active,
        reason=reason,
        time_ms=time_ms,
    )
    after = replace(
        now,
        active=bundle_id,
        earlier=(*now.earlier, now.active)[-MOST_EARLIER:],
        shadow="" if now.shadow == bundle_id else now.shadow,
        canary="",
        share=0.0,
    )
    return _with(after, change)


def roll_back(now: Deployment, leave: str, reason: str, time_ms: int) -> Deployment:
    """End a canary, or else let the bundle before answer again. Raises: ConflictError.

    `leave` is the bundle that must go, "" whichever it is; where it is neither, nothing changes.
    """
    if leave and leave != (now.canary or now.active):
        return now
    if now.canary:
        return end_canary(now, ChangeKind.CANARY_ENDED, reason, time_ms)
    if not now.earlier:
        raise ConflictError("no bundle served before this one")
    change = BundleChange(
        kind=ChangeKind.ROLLED_BACK,
        bundle_id=now.earlier[-1],
        other_bundle_id=now.active,
        reason=reason,
        time_ms=time_ms,
    )
    shadow = "" if now.shadow == now.earlier[-1] else now.shadow
    return _with(replace(now, active=now.earlier[-1], earlier=now.earlier[:-1], shadow=shadow), change)


def set_shadow(now: Deployment, bundle_id: str, time_ms: int) -> Deployment:
    """Let a bundle read along; "" ends that. Raises: ConflictError for the one that answers."""
    if bundle_id == now.active:
        raise ConflictError(f"bundle {bundle_id} serves already; name another to read along")
    if bundle_id == now.shadow:
        return now
    kind = ChangeKind.SHADOW_STARTED if bundle_id else ChangeKind.SHADOW_ENDED
    about = bundle_id or now.shadow
    change = BundleChange(kind=kind, bundle_id=about, other_bundle_id=now.active, time_ms=time_ms)
    return _with(replace(now, shadow=bundle_id), change)


def start_canary(now: Deployment, bundle_id: str, share: float, time_ms: int) -> Deployment:
    """Let a bundle answer a share of the conversations. Raises: ConflictError."""
    if bundle_id == now.active:
        raise ConflictError(f"bundle {bundle_id} serves already; name another to try out")
    change = BundleChange(
        kind=ChangeKind.CANARY_STARTED,
        bundle_id=bundle_id,
        other_bundle_id=now.active,
        reason=f"{share:.0%} of the conversations",
        time_ms=time_ms,
    )
    return _with(replace(now, canary=bundle_id, share=share), change)


def end_canary(now: Deployment, kind: ChangeKind, reason: str, time_ms: int) -> Deployment:
    """The bundle that answers does so for all again; the same where there is no canary."""
    if not now.canary:
        return now
    change = BundleChange(
        kind=kind, bundle_id=now.canary, other_bundle_id=now.active, reason=reason, time_ms=time_ms
    )
    return _with(replace(now, canary="", share=0.0), change)


def to_bytes(deployment: Deployment) -> bytes:
    """As JSON."""
    return json.dumps(asdict(deployment), ensure_ascii=False).encode()


def from_bytes(data: bytes) -> Deployment:
    """What `to_bytes` made."""
    content = json.loads(data)
    changes = tuple(
        BundleChange(**{**change, "kind": ChangeKind(change["kind"])}) for change in content["changes"]
    )
    return Deployment(**{**content, "earlier": tuple(content["earlier"]), "changes": changes})


def _with(after: Deployment, change: BundleChange) -> Deployment:
    return replace(after, changes=(change, *after.changes)[:MOST_CHANGES])

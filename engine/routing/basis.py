"""By what decisions are made: journaled before the first one, so that they can be made again."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.domain import AnalysisBatch, Event
from engine.ports import Codec
from engine.routing.draft import Draft

KIND = "basis_changed"


@dataclass(slots=True)
class _Journaled:
    policy: str = ""
    bundles: set[str] = field(default_factory=set)


class Bases:
    """Which policy and which bundles of a tenant this engine has journaled. Called from one thread."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._of: dict[str, _Journaled] = {}

    def begin(self, draft: Draft, read: AnalysisBatch | None) -> None:
        """Let the draft journal what decides here for the first time."""
        known = self._of.setdefault(draft.tenant, _Journaled())
        new_bundle = read is not None and read.bundle_id not in known.bundles
        if known.policy != draft.policy.version or new_bundle:
            data = self._codec.basis(draft.policy, read)
            draft.record(Event(conversation_id="", kind=KIND, time_ms=draft.now_ms, data=data))
            draft.basis = (draft.policy.version, read.bundle_id if read else "")

    def committed(self, draft: Draft) -> None:
        """What the draft journaled is kept."""
        if draft.basis:
            known = self._of[draft.tenant]
            known.policy, bundle = draft.basis
            known.bundles |= {bundle} - {""}

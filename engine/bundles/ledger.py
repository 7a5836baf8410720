"""What all engines of a store know of the bundles: the deployment, its history on the timeline, the bundles' files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from engine.bundles import deployment as deployments
from engine.bundles.deployment import TIMELINE, BundleChange, Deployment
from engine.bundles.ports import ModelCodec
from engine.domain import Change, Event
from engine.ports import EVERYONE, Store

KIND: Final = "deployment"
_KEY: Final = "now"
_CHUNK: Final = (
    1 << 20
)  # bytes of a bundle that are written or read at once, so that messages wait for no more


class Ledger:
    """Called on the decision thread."""

    def __init__(self, *, store: Store, codec: ModelCodec) -> None:
        self._store = store
        self._codec = codec

    def version(self) -> int:
        """Another number once another engine wrote."""
        return self._store.assist.versions(EVERYONE).get(KIND, 0)

    def read(self, home: str) -> Deployment:
        """As it was written last; before the first time the bundle `home` serves."""
        data = self._store.assist.documents(EVERYONE, KIND).get(_KEY)
        return deployments.from_bytes(data) if data else Deployment(active=home)

    def write(self, after: Deployment) -> None:
        """Keep it."""
        self._store.assist.put_document(EVERYONE, KIND, _KEY, deployments.to_bytes(after))

    def tell(self, change: BundleChange, tenants: Iterable[str]) -> None:
        """Put a change on these tenants' timelines."""
        event = self._event(change)
        self._store.commit([Change(tenant=tenant, events=[event]) for tenant in tenants])

    def put_chunk(self, bundle_id: str, name: str, number: int, data: bytes) -> None:
        """Give the other engines a part of a bundle's file."""
        self._store.assist.put_document(EVERYONE, _kind(bundle_id, number), name, data)

    def chunk(self, bundle_id: str, number: int) -> Mapping[str, bytes]:
        """The parts of that number of all files; none after the last."""
        return self._store.assist.documents(EVERYONE, _kind(bundle_id, number))

    def _event(self, change: BundleChange) -> Event:
        data = self._codec.model_changed(change)
        return Event(conversation_id=TIMELINE, kind="model_changed", time_ms=change.time_ms, data=data)


def chunks(files: Mapping[str, bytes]) -> Iterator[tuple[str, int, bytes]]:
    """(name, number, data) of parts of a size that a store takes at once; every file has a part 0.

    Numbers run over all files, so that few of them share one: a part is read as a whole.
    """
    number = 0
    for name, data in files.items():
        for start in range(0, max(len(data), 1), _CHUNK):
            yield name, number, data[start : start + _CHUNK]
            number += 1


def _kind(bundle_id: str, number: int) -> str:
    return f"bundle:{bundle_id}:{number}"

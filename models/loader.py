"""Read bundles for a service that must not trust them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from models import bundle, drift, signature
from models.bundle import Bundle
from models.drift import Meter
from models.manifest import Manifest


class TrustingLoader:
    """Loads only bundles that one of the trusted public keys (base64) signed. Every method raises BundleError."""

    def __init__(self, trusted: Collection[str]) -> None:
        self._trusted = frozenset(trusted)

    def describe(self, folder: Path) -> Manifest:
        """Give the manifest, once its signature is checked."""
        manifest = Manifest.load(folder)
        signature.verify(manifest, self._trusted)
        return manifest

    def load(self, folder: Path) -> tuple[Bundle, Meter | None]:
        """Give the bundle and its meter, where it has one; nothing is read before the signature is checked."""
        self.describe(folder)
        return load_trusted(folder)


def load_trusted(folder: Path) -> tuple[Bundle, Meter | None]:
    """Give a bundle that needs no signature, and its meter. Raises: BundleError."""
    loaded = bundle.load(folder)
    return loaded, drift.open_meter(loaded, folder)

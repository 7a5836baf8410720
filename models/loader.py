"""Read bundles for a service that must not trust them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from models import bundle, drift, signature
from models.bundle import Bundle
from models.cascade import Cascade, Second
from models.drift import Meter
from models.manifest import Manifest


class TrustingLoader:
    """Loads only bundles that one of the trusted public keys (base64) signed. Every method raises BundleError."""

    def __init__(self, trusted: Collection[str], second: Second | None = None) -> None:
        self._trusted = frozenset(trusted)
        self._second = second

    def describe(self, folder: Path) -> Manifest:
        """Give the manifest, once its signature is checked."""
        manifest = Manifest.load(folder)
        signature.verify(manifest, self._trusted)
        return manifest

    def load(self, folder: Path) -> tuple[Bundle | Cascade, Meter | None]:
        """Give the bundle and its meter, where it has one; nothing is read before the signature is checked."""
        self.describe(folder)
        return load_trusted(folder, self._second)


def load_trusted(folder: Path, second: Second | None = None) -> tuple[Bundle | Cascade, Meter | None]:
    """Give a bundle that needs no signature, what reads again beside it, and its meter. Raises: BundleError."""
    loaded = bundle.load(folder)
    meter = drift.open_meter(loaded, folder)
    return (second.beside(loaded, folder) if second else loaded), meter

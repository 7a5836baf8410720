"""Sign a bundle's manifest with Ed25519, and check that a known key signed it."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from models.errors import BundleError, InputError
from models.manifest import Manifest

SEED_SIZE: Final = 32  # bytes of a private key


def create_key(path: Path) -> str:
    """Write a new private key that only its owner can read; give the public key, base64."""
    key = Ed25519PrivateKey.generate()
    path.touch(mode=0o600, exist_ok=False)
    seed = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    path.write_text(base64.b64encode(seed).decode() + "\n", encoding="ascii")
    return _public_text(key)


def read_public_key(path: Path) -> str:
    """Give the public key, base64, of the private key in a file. Raises: InputError."""
    return _public_text(_read_key(path))


def sign(manifest: Manifest, path: Path) -> Manifest:
    """Give the manifest with a signature over everything else in it. Raises: InputError."""
    key = _read_key(path)
    unsigned = replace(manifest, key=_public_text(key), signature="")
    return replace(unsigned, signature=base64.b64encode(key.sign(_message(unsigned))).decode())


def verify(manifest: Manifest, trusted: Collection[str]) -> None:
    """Accept a manifest signed by one of the trusted public keys (base64). Raises: BundleError."""
    if not manifest.signature:
        raise BundleError(f"bundle {manifest.id} is not signed; sign it with `python -m models sign`")
    if manifest.key not in trusted:
        raise BundleError(
            f"bundle {manifest.id} is signed with {manifest.key}, which is not among the trusted keys"
        )
    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(manifest.key, validate=True))
        public.verify(base64.b64decode(manifest.signature), _message(replace(manifest, signature="")))
    except (InvalidSignature, ValueError) as error:
        raise BundleError(f"bundle {manifest.id}: the signature does not fit; do not use it") from error


def _message(manifest: Manifest) -> bytes:
    """Give the bytes that are signed: the manifest as JSON with sorted keys and no spaces."""
    content = asdict(manifest)
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def _read_key(path: Path) -> Ed25519PrivateKey:
    try:
        seed = base64.b64decode(path.read_text(encoding="ascii"), validate=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: not a private key ({error}); make one with `python -m models key`"
        ) from error
    if len(seed) != SEED_SIZE:
        raise InputError(f"{path}: not a private key; make one with `python -m models key`")
    return Ed25519PrivateKey.from_private_bytes(seed)


def _public_text(key: Ed25519PrivateKey) -> str:
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return base64.b64encode(raw).decode()

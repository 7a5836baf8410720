from __future__ import annotations

from pathlib import Path

import pytest

from models import signature
from models.errors import BundleError, InputError
from models.loader import TrustingLoader
from models.manifest import Manifest
from tests.bundles import renamed, sign


@pytest.fixture
def key(tmp_path: Path) -> Path:
    signature.create_key(tmp_path / "key")
    return tmp_path / "key"


@pytest.fixture
def signed(bundle_folder: Path, tmp_path: Path, key: Path) -> Path:
    return sign(renamed(bundle_folder, tmp_path / "signed"), key)


def test_a_signature_by_a_trusted_key_is_accepted(signed: Path, key: Path) -> None:
    bundle, meter = TrustingLoader([signature.read_public_key(key)]).load(signed)

    assert bundle.id == Manifest.load(signed).id
    assert meter is not None


def test_a_stranger_s_signature_is_refused(signed: Path) -> None:
    with pytest.raises(BundleError, match="not among the trusted keys"):
        TrustingLoader(["c3RyYW5nZXI="]).load(signed)


def test_a_changed_manifest_is_refused(signed: Path, key: Path, tmp_path: Path) -> None:
    changed = renamed(signed, tmp_path / "changed", id="other")

    with pytest.raises(BundleError, match="signature does not fit"):
        TrustingLoader([signature.read_public_key(key)]).describe(changed)


def test_an_unsigned_bundle_is_refused(bundle_folder: Path) -> None:
    with pytest.raises(BundleError, match="is not signed"):
        TrustingLoader(["a2V5"]).load(bundle_folder)


def test_what_is_no_key_is_explained(bundle_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hello", encoding="ascii")

    with pytest.raises(InputError, match="not a private key"):
        signature.sign(Manifest.load(bundle_folder), tmp_path / "key")


def test_a_key_is_its_owner_s_alone(key: Path) -> None:
    assert key.stat().st_mode & 0o077 == 0

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from models import signature
from models.errors import BundleError, InputError
from models.manifest import Manifest
from models.registry import Registry


@pytest.fixture
def signed(bundle_folder: Path, tmp_path: Path) -> tuple[Path, str]:
    """A signed copy of the bundle and the public key it was signed with."""
    copy = Path(shutil.copytree(bundle_folder, tmp_path / "signed"))
    public = signature.create_key(tmp_path / "key")
    signature.sign(Manifest.load(copy), tmp_path / "key").save(copy)
    return copy, public


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "registry").mkdir()
    return tmp_path / "registry"


def rename(source: Path, target: Path, name: str) -> Path:
    """Copy a bundle under another id."""
    copy = Path(shutil.copytree(source, target))
    content = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))
    (copy / "manifest.json").write_text(json.dumps({**content, "id": name}), encoding="utf-8")
    return copy


def test_a_signature_by_a_trusted_key_is_accepted(signed: tuple[Path, str]) -> None:
    signature.verify(Manifest.load(signed[0]), {signed[1]})


def test_a_stranger_s_signature_is_refused(signed: tuple[Path, str]) -> None:
    with pytest.raises(BundleError, match="not among the trusted keys"):
        signature.verify(Manifest.load(signed[0]), {"c3RyYW5nZXI="})


def test_a_changed_manifest_is_refused(signed: tuple[Path, str]) -> None:
    copy = rename(signed[0], signed[0].with_name("changed"), "other")

    with pytest.raises(BundleError, match="signature does not fit"):
        signature.verify(Manifest.load(copy), {signed[1]})


def test_an_unsigned_bundle_is_refused_where_keys_are_trusted(bundle_folder: Path, folder: Path) -> None:
    with pytest.raises(BundleError, match="is not signed"):
        Registry(folder, trusted={"a2V5"}).add(bundle_folder)


def test_what_is_no_key_is_explained(bundle_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hello", encoding="ascii")

    with pytest.raises(InputError, match="not a private key"):
        signature.sign(Manifest.load(bundle_folder), tmp_path / "key")


def test_the_bundle_before_comes_back(bundle_folder: Path, folder: Path, tmp_path: Path) -> None:
    registry = Registry(folder)
    first, second = registry.add(bundle_folder), registry.add(rename(bundle_folder, tmp_path / "b", "second"))
    registry.activate(first)
    registry.activate(second)

    assert registry.roll_back() == folder / first
    assert registry.read_activation() is not None
    with pytest.raises(BundleError, match="no bundle served before"):
        registry.roll_back()


def test_a_damaged_bundle_never_serves(bundle_folder: Path, folder: Path, tmp_path: Path) -> None:
    registry = Registry(folder)
    first, second = registry.add(bundle_folder), registry.add(rename(bundle_folder, tmp_path / "b", "second"))
    registry.activate(first)
    (folder / second / "heads.safetensors").write_bytes(b"")

    with pytest.raises(BundleError, match="damaged"):
        registry.activate(second)
    activation = registry.read_activation()
    assert activation is not None
    assert activation.active == first


def test_bundles_are_listed_by_id(bundle_folder: Path, folder: Path) -> None:
    name = Registry(folder).add(bundle_folder)

    assert [manifest.id for manifest in Registry(folder).list_bundles()] == [name]

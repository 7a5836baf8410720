"""Every way a bundle can be damaged, forged or foreign: each is refused with a reason, and the one before serves on."""

from __future__ import annotations

import base64
import json
import pickle
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from safetensors.numpy import load, save
from yingda.v1 import model_service_pb2 as pb

from models import signature
from models.manifest import Manifest, hash_folder
from tests.bundles import files_of, renamed, sign
from tests.engine.bundles.conftest import HOME, Desk
from tests.fakes import make_message

Files = dict[str, bytes]
Damage = Callable[[Files], Files]
MANIFEST = "manifest.json"
NAMES = ("calibration.safetensors", "heads.safetensors", "encoder/table.safetensors", "CARD.md")


def with_file(name: str, change: Callable[[bytes], bytes]) -> Damage:
    return lambda files: {**files, name: change(files[name])}


def without(name: str) -> Damage:
    return lambda files: {other: data for other, data in files.items() if other != name}


def plus(name: str, data: bytes) -> Damage:
    return lambda files: {**files, name: data}


def manifest(**changes: object) -> Damage:
    def change(files: Files) -> Files:
        return {**files, MANIFEST: json.dumps({**json.loads(files[MANIFEST]), **changes}).encode()}

    return change


def listing(change: Callable[[dict[str, str]], dict[str, str]]) -> Damage:
    return lambda files: manifest(files=change(json.loads(files[MANIFEST])["files"]))(files)


def flipped(place: float) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        index = min(int(place * len(data)), len(data) - 1)
        return data[:index] + bytes([data[index] ^ 0x10]) + data[index + 1 :]

    return change


BYTES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut in half": lambda data: data[: len(data) // 2],
    "a byte short": lambda data: data[:-1],
    "a byte long": lambda data: data + b"\0",
    "a bit at the start": flipped(0),
    "a bit in the middle": flipped(0.5),
    "a bit at the end": flipped(1),
    "a pickle": lambda _: pickle.dumps({"weights": [1.0]}),
}
MANIFESTS: dict[str, Damage] = {
    "no manifest": without(MANIFEST),
    "no JSON": plus(MANIFEST, b"{"),
    "a list": plus(MANIFEST, b"[]"),
    "a million brackets": plus(MANIFEST, b"[" * 1_000_000),
    "no text": plus(MANIFEST, b"\xff\xfe"),
    "an older format": manifest(format=0),
    "a later format": manifest(format=99),
    "no format": manifest(format=None),
    "another id": manifest(id="another"),
    "an id that climbs": manifest(id="../../evil"),
    "a number for an id": manifest(id=7),
    "intents in another order": lambda files: manifest(
        intents=list(reversed(json.loads(files[MANIFEST])["intents"]))
    )(files),
    "no intents": manifest(intents=None),
    "skills that are none": manifest(skills=["a"]),
    "a field too many": manifest(run="os.system"),
    "no signature": manifest(signature=""),
    "a signature that is none": manifest(signature="%%%"),
    "a signature of nothing": manifest(signature=base64.b64encode(b"\0" * 64).decode()),
    "a key that is none": manifest(key="%%%"),
    "a stranger's key": manifest(key=base64.b64encode(b"\1" * 32).decode()),
    "a later date": manifest(created="2031-01-01"),
    "better scores": manifest(scores={"intent_accuracy": [1, 1, 1]}),
    "a file outside": listing(lambda files: {**files, "../secret": "0"}),
    "a file listed that is missing": listing(lambda files: {**files, "more.bin": "0"}),
    "a file left off the list": listing(lambda files: dict(list(files.items())[:-1])),
    "a file nobody listed": plus("more.bin", b"1"),
    "a program nobody listed": plus("encoder/__init__.py", b"print(1)"),
}
UPLOADS: dict[str, Damage] = {
    "a path that climbs": plus("../evil", b"1"),
    "a path from the root": plus("/etc/evil", b"1"),
    "a hidden file": plus(".evil", b"1"),
    "a path without end": plus("a/" * 20 + "b", b"1"),
    "a thousand files": lambda files: files | {f"f{number}": b"" for number in range(1000)},
}


def resigned(files: Files, key: Path, folder: Path, **changes: object) -> Files:
    """The same with a right list of files and a right signature: somebody trusted made a bad bundle."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    content = {**json.loads(files[MANIFEST]), "files": hash_folder(folder), **changes}
    signature.sign(Manifest(**content), key).save(folder)
    return files_of(folder)


def arrays(name: str, change: Callable[[str, np.ndarray], np.ndarray]) -> Callable[[Files], Files]:
    return lambda files: {
        **files,
        name: save({one: change(one, array) for one, array in load(files[name]).items()}),
    }


def spoiled(_: str, array: np.ndarray) -> np.ndarray:
    return np.full_like(array, np.nan) if array.dtype.kind == "f" else array


TRUSTED: dict[str, tuple[Damage, dict[str, object]]] = {
    "weights that are no numbers": (arrays("heads.safetensors", spoiled), {}),
    "a calibration that is no number": (arrays("calibration.safetensors", spoiled), {}),
    "heads of another shape": (arrays("heads.safetensors", lambda _, array: array[:1]), {}),
    "heads without names": (arrays("heads.safetensors", lambda _, array: array.reshape(-1)), {}),
    "a calibration of one row": (arrays("calibration.safetensors", lambda _, array: array[:1]), {}),
    "an empty array file": (plus("heads.safetensors", save({})), {}),
    "a header without end": (plus("heads.safetensors", struct.pack("<Q", 2**62)), {}),
    "no heads": (without("heads.safetensors"), {}),
    "no table": (without("encoder/table.safetensors"), {}),
    "an intent too many": (lambda files: files, {"intents": ["a", "b", "c", "d"]}),
    "an intent without a skill": (lambda files: files, {"skills": {"out_of_scope": "general"}}),
    "an encoder nobody knows": (lambda files: files, {"encoder": {"kind": "pickle", "model": "x"}}),
    "an older format, signed": (lambda files: files, {"format": 0}),
    "an id that climbs, signed": (lambda files: files, {"id": "../evil"}),
    "the home bundle's id": (lambda files: files, {"id": HOME}),
}


def damaged(files: Files, key: Path, folder: Path) -> Iterator[tuple[str, Files]]:
    for name in NAMES:
        for kind, change in BYTES.items():
            yield f"{name}: {kind}", with_file(name, change)(files)
        yield f"{name}: missing", without(name)(files)
    for kind, damage in {**MANIFESTS, **UPLOADS}.items():
        yield kind, damage(files)
    for number, (kind, (damage, changes)) in enumerate(TRUSTED.items()):
        yield kind, resigned(damage(files), key, folder / str(number), **changes)


async def reason(desk: Desk, files: Files) -> str:
    """Why a bundle was refused; "" if it was not."""
    try:
        kept = await desk.models.PutBundle(pb.PutBundleRequest(tenant="shop", files=files))
        await desk.activate(kept.bundle.bundle_id)
    except grpc.aio.AioRpcError as error:
        if error.code() not in (grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.INVALID_ARGUMENT):
            raise
        return error.details() or ""
    return ""


async def test_every_damaged_bundle_is_refused_with_a_reason_and_the_one_before_serves_on(
    desk: Desk, signed: Path, key: Path, tmp_path: Path
) -> None:
    found, served = {}, set()
    for kind, files in damaged(files_of(signed), key, tmp_path / "resigned"):
        found[kind] = await reason(desk, files)
        served |= set(await desk.read_by(make_message()))

    assert [kind for kind, text in found.items() if not text] == []
    assert len(found) >= 64
    assert served == {HOME}
    assert await reason(desk, files_of(signed)) == ""


@pytest.mark.parametrize("change", BYTES.values(), ids=list(BYTES))
async def test_a_bundle_damaged_on_the_disk_is_refused_when_it_is_activated(
    desk: Desk, signed: Path, tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    await desk.put(signed)
    place = tmp_path / "data" / "bundles" / "signed-1" / "heads.safetensors"
    place.write_bytes(change(place.read_bytes()))

    with pytest.raises(grpc.aio.AioRpcError, match=r"heads\.safetensors is damaged"):
        await desk.activate("signed-1")
    assert await desk.read_by(make_message()) == [HOME]


async def test_a_stranger_s_bundle_is_refused(desk: Desk, trained: Path, tmp_path: Path) -> None:
    signature.create_key(tmp_path / "theirs")
    theirs = sign(renamed(trained, tmp_path / "b", id="theirs"), tmp_path / "theirs")

    assert "not among the trusted keys" in await reason(desk, files_of(theirs))
    assert Manifest.load(theirs).signature

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from models import compare, dataset
from models.__main__ import main
from models.bundle import Bundle
from models.compare import GateError
from models.heads import Heads
from models.manifest import Manifest, hash_folder

N = 400
AUTHORS = np.repeat(np.array([f"a{n}" for n in range(8)]), N // 8)
EVERYONE = np.ones(N, np.bool_)
RIGHT = np.random.default_rng(0).random(N) < 0.9


def test_a_bundle_is_not_worse_than_itself(bundle: Bundle, pack_folder: Path) -> None:
    pack = dataset.read(pack_folder)

    found = compare.compare(bundle, bundle, dataset.tabulate(pack.utterances, pack.taxonomy))

    assert {"all", "zh", "en", "in_scope", "out_of_scope", "anger", *bundle.intents} <= found.keys()
    assert found["all"].difference.value == 0
    compare.require_no_loss(found)


def test_a_real_loss_on_a_slice_is_refused_by_name() -> None:
    worse = RIGHT & (np.arange(N) % 10 > 0)
    found = {"zh": compare.compare_slice(RIGHT, worse, EVERYONE, AUTHORS)}

    with pytest.raises(GateError, match=r"worse on zh: 0\.\d+ -> 0\.\d+"):
        compare.require_no_loss(found)


def test_a_chance_loss_passes() -> None:
    worse = RIGHT.copy()
    worse[np.flatnonzero(RIGHT)[:2]] = False

    assert not compare.compare_slice(RIGHT, worse, EVERYONE, AUTHORS).is_worse


def test_the_gate_fails_a_spoiled_bundle(
    bundle_folder: Path, pack_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoiled = Path(shutil.copytree(bundle_folder, tmp_path / "spoiled"))
    heads = Heads.load(spoiled)
    heads.hashed[:] = 0
    heads.dense[:] = 0
    heads.save(spoiled)
    manifest = Manifest.load(spoiled)
    object.__setattr__(manifest, "files", hash_folder(spoiled))
    manifest.save(spoiled)

    status = main(["compare", str(bundle_folder), str(spoiled), "--pack", str(pack_folder), "--gate"])

    assert status == 2
    assert "worse on" in capsys.readouterr().err

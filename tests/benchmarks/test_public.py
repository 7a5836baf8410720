from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import public, public_methods, public_sets
from models.encoder import StaticEncoder, Table
from models.features import extract

WORDS = {"a": ["track my parcel", "where is the box"], "b": ["give money back", "refund me now"]}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for part, copies in (("train", 6), ("test", 2)):
        rows = [
            (f"{text} {n}", label) for label, texts in WORDS.items() for text in texts for n in range(copies)
        ]
        (tmp_path / "banking77").mkdir(exist_ok=True)
        with gzip.open(
            tmp_path / "banking77" / f"{part}.csv.gz", "wt", encoding="utf-8", newline=""
        ) as stream:
            csv.writer(stream).writerows([("text", "label"), *rows])
    return tmp_path


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    keys = np.unique(extract([text for texts in WORDS.values() for text in texts]).hashes)
    Table.quantize(keys, np.random.default_rng(0).normal(size=(keys.size, 8)).astype(np.float32)).save(
        tmp_path
    )
    return tmp_path


def test_our_pipeline_learns_a_set(data: Path, encoder: Path) -> None:
    split = public_sets.read(data, "banking77")
    predict = public_methods.fused(StaticEncoder(Table.load(encoder)))(split.train)

    logs = predict(split.test.texts)

    assert logs.argmax(axis=1).tolist() == split.test.y.tolist()
    assert np.exp(logs).sum(axis=1) == pytest.approx(np.ones(len(logs)), abs=1e-5)


def test_shots_are_drawn_by_class(data: Path) -> None:
    rows = public_sets.draw_shots(public_sets.read(data, "banking77").train, 3, seed=0)

    assert np.bincount(rows.y).tolist() == [3, 3]


def test_missing_data_is_explained(tmp_path: Path, encoder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = public.main(["--data", str(tmp_path / "no"), "--encoder", str(encoder), "--sets", "hwu64"])

    assert status == 2
    assert "--data" in capsys.readouterr().err


def test_the_table_is_json(data: Path, encoder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = public.main(["--data", str(data), "--encoder", str(encoder), "--sets", "banking77", "--json"])

    assert status == 0
    assert {"ours", "tf-idf + LR"} <= {row["method"] for row in json.loads(capsys.readouterr().out)}

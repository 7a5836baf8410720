from __future__ import annotations

import csv
import gzip
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import public, public_finetune, public_fusion, public_methods, public_sets, public_table
from benchmarks.public_finetune import TuneSettings
from benchmarks.public_fusion import Recipe
from benchmarks.public_measure import Result
from benchmarks.public_methods import Remembering
from models.encoder import StaticEncoder, Table
from models.features import extract

ROOT = Path(__file__).parents[2]
ROW: dict[str, Any] = {  # of a report
    **{"data": "hwu64", "shots": 0, "accuracy": 0.9, "low": 0.8, "high": 1.0, "f1": None, "auroc": None},
    **{"calibration_error": 0.01, "microseconds": 5.0},
}
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
    predict = public_fusion.fused(StaticEncoder(Table.load(encoder)))(split.train)

    logs = predict(split.test.texts)

    assert logs.argmax(axis=1).tolist() == split.test.y.tolist()
    assert np.exp(logs).sum(axis=1) == pytest.approx(np.ones(len(logs)), abs=1e-5)


def test_a_cascade_takes_the_slow_answer_for_the_least_certain_tenth(data: Path, encoder: Path) -> None:
    rows = public_sets.read(data, "banking77").train
    sure = np.log(np.array([[0.9, 0.1]] * 9 + [[0.4, 0.6]]))
    slow = np.log(np.array([[0.99, 0.01]]))

    predict = public_methods.cascaded(lambda _: lambda _: sure.copy(), lambda _: lambda _: slow)(rows)

    assert np.exp(predict(rows.texts[:10]))[-1].tolist() == pytest.approx([0.99, 0.01])
    assert np.exp(predict(rows.texts[:10]))[:-1] == pytest.approx(np.exp(sure[:-1]))


def test_any_encoder_can_be_fused(data: Path, encoder: Path) -> None:
    split = public_sets.read(data, "banking77")
    encode = StaticEncoder(Table.load(encoder)).encode

    predict = public_fusion.fused(Remembering(encode), recipes=[Recipe(copies=0)])(split.train)

    assert predict(split.test.texts).argmax(axis=1).tolist() == split.test.y.tolist()


def test_shots_are_drawn_by_class(data: Path) -> None:
    rows = public_sets.draw_shots(public_sets.read(data, "banking77").train, 3, seed=0)

    assert np.bincount(rows.y).tolist() == [3, 3]


def test_missing_data_is_explained(tmp_path: Path, encoder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = public.main(
        ["--data", str(tmp_path / "no"), "--encoder", str(encoder), "--sets", "hwu64", "--quiet"]
    )

    assert status == 2
    assert "--data" in capsys.readouterr().err


def test_a_model_is_tuned_on_pairs_of_each_sort() -> None:
    pairs, same = public_finetune.draw_pairs(np.array([0, 0, 1, 1]), TuneSettings(draws=3))

    assert np.bincount(pairs[:, 0]).tolist() == [6, 6, 6, 6]
    assert ((pairs[:, 0] // 2 == pairs[:, 1] // 2) == (same == 1)).all()
    assert (pairs[:, 0] != pairs[:, 1]).all()


def test_a_message_that_minilm_reads_costs_what_minilm_takes() -> None:
    row = Result(**ROW, method="MiniLM + LR")

    assert public.add_reading(row, 100.0).microseconds == 105.0
    assert public.add_reading(replace(row, method=public.CASCADE), 100.0).microseconds == 15.0
    assert public.add_reading(replace(row, method=public.OURS), 100.0).microseconds == 5.0


def test_tuning_is_for_few_english_rows() -> None:
    assert public.suits(public.TUNED, "hwu64", 10)
    assert not public.suits(public.TUNED, "hwu64", 0)
    assert not public.suits(public.TUNED, "xsid_zh", 10)


def test_the_report_becomes_a_section_of_the_page(
    data: Path, encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--data", str(data), "--encoder", str(encoder), "--sets", "banking77", "--json", "--quiet"]
    assert public.main(arguments) == 0
    (tmp_path / "report.json").write_text(capsys.readouterr().out, encoding="utf-8")
    page, record = tmp_path / "page.md", tmp_path / "record.json"
    page.write_text("# Benchmarks\n\n## Others\n", encoding="utf-8")

    for reports in ([str(tmp_path / "report.json")], []):
        assert public_table.main([*reports, "--record", str(record), "--page", str(page)]) == 0

    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Benchmarks\n\n## Others\n")
    assert text.count("## Public sets") == 1
    assert "| banking77 | all | 100.0 [100.0, 100.0] (" in text


def test_a_new_report_replaces_only_what_it_measured_again() -> None:
    machine = {"cpu": "A", "cores": 2, "load_1m": 0.0, "python": "", "system": ""}
    reports = [
        {"machine": machine, "speed": [], "results": [{**ROW, "method": "ours"}, {**ROW, "method": "x"}]},
        {"machine": {**machine, "cpu": "B"}, "speed": [], "results": [{**ROW, "method": "x", "low": 0.1}]},
    ]

    record = public_table.join({"machines": {}, "speed": [], "results": []}, reports)

    assert [(row["method"], row["machine"], row["low"]) for row in record["results"]] == [
        ("ours", "A", 0.8),
        ("x", "B", 0.1),
    ]


def test_the_documentation_says_what_was_measured() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")

    assert public_table.write_section(public_table.read_record(public_table.RECORD), page) == page


def test_a_report_of_another_kind_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "report.json").write_text("{}", encoding="utf-8")
    options = ["--record", str(tmp_path / "record.json"), "--page", str(tmp_path / "page.md")]

    assert public_table.main([str(tmp_path / "report.json"), *options]) == 2
    assert "benchmarks.public --json" in capsys.readouterr().err

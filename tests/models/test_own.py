"""Somebody's own messages: 3 intents of 8, in both languages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.__main__ import main
from models.bundle import load
from models.discrepancy import REFERENCE_FILE
from models.manifest import Manifest
from models.registry import Registry

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `train --data` was run."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "models").symlink_to(ROOT / "models")
    (folder / "data").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["key", "data/signing.key"]) == 0
        assert main(["train", "--data", "models/packs/hotel.csv", "--output", "hotel"]) == 0
    return folder


def test_the_bundle_knows_its_intents_and_nothing_else(trained: Path) -> None:
    bundle = load(trained / "hotel")
    prediction = bundle.predict(
        ["带狗狗可以吗", "when does breakfast start", "where is my parcel", "讲个笑话"]
    )

    assert bundle.intents == ("pets.allowed", "breakfast.hours", "checkout.late")
    assert prediction.in_scope.tolist() == [True, True, False, False]
    assert [bundle.intents[place] for place in prediction.intent[:2]] == ["pets.allowed", "breakfast.hours"]


def test_it_is_signed_and_tells_what_it_was_trained_on(trained: Path) -> None:
    manifest = Manifest.load(trained / "hotel")

    assert manifest.signature
    assert REFERENCE_FILE in manifest.files
    assert manifest.data["hotel.csv"]["rows"] == 24


def test_the_run_is_remembered_with_scores_and_what_to_write_next(trained: Path) -> None:
    (run,) = Registry(trained / "runs").list_runs()
    report = (trained / "runs" / run.bundle_id / "report.md").read_text(encoding="utf-8")

    assert run.metrics["intent_accuracy"][0] > 0.8
    assert run.parameters["rows"] == 24
    assert "lacks data: write 12 more" in report


def test_runs_are_listed_as_json(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--runs", str(trained / "runs"), "--json"]) == 0

    (run,) = json.loads(capsys.readouterr().out)
    assert run["bundle"] == "hotel"


def test_equal_messages_and_seed_give_equal_bytes(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(trained)
    created = Manifest.load(Path("hotel")).created
    assert main(["train", "--data", "models/packs/hotel.csv", "--output", "again", "--created", created]) == 0

    assert Manifest.load(Path("again")) == Manifest.load(Path("hotel"))


def test_a_file_with_mistakes_trains_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "my.csv").write_text("text,intent\nhello,\n", encoding="utf-8")

    assert main(["train", "--data", str(tmp_path / "my.csv"), "--output", str(tmp_path / "b")]) == 2
    assert "row 2, column intent: is empty" in capsys.readouterr().err
    assert not (tmp_path / "b").exists()

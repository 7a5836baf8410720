from __future__ import annotations

from pathlib import Path

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from models import train
from models.dataset import read
from models.errors import PackError
from models.threads import THREADS, fix_threads
from models.train import TrainSettings
from tests.bundles import write_pack


def test_the_same_input_gives_the_same_bytes_whatever_the_threads(
    pack_folder: Path, encoder_folder: Path, bundle_folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "again"
    settings = TrainSettings(pack=pack_folder, output=output, created="2026-01-01")

    with threadpool_limits(limits=3):
        train.train(settings, train.load_encoder(encoder_folder), lambda _: None)

    names = sorted(path.relative_to(output) for path in output.rglob("*") if path.is_file())
    assert [(bundle_folder / name).read_bytes() for name in names] == [
        (output / name).read_bytes() for name in names
    ]


def test_training_holds_the_libraries_to_fixed_threads() -> None:
    with threadpool_limits(limits=3), fix_threads():
        inside = {library["num_threads"] for library in threadpool_info()}

    assert inside == {THREADS}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("hi,en,no.such,neutral,0,plain", "intent 'no.such'"),
        ("hi,fr,chat.greeting,neutral,0,plain", "lang 'fr'"),
        (",en,chat.greeting,neutral,0,plain", "text is empty"),
        ("hi,en,chat.greeting,glad,0,plain", "sentiment 'glad'"),
        ("hi,en,chat.greeting,neutral,2,plain", "anger '2'"),
    ],
)
def test_a_bad_row_of_a_pack_is_named(tmp_path: Path, line: str, message: str) -> None:
    folder = write_pack(tmp_path / "pack")
    file = folder / "utterances" / "a09.csv"
    file.write_text(f"text,lang,intent,sentiment,anger,kind\n{line}\n", encoding="utf-8")

    with pytest.raises(PackError, match=rf"a09.csv:2: .*{message}"):
        read(folder)

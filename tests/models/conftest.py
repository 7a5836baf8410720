from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from models import train
from models.bundle import Bundle, load
from models.dataset import FIELDS
from models.encoder import Table
from models.features import extract
from models.train import TrainSettings

TAXONOMY = """
skills: [logistics, finance, general]
intents:
  - {id: shipping.track, skill: logistics, zh: 物流, en: tracking}
  - {id: refund.request, skill: finance, zh: 退款, en: refund}
  - {id: chat.greeting, skill: general, zh: 你好, en: hello}
out_of_scope: {id: out_of_scope, skill: general, zh: 其他, en: else}
"""
PHRASES = {
    "shipping.track": (
        ["快递到哪了", "物流查不到", "包裹什么时候到"],
        ["where is my parcel", "track my box"],
    ),
    "refund.request": (
        ["把钱退给我", "我要退款", "申请退款怎么弄"],
        ["give my money back", "refund me please"],
    ),
    "chat.greeting": (["你好", "在吗亲"], ["hello there", "hi anyone"]),
    "out_of_scope": (["今天天气怎么样", "讲个笑话"], ["what is the weather", "tell me a joke"]),
}
ENDINGS = {"a01": "", "a02": " 12", "a03": "!", "a04": "~", "a05": " ok", "a06": "..."}


def write_pack(folder: Path) -> Path:
    (folder / "utterances").mkdir(parents=True)
    (folder / "taxonomy.yaml").write_text(TAXONOMY, encoding="utf-8")
    for author, ending in ENDINGS.items():
        with (folder / "utterances" / f"{author}.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(FIELDS)
            writer.writerows(rows_of(ending))
    return folder


def rows_of(ending: str) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for intent, (chinese, english) in PHRASES.items():
        kind = "oos_far" if intent == "out_of_scope" else "plain"
        for lang, texts in (("zh", chinese), ("en", english)):
            rows += [(text + ending, lang, intent, "neutral", "0", kind) for text in texts]
            rows.append((texts[0] + ending + "!!! 骗子 liar", lang, intent, "negative", "1", kind))
    return rows


def write_encoder(folder: Path) -> Path:
    texts = [text for pair in PHRASES.values() for texts in pair for text in texts]
    features = extract(texts)
    keys = np.unique(features.hashes[features.encodable])
    vectors = np.random.default_rng(0).normal(size=(keys.size, 8)).astype(np.float32)
    folder.mkdir(parents=True)
    Table.quantize(keys, vectors).save(folder)
    return folder


@pytest.fixture(scope="session")
def pack_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pack(tmp_path_factory.mktemp("pack") / "tiny")


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("encoder") / "encoder")


@pytest.fixture(scope="session")
def bundle_folder(pack_folder: Path, encoder_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("bundle") / "tiny"
    settings = TrainSettings(pack=pack_folder, output=output, created="2026-01-01")
    train.train(settings, train.load_encoder(encoder_folder), lambda _: None)
    return output


@pytest.fixture(scope="session")
def bundle(bundle_folder: Path) -> Bundle:
    return load(bundle_folder)

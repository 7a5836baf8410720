"""A tiny pack, and bundles made of it in a second."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from models import signature, train
from models.dataset import FIELDS
from models.encoder import Table
from models.features import extract
from models.manifest import Manifest
from models.train import TrainSettings

TAXONOMY = """
skills: [logistics, finance, general]
intents:
  - {id: shipping.track, skill: logistics, zh: 物流, en: tracking}
  - {id: refund.request, skill: finance, zh: 退款, en: refund}
  - {id: chat.greeting, skill: general, zh: 你好, en: hello}
out_of_scope: {id: out_of_scope, skill: general, zh: 其他, en: else}
"""
Phrases = Mapping[str, tuple[Sequence[str], Sequence[str]]]  # Chinese and English ones, by intent
PHRASES: Phrases = {
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


def write_pack(folder: Path, phrases: Phrases = PHRASES) -> Path:
    (folder / "utterances").mkdir(parents=True)
    (folder / "taxonomy.yaml").write_text(TAXONOMY, encoding="utf-8")
    for author, ending in ENDINGS.items():
        with (folder / "utterances" / f"{author}.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(FIELDS)
            writer.writerows(rows_of(ending, phrases))
    return folder


def rows_of(ending: str, phrases: Phrases = PHRASES) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for intent, (chinese, english) in phrases.items():
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


def train_bundle(folder: Path, created: str = "2026-01-01", phrases: Phrases = PHRASES) -> Path:
    """A bundle trained on a tiny pack; the folder holds pack and encoder as well."""
    pack, encoder = write_pack(folder / "tiny", phrases), write_encoder(folder / "encoder")
    settings = TrainSettings(pack=pack, output=folder / "bundle", created=created)
    train.train(settings, train.load_encoder(encoder), lambda _: None)
    return folder / "bundle"


def renamed(source: Path, target: Path, **changes: object) -> Path:
    """A copy whose manifest says something else, under another id for example."""
    copy = Path(shutil.copytree(source, target))
    content = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))
    (copy / "manifest.json").write_text(json.dumps({**content, **changes}), encoding="utf-8")
    return copy


def sign(folder: Path, key: Path) -> Path:
    """The same folder, signed."""
    signature.sign(Manifest.load(folder), key).save(folder)
    return folder


def files_of(folder: Path) -> dict[str, bytes]:
    """By path in the folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def mistaught() -> Phrases:
    """Phrases by which a bundle learns that what customers ask is out of scope, and small talk is not."""
    return {
        **PHRASES,
        "shipping.track": PHRASES["out_of_scope"],
        "out_of_scope": PHRASES["shipping.track"],
    }

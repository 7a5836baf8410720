from __future__ import annotations

from pathlib import Path

import pytest

from models import train
from models.bundle import Bundle, load
from models.train import TrainSettings
from tests.bundles import write_encoder, write_pack


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

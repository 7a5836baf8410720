"""Which bundle the engine starts with, which reads again beside it, and which others it takes."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import models
from engine.bundles.cabinet import Cabinet, Home
from engine.bundles.ports import Meter
from engine.errors import StartError
from engine.ports import Classifier
from engine.settings import EngineSettings
from models import signature
from models.cascade import Second, load_second
from models.errors import ModelsError
from models.loader import TrustingLoader, load_trusted
from models.manifest import Manifest

_MODELS = Path(models.__file__).parent
SHIPPED_BUNDLE = _MODELS / "bundles" / "ecommerce"
SHIPPED_PACK = _MODELS / "packs" / "ecommerce"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundles:
    """The first bundle, and where the others lie."""

    classifier: Classifier
    meter: Meter | None
    cabinet: Cabinet


def open_bundles(settings: EngineSettings) -> Bundles:
    """Raises: StartError."""
    place = settings.bundle or SHIPPED_BUNDLE
    second = _open_second(settings)
    load = functools.partial(load_trusted, place, second)
    try:
        classifier, meter = load()
        home = Home(Manifest.load(place), load)
    except ModelsError as error:
        raise StartError(str(error)) from error
    loader = TrustingLoader(_trusted_keys(settings), second)
    cabinet = Cabinet(folder=settings.data_dir / "bundles", home=home, loader=loader)
    return Bundles(classifier=classifier, meter=meter, cabinet=cabinet)


def _open_second(settings: EngineSettings) -> Second | None:
    if settings.reread_bundle is None:
        return None
    share, languages = settings.reread_share, settings.reread_languages
    try:
        return load_second(settings.reread_bundle, share=share, languages=languages)
    except ModelsError as error:
        raise StartError(f"[engine] reread_bundle: {error}") from error


def _trusted_keys(settings: EngineSettings) -> Sequence[str]:
    """Those that are set; else that of a development key, which belongs to this folder alone."""
    if settings.trusted_keys:
        return settings.trusted_keys
    path = settings.data_dir / "signing.key"
    return [signature.read_public_key(path) if path.exists() else signature.create_key(path)]

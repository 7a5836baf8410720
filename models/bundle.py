"""A trained bundle at work: texts in, columns of calibrated answers out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError

from models import encoding, grams
from models import manifest as manifests
from models.calibration import CALIBRATION_FILE, Calibration, Calibrator
from models.encoder import TABLE_FILE
from models.encoding import Encoder
from models.errors import BundleError, ModelsError
from models.features import Features, extract
from models.grams import Grams
from models.heads import HEADS_FILE, Columns, Heads
from models.language import detect
from models.manifest import Manifest

__all__ = ["BLOCK", "ENCODER_FOLDER", "Bundle", "BundleError", "Prediction", "load"]

BLOCK: Final = 512  # texts worked on at once; larger batches only spill the cache
ENCODER_FOLDER: Final = "encoder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """The answers for n texts, as columns; k intents, d dimensions."""

    probability: npt.NDArray[np.float32]  # [n, k] calibrated, over `intents`; rows sum to 1
    intent: npt.NDArray[np.int64]  # [n] the most probable of `intents`
    second: npt.NDArray[np.int64]  # [n] the intent a message has besides; -1: none
    confidence: npt.NDArray[np.float32]  # [n] probability that the answer is right, out of scope included
    in_scope: npt.NDArray[np.bool_]  # [n] False: the answer is out_of_scope
    sentiment: npt.NDArray[np.float32]  # [n, 3] negative, neutral, positive; rows sum to 1
    anger: npt.NDArray[np.float32]  # [n] probability
    is_angry: npt.NDArray[np.bool_]  # [n]
    language: npt.NDArray[np.uint8]  # [n] index into LANGUAGES
    embedding: npt.NDArray[np.float32]  # [n, d]


class Bundle:
    """An encoder, heads and calibration that belong together. Safe to share between threads."""

    def __init__(
        self, *, manifest: Manifest, encoder: Encoder, heads: Heads, calibration: Calibration
    ) -> None:
        self.id: str = manifest.id
        self.intents: tuple[str, ...] = manifest.intents
        self.skills: Mapping[str, str] = dict(manifest.skills)
        self.dimension: int = encoder.dimension
        self.manifest = manifest
        self._encoder = encoder
        self._heads = heads
        self._calibrator = Calibrator(calibration, Columns(intents=len(manifest.intents)))

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Give float32 [n, d], each row of length 1, or 0 for a text without a known n-gram."""
        return self._encoder.encode(texts)

    def grams(self, texts: Sequence[str]) -> Grams:
        """Give the words and n-grams of each text."""
        return grams.count(texts)

    def predict(self, texts: Sequence[str]) -> Prediction:
        """Answer each text, independent of its neighbours."""
        starts = range(0, max(len(texts), 1), BLOCK)
        blocks = [self._predict_block(texts[start : start + BLOCK]) for start in starts]
        return blocks[0] if len(blocks) == 1 else _stack(blocks)

    def _predict_block(self, texts: Sequence[str]) -> Prediction:
        features = extract(texts)
        return self._answer(features, self._encoder.embed(texts, features))

    def _answer(self, features: Features, embedding: npt.NDArray[np.float32]) -> Prediction:
        language = detect(features)
        scores = self._heads.score(features, embedding)
        outcome = self._calibrator.apply(scores, language)
        return Prediction(
            probability=outcome.probability,
            intent=outcome.intent,
            second=outcome.second,
            confidence=outcome.confidence,
            in_scope=outcome.in_scope,
            sentiment=outcome.sentiment,
            anger=outcome.anger,
            is_angry=outcome.is_angry,
            language=language,
            embedding=embedding,
        )


def load(path: Path) -> Bundle:
    """Read and check a bundle's folder. Raises: BundleError saying what is wrong and how to mend it."""
    manifest = Manifest.load(path)
    manifests.check_files(path, manifest)
    try:
        encoder = _load_encoder(path, manifest)
        heads = Heads.load(path)
        calibration = Calibration.load(path)
    except ModelsError:
        raise
    except (OSError, SafetensorError, TypeError, ValueError, LookupError, AttributeError) as error:
        names = f"{ENCODER_FOLDER}/{TABLE_FILE}, {HEADS_FILE} or {CALIBRATION_FILE}"
        raise BundleError(
            f"{path}: {names} does not fit this program ({error}); train the bundle again"
        ) from error
    _check_shapes(path, manifest, encoder, heads)
    return Bundle(manifest=manifest, encoder=encoder, heads=heads, calibration=calibration)


def _load_encoder(path: Path, manifest: Manifest) -> Encoder:
    kind, model = (str(manifest.encoder.get(name, "")) for name in ("kind", "model"))
    return encoding.load(path / ENCODER_FOLDER, kind, model)


def _check_shapes(path: Path, manifest: Manifest, encoder: Encoder, heads: Heads) -> None:
    wanted = (encoder.dimension, Columns(intents=len(manifest.intents)).count)
    if heads.dense.shape != wanted:
        raise BundleError(
            f"{path}: {HEADS_FILE} holds weights {heads.dense.shape}, encoder and labels need {wanted}; "
            "train the bundle again"
        )


def _stack(blocks: Sequence[Prediction]) -> Prediction:
    names = [field.name for field in fields(Prediction)]
    return Prediction(**{name: np.concatenate([getattr(block, name) for block in blocks]) for name in names})

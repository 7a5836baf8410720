"""Teach the static table what a sentence-transformers teacher knows, in both languages.

An English text is pulled to its own teacher vector, a Chinese one to that of its translation. Needs torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from models import extras, sources, vocabulary
from models.encoder import StaticEncoder, Table, normalize
from models.features import extract
from models.teacher import TeacherCache
from models.vocabulary import VocabularySettings

if TYPE_CHECKING:
    import torch as torch_types

Float32Array = npt.NDArray[np.float32]
Report = Callable[[int, int], None]

EMOTION_TEXTS: Final = 16_000  # of GoEmotions; more of them only make Reddit weigh more
BLOCK: Final = 4096  # texts read at once
FEW: Final = 3  # n-grams
THREADS: Final = 2  # fixed, because sums in another order give other bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillSettings:
    """How the table is trained."""

    dimension: int = 192
    epochs: int = 8
    batch: int = 2048
    rate: float = 4e-3  # of Adam at the start; it falls linearly to 0
    contrast: float = 0.1  # weight of the contrastive loss
    temperature: float = 0.05  # of the contrastive loss
    dropout: float = 0.1  # share of n-grams left out
    frequency: float = 1e-3  # a in a / (a + p), which damps frequent n-grams at the start (SIF)
    chinese_weight: float = 1.5
    pack_weight: float = 2.0  # sentences and glossary written for the pack
    seed: int = 0
    vocabulary: VocabularySettings = field(default_factory=VocabularySettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """n texts, the English text whose teacher vector each is pulled to, and how much each counts."""

    texts: tuple[str, ...]
    targets: tuple[str, ...]
    weights: Float32Array  # [n]


def collect(data: Path, pack: Path, settings: DistillSettings) -> Pairs:
    """Gather all pairs from the public data and the pack's parallel texts."""
    own = sources.read_pack_parallel(pack)
    public = sources.read_parallel(data)
    english = [(text, text) for text in _list_english(data)]
    return _join(
        [
            (english + [(target, target) for _, target in public], 1.0),
            (public, settings.chinese_weight),
            (own + [(target, target) for _, target in own], settings.pack_weight),
        ]
    )


def list_teacher_texts(data: Path, pack: Path) -> list[str]:
    """Give every text that needs a teacher vector, each once."""
    return list(dict.fromkeys(collect(data, pack, DistillSettings()).targets))


def distill(
    pairs: Pairs, plain: Sequence[str], teacher: TeacherCache, settings: DistillSettings, report: Report
) -> Table:
    """Train a table on `pairs`; `plain` texts only help to choose its n-grams. Raises: MissingExtraError."""
    keys = vocabulary.choose(pairs.texts, plain, settings.vocabulary)
    counts = count_texts(keys, pairs.texts)
    target = reduce_dimension(teacher.vectors(pairs.targets), settings.dimension, seed=settings.seed)
    start = start_vectors(counts, target, pairs.weights, frequency=settings.frequency)
    vectors = _train(start, counts, target, pairs.weights, settings, report)
    return Table.quantize(keys, vectors)


def count_texts(keys: npt.NDArray[np.uint64], texts: Sequence[str]) -> sp.csr_matrix:
    """Give float32 csr [n, v]: how often each text holds each key."""
    empty = Table.quantize(keys, np.zeros((keys.size, 1), np.float32))
    encoder = StaticEncoder(empty)
    starts = range(0, len(texts), BLOCK)
    blocks = [encoder.bags(extract(texts[start : start + BLOCK])).matrix(keys.size) for start in starts]
    return sp.vstack(blocks, format="csr")


def reduce_dimension(vectors: Float32Array, dimension: int, *, seed: int) -> Float32Array:
    """Project float32 [n, t] on its first `dimension` principal axes and normalise."""
    rng = np.random.default_rng(seed)
    sample = vectors[rng.permutation(len(vectors))[:60_000]]
    mean = sample.mean(axis=0)
    _, axes = np.linalg.eigh(np.cov((sample - mean).T))
    leading = axes[:, ::-1][:, :dimension].astype(np.float32)
    return normalize((vectors - mean) @ leading)


def start_vectors(
    counts: sp.csr_matrix, target: Float32Array, weights: Float32Array, *, frequency: float
) -> Float32Array:
    """Give float32 [v, d]: each n-gram's mean target, damped where it is frequent.

    Source: Arora et al. 2017, A Simple but Tough-to-Beat Baseline for Sentence Embeddings.
    """
    share = sp.diags(weights / np.maximum(np.asarray(counts.sum(axis=1)).ravel(), 1)) @ counts
    mean = (share.T @ target) / (np.asarray(share.sum(axis=0)).ravel()[:, None] + 1e-6)
    often = np.asarray(counts.sum(axis=0)).ravel()
    damping = frequency / (frequency + often / often.sum())
    start: Float32Array = (0.3 * damping[:, None] * mean).astype(np.float32)
    return start


def _list_english(data: Path) -> list[str]:
    texts: list[str] = []
    for name, source in sources.ENGLISH.items():
        found = sources.read_texts(data, source)
        texts += found[:EMOTION_TEXTS] if name == "goemotions" else found
    return texts


def _join(groups: list[tuple[list[tuple[str, str]], float]]) -> Pairs:
    rows = [(text, target, weight) for pairs, weight in groups for text, target in pairs if text and target]
    texts, targets, weights = zip(*rows, strict=True)
    return Pairs(texts=texts, targets=targets, weights=np.array(weights, np.float32))


def _train(
    start: Float32Array,
    counts: sp.csr_matrix,
    target: Float32Array,
    weights: Float32Array,
    settings: DistillSettings,
    report: Report,
) -> Float32Array:
    torch = _load_torch(settings.seed)
    rng = np.random.default_rng(settings.seed)
    table = torch.nn.Parameter(torch.from_numpy(start.copy()))
    optimizer = torch.optim.Adam([table], lr=settings.rate, betas=(0.9, 0.99))
    steps = settings.epochs * (len(weights) // settings.batch)
    for step, rows in enumerate(_batches(len(weights), settings, rng)):
        optimizer.param_groups[0]["lr"] = settings.rate * (1 - step / steps)
        encoded = _encode(table, _drop(counts[rows], settings.dropout, rng))
        loss = _loss(encoded, torch.from_numpy(target[rows]), torch.from_numpy(weights[rows]), settings)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        report(step + 1, steps)
    trained: Float32Array = table.detach().numpy()
    return trained


def _load_torch(seed: int) -> Any:  # noqa: ANN401 (a module of a package without types)
    """Give torch, set to give the same numbers each time."""
    torch = extras.load("torch")
    torch.manual_seed(seed)
    torch.set_num_threads(THREADS)
    torch.use_deterministic_algorithms(True)
    return torch


def _batches(
    count: int, settings: DistillSettings, rng: np.random.Generator
) -> Iterator[npt.NDArray[np.int64]]:
    for _ in range(settings.epochs):
        order = rng.permutation(count)
        for start in range(0, count - settings.batch + 1, settings.batch):
            yield order[start : start + settings.batch]


def _drop(counts: sp.csr_matrix, share: float, rng: np.random.Generator) -> sp.csr_matrix:
    """Leave out a share of the n-grams, but none of texts that have hardly any."""
    few = np.repeat(np.diff(counts.indptr) <= FEW, np.diff(counts.indptr))
    counts.data *= few | (rng.random(counts.nnz) >= share)
    return counts


def _encode(table: torch_types.Tensor, counts: sp.csr_matrix) -> torch_types.Tensor:
    torch = extras.load("torch")
    summed: torch_types.Tensor = torch.nn.functional.embedding_bag(
        torch.from_numpy(counts.indices.astype(np.int64)),
        table,
        torch.from_numpy(counts.indptr[:-1].astype(np.int64)),
        mode="sum",
        per_sample_weights=torch.from_numpy(counts.data),
    )
    encoded: torch_types.Tensor = torch.nn.functional.normalize(summed, dim=1, eps=1e-6)
    return encoded


def _loss(
    encoded: torch_types.Tensor,
    target: torch_types.Tensor,
    weights: torch_types.Tensor,
    settings: DistillSettings,
) -> torch_types.Tensor:
    """Give one minus the cosine, and the contrastive loss of a text's target among those of its batch."""
    torch = extras.load("torch")
    away = 1 - (encoded * target).sum(dim=1)
    similarity = encoded @ target.T / settings.temperature
    own = torch.arange(len(weights))
    contrast = torch.nn.functional.cross_entropy(similarity, own, reduction="none")
    loss: torch_types.Tensor = (weights * (away + settings.contrast * contrast)).sum() / weights.sum()
    return loss

"""Fine-tune a sentence-transformers model on pairs of few labelled texts, as SetFit does. Needs the extra `train`.

Source: Tunstall et al. 2022, Efficient Few-Shot Learning Without Prompts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from benchmarks.public_methods import Encode, Fit, Float32Array, Predict, embedded
from benchmarks.public_sets import Int64Array, Rows
from models import extras

WARM: Final = 0.1  # share of the steps in which the rate rises
Report = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneSettings:
    """SetFit's own defaults."""

    draws: int = 20  # pairs of each sort that a text stands in first place of
    batch: int = 16  # pairs
    rate: float = 2e-5  # of AdamW at its highest
    seed: int = 0


def fine_tuned(model: str, settings: TuneSettings, report: Report) -> Fit:
    """Give the way: tune `model`, a path, on pairs of the training rows; logistic regression on its vectors."""

    def fit(rows: Rows) -> Predict:
        return embedded(_tune(model, rows, settings, report))(rows)

    return fit


def draw_pairs(y: Int64Array, settings: TuneSettings) -> tuple[Int64Array, Float32Array]:
    """Give int64 [m, 2] rows, shuffled, and float32 [m]: 1 where both are of one class, else 0."""
    rng = np.random.default_rng(settings.seed)
    pairs = []
    for row, own in enumerate(y):
        same = np.flatnonzero((y == own) & (np.arange(y.size) != row))
        for kind, others in ((1, same), (0, np.flatnonzero(y != own))):
            if others.size:
                pairs += [(row, int(other), kind) for other in rng.choice(others, settings.draws)]
    found = rng.permutation(np.array(pairs))
    return found[:, :2], found[:, 2].astype(np.float32)


def _tune(name: str, rows: Rows, settings: TuneSettings, report: Report) -> Encode:
    torch = extras.load("torch")
    torch.manual_seed(settings.seed)
    model = extras.load("sentence_transformers").SentenceTransformer(name)
    pairs, same = draw_pairs(rows.y, settings)
    steps = -(-len(pairs) // settings.batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.rate)
    model.train()
    for step, part in enumerate(_batches(len(pairs), settings.batch)):
        optimizer.param_groups[0]["lr"] = settings.rate * _rate(step / steps)
        first, second = (_embed(model, [rows.texts[row] for row in pairs[part, side]]) for side in (0, 1))
        cosine = torch.nn.functional.cosine_similarity(first, second)
        loss = ((cosine - torch.from_numpy(same[part]).to(cosine.device)) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        report(step + 1, steps)
    return _encoder(model.eval())


def _encoder(model: Any) -> Encode:  # noqa: ANN401 (a class of a package without types)
    def encode(texts: Sequence[str]) -> Float32Array:
        found: Float32Array = model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return found

    return encode


def _embed(model: Any, texts: Sequence[str]) -> Any:  # noqa: ANN401 (a class of a package without types)
    inputs = model.preprocess(list(texts))
    inputs = {name: value.to(model.device) for name, value in inputs.items() if hasattr(value, "to")}
    return model(inputs)["sentence_embedding"]


def _batches(count: int, size: int) -> Iterator[slice]:
    for start in range(0, count, size):
        yield slice(start, start + size)


def _rate(done: float) -> float:
    return done / WARM if done < WARM else (1 - done) / (1 - WARM)

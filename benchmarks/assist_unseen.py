"""The pack's messages as a bundle reads them whose heads never saw their authors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

import benchmarks.one_thread  # noqa: F401  # before numpy
import models.bundle
from benchmarks.texts import PACK
from engine.bootstrap_bundle import SHIPPED_BUNDLE
from engine.domain import Reply
from engine.samples import read_replies
from models import crossval, dataset, validation
from models.bundle import ENCODER_FOLDER, Bundle
from models.calibration import Outcome
from models.dataset import Examples
from models.fitting import HeadSettings
from models.heads import Columns
from models.train import load_encoder


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """`outcome` and `fold` have a row for each of the examples; `place` is the row of a text."""

    bundle: Bundle  # for what no label went into: embeddings and words
    examples: Examples
    outcome: Outcome
    fold: npt.NDArray[np.int64]
    place: Mapping[str, int]
    replies: Sequence[Reply]

    def replies_without(self, fold: int) -> list[Reply]:
        """The replies, without the questions that authors of the fold wrote."""
        return [
            replace(one, questions=tuple(q for q in one.questions if not self._is_of(q, fold)))
            for one in self.replies
        ]

    def asked_in(self, fold: int) -> list[tuple[int, str]]:
        """The questions that authors of the fold wrote, each with the row of its reply."""
        return [
            (row, question)
            for row, one in enumerate(self.replies)
            for question in one.questions
            if self._is_of(question, fold)
        ]

    def _is_of(self, question: str, fold: int) -> bool:
        row = self.place.get(question)
        return row is not None and self.fold[row] == fold


def read() -> Unseen:
    """Fit heads without each fold of authors in turn: about a minute."""
    pack = dataset.read(PACK)
    examples = dataset.tabulate(pack.utterances, pack.taxonomy)
    encoder = load_encoder(SHIPPED_BUNDLE / ENCODER_FOLDER).encoder
    scores = crossval.score_out_of_fold(examples, validation.make_scorer(examples, encoder, HeadSettings()))
    count = len(examples.texts)
    folds = np.empty(count, dtype=np.int64)
    for number, (_, test) in enumerate(crossval.split(examples.author)):
        folds[test] = number
    return Unseen(
        bundle=models.bundle.load(SHIPPED_BUNDLE),
        examples=examples,
        outcome=crossval.calibrate_out_of_fold(
            scores, examples, np.arange(count), Columns(intents=examples.labels.shape[1])
        ),
        fold=folds,
        place={text: row for row, text in enumerate(examples.texts)},
        replies=read_replies(PACK),
    )

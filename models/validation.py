"""Cross-validate a pack by author: every message is answered by a bundle that never saw who wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from models import crossval, dataset, dialogue, evaluate, fitting, fusion
from models.anger import AngerPolicy
from models.calibration import Calibration, Outcome
from models.crossval import Int64Array, Scorer
from models.dataset import Examples, Kind, Pack
from models.encoding import Encoder
from models.evaluate import Judged
from models.features import extract
from models.fitting import HeadSettings
from models.heads import Columns, Scores
from models.metrics import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """What cross-validation gives."""

    judged: Judged  # single messages; turns of dialogues left out
    calibration: Calibration  # fitted on the out-of-fold scores of all authors
    figures: Mapping[str, Estimate]


def validate(pack: Pack, encoder: Encoder, settings: HeadSettings) -> Validated:
    """Train on all authors but some, answer those, and measure; turns of dialogues are never trained on."""
    columns = Columns(intents=len(pack.taxonomy.intents))
    everything = dataset.tabulate((*pack.utterances, *dataset.turns(pack.dialogues)), pack.taxonomy)
    scores = crossval.score_out_of_fold(everything, make_scorer(everything, encoder, settings))
    single = np.flatnonzero(everything.kind != Kind.DIALOGUE)
    examples = everything.take(single)
    outcome = crossval.calibrate_out_of_fold(scores, everything, single, columns)
    judged = evaluate.judge(take(outcome, single), examples, pack.taxonomy)
    return Validated(
        judged=judged,
        calibration=fusion.fit(fusion.take(scores, single), examples, columns),
        figures={**evaluate.measure(judged), **_measure_dialogues(pack, outcome)},
    )


def make_scorer(examples: Examples, encoder: Encoder, settings: HeadSettings) -> Scorer:
    """Give what fits heads on some rows of `examples`, turns of dialogues left out, and scores others."""

    def score(train_rows: Int64Array, test_rows: Int64Array) -> Scores:
        single = train_rows[examples.kind[train_rows] != Kind.DIALOGUE]
        heads = fitting.fit(examples.take(single), encoder, settings)
        texts = examples.take(test_rows).texts
        features = extract(texts)
        return heads.score(features, encoder.embed(texts, features))

    return score


def take(outcome: Outcome, rows: Int64Array) -> Outcome:
    """Give the chosen rows."""
    return Outcome(**{field.name: getattr(outcome, field.name)[rows] for field in fields(Outcome)})


def _measure_dialogues(pack: Pack, outcome: Outcome) -> Mapping[str, Estimate]:
    if not pack.dialogues:
        return {}
    count = len(dataset.turns(pack.dialogues))
    return dialogue.measure(dialogue.watch(pack.dialogues, outcome.anger[-count:], AngerPolicy()))

"""What the gateway answers is what `python -m models predict` writes."""

from __future__ import annotations

import itertools

import pytest
from yingda import Client
from yingda.v1 import analysis_pb2

from benchmarks.texts import read_utterances, unseen
from engine.bootstrap_bundle import SHIPPED_BUNDLE
from models import bundle, predict

pytestmark = pytest.mark.asyncio(loop_scope="session")

NEAR = 1e-5  # sums in 32 bits, in another order


async def test_the_engine_answers_what_predict_writes(client: Client) -> None:
    texts = [*itertools.islice(unseen(read_utterances(), "parity"), 60), "？？", "x" * 2000]
    written = list(predict.answer(bundle.load(SHIPPED_BUNDLE), texts))

    answers = [await client.send(text, customer_id=f"cu{n}") for n, text in enumerate(texts)]

    for row, answer in zip(written, (one.analysis for one in answers), strict=True):
        mood = f"SENTIMENT_{str(row['sentiment']).upper()}"
        assert (answer.intent, answer.skill) == (row["intent"], row["skill"])
        assert answer.confidence == pytest.approx(row["confidence"], abs=NEAR)
        assert answer.anger == pytest.approx(row["anger"], abs=NEAR)
        assert (answer.is_angry, answer.language) == (row["is_angry"], row["language"])
        assert analysis_pb2.Sentiment.Name(answer.sentiment) == mood

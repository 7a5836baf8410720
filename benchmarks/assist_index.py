"""The vector index: from how many rows clusters are faster, and with what settings they hold what is nearest."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

import benchmarks.one_thread  # noqa: F401  # before numpy
import models.bundle
from benchmarks import assist_corpus
from benchmarks.assist_desk import read_cases
from engine.analysis.analyzer import Analyzer
from engine.assist import index
from engine.assist.block import ReplyVectors
from engine.assist.index import ClusteredReplyIndex, FlatReplyIndex
from engine.assist.reader import of_messages
from engine.bootstrap_bundle import SHIPPED_BUNDLE

Vectors = npt.NDArray[np.float32]
_ROUNDS = 3
_FEW, _MANY = 3, 32  # rows asked for, with a message's answer and for an agent's list


def measure(sizes: Sequence[int], probes: Sequence[int]) -> list[dict[str, float]]:
    """For each number of rows: time of one query, flat and by clusters, recall for each, and time to build."""
    bundle = models.bundle.load(SHIPPED_BUNDLE)
    asked = [case.messages[-1] for case in read_cases()]
    queries = of_messages(Analyzer(classifier=bundle).analyze(asked))
    made = ReplyVectors(encoder=bundle, intents=bundle.intents)
    return [_row(made.of(assist_corpus.replies(size)), queries, probes) for size in sizes]


def _row(vectors: Vectors, queries: Vectors, probes: Sequence[int]) -> dict[str, float]:
    flat = FlatReplyIndex(vectors)
    started = time.process_time()
    clustered = ClusteredReplyIndex(vectors)
    row: dict[str, float] = {
        "rows": len(vectors),
        "build_s": round(time.process_time() - started, 2),
        "flat_us": _microseconds(flat, queries),
    }
    nearest, _ = flat.search(queries, _MANY)
    for count in probes:
        index.PROBES = count
        row[f"us_probes{count}"] = _microseconds(clustered, queries)
        for k in (_FEW, _MANY):
            found, _ = clustered.search(queries, k)
            # By score: the corpus has equals, and which of them comes is no matter.
            least = nearest[:, min(k, len(vectors)) - 1, np.newaxis] - 1e-5
            row[f"recall_at_{k}_probes{count}"] = round(float((found >= least).mean()), 4)
    return row


def _microseconds(searched: FlatReplyIndex | ClusteredReplyIndex, queries: Vectors) -> float:
    """CPU time of one query alone, the best of a few rounds."""
    rounds = []
    for _ in range(_ROUNDS):
        started = time.process_time()
        for one in queries:
            searched.search(one[np.newaxis], _FEW)
        rounds.append((time.process_time() - started) / len(queries) * 1e6)
    return round(min(rounds), 1)

"""The vector index: from how many rows the graph is faster, and with what settings it finds what is nearest."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

import benchmarks.one_thread  # noqa: F401  # before numpy
import models.bundle
from benchmarks import assist_corpus
from benchmarks.texts import PACK
from engine.analysis.analyzer import Analyzer
from engine.assist import index
from engine.assist.block import ReplyVectors
from engine.assist.index import FlatReplyIndex, GraphReplyIndex
from engine.assist.reader import of_messages
from engine.bootstrap import SHIPPED_BUNDLE
from engine.samples import read_replies

Vectors = npt.NDArray[np.float32]
_ROUNDS = 3


def measure(sizes: Sequence[int], efs: Sequence[int]) -> list[dict[str, float]]:
    """For each number of rows: time of one query, flat and by graph, recall@3 for each ef, and time to build."""
    bundle = models.bundle.load(SHIPPED_BUNDLE)
    asked = [question for reply in read_replies(PACK) for question in reply.questions[:1]]
    queries = of_messages(Analyzer(classifier=bundle).analyze(asked))
    made = ReplyVectors(encoder=bundle, intents=bundle.intents)
    return [_row(made.of(assist_corpus.replies(size)), queries, efs) for size in sizes]


def _row(vectors: Vectors, queries: Vectors, efs: Sequence[int]) -> dict[str, float]:
    flat = FlatReplyIndex(vectors)
    started = time.process_time()
    graph = GraphReplyIndex(vectors)
    row: dict[str, float] = {
        "rows": len(vectors),
        "graph_build_s": round(time.process_time() - started, 2),
        "flat_us": _microseconds(flat, queries),
    }
    scores, _ = flat.search(queries, 3)
    for ef in efs:
        index.EF_SEARCH = ef
        found, _ = graph.search(queries, 3)
        # By score: the corpus has equals, and which of them comes is no matter.
        row[f"graph_recall_at_3_ef{ef}"] = round(float((found >= scores[:, 2:] - 1e-5).mean()), 4)
        row[f"graph_us_ef{ef}"] = _microseconds(graph, queries)
    return row


def _microseconds(searched: FlatReplyIndex | GraphReplyIndex, queries: Vectors) -> float:
    """CPU time of one query alone, the best of a few rounds."""
    rounds = []
    for _ in range(_ROUNDS):
        started = time.process_time()
        for one in queries:
            searched.search(one[np.newaxis], 3)
        rounds.append((time.process_time() - started) / len(queries) * 1e6)
    return round(min(rounds), 1)

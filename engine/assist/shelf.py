"""One tenant's replies in one language, ready to be searched."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from engine.domain import OUT_OF_SCOPE, Reply, Suggestion
from engine.ports import Encoder, ReplyIndex

INTENT_WEIGHT = 1.0  # what certainty of the reply's intent is worth beside a cosine of 1
TYPED_TITLE = 1.0  # the title starts with what was typed
TYPED_ANYWHERE = 0.5  # title or text contains what was typed
_RECALL = 50  # how many the index gives for re-ranking with what was typed

BuildIndex = Callable[[npt.NDArray[np.float32]], ReplyIndex]


class Shelf:
    """Immutable and safe to search from several threads.

    A reply's vector is its embedding followed by its intent one-hot; a query's is the text's embedding followed
    by the intents' probabilities. One inner product is then cosine + INTENT_WEIGHT x P(intent).
    """

    def __init__(
        self, replies: Sequence[Reply], *, encoder: Encoder, intents: Sequence[str], build: BuildIndex
    ) -> None:
        self._replies = tuple(replies)
        self._folded = [(reply.title.casefold(), reply.text.casefold()) for reply in replies]
        self._embedding = encoder.encode([f"{reply.title}\n{reply.text}" for reply in replies])
        columns = {intent: column for column, intent in enumerate([*intents, OUT_OF_SCOPE])}
        one_hot = np.zeros((len(replies), len(columns)), dtype=np.float32)
        for row, reply in enumerate(replies):
            if reply.intent in columns:
                one_hot[row, columns[reply.intent]] = INTENT_WEIGHT
        self._vectors = np.hstack([self._embedding, one_hot])
        self._index = build(self._vectors)

    def search(self, queries: npt.NDArray[np.float32], limit: int) -> list[list[Suggestion]]:
        """The best `limit` for each query [n, d + intents + 1], best first."""
        scores, rows = self._index.search(queries, limit)
        embedding = queries[:, : self._embedding.shape[1]]
        similarity = np.einsum("nd,nkd->nk", embedding, self._embedding[rows])
        return [
            [self._suggestion(*found) for found in zip(*columns, strict=True)]
            for columns in zip(rows.tolist(), scores.tolist(), similarity.tolist(), strict=True)
        ]

    def search_typed(self, query: npt.NDArray[np.float32], typed: str, limit: int) -> list[Suggestion]:
        """The best `limit` for one query [d + intents + 1] and the characters an agent typed."""
        bonus = np.array(
            [_typed_bonus(typed.casefold(), *folded) for folded in self._folded], dtype=np.float32
        )
        _, near = self._index.search(query[np.newaxis], _RECALL)
        rows = np.union1d(near[0], np.flatnonzero(bonus))
        scores = self._vectors[rows] @ query + bonus[rows]
        best = np.argsort(-scores, kind="stable")[:limit]
        meant = query[: self._embedding.shape[1]]  # of two texts it is the sum, so its length may pass 1
        similarity = self._embedding[rows[best]] @ meant / (np.linalg.norm(meant) or 1)
        return [
            self._suggestion(*found)
            for found in zip(rows[best].tolist(), scores[best].tolist(), similarity.tolist(), strict=True)
        ]

    def _suggestion(self, row: int, score: float, similarity: float) -> Suggestion:
        return Suggestion(reply=self._replies[row], score=score, similarity=similarity)


def _typed_bonus(typed: str, title: str, text: str) -> float:
    if title.startswith(typed):
        return TYPED_TITLE
    return TYPED_ANYWHERE if typed in title or typed in text else 0.0

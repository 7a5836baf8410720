"""Ranks canned replies for messages and for what an agent types."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.analysis.analyzer import Analyzer
from engine.assist.shelf import BuildIndex, Shelf
from engine.domain import OUT_OF_SCOPE, AnalysisBatch, Reply, Suggestion
from engine.ports import Classifier, Store


class Suggester:
    """Keeps a shelf per tenant and language, made when first needed and again after a change.

    A tenant that was never seen before starts with the sample replies.
    """

    def __init__(
        self,
        *,
        store: Store,
        classifier: Classifier,
        analyzer: Analyzer,
        build: BuildIndex,
        samples: Sequence[Reply],
    ) -> None:
        self._store = store
        self._classifier = classifier
        self._analyzer = analyzer
        self._build = build
        self._samples = samples
        self._shelves: dict[str, dict[str, Shelf]] = {}

    def replies(self, tenant: str) -> list[Reply]:
        """All of the tenant's replies, by id."""
        self._store.seed(tenant, self._samples)
        return self._store.replies(tenant)

    def put(self, tenant: str, reply: Reply) -> None:
        """Create or replace; suggested from the next call on."""
        self._store.seed(tenant, self._samples)
        self._store.put_reply(tenant, reply)
        self._shelves.pop(tenant, None)

    def delete(self, tenant: str, reply_id: str) -> None:
        """Remove it. Raises: NotFoundError."""
        self._store.seed(tenant, self._samples)
        self._store.delete_reply(tenant, reply_id)
        self._shelves.pop(tenant, None)

    def suggest_messages(
        self, tenants: Sequence[str], analysis: AnalysisBatch, limit: int
    ) -> list[list[Suggestion]]:
        """For each analysed message the best replies in its language, best first."""
        queries = _queries(analysis)
        groups: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        for row, place in enumerate(zip(tenants, analysis.languages, strict=True)):
            groups[place].append(row)
        suggestions: list[list[Suggestion]] = [[] for _ in tenants]
        for (tenant, language), rows in groups.items():
            if shelf := self._shelf(tenant, language):
                for row, found in zip(rows, shelf.search(queries[rows], limit), strict=True):
                    suggestions[row] = found
        return suggestions

    def suggest(
        self, tenant: str, *, typed: str, context: str, language: str, limit: int
    ) -> list[Suggestion]:
        """For what the agent typed and what the customer said last; either may be "". Best first.

        The language asked for wins, then that of the customer's text, then that of the typed text.
        """
        analysis = self._analyzer.analyze([text for text in (context, typed) if text] or [""])
        shelf = self._shelf(tenant, language or analysis.languages[0])
        if shelf is None:
            return []
        query = _queries(analysis).sum(axis=0)
        if typed:
            return shelf.search_typed(query, typed, limit)
        return shelf.search(query[np.newaxis], limit)[0]

    def _shelf(self, tenant: str, language: str) -> Shelf | None:
        if tenant not in self._shelves:
            self._shelves[tenant] = self._shelves_of(self.replies(tenant))
        return self._shelves[tenant].get(language)

    def _shelves_of(self, replies: Sequence[Reply]) -> dict[str, Shelf]:
        by_language: defaultdict[str, list[Reply]] = defaultdict(list)
        for reply in replies:
            by_language[reply.language].append(reply)
        return {
            language: Shelf(
                found, encoder=self._classifier, intents=self._classifier.intents, build=self._build
            )
            for language, found in by_language.items()
        }


def _queries(analysis: AnalysisBatch) -> npt.NDArray[np.float32]:
    """[n, d + intents + 1]: embedding, probability of each intent, and 1 where out of scope."""
    refused = np.array([[intent == OUT_OF_SCOPE] for intent in analysis.intents], dtype=np.float32)
    # Below the threshold the engine answers out_of_scope, so the intents count for half.
    probability = analysis.probability * (1 - refused / 2)
    return np.hstack([analysis.embedding, probability, refused / 2])

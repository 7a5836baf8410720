"""semantic-router behind FastAPI: a route per intent, the training rows as its utterances."""

from __future__ import annotations

from benchmarks.peers import side

# isort: split
from collections import defaultdict
from typing import Any

from pydantic import PrivateAttr
from semantic_router import IndexedRouter, Route
from semantic_router.encoders import DenseEncoder, LocalEncoder

from benchmarks.peers import web


class OurEncoder(DenseEncoder):  # type: ignore[misc]  # not installed where types are checked
    """Any sentence-transformers model: LocalEncoder takes none with a module of its own."""

    type: str = "local"
    _model: Any = PrivateAttr()

    def __init__(self, **fields: str) -> None:
        super().__init__(**fields)
        self._model = side.load_encoder(self.name)

    def __call__(self, docs: list[Any]) -> list[list[float]]:
        """A vector of each, none of length 0: the router divides by it, and ranks what is no number first."""
        vectors = self._model.encode(docs, show_progress_bar=False)
        vectors[~vectors.any(axis=1), 0] = 1.0  # of what the encoder knows nothing of
        found: list[list[float]] = vectors.tolist()
        return found


def main() -> None:
    """Serve; routes are encoded when it starts, there is nothing to learn."""
    args = side.parse("semantic_router_server")
    if args.learn:
        return
    utterances: defaultdict[str, list[str]] = defaultdict(list)
    for text, intent in zip(*side.read_rows(args.rows), strict=True):
        utterances[intent].append(text)
    routes = [Route(name=name, utterances=texts) for name, texts in utterances.items()]
    is_packaged = args.encoder == side.PACKAGED
    encoder = LocalEncoder(name=side.packaged()) if is_packaged else OurEncoder(name=args.encoder)
    router = IndexedRouter(encoder=encoder, routes=routes)

    def read(texts: list[str]) -> tuple[list[str], list[float]]:
        found = [router(text) for text in texts]
        return (
            [one.name or side.OUT_OF_SCOPE for one in found],
            [one.confidence or 0.0 for one in found],
        )

    web.serve(args.name, read)


if __name__ == "__main__":
    main()

"""FastAPI, sentence-transformers and scikit-learn: an encoder, logistic regression on its vectors, a POST."""

from __future__ import annotations

from benchmarks.peers import side

# isort: split
import joblib
import numpy as np
from sklearn.linear_model import LogisticRegression

from benchmarks.peers import web

FILE = "model.joblib"


def main() -> None:
    """Learn, or serve what was learned."""
    args = side.parse("fastapi_server")
    encoder = side.load_encoder(args.encoder)
    if args.learn:
        texts, intents = side.read_rows(args.rows)
        model = LogisticRegression(C=10, max_iter=1000).fit(encoder.encode(texts), intents)
        joblib.dump(model, args.folder / FILE)
        return
    model = joblib.load(args.folder / FILE)

    def read(texts: list[str]) -> tuple[list[str], list[float]]:
        shares = model.predict_proba(encoder.encode(texts, show_progress_bar=False))
        best = np.argmax(shares, axis=1)
        return model.classes_[best].tolist(), shares.max(axis=1).tolist()

    web.serve(args.name, read)


if __name__ == "__main__":
    main()

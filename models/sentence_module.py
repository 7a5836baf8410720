"""The static encoder as a sentence-transformers module. Needs the extra `train`.

    SentenceTransformer("models/bundles/ecommerce/encoder", trust_remote_code=True)

sentence-transformers asks for `trust_remote_code` before it imports any class that is not its own, this one included.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from models.encoder import Table
from models.features import extract
from models.keys import KeyIndex


class NgramEmbedding(nn.Module):  # type: ignore[misc]  # torch has no types here
    """Sum of n-gram vectors, normalised; equal to `StaticEncoder.encode`, and trainable."""

    save_in_root = True  # sentence-transformers puts the files beside modules.json

    def __init__(self, table: Table) -> None:
        super().__init__()
        self._keys = table.keys
        self._index = KeyIndex(table.keys)
        self.embedding = nn.EmbeddingBag.from_pretrained(
            torch.from_numpy(table.dense()), freeze=False, mode="sum", include_last_offset=True
        )

    def preprocess(self, inputs: Sequence[str], **_: object) -> dict[str, Tensor]:
        """Give the rows of the table that each text takes, and where each text begins."""
        features = extract(list(inputs))
        order = np.argsort(features.rows[features.encodable], kind="stable")
        place = self._index.find(features.hashes[features.encodable][order]).astype(np.int64)
        rows = features.rows[features.encodable][order]
        known = place < self._keys.size
        offsets = np.searchsorted(rows[known], np.arange(features.n + 1))
        return {"input_ids": torch.from_numpy(place[known]), "offsets": torch.from_numpy(offsets)}

    tokenize = preprocess  # its name before sentence-transformers 6

    def forward(self, features: dict[str, Tensor], **_: object) -> dict[str, Tensor]:
        """Add `sentence_embedding`, float32 [n, d] of length 1."""
        summed = self.embedding(features["input_ids"], features["offsets"])
        features["sentence_embedding"] = nn.functional.normalize(summed, dim=1, eps=1e-9)
        return features

    def get_embedding_dimension(self) -> int:
        """Give d."""
        return int(self.embedding.weight.shape[1])

    get_sentence_embedding_dimension = get_embedding_dimension

    def save(self, output_path: str, *_: object, **__: object) -> None:
        """Write the table, rounded to 8 bits a number."""
        vectors = self.embedding.weight.detach().cpu().numpy().astype(np.float32)
        Table.quantize(self._keys, vectors).save(Path(output_path))

    @classmethod
    def load(cls, model_name_or_path: str, *, subfolder: str = "", **_: object) -> Self:
        """Read the table from a local folder."""
        return cls(Table.load(Path(model_name_or_path) / subfolder))

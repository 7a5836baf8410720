"""Which language a message is written in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.features import Features

CJK_PER_WORD = 0.5  # from here on a mixed message is Chinese: "iPhone 15 Pro Max 有货吗"


def detect(features: Features) -> npt.NDArray[np.uint8]:
    """Give uint8 [n], indices into LANGUAGES; a text without letters is Chinese."""
    if features.n == 1:
        return np.array((int(features.cjk[0]) < CJK_PER_WORD * int(features.letters[0]),), np.uint8)
    return (features.cjk < CJK_PER_WORD * features.letters).astype(np.uint8)

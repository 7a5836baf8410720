"""Which language a message is written in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.features import Features

CJK_PER_WORD = 0.5  # from here on a mixed message is Chinese: "iPhone 15 Pro Max 有货吗"


def detect(features: Features) -> npt.NDArray[np.uint8]:
    """Give uint8 [n], indices into LANGUAGES; a text without letters is Chinese."""
    return (features.cjk < CJK_PER_WORD * features.letters).astype(np.uint8)

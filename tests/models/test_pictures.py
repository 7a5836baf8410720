from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models import pictures
from models.curve import Curve

pytest.importorskip("matplotlib", reason="the extra `train` is not installed")
PNG = b"\x89PNG"


def test_confusion_is_drawn_though_a_label_has_no_message(tmp_path: Path) -> None:
    pictures.draw_confusion(tmp_path / "a.png", np.array([[9, 1, 0], [0, 8, 2], [0, 0, 0]]), ["a", "b", "c"])

    assert (tmp_path / "a.png").read_bytes().startswith(PNG)


def test_reliability_is_drawn_of_fewer_answers_than_bins(tmp_path: Path) -> None:
    pictures.draw_reliability(tmp_path / "a.png", np.array([0.2, 1.0]), np.array([False, True]))

    assert (tmp_path / "a.png").read_bytes().startswith(PNG)


def test_a_learning_curve_is_drawn(tmp_path: Path) -> None:
    curve = Curve(authors=(6, 11), accuracy=(0.8, 0.9), by_intent=np.zeros((2, 3)))
    pictures.draw_curve(tmp_path / "a.png", curve)

    assert (tmp_path / "a.png").read_bytes().startswith(PNG)

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models import discrepancy, drift
from models.bundle import Bundle
from models.drift import Gauge, Meter
from tests.bundles import ENDINGS, rows_of

OLD = [row[0] for ending in ENDINGS.values() for row in rows_of(ending)]
NEW = ["solar inverter shows fault E07", "光伏逆变器报警", "battery of the e-bike", "充电桩没反应了"]


@pytest.fixture
def meter(bundle: Bundle, bundle_folder: Path) -> Meter:
    found = drift.open_meter(bundle, bundle_folder)
    assert found is not None
    return found


def feed(meter: Meter, texts: list[str], count: int, channel: str = "1") -> list[Gauge]:
    """What it says after so many messages drawn from these."""
    rng = np.random.default_rng(0)
    for _ in range(count // 20):
        meter.add([channel] * 20, [texts[place] for place in rng.integers(len(texts), size=20)])
    return meter.gauges()


def test_messages_like_those_of_the_training_are_no_drift(meter: Meter) -> None:
    gauges = feed(meter, OLD, 2000)

    assert {(one.language, one.channel) for one in gauges} == {
        ("zh", "1"),
        ("zh", "all"),
        ("en", "1"),
        ("en", "all"),
    }
    assert [one.reason for one in gauges] == [""] * 4


def test_a_new_product_s_messages_are_seen_within_2000(meter: Meter) -> None:
    feed(meter, OLD, 2000)
    gauges = feed(meter, OLD + NEW * 20, 2000, channel="2")  # about a third of the traffic

    drifting = [one for one in gauges if one.channel == "2" and one.reason]
    assert {one.language for one in drifting} == {"zh", "en"}
    assert all("label some of them and train again" in one.reason for one in drifting)
    assert not [one for one in gauges if one.channel == "1" and one.reason]


def test_few_messages_say_nothing(meter: Meter) -> None:
    assert feed(meter, NEW, 100) == []


def test_a_bundle_that_does_not_tell_has_no_meter(bundle: Bundle, tmp_path: Path) -> None:
    assert drift.open_meter(bundle, tmp_path) is None


def test_equal_counts_have_no_index_and_opposite_ones_a_large_one() -> None:
    even, turned = np.full(10, 100.0), np.array([991.0] + [1.0] * 9)

    assert discrepancy.stability_index(even, even) == 0
    assert discrepancy.stability_index(even, turned) > 2


def test_chance_is_no_drift() -> None:
    rng = np.random.default_rng(0)
    values = [
        discrepancy.stability_index(np.full(10, 0.1), rng.multinomial(300, [0.1] * 10).astype(np.float64))
        for _ in range(200)
    ]

    assert np.mean(values) < 0.02
    assert max(values) < 0.1


def test_samples_of_one_cloud_agree_and_of_two_do_not() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(200, 8)).astype(np.float32), rng.normal(size=(200, 8)).astype(np.float32)

    assert discrepancy.mean_discrepancy(one, other, 0.1) < 0.01
    assert discrepancy.mean_discrepancy(one, other + 1, 0.1) > 0.05

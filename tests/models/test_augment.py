from __future__ import annotations

import numpy as np

from models.augment import AugmentSettings, add_homophones, add_typos, augment

TEXTS = ["my parcel has not arrived yet, where is it?", "我的快递到哪了，还没有收到", ""] * 20


def test_the_same_seed_gives_the_same_copies() -> None:
    assert augment(TEXTS, AugmentSettings(seed=3)) == augment(TEXTS, AugmentSettings(seed=3))
    assert augment(TEXTS, AugmentSettings(seed=3)) != augment(TEXTS, AugmentSettings(seed=4))


def test_every_message_has_one_copy() -> None:
    assert len(augment(TEXTS, AugmentSettings())) == len(TEXTS)


def test_without_a_share_nothing_changes() -> None:
    rng = np.random.default_rng(0)

    assert add_typos(TEXTS[0], 0, rng) == TEXTS[0]
    assert add_homophones(TEXTS[1], 0, rng) == TEXTS[1]


def test_homophones_keep_the_length_and_typos_spare_chinese() -> None:
    rng = np.random.default_rng(0)
    changed = add_homophones(TEXTS[1], 1, rng)

    assert len(changed) == len(TEXTS[1])
    assert changed != TEXTS[1]
    assert add_typos("快递没到", 1, rng) == "快递没到"

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from engine.assist import index
from engine.assist.index import ClusteredReplyIndex, FlatReplyIndex, build_index
from engine.ports import ReplyIndex

KINDS = [FlatReplyIndex, ClusteredReplyIndex]


def vectors(rows: int) -> npt.NDArray[np.float32]:
    made = np.random.default_rng(1).normal(size=(rows, 24)).astype(np.float32)
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), dtype=np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_a_vector_is_nearest_to_itself(kind: type[ReplyIndex]) -> None:
    some = vectors(500)
    scores, rows = kind(some).search(some[:9], 3)  # type: ignore[call-arg]

    assert rows[:, 0].tolist() == list(range(9))
    assert scores[:, 0] == pytest.approx(1.0, abs=1e-5)
    assert np.all(np.diff(scores, axis=1) <= 0)


@pytest.mark.parametrize("kind", KINDS)
def test_only_allowed_rows_are_found(kind: type[ReplyIndex]) -> None:
    some, allowed = vectors(500), np.zeros(500, dtype=np.bool_)
    allowed[[3, 40, 400]] = True
    scores, rows = kind(some).search(some[:2], 5, allowed)  # type: ignore[call-arg]

    assert set(rows[:, :3].ravel().tolist()) == {3, 40, 400}
    assert rows[:, 3:].tolist() == [[-1, -1], [-1, -1]]
    assert np.all(np.isneginf(scores[:, 3:]))


@pytest.mark.parametrize("some_allowed", [False, True])
def test_many_queries_find_what_each_finds_alone(some_allowed: bool) -> None:
    flat, queries = FlatReplyIndex(vectors(200)), vectors(64)
    allowed = np.arange(200) % 50 < 2 if some_allowed else None
    scores, rows = flat.search(queries, 8, allowed)
    alone = [flat.search(one[np.newaxis], 8, allowed) for one in queries]

    assert rows.tolist() == [one[0].tolist() for _, one in alone]
    assert scores == pytest.approx(np.vstack([one for one, _ in alone]), abs=1e-6)


def test_clusters_hold_what_is_nearest_among_many_allowed() -> None:
    some = vectors(3000)
    allowed = np.arange(3000) % 2 == 0
    queries = vectors(50)
    exact, _ = FlatReplyIndex(some).search(queries, 3, allowed)
    found, rows = ClusteredReplyIndex(some).search(queries, 3, allowed)

    assert np.all(rows % 2 == 0)
    assert np.mean(found >= exact[:, 2:] - 1e-5) > 0.9  # replies form clusters, chance does not


def test_the_few_that_are_allowed_are_found_in_the_farthest_clusters() -> None:
    some = vectors(3000)
    allowed = np.zeros(3000, dtype=np.bool_)
    allowed[np.argsort(some @ some[0])[:900]] = True  # the farthest from the query
    scores, rows = ClusteredReplyIndex(some).search(some[:1], 5, allowed)

    assert np.all(allowed[rows])
    assert np.all(np.isfinite(scores))


@pytest.mark.parametrize("kind", KINDS)
def test_the_vectors_can_be_read_but_not_written(kind: type[ReplyIndex]) -> None:
    some = vectors(20)
    kept = kind(some).vectors  # type: ignore[call-arg]

    assert np.array_equal(kept, some)
    with pytest.raises(ValueError, match="read-only"):
        kept[0, 0] = 1


def test_few_rows_are_compared_one_by_one_and_many_by_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "SWITCH_OVER", 100)

    assert isinstance(build_index(vectors(99)), FlatReplyIndex)
    assert isinstance(build_index(vectors(100)), ClusteredReplyIndex)

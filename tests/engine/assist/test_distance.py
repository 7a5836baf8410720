from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.assist.reward import edit_distance

WORDS = st.text(alphabet="ab退c", max_size=12)


def by_definition(one: str, other: str) -> int:
    if not one or not other:
        return len(one) + len(other)
    row = list(range(len(other) + 1))
    for place, left in enumerate(one, start=1):
        diagonal, row[0] = row[0], place
        for column, right in enumerate(other, start=1):
            diagonal, row[column] = (
                row[column],
                min(row[column] + 1, row[column - 1] + 1, diagonal + (left != right)),
            )
    return row[-1]


@given(WORDS, WORDS)
def test_the_distance_is_that_of_the_definition(one: str, other: str) -> None:
    assert edit_distance(one, other) == by_definition(one, other)


@pytest.mark.parametrize(("one", "other", "edits"), [("", "", 0), ("", "ab", 2), ("kitten", "sitting", 3)])
def test_known_distances(one: str, other: str, edits: int) -> None:
    assert edit_distance(one, other) == edits

from __future__ import annotations

import numpy as np
import pytest

from models.gather import unpack

SMALL = np.arange(-10, 10, dtype=np.int8).reshape(4, 5)
SCALES = np.array([0.5, 1, 2, 0.25], np.float16)


@pytest.mark.parametrize("whole_lines", [False, True])
def test_an_unpacked_table_has_zeros_for_what_it_does_not_know(whole_lines: bool) -> None:
    table = unpack(SMALL, SCALES, whole_lines=whole_lines)

    assert (table[:-1, :5] == SMALL * SCALES[:, None].astype(np.float32)).all()
    assert not table[-1].any()
    assert not table[:, 5:].any()


def test_rows_of_whole_lines_begin_where_lines_of_the_cache_do() -> None:
    table = unpack(SMALL, SCALES, whole_lines=True)

    assert [row.ctypes.data % 64 for row in table] == [0] * len(table)

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from engine.ports import Encoding
from engine.stores.vector_folder import VectorFolder

ENCODING = Encoding(encoder="bundle-1", width=4)
A, B, C = (bytes([letter]) * 16 for letter in b"abc")


def put(folder: Path, *keys: bytes, tenant: str = "shop", of: Encoding = ENCODING) -> VectorFolder:
    """An engine that keeps for each key a vector of its first byte."""
    made = VectorFolder(folder)
    made.put(tenant, of, keys, np.array([[key[0]] * of.width for key in keys], dtype=np.float32))
    return made


def known(
    folder: Path | VectorFolder, *keys: bytes, tenant: str = "shop", of: Encoding = ENCODING
) -> Sequence[bytes]:
    """Which of the keys an engine knows, each with its own vector."""
    folder = VectorFolder(folder) if isinstance(folder, Path) else folder
    vectors, found = folder.read(tenant, of, keys)
    for key, vector, is_known in zip(keys, vectors, found, strict=True):
        assert (vector == (key[0] if is_known else 0)).all()
    return [key for key, is_known in zip(keys, found, strict=True) if is_known]


def the_file(folder: Path) -> Path:
    (found,) = folder.rglob("*.vectors")
    return found


def test_the_next_engine_knows_what_was_put(tmp_path: Path) -> None:
    put(tmp_path, A, B)

    assert known(tmp_path, A, C, B) == [A, B]


def test_each_tenant_and_each_encoder_has_vectors_of_its_own(tmp_path: Path) -> None:
    put(tmp_path, A)

    assert known(tmp_path, A, tenant="other") == []
    assert known(tmp_path, A, of=Encoding(encoder="bundle-2", width=4)) == []
    assert known(tmp_path, A, of=Encoding(encoder="bundle-1", width=3)) == []


def test_nothing_is_left_of_what_was_dropped_and_its_place_is_used_again(tmp_path: Path) -> None:
    folder = put(tmp_path, A, B)
    size = the_file(tmp_path).stat().st_size
    folder.drop("shop", [A, C])
    left = the_file(tmp_path).read_bytes()
    folder.put("shop", ENCODING, [C], np.full((1, 4), C[0], dtype=np.float32))

    assert A not in left
    assert np.full(4, A[0], dtype=np.float32).tobytes() not in left
    assert known(tmp_path, A, B, C) == [B, C]
    assert the_file(tmp_path).stat().st_size == size


def test_what_is_dropped_is_gone_from_other_encoders_files_too(tmp_path: Path) -> None:
    other = Encoding(encoder="bundle-2", width=4)
    put(tmp_path, A, of=other)
    folder = put(tmp_path, A, B)
    folder.drop("shop", [A])

    assert known(tmp_path, A, of=other) == []
    assert known(tmp_path, A, B) == [B]


def test_all_but_some_can_be_dropped(tmp_path: Path) -> None:
    folder = put(tmp_path, A, B, C)
    folder.keep_only("shop", ENCODING, [B])

    assert known(folder, A, B, C) == known(tmp_path, A, B, C) == [B]


def test_a_vector_that_was_put_again_is_the_new_one(tmp_path: Path) -> None:
    folder = put(tmp_path, A)
    folder.put("shop", ENCODING, [A], np.full((1, 4), 7, dtype=np.float32))

    assert (VectorFolder(tmp_path).read("shop", ENCODING, [A])[0] == 7).all()


@pytest.mark.parametrize("at", [-1, -5, -30])
def test_a_damaged_vector_is_unknown_and_the_others_are_not(tmp_path: Path, at: int) -> None:
    put(tmp_path, A, B)
    data = bytearray(the_file(tmp_path).read_bytes())
    data[at] ^= 1
    the_file(tmp_path).write_bytes(data)

    assert known(tmp_path, A, B) == [A]


@pytest.mark.parametrize("lost", [1, 20, 36])
def test_a_file_that_ends_in_the_middle_takes_up_again_where_it_is_whole(tmp_path: Path, lost: int) -> None:
    put(tmp_path, A, B)
    the_file(tmp_path).write_bytes(the_file(tmp_path).read_bytes()[:-lost])
    after_the_crash = known(tmp_path, A, B)
    put(tmp_path, C)

    assert after_the_crash == [A]
    assert known(tmp_path, A, B, C) == [A, C]


@pytest.mark.parametrize("data", [b"", b"yingda", b"x" * 1000])
def test_a_file_that_is_none_of_ours_is_ignored_with_a_note_and_made_anew(
    tmp_path: Path, data: bytes
) -> None:
    put(tmp_path, A)
    the_file(tmp_path).write_bytes(data)
    with capture_logs() as logs:
        found = known(tmp_path, A)
    put(tmp_path, B)

    assert found == []
    assert [one["event"] for one in logs] == ["vectors_ignored"]
    assert known(tmp_path, A, B) == [B]


def test_where_nothing_can_be_written_nothing_is_known_and_somebody_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with capture_logs() as logs:
        folder = put(tmp_path / "file", A)
        found = known(folder, A)

    assert found == []
    assert {one["event"] for one in logs} == {"vectors_lost"}


def test_many_are_known_again(tmp_path: Path) -> None:
    keys = [number.to_bytes(16, "big") for number in range(1, 3000)]
    vectors = np.arange(len(keys) * 4, dtype=np.float32).reshape(-1, 4)
    VectorFolder(tmp_path).put("shop", ENCODING, keys, vectors)

    found, is_known = VectorFolder(tmp_path).read("shop", ENCODING, keys[::-1])
    assert is_known.all()
    assert (found == vectors[::-1]).all()

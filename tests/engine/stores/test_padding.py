from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from yingda.v1 import event_pb2, message_pb2

from engine.stores.padding import padded

CLEAN = event_pb2.MessageReceived(message=message_pb2.Message(tenant="shop", message_id="m1"))


@given(st.integers(7, 5000))
def test_a_padded_message_reads_as_it_did(gap: int) -> None:
    size = len(CLEAN.SerializeToString()) + gap
    data = padded(CLEAN.SerializeToString(), size)

    assert data is not None
    assert len(data) == size
    again = event_pb2.MessageReceived.FromString(data)
    assert again.message == CLEAN.message
    again.DiscardUnknownFields()
    assert again == CLEAN


def test_what_fits_already_stays() -> None:
    assert padded(b"abc", 3) == b"abc"


def test_where_padding_does_not_fit_there_is_none() -> None:
    assert [padded(b"abc", size) for size in (2, 4, 9)] == [None] * 3

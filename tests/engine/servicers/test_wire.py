from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yingda.v1 import answer_pb2, engine_service_pb2, event_pb2

from engine.servicers import codec, wire
from tests.fakes import make_batch, make_message


@given(data=st.binary(max_size=300))
def test_a_field_is_what_protobuf_writes(data: bytes) -> None:
    written = engine_service_pb2.RawFrame(messages=[data]).SerializeToString()

    assert wire.field(1, data) == written


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16383, 16384, 2097151, 2097152])
def test_a_length_of_any_size_is_what_protobuf_writes(size: int) -> None:
    written = engine_service_pb2.RawFrame(messages=[bytes(size)]).SerializeToString()

    assert wire.field(1, bytes(size)) == written


@given(tenant=st.text(min_size=1, max_size=31))
def test_the_first_text_of_a_message_is_its_tenant(tenant: str) -> None:
    assert wire.first_text(make_message(tenant=tenant).SerializeToString()) == tenant


@pytest.mark.parametrize("message", [b"", b"\x0a", b"\x12\x01a", b"\x0a\x80\x01" + bytes(128)])
def test_a_message_that_begins_otherwise_has_no_first_text(message: bytes) -> None:
    assert wire.first_text(message) == ""


def test_a_record_is_a_message_received() -> None:
    message = make_message()
    answer = answer_pb2.MessageAnswer(conversation_id="c1")
    record = codec.ProtoCodec().records([message.SerializeToString()], [answer.SerializeToString()])[0]

    assert event_pb2.MessageReceived.FromString(record) == event_pb2.MessageReceived(
        message=message, answer=answer
    )


def test_an_answer_comes_out_of_its_record_as_it_went_in() -> None:
    answer = answer_pb2.MessageAnswer(conversation_id="c1").SerializeToString()
    proto = codec.ProtoCodec()

    assert proto.answer_in(proto.records([b""], [answer])[0]) == answer


def test_an_answer_given_again_differs_by_its_mark_alone() -> None:
    answer = answer_pb2.MessageAnswer(conversation_id="c1")
    proto = codec.ProtoCodec()
    again = answer_pb2.MessageAnswer.FromString(proto.again(proto.again(answer.SerializeToString())))

    answer.duplicate = True
    assert again == answer


def test_results_joined_are_a_response() -> None:
    batch = make_batch(make_message(message_id="一"), make_message(message_id="m2"))
    answers = [answer_pb2.MessageAnswer(conversation_id=one) for one in ("c1", "c2")]
    joined = b"".join(codec.results(batch, [answer.SerializeToString() for answer in answers]))

    response = engine_service_pb2.ProcessMessagesResponse.FromString(joined)
    assert [(one.message_id, one.answer) for one in response.results] == [
        ("一", answers[0]),
        ("m2", answers[1]),
    ]

from __future__ import annotations

import pytest
from yingda.v1 import event_pb2

from engine.domain import Event, StoredEvent
from engine.timeline import scrub
from tests.test_contracts import MESSAGES, example

KINDS = {
    field.name: field.message_type.name
    for field in event_pb2.Event.DESCRIPTOR.oneofs_by_name["kind"].fields
    if field.message_type
}
OF_NOBODY = {"agent_put", "basis_changed", "model_changed", "presence_changed"}


def stored(kind: str, data: bytes) -> StoredEvent:
    return StoredEvent(
        sequence=1, commit=1, event=Event(conversation_id="c1", kind=kind, time_ms=1, data=data)
    )


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - OF_NOBODY))
def test_nothing_that_is_taken_out_of_an_entry_is_left_in_it(kind: str) -> None:
    full = stored(kind, example(MESSAGES[KINDS[kind]]).SerializeToString())
    clean = scrub.scrubbed(full)

    taken = list(scrub.texts(full))
    assert clean is not None or not taken
    again = stored(kind, clean if clean is not None else full.event.data)
    assert list(scrub.texts(again)) == []
    assert not [text for text in taken if text.encode() in again.event.data]
    assert scrub.scrubbed(again) is None


@pytest.mark.parametrize("kind", sorted(OF_NOBODY))
def test_what_concerns_no_customer_stays(kind: str) -> None:
    full = stored(kind, example(MESSAGES[KINDS[kind]]).SerializeToString())

    assert scrub.scrubbed(full) is None


def test_a_message_keeps_what_was_decided() -> None:
    received = event_pb2.MessageReceived.FromString(example(MESSAGES["MessageReceived"]).SerializeToString())
    clean = event_pb2.MessageReceived.FromString(
        scrub.scrubbed(stored("message_received", received.SerializeToString())) or b""
    )

    assert (clean.message.text, clean.message.customer_id, len(clean.message.metadata)) == ("", "", 0)
    assert clean.message.message_id == received.message.message_id
    assert clean.answer.assignment == received.answer.assignment
    assert clean.answer.analysis == received.answer.analysis
    assert clean.answer.suggestions[0].reply_id == received.answer.suggestions[0].reply_id
    assert clean.answer.suggestions[0].text == ""


def test_what_a_newer_release_wrote_is_taken_out_whole() -> None:
    assert scrub.scrubbed(stored("weather_changed", b"rain on cu1")) == b""

"""The contracts: what is the same on the wire, what the comments promise, and what old bytes mean.

`tests/golden` holds an example of every message as bytes and as text. After a message or a field was added, write
the missing and the incomplete ones with `python -m tests.test_contracts`; a changed golden file of a released
message is a broken contract.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from google.protobuf import message_factory, text_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from yingda import client
from yingda.service.lifecycle import MAX_MESSAGE_BYTES
from yingda.v1 import (
    agent_pb2,
    answer_pb2,
    engine_service_pb2,
    message_pb2,
    message_service_pb2,
    reply_pb2,
)

import engine.server
import gateway.bootstrap
from engine import errors
from engine.bundles import cabinet, deployment, shadow
from engine.errors import EngineError, InvalidArgumentError
from engine.servicers import (
    agent,
    assist,
    bot,
    check,
    conversation,
    convert,
    convert_assist,
    convert_reply,
    customer,
    model,
    reply,
    rule,
    ticket,
)
from engine.servicers import engine as engine_servicer
from engine.servicers.errors import CODES
from gateway import limits
from gateway.servicers import forward
from tests.fakes import FieldValue

ROOT = Path(__file__).parents[1]
PROTO = ROOT / "proto" / "yingda" / "v1"
GOLDEN = Path(__file__).parent / "golden"
TEXT = {path.stem: path.read_text(encoding="utf-8") for path in sorted(PROTO.glob("*.proto"))}
MODULES: list[ModuleType] = [importlib.import_module(f"yingda.v1.{stem}_pb2") for stem in TEXT]
MESSAGES: dict[str, Descriptor] = {
    name: descriptor
    for module in MODULES
    for name, descriptor in module.DESCRIPTOR.message_types_by_name.items()
}
SERVICERS = {
    "AgentService": agent.AgentServicer,
    "AssistService": assist.AssistServicer,
    "BotService": bot.BotServicer,
    "CustomerService": customer.CustomerServicer,
    "ConversationService": conversation.ConversationServicer,
    "ModelService": model.ModelServicer,
    "ReplyService": reply.ReplyServicer,
    "RuleService": rule.RuleServicer,
    "TicketService": ticket.TicketServicer,
}


def comment(message: str, field: str) -> str:
    """What a .proto says above a field."""
    text = next(text for text in TEXT.values() if re.search(rf"^message {message} ", text, re.MULTILINE))
    body = text.split(f"\nmessage {message} {{", 1)[1].split("\n}", 1)[0]
    found = re.search(rf"((?:^ +//.*\n)+)^ +[\w.<>, ]+ {field} = \d+;", body, re.MULTILINE)
    assert found, f"{message}.{field} has no comment"
    return " ".join(line.strip().removeprefix("// ") for line in found[1].splitlines())


def numbers(message: str, field: str, pattern: str) -> tuple[int, ...]:
    found = re.search(pattern, comment(message, field), re.IGNORECASE)
    assert found, f"{comment(message, field)!r} does not say {pattern!r}"
    return tuple(map(int, found.groups()))


def example_message() -> message_pb2.Message:
    return message_pb2.Message.FromString(example(MESSAGES["Message"]).SerializeToString())


# On the wire.


def wire_shape(descriptor: Descriptor) -> list[tuple[int, bool, bool]]:
    """Number, whether repeated and whether length-delimited of each field."""
    delimited = (FieldDescriptor.TYPE_MESSAGE, FieldDescriptor.TYPE_BYTES, FieldDescriptor.TYPE_STRING)
    return [(one.number, one.is_repeated, one.type in delimited) for one in descriptor.fields]


def test_a_frame_is_the_same_for_the_gateway_and_the_engine() -> None:
    frames = (
        message_service_pb2.StreamMessagesRequest,
        engine_service_pb2.ProcessMessagesRequest,
        engine_service_pb2.RawFrame,
    )
    assert [wire_shape(frame.DESCRIPTOR) for frame in frames] == [[(1, True, True)]] * 3

    message = example_message()
    sent = message_service_pb2.StreamMessagesRequest(messages=[message, message])
    read = engine_service_pb2.ProcessMessagesRequest.FromString(sent.SerializeToString())
    raw = engine_service_pb2.RawFrame.FromString(sent.SerializeToString())
    assert list(read.messages) == [message, message]
    assert [message_pb2.Message.FromString(one) for one in raw.messages] == [message, message]


def test_a_frames_results_are_the_same_for_the_gateway_and_the_engine() -> None:
    frames = (message_service_pb2.StreamMessagesResponse, engine_service_pb2.ProcessMessagesResponse)
    assert [wire_shape(frame.DESCRIPTOR) for frame in frames] == [[(1, True, True)]] * 2

    result = answer_pb2.MessageResult.FromString(example(MESSAGES["MessageResult"]).SerializeToString())
    sent = engine_service_pb2.ProcessMessagesResponse(results=[result])
    read = message_service_pb2.StreamMessagesResponse.FromString(sent.SerializeToString())
    assert list(read.results) == [result]


def test_a_single_message_is_a_frame_of_one() -> None:
    message = example_message()
    sent = message_service_pb2.SendMessageRequest(message=message)

    read = message_service_pb2.StreamMessagesRequest.FromString(sent.SerializeToString())
    assert list(read.messages) == [message]


# Limits.


@pytest.mark.parametrize(
    ("message", "field", "pattern", "limit"),
    [
        ("Message", "tenant", r"1 to (\d+) bytes of \[a-z0-9_-\]", 64),
        ("Message", "message_id", r"1 to (\d+) bytes", limits.MAX_ID),
        ("Message", "conversation_id", r"at most (\d+) bytes", limits.MAX_ID),
        ("Message", "customer_id", r"at most (\d+) bytes", limits.MAX_ID),
        ("Message", "text", r"at most (\d+) bytes", limits.MAX_TEXT),
        ("Message", "attachments", r"at most (\d+)", limits.MAX_ATTACHMENTS),
        ("Message", "locale", r"at most (\d+) bytes", limits.MAX_LOCALE),
        ("Message", "metadata", r"at most (\d+);", limits.MAX_METADATA),
        ("Message", "metadata", r"a key at most (\d+) bytes", limits.MAX_METADATA_KEY),
        ("Message", "metadata", r"a value at most (\d+)", limits.MAX_METADATA_VALUE),
        ("Attachment", "url", r"1 to (\d+) bytes", limits.MAX_URL),
        ("Attachment", "media_type", r"at most (\d+) bytes", limits.MAX_MEDIA_TYPE),
        ("StreamMessagesRequest", "messages", r"1 to (\d+)", limits.MAX_FRAME),
        ("StreamMessagesRequest", "messages", r"1 to (\d+)", client.MAX_FRAME),
        ("ProcessMessagesRequest", "messages", r"1 to (\d+)", engine_servicer.MAX_BATCH),
        ("SuggestRepliesRequest", "typed_text", r"at most (\d+) bytes", convert_assist.MAX_TEXT),
        ("SuggestRepliesRequest", "conversation_id", r"at most (\d+) bytes", convert_assist.MAX_ID),
        ("SuggestRepliesRequest", "limit", r"0 to (\d+)", convert_assist.MAX_LIMIT),
        ("SuggestRepliesRequest", "limit", r"0: (\d+)", convert_assist.DEFAULT_LIMIT),
        ("PutBundleRequest", "files", r"(\d+) bytes in all", cabinet.MOST_BYTES),
        ("ActivateBundleRequest", "reason", r"at most (\d+) bytes", model.MAX_REASON),
        ("RollBackBundleRequest", "reason", r"at most (\d+) bytes", model.MAX_REASON),
        ("ListDisagreementsResponse", "disagreements", r"At most (\d+)", model.MAX_DISAGREEMENTS),
        ("ListDisagreementsResponse", "disagreements", r"At most (\d+)", shadow.MOST_DISAGREEMENTS),
        ("ModelStatus", "changes", r"at most (\d+)", deployment.MOST_CHANGES),
        ("ExplainAssignmentRequest", "text", r"1 to (\d+) bytes", conversation.MAX_TEXT),
        ("ExplainAssignmentResponse", "candidates", r"at most (\d+)", conversation.MAX_CANDIDATES),
    ],
)
def test_a_limit_is_the_one_its_comment_states(message: str, field: str, pattern: str, limit: int) -> None:
    assert numbers(message, field, pattern) == (limit,)


def test_a_tenant_may_be_as_long_as_its_comment_states() -> None:
    assert limits.TENANT.fullmatch("a" * 64)
    assert not limits.TENANT.fullmatch("a" * 65)


@pytest.mark.parametrize(
    "message", [name for name, one in MESSAGES.items() if "page_size" in one.fields_by_name]
)
def test_every_page_has_the_size_its_comment_states(message: str) -> None:
    assert numbers(message, "page_size", r"0 to (\d+)\. 0: (\d+)") == (check.MAX_PAGE, check.DEFAULT_PAGE)


def accepts_agent(**changes: FieldValue) -> bool:
    fields: dict[str, FieldValue] = {"agent_id": "ann", "skills": {"s": 1}, "capacity": 1} | changes
    try:
        convert.agent_from_proto(agent_pb2.Agent(**fields))
    except InvalidArgumentError:
        return False
    return True


def accepts_reply(**changes: FieldValue) -> bool:
    fields: dict[str, FieldValue] = {"reply_id": "r", "language": "zh", "text": "t"} | changes
    try:
        convert_reply.reply_from_proto(reply_pb2.Reply(**fields))
    except InvalidArgumentError:
        return False
    return True


def test_an_agents_limits_are_those_its_comments_state() -> None:
    (id_bytes,) = numbers("Agent", "agent_id", r"1 to (\d+) bytes of \[A-Za-z0-9._-\]")
    (name_bytes,) = numbers("Agent", "name", r"at most (\d+) bytes")
    (least, most) = numbers("Agent", "capacity", r"(\d+) to (\d+)")
    (worst, best) = numbers("Agent", "skills", r"proficiency, (\d+) \(can\) to (\d+) \(expert\)")
    (entries, skill_bytes) = numbers("Agent", "skills", r"1 to (\d+) entries; a skill is 1 to (\d+) bytes")
    (languages,) = numbers("Agent", "languages", r"at most (\d+)")
    within: list[dict[str, FieldValue]] = [
        {"agent_id": "a" * id_bytes},
        {"name": "n" * name_bytes},
        {"capacity": least},
        {"capacity": most},
        {"skills": {"s" * skill_bytes: worst}},
        {"skills": {f"s{n}": best for n in range(entries)}},
        {"languages": ["zh"] * languages},
    ]
    beyond: list[dict[str, FieldValue]] = [
        {"agent_id": "a" * (id_bytes + 1)},
        {"name": "n" * (name_bytes + 1)},
        {"capacity": least - 1},
        {"capacity": most + 1},
        {"skills": {"s" * (skill_bytes + 1): worst}},
        {"skills": {"s": worst - 1}},
        {"skills": {"s": best + 1}},
        {"skills": {f"s{n}": best for n in range(entries + 1)}},
        {"languages": ["zh"] * (languages + 1)},
    ]

    assert [accepts_agent(**change) for change in within] == [True] * len(within)
    assert [accepts_agent(**change) for change in beyond] == [False] * len(beyond)


def test_a_replys_limits_are_those_its_comments_state() -> None:
    (id_bytes,) = numbers("Reply", "reply_id", r"1 to (\d+) bytes of \[A-Za-z0-9._-\]")
    (title_bytes,) = numbers("Reply", "title", r"at most (\d+) bytes")
    (text_bytes,) = numbers("Reply", "text", r"1 to (\d+) bytes")
    sizes = {"reply_id": id_bytes, "title": title_bytes, "text": text_bytes}

    assert [accepts_reply(**{field: "a" * size}) for field, size in sizes.items()] == [True] * 3
    assert [accepts_reply(**{field: "a" * (size + 1)}) for field, size in sizes.items()] == [False] * 3


def largest_message() -> message_pb2.Message:
    attachment = message_pb2.Attachment(
        url="u" * limits.MAX_URL, media_type="m" * limits.MAX_MEDIA_TYPE, size_bytes=2**63 - 1
    )
    largest = message_pb2.Message(
        tenant="t" * 64,
        channel=2**31 - 1,  # type: ignore[arg-type]
        message_id="m" * limits.MAX_ID,
        conversation_id="c" * limits.MAX_ID,
        customer_id="u" * limits.MAX_ID,
        text="x" * limits.MAX_TEXT,
        attachments=[attachment] * limits.MAX_ATTACHMENTS,
        locale="l" * limits.MAX_LOCALE,
        metadata={
            f"{n:0{limits.MAX_METADATA_KEY}}": "v" * limits.MAX_METADATA_VALUE
            for n in range(limits.MAX_METADATA)
        },
    )
    largest.send_time.FromMilliseconds(253_402_300_799_999)
    return largest


def test_the_largest_frame_fits_through_the_wire() -> None:
    assert limits.first_problem(largest_message()) is None
    frame = engine_service_pb2.ProcessMessagesRequest(messages=[largest_message()] * limits.MAX_FRAME)

    assert frame.ByteSize() < MAX_MESSAGE_BYTES
    assert MAX_MESSAGE_BYTES == client.MAX_MESSAGE_BYTES


def test_the_largest_answer_frame_fits_through_the_wire() -> None:
    suggestion = reply_pb2.Suggestion(
        reply_id="r" * 64, text="款" * 1365, score=1, similarity=1, slots=["s" * 64] * 60
    )
    answer = answer_pb2.MessageAnswer(conversation_id="c" * 128, suggestions=[suggestion] * 3)
    result = answer_pb2.MessageResult(message_id="m" * 128, answer=answer)
    frame = engine_service_pb2.ProcessMessagesResponse(results=[result] * limits.MAX_FRAME)

    assert frame.ByteSize() < MAX_MESSAGE_BYTES


# Services and errors.


def test_every_service_is_served() -> None:
    stated = {
        f"yingda.v1.{name}" for text in TEXT.values() for name in re.findall(r"^service (\w+)", text, re.M)
    }

    ours = stated - {"yingda.v1.CustomerSourceService"}  # which we call
    assert set(gateway.bootstrap.PUBLIC_SERVICES) | {"yingda.v1.EngineService"} == ours
    assert set(engine.server.SERVICES) == ours - {"yingda.v1.MessageService"}


@pytest.mark.parametrize("service", forward.SERVICES, ids=lambda service: service.name)
def test_the_engine_answers_every_method_that_the_gateway_forwards(service: Any) -> None:  # noqa: ANN401
    ours = [one for one in SERVICERS[service.name].__mro__ if one.__module__.startswith("engine.")]
    made = {name for one in ours for name in vars(one)}

    assert [method.name for method in service.methods if method.name not in made] == []


@pytest.mark.parametrize("service", forward.SERVICES, ids=lambda service: service.name)
def test_every_forwarded_request_names_its_tenant(service: Any) -> None:  # noqa: ANN401
    fields = [method.input_type.fields_by_name["tenant"] for method in service.methods]

    assert [(field.number, field.type) for field in fields] == [(1, FieldDescriptor.TYPE_STRING)] * len(
        fields
    )


def subclasses(base: type[EngineError]) -> Iterator[type[EngineError]]:
    for one in base.__subclasses__():
        yield one
        yield from subclasses(one)


def test_every_error_of_the_engine_has_a_status() -> None:
    assert set(CODES) == set(subclasses(EngineError))


def test_the_drawn_tree_of_errors_is_whole() -> None:
    drawn = set(re.findall(r"── (\w+)", errors.__doc__ or ""))

    assert drawn == {one.__name__ for one in subclasses(EngineError)}


# Golden bytes.


def example(descriptor: Descriptor, chosen: str = "") -> Message:
    """A message with every field set, of a oneof only `chosen` or the first."""
    message = message_factory.GetMessageClass(descriptor)()
    for field in descriptor.fields:
        oneof = field.containing_oneof
        if oneof is None or field.name == (chosen or oneof.fields[0].name):
            _fill(message, field)
    return message


def _fill(message: Message, field: FieldDescriptor) -> None:
    place = getattr(message, field.name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        place["key"] = _value(field.message_type.fields_by_name["value"])
    elif field.message_type is not None:
        (place.add() if field.is_repeated else place).CopyFrom(example(field.message_type))
    elif field.is_repeated:
        place.append(_value(field))
    else:
        setattr(message, field.name, _value(field))


def _value(field: FieldDescriptor) -> FieldValue:
    values: dict[int, FieldValue] = {
        FieldDescriptor.TYPE_STRING: f"{field.name} 值",
        FieldDescriptor.TYPE_BYTES: b"\x00\xff",
        FieldDescriptor.TYPE_BOOL: True,
        FieldDescriptor.TYPE_FLOAT: 0.25,
        FieldDescriptor.TYPE_DOUBLE: 0.75,
        FieldDescriptor.TYPE_INT32: 1000 + field.number,
        FieldDescriptor.TYPE_INT64: 2**40 + field.number,
    }
    if field.enum_type is not None:
        return field.enum_type.values[-1].number
    return values[field.type]


def examples() -> dict[str, Message]:
    """By file name: one of each message, and one more for each other kind of a oneof."""
    found: dict[str, Message] = {}
    for name, descriptor in MESSAGES.items():
        found[name] = example(descriptor)
        for oneof in descriptor.oneofs:
            for field in oneof.fields[1:]:
                found[f"{name}.{field.name}"] = example(descriptor, field.name)
    return found


def text_of(message: Message) -> str:
    return text_format.MessageToString(message, as_utf8=True)


@pytest.mark.parametrize("name", examples())
def test_golden_bytes_mean_what_they_meant(name: str) -> None:
    message = message_factory.GetMessageClass(MESSAGES[name.partition(".")[0]])()
    message.ParseFromString((GOLDEN / f"{name}.binpb").read_bytes())

    assert text_of(message) == (GOLDEN / f"{name}.txtpb").read_text(encoding="utf-8")
    assert message == examples()[name]


def test_no_golden_file_is_of_a_message_that_is_gone() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(examples())


def regenerate() -> None:
    """Write the golden files."""
    GOLDEN.mkdir(exist_ok=True)
    for name, message in examples().items():
        (GOLDEN / f"{name}.binpb").write_bytes(message.SerializeToString(deterministic=True))
        (GOLDEN / f"{name}.txtpb").write_text(text_of(message), encoding="utf-8")


if __name__ == "__main__":
    regenerate()

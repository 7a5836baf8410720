"""As much of the open inference protocol as asks for intents: ModelInfer's request and response.

Source: https://github.com/kserve/open-inference-protocol (specification/protocol/open_inference_grpc.proto).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

METHOD = "/inference.GRPCInferenceService/ModelInfer"
MODEL = "intents"
_STRING, _BYTES, _INT64, _MESSAGE = 9, 12, 3, 11  # FieldDescriptorProto.Type
_ONE, _MANY = 1, 3  # FieldDescriptorProto.Label
_PACKAGE = "yingda.benchmarks.inference"  # the wire has no names, so ours stand in nobody's way
_FIELDS: dict[str, tuple[tuple[str, int, int, int, str], ...]] = {
    "Contents": (("bytes_contents", 8, _BYTES, _MANY, ""),),
    "Tensor": (
        ("name", 1, _STRING, _ONE, ""),
        ("datatype", 2, _STRING, _ONE, ""),
        ("shape", 3, _INT64, _MANY, ""),
        ("contents", 5, _MESSAGE, _ONE, "Contents"),
    ),
    "Request": (("model_name", 1, _STRING, _ONE, ""), ("inputs", 5, _MESSAGE, _MANY, "Tensor")),
    "Response": (("model_name", 1, _STRING, _ONE, ""), ("outputs", 5, _MESSAGE, _MANY, "Tensor")),
}


def request(texts: Sequence[str]) -> bytes:
    """A serialised ModelInferRequest for MODEL."""
    tensor = {
        "name": "text",
        "datatype": "BYTES",
        "shape": [len(texts), 1],
        "contents": {"bytes_contents": [text.encode() for text in texts]},
    }
    data: bytes = _CLASSES["Request"](model_name=MODEL, inputs=[tensor]).SerializeToString()
    return data


def intents(response: bytes) -> list[str]:
    """What a serialised ModelInferResponse says."""
    found = _CLASSES["Response"].FromString(response)
    outputs = {one.name: one for one in found.outputs}
    return [one.decode() for one in outputs["intent"].contents.bytes_contents]


def _classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(
        name="yingda/benchmarks/inference.proto", package=_PACKAGE, syntax="proto3"
    )
    for message, fields in _FIELDS.items():
        described = file.message_type.add(name=message)
        for name, number, kind, label, of in fields:
            type_name = f".{_PACKAGE}.{of}" if of else None
            described.field.add(name=name, number=number, type=kind, label=label, type_name=type_name)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
        for name in _FIELDS
    }


_CLASSES = _classes()

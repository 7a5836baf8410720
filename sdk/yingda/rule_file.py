"""Rules in a TOML file: the fields of rule.proto, with short names of enums and spans such as "24h".

[[rules]]
rule_id = "return-ticket"
when = {intents = ["return.request"], min_confidence = 0.6, channels = ["web"]}
then = [{open_ticket = {title = "Return of {order_id}", due = "48h"}}]
"""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.json_format import ParseDict, ParseError

from yingda.v1.rule_pb2 import Rule

_SPAN = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class RuleFileError(Exception):
    """A rule cannot be read; the text names the key and the fix."""


def read_rules(text: str) -> list[Rule]:
    """In the file's order. Raises: RuleFileError."""
    try:
        whole = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RuleFileError(f"is not valid TOML: {error}") from None
    unknown = whole.keys() - {"rules"}
    tables = whole.get("rules")
    if not whole:
        raise RuleFileError("rules: there are none; begin each with [[rules]]")
    if unknown or not isinstance(tables, list):
        raise RuleFileError(f"{min(unknown, default='rules')}: a file of rules holds nothing but [[rules]]")
    rules = [_rule(table, f"rules[{number}]") for number, table in enumerate(tables)]
    seen: set[str] = set()
    for number, rule in enumerate(rules):
        if rule.rule_id in seen:
            raise RuleFileError(f"rules[{number}].rule_id: {rule.rule_id} comes twice; give each its own")
        seen.add(rule.rule_id)
    return rules


def _rule(table: object, key: str) -> Rule:
    plain = _message(table, Rule.DESCRIPTOR, key)
    try:
        return ParseDict(plain, Rule())
    except ParseError as error:
        raise RuleFileError(f"{key}: {error}") from None


def _message(value: object, descriptor: Descriptor, key: str) -> dict[str, Any]:
    """The table as protobuf's JSON has it."""
    if not isinstance(value, Mapping):
        raise RuleFileError(f"{key}: must be a table such as {{…}}")
    fields = descriptor.fields_by_name
    for name in value:
        if name not in fields:
            near = difflib.get_close_matches(str(name), list(fields), 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(fields)}"
            raise RuleFileError(f"{key}.{name}: there is no such key; {hint}")
    for choice in descriptor.oneofs:
        given = [one.name for one in choice.fields if one.name in value]
        if len(given) > 1:
            raise RuleFileError(f"{key}: has {' and '.join(given)}; give each a table of its own")
    return {name: _field(one, fields[name], f"{key}.{name}") for name, one in value.items()}


def _field(value: object, field: FieldDescriptor, key: str) -> object:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return _texts(value, key)
    if not field.is_repeated:
        return _single(value, field, key)
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise RuleFileError(f"{key}: must be a list such as […]")
    return [_single(one, field, f"{key}[{number}]") for number, one in enumerate(value)]


def _texts(value: object, key: str) -> object:
    if not isinstance(value, Mapping) or not all(isinstance(one, str) for one in value.values()):
        raise RuleFileError(f'{key}: must be a table of texts such as {{zh = "…", en = "…"}}')
    return value


def _single(value: object, field: FieldDescriptor, key: str) -> object:
    if field.message_type is not None and field.message_type.full_name == "google.protobuf.Duration":
        return _duration(value, key)
    if field.message_type is not None:
        return _message(value, field.message_type, key)
    if field.enum_type is not None:
        return _enum(value, field.enum_type, key)
    wanted = _TYPES.get(field.cpp_type)
    if wanted and (
        not isinstance(value, wanted) or isinstance(value, bool) != (wanted is bool) or not _is_finite(value)
    ):
        raise RuleFileError(f"{key}: is {value!r}, must be {_WORDS[field.cpp_type]}")
    return value


def _is_finite(value: object) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


def _enum(value: object, enum: EnumDescriptor, key: str) -> str:
    """The whole name of a short one: "web" is CHANNEL_WEB."""
    prefix = enum.values[0].name.removesuffix("UNSPECIFIED")
    names = [one.name.removeprefix(prefix).lower() for one in enum.values[1:]]
    if str(value).lower() not in names:
        near = difflib.get_close_matches(str(value).lower(), names, 1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(names)}"
        raise RuleFileError(f"{key}: {value!r} is none; {hint}")
    return f"{prefix}{str(value).upper()}"


def _duration(value: object, key: str) -> str:
    found = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise RuleFileError(f'{key}: is {value!r}, must be a span such as "90s", "30m", "24h" or "2d"')
    return f"{float(found[1]) * _SECONDS[found[2]]:.3f}s"


_TYPES: Mapping[int, type | tuple[type, ...]] = {
    FieldDescriptor.CPPTYPE_STRING: str,
    FieldDescriptor.CPPTYPE_BOOL: bool,
    FieldDescriptor.CPPTYPE_INT32: int,
    FieldDescriptor.CPPTYPE_FLOAT: (int, float),
    FieldDescriptor.CPPTYPE_DOUBLE: (int, float),
}
_WORDS = {
    FieldDescriptor.CPPTYPE_STRING: 'a text such as "…"',
    FieldDescriptor.CPPTYPE_BOOL: "true or false",
    FieldDescriptor.CPPTYPE_INT32: "a whole number",
    FieldDescriptor.CPPTYPE_FLOAT: "a number",
    FieldDescriptor.CPPTYPE_DOUBLE: "a number",
}

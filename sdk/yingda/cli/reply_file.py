"""Canned replies in files: CSV (as Excel writes it too), JSON lines, YAML."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from google.protobuf.timestamp_pb2 import Timestamp

from yingda.cli import render
from yingda.cli.errors import CommandError
from yingda.v1.message_pb2 import Channel
from yingda.v1.reply_pb2 import Reply

COLUMNS = (
    "reply_id",
    "intent",
    "language",
    "title",
    "text",
    "questions",
    "teams",
    "channels",
    "valid_from",
    "valid_until",
)
# What Chinese desks call them.
_ALIASES = dict(
    zip(
        ("编号", "意图", "语言", "标题", "内容", "问法", "团队", "渠道", "生效时间", "失效时间"),
        COLUMNS,
        strict=True,
    )
)
_LANGUAGES = {"中文": "zh", "汉语": "zh", "英文": "en", "英语": "en", "chinese": "zh", "english": "en"}
REQUIRED = ("reply_id", "language", "text")
SEPARATOR = "\n"  # between several values in one cell of a CSV file; "|" is taken too
Record = Mapping[str, object]
_NAME_IT = "cannot tell the format; name it .csv, .jsonl or .yaml"
_WORKBOOK = "is an Excel workbook: save it as “CSV UTF-8”, and import that"
_UNKNOWN_FORMAT = {".xlsx": _WORKBOOK, ".xls": _WORKBOOK}
_EXCEL_DAY = re.compile(r"^(\d{4})/(\d{1,2})/(\d{1,2})(?: (\d{1,2}):(\d\d)(?::\d\d)?)?$")


@dataclass(frozen=True, slots=True)
class Entry:
    """A reply, and where in the file it stands, such as "replies.csv, record 3"."""

    place: str
    reply: Reply


def read(path: Path) -> list[Entry]:
    """In the file's order. Raises: CommandError that names the file, every bad record and the fix."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise CommandError(f"{path}: {_UNKNOWN_FORMAT.get(path.suffix.lower(), _NAME_IT)}")
    entries, problems = [], []
    for place, record in reader(decode(path), path):
        try:
            entries.append(Entry(place, _reply(record, place)))
        except CommandError as error:
            problems.append(str(error))
    refuse(problems)
    if not entries:
        raise CommandError(f"{path}: holds no replies")
    return entries


def refuse(problems: Sequence[str]) -> None:
    """Raises: CommandError with all of them, if there are any."""
    if len(problems) > 1:
        raise CommandError("\n".join([*problems, f"{len(problems)} records must be mended; nothing is kept"]))
    if problems:
        raise CommandError(problems[0])


def write(path: Path, replies: Sequence[Reply]) -> None:
    """As `read` reads it; CSV with a byte order mark, so that Excel shows Chinese. Raises: CommandError."""
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        raise CommandError(f"{path}: {_NAME_IT}")
    try:
        path.write_bytes(writer([_record(reply) for reply in replies]))
    except OSError as error:
        raise CommandError(f"{path}: cannot be written ({error.strerror})") from None


def decode(path: Path) -> str:
    """UTF-8 with or without a mark, UTF-16 with one (Excel's "Unicode text"), else GB18030."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path}: cannot be read ({error.strerror})") from None
    encodings = ["utf-16"] if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise CommandError(f"{path}: is neither UTF-8 nor GB18030; save it as UTF-8")


def _read_csv(text: str, path: Path) -> Iterator[tuple[str, object]]:
    header = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=header.count)  # Excel separates as the country does
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    found = [name.strip().lower() for name in rows.fieldnames or ()]
    columns = [_ALIASES.get(name, name) for name in found]
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise CommandError(f"{path}: column {missing[0]} is missing; the columns are {', '.join(COLUMNS)}")
    unknown = [name for name in columns if name and name not in COLUMNS]
    if unknown:
        raise CommandError(f"{path}: no column {unknown[0]!r}; the columns are {', '.join(COLUMNS)}")
    rows.fieldnames = columns
    for number, row in enumerate(rows, start=2):
        if any(isinstance(value, str) and value.strip() for value in row.values()):
            yield f"{path}, record {number}", {name: value or "" for name, value in row.items() if name}


def _read_json_lines(text: str, path: Path) -> Iterator[tuple[str, object]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                record = json.loads(line)
            except json.JSONDecodeError as error:
                record = CommandError(f"{path}, line {number}: is no JSON ({error.msg})")
            yield f"{path}, line {number}", record


def _read_yaml(text: str, path: Path) -> Iterator[tuple[str, object]]:
    if find_spec("yaml") is None:
        raise CommandError("YAML files need PyYAML: pip install PyYAML")
    import yaml  # noqa: PLC0415  # only those who have YAML files need it

    try:
        records = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise CommandError(f"{path}: is no YAML ({error})") from None
    if not isinstance(records, list):
        raise CommandError(f"{path}: must be a list of replies")
    for number, record in enumerate(records, start=1):
        yield f"{path}, record {number}", record


def _mapping(record: object, place: str) -> Record:
    if isinstance(record, CommandError):
        raise record
    if not isinstance(record, dict):
        raise CommandError(f"{place}: must be an object with {', '.join(REQUIRED)}")
    unknown = [name for name in record if name not in COLUMNS]
    if unknown:
        raise CommandError(f"{place}: no field {unknown[0]!r}; the fields are {', '.join(COLUMNS)}")
    return record


def _reply(found: object, place: str) -> Reply:
    record = _mapping(found, place)
    missing = [name for name in REQUIRED if not str(record.get(name) or "").strip()]
    if missing:
        raise CommandError(f"{place}: {missing[0]} is empty")
    return Reply(
        reply_id=str(record["reply_id"]).strip(),
        intent=str(record.get("intent") or "").strip(),
        language=_language(str(record["language"])),
        title=str(record.get("title") or "").strip(),
        text=str(record["text"]).strip(),
        questions=_values(record.get("questions")),
        teams=_values(record.get("teams")),
        channels=[_channel(name, place) for name in _values(record.get("channels"))],
        valid_from_time=_time(record.get("valid_from"), place),
        valid_until_time=_time(record.get("valid_until"), place),
    )


def _language(name: str) -> str:
    """Such as "zh" for zh-CN and 中文; what it does not know is left to the engine to refuse."""
    folded = name.strip().lower().replace("_", "-")
    return _LANGUAGES.get(folded, folded.partition("-")[0])


def _values(value: object) -> list[str]:
    """Of a list, or of a cell with several lines or "|"."""
    parts = value if isinstance(value, list) else str(value or "").replace("|", SEPARATOR).split(SEPARATOR)
    return [str(part).strip() for part in parts if str(part).strip()]


def _channel(name: str, place: str) -> Channel.ValueType:
    try:
        return Channel.Value(f"CHANNEL_{name.upper()}")
    except ValueError:
        raise CommandError(f"{place}: no channel {name!r}") from None


def _time(value: object, place: str) -> Timestamp | None:
    """ISO 8601, or a day as Excel writes it (2026/11/28 8:00); without a zone it is UTC."""
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(_EXCEL_DAY.sub(_iso_day, str(value).strip()))
    except ValueError:
        raise CommandError(
            f"{place}: {value!r} is no date such as 2026-11-28 or 2026-11-28T08:00+08:00"
        ) from None
    time = Timestamp()
    time.FromDatetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    return time


def _iso_day(found: re.Match[str]) -> str:
    year, month, day, hour, minute = found.groups("0")
    return f"{year}-{int(month):02}-{int(day):02}T{int(hour):02}:{int(minute):02}"


def _record(reply: Reply) -> dict[str, str | list[str]]:
    return {
        "reply_id": reply.reply_id,
        "intent": reply.intent,
        "language": reply.language,
        "title": reply.title,
        "text": reply.text,
        "questions": list(reply.questions),
        "teams": list(reply.teams),
        "channels": [render.channel_name(one) for one in reply.channels],
        "valid_from": _written(reply.valid_from_time),
        "valid_until": _written(reply.valid_until_time),
    }


def _written(time: Timestamp) -> str:
    return time.ToDatetime(tzinfo=UTC).isoformat() if time.seconds else ""


def _write_csv(records: Sequence[Mapping[str, str | list[str]]]) -> bytes:
    text = io.StringIO(newline="")
    rows = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    rows.writeheader()
    for record in records:
        rows.writerow(
            {
                name: SEPARATOR.join(value) if isinstance(value, list) else value
                for name, value in record.items()
            }
        )
    return text.getvalue().encode("utf-8-sig")


def _write_json_lines(records: Sequence[Record]) -> bytes:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()


def _write_yaml(records: Sequence[Record]) -> bytes:
    if find_spec("yaml") is None:
        raise CommandError("YAML files need PyYAML: pip install PyYAML")
    import yaml  # noqa: PLC0415  # only those who have YAML files need it

    text: str = yaml.safe_dump(list(records), allow_unicode=True, sort_keys=False)
    return text.encode()


_READERS: Mapping[str, Callable[[str, Path], Iterator[tuple[str, object]]]] = {
    ".csv": _read_csv,
    ".txt": _read_csv,
    ".jsonl": _read_json_lines,
    ".yaml": _read_yaml,
    ".yml": _read_yaml,
}
_WRITERS: Mapping[str, Callable[[Sequence[Mapping[str, str | list[str]]]], bytes]] = {
    ".csv": _write_csv,
    ".jsonl": _write_json_lines,
    ".yaml": _write_yaml,
    ".yml": _write_yaml,
}

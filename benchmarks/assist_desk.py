"""The assist in this process, and the published cases."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import benchmarks.one_thread  # noqa: F401  # before numpy
import models.bundle
from benchmarks.texts import PACK
from engine.assist.assembly import Assist, Surroundings, assemble
from engine.assist.slot import SLOTS
from engine.bootstrap_bundle import SHIPPED_BUNDLE
from engine.clock import SystemClock
from engine.domain import Reply
from engine.ports import Classifier, Clock
from engine.samples import read_replies
from engine.servicers.codec import ProtoCodec
from engine.stores.sqlite import open_store

TENANT = "shop"
CASES = PACK / "assist_cases.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a customer wrote, what an agent would begin to type, and the replies that are right."""

    case_id: str
    language: str
    intent: str
    messages: tuple[str, ...]
    typed: str
    right: frozenset[str]


def read_cases(path: Path = CASES) -> list[Case]:
    """In the file's order."""
    with path.open(encoding="utf-8") as lines:
        return [_case(json.loads(line)) for line in lines]


def _case(fields: dict[str, object]) -> Case:
    messages, right = fields.pop("messages"), fields.pop("right")
    assert isinstance(messages, list)
    assert isinstance(right, list)
    texts = {name: str(value) for name, value in fields.items()}
    return Case(messages=tuple(messages), right=frozenset(right), **texts)


@contextmanager
def opened(
    replies: Sequence[Reply] | None = None,
    *,
    clock: Clock | None = None,
    classifier: Classifier | None = None,
) -> Iterator[Assist]:
    """An assist whose one tenant has these replies, the pack's if none are given."""
    with TemporaryDirectory() as folder:
        store = open_store(Path(folder) / "yingda.db", sync="normal")
        assist = assemble(
            Surroundings(
                store=store.assist,
                classifier=classifier or models.bundle.load(SHIPPED_BUNDLE),
                codec=ProtoCodec(),
                clock=clock or SystemClock(),
                samples=read_replies(PACK) if replies is None else replies,
                slots=SLOTS,
            )
        )
        assist.bookkeeper.ready(TENANT)
        try:
            yield assist
        finally:
            assist.library.close()
            store.close()

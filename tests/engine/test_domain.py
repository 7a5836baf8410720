from __future__ import annotations

from dataclasses import fields

from engine.domain import Conversation
from tests.fakes import make_conversation


def test_a_copy_has_every_field_and_is_another() -> None:
    one = make_conversation(
        **{field.name: object() for field in fields(Conversation)},  # type: ignore[arg-type]
    )
    copied = one.copy()

    assert copied is not one
    assert all(getattr(copied, field.name) is getattr(one, field.name) for field in fields(one))

"""What the assist needs of a store; `engine.ports` gives these with the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from engine.domain import Reply

REPLIES = "replies"  # what `SharedStore.versions` calls them
LEARNED = "learned"  # the kind of document that feedback changes
RECEIPTS_KEPT = 30 * 86_400  # seconds for which a request of the assist is known again


class SharedStore(Protocol):
    """A store that other engines may write to as well."""

    def versions(self, tenant: str) -> Mapping[str, int]:
        """By kind of document, and for REPLIES, a number that is another once another engine changed them.

        It stays where only this engine did; a kind that is missing has 0. To remember what is kept, read this first.
        """
        ...


class ReplyStore(SharedStore, Protocol):
    """The canned replies, and the customers' words they answer. Called from one thread.

    What `put_replies`, `delete_reply` and `seed` returned for survives a kill.
    """

    def replies(self, tenant: str) -> list[Reply]:
        """All, by id."""
        ...

    def put_replies(self, tenant: str, replies: Sequence[Reply]) -> None:
        """Create or replace all of them, or none."""
        ...

    def delete_reply(self, tenant: str, reply_id: str, request_id: str, now_ms: int) -> None:
        """Raises: NotFoundError, unless that request ("" is none) deleted something within RECEIPTS_KEPT."""
        ...

    def seed(self, tenant: str, replies: Sequence[Reply]) -> bool:
        """Keep the replies if the tenant was never seeded; False if it was, however little is left of them."""
        ...

    def recent_records(self, tenant: str, conversation_id: str, limit: int) -> list[bytes]:
        """Journal data of the newest messages, of one conversation or ("") of all, newest first.

        Of all, a store may remember only the last 10,000.
        """
        ...


class FeedbackStore(SharedStore, Protocol):
    """What was learned and decided beside the replies, as documents. Called from one thread.

    What `put_document` and `commit_feedback` returned for survives a kill.
    """

    def documents(self, tenant: str, kind: str) -> dict[str, bytes]:
        """All of a kind, by key."""
        ...

    def put_document(self, tenant: str, kind: str, key: str, data: bytes) -> None:
        """Create or replace."""
        ...

    def delete_document(self, tenant: str, kind: str, key: str) -> bool:
        """Whether it was there."""
        ...

    def receipt(self, tenant: str, request_id: str) -> bytes | None:
        """The receipt of a feedback that was committed."""
        ...

    def commit_feedback(
        self, tenant: str, request_id: str, receipt: bytes, documents: Mapping[str, bytes], now_ms: int
    ) -> bytes | None:
        """Keep the receipt, for RECEIPTS_KEPT at least, and, as kind LEARNED, the documents: all or nothing.

        The earlier receipt, and no change, where one of that id was committed before; else None. Raises:
        ContentionError where another engine changed documents of the kind since `versions` was called.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """Who made vectors, named for ever, and how long each is."""

    encoder: str
    width: int


class VectorStore(Protocol):
    """Vectors of replies from one start of the engine to the next: to lose some costs only the time to make them again.

    A key is 16 bytes, not all 0. Safe to share between threads; nothing is raised where nothing can be kept.
    """

    def read(
        self, tenant: str, of: Encoding, keys: Sequence[bytes]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """[n, width], and [n] which of them are known; the others are 0."""
        ...

    def put(self, tenant: str, of: Encoding, keys: Sequence[bytes], vectors: npt.NDArray[np.float32]) -> None:
        """Each under its key, in place of what was there."""
        ...

    def drop(self, tenant: str, keys: Sequence[bytes]) -> None:
        """Let nothing be left of these, whoever made them."""
        ...

    def keep_only(self, tenant: str, of: Encoding, keys: Sequence[bytes]) -> None:
        """Let nothing be left of what others this encoder made."""
        ...


class AssistStore(ReplyStore, FeedbackStore, Protocol):
    """Both, as a store has them."""

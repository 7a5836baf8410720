"""Remembers the vectors of replies from one start of the engine to the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import blake2b
from typing import ParamSpec

import numpy as np
import structlog

from engine.assist.block import Recalled, ReplyVectors, Vectors
from engine.domain import Reply
from engine.ports import Encoding, VectorStore

P = ParamSpec("P")
_KEY = 16  # bytes
_NEAR = 1e-4  # by which the same numbers may differ on another processor


class Keeper:
    """For one bundle's library. `recall` may be called from any thread; what changes is written by a thread of its own,
    in the order of the calls.
    """  # noqa: D205

    def __init__(self, *, store: VectorStore, vectors: ReplyVectors, encoding: Encoding) -> None:
        self._store = store
        self._vectors = vectors
        self._of = encoding
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="vectors")

    def recall(self, tenant: str, replies: Sequence[Reply]) -> Recalled:
        """What is known of these. One of them is read again: another release may read the same text otherwise."""
        vectors, known = self._store.read(tenant, self._of, _keys(tenant, replies))
        first = int(known.argmax()) if known.any() else None
        if first is not None and not self._is_as_ever(replies[first], vectors[first]):
            structlog.get_logger().warning("vectors_ignored", tenant=tenant, reason="read otherwise today")
            known = np.zeros_like(known)
        return Recalled(vectors, known)

    def keep(self, tenant: str, replies: Sequence[Reply], vectors: Vectors) -> None:
        """These vectors [n, width and more] are the replies'."""
        self._later(self._put, tenant, replies, vectors[:, : self._of.width])

    def keep_only(self, tenant: str, replies: Sequence[Reply]) -> None:
        """The tenant has no others."""
        self._later(self._keep_only, tenant, replies)

    def drop(self, tenant: str, replies: Sequence[Reply]) -> None:
        """These are gone."""
        self._later(self._drop, tenant, replies)

    def settle(self) -> None:
        """Wait until all is written."""
        self._writer.submit(int).result()

    def close(self) -> None:
        """Write what is left."""
        self._writer.shutdown(wait=True)

    def _later(self, work: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        self._writer.submit(work, *args, **kwargs).add_done_callback(_log_failure)

    def _put(self, tenant: str, replies: Sequence[Reply], vectors: Vectors) -> None:
        self._store.put(tenant, self._of, _keys(tenant, replies), vectors)

    def _keep_only(self, tenant: str, replies: Sequence[Reply]) -> None:
        self._store.keep_only(tenant, self._of, _keys(tenant, replies))

    def _drop(self, tenant: str, replies: Sequence[Reply]) -> None:
        self._store.drop(tenant, _keys(tenant, replies))

    def _is_as_ever(self, reply: Reply, vector: Vectors) -> bool:
        today = self._vectors.of([reply])[0, : self._of.width]
        return bool(np.allclose(vector, today, atol=_NEAR))


def _keys(tenant: str, replies: Sequence[Reply]) -> list[bytes]:
    """Of all that a vector hangs on, and of whose reply it is: equal ones of others have vectors of their own."""
    return [
        blake2b(
            "\0".join((tenant, one.reply_id, one.title, one.text, *one.questions)).encode(), digest_size=_KEY
        ).digest()
        for one in replies
    ]


def _log_failure(written: Future[None]) -> None:
    """What is not kept is made again at the next start, but somebody must know."""
    if not written.cancelled() and (error := written.exception()):
        structlog.get_logger().error("vectors_not_kept", exc_info=error)

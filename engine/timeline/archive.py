"""What taking texts out needs of a store."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

OWN = frozenset({"", "~models"})  # conversations under which stands what concerns the tenant as a whole


class Archive(Protocol):
    """Changes what was written, which nothing else does. Called on the decision thread, but for `holds`."""

    def rewrite(self, tenant: str, payloads: Mapping[int, bytes]) -> None:
        """Put these payloads in place of those of the entries, by sequence; nothing else of an entry changes."""
        ...

    def drop_comments(self, tenant: str, ticket_ids: Collection[str]) -> None:
        """Remove all that was said about these tickets."""
        ...

    def receipts(self, tenant: str, place: str, limit: int) -> tuple[Mapping[str, bytes], str]:
        """Some of what calls about tickets were answered, by request, and the place to go on; "" begins and ends.

        What is committed meanwhile may be left out.
        """
        ...

    def put_receipt(self, tenant: str, request_id: str, data: bytes) -> None:
        """Put this in place of what the call was answered, where that is still kept; its time stays."""
        ...

    def prune(self, tenant: str, after: int, before_ms: int, limit: int) -> int:
        """Take away what stands above a sequence, was written before a moment and tells of nothing that goes on.

        Closed conversations go that nothing happened in since, with the names of their messages; what is OWN stays.
        About `limit` entries are looked at: up to which sequence, `after` where no old ones are left.
        """
        ...

    def settle(self) -> None:
        """Let nothing of what was overwritten be left behind, where the store can see to that cheaply."""
        ...

    def compact(self) -> None:
        """The same at any price: the store is written anew, and everybody waits."""
        ...

    def rewrite_files(self) -> list[str]:
        """Let servers that keep files of their own write them anew; which were told so. They take their time.

        Raises: StorageError where one refuses.
        """
        ...

    def holds(self, tenant: str, texts: Sequence[str]) -> list[bool]:
        """Whether each text stands anywhere among all bytes that are kept. From any thread."""
        ...

"""Where customers' data comes from."""

from __future__ import annotations

from typing import Protocol

from engine.customer.profile import Key, Part


class SourceError(Exception):
    """A source did not answer, or not with what was agreed; the text is for an operator, without the data."""


class CustomerSource(Protocol):
    """One place that knows something of customers. Used on the event loop, for many customers at once."""

    @property
    def name(self) -> str:
        """For metrics and for the agent who waits; the same for ever."""
        ...

    async def fetch(self, key: Key) -> Part:
        """What it knows, nothing of a customer it does not know. It may be cancelled. Raises: SourceError."""
        ...

    async def close(self) -> None:
        """Give up connections."""
        ...

"""What this part needs from outside; `bootstrap` supplies it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from engine.bundles.deployment import BundleChange
from engine.bundles.said import Said
from engine.ports import Classifier


class ModelCodec(Protocol):
    """Values to bytes and back."""

    def model_changed(self, change: BundleChange) -> bytes:
        """As journaled."""
        ...

    def said(self, answer: bytes) -> Said:
        """What an answer that was sent says."""
        ...


class Card(Protocol):
    """What a bundle says of itself; `models.manifest.Manifest` has the shape."""

    @property
    def id(self) -> str:
        """Names it for ever."""
        ...

    @property
    def created(self) -> str:
        """Date, ISO 8601."""
        ...

    @property
    def intents(self) -> tuple[str, ...]:
        """Without "out_of_scope"."""
        ...

    @property
    def scores(self) -> Mapping[str, Sequence[float]]:
        """Name to value, low, high."""
        ...

    @property
    def key(self) -> str:
        """The public key it is signed with, base64; "" is none."""
        ...


class Loader(Protocol):
    """Reads bundles' folders; every method raises ValueError that says what is wrong and how to mend it."""

    def describe(self, folder: Path) -> Card:
        """What its manifest says, and that a trusted key signed it; the other files are not read."""
        ...

    def load(self, folder: Path) -> tuple[Classifier, Meter | None]:
        """The bundle, all of it checked, and what compares messages with those it was trained on, if it tells."""
        ...


class Gauge(Protocol):
    """How far the latest messages of one language and channel are from the training."""

    @property
    def language(self) -> str:
        """Such as "zh"."""
        ...

    @property
    def channel(self) -> str:
        """Such as "1", the channel's number, or "all"."""
        ...

    @property
    def messages(self) -> int:
        """How many were compared."""
        ...

    @property
    def embedding(self) -> float:
        """Population stability index."""
        ...

    @property
    def confidence(self) -> float:
        """Likewise."""
        ...

    @property
    def intents(self) -> float:
        """Likewise."""
        ...

    @property
    def discrepancy(self) -> float:
        """Squared maximum mean discrepancy."""
        ...

    @property
    def reason(self) -> str:
        """What passes its threshold and what to do; "" where nothing does."""
        ...


class Meter(Protocol):
    """Follows the messages. Called from one thread; `gauges` from any."""

    def add(self, channels: Sequence[str], texts: Sequence[str]) -> None:
        """Messages, by column."""
        ...

    def gauges(self) -> Sequence[Gauge]:
        """By language and channel."""
        ...

"""What one run of the benchmarks was asked to do."""

from __future__ import annotations

from dataclasses import dataclass

SECTIONS = ("start", "stream", "unary", "activity", "floor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The parameters, as they stand in the report.

    `store` is "sqlite" or "redis", a server of its own; `remembered` are texts whose reading the engine remembers.

    `seconds` is measured time of each section; `rates` are messages a second of the open loop, one after the other.
    """

    seconds: float = 10.0
    frame: int = 256
    streams: int = 2
    rates: tuple[float, ...] = (300.0,)
    agents: int = 32
    sections: tuple[str, ...] = SECTIONS
    seed: int = 1
    sync: str = "normal"
    store: str = "sqlite"
    remembered: int = 8192


QUICK = Settings()
FULL = Settings(seconds=30.0, rates=(300.0, 1500.0))

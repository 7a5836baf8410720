"""The engine's settings: `[engine]` in the file, `YINGDA_ENGINE__…` in the environment, flags on the line."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.assist.slot import SlotType
from engine.routing.score import Weights


class WeightSettings(BaseModel):
    """What a full mark in each term of an agent's score is worth, 0 or more."""

    model_config = ConfigDict(extra="forbid")

    proficiency: float = Field(default=Weights().proficiency, ge=0)
    free_capacity: float = Field(default=Weights().free_capacity, ge=0)
    language: float = Field(default=Weights().language, ge=0)


class EngineSettings(BaseModel):
    """What an engine needs to know."""

    model_config = ConfigDict(extra="forbid")

    listen: str = Field(default="", description='"host:port" or "unix:path"; empty: a socket in data_dir')
    data_dir: Path = Field(default=Path("data"), description="folder of the store; made if need be")
    sync: Literal["normal", "full"] = Field(
        default="normal", description="normal: commits survive a kill; full: also a loss of power, slower"
    )
    bundle: Path | None = Field(default=None, description="folder of the bundle; none: the shipped one")
    pack: Path | None = Field(default=None, description="folder of the sample pack; none: the shipped one")
    grace: float = Field(default=10.0, ge=0, description="seconds that running calls get to end in")
    weights: WeightSettings = WeightSettings()
    slots: dict[str, SlotType] = Field(
        default_factory=dict, description="slots of replies beside the built-in ones, and their types"
    )

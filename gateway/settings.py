"""The gateway's settings: `[gateway]` in the file, `YINGDA_GATEWAY__…` in the environment, flags on the line."""

from __future__ import annotations

import ipaddress
import re

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class GatewaySettings(BaseModel):
    """What a gateway needs to know."""

    model_config = ConfigDict(extra="forbid")

    listen: str = Field(default="127.0.0.1:50051", description='"host:port"; port 0: any free one')
    engine: str = Field(
        default="unix:data/engine.sock",
        description='"host:port" or "unix:path" of the engine; of several sockets with a comma between',
    )
    share_port: bool = Field(default=False, description="let other gateways of this machine listen there too")
    tenants: list[str] = Field(
        default=["default"], min_length=1, description="who may be served where no tokens are set"
    )
    tokens: dict[str, str] = Field(
        default={},
        repr=False,
        description="bearer token to tenant; none: any local caller may speak for any tenant",
    )
    operators: list[str] = Field(
        default=[],
        description="tenants whose callers may change what all tenants share, as the bundles; without tokens all may",
    )
    deadline: float = Field(default=10.0, gt=0, description="seconds for a call that brings no deadline")
    grace: float = Field(default=10.0, ge=0, description="seconds that running calls get to end in")

    def engine_lanes(self) -> list[str]:
        """Sockets of this machine, among which conversations are divided; any other target is one, which gRPC divides.

        Behind a name or a list of hosts another engine answers for one that is gone; a socket's engine comes again.
        """
        return re.split(r",(?=unix:)", self.engine)

    @field_validator("tokens")
    @classmethod
    def _long_enough(cls, tokens: dict[str, str]) -> dict[str, str]:
        if any(len(token) < _SHORTEST_TOKEN for token in tokens):
            raise ValueError(f"a token must have at least {_SHORTEST_TOKEN} characters")
        return tokens

    @model_validator(mode="after")
    def _open_only_at_home(self) -> GatewaySettings:
        if not self.tokens and not _is_local(self.listen):
            raise ValueError(
                f"listen = {self.listen} is reachable from outside, so callers must prove who they are: "
                "set tokens, or listen on 127.0.0.1"
            )
        return self


_SHORTEST_TOKEN = 16  # characters


def _is_local(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    if address.startswith("unix:") or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

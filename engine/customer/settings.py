"""The settings of sources: `[engine.customers.TENANT]` in the file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from engine.customer.fields import FieldMap, Kind

OTHERS = "*"  # the name under which the sources of all tenants without some of their own stand


class _SourceSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=64, description="for metrics; each of a tenant's has its own")


class _MappedSettings(_SourceSettings):
    gives: Kind = Field(description='what its rows are: "profile", "orders" or "conversations"')
    fields: dict[str, str] = Field(
        default={},
        description="our names to theirs, such as tracking_no to shipment.code; none: all as they are",
    )

    @property
    def field_map(self) -> FieldMap:
        """How rows are read."""
        return FieldMap(kind=self.gives, fields=self.fields)


class CsvSettings(_MappedSettings):
    """A CSV file."""

    kind: Literal["csv"]
    path: Path = Field(description="UTF-8 with a header")
    customer: str = Field(default="customer_id", description="the column that says whose row it is")


class SQLiteSettings(_MappedSettings):
    """A table of a database."""

    kind: Literal["sqlite"]
    path: Path = Field(description="the database; it is only read")
    table: str = Field(min_length=1, description="table or view")
    customer: str = Field(default="customer_id", description="the column that says whose row it is")


class HttpSettings(_MappedSettings):
    """A service that answers JSON."""

    kind: Literal["http"]
    url: str = Field(
        description='"{customer_id}", "{channel}" and "{tenant}" in it stand for the customer\'s own'
    )
    rows: str = Field(default="", description='where the rows stand in the answer, such as "data.items"')
    headers: dict[str, str] = Field(default={}, repr=False, description="sent along; tokens, say")

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no address: write https://host/path/{{customer_id}}")
        return url


class GrpcSettings(_SourceSettings):
    """A server of yingda.v1.CustomerSourceService."""

    kind: Literal["grpc"]
    target: str = Field(min_length=1, description='"host:port" or "unix:path"')
    tls: bool = Field(default=False, description="by the certificates that this machine trusts")


SourceSettings = Annotated[
    CsvSettings | SQLiteSettings | HttpSettings | GrpcSettings, Field(discriminator="kind")
]


class CustomerSettings(BaseModel):
    """A tenant's sources, and how long what they say is good for."""

    model_config = ConfigDict(extra="forbid")

    ttl_seconds: float = Field(default=300, ge=0, le=86_400, description="for which data is fresh")
    stale_seconds: float = Field(
        default=3600,
        ge=0,
        le=86_400,
        description="after that, for which it is shown while it is fetched again",
    )
    timeout_seconds: float = Field(default=5, gt=0, le=60, description="for which a source may take")
    concurrency: int = Field(default=16, ge=1, le=256, description="calls of one source that run at once")
    history: bool = Field(default=True, description="whether earlier conversations with us are shown too")
    sources: list[SourceSettings] = Field(default=[], max_length=16, description="asked side by side")

    @model_validator(mode="after")
    def _have_names_of_their_own(self) -> CustomerSettings:
        names = [one.name for one in self.sources] + (["history"] if self.history else [])
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"sources: the name {min(twice)} is taken; give each its own")
        return self

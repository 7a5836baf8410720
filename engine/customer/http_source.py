"""Customers from an HTTP service that answers JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from engine.customer.fields import FieldMap, rows_at
from engine.customer.profile import Key, Part
from engine.customer.source import SourceError
from engine.http_call import MOST_READ, Answer, Call, CallError
from engine.http_caller import Caller

_OK, _NOT_FOUND = 200, 404


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """What to GET: "{customer_id}", "{channel}" and "{tenant}" in the `url` stand for the customer's own.

    What is known stands in the answer at `rows`, a path with dots; "" is the answer itself.
    """

    url: str
    rows: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def of(self, key: Key) -> str:
        """The customer's."""
        url = self.url
        for name, value in key._asdict().items():
            if (placeholder := f"{{{name}}}") in self.url:
                url = url.replace(placeholder, quote(str(value), safe=""))
        return url


class HttpSource:
    """See `source.CustomerSource`. A customer that the service does not know is a 404, or an answer without rows."""

    def __init__(self, *, name: str, address: Address, fields: FieldMap, caller: Caller) -> None:
        self.name = name
        self._address = address
        self._fields = fields
        self._caller = caller
        self._headers = {"Accept": "application/json", **address.headers}

    async def fetch(self, key: Key) -> Part:
        """See `source.CustomerSource`."""
        if not key.customer_id.strip("."):  # "." and ".." are no names, but ways to other places
            return Part()
        try:
            answer = await self._caller.send(self._call(key))
        except CallError as error:
            raise SourceError(str(error)) from error
        if answer.status == _NOT_FOUND:
            return Part()
        return self._fields.part(rows_at(_parsed(_body(answer)), self._address.rows))

    async def close(self) -> None:
        """See `source.CustomerSource`."""
        self._caller.close()

    def _call(self, key: Key) -> Call:
        """The operator wrote the address, and the shop's own network is where such services are."""
        return Call(
            method="GET",
            url=self._address.of(key),
            headers=self._headers,
            timeout=None,
            private=True,
            repeatable=True,
        )


def _body(answer: Answer) -> bytes:
    if answer.status != _OK:
        raise SourceError(f"the service answered {answer.status}")
    if len(answer.body) > MOST_READ:
        raise SourceError(f"an answer has more than {MOST_READ} bytes")
    return answer.body


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise SourceError("an answer is no JSON") from None

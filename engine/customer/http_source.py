"""Customers from an HTTP service that answers JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import quote

from engine.customer.fields import FieldMap, rows_at
from engine.customer.profile import Key, Part
from engine.customer.source import SourceError
from engine.http_call import MOST_READ, Call, CallError, send

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
        for placeholder, value in (
            ("{customer_id}", key.customer_id),
            ("{channel}", str(key.channel)),
            ("{tenant}", key.tenant),
        ):
            url = url.replace(placeholder, quote(value, safe=""))
        return url


class HttpSource:
    """See `source.CustomerSource`. A customer that the service does not know is a 404, or an answer without rows.

    `timeout` is in seconds and ends calls that nobody waits for; `concurrency` calls run at once.
    """

    def __init__(
        self, *, name: str, address: Address, fields: FieldMap, timeout: float = 5.0, concurrency: int = 16
    ) -> None:
        self.name = name
        self._address = address
        self._fields = fields
        self._timeout = timeout
        self._threads = ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix=f"customers-{name}")

    async def fetch(self, key: Key) -> Part:
        """See `source.CustomerSource`."""
        if not key.customer_id.strip("."):  # "." and ".." are no names, but ways to other places
            return Part()
        loop, asked = asyncio.get_running_loop(), self._address
        headers = {"Accept": "application/json", **asked.headers}
        # The operator wrote the address, and the shop's own network is where such services are.
        call = Call(method="GET", url=asked.of(key), headers=headers, timeout=self._timeout, private=True)
        body = await loop.run_in_executor(self._threads, _body, call)
        return self._fields.part(rows_at(_parsed(body), asked.rows)) if body is not None else Part()

    async def close(self) -> None:
        """See `source.CustomerSource`: calls under way end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _body(call: Call) -> bytes | None:
    """Of a 200; None for a 404."""
    try:
        answer = send(call)
    except CallError as error:
        raise SourceError(str(error)) from error
    if answer.status == _NOT_FOUND:
        return None
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

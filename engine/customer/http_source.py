"""Customers from an HTTP service that answers JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from engine.customer.fields import FieldMap, rows_at
from engine.customer.http_get import get
from engine.customer.profile import Key, Part
from engine.customer.source import SourceError


class HttpSource:
    """GETs an address in which "{customer_id}", "{channel}" and "{tenant}" stand for the customer's own.

    What is known stands in the answer at `rows`, a path with dots; "" is the answer itself. A customer that the service
    does not know is a 404, or an answer without rows. `timeout` is in seconds and ends calls that nobody waits for.
    """

    def __init__(
        self,
        *,
        name: str,
        url: str,
        fields: FieldMap,
        rows: str = "",
        headers: Mapping[str, str] | None = None,
        timeout: float = 5.0,
    ) -> None:
        self.name = name
        self._url = url
        self._fields = fields
        self._rows = rows
        self._headers = dict(headers or {})
        self._timeout = timeout
        self._threads = ThreadPoolExecutor(max_workers=16, thread_name_prefix=f"customers-{name}")

    async def fetch(self, key: Key) -> Part:
        """See `source.CustomerSource`."""
        url = self._url
        for placeholder, value in (
            ("{customer_id}", key.customer_id),
            ("{channel}", str(key.channel)),
            ("{tenant}", key.tenant),
        ):
            url = url.replace(placeholder, quote(value, safe=""))
        loop = asyncio.get_running_loop()
        body = await loop.run_in_executor(self._threads, get, url, self._headers, self._timeout)
        return self._fields.part(rows_at(_parsed(body), self._rows)) if body is not None else Part()

    async def close(self) -> None:
        """See `source.CustomerSource`: calls under way end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise SourceError("an answer is no JSON") from None

"""What every source does with a customer it knows, and with one it does not."""

from __future__ import annotations

import asyncio
import csv
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio
from yingda.v1 import customer_pb2

from engine.customer.fields import FieldMap, Kind
from engine.customer.http_source import Address, HttpSource
from engine.customer.profile import Key, Order, Part
from engine.customer.source import CustomerSource, SourceError
from engine.customer.table_source import CsvSource, SQLiteSource
from engine.http_caller import Caller
from engine.servicers.customer_source import GrpcSource
from tests.engine.customer.servers import ORDERS, GrpcShop, Shop, serving_grpc, serving_http

KEY = Key(tenant="shop", channel=1, customer_id="cu 1/ä")
UNKNOWN = Key(tenant="shop", channel=1, customer_id="nobody")
COLUMNS = ("customer_id", "order_id", "status", "ordered_time", "tracking_no")
ROWS = [("cu 1/ä", "A1", "sent", "2026-11-20T10:00:00Z", "SF1"), ("other", "B1", "sent", "", "SF2")]
FIELDS = {
    "order_id": "no",
    "status": "state",
    "ordered_time": "at",
    "tracking_no": "parcel.code",
    "carrier": "parcel.by",
}
A1 = 1_795_168_800_000  # 2026-11-20T10:00:00Z in milliseconds


@pytest.fixture
def csv_source(tmp_path: Path) -> CsvSource:
    with (tmp_path / "orders.csv").open("w", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows([COLUMNS, *ROWS])
    return CsvSource(name="s", path=tmp_path / "orders.csv", fields=FieldMap(kind=Kind.ORDERS))


@pytest.fixture
def sqlite_source(tmp_path: Path) -> SQLiteSource:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f'CREATE TABLE "the orders" ({", ".join(COLUMNS)})')
        database.executemany('INSERT INTO "the orders" VALUES (?, ?, ?, ?, ?)', ROWS)
    return SQLiteSource(name="s", path=path, table="the orders", fields=FieldMap(kind=Kind.ORDERS))


@pytest_asyncio.fixture
async def http_source() -> AsyncIterator[HttpSource]:
    shop = Shop(answers={"/orders?of=cu%201%2F%C3%A4": ORDERS})
    async with serving_http(shop) as address:
        source = HttpSource(
            name="s",
            address=Address(url=f"{address}/orders?of={{customer_id}}", rows="data.orders"),
            fields=FieldMap(kind=Kind.ORDERS, fields=FIELDS),
            caller=Caller(),
        )
        yield source
        await source.close()


@pytest_asyncio.fixture
async def grpc_source() -> AsyncIterator[GrpcSource]:
    shop = GrpcShop()
    order = customer_pb2.CustomerOrder(order_id="A1", status="sent", facts={"tracking_no": "SF1"})
    order.order_time.FromMilliseconds(A1)
    shop.customers["cu 1/ä"] = customer_pb2.Customer(orders=[order])
    async with serving_grpc(shop) as target:
        source = GrpcSource(name="s", target=target, tls=False, timeout=5)
        yield source
        await source.close()


@pytest.fixture(params=["csv", "sqlite", "http", "grpc"])
def source(request: pytest.FixtureRequest) -> CustomerSource:
    made: CustomerSource = request.getfixturevalue(f"{request.param}_source")
    return made


async def test_a_known_customers_orders_are_found(source: CustomerSource) -> None:
    first = (await source.fetch(KEY)).orders[-1]

    assert (first.order_id, first.status, first.ordered_ms) == ("A1", "sent", A1)
    assert (first.facts["tracking_no"], first.facts["order_id"]) == ("SF1", "A1")


async def test_of_an_unknown_customer_nothing_is_known(source: CustomerSource) -> None:
    assert await source.fetch(UNKNOWN) == Part()


async def test_nested_fields_are_read_by_their_path_and_the_newest_comes_first(
    http_source: HttpSource,
) -> None:
    orders = (await http_source.fetch(KEY)).orders

    assert [one.order_id for one in orders] == ["A2", "A1"]
    assert orders[1].facts == {"order_id": "A1", "tracking_no": "SF1", "carrier": "SF"}
    assert orders[0] == Order(
        order_id="A2", status="packed", ordered_ms=1_795_300_000_000, facts={"order_id": "A2"}
    )


async def test_a_changed_file_is_read_again(csv_source: CsvSource, tmp_path: Path) -> None:
    await csv_source.fetch(KEY)
    with (tmp_path / "orders.csv").open("a", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerow(("nobody", "C1", "new", "", ""))

    assert [one.order_id for one in (await csv_source.fetch(UNKNOWN)).orders] == ["C1"]


async def test_a_file_that_is_gone_is_a_failure(csv_source: CsvSource, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").unlink()

    with pytest.raises(SourceError, match="cannot read"):
        await csv_source.fetch(KEY)


async def test_half_a_file_is_a_failure(csv_source: CsvSource, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text('customer_id,order_id\n"cu 1/ä,A', encoding="utf-8")

    with pytest.raises(SourceError, match="cannot read"):
        await csv_source.fetch(KEY)


async def test_a_file_without_the_customers_column_says_so(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("who,order_id\n", encoding="utf-8")
    source = CsvSource(name="s", path=tmp_path / "bad.csv", fields=FieldMap(kind=Kind.ORDERS))

    with pytest.raises(SourceError, match="no column customer_id"):
        await source.fetch(KEY)


async def test_a_table_that_is_not_there_is_a_failure(tmp_path: Path, sqlite_source: SQLiteSource) -> None:
    source = SQLiteSource(
        name="s", path=tmp_path / "shop.db", table='x"; DROP TABLE y', fields=FieldMap(kind=Kind.ORDERS)
    )

    with pytest.raises(SourceError, match="no such table"):
        await source.fetch(KEY)


async def test_a_database_is_only_read(tmp_path: Path) -> None:
    source = SQLiteSource(
        name="s", path=tmp_path / "none.db", table="orders", fields=FieldMap(kind=Kind.ORDERS)
    )

    with pytest.raises(SourceError, match="unable to open"):
        await source.fetch(KEY)
    assert not (tmp_path / "none.db").exists()


def http(address: str, *, token: str = "") -> HttpSource:
    return HttpSource(
        name="s",
        address=Address(
            url=f"{address}/c/{{customer_id}}", headers={"Authorization": token} if token else {}
        ),
        fields=FieldMap(kind=Kind.PROFILE),
        caller=Caller(),
    )


@pytest.mark.parametrize(
    ("shop", "problem"),
    [
        (Shop(body=b"{}", status=500), "answered 500"),
        (Shop(body=b"{}", status=302), "answered 302"),
        (Shop(body=b"<html>"), "no JSON"),
        (Shop(body=b"\xff\xfe\x00"), "no JSON"),
        (Shop(body=b"[" * 100_000), "no JSON"),
        (Shop(body=b" " * (1 << 21)), "more than 1048576 bytes"),
    ],
    ids=["failing", "redirecting", "no JSON", "no UTF-8", "nested", "endless"],
)
async def test_a_bad_answer_is_a_failure(shop: Shop, problem: str) -> None:
    async with serving_http(shop) as address:
        source = http(address)
        with pytest.raises(SourceError, match=problem):
            await source.fetch(UNKNOWN)
        await source.close()


async def test_a_server_that_drips_is_given_up_in_time() -> None:
    shop = Shop(body=b'{"a": "' + b"x" * 500 + b'"}', delay=20, chunks=100)
    async with serving_http(shop) as address:
        source = http(address)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(source.fetch(UNKNOWN), 0.4)
        await source.close()


async def test_a_server_that_is_not_there_is_a_failure() -> None:
    source = http("http://127.0.0.1:9")
    with pytest.raises(SourceError, match=r"127\.0\.0\.1:9 did not answer"):
        await source.fetch(UNKNOWN)
    await source.close()


async def test_headers_are_sent_and_other_values_are_no_facts() -> None:
    profile = {
        "customer_name": " Ann ",
        "vip": True,
        "points": 7,
        "nested": {"a": 1},
        "none": None,
        "long": "x" * 513,
    }
    shop = Shop(answers={"/c/nobody": profile})
    async with serving_http(shop) as address:
        source = http(address, token="Bearer t")
        part = await source.fetch(UNKNOWN)
        await source.close()

    assert part.facts == {"customer_name": "Ann", "vip": "true", "points": "7"}
    assert "Authorization: Bearer t" in shop.headers


async def test_a_grpc_server_that_fails_is_a_failure() -> None:
    shop = GrpcShop()
    shop.fails = True
    async with serving_grpc(shop) as target:
        source = GrpcSource(name="crm", target=target, tls=False, timeout=5)
        with pytest.raises(SourceError, match="crm answered INTERNAL"):
            await source.fetch(KEY)
        await source.close()


async def test_a_grpc_server_that_is_late_is_a_timeout() -> None:
    async with serving_grpc(GrpcShop(delay=5)) as target:
        source = GrpcSource(name="crm", target=target, tls=False, timeout=0.1)
        with pytest.raises(TimeoutError):
            await source.fetch(KEY)
        await source.close()

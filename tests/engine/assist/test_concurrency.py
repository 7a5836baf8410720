"""Writers and searchers at once: nothing fails, nothing old is shown, nothing is lost."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.assist.wanted import Wanted
from engine.domain import Reply
from engine.stores.sqlite import SQLiteStore
from tests.fakes import TENANT, Desk, make_desk, make_reply

WRITERS, SEARCHERS = 10, 50


class Ledger:
    """What each writer last did to its ids: the reply or None, the number of the act, and when it was done."""

    def __init__(self) -> None:
        self.acts: dict[str, tuple[Reply | None, int, float]] = {}
        self.problems: list[str] = []

    def note(self, reply_id: str, reply: Reply | None, number: int) -> None:
        self.acts[reply_id] = (reply, number, time.monotonic())

    def check(self, found: Reply, began: float) -> None:
        """What was replaced or deleted before a search began must not be shown by it."""
        _, number, since = self.acts.get(found.reply_id, (found, 0, began))
        if since < began and int(found.title) < number:
            self.problems.append(f"{found.reply_id} changed {began - since:.3f} s before the search began")


def write(desk: Desk, decide: ThreadPoolExecutor, ledger: Ledger, writer: int, until: float) -> int:
    """Put, replace and delete replies of its own, one decision at a time, as the servicer does."""
    draw, number = random.Random(writer), 0
    while not number or time.monotonic() < until:
        number += 1
        reply_id = f"w{writer}.{draw.randrange(20)}"
        kept, _, _ = ledger.acts.get(reply_id, (None, 0, 0.0))
        if kept is not None and draw.random() < 0.3:
            decide.submit(desk.assist.bookkeeper.delete, TENANT, reply_id).result()
            ledger.note(reply_id, None, number)
        else:
            reply = make_reply(reply_id, title=str(number), text=f"shared word of {reply_id}")
            (new,) = decide.submit(desk.assist.bookkeeper.put, TENANT, [reply]).result()
            ledger.note(reply_id, new, number)
        time.sleep(draw.random() / 50)
    return number


def search(desk: Desk, ledger: Ledger, searcher: int, until: float) -> int:
    draw, searches = random.Random(1000 + searcher), 0
    while not searches or time.monotonic() < until:
        wanted = Wanted(
            typed=draw.choice(("shared", "w", "ver", "")),
            messages=("shipping.track",),
            language="en",
            limit=20,
        )
        began = time.monotonic()
        for one in desk.assist.suggester.suggest(TENANT, wanted).suggestions:
            ledger.check(one.reply, began)
        searches += 1
        time.sleep(draw.random() / 20)
    return searches


def run(store: SQLiteStore, seconds: float) -> tuple[Desk, Ledger, list[int]]:
    desk, ledger, counts = make_desk(store), Ledger(), list[int]()
    desk.assist.bookkeeper.ready(TENANT)
    until = time.monotonic() + seconds

    def guarded(work: Callable[[], int]) -> None:
        try:
            counts.append(work())
        except Exception as error:  # whatever it is, the test must fail with it
            ledger.problems.append(repr(error))

    with ThreadPoolExecutor(max_workers=1) as decide:
        threads = [
            threading.Thread(target=guarded, args=(lambda n=n: write(desk, decide, ledger, n, until),))
            for n in range(WRITERS)
        ] + [
            threading.Thread(target=guarded, args=(lambda n=n: search(desk, ledger, n, until),))
            for n in range(SEARCHERS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    desk.assist.library.settle()
    return desk, ledger, counts


def check(store: SQLiteStore, seconds: float) -> None:
    desk, ledger, counts = run(store, seconds)
    try:
        kept = sorted((one for one, _, _ in ledger.acts.values() if one), key=lambda one: one.reply_id)

        assert ledger.problems == []
        assert len(counts) == WRITERS + SEARCHERS
        assert min(counts) > 0
        assert store.assist.replies(TENANT) == desk.assist.library.replies(TENANT) == kept
    finally:
        desk.assist.library.close()


def test_writers_and_searchers_do_not_disturb_one_another(embedded: SQLiteStore) -> None:
    check(embedded, 2)


@pytest.mark.slow
def test_writers_and_searchers_do_not_disturb_one_another_for_a_minute(embedded: SQLiteStore) -> None:
    check(embedded, 60)

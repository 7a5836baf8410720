from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import Any

import pytest

from engine.decision_thread import DecisionThread


@pytest.fixture
def thread() -> Iterator[DecisionThread]:
    with closing(DecisionThread()) as opened:
        yield opened


async def test_what_the_work_returns_comes_back(thread: DecisionThread) -> None:
    assert await thread.run(divmod, 7, 2) == (3, 1)


async def test_what_the_work_raises_is_raised(thread: DecisionThread) -> None:
    with pytest.raises(ZeroDivisionError):
        await thread.run(divmod, 7, 0)


async def test_all_work_is_done_on_one_thread_that_is_not_the_loops(thread: DecisionThread) -> None:
    threads = await asyncio.gather(*(thread.run(threading.current_thread) for _ in range(20)))

    assert len(set(threads)) == 1
    assert threads[0] is not threading.current_thread()


async def test_work_is_done_one_at_a_time_in_the_order_asked(thread: DecisionThread) -> None:
    running, seen = threading.Semaphore(1), []

    def work(number: int) -> None:
        assert running.acquire(blocking=False)
        seen.append(number)
        running.release()

    await asyncio.gather(*(thread.run(work, number) for number in range(100)))

    assert seen == list(range(100))


async def test_work_that_has_begun_is_finished_though_its_caller_goes(thread: DecisionThread) -> None:
    begun, release, finished = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        assert release.wait(10)
        finished.set()

    task = asyncio.create_task(thread.run(work))
    assert await asyncio.to_thread(begun.wait, 10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    release.set()

    assert await asyncio.to_thread(finished.wait, 10)


async def test_work_that_has_not_begun_is_not_done_when_its_caller_goes(thread: DecisionThread) -> None:
    begun, release = threading.Event(), threading.Event()
    done: list[str] = []

    def first() -> None:
        begun.set()
        assert release.wait(10)

    running = asyncio.create_task(thread.run(first))
    assert await asyncio.to_thread(begun.wait, 10)
    gone = asyncio.create_task(thread.run(done.append, "gone"))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    release.set()
    await running
    await thread.run(done.append, "last")

    assert done == ["last"]


async def test_closing_waits_for_what_was_begun() -> None:
    thread, begun = DecisionThread(), threading.Event()
    done: list[str] = []

    def work() -> None:
        begun.set()
        done.append("kept")

    task = asyncio.create_task(thread.run(work))
    assert await asyncio.to_thread(begun.wait, 10)
    thread.close()

    assert done == ["kept"]
    await task


async def test_what_can_wait_is_done_behind_the_next_call(thread: DecisionThread) -> None:
    seen = list[str]()
    waiting = asyncio.create_task(thread.run_beside(60.0, seen.append, "beside"))
    await asyncio.sleep(0)
    assert seen == []
    await thread.run(seen.append, "called")
    await waiting

    assert seen == ["called", "beside"]


async def test_what_can_wait_is_not_left_waiting(thread: DecisionThread) -> None:
    assert await thread.run_beside(0.01, sum, [1, 2]) == 3


async def test_what_can_wait_is_done_before_the_end() -> None:
    thread = DecisionThread()
    waiting = asyncio.create_task(thread.run_beside(60.0, sum, [1, 2]))
    await asyncio.sleep(0)
    thread.close()

    assert await waiting == 3


async def test_what_work_tells_the_loop_comes_with_its_answer_and_wakes_it_once(
    thread: DecisionThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, wakes, seen = asyncio.get_running_loop(), list[object](), list[str]()
    wake = loop.call_soon_threadsafe

    def counted(*args: Any) -> asyncio.Handle:  # noqa: ANN401
        wakes.append(args)
        return wake(*args)

    def work() -> None:
        for number in range(3):
            thread.tell(loop, partial(seen.append, f"told {number}"))

    monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
    await thread.run(work)

    assert (seen, len(wakes)) == (["told 0", "told 1", "told 2"], 1)


async def test_what_others_tell_the_loop_comes_at_once(thread: DecisionThread) -> None:
    told = asyncio.Event()
    thread.tell(asyncio.get_running_loop(), told.set)

    await asyncio.wait_for(told.wait(), 5)

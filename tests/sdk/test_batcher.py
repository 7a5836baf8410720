from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from yingda.batcher import Batcher, OverloadedError


class Recorder:
    """A `run` that keeps what it was given and, once `gate` is closed, waits for it to open."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, items: Sequence[str]) -> list[str]:
        self.batches.append(list(items))
        await self.gate.wait()
        if "bad" in items:
            raise ValueError("bad item")
        return [item.upper() for item in items]


@pytest.fixture
def run() -> Recorder:
    return Recorder()


def make(run: Recorder, *, max_size: int = 4, max_queue: int = 8) -> Batcher[str, str]:
    return Batcher(run, max_size=max_size, max_queue=max_queue)


async def held(run: Recorder, batcher: Batcher[str, str], *items: str) -> list[asyncio.Task[str]]:
    """The items submitted one after the other while `run` is busy with the first."""
    run.gate.clear()
    tasks = []
    for item in items:
        tasks.append(asyncio.create_task(batcher.submit(item)))
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_an_idle_batcher_runs_an_item_at_once(run: Recorder) -> None:
    task = asyncio.create_task(make(run).submit("a"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert run.batches == [["a"]]
    assert await task == "A"


async def test_what_comes_while_it_is_busy_is_joined_in_order(run: Recorder) -> None:
    tasks = await held(run, make(run), "a", "b", "c", "d")
    run.gate.set()

    assert await asyncio.gather(*tasks) == ["A", "B", "C", "D"]
    assert run.batches == [["a"], ["b", "c", "d"]]


async def test_a_batch_is_never_larger_than_allowed(run: Recorder) -> None:
    tasks = await held(run, make(run, max_size=2), *"abcdef")
    run.gate.set()
    await asyncio.gather(*tasks)

    assert run.batches == [["a"], ["b", "c"], ["d", "e"], ["f"]]


async def test_a_caller_who_has_gone_never_reaches_run(run: Recorder) -> None:
    tasks = await held(run, make(run), "a", "b", "c")
    tasks[1].cancel()
    await asyncio.sleep(0)
    run.gate.set()

    assert [await tasks[0], await tasks[2]] == ["A", "C"]
    assert run.batches == [["a"], ["c"]]


async def test_a_caller_who_goes_during_run_hurts_nobody(run: Recorder) -> None:
    batcher = make(run)
    tasks = await held(run, batcher, "a")
    tasks[0].cancel()
    await asyncio.sleep(0)
    run.gate.set()

    assert await batcher.submit("b") == "B"


async def test_places_of_callers_who_have_gone_are_free_again(run: Recorder) -> None:
    batcher = make(run, max_queue=2)
    tasks = await held(run, batcher, "a", "b", "c")
    for task in tasks[1:]:
        task.cancel()
    await asyncio.sleep(0)
    late = asyncio.create_task(batcher.submit("d"))
    await asyncio.sleep(0)
    run.gate.set()

    assert await late == "D"


async def test_an_error_reaches_every_caller_of_its_batch_only(run: Recorder) -> None:
    batcher = make(run, max_size=2)
    tasks = await held(run, batcher, "a", "b", "bad", "c")
    run.gate.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)

    assert [outcomes[0], outcomes[3]] == ["A", "C"]
    assert all(isinstance(outcome, ValueError) for outcome in outcomes[1:3])


async def test_a_wrong_number_of_results_is_an_error_for_all_of_the_batch() -> None:
    async def run(items: Sequence[str]) -> list[str]:
        return ["only one"] * (1 if len(items) > 1 else len(items))

    batcher = Batcher(run, max_size=4, max_queue=8)
    outcomes = await asyncio.gather(*map(batcher.submit, "abc"), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [RuntimeError] * 3


async def test_a_full_queue_refuses_at_once(run: Recorder) -> None:
    batcher = make(run, max_queue=2)
    tasks = await held(run, batcher, "a", "b", "c")

    with pytest.raises(OverloadedError, match="2 messages are waiting, the limit is 2"):
        await asyncio.wait_for(batcher.submit("d"), 0.5)
    run.gate.set()
    assert await asyncio.gather(*tasks) == ["A", "B", "C"]


async def test_a_refused_item_does_not_run(run: Recorder) -> None:
    batcher = make(run, max_queue=1)
    tasks = await held(run, batcher, "a", "b")
    with pytest.raises(OverloadedError):
        await batcher.submit("refused")
    run.gate.set()
    await asyncio.gather(*tasks)

    assert run.batches == [["a"], ["b"]]


async def test_a_batch_holds_as_much_weight_as_allowed(run: Recorder) -> None:
    batcher = Batcher(run, max_size=4, max_queue=20, weigh=len)
    tasks = await held(run, batcher, "a", "bb", "cc", "ddd")
    run.gate.set()
    await asyncio.gather(*tasks)

    assert run.batches == [["a"], ["bb", "cc"], ["ddd"]]


async def test_an_item_heavier_than_a_batch_goes_alone(run: Recorder) -> None:
    batcher = Batcher(run, max_size=4, max_queue=20, weigh=len)
    tasks = await held(run, batcher, "a", "b", "too heavy", "c")
    run.gate.set()
    await asyncio.gather(*tasks)

    assert run.batches == [["a"], ["b"], ["too heavy"], ["c"]]


async def test_an_item_heavier_than_the_queue_is_taken_by_an_idle_batcher(run: Recorder) -> None:
    batcher = Batcher(run, max_size=4, max_queue=5, weigh=len)

    assert await batcher.submit("heavier than 5") == "HEAVIER THAN 5"


async def test_drain_returns_when_everything_submitted_has_run(run: Recorder) -> None:
    batcher = make(run)
    tasks = await held(run, batcher, "a", "b")
    drained = asyncio.create_task(batcher.drain())
    await asyncio.sleep(0)
    before = drained.done()
    run.gate.set()
    await drained

    assert not before
    assert run.batches == [["a"], ["b"]]
    assert await asyncio.gather(*tasks) == ["A", "B"]


async def test_drain_of_an_idle_batcher_returns_at_once(run: Recorder) -> None:
    await asyncio.wait_for(make(run).drain(), 0.5)

    assert run.batches == []


async def test_a_drained_batcher_can_be_used_again(run: Recorder) -> None:
    batcher = make(run)
    await batcher.submit("a")
    await batcher.drain()

    assert await batcher.submit("b") == "B"


async def test_sources_take_turns_and_each_keeps_its_order(run: Recorder) -> None:
    batcher = make(run, max_size=3)
    tasks = await held(run, batcher, "a1", "a2", "a3", "a4")
    tasks += [asyncio.create_task(batcher.submit(item, item[0])) for item in ("b1", "b2", "c1")]
    await asyncio.sleep(0)
    run.gate.set()
    await asyncio.gather(*tasks)

    assert run.batches == [["a1"], ["a2", "b1", "c1"], ["a3", "b2", "a4"]]


async def test_a_source_whose_item_does_not_fit_comes_first_next_time(run: Recorder) -> None:
    batcher: Batcher[str, str] = Batcher(run, max_size=4, max_queue=20, weigh=len)
    tasks = await held(run, batcher, "a", "b")
    tasks += [asyncio.create_task(batcher.submit(*one)) for one in (("large", "x"), ("y", "y"))]
    await asyncio.sleep(0)
    run.gate.set()
    await asyncio.gather(*tasks)

    assert run.batches == [["a"], ["b"], ["large"], ["y"]]


async def test_a_full_queue_lets_in_who_has_less_than_a_share_of_it(run: Recorder) -> None:
    batcher = make(run, max_queue=4)
    tasks = await held(run, batcher, *"abcde")
    tasks += [asyncio.create_task(batcher.submit(item, "other")) for item in "yz"]
    await asyncio.sleep(0)

    for source in ("", "other"):
        with pytest.raises(OverloadedError):
            await batcher.submit("more", source)
    run.gate.set()
    assert await asyncio.gather(*tasks) == [*"ABCDEYZ"]


async def test_a_queue_never_holds_more_than_twice_its_limit(run: Recorder) -> None:
    batcher = make(run, max_queue=8)
    tasks = await held(run, batcher, *(["x"] * 9))
    tasks += [asyncio.create_task(batcher.submit("x", str(number))) for number in range(30)]
    await asyncio.sleep(0)
    run.gate.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)

    assert 9 < outcomes.count("X") <= 1 + 2 * 8

"""The threads of an engine beside its event loop."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass

from engine.decision_thread import DecisionThread

_SEARCHERS = 2  # threads; a search lasts a millisecond and gives up the lock while FAISS compares


@dataclass(frozen=True, slots=True)
class Threads:
    """One that decides, some that search, one that loads bundles, one that looks back."""

    decisions: DecisionThread
    searchers: ThreadPoolExecutor
    loading: ThreadPoolExecutor
    reviews: ThreadPoolExecutor


def start_threads(stack: AsyncExitStack) -> Threads:
    """They end with the stack."""
    searchers = ThreadPoolExecutor(max_workers=_SEARCHERS, thread_name_prefix="search")
    stack.callback(searchers.shutdown)
    loading = ThreadPoolExecutor(max_workers=1, thread_name_prefix="load")
    stack.callback(loading.shutdown, cancel_futures=True)
    reviews = ThreadPoolExecutor(max_workers=1, thread_name_prefix="review")
    stack.callback(reviews.shutdown, cancel_futures=True)
    thread = DecisionThread()
    stack.callback(thread.close)  # before the store: what was begun still needs it
    return Threads(thread, searchers, loading, reviews)

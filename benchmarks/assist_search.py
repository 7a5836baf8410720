"""What a keystroke costs in the search itself, in CPU time.

`new` is the first time a message is answered and a text is typed; most keystrokes are known from the ones before.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator, Sequence

import benchmarks.assist_desk as desk
from benchmarks import assist_corpus
from benchmarks.assist_desk import TENANT, Case
from benchmarks.statistic import percentile
from engine.assist.assembly import Assist
from engine.assist.wanted import Wanted

_SHARES = (50, 99)


def measure(sizes: Sequence[int], cases: Sequence[Case]) -> list[dict[str, object]]:
    """One entry a size. `peak_mb` is this process's, bundle and corpus included, so sizes should ascend."""
    return [_measure_size(size, cases) for size in sizes]


def _measure_size(size: int, cases: Sequence[Case]) -> dict[str, object]:
    began = time.process_time()
    with desk.opened(assist_corpus.replies(size)) as assist:
        assist.library.settle()
        built = time.process_time() - began
        asked = [wanted for case in cases for wanted in _keystrokes(case)]
        new, known = ([_taken(assist, wanted) for wanted in asked] for _ in range(2))
    return {
        "replies": size,
        "indexed_cpu_s": round(built, 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "new_keystroke_cpu_ms": _shares(new),
        "known_keystroke_cpu_ms": _shares(known),
    }


def _taken(assist: Assist, wanted: Wanted) -> float:
    """Milliseconds of this thread."""
    start = time.thread_time()
    assist.suggester.suggest(TENANT, wanted)
    return (time.thread_time() - start) * 1000


def _keystrokes(case: Case) -> Iterator[Wanted]:
    """The conversation is opened, then each key asks again."""
    for length in range(len(case.typed) + 1):
        yield Wanted(
            typed=case.typed[:length],
            messages=case.messages,
            conversation_id=case.case_id,
            channel=1,
            limit=3,
        )


def _shares(taken: Sequence[float]) -> dict[str, float]:
    return {f"p{share}": round(percentile(taken, share / 100), 2) for share in _SHARES}

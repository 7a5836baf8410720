"""Greedy choice against one best assignment: `python -m benchmarks.routing_matching`. JSON.

As many wait as are free; each waiting one asks for a skill, in order of urgency, and each agent has one place. Greedy,
as the engine does it, gives the most urgent one the best agent left, and so on; the Hungarian method maximises the sum
of the scores over all at once. Told are the served share, the mean score, how many were passed over by a less urgent
one of the same skill, and the time.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from benchmarks import machine
from engine.routing.policy import Weights

SKILLS = 8
HELD = 3  # skills of an agent
IMPOSSIBLE = -1e6  # score of an agent who may not take it
Scores = npt.NDArray[np.float64]  # [waiting, agents]
Pairs = dict[int, int]


def greedy(scores: Scores) -> Pairs:
    """The most urgent first."""
    taken: set[int] = set()
    found: Pairs = {}
    for row, column in enumerate(scores):
        free = [one for one in np.argsort(-column, kind="stable").tolist() if one not in taken]
        if free and column[free[0]] > IMPOSSIBLE:
            found[row] = free[0]
            taken.add(free[0])
    return found


def best(scores: Scores) -> Pairs:
    """The largest number served, and among those the largest sum."""
    rows, columns = linear_sum_assignment(scores, maximize=True)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return {row: column for row, column in pairs if scores[row, column] > IMPOSSIBLE}


def make(size: int, random_: random.Random) -> tuple[Scores, list[int]]:
    """Scores of `size` waiting conversations for `size` agents, and the skills asked for."""
    weights = Weights()
    agents = [
        {skill: random_.randint(1, 5) for skill in random_.sample(range(SKILLS), HELD)} for _ in range(size)
    ]
    load = [random_.random() for _ in agents]
    asked = [random_.randrange(SKILLS) for _ in range(size)]
    scores = np.full((size, size), IMPOSSIBLE)
    for row, skill in enumerate(asked):
        for column, agent in enumerate(agents):
            if skill in agent:
                free = weights.free_capacity * (1 - load[column])
                scores[row, column] = weights.proficiency * agent[skill] / 5 + free
    return scores, asked


def compare(size: int, rounds: int, seed: int) -> dict[str, object]:
    """Both methods over the same cases."""
    cases = [make(size, random.Random(f"{seed}:{size}:{number}")) for number in range(rounds)]
    return {"size": size, "greedy": _judge(greedy, cases), "best": _judge(best, cases)}


def _judge(method: Callable[[Scores], Pairs], cases: list[tuple[Scores, list[int]]]) -> dict[str, float]:
    started = time.process_time()
    found = [method(scores) for scores, _ in cases]
    seconds = time.process_time() - started
    values = [scores[pair] for (scores, _), pairs in zip(cases, found, strict=True) for pair in pairs.items()]
    size = len(cases[0][1])
    return {
        "served": round(sum(map(len, found)) / len(cases) / size, 4),
        "mean_score": round(float(statistics.mean(values)), 4),
        "passed_over": sum(_passed_over(pairs, case) for pairs, case in zip(found, cases, strict=True)),
        "ms": round(seconds / len(cases) * 1000, 3),
    }


def _passed_over(pairs: Pairs, case: tuple[Scores, list[int]]) -> int:
    """How many were left waiting while a less urgent one of the same skill was served."""
    _, asked = case
    last = {asked[row]: row for row in sorted(pairs)}
    return sum(row not in pairs and row < last.get(skill, -1) for row, skill in enumerate(asked))


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.routing_matching", description=__doc__)
    parser.add_argument("--rounds", type=int, default=50, help="cases of each size (50)")
    parser.add_argument("--seed", type=int, default=1, help="other cases (1)")
    parser.add_argument("--json", action="store_true", help="print JSON (the default, and the only form)")
    args = parser.parse_args()
    report = {
        "date": machine.now(),
        "commit": machine.commit(),
        "machine": machine.describe(),
        "sizes": [compare(size, args.rounds, args.seed) for size in (5, 20, 100, 300)],
    }
    sys.stdout.write(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""Every right answer under many seeds, and every wrong one: `python -m tests.bench_seeds [1000]
[50]`.

Exercises that train a model are left out: they are judged by a measurement, and a run takes
seconds.
"""

import importlib
import multiprocessing
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from typing import Any

from rich.console import Console
from rich.table import Table

from course_utils.checking import Training
from course_utils.checking.compare import first_difference
from course_utils.checking.exercise import exercises, find, lessons, reference
from course_utils.checking.judge import expected_evidence
from course_utils.checking.running import collect
from tests.rounding import ROUNDING
from tests.wrong import answers

FIRST_SEED = 1000  # none that `course verify` or a lesson uses


@cache
def right(id: str) -> list[Any]:
    """All right answers to an exercise: the reference, those of tests/answers, and those that round
    differently.
    """
    lesson = id.partition(".")[0]
    others = importlib.import_module(f"tests.answers.{lesson}").ANSWERS
    return [reference(find(id)), *others.get(id, []), *ROUNDING.get(id, [])]


@cache
def wrong(id: str) -> list[Any]:
    """The independent wrong answers to an exercise, from tests/wrong."""
    return [item for item in answers(id.partition(".")[0]) if item.id == id]


def accepted(
    id: str, candidates: Iterable[Any], seeds: Iterable[int], guarded: bool
) -> dict[int, list[int]]:
    """By the answer's number: the seeds under which nothing differs from the reference and nothing
    is a shortcut.
    """
    exercise = find(id)
    found: dict[int, list[int]] = {}
    for seed in seeds:
        cases = exercise.draw(seed)
        expected = expected_evidence(exercise, cases, seed)
        for number, answer in enumerate(candidates):
            evidence = collect(exercise, answer, cases, guarded, seed)
            shortcut = any(item.shortcut for item in evidence)
            if not shortcut and first_difference(cases, expected, evidence) is None:
                found.setdefault(number, []).append(seed)
    return found


def measure(
    id: str, right_seeds: int, wrong_seeds: int
) -> tuple[str, int, list[str], int, list[str]]:
    """How many right and wrong answers an exercise has, those refused and those accepted, with the
    seeds.
    """
    seeds = range(FIRST_SEED, FIRST_SEED + right_seeds)
    passed = accepted(id, right(id), seeds, guarded=False)
    refused = [
        f"{getattr(answer, '__name__', answer)}: {missing[:5]}{'...' if len(missing) > 5 else ''}"
        for number, answer in enumerate(right(id))
        if (missing := [seed for seed in seeds if seed not in passed.get(number, [])])
    ]
    seeds = range(FIRST_SEED, FIRST_SEED + wrong_seeds)
    slipped = accepted(id, [item.answer for item in wrong(id)], seeds, guarded=True)
    due = [" and ".join(" or ".join(sorted(names)) for names in item.due) for item in wrong(id)]
    return (
        id,
        len(right(id)),
        refused,
        len(due),
        [f"{due[n]}: {found[:5]}" for n, found in slipped.items()],
    )


def main(right_seeds: int = 1000, wrong_seeds: int = 50) -> None:
    """Print a table with a line for each exercise."""
    ids = [e.id for lesson in lessons() for e in exercises(lesson) if not isinstance(e, Training)]
    table = Table(
        "exercise",
        "right",
        "refused",
        "wrong",
        "accepted",
        title=f"{right_seeds} and {wrong_seeds} seeds",
    )
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        rows = list(pool.map(measure, ids, [right_seeds] * len(ids), [wrong_seeds] * len(ids)))
    for id, good, refused, bad, slipped in rows:
        table.add_row(id, str(good), "\n".join(refused) or "0", str(bad), "\n".join(slipped) or "0")
    totals = [sum(row[1] for row in rows), sum(len(row[2]) for row in rows)]
    totals += [sum(row[3] for row in rows), sum(len(row[4]) for row in rows)]
    table.add_row("all", *map(str, totals))
    Console().print(table)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

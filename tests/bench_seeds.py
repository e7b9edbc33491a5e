"""Every right answer under many seeds, and every wrong one: `python -m tests.bench_seeds [1000]
[50] [lesson ...]`.

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

from course_utils.checking import Case, Exercise, Training
from course_utils.checking.compare import first_difference
from course_utils.checking.evidence import Evidence
from course_utils.checking.exercise import exercises, find, lessons, reference
from course_utils.checking.judge import expected_evidence
from course_utils.checking.running import collect
from tests.rounding import ROUNDING
from tests.wrong import answers

PROCESSES = 2
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
            if all(
                _agrees(exercise, answer, case, want, guarded, seed)
                for case, want in zip(cases, expected, strict=True)
            ):
                found.setdefault(number, []).append(seed)
    return found


def _agrees(
    exercise: Exercise, answer: Any, case: Case, want: Evidence, guarded: bool, seed: int
) -> bool:
    """Whether an answer passes one case; the first that it does not pass decides, so no further one
    is run.
    """
    [evidence] = collect(exercise, answer, [case], guarded, seed)
    return not evidence.shortcut and first_difference([case], [want], [evidence]) is None


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


def main(right_seeds: int = 1000, wrong_seeds: int = 50, *only: str) -> None:
    """Print a line for each exercise as soon as it is done, and the totals; only: lessons, else
    all.
    """
    ids = [
        exercise.id
        for lesson in only or lessons()
        for exercise in exercises(lesson)
        if not isinstance(exercise, Training)
    ]
    totals = [0, 0, 0, 0]
    print(f"Right answers under {right_seeds} seeds, wrong ones under {wrong_seeds}.")
    with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn")) as pool:
        seeds = ([right_seeds] * len(ids), [wrong_seeds] * len(ids))
        for id, good, refused, bad, slipped in pool.map(measure, ids, *seeds):
            said = f"{good} right, {len(refused)} refused; {bad} wrong, {len(slipped)} accepted"
            print(f"{id}: {said}", *refused, *slipped, sep="\n    ", flush=True)
            row = (good, len(refused), bad, len(slipped))
            totals = [a + b for a, b in zip(totals, row, strict=True)]
    print("All: {} right, {} refused; {} wrong, {} accepted".format(*totals))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]), *sys.argv[3:])

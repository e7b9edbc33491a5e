"""Every right answer under many seeds, and every wrong one: `python -m tests.bench seeds --help`.

Exercises that train a model are left out: they are judged by a measurement, and a run takes
seconds.
"""

import argparse
import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any

import torch

from course_utils.checking import Case, Exercise, Training
from course_utils.checking.compare import first_difference
from course_utils.checking.evidence import Evidence
from course_utils.checking.exercise import exercises, find, lessons, reference
from course_utils.checking.judge import expected_evidence
from course_utils.checking.running import collect
from course_utils.checking.world import fixed_world
from tests.answers import Wrong, right_answers, wrong_answers
from tests.rounding import ROUNDING

FIRST_SEED = 1000  # none that `course verify` or a lesson uses


@cache
def right(id: str) -> list[Any]:
    """All right answers to an exercise: the reference, those of tests/answers, and those that round
    differently.
    """
    lesson = id.partition(".")[0]
    others = right_answers(lesson).get(id, [])
    return [reference(find(id)), *others, *ROUNDING.get(id, [])]


@cache
def wrong(id: str) -> list[Wrong]:
    """The independent wrong answers to an exercise."""
    return [item for item in wrong_answers(id.partition(".")[0]) if item.id == id]


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
    with fixed_world():
        return not evidence.shortcut and first_difference([case], [want], [evidence]) is None


@contextlib.contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """Another default dtype, as a student may set it."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


# What is set outside, which should change nothing; with the first, the judge need not see to it.
WORLDS: dict[str, Callable[[], contextlib.AbstractContextManager[Any]]] = {
    "fixed": fixed_world,
    "float64": lambda: default_dtype(torch.float64),
    "meta": lambda: torch.device("meta"),
    "inference": torch.inference_mode,
}


def measure(
    id: str, right_seeds: int, wrong_seeds: int, first: int
) -> tuple[int, list[str], int, list[str]]:
    """How many right answers an exercise has, those refused, how many wrong ones, those accepted;
    with the seeds, of which one is the first.
    """
    seeds = range(first, first + right_seeds)
    passed = accepted(id, right(id), seeds, guarded=False)
    refused = [
        f"refused: {getattr(answer, '__name__', answer)}, {_some(missing)}"
        for number, answer in enumerate(right(id))
        if (missing := [seed for seed in seeds if seed not in passed.get(number, [])])
    ]
    seeds = range(first, first + wrong_seeds)
    passed = accepted(id, [item.answer for item in wrong(id)], seeds, guarded=True)
    slipped = [
        f"accepted: {_described(wrong(id)[n])}, {_some(found)}" for n, found in passed.items()
    ]
    return len(right(id)), refused, len(wrong(id)), slipped


def _some(seeds: Sequence[int]) -> str:
    """The first of some seeds, and how many there are."""
    return f"{len(seeds)} seeds, such as {', '.join(map(str, seeds[:5]))}"


def _described(item: Wrong) -> str:
    """An answer's own name and the mistakes that it makes."""
    due = " and ".join(" or ".join(sorted(names)) for names in item.due)
    return f"{getattr(item.answer, '__name__', item.answer)} ({due or 'no name is due'})"


def chosen(names: Sequence[str]) -> list[str]:
    """The ids of the exercises of these lessons or ids, else of all; without those that train."""
    return [
        exercise.id
        for lesson in lessons()
        for exercise in exercises(lesson)
        if not isinstance(exercise, Training)
        if not names or lesson in names or exercise.id in names
    ]


def main(arguments: Sequence[str] = ()) -> None:
    """Print a line for each exercise as soon as it is done, and the totals."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench seeds", description=__doc__)
    parser.add_argument("exercises", nargs="*", help="lessons or ids of exercises (default: all)")
    parser.add_argument("--right", type=int, default=1000, help="seeds for right answers (1000)")
    parser.add_argument("--wrong", type=int, default=50, help="seeds for wrong answers (50)")
    parser.add_argument("--first", type=int, default=FIRST_SEED, help=f"seed ({FIRST_SEED})")
    parser.add_argument(
        "--under", choices=WORLDS, default="fixed", help="a setting of the student's"
    )
    options = parser.parse_args(arguments)
    ids = chosen(options.exercises)
    if not ids:
        parser.error(f"there is no exercise of {' or '.join(options.exercises)}")
    totals = [0, 0, 0, 0]
    print(f"Right answers under {options.right} seeds, wrong ones under {options.wrong}.")
    for id in ids:
        start = time.process_time()
        with WORLDS[options.under]():
            good, refused, bad, slipped = measure(id, options.right, options.wrong, options.first)
        said = f"{good} right, {len(refused)} refused; {bad} wrong, {len(slipped)} accepted"
        seconds = time.process_time() - start
        print(f"{id}: {said} ({seconds:.0f} s)", *refused, *slipped, sep="\n    ", flush=True)
        row = (good, len(refused), bad, len(slipped))
        totals = [a + b for a, b in zip(totals, row, strict=True)]
    print("All: {} right, {} refused; {} wrong, {} accepted".format(*totals))

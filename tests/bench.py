"""Benchmarks: `python -m tests.bench` and one of the names below with its arguments, else all.

Nothing here asserts a time.
"""

import importlib
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial

from rich.console import Console
from rich.table import Table

from course_utils.checking import Training, judge
from course_utils.checking.exercise import exercises, lessons
from tests.wrong import answers as wrong_answers

RUNS = 11


def milliseconds(function: Callable[[], object]) -> float:
    """The wall time of one call."""
    start = time.perf_counter()
    function()
    return (time.perf_counter() - start) * 1000


def checks() -> None:
    """Median time of a check, for right and for wrong answers, without the training exercises."""
    table = Table(
        "exercise",
        "right, ms",
        "wrong, ms",
        "slowest wrong, ms",
        title=f"One check, median of {RUNS} runs",
    )
    for lesson in lessons():
        answers = importlib.import_module(f"tests.answers.{lesson}").ANSWERS
        wrong = wrong_answers(lesson)
        for exercise in exercises(lesson):
            if isinstance(exercise, Training):
                continue
            right, wrong = (
                [
                    statistics.median(
                        milliseconds(partial(judge, exercise.id, answer)) for _ in range(RUNS)
                    )
                    for answer in candidates
                ]
                for candidates in (
                    answers[exercise.id],
                    [item.answer for item in wrong if item.id == exercise.id],
                )
            )
            times = (statistics.median(right), statistics.median(wrong), max(wrong))
            table.add_row(exercise.id, *(f"{value:.1f}" for value in times))
    Console().print(table)


def diagnosis() -> None:
    """Independent wrong answers: refused, named, and how quickly."""
    importlib.import_module("tests.bench_diagnosis").main()


def seeds(*arguments: str) -> None:
    """Right answers under 1,000 seeds, wrong ones under 50."""
    importlib.import_module("tests.bench_seeds").main(arguments)


def mnist() -> None:
    """Training by hand against torch's own layers, optimizer and loader."""
    importlib.import_module("tests.bench_mnist").main()


def grading() -> None:
    """Trusted grading against stock nbgrader."""
    importlib.import_module("tests.bench_grading").main()


def term() -> None:
    """A class of 300 from Moodle's archive to the archive of its feedback."""
    importlib.import_module("tests.bench_term").main()


BENCHMARKS = {
    function.__name__: function for function in (checks, diagnosis, seeds, mnist, grading, term)
}


def main(arguments: Sequence[str]) -> None:
    """Run one benchmark, or all of them."""
    name, *rest = arguments or [""]
    if name and name not in BENCHMARKS:
        sys.exit(f"There is no benchmark {name!r}: choose from {', '.join(BENCHMARKS)}.")
    for benchmark in [BENCHMARKS[name]] if name else BENCHMARKS.values():
        benchmark(*rest)


if __name__ == "__main__":
    main(sys.argv[1:])

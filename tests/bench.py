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
from tests.answers import right_answers, wrong_answers

RUNS = 3


def milliseconds(function: Callable[[], object]) -> float:
    """The shortest of some times of the processor that a call takes."""
    times = []
    for _ in range(RUNS):
        start = time.process_time()
        function()
        times.append(1000 * (time.process_time() - start))
    return min(times)


def checks(*names: str) -> None:
    """Time of a check, for right and for wrong answers, without the exercises that train."""
    columns = ("right, ms", "wrong, ms", "slowest wrong, ms", "whose")
    title = "One check after an earlier one, median over the answers; times of the processor"
    table = Table("exercise", *columns, title=title)
    for lesson in names or lessons():
        answers = right_answers(lesson)
        wrong = wrong_answers(lesson)
        for exercise in exercises(lesson):
            if isinstance(exercise, Training):
                continue
            right = [milliseconds(partial(judge, exercise.id, a)) for a in answers[exercise.id]]
            others = [
                (
                    milliseconds(partial(judge, exercise.id, item.answer)),
                    " + ".join("/".join(sorted(due)) for due in item.due),
                )
                for item in wrong
                if item.id == exercise.id
            ]
            slowest, whose = max(others)
            times = (statistics.median(right), statistics.median(ms for ms, _ in others), slowest)
            table.add_row(exercise.id, *(f"{value:.0f}" for value in times), whose)
    Console(width=140).print(table)


def diagnosis(*names: str) -> None:
    """Independent wrong answers: refused, named, and how quickly."""
    importlib.import_module("tests.bench_diagnosis").main(names)


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

"""Holds lessons against the rules and shows the result as tables."""

import multiprocessing
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

import torch
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from course_utils.building import guards
from course_utils.building.lesson import Lesson
from course_utils.building.rules import RULES, Rule, Subject
from course_utils.checking.exercise import exercises
from course_utils.checking.exercise import lessons as named_in_exercises
from course_utils.errors import CourseError

PROCESSES = 2


@dataclass(frozen=True)
class Count:
    """An exercise's known mistakes, and how many wrong answers are named and other right ones pass,
    of how many.
    """

    id: str
    mistakes: int
    named: int
    wrong: int
    passed: int
    alternatives: int


@dataclass(frozen=True)
class Report:
    """What one lesson breaks, by the rule's name, its counts, what it is not probed along, and what
    each planned change turned red.
    """

    lesson: str
    problems: dict[str, list[str]]
    counts: list[Count]
    opted_out: list[tuple[str, str, str]]
    changes: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def kept(self) -> bool:
        """Whether the lesson keeps every rule."""
        return not any(self.problems.values())


def examine(lesson: Lesson, rules: Sequence[Rule] = RULES) -> Report:
    """Hold one lesson against the rules; a rule that cannot be tried counts as broken and hides no
    other.
    """
    subject = Subject(lesson)
    problems = {rule.__name__: broken(subject, rule) for rule in rules}
    ran = "guarded" in subject.__dict__  # and not where a quick look leaves the rule out
    changes = guards.table(*subject.guarded) if ran else []
    return Report(lesson.name, problems, _counts(subject), _opted_out(lesson), changes)


def broken(subject: Subject, rule: Rule) -> list[str]:
    """What breaks the rule, or why it could not be tried."""
    try:
        return list(rule(subject))
    except CourseError as error:
        return [str(error)]
    except Exception as error:
        return [f"could not be tried: {type(error).__name__}: {error}"]


def _opted_out(lesson: Lesson) -> list[tuple[str, str, str]]:
    """Exercise, axis and reason of everything that the lesson is not probed along."""
    found = exercises(lesson.short) if lesson.short in named_in_exercises() else []
    return [
        (exercise.id, axis, reason)
        for exercise in found
        for axis, reason in exercise.without.items()
    ]


def _counts(subject: Subject) -> list[Count]:
    try:
        wrong = Counter(item.id for item in subject.wrong)
        return [
            Count(
                exercise.id,
                len(exercise.mistakes),
                wrong[exercise.id] - len(subject.missed[exercise.id]),
                wrong[exercise.id],
                len(subject.alternatives.get(exercise.id, [])) - len(subject.refused[exercise.id]),
                len(subject.alternatives.get(exercise.id, [])),
            )
            for exercise in subject.exercises
        ]
    except Exception:
        return []  # the rules say why


def verify(lessons: Sequence[Lesson], rules: Sequence[Rule] = RULES) -> Iterator[Report]:
    """A report of each lesson, in order; two processes share several lessons."""
    if len(lessons) == 1:
        yield examine(lessons[0], rules)
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        PROCESSES, mp_context=spawn, initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        yield from pool.map(examine, lessons, [tuple(rules)] * len(lessons))


def with_exercises_only(lessons: Sequence[Lesson]) -> list[Lesson]:
    """The lessons, and those that have exercises but no text yet, numbered 00."""
    shorts = {lesson.short for lesson in lessons}
    return [
        *lessons,
        *(Lesson(f"00_{short}") for short in named_in_exercises() if short not in shorts),
    ]


def show(reports: Sequence[Report], rules: Sequence[Rule] = RULES) -> None:
    """Print the rules by lessons, the counts by exercise, and what is broken."""
    console = Console()
    table = Table("rule", *(report.lesson.partition("_")[0] for report in reports), title="Rules")
    for rule in rules:
        found = [len(report.problems[rule.__name__]) for report in reports]
        marks = [f"[red]{count}[/]" if count else "[green]✓[/]" for count in found]
        table.add_row(escape((rule.__doc__ or "").splitlines()[0]), *marks)
    console.print(table)
    counts = Table(
        "exercise", "mistakes", "wrong answers named", "other right answers passed", title="Answers"
    )
    for count in (count for report in reports for count in report.counts):
        row = [(count.named, count.wrong), (count.passed, count.alternatives)]
        cells = [f"[{'green' if part == whole else 'red'}]{part}/{whole}[/]" for part, whole in row]
        counts.add_row(count.id, str(count.mistakes), *cells)
    console.print(counts)
    opted_out = Table("exercise", "not probed along", "because", title="Axes")
    for report in reports:
        for exercise, axis, reason in report.opted_out:
            opted_out.add_row(exercise, axis, reason)
    console.print(opted_out)
    changes = Table("experiment", "planned change", "turned red", title="Guards")
    for change in (change for report in reports for change in report.changes):
        changes.add_row(*map(escape, change))
    if changes.row_count:
        console.print(changes)
    for report in reports:
        for name, problems in report.problems.items():
            for problem in problems:
                console.print(
                    f"[red]{report.lesson}[/] · {name}: {escape(problem)}",
                    soft_wrap=True,
                    highlight=False,
                )

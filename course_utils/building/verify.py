"""Holds lessons against the rules and shows the result as tables."""

import difflib
import multiprocessing
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice, product

import torch
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from course_utils.building import guards
from course_utils.building.lesson import Lesson
from course_utils.building.rules import ANSWER_RULES, RULES, Rule, Subject
from course_utils.checking.exercise import exercises
from course_utils.checking.exercise import lessons as named_in_exercises
from course_utils.errors import CourseError

PROCESSES = 2


@dataclass(frozen=True)
class Count:
    """An exercise's known mistakes, and how many wrong answers are named and other right ones pass,
    out of how many.
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


def examine(lesson: Lesson, rules: Sequence[Rule] = RULES, only: Collection[str] = ()) -> Report:
    """Hold a lesson, or only some of its exercises, against the rules.

    A rule that cannot be tried counts as broken, and the others are tried anyway.
    """
    subject = Subject(lesson, only)
    problems = {rule.__name__: broken(subject, rule) for rule in rules}
    ran = "tried" in subject.__dict__  # and not where a quick look leaves the rule out
    changes = guards.table(subject.tried[1]) if ran else []
    counts = _counts(subject) if {*rules} & {*ANSWER_RULES} else []
    return Report(lesson.name, problems, counts, _opted_out(subject), changes)


def broken(subject: Subject, rule: Rule) -> list[str]:
    """What breaks the rule, or why it could not be tried."""
    try:
        return list(rule(subject))
    except CourseError as error:
        return [str(error)]
    except Exception as error:
        return [f"could not be tried: {type(error).__name__}: {error}"]


def _opted_out(subject: Subject) -> list[tuple[str, str, str]]:
    """Exercise, axis and reason of everything that the lesson is not probed along."""
    has_exercises = subject.lesson.short in named_in_exercises()
    return [
        (exercise.id, axis, reason)
        for exercise in (subject.exercises if has_exercises else ())
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


def verify(
    lessons: Sequence[Lesson], rules: Sequence[Rule] = RULES, only: Collection[str] = ()
) -> Iterator[Report]:
    """A report of each lesson, in order; two processes share the parts of several lessons.

    only: the ids of the exercises to look at in a single lesson, all where none is given.
    """
    if len(lessons) == 1:
        yield examine(lessons[0], rules, only)
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        PROCESSES, mp_context=spawn, initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        cut = parts(rules)
        made = pool.map(examine, *zip(*product(lessons, cut), strict=True))
        for _ in lessons:
            yield joined([*islice(made, len(cut))], rules)


def parts(rules: Sequence[Rule]) -> list[tuple[Rule, ...]]:
    """The rules in groups, of which no two need the same long work."""
    judging = tuple(rule for rule in rules if rule in ANSWER_RULES)
    running = tuple(rule for rule in rules if rule not in judging)
    return [part for part in (judging, running) if part]


def joined(reports: Sequence[Report], rules: Sequence[Rule] = RULES) -> Report:
    """The report of a lesson from those of its parts."""
    problems = {name: found for report in reports for name, found in report.problems.items()}
    return replace(
        reports[0],
        problems={rule.__name__: problems[rule.__name__] for rule in rules},
        counts=[count for report in reports for count in report.counts],
        changes=[change for report in reports for change in report.changes],
    )


def named(exercise_ids: Sequence[str], lessons: Sequence[Lesson]) -> list[Lesson]:
    """The one lesson of these exercises, such as linear.relu; raises CourseError if not one."""
    known = {item.id for short in named_in_exercises() for item in exercises(short)}
    for id in exercise_ids:
        if id not in known:
            near = difflib.get_close_matches(id, sorted(known), n=3)
            instead = f" Did you mean {' or '.join(near)}?" if near else ""
            raise CourseError(f"There is no exercise {id!r}.{instead}")
    shorts = {id.partition(".")[0] for id in exercise_ids}
    if len(shorts) > 1:
        raise CourseError("These are exercises of several lessons: verify those of one at a time.")
    return [lesson for lesson in lessons if lesson.short in shorts]


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
    for table in (_rules(reports, rules), _answers(reports), _axes(reports), _guards(reports)):
        if table.row_count:
            console.print(table)
    for report in reports:
        for name, problems in report.problems.items():
            for problem in problems:
                console.print(
                    f"[red]{report.lesson}[/] · {name}: {escape(problem)}",
                    soft_wrap=True,
                    highlight=False,
                )


def _rules(reports: Sequence[Report], rules: Sequence[Rule]) -> Table:
    """The rules by lessons: kept, or how often broken."""
    table = Table("rule", *(report.lesson.partition("_")[0] for report in reports), title="Rules")
    for rule in rules:
        broken_by = [len(report.problems[rule.__name__]) for report in reports]
        marks = [f"[red]{number}[/]" if number else "[green]✓[/]" for number in broken_by]
        table.add_row(escape((rule.__doc__ or "").splitlines()[0]), *marks)
    return table


def _answers(reports: Sequence[Report]) -> Table:
    """The counts by exercise."""
    table = Table(
        "exercise", "mistakes", "wrong answers named", "other right answers passed", title="Answers"
    )
    for count in (count for report in reports for count in report.counts):
        row = [(count.named, count.wrong), (count.passed, count.alternatives)]
        cells = [f"[{'green' if part == whole else 'red'}]{part}/{whole}[/]" for part, whole in row]
        table.add_row(count.id, str(count.mistakes), *cells)
    return table


def _axes(reports: Sequence[Report]) -> Table:
    """What exercises are not probed along, and why."""
    table = Table("exercise", "not probed along", "because", title="Axes")
    for row in (row for report in reports for row in report.opted_out):
        table.add_row(*row)
    return table


def _guards(reports: Sequence[Report]) -> Table:
    """The planned changes of experiments, and which claim each turned red."""
    table = Table("experiment", "planned change", "turned red", title="Guards")
    for change in (change for report in reports for change in report.changes):
        table.add_row(*map(escape, change))
    return table

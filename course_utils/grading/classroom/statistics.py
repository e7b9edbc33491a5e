"""What a lesson's results say about the lesson: who got what right, which mistakes were made, what
it took.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment
from nbgrader.api import Gradebook

from course_utils import __version__
from course_utils.building.lesson import Lesson
from course_utils.checking.naming import TOGETHER
from course_utils.errors import CourseError
from course_utils.grading.classroom import similar, unnamed
from course_utils.grading.classroom.pages import is_waiting
from course_utils.grading.classroom.similar import Pair
from course_utils.grading.classroom.unnamed import Group
from course_utils.grading.outside.course import Course
from course_utils.grading.outside.gate import plain, printable
from course_utils.grading.outside.result import UNREAD, Result
from course_utils.grading.outside.words import asked_again, code, counted, waits

TEMPLATE = Path(__file__).parent / "templates" / "report.html.j2"
COLOURS = {  # of a check's verdicts, in the order of the bars; white is legible on each
    "right": "#2e7d32",
    "partial": "#a15c00",
    "wrong": "#c62828",
    "error": "#8e24aa",
    "shortcut": "#1565c0",
    "timeout": "#6d4c41",
    "out of memory": "#00697a",
    "crashed": "#263238",
    "not attempted": "#6b6b70",
    "not run": "#546e7a",
}
SIGNS = dict(zip(COLOURS, "✓◐✗!↷◷▲×○–", strict=True))  # so that colour is never the only sign
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
LEAST = 2  # students who make a mistake that has no name, before it is shown
MOST_NAMED = 5  # students who are named, of those with the same in common


@dataclass
class Essay:
    """An answer in words over all submissions: how many have points, or are empty."""

    given: int = 0
    empty: int = 0


@dataclass
class Check:
    """One check over all submissions."""

    max_points: float
    points: float = 0.0
    statuses: Counter[str] = field(default_factory=Counter)
    mistakes: Counter[str] = field(default_factory=Counter)


@dataclass
class Statistics:
    """A lesson's results; scores and seconds by student, checks by exercise id."""

    lesson: str
    scores: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    checks: dict[str, Check] = field(default_factory=dict)
    max_score: float = 0.0
    late: dict[str, float] = field(default_factory=dict)  # what was taken off for being late
    repairs: dict[str, list[str]] = field(default_factory=dict)  # whose notebooks, by what it was
    waiting: dict[str, list[str]] = field(default_factory=dict)  # who waits for points, by question
    again: dict[str, list[str]] = field(default_factory=dict)  # whose read answer has changed
    absent: list[str] = field(default_factory=list)  # who is in the class and has handed in nothing
    statuses: Counter[str] = field(default_factory=Counter)
    essays: dict[str, Essay] = field(default_factory=dict)
    unnamed: list[Group] = field(default_factory=list)
    alike: list[Pair] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)  # of checks and essays, by grade_id
    missing: list[str] = field(default_factory=list)  # who handed in, and has no result yet
    open: dict[str, list[str]] = field(default_factory=dict)  # what each has not right
    names: dict[str, str] = field(default_factory=dict)  # by student, as far as the roster has them

    @property
    def seen(self) -> list[str]:
        """The verdicts that there are, in the order of the bars."""
        return [
            name for name in COLOURS if any(item.statuses[name] for item in self.checks.values())
        ]

    @property
    def bars(self) -> dict[str, list[dict[str, Any]]]:
        """What is drawn for each check: a bar for each verdict, left and width in percent."""
        drawn: dict[str, list[dict[str, Any]]] = {}
        for id, check in self.checks.items():
            left, drawn[id] = 0.0, []
            for status in (name for name in self.seen if check.statuses[name]):
                count = check.statuses[status]
                width = 100 * count / check.statuses.total()
                bar = {"x": round(left, 2), "width": round(width, 2), "status": status}
                drawn[id].append(bar | {"count": count, "colour": COLOURS[status]})
                left += width
        return drawn

    @property
    def mean(self) -> float:
        """The mean score."""
        return sum(self.scores.values()) / len(self.scores)

    def with_name(self, student: str) -> str:
        """A student's id, and the name in brackets."""
        return f"{student} ({self.names[student]})" if student in self.names else student

    @property
    def common(self) -> list[tuple[str, list[str]]]:
        """What was repaired, and whose, what happened most often first."""
        return sorted(self.repairs.items(), key=lambda item: -len(item[1]))


def collect(course: Course, lesson: Lesson) -> Statistics:
    """The statistics of the latest results; raises CourseError where there is none."""
    statistics, known = Statistics(lesson.name), set()
    for student, result in latest(course, lesson):
        known.add(student)
        # Where the course itself failed, there is nothing to say of the student.
        if result is None:
            statistics.statuses["course error"] += 1
            continue
        statistics.statuses[result.status] += 1
        statistics.open[student] = _not_right(result)
        statistics.seconds[student] = result.seconds
        for line in dict.fromkeys(result.repairs):
            statistics.repairs.setdefault(line, []).append(student)
        for row in result.checks:
            statistics.ids[row.grade_id] = row.id
            if not row.manual:
                check = statistics.checks.setdefault(row.id, Check(row.max_points))
                check.statuses[row.status] += 1
                check.mistakes.update(row.mistake.split(TOGETHER) if row.mistake else [])
    statistics.missing = [name for name in course.students(lesson) if name not in known]
    if statistics.missing and not known:
        raise CourseError(f"{lesson.name} has no results yet: run `course grade {lesson.name}`.")
    if not statistics.seconds:
        raise CourseError(f"Nobody has handed in {lesson.name}.")
    _from_gradebook(course, statistics)
    # Read again rather than kept: all results of a large class do not fit into memory.
    statistics.unnamed = unnamed.groups(graded(course, lesson), LEAST)
    statistics.alike = similar.pairs(graded(course, lesson))
    return statistics


def _not_right(result: Result) -> list[str]:
    """What a student has not right: each check, or all of a file of which nothing was graded."""
    if result.status in UNREAD:
        return [result.status]
    return [
        f"{row.id.partition('.')[2]} ({row.status})"
        for row in result.checks
        if row.status != "right" and not row.manual
    ]


def latest(course: Course, lesson: Lesson) -> Iterator[tuple[str, Result | None]]:
    """The latest result of every student who has one, None where the course failed."""
    for student in course.students(lesson):
        try:
            path = course.path("autograded", student, lesson.name) / f"{lesson.name}.ipynb"
            key = json.loads(path.read_bytes())["metadata"]["course"]["result"]
            yield (
                student,
                Result.from_json(course.result(lesson, key).read_bytes()) if key else None,
            )
        except (OSError, ValueError, KeyError, TypeError):
            continue


def graded(course: Course, lesson: Lesson) -> Iterator[tuple[str, Result]]:
    """The latest result of every student of whom there is one, in alphabetical order."""
    for student, result in latest(course, lesson):
        if result is not None:
            yield student, result


def _from_gradebook(course: Course, statistics: Statistics) -> None:
    """Points as the gradebook has them, with those by hand and less what being late costs."""
    with Gradebook(course.folders.db_url, course.folders.course_id) as book:
        assignment = book.find_assignment(statistics.lesson)
        statistics.max_score = assignment.max_score
        known = {*statistics.seconds, *statistics.missing}
        for student in book.students:
            name = " ".join(filter(None, (student.first_name, student.last_name)))
            statistics.names |= {student.id: name} if name else {}
            statistics.absent += [student.id] if student.id not in known else []
        statistics.absent.sort()
        for submission in assignment.submissions:
            id, late = submission.student_id, submission.late_submission_penalty
            if id not in statistics.seconds:
                continue
            statistics.scores[id] = max(0.0, submission.score - late)
            statistics.late |= {id: late} if late else {}
            for grade in (item for notebook in submission.notebooks for item in notebook.grades):
                _count(statistics, id, grade)


def _count(statistics: Statistics, student: str, grade: Any) -> None:
    """Take in what a student has for one question."""
    name = grade.name.removeprefix("check-")
    check = statistics.checks.get(statistics.ids.get(grade.name, ""))
    if check is not None:
        check.points += grade.score
    else:
        essay = statistics.essays.setdefault(name, Essay())
        essay.given += grade.manual_score is not None
        essay.empty += grade.manual_score is None and grade.auto_score is not None
    if is_waiting(grade):
        statistics.waiting.setdefault(name, []).append(student)
        statistics.open[student].append(f"{name} (waits for you)")
    elif grade.manual_score is not None and grade.needs_manual_grade:
        statistics.again.setdefault(name, []).append(student)
        statistics.open[student].append(f"{name} (has changed since you gave points)")


def show(found: Statistics) -> None:
    """Print the statistics as tables."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    number = len(found.scores)
    table = Table(
        "check", "right", "points", "other verdicts", "most frequent mistakes", title=found.lesson
    )
    for id, check in found.checks.items():
        others = ", ".join(
            f"{count} {name}" for name, count in check.statuses.most_common() if name != "right"
        )
        mistakes = ", ".join(f"{count} {name}" for name, count in check.mistakes.most_common(4))
        right = f"{check.statuses['right']} of {number}"
        points = f"{check.points / number:.2f} of {check.max_points:g}"
        table.add_row(id, right, points, others, escape(mistakes))
    console = Console()
    console.print(table)
    seconds = sorted(found.seconds.values())
    print(
        f"{counted(number, 'submission')}: "
        f"{', '.join(f'{count} {name}' for name, count in found.statuses.most_common())}."
    )
    print(
        f"Mean score {found.mean:.2f} of {found.max_score:g}; seconds a submission: median "
        f"{seconds[number // 2]:.2f}, longest {seconds[-1]:.2f}."
    )
    for sentence in _about_students(found):
        console.print(escape(sentence), highlight=False, soft_wrap=True)
    for group in found.unnamed[:10]:
        print(f"{len(group.students)} × no name yet, {group.id}: `course mistakes {found.lesson}`.")
    if found.alike:
        share = "pair of students shares" if len(found.alike) == 1 else "pairs of students share"
        print(f"{len(found.alike)} {share} texts that few others have; --html shows them.")
    for line, students in found.common[:10]:
        told = f"{len(students)} × repaired: {printable(line)} ({printable(named(students))})"
        console.print(escape(told), highlight=False, soft_wrap=True)


def _about_students(found: Statistics) -> Iterator[str]:
    """Who is late, who waits for points, and who has handed in nothing."""
    if found.late:
        late = ", ".join(f"{printable(one)} {points:g}" for one, points in found.late.items())
        yield f"Taken off for being late: {late}."
    if found.waiting:
        number = sum(map(len, found.waiting.values()))
        yield f"{waits(number)} in the formgrader: {_whose(found.waiting)}."
    if found.again:
        yield asked_again(_whose(found.again), sum(map(len, found.again.values())))
    if found.absent:
        absent = (printable(found.with_name(student)) for student in found.absent)
        yield f"Nothing yet from: {', '.join(absent)}."


def _whose(answers: Mapping[str, Sequence[str]]) -> str:
    """Answers and whose they are, in words."""
    return "; ".join(
        f"{name} of {printable(named(students))}" for name, students in answers.items()
    )


def named(students: Sequence[str]) -> str:
    """Students by name, as many as fit into a line, and how many more."""
    more = f" and {len(students) - MOST_NAMED} more" if len(students) > MOST_NAMED else ""
    return ", ".join(students[:MOST_NAMED]) + more


def page(*lessons: Statistics) -> str:
    """The statistics of some lessons as one HTML page that needs no other file and no script."""
    environment = Environment(autoescape=True)
    environment.filters |= {"plain": plain, "code": code, "named": named}
    environment.filters |= {"counted": counted, "waits": waits}
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(lessons=lessons, policy=POLICY, signs=SIGNS, version=__version__)

"""The commands for a term: `course take`, `roster`, `collect`, `due`, `extend` and `feedback`."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:  # a command imports what it needs when it runs
    from course_utils.building.lesson import Lesson as LessonOf
    from course_utils.grading.outside.course import Course
    from course_utils.grading.term.collect import Collected

Lesson = Annotated[str, typer.Argument(help="Such as 01_linear, linear or 1.")]


def register(app: typer.Typer) -> None:
    """Add the commands of a term to the command line."""
    for command in (take, roster, collect, due, extend, feedback):
        app.command()(command)


def take(
    lessons: Annotated[list[str], typer.Argument(help="Such as 01_linear, linear or 1.")],
) -> None:
    """Put lessons into the course's folder; without what is extra where the settings say so."""
    from course_utils.building.lesson import all_lessons, choose
    from course_utils.grading.outside.course import find_course
    from course_utils.grading.term import take as taking

    course = find_course(Path.cwd())
    part = "whole" if taking.with_extra(course) else "without what is extra"
    for lesson in choose(lessons, all_lessons()):
        became = "is here" if taking.take(course, lesson) else "was here"
        print(f"{lesson.name} {became}, {part}.")


def roster(
    file: Annotated[Path, typer.Argument(help="A CSV file with a column of ids.")],
) -> None:
    """Enter the students of a table: their names, mail addresses and numbers."""
    from course_utils.grading.outside import releases
    from course_utils.grading.outside.course import find_course
    from course_utils.grading.outside.words import counted
    from course_utils.grading.term import roster as rosters

    course = find_course(Path.cwd())
    releases.keep_all(course)
    table = rosters.read_roster(file)
    new, changed = rosters.enter(course, table.people)
    others = {person.id for person in rosters.known_people(course)}
    others -= {person.id for person in table.people}
    number = counted(len(table.people), "student")
    print(f"{number} in {file}: {len(new)} new, {len(changed)} changed.")
    if others:
        print(f"Not in {file}, and kept: {', '.join(sorted(others))}.")
    _refuse(table.refused)


def collect(
    path: Annotated[Path, typer.Argument(help="A zip archive or a folder, as the LMS gave it.")],
    source: Annotated[
        Literal["auto", "moodle", "canvas"],
        typer.Option("--from", help="The platform that named the files."),
    ] = "auto",
    lesson: Annotated[
        str | None, typer.Option(help="Take in this lesson only; by default, every lesson.")
    ] = None,
    roster: Annotated[
        Path | None, typer.Option(help="A table of students, besides those in the gradebook.")
    ] = None,
) -> None:
    """Put the submissions of an LMS's download where they are graded, and say what is not clear.

    Exit status 1 means that something was left out.
    """
    from course_utils.grading.outside import releases
    from course_utils.grading.outside.course import find_course
    from course_utils.grading.term import collect as collecting
    from course_utils.grading.term.roster import People, known_people, read_roster

    course = find_course(Path.cwd())
    releases.keep_all(course)
    people = {person.id: person for person in known_people(course)}
    refused = []
    if roster is not None:
        table = read_roster(roster)
        people |= {person.id: person for person in table.people}
        refused = table.refused
    only = course.one(lesson).name if lesson else None
    result = collecting.collect(course, path, People(people.values()), source, only)
    _show(result)
    _missing(course, result, people)
    _refuse([*refused, *result.refused])


def _show(result: "Collected") -> None:
    """Print who is in, with what files, and what became of it."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from course_utils.grading.outside.words import counted

    table = Table("student", "lesson", "beside it", "what became of it", box=SIMPLE)
    table.columns[0].overflow = "fold"
    for arrival in result.arrivals:
        beside = ", ".join(file.name for file in arrival.beside)
        row = [arrival.chosen.student, arrival.chosen.lesson, beside, "; ".join(arrival.notes)]
        table.add_row(*map(escape, row))
    Console().print(table)
    number = len(result.arrivals)
    print(f"{counted(number, 'submission')} {'is' if number == 1 else 'are'} in.")


def _missing(course: "Course", result: "Collected", people: Iterable[str]) -> None:
    """Print who has handed in nothing, now or before, for the lessons that came in."""
    for name in sorted({arrival.chosen.lesson for arrival in result.arrivals}):
        missing = {*people} - {*course.students(course.one(name))}
        if nothing := sorted(missing - result.without):
            print(f"Nothing for {name} yet from: {', '.join(nothing)}.")
        if left_out := sorted(missing & result.without):
            print(f"Nothing was taken in for {name} of what came from: {', '.join(left_out)}.")


def due(
    lesson: Lesson,
    time: Annotated[
        str | None,
        typer.Argument(help="Such as '2026-11-30 23:59 Europe/Berlin'; without it, show the date."),
    ] = None,
) -> None:
    """Set or show when a lesson is due; late penalties change at once."""
    from course_utils.errors import CourseError
    from course_utils.grading.outside import late, releases
    from course_utils.grading.outside.course import find_course
    from course_utils.grading.outside.times import read_time

    course = find_course(Path.cwd())
    chosen = course.one(lesson)
    releases.keep_all(course)
    changed = late.set_due(course, chosen, read_time(time)) if time else {}
    when = late.due(course, chosen)
    if when is None:
        raise CourseError(f"{chosen.name} has no due date.")
    print(f"{chosen.name} is due at {when:%Y-%m-%d %H:%M} UTC.")
    for student, until in sorted(late.extensions(course, chosen).items()):
        print(f"{student} may hand in {chosen.name} until {until:%Y-%m-%d %H:%M} UTC.")
    _penalties(changed)


def _penalties(changed: Mapping[str, float]) -> None:
    """Print whose penalty changed with a date."""
    if changed:
        now = ", ".join(f"{student} {points:g}" for student, points in changed.items())
        print(f"Now taken off for being late: {now}.")


def extend(
    lesson: Lesson,
    student: Annotated[str, typer.Argument(help="The student's id.")],
    until: Annotated[
        str | None, typer.Argument(help="Such as '2026-12-07 23:59 Europe/Berlin'.")
    ] = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take an extension back.")] = False,
) -> None:
    """Let one student hand in later; a late penalty changes at once."""
    from course_utils.errors import CourseError
    from course_utils.grading.outside import late
    from course_utils.grading.outside.course import find_course
    from course_utils.grading.outside.times import read_time

    if (until is None) != withdraw:
        raise CourseError("Give a time, or --withdraw.")
    course = find_course(Path.cwd())
    chosen = course.one(lesson)
    when = read_time(until) if until else None
    changed = late.extend(course, chosen, student, when)
    until_when = f"until {when:%Y-%m-%d %H:%M} UTC" if when else "until it is due for all"
    print(f"{student} may hand in {chosen.name} {until_when}.")
    _penalties(changed)


def feedback(
    lesson: Annotated[str, typer.Argument(help="Such as 01_linear, linear or 1, or all.")],
    to: Annotated[
        Path | None, typer.Option("--zip", help="Also put all pages into this archive.")
    ] = None,
) -> None:
    """Write a feedback page for everybody who has been graded, and pack them for the LMS."""
    from course_utils.errors import CourseError
    from course_utils.grading.outside.course import find_course

    course = find_course(Path.cwd())
    lessons = course.choose(lesson)
    if to is not None and lesson == "all":
        raise CourseError("An archive holds the pages of one lesson: name one, not all.")
    missing = [name for chosen in lessons for name in _feedback_of(course, chosen, to)]
    _refuse([f"{name} has no feedback page: grade it again." for name in missing])


def _feedback_of(course: "Course", lesson: "LessonOf", to: Path | None) -> list[str]:
    """Write and pack the pages of one lesson; gives the students whose page could not be made."""
    from course_utils.grading.outside.gradebook import marks
    from course_utils.grading.outside.words import counted
    from course_utils.grading.term import feedback as pages

    missing = pages.make(course, lesson)
    students = [student for student in pages.graded(course, lesson) if student not in missing]
    print(f"{counted(len(students), 'feedback page')} of {lesson.name}.")
    if to is not None:
        print(f"{pages.pack(course, lesson, students, to.resolve())} of them are in {to}.")
    unread = [name for name, one in sorted(marks(course, lesson).items()) if one.waiting]
    if unread := [name for name in unread if name in students]:
        print(f"Answers are still to be read, as the pages say, of: {', '.join(unread)}.")
    return missing


def _refuse(sentences: Sequence[str]) -> None:
    """Say what was left out, one line each, and end with exit status 1 where there is anything."""
    for sentence in sentences:
        print(sentence, file=sys.stderr)
    if sentences:
        raise SystemExit(1)

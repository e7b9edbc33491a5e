"""The commands for a term: `course take`, `roster`, `collect`, `due`, `extend` and `feedback`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

Lesson = Annotated[str, typer.Argument(help="Such as 01_linear, linear or 1.")]
Time = Annotated[str, typer.Argument(help="Such as '2026-11-30 23:59 Europe/Berlin'.")]


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
    from course_utils.grading.term import roster as rosters

    course = find_course(Path.cwd())
    releases.keep_all(course)
    table = rosters.read_roster(file)
    new, changed = rosters.enter(course, table.people)
    others = {person.id for person in rosters.known_people(course)}
    others -= {person.id for person in table.people}
    print(f"{len(table.people)} students in {file}: {len(new)} new, {len(changed)} changed.")
    if others:
        print(f"Not in {file}, and kept: {', '.join(sorted(others))}.")
    _refuse(table.refused)


def collect(
    path: Annotated[Path, typer.Argument(help="A zip archive or a folder, as the LMS gave it.")],
    source: Annotated[
        Literal["auto", "moodle", "canvas"],
        typer.Option("--from", help="Whose names the files have."),
    ] = "auto",
    lesson: Annotated[
        str | None, typer.Option(help="Take in this lesson only; by default what each is.")
    ] = None,
    roster: Annotated[
        Path | None, typer.Option(help="A table of students beside those in the gradebook.")
    ] = None,
) -> None:
    """Put submissions of an LMS's download where they are graded, and say what was not understood.

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
    only = course.choose(lesson)[0].name if lesson else None
    result = collecting.collect(course, path, People(people.values()), source, only)
    _show(result, sorted(people))
    _refuse([*refused, *result.refused])


def _show(result: "collecting.Collected", people: Sequence[str]) -> None:  # type: ignore[name-defined]  # noqa: F821
    """Who is in, and who is not."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("student", "lesson", "beside it", "what became of it", box=SIMPLE)
    table.columns[0].overflow = "fold"
    for arrival in result.arrivals:
        beside = ", ".join(file.name for file in arrival.beside)
        row = [arrival.chosen.student, arrival.chosen.lesson, beside, "; ".join(arrival.notes)]
        table.add_row(*map(escape, row))
    Console().print(table)
    print(f"{len(result.arrivals)} submissions are in.")
    for lesson in sorted({arrival.chosen.lesson for arrival in result.arrivals}):
        came = {item.chosen.student for item in result.arrivals if item.chosen.lesson == lesson}
        if missing := [student for student in people if student not in came]:
            print(f"Nothing for {lesson} from: {', '.join(missing)}.")


def due(lesson: Lesson, time: Time) -> None:
    """Set when a lesson is due; late penalties follow it at once."""
    from course_utils.grading.outside import late, releases
    from course_utils.grading.outside.course import find_course
    from course_utils.grading.outside.times import read_time, shown

    course = find_course(Path.cwd())
    releases.keep_all(course)
    for chosen in course.choose(lesson):
        late.set_due(course, chosen, when := read_time(time))
        print(f"{chosen.name} is due at {shown(when)[:16]} UTC.")


def extend(
    lesson: Lesson,
    student: Annotated[str, typer.Argument(help="The student's id.")],
    until: Annotated[
        str | None, typer.Argument(help="Such as '2026-12-07 23:59 Europe/Berlin'.")
    ] = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take an extension back.")] = False,
) -> None:
    """Let one student hand in later; a late penalty follows it at once."""
    from course_utils.errors import CourseError
    from course_utils.grading.outside import late
    from course_utils.grading.outside.course import find_course
    from course_utils.grading.outside.times import read_time, shown

    if (until is None) != withdraw:
        raise CourseError("Say until when, or --withdraw.")
    course = find_course(Path.cwd())
    when = read_time(until) if until else None
    for chosen in course.choose(lesson):
        late.extend(course, chosen, student, when)
        until_when = f"until {shown(when)[:16]} UTC" if when else "when it is due for all"
        print(f"{student} may hand in {chosen.name} {until_when}.")


def feedback(
    lesson: Lesson,
    to: Annotated[
        Path | None, typer.Option("--zip", help="Also put all pages into this archive.")
    ] = None,
) -> None:
    """Write a feedback page for everybody who is graded, and pack them for the LMS."""
    from course_utils.grading.outside.course import find_course
    from course_utils.grading.term import feedback as pages

    course = find_course(Path.cwd())
    (chosen,) = course.choose(lesson)
    target = to.resolve() if to else None
    missing = pages.make(course, chosen)
    students = [student for student in pages.graded(course, chosen) if student not in missing]
    print(f"{len(students)} feedback pages of {chosen.name}.")
    if target is not None:
        print(f"{pages.pack(course, chosen, students, target)} of them are in {to}.")
    _refuse([f"{student} has no feedback page: grade it again." for student in missing])


def _refuse(sentences: Sequence[str]) -> None:
    """Say what was left out, one line each, and end with exit status 1 where there is anything."""
    for sentence in sentences:
        print(sentence, file=sys.stderr)
    if sentences:
        raise SystemExit(1)

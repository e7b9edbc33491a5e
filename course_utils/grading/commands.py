"""The commands `course grade` and `course report`."""

import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from course_utils.grading.classroom import commands as classroom
from course_utils.grading.outside.words import asked_again, counted, waits
from course_utils.grading.term import commands as term

if TYPE_CHECKING:  # a command imports what it needs when it runs
    from course_utils.building.lesson import Lesson
    from course_utils.grading.outside.batch import Options
    from course_utils.grading.outside.course import Course
    from course_utils.grading.outside.pool import LocalPool

LessonOrAll = Annotated[str, typer.Argument(help="Such as 01_linear, linear or 1, or all.")]
MOST_ROWS = 60
REFUSED = (
    "a student's id has letters, digits, spaces and . _ - + @ ', and begins with a letter or "
    "digit: rename it."
)
UNRELEASED = (
    "{0} was handed in but never released: put its notebook, {0}/{0}.ipynb, among the released "
    "ones."
)
MOST_ALIKE = 3  # students to whom the same repair is reported one by one
EMPTY = ("not attempted", "not run")
WAITS = "waits for you"


def register(app: typer.Typer) -> None:
    """Add the commands of this room to the command line."""
    app.command()(grade)
    app.command()(report)
    classroom.register(app)
    term.register(app)


def grade(
    lesson: Annotated[
        str | None, typer.Argument(help="Such as 01_linear, linear or 1, or all.")
    ] = None,
    submitted: Annotated[
        Path | None, typer.Option(help="The folder that has a folder for each student.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write scores and messages to this file, as JSON.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="How many processes; by default one a processor.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Draws the secret inputs; by default the lesson's own.")
    ] = None,
    scheduler: Annotated[str | None, typer.Option(help="The address of a Dask scheduler.")] = None,
    sandbox: Annotated[
        bool, typer.Option("--sandbox/--no-sandbox", help="Without it submissions can do harm.")
    ] = True,
    force: Annotated[
        bool, typer.Option("--force", help="Also grade what has a result already.")
    ] = False,
    one: Annotated[
        Path | None,
        typer.Option(help="Grade this notebook alone, or the only one in this folder."),
    ] = None,
    form: Annotated[
        Literal["own", "gradescope", "classroom50"],
        typer.Option(help="With --one: the form of the JSON."),
    ] = "own",
    named: Annotated[
        str | None,
        typer.Option("--lesson", help="With --one: its lesson, if its cells do not tell."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="With --one: the file to write, instead of the screen.")
    ] = None,
    or_without: Annotated[
        bool,
        typer.Option("--or-without", help="With --one: grade without a sandbox where none starts."),
    ] = False,
) -> None:
    """Grade submissions; exit status 0 means that every one has a verdict, and 3 that the course
    itself failed.
    """
    from course_utils.errors import CourseError
    from course_utils.grading.outside.pool import LocalPool

    if lesson is None and one is None:
        raise CourseError("Say which lesson to grade, such as 01_linear, or all, or --one FILE.")
    jobs = jobs or len(os.sched_getaffinity(0))
    with LocalPool(jobs, sandbox) as workers:
        if scheduler is None and (force or one is not None or _has_come(Path.cwd(), submitted)):
            workers.start()  # and import torch, while this process imports nbgrader
        from course_utils.grading.outside.batch import Options
        from course_utils.grading.outside.course import find_course

        course = find_course(Path.cwd(), submitted, else_own=one is not None)
        options = Options(jobs, seed, scheduler, sandbox, force)
        if one is not None:
            _grade_one(course, one, lesson or named, options, workers, or_without, form, out)
        elif lesson is not None:
            _grade_class(course, lesson, options, workers, report)


def _has_come(root: Path, submitted: Path | None) -> bool:
    """Whether something has come in since the last result was kept, as far as one can see.

    Where it has not, a worker is started when it is needed.
    """
    kept = [path.stat().st_mtime for path in root.glob(".course/results/*")]
    came = (path.lstat().st_ctime for path in (submitted or root / "submitted").glob("*/*/*"))
    return not kept or any(time > max(kept) for time in came)


def _grade_class(
    course: "Course", lesson: str, options: "Options", workers: "LocalPool", report: Path | None
) -> None:
    """Grade what was handed in for a lesson, or for all, and print and write the reports."""
    from course_utils.building.lesson import Lesson
    from course_utils.files import write
    from course_utils.grading.outside import batch
    from course_utils.grading.outside.course import dump
    from course_utils.grading.outside.entering import GradebookInUse

    reports, failed = [], []
    lessons = course.choose(lesson)
    try:
        for chosen in lessons:
            try:
                reports.append(batch.grade(course, chosen, options, workers=workers))
            except GradebookInUse as error:  # the other lessons may still be entered
                failed.append(str(error))
            else:
                show(reports[-1])
    except KeyboardInterrupt:
        print(
            "Stopped. Nothing is lost: run the same command again, and it goes on from here.",
            file=sys.stderr,
        )
        raise SystemExit(130) from None
    if report is not None:
        write(report.resolve(), dump(reports[0] if len(reports) == 1 else reports))
    if lesson == "all":
        failed += [UNRELEASED.format(name) for name in course.unreleased()]
    _end(course, [Lesson(item["lesson"], course.root) for item in reports], reports, failed)


def _grade_one(
    course: "Course",
    path: Path,
    lesson: str | None,
    options: "Options",
    workers: "LocalPool",
    or_without: bool,
    form: str,
    out: Path | None,
) -> None:
    """Grade one notebook into one JSON; exit status 3 means that the course itself failed."""
    from course_utils.files import write
    from course_utils.grading.outside import formats, one
    from course_utils.grading.outside.course import dump

    result = one.grade(course, path.resolve(), lesson, options, or_without, workers)
    content = dump(formats.written(result, form))
    if out is None:
        print(content.decode(), end="")
    else:
        write(out.resolve(), content)
    _fail(result.faults)


def _end(
    course: "Course",
    chosen: Sequence["Lesson"],
    reports: Sequence[Mapping[str, Any]],
    failed: Sequence[str],
) -> None:
    """Say what was left out or failed, and end with the exit status that says so."""
    missing = sum(len(course.students(lesson)) for lesson in chosen) - sum(
        len(item["submissions"]) for item in reports
    )
    refused = [
        f"The folder {name} was left out: {REFUSED}"
        for lesson in chosen
        for name in course.refused(lesson)
    ]
    left_out = [sentence for item in reports for sentence in item.get("left_out", ())]
    for sentence in (*refused, *left_out, *failed):
        print(sentence, file=sys.stderr)
    if missing:
        print(
            f"Without a verdict: {counted(missing, 'submission')}. Correct what is named above, "
            "and run the same command again.",
            file=sys.stderr,
        )
    _fail(
        {
            check["id"]: check["fault"]
            for item in reports
            for row in item["submissions"].values()
            for check in row["checks"]
            if check["status"] == "course error"
        }
    )
    if missing or refused or left_out or failed:
        raise SystemExit(1)


def _fail(faults: Mapping[str, str]) -> None:
    """Say where the course itself failed, by exercise, and end with exit status 3 where it did."""
    for id, fault in faults.items():
        print(
            f"The course itself failed at {id}; nobody gets points or a zero for it:\n{fault}",
            file=sys.stderr,
        )
    if faults:
        raise SystemExit(3)


def show(report: dict[str, Any]) -> None:
    """Print a report as a table; of many submissions only those that need a look."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from course_utils.grading.outside.gate import printable

    rows = report["submissions"]
    chosen = rows
    if len(rows) > MOST_ROWS:
        chosen = {
            name: row for name, row in rows.items() if row["status"] != "graded" or row["repairs"]
        }
    table = Table("student", "score", "status", "not right", box=SIMPLE, title=report["lesson"])
    table.columns[0].overflow = "fold"
    for student, row in chosen.items():
        score = f"{row['score']:g} of {row['max_score']:g}"
        table.add_row(escape(printable(student)), score, row["status"], "; ".join(_open(row)))
    console = Console()
    for change in report.get("changes", ()):
        print(change)
    console.print(table)
    for line in _told({student: row["repairs"] for student, row in chosen.items()}):
        console.print(escape(printable(line)), highlight=False, soft_wrap=True)
    graded = sum(row["status"] == "graded" for row in rows.values())
    print(
        f"{len(rows)} submissions, {graded} of them graded to the end; sandbox: "
        f"{report['sandbox']}."
    )
    waiting = sum(bool(check.get("waiting")) for row in rows.values() for check in row["checks"])
    if waiting:
        print(f"{waits(waiting)} in the formgrader, under Manual grading.")
    again = [
        f"{check['id'].partition('.')[2]} of {student}"
        for student, row in rows.items()
        for check in row["checks"]
        if check.get("again")
    ]
    if again:
        console.print(
            escape(printable(asked_again(", ".join(again), len(again)))),
            highlight=False,
            soft_wrap=True,
        )


def _open(row: Mapping[str, Any]) -> Iterator[str]:
    """What was taken off a submission, what in it waits for a person, and what is not right."""
    if late := row.get("late_penalty"):
        yield f"late: {late:g} taken off"
    by_status: dict[str, list[str]] = {}
    for check in row["checks"]:
        status = WAITS if check.get("waiting") else check["status"]
        if status != "not run" or not check.get("by_hand"):  # else a person has read it
            by_status.setdefault(status, []).append(check["id"].partition(".")[2])
    for status, names in by_status.items():
        if status not in ("right", *EMPTY):
            yield f"{status}: {', '.join(names)}"
    for status in EMPTY:
        if status in by_status:
            yield f"{status}: {len(by_status[status])}"


def _told(repairs: dict[str, list[str]]) -> Iterator[str]:
    """What was repaired, a line a student; what many have in common is reported once."""
    students = Counter(line for lines in repairs.values() for line in dict.fromkeys(lines))
    common = [line for line, number in students.items() if number > MOST_ALIKE]
    for line in common:
        yield f"{students[line]} students: {line}"
    for student, lines in repairs.items():
        own = [line for line in lines if line not in common]
        if own:
            more = f" And {counted(len(own) - 1, 'more repair')}." if own[1:] else ""
            yield f"{student}: {own[0]}{more}"


def report(
    lesson: LessonOrAll,
    html: Annotated[
        Path | None, typer.Option(help="Also write a page with plots to this file.")
    ] = None,
    submitted: Annotated[
        Path | None, typer.Option(help="The folder that has a folder for each student.")
    ] = None,
) -> None:
    """Say how a lesson went: right answers, mistakes by name, time and repairs."""
    from course_utils.files import write
    from course_utils.grading.classroom import statistics
    from course_utils.grading.outside.course import find_course

    course = find_course(Path.cwd(), submitted)
    lessons = [statistics.collect(course, chosen) for chosen in course.choose(lesson)]
    for collected in lessons:
        statistics.show(collected)
    if html is not None:
        write(html.resolve(), statistics.page(*lessons).encode())
        print(f"The page is {html}.")
    missing = [(item.lesson, student) for item in lessons for student in item.missing]
    for name, student in missing:
        print(
            f"{student} has no result for {name} yet: run `course grade {name}`.", file=sys.stderr
        )
    if missing:
        raise SystemExit(1)

"""The command `course`: build and verify lessons, fetch data, and grade submissions."""

import sys
import time
from typing import Annotated, Any

import typer
from tqdm import tqdm

from course_utils.grading import commands

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__
)
Lessons = Annotated[
    list[str] | None,
    typer.Argument(help="Such as 01_linear, linear or 1; all where none is named."),
]


@app.command()
def build(
    lessons: Lessons = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only say what is stale; run and write nothing.")
    ] = False,
) -> None:
    """Build solved and released notebooks from the lessons' texts."""
    from course_utils.building.build import build as build_lesson
    from course_utils.building.build import stale
    from course_utils.building.lesson import all_lessons, choose
    from course_utils.checking.errors import CourseError

    failed = 0
    for lesson in choose(lessons or [], all_lessons()):
        started = time.perf_counter()
        if check:
            problems = stale(lesson)
            said = "is in step" if not problems else f"is stale: {'; '.join(problems)}"
            failed += bool(problems)
        else:
            try:
                slowest = max(build_lesson(lesson).seconds)
                took = time.perf_counter() - started
                said = f"built in {took:.0f} s, its slowest cell in {slowest:.1f} s"
            except CourseError as error:
                print(error, file=sys.stderr)
                failed += 1
                continue
        print(f"{lesson.name} {said}", flush=True)
    if failed:
        raise SystemExit(1)


@app.command()
def verify(
    lessons: Lessons = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Only judge answers: run no notebook, need no text.")
    ] = False,
) -> None:
    """Hold lessons against the rules that every lesson keeps."""
    from course_utils.building.lesson import all_lessons, choose
    from course_utils.building.rules import ANSWER_RULES, RULES
    from course_utils.building.verify import show, with_exercises_only
    from course_utils.building.verify import verify as verify_lessons

    known = with_exercises_only(all_lessons()) if quick else all_lessons()
    rules = ANSWER_RULES if quick else RULES
    chosen = choose(lessons or [], known)
    reports = list(
        tqdm(
            verify_lessons(chosen, rules),
            total=len(chosen),
            desc="verify",
            leave=False,
            disable=None,
        )
    )
    show(reports, rules)
    if not all(report.kept for report in reports):
        raise SystemExit(1)


@app.command()
def data(
    name: Annotated[
        str | None, typer.Argument(help="mnist or movielens: fetch it. None: list all.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="All 70,000 digits instead of the 5,000 shipped.")
    ] = False,
) -> None:
    """List the course's data sets, or fetch one."""
    from course_utils import data as course_data
    from course_utils.checking.errors import CourseError

    if name is None:
        return _list_data()
    if name == "mnist":
        digits = course_data.load_mnist(full)
        print(
            f"mnist: {len(digits.y_train):,} digits to train on and {len(digits.y_valid):,} to "
            "validate with."
        )
    elif name == "movielens":
        path = course_data.fetch_movielens()
        print(
            f"movielens: {len(course_data.load_ratings(path).train.ratings):,} ratings to train "
            f"on, from {path}."
        )
    else:
        raise CourseError(f"There is nothing to fetch for {name!r}: name mnist or movielens.")


def _list_data() -> None:
    from rich.console import Console
    from rich.table import Table

    from course_utils.data import describe_data

    table = Table("name", "rows", "licence", "folder", "there")
    for item in describe_data():
        table.add_row(
            item.name,
            f"{item.rows:,}",
            item.licence,
            str(item.where),
            "yes" if item.present else "no",
        )
    Console().print(table)


commands.register(app)


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; bad input gets one sentence and exit status 1."""
    try:
        app(arguments)
    except Exception as error:
        from course_utils.checking.errors import CourseError
        from course_utils.data import DataError

        if not isinstance(error, CourseError | DataError):
            raise
        print(error, file=sys.stderr)
        raise SystemExit(1) from None

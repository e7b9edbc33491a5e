"""The commands `course build`, `course verify` and `course new`."""

import re
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

Lessons = Annotated[
    list[str] | None,
    typer.Argument(help="Such as 01_linear, linear or 1; all where none is named."),
]
LessonsOrExercises = Annotated[
    list[str] | None,
    typer.Argument(
        help="Such as 01_linear, linear or 1; with --quick exercises too, such as linear.relu; all "
        "lessons where none is named."
    ),
]
# What names an exercise, and not a lesson or its text, solutions/01_linear.py.
EXERCISE = re.compile(r"[a-z_]+\.(?!py$|ipynb$)\w+")


def register(app: typer.Typer) -> None:
    """Add the commands of this room to the command line."""
    app.command()(build)
    app.command()(verify)
    app.command()(new)
    app.command()(release)


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
    from course_utils.errors import CourseError

    failed = 0
    for lesson in choose(lessons or [], all_lessons()):
        started = time.perf_counter()
        if check:
            problems = stale(lesson)
            outcome = "is up to date" if not problems else f"is stale: {'; '.join(problems)}"
            failed += bool(problems)
        else:
            try:
                slowest = max(build_lesson(lesson).seconds)
                took = time.perf_counter() - started
                outcome = f"built in {took:.0f} s, its slowest cell in {slowest:.1f} s"
            except CourseError as error:
                print(error, file=sys.stderr)
                failed += 1
                continue
        print(f"{lesson.name} {outcome}", flush=True)
    if failed:
        raise SystemExit(1)


def verify(
    lessons: LessonsOrExercises = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Only judge answers: run no notebook, need no text.")
    ] = False,
) -> None:
    """Hold lessons against the rules that every lesson keeps."""
    from course_utils.building.lesson import all_lessons, choose
    from course_utils.building.rules import ANSWER_RULES, RULES
    from course_utils.building.verify import named, show, with_exercises_only
    from course_utils.building.verify import verify as verify_lessons
    from course_utils.errors import CourseError

    known = with_exercises_only(all_lessons()) if quick else all_lessons()
    rules = ANSWER_RULES if quick else RULES
    only = [name for name in lessons or [] if EXERCISE.fullmatch(name)]
    if only and (not quick or only != lessons):
        raise CourseError(
            f"{only[0]} is an exercise, and exercises are verified by themselves and quickly: "
            f"`course verify --quick {' '.join(only)}`."
        )
    chosen = named(only, known) if only else choose(lessons or [], known)
    reports = list(
        tqdm(
            verify_lessons(chosen, rules, only),
            total=len(chosen),
            desc="verify",
            leave=False,
            disable=None,
        )
    )
    show(reports, rules)
    if not all(report.kept for report in reports):
        raise SystemExit(1)


def new(
    name: Annotated[str, typer.Argument(help="Such as linear.leaky_relu, or a lesson: 13_graphs.")],
) -> None:
    """Write the skeletons of a new exercise or lesson, and say what is left to fill in."""
    from course_utils.building.lesson import ROOT
    from course_utils.building.new import add, begin, left

    lesson = add(name, ROOT) if "." in name else begin(name, ROOT)
    print("\n".join(left(lesson)))
    what = name if "." in name else lesson.name
    print(f"\nFill these in; `course verify --quick {what}` says what is missing.")


def release(
    lessons: Lessons = None,
    to: Annotated[
        Path,
        typer.Option(
            help="A new folder, a new file that ends in .zip, or a clone to commit it to."
        ),
    ] = Path("build/release.zip"),
    without_answers: Annotated[
        list[str] | None,
        typer.Option(help="A lesson that is not due yet: its answers are kept out of sight."),
    ] = None,
    install: Annotated[
        str | None,
        typer.Option(
            help="What the first cell of each notebook installs if the course is missing."
        ),
    ] = None,
) -> None:
    """Make what a student gets: notebooks, data, checks; no solutions, no grading.

    In the folder of a term its notebooks are handed out, as `course take` put them there.
    """
    from course_utils.building.lesson import ROOT, all_lessons, choose
    from course_utils.building.release import release as make

    here = Path.cwd().resolve()
    term = here if here != ROOT and (here / "nbgrader_config.py").is_file() else None
    chosen = choose(lessons or [], all_lessons())
    if term is not None and not lessons:
        chosen = [one for one in chosen if (term / "notebooks" / one.name).is_dir()] or chosen
    sealed = choose(without_answers, chosen) if without_answers else []
    name = make(chosen, to, sealed, install, term)
    print(f"Release {name} of {len(chosen)} lessons is in {to}.")

"""The commands `course build` and `course verify`."""

import sys
import time
from typing import Annotated

import typer
from tqdm import tqdm

Lessons = Annotated[
    list[str] | None,
    typer.Argument(help="Such as 01_linear, linear or 1; all where none is named."),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this room to the command line."""
    app.command()(build)
    app.command()(verify)


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

"""The commands about mistakes: `course mistakes`, `course name-mistake` and `course paper`."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the commands of this room to the command line."""
    app.command()(mistakes)
    app.command("name-mistake")(name_mistake)
    app.command()(paper)


def mistakes(
    lesson: Annotated[str, typer.Argument(help="Such as 01_linear, linear or 1, or all.")],
    least: Annotated[
        int,
        typer.Option(min=1, help="How many students have to make a mistake for it to be listed."),
    ] = 2,
) -> None:
    """Group the wrong answers that no known mistake explains, by what they give."""
    from rich.console import Console

    from course_utils.grading.classroom import statistics, unnamed
    from course_utils.grading.outside.course import find_course
    from course_utils.grading.outside.gate import printable
    from course_utils.grading.outside.words import counted

    course, console = find_course(Path.cwd()), Console()
    for chosen in course.choose(lesson):
        groups = unnamed.groups(statistics.graded(course, chosen), least)
        print(f"{chosen.name}: {counted(len(groups), 'mistake')} without a name.")
        for group in groups:
            lines = [
                f"\n{group.id}: {len(group.students)} students, such as {group.students[0]}.",
                *(printable(line) for line in group.verdict.message.splitlines()),
                *([f"It equals the right answer with {group.equals}."] if group.equals else []),
                *(f"    {printable(line)}" for line in group.answer.splitlines()[:30]),
            ]
            for line in lines:
                console.print(line, markup=False, highlight=False, soft_wrap=True)
            known = f"course name-mistake {group.id} --like {group.students[0]}"
            print(f"To give it a name: {known}")


def name_mistake(
    id: Annotated[str, typer.Argument(help="Such as linear.relu.")],
    like: Annotated[str, typer.Option(help="The id of a student whose answer makes it.")],
) -> None:
    """Write the draft of a known mistake and of its test from a student's answer."""
    from course_utils.building.lesson import ROOT
    from course_utils.checking.exercise import find
    from course_utils.errors import CourseError
    from course_utils.grading.classroom import draft, statistics, unnamed
    from course_utils.grading.outside.course import find_course
    from course_utils.grading.outside.gate import printable

    course, exercise = find_course(Path.cwd()), find(id)
    (chosen,) = course.choose(exercise.lesson)
    results = dict(statistics.graded(course, chosen))
    if like not in results:
        raise CourseError(f"{printable(like)} has handed in nothing for {chosen.name}.")
    groups = unnamed.groups(results.items())
    group = next((item for item in groups if item.id == id and like in item.students), None)
    if group is None:
        row = next(row for row in results[like].checks if row.id == id)
        named = f", and the mistake already has a name, {row.mistake!r}" if row.mistake else ""
        raise CourseError(
            f"There is nothing to name: {printable(like)}'s answer to {id} is {row.status}{named}."
        )
    made = draft.write_draft(group, ROOT)
    print(f"{len(group.students)} students gave the same answer: {', '.join(group.students)}.")
    if group.equals:
        print(f"It equals the right answer with {group.equals}.")
    for path, line in (made.entry, made.test):
        print(f"{path}:{line} has a draft: fill it in, and remove the comment marks.")
    print(f"Then run `course verify --quick {exercise.lesson}` and `course grade {chosen.name}`.")


def paper(
    lesson: Annotated[str, typer.Argument(help="Such as 01_linear, linear or 1.")],
    variants: Annotated[
        int, typer.Option(min=1, max=1000, help="How many papers, one for each student.")
    ] = 1,
    questions: Annotated[int, typer.Option(min=1, max=20, help="How many on each.")] = 4,
    seed: Annotated[int | None, typer.Option(help="Draws the papers; the key names it.")] = None,
    to: Annotated[
        Path | None, typer.Option(help="The folder to write; else papers/LESSON.")
    ] = None,
) -> None:
    """Make papers for an exam room from the known mistakes of a lesson, with their key."""
    import secrets

    from course_utils.building.lesson import all_lessons, choose
    from course_utils.files import write
    from course_utils.grading.classroom import paper as papers
    from course_utils.grading.classroom import printing

    (chosen,) = choose([lesson], all_lessons())
    seed = secrets.randbits(31) if seed is None else seed
    folder = (to or Path("papers", chosen.name)).resolve()
    made = papers.papers(chosen, variants, questions, seed)
    for name, content in printing.files(chosen.name, seed, made).items():
        write(folder / name, content)
    print(f"{variants} papers with {questions} questions each are in {folder}, with seed {seed}.")
    print("papers.html prints one a page; key.html is for you; moodle.xml has the same as a quiz.")

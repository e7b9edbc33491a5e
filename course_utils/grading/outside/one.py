"""Grades one notebook alone, for any queue: no gradebook, no folder of a class, nothing kept."""

import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from course_utils.building.lesson import Lesson
from course_utils.errors import CourseError
from course_utils.grading.outside import pool
from course_utils.grading.outside.batch import Batch, Options
from course_utils.grading.outside.course import Course
from course_utils.grading.outside.intake import read_beside, read_notebook
from course_utils.grading.outside.reading import Unreadable
from course_utils.grading.outside.recognise import known_lessons, recognised
from course_utils.grading.outside.result import Result
from course_utils.grading.outside.task import Task

WITHOUT = "No sandbox could be started where this was graded, so it ran without one."


def grade(
    course: Course,
    path: Path,
    lesson: str | None,
    options: Options,
    or_without: bool = False,
    workers: pool.LocalPool | None = None,
) -> Result:
    """The result of a notebook, or of the only one in a folder; lesson: None finds it by its cells.

    Files beside the notebook are read only if a folder is named; else they may be anybody's.
    or_without: where no sandbox starts, grade without one, and say so in the result. Raises
    CourseError where there is no such file, or where it cannot be told which lesson it is.
    """
    if not path.exists():
        raise CourseError(f"There is no {path}: name a notebook, or a folder with one in it.")
    notebook, content, reason = path, b"", ""
    try:
        notebook = _the_only_one(path)
        content = read_notebook(notebook)
    except Unreadable as error:
        reason = str(error)
    except PermissionError:
        raise CourseError(
            f"You may not read {path}: change its permissions or its owner."
        ) from None
    batch = Batch(course, _lesson(course, content, lesson, reason), options)
    beside, unread = read_beside(path, notebook.name, batch.given) if path.is_dir() else ({}, [])
    task = batch.task(batch.submission("", content, beside, unread))
    # A file that cannot be read gets a verdict too.
    if reason:
        return task.unreadable(reason)
    try:
        return _graded(task, workers)
    except CourseError as error:
        if not or_without or not options.sandbox:
            raise
        print(error, file=sys.stderr)
    result = _graded(replace(task, sandbox=False), workers)
    return replace(result, repairs=[WITHOUT, *result.repairs])


def _the_only_one(path: Path) -> Path:
    """The notebook that a path names, or the only one in a folder; raises Unreadable."""
    if not path.is_dir():
        return path
    notebooks = sorted(path.glob("*.ipynb"))
    if len(notebooks) != 1:
        names = ", ".join(item.name for item in notebooks[:5]) or "none"
        raise Unreadable(f"Hand in one notebook; this folder has {names}.")
    return notebooks[0]


def _lesson(course: Course, content: bytes, named: str | None, reason: str) -> Lesson:
    """The lesson that is named, else the one that the notebook's cells are of."""
    if named is not None:
        return course.choose(named)[0]
    name = recognised(content, known_lessons(course))
    if name in {released.name for released in course.lessons()}:
        return Lesson(name, course.root)
    if name:
        raise CourseError(f"It is the notebook of {name}, which is not released in {course.root}.")
    why = reason or "None of the notebook's cells belongs to a released lesson."
    raise CourseError(f"{why} Name the lesson with --lesson, and it gets a verdict.")


def _graded(task: Task, workers: pool.LocalPool | None) -> Result:
    """The result of a task; a time-out or lack of memory counts when it comes twice."""
    with nullcontext(workers) if workers else pool.LocalPool(1) as local:
        for _ in range(2):
            ((_, result),) = local.run([("", task)])
            if result.final:
                break
    return result

"""Writes results where nbgrader looks for them: its gradebook and autograded/; the only writer of
either.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nbformat import from_dict
from nbgrader.api import Gradebook, MissingEntry, SubmittedNotebook
from nbgrader.preprocessors import SaveCells
from sqlalchemy import text as sql

from course_utils.building.lesson import Lesson
from course_utils.files import write
from course_utils.grading.outside.course import Course, dump
from course_utils.grading.outside.intake import copy_stamp, handed_in_at
from course_utils.grading.outside.late import penalise
from course_utils.grading.outside.rebuild import grade_id
from course_utils.grading.outside.result import Result
from course_utils.grading.outside.task import is_graded


class Writer:
    """Writes the results of one lesson; a context manager."""

    def __init__(self, course: Course, lesson: Lesson) -> None:
        self.course, self.lesson = course, lesson
        self.released = json.loads(course.released(lesson))
        enter_lesson(course, lesson, self.released)
        self.gradebook = Gradebook(course.folders.db_url, course.folders.course_id)
        self.gradebook.db.execute(sql("PRAGMA synchronous=NORMAL"))
        self.known = {submission.student_id for submission in self._submissions()}

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self.gradebook.close()

    def _submissions(self) -> Any:
        return self.gradebook.find_assignment(self.lesson.name).submissions

    def is_written(self, student: str, key: str) -> bool:
        """Whether this result stands in the gradebook and in autograded/ already."""
        try:
            text = self._autograded(student).read_text(encoding="utf-8")
        except OSError:
            return False
        return student in self.known and f'"result": "{key}"' in text

    def write(self, student: str, key: str, result: Result) -> None:
        """Write one result: first the grades, then the notebook, whose key says that both are
        there.
        """
        self._grade(student, result)
        path = self._autograded(student)
        path.unlink(missing_ok=True)
        write(path, dump(graded_notebook(self.released, result, key)))
        copy_stamp(self.course.path("submitted", student, self.lesson.name), path.parent)
        self.known.add(student)

    def _autograded(self, student: str) -> Path:
        return (
            self.course.path("autograded", student, self.lesson.name) / f"{self.lesson.name}.ipynb"
        )

    def _grade(self, student: str, result: Result) -> None:
        """Set automatic points only; a manual score stays, and is marked for another look."""
        book, name = self.gradebook, self.lesson.name
        stamp = handed_in_at(self.course.path("submitted", student, name))
        with _together(book.db):
            book.update_or_create_student(student)
            with book.db.no_autoflush:
                submission = book.update_or_create_submission(
                    name, student, **({"timestamp": stamp} if stamp else {})
                )
            notebook = next(item for item in submission.notebooks if item.name == name)
            fill(notebook, result)
            late = submission.total_seconds_late > 0 or notebook.late_submission_penalty
        if late:
            penalise(self.course, self.lesson, student)
        book.db.expunge_all()

    def manual(self) -> dict[str, dict[str, float]]:
        """Points given by hand, by student and grade_id."""
        return {
            submission.student_id: {
                grade.name: grade.score
                for notebook in submission.notebooks
                for grade in notebook.grades
                if grade.manual_score is not None
            }
            for submission in self._submissions()
        }


@contextmanager
def _together(session: Any) -> Iterator[None]:
    """Make one transaction of what nbgrader commits, and reads anew, after every step of it."""
    session.commit = session.flush
    try:
        yield
    finally:
        del session.commit
    session.commit()


def fill(notebook: SubmittedNotebook, result: Result) -> None:
    """Put the points of a result into a submission of the gradebook."""
    rows = {row.grade_id: row for row in result.checks}
    for grade in notebook.grades:
        row = rows.get(grade.name)
        if row is None:
            grade.auto_score = 0.0
        elif row.manual and row.status != "not attempted" and result.status != "unreadable":
            grade.auto_score = None  # a person reads it
        else:
            grade.auto_score = row.points
        grade.needs_manual_grade = grade.manual_score is not None or grade.auto_score is None
    for comment in notebook.comments:
        comment.auto_comment = "No response." if comment.name in result.untouched else None


def enter_lesson(course: Course, lesson: Lesson, released: Mapping[str, Any]) -> None:
    """Enter the lesson into the gradebook where it is missing or has changed, as nbgrader's own
    command would.
    """
    cells = [cell for cell in released["cells"] if is_graded(cell)]
    graded = {grade_id(cell): float(cell["metadata"]["nbgrader"]["points"]) for cell in cells}
    with Gradebook(course.folders.db_url, course.folders.course_id) as book:
        try:
            known = book.find_notebook(lesson.name, lesson.name).grade_cells
            if {cell.name: cell.max_score for cell in known} == graded:
                return
        except MissingEntry:
            book.update_or_create_assignment(lesson.name)
    names = {
        "notebook": lesson.name,
        "assignment": lesson.name,
        "student": ".",
        "db_url": course.folders.db_url,
    }
    notebook = from_dict(dict(released))
    for cell in notebook.cells:
        cell.source = "".join(cell.source)
    SaveCells(parent=course.app).preprocess(notebook, {"nbgrader": names})


def graded_notebook(released: Mapping[str, Any], result: Result, key: str) -> dict[str, Any]:
    """The notebook that people read; it names the result that it shows."""
    metadata = released["metadata"] | {"course": {"result": key}}
    return {"cells": result.cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def scores(course: Course, lesson: Lesson) -> dict[str, tuple[float, float]]:
    """Score and largest possible score of every submission, as the gradebook has them."""
    with Gradebook(course.folders.db_url, course.folders.course_id) as book:
        found = book.find_assignment(lesson.name).submissions
        return {
            submission.student_id: (submission.score, submission.max_score) for submission in found
        }

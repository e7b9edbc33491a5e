"""Writes results where nbgrader looks for them: its gradebook and autograded/; the only writer of
either.
"""

import json
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
    new_uuid,
)
from sqlalchemy import insert, select
from sqlalchemy import text as sql
from sqlalchemy.orm import object_session

from course_utils.building.lesson import Lesson
from course_utils.files import write
from course_utils.grading.outside.answers import answers
from course_utils.grading.outside.course import Course
from course_utils.grading.outside.entering import enter_lesson
from course_utils.grading.outside.intake import copy_stamp, handed_in_at
from course_utils.grading.outside.late import penalise
from course_utils.grading.outside.result import UNREAD, Result

Written = tuple[str, str, Result]  # a student, the key of the result (empty: not kept), the result


class Writer:
    """Writes the results of one lesson; a context manager."""

    def __init__(self, course: Course, lesson: Lesson) -> None:
        self.course, self.lesson = course, lesson
        self.released = json.loads(course.released(lesson))
        self.changes = enter_lesson(course, lesson, self.released)
        self.gradebook = Gradebook(course.folders.db_url, course.folders.course_id)
        self.gradebook.db.execute(sql("PRAGMA synchronous=NORMAL"))
        self.known = {item.student_id: item.timestamp for item in self._submissions()}

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self.gradebook.close()

    def _submissions(self) -> Any:
        return self.gradebook.find_assignment(self.lesson.name).submissions

    def is_written(self, student: str, key: str) -> bool:
        """Whether this result is in the gradebook and in autograded/ already."""
        try:
            text = self._autograded(student).read_text(encoding="utf-8")
        except OSError:
            return False
        if student not in self.known or f'"result": "{key}"' not in text:
            return False
        stamp = handed_in_at(self.course.path("submitted", student, self.lesson.name))
        return stamp == self.known[student]

    def write(self, results: Sequence[Written]) -> Iterator[tuple[str, PermissionError]]:
        """Write results: the grades of all together, then each student's files.

        Killed at any moment, the next run writes again what is missing: the graded notebook comes
        last, and its key says that all is there. Yields whose files may not be written.
        """
        given = [answers(self.course, self.lesson, who, result.cells) for who, _, result in results]
        for student in self._grade(results, [item.changed for item in given]):
            with self.course.alone():
                penalise(self.course, self.lesson, student)
        for (student, key, result), item in zip(results, given, strict=True):
            try:
                item.remember()
                self._write_notebook(student, key, result)
            except PermissionError as error:
                yield student, error

    def _write_notebook(self, student: str, key: str, result: Result) -> None:
        """Write the graded notebook, which names the result, and when it was handed in."""
        path = self._autograded(student)
        path.unlink(missing_ok=True)
        notebook = json.dumps(graded_notebook(self.released, result, key), ensure_ascii=False)
        write(path, notebook.encode(errors="replace") + b"\n")
        copy_stamp(self.course.path("submitted", student, self.lesson.name), path.parent)

    def _autograded(self, student: str) -> Path:
        return (
            self.course.path("autograded", student, self.lesson.name) / f"{self.lesson.name}.ipynb"
        )

    def _grade(self, results: Sequence[Written], changed: Sequence[Container[str]]) -> list[str]:
        """Set automatic points in one transaction, and give who was late; a manual score stays, and
        is marked for another look.
        """
        book = self.gradebook
        with self.course.alone(), _together(book.db):
            assignment = book.find_assignment(self.lesson.name)
            students = SubmittedAssignment.student_id
            those = students.in_([student for student, _, _ in results])
            of_lesson = SubmittedAssignment.assignment_id == assignment.id
            known = set(book.db.scalars(select(students).where(those, of_lesson)))
            late = self._enter(assignment, [item for item in results if item[0] not in known])
            with book.db.no_autoflush:
                for (student, _, result), cells in zip(results, changed, strict=True):
                    if student in known:
                        submission, notebook = self._submission(student)
                        fill(notebook, result, cells)
                        self.known[student] = submission.timestamp
                        if submission.total_seconds_late > 0 or notebook.late_submission_penalty:
                            late.append(student)
        book.db.expunge_all()
        return late

    def _enter(self, assignment: Assignment, results: Sequence[Written]) -> list[str]:
        """Enter submissions of students who have none, with their points, and give who was late.

        The rows are those of nbgrader's add_submission, which takes five times as long.
        """
        db, late = self.gradebook.db, []
        entered = set(
            db.scalars(select(Student.id).where(Student.id.in_([who for who, *_ in results])))
        )
        rows: dict[Any, list[dict[str, Any]]] = {
            kind: [] for kind in (Student, SubmittedAssignment, SubmittedNotebook, Grade, Comment)
        }
        for student, _, result in results:
            if student not in entered:
                rows[Student].append({"id": student})
            stamp = handed_in_at(self.course.path("submitted", student, self.lesson.name))
            self.known[student] = stamp
            if stamp and assignment.duedate and stamp > assignment.duedate:
                late.append(student)
            of_student = {"assignment_id": assignment.id, "student_id": student, "timestamp": stamp}
            rows[SubmittedAssignment].append({"id": (id := new_uuid()), **of_student})
            for notebook in assignment.notebooks:
                given = result if notebook.name == self.lesson.name else None
                place = {"id": new_uuid(), "assignment_id": id, "notebook_id": notebook.id}
                rows[SubmittedNotebook].append(place)
                for cell in (*notebook.grade_cells, *notebook.task_cells):
                    points = _points(given, cell.name)
                    of_cell = {"notebook_id": place["id"], "cell_id": cell.id, "auto_score": points}
                    rows[Grade].append({**of_cell, "needs_manual_grade": points is None})
                for cell in (*notebook.solution_cells, *notebook.task_cells):
                    comment = _comment(given, cell.name)
                    of_cell = {"notebook_id": place["id"], "cell_id": cell.id}
                    rows[Comment].append({**of_cell, "auto_comment": comment})
        for kind, new in rows.items():
            if new:
                db.execute(insert(kind.__table__), new)
        return late

    def _submission(self, student: str) -> tuple[SubmittedAssignment, SubmittedNotebook]:
        """A student's submission, and its notebook; one that was entered before the assignment had
        this notebook gets it now.
        """
        book, name = self.gradebook, self.lesson.name
        stamp = handed_in_at(self.course.path("submitted", student, name))
        submission = book.update_or_create_submission(name, student, timestamp=stamp)
        for made in submission.notebooks:
            if made.name == name:
                return submission, made
        notebook = book.find_notebook(name, name)
        made = SubmittedNotebook(notebook=notebook, assignment=submission)
        for cell in (*notebook.grade_cells, *notebook.task_cells):
            Grade(cell_id=cell.id, notebook=made)
        for cell in (*notebook.solution_cells, *notebook.task_cells):
            Comment(cell_id=cell.id, notebook=made)
        book.db.add(made)
        book.db.flush()
        return submission, made


@dataclass(frozen=True)
class Marks:
    """What the gradebook says of a submission; points by grade_id, None where nobody gave any.

    score: with what was given by hand, less the penalty for being late. by_hand: what a person gave
    points for. again: what of it has changed since.
    """

    score: float
    max_score: float
    penalty: float
    points: dict[str, float | None]
    by_hand: frozenset[str] = frozenset()
    again: frozenset[str] = frozenset()

    @property
    def waiting(self) -> list[str]:
        """What nobody has given points for."""
        return [name for name, points in self.points.items() if points is None]


def marks(course: Course, lesson: Lesson) -> dict[str, Marks]:
    """What the gradebook says of every submission to a lesson, by student."""
    with Gradebook(course.folders.db_url, course.folders.course_id) as book:
        one = SubmittedAssignment
        of_lesson = one.assignment_id == book.find_assignment(lesson.name).id
        wanted = select(one.id, one.student_id, one.score, one.max_score)
        wanted = wanted.add_columns(one.late_submission_penalty).where(of_lesson)
        submissions = book.db.execute(wanted).all()
        points: dict[str, dict[str, float | None]] = {id: {} for id, *_ in submissions}
        by_hand: dict[str, set[str]] = {id: set() for id, *_ in submissions}
        again: dict[str, set[str]] = {id: set() for id, *_ in submissions}
        wanted = select(one.id, BaseCell.name, Grade.auto_score, Grade.manual_score, Grade.score)
        grades = (
            wanted.add_columns(Grade.needs_manual_grade)
            .join(SubmittedNotebook, SubmittedNotebook.assignment_id == one.id)
            .join(Grade, Grade.notebook_id == SubmittedNotebook.id)
            .join(BaseCell, BaseCell.id == Grade.cell_id)
            .where(of_lesson)
        )
        for id, name, automatic, manual, score, needs in book.db.execute(grades):
            points[id][name] = None if automatic is manual is None else score
            by_hand[id] |= set() if manual is None else {name}
            again[id] |= {name} if needs and manual is not None else set()
    return {
        student: Marks(
            max(0.0, score - (penalty or 0.0)),
            most,
            penalty or 0.0,
            points[id],
            frozenset(by_hand[id]),
            frozenset(again[id]),
        )
        for id, student, score, most, penalty in submissions
    }


@contextmanager
def _together(session: Any) -> Iterator[None]:
    """Make one transaction of steps that nbgrader would commit, and read again, one by one."""
    session.commit = lambda: None
    try:
        yield
    finally:
        del session.commit
    session.commit()


def fill(notebook: SubmittedNotebook, result: Result, changed: Container[str]) -> None:
    """Put the points of a result into a submission of the gradebook.

    changed: the cells whose answers are new. What was given by hand stays, and a person looks again
    if the answer has changed, or what the grader says of it.
    """
    names = _names(notebook)
    for grade in notebook.grades:
        name, before = names[grade.cell_id], grade.auto_score
        grade.auto_score = _points(result, name)
        # Nobody has given points by hand: they are needed where the grader gave none.
        if grade.manual_score is None:
            grade.needs_manual_grade = grade.auto_score is None
        # Somebody has, for another answer or against another verdict.
        elif name in changed or grade.auto_score != before:
            grade.needs_manual_grade = True
    for comment in notebook.comments:
        comment.auto_comment = _comment(result, names[comment.cell_id])


def _points(result: Result | None, name: str) -> float | None:
    """The points that a result gives for a cell; None where a person gives them, except for a file
    that could not be graded at all.
    """
    row = next((row for row in result.checks if row.grade_id == name), None) if result else None
    if row is None or result is None:
        return None
    is_read = row.manual and row.status != "not attempted"
    return None if is_read and result.status not in UNREAD else row.points


def _comment(result: Result | None, name: str) -> str | None:
    return "No response." if result and name in result.untouched else None


def _names(notebook: SubmittedNotebook) -> dict[str, str]:
    """The names of a lesson's cells by their ids; each grade alone would ask for its own."""
    session = object_session(notebook)
    assert session is not None
    wanted = select(BaseCell.id, BaseCell.name).where(BaseCell.notebook_id == notebook.notebook.id)
    return {id: name for id, name in session.execute(wanted)}


def graded_notebook(released: Mapping[str, Any], result: Result, key: str) -> dict[str, Any]:
    """The notebook that people read; it names the result that it shows."""
    metadata = released["metadata"] | {"course": {"result": key}}
    return {"cells": result.cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def scores(course: Course, lesson: Lesson) -> dict[str, tuple[float, float]]:
    """Score and largest possible score of every submission, as the gradebook has them."""
    return {name: (item.score, item.max_score) for name, item in marks(course, lesson).items()}

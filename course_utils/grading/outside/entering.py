"""Enters a lesson into the gradebook, and keeps what is in there when its cells change later."""

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nbformat import from_dict
from nbgrader.api import (
    Comment,
    Grade,
    Gradebook,
    GradeCell,
    MissingEntry,
    Notebook,
    SolutionCell,
    TaskCell,
)
from nbgrader.preprocessors import SaveCells

from course_utils.building.lesson import Lesson
from course_utils.errors import CourseError
from course_utils.files import share, write
from course_utils.grading.outside import releases
from course_utils.grading.outside.cells import grade_id
from course_utils.grading.outside.course import Course, dump

PATIENCE = 30.0  # seconds for another program to let go of the gradebook
BY_HAND = ("manual_score", "extra_credit", "needs_manual_grade")
MARKS: dict[Any, str] = {GradeCell: "grade", TaskCell: "task", SolutionCell: "solution"}

Cells = dict[Any, dict[str, dict[str, Any]]]  # by kind and name: points and type, if it has them


class GradebookInUse(CourseError):
    """The gradebook cannot be written now."""

    def __init__(self, path: Path, why: object) -> None:
        super().__init__(
            f"{path} cannot be written ({why}): close what has it open, or ask for permission to "
            "write it, and run the command again; nothing is lost."
        )


def _open(course: Course) -> None:
    """Wait until the gradebook can be written; raises GradebookInUse where that takes too long."""
    path = Path(course.folders.db_url.removeprefix("sqlite:///"))
    if path.is_file():
        share(path)
        if not os.access(path, os.W_OK):
            raise GradebookInUse(path, "you have no permission to")
        try:
            with contextlib.closing(sqlite3.connect(path, timeout=PATIENCE)) as connection:
                connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise GradebookInUse(path, error) from None


@contextlib.contextmanager
def writing(course: Course) -> Iterator[None]:
    """Hold the gradebook alone; raises GradebookInUse where another program keeps it too long."""
    with course.alone():
        _open(course)
        yield


def enter_lesson(course: Course, lesson: Lesson, released: Mapping[str, Any]) -> list[str]:
    """Enter the lesson into the gradebook where it is missing or has changed, as nbgrader's own
    command would; gives what has changed since it was graded, in sentences.
    """
    releases.keep(course, lesson)
    with writing(course):
        return _enter(course, lesson, released)


def _enter(course: Course, lesson: Lesson, released: Mapping[str, Any]) -> list[str]:
    """The same, where nobody else enters anything."""
    wanted = _wanted(released)
    with Gradebook(course.folders.db_url, course.folders.course_id) as book:
        try:
            notebook = book.find_notebook(lesson.name, lesson.name)
        except MissingEntry:
            book.update_or_create_assignment(lesson.name)
        else:
            if _known(notebook) == wanted:
                return []
            if notebook.submissions:
                return _Change(course, lesson, book, notebook).make(wanted)
    names = {"notebook": lesson.name, "assignment": lesson.name, "student": "."}
    made = from_dict(json.loads(json.dumps(released)))
    for cell in made.cells:
        cell.source = "".join(cell.source)
    resources = {"nbgrader": names | {"db_url": course.folders.db_url}}
    SaveCells(parent=course.app).preprocess(made, resources)
    return []


def _wanted(released: Mapping[str, Any]) -> Cells:
    """The cells of a lesson that the gradebook knows."""
    cells: Cells = {kind: {} for kind in MARKS}
    for cell in released["cells"]:
        marks = cell["metadata"].get("nbgrader", {})
        for kind in (kind for kind, mark in MARKS.items() if marks.get(mark)):
            info = {"max_score": float(marks.get("points", 0)), "cell_type": cell["cell_type"]}
            cells[kind][marks["grade_id"]] = {} if kind is SolutionCell else info
    return cells


def _known(notebook: Notebook) -> Cells:
    """The cells of a lesson as the gradebook has them."""
    cells: Cells = {kind: {} for kind in MARKS}
    for cell in notebook._base_cells:
        info = cells[type(cell)].setdefault(cell.name, {})
        if not isinstance(cell, SolutionCell):
            info.update(max_score=cell.max_score, cell_type=cell.cell_type)
    return cells


class _Change:
    """Changes the cells of a lesson that has submissions; points and comments by hand stay."""

    def __init__(self, course: Course, lesson: Lesson, book: Gradebook, notebook: Notebook) -> None:
        self.course, self.lesson, self.book, self.notebook = course, lesson, book, notebook
        self.sentences: list[str] = []

    def make(self, wanted: Cells) -> list[str]:
        """Make the gradebook's cells those that are wanted; gives what has changed."""
        self._rename(wanted)
        archived: list[dict[str, Any]] = []
        for kind, cells in wanted.items():
            known = {cell.name: cell for cell in self.notebook._base_cells if type(cell) is kind}
            for name in sorted(known.keys() - cells.keys()):
                archived += self._remove(known[name])
            for name, info in cells.items():
                if name not in known:
                    self._add(kind, name, info)
                elif info:
                    self._change(known[name], info)
        self._say("No longer in the lesson", {row["cell"] for row in archived if row["graded"]})
        if archived:
            time = datetime.now(UTC).strftime("%Y-%m-%d-%H%M%S-%f")
            path = self.course.own("archive", self.lesson.name, f"{time}.json")
            write(path, dump(archived))
            self.sentences.append(f"Their points and comments are kept in {path}.")
        self.book.db.commit()
        return self.sentences

    def _say(self, what: str, names: set[str]) -> None:
        if names:
            self.sentences.append(f"{what}: {', '.join(sorted(names))}.")

    def _rename(self, wanted: Cells) -> None:
        """Give cells their new names where a release had the same cell under another one."""
        now = {
            cell["id"]: grade_id(cell)
            for cell in json.loads(self.course.released(self.lesson))["cells"]
            if cell.get("id") and grade_id(cell)
        }
        for text in releases.earlier(self.course, self.lesson):
            for cell in json.loads(text)["cells"]:
                old, new = grade_id(cell), now.get(cell.get("id", ""))
                for base in self.notebook._base_cells:
                    # Only if the old name is gone, and no cell has the new one yet.
                    free = new not in {other.name for other in self.notebook._base_cells}
                    names = wanted[type(base)]
                    if base.name == old and new in names and old not in names and free:
                        base.name = new
                        self.sentences.append(f"{old} is now called {new}.")

    def _remove(self, cell: Any) -> list[dict[str, Any]]:
        """Take a cell out with its grades and comments; gives these."""
        removed = []
        for notebook in self.notebook.submissions:
            row = {"student": notebook.student.id, "cell": cell.name, "kind": type(cell).__name__}
            row["graded"] = not isinstance(cell, SolutionCell)
            for grade in [item for item in notebook.grades if item.cell_id == cell.id]:
                row |= {name: getattr(grade, name) for name in ("auto_score", *BY_HAND)}
                self.book.db.delete(grade)
            for comment in [item for item in notebook.comments if item.cell_id == cell.id]:
                row["manual_comment"] = comment.manual_comment
                self.book.db.delete(comment)
            removed.append(row)
        self.book.db.flush()
        self.book.db.delete(cell)
        self.book.db.flush()
        return removed

    def _add(self, kind: Any, name: str, info: dict[str, Any]) -> None:
        """Put a cell in, with whatever was given for it before it was last taken out."""
        cell = kind(name=name, notebook=self.notebook, **info)
        self.book.db.add(cell)
        self.book.db.flush()
        before = self._archived(kind, name)
        for notebook in self.notebook.submissions:
            kept = before.get(notebook.student.id, {})
            if kind is not SolutionCell:
                by_hand = {key: kept[key] for key in BY_HAND if key in kept}
                self.book.db.add(Grade(cell_id=cell.id, notebook=notebook, **by_hand))
            if kind is not GradeCell:
                comment = kept.get("manual_comment")
                made = Comment(cell_id=cell.id, notebook=notebook, manual_comment=comment)
                self.book.db.add(made)
        if kind is not SolutionCell:
            self.sentences.append(f"New in the lesson: {name}.")

    def _archived(self, kind: Any, name: str) -> dict[str, dict[str, Any]]:
        """What was given for a cell when it was last taken out, by student."""
        by_student = {}
        for path in sorted(self.course.own("archive", self.lesson.name).glob("[!.]*.json")):
            for row in json.loads(path.read_bytes()):
                if (row["kind"], row["cell"]) == (kind.__name__, name):
                    by_student[row["student"]] = row
        return by_student

    def _change(self, cell: Any, info: dict[str, Any]) -> None:
        """Give a cell other points; what was given by hand stays, and is looked at if too much."""
        if cell.max_score != info["max_score"]:
            self.sentences.append(
                f"{cell.name} has {info['max_score']:g} points, and had {cell.max_score:g} before."
            )
            for grade in cell.grades:
                too_much = (grade.manual_score or 0) > info["max_score"]
                grade.needs_manual_grade = grade.needs_manual_grade or too_much
        cell.max_score, cell.cell_type = info["max_score"], info["cell_type"]

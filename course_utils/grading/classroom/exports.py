"""Grades for Canvas and Moodle: `nbgrader export
--exporter=course_utils.grading.classroom.exports.CanvasExport`; and plain.
"""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.plugins import ExportPlugin

from course_utils.grading.classroom.pages import is_waiting
from course_utils.grading.outside.course import find_course
from course_utils.grading.outside.gate import field, plain


class _Table(ExportPlugin):
    """Grades as a CSV file; while a person has still to give points a score is blank, and a warning
    says whose.
    """

    default = "grades.csv"

    def export(self, gradebook: Gradebook) -> None:
        """Write the file that --to names."""
        path = Path(self.to or self.default)
        wanted = [str(name) for name in self.assignment]
        assignments = [item for item in gradebook.assignments if not wanted or item.name in wanted]
        chosen = [str(name) for name in self.student]
        students = [item for item in gradebook.students if not chosen or item.id in chosen]
        with path.open("w", newline="", encoding="utf-8") as file:
            for row in self.rows(gradebook, assignments, students):
                csv.writer(file).writerow(map(field, row))
        self.log.info("Wrote the grades of %d students to %s", len(students), path)

    def rows(
        self, gradebook: Gradebook, assignments: Sequence[Any], students: Sequence[Any]
    ) -> Iterator[list[str]]:
        """The lines of the file, headings first."""
        raise NotImplementedError

    def scores(self, gradebook: Gradebook, assignments: Sequence[Any], student: Any) -> list[str]:
        """The student's score in each assignment, less the penalty for being late."""
        return [
            _shown(submission.score - submission.late_submission_penalty)
            if (submission := self.read(gradebook, assignment.name, student.id))
            else ""
            for assignment in assignments
        ]

    def read(self, gradebook: Gradebook, assignment: str, student: str) -> Any:
        """The submission, None where there is none or an answer in it has no points yet."""
        submission = _submission(gradebook, assignment, student)
        waiting = sorted(grade.name for grade in _grades(submission) if is_waiting(grade))
        if waiting:
            self.log.warning(
                "%s is not graded yet, and left blank: %s of %s.",
                plain(student),
                ", ".join(waiting),
                assignment,
            )
        return None if waiting else submission


class PlainExport(_Table):
    """nbgrader's own table, a row for each student and assignment, with every field quoted where it
    needs to be.
    """

    def rows(
        self, gradebook: Gradebook, assignments: Sequence[Any], students: Sequence[Any]
    ) -> Iterator[list[str]]:
        """Headings, assignments, students; whoever handed in nothing has 0 points."""
        person = ["student_id", "last_name", "first_name", "email"]
        yield [
            "assignment",
            "duedate",
            "timestamp",
            *person,
            "raw_score",
            "late_submission_penalty",
            "score",
            "max_score",
        ]
        for assignment in assignments:
            for student in students:
                known = _submission(gradebook, assignment.name, student.id)
                submission = self.read(gradebook, assignment.name, student.id)
                stamp = known.timestamp if known else None
                points: list[float | None] = [None, None, None] if known else [0.0, 0.0, 0.0]
                if submission:
                    raw, penalty = submission.score, submission.late_submission_penalty
                    points = [raw, penalty, max(0.0, raw - penalty)]
                identity = [student.id, student.last_name, student.first_name, student.email]
                row = [assignment.name, assignment.duedate, stamp, *identity]
                row += [*points, assignment.max_score]
                yield ["" if item is None else str(item) for item in row]


class CanvasExport(_Table):
    """What Canvas reads under Grades, Import; a column becomes the Canvas assignment of the same
    name.

    Students are found by ID, which is nbgrader's lms_user_id, or by SIS Login ID, which is
    nbgrader's student id.
    Source: Canvas Instructor Guide, How do I import grades in the Gradebook.
    """

    default = "canvas.csv"

    def rows(
        self, gradebook: Gradebook, assignments: Sequence[Any], students: Sequence[Any]
    ) -> Iterator[list[str]]:
        """Headings, possible points, students."""
        yield [
            "Student",
            "ID",
            "SIS User ID",
            "SIS Login ID",
            "Section",
            *(item.name for item in assignments),
        ]
        yield [
            "    Points Possible",
            "",
            "",
            "",
            "",
            *(f"{item.max_score:g}" for item in assignments),
        ]
        for student in students:
            name = (
                ", ".join(part for part in (student.last_name, student.first_name) if part)
                or student.id
            )
            identity = [name, student.lms_user_id or "", student.id, student.id, ""]
            yield [*identity, *self.scores(gradebook, assignments, student)]


class MoodleExport(_Table):
    """What Moodle reads under Grades, Import, CSV file: map Username, ID number or Email address to
    the user.

    The ID number is the one in the roster, and blank where that has none.
    Source: Moodle documentation, Grade import.
    """

    default = "moodle.csv"

    def rows(
        self, gradebook: Gradebook, assignments: Sequence[Any], students: Sequence[Any]
    ) -> Iterator[list[str]]:
        """Headings, students."""
        yield [
            "Username",
            "ID number",
            "First name",
            "Surname",
            "Email address",
            *(item.name for item in assignments),
        ]
        numbers = find_course(Path(cast(Any, self.parent).coursedir.root)).id_numbers()
        for student in students:
            names = [student.first_name or "", student.last_name or "", student.email or ""]
            identity = [student.id, numbers.get(student.id, ""), *names]
            yield [*identity, *self.scores(gradebook, assignments, student)]


class QuestionExport(_Table):
    """A row for each student and a column for each question; what waits for a person is blank."""

    default = "questions.csv"

    def rows(
        self, gradebook: Gradebook, assignments: Sequence[Any], students: Sequence[Any]
    ) -> Iterator[list[str]]:
        """Headings, possible points, students."""
        columns = [
            (assignment, cell.name, cell.max_score)
            for assignment in assignments
            for notebook in assignment.notebooks
            for cell in notebook.grade_cells
        ]
        names = [f"{item.name}: {name.removeprefix('check-')}" for item, name, _ in columns]
        yield ["student_id", "last_name", "first_name", *names]
        yield ["possible points", "", "", *(_shown(points) for _, _, points in columns)]
        for student in students:
            scores: dict[tuple[str, str], str] = {}
            for assignment in assignments:
                self.read(gradebook, assignment.name, student.id)  # warns
                for grade in _grades(_submission(gradebook, assignment.name, student.id)):
                    score = "" if is_waiting(grade) else _shown(grade.score)
                    scores[assignment.name, grade.name] = score
            identity = [student.id, student.last_name or "", student.first_name or ""]
            yield [*identity, *(scores.get((item.name, name), "") for item, name, _ in columns)]


def _submission(gradebook: Gradebook, assignment: str, student: str) -> Any:
    try:
        return gradebook.find_submission(assignment, student)
    except MissingEntry:
        return None


def _grades(submission: Any) -> Iterator[Any]:
    for notebook in submission.notebooks if submission else ():
        yield from notebook.grades


def _shown(points: float) -> str:
    return f"{max(0.0, points):g}"

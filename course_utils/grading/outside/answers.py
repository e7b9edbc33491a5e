"""What a person has read when points are given by hand, so that only changed answers are shown
again.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_utils.building.lesson import Lesson
from course_utils.files import write
from course_utils.grading.outside.cells import grade_id, text
from course_utils.grading.outside.course import Course, dump
from course_utils.grading.outside.result import is_for_a_person
from course_utils.grading.outside.task import is_graded

_plain = json.JSONEncoder(sort_keys=True).encode  # json.dumps would make one for every cell


@dataclass(frozen=True)
class Answers:
    """The answers of one submission, and what is remembered of those before them, as hashes."""

    path: Path
    before: dict[str, str] | None
    now: dict[str, str]

    @property
    def changed(self) -> set[str]:
        """The graded cells whose answers are not those that are remembered."""
        if self.before is None:
            return set(self.now)
        before = self.before
        return {name for name, digest in self.now.items() if before.get(name, digest) != digest}

    def remember(self) -> None:
        """Remember these; only once the gradebook says what has changed, or nobody would learn."""
        known = self.before or {}
        if (merged := known | self.now) != self.before:  # what was dropped may come back
            write(self.path, dump(merged))


def answers(course: Course, lesson: Lesson, student: str, cells: Sequence[Any]) -> Answers:
    """The answers in a graded notebook's cells, beside those that are remembered."""
    path = course.own("answers", lesson.name, f"{student}.json")
    try:
        before: dict[str, str] | None = dict(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        before = None
    return Answers(path, before, digests(cells))


def digests(cells: Sequence[Any]) -> dict[str, str]:
    """A hash of the answer to each graded cell: for a check, all answers and student's cells
    since the graded cell before; for an answer that a person reads, that answer with the student's
    cells around it.
    """
    texts: dict[str, list[str]] = {}
    since: list[str] = []
    read: str | None = None  # the answer in words that the student's cells still belong to
    for cell in cells:
        marks, own = cell["metadata"].get("nbgrader", {}), cell.get("id", "").startswith("student-")
        # A cell of the student's own belongs to the answer in words above it, and to what follows.
        if own and read is not None:
            texts[read].append(_content(cell))
        if own or (marks.get("solution") and not marks.get("grade")):
            since.append(_content(cell))
        # A check, or an answer in words, ends what came before it.
        elif is_graded(cell):
            texts[grade_id(cell)] = [*since, *([_content(cell)] if is_for_a_person(cell) else [])]
            read, since = (grade_id(cell) if is_for_a_person(cell) else None), []
        # A cell of the lesson ends the answer in words; the grader's own notes do not.
        elif cell.get("id") != "repairs" and not cell.get("id", "").startswith("own-"):
            read = None
    return {
        name: hashlib.sha256("\0".join(parts).encode(errors="replace")).hexdigest()[:16]
        for name, parts in texts.items()
    }


def _content(cell: Any) -> str:
    return _plain([text(cell), cell.get("attachments", {})])

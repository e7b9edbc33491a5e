"""What a person has read when points are given by hand, so that only changed answers are shown
again.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from course_utils.building.lesson import Lesson
from course_utils.files import write
from course_utils.grading.outside.cells import grade_id, text
from course_utils.grading.outside.course import Course, dump
from course_utils.grading.outside.result import is_for_a_person
from course_utils.grading.outside.task import is_graded

_plain = json.JSONEncoder(sort_keys=True).encode  # json.dumps would make one for every cell


def changed(course: Course, lesson: Lesson, student: str, cells: Sequence[Any]) -> set[str]:
    """The graded cells whose answers have changed since this was last asked; remembers them.

    cells: the graded notebook's.
    """
    path = course.own("answers", lesson.name, f"{student}.json")
    try:
        before: dict[str, str] | None = dict(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        before = None
    now, known = digests(cells), before or {}
    if (merged := known | now) != before:  # what was dropped from the lesson may come back
        write(path, dump(merged))
    if before is None:
        return set(now)
    return {name for name, digest in now.items() if known.get(name, digest) != digest}


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
        content = _plain([text(cell), cell.get("attachments", {})])
        # A cell of the student's own belongs to the answer in words above it, and to what follows.
        if own and read is not None:
            texts[read].append(content)
        if own or (marks.get("solution") and not marks.get("grade")):
            since.append(content)
        # A check, or an answer in words, ends what came before it.
        elif is_graded(cell):
            texts[grade_id(cell)] = [*since, *([content] if is_for_a_person(cell) else [])]
            read, since = (grade_id(cell) if is_for_a_person(cell) else None), []
        # A cell of the lesson ends the answer in words; the grader's own notes do not.
        elif cell.get("id") != "repairs" and not cell.get("id", "").startswith("own-"):
            read = None
    return {
        name: hashlib.sha256("\0".join(parts).encode(errors="replace")).hexdigest()[:16]
        for name, parts in texts.items()
    }

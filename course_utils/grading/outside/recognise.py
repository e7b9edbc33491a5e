"""Which lesson a notebook is, by the marks of its cells."""

import json
from collections.abc import Mapping
from typing import Any

from course_utils.building.lesson import Lesson
from course_utils.grading.outside.course import Course
from course_utils.grading.outside.rebuild import Unreadable, grade_id, parse


def marks(course: Course) -> dict[str, set[str]]:
    """The marks of the cells of every released lesson, by its name."""
    return {lesson.name: _of(course, lesson) for lesson in course.lessons()}


def _of(course: Course, lesson: Lesson) -> set[str]:
    cells = json.loads(course.released(lesson))["cells"]
    return {grade_id(cell) for cell in cells} - {""}


def recognised(content: bytes, known: Mapping[str, set[str]]) -> str:
    """The lesson that shares most marks with a notebook; empty where none does."""
    try:
        cells = parse(content)["cells"]
    except Unreadable:
        cells = []
    own = {_mark(cell) for cell in cells}
    shared = {name: len(own & theirs) for name, theirs in known.items()}
    best = max(shared, key=lambda name: shared[name], default="")
    return best if best and shared[best] else ""


def _mark(cell: Any) -> str:
    """The grade_id of a cell of a notebook that may be anything."""
    try:
        return grade_id(cell)
    except (TypeError, KeyError, AttributeError):
        return ""

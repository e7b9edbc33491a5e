"""Which lesson a notebook is, by the names of its cells and their texts."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from course_utils.building.lesson import all_lessons
from course_utils.grading.outside.cells import grade_id, text
from course_utils.grading.outside.course import Course
from course_utils.grading.outside.reading import Unreadable, parse


def known_lessons(course: Course) -> dict[str, set[str]]:
    """By name, what each lesson is recognised by: those that are released here, and all others of
    this package, so that none of them is taken for a released one.
    """
    texts = {lesson.name: lesson.released for lesson in all_lessons() if lesson.released.is_file()}
    contents = {name: path.read_text(encoding="utf-8") for name, path in texts.items()}
    contents |= {lesson.name: course.released(lesson) for lesson in course.lessons()}
    return {name: known_by(json.loads(text)["cells"]) for name, text in contents.items()}


def known_by(cells: Iterable[Any]) -> set[str]:
    """What the notebook of a lesson can be known by: names of cells, and texts of some length."""
    marks = set()
    for cell in cells:
        try:
            marks |= {grade_id(cell), *(item for item in [text(cell).strip()] if len(item) > 40)}
        except (AttributeError, KeyError, TypeError):
            continue
    return marks - {""}


def shared(content: bytes, known: Mapping[str, set[str]]) -> dict[str, int]:
    """How many marks a notebook shares with each lesson, where it shares any."""
    try:
        own = known_by(parse(content)["cells"])
    except Unreadable:
        return {}
    counts = {lesson: len(own & theirs) for lesson, theirs in known.items()}
    return {lesson: count for lesson, count in counts.items() if count}


def recognised(content: bytes, known: Mapping[str, set[str]]) -> str:
    """The lesson that shares most marks with a notebook; empty where none does."""
    counts = shared(content, known)
    return max(counts, key=lambda lesson: counts[lesson], default="")


def lesson_of(content: bytes, name: str, known: Mapping[str, set[str]]) -> tuple[bool, str]:
    """Whether a notebook is certainly of another lesson than `name`, and the lesson that it is most
    like, if any.
    """
    counts = shared(content, known)
    best = max(counts, key=lambda lesson: (counts[lesson], lesson == name), default="")
    return bool(best) and best != name and counts.get(name, 0) < counts[best] / 2, best

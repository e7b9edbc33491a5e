"""Every release of a lesson that was handed out, and the one that a submission came from."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from course_utils.building.lesson import Lesson
from course_utils.errors import CourseError
from course_utils.files import write
from course_utils.grading.outside.cells import text
from course_utils.grading.outside.course import Course
from course_utils.grading.outside.reading import Unreadable, parse


def keep(course: Course, lesson: Lesson) -> None:
    """Keep the lesson as it is released now; a submission is compared with what its author got."""
    content = course.released(lesson).encode()
    digest = hashlib.sha256(content).hexdigest()[:16]
    path = course.own("releases", lesson.name, f"{digest}.ipynb")
    if not path.exists():
        write(path, content)


def keep_all(course: Course) -> None:
    """Keep all lessons as they are released now; an unreadable one is reported when it is used."""
    for lesson in course.lessons():
        try:
            keep(course, lesson)
        except CourseError:
            continue


def earlier(course: Course, lesson: Lesson) -> list[str]:
    """The releases that were handed out before the present one."""
    paths = sorted(course.own("releases", lesson.name).glob("[!.]*.ipynb"))
    now = course.released(lesson)
    return [release for path in paths if (release := path.read_text(encoding="utf-8")) != now]


def came_from(now: str, before: Iterable[str], content: bytes) -> str:
    """The earlier release that a submission came from, empty where that is the present one.

    It is the one with which the submission has most in common.
    """
    candidates = ["", *before]
    if len(candidates) == 1:
        return ""
    try:
        handed_in = _signs(parse(content)["cells"])
    except (Unreadable, TypeError, KeyError, AttributeError):
        return ""

    def common(release: str) -> int:
        given = _signs(json.loads(release or now)["cells"])
        return len(given & handed_in) - len(given - handed_in)

    return max(candidates, key=common)


def _signs(cells: Iterable[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """What tells one release from another: marks of cells, and the texts that are not answers."""
    signs = set()
    for cell in cells:
        marks = cell["metadata"].get("nbgrader", {})
        if "grade_id" in marks:
            signs.add((str(marks["grade_id"]), str(marks.get("points"))))
        if not marks.get("solution"):
            lines = (line.rstrip() for line in text(cell).strip().splitlines())
            signs.add((str(cell["cell_type"]), "\n".join(lines)))
    return signs

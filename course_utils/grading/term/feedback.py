"""Feedback pages of a lesson in an archive that a learning platform takes back."""

import zipfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from course_utils.building.lesson import Lesson
from course_utils.errors import CourseError
from course_utils.grading.outside.course import Course
from course_utils.grading.term.collect import tags


def graded(course: Course, lesson: Lesson) -> list[str]:
    """The students whose notebook of the lesson is graded."""
    pattern = course.path("autograded", "*", lesson.name)
    paths = pattern.parents[1].glob(f"*/{lesson.name}/{lesson.name}.ipynb")
    return sorted(path.parents[1].name for path in paths)


def make(course: Course, lesson: Lesson) -> list[str]:
    """Write the feedback page of everybody who is graded; gives those whose page failed."""
    from nbgrader.converters import GenerateFeedback, NbGraderException

    students = graded(course, lesson)
    if not students:
        raise CourseError(f"No submission to {lesson.name} is graded: run `course grade` first.")
    course.folders.assignment_id = lesson.name
    converter = GenerateFeedback(coursedir=course.folders, parent=course.app)
    converter.force = True
    with suppress(NbGraderException, SystemExit):  # missing pages are reported below
        converter.start()
    return [student for student in students if not _page(course, lesson, student).is_file()]


def _page(course: Course, lesson: Lesson, student: str) -> Path:
    return course.path("feedback", student, lesson.name) / f"{lesson.name}.html"


def pack(course: Course, lesson: Lesson, students: Iterable[str], path: Path) -> int:
    """Put the pages into one archive, named as the platform named the submissions; gives how many.

    Where nothing was collected from a platform, each student has a folder.
    """
    known = tags(course, lesson.name)
    number = 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for student in students:
            page = _page(course, lesson, student)
            if page.is_file():
                name = f"{lesson.name}_feedback.html"
                tag = known.get(student)
                archive.write(page, f"{tag}{name}" if tag else f"{student}/{name}")
                number += 1
    return number

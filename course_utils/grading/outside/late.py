"""When a lesson is due, for all and for single students, and the penalties that follow from it."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from nbformat import v4
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.preprocessors import AssignLatePenalties

from course_utils.building.lesson import Lesson
from course_utils.errors import CourseError
from course_utils.files import write
from course_utils.grading.outside.course import Course
from course_utils.grading.outside.entering import writing
from course_utils.grading.outside.times import for_gradebook, read_time, shown


def set_due(course: Course, lesson: Lesson, time: datetime) -> dict[str, float]:
    """Set when a lesson is due for everybody; gives the penalties that this changed, by student."""
    with writing(course), Gradebook(course.folders.db_url, course.folders.course_id) as book:
        book.update_or_create_assignment(lesson.name, duedate=for_gradebook(time))
    return apply(course, lesson)


def due(course: Course, lesson: Lesson) -> datetime | None:
    """When a lesson is due, as the gradebook has it."""
    with Gradebook(course.folders.db_url, course.folders.course_id) as book:
        try:
            return book.find_assignment(lesson.name).duedate
        except MissingEntry:
            return None


def extend(
    course: Course, lesson: Lesson, student: str, until: datetime | None
) -> dict[str, float]:
    """Let a student hand in later; None takes that back. Raises CourseError.

    Gives the penalties that this changed, by student.
    """
    when = due(course, lesson)
    if when is None:
        raise CourseError(
            f"{lesson.name} has no due date: run `course due {lesson.name} TIME` first."
        )
    if until is not None and for_gradebook(until) <= when:
        raise CourseError(
            f"{lesson.name} is due at {when:%Y-%m-%d %H:%M} UTC for all: name a later time."
        )
    with Gradebook(course.folders.db_url, course.folders.course_id) as book:
        known = {item.id for item in book.students}
    if student not in known | set(course.students(lesson)):
        raise CourseError(
            f"There is no student {student!r}, neither in the roster nor among the submissions."
        )
    path = course.own("extensions", lesson.name, student)
    if until is not None:
        write(path, shown(until).encode())
        path.chmod(0o660)
    else:
        path.unlink(missing_ok=True)
    return apply(course, lesson, {student})


def extensions(course: Course, lesson: Lesson) -> dict[str, datetime]:
    """Until when single students may hand in."""
    folder = course.own("extensions", lesson.name)
    paths = folder.glob("[!.]*") if folder.is_dir() else ()
    return {path.name: read_time(path.read_text(encoding="utf-8")) for path in paths}


def apply(course: Course, lesson: Lesson, withdrawn: Collection[str] = ()) -> dict[str, float]:
    """Update extensions and late penalties in the gradebook; gives the penalties that changed.

    withdrawn: students whose old extension is removed if they have none any more.
    """
    with writing(course):
        return _apply(course, lesson, withdrawn)


def _apply(course: Course, lesson: Lesson, withdrawn: Collection[str]) -> dict[str, float]:
    """The same, where nobody else changes anything."""
    later = extensions(course, lesson)
    with Gradebook(course.folders.db_url, course.folders.course_id) as book:
        try:
            assignment = book.find_assignment(lesson.name)
        except MissingEntry:
            return {}
        for submission in assignment.submissions:
            until = later.get(submission.student_id)
            if until is not None and assignment.duedate is not None:
                submission.extension = for_gradebook(until) - assignment.duedate
            elif submission.student_id in withdrawn or assignment.duedate is None:
                submission.extension = None
        book.db.commit()
        before = {item.student_id: item.late_submission_penalty for item in _late(assignment)}
    for student in before:
        penalise(course, lesson, student)
    with Gradebook(course.folders.db_url, course.folders.course_id) as book:
        after = {
            item.student_id: item.late_submission_penalty
            for item in book.find_assignment(lesson.name).submissions
            if item.student_id in before
        }
    return {
        student: after[student] or 0.0
        for student in sorted(before)
        if (before[student] or 0.0) != (after[student] or 0.0)
    }


def _late(assignment: Any) -> Iterator[Any]:
    """Submissions that were handed in late, or have a penalty as if they were."""
    for submission in assignment.submissions:
        if submission.total_seconds_late > 0 or submission.late_submission_penalty:
            yield submission


def penalise(course: Course, lesson: Lesson, student: str) -> None:
    """Have nbgrader set the late penalty of a submission by the course's own rule."""
    resources = {
        "notebook": lesson.name,
        "assignment": lesson.name,
        "student": student,
        "db_url": course.folders.db_url,
    }
    AssignLatePenalties(parent=course.app).preprocess(v4.new_notebook(), {"nbgrader": resources})

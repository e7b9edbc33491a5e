"""Puts the lessons that are taught into the course's folder, whole or without what is extra."""

from pathlib import Path

from course_utils.building.lesson import ROOT, Lesson, files
from course_utils.errors import CourseError
from course_utils.files import write
from course_utils.grading.outside import releases
from course_utils.grading.outside.course import CONFIG, Course


def with_extra(course: Course) -> bool:
    """What the course's `c.Lessons.extra` says, True where it says nothing; raises CourseError."""
    said = course.app.config.get("Lessons", {})
    value = said.get("extra", True)
    if {*said} - {"extra"} or not isinstance(value, bool):
        raise CourseError(
            f"{course.root / CONFIG}: c.Lessons has only one setting, `c.Lessons.extra`, which is "
            "True or False: correct or delete the line."
        )
    return value


def take(course: Course, lesson: Lesson) -> bool:
    """Write the notebooks of a lesson, released and solved, into the course's folder, and say
    whether anything changed; what was handed out before is kept. Raises CourseError.
    """
    try:
        from course_utils.building.build import shortened
    except ModuleNotFoundError as error:  # what writes notebooks comes with the extra `build`
        raise CourseError(
            f"`course take` needs {error.name}: install the course with its extra `build`."
        ) from None

    if course.root == ROOT:
        raise CourseError(
            f"{ROOT} is where the lessons are made: make a folder for your term, copy {CONFIG} "
            "there, and run `course take` in it."
        )
    if not lesson.solved.is_file() or not lesson.released.is_file():
        raise CourseError(f"{lesson.name} is not built: run `course build {lesson.name}`.")
    releases.keep_all(course)
    solved = {path: (lesson.solved.parent / path).read_bytes() for path in lesson.extras()}
    if with_extra(course):
        folder = lesson.released.parent
        released = {path: (folder / path).read_bytes() for path in files(folder)}
        solved[Path(lesson.solved.name)] = lesson.solved.read_bytes()
    else:
        solved[Path(lesson.solved.name)], released = shortened(lesson)
    changed = [
        _put(course.path(kind, ".", lesson.name), content)
        for kind, content in (("release", released), ("source", solved))
    ]
    return any(changed)


def _put(folder: Path, content: dict[Path, bytes]) -> bool:
    """Make these the files of a folder; says whether anything changed."""
    before = {path: (folder / path).read_bytes() for path in files(folder)}
    for path in before.keys() - content.keys():
        (folder / path).unlink()
    for path, data in content.items():
        if before.get(path) != data:
            write(folder / path, data)
    return before != content

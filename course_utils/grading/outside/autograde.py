"""Routes `nbgrader autograde` and the formgrader's button through the same grading as `course
grade`.
"""

import json
import shutil
import weakref
from pathlib import Path
from typing import Any, cast

from nbconvert.exporters import NotebookExporter
from nbformat import from_dict
from nbgrader.api import Gradebook
from nbgrader.converters import NbGraderException
from nbgrader.utils import find_all_files

from course_utils.building.lesson import Lesson
from course_utils.errors import CourseError
from course_utils.grading.outside import late, pool, sandbox
from course_utils.grading.outside.answers import answers
from course_utils.grading.outside.batch import Batch, Options
from course_utils.grading.outside.course import find_course
from course_utils.grading.outside.entering import enter_lesson
from course_utils.grading.outside.gate import is_student_id
from course_utils.grading.outside.gradebook import fill, graded_notebook
from course_utils.grading.outside.intake import copy_secret, copy_stamp, handed_in_at
from course_utils.grading.outside.result import Result
from course_utils.grading.outside.task import Task
from course_utils.grading.outside.times import for_gradebook


class TrustedExporter(NotebookExporter):
    """Takes the place of the exporter in nbgrader's converter: `c.Autograde.exporter_class` names
    it.

    nbgrader converts a submission twice, first to clean it, then to run it. Here the first pass
    grades it, and the second, after which nbgrader's late penalties follow, enters the grades.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.converter = converter = cast(Any, self.parent)
        try:
            sandbox.check()
        except CourseError as error:  # before nbgrader takes away what was graded
            raise NbGraderException(str(error)) from None
        # One process with a warm sandbox for all submissions of this run, which starts meanwhile.
        self.pool = pool.LocalPool(1)
        self.pool.start()
        weakref.finalize(self, self.pool.close)
        self.course = find_course(Path(converter.coursedir.root))
        lesson = Lesson(converter.coursedir.assignment_id, self.course.root)
        if lesson in self.course.lessons():
            released = json.loads(self.course.released(lesson))
            for change in enter_lesson(self.course, lesson, released):
                converter.log.warning(change)
        converter.init_assignment = self._begin

    def _begin(self, name: str, student: str) -> None:
        """Enter a submission; nbgrader's own way also copies whatever is beside the notebook,
        through any link.
        """
        if not is_student_id(student):
            raise CourseError(f"{ascii(student)} cannot be a student's id: rename the folder.")
        course, converter = self.course, self.converter
        submitted, target = (
            course.path(kind, student, name) for kind in ("submitted", "autograded")
        )
        stamp = handed_in_at(submitted)
        with course.alone(), Gradebook(course.folders.db_url, course.folders.course_id) as book:
            book.update_or_create_student(student)
            submission = book.update_or_create_submission(name, student, timestamp=stamp)
            until = late.extensions(course, Lesson(name, course.root)).get(student)
            if until is not None and submission.assignment.duedate is not None:
                submission.extension = for_gradebook(until) - submission.assignment.duedate
                book.db.commit()
        copy_stamp(submitted, target)
        copy_secret(submitted, target)
        source = course.path("source", ".", name)
        for path in map(
            Path, find_all_files(str(source), [*converter.coursedir.ignore, "*.ipynb"])
        ):
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.unlink(missing_ok=True)
            shutil.copy(path, copy)
        converter.notebooks = [str(submitted / f"{name}.ipynb")]

    def from_filename(self, filename: str, resources: Any = None, **kw: Any) -> tuple[Any, Any]:
        """Grade the file, or enter the grades of the one that was graded before it."""
        names = resources["nbgrader"]
        if self.converter._sanitizing:
            self._grade(names["student"], names["assignment"])
            return self.from_notebook_node(from_dict(self.notebook), resources=resources, **kw)
        lesson = Lesson(names["assignment"], self.course.root)
        with (
            self.course.alone(),
            Gradebook(names["db_url"], self.converter.coursedir.course_id) as book,
        ):
            submission = book.find_submission_notebook(
                names["notebook"], names["assignment"], names["student"]
            )
            given = answers(self.course, lesson, names["student"], self.result.cells)
            fill(submission, self.result, given.changed)
            book.db.commit()
            given.remember()
        return super().from_filename(filename, resources=resources, **kw)

    def _grade(self, student: str, name: str) -> None:
        batch = Batch(self.course, Lesson(name, self.course.root), Options())
        submission = batch.read(student)
        result = batch.result(submission.key)
        if result is None:
            task = batch.task(submission)
            unreadable = bool(submission.reason)
            result = batch.unreadable(submission) if unreadable else self._run(submission.key, task)
            batch.keep(submission.key, result)
        self.result = result
        self.notebook = graded_notebook(json.loads(batch.released), result, submission.key)

    def _run(self, key: str, task: Task) -> Result:
        for _ in range(2):  # as in a batch, a time-out or lack of memory is tried once more
            for _, result in self.pool.run([(key, task)]):
                if result.final:
                    return result
        return result

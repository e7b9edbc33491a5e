"""Routes `nbgrader autograde` and the formgrader's button through the same grading as `course grade`."""

import json
import weakref
from pathlib import Path
from typing import Any, cast

from nbconvert.exporters import NotebookExporter
from nbformat import from_dict
from nbgrader.api import Gradebook

from course_utils.building.lesson import Lesson
from course_utils.grading import pool
from course_utils.grading.batch import Batch, Options
from course_utils.grading.course import find_course
from course_utils.grading.gradebook import autograded, enter_lesson, fill
from course_utils.grading.rebuild import Unreadable, rebuild
from course_utils.grading.task import Task


class TrustedExporter(NotebookExporter):
    """Takes the place of the exporter in nbgrader's converter: `c.Autograde.exporter_class` names it.

    nbgrader converts a submission twice, first to clean it, then to run it. Here the first pass grades it, and the
    second, after which nbgrader's late penalties follow, enters the grades.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.converter = converter = cast(Any, self.parent)
        self.course = find_course(Path(converter.coursedir.root))
        lesson = Lesson(converter.coursedir.assignment_id, self.course.root)
        if lesson in self.course.lessons():
            enter_lesson(self.course, lesson, json.loads(self.course.released(lesson)))
        self.pool = pool.LocalPool(1)  # one process with a warm sandbox for all submissions of this run
        weakref.finalize(self, self.pool.close)

    def from_filename(self, filename: str, resources: Any = None, **kw: Any) -> tuple[Any, Any]:
        """Grade the file, or enter the grades of the one that was graded before it."""
        names = resources["nbgrader"]
        if self.converter._sanitizing:
            self._grade(names["student"], names["assignment"])
            return self.from_notebook_node(from_dict(self.notebook), resources=resources, **kw)
        with Gradebook(names["db_url"], self.converter.coursedir.course_id) as book:
            submission = book.find_submission_notebook(names["notebook"], names["assignment"], names["student"])
            fill(submission, self.result, self.untouched)
            book.db.commit()
        return super().from_filename(filename, resources=resources, **kw)

    def _grade(self, student: str, name: str) -> None:
        batch = Batch(self.course, Lesson(name, self.course.root), Options())
        key, content, reason = batch.submission(student)
        result = batch.result(key)
        if result is None:
            result = batch.task(b"").unreadable(reason) if reason else self._run(key, batch.task(content))
            batch.keep(key, result)
        released = json.loads(batch.released)
        try:
            rebuilt = rebuild(released, content)
        except Unreadable:
            rebuilt = rebuild(released, batch.released.encode())
        self.result, self.untouched = result, rebuilt.untouched
        self.notebook = autograded(released, rebuilt, result, key)

    def _run(self, key: str, task: Task) -> dict[str, Any]:
        for _ in range(2):  # as in a batch, a time-out or lack of memory is tried once more
            for _, result in self.pool.run([(key, task)]):
                if result["final"]:
                    return result
        return result

"""Grades all that was handed in for a lesson; it can be stopped and started again at any moment,
and ends with the same scores.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

from tqdm import tqdm

from course_utils.building.lesson import Lesson
from course_utils.errors import CourseError
from course_utils.files import write
from course_utils.grading.inside.wire import Limits
from course_utils.grading.outside import gate, late, pool, releases
from course_utils.grading.outside.course import Course
from course_utils.grading.outside.gradebook import Marks, Writer, Written, marks
from course_utils.grading.outside.intake import (
    read_beside,
    read_given,
    read_submission,
    says_no_time,
)
from course_utils.grading.outside.reading import Unreadable
from course_utils.grading.outside.recognise import known_lessons
from course_utils.grading.outside.result import Result, Row
from course_utils.grading.outside.task import Beside, Task
from course_utils.grading.outside.version import code_version

TOGETHER = 10  # students whose results are written in one transaction
Run = Callable[..., Iterator[pool.Done]]


@dataclass(frozen=True)
class Options:
    """How to grade; seed: None takes the lesson's secret one. force: also what has a result
    already.
    """

    jobs: int = 1
    seed: int | None = None
    scheduler: str | None = None
    sandbox: bool = True
    force: bool = False
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Submission:
    """What one student handed in, read once: the key of its result, or why it cannot be read.

    handed: the earlier release that it came from, if any. notes: what has to be said of its name.
    """

    student: str
    key: str
    content: bytes = b""
    handed: str = ""
    notes: tuple[str, ...] = ()
    reason: str = ""
    status: str = "unreadable"
    beside: Beside = ()
    unread: tuple[str, ...] = ()


@dataclass
class Batch:
    """The submissions to one lesson, each with the key of its result."""

    course: Course
    lesson: Lesson
    options: Options

    def __post_init__(self) -> None:
        name = self.lesson.name
        self.released = self.course.released(self.lesson)
        self.earlier = self.course.earlier(self.lesson)
        seed = self.options.seed
        self.seed = self.course.seed(self.lesson) if seed is None else seed
        self.private = self.course.private()
        self.tests = self.course.tests(self.lesson)
        self.ignored = self.course.ignored_pattern
        self.before = releases.earlier(self.course, self.lesson)
        self.known = known_lessons(self.course)
        self.given = read_given(self.course.path("release", ".", name) / f"{name}.ipynb")
        # All of a task that is the same for every submission, and the code that grades it.
        given = [[name, _digest(file)] for name, file in self.given.items()]
        same = asdict(self._task(Submission("", "")))
        same |= {"content": "", "hidden": (), "beside": given}
        self.common = _digest(json.dumps([same, code_version()]).encode())

    def _task(self, submission: Submission) -> Task:
        options = self.options
        return Task(
            self.lesson.name, self.released, submission.content, self.seed, self.earlier,
            options.sandbox, options.limits, self.private, self.tests, self.ignored,
            submission.handed, submission.notes, (*submission.beside, *self.given.items()),
            submission.unread,
        )  # fmt: skip

    def read(self, student: str) -> Submission:
        """What a student handed in; raises PermissionError where it may not be read."""
        folder = self.course.path("submitted", student, self.lesson.name)
        try:
            handed_in = read_submission(folder, self.lesson.name, self.known)
        except Unreadable as error:
            reason, status = str(error), error.status
            key = self._key(status, reason)
            return Submission(student, key, reason=reason, status=status)
        beside, unread = read_beside(handed_in.path.parent, handed_in.path.name, self.given)
        return self.submission(student, handed_in.content, beside, unread, handed_in.notes)

    def submission(
        self,
        student: str,
        content: bytes,
        beside: Mapping[str, bytes],
        unread: Sequence[str],
        notes: tuple[str, ...] = (),
    ) -> Submission:
        """A notebook that can be read, with the files beside it and the release it came from."""
        files = tuple(beside.items())
        handed = releases.came_from(self.released, self.before, content)
        digests = [[name, _digest(file)] for name, file in files]
        key = self._key("read", _digest(content), digests, handed, unread, notes)
        return Submission(student, key, content, handed, notes, beside=files, unread=tuple(unread))

    def task(self, submission: Submission) -> Task:
        """The task of grading it."""
        return self._task(submission)

    def unreadable(self, submission: Submission) -> Result:
        """The result of what cannot be graded."""
        return self.task(submission).unreadable(submission.reason, submission.status)

    def _key(self, *parts: Any) -> str:
        """The name of a result: a hash of all that it depends on, in a form in which no part can
        pass for another.
        """
        return _digest(json.dumps([self.common, *parts]).encode())

    def result(self, key: str) -> Result | None:
        """A whole result that is kept, but none that a busy machine may have spoiled."""
        try:
            result = Result.from_json(self.course.result(self.lesson, key).read_bytes())
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return result if result.final else None

    def keep(self, key: str, result: Result) -> None:
        """Store a result, unless the course itself failed in it."""
        if not result.faults:
            write(self.course.result(self.lesson, key), result.to_json())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class _Progress:
    """Writes results as they come in, and remembers which students wait for which."""

    batch: Batch
    writer: Writer
    bar: Any
    summaries: dict[str, Result] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)  # sentences about who has no verdict
    waiting: dict[str, list[str]] = field(default_factory=dict)
    rows: dict[Row, Row] = field(default_factory=dict)  # each once, for many students have the same
    unwritten: list[Written] = field(default_factory=list)

    def tasks(self, students: Iterable[str]) -> Iterator[tuple[str, Task]]:
        """What is to be graded, one at a time; what has a result already is written on the way."""
        graded: set[str] = set()
        for student in students:
            try:
                submission = self.batch.read(student)
            except PermissionError as error:
                self._leave_out(student, error)
                self.bar.update()
                continue
            key = submission.key
            if key in self.waiting:  # the same file as another student's
                self.waiting[key].append(student)
                continue
            # A kept result; under --force only one that this run has made.
            is_old = not self.batch.options.force or key in graded
            result = self.batch.result(key) if is_old else None
            if result is None and submission.reason:
                result = self.batch.unreadable(submission)
                self.batch.keep(key, result)
            if result is not None:
                self._record(student, key, result)
                continue
            graded.add(key)
            self.waiting[key] = [student]
            yield key, self.batch.task(submission)

    def again(self, keys: Iterable[str]) -> Iterator[tuple[str, Task]]:
        """The same submissions again; one that has changed meanwhile is left to the next run."""
        for key in keys:
            submission = self.batch.read(self.waiting[key][0])
            if submission.key == key:
                yield key, self.batch.task(submission)

    def take(self, key: str, result: Result) -> None:
        """Keep a fresh result, and write it for everybody who waits for it."""
        self.batch.keep(key, result)
        for student in self.waiting.pop(key):
            self._record(student, key, result, fresh=True)

    def _record(self, student: str, key: str, result: Result, fresh: bool = False) -> None:
        rows = [self.rows.setdefault(row, row) for row in result.checks]
        self.summaries[student] = replace(result.without_cells(), checks=rows)
        self.bar.update()
        if fresh or not self.writer.is_written(student, key):
            self.unwritten.append((student, "" if result.faults else key, result))
            if len(self.unwritten) == TOGETHER:
                self.write()

    def write(self) -> None:
        """Write what is not written yet: one transaction for several takes half as long."""
        results, self.unwritten = self.unwritten, []
        for student, error in self.writer.write(results):
            del self.summaries[student]
            self._leave_out(student, error)

    def _leave_out(self, student: str, error: PermissionError) -> None:
        """Note that a student has no verdict, because files may not be read or written."""
        self.left_out.append(
            f"{student} was left out: you may not read or write {error.filename}; change its "
            "permissions or its owner."
        )


def grade(
    course: Course,
    lesson: Lesson,
    options: Options,
    progress: bool = True,
    workers: pool.LocalPool | None = None,
) -> dict[str, Any]:
    """Grade a lesson and return the report; raises CourseError where nothing was handed in or no
    sandbox starts.

    workers: a pool that was started for it, and stays open afterwards.
    """
    batch = Batch(course, lesson, options)
    students = course.students(lesson)
    if not students:
        where = course.path("submitted", "STUDENT", lesson.name)
        raise CourseError(
            f"Nobody has handed in {lesson.name}: submissions are looked for in {where}."
        )
    own = pool.LocalPool(options.jobs, options.sandbox)
    with (
        nullcontext(workers) if workers else own as local,
        Writer(course, lesson) as writer,
        tqdm(total=len(students), unit="submission", disable=not progress) as bar,
    ):
        run: Run = local.run
        if options.scheduler:
            run = partial(pool.run_on_cluster, address=options.scheduler)
        graded = _Progress(batch, writer, bar)
        doubtful = []
        for key, result in run(graded.tasks(students)):
            if result.final:
                graded.take(key, result)
            else:
                doubtful.append(key)
        # A time-out or lack of memory counts when it comes again, with nothing running beside it.
        if doubtful:
            for key, result in run(graded.again(doubtful), alone=True):
                graded.take(key, result)
        graded.write()
        late.apply(course, lesson)
        changes = writer.changes
    report = _report(batch, graded.summaries, marks(course, lesson))
    more = {"changes": changes, "left_out": graded.left_out + _without_a_time(batch, students)}
    return report | {name: sentences for name, sentences in more.items() if sentences}


def _without_a_time(batch: Batch, students: Sequence[str]) -> list[str]:
    """A sentence for every timestamp.txt that gives no time."""
    name = batch.lesson.name
    return [
        f"The timestamp.txt of {student} gives no time that can be read, so this submission counts "
        "as on time: write one line such as 2026-11-30 23:10 UTC in it."
        for student in students
        if says_no_time(batch.course.path("submitted", student, name))
    ]


def _report(
    batch: Batch, summaries: Mapping[str, Result], known: Mapping[str, Marks]
) -> dict[str, Any]:
    """The report in the form that docs/grading.md describes; points are those of the gradebook."""
    submissions = {
        student: summary(result, known[student]) for student, result in sorted(summaries.items())
    }
    report = {
        "lesson": batch.lesson.name,
        "seed": batch.seed,
        "sandbox": "bubblewrap" if batch.options.sandbox else "none",
        "submissions": submissions,
    }
    return gate.report(report)


def summary(result: Result, given: Marks | None = None) -> dict[str, Any]:
    """What a report says of one submission; given: what the gradebook has, where there is one."""
    checks = []
    for row in result.checks:
        points = given.points[row.grade_id] if given else row.points
        waiting = points is None and row.points is not None  # a person has still to read it
        points = 0.0 if waiting else points
        check: dict[str, Any] = {
            "id": row.id,
            "points": points,
            "max_points": row.max_points,
            "status": row.status,
            "message": row.message,
        }
        more = {
            "waiting": waiting,
            "by_hand": given is not None and row.grade_id in given.by_hand,
            "again": given is not None and row.grade_id in given.again,
            "fault": row.fault,
        }
        checks.append(check | {name: value for name, value in more.items() if value})
    penalty = {"late_penalty": given.penalty} if given and given.penalty else {}
    return {
        "score": given.score if given else sum(check["points"] or 0.0 for check in checks),
        "max_score": sum(check["max_points"] for check in checks),
        "status": result.status,
        "repairs": result.repairs,
        "seconds": result.seconds,
        "checks": checks,
    } | penalty

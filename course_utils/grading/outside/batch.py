"""Grades all that was handed in for a lesson; stopped at any moment and started again it ends with
the same scores.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

from tqdm import tqdm

from course_utils.building.lesson import Lesson
from course_utils.errors import CourseError
from course_utils.files import write
from course_utils.grading.inside.wire import Limits
from course_utils.grading.outside import gate, late, pool
from course_utils.grading.outside.course import Course
from course_utils.grading.outside.gradebook import Writer
from course_utils.grading.outside.intake import read_beside, read_submission
from course_utils.grading.outside.rebuild import Unreadable
from course_utils.grading.outside.result import Result
from course_utils.grading.outside.task import Beside, Task
from course_utils.grading.outside.version import code_version

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
    """What one student handed in, read once: the name of its result, and why it cannot be read."""

    student: str
    key: str
    content: bytes = b""
    reason: str = ""
    beside: Beside = ()
    unread: tuple[str, ...] = ()


@dataclass
class Batch:
    """The submissions to one lesson, each with the key of its result."""

    course: Course
    lesson: Lesson
    options: Options

    def __post_init__(self) -> None:
        self.released = self.course.released(self.lesson)
        self.earlier = self.course.earlier(self.lesson)
        seed = self.options.seed
        self.seed = self.course.seed(self.lesson) if seed is None else seed
        self.private = self.course.private()
        # All of a task that is the same for every submission, and the code that grades it.
        same = asdict(self._task(b"")) | {"content": "", "hidden": ()}
        self.common = hashlib.sha256(json.dumps([same, code_version()]).encode()).digest()

    def _task(self, content: bytes) -> Task:
        options = self.options
        return Task(
            self.lesson.name, self.released, content, self.seed, self.earlier, options.sandbox,
            options.limits, self.private,
        )  # fmt: skip

    def read(self, student: str) -> Submission:
        """What a student handed in."""
        folder = self.course.path("submitted", student, self.lesson.name)
        try:
            content = read_submission(folder, self.lesson.name)
        except Unreadable as error:
            reason = str(error)
            return Submission(student, self._key(f"unreadable: {reason}".encode()), reason=reason)
        found, unread = read_beside(folder, f"{self.lesson.name}.ipynb")
        beside, said = tuple(found.items()), tuple(unread)
        return Submission(student, self._key(content, beside, said), content, "", beside, said)

    def task(self, submission: Submission) -> Task:
        """The task of grading it."""
        task = self._task(submission.content)
        return replace(task, beside=submission.beside, unread=submission.unread)

    def _key(self, content: bytes, beside: Beside = (), unread: tuple[str, ...] = ()) -> str:
        """The name of a result: a hash of all that it depends on."""
        digest = hashlib.sha256(self.common + content)
        for name, file in beside:
            digest.update(f"\0{name}\0".encode() + hashlib.sha256(file).digest())
        digest.update(json.dumps(unread).encode() if unread else b"")
        return digest.hexdigest()

    def result(self, key: str) -> Result | None:
        """A result that is there already, whole, not one that busy neighbours may have spoiled."""
        try:
            result = Result.from_json(self.course.result(self.lesson, key).read_bytes())
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return result if result.final else None

    def keep(self, key: str, result: Result) -> None:
        """Store a result, except one that the course's own faults are in."""
        if not result.faults:
            write(self.course.result(self.lesson, key), result.to_json())


@dataclass
class _Progress:
    """Writes results as they come, and remembers who waits for which."""

    batch: Batch
    writer: Writer
    bar: Any
    summaries: dict[str, Result] = field(default_factory=dict)
    waiting: dict[str, list[str]] = field(default_factory=dict)

    def tasks(self, students: Iterable[str]) -> Iterator[tuple[str, Task]]:
        """What is to be graded, one at a time; what has a result already is written on the way."""
        graded: set[str] = set()
        for student in students:
            submission = self.batch.read(student)
            key = submission.key
            if key in self.waiting:  # the same file as another student's
                self.waiting[key].append(student)
                continue
            is_old = not self.batch.options.force or key in graded
            result = self.batch.result(key) if is_old else None
            if result is None and submission.reason:
                result = self.batch.task(submission).unreadable(submission.reason)
                self.batch.keep(key, result)
            if result is not None:
                self._record(student, key, result)
                continue
            graded.add(key)
            self.waiting[key] = [student]
            yield key, self.batch.task(submission)

    def again(self, keys: Iterable[str]) -> Iterator[tuple[str, Task]]:
        """The same submissions again; one handed in anew in the meantime is for the next run."""
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
        if fresh or not self.writer.is_written(student, key):
            self.writer.write(student, "" if result.faults else key, result)
        self.summaries[student] = result.without_cells()
        self.bar.update()


def grade(
    course: Course,
    lesson: Lesson,
    options: Options,
    progress: bool = True,
    workers: pool.LocalPool | None = None,
) -> dict[str, Any]:
    """Grade a lesson and return the report; raises CourseError where nothing was handed in or no
    sandbox starts.

    workers: those that were started for it, which go on afterwards.
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
        late.apply(course, lesson)
        by_hand = writer.manual()
    return _report(batch, graded.summaries, by_hand)


def _report(
    batch: Batch, summaries: Mapping[str, Result], by_hand: Mapping[str, Mapping[str, float]]
) -> dict[str, Any]:
    """The report in the form that docs/grading.md describes."""
    submissions = {
        student: summary(result, by_hand.get(student, {}))
        for student, result in sorted(summaries.items())
    }
    report = {
        "lesson": batch.lesson.name,
        "seed": batch.seed,
        "sandbox": "bubblewrap" if batch.options.sandbox else "none",
        "submissions": submissions,
    }
    return gate.report(report)


def summary(result: Result, given: Mapping[str, float]) -> dict[str, Any]:
    """What a report says of one submission; given: points by hand, by grade_id."""
    checks = []
    for row in result.checks:
        points = given.get(row.grade_id, row.points) if row.manual else row.points
        check: dict[str, Any] = {
            "id": row.id,
            "points": points,
            "max_points": row.max_points,
            "status": row.status,
            "message": row.message,
        }
        checks.append(check | ({"fault": row.fault} if row.fault else {}))
    return {
        "score": sum(check["points"] or 0.0 for check in checks),
        "max_score": sum(check["max_points"] for check in checks),
        "status": result.status,
        "repairs": result.repairs,
        "seconds": result.seconds,
        "checks": checks,
    }

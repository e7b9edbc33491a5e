"""Grades all that was handed in for a lesson; stopped at any moment and started again it ends with
the same scores.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from tqdm import tqdm

from course_utils.building.lesson import Lesson
from course_utils.checking.errors import CourseError
from course_utils.grading.inside.wire import Limits
from course_utils.grading.outside import gate, late, pool
from course_utils.grading.outside.course import Course, code_version, dump, write
from course_utils.grading.outside.gradebook import Writer
from course_utils.grading.outside.intake import read_submission
from course_utils.grading.outside.rebuild import Unreadable
from course_utils.grading.outside.task import Task, faults


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


@dataclass
class Batch:
    """The submissions to one lesson, each with the key of its result."""

    course: Course
    lesson: Lesson
    options: Options

    def __post_init__(self) -> None:
        self.released = self.course.released(self.lesson)
        self.earlier = self.course.earlier(self.lesson)
        self.seed = (
            self.course.seed(self.lesson) if self.options.seed is None else self.options.seed
        )
        code = code_version()
        what = [
            self.released,
            code,
            self.seed,
            self.earlier,
            self.options.sandbox,
            asdict(self.options.limits),
        ]
        self.common = hashlib.sha256(json.dumps(what).encode()).digest()

    def content(self, student: str) -> bytes:
        """What a student handed in; raises Unreadable."""
        folder = self.course.path("submitted", student, self.lesson.name)
        return read_submission(folder, self.lesson.name)

    def key(self, content: bytes) -> str:
        """The name of a result: a hash of all that it depends on."""
        return hashlib.sha256(self.common + content).hexdigest()

    def task(self, content: bytes) -> Task:
        """The task of grading this content."""
        options = self.options
        return Task(
            self.lesson.name, self.released, content, self.seed, self.earlier, options.sandbox, options.limits,
            self.course.private(),
        )  # fmt: skip

    def result(self, key: str) -> dict[str, Any] | None:
        """A result that is there already, whole, and none that busy neighbours may be to blame for."""
        try:
            found = json.loads(self.course.result(self.lesson, key).read_bytes())
        except (OSError, ValueError):
            return None
        return found if found["final"] else None

    def keep(self, key: str, result: dict[str, Any]) -> None:
        """Store a result, except one that the course's own faults are in."""
        if not faults(result):
            write(self.course.result(self.lesson, key), dump(result))

    def submission(self, student: str) -> tuple[str, bytes, str]:
        """Key, content and, where it cannot be read, the reason."""
        try:
            content = self.content(student)
        except Unreadable as error:
            return self.key(f"unreadable: {error}".encode()), b"", str(error)
        return self.key(content), content, ""


def grade(
    course: Course, lesson: Lesson, options: Options, progress: bool = True
) -> dict[str, Any]:
    """Grade a lesson and return the report; raises CourseError where nothing was handed in or no
    sandbox starts.
    """
    batch = Batch(course, lesson, options)
    students = course.students(lesson)
    if not students:
        where = course.path("submitted", "STUDENT", lesson.name)
        raise CourseError(
            f"Nobody has handed in {lesson.name}: submissions are looked for in {where}."
        )
    summaries: dict[str, dict[str, Any]] = {}
    by_key: dict[str, list[str]] = {}
    with (
        Writer(course, lesson) as writer,
        tqdm(total=len(students), unit="submission", disable=not progress) as bar,
    ):

        def record(
            student: str, key: str, result: dict[str, Any], content: bytes, fresh: bool = False
        ) -> None:
            if fresh or not writer.is_written(student, key):
                writer.write(student, "" if faults(result) else key, result, content)
            summaries[student] = {
                name: value for name, value in result.items() if name != "outputs"
            }
            bar.update()

        for student in students:
            key, content, reason = batch.submission(student)
            result = None if options.force else batch.result(key)
            if result is None and reason:
                batch.keep(key, result := batch.task(b"").unreadable(reason))
            if result is None:
                by_key.setdefault(key, []).append(student)
            else:
                record(student, key, result, content)
        local = pool.LocalPool(min(options.jobs, max(len(by_key), 1)))
        run = local.run
        if options.scheduler:
            run = partial(pool.run_on_cluster, address=options.scheduler)
        with local:
            for key, result in _twice(run, batch, by_key):
                batch.keep(key, result)
                for student in by_key[key]:
                    found, content, _ = batch.submission(student)
                    if found == key:
                        record(student, key, result, content, fresh=True)
        late.apply(course, lesson)
        by_hand = writer.manual()
    return _report(batch, summaries, by_hand)


def _twice(
    run: Callable[..., Iterator[pool.Done]], batch: Batch, by_key: dict[str, list[str]]
) -> Iterator[pool.Done]:
    """Results by key; a time-out or lack of memory counts when it comes again, with nothing else
    running beside it.
    """
    doubtful = {}
    for key, result in run(_tasks(batch, by_key)):
        if result["final"]:
            yield key, result
        else:
            doubtful[key] = by_key[key]
    if doubtful:
        yield from run(_tasks(batch, doubtful), alone=True)


def _tasks(batch: Batch, by_key: dict[str, list[str]]) -> Iterator[tuple[str, Task]]:
    """The tasks, read from disk one at a time."""
    for key, students in by_key.items():
        found, content, _ = batch.submission(students[0])
        if found == key:  # else it was handed in anew in the meantime; the next run grades that
            yield key, batch.task(content)


def _report(
    batch: Batch, summaries: dict[str, dict[str, Any]], by_hand: dict[str, dict[str, float]]
) -> dict[str, Any]:
    submissions = {}
    for student, summary in sorted(summaries.items()):
        given = by_hand.get(student, {})
        checks = []
        for row in summary["checks"]:
            points = given.get(row["grade_id"], row["points"]) if row["manual"] else row["points"]
            rest = {
                name: row[name]
                for name in ("max_points", "status", "message", "fault")
                if name in row
            }
            checks.append({"id": row["id"], "points": points} | rest)
        submissions[student] = {
            "score": sum(check["points"] or 0.0 for check in checks),
            "max_score": sum(check["max_points"] for check in checks),
            "status": summary["status"],
            "repairs": summary["repairs"],
            "seconds": summary["seconds"],
            "checks": checks,
        }
    sandbox = "bubblewrap" if batch.options.sandbox else "none"
    report = {
        "lesson": batch.lesson.name,
        "seed": batch.seed,
        "sandbox": sandbox,
        "submissions": submissions,
    }
    return gate.report(report)

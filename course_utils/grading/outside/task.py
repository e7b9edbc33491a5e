"""A grading task: all that the verdicts on one submission depend on, sent to whoever grades it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from course_utils.building.lesson import Lesson
from course_utils.grading.inside import wire
from course_utils.grading.outside.cells import grade_id
from course_utils.grading.outside.graded import graded_cells
from course_utils.grading.outside.rebuild import LessonCells, Rebuilt, rebuild
from course_utils.grading.outside.result import Result, is_final, row

Beside = tuple[tuple[str, bytes], ...]  # files by name
FAULT = "The course failed here, not the submission."


@dataclass(frozen=True)
class Task:
    """One submission to one lesson.

    lesson: its name, such as 01_linear. released: the released notebook. content: the submitted
    file. earlier: the lessons whose reference answers it may import. hidden: folders that it must
    not see, wherever they are. tests: by grade_id the sources of the instructor's own tests, where
    a part of them was not released. ignored: what a test may write to stderr, as a regular
    expression. handed: the release that the submission came from, empty where that is this one.
    notes: what has to be said of the file's name. beside: the files that are beside the notebook
    when it runs. unread: a sentence for each that was handed in with it and was not read.
    """

    lesson: str
    released: str
    content: bytes
    seed: int
    earlier: tuple[str, ...] = ()
    sandbox: bool = True
    limits: wire.Limits = wire.Limits()
    hidden: tuple[str, ...] = ()
    tests: tuple[tuple[str, str], ...] = ()
    ignored: str = ""
    handed: str = ""
    notes: tuple[str, ...] = ()
    beside: Beside = ()
    unread: tuple[str, ...] = ()

    @property
    def short(self) -> str:
        """The lesson's name without its number."""
        return Lesson(self.lesson).short

    @property
    def graded(self) -> list[dict[str, Any]]:
        """The cells of the lesson that have points."""
        return [cell for cell in _lesson_cells(self.released).source if is_graded(cell)]

    def result(self, **known: Any) -> Result:
        """A result, of which status, repairs, checks, untouched, cells and seconds are known."""
        sandbox = "bubblewrap" if self.sandbox else "none"
        final = is_final(known["status"], known["checks"])
        return Result(lesson=self.lesson, sandbox=sandbox, final=final, seed=self.seed, **known)

    def unreadable(self, reason: str, status: str = "unreadable") -> Result:
        """The result of a file that is not a notebook, or is that of another lesson."""
        return self._without_run(status, "not run", reason)

    def lost(self, reason: str) -> Result:
        """The result of a submission that brings down whatever grades it."""
        return replace(self._without_run("crashed", "crashed", reason), final=False)

    def faulty(self, fault: str) -> Result:
        """The result where the course itself failed, with the traceback."""
        return self._without_run("course error", "course error", FAULT, fault)

    def _without_run(self, status: str, verdict: str, reason: str, fault: str = "") -> Result:
        rows = [
            row(exercise_id(cell, self.short), cell, verdict, reason, fault=fault)
            for cell in self.graded
        ]
        rebuilt = self._shown()
        return self.result(
            status=status,
            repairs=[reason, *self.unread],
            checks=rows,
            untouched=sorted(rebuilt.untouched),
            cells=graded_cells(rebuilt, rows, [reason], {}),
            seconds=0.0,
        )

    def rebuilt(self) -> Rebuilt:
        """The submission in the released notebook; raises Unreadable."""
        lesson = _lesson_cells(self.released, self.handed)
        result = rebuild(lesson, self.content, dict(self.beside))
        result.repairs[:0] = self.notes
        return result

    def _shown(self) -> Rebuilt:
        """The submission where it can be read, else the lesson as it was given out."""
        try:
            return self.rebuilt()
        except Exception:  # Unreadable, or a fault of the course, which its rows report
            return rebuild(_lesson_cells(self.released), self.released.encode())


@lru_cache(maxsize=32)
def _lesson_cells(released: str, handed: str = "") -> LessonCells:
    """The cells of a release, read once for all submissions that came from the same one."""
    return LessonCells(json.loads(released), json.loads(handed) if handed else None)


def is_graded(cell: Mapping[str, Any]) -> bool:
    """Whether a cell of the lesson has points; students answer a task in cells of their own."""
    marks = cell["metadata"].get("nbgrader", {})
    return bool(marks.get("grade") or marks.get("task"))


def exercise_id(cell: Mapping[str, Any], short: str) -> str:
    """The exercise that a graded cell is about: `check-relu` of lesson linear is `linear.relu`."""
    return f"{short}.{grade_id(cell).removeprefix('check-')}"

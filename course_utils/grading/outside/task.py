"""A grading task and the form of its result: plain values that cross processes and machines."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from course_utils.grading.inside import wire
from course_utils.grading.outside.rebuild import grade_id

FAULT = "The course failed here, not the submission."
DOUBTFUL = {
    "timeout",
    "out of memory",
}  # such a verdict counts when it came twice, the second time alone


@dataclass(frozen=True)
class Task:
    """One submission to one lesson.

    released: the released notebook. content: the submitted file. earlier: the lessons whose
    reference answers it may import. hidden: folders that it must not see, wherever they lie.
    """

    lesson: str
    released: str
    content: bytes
    seed: int
    earlier: tuple[str, ...] = ()
    sandbox: bool = True
    limits: wire.Limits = wire.Limits()
    hidden: tuple[str, ...] = ()

    @property
    def short(self) -> str:
        """The lesson's name without its number."""
        return self.lesson.partition("_")[2]

    def result(
        self, status: str, repairs: list[str], checks: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """A result without outputs and times.

        It is final where nothing in it may be the fault of whatever else ran on the machine.
        """
        sandbox = "bubblewrap" if self.sandbox else "none"
        result = {
            "lesson": self.lesson,
            "sandbox": sandbox,
            "status": status,
            "repairs": repairs,
            "checks": checks,
        }
        final = not {status, *(check["status"] for check in checks)} & DOUBTFUL
        return result | {"outputs": {}, "seconds": 0.0, "final": final}

    def unreadable(self, reason: str) -> dict[str, Any]:
        """The result of a file that is no notebook."""
        return self._without_run("unreadable", "not run", reason)

    def lost(self, reason: str) -> dict[str, Any]:
        """The result of a submission that brings down whatever grades it."""
        return self._without_run("crashed", "crashed", reason) | {"final": False}

    def faulty(self, fault: str) -> dict[str, Any]:
        """The result where the course itself failed, with the traceback."""
        result = self._without_run("course error", "course error", FAULT)
        return result | {
            "checks": [check | {"points": None, "fault": fault} for check in result["checks"]]
        }

    def _without_run(self, status: str, verdict: str, reason: str) -> dict[str, Any]:
        cells = [cell for cell in json.loads(self.released)["cells"] if is_graded(cell)]
        return self.result(
            status,
            [reason],
            [row(exercise_id(cell, self.short), cell, verdict, reason) for cell in cells],
        )


def is_graded(cell: Mapping[str, Any]) -> bool:
    """Whether a cell of the lesson has points."""
    return bool(cell["metadata"].get("nbgrader", {}).get("grade"))


def exercise_id(cell: Mapping[str, Any], short: str) -> str:
    """The exercise that a graded cell is about: `check-relu` of lesson linear is `linear.relu`."""
    return f"{short}.{grade_id(cell).removeprefix('check-')}"


def faults(result: Mapping[str, Any]) -> dict[str, str]:
    """By exercise: the tracebacks of what failed in the course itself; such a result is nobody's
    verdict.
    """
    return {
        check["id"]: check["fault"]
        for check in result["checks"]
        if check["status"] == "course error"
    }


def row(
    id: str,
    cell: Mapping[str, Any],
    status: str,
    message: str,
    score: float = 0.0,
    mistake: str | None = None,
) -> dict[str, Any]:
    """What is said about one graded cell; score is between 0 and 1."""
    points = float(cell["metadata"]["nbgrader"].get("points", 0))
    return {
        "id": id,
        "grade_id": grade_id(cell),
        "points": score * points,
        "max_points": points,
        "status": status,
        "message": message,
        "mistake": mistake,
        "manual": bool(cell["metadata"]["nbgrader"].get("solution")),
    }

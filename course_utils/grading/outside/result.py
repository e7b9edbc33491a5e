"""What is known about one submission once it is graded: its rows, and the notebook to read.

A result crosses processes and machines, and is kept in .course/results as JSON.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

UNREAD = {"unreadable", "another lesson"}  # nothing of the file was graded
DOUBTFUL = {"timeout", "out of memory"}  # counts when it happens twice, the second time alone


@dataclass(frozen=True)
class Row:
    """What is known about one graded cell; points: None where the course failed (fault says how).

    manual: a person reads it.
    """

    id: str
    grade_id: str
    points: float | None
    max_points: float
    status: str
    message: str
    mistake: str | None = None
    manual: bool = False
    fault: str = ""


@dataclass(frozen=True)
class Result:
    """One graded submission.

    checks: one row for each graded cell of the lesson. untouched: the names of answers that are
    still as the lesson gave them out. cells: the graded notebook. final: nothing in it may be the
    fault of whatever else ran on the machine. seed: what drew the inputs. evidence: that of wrong
    answers whose mistake has no name yet, by exercise, as text.
    """

    lesson: str
    sandbox: str
    status: str
    repairs: list[str]
    checks: list[Row]
    untouched: list[str]
    cells: list[dict[str, Any]]
    seconds: float
    final: bool
    seed: int = 0
    evidence: dict[str, str] = field(default_factory=dict)

    @property
    def faults(self) -> dict[str, str]:
        """By exercise, the traceback where the course itself failed; such a row is no verdict."""
        return {row.id: row.fault for row in self.checks if row.status == "course error"}

    def without_cells(self) -> "Result":
        """The result without its notebook, as a batch keeps it in memory."""
        return replace(self, cells=[], evidence={})

    def to_json(self) -> bytes:
        """What is stored."""
        # Without indent: with it, json does not run in C and takes ten times as long.
        plain = vars(self) | {"checks": [vars(row) for row in self.checks]}
        text = json.dumps(plain, ensure_ascii=False)
        return text.encode(errors="replace") + b"\n"

    @classmethod
    def from_json(cls, content: bytes) -> "Result":
        """What was stored; raises ValueError, KeyError or TypeError where it is not whole."""
        stored = json.loads(content)
        return cls(**stored | {"checks": [Row(**row) for row in stored["checks"]]})


def is_final(status: str, rows: list[Row]) -> bool:
    """Whether nothing that the load of the machine can bring about is among the verdicts."""
    return not {status, *(row.status for row in rows)} & DOUBTFUL


def without_half_characters(value: Any) -> Any:
    """Plain values in which every text can be written to a file."""
    return json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))


def is_for_a_person(cell: Mapping[str, Any]) -> bool:
    """Whether a graded cell has its points from a person, as nbgrader has it."""
    marks = cell["metadata"]["nbgrader"]
    return bool(marks.get("solution") or marks.get("task") or cell["cell_type"] != "code")


def row(
    id: str,
    cell: Mapping[str, Any],
    status: str,
    message: str,
    score: float = 0.0,
    mistake: str | None = None,
    fault: str = "",
) -> Row:
    """The row of a graded cell of the lesson; score is between 0 and 1."""
    marks = cell["metadata"]["nbgrader"]
    most = float(marks.get("points", 0))
    points = None if status == "course error" else score * most
    manual = is_for_a_person(cell)
    message = message.encode(errors="replace").decode()  # no half characters
    return Row(id, marks["grade_id"], points, most, status, message, mistake, manual, fault)

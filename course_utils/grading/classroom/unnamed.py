"""Wrong answers of a class that no known mistake explains, grouped by their evidence.

Evidence is data: nothing that a student wrote is run again.
"""

from base64 import b64decode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from course_utils.checking.compare import first_difference
from course_utils.checking.edit import Edit
from course_utils.checking.evidence import Evidence, Raised
from course_utils.checking.exercise import Case, Exercise, find
from course_utils.checking.judge import Verdict
from course_utils.grading.classroom.edits import explained
from course_utils.grading.outside.admission import judged, received
from course_utils.grading.outside.cells import grade_id
from course_utils.grading.outside.names_in_cells import defined
from course_utils.grading.outside.result import Result
from course_utils.grading.outside.steps import derived, drawn, expected

Item = TypeVar("Item")


@dataclass
class Group:
    """Answers to one exercise with equal evidence; answer: one of them, the shortest."""

    exercise: Exercise
    seed: int
    content: bytes
    evidence: list[Evidence]
    students: list[str] = field(default_factory=list)
    answer: str = ""

    @property
    def id(self) -> str:
        """The exercise's id."""
        return self.exercise.id

    @cached_property
    def verdict(self) -> Verdict:
        """What the judge says of these answers."""
        return judged(self.exercise, self.content, self.seed)

    @cached_property
    def edit(self) -> Edit | None:
        """The edit of the reference that gives the same evidence, where there is a small one."""
        right = self.told_by(expected(self.id, self.seed))
        cases, got = self.told_by(self.cases), self.told_by(self.evidence)
        return explained(self.exercise, cases, right, got, derived(self.seed, "run"))

    @cached_property
    def cases(self) -> list[Case]:
        """The cases that they were probed on."""
        return drawn(self.id, self.seed)

    @cached_property
    def is_wrong_by_itself(self) -> bool:
        """Whether they are wrong in one of the exercise's own cases, and not along an axis only."""
        right, got = self._own(expected(self.id, self.seed)), self._own(self.evidence)
        return first_difference(self._own(self.cases), right, got) is not None

    def told_by(self, items: Sequence[Item]) -> list[Item]:
        """The items of the exercise's own cases, if these show the mistake already; else all.

        Whoever also names an argument differently has still made the same mistake.
        """
        return self._own(items) if self.is_wrong_by_itself else list(items)

    def _own(self, items: Sequence[Item]) -> list[Item]:
        return [item for item, case in zip(items, self.cases, strict=False) if not case.axis]

    @property
    def equals(self) -> str:
        """What their evidence equals, as far as that can be said."""
        if self.edit is None:
            return ""
        return ", and ".join(f"{new!r} for {old!r}" for old, new in self.edit.pairs)

    def add(self, student: str, answer: str) -> None:
        """Take in one more student."""
        self.students.append(student)
        if not self.answer or len(answer) < len(self.answer):
            self.answer = answer

    def takes(self, seed: int, evidence: Sequence[Evidence]) -> bool:
        """Whether evidence equals that of the group, as closely as right answers have to agree."""
        if seed != self.seed or len(evidence) != len(self.evidence):
            return False
        mine, theirs = self.told_by(self.evidence), self.told_by(evidence)
        if any(not _alike(*pair) for pair in zip(mine, theirs, strict=True)):
            return False
        return first_difference(self.told_by(self.cases), mine, theirs) is None


def _alike(one: Evidence, other: Evidence) -> bool:
    """Whether two runs of a case ended in the same way."""
    return _ending(one.raised) == _ending(other.raised) and one.keeps == other.keeps


def _ending(raised: Raised | None) -> tuple[str, str] | None:
    return (raised.type, raised.message) if raised else None


def groups(results: Iterable[tuple[str, Result]], least: int = 1) -> list[Group]:
    """The groups of at least so many students, the largest first; results: by student."""
    by_exercise: dict[str, list[Group]] = {}
    for student, result in results:
        for id, text in result.evidence.items():
            exercise, content = find(id), b64decode(text)
            wanted = expected(id, result.seed)
            evidence = received(content, drawn(id, result.seed))
            for mine, right in zip(evidence, wanted, strict=False):
                mine.rtol = right.rtol
            known = by_exercise.setdefault(id, [])
            group = next((item for item in known if item.takes(result.seed, evidence)), None)
            if group is None:
                known.append(group := Group(exercise, result.seed, content, evidence))
            group.add(student, answer(result, exercise.name))
    all_of_them = [group for known in by_exercise.values() for group in known]
    chosen = [group for group in all_of_them if len(group.students) >= least]
    return sorted(chosen, key=lambda group: -len(group.students))


def answer(result: Result, name: str) -> str:
    """The cells in which a student answers an exercise, as text."""
    return "\n\n".join(_answers(result, name))


def _answers(result: Result, name: str) -> Iterator[str]:
    """The cell of the answer, and others of the student's that define the name."""
    for cell in result.cells:
        if cell["cell_type"] != "code":
            continue
        source = str(cell["source"])
        marks = cell["metadata"].get("nbgrader", {})
        own = marks.get("solution") or str(cell.get("id", "")).startswith("student-")
        if own and (name in defined(source) or grade_id(cell) == name):
            yield source

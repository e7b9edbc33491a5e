"""What the sandbox is asked to do for a submission, on inputs that nobody has seen."""

import hashlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from course_utils.checking.evidence import Evidence, encode
from course_utils.checking.exercise import Case, Exercise, exercises
from course_utils.checking.judge import expected_evidence
from course_utils.grading.outside.cells import Origin
from course_utils.grading.outside.names_in_cells import needed
from course_utils.grading.outside.rebuild import Rebuilt
from course_utils.grading.outside.task import Beside, Task, exercise_id


@dataclass(frozen=True)
class Step:
    """A cell to run, or, where `exercise` is one, an answer to probe.

    index: the cell in the rebuilt notebook; of a probe the check's. own: the cell is the student's
    own, and no answer. test: it is a test of the instructor's own.
    """

    index: int
    source: str = ""
    own: bool = False
    exercise: Exercise | None = None
    test: bool = False

    @property
    def is_judged(self) -> bool:
        """Whether points depend on what it sends."""
        return self.test or self.exercise is not None


def plan(task: Task, rebuilt: Rebuilt, known: Mapping[str, Exercise]) -> list[Step]:
    """What the sandbox is asked to do, in order: each probe after the answer's last cell."""
    run = needed(
        (origin, cell["source"] if cell["cell_type"] == "code" else "")
        for cell, origin in zip(rebuilt.cells, rebuilt.origins, strict=True)
    )
    placed: list[tuple[int, Step]] = []
    for index, (cell, origin) in enumerate(zip(rebuilt.cells, rebuilt.origins, strict=True)):
        if cell["cell_type"] != "code":
            continue
        if origin == "check":
            # An answer below its check is probed there.
            if (exercise := known.get(exercise_id(cell, task.short))) is not None:
                place = max(index, rebuilt.last.get(exercise.name, index))
                placed.append((place, Step(index, exercise=exercise)))
        elif run[index]:
            placed.append((index, Step(index, cell["source"], origin == "student")))
    placed.sort(key=lambda pair: (pair[0], pair[1].exercise is not None))
    return [step for _, step in placed]


def plan_tests(task: Task, rebuilt: Rebuilt, tests: Mapping[int, str]) -> list[Step]:
    """What the sandbox is asked to do for the instructor's own tests, by the index of their cells.

    A lesson of which the course has no exercise is run from top to bottom, as nbgrader does it.
    """
    kinds: list[Origin] = [
        "answer" if index in tests else kind for index, kind in enumerate(rebuilt.origins)
    ]
    sources = [
        tests.get(index, cell["source"]) if cell["cell_type"] == "code" else ""
        for index, cell in enumerate(rebuilt.cells)
    ]
    run = needed(zip(kinds, sources, strict=True))
    whole = not exercises(task.short)
    return [
        Step(index, source, rebuilt.origins[index] == "student", test=index in tests)
        for index, source in enumerate(sources)
        if source and (run[index] or (whole and kinds[index] == "course"))
    ]


def job(numbers: Sequence[int], steps: Sequence[Step], seed: int, beside: Beside = ()) -> bytes:
    """The steps of these numbers and the files beside the notebook, as a child gets them."""
    wanted: list[dict[str, Any]] = []
    for step in (steps[number] for number in numbers):
        if step.exercise is None:
            kinds = {"own": step.own, "test": step.test}
            wanted.append({"kind": "cell", "source": step.source, **kinds})
        else:
            cases = _sent(step.exercise.id, seed)
            wanted.append({"kind": "probe", "id": step.exercise.id, "cases": cases})
    files = [[name, b64encode(content).decode()] for name, content in beside]
    return encode({"seed": derived(seed, "run"), "beside": files, "steps": wanted})


@lru_cache(maxsize=64)
def _sent(id: str, seed: int) -> str:
    """The secret cases of an exercise as a child gets them."""
    return b64encode(encode([case.sent() for case in drawn(id, seed)])).decode()


@lru_cache(maxsize=64)
def drawn(id: str, seed: int) -> list[Case]:
    """The secret cases of an exercise."""
    return _exercise(id).draw(derived(seed, "cases"))


@lru_cache(maxsize=64)
def expected(id: str, seed: int) -> list[Evidence]:
    """What the reference gives for them."""
    return expected_evidence(_exercise(id), drawn(id, seed), derived(seed, "run"))


def _exercise(id: str) -> Exercise:
    return next(item for item in exercises(id.partition(".")[0]) if item.id == id)


def derived(seed: int, purpose: str) -> int:
    """A seed that says nothing about the seed it comes from, nor about those for other purposes."""
    return int.from_bytes(hashlib.sha256(f"{seed} {purpose}".encode()).digest()[:7], "big")

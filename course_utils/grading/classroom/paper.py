"""Questions for an exam room from the known mistakes of a lesson: find the bug, what does it print.

Every result that is printed comes from a run. The same seed gives the same papers.
"""

import ast
import contextlib
import doctest
import io
import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Literal

import torch

from course_utils.building.lesson import Lesson
from course_utils.checking.edit import Edit, edited, texts
from course_utils.checking.exercise import Exercise, Mistake, Training, exercises
from course_utils.checking.running import time_limit
from course_utils.checking.world import fixed_world
from course_utils.errors import CourseError
from course_utils.grading.outside.cells import text

MOST_REPAIRS = 4  # among which a quiz lets choose
LONGEST = 400  # characters that are printed, with the mistake and without
DRAWS = 30  # of numbers, until a mistake shows
SECONDS = 5.0
NUMBER = re.compile(r"(?<![\w.])\d+\.\d+(?![\w.])")  # in the call of an example
SMALL, LARGE = ("0.1", "0.2", "0.25", "0.5"), ("1.0", "2.0", "3.0", "4.0", "5.0", "6.0")


@dataclass(frozen=True)
class Call:
    """A call, what it prints with the mistake, and what it prints in a right answer."""

    text: str
    prints: str
    right: str


@dataclass(frozen=True)
class Question:
    """Code with a mistake in one line, which is counted from 1.

    kind: "find" asks for that line, "print" for what the call prints. call: with empty texts where
    none shows the mistake. repairs: what could stand in which line instead, the right one first.
    """

    kind: Literal["find", "print"]
    id: str
    about: str
    mistake: str
    hint: str
    code: str
    call: Call
    line: int
    repairs: tuple[tuple[int, str], ...]

    @property
    def lines(self) -> list[str]:
        """The code with its lines numbered."""
        return [
            f"{number:2}  {line}".rstrip() for number, line in enumerate(self.code.split("\n"), 1)
        ]

    @property
    def should(self) -> str:
        """The line in a right answer."""
        return self.repairs[0][1]


@dataclass(frozen=True)
class Variant:
    """One student's paper."""

    number: int
    questions: tuple[Question, ...]


def papers(lesson: Lesson, variants: int, number: int, seed: int) -> list[Variant]:
    """This many papers with this many questions each; raises CourseError without mistakes."""
    with fixed_world():
        known = [item for item in exercises(lesson.short) if not isinstance(item, Training)]
        usable = {exercise: bugs(exercise) for exercise in known if bugs(exercise)}
        if not usable:
            raise CourseError(f"{lesson.name} has no known mistake that changes one line of code.")
        return [
            Variant(one, tuple(_questions(lesson, usable, number, random.Random(f"{seed} {one}"))))
            for one in range(1, variants + 1)
        ]


def _questions(
    lesson: Lesson, usable: Mapping[Exercise, list["Bug"]], number: int, rng: random.Random
) -> Iterator[Question]:
    """This many questions of alternating kind; an exercise comes again as late as possible."""
    order: list[Exercise] = []
    while len(order) < number:
        order += rng.sample(list(usable), len(usable))
    seen: set[tuple[str, str]] = set()
    for place, exercise in enumerate(order[:number]):
        drawn = rng.sample(usable[exercise], len(usable[exercise]))
        drawn.sort(key=lambda bug: (exercise.id, bug.mistake.name) in seen)
        shown = ((bug, _shown(lesson, exercise, bug, rng)) for bug in drawn)
        bug, call = next((pair for pair in shown if pair[1]), (drawn[0], None))
        seen.add((exercise.id, bug.mistake.name))
        yield _question(exercise, bug, call, usable[exercise], place % 2 == 1)


@dataclass(frozen=True)
class Bug:
    """A known mistake that changes one line: the code with it, and what is right there."""

    mistake: Mistake
    code: str
    line: int
    should: str

    @property
    def stands(self) -> str:
        """The line as it is now."""
        return self.code.split("\n")[self.line - 1].strip()


def bugs(exercise: Exercise) -> list[Bug]:
    """The mistakes that are an edit of one line of the answer itself, each name once."""
    right = texts(exercise.lesson)[exercise.name]
    by_name: dict[str, Bug] = {}
    for mistake in exercise.mistakes:
        if not isinstance(mistake.change, Edit):
            continue
        code = right
        for old, new in mistake.change.pairs:
            code = code.replace(old, new) if old and code.count(old) == 1 else ""
        lines = list(zip(right.split("\n"), code.split("\n"), strict=False))
        changed = [number for number, (one, other) in enumerate(lines, 1) if one != other]
        if code.count("\n") == right.count("\n") and len(changed) == 1:
            bug = Bug(mistake, code, changed[0], lines[changed[0] - 1][0].strip())
            if bug.should != bug.stands:  # else it is further in or out, which nobody sees on paper
                by_name.setdefault(mistake.name, bug)
    return list(by_name.values())


def _question(
    exercise: Exercise, bug: Bug, call: Call | None, others: Sequence[Bug], prints: bool
) -> Question:
    """A question on a bug; without a call that shows it, one that asks for the line."""
    repairs = {(bug.line, bug.should): None}
    same_line = sorted(others, key=lambda other: other.line != bug.line)
    for other in (other for other in same_line if other.mistake.name != bug.mistake.name):
        repairs[other.line, other.stands] = None
    return Question(
        "print" if call and prints else "find",
        exercise.id,
        (type(exercise).__doc__ or "").split("\n")[0],
        bug.mistake.name,
        bug.mistake.hint,
        bug.code,
        call or Call("", "", ""),
        bug.line,
        tuple(repairs)[:MOST_REPAIRS],
    )


def _shown(lesson: Lesson, exercise: Exercise, bug: Bug, rng: random.Random) -> Call | None:
    """A call with drawn numbers that prints something else with the bug; None where none does."""
    example = examples(lesson).get(exercise.name, "")
    assert isinstance(bug.mistake.change, Edit)
    for _ in range(DRAWS if NUMBER.search(example) else 0):
        text = NUMBER.sub(lambda old: _drawn(old[0], rng), example)
        right, prints = (printed(exercise.id, text, edit) for edit in (None, bug.mistake.change))
        if right and prints and right != prints and _can_be_written(right + prints):
            return Call(text, prints, right)
    return None


def _drawn(number: str, rng: random.Random) -> str:
    """A number that is easy to reckon with in place of another; 0 and 1000 mean something."""
    value = float(number)
    return number if value == 0 or value > 10 else rng.choice(SMALL if value < 1 else LARGE)


def _can_be_written(printed: str) -> bool:
    """Whether a person can write by hand what is printed."""
    return len(printed) <= LONGEST and not re.search(r"\.\d{5}|\d{7}|\de[-+]|nan|inf", printed)


def printed(id: str, call: str, edit: Edit | None) -> str:
    """What a call of a reference answer prints, with an edit made; empty where it raises."""
    short, _, name = id.partition(".")
    space: dict[str, Any] = {
        **vars(import_module("math")),
        "math": import_module("math"),
        "torch": torch,
        "nn": torch.nn,
        "F": torch.nn.functional,
        **vars(import_module(f"course_utils.reference.{short}")),
        name: edited(id, edit or Edit(())),
    }
    out = io.StringIO()
    try:
        torch.manual_seed(0)
        with contextlib.redirect_stdout(out), time_limit(SECONDS):
            for statement in ast.parse(call).body:
                exec(compile(ast.Interactive([statement]), "<paper>", "single"), space)
    except Exception:
        return ""
    return out.getvalue().strip("\n")


@cache
def examples(lesson: Lesson) -> dict[str, str]:
    """The worked example in the docstring of every exercise, by its name, as code."""
    by_name = {}
    for cell in json.loads(lesson.released.read_text(encoding="utf-8"))["cells"]:
        marks = cell["metadata"].get("nbgrader", {})
        if cell["cell_type"] == "code" and marks.get("solution"):
            for node in ast.parse(text(cell)).body:
                if isinstance(node, ast.FunctionDef | ast.ClassDef):
                    told = doctest.DocTestParser().get_examples(ast.get_docstring(node) or "")
                    by_name[node.name] = "".join(example.source for example in told).rstrip("\n")
    return by_name

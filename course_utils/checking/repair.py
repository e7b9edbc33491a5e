"""Exercises in finding one bug: a witness on which lines go wrong, and the lines repaired."""

import ast
import difflib
import functools
import inspect
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from types import CodeType, FunctionType
from typing import Any, ClassVar

import torch

from course_utils.checking.compare import first_difference
from course_utils.checking.diagnosis import recognise
from course_utils.checking.difference import Difference
from course_utils.checking.evidence import Evidence
from course_utils.checking.exercise import Case, Rng
from course_utils.checking.forms import LONGEST, Form, ObjectionError, right_evidence
from course_utils.checking.running import run_case
from course_utils.checking.source import functions

SHOWN = "Your witness shows the bug."


class Repair(Form):
    """Find a bug: hand in a witness, an input on which the lines shown go wrong, and a repair.

    The answer is a function without arguments that returns (witness, repaired): a dict with the
    arguments of the exercise `of`, at most 12 numbers, and a function or class. Half of the points
    is for a witness on which the buggy lines and a right answer differ, the other half for a repair
    that passes the check of `of` and changes at most `changes` lines; none for a repair alone.

    What attempts earn (tests/test_forms.py runs these again for every exercise):

    | attempt | points |
    |---|---|
    | an input on which nothing differs, and the right repair | 0 |
    | a witness, and the lines as they were | 0.5 |
    | a witness, and lines that end with an error | 0.5 |
    | a witness and the right repair | 1 |

    A random input is a witness or not: the docstring of the exercise says how often.
    """

    buggy: ClassVar[str]  # the lines that the student is shown, as source
    changes: ClassVar[int] = 2
    full, part = 1.0, 0.5
    metric = "witness and repair"

    def cases(self, rng: Rng) -> Iterable[Case]:
        """One case for the witness, then those of the exercise `of`."""
        yield Case("your witness")
        yield from self.subject.own_cases(rng.integer(0, 1 << 30))

    def probe(self, answer: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        """The witness and the repair's lines; then what the repair yields in a case."""
        handed = answer()
        pair = isinstance(handed, tuple) and len(handed) == 2
        if case.label == "your witness":
            yield "pair", pair
            yield "witness", handed[0] if pair else None
            yield "callable", pair and callable(handed[1])
            yield "lines", _lines(handed[1]) if pair else []
        elif pair and callable(handed[1]):
            yield from self.subject.probe(handed[1], case)

    def ended(self, cases: Sequence[Case], evidence: Sequence[Evidence]) -> Difference | None:
        """The error that ended the function that hands in; one in the repair leaves the witness."""
        return super().ended(cases[:1], evidence[:1])

    def weigh(
        self, cases: Sequence[Case], evidence: Sequence[Evidence], seed: int
    ) -> dict[str, Any]:
        """Whether the witness is one, and whether the repair is."""
        values = evidence[0].values
        try:
            if values.get("pair") is not True or values.get("callable") is not True:
                raise ObjectionError(
                    "not a witness and a repaired function",
                    "Return two things: the witness, a dict, and the repaired function itself.",
                )
            case, right = self.answered("Your witness", "witness", values.get("witness"), seed)
        except ObjectionError as error:
            return error.findings
        wrong = run_case(self.subject, self.buggy_answer, case, seed, Evidence())
        if first_difference([case], [replace(right, moved=None)], [wrong]) is None:
            why = "On your witness, the buggy lines give what right code gives."
            return {"value": 0.0, "why": why, "witness": False}
        if first_difference([case], [right], [wrong]) is None:
            return ObjectionError(
                "witness on which right answers disagree",
                "On your witness, the buggy lines differ from right code by no more than right "
                "answers differ from each other: they round differently there.",
                "Numbers of about the same size, far apart, keep their digits.",
            ).findings
        return self._repair(cases, evidence, seed)

    def _repair(
        self, cases: Sequence[Case], evidence: Sequence[Evidence], seed: int
    ) -> dict[str, Any]:
        """What is found about a repair whose witness is one."""
        lines = evidence[0].values.get("lines")
        repaired = [str(line) for line in lines[:LONGEST]] if isinstance(lines, list) else []
        changed = changed_lines(bare_lines(self.buggy), repaired)
        if changed > self.changes:
            why = (
                f"{SHOWN} The repair changes {changed} lines; {self.changes} are allowed: find "
                "the bug, and do not rewrite the code."
            )
            return {"value": 0.5, "why": why, "changed": changed}
        right = right_evidence(self.subject, cases[1:], seed)
        found = first_difference(cases[1:], right, evidence[1:])
        if found is None and not changed:
            why = f"{SHOWN} The lines handed in are those with the bug: repair these themselves."
            return {"value": 0.5, "why": why, "changed": 0}
        if found is None:
            return {"value": 1.0, "why": ""}
        if found.kind == "raised":
            mistake, advice = recognise(found)
            return {"value": 0.5, "why": f"{SHOWN} {advice}", "mistake": mistake, "found": found}
        why = f"{SHOWN} The repaired code is not right yet."
        return {
            "value": 0.5,
            "why": why,
            "repaired": False,
            "changed": changed,
            "found": found,
        }

    @functools.cached_property
    def buggy_answer(self) -> Any:
        """What the buggy lines define, named as the exercise `of`."""
        names: dict[str, Any] = {"torch": torch}
        exec(compile(self.buggy, "<buggy>", "exec"), names)
        return names[self.subject.name]


def _lines(repaired: Any) -> list[str]:
    """The lines of what is handed in, from its own code, whatever its attributes say.

    Of a decorated or partial function, a method or a class, all functions count that it consists
    of, those of torch aside, such as the one that `torch.no_grad()` puts around it.
    """
    own = [part for part in functions(repaired) if not _is_torchs(part)]
    return [line for part in own for line in bare_lines(_source(part.__code__))]


def _is_torchs(function: FunctionType) -> bool:
    """Whether a function was written in a module of torch."""
    name = str(function.__globals__.get("__name__"))
    module = sys.modules.get(name) if name.partition(".")[0] == "torch" else None
    return module is not None and function.__globals__ is vars(module)


def _source(code: CodeType) -> str:
    """The source of a function's code, empty where it cannot be had."""
    try:
        return textwrap.dedent(inspect.getsource(code))
    except (OSError, TypeError):
        return ""


def changed_lines(old: list[str], new: list[str]) -> int:
    """How many lines a repair changes, adds or takes away."""
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    return sum(
        max(i2 - i1, j2 - j1) for tag, i1, i2, j1, j2 in matcher.get_opcodes() if tag != "equal"
    )


def bare_lines(source: str) -> list[str]:
    """The lines inside a function, spelled alike, without comments, docstring and decorators."""
    try:
        body = ast.parse(source.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return [line.strip() for line in source.splitlines()]
    if len(body) == 1 and isinstance(body[0], ast.FunctionDef):
        body = body[0].body
    words = [node for node in body if not _is_text(node)]
    return [line.strip() for node in words for line in ast.unparse(node).splitlines()]


def _is_text(node: ast.stmt) -> bool:
    """Whether a statement is a text that nothing is done with, such as a docstring."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)

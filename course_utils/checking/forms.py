"""Exercises in finding mistakes: hand in inputs that expose them, or a witness and a repair.

What comes back is data, and the judge itself runs the known mistakes on it: no code that is wrong
stands where an answer could read it.
"""

import ast
import difflib
import functools
import inspect
import itertools
import math
import textwrap
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from course_utils.checking.axes import tensors
from course_utils.checking.compare import first_difference
from course_utils.checking.evidence import Evidence, Other
from course_utils.checking.exercise import Case, Exercise, Mistake, Rng, Training, reference
from course_utils.checking.naming import run_mistakes
from course_utils.checking.running import collect, run_case
from course_utils.checking.tolerance import MovedRuns

# Larger numbers are none to calculate with by hand, nor longer or deeper tensors.
LARGEST, LONGEST, DEEPEST = 1e6, 100, 3
KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "tensor": ("a float32 tensor", lambda x: _is(x, torch.float32)),
    "tensor with gaps": ("a float32 tensor", lambda x: _is(x, torch.float32)),
    "codes": ("an int64 tensor", lambda x: _is(x, torch.int64)),
    "number": ("a number", lambda x: type(x) in (int, float)),
    "whole number": (
        f"a whole number up to {LONGEST}",
        lambda x: type(x) is int and abs(x) <= LONGEST,
    ),
    "two numbers": (
        "two numbers",
        lambda x: _each(x, lambda item: type(item) in (int, float)) and len(x) == 2,
    ),
    "tensors": (
        "a list of float32 tensors",
        lambda x: _each(x, lambda item: _is(item, torch.float32)),
    ),
    "tensors or None": (
        "a list of float32 tensors, or None in place of one",
        lambda x: _each(x, lambda item: item is None or _is(item, torch.float32)),
    ),
}


def _is(value: Any, dtype: torch.dtype) -> bool:
    return isinstance(value, Tensor) and value.dtype == dtype


def _each(value: Any, fits: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and bool(value) and all(map(fits, value))


def _within(value: Any, kind: str) -> bool:
    """Whether numbers are finite and no larger than a person calculates with; gaps are left out."""
    if isinstance(value, list):
        return all(_within(item, kind) for item in value)
    if not isinstance(value, Tensor):
        return value is None or abs(value) <= LARGEST
    found = (
        value.isnan() if kind == "tensor with gaps" else torch.zeros_like(value, dtype=torch.bool)
    )
    return bool((found | (value.abs() <= (LONGEST if kind == "codes" else LARGEST))).all())


class Form(Training):
    """An exercise whose evidence the judge weighs as a whole: `weigh` turns it into findings.

    Among the findings is "value", the number that earns all points from `full` on, half from
    `part` on and three quarters from the middle between the two; "why" says in a sentence what
    stands in the way; the signs of the mistakes read the others.
    """

    of: ClassVar[type[Exercise]]  # whose answers are looked at
    takes: ClassVar[Mapping[str, str]]  # what a case holds, by name, and the kind of each
    numbers: ClassVar[int] = 12  # the most numbers that a case may hold
    seconds: ClassVar[float] = 20.0

    @property
    def builds(self) -> bool:
        """False: the answer is a function that returns what is handed in."""
        return False

    @functools.cached_property
    def subject(self) -> Exercise:
        """The exercise whose answers are looked at."""
        return self.of()

    def weigh(
        self, cases: Sequence[Case], evidence: Sequence[Evidence], seed: int
    ) -> dict[str, Any]:
        """Findings by name, from the evidence of an answer."""
        raise NotImplementedError

    def earned(self, value: float) -> float:
        """The share of the points, in quarters: one thing missed costs no more than one."""
        steps = {self.full: 1.0, (self.part + self.full) / 2: 0.75, self.part: 0.5}
        return next((share for due, share in steps.items() if self.reaches(value, due)), 0.0)

    def _withheld(self, count: int) -> str:
        """A sentence about what counts in the grading and not here."""
        more = "1 more is" if count == 1 else f"{count} more are"
        return f" {more} withheld here and may count when your work is graded." if count else ""

    def as_case(self, label: str, given: Mapping[str, Any]) -> Case:
        """The inputs of a case as the probe of the exercise `of` reads them."""
        return Case(label, **given)

    def objection_to(self, case: Any) -> str:
        """Why something is no case; empty where it is one."""
        if not isinstance(case, dict) or set(case) != set(self.takes):
            return f"a case is a dict with the keys {', '.join(self.takes)}."
        for name, kind in self.takes.items():
            words, fits = KINDS[kind]
            if not fits(case[name]):
                return f"{name} should be {words}."
        inside = [x for _, x in tensors(case)]
        if (size := sum(x.numel() for x in inside)) > self.numbers:
            return f"it holds {size} numbers; {self.numbers} are allowed."
        if any(x.ndim > DEEPEST or max(x.shape, default=0) > LONGEST for x in inside):
            return f"its tensors have at most {DEEPEST} dimensions, none longer than {LONGEST}."
        for name, kind in self.takes.items():
            if isinstance(case[name], list) and len(case[name]) > self.numbers:
                return f"{name} has {len(case[name])} items; {self.numbers} are allowed."
            if not _within(case[name], kind):
                largest = LONGEST if kind == "codes" else LARGEST
                return f"{name} should hold finite numbers no larger than {largest:,.0f}."
        return ""


class Expose(Form):
    """Hand in at most `most` small cases that show known wrong answers to be wrong, and one result.

    The answer is a function without arguments that returns (cases, expected): a list of dicts with
    the arguments of the exercise `of`, and what a right answer gives for the first of them. The
    value is the share of the mistakes whose evidence differs from a right answer's in one of the
    cases. Each seed draws three quarters of them, so that grading counts some that were not shown.
    """

    asks: ClassVar[str]  # the evidence that is to be computed by hand
    most: ClassVar[int] = 2
    beyond: ClassVar[Collection[str]] = ()  # mistakes that no case of this form can show
    metric = "share of the wrong answers that your cases expose"

    @property
    def mutants(self) -> list[Mistake]:
        """The known mistakes with code that makes them, each name once."""
        known = {m.name: m for m in self.subject.mistakes if m.sign is None and m.change}
        return [mistake for name, mistake in known.items() if name not in self.beyond]

    def cases(self, rng: Rng) -> Iterable[Case]:
        """One case without inputs; it hides which mistakes count."""
        counted = three_quarters(rng, len(self.mutants))
        yield Case("what you hand in", hidden={"mutants": counted})

    def probe(self, answer: Any, case: Case) -> Iterator[tuple[Any, ...]]:  # noqa: ARG002
        """What is handed in, as data."""
        handed = answer()
        pair = isinstance(handed, tuple) and len(handed) == 2
        yield "pair", pair
        yield "cases", handed[0] if pair else handed
        yield "expected", handed[1] if pair else None

    def weigh(
        self, cases: Sequence[Case], evidence: Sequence[Evidence], seed: int
    ) -> dict[str, Any]:
        """The share of the drawn mistakes that are exposed, and which of all are not.

        A name comes from all of them, so that it does not change with the seed.
        """
        values = evidence[0].values
        if why := self._objection(values):
            return {"value": 0.0, "why": why, "objection": True}
        given = [
            self.as_case(f"your case {number}", one)
            for number, one in enumerate(values["cases"], 1)
        ]
        right = _right(self.subject, given, seed)
        if why := self._unanswerable(right):
            return {"value": 0.0, "why": why, "objection": True}
        if why := self._not_as_expected(right[0], values["expected"]):
            return {"value": 0.0, "why": why, "expected": False}
        left = [m.name for m in self.mutants if not _exposed(self.subject, m, given, right, seed)]
        counted = [self.mutants[index].name for index in cases[0].hidden["mutants"]]
        missed = [name for name in counted if name in left]
        why = f"{len(counted) - len(missed)} of {len(counted)} are exposed." + (
            f" Not yet, for example: {listed(missed[:3])}." if missed else ""
        )
        why += self._withheld(len(self.mutants) - len(counted))
        value = 1 - len(missed) / len(counted)
        return {"value": value, "why": why, "left": left, "all": 1 - len(left) / len(self.mutants)}

    def _objection(self, values: Mapping[str, Any]) -> str:
        """Why what was handed in is no list of cases and one result; empty where it is."""
        cases = values.get("cases")
        if values.get("pair") is not True:
            return "Return two things: a list of cases, and the expected result of the first."
        if not isinstance(cases, list) or not cases:
            return "Your cases are a list with at least one dict in it."
        if len(cases) > self.most:
            return f"You hand in {len(cases)} cases; {self.most} are allowed."
        for number, case in enumerate(cases, 1):
            if why := self.objection_to(case):
                return f"Case {number}: {why}"
        return ""

    def _unanswerable(self, right: Sequence[Evidence]) -> str:
        """Why right code has no answer to a case; empty where it has one to each."""
        found = enumerate(map(no_answer, right), 1)
        return next((f"Case {number}: {why}" for number, why in found if why), "")

    def _not_as_expected(self, right: Evidence, expected: Any) -> str:
        """Why the result that was computed by hand is not that of right code; empty where it is."""
        want = torch.as_tensor(right.values[self.asks])
        if type(expected) in (int, float):
            expected = torch.tensor(float(expected) if abs(expected) <= LARGEST**2 else math.inf)
            expected = expected.reshape(want.shape) if want.numel() == 1 else expected
        if (
            not isinstance(expected, Tensor)
            or expected.is_complex()
            or expected.dtype == torch.bool
        ):
            return "The expected result of your first case should be a tensor or a number."
        if expected.shape != want.shape:
            return (
                "The expected result of your first case is not what right code gives: its shape is "
                f"{tuple(expected.shape)}, and should be {tuple(want.shape)}."
            )
        expected, want = expected.double(), want.double()
        if torch.allclose(expected, want, rtol=2e-4, atol=2e-5):
            return ""
        if torch.allclose(expected, want, rtol=2e-2, atol=2e-3):
            return (
                "The expected result of your first case is near what right code gives, and is not "
                "it. Give four digits; and is the order of the steps right?"
            )
        return (
            "The expected result of your first case is not what right code gives. A test that "
            "expects something wrong refuses right code."
        )


def three_quarters(rng: Rng, count: int) -> list[int]:
    """Numbers below `count`, one of about four neighbours left out, so that no kind is missing."""
    bounds = [part * count // -(-count // 4) for part in range(-(-count // 4) + 1)]
    without = {rng.integer(low, high) for low, high in itertools.pairwise(bounds)}
    return [number for number in range(count) if number not in without]


def no_answer(right: Evidence) -> str:
    """Why right code has no answer to a case, from its evidence; empty where it has one."""
    if right.raised:
        message = right.raised.message.partition("\n")[0][:100]
        return (
            f"right code ends with {right.raised.type} there ({message}). "
            "A case is one that right code can answer."
        )
    values = [*right.values.values(), *right.inputs.values()]
    return "" if all(map(_finite, values)) else "right code gives no finite numbers there."


def _finite(value: Any) -> bool:
    """Whether evidence of right code holds finite real numbers only, or words."""
    if isinstance(value, list):
        return all(map(_finite, value))
    if isinstance(value, Tensor):
        return not value.is_complex() and bool(value.isfinite().all())
    return math.isfinite(value) if isinstance(value, float) else not isinstance(value, Other)


def listed(names: Sequence[str]) -> str:
    """Names in quotes, with an "and" before the last."""
    quoted = [f'"{name}"' for name in names]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if quoted[1:] else quoted)


def _right(exercise: Exercise, cases: Sequence[Case], seed: int) -> list[Evidence]:
    """What the reference yields in these cases, with how far rounding errors move it."""
    answer = reference(exercise)
    right = collect(exercise, answer, cases, guarded=False, seed=seed)
    for case, evidence in zip(cases, right, strict=False):
        evidence.moved = MovedRuns(exercise, answer, case, seed)
    return right


def _exposed(
    exercise: Exercise,
    mistake: Mistake,
    cases: Sequence[Case],
    right: Sequence[Evidence],
    seed: int,
) -> bool:
    """Whether the mistake gives other evidence than a right answer in one of the cases."""
    return any(
        first_difference([case], [want], [run_mistakes(exercise, (mistake,), case, seed)])
        is not None
        for case, want in zip(cases, right, strict=True)
    )


class Repair(Form):
    """Find a bug: hand in a witness, an input on which the lines shown go wrong, and a repair.

    The answer is a function without arguments that returns (witness, repaired): a dict with the
    arguments of the exercise `of`, at most 12 numbers, and a function or class. Half of the points
    is for a witness on which the buggy lines and a right answer differ, the other half for a repair
    that passes the check of `of` and changes at most `changes` lines; none for a repair alone.
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
            yield "lines", bare_lines(_source(handed[1])) if pair else []
        elif pair and callable(handed[1]):
            yield from self.subject.probe(handed[1], case)

    def weigh(
        self, cases: Sequence[Case], evidence: Sequence[Evidence], seed: int
    ) -> dict[str, Any]:
        """Whether the witness is one, and whether the repair is."""
        values = evidence[0].values
        if values.get("pair") is not True or values.get("callable") is not True:
            why = "Return two things: the witness, a dict, and the repaired function itself."
            return {"value": 0.0, "why": why, "objection": True}
        if why := self.objection_to(values.get("witness")):
            return {"value": 0.0, "why": f"Your witness: {why}", "objection": True}
        witness = self.as_case("your witness", values["witness"])
        [right] = _right(self.subject, [witness], seed)
        if why := no_answer(right):
            why = f"Your witness: {why}"
            return {"value": 0.0, "why": why, "objection": True}
        wrong = run_case(self.subject, self.buggy_answer, witness, seed, Evidence())
        if first_difference([witness], [right], [wrong]) is None:
            why = "On your witness, the buggy lines give what right code gives."
            return {"value": 0.0, "why": why, "witness": False}
        return {"witness": True} | self._repair(cases, evidence, seed)

    def _repair(
        self, cases: Sequence[Case], evidence: Sequence[Evidence], seed: int
    ) -> dict[str, Any]:
        """What is found about a repair whose witness is one."""
        lines = evidence[0].values.get("lines")
        repaired = [str(line) for line in lines[:LONGEST]] if isinstance(lines, list) else []
        changed = changed_lines(bare_lines(self.buggy), repaired)
        if changed > self.changes:
            why = (
                f"Your witness shows the bug. The repair changes {changed} lines; "
                f"{self.changes} are allowed: find the bug, do not write it anew."
            )
            return {"value": 0.5, "why": why, "changed": changed}
        right = _right(self.subject, cases[1:], seed)
        found = first_difference(cases[1:], right, evidence[1:])
        if found is not None:
            why = (
                "Your witness shows the bug. The repaired code is not right yet: "
                f"{found.name} differs, for {found.case.label}."
            )
            return {"value": 0.5, "why": why, "repaired": False, "changed": changed}
        return {"value": 1.0, "why": "", "repaired": True, "changed": changed}

    @functools.cached_property
    def buggy_answer(self) -> Any:
        """What the buggy lines define, named as the exercise `of`."""
        names: dict[str, Any] = {"torch": torch}
        exec(compile(self.buggy, "<buggy>", "exec"), names)
        return names[self.subject.name]


def _source(answer: Any) -> str:
    """The source of a function or class, empty where it cannot be had."""
    try:
        return textwrap.dedent(inspect.getsource(answer))
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

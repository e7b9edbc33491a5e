"""What exercises in finding mistakes have in common: what comes back is data, weighed as a whole.

The judge itself runs the known mistakes on it: no wrong code is where an answer could read it. The
forms are in expose.py, repair.py, reproduce.py and tell_apart.py.
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from course_utils.checking.axes import tensors
from course_utils.checking.difference import Difference
from course_utils.checking.evidence import Evidence, Other
from course_utils.checking.exercise import Case, Exercise, Rng, Training, reference
from course_utils.checking.running import collect
from course_utils.checking.tolerance import MovedRuns

# Nobody calculates by hand with larger numbers, or with longer or deeper tensors.
LARGEST, LONGEST, DEEPEST = 1e6, 100, 3


class ObjectionError(Exception):
    """Why something that is handed in is not what it should be; name: the mistake's."""

    def __init__(self, name: str, why: str, hint: str = "") -> None:
        super().__init__(f"{why} {hint}".strip())
        self.name = name

    @property
    def findings(self) -> dict[str, Any]:
        """The findings of an answer that is stopped by this."""
        return {"value": 0.0, "why": str(self), "mistake": self.name}


@dataclass(frozen=True)
class Kind:
    """What a name in a case may hold, in words; `each` says what every item of a list should be."""

    words: str
    fits: Callable[[Any], bool]
    each: str = ""


def _is(dtype: torch.dtype) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, Tensor) and value.dtype == dtype


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


FLOATS = _is(torch.float32)
KINDS = {
    "tensor": Kind("a float32 tensor", FLOATS),
    "tensor with gaps": Kind("a float32 tensor", FLOATS),
    "codes": Kind("an int64 tensor", _is(torch.int64)),
    "number": Kind("a number", _is_number),
    "whole number": Kind(
        f"a whole number up to {LONGEST}", lambda x: type(x) is int and abs(x) <= LONGEST
    ),
    "two numbers": Kind(
        "two numbers", lambda x: isinstance(x, list) and [*map(_is_number, x)] == [True, True]
    ),
    "tensors": Kind("a list of float32 tensors", FLOATS, each="a float32 tensor"),
    "tensors or None": Kind(
        "a list of float32 tensors, or None in place of one",
        lambda x: x is None or FLOATS(x),
        each="a float32 tensor or None",
    ),
}


class Form(Training):
    """An exercise whose evidence the judge weighs as a whole: `weigh` turns it into findings.

    Among the findings is "value", the number that earns all points from `full` on, half from
    `part` on and three quarters from the middle between the two; "why" says in a sentence what
    is wrong; "mistake" names it where that can happen in any exercise, "found" is the
    difference that a card shows, and the signs of the mistakes read the others.
    """

    of: ClassVar[type[Exercise]]  # whose answers are looked at
    takes: ClassVar[Mapping[str, str]]  # what a case holds, by name, and the kind of each
    shapes: ClassVar[str] = "does your own have one?"  # what right code needs of a case, in words
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

    def ended(self, cases: Sequence[Case], evidence: Sequence[Evidence]) -> Difference | None:
        """The first run that an error ended, where that leaves nothing to weigh; else None."""
        endings = map(ending, cases, evidence)
        return next(filter(None, endings), None)

    def earned(self, value: float) -> float:
        """The share of the points, in quarters: one thing missed costs no more than one."""
        steps = {self.full: 1.0, (self.part + self.full) / 2: 0.75, self.part: 0.5}
        return next((share for due, share in steps.items() if self.reaches(value, due)), 0.0)

    def drawn(self, rng: Rng, names: Sequence[str]) -> list[int]:
        """The numbers of the names that count: one of about four neighbours is left out, so that no
        kind is missing, and none whose miss has a hint, which would give it away.
        """
        told = {mistake.name for mistake in self.mistakes}
        parts = -(-len(names) // 4)
        counted = [*range(len(names))]
        for part in range(parts):
            neighbours = range(part * len(names) // parts, (part + 1) * len(names) // parts)
            free = [number for number in neighbours if misses(names[number]) not in told]
            counted.remove(free[rng.integer(0, len(free))])
        return counted

    def withheld(self, count: int) -> str:
        """A sentence about what counts in the grading and not here."""
        more = "1 more is" if count == 1 else f"{count} more are"
        return f" {more} withheld here and may count when your work is graded." if count else ""

    def as_case(self, label: str, given: Mapping[str, Any]) -> Case:
        """The inputs of a case as the probe of the exercise `of` reads them."""
        return Case(label, **given)

    def suits(self, given: Mapping[str, Any]) -> bool:  # noqa: ARG002
        """Whether a case is one that the exercise `of` is about, as `shapes` says it."""
        return True

    def answered(self, who: str, what: str, given: Any, seed: int) -> tuple[Case, Evidence]:
        """What is handed in as a case, and what right code yields there.

        who: such as "Case 1". what: such as "case". Raises ObjectionError where it is no case.
        """
        self._check(who, what, given)
        case = self.as_case(who[:1].lower() + who[1:], given)
        [right] = right_evidence(self.subject, [case], seed)
        if right.raised or not self.suits(given):
            raise ObjectionError(
                f"{what} that right code cannot answer",
                f"{who}: right code has no answer to it; {self.shapes}",
            )
        if not all(map(_finite, [*right.values.values(), *right.inputs.values()])):
            raise ObjectionError(
                f"{what} without finite results",
                f"{who}: right code gives no finite numbers there.",
                "Where nothing can be calculated, nobody can say what is wrong.",
            )
        return case, right

    def _check(self, who: str, what: str, given: Any) -> None:
        """Raise ObjectionError where something lacks the names, kinds or sizes of a case."""
        if not isinstance(given, dict):
            raise ObjectionError(
                f"{what} that is not a dict",
                f"{who} is {described(given)}; it should be a dict with {self._keys}.",
                "It holds inputs, as data: no code.",
            )
        lacking = [name for name in self.takes if name not in given]
        extra = len(given) - len(self.takes) + len(lacking)
        if lacking or extra:
            more = "1 key" if extra == 1 else f"{extra} keys"
            said = f"lacks {' and '.join(lacking)}" if lacking else f"has {more} too many"
            raise ObjectionError(
                f"{what} with other names",
                f"{who} {said}; it should have {self._keys}, and nothing else.",
            )
        for name, kind in self.takes.items():
            if why := _misfit(name, given[name], KINDS[kind]):
                raise ObjectionError(f"{what} of other kinds", f"{who}: {why}")
        if why := self._too_large(given):
            raise ObjectionError(
                f"{what} that is too large",
                f"{who} {why}.",
                "It should be small enough to calculate on paper.",
            )
        for name, kind in self.takes.items():
            if not _within(given[name], kind):
                largest = LONGEST if kind == "codes" else LARGEST
                raise ObjectionError(
                    f"{what} with numbers too large",
                    f"{who}: {name} should hold finite numbers no larger than {largest:,.0f}.",
                )

    @property
    def _keys(self) -> str:
        """The keys of a case, as a text."""
        return f"the key{'s' if len(self.takes) > 1 else ''} {listed([*self.takes])}"

    def _too_large(self, given: Mapping[str, Any]) -> str:
        """Why a case is too large to calculate with by hand; empty where it is not."""
        inside = [x for _, x in tensors(given)]
        if (size := sum(x.numel() for x in inside)) > self.numbers:
            return f"holds {size} numbers in its tensors; {self.numbers} are allowed"
        if any(x.ndim > DEEPEST or max(x.shape, default=0) > LONGEST for x in inside):
            return f"has a tensor with more than {DEEPEST} dimensions or {LONGEST} rows"
        lists = {name: x for name, x in given.items() if isinstance(x, list)}
        long = [f"{len(x)} items in {name}" for name, x in lists.items() if len(x) > self.numbers]
        return f"has {long[0]}; {self.numbers} are allowed" if long else ""


def described(value: Any) -> str:
    """What a value is, in words that name no value."""
    if isinstance(value, Tensor):
        name = str(value.dtype).removeprefix("torch.")
        return f"an {name} tensor" if name[0] in "iu" else f"a {name} tensor"
    kinds = {bool: "True or False", int: "a whole number", float: "a number with a decimal point"}
    kinds |= {str: "a text", list: "a list" if value else "an empty list", dict: "a dict"}
    return "None" if value is None else kinds.get(type(value), "something else")


def _misfit(name: str, value: Any, kind: Kind) -> str:
    """How a value differs from its kind, as a sentence; empty where it does not."""
    if not kind.each:
        return "" if kind.fits(value) else _other(name, kind.words, value)
    if not isinstance(value, list) or not value:
        return _other(name, kind.words, value)
    wrong = [(index, item) for index, item in enumerate(value) if not kind.fits(item)]
    return _other(f"{name}[{wrong[0][0]}]", kind.each, wrong[0][1]) if wrong else ""


def _other(name: str, words: str, value: Any) -> str:
    """That a value should be what the words say, and what it is."""
    whole = isinstance(value, Tensor) and not value.is_floating_point() and "float32" in words
    more = ": write one of its numbers with a decimal point" if whole else ""
    large = type(value) is int and words == KINDS["whole number"].words
    found = "a larger one" if large else described(value)
    return f"{name} should be {words}, not {found}{more}."


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


def _finite(value: Any) -> bool:
    """Whether evidence of right code holds finite real numbers only, or words."""
    if isinstance(value, list):
        return all(map(_finite, value))
    if isinstance(value, Tensor):
        return not value.is_complex() and bool(value.isfinite().all())
    return math.isfinite(value) if isinstance(value, float) else not isinstance(value, Other)


def ending(case: Case, evidence: Evidence) -> Difference | None:
    """The error that ended a run, as a card shows it; None where there was none."""
    if not (error := evidence.raised):
        return None
    return Difference(case, "the run", "raised", None, error, evidence, Evidence())


def misses(name: str) -> str:
    """The name of the mistake of missing the wrong answer with this name."""
    return f'misses "{name}"'


def listed(names: Sequence[str]) -> str:
    """Names with an "and" before the last."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)


def for_example(names: Sequence[str]) -> str:
    """The first names of what is missed, as a sentence; empty where nothing is."""
    quoted = [f'"{name}"' for name in names[:3]]
    return f" Not yet, for example: {listed(quoted)}." if quoted else ""


def right_evidence(exercise: Exercise, cases: Sequence[Case], seed: int) -> list[Evidence]:
    """What the reference yields in these cases, with how far rounding errors move it."""
    answer = reference(exercise)
    right = collect(exercise, answer, cases, guarded=False, seed=seed)
    for case, evidence in zip(cases, right, strict=False):
        evidence.moved = MovedRuns(exercise, answer, case, seed)
    return right

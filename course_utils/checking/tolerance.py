"""How far two right answers may lie apart; stated here and nowhere else.

Two right answers round differently. How much of that is left in a result depends on the terms that
it was made of: what remains when 1000 is taken from 1000.001 has lost six digits. In the words of
Higham (Accuracy and Stability of Numerical Algorithms, 2002, section 1.6): forward error =
condition number times backward error, and the backward error of an operation is a rounding error of
its operands. So an answer agrees if it lies within `tolerance` of the expected value, or as near as
a multiple of what rounding does to the expected value itself. The latter is measured, as in Monte
Carlo arithmetic (Parker, 1997): the reference runs some times more, with every operand moved by one
rounding error, up or down at random, so that inputs, buffers and inner results all count.
"""

import functools
import math
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from course_utils.checking.evidence import Evidence
from course_utils.checking.exercise import Case, Exercise
from course_utils.checking.running import run_case

RUNS = 8  # how often the reference runs with its operands moved
SPREADS = 16.0  # how many times the largest move of an entry two right answers may lie apart
# Rounding errors of 1, or one of the largest number in sight, that any entry may be off: a formula
# that is less stable than the reference loses them, such as a gradient p * (g - sum(g * p)) or
# exp(z - logsumexp(z)).
UNITS = 8.0
# Of the largest number in sight; what moves further has jumped, and was not rounded.
JUMP = 1e-3
# What is so many times further away than any entry may be, after one run, two runs or more, is not
# rounding.
TOO_FAR = 64.0, 16.0, 8.0
_EPS_MULTIPLE = 16.0  # how many rounding errors a term of a sum may bring
_SMALLEST_SUM = 64  # sums are never taken to be shorter than this
# What only chooses, orders or carries numbers does not round, and numbers that are equal before it
# are equal after it.
EXACT = frozenset(
    """_to_copy _unsafe_view abs amax amin bernoulli cat ceil clamp clamp_max clamp_min clone
    constant_pad_nd copy embedding fill flip floor gather index index_put index_select masked_fill
    masked_select max maximum median min minimum nan_to_num nanmedian neg relu repeat roll round
    scatter select_backward sign slice_backward sort stack threshold_backward topk tril triu trunc
    where""".split()  # noqa: SIM905 (one word a string would take forty lines)
)


def tolerance(dtype: torch.dtype, sum_size: int) -> float:
    """Relative tolerance for a sum of so many terms: rounding errors grow like the root of their
    number.

    16 * eps(dtype) * sqrt(max(sum_size, 64)); for float32 and 64 terms 1.5e-5.
    """
    return _EPS_MULTIPLE * torch.finfo(dtype).eps * math.sqrt(max(sum_size, _SMALLEST_SUM))


def sum_size(case: Case) -> int:
    """No sum over a case is longer than its largest tensor."""
    return max(
        (value.numel() for value in case.inputs.values() if isinstance(value, Tensor)), default=1
    )


class Moved(TorchDispatchMode):
    """Moves the operands of every operation that rounds by one rounding error, up or down at
    random.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.random = random.Random(seed)

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """False: nothing is compiled here, and torch would import its compiler (2 s) at the first
        operator.
        """
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs, operands = kwargs or {}, _operands(func)
        if not any(operands):
            return func(*args, **kwargs)
        # What is float32 beside float64 is exact there, and moves no further than float64 rounds.
        finest = torch.float64 if any(_is_double(value) for value in args) else None
        moved = [
            self._moved(value, finest) if rounded else value
            for rounded, value in zip(operands, args, strict=False)
        ]
        result = func(*moved, **kwargs)
        results = result if isinstance(result, tuple | list) else (result,)
        exact = not any(isinstance(item, Tensor) and item.is_floating_point() for item in results)
        return func(*args, **kwargs) if exact else result

    def _moved(self, value: Any, dtype: torch.dtype | None) -> Any:
        if isinstance(value, list):
            return [self._moved(item, dtype) for item in value]
        if not isinstance(value, Tensor) or not value.is_floating_point():
            return value
        bits = max(value.numel().bit_length(), 15)
        start = self.random.getrandbits(bits)
        factors = _factors(dtype or value.dtype, 2 << bits).narrow(0, start, value.numel())
        return value * factors.view(value.shape)


@dataclass(frozen=True)
class Slack:
    """How far a value may lie from what is expected of it in a case.

    rtol: the tolerance that a probe asked for, None for `tolerance`. moved: gives the same value as
    it came when every operand was moved; it is asked only where a value differs, and by little.
    Without it, nothing but the relative tolerance counts.
    """

    case: Case
    rtol: float | None = None
    moved: Callable[[], Iterable[Any]] | None = None

    def at(self, key: Any) -> "Slack":
        """The slack of an entry of a list or dict."""
        if (moved := self.moved) is None:
            return self
        return replace(self, moved=lambda: (item[key] for item in moved() if _has(item, key)))

    def covers(self, expected: Tensor, got: Tensor) -> bool:
        """Whether two float tensors of one shape lie near enough to each other."""
        if torch.equal(expected, got):
            return True
        r = tolerance(expected.dtype, sum_size(self.case)) if self.rtol is None else self.rtol
        largest = _largest(expected)
        atol = r * min(largest, 1.0) / 4
        if _apart(expected, got) <= atol:  # as mostly, and in a fraction of the time
            return True
        near = torch.isclose(got, expected, rtol=r, atol=atol, equal_nan=True)
        return bool(near.all()) or self._rounded(expected, got, near, largest)

    def covers_number(self, expected: float, got: float) -> bool:
        """Whether two numbers lie near enough to each other."""
        if not math.isfinite(expected):
            return str(float(got)) == str(expected)
        r = tolerance(torch.float32, sum_size(self.case)) if self.rtol is None else self.rtol
        if math.isclose(got, expected, rel_tol=r, abs_tol=r * 1e-3):
            return True
        one, other = torch.tensor([expected, got], dtype=torch.float64)
        return self._rounded(one, other, torch.tensor(False), abs(expected))

    def _rounded(self, expected: Tensor, got: Tensor, near: Tensor, largest: float) -> bool:
        """Whether what is not near lies no further away than rounding can have moved it.

        largest: the largest number that is expected.
        """
        if self.moved is None:
            return False
        apart, largest = (got - expected).abs(), max(largest, _largest_input(self.case))
        if not (near | (apart <= JUMP * largest)).all():
            return False
        eps, move = torch.finfo(expected.dtype).eps, torch.zeros_like(expected)
        alike = (torch.as_tensor(value) for value in self.moved() if _like(value, expected))
        for runs, value in enumerate(alike, 1):
            move = torch.maximum(move, (value - expected).abs())
            slack = SPREADS * move + max(UNITS, largest) * eps
            if bool((near | ((apart <= slack) & (slack <= JUMP * largest))).all()):
                return True
            too_far = TOO_FAR[min(runs, len(TOO_FAR)) - 1] * slack.max()
            if bool((~near & (apart > too_far)).any()):
                return False
        return False


@dataclass(frozen=True)
class Rough(Slack):
    """Refuses, at little cost, only what has jumped, which every slack refuses."""

    def covers(self, expected: Tensor, got: Tensor) -> bool:
        """Whether no entry of two float tensors of one shape has jumped; nan is never said to."""
        if torch.equal(expected, got):
            return True
        most, apart = self._most(_largest(expected)), _apart(expected, got)
        return (
            not bool(((got - expected).abs() > most).any()) if math.isnan(apart) else apart <= most
        )

    def covers_number(self, expected: float, got: float) -> bool:
        """Whether a number has not jumped."""
        return not abs(got - expected) > self._most(abs(expected))

    def _most(self, largest: float) -> float:
        """How far off anything may be that is near enough for `Slack`; `covers` adds a quarter."""
        return 1.25 * max(JUMP, self.rtol or 0.0) * max(largest, _largest_input(self.case))


def _apart(one: Tensor, other: Tensor) -> float:
    """How far the entries of two tensors lie apart at most; nan where any is nan."""
    return float(torch.dist(one, other, math.inf))


def _has(item: Any, key: Any) -> bool:
    return key in item if isinstance(item, dict) else isinstance(item, list) and key < len(item)


def _like(value: Any, expected: Tensor) -> bool:
    """Whether a value can be compared with the expected one: a number with a number, a tensor with
    one of its shape.
    """
    return (
        value.shape == expected.shape
        if isinstance(value, Tensor)
        else isinstance(value, float) and not expected.ndim
    )


def _largest(value: Any) -> float:
    """The largest number in a tree of values, infinity aside."""
    if isinstance(value, Tensor) and value.is_floating_point() and value.numel():
        largest = float(torch.linalg.vector_norm(value, math.inf))
        if math.isfinite(largest):  # as nearly always, and in a third of the time
            return largest
    leaves = (
        torch.as_tensor(item, dtype=torch.float64)
        for item in ([value] if isinstance(value, Tensor) else tree_leaves(value))
        if isinstance(item, Tensor | float)
    )
    sizes = (leaf.abs().nan_to_num(0.0, 0.0, 0.0).max() for leaf in leaves if leaf.numel())
    return max(map(float, sizes), default=0.0)


@functools.lru_cache(maxsize=512)
def _largest_input(case: Case) -> float:
    """The largest number in the inputs of a case, found out once."""
    return _largest(case.inputs)


def _is_double(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dtype == torch.float64 and value.ndim > 0


@functools.cache
def _operands(func: Any) -> list[bool]:
    """Which arguments of an operator are moved: none where it does not round, nor what it writes
    into.
    """
    schema = func._schema
    view = any(r.alias_info and not r.alias_info.is_write for r in schema.returns)
    exact = view or schema.name.removeprefix("aten::").rstrip("_") in EXACT
    return [not (exact or argument.alias_info) for argument in schema.arguments]


@functools.cache
def _factors(dtype: torch.dtype, number: int) -> Tensor:
    """So many numbers, each 1 but for a rounding error up or down at random."""
    up = torch.rand(number, generator=torch.Generator().manual_seed(0)) < 0.5
    return 1 + torch.finfo(dtype).eps * (2 * up.to(dtype) - 1)


class MovedRuns:
    """What a right answer gives for a case when every operand is moved by a rounding error, several
    times; each run is made when it is first asked for.
    """

    def __init__(self, exercise: Exercise, answer: Any, case: Case, seed: int) -> None:
        self.run = functools.partial(run_case, exercise, answer, case, seed, guarded=False)
        self.kept: dict[int, tuple[Evidence, bool]] = {}  # and whether it came to its end

    def __call__(self, name: str | None) -> Iterator[Evidence]:
        """The runs, each up to the value of this name at least; without a name, to its end."""
        for number in range(RUNS):
            run, whole = self.kept.get(number, (None, False))
            if run is None or not (whole or name in run.values):
                with Moved(number):
                    run = self.run(evidence=Evidence(), enough=lambda other, _: other == name)
                self.kept[number] = run, name not in run.values
            yield run

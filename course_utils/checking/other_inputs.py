"""Whether a wrong answer gives what right code gives for other inputs: two of them exchanged, one
with its sign turned, the last example left out ... Nobody has to have written the mistake down.
"""

import contextlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from course_utils.checking.compare import first_difference
from course_utils.checking.difference import Difference
from course_utils.checking.evidence import Evidence
from course_utils.checking.exercise import Case, Exercise, reference
from course_utils.checking.patterns import Found, alike, numbers
from course_utils.checking.running import TimeLimit, run_case, time_limit

MOST_CHANGES, MOST_CASES = 100, 4
Inputs = Mapping[str, Any]
Change = Callable[[Inputs], dict[str, Any] | None]  # None where it makes no sense

OF_NUMBERS: Sequence[tuple[str, Callable[[float], float]]] = (
    ("1 - {0} in place of {0}", lambda v: 1 - v),
    ("-{0} in place of {0}", lambda v: -v),
    ("1 in place of {0}", lambda v: 1.0),
    ("0 in place of {0}", lambda v: 0.0),
    ("{0} squared in place of {0}", lambda v: v * v),
    ("the root of {0} in place of {0}", lambda v: v**0.5),
    ("1 / {0} in place of {0}", lambda v: 1 / v),
    ("2 * {0} in place of {0}", lambda v: 2 * v),
    ("{0} / 2 in place of {0}", lambda v: v / 2),
)
_NUMERIC = [function for _, function in OF_NUMBERS]
OF_WHOLE: Sequence[tuple[str, Callable[[int], int]]] = (
    ("{0} + 1 in place of {0}", lambda v: v + 1),
    ("{0} - 1 in place of {0}", lambda v: v - 1),
)
OF_TENSORS: Sequence[tuple[str, Callable[[Tensor], Tensor]]] = (
    ("zeros in place of {0}", torch.zeros_like),
    ("ones in place of {0}", torch.ones_like),
    ("-{0} in place of {0}", torch.neg),
    ("{0} without signs", torch.abs),
    ("only the signs of {0}", torch.sign),
    ("0 in place of what is negative in {0}", lambda x: x.clamp(min=0)),
    ("the squares of {0} in place of {0}", torch.square),
    ("exp of {0} in place of {0}", torch.exp),
    ("2 * {0} in place of {0}", lambda x: 2 * x),
    ("{0} / 2 in place of {0}", lambda x: x / 2),
    ("1 - {0} in place of {0}", lambda x: 1 - x),
    ("{0} less its mean", lambda x: x - x.mean()),
    ("{0} rounded to whole numbers", torch.round),
    ("{0} in reverse order", lambda x: x.flip(0)),
    ("{0} one place further along", lambda x: x.roll(1, 0)),
    ("{0} one place further back", lambda x: x.roll(-1, 0)),
    ("{0} in ascending order", lambda x: x.sort(0).values),
    ("{0} reshaped where it should be transposed", lambda x: x.reshape(x.mT.shape).mT),
    ("{0} transposed", lambda x: x.mT if x.shape[0] == x.shape[1] else x),
)
OF_CODES: Sequence[tuple[str, Callable[[Tensor], Tensor]]] = (
    ("zeros in place of {0}", torch.zeros_like),
    ("{0} in reverse order", lambda x: x.flip(0)),
    ("{0} one place further along", lambda x: x.roll(1, 0)),
    ("{0} one place further back", lambda x: x.roll(-1, 0)),
    ("{0} in ascending order", lambda x: x.sort(0).values),
)
OF_EXAMPLES: Sequence[tuple[str, slice]] = (
    ("the last example left out", slice(None, -1)),
    ("the first example left out", slice(1, None)),
    ("the last example alone", slice(-1, None)),
    ("the first example alone", slice(0, 1)),
    ("every second example alone", slice(None, None, 2)),
)


def explain(
    exercise: Exercise,
    cases: Sequence[Case],
    expected: Sequence[Evidence],
    got: Sequence[Evidence],
    seed: int,
) -> Found:
    """What would have to be passed to right code to get what the answer gives, as a name and a
    sentence.

    It has to explain what differs first in each of the exercise's own cases, and spoil none that
    is right.
    """
    own = [
        (case, want, have)
        for case, want, have in zip(cases, expected, got, strict=False)
        if not (case.axis or case.raises)
    ]
    found = [(case, have, first_difference([case], [want], [have])) for case, want, have in own]
    wrong = [(case, difference) for case, _, difference in found if difference][:MOST_CASES]
    right = [(case, have) for case, have, difference in found if not difference][:MOST_CASES]
    if not wrong or not all(_fits(difference) for _, difference in wrong):
        return None
    right_code, first = reference(exercise), wrong[0][1].name
    for text, change in itertools.islice(_changes(wrong[0][0].inputs), MOST_CHANGES):
        telling = 0
        for case, difference in wrong:
            value = _value(exercise, right_code, case, change, difference.name, seed)
            came = numbers(difference.got)
            if value is None:
                continue
            if came is None or value.shape != came.shape or not alike(value, came):
                break
            telling += max(came.unique().numel() - 1, 1)
        else:
            if telling > 1 and all(
                _keeps(exercise, right_code, case, change, have, seed) for case, have in right
            ):
                return f"as with {text}", (
                    f"What you give for {first} is what right code gives with {text}. Where in "
                    "your code does that come about?"
                )
    return None


def _fits(difference: Difference) -> bool:
    """Whether a difference is one of numbers."""
    due, came = numbers(difference.expected), numbers(difference.got)
    if difference.kind != "value" or due is None or came is None or not came.numel():
        return False
    return due.shape != came.shape or not alike(due, came)


def _keeps(
    exercise: Exercise, answer: Any, case: Case, change: Change, have: Evidence, seed: int
) -> bool:
    """Whether a case that the answer gets right stays right with the inputs changed."""
    inputs = _changed(case, change)
    if inputs is None:
        return True
    given = Case(case.label, hidden=case.hidden, **inputs)
    values = _values(exercise, answer, given, seed)
    for name, value in have.values.items():
        due, came = numbers(value), numbers(values.get(name))
        if due is not None and (
            came is None or came.shape != due.shape or not (came.numel() == 0 or alike(due, came))
        ):
            return False
    return True


def _value(
    exercise: Exercise, answer: Any, case: Case, change: Change, name: str, seed: int
) -> Tensor | None:
    """The value under a name for changed inputs; None where the change makes no sense or changes
    nothing.
    """
    inputs = _changed(case, change)
    if inputs is None:
        return None
    given = Case(case.label, hidden=case.hidden, **inputs)
    tensor = numbers(_values(exercise, answer, given, seed, name).get(name))
    return torch.full((1,), torch.nan, dtype=torch.float64) if tensor is None else tensor


def _changed(case: Case, change: Change) -> dict[str, Any] | None:
    try:
        return change(case.inputs)
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError):
        return None


def _values(
    exercise: Exercise, answer: Any, case: Case, seed: int, last: str = ""
) -> dict[str, Any]:
    """The values of right code on a case, up to an error, or the last that is asked for."""
    evidence = Evidence()
    with contextlib.suppress(TimeLimit), time_limit(exercise.seconds):
        run_case(exercise, answer, case, seed, evidence, False, lambda name, _: name == last)
    return evidence.values


def _changes(inputs: Inputs) -> Iterator[tuple[str, Change]]:
    """What may have been done to inputs such as these, in words."""
    for one, other in itertools.combinations(inputs, 2):
        if _alike(inputs[one], inputs[other]):
            yield f"{one} and {other} exchanged", _exchange(one, other)
    if any(_rows(value) > 2 for value in inputs.values()):
        for text, part in OF_EXAMPLES:
            yield text, _only(part)
    for name, value in inputs.items():
        for text, function in _functions(value):
            # A list of numbers holds those of several calls, and is named in the plural.
            one = (
                name.removesuffix("s") if isinstance(value, list) and function in _NUMERIC else name
            )
            yield text.format(one), _apply(name, function)


def _functions(value: Any) -> Sequence[tuple[str, Callable[[Any], Any]]]:
    item = value
    while isinstance(item, list | tuple) and item:
        item = item[0]
    if isinstance(item, bool):
        return ()
    if isinstance(item, float):
        return OF_NUMBERS
    if isinstance(item, int):
        return OF_WHOLE
    if isinstance(item, Tensor):
        return OF_TENSORS if item.is_floating_point() else OF_CODES
    return ()


def _alike(a: Any, b: Any) -> bool:
    """Whether two inputs may be mistaken for each other."""
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return a.shape == b.shape and a.dtype == b.dtype
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_alike, a, b))
    return isinstance(a, float) and isinstance(b, float)


def _exchange(one: str, other: str) -> Change:
    return lambda inputs: {**inputs, one: inputs[other], other: inputs[one]}


def _apply(name: str, function: Callable[[Any], Any]) -> Change:
    def each(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [each(item) for item in value]
        return None if value is None else function(value)

    return lambda inputs: {**inputs, name: each(inputs[name])}


def _only(part: slice) -> Change:
    """Some of the examples: of every input with as many rows as the first that has several."""

    def change(inputs: Inputs) -> dict[str, Any] | None:
        n = max(map(_rows, inputs.values()))
        kept = {name: value[part] if _rows(value) == n else value for name, value in inputs.items()}
        return kept if n > 2 else None

    return change


def _rows(value: Any) -> int:
    return len(value) if isinstance(value, Tensor) and value.ndim else 0

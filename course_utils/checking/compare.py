"""Whether two pieces of evidence agree, and where two runs of a probe first differ."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor

from course_utils.checking.difference import Difference
from course_utils.checking.evidence import Evidence
from course_utils.checking.exercise import Case
from course_utils.checking.tolerance import Slack

Step = tuple[str, str, Any, Any]  # name, kind, expected, got


def first_difference(
    cases: Sequence[Case],
    expected: Sequence[Evidence],
    got: Sequence[Evidence],
    subset: bool = False,
) -> Difference | None:
    """The first evidence that differs, case by case in the order of the probe.

    An input or a setting of torch that should not have changed comes before the values of its case,
    because it explains them. With `subset`, evidence that is not expected by name is passed over.
    """
    for case, want, have in zip(cases, expected, got, strict=False):
        for name, kind, a, b in _differences(case, want, have, subset):
            return Difference(case, name, kind, a, b, have, want)
    if len(got) < len(cases):
        return Difference(
            cases[len(got) - 1],
            "the run",
            "raised",
            None,
            got[-1].raised,
            got[-1],
            expected[len(got)],
        )
    return None


def _differences(case: Case, want: Evidence, have: Evidence, subset: bool) -> Iterator[Step]:
    """What differs in one case, in the order in which it is reported."""
    yield from _changed_inputs(case, want, have)
    yield from _states(want, have)
    yield from _values(case, want, have)
    yield from _endings(case, want, have)
    yield from _names(want, have, subset)
    yield from _inputs_left_alone(case, want, have)


def _changed_inputs(case: Case, want: Evidence, have: Evidence) -> Iterator[Step]:
    """Inputs that changed and should not have."""
    for name in have.inputs:
        if name not in want.inputs:
            yield f"{name} afterwards", "input", input_named(case, name), have.inputs[name]


def _states(want: Evidence, have: Evidence) -> Iterator[Step]:
    """Settings of torch that are not as they should be, and what tensors have besides numbers.

    A .grad that is missing is the probe's own, which it did not come to.
    """
    due = {name: value for name, value in want.state.items() if not name.startswith(".grad of")}
    for name in {**have.state, **due}:
        if have.state.get(name) != want.state.get(name):
            yield (
                name,
                "state",
                want.state.get(name, "left alone"),
                have.state.get(name, "left alone"),
            )


def _values(case: Case, want: Evidence, have: Evidence) -> Iterator[Step]:
    """Values that differ, as far as both runs came."""
    for name, value in want.values.items():
        if name not in have.values:
            return
        moved = partial(_named, want, "values", name)
        slack = Slack(case, want.rtol.get(name), moved)
        if not same(value, have.values[name], slack):
            yield name, "value", value, have.values[name]


def _endings(case: Case, want: Evidence, have: Evidence) -> Iterator[Step]:
    """An exception in one run and not in the other, or one of another type; a subclass of the due
    error is fine.
    """
    due = want.raised.type if want.raised else None
    if case.raises and want.raised and case.raises.__name__ in want.raised.names:
        due = case.raises.__name__
    if due not in (have.raised.names if have.raised else (None,)):
        place = next((name for name in want.values if name not in have.values), "the run")
        yield place, "raised" if have.raised else "missing", want.raised, have.raised


def _names(want: Evidence, have: Evidence, subset: bool) -> Iterator[Step]:
    """Values that are missing, or that should not be there."""
    for name in want.values:
        if name not in have.values:
            yield name, "missing", want.values[name], None
    for name in have.values:
        if name not in want.values and not subset:
            yield name, "extra", None, have.values[name]


def _inputs_left_alone(case: Case, want: Evidence, have: Evidence) -> Iterator[Step]:
    """Inputs that should have changed, and to these values."""
    for name, value in want.inputs.items():
        now = have.inputs.get(name, input_named(case, name))
        slack = Slack(case, moved=partial(_named, want, "inputs", name))
        if not same(value, now, slack):
            yield f"{name} afterwards", "value", value, now


def _named(want: Evidence, kind: Literal["values", "inputs"], name: str) -> Iterator[Any]:
    """What has this name in the runs of the expected evidence whose operands were moved."""
    runs = want.moved(name if kind == "values" else None) if want.moved else ()
    return (getattr(run, kind).get(name) for run in runs)


def input_named(case: Case, name: str) -> Any:
    """The value of an input by the name under which a change of it is recorded, such as
    `params[0]`; raises else.
    """
    root, _, rest = name.partition("[")
    value = case.inputs[root]
    for key in rest.rstrip("]").split("][") if rest else []:
        value = value[key.strip("'")] if isinstance(value, dict) else value[int(key)]
    return value


def same(expected: Any, got: Any, slack: Slack) -> bool:
    """Whether two pieces of evidence agree: exactly for integers, text and shapes, within the slack
    for floats.

    A number and a 0-d tensor are alike where a number is expected; so are a list and a 1-d tensor
    where a list is.
    """
    if isinstance(expected, Tensor):
        return _same_tensor(expected, got, slack)
    if isinstance(expected, list):
        listed = isinstance(got, Tensor) and got.shape == (len(expected),)
        return _same_list(expected, got.tolist() if listed else got, slack)
    if isinstance(expected, dict):
        return _same_dict(expected, got, slack)
    if isinstance(expected, int | float) and not isinstance(expected, bool):
        return _same_number(
            expected, got.item() if isinstance(got, Tensor) and got.ndim == 0 else got, slack
        )
    return type(expected) is type(got) and bool(expected == got)


def _same_tensor(expected: Tensor, got: Any, slack: Slack) -> bool:
    if not isinstance(got, Tensor) or got.shape != expected.shape or got.dtype != expected.dtype:
        return False
    return (
        slack.covers(expected, got) if expected.is_floating_point() else torch.equal(expected, got)
    )


def _same_number(expected: float, got: Any, slack: Slack) -> bool:
    if isinstance(got, bool) or not isinstance(got, int | float):
        return False
    if isinstance(expected, int):
        return isinstance(got, int) and got == expected
    return slack.covers_number(expected, got)


def _same_list(expected: list[Any], got: Any, slack: Slack) -> bool:
    if not isinstance(got, list) or len(got) != len(expected):
        return False
    return all(same(a, b, slack.at(i)) for i, (a, b) in enumerate(zip(expected, got, strict=True)))


def _same_dict(expected: dict[str, Any], got: Any, slack: Slack) -> bool:
    if not isinstance(got, dict) or got.keys() != expected.keys():
        return False
    return all(same(expected[key], got[key], slack.at(key)) for key in expected)

"""Axes: what every exercise is probed along besides its own cases, each axis with one more case
made from those.

An axis is data: `make` turns a case of the exercise into another one, on the judge's side, and
`handle` says how its inputs are handed over where the answer runs. What is expected of such a case
is, as always, what the reference gives.
"""

import inspect
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from course_utils.checking.exercise import Case, Exercise

Draw = Callable[[int], "Case"]


@dataclass(frozen=True)
class Axis:
    """One way to vary a case.

    label: follows the label of the case. mistake and hint are for an answer that is right in the
    exercise's own cases and wrong in this one. fits: whether a case can be varied so.
    """

    name: str
    label: str
    mistake: str
    hint: str
    fits: Callable[["Case"], bool] = lambda case: True
    make: Callable[[Mapping[str, Any]], dict[str, Any]] = dict


def cases(
    exercise: "Exercise", own: Sequence["Case"], others: Draw, names: Callable[[], list[str]]
) -> Iterator["Case"]:
    """One case for every axis of the exercise, made from its own cases.

    others: draws the case of a number with other numbers in it. names: the names of the
    reference's arguments, in order.
    """
    for axis in AXES:
        if axis.name in exercise.without:
            continue
        place = exercise.along.get(axis.name)
        fitting = (
            i for i, case in enumerate(own) if not (case.axis or case.raises) and axis.fits(case)
        )
        index = next(fitting, None) if place is None else place
        if index is None:
            continue
        case = own[index]
        detail: Any = None
        label = axis.label
        if axis is AGAIN:  # with numbers that were right when they came first
            detail = others(index).inputs
        elif axis is BY_NAME:
            detail = names()
            label = label.format(", ".join(f"{name}=..." for name in detail))
        yield type(case)(
            f"{case.label}, {label}", axis=axis.name, detail=detail, **axis.make(case.inputs)
        )


def tensors(value: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """The tensors in inputs, lists and dicts of them included, by the name under which a change of
    them is recorded.
    """
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from tensors(item, f"{name}[{key!r}]" if name else str(key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from tensors(item, f"{name}[{index}]")


def mapped(change: Callable[[Tensor], Tensor], value: Any) -> Any:
    """The value with every tensor in it changed."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, dict):
        return {key: mapped(change, item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [mapped(change, item) for item in value]
    return value


def hand_over(axis: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """Fresh inputs as an answer gets them along the axis: the same numbers, stored otherwise or
    with a gradient due.
    """
    if axis == EXPANDED.name:
        return _equal_rows(inputs)
    handle = HANDLED.get(axis)
    return mapped(handle, inputs) if handle else inputs


def refill(used: Any, value: Any) -> Any:
    """The value in the tensors that were used before, where they have its shape and dtype."""
    if isinstance(value, Tensor) and isinstance(used, Tensor):
        if used.shape != value.shape or used.dtype != value.dtype:
            return value
        with torch.no_grad():
            return used.copy_(value)
    if isinstance(value, dict) and isinstance(used, dict):
        return {key: refill(used.get(key), item) for key, item in value.items()}
    if isinstance(value, list) and isinstance(used, list):
        return [
            refill(old, new) for old, new in zip(used + [None] * len(value), value, strict=False)
        ]
    return value


def by_name(answer: Callable[..., Any], names: Sequence[str]) -> Callable[..., Any]:
    """The answer, called with its arguments by name, or itself where Python takes none by name."""
    if _by_place_alone(answer):
        return answer
    return lambda *args, **kwargs: answer(**dict(zip(names, args, strict=False)), **kwargs)


def _by_place_alone(answer: Callable[..., Any]) -> bool:
    """Whether it is written with `/` or `*args` alone, or is the `apply` of a function of
    autograd's.
    """
    owner = getattr(answer, "__self__", None)
    if isinstance(owner, type) and issubclass(owner, torch.autograd.Function):
        return True
    layers: list[Any] = []
    layer: Any = answer
    while inspect.isfunction(layer) and layer not in layers:  # a function may be wrapped in itself
        layers.append(layer)
        layer = getattr(layer, "__wrapped__", None)
    return any(_takes_no_names(layer) for layer in layers)


def _takes_no_names(function: Callable[..., Any]) -> bool:
    kinds = {p.kind for p in inspect.signature(function, follow_wrapped=False).parameters.values()}
    starred = (
        inspect.Parameter.VAR_POSITIONAL in kinds and inspect.Parameter.VAR_KEYWORD not in kinds
    )
    return starred or inspect.Parameter.POSITIONAL_ONLY in kinds


# Ends the name of evidence that a first call returned and a second one changed,
EARLIER = ", which an earlier call returned"
# and of evidence of that first call itself.
BEFORE = ", in the call before"


def generators() -> dict[str, Any]:
    """How far the generators of random numbers have come."""
    kind, keys, *rest = np.random.get_state(legacy=True)
    return {
        "the random numbers of torch": torch.get_rng_state().numpy().tobytes(),
        "the random numbers of NumPy": (kind, np.asarray(keys).tobytes(), *rest),
        "the random numbers of random": random.getstate(),
    }


def _double(x: Tensor) -> Tensor:
    """The numbers in float64, moved by less than float32 can tell, so that a way through float32
    shows.
    """
    return x.double() * (1 + 2.0**-30) if x.dtype == torch.float32 else x


def _as_view(x: Tensor) -> Tensor:
    """The same tensor in other storage: a transpose, or every second entry of a longer one."""
    if x.ndim > 1:
        return x.mT.contiguous().mT
    if x.ndim == 1 and x.is_floating_point():
        return torch.stack([x, torch.full_like(x, torch.nan)], 1)[:, 0]
    return torch.stack([x, torch.zeros_like(x)], 1)[:, 0] if x.ndim else x


def _with_gradient(x: Tensor) -> Tensor:
    return x.requires_grad_() if x.is_floating_point() else x


def _equal_rows(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs with a grad_out whose rows share their memory."""
    grad_out = inputs["grad_out"]
    return {**inputs, "grad_out": grad_out[:1].expand(grad_out.shape)}


def _has(test: Callable[[Tensor], bool]) -> Callable[["Case"], bool]:
    """Whether a case has a tensor of the kind."""
    return lambda case: any(test(x) for _, x in tensors(case.inputs))


FLOAT64 = Axis(
    "float64",
    "in float64",
    "float32 inside",
    "All is right in float32, but not with float64 inputs. Does your code turn something into "
    "float32, as `.float()` does? Or is it a tensor that you make yourself? By torch.zeros, "
    "torch.ones or torch.tensor it is float32: make it like an input (`torch.zeros_like`, "
    "`x.new_zeros`).",
    fits=_has(lambda x: x.dtype == torch.float32),
    make=lambda inputs: mapped(_double, inputs),
)
VIEWS = Axis(
    "views",
    "stored in another order (as a transpose, or as every second entry of a longer tensor)",
    "order of storage",
    "The same numbers in another order of storage give something else, or an error. `.view` and "
    "writing into `.flatten()` depend on how a tensor is stored; `.reshape`, and working on whole "
    "tensors, do not.",
    fits=_has(lambda x: x.ndim > 1 and min(x.shape) > 1),
)
EXPANDED = Axis(
    "expanded",
    "with equal rows in grad_out that share their memory (as .expand makes them)",
    "order of storage",
    "Rows that share their memory give an error or something else. autograd passes such "
    "gradients: those of a sum are equal everywhere. Do not write into an input, and use "
    "`.reshape` in place of `.view`.",
    fits=lambda case: "grad_out" in case.inputs and case.grad_out.ndim > 0,
    make=_equal_rows,
)
GRADIENT = Axis(
    "requires_grad",
    "with inputs that require a gradient",
    "inputs that require a gradient",
    "The inputs require a gradient here, as parameters and whatever is computed from them do. "
    "They cannot be changed in place, and `.numpy()` needs a `.detach()` first.",
    fits=_has(lambda x: x.is_floating_point()),
)
KEPT = (
    "Your code keeps something from one call to the next: look for a global variable, a default "
    "argument such as `[]`, an attribute of a function, a class or a tensor, and a cache."
)
AGAIN = Axis(
    "again",
    "a second call, after one with other numbers",
    "keeps something between calls",
    f"The first call is right, but the next one is not. {KEPT}",
)
BY_NAME = Axis(
    "by_name",
    "with every argument by name: {}",
    "other names of arguments",
    "Your code does not take its arguments by name. Keep the names that the docstring gives them.",
)
# A second call comes first: what is kept from earlier calls shows in every case that follows.
AXES = (AGAIN, FLOAT64, VIEWS, EXPANDED, GRADIENT, BY_NAME)
# How many examples are many only the exercise knows: it names this axis in a case of its own, its
# last.
MANY = Axis(
    "many",
    "",
    "wrong for many",
    "A few examples are right, but many are not. Does your code go through them in parts of a "
    "fixed size? An average of averages is not the average where the last part is smaller.",
)
BY_AXIS = {axis.name: axis for axis in (*AXES, MANY)}
HANDLED: Mapping[str, Callable[[Tensor], Tensor]] = {
    VIEWS.name: _as_view,
    GRADIENT.name: _with_gradient,
}

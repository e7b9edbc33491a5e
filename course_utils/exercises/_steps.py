"""What exercises about an optimizer's step share: cases, the probe, and the mistakes of any in-place step."""

import inspect
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from course_utils.checking import Case, Mistake, Rng

Step = Callable[..., Any]

# Every optimizer of torch, the functions of its modules that do the same, and the fused functions below them.
OPTIMIZERS = (
    *(cls for cls in vars(torch.optim).values() if inspect.isclass(cls) and issubclass(cls, torch.optim.Optimizer)),
    *(module for name, module in list(sys.modules.items()) if name.startswith("torch.optim.")),
)
BUILT_IN = {name: getattr(torch._C._VariableFunctions, name) for name in dir(torch._C._VariableFunctions)}
STEPS = (*OPTIMIZERS, *(item for name, item in BUILT_IN.items() if re.match("_fused_(sgd|adam|adagrad)", name)))
WITHOUT = {
    "views": "parameters are stored in order, so that a way through p.view(-1) is right",
    "requires_grad": "parameters require a gradient in every case",
}


def step_case(
    rng: Rng, label: str, shapes: Sequence[tuple[int, ...]], steps: int, without: Sequence[int] = (), **inputs: Any
) -> Case:
    """Parameters of these shapes and `steps` sets of gradients; the parameters numbered in `without` have none."""
    grads = [[None if i in without else rng.normal(*shape) for i, shape in enumerate(shapes)] for _ in range(steps)]
    lrs = [rng.number(0.05, 0.5) for _ in range(steps)]
    return Case(label, params=[rng.normal(*shape) for shape in shapes], grads=grads, lrs=lrs, **inputs)


def probe_steps(case: Case, call: Callable[..., Any], *buffers: str) -> Iterator[tuple[Any, ...]]:
    """Take the steps of a case; `call(params, *buffers, t, lr)` takes one, `buffers` names inputs like `params`.

    A case with `start` begins with step number `start`; one with `in_no_grad` calls inside torch.no_grad().
    """
    inputs = case.inputs
    params = [p.requires_grad_() for p in case.params]
    lists = [list(inputs[name]) for name in buffers]
    for t, (grads, lr) in enumerate(zip(case.grads, case.lrs, strict=True), inputs.get("start", 1)):
        for p, g in zip(params, grads, strict=True):
            p.grad = None if g is None else g.clone()
        given = [list(params), *map(list, lists)]
        with torch.set_grad_enabled(not inputs.get("in_no_grad", False)):
            yield f"what step {t} returns", call(*given, t, lr)
        for name, before, after in zip(("params", *buffers), (params, *lists), given, strict=True):
            kept = len(before) == len(after) and all(a is b for a, b in zip(before, after, strict=True))
            frozen = kept and name == "params" and not all(p.requires_grad for p in params)
            same = "the same tensors, but frozen (requires_grad is False)" if frozen else "the same tensors"
            yield f"{name} after step {t}", same if kept else "other tensors than before"
        for name, tensors in zip((*buffers, "params"), (*lists, params), strict=True):
            for i, tensor in enumerate(tensors):
                yield f"{name}[{i}] after step {t}", tensor
        for i, p in enumerate(params):
            yield f".grad of params[{i}] after step {t}", p.grad
        history = [b for b in params + sum(lists, []) if not b.is_leaf]
        yield f"tensors with a history after step {t}", len(history)


def in_place_mistakes(right: Step, buffers: Sequence[str] = ()) -> list[Mistake]:
    """Mistakes in the handling of tensors, whatever the formula; `right` is a right step, params and buffers first."""

    def aside(lists: Sequence[list[Tensor]], rest: Sequence[Any]) -> list[list[Tensor]]:
        """The lists as they should be afterwards, in new tensors."""
        copies = [[t.detach().clone() for t in items] for items in lists]
        for copy, p in zip(copies[0], lists[0], strict=True):
            copy.requires_grad_().grad = p.grad
        right(*copies, *rest)
        return copies

    def split(args: Sequence[Any]) -> tuple[list[list[Tensor]], Sequence[Any]]:
        return list(args[: 1 + len(buffers)]), args[1 + len(buffers) :]

    def local(which: Sequence[int]) -> Step:
        """The lists numbered in `which` keep their old values."""

        def step(*args: Any) -> None:
            lists, rest = split(args)
            for i, (items, copies) in enumerate(zip(lists, aside(lists, rest), strict=True)):
                for item, copy in zip(items, copies, strict=True):
                    if i not in which:
                        item.data.copy_(copy.data)

        return step

    def replaced(which: Sequence[int]) -> Step:
        """The entries of the lists numbered in `which` are new tensors, the old ones stay as they were."""

        def step(*args: Any) -> None:
            lists, rest = split(args)
            results = aside(lists, rest)
            for i, (items, copies) in enumerate(zip(lists, results, strict=True)):
                for j, copy in enumerate(copies):
                    if i in which and results[0][j].grad is not None:
                        items[j] = copy
                    else:
                        items[j].data.copy_(copy.data)

        return step

    def after(change: Callable[[Tensor], None]) -> Step:
        def step(*args: Any) -> None:
            right(*args)
            for p in args[0]:
                if p.grad is not None:
                    change(p)

        return step

    def without_no_grad(at_none: type[Exception] | None) -> Step:
        """torch's error at the first change of a parameter, or `at_none` before it where a gradient is missing."""

        def step(*args: Any) -> None:
            if at_none is not None and args[0][0].grad is None:
                raise at_none
            if torch.is_grad_enabled():
                raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
            right(*args)

        return step

    def until_none(error: type[Exception] | None) -> Step:
        def step(*args: Any) -> None:
            lists, rest = split(args)
            for p, *own in zip(*lists, strict=True):
                if p.grad is None:
                    if error is not None:
                        raise error
                    return
                right([p], *([b] for b in own), *rest)

        return step

    def none_is_zero(*args: Any) -> None:
        missing = [p for p in args[0] if p.grad is None]
        for p in missing:
            p.grad = torch.zeros_like(p)
        right(*args)
        for p in missing:
            p.grad = None

    def returns(*args: Any) -> Any:
        right(*args)
        return args[0]

    def compacted(*args: Any) -> None:
        lists, rest = split(args)
        right([p for p in lists[0] if p.grad is not None], *lists[1:], *rest)

    def zero(p: Tensor) -> None:
        assert p.grad is not None
        p.grad.zero_()

    def drop(p: Tensor) -> None:
        p.grad = None

    def freeze(p: Tensor) -> None:
        p.requires_grad_(False)

    skip_hint = "A parameter that took no part in the loss has no gradient. Pass over it and go on with the next one: "
    found = [
        Mistake(
            "gradient zeroed",
            after(zero),
            "The step is right, but afterwards the gradients are zero. Clearing them is the business of whoever calls "
            "backward; a step only reads `.grad`.",
        ),
        Mistake(
            "gradient thrown away",
            after(drop),
            "The step is right, but afterwards `.grad` is None. A step only reads the gradients.",
        ),
        Mistake(
            "parameters frozen",
            after(freeze),
            "The parameters move rightly, but afterwards their requires_grad is False: the next backward gives them no "
            "gradient. Do the step inside `torch.no_grad()` instead; it records nothing and changes no setting.",
        ),
        *(
            Mistake(
                "outside no_grad",
                without_no_grad(at_none),
                "torch refuses to change a parameter in place while it records operations for the backward pass. A "
                f"step is no part of the loss: do it inside `torch.no_grad()`.{also}",
            )
            for at_none, also in (
                (None, ""),
                (TypeError, " And skip a parameter whose `.grad` is None: None cannot be added or multiplied."),
                (AttributeError, " And skip a parameter whose `.grad` is None: None has no methods of a tensor."),
            )
        ),
        Mistake(
            "name bound again",
            local([0]),
            "The parameters do not move. `p = p - ...` makes a new tensor and gives it the name p; the parameter that "
            "the model holds stays as it was. Change it in place (`-=`, `.sub_`, `.copy_`).",
        ),
        Mistake(
            "parameters replaced",
            replaced([0]),
            "The list now holds new tensors, and the model still holds the old ones. Change the tensors that came in, "
            "in place.",
        ),
        Mistake(
            "missing gradient not skipped",
            until_none(TypeError),
            skip_hint + "`.grad` is None there, and None cannot be added or multiplied.",
        ),
        Mistake(
            "missing gradient not skipped",
            until_none(AttributeError),
            skip_hint + "`.grad` is None there, and None has no methods of a tensor.",
        ),
        Mistake(
            "stops at a missing gradient",
            until_none(None),
            "Everything after the first parameter without gradient is left out. Go on with the next one instead of "
            "leaving the loop (`continue`, not `break` or `return`).",
        ),
        Mistake(
            "returns the parameters",
            returns,
            "The step is right, but it hands something back. It works in place and returns nothing, so that nobody "
            "mistakes the result for new tensors.",
        ),
    ]
    if buffers:
        named = " and ".join(buffers)
        found += [
            Mistake(
                "missing gradient taken for zero",
                none_is_zero,
                f"No gradient is not a gradient of zero: {named} of a parameter without `.grad` stay as they are, and "
                "so does the parameter.",
            ),
            Mistake(
                "parameters and buffers out of step",
                compacted,
                f"You drop the parameters without gradient first and then go through {named} from the start: from "
                "there on, every parameter meets its neighbour's entry. Zip first, skip afterwards.",
            ),
        ]
        for i, name in enumerate(buffers, 1):
            found += [
                Mistake(
                    f"{name} not kept",
                    local([i]),
                    f"The tensors in {name} are never changed, so the next step starts from nothing again. A name "
                    "bound to a new tensor is forgotten when the function ends: write the new values into the tensor "
                    "that is there.",
                ),
                Mistake(
                    f"{name} replaced",
                    replaced([i]),
                    f"The list {name} holds new tensors now; whoever kept the old ones (an optimizer's state, a "
                    "checkpoint) does not see the change. Write into the tensors that came in.",
                ),
            ]
        everything = range(1 + len(buffers))
        found += [
            Mistake(
                "nothing kept",
                local(everything),
                "Neither the parameters nor the buffers change. `x = ...` gives a name to a new tensor and leaves the "
                "old one as it was: write into the tensors that came in (`-=`, `.mul_`, `.copy_`).",
            ),
            Mistake(
                "everything replaced",
                replaced(everything),
                "The lists hold new tensors now, and the model still holds the old ones. Write into the tensors that "
                "came in.",
            ),
        ]
    if len(buffers) > 1:
        found += [
            Mistake(
                "no buffer kept",
                local(range(1, 1 + len(buffers))),
                "None of the buffers ever changes, so every step is like the first. Write the new values into the "
                "tensors that are there.",
            ),
            Mistake(
                "all buffers replaced",
                replaced(range(1, 1 + len(buffers))),
                "The lists of buffers hold new tensors now; whoever kept the old ones does not see the change. Write "
                "into the tensors that came in.",
            ),
        ]
    return found

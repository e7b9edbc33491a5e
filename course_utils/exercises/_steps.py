"""What the exercises on optimizer steps share: cases, the probe, mistakes of any in-place step."""

import contextlib
import functools
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch

from course_utils.checking import Case, Edit, Mistake, Rng, claim, edit

# Every optimizer of torch, the functions of its modules that do the same, and the fused functions
# below them.
OPTIMIZERS = (
    *(
        cls
        for cls in vars(torch.optim).values()
        if inspect.isclass(cls) and issubclass(cls, torch.optim.Optimizer)
    ),
    *(module for name, module in list(sys.modules.items()) if name.startswith("torch.optim.")),
)
BUILT_IN = {
    name: getattr(torch._C._VariableFunctions, name) for name in dir(torch._C._VariableFunctions)
}
STEPS = (
    *OPTIMIZERS,
    *(item for name, item in BUILT_IN.items() if re.match("_fused_(sgd|adam|adagrad)", name)),
)
WITHOUT = {
    "views": "parameters are stored in order, so a solution through p.view(-1) is right",
    "requires_grad": "parameters require a gradient in every case",
}


def step_case(
    rng: Rng,
    label: str,
    shapes: Sequence[tuple[int, ...]],
    steps: int,
    without: Sequence[int] = (),
    **inputs: Any,
) -> Case:
    """Parameters of these shapes, with `steps` sets of gradients, and none for those numbered in
    `without`.
    """
    grads = [
        [None if i in without else rng.normal(*shape) for i, shape in enumerate(shapes)]
        for _ in range(steps)
    ]
    lrs = [rng.number(0.05, 0.5) for _ in range(steps)]
    return Case(
        label, params=[rng.normal(*shape) for shape in shapes], grads=grads, lrs=lrs, **inputs
    )


def with_zeros(rng: Rng, case: Case) -> Case:
    """The case with a gradient of zeros for params[0] in its second step, and for params[1], which
    has 5 entries, one whose sum is 0.
    """
    up, down = (rng.integers(1, 9, 2) / 4).tolist()
    zeros, cancelling = torch.zeros_like(case.params[0]), torch.tensor([up, -up, down, 0.0, -down])
    case.grads[1][:2] = zeros, cancelling
    return case


def ending_at_rest(case: Case) -> Case:
    """The case with a learning rate of 0 in its last step, as at the end of a schedule."""
    case.lrs[-1] = 0.0
    return case


def with_a_large_gradient(case: Case) -> Case:
    """The case with a gradient of thousands for its last parameter in the first step."""
    case.grads[0][-1] *= 40_000
    return case


def probe_steps(case: Case, call: Callable[..., Any], *buffers: str) -> Iterator[tuple[Any, ...]]:
    """Take the steps of a case; `call(params, *buffers, t, lr)` takes one, and `buffers` names
    inputs like `params`.

    A case with `start` begins with step number `start`; one with `in_no_grad` calls inside
    torch.no_grad(); with `frozen` the parameters do not require grad when the step is taken. One
    tensor holds a parameter's gradients of all steps, as with `backward`, so that a buffer that
    shares its memory shows.
    """
    inputs = case.inputs
    recording = not inputs.get("in_no_grad", False)
    params = [p.requires_grad_() for p in case.params]
    held = [torch.empty_like(p, requires_grad=False) for p in params]
    lists = [list(inputs[name]) for name in buffers]
    for t, (grads, lr) in enumerate(zip(case.grads, case.lrs, strict=True), inputs.get("start", 1)):
        for p, g, own in zip(params, grads, held, strict=True):
            p.grad = None if g is None else own.copy_(g)
            p.requires_grad_(not inputs.get("frozen", False))
        given = [list(params), *map(list, lists)]
        # Around a call that records gradients nothing is put back, so what it sets is found.
        with contextlib.nullcontext() if recording else torch.no_grad():
            yield f"what step {t} returns", call(*given, t, lr)
            if not recording:
                still_off = not torch.is_grad_enabled()
                yield claim("the recording of gradients is off, as before the call", still_off)
        for name, before, after in zip(("params", *buffers), (params, *lists), given, strict=True):
            kept = len(before) == len(after) and all(
                a is b for a, b in zip(before, after, strict=True)
            )
            frozen = (
                kept
                and name == "params"
                and not inputs.get("frozen")
                and not all(p.requires_grad for p in params)
            )
            same = (
                "the same tensors, but frozen (requires_grad is False)"
                if frozen
                else "the same tensors"
            )
            yield f"{name} after step {t}", same if kept else "different tensors"
        for name, tensors in zip((*buffers, "params"), (*lists, params), strict=True):
            for i, tensor in enumerate(tensors):
                yield f"{name}[{i}] after step {t}", tensor
        for i, p in enumerate(params):
            yield f".grad of params[{i}] after step {t}", p.grad
        history = [b for b in params + sum(lists, []) if not b.is_leaf]
        yield f"tensors with a history after step {t}", len(history)


_REBOUND = edit("p -= ", "p = p - ")
_REPLACED = edit("p -= ", "params[[x is p for x in params].index(True)] = p - ")


def in_place_mistakes(
    buffers: Mapping[str, str] | None = None, rebound: Edit = _REBOUND, replaced: Edit = _REPLACED
) -> list[Mistake]:
    """Mistakes in handling tensors, whatever the formula, as edits of a step that ends in `p -=
    ...`.

    buffers: the loop's name for each list of buffers, such as {"velocities": "v"}, which the
    reference fills by `v.copy_(...)`. rebound, replaced: the step with a new tensor named p, or put
    into the list, where more lines than the last change p.
    """
    skip_hint = (
        "A parameter that took no part in the loss has no gradient. Skip it and go on with the "
        "next one: "
    )
    return [
        Mistake(
            "gradient zeroed",
            edit(
                "", "    for p in params:\n        p.grad = None if p.grad is None else 0 * p.grad"
            ),
            "After your step the gradients are zero. Clearing them is up to the caller of "
            "backward; a step only reads `.grad`.",
        ),
        Mistake(
            "gradient thrown away",
            edit("", "    for p in params:\n        p.grad = None"),
            "After your step `.grad` is None. A step only reads the gradients.",
        ),
        Mistake(
            "parameters frozen",
            edit("", "            p.requires_grad_(False)"),
            "After your step the parameters have requires_grad=False: the next backward gives "
            "them no gradient. Do the step inside `torch.no_grad()` instead; it records "
            "nothing and changes no setting.",
        ),
        Mistake(
            "outside no_grad",
            edit("@torch.no_grad()\n", ""),
            "torch refuses to change a parameter in place while it records operations for the "
            "backward pass. A step is not part of the loss: do it inside `torch.no_grad()`.",
        ),
        Mistake(
            "name rebound",
            rebound,
            "The parameters do not move. Did you write `p = p - ...`? That makes a new tensor "
            "and calls it p; the model's parameter stays as it was. Change it in place (`-=`, "
            "`.sub_`, `.copy_`).",
        ),
        Mistake(
            "parameters replaced",
            replaced,
            "The list now holds new tensors, while the model still holds the old ones. Change "
            "the tensors that were passed in, in place.",
        ),
        Mistake(
            "missing gradient not skipped",
            edit("p.grad is not None", "True"),
            skip_hint + "`.grad` is None there, and None cannot be added or multiplied.",
        ),
        Mistake(
            "missing gradient not skipped",
            edit("p.grad is not None", "p.grad.isfinite() is not None"),
            skip_hint + "`.grad` is None there, and None has none of a tensor's methods.",
        ),
        Mistake(
            "fails for a tensor of shape ()",
            edit("p -= ", "p[:] -= "),
            "A tensor of shape () has no dimension to slice or loop over, so `p[:] = ...` "
            "fails. `-=`, `.sub_` and `.copy_` work for any shape.",
        ),
        Mistake(
            "stops at a missing gradient",
            edit("if p.grad is not None:", "if p.grad is None:\n            break\n        else:"),
            "You leave out everything after the first parameter without a gradient. Go on with "
            "the next one instead of leaving the loop (`continue`, not `break` or `return`).",
        ),
        Mistake(
            "missing gradient filled in",
            edit(
                "if p.grad is not None:",
                "p.grad = torch.zeros_like(p) if p.grad is None else p.grad\n        if True:",
            ),
            "After your step a parameter whose `.grad` was None has a gradient of zeros. A "
            "step only reads `.grad`: skip the parameter and leave the None alone.",
        ),
        Mistake(
            "returns the parameters",
            edit("", "    return params"),
            "Your function returns something. A step works in place and returns nothing, so "
            "that nobody takes the result for new tensors.",
        ),
        *(_buffer_mistakes(buffers, rebound, replaced) if buffers else []),
    ]


def _buffer_mistakes(buffers: Mapping[str, str], rebound: Edit, replaced: Edit) -> list[Mistake]:
    """Mistakes in handling the lists in which a step remembers things."""
    named = " and ".join(buffers)
    loop = f"zip(params, {', '.join(buffers)}, strict=True)"
    locals_ = {name: edit(f"{x}.copy_(", f"{x} = (") for name, x in buffers.items()}
    new = {
        name: edit(f"{x}.copy_(", f"{name}[[y is {x} for y in {name}].index(True)] = {x} = (")
        for name, x in buffers.items()
    }
    all_local, all_new = (
        functools.reduce(Edit.__add__, edits.values()) for edits in (locals_, new)
    )
    mistakes = [
        Mistake(
            "missing gradient treated as zero",
            edit(
                "if p.grad is not None:",
                "missing = p.grad is None\n        p.grad = torch.zeros_like(p) if missing else "
                "p.grad\n        if True:",
                "",
                "            p.grad = None if missing else p.grad",
            ),
            f"No gradient is not the same as a gradient of zero: {named} of a parameter "
            "without `.grad` stay as they are, and so does the parameter.",
        ),
        Mistake(
            "parameters and buffers out of step",
            edit(loop, f"zip([x for x in params if x.grad is not None], {', '.join(buffers)})"),
            f"You drop the parameters without a gradient first and then go through {named} "
            "from the start: from there on, every parameter is paired with its neighbour's "
            "entry. Zip first, skip afterwards.",
        ),
        Mistake(
            "nothing updated",
            rebound + all_local,
            "Neither the parameters nor the buffers change. `x = ...` gives a name to a new "
            "tensor and leaves the old one as it was: write into the tensors that were passed "
            "in (`-=`, `.mul_`, `.copy_`).",
        ),
        Mistake(
            "everything replaced",
            replaced + all_new,
            "The lists now hold new tensors, while the model still holds the old ones. Write "
            "into the tensors that were passed in.",
        ),
    ]
    for name in buffers:
        mistakes += [
            Mistake(
                f"{name} never updated",
                locals_[name],
                f"The tensors in {name} never change, so the next step starts from scratch. A "
                "name given to a new tensor is forgotten when the function ends: write the "
                "new values into the existing tensor.",
            ),
            Mistake(
                f"{name} replaced",
                new[name],
                f"The list {name} now holds new tensors; anyone who kept the old ones (an "
                "optimizer's state, a checkpoint) does not see the change. Write into the "
                "tensors that were passed in.",
            ),
        ]
    if len(buffers) > 1:
        mistakes += [
            Mistake(
                "no buffer updated",
                all_local,
                "None of the buffers ever changes, so every step is like the first. Write the "
                "new values into the existing tensors.",
            ),
            Mistake(
                "all buffers replaced",
                all_new,
                "The lists of buffers now hold new tensors; anyone who kept the old ones does "
                "not see the change. Write into the tensors that were passed in.",
            ),
        ]
    return mistakes


def decay_mistakes(pull: Callable[[str], Edit]) -> list[Mistake]:
    """Mistakes in how much p decays; pull: the edit that puts another term in place of `wd * p`."""
    return [
        Mistake(
            "wd not multiplied by lr",
            pull("wd / lr * p"),
            "The weight loses wd of itself in every step, however small lr is. Scale the decay "
            "by lr like the rest of the step.",
        ),
        Mistake(
            "the penalty's factor 2",
            pull("2 * wd * p"),
            "Your decay is twice as strong as it should be. 2*wd*p is the gradient of "
            "wd*sum(p**2); torch's weight_decay is the factor of p itself, without the 2.",
        ),
        Mistake(
            "weights grow instead of decaying",
            pull("-wd * p"),
            "Your decay has the wrong sign: it pushes the weights away from 0. It should pull "
            "each weight towards 0.",
        ),
        Mistake(
            "lr twice in the decay",
            pull("lr * wd * p"),
            "You multiply the decay by lr twice. Once is enough, as for the rest of the step.",
        ),
        Mistake(
            "same amount subtracted from every weight",
            pull("wd"),
            "Every weight loses the same amount, lr * wd, so a negative one moves away from 0. "
            "The decay is a share of the weight itself.",
        ),
        Mistake(
            "half the decay",
            pull("wd / 2 * p"),
            "Your decay is half as strong as it should be. The 1/2 is in the penalty; it "
            "cancels the 2 of its gradient, which is wd * p.",
        ),
        Mistake(
            "squared weights added",
            pull("wd * p.square()"),
            "You add wd times the square of each weight, so negative weights are pushed away "
            "from 0. What belongs there is the slope, wd * p.",
        ),
        Mistake(
            "no decay",
            pull("0"),
            "wd has no effect. If you do shrink p, remember what `p = p * ...` does: it gives "
            "the name p to a new tensor.",
        ),
        Mistake(
            "biases not decayed",
            pull("wd * p * (p.ndim > 1)"),
            "Your one-dimensional tensors do not decay. Whoever makes the list decides which "
            "parameters decay; the step treats them all alike.",
        ),
        Mistake(
            "biases not decayed",
            pull("wd * p * (p.ndim != 1)"),
            "Your vectors do not decay, though everything else does. Whoever makes the list "
            "decides which parameters decay; the step treats them all alike.",
        ),
        Mistake(
            "weights decayed without a gradient",
            edit("is not None:", "is None:\n            p -= lr * wd * p\n        else:"),
            "A parameter whose `.grad` is None took no part in the loss and is left alone: it "
            "does not decay either.",
        ),
        Mistake(
            "decays only where there is a gradient",
            pull("wd * p * (p.grad != 0)"),
            "Weights whose gradient is 0 do not decay. Only a parameter whose `.grad` is None is "
            "left alone; decay pulls where the loss does not, too.",
        ),
        Mistake(
            "decays only where there is a gradient",
            pull("wd * p * bool(p.grad.any())"),
            "A parameter whose gradient is all zeros does not decay. Only one whose `.grad` is "
            "None is left alone; decay pulls where the loss does not, too.",
        ),
        Mistake(
            "the sign of the weight instead of the weight",
            pull("wd * p.sign()"),
            "Every weight moves by the same amount towards 0, however large it is. That is the "
            "slope of wd*|p|; here it is a share of the weight itself.",
        ),
        Mistake(
            "a sum for every entry",
            pull("wd * p.sum()"),
            "You pull every entry by the sum of all of them. Each weight decays in proportion "
            "to itself.",
        ),
        Mistake(
            "a sum of squares added",
            pull("wd * p.square().sum()"),
            "You pull every entry by the penalty itself, one number. Some notes say so; what "
            "belongs there is the penalty's gradient, which differs from entry to entry.",
        ),
    ]


def factor_mistakes() -> list[Mistake]:
    """Mistakes in the line `p *= 1 - lr * wd`."""
    return [
        Mistake(
            "shrinks to a fraction",
            edit("1 - lr", "lr"),
            "You keep only lr*wd of the weight. It should lose that part and keep the rest.",
        ),
        Mistake(
            "exponential decay",
            edit("1 - lr * wd", "torch.tensor(-lr * wd).exp()"),
            "You shrink by exp(-lr * wd). That is the limit of many tiny steps; one step "
            "shrinks by 1 - lr * wd.",
        ),
        Mistake(
            "factor subtracted",
            edit("p *= ", "p -= "),
            "You subtract 1 - lr * wd from the weight. It is a factor: the share of the weight "
            "that remains.",
        ),
    ]

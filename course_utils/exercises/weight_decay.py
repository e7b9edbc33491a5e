"""Exercises of lesson 06: the penalty and its gradient, two ways to keep weights small, and which
ones to spare.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import nn

from course_utils.checking import (
    Case,
    Edit,
    Exercise,
    Expose,
    FreeText,
    Mistake,
    Rng,
    claim,
    edit,
    gradients,
)
from course_utils.exercises._forms import EXPOSING, missed
from course_utils.exercises._steps import (
    STEPS,
    WITHOUT,
    decay_mistakes,
    factor_mistakes,
    in_place_mistakes,
    probe_steps,
    step_case,
    with_zeros,
)

WHEN_DO_THEY_DIFFER = FreeText("weight_decay.when_do_they_differ", extra=True)


class L2Penalty(Exercise):
    """wd times the sum of the squares of all entries of all params, a 0-d tensor."""

    id, points = "weight_decay.l2_penalty", 1
    minutes, lines, writes = 5, "one or two lines", "a cost for large weights"
    without = {
        "float64": "a sum that starts at a float32 zero is right in this lesson",
    }

    def cases(self, rng: Rng) -> Iterable[Case]:
        yield Case("one vector of 3 numbers, wd 0.1", params=[rng.normal(3)], wd=0.1)
        yield Case(
            "a matrix and its bias",
            params=[rng.normal(4, 3), rng.normal(4)],
            wd=rng.number(0.2, 0.8),
        )
        yield Case("a single number (shape ())", params=[rng.normal()], wd=rng.number(2, 3))
        shapes = [(2, 3, 2), (5,), (1, 4), (3,), (5,)]
        several = [rng.normal(*shape) for shape in shapes]
        several[3].zero_()  # as a bias starts
        yield Case(
            "five tensors, two of one shape, one of zeros",
            params=several,
            wd=rng.number(0.01, 0.05),
        )
        yield Case("wd 0", params=[rng.normal(2, 3)], wd=0.0)
        yield Case(
            "1,033 numbers", axis="many", params=[rng.normal(1033)], wd=rng.number(0.01, 0.05)
        )

    def probe(self, l2_penalty: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "penalty", l2_penalty(case.params, case.wd)
        params = [p.clone().requires_grad_() for p in case.params]
        for i, grad in enumerate(gradients(l2_penalty(list(params), case.wd), params)):
            yield f"grad of params[{i}]", grad
        if len(params) > 1:
            _ = params[0].requires_grad_(False)
            yield "penalty with params[0] frozen", l2_penalty(list(params), case.wd)

    mistakes = (
        Mistake(
            "detached from the graph",
            edit("p.square()", "p.detach().square()"),
            "No gradient flows back from your result (`.detach()`, `.data`, "
            "`torch.tensor(...)`, no_grad): the penalty would have no effect on training.",
        ),
        *(
            Mistake(
                f"the {place} tensor detached",
                edit("p.square()", f"(p.detach() if p is params[{index}] else p).square()"),
                f"No gradient flows back to the {place} tensor (`.detach()`, `.data`): the penalty "
                "would have no effect on it.",
            )
            for place, index in (("first", 0), ("last", -1))
        ),
        Mistake(
            "a number instead of a tensor",
            edit("]).sum()", "]).sum().item()"),
            "You return a Python number (`.item()`, `float(...)`), and no gradient flows back from "
            "it. Keep the tensor.",
        ),
        Mistake(
            "half of it",
            edit("wd *", "wd / 2 *"),
            "You put a factor 1/2 in front. Some books do, so that the gradient is wd*w; here the "
            "penalty is wd * sum(w**2) without it.",
        ),
        Mistake(
            "norm instead of its square",
            edit("]).sum()", "]).sum().sqrt()"),
            "This is the length of all weights together, the root of the sum. The penalty has no "
            "root.",
        ),
        Mistake(
            "norms added",
            edit("p.square().sum()", "p.norm()"),
            "`norm()` takes the root of a sum of squares. The penalty adds the squares themselves.",
        ),
        Mistake(
            "norms added, then squared",
            edit("p.square().sum()", "p.norm()", "]).sum()", "]).sum() ** 2"),
            "You add up the norms of the tensors and square their sum, which is more than the sum "
            "of the squares. Square first, then add.",
        ),
        Mistake(
            "spectral norm of a matrix",
            edit(
                "p.square()",
                "(torch.linalg.norm(p, 2) ** 2 if p.ndim == 2 else p.square())",
            ),
            "For a matrix, `torch.linalg.norm(p, 2)` is not the root of the sum of all squares but "
            "the largest singular value. Square the entries and add them up.",
        ),
        Mistake(
            "matrix product instead of squares",
            edit("p.square()", "(p @ p.mT if p.ndim > 1 else p * p)"),
            "You multiply a matrix by itself with `@`, which mixes its rows. Square it entry by "
            "entry: `p * p`, `p**2` or `p.square()`.",
        ),
        Mistake(
            "matrix product instead of squares",
            edit(
                "p.square()",
                "(p.reshape(len(p), -1).mT @ p.reshape(len(p), -1) if p.ndim else p * p)",
            ),
            "You multiply a matrix by itself with `@`, which mixes its columns. Square it entry by "
            "entry: `p * p`, `p**2` or `p.square()`.",
        ),
        Mistake(
            "sum squared",
            edit("p.square().sum()", "p.sum()", "]).sum()", "]).sum().square()"),
            "You add first and square afterwards, so +3 and -3 cancel and cost nothing. Square "
            "first.",
        ),
        Mistake(
            "sum of each tensor squared",
            edit("p.square().sum()", "p.sum().square()"),
            "Within each tensor you add first and square afterwards, so +3 and -3 cancel and cost "
            "nothing. Square each entry first.",
        ),
        Mistake(
            "L1",
            edit("p.square()", "p.abs()"),
            "This adds absolute values: the L1 penalty. L2 adds squares.",
        ),
        Mistake(
            "mean instead of sum",
            edit("p.square().sum()", "p.square().mean()"),
            "You average within each tensor, so a weight of a large layer counts less than one of "
            "a small layer. The penalty is a sum.",
        ),
        Mistake(
            "not added up",
            edit(
                "torch.stack([p.square().sum() for p in params]).sum()",
                "sum(p.square() for p in params)",
            ),
            "You square the entries but do not add them up. Add those of one tensor up to a "
            "single number first; then tensors of any shapes can be added.",
        ),
        Mistake(
            "mean of everything",
            edit("]).sum()", "]).sum() / sum(p.numel() for p in params)"),
            "You divide by the number of weights. The penalty is a sum: twice the weights, twice "
            "the cost.",
        ),
        Mistake(
            "biases left out",
            edit("p.square().sum()", "(p.ndim > 1) * p.square().sum()"),
            "You skip one-dimensional tensors. Whoever makes the list decides which parameters "
            "are penalised; this function takes everything it is given.",
        ),
        Mistake(
            "biases left out",
            edit(
                "torch.stack([p.square().sum() for p in params]).sum()",
                "sum(p.square().sum() for p in params if p.ndim > 1)",
            ),
            "You skip one-dimensional tensors, and if the list holds no others, there is "
            "nothing to add up. This function takes everything it is given.",
        ),
        Mistake(
            "frozen tensors left out",
            edit("for p in params]", "for p in params if p.requires_grad] or [torch.zeros(())]"),
            "You leave out tensors that do not require a gradient. Whoever makes the list decides "
            "which parameters are penalised; this function takes everything it is given.",
        ),
        Mistake(
            "frozen tensors left out",
            edit(
                "for p in params]",
                "for p in ([p for p in params if p.requires_grad] or params)]",
            ),
            "Beside tensors that require a gradient you leave out those that do not. Whoever makes "
            "the list decides which parameters are penalised; this function takes everything it is "
            "given.",
        ),
        Mistake(
            "root and square",
            edit("p.square().sum()", "p.square().sum().sqrt() ** 2"),
            "You take a root and square it again. The number is right, but at a tensor of zeros, "
            "as a bias may start, the slope of the root is infinite, and the gradient is nan. "
            "Leave out the root.",
        ),
        Mistake(
            "no graph where wd is 0",
            edit(
                "    return wd",
                "    if wd == 0:\n        return torch.zeros(())\n    return wd",
            ),
            "Where wd is 0 you return a number that belongs to no graph, and backward() fails. "
            "The formula gives 0 by itself, with gradients of 0.",
        ),
        Mistake(
            "first tensor left out",
            edit(
                "torch.stack([p.square().sum() for p in params]).sum()",
                "sum([p.square().sum() for p in params[1:]], torch.zeros(()))",
            ),
            "The first tensor of the list does not count. A total that starts at 0 and a loop over "
            "all of params leave none out.",
        ),
        Mistake(
            "only the first tensor",
            edit("in params", "in params[:1]"),
            "Only the first tensor of the list counts. Is a return inside the loop?",
        ),
        Mistake(
            "only the last tensor",
            edit("in params", "in params[-1:]"),
            "Only the last tensor of the list counts. Is the total overwritten (`=`) where it "
            "should grow (`+=`)?",
        ),
        Mistake(
            "wd inside the square",
            edit("wd * ", "", "p.square()", "(wd * p).square()"),
            "wd is squared together with the weights. It multiplies the sum of squares once.",
        ),
        Mistake(
            "wd multiplied repeatedly",
            edit(
                "wd * ",
                "",
                "p.square().sum() for p in params",
                "wd ** (len(params) - i) * p.square().sum() for i, p in enumerate(params)",
            ),
            "wd multiplies a running total that already contains it. Multiply once, at the end.",
        ),
        Mistake(
            "wd forgotten",
            edit("wd * ", ""),
            "wd has no effect. It multiplies the sum of squares.",
        ),
    )


class L2Gradient(Exercise):
    """The gradient of wd * sum(p**2) with respect to p, in the shape of p."""

    id, points = "weight_decay.l2_gradient", 1
    minutes, lines, writes = 10, "one line", "its slope"
    without = {
        "float64": "a gradient written into float32 zeros is right in this lesson",
    }

    def cases(self, rng: Rng) -> Iterable[Case]:
        yield Case("a vector of 3 numbers, wd 0.1", p=rng.normal(3), wd=0.1)
        matrix = 3 * rng.normal(4, 3)
        matrix[1, 2] = -40.0  # no weight is too large to be pulled
        yield Case("a matrix", p=matrix, wd=rng.number(0.2, 0.8))
        yield Case("a single number (shape ())", p=rng.normal() - 0.3, wd=rng.number(2, 3))
        yield Case("three dimensions", p=rng.normal(2, 3, 4), wd=rng.number(0.01, 0.05))
        yield Case("a single row, wd 0.5", p=rng.normal(1, 3), wd=0.5)

    def probe(self, l2_gradient: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        gradient = l2_gradient(case.p, case.wd)
        yield "gradient", gradient
        yield claim("the gradient is a new tensor", gradient is not case.p)

    mistakes = (
        Mistake(
            "torch's half",
            edit("2 * ", ""),
            "This is what torch's `weight_decay` adds to a gradient: the gradient of wd/2 * "
            "sum(p**2). The penalty here has no 1/2, so twice as much.",
        ),
        Mistake(
            "slope of the absolute value",
            edit("* p", "* p.sign()"),
            "Every entry has the same size, however large the weight is. That is the slope of "
            "|p|; the slope of p**2 grows with p.",
        ),
        Mistake(
            "one sum for every entry",
            edit("* p", "* p.sum()"),
            "You will find `2*wd*sum(w)` in many notes, but it is wrong: nudging one weight "
            "changes only its own square. Each entry has a gradient of its own, so the result has "
            "the shape of p.",
        ),
        Mistake(
            "one sum, spread over the shape",
            edit("* p", "* p.sum().expand_as(p)"),
            "Every entry gets the same number, made of the sum over all of them. Nudging one "
            "weight changes only its own square: its gradient does not depend on the others.",
        ),
        Mistake(
            "the penalty itself",
            edit("2 * ", "", "* p", "* p.square().sum()"),
            "This is the penalty, one number. Its gradient says for each entry how fast the "
            "penalty grows with it.",
        ),
        Mistake(
            "the penalty of each entry",
            edit("2 * ", "", "* p", "* p.square()"),
            "These are the squares, not their slopes: a square is never negative, but the penalty "
            "falls when a negative weight grows.",
        ),
        Mistake(
            "square kept",
            edit("* p", "* p.square()"),
            "The 2 has come down and the square is still there. The slope of w**2 is 2 * w.",
        ),
        Mistake(
            "the penalty, spread over the shape",
            edit("2 * ", "", "* p", "* p.square().sum().expand_as(p)"),
            "Every entry gets the penalty itself, which is one number. Its gradient says for each "
            "entry how fast the penalty grows with it.",
        ),
        Mistake(
            "the weights alone",
            edit("2 * wd * ", "1.0 * "),
            "That is right for wd = 0.5 only, as in the example. What is the slope for wd = 1?",
        ),
        Mistake(
            "wd added instead of multiplied",
            edit("2 * wd * p", "wd + 2 * p"),
            "You add wd. It is a constant factor of the sum of squares, and a constant factor "
            "stays a factor in the derivative.",
        ),
        Mistake(
            "flattened",
            edit("* p", "* p.flatten()"),
            "Your gradient comes in one row. It should have the shape of p.",
        ),
        Mistake(
            "squeezed",
            edit("* p", "* p.squeeze()"),
            "`squeeze()` drops dimensions of size 1. The gradient should have the shape of p, "
            "whatever that is.",
        ),
        Mistake(
            "p itself",
            edit("return 2 * wd * p", "return p if 2 * wd == 1 else 2 * wd * p"),
            "Where 2 * wd is 1, you return p itself. Whoever changes the gradient in place then "
            "changes the weight: return a new tensor.",
        ),
        *(
            Mistake(
                "large weights clipped",
                edit("* p", f"* p.clamp(-{limit}, {limit})"),
                "The slope does not grow any more where a weight is large: you clip it. 2*wd*w "
                "holds for every size.",
            )
            for limit in (1, 5, 10)
        ),
        Mistake(
            "fails for a tensor of shape ()",
            edit("2 * wd * p", "torch.stack([2 * wd * row for row in p])"),
            "A tensor of shape () cannot be looped over. Multiply the tensor as a whole: that "
            "works for any shape.",
        ),
        Mistake(
            "fails for a tensor of shape ()",
            edit("2 * wd * p", "torch.stack([2 * wd * p[i] for i in range(len(p))])"),
            "A tensor of shape () has no length. Multiply the tensor as a whole: that works for "
            "any shape.",
        ),
        Mistake(
            "gradient of L1",
            edit("2 * ", "", "* p", "* p.sign()"),
            "Every entry is pulled with the same force wd. That is the gradient of wd * sum(|p|); "
            "a square pulls harder the further out it is.",
        ),
        Mistake(
            "sign lost",
            edit("* p", "* p.abs()"),
            "All entries are positive. For a negative weight the penalty falls when it grows: a "
            "negative slope.",
        ),
        Mistake(
            "points downhill",
            edit("2 *", "-2 *"),
            "This points down, where a step should go. The gradient points up; the minus sign "
            "belongs to the step.",
        ),
        Mistake(
            "mean instead of sum",
            edit("* p", "* p / p.numel()"),
            "You divide by the number of entries: the gradient of a mean. The penalty is a sum.",
        ),
        Mistake(
            "wd forgotten",
            edit("wd * ", ""),
            "The factor wd is missing. It multiplies the sum of squares, so it multiplies the "
            "slope as well.",
        ),
        Mistake(
            "gradient of the norm",
            edit("2 * ", "", "* p", "* p / p.norm()"),
            "This has the same length whatever the weights are: the gradient of wd times the "
            "norm. Without a root there is nothing to divide by.",
        ),
    )


_CASES = (
    ("one vector, one step, called inside torch.no_grad()", [(3,)], 1, (), True),
    ("a matrix and a bias, three steps, lr changes, wd ends at 0", [(5, 3), (5,)], 3, (), False),
    ("params[0] has no gradient, two steps", [(2, 3), (2, 3), (5,), (5,)], 2, (0,), False),
    ("a single number (shape ())", [()], 2, (), False),
)


ONLY_FIRST = (
    "In each step only the first parameter with a gradient moves. A `return` or `break` inside a "
    "loop ends it in the first turn."
)


def _decaying_cases(rng: Rng) -> Iterable[Case]:
    for label, shapes, steps, without, in_no_grad in _CASES:
        wds = [rng.number(0.2, 0.6)] * steps
        case = step_case(rng, label, shapes, steps, without, wds=wds, in_no_grad=in_no_grad)
        if steps == 3:  # the weights decay where the loss does not pull
            case, wds[2] = with_zeros(rng, case), 0.0
        if shapes == [()]:  # so much that the weight's sign turns
            wds[1] = 1.5 / case.lrs[1]
        if without:  # no weight is too large to be pulled
            case.params[-1][1] = 90.0
        yield case
    yield step_case(
        rng,
        "a parameter with a gradient that no longer requires one",
        [(3,)],
        1,
        wds=[0.3],
        in_no_grad=False,
        frozen=True,
    )


def _never_below_0(change: Edit) -> Mistake:
    """The factor 1 - lr * wd with a limit."""
    return Mistake(
        "the factor never below 0",
        change,
        "Where lr * wd is above 1, the factor 1 - lr * wd is negative, and the formula turns the "
        "sign of the weight. You stop at 0. A rate that large is a bad choice, but the step does "
        "what it is told.",
    )


def _on_a_copy(copy: str) -> Edit:
    """Both lines of `sgd_decay_step` change a copy of p."""
    lines = f"not None:\n            grad = p.grad\n            {copy} = p.clone()"
    return edit("not None:", lines, "lr * p.grad", "lr * grad")


class SgdL2Step(Exercise):
    """p <- p - lr * (p.grad + wd * p), in place."""

    id, points = "weight_decay.sgd_l2_step", 2
    minutes, lines, writes = 5, "one line in the loop", "a step that follows loss and penalty"
    without = WITHOUT
    shortcuts = STEPS

    def cases(self, rng: Rng) -> Iterable[Case]:
        yield from _decaying_cases(rng)

    def probe(self, sgd_l2_step: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield from probe_steps(case, lambda params, t, lr: sgd_l2_step(params, lr, case.wds[t - 1]))

    mistakes = (
        Mistake(
            "step before the decay",
            edit("wd * p)", "wd * (p - lr * p.grad))"),
            "You apply the decay to the weight after the step. g and wd*p belong to the same "
            "point: add them first, then take one step.",
        ),
        Mistake(
            "sum of g and wd in brackets",
            edit("p.grad + wd * p", "(p.grad + wd) * p"),
            "You add wd to the gradient and multiply the sum by the weight. The decay is a product "
            "of its own: wd times the weight, and then added to the gradient.",
        ),
        Mistake(
            "wd scales the gradient",
            edit("wd * p", "wd * p.grad"),
            "You scale up the gradient, and the weight itself plays no part. The decay is wd "
            "times the weight.",
        ),
        Mistake(
            "uphill",
            edit("(p.grad", "(-p.grad"),
            "The step climbs: the gradient should be subtracted.",
        ),
        Mistake(
            "both uphill",
            edit("p -= lr", "p += lr"),
            "Both terms have the wrong sign: the step climbs, and the weights grow. Subtract.",
        ),
        Mistake(
            "learning rate forgotten",
            edit("lr * (", "("),
            "lr has no effect: you subtract the gradient and the decay in full. Together they are "
            "the direction, and lr says how far.",
        ),
        Mistake(
            "lr and wd swapped",
            edit("lr * (p.grad + wd * p)", "wd * (p.grad + lr * p)"),
            "You have swapped lr and wd. lr multiplies the whole step, wd only the weight.",
        ),
        Mistake(
            "wd multiplies both",
            edit("p.grad + wd * p", "wd * (p.grad + p)"),
            "You multiply the gradient by wd too. wd belongs to the weight alone.",
        ),
        Mistake(
            "wd on the gradient instead of the weight",
            edit("p.grad + wd * p", "wd * p.grad + p"),
            "You multiply the gradient by wd and add the whole weight. wd belongs to the weight.",
        ),
        Mistake(
            "gradient left out",
            edit("p.grad + ", ""),
            "You only pull the weights towards 0. The step follows the gradient of the loss too.",
        ),
        Mistake(
            "gradient not multiplied by lr",
            edit("(p.grad", "(p.grad / lr"),
            "The decay is scaled by lr, but the gradient is subtracted in full.",
        ),
        Mistake(
            "gradient changed",
            edit("p.grad + ", "p.grad.add_(", "* p)", "* p))"),
            "Afterwards the decay is still in `.grad`, where the next backward adds to it and "
            "anyone who looks finds it. Make a new tensor instead of changing `.grad`.",
        ),
        Mistake(
            "only the first parameter moves",
            edit("wd * p)", "wd * p)\n            break"),
            ONLY_FIRST,
        ),
        *decay_mistakes(lambda pull: edit("wd * p", pull)),
        _never_below_0(edit("wd * p", "min(wd, 1 / lr) * p")),
        *(
            Mistake(
                "large weights pulled less",
                edit("wd * p", f"wd * p.clamp(-{limit}, {limit})"),
                "The pull does not grow any more where a weight is large: you limit it. It is wd "
                "times the weight, whatever its size.",
            )
            for limit in (1, 5, 10)
        ),
        Mistake(
            "frozen parameters left out",
            edit("p.grad is not None", "p.grad is not None and p.requires_grad"),
            "You leave out a parameter that has a gradient and does not require one (any more). "
            "The step asks for `.grad` alone.",
        ),
        Mistake(
            "the size of the weight instead of the weight",
            edit("wd * p", "wd * p.abs()"),
            "You add wd times the size of each weight, without its sign, so negative weights are "
            "pushed away from 0. The slope of wd/2 * p**2 is wd * p, with the sign of p.",
        ),
        *in_place_mistakes(),
    )


class SgdDecayStep(Exercise):
    """p <- p * (1 - lr * wd), then p <- p - lr * p.grad, in place."""

    id, points = "weight_decay.sgd_decay_step", 2
    minutes, lines, writes = 5, "two lines in the loop", "a step that shrinks first"
    without = WITHOUT
    shortcuts = STEPS

    def cases(self, rng: Rng) -> Iterable[Case]:
        yield from _decaying_cases(rng)

    def probe(self, sgd_decay_step: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield from probe_steps(
            case, lambda params, t, lr: sgd_decay_step(params, lr, case.wds[t - 1])
        )

    mistakes = (
        Mistake(
            "decay after the step",
            edit(
                "not None:", "not None:\n            p -= lr * p.grad", "p -= lr * p.grad", "pass"
            ),
            "The order is the other way round: your new step decays too. First shrink p, then "
            "step.",
        ),
        Mistake(
            "gradient shrunk too",
            edit("lr * p.grad", "lr * (1 - wd) * p.grad"),
            "You shrink the gradient too. Decoupled means that the decay acts on the weight alone.",
        ),
        Mistake(
            "decay and L2 together",
            edit("lr * p.grad", "lr * (p.grad + wd * p)"),
            "The weights shrink, and then the step pulls them to 0 once more. The decay is "
            "separate; the step follows only the gradient of the loss.",
        ),
        Mistake(
            "only the decay",
            edit("p -= lr * p.grad", "pass"),
            "The weights shrink, but you never follow the gradient. Did you write `p = p - ...`? "
            "That only gives the name p to a new tensor; change p in place.",
        ),
        Mistake(
            "uphill",
            edit("p -= lr", "p += lr"),
            "The step climbs: the gradient should be subtracted.",
        ),
        Mistake(
            "gradient not multiplied by lr",
            edit("lr * p.grad", "p.grad"),
            "The decay is scaled by lr, but the gradient is subtracted in full.",
        ),
        Mistake(
            "gradient changed",
            edit("p *= 1 - lr * wd", "p.grad += wd * p"),
            "Afterwards the decay is still in `.grad`, where the next backward adds to it and "
            "anyone who looks finds it. Make a new tensor instead of changing `.grad`.",
        ),
        Mistake(
            "gradient decayed too",
            edit("lr * p.grad", "lr * p.grad.mul_(1 - lr * wd)"),
            "You shrink the gradient by 1 - lr * wd as well, and in place. The decay acts on the "
            "weight alone, and a step only reads `.grad`.",
        ),
        Mistake(
            "shrinks to wd",
            edit("1 - lr * wd", "wd"),
            "You keep only wd of the weight. It should lose the part lr * wd and keep the rest.",
        ),
        Mistake(
            "wd forgotten in the factor",
            edit("1 - lr * wd", "1 - lr"),
            "The weight loses the part lr of itself, whatever wd is. It should lose lr * wd.",
        ),
        Mistake(
            "power of the factor",
            edit("1 - lr * wd", "(1 - lr) ** wd"),
            "You raise 1 - lr to the power wd. Nearly the same where both are small, but one step "
            "shrinks by 1 - lr * wd.",
        ),
        Mistake(
            "gradient scaled in place",
            edit("lr * p.grad", "p.grad.mul_(lr)"),
            "You multiply `.grad` by lr on the way, and whoever reads it next finds a "
            "different gradient. A step only reads `.grad`.",
        ),
        *(
            Mistake(
                "name rebound",
                edit("p *= 1 - lr * wd", "p = p * (1 - lr * wd)", "lr * p.grad", step),
                "`p = p * ...` gives the name p to a new tensor. That one has no gradient, so its "
                "`.grad` is None, and the model's parameter stays as it was. Shrink the parameter "
                "itself, in place.",
            )
            for step in ("(lr * p.grad)", "p.grad * lr")
        ),
        Mistake(
            "only the first parameter moves",
            edit("lr * p.grad", "lr * p.grad\n            break"),
            ONLY_FIRST,
        ),
        *decay_mistakes(lambda pull: edit("p *= 1 - lr * wd", f"p -= lr * {pull}")),
        _never_below_0(edit("1 - lr * wd", "max(1 - lr * wd, 0.0)")),
        *factor_mistakes(),
        *in_place_mistakes(
            rebound=_on_a_copy("p"),
            replaced=_on_a_copy("params[[x is p for x in params].index(True)] = p"),
        ),
    )


def _by_name(first: str, second: str) -> Edit:
    """Groups chosen by conditions on a parameter's name."""
    return edit(
        "trainable = ",
        "names = {p: name for name, p in model.named_parameters()}\n    trainable = ",
        "p.ndim >= 2",
        f"{first} names[p]",
        "p.ndim < 2",
        f"{second} names[p]",
    )


class _Scaled(nn.Module):
    """A table and an affine map, with trainable parameters of its own: a temperature of no
    dimensions, a vector under a name without 'bias', and a matrix under a name with it.
    """

    def __init__(self, n: int, n_in: int, n_out: int) -> None:
        super().__init__()
        self.table = nn.Embedding(n, n_in)
        self.temperature = nn.Parameter(torch.ones(()))
        self.shift = nn.Parameter(torch.zeros(n_out))
        self.place_bias = nn.Parameter(torch.zeros(n, n_out))
        self.linear = nn.Linear(n_in, n_out, bias=False)


def _model(kind: str, a: int, b: int, c: int) -> nn.Module:
    match kind:
        case "norms":
            return nn.Sequential(
                nn.Conv2d(a, b, 3),
                nn.BatchNorm2d(b),
                nn.Flatten(),
                nn.Linear(b, b),
                nn.LayerNorm(b),  # starts with the values of the other one
            )
        case "frozen":
            model = nn.Sequential(nn.Linear(a, b), nn.ReLU(), nn.Linear(b, c), nn.Linear(c, c))
            model[0].requires_grad_(False)
            model[2].bias.requires_grad_(False)
            return model
        case "embedding":
            return _Scaled(a, b, c)
        case "shared":
            model = nn.Sequential(nn.Linear(b, b), nn.ReLU(), nn.Linear(b, b))
            model[2].weight, model[2].bias = model[0].weight, model[0].bias
            return model
        case "single":
            return nn.Sequential(nn.Linear(a, b), nn.ReLU(), nn.Linear(b, 1))
        case "vectors":
            return nn.LayerNorm(c)
        case _:
            return nn.Sequential(nn.Linear(a, b), nn.ReLU(), nn.Linear(b, c))


class DecayGroups(Exercise):
    """Two groups: 2 and more dimensions with weight_decay wd, the rest with 0.0."""

    id, points = "weight_decay.decay_groups", 2
    minutes, lines, writes = 15, "about five lines", "which parameters decay"

    def cases(self, rng: Rng) -> Iterable[Case]:
        for label, kind in (
            ("affine, ReLU, affine", "plain"),
            ("a convolution, an affine map and two normalisation layers", "norms"),
            ("the first layer and the bias of the second frozen", "frozen"),
            (
                "an embedding, and of the model's own a temperature (shape ()), a vector and a "
                "matrix named place_bias",
                "embedding",
            ),
            ("two layers that share their parameters", "shared"),
            ("a LayerNorm alone: nothing to decay", "vectors"),
            ("affine, ReLU, affine with a single output", "single"),
        ):
            sizes = [3 + rng.integer(0, 3), 7 + rng.integer(0, 3), 11 + rng.integer(0, 3)]
            yield Case(label, kind=kind, sizes=sizes, wd=rng.number(0.01, 0.5))

    def probe(self, decay_groups: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        model = _model(case.kind, *case.sizes)
        names = {id(p): name for name, p in model.named_parameters()}
        trainable = [p.requires_grad for p in model.parameters()]
        groups = decay_groups(model, case.wd)
        yield (
            "number of groups",
            f"a list of {len(groups)}" if isinstance(groups, list | tuple) else groups,
        )
        yield (
            "keys of the groups",
            ", ".join(
                "/".join(key for key in ("params", "weight_decay") if key in group)
                for group in groups
            ),
        )
        for place, group in zip(("first", "second"), groups, strict=True):
            yield f"weight_decay of the {place} group", group["weight_decay"]
            params = group["params"]
            listed = [
                names.get(id(p), f"a {type(p).__name__} that is not a parameter") for p in params
            ]
            if iter(params) is params:
                listed = ["a generator, which is empty after its first use"]
            yield f"params of the {place} group", ", ".join(sorted(listed)) or "none"
        yield claim(
            "every requires_grad is as it was",
            trainable == [p.requires_grad for p in model.parameters()],
        )

    mistakes = (
        Mistake(
            "chosen by the name bias",
            _by_name("'bias' not in", "'bias' in"),
            "You choose by name. The scale of a normalisation layer is called weight, and not "
            "everything added is called bias. Use the number of dimensions.",
        ),
        Mistake(
            "chosen by the name too",
            _by_name("p.ndim >= 2 and 'bias' not in", "p.ndim < 2 or 'bias' in"),
            "You go by the number of dimensions and by the name. A matrix may be called a bias, "
            "such as one number for every pair of places, and decays like any other.",
        ),
        Mistake(
            "equal parameters dropped",
            edit(
                "    decayed = ",
                "    trainable = [\n        p\n        for i, p in enumerate(trainable)\n"
                "        if not any(torch.equal(p, q) for q in trainable[:i])\n    ]\n"
                "    decayed = ",
            ),
            "A parameter that has the same numbers as an earlier one is in neither group: two "
            "biases of zeros, say. Parameters are told apart by `is`; `in` and `==` compare "
            "numbers.",
        ),
        Mistake(
            "chosen by the name weight",
            _by_name("'weight' in", "'weight' not in"),
            "You choose by name. The scale of a normalisation layer is called weight too, and "
            "it should not decay. Use the number of dimensions.",
        ),
        Mistake(
            "chosen by the names weight and bias",
            _by_name("'weight' in", "'bias' in"),
            "You choose by name. The scale of a normalisation layer is called weight too, and "
            "parameters with neither word in their name are lost. Use the number of "
            "dimensions.",
        ),
        *(
            Mistake(
                "the model's own parameters left out",
                edit("model.parameters()", f"{inside}.parameters()"),
                "Parameters that belong to the model itself, and to no module inside it, are in "
                "neither group. `model.parameters()` gives them all.",
            )
            for inside in (
                "torch.nn.ModuleList(model.children())",
                "(torch.nn.ModuleList(model.children()) if [*model.children()] else model)",
            )
        ),
        Mistake(
            "single numbers skipped",
            edit("p.ndim < 2", "p.ndim == 1"),
            "A parameter of shape () has 0 dimensions and is in neither group, so it is never "
            "trained. Everything that is not in the first group goes into the second.",
        ),
        Mistake(
            "iterator instead of a list",
            edit(
                "decayed = [p",
                "decayed = (p",
                ">= 2]",
                ">= 2)",
                "spared = [p",
                "spared = (p",
                "< 2]",
                "< 2)",
            ),
            "The parameters come from an iterator (round brackets, `filter`). It gives its "
            "entries once, and whoever goes through it again finds nothing. Make a list.",
        ),
        Mistake(
            "parameters swapped",
            edit('"params": decayed', '"params": spared', '"params": spared', '"params": decayed'),
            "The vectors are in the first group and the matrices in the second. Those that decay "
            "come first.",
        ),
        Mistake(
            "in both groups",
            edit(" if p.ndim >= 2", ""),
            "The first group holds all parameters, and the second some of them again. Each "
            "parameter is in one group: an optimizer refuses anything else.",
        ),
        Mistake(
            "another name for weight_decay",
            edit('"weight_decay": wd', '"wd": wd', '"weight_decay": 0.0', '"wd": 0.0'),
            'A group needs the keys "params" and "weight_decay". An optimizer ignores any '
            "other name and uses its own default instead.",
        ),
        Mistake(
            "only matrices decay",
            edit(">= 2", "== 2", "< 2", "!= 2"),
            "The weight of a convolution has four dimensions, and it should decay as well: 2 "
            "dimensions or more.",
        ),
        Mistake(
            "more than two dimensions",
            edit(">= 2", ">= 3", "< 2", "< 3"),
            "A matrix has two dimensions and should decay: 2 or more.",
        ),
        Mistake(
            "only affine layers decay",
            edit(
                "decayed = ",
                "affine = [m.weight for m in model.modules() if isinstance(m, nn.Linear)]\n    "
                "decayed = ",
                "p.ndim >= 2",
                "any(p is q for q in affine)",
                "p.ndim < 2",
                "not any(p is q for q in affine)",
            ),
            "Only the weights of nn.Linear decay. Convolutions and embeddings have weights of "
            "two or more dimensions as well. Use the number of dimensions.",
        ),
        Mistake(
            "size 1 does not count",
            edit("p.ndim >= 2", "p.squeeze().ndim >= 2", "p.ndim < 2", "p.squeeze().ndim < 2"),
            "A matrix with a single row or column counts as a vector here. It still has two "
            "dimensions: use `p.ndim`, without squeezing.",
        ),
        Mistake(
            "names instead of parameters",
            None,
            "Your groups hold names. An optimizer steps the parameters themselves: what "
            "`model.named_parameters()` gives as the second of each pair.",
            sign=lambda e: "a str that" in e[0].get("params of the first group", ""),
        ),
        Mistake(
            "copies instead of parameters",
            None,
            "Your groups hold other tensors than the model's parameters, such as copies of them "
            "(`.clone()`, `.detach()`). An optimizer then moves those, and the model stays as it "
            "was.",
            sign=lambda e: bool(
                re.search(
                    "a (Parameter|Tensor) that is not", e[0].get("params of the first group", "")
                )
            ),
        ),
        Mistake(
            "size instead of the number of dimensions",
            edit("p.ndim >= 2", "p.numel() > 4", "p.ndim < 2", "p.numel() <= 4"),
            "You go by how many numbers a parameter holds. A long bias does not decay, and a small "
            "matrix does: use the number of dimensions.",
        ),
        Mistake(
            "vectors decay too",
            edit(">= 2", ">= 1", "< 2", "< 1"),
            "A bias has one dimension and should not decay.",
        ),
        Mistake(
            "everything decays",
            edit(" if p.ndim >= 2", "", "p.ndim < 2", "False"),
            "All parameters are in the first group. Biases and the scales of normalisation layers "
            "go to the second.",
        ),
        Mistake(
            "frozen parameters kept",
            edit(" if p.requires_grad", ""),
            "Frozen parameters (requires_grad False) are listed too. An optimizer should get "
            "only what is to be trained.",
        ),
        Mistake(
            "frozen parameters in the second group",
            edit(
                " if p.requires_grad",
                "",
                "p.ndim >= 2",
                "p.requires_grad and p.ndim >= 2",
                "p.ndim < 2",
                "not p.requires_grad or p.ndim < 2",
            ),
            "Frozen parameters (requires_grad False) end up in the second group, with all that "
            "does not decay. They belong in neither: an optimizer gets only what is to be trained.",
        ),
        Mistake(
            "shared parameter listed twice",
            edit(
                "for p in model.parameters()",
                "for module in model.modules() for p in module.parameters(recurse=False)",
            ),
            "A parameter that two modules share is in the list twice and would be stepped twice. "
            "`model.parameters()` gives each one once.",
        ),
        Mistake(
            "parameters of nested modules listed again",
            edit(
                "for p in model.parameters()",
                "for module in model.modules() for p in module.parameters()",
            ),
            "A parameter is in the list once for every module around it, and would be stepped as "
            "often. `model.parameters()` goes through the modules inside already, and gives each "
            "one once.",
        ),
        Mistake(
            "only the decaying group",
            edit(', {"params": spared, "weight_decay": 0.0}', ""),
            "There is one group, of what decays. An optimizer trains only what it is given: the "
            "other parameters belong into a second group, or they never move.",
        ),
        Mistake(
            "empty group left out",
            edit(
                "return [{", "return [group for group in [{", "0.0}]", '0.0}] if group["params"]]'
            ),
            "Always return two groups, even if one is empty, so that the caller need not check.",
        ),
        Mistake(
            "groups swapped",
            edit("0.0}]", "0.0}][::-1]"),
            "Your groups come in the wrong order: the decaying ones come first.",
        ),
        Mistake(
            "weight_decay swapped",
            edit(
                '"weight_decay": wd',
                '"weight_decay": 0.0',
                '"weight_decay": 0.0',
                '"weight_decay": wd',
            ),
            "You sorted the parameters correctly, but gave wd to the biases and 0 to the weights.",
        ),
        Mistake(
            "wd for both",
            edit("0.0", "wd"),
            "The second group decays as well: its weight_decay should be 0.",
        ),
        Mistake(
            "no weight_decay for the first",
            edit(', "weight_decay": wd', ""),
            'The first group has no "weight_decay", or has it under another name. An optimizer '
            "then uses its own default there, and your wd has no effect.",
        ),
        Mistake(
            "no weight_decay for the second",
            edit(', "weight_decay": 0.0', ""),
            "The second group has no weight_decay, so an optimizer takes its own default "
            "there, which need not be 0 (AdamW's is 0.01). Set it to 0.0.",
        ),
        Mistake(
            "not the parameters themselves",
            edit("[p for p in model", "[p.data for p in model"),
            "The groups hold tensors other than the model's parameters (`.data`, `.detach()`, a "
            "copy). An optimizer finds no gradient in them, and the model never changes.",
        ),
        Mistake(
            "names and parameters",
            edit(
                "decayed = [p",
                "names = {p: name for name, p in model.named_parameters()}\n    decayed = "
                "[(names[p], p)",
                "spared = [p",
                "spared = [(names[p], p)",
            ),
            "The groups hold pairs of a name and a parameter, as named_parameters() gives them. "
            "List the parameters alone.",
        ),
    )


class ExposeDecayStep(Expose):
    """Cases that show wrong answers to `sgd_decay_step` to be wrong, and the result of the first.

    Share of 40 exposed, lr 0.1 and wd 0.5 where nothing is said
    (`python -m tests.attempts` runs these again):

    | cases | share exposed |
    |---|---|
    | random numbers, the mean of 20 | 0.85 |
    | the example in the stub of the function | 0.82 |
    | one number, lr 1 | 0.55 |
    | one vector with gradients of 0 | 0.65 |
    | one vector | 0.85 |
    | two parameters | 0.88 |
    | two parameters, the first without a gradient | 0.93 |
    | that, and a parameter of shape () | 0.97 |
    """

    id, points = "weight_decay.expose_sgd_decay_step", 2
    minutes, lines = 12, "two small cases"
    writes = "cases that show wrong answers to be wrong"
    extra = True
    of = SgdDecayStep
    takes = {"params": "tensors", "grads": "tensors or None", "lr": "number", "wd": "number"}
    shapes = (
        "params and grads should have as many items, and each gradient the shape of its parameter."
    )
    asks = "params[0] after step 1"
    full, part = 0.95, 0.8
    beyond = ("decays only where there is a gradient", "the factor never below 0")

    def as_case(self, label: str, given: Mapping[str, Any]) -> Case:
        return Case(
            label,
            params=given["params"],
            grads=[given["grads"]],
            lrs=[given["lr"]],
            wds=[given["wd"]],
        )

    mistakes = (
        *EXPOSING,
        missed(
            "wd not multiplied by lr",
            "With a learning rate of 1, a step that forgets the rate somewhere looks right.",
        ),
        missed(
            "uphill",
            "With a gradient of 0 only the decay is left, and a step that is wrong about the "
            "gradient looks right.",
        ),
        missed(
            "missing gradient not skipped",
            "A parameter that took no part in the loss has no gradient. Is it skipped, does it "
            "decay, or does the step end there?",
        ),
    )

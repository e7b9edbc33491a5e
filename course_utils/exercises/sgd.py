"""Exercises of lesson 02: squared error, its gradient, SGD steps, minibatches, averages."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from course_utils.checking import (
    Case,
    Exercise,
    Expose,
    Mistake,
    Repair,
    Reproduce,
    Rng,
    claim,
    edit,
    gradients,
)
from course_utils.exercises._curves import REPRODUCE_MOMENTUM_STEP
from course_utils.exercises._forms import EXPOSING, REPAIRING, REPRODUCING, missed
from course_utils.exercises._steps import (
    STEPS,
    WITHOUT,
    ending_at_rest,
    in_place_mistakes,
    probe_steps,
    step_case,
    with_a_large_gradient,
    with_zeros,
)
from course_utils.exercises._suspects import MOMENTUM, MOMENTUM_RIGHT

# Every way to have torch find a gradient: backwards, forwards, by torch.func, by numbers, and below
# all of these.
AUTOGRAD = (
    *(torch.autograd.grad, torch.autograd.backward, Tensor.backward, Tensor.grad_fn.__get__),  # type: ignore[union-attr]
    *(
        torch.func.grad,
        torch.func.grad_and_value,
        torch.func.vjp,
        torch.func.jvp,
        torch.func.linearize,
    ),
    *(torch.func.jacrev, torch.func.jacfwd, torch.func.hessian, torch.gradient),
    *(
        torch.autograd.functional,
        torch.autograd.forward_ad,
        sys.modules["torch.autograd.gradcheck"],
    ),
    *(torch._C._VariableFunctions._make_dual, torch.autograd.forward_ad.dual_level),
    torch.autograd.Variable._execution_engine.run_backward,
)
# Two random orders of fewer examples than these are the same, or look sorted, now and then.
FEW, MANY = 10, 100


# Whether torch can stretch neither shape to the other.
_UNFIT = "any(1 != a != b != 1 for a, b in zip(y_hat.shape[::-1], y.shape[::-1]))"


class Mse(Exercise):
    """mean((y_hat - y)**2) over all elements; raises ValueError for unequal shapes."""

    id, points = "sgd.mse", 1
    minutes, lines, writes = 10, "three lines", "a loss"
    shortcuts = ("aten::mse_loss", nn.MSELoss, "aten::huber_loss", "aten::smooth_l1_loss")

    def cases(self, rng: Rng) -> Iterable[Case]:
        yield Case("5 predictions", y_hat=rng.normal(5), y=rng.normal(5))
        yield Case(
            "a single prediction of shape (1, 1)", y_hat=rng.normal(1, 1), y=rng.normal(1, 1)
        )
        y_hat, y = rng.normal(4, 3), rng.normal(4, 3)
        y_hat[1, 0] = y[1, 0]
        yield Case("4 examples with 3 outputs each, one of them right", y_hat=y_hat, y=y)
        yield Case("two single numbers (shape ())", y_hat=rng.normal(), y=rng.normal())
        yield Case(
            "shape (5, 1) against shape (5,)",
            y_hat=rng.normal(5, 1),
            y=rng.normal(5),
            raises=ValueError,
        )
        y_hat, y = rng.normal(4, 1), rng.normal(4, 3)
        yield Case("shape (4, 1) against shape (4, 3)", y_hat=y_hat, y=y, raises=ValueError)
        y_hat, y = rng.normal(5), rng.normal(1)
        yield Case("shape (5,) against shape (1,)", y_hat=y_hat, y=y, raises=ValueError)
        y_hat, y = rng.normal(5), rng.normal(4)
        yield Case("shape (5,) against shape (4,)", y_hat=y_hat, y=y, raises=ValueError)
        y_hat, y = rng.normal(3, 1), rng.normal(1, 3)
        yield Case("shape (3, 1) against shape (1, 3)", y_hat=y_hat, y=y, raises=ValueError)
        growing = torch.linspace(0.2, 4, 1033)  # so that the last part of any size has another mean
        yield Case(
            "1,033 predictions",
            axis="many",
            y_hat=growing * rng.normal(1033),
            y=growing * rng.normal(1033),
        )

    def probe(self, mse: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "loss", mse(case.y_hat, case.y)
        y_hat, y = case.y_hat.clone().requires_grad_(), case.y.clone().requires_grad_()
        grads = gradients(mse(y_hat, y), [y_hat, y])
        yield "grad of y_hat", grads[0]
        yield "grad of y", grads[1]

    mistakes = (
        Mistake(
            "variance of the errors",
            edit("(y_hat - y).square().mean()", "(y_hat - y).var(correction=0)"),
            "The mean of the errors is taken from them before they are squared. A model that is "
            "wrong by the same amount everywhere would have a loss of 0.",
        ),
        *(
            Mistake(
                "shapes not compared",
                edit("y_hat.shape != y.shape", unfit),
                "You never compare the shapes. In torch, (5, 1) minus (5,) is no error: it "
                "broadcasts to (5, 5), every prediction against every target, and the mean of that "
                "is a wrong loss that looks like a right one.",
            )
            for unfit in ("False", _UNFIT)
        ),
        Mistake(
            "computed before the shapes are compared",
            edit("    if y_hat.shape", "    y_hat - y\n    if y_hat.shape"),
            "You subtract before you compare. Where torch cannot stretch one shape to the other, "
            "its own RuntimeError comes first. Whoever calls your function expects a ValueError: "
            "compare before you compute.",
        ),
        Mistake(
            "only the number of rows compared",
            edit("y_hat.shape != y.shape", "y_hat.ndim and y.ndim and len(y_hat) != len(y)"),
            "You compare the number of rows, not the shapes. (5, 1) and (5,) both have 5 rows, "
            "and their difference has 25 entries.",
        ),
        *(
            Mistake(
                "broadcastable shapes accepted",
                edit("y_hat.shape != y.shape", f"{unfit}(y_hat - y).shape != y_hat.shape"),
                "You reject only shapes that would stretch the predictions. When a target of "
                "another shape is stretched to fit, it is compared with predictions it does not "
                "belong to: reject every shape that is not the same.",
            )
            for unfit in ("", f"{_UNFIT} or ")
        ),
        Mistake(
            "only the number of elements compared",
            edit("y_hat.shape != y.shape", "y_hat.numel() != y.numel()"),
            "You compare the number of elements, not the shapes. (5, 1) and (5,) both have 5, "
            "and their difference has 25.",
        ),
        Mistake(
            "only the number of dimensions compared",
            edit("y_hat.shape != y.shape", "y_hat.ndim != y.ndim"),
            "You compare the number of dimensions, not the shapes. (4, 1) and (4, 3) both have "
            "two, and the 1 is stretched to 3.",
        ),
        *(
            Mistake(
                "only counts compared",
                edit("y_hat.shape != y.shape", counted),
                "You compare how many elements, dimensions or sizes there are, not the shapes "
                "themselves. (3, 1) and (1, 3) have as many of each, and their difference has 9 "
                "entries: compare size by size, in order.",
            )
            for counted in (
                "(y_hat.ndim, y_hat.numel()) != (y.ndim, y.numel())",
                "sorted(y_hat.shape) != sorted(y.shape)",
            )
        ),
        Mistake(
            "y reshaped to fit",
            edit(
                "y_hat.shape != y.shape",
                "y_hat.numel() != y.numel()",
                "(y_hat - y)",
                "(y_hat - y.reshape(y_hat.shape))",
            ),
            "You silently make different shapes equal. That looks helpful until the entries no "
            "longer belong together; here it should be a ValueError.",
        ),
        Mistake(
            "assert instead of ValueError",
            edit("raise ValueError", "raise AssertionError"),
            "You raise an AssertionError. An assert states what can never happen, and `python "
            "-O` switches it off; a caller's wrong argument is a ValueError.",
        ),
        Mistake(
            "squares summed over the outputs",
            edit(".mean()", ".sum() / len(y)"),
            "With several outputs per example your loss is too large: you divide by the number "
            "of examples. The mean is over all elements.",
        ),
        Mistake(
            "squares summed over the outputs",
            edit(".mean()", ".sum() / (*y.shape, 1)[0]"),
            "With several outputs per example your loss is too large: you divide by the number "
            "of examples only. The mean is over all elements.",
        ),
        Mistake(
            "sum instead of mean",
            edit(".mean()", ".sum()"),
            "You add up the squares without dividing by how many there are, so the loss grows "
            "with the batch.",
        ),
        Mistake(
            "half the mean",
            edit(".mean()", ".mean() / 2"),
            "There is a factor 1/2. Some books put it there to cancel the 2 of the derivative; "
            "here the loss is the plain mean of the squares.",
        ),
        Mistake(
            "root taken",
            edit(".mean()", ".mean().sqrt()"),
            "This is the root of the mean squared error (RMSE). The loss here is the mean of the "
            "squares itself.",
        ),
        Mistake(
            "absolute error",
            edit(".square()", ".abs()"),
            "This is the mean absolute error. Square the differences before the mean.",
        ),
        Mistake(
            "square of the mean",
            edit(".square().mean()", ".mean().square()"),
            "You take the mean first and then square it. Errors of opposite sign cancel that way.",
        ),
        Mistake(
            "gradient cut off",
            edit(".square()", ".detach().square()"),
            "Nothing flows back: somewhere on the way the result leaves the graph "
            "(`.detach()`, `.data`, `.item()`).",
        ),
        Mistake(
            "mean over the first dimension only",
            edit(".mean()", ".mean(0)"),
            "You average over the examples and keep the other dimensions. A loss is one "
            "number: the mean over all elements.",
        ),
        Mistake(
            "no mean taken",
            edit(".mean()", ""),
            "You return a square for every element. A loss is one number: their mean.",
        ),
    )


class MseGradient(Exercise):
    """The gradient of mean((x @ w - y)**2) with respect to w, by hand: (d,)."""

    id, points = "sgd.mse_gradient", 2
    minutes, lines, writes = 20, "one or two lines", "its gradient, derived on paper"
    without = {
        "requires_grad": (
            "a solution through NumPy is right, and NumPy takes no tensors that require a gradient"
        ),
    }
    shortcuts = (
        *AUTOGRAD,
        "aten::mse_loss_backward",
        "aten::huber_loss_backward",
        "aten::smooth_l1_loss_backward",
    )

    def cases(self, rng: Rng) -> Iterable[Case]:
        for label, n, d in (
            ("7 examples with 2 features", 7, 2),
            ("one example", 1, 4),
            ("one feature, targets far away", 6, 1),
            ("as many examples as features", 3, 3),
            ("131 examples with 5 features", 131, 5),
        ):
            axis = "many" if n > 100 else ""
            far = 500 if n == 6 else 1
            yield Case(label, axis=axis, w=rng.normal(d), x=rng.normal(n, d), y=far * rng.normal(n))

    def probe(self, mse_gradient: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "gradient", mse_gradient(case.w, case.x, case.y)

    mistakes = (
        Mistake(
            "(n, 1) against (n,)",
            edit("x.T @ (x @ w - y)", "(x.T @ (x @ w[:, None] - y)).mean(1)"),
            "Somewhere predictions of shape (n, 1) meet targets of shape (n,), and their "
            "difference broadcasts to (n, n): every prediction against every target. Check the "
            "shape of your difference; it should be (n,).",
        ),
        Mistake(
            "product of the means",
            edit("2 / len(x) * x.T @ (x @ w - y)", "2 * (x @ w - y).mean() * x.mean(0)"),
            "You average the errors and the inputs separately and multiply the averages. Each "
            "error belongs to its own row of x: multiply first, then average over the "
            "examples.",
        ),
        Mistake(
            "factor 2 forgotten",
            edit("2 / len(x)", "1 / len(x)"),
            "The derivative of a square has a factor 2.",
        ),
        Mistake(
            "sum instead of mean",
            edit("2 / len(x)", "2"),
            "This is the gradient of the sum of the squares. The loss is their mean, so its "
            "gradient does not grow with the number of examples.",
        ),
        Mistake(
            "divided by the number of weights",
            edit("len(x)", "len(w)"),
            "You divide by the number of features d. The mean is over the n examples.",
        ),
        Mistake(
            "wrong sign",
            edit("(x @ w - y)", "-(x @ w - y)"),
            "Every entry has the wrong sign. The gradient points uphill; the minus of gradient "
            "descent comes later, in the step.",
        ),
        Mistake(
            "targets left out",
            edit("x @ w - y", "x @ w"),
            "The targets do not appear in your gradient. x is multiplied by the error, x @ w - y.",
        ),
        Mistake(
            "reshaped instead of transposed",
            edit("x.T @", "x.reshape(x.T.shape) @"),
            "You give x the shape of its transpose by `view` or `reshape`. Its entries keep their "
            "order in memory that way, so errors meet the inputs of other examples: rows do not "
            "become columns.",
        ),
        *(
            Mistake(
                "factor on the first term only",
                edit("2 / len(x) * x.T @ (x @ w - y)", product),
                "Your factor belongs to the predictions' part alone, and the targets' part goes "
                "without. Multiplied out, the factor stands before both terms: use brackets.",
            )
            for product in (
                "2 / len(x) * x.T @ (x @ w) - x.T @ y",
                "2 / len(x) * x.T @ (x @ w) - x.T @ y / len(x)",
                "2 * x.T @ (x @ w) / len(x) - 2 * x.T @ y",
                "2 * x.T @ (x @ w) - 2 * x.T @ y / len(x)",
            )
        ),
        *(
            Mistake(
                f"{place} example left out",
                edit("x.T @ (x @ w - y)", f"x[{part}].T @ (x @ w - y)[{part}]"),
                f"The {place} example adds nothing to your gradient, though you divide by all n. "
                "The indices of n examples are 0 ... n - 1, which is what `range(n)` gives.",
            )
            for place, part in (("last", ":-1"), ("first", "1:"))
        ),
        Mistake(
            "inner derivative forgotten",
            edit("x.T @ (x @ w - y)", "(x @ w - y)"),
            "You have the derivative with respect to the predictions, one number per example. "
            "The chain rule takes one more step: how does each prediction depend on w?",
        ),
        Mistake(
            "only the last example",
            edit("x.T @ (x @ w - y)", "x[-1] * (x @ w - y)[-1]"),
            "Your gradient holds the last example alone, as if each one replaced what was there "
            "before. The contributions of all examples add up.",
        ),
        Mistake(
            "second column taken for ones",
            edit("return", "w, x = w[:2], torch.stack([x[:, 0], 0 * x[:, 0] + 1], 1)\n    return"),
            "You wrote it for a line: one input, and a 1 beside it. Here x has d columns, and any "
            "number may stand in each of them.",
        ),
        Mistake(
            "one row per example",
            edit("x.T @ (x @ w - y)", "(x @ w - y)[:, None] * x"),
            "You return what each example contributes, one row each. A weight acts in every "
            "example, so the contributions add up.",
        ),
        Mistake(
            "one row per example",
            edit("2 / len(x) * x.T @ (x @ w - y)", "2 * (x @ w - y)[:, None] * x"),
            "You return the gradient of each example's own square, one row each. The loss is "
            "the mean over the examples, and so is its gradient.",
        ),
        Mistake(
            "mean over all entries",
            edit("len(x)", "x.numel()"),
            "You divide by n * d, the number of entries of x. Each weight has its own sum, of n "
            "terms.",
        ),
        Mistake(
            "weights averaged too",
            edit("2 / len(x) * x.T @ (x @ w - y)", "2 * ((x @ w - y)[:, None] * x).mean()"),
            "You average over examples and features alike, which leaves one number. Each "
            "weight has its own entry: average over the examples only.",
        ),
        Mistake(
            "predictions left out",
            edit("(x @ w - y)", "y"),
            "Your gradient uses the targets but not the predictions. x is multiplied by the "
            "error, x @ w - y.",
        ),
        Mistake(
            "only the sign of the errors",
            edit("(x @ w - y)", "(x @ w - y).sign()"),
            "Only the signs of the errors enter your gradient, as for the mean absolute error. "
            "The derivative of e**2 is 2 * e: a large error counts more.",
        ),
        Mistake(
            "gradient normalised",
            edit("return ", "g = ", "", "    return g / g.norm()"),
            "You divide the gradient by its length. Its direction is right, but how steep the "
            "loss is gets lost.",
        ),
        Mistake(
            "gradient of the root",
            edit("2 / len(x)", "1 / len(x) / (x @ w - y).square().mean().sqrt()"),
            "This is the gradient of the root of the mean squared error. Here the loss is the "
            "mean itself, without the root.",
        ),
        Mistake(
            "dimension lost with a single weight",
            edit("x.T @ (x @ w - y)", "(x.T @ (x @ w - y)).squeeze()"),
            "With a single feature the gradient should have shape (1,), and yours has shape "
            "(). A squeeze without a dimension removes every dimension of size 1: name the one "
            "you mean.",
        ),
        Mistake(
            "error still squared",
            edit("(x @ w - y)", "(x @ w - y) ** 2"),
            "Your error is still squared. The derivative of e**2 is 2 * e: as the 2 comes "
            "down, the square goes.",
        ),
        Mistake(
            "autograd used",
            lambda w, x, y: torch.autograd.grad(
                ((x @ (v := w.clone().requires_grad_()) - y) ** 2).mean(),
                v,
            )[0],
            "You let autograd do it. Here you write the derivative yourself, with matrix "
            "products only; from the next lesson on you will know why autograd gets the same "
            "result.",
        ),
    )


class SgdStep(Exercise):
    """p <- p - lr * p.grad in place for every p in params; if p.grad is None, p stays."""

    id, points = "sgd.sgd_step", 2
    minutes, lines, writes = 15, "about four lines", "a step downhill"
    without = WITHOUT
    shortcuts = STEPS

    def cases(self, rng: Rng) -> Iterable[Case]:
        yield step_case(rng, "one parameter, one step", [(4,)], 1)
        label = (
            "three parameters, three steps, a gradient of zeros in the second, lr 0 in the third"
        )
        yield ending_at_rest(with_zeros(rng, step_case(rng, label, [(3, 2), (5,), ()], 3)))
        yield step_case(
            rng, "three parameters, the first without a gradient", [(3,), (2, 4), (2,)], 2, [0]
        )
        label = "a call inside torch.no_grad(), with a large gradient"
        yield with_a_large_gradient(
            step_case(rng, label, [(2,), (3, 1)], 1, in_no_grad=True),
        )
        yield step_case(
            rng, "a parameter with a gradient that no longer requires one", [(3,)], 1, frozen=True
        )

    def probe(self, sgd_step: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield from probe_steps(case, lambda params, t, lr: sgd_step(params, lr))

    mistakes = (
        Mistake(
            "gradient scaled in place",
            edit("lr * p.grad", "p.grad.mul_(lr)"),
            "You multiply .grad by the learning rate on the way. Whoever reads it next (a "
            "second optimizer, a plot, a check) finds a different gradient. A step only reads "
            ".grad.",
        ),
        Mistake(
            "wrong sign",
            edit("p -= lr", "p -= -lr"),
            "You walk uphill: the gradient points to where the loss grows. Go against it.",
        ),
        Mistake(
            "learning rate left out",
            edit("lr * p.grad", "p.grad"),
            "You subtract the gradient as it is; the learning rate plays no part.",
        ),
        Mistake(
            "only the sign of the gradient",
            edit("lr * p.grad", "lr * p.grad.sign()"),
            "Every entry moves by lr, however large its gradient. The step should be "
            "proportional to the gradient.",
        ),
        Mistake(
            "gradient normalised",
            edit("lr * p.grad", "lr * p.grad / p.grad.norm()"),
            "You divide the gradient by its length. Then a step is as long where the loss is "
            "flat as where it is steep, and never comes to rest.",
        ),
        Mistake(
            "gradient clipped",
            edit("lr * p.grad", "lr * p.grad / p.grad.norm().clamp(min=1)"),
            "You shorten gradients longer than 1. Clipping has its uses, but a plain step "
            "takes the gradient as it is.",
        ),
        Mistake(
            "parameters that do not require grad skipped",
            edit("p.grad is not None", "p.grad is not None and p.requires_grad"),
            "You skip a parameter whose requires_grad is False even though it has a `.grad`. "
            "What matters is `.grad`: only if it is None does the parameter stay.",
        ),
        Mistake(
            "learning rate divided by the number of parameters",
            edit("lr * p.grad", "lr / len(params) * p.grad"),
            "You divide lr by the number of parameters. Each one moves by lr times its own "
            "gradient, however many there are.",
        ),
        Mistake(
            "gradient that adds up to 0 taken for none",
            edit("p.grad is not None", "p.grad is not None and p.grad.sum() != 0"),
            "You leave a parameter alone where the entries of its gradient add up to 0, and the "
            "entries need not be 0 for that. Only where `.grad` is None does it stay.",
        ),
        Mistake(
            "only the first parameter",
            edit("in params", "in params[:1]"),
            "Only the first parameter in the list moved.",
        ),
        *in_place_mistakes(),
    )


_TOP = "torch.linalg.eigvalsh(hessian)[-1]"


class LargestLr(Exercise):
    """2 / the largest eigenvalue of the matrix of second derivatives."""

    id, points = "sgd.largest_lr", 2
    minutes, lines, writes = 12, "one or two lines", "how large a step may be"
    extra = True
    without = {
        "requires_grad": "a solution through NumPy is right, and NumPy takes no tensors that "
        "require a gradient"
    }

    def cases(self, rng: Rng) -> Iterable[Case]:
        def bowl(label: str, *curvatures: float) -> Case:
            """A Hessian with these curvatures, in directions drawn at random."""
            d = len(curvatures)
            drawn = rng.normal(d, d, dtype=torch.float64)
            directions = torch.linalg.qr(drawn + 2 * torch.eye(d, dtype=torch.float64))[0]
            hessian = directions @ torch.tensor(curvatures, dtype=torch.float64).diag()
            hessian = hessian @ directions.T
            return Case(label, hessian=((hessian + hessian.T) / 2).float())

        own = [rng.number(1.0, 2.0), rng.number(6.0, 9.0), rng.number(2.5, 5.0)]
        yield Case("a diagonal matrix, the largest in the middle", hessian=torch.tensor(own).diag())
        yield Case("one parameter", hessian=torch.tensor([[rng.number(0.2, 0.6)]]))
        off = -rng.number(1.5, 1.9)
        yield Case("two parameters that interact", hessian=torch.tensor([[2.0, off], [off, 2.0]]))
        x = rng.normal(6, 4)
        yield Case("the loss of a line with four inputs", hessian=2 / 6 * x.T @ x)
        flat = torch.tensor([rng.number(1.0, 2.0), 0.0, rng.number(2.5, 5.0)]).diag()
        yield Case("a diagonal matrix, one of its curvatures 0", hessian=flat)
        yield bowl(
            "a flat direction, 0 but for rounding",
            -1e-6,
            rng.number(0.5, 1.0),
            rng.number(2.0, 3.0),
        )
        yield bowl("small curvatures", *(rng.number(0.001, 0.003) for _ in range(4)), 0.01)
        yield bowl("curvatures near 1e-5", rng.number(2e-6, 4e-6), rng.number(1e-5, 2e-5))
        yield bowl("very different curvatures", 1.0, rng.number(20.0, 40.0), rng.number(500, 900))

    def probe(self, largest_lr: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "the largest rate", largest_lr(case.hessian)

    mistakes = (
        Mistake(
            "1 in place of 2",
            edit("2 /", "1 /"),
            "At 1 / curvature a single step ends at the bottom; beyond that it jumps across and "
            "still comes closer. Where does the factor 1 - lr * c reach -1?",
        ),
        Mistake(
            "smallest curvature",
            edit("[-1]", "[0]"),
            "You take the smallest curvature. The smallest decides how long you wait; the steepest "
            "direction is the first to fly off, so the largest decides how far you may go.",
        ),
        Mistake(
            "first eigenvalue, whichever it is",
            edit(_TOP, "torch.linalg.eigvals(hessian).real[0]"),
            "You take the first eigenvalue as if they were in order. Not every function sorts "
            "them: look for the largest.",
        ),
        *(
            Mistake(
                "complex eigenvalue",
                edit(f"float({_TOP})", f"torch.linalg.eigvals(hessian)[{index}]"),
                "torch.linalg.eigvals is for any matrix: its eigenvalues are complex, and in no "
                "order. Those of a symmetric matrix are real: eigvalsh gives them, sorted.",
            )
            for index in (0, -1)
        ),
        Mistake(
            "last eigenvalue, whichever it is",
            edit(_TOP, "torch.linalg.eigvals(hessian).real[-1]"),
            "You take the last eigenvalue as if they were in order. Not every function sorts "
            "them: look for the largest.",
        ),
        *(
            Mistake(
                "smallest of all rates",
                edit(f"2 / float({_TOP})", rates),
                "You divide 2 by every curvature and take the smallest result. Where a curvature "
                "is 0, or a little below it by rounding, there is no such rate: take the largest "
                "curvature first, and divide once.",
            )
            for rates in (
                "min(2 / c for c in torch.linalg.eigvalsh(hessian).tolist())",
                "(2 / torch.linalg.eigvalsh(hessian)).min().item()",
            )
        ),
        Mistake(
            "largest entry",
            edit(_TOP, "hessian.max()"),
            "You take the largest entry, the steepest curvature along a single parameter. Where "
            "parameters interact, a direction between them is steeper still.",
        ),
        Mistake(
            "smallest and largest added up",
            edit(_TOP, "torch.linalg.eigvalsh(hessian)[[0, -1]].sum()"),
            "You divide by the sum of the smallest and the largest curvature. That is the rate at "
            "which both directions come closer equally fast; the edge is where the steepest one "
            "stops coming closer.",
        ),
        Mistake(
            "trace",
            edit(_TOP, "hessian.trace()"),
            "The trace is the sum of all curvatures. Each direction has its own factor; they do "
            "not add up.",
        ),
        Mistake(
            "mean curvature",
            edit(_TOP, "torch.linalg.eigvalsh(hessian).mean()"),
            "You take the mean of the curvatures. One direction that flies off is enough, so the "
            "largest decides alone.",
        ),
        Mistake(
            "mean curvature",
            edit(_TOP, "hessian.diagonal().mean()"),
            "The mean of the diagonal is the mean of the curvatures. One direction that flies off "
            "is enough, so the largest decides alone.",
        ),
        Mistake(
            "determinant",
            edit(_TOP, "torch.linalg.det(hessian)"),
            "The determinant is the product of all curvatures. Each direction has its own factor.",
        ),
        Mistake(
            "norm of all entries",
            edit(_TOP, "hessian.norm()"),
            "The root of the sum of all squared entries mixes all curvatures into one number. The "
            "largest decides alone.",
        ),
        *(
            Mistake(
                "largest sum of a row",
                edit(_TOP, f"{entries}.sum(1).max()"),
                "Your curvature is the largest sum of a row. Where parameters interact that is "
                "only a bound, or not even that. The edge is at the curvature in the steepest "
                "direction, the largest eigenvalue.",
            )
            for entries in ("hessian.abs()", "hessian")
        ),
        Mistake(
            "the curvature itself",
            edit("2 / ", ""),
            "You return the largest curvature. The steeper a direction, the smaller the step may "
            "be: at which lr is 1 - lr * c equal to -1?",
        ),
        Mistake(
            "upside down",
            edit(f"2 / float({_TOP})", f"float({_TOP}) / 2"),
            "You divide the curvature by 2. Solve 1 - lr * c = -1 for lr: the curvature belongs "
            "below the line.",
        ),
        Mistake(
            "square of the curvature",
            edit(_TOP, "torch.linalg.eigvalsh(hessian @ hessian)[-1]"),
            "You divide by the square of the curvature: these are the eigenvalues of the matrix "
            "times itself. Take those of the matrix.",
        ),
        Mistake(
            "root of the curvature",
            edit(_TOP, f"{_TOP} ** 0.5"),
            "You divide by the root of the curvature. Solve 1 - lr * c = -1 for lr.",
        ),
        Mistake(
            "a rate for each direction",
            edit(f"float({_TOP})", "torch.linalg.eigvalsh(hessian)"),
            "You return the edge of every direction. One rate serves all of them: which edge comes "
            "first?",
        ),
        Mistake(
            "a little below the edge",
            edit("2 /", "1.99 /"),
            "You stay a little below the edge. The question is where exactly it is; how much room "
            "to leave is another one.",
        ),
    )


class MomentumStep(Exercise):
    """v <- momentum * v + p.grad, then p <- p - lr * v, in place; if p.grad is None, both stay."""

    id, points = "sgd.momentum_step", 2
    minutes, lines, writes = 15, "about five lines", "a step with a memory"
    without = WITHOUT
    shortcuts = STEPS

    def cases(self, rng: Rng) -> Iterable[Case]:
        def case(
            label: str,
            shapes: Sequence[tuple[int, ...]],
            steps: int,
            without: Sequence[int] = (),
            moving: float = 1.0,
            momentum: float | None = None,
            in_no_grad: bool = False,
        ) -> Case:
            more = {
                "velocities": [moving * rng.normal(*shape) for shape in shapes],
                "momentum": rng.number(0.6, 0.8) if momentum is None else momentum,
            }
            return step_case(rng, label, shapes, steps, without, in_no_grad=in_no_grad, **more)

        yield case("one parameter at rest, two steps", [(4,)], 2, moving=0.0)
        label = "three moving parameters, a gradient of zeros in the second step, lr 0 in the third"
        yield ending_at_rest(with_zeros(rng, case(label, [(3, 2), (5,), ()], 3)))
        label = "three parameters, the second without a gradient"
        yield case(label, [(3,), (2, 4), (2,)], 2, [1])
        label = "a call inside torch.no_grad(), with momentum 0 and a large gradient"
        shapes = [(2,), (2,)]
        yield with_a_large_gradient(case(label, shapes, 1, momentum=0.0, in_no_grad=True))

    def probe(self, momentum_step: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        def call(params: list[Tensor], velocities: list[Tensor], _t: int, lr: float) -> Any:
            return momentum_step(params, velocities, lr, case.momentum)

        yield from probe_steps(case, call, "velocities")

    mistakes = (
        Mistake(
            "velocity left alone at momentum 0",
            edit(
                "v.copy_(momentum * v + p.grad)",
                "v.copy_(momentum * v + p.grad if momentum else v)",
                "lr * v",
                "lr * (v if momentum else p.grad)",
            ),
            "With momentum 0 you step with the gradient and leave the velocity as it was. The "
            "formula makes it the gradient, and a later step with momentum reads it. "
            "(torch.optim.SGD keeps no velocity as long as the momentum is 0.)",
        ),
        Mistake(
            "weighted average instead of torch's momentum",
            edit("+ p.grad", "+ (1 - momentum) * p.grad"),
            "Your velocity is momentum * v + (1 - momentum) * g, a weighted average of the "
            "gradients. That is the other convention. Here we follow torch and add the "
            "gradient in full: starting from rest, torch's velocity is 1/(1 - momentum) times "
            "yours, and its steps are that much longer.",
        ),
        Mistake(
            "learning rate inside the velocity",
            edit("+ p.grad", "+ lr * p.grad", "lr * v", "v"),
            "You multiply the gradient by lr before it enters the velocity. From rest and with "
            "a constant lr, the parameters would move the same way; but when lr changes, old "
            "gradients keep their old lr. In torch the velocity does not contain lr; the step "
            "multiplies the whole velocity by it.",
        ),
        Mistake(
            "Nesterov",
            edit("lr * v", "lr * (p.grad + momentum * v)"),
            "You step with g + momentum * v, which looks one step ahead, as Nesterov's variant "
            "does. Plain momentum steps with v alone.",
        ),
        Mistake(
            "step with the old velocity",
            edit(
                "v.copy_(momentum * v + p.grad)",
                "old = v.clone()\n            v.copy_(momentum * v + p.grad)",
                "lr * v",
                "lr * old",
            ),
            "The parameters move before the velocity is updated, so every gradient takes "
            "effect one step late.",
        ),
        Mistake(
            "velocity forgotten",
            edit("v.copy_(momentum * v + p.grad)", "pass", "lr * v", "lr * p.grad"),
            "This is plain SGD: you neither use nor change the velocities.",
        ),
        Mistake(
            "step without the velocity",
            edit("lr * v", "lr * p.grad"),
            "Your step does not use the velocity: you subtract lr times the gradient.",
        ),
        Mistake(
            "learning rate kept in the velocity",
            edit("momentum * v + p.grad)", "lr * (momentum * v + p.grad))", "lr * v", "v"),
            "You multiply the whole velocity by lr and leave it so. The next step starts from what "
            "is left, and multiplies it by lr once more. lr belongs in the step alone.",
        ),
        Mistake(
            "learning rate twice",
            edit("+ p.grad", "+ lr * p.grad"),
            "The learning rate is in the velocity and again in the step. It belongs only in "
            "the step.",
        ),
        Mistake(
            "velocity against the gradient",
            edit("+ p.grad", "- p.grad"),
            "You subtract the gradient in the velocity and then subtract the velocity from the "
            "parameter. Two minus signs make an uphill step; only the second belongs there.",
        ),
        Mistake(
            "velocity decayed without a gradient",
            edit(
                "if p.grad is not None:",
                "v *= momentum\n        if p.grad is not None:",
                "momentum * v",
                "v",
            ),
            "You shrink the velocity before you check whether there is a gradient. When "
            "`.grad` is None, the velocity stays as it is too.",
        ),
        Mistake(
            "a step without a gradient",
            edit("            p -= lr * v", "        p -= lr * v"),
            "A parameter whose `.grad` is None moves along its old velocity. It took no part in "
            "this step: where there is no gradient, skip the whole step, not only the velocity's "
            "part.",
        ),
        *(
            Mistake(
                "gradient of zeros skipped",
                edit("p.grad is not None", f"p.grad is not None and {moves}"),
                "You leave a parameter alone where its gradient is 0, or adds up to 0. Only where "
                "`.grad` is None does it stay: a velocity carries it on over flat ground.",
            )
            for moves in ("p.grad.any()", "p.grad.sum() != 0")
        ),
        Mistake(
            "gradient not kept in the velocity",
            edit("momentum * v + p.grad", "momentum * v", "lr * v", "lr * (v + p.grad)"),
            "Your step adds the gradient, but the velocity does not: there, only the old one "
            "shrinks. The next step needs the gradient in it.",
        ),
        Mistake(
            "momentum and lr exchanged",
            edit("momentum * v +", "lr * v +", "p -= lr", "p -= momentum"),
            "You multiply the old velocity by lr and the step by momentum. It is the other way "
            "round.",
        ),
        Mistake(
            "learning rate left out",
            edit("lr * v", "v"),
            "You subtract the whole velocity; the learning rate plays no part.",
        ),
        Mistake(
            "1 - momentum on the velocity",
            edit("momentum * v", "(1 - momentum) * v"),
            "You keep the share 1 - momentum of the old velocity. momentum itself is the share "
            "that remains.",
        ),
        Mistake(
            "velocity overwritten",
            edit("momentum * v + p.grad", "p.grad"),
            "The velocity becomes the new gradient, and what it held before is gone. It keeps the "
            "share momentum of the old velocity.",
        ),
        Mistake(
            "velocity in the gradient's memory",
            edit(
                "v.copy_(momentum * v + p.grad)",
                "if v.any():\n                v.mul_(momentum).add_(p.grad)\n            else:\n"
                "                v.data = p.grad",
            ),
            "After the first step, velocity and gradient are the same numbers in memory: the "
            "next backward, which changes the one, also changes the other. Copy the numbers.",
        ),
        Mistake(
            "another momentum in place of 0",
            edit("    for p, v", "    momentum = momentum or 0.9\n    for p, v"),
            "You take another momentum where 0 is passed in. 0 is a number like others, though "
            "`or` and `if` treat it as False: it gives plain SGD.",
        ),
        Mistake(
            "velocity not multiplied by momentum",
            edit("momentum * v", "v"),
            "You keep the old velocity in full, so it grows and grows. Multiply it by momentum "
            "first.",
        ),
        Mistake(
            "momentum on the gradient",
            edit("momentum * v + p.grad", "v + momentum * p.grad"),
            "You multiply the gradient by momentum. Momentum says how much of the old velocity "
            "remains.",
        ),
        Mistake(
            "momentum on both",
            edit("momentum * v + p.grad", "momentum * (v + p.grad)"),
            "You multiply the new gradient by momentum too. Only the old velocity is scaled down.",
        ),
        Mistake(
            "velocity with the wrong sign",
            edit("+ p.grad", "- p.grad", "p -= lr", "p -= -lr"),
            "You subtract the gradient in the velocity and add the velocity to the parameter. "
            "Starting from rest this ends up in the same place, but your velocity has the "
            "opposite sign of torch's.",
        ),
        Mistake(
            "step in the wrong direction",
            edit("p -= lr", "p -= -lr"),
            "You walk uphill: the parameters move along the velocity instead of against it.",
        ),
        Mistake(
            "velocity points downhill",
            edit("+ p.grad", "- lr * p.grad", "p -= lr * v", "p += v"),
            "Your velocity already contains the learning rate and the minus sign, and you add "
            "it to the parameter. Many books write it that way. In torch's form the velocity "
            "is momentum * v + p.grad; lr and the minus come in the step.",
        ),
        Mistake(
            "old velocity counted twice",
            edit("momentum * v", "v + momentum * v"),
            "You add momentum * v + p.grad to the old velocity, which you also keep in full, "
            "so it grows and grows. Multiply it by momentum first, in place (`v.mul_`), then "
            "add the gradient.",
        ),
        Mistake(
            "velocity lost without a gradient",
            edit(
                "if p.grad is not None:", "if p.grad is None:\n            v.zero_()\n        else:"
            ),
            "When `.grad` is None you set the velocity to zero. It should stay as it is: the "
            "parameter sits out this step and carries on from there in the next.",
        ),
        Mistake(
            "gradient changed",
            edit("momentum * v + p.grad", "p.grad.add_(momentum * v)"),
            "You add the old velocity into .grad itself. A step only reads .grad.",
        ),
        *in_place_mistakes({"velocities": "v"}),
    )


def _repeats(evidence: list[dict[str, Any]]) -> bool:
    """Whether some indices are repeated and others missing, in batches of the right sizes."""
    return evidence[0]["sizes of the batches"] == [4, 4, 2] and any(
        indices.diff().eq(0).any() and int(indices[-1]) < len(indices)
        for indices in (values["all indices in ascending order"] for values in evidence)
    )


def _differ(one: Tensor, other: Tensor) -> bool:
    return not torch.equal(one, other)


def _distinct_in_batches(evidence: list[dict[str, Any]]) -> bool:
    return all(values["the indices of a batch are all different"] for values in evidence)


class Minibatches(Exercise):
    """Index tensors of 0 ... n - 1, each once, shuffled by the generator; the last may be short."""

    id, points = "sgd.minibatches", 2
    minutes, lines, writes = 15, "about three lines", "a few examples at a time"
    shortcuts = (
        torch.utils.data.DataLoader,
        torch.utils.data.RandomSampler,
        torch.utils.data.BatchSampler,
        torch.utils.data.SubsetRandomSampler,
        torch.utils.data.WeightedRandomSampler,
        torch.utils.data.random_split,
    )

    def cases(self, rng: Rng) -> Iterable[Case]:
        for label, n, batch_size in (
            ("10 examples in batches of 4", 10, 4),
            ("a number divisible by the batch size", 3 * (size := rng.integer(4, 9)), size),
            ("fewer examples than a batch holds", rng.integer(4, 7), 8),
            ("a single example", 1, 1),
            ("many examples", rng.integer(12, 16) * 16 + 1, 16),
            ("a batch size above half of n", 10, 6),
        ):
            yield Case(
                f"{label}: n = {n}, batch_size = {batch_size}",
                n=n,
                size=batch_size,
                seed=rng.integer(1, 10**6),
            )

    def probe(self, minibatches: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        def epoch(generator: torch.Generator) -> list[Any]:
            return list(minibatches(case.n, case.size, generator))

        def order(batches: list[Any]) -> Tensor:
            return (
                torch.cat([torch.as_tensor(b) for b in batches])
                if batches
                else torch.empty(0, dtype=torch.int64)
            )

        generator = torch.Generator().manual_seed(case.seed)
        before, others_before = generator.get_state(), torch.get_rng_state()
        first = epoch(generator)
        yield "sizes of the batches", [len(b) for b in first]
        yield "types of the batches", ", ".join(sorted({_kind(b) for b in first}))
        drawn = order(first)
        batches = [torch.as_tensor(b) for b in first]
        yield "the indices of a batch are all different", batches
        yield "all indices in ascending order", drawn.sort().values
        if case.n > 1:
            yield claim("the generator is used", not torch.equal(generator.get_state(), before))
            left = torch.equal(torch.get_rng_state(), others_before)
            yield claim("torch's own random numbers are left alone", left)
        if case.n < FEW:
            return
        second = order(epoch(generator))
        again = order(epoch(torch.Generator().manual_seed(case.seed)))
        other = order(epoch(generator.manual_seed(case.seed + 1)))
        yield "the order is the same from a generator with the same seed", [drawn, again]
        if case.n < MANY:
            return
        yield "the order is different from a generator with another seed", [drawn, other]
        yield "the order is different in the next epoch", [drawn, second]
        yield "neighbours in the data are mostly apart", [drawn]
        yield "the indices of the first batch are from everywhere", batches[:1]
        yield "the indices within a batch are in random order too", batches
        orders = [drawn, second, other, order(epoch(generator))]
        yield "the first and the last index are others in other epochs", orders

    holds = {
        "the indices of a batch are all different": lambda *batches: all(
            len(batch.unique()) == len(batch) for batch in batches
        ),
        "the order is the same from a generator with the same seed": torch.equal,
        "the order is different from a generator with another seed": _differ,
        "the order is different in the next epoch": _differ,
        "neighbours in the data are mostly apart": lambda drawn: (
            int((drawn.diff() == 1).sum()) < len(drawn) / 4
        ),
        "the indices of the first batch are from everywhere": lambda batch: (
            int(batch.max()) >= 2 * len(batch)
        ),
        "the indices within a batch are in random order too": lambda *batches: (
            not all((batch.diff() > 0).all() for batch in batches)
        ),
        "the first and the last index are others in other epochs": lambda *orders: all(
            len({int(order[place]) for order in orders}) > 1 for place in (0, -1)
        ),
    }

    mistakes = (
        Mistake(
            "last batch dropped",
            edit("range(0, n, batch_size)", "range(0, n - batch_size + 1, batch_size)"),
            "When batch_size does not divide n, the last, smaller batch is missing: some "
            "examples are never seen in this epoch.",
        ),
        *(
            Mistake(
                "last batch of one left out",
                change,
                "Where a single example remains for the last batch, it is missing. An epoch sees "
                "every example once, however small the last batch is.",
            )
            for change in (
                edit("(0, n,", "(0, n - 1,"),
                edit("        yield", "        if n - start > 1 or n == 1:\n            yield"),
            )
        ),
        Mistake(
            "slices one short",
            edit("start + batch_size]", "start + batch_size - 1]"),
            "Every full batch lacks its last example. The end of a slice is not part of it, so "
            "nothing has to be taken off.",
        ),
        Mistake(
            "smaller batch first",
            edit(
                "range(0, n, batch_size):\n        yield order[start : start + batch_size]",
                "range(-(-n % batch_size), n, batch_size):\n        yield order[max(start, 0) : "
                "start + batch_size]",
            ),
            "The smaller batch comes first. Cut from the beginning: what does not fill a batch is "
            "left for the last one.",
        ),
        Mistake(
            "sorted inside each batch",
            edit("start + batch_size]", "start + batch_size].sort().values"),
            "The indices of each batch come in ascending order. Take them in the order in which "
            "they were drawn.",
        ),
        Mistake(
            "the first example stays in its place",
            edit(
                "torch.randperm(n, generator=generator)",
                "torch.tensor([0, *(torch.randperm(n - 1, generator=generator) + 1)])",
            ),
            "The first example is the first in every epoch, and only the others change places. "
            "Every example needs a random place.",
        ),
        Mistake(
            "torch's own random numbers reseeded",
            edit(
                "torch.randperm(n, generator=generator)",
                "torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator)))\n"
                "    order = torch.randperm(n)",
            ),
            "You seed torch's own random numbers from `generator` and draw from them. Whoever "
            "draws from torch afterwards gets other numbers than without you: draw from "
            "`generator` itself.",
        ),
        Mistake(
            "drawn with replacement",
            None,
            "Some indices come up twice and others not at all, as if drawn with replacement. "
            "An epoch sees every example once; what you need is a random order.",
            sign=lambda evidence: _repeats(evidence) and not _distinct_in_batches(evidence),
        ),
        Mistake(
            "each batch drawn from all examples",
            None,
            "Some examples come up in several batches and others in none, though no batch "
            "holds one twice, as if each batch were drawn from all examples. Shuffle once per "
            "epoch and cut that one order into batches.",
            sign=lambda evidence: _repeats(evidence) and _distinct_in_batches(evidence),
        ),
        Mistake(
            "not shuffled",
            edit("torch.randperm(n, generator=generator)", "torch.arange(n)"),
            "The indices come in the order of the data. If the data are sorted (all zeros "
            "first, then all ones), every batch is one-sided.",
        ),
        Mistake(
            "only the start is random",
            edit(
                "torch.randperm(n, generator=generator)",
                "torch.arange(n).roll(int(torch.randint(n, (1,), generator=generator)))",
            ),
            "You begin at a random place and then follow the order of the data, so neighbours "
            "stay neighbours. Every example needs a random place of its own.",
        ),
        Mistake(
            "only whole batches shuffled",
            edit(
                "torch.randperm(n, generator=generator)",
                "torch.arange(n)",
                "in range(0, n, batch_size)",
                "in [*(batch_size * torch.randperm(n // batch_size, generator=generator)), "
                "*range(n - n % batch_size, n, batch_size)]",
            ),
            "The batches come in random order, but each holds neighbours from the data. "
            "Shuffle the examples, then cut.",
        ),
        Mistake(
            "only whole batches shuffled",
            edit(
                "torch.randperm(n, generator=generator)",
                "torch.arange(n)",
                "in range(0, n, batch_size)",
                "in batch_size * torch.randperm(-(-n // batch_size), generator=generator)",
            ),
            "The batches come in random order, the smaller one anywhere among them, but each holds "
            "neighbours from the data. Shuffle the examples, then cut.",
        ),
        Mistake(
            "shuffled inside each batch only",
            edit(
                "torch.randperm(n, generator=generator)",
                "torch.arange(n)",
                "start + batch_size]",
                "start + batch_size][torch.randperm(min(batch_size, n - start), "
                "generator=generator)]",
            ),
            "Each batch holds neighbours from the data, in random order; the same examples "
            "always meet in a batch. Shuffle all examples, then cut.",
        ),
        *(
            Mistake(
                "generator ignored",
                edit("generator=generator", f"generator={other}"),
                "The order does not come from `generator`. Then two runs with the same `generator` "
                "differ, and nobody can reproduce your result. Pass it to the function that draws.",
            )
            for other in ("None", "(own := torch.Generator(), own.seed())[0]")
        ),
        Mistake(
            "a fixed seed",
            edit("generator=generator", "generator=torch.Generator().manual_seed(0)"),
            "Every epoch has the same order, as if from a fixed seed, and `generator` plays no "
            "part. Draw from the one that is passed in.",
        ),
        Mistake(
            "a copy of the generator",
            edit(
                "generator=generator",
                "generator=torch.Generator().manual_seed(generator.initial_seed())",
            ),
            "You make your own generator with the seed of the one that is passed in, so every "
            "epoch has the same order. Draw from the one that is passed in; it remembers how "
            "far it has got.",
        ),
        Mistake(
            "the generator reseeded",
            edit("generator=generator", "generator=generator.manual_seed(0)"),
            "You seed the generator in every call, so every epoch has the same order, whatever "
            "its own seed was. Only draw from it.",
        ),
        Mistake(
            "one buffer for all batches",
            edit(
                "    for start",
                "    buffer = torch.empty(batch_size, dtype=torch.int64)\n    for start",
                "yield order[start : start + batch_size]",
                "buffer = buffer[: n - start]\n        yield buffer.copy_(order[start : start + "
                "batch_size])",
            ),
            "Each batch overwrites the one before: you return the same tensor again and again. "
            "Anyone who keeps a batch (in a list, say) later finds the last one in its place. "
            "Give each batch its own tensor.",
        ),
        Mistake(
            "batches of nearly equal size",
            edit(
                "for start in range(0, n, batch_size):\n        yield order[start : start + "
                "batch_size]",
                "yield from order.tensor_split(-(-n // batch_size))",
            ),
            "You spread the examples evenly over the batches. Every batch but the last holds "
            "exactly batch_size examples.",
        ),
        Mistake(
            "the generator reset",
            edit(
                "generator=generator", "generator=generator.manual_seed(generator.initial_seed())"
            ),
            "You reset the generator in every call, so every epoch has the same order. Only "
            "draw from it; it remembers how far it has got.",
        ),
        Mistake(
            "last batch padded",
            edit(
                "torch.randperm(n, generator=generator)",
                "torch.randperm(n, generator=generator).repeat(1 + batch_size)",
            ),
            "You fill up the last batch with indices that were already used, so some examples "
            "count twice.",
        ),
        Mistake(
            "an empty batch at the end",
            edit("range(0, n, ", "range(0, n + 1, "),
            "When batch_size divides n, there is an empty batch at the end. The mean of "
            "nothing is nan.",
        ),
        Mistake(
            "number of batches instead of batch size",
            edit(
                "for start in range(0, n, batch_size):\n        yield order[start : start + "
                "batch_size]",
                "yield from order.chunk(batch_size)",
            ),
            "batch_size says how many examples a batch holds, not how many batches there are.",
        ),
        Mistake(
            "cut into equal pieces",
            edit(
                "for start in range(0, n, batch_size):\n        yield order[start : start + "
                "batch_size]",
                "yield from order.chunk(-(-n // batch_size))",
            ),
            "You say how many batches there should be and let torch make them equally large. "
            "Every batch but the last holds exactly batch_size examples.",
        ),
        Mistake(
            "slice ends at batch_size",
            edit("start + batch_size]", "batch_size]"),
            "Every slice ends at batch_size, wherever it begins, so all but the first are "
            "empty. A batch ends batch_size places after its own beginning.",
        ),
        Mistake(
            "batches overlap",
            edit("n, batch_size):", "n):"),
            "A new batch begins at every index, so neighbouring batches share examples. The "
            "next batch begins where the last one ended.",
        ),
        *(
            Mistake(
                "only the first batch",
                edit("yield order[start : start + batch_size]", first),
                "You hand back the first batch and no other: a `return` leaves the function, and "
                "the loop with it. Use `yield`, or return the list of all batches after the loop.",
            )
            for first in (
                "return order[start : start + batch_size]",
                "return [order[start : start + batch_size]]",
            )
        ),
        Mistake(
            "no batches returned",
            edit("yield ", ""),
            "Your function returns None: the batches are made and thrown away. Use `yield` for "
            "each one, or return a list of all of them.",
        ),
        Mistake(
            "lists instead of tensors",
            edit("start + batch_size]", "start + batch_size].tolist()"),
            "Your batches are Python lists. Return int64 tensors: `x[idx]` is faster with "
            "them, and every later lesson expects them.",
        ),
        Mistake(
            "index 0 left out",
            edit(
                "torch.randperm(n, generator=generator)",
                "(torch.randperm(n, generator=generator) + 1)",
            ),
            "Your indices run from 1 to n. In Python, as in torch, the first example has index 0.",
        ),
        *(
            Mistake(
                "last example left out",
                edit("randperm(n", "randperm(-1 + n", "(0, n,", f"(0, {stop},"),
                "The last example, with index n - 1, is in no batch. The indices are 0 ... n - 1, "
                "n of them.",
            )
            for stop in ("n", "n - 1")
        ),
        Mistake(
            "int32 instead of int64",
            edit("start + batch_size]", "start + batch_size].int()"),
            "Your indices are int32. Return int64 tensors: that is what torch's own functions "
            "return as indices.",
        ),
    )


def _kind(batch: Any) -> str:
    if not isinstance(batch, Tensor):
        return type(batch).__name__
    return (
        f"{str(batch.dtype).removeprefix('torch.')} tensor with {batch.ndim} "
        f"dimension{'s' * (batch.ndim != 1)}"
    )


class Ewma(Exercise):
    """S_t = beta * S_(t-1) + (1 - beta) * values_t for t = 1 ... n, from S_0 = 0."""

    id, points = "sgd.ewma", 1
    minutes, lines, writes = 10, "about five lines", "a moving average"

    def cases(self, rng: Rng) -> Iterable[Case]:
        yield Case("4 values", values=rng.normal(4), beta=rng.number(0.7, 0.95))
        values = 2 + rng.normal(12)
        values[[0, 4]] = 0
        yield Case("12 values, two of them 0, beta = 0.5", values=values, beta=0.5)
        yield Case("a single value", values=rng.normal(1), beta=rng.number(0.992, 0.998))
        yield Case("beta = 0", values=rng.normal(5), beta=0.0)

    def probe(self, ewma: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "averages", ewma(case.values, case.beta)
        values = case.values.clone().requires_grad_()
        yield "grad of values", gradients(ewma(values, case.beta), [values])[0]

    mistakes = (
        Mistake(
            "corrected average fed back",
            edit(
                "s = beta * s + (1 - beta) * value",
                "s = (beta * s + (1 - beta) * value) / (1 - beta ** (len(averages) + 1))",
            ),
            "You divide each average by 1 - beta**t and go on from the quotient. A correction "
            "for the start belongs to what is shown, not to what is kept; here there is none.",
        ),
        Mistake(
            "the previous value in place of the average",
            edit("averages.append(s)", "averages.append(s)\n        s = value"),
            "You mix each value with the value before it. It is the average so far that goes on: "
            "each step mixes the new value into S_(t-1), which remembers all earlier ones.",
        ),
        Mistake(
            "bias corrected",
            edit(
                "torch.stack(averages)",
                "torch.stack(averages) / (1 - beta ** torch.arange(1, len(values) + 1))",
            ),
            "You divide by 1 - beta**t. That removes the pull towards the start value 0, and "
            "Adam will do it; here the exercise asks for the plain average, slow start "
            "included.",
        ),
        Mistake(
            "starts from the first value",
            edit(
                "s = beta * s",
                "s = (beta if averages else 0) * s",
                "(1 - beta) * value",
                "(1 - beta if averages else 1) * value",
            ),
            "Your average starts from values[0]. It should start from S = 0, so the first "
            "entry is (1 - beta) * values[0].",
        ),
        Mistake(
            "torch's momentum",
            edit("(1 - beta) * value", "value"),
            "You add the new value in full. That is the velocity of momentum_step; in an "
            "average the weights are beta and 1 - beta.",
        ),
        Mistake(
            "beta and 1 - beta swapped",
            edit("beta * s + (1 - beta) * value", "(1 - beta) * s + beta * value"),
            "You give the old average the weight 1 - beta and the new value beta. A large beta "
            "means a long memory: the old average is multiplied by beta.",
        ),
        Mistake(
            "starts from the last value",
            edit("torch.zeros_like(values[0])", "values[-1]"),
            "Your first average looks back at the last value: index -1 counts from the end. Before "
            "the first value there is nothing but S = 0.",
        ),
        Mistake(
            "one step late",
            edit(
                "        s = beta * s + (1 - beta) * value\n        averages.append(s)",
                "        averages.append(s)\n        s = beta * s + (1 - beta) * value",
            ),
            "Each of your entries is the average before its value was added. S_t already "
            "contains values_t.",
        ),
        Mistake(
            "one tensor for all entries",
            edit("s = beta * s + (1 - beta) * value", "s *= beta\n        s += (1 - beta) * value"),
            "All your entries are the same, equal to the last average. You store the same "
            "tensor n times and change it in place: every entry sees the last change. Make a "
            "new tensor at each step.",
        ),
        Mistake(
            "return inside the loop",
            edit("torch.stack(averages)", "torch.stack(averages[:1])"),
            "Only the first average comes back. A `return` leaves the function, and the loop with "
            "it: return once the loop is over.",
        ),
        Mistake(
            "first value in place of the first average",
            edit("torch.stack(averages)", "torch.stack([values[0], *averages[1:]])"),
            "Your first entry is the first value itself; the others are right. The average starts "
            "from S = 0, so the first entry is (1 - beta) * values[0].",
        ),
        Mistake(
            "only the last",
            edit("torch.stack(averages)", "averages[-1]"),
            "You return only the last average. Return all of them, one per value.",
        ),
        Mistake(
            "dimension lost for a single value",
            edit("torch.stack(averages)", "torch.stack(averages).squeeze()"),
            "For a single value the result should have shape (1,), and yours has shape (). A "
            "squeeze without a dimension removes every dimension of size 1.",
        ),
        Mistake(
            "start value included",
            edit(
                "averages, s = [], torch.zeros_like(values[0])",
                "averages = [s := torch.zeros_like(values[0])]",
            ),
            "You have one entry too many: the start value S_0 = 0 is not part of the result.",
        ),
        *(
            Mistake(
                "mean of a window",
                edit(
                    "s = beta * s + (1 - beta) * value",
                    "last = values[: len(averages) + 1][-max(round(1 / (1 - beta)), 1) :]\n"
                    f"        s = last.{mean}",
                ),
                "You take the plain mean of the last 1 / (1 - beta) values. That is only a rule "
                "of thumb for how far the memory reaches: here every earlier value counts, each "
                "step back by a factor beta less.",
            )
            for mean in ("mean()", "sum() / round(1 / (1 - beta))")
        ),
        Mistake(
            "mean of all values so far",
            edit("s = beta * s + (1 - beta) * value", "s = s + (value - s) / (len(averages) + 1)"),
            "This is the mean of all values so far: beta plays no part, and nothing is ever "
            "forgotten.",
        ),
        Mistake(
            "gradient cut off",
            edit("in values", "in values.detach()"),
            "Your result is detached from `values`: `.item()` or a new `torch.tensor(...)` on "
            "the way cuts the graph. torch.stack makes one tensor out of many and keeps the "
            "graph.",
        ),
    )


class ExposeSgdStep(Expose):
    """Cases that show wrong `sgd_step`s to be wrong, and the result of the first.

    Share of 19 exposed, lr 0.1 where nothing is said
    (`python -m tests.attempts` runs these again):

    | one case | share |
    |---|---|
    | random numbers, the mean of 20 | 0.68 |
    | the example in the stub of the function | 0.68 |
    | one number, its gradient 1, lr 1 | 0.42 |
    | one vector | 0.68 |
    | two parameters, both with gradients | 0.79 |
    | two parameters, the second without a gradient | 0.84 |
    | two parameters, the first without a gradient | 0.95 |
    | that, and a parameter of shape () | 1.00 |
    """

    id, points = "sgd.expose_sgd_step", 2
    minutes, lines = 15, "two small cases"
    writes = "cases that show wrong answers to be wrong"
    extra = True
    of = SgdStep
    takes = {"params": "tensors", "grads": "tensors or None", "lr": "number"}
    shapes = (
        "params and grads should have as many items, and each gradient the shape of its parameter."
    )
    asks = "params[0] after step 1"
    beyond = (
        "parameters that do not require grad skipped",
        "gradient that adds up to 0 taken for none",
    )
    full, part = 0.9, 0.7

    def as_case(self, label: str, given: Mapping[str, Any]) -> Case:
        return Case(label, params=given["params"], grads=[given["grads"]], lrs=[given["lr"]])

    mistakes = (
        *EXPOSING,
        missed(
            "only the first parameter",
            "A network has many parameters. What could go wrong with the second that cannot go "
            "wrong with the first?",
        ),
        missed(
            "learning rate left out",
            "With a learning rate of 1, a step that forgets the rate looks right.",
        ),
        missed(
            "stops at a missing gradient",
            "A layer that took no part in the loss has parameters whose gradient is None. Some "
            "wrong steps end there, and some never come to the parameters after it.",
        ),
    )


class RepairMomentumStep(Repair):
    """A witness on which the momentum step shown goes wrong, and the step repaired.

    Of 20 random witnesses 0 show the bug (`python -m tests.attempts` counts them again).
    """

    id, points = "sgd.repair_momentum_step", 2
    minutes, lines = 12, "a witness and one changed line"
    writes = "a bug found and mended"
    extra = True
    of = MomentumStep
    takes = {
        "params": "tensors",
        "grads": "tensors or None",
        "velocities": "tensors",
        "lr": "number",
        "momentum": "number",
    }
    shapes = "params, grads and velocities should have as many items, of the same shapes."
    buggy = """
@torch.no_grad()
def momentum_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities):
        if p.grad is None:
            break
        v *= momentum
        v += p.grad
        p -= lr * v
"""

    def as_case(self, label: str, given: Mapping[str, Any]) -> Case:
        moving = {"velocities": given["velocities"], "momentum": given["momentum"]}
        return Case(
            label, params=given["params"], grads=[given["grads"]], lrs=[given["lr"]], **moving
        )

    mistakes = REPAIRING


class ReproduceMomentumStep(Reproduce):
    """A momentum step with the bug that gave a loss curve, and the kind of the bug."""

    id, points = "sgd.reproduce_momentum_step", 3
    minutes, lines = 20, "a guess and a wrong step"
    writes = "the bug behind a loss curve"
    extra = True
    right_code = MOMENTUM_RIGHT
    kinds: ClassVar = {
        "a wrong factor": "a product has a number too many, or one too few",
        "a wrong order": "the lines are right, and stand in another order",
        "a wrong sign": "something is added that should be taken away, or the other way round",
        "a forgotten memory": "nothing is left of the steps before",
        "a forgotten parameter": "one of the two never moves",
    }
    start = (-1.0, 1.0)
    steps = 30
    curves = REPRODUCE_MOMENTUM_STEP
    suspects = MOMENTUM

    def train(self, broken: Any, start: Sequence[float] | Tensor, steps: int) -> list[float]:
        """The losses of a line through 20 points, lr 0.1, momentum 0.4."""
        x = torch.linspace(0, 2, 20)
        y = 1.5 * x + 0.5 + 0.3 * torch.sin(9 * x)
        params = [p.clone().requires_grad_() for p in torch.as_tensor(start)]
        velocities = [torch.zeros(()) for _ in params]
        losses = []
        for _ in range(steps):
            loss = (params[0] * x + params[1] - y).square().mean()
            losses.append(loss.item())
            for p in params:
                p.grad = None
            loss.backward()
            broken(params, velocities, 0.1, 0.4)
        return losses

    mistakes = REPRODUCING

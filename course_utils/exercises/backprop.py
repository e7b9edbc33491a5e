"""Exercises of lesson 03: numerical gradients, backward passes by hand, a tiny autograd engine."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from course_utils.checking import (
    Case,
    Edit,
    Exercise,
    Mistake,
    Repair,
    Rng,
    TellApart,
    claim,
    edit,
)
from course_utils.exercises._forms import REPAIRING, TESTING, missed
from course_utils.exercises._suspects import SCALE_RIGHT, SCALE_WRONG
from course_utils.exercises.linear import RELU
from course_utils.exercises.sgd import AUTOGRAD

RELU_BACKWARD = tuple(name for name in RELU if name.endswith("_backward"))


class Node:
    """A number in a scalar graph: its parents, and its derivatives with respect to them."""

    def __init__(
        self, data: float, parents: Sequence["Node"] = (), local_grads: Sequence[float] = ()
    ) -> None:
        self.data, self.grad = data, 0.0
        self.parents, self.local_grads = tuple(parents), tuple(local_grads)


_NUDGED = edit("f(x + step)", "f(x.add_(step))", "f(x - step)", "f(x.sub_(2 * step))")  # x itself


class NumericalGradient(Exercise):
    """(f(x + eps*e_i) - f(x - eps*e_i)) / (2*eps) for every entry i, in float64; x is unchanged."""

    id, points = "backprop.numerical_gradient", 2
    minutes, lines, writes = 15, "about eight lines", "slopes by trying"
    without = {
        "views": "changing entries in place through x.view(-1) is right",
        "requires_grad": "changing entries in place is right",
    }
    shortcuts = AUTOGRAD

    def cases(self, rng: Rng) -> Iterable[Case]:
        def case(label: str, kind: str, *shape: int, eps: float | None = None) -> Case:
            x, c = rng.normal(*shape, dtype=torch.float64), rng.normal(*shape, dtype=torch.float64)
            return Case(label, kind=kind, x=x, c=c, eps=eps)

        yield case("a quadratic of 3 numbers", "quadratic", 3)
        yield case("a cubic of a (2, 3) matrix, eps = 1e-3", "cubic", 2, 3, eps=1e-3)
        yield case(
            "a function of a single number (shape ()), which returns a Python float",
            "float",
            eps=1e-4,
        )
        yield case("a function in which every entry interacts with every other", "coupled", 3, 1)
        zeros = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
        c = rng.normal(3, dtype=torch.float64)
        yield Case("numbers, two of them 0", kind="coupled", x=zeros, c=c, eps=None)
        yield case("a quadratic of numbers of shape (2, 1, 3)", "quadratic", 2, 1, 3)

    def probe(self, numerical_gradient: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        start, given = case.x.clone(), []

        def f(x: Tensor) -> Any:
            given.append(x.detach().clone())
            if case.kind == "quadratic":
                return (case.c * x**2).sum()
            if case.kind == "cubic":
                return (case.c * x**3 + x**2).sum()
            if case.kind == "float":
                return float(case.c * x.detach() ** 3)
            return (case.c * x).sum().sin() + x.prod()

        gradient = (
            numerical_gradient(f, case.x)
            if case.eps is None
            else numerical_gradient(f, case.x, case.eps)
        )
        yield (
            "what f was given",
            ", ".join(sorted({f"{_dtype(x)} of shape {tuple(x.shape)}" for x in given})),
        )
        changed = [(x - start).abs().flatten() for x in given if x.shape == start.shape]
        eps = 1e-6 if case.eps is None else case.eps
        yield claim(
            "the entries of x are changed one at a time",
            all(int((d > eps / 100).sum()) <= 1 for d in changed),
        )
        sizes = [size for d in changed if (size := float(d.max())) > eps / 100]
        right = bool(sizes) and 0.99 * eps <= min(sizes) <= max(sizes) <= 1.01 * eps
        yield claim("the steps are of size eps", right)
        # Rounding errors in f are multiplied by 1/eps.
        yield "the slopes", gradient, 1e-5 if eps < 1e-5 else 1e-9

    mistakes = (
        Mistake(
            "x not restored exactly",
            _NUDGED + edit("slopes.append(", "x.add_(step)\n        slopes.append("),
            "x is no longer what it was. Adding eps, subtracting 2 * eps and adding eps again "
            "does not get you back to the last bit: every step rounds. Keep the old value and "
            "put it back, or work on a copy.",
        ),
        *(
            Mistake(
                "x left changed",
                change,
                "x keeps the last step: f sees every further entry in the wrong place, and so "
                "does anyone who uses x next. Put each entry back before you go on.",
            )
            for change in (
                _NUDGED,
                edit(
                    "above, below = f(x + step), f(x - step)",
                    "below, above = f(x), f(x.add_(step))",
                    "(2 * eps)",
                    "eps",
                ),
            )
        ),
        Mistake(
            "forward difference",
            edit("f(x - step)", "f(x)", "(2 * eps)", "eps"),
            "You compare x + eps with x itself. The error of this one-sided difference is of "
            "the size of eps; the central difference, with a step to either side, has an error "
            "of the size of eps squared.",
        ),
        Mistake(
            "backward difference",
            edit("f(x + step)", "f(x)", "(2 * eps)", "eps"),
            "You compare x with x - eps. Its error is of the size of eps; the central difference "
            "takes a step to either side and has an error of the size of eps squared.",
        ),
        Mistake(
            "divided by eps",
            edit("(2 * eps)", "eps"),
            "The two points are 2 * eps apart, and you divide by eps: every slope comes out "
            "twice as large.",
        ),
        Mistake(
            "not divided",
            edit(" / (2 * eps)", ""),
            "You return the difference of the two values of f. A slope is a difference divided "
            "by a distance.",
        ),
        Mistake(
            "multiplied by eps",
            edit("(2 * eps)", "2 * eps"),
            "`/ 2 * eps` divides by 2 and then multiplies by eps. The denominator needs brackets.",
        ),
        *(
            Mistake(
                "steps other than eps",
                edit("steps = eps", f"eps = {eps}\n    steps = eps"),
                "You step by another distance than eps. Do you use the argument (1e-6 is only its "
                "default), and one step to either side?",
            )
            for eps in ("1e-6", "1e-5", "1e-4")
        ),
        *(
            Mistake(
                f"steps of {size} eps",
                edit("steps = eps", f"steps = {factor} * eps", "2 * eps", f"2 * {factor} * eps"),
                f"You move each entry by {size} eps to either side. It should be eps, so that the "
                "two points are 2 * eps apart.",
            )
            for size, factor in (("half an", "0.5"), ("twice", "2"))
        ),
        *(
            Mistake(
                "Python floats rounded to float32",
                edit("(float(above) - float(below)) / (2 * eps)", slope),
                "You make tensors of what f returns. Where that is a Python float, the tensor is "
                "float32, and the two values agree in nearly all of its 7 digits. Python's own "
                "floats have 16: `float(...)` keeps them.",
            )
            for slope in (
                "(torch.as_tensor(above) - torch.as_tensor(below)) / (2 * eps)",
                "float(torch.as_tensor(above) - torch.as_tensor(below)) / (2 * eps)",
            )
        ),
        *(
            Mistake(
                "last entry left out",
                change,
                "The last entry has no slope. `range(n)` ends at n - 1 by itself: there is nothing "
                "to take off.",
            )
            for change in (
                edit(
                    "in steps:",
                    "in steps[:-1]:",
                    "return torch",
                    "slopes += [0.0]\n    return torch",
                ),
                edit(
                    "return torch",
                    "slopes[1:] = [*slopes[1:-1], 0.0][: x.numel() - 1]\n    return torch",
                ),
            )
        ),
        Mistake(
            "steps proportional to x",
            edit(
                "x + step",
                "x + step * x.abs()",
                "x - step",
                "x - step * x.abs()",
                "(2 * eps)",
                "(2 * float((step * x).abs().sum()) or 1.0)",
            ),
            "Your steps are proportional to the entry, so an entry of 0 gets no step at all. "
            "Each entry moves by eps.",
        ),
        *(
            Mistake(
                "all entries at once",
                change,
                "You move all entries together, so your slope is the sum of all slopes. A "
                "partial derivative moves one entry and keeps the others; each entry of x has "
                "its own.",
            )
            for change in (
                edit("eye(x.numel(), dtype", "ones(x.numel(), x.numel(), dtype"),
                edit(
                    "in steps:",
                    "in [eps]:",
                    "torch.tensor(slopes, dtype=torch.float64).reshape(x.shape)",
                    "torch.tensor(slopes[0], dtype=torch.float64)",
                ),
            )
        ),
        Mistake(
            "steps accumulate",
            edit(".reshape(-1,", ".cumsum(0).reshape(-1,"),
            "Your step keeps the eps of the earlier entries, so from the second entry on "
            "several move together. The step for each entry must be 0 everywhere else.",
        ),
        Mistake(
            "no copy",
            edit("f(x + step)", "f(x.add_(step).sub_(step))", "f(x - step)", "f(x)"),
            "`above = x` makes no copy: both names mean the same tensor, and what you add "
            "under one name you subtract under the other. f sees the same point twice.",
        ),
        Mistake(
            "return inside the loop",
            edit("return torch", "slopes[1:] = [0.0] * (x.numel() - 1)\n    return torch"),
            "Only the first entry has its slope. Is the `return` inside the loop?",
        ),
        Mistake(
            "only the first dimension",
            edit(
                "torch.eye(x.numel(), dtype=torch.float64).reshape(-1, *x.shape)",
                "torch.eye(len(x), dtype=torch.float64).reshape(2 * x.shape[:1] + (1,) * (x.ndim "
                "- 1))",
                ".reshape(x.shape)",
                ".reshape(-1, *(1,) * (x.ndim - 1)).expand(x.shape)",
            ),
            "In a matrix `x[i]` is a whole row, so all its entries move together; and a single "
            "number has no `x[0]` at all. Go through all entries, whatever the shape.",
        ),
        *(
            Mistake(
                "float32",
                edit(
                    "x.detach().double()",
                    "x.detach().float()",
                    "x.numel(), dtype=torch.float64",
                    "x.numel()",
                )
                + result,
                "You compute in float32. With eps = 1e-6 the two values of f agree in nearly "
                "all of their 7 digits, and their difference is mostly rounding. Gradients are "
                "checked in float64.",
            )
            for result in (edit(), edit("slopes, dtype=torch.float64", "slopes"))
        ),
        Mistake(
            "wrong sign",
            edit("float(above) - float(below)", "float(below) - float(above)"),
            "Every slope has the wrong sign: f at the larger x comes first.",
        ),
        Mistake(
            "flattened",
            edit(".reshape(x.shape)", ""),
            "Your slopes come in one row. The gradient has the shape of x, so that it can be "
            "subtracted from x.",
        ),
    )


def _dtype(x: Any) -> str:
    return str(x.dtype).removeprefix("torch.")


class RelativeError(Exercise):
    """The largest |a - b| / max(|a| + |b|, 1e-8) over all elements, a float."""

    id, points = "backprop.relative_error", 1
    minutes, lines, writes = 10, "one or two lines", "how far two gradients differ"
    without = {
        "requires_grad": (
            "a solution through NumPy is right, and NumPy takes no tensors that require a gradient"
        ),
    }

    def cases(self, rng: Rng) -> Iterable[Case]:
        def near(a: Tensor) -> Tensor:
            """a with relative errors of a few thousandths, the largest first."""
            sizes = torch.linspace(4e-3, 1e-3, a.numel(), dtype=a.dtype).reshape(a.shape)
            return a * (1 + sizes * rng.uniform(0.95, 1.05, *a.shape, dtype=a.dtype))

        a = rng.normal(3, 2, dtype=torch.float64) * torch.tensor(
            [[0.01], [1.0], [30.0]], dtype=torch.float64
        )
        a[0, 0] = a[0, 0].abs()  # the largest error has this sign here, and the other one below
        yield Case("two (3, 2) matrices that nearly agree", a=a, b=near(a))
        yield Case(
            "numbers of opposite sign among others",
            a=(a := rng.normal(4)),
            b=a * torch.tensor([1, -2, 1, -0.3]),
        )
        tiny = 1e-9 * rng.normal(3, dtype=torch.float64)
        yield Case("numbers so small that the floor 1e-8 counts", a=tiny, b=near(tiny) + 2e-10)
        yield Case(
            "two single numbers (shape ()) below 0",
            a=(a := -rng.normal(dtype=torch.float64).abs()),
            b=near(a),
        )
        zero = torch.zeros(2, dtype=torch.float64)
        a = rng.normal(2, dtype=torch.float64)
        many = rng.normal(2, 4, 5, dtype=torch.float64)
        yield Case(
            "numbers of shape (2, 4, 5) that agree to seven digits",
            a=many,
            b=many * (1 + 4e-8 * rng.uniform(0.5, 1, 2, 4, 5).double()),
        )
        yield Case(
            "entries that are 0 in both", a=torch.cat([zero, a]), b=torch.cat([zero, near(a)])
        )
        a = rng.normal(2, 3, dtype=torch.float64)
        b = near(a)
        b[1, 2] = 0
        yield Case("an entry that is 0 in one of two matrices", a=a, b=b)

    def probe(self, relative_error: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "relative error", relative_error(case.a, case.b)

    mistakes = (
        Mistake(
            "floor added",
            edit(".clamp(min=1e-8)", " + 1e-8"),
            "You add 1e-8 to the denominator, which changes every quotient a little. The floor "
            "is a maximum: it matters only where |a| + |b| is smaller.",
        ),
        Mistake(
            "no floor",
            edit(".clamp(min=1e-8)", ""),
            "Where both entries are 0 you divide 0 by 0, which is nan, and where they are "
            "tiny, rounding noise looks like a large error. Never let the denominator fall "
            "below 1e-8.",
        ),
        Mistake(
            "floor only where both are 0",
            edit(".clamp(min=1e-8)", "", "(error / size)", "(error / size).nan_to_num(0.0)"),
            "Two zeros count as equal, as they should, but the denominator has no floor: where "
            "both entries are tiny, rounding noise looks like a large error. It never falls below "
            "1e-8.",
        ),
        Mistake(
            "floor under each",
            edit(
                "(a.abs() + b.abs()).clamp(min=1e-8)",
                "a.abs().clamp(min=1e-8) + b.abs().clamp(min=1e-8)",
            ),
            "You put the floor under |a| and under |b| separately, so their sum is never below "
            "2e-8. The floor belongs under the sum.",
        ),
        Mistake(
            "one quotient of norms",
            edit("(a - b).abs()", "(a - b).norm()", "(a.abs() + b.abs())", "(a.norm() + b.norm())"),
            "You divide one norm by another. Large entries then hide a small one that is "
            "wrong. Take the quotient entry by entry, then the largest.",
        ),
        Mistake(
            "largest difference over largest sum",
            edit("(a - b).abs()", "(a - b).abs().max()", "+ b.abs())", "+ b.abs()).max()"),
            "You take the maximum of numerator and denominator separately. Divide entry by "
            "entry first, then take the largest quotient.",
        ),
        Mistake(
            "entry with the largest difference",
            edit("(error / size).max()", "(error / size).flatten()[error.argmax()]"),
            "You look up the entry with the largest difference and take its quotient. A small "
            "entry may be further off for its size: take the largest of all quotients.",
        ),
        Mistake(
            "minimum instead of maximum",
            edit(".max()", ".min()"),
            "You return the smallest of the quotients. One wrong entry would never show; take the "
            "largest.",
        ),
        Mistake(
            "sum of the quotients",
            edit(".max()", ".sum()"),
            "You add up the quotients, so that many small errors look like a large one. Take the "
            "largest.",
        ),
        Mistake(
            "mean instead of maximum",
            edit(".max()", ".mean()"),
            "You average over the entries. One wrong entry among many right ones then hardly "
            "shows; take the largest.",
        ),
        *(
            Mistake(
                f"relative to {name} only",
                edit("(a.abs() + b.abs())", f"{name}.abs()"),
                f"You divide by |{name}| alone. The definition treats both alike: |a| + |b|.",
            )
            for name in ("a", "b")
        ),
        Mistake(
            "relative to the larger",
            edit("(a.abs() + b.abs())", "torch.maximum(a.abs(), b.abs())"),
            "You divide by the larger of |a| and |b|. Here the denominator is their sum, which "
            "keeps the result between 0 and 1.",
        ),
        Mistake(
            "signs cancel in the denominator",
            edit("(a.abs() + b.abs())", "(a + b).abs()"),
            "You divide by |a + b|. Numbers of opposite sign cancel there. Take the absolute "
            "values first.",
        ),
        *(
            Mistake(
                "signs kept in the numerator",
                edit("(a - b).abs()", difference),
                "Your difference keeps its sign, so an error in one of the two directions does "
                "not count. Take its absolute value.",
            )
            for difference in ("(a - b)", "(b - a)", "(a - b).clamp(min=0)", "(b - a).clamp(min=0)")
        ),
        Mistake(
            "only the sizes compared",
            edit("(a - b).abs()", "(a.abs() - b.abs()).abs()"),
            "You compare the sizes alone, so 3 and -3 count as equal. A gradient with the wrong "
            "sign is as wrong as can be: take the absolute value of the difference, not the "
            "difference of the absolute values.",
        ),
        *(
            Mistake(
                f"floor of {floor}",
                edit("min=1e-8", f"min={floor}"),
                f"Your denominator never falls below {floor}, so smaller gradients are compared by "
                "their absolute error, and a wrong one looks right. The floor is 1e-8: it guards "
                "0/0 and little else.",
            )
            for floor in ("1", "1e-5", "1e-6", "1e-7")
        ),
        Mistake(
            "relative to the mean",
            edit("b.abs())", "b.abs()).div(2)"),
            "You divide by the mean of |a| and |b|, half of their sum, so the quotients come out "
            "twice as large. Here the denominator is the sum, which keeps the result between 0 "
            "and 1.",
        ),
        Mistake(
            "signs kept in the denominator",
            edit("(a.abs() + b.abs())", "(a + b)"),
            "You divide by a + b with its sign. For negative numbers the floor then takes "
            "over, and the quotient is huge. Take the absolute values first.",
        ),
        *(
            Mistake(
                f"sign of {name} kept in the denominator",
                edit("(a.abs() + b.abs())", size),
                f"You add {name} with its sign. Where it is negative, the sum is close to 0 and "
                "the quotient huge. Take both absolute values.",
            )
            for name, size in (("a", "(a + b.abs())"), ("b", "(a.abs() + b)"))
        ),
        Mistake(
            "ceiling instead of floor",
            edit("clamp(min", "clamp(max"),
            "You divide by the smaller of |a| + |b| and 1e-8, so nearly always by 1e-8. In "
            "`clamp` the floor is `min`: the smallest value that can come out.",
        ),
        Mistake(
            "absolute error",
            edit("error / size", "error"),
            "This is the largest absolute difference. An error of 0.001 is large for 0.002 and "
            "nothing for 1000: divide.",
        ),
        Mistake(
            "float32",
            edit(
                "(a - b)",
                "(a.float() - b.float())",
                "(a.abs() + b.abs())",
                "(a.float().abs() + b.float().abs())",
            ),
            "You convert a and b to float32, which has 7 digits. A difference in the ninth is "
            "then lost: compute in the dtype you are given.",
        ),
        *(
            Mistake(
                "rounded",
                edit("float(", "round(float(", ".max())", f".max()), {digits})"),
                "You round the result, so a small error comes out as none. Return it as it is.",
            )
            for digits in (3, 4, 6)
        ),
    )


class LinearBackward(Exercise):
    """grad_x, grad_weight and grad_bias of x @ weight.T + bias from grad_out, the gradient of y."""

    id, points = "backprop.linear_backward", 3
    minutes, lines, writes = 25, "three short formulas", "back through the affine map"
    without = {
        "requires_grad": (
            "a solution through NumPy is right, and NumPy takes no tensors that require a gradient"
        ),
    }
    shortcuts = (*AUTOGRAD, "aten::linear_backward")

    def cases(self, rng: Rng) -> Iterable[Case]:
        for label, n, i, o in (
            ("5 examples, 4 inputs, 3 outputs", 5, 4, 3),
            ("one example, 3 inputs, 2 outputs", 1, 3, 2),
            ("6 examples, 1 input, 1 output", 6, 1, 1),
            ("3 examples, 3 inputs, 3 outputs", 3, 3, 3),
            ("4 examples, 3 inputs, 1 output", 4, 3, 1),
            ("131 examples, 2 inputs, 3 outputs", 131, 2, 3),
        ):
            axis = "many" if n > 100 else ""
            yield Case(
                label,
                axis=axis,
                grad_out=rng.normal(n, o),
                x=rng.normal(n, i),
                weight=rng.normal(o, i),
            )

    def probe(self, linear_backward: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        result = linear_backward(case.grad_out, case.x, case.weight)
        many = isinstance(result, tuple | list)
        yield "what is returned", f"{len(result)} values" if many else type(result).__name__
        yield from zip(
            (
                "the gradient with respect to x",
                "the gradient with respect to weight",
                "the gradient with respect to bias",
            ),
            result,
            strict=True,
        )

    mistakes = (
        Mistake(
            "grad of bias averaged",
            edit(".sum(0)", ".mean(0)"),
            "You average the bias's gradient over the examples. The bias acts in every "
            "example, so the contributions add up; the 1/n of a mean loss is already inside "
            "grad_out.",
        ),
        *(
            Mistake(
                "everything averaged over the batch",
                edit("grad_out.T @ x", "grad_out.T @ x / len(x)", ".sum(0)", ".mean(0)") + of_x,
                "You divide by the number of examples. The 1/n of a mean loss is already "
                "inside grad_out; dividing again counts it twice.",
            )
            for of_x in (edit(), edit("grad_out @ weight", "grad_out @ weight / len(x)"))
        ),
        Mistake(
            "grad of weight averaged",
            edit("grad_out.T @ x", "grad_out.T @ x / len(x)"),
            "You divide the weight's gradient by the number of examples. The 1/n of a mean loss is "
            "already inside grad_out.",
        ),
        Mistake(
            "grad of x averaged",
            edit("grad_out @ weight", "grad_out @ weight / len(weight)"),
            "You divide the gradient with respect to x by the number of outputs. x acts on "
            "every output, and the contributions add up.",
        ),
        Mistake(
            "grad of weight transposed",
            edit("grad_out.T @ x", "x.T @ grad_out"),
            "Your gradient of weight has rows and columns swapped: it must have the shape of "
            "weight, (out, in).",
        ),
        Mistake(
            "grad of weight reshaped",
            edit("grad_out.T @ x", "(x.T @ grad_out).reshape(weight.shape)"),
            "Your gradient of weight has the right shape, but its entries are in the wrong "
            "places: reshape keeps their order and does not swap rows and columns. Transpose "
            "instead.",
        ),
        Mistake(
            "grad of weight reshaped",
            edit("grad_out.T @ x", "grad_out.reshape(grad_out.T.shape) @ x"),
            "You give grad_out the shape of its transpose by `view` or `reshape`. Its entries "
            "keep their order in memory that way, so outputs and examples get mixed up. Transpose "
            "instead.",
        ),
        Mistake(
            "grad of bias not summed",
            edit("grad_out.sum(0)", "grad_out.clone()"),
            "Your gradient of bias has one row per example. The forward pass gave the same "
            "bias to every example (broadcasting); on the way back, broadcasting becomes a "
            "sum.",
        ),
        Mistake(
            "grad of bias summed over the outputs",
            edit(".sum(0)", ".sum(1)"),
            "You sum over the outputs, which leaves one number per example. The bias has one "
            "entry per output: sum over the examples.",
        ),
        Mistake(
            "grad of bias summed to one number",
            edit(".sum(0)", ".sum()"),
            "You sum over examples and outputs alike. The bias has one entry per output: sum over "
            "the examples only.",
        ),
        Mistake(
            "grad of bias summed to one number",
            edit(".sum(0)", ".sum().expand(len(weight))"),
            "You sum over examples and outputs alike, and give every bias this one number. Each "
            "bias acts on its own output: sum over the examples only.",
        ),
        Mistake(
            "grad of bias keeps the batch dimension",
            edit(".sum(0)", ".sum(0, keepdim=True)"),
            "Your gradient of bias has shape (1, out). Like the bias itself it should be (out,).",
        ),
        Mistake(
            "a batch of one squeezed away",
            edit("grad_out.sum(0)", "grad_out.squeeze(0).sum(0)"),
            "With a single example your gradient of bias is one number: `squeeze` removes the "
            "batch dimension, and the sum then runs over the outputs. Leave the dimension "
            "where it is.",
        ),
        *(
            Mistake(
                "shapes that do not meet",
                edit(*product),
                "In one of your formulas two shapes do not fit together. grad_out is (n, out), "
                "x is (n, in), weight is (out, in). In a product `@` the two inner sizes are "
                "equal and disappear. Which one should disappear in the gradient with respect "
                "to x, and which in the gradient of weight?",
            )
            for product in (
                ("grad_out @ weight", "grad_out @ weight.T"),
                ("grad_out @ weight", "weight @ grad_out"),
                ("grad_out.T @ x", "grad_out @ x"),
                ("grad_out.T @ x", "x @ grad_out"),
            )
        ),
        Mistake(
            "grad_out left out",
            edit("grad_x =", "grad_out = torch.ones_like(grad_out)\n    grad_x ="),
            "You return the derivatives of the sum of y. What arrives from the layers above is "
            "grad_out, and the chain rule multiplies by it.",
        ),
        *(
            Mistake(
                f"grad of {name} without grad_out",
                edit(formula, formula.replace("grad_out", "torch.ones_like(grad_out)")),
                f"Your gradient of {name} leaves out grad_out, as if only ones arrived from above. "
                "The chain rule multiplies by what arrives.",
            )
            for name, formula in (("x", "grad_out @ weight"), ("weight", "grad_out.T @ x"))
        ),
        Mistake(
            "grad of bias without grad_out",
            edit("grad_out.sum(0)", "torch.ones_like(grad_out).sum(0)"),
            "Your gradient of bias is the number of examples, as if only ones arrived from "
            "above. The chain rule multiplies by grad_out.",
        ),
        *(
            Mistake(
                "wrong order",
                edit("return grad_x, grad_weight, grad_bias", f"return {order}"),
                "Your gradients come in a different order. Return (grad_x, grad_weight, "
                "grad_bias).",
            )
            for order in (
                "grad_weight, grad_bias, grad_x",
                "grad_weight, grad_x, grad_bias",
            )
        ),
        Mistake(
            "returned None",
            edit("return grad_x, grad_weight, grad_bias", "pass"),
            "Your function returns None. Is the `return` missing? Return three tensors.",
        ),
        Mistake(
            "grad of bias left out",
            edit("return grad_x, grad_weight, grad_bias", "return grad_x, grad_weight"),
            "You return only two gradients. The bias has one too, though its value is not "
            "needed to compute it.",
        ),
        Mistake(
            "grad of x left out",
            edit("return grad_x, grad_weight, grad_bias", "return grad_weight, grad_bias"),
            "You return only two gradients. x needs one too: it is what the layer below "
            "receives as its grad_out.",
        ),
        *(
            Mistake(
                "first example only",
                edit("grad_out.T @ x", "torch.outer(grad_out[0], x[0])") + bias,
                "Your gradient of weight uses only the first example. Every example "
                "contributes, and the contributions add up.",
            )
            for bias in (edit(), edit("grad_out.sum(0)", "grad_out[0].clone()"))
        ),
        *(
            Mistake(
                "last example only",
                edit("grad_out.T @ x", "torch.outer(grad_out[-1], x[-1])") + bias,
                "Your gradient of weight holds the last example alone, as if each one replaced "
                "what was there before. The contributions of all examples add up.",
            )
            for bias in (edit(), edit("grad_out.sum(0)", "grad_out[-1].clone()"))
        ),
        *(
            Mistake(
                "grad of bias from one example only",
                edit("grad_out.sum(0)", f"grad_out[{one}].clone()"),
                "Your gradient of bias uses a single example. The bias acts in every example, and "
                "the contributions add up.",
            )
            for one in (0, -1)
        ),
    )


class ReluBackward(Exercise):
    """The gradient with respect to x of y = relu(x), given grad_out, the gradient of y."""

    id, points = "backprop.relu_backward", 1
    minutes, lines, writes = 5, "one line", "back through the ReLU"
    without = {
        "requires_grad": (
            "a solution through NumPy is right, and NumPy takes no tensors that require a gradient"
        ),
    }
    shortcuts = (*AUTOGRAD, *RELU_BACKWARD)

    def cases(self, rng: Rng) -> Iterable[Case]:
        for label, shape in (
            ("8 numbers", (8,)),
            ("a (4, 3) matrix", (4, 3)),
            ("shape (2, 3, 1)", (2, 3, 1)),
        ):
            yield Case(label, grad_out=rng.normal(*shape), x=2 * rng.normal(*shape))
        x = rng.normal(6).abs()
        x[0] += 100
        x[-2] *= 1e-30
        x[-1] /= 1000
        yield Case(
            "6 numbers where the ReLU is on, from tiny to large", grad_out=rng.normal(6), x=x
        )
        yield Case(
            "a single number (shape ()) where the ReLU is off",
            grad_out=rng.normal(),
            x=-rng.normal().abs(),
        )

    def probe(self, relu_backward: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        grad = relu_backward(case.grad_out, case.x)
        yield "the gradient with respect to x", grad
        yield "what is returned", "grad_out itself" if grad is case.grad_out else "a new tensor"

    mistakes = (
        *(
            Mistake(
                "grad_out overwritten",
                overwritten,
                "You overwrite grad_out to make the result. Another branch of the graph may "
                "still need it: make a new tensor.",
            )
            for overwritten in (
                edit("grad_out * (x > 0)", "grad_out.mul_(x > 0)"),
                edit("return grad_out * (x > 0)", "grad_out[x <= 0] = 0\n    return grad_out"),
            )
        ),
        Mistake(
            "returns grad_out itself",
            edit("return grad_out", "return grad_out if (x > 0).all() else grad_out"),
            "When every input is positive, you return the very tensor that was passed in. "
            "Anyone who then changes the result also changes grad_out: always return a new "
            "tensor.",
        ),
        Mistake(
            "masked by the gradient's sign",
            edit("(x > 0)", "(grad_out > 0)"),
            "You cut off where the gradient is negative. What counts is whether x was positive "
            "in the forward pass; a negative gradient passes just like a positive one.",
        ),
        Mistake(
            "zero where either is negative",
            edit("x > 0", "(x > 0) & (grad_out > 0)"),
            "Negative gradients are lost. Where x was positive, the gradient passes, whatever "
            "its sign.",
        ),
        Mistake(
            "multiplied by the output",
            edit("x > 0", "x.clamp(min=0)"),
            "You multiply by relu(x). The chain rule multiplies by the slope of the ReLU, which "
            "is 1 where x > 0.",
        ),
        *(
            Mistake(
                "grad_out left out",
                edit("grad_out * (x > 0)", slope),
                "This is the slope of the ReLU. The chain rule multiplies it by what arrives "
                "from above, grad_out.",
            )
            for slope in ("(x > 0).to(x.dtype)", "x > 0")
        ),
        Mistake(
            "arguments swapped",
            edit("grad_out *", "x *", "(x > 0)", "(grad_out > 0)"),
            "You let x pass where grad_out is positive. It is the other way round: grad_out "
            "passes where x is positive.",
        ),
        Mistake(
            "forward instead of backward",
            edit("grad_out *", "x *"),
            "This is relu(x), the forward pass. In the backward pass it is grad_out that "
            "passes or is stopped.",
        ),
        *(
            Mistake(
                "passed on everywhere",
                edit("grad_out * (x > 0)", passed),
                "Your gradient passes everywhere. Where x was negative the ReLU is flat, and "
                "nothing gets through.",
            )
            for passed in ("grad_out * 1", "grad_out")
        ),
        Mistake(
            "wrong side",
            edit("x > 0", "x < 0"),
            "Your gradient passes where x was negative, and is lost where it was positive.",
        ),
        Mistake(
            "slope limited to 1",
            edit("(x > 0)", "x.clamp(0, 1)"),
            "Your slope is x itself between 0 and 1. The slope of the ReLU is 1 for every x above "
            "0, however small.",
        ),
        Mistake(
            "threshold at 1",
            edit("x > 0", "x > 1"),
            "Your gradient passes only where x was above 1. The ReLU bends at 0.",
        ),
        Mistake(
            "multiplied by the sign of x",
            edit("x > 0", "x.sign()"),
            "Where x was negative, the gradient comes out with the opposite sign. It should be "
            "0 there.",
        ),
        *(
            Mistake(
                "leaky",
                edit("x > 0", f"torch.where(x > 0, 1.0, {slope})"),
                "A small part of the gradient passes where x was negative. That belongs to the "
                "leaky ReLU.",
            )
            for slope in (0.01, 0.1, 0.2)
        ),
    )


class MseBackward(Exercise):
    """The gradient of mean((y_hat - y)**2) with respect to y_hat."""

    id, points = "backprop.mse_backward", 1
    minutes, lines, writes = 5, "one line", "back through the loss"
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
        for label, shape in (
            ("5 predictions", (5,)),
            ("4 examples with 3 outputs each", (4, 3)),
            ("shape (2, 3, 4)", (2, 3, 4)),
            ("a single prediction of shape (1, 1)", (1, 1)),
            ("two single numbers (shape ())", ()),
        ):
            y_hat, y = rng.normal(*shape), rng.normal(*shape)
            if y.ndim == 3:
                label += ", one prediction right and one minus what is right"
                y_hat[1, 0, 0] = y[1, 0, 0]
                y_hat[0, 1, 2] = -y[0, 1, 2]
            yield Case(label, y_hat=y_hat, y=y)

    def probe(self, mse_backward: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "the gradient with respect to y_hat", mse_backward(case.y_hat, case.y)

    mistakes = (
        *(
            Mistake(
                "divided by the number of examples",
                edit("y.numel()", size),
                "You divide by the number of examples. The mean is over all elements, so with "
                "several outputs per example the divisor is larger.",
            )
            for size in ("len(y)", "y.shape[0]", "(*y.shape, 1)[0]")
        ),
        Mistake(
            "fails for a tensor of shape ()",
            edit("y.numel()", "(len(y) * y[0].numel())"),
            "You ask for a first dimension, and a tensor of shape () has none. Whatever the shape, "
            "`numel()` gives the number of entries.",
        ),
        *(
            Mistake(
                "divided by the last size",
                edit("y.numel()", size),
                "You divide by the size of the last dimension. The mean is over all elements.",
            )
            for size in ("y.shape[-1]", "(1, *y.shape)[-1]")
        ),
        Mistake(
            "factor 2 forgotten",
            edit("2 * (y_hat", "(y_hat"),
            "The derivative of a square has a factor 2.",
        ),
        Mistake(
            "sum instead of mean",
            edit(" / y.numel()", ""),
            "This is the gradient of the sum of the squares. The loss is their mean.",
        ),
        Mistake(
            "wrong sign",
            edit("y_hat - y", "y - y_hat"),
            "Every entry has the wrong sign. Where the prediction is too large, making it "
            "larger makes the loss larger.",
        ),
        Mistake(
            "only the sign of the error",
            edit("2 * (y_hat - y)", "(y_hat - y).sign()"),
            "This is the gradient of the mean absolute error: every error pulls equally. With "
            "squares, a larger error pulls harder.",
        ),
        Mistake(
            "only the sign of the error",
            edit("(y_hat - y)", "(y_hat - y).sign()"),
            "Only the signs of the errors enter your gradient, so every error pulls equally. With "
            "squares, a larger error pulls harder.",
        ),
        Mistake(
            "one number for every entry",
            edit("2 * (y_hat - y) / y.numel()", "(2 * (y_hat - y)).mean().expand(y.shape)"),
            "Every entry of your gradient is the mean of all of them. Each prediction has its own "
            "error, so its own entry.",
        ),
        Mistake(
            "averaged",
            edit("2 * (y_hat - y) / y.numel()", "(2 * (y_hat - y)).mean()"),
            "You return one number. The gradient has one entry for every entry of y_hat, each "
            "divided by numel.",
        ),
        Mistake(
            "the loss itself",
            edit("2 * (y_hat - y)", "(y_hat - y) ** 2"),
            "These are the squares, the terms of the loss itself. Take the derivative of the "
            "square.",
        ),
        *(
            Mistake(
                "error still squared",
                edit("(y_hat - y)", square),
                "You have the factor 2, but the square is still there. When the 2 comes down, "
                "the power drops by one.",
            )
            for square in ("(y_hat - y) ** 2", "(y_hat - y) * (y_hat - y).abs()")
        ),
        Mistake(
            "the loss itself",
            edit("2 * (y_hat - y) / y.numel()", "((y_hat - y) ** 2).mean()"),
            "This is the loss. Return its derivative with respect to each entry of y_hat.",
        ),
    )


def _entries(**values: str) -> Edit:
    """The dict of gradients with other values; w1="grad_w2" puts that value under "w1"."""
    return edit(
        *(
            text
            for key, value in values.items()
            for text in (f'"{key}": grad_{key}', f'"{key}": {value}')
        )
    )


_RESULT = 'return {"w1": grad_w1, "b1": grad_b1, "w2": grad_w2, "b2": grad_b2}'


class TwoLayerBackward(Exercise):
    """Gradients of mse(relu(x @ w1.T + b1) @ w2.T + b2, y): a dict with keys w1, b1, w2, b2."""

    id, points = "backprop.two_layer_backward", 3
    minutes, lines, writes = 20, "about five lines", "back through a whole network"
    without = {
        "requires_grad": (
            "a solution through NumPy is right, and NumPy takes no tensors that require a gradient"
        ),
    }
    shortcuts = (
        *AUTOGRAD,
        *RELU_BACKWARD,
        "aten::mse_loss_backward",
        "aten::huber_loss_backward",
        "aten::smooth_l1_loss_backward",
    )

    def cases(self, rng: Rng) -> Iterable[Case]:
        def case(label: str, n: int, i: int, h: int, o: int, lift: float = 0.0) -> Case:
            axis = "many" if n > 100 else ""
            return Case(
                label,
                axis=axis,
                x=rng.normal(n, i),
                y=rng.normal(n, o),
                w1=rng.normal(h, i),
                b1=rng.normal(h) + lift,
                w2=rng.normal(o, h),
                b2=rng.normal(o),
            )

        yield case(
            "every hidden unit on, so that the ReLU passes everything", 5, 4, 6, 3, lift=20.0
        )
        yield case("hidden units on and off: 5 examples, 3 inputs, 5 hidden, 2 outputs", 5, 3, 5, 2)
        yield case("one example and one output", 1, 4, 6, 1)
        yield case("three examples, one hidden unit", 3, 2, 1, 3)
        yield case("4 examples, 3 inputs, 3 hidden, 3 outputs", 4, 3, 3, 3)
        yield case("131 examples", 131, 2, 4, 3)

    def probe(self, two_layer_backward: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        grads = two_layer_backward(case.x, case.y, case.w1, case.b1, case.w2, case.b2)
        yield "what is returned", "a dict" if isinstance(grads, dict) else type(grads).__name__
        yield "keys", sorted(map(str, grads)) if isinstance(grads, dict) else []
        for key in ("b2", "w2", "b1", "w1"):
            yield f"the gradient with respect to {key}", grads[key]

    mistakes = (
        Mistake(
            "z instead of h",
            edit("(grad_y_hat, h, w2)", "(grad_y_hat, z, w2)"),
            "You build the gradient of w2 from what went into the ReLU. The second layer "
            "received what came out of it.",
        ),
        Mistake(
            "x instead of h",
            edit("(grad_y_hat, h, w2)", "(grad_y_hat, x, w2)"),
            "You build the gradient of w2 from the net's x. The second layer received what came "
            "out of the ReLU.",
        ),
        Mistake(
            "h instead of x",
            edit("(grad_z, x, w1)", "(grad_z, h, w1)"),
            "You build the gradient of w1 from what came out of the ReLU. The first layer received "
            "the net's x.",
        ),
        Mistake(
            "mask from the gradient",
            edit("(grad_h, z)", "(grad_h, grad_h)"),
            "Your ReLU's backward pass looks at the sign of the gradient. It should look at "
            "what went into the ReLU in the forward pass.",
        ),
        *(
            Mistake(
                "one mask for the whole batch",
                edit("(grad_h, z)", f"(grad_h, {whole}.expand_as(z))"),
                "Each hidden unit passes its gradient on in all examples or in none. Whether it "
                "was on differs from example to example.",
            )
            for whole in ("z.sum(0)", "z[0]", "z[-1]", "z.amax(0)", "z.amin(0)")
        ),
        Mistake(
            "ReLU judged without b1",
            edit("(grad_h, z)", "(grad_h, z - b1)"),
            "On the way back you ask whether x @ w1.T was above 0. What went into the ReLU was "
            "that plus b1, and the sum decides whether a unit was on.",
        ),
        Mistake(
            "arguments of relu_backward swapped",
            edit("(grad_h, z)", "(z, grad_h)"),
            "relu_backward takes the gradient first, then what went into the ReLU. You pass z "
            "first.",
        ),
        Mistake(
            "the error instead of the loss's gradient",
            edit("mse_backward(y_hat, y)", "y_hat - y"),
            "You start from the error y_hat - y. The backward pass starts from the derivative "
            "of the loss with respect to y_hat; mse_backward gives it.",
        ),
        Mistake(
            "ReLU left out on the way back",
            edit("relu_backward(grad_h, z)", "grad_h"),
            "Your forward pass has a ReLU, your backward pass has none: units that were off "
            "for an example still get a gradient from it.",
        ),
        Mistake(
            "ReLU left out both ways",
            edit("= relu(z)", "= z", "relu_backward(grad_h, z)", "grad_h"),
            "There is no ReLU in your net. As long as every unit is on, that makes no "
            "difference; otherwise it does.",
        ),
        Mistake(
            "ReLU's output instead of its slope",
            edit("relu_backward(grad_h, z)", "grad_h * h"),
            "In the backward pass you multiply by relu(z). The chain rule multiplies by the "
            "slope of the ReLU: 1 or 0.",
        ),
        Mistake(
            "leaky on the way back",
            edit("relu_backward(grad_h, z)", "grad_h * torch.where(z > 0, 1.0, 0.01)"),
            "A small part of the gradient passes where a unit was off. That belongs to the leaky "
            "ReLU; here the slope is 0.",
        ),
        Mistake(
            "slope of a sigmoid",
            edit("relu_backward(grad_h, z)", "grad_h * h * (1 - h)"),
            "On the way back you multiply by h * (1 - h), the slope of a sigmoid. This net has a "
            "ReLU, whose slope is 1 where z is above 0, and 0 elsewhere.",
        ),
        Mistake(
            "a ReLU on the output too",
            edit("mse_backward(y_hat, y)", "relu_backward(mse_backward(y_hat, y), y_hat)"),
            "Your backward pass also goes through a ReLU after the second layer, so negative "
            "outputs get no gradient. There is none in the forward pass.",
        ),
        Mistake(
            "b1 before the ReLU",
            _entries(b1="grad_h.sum(0)"),
            "You take the gradient of b1 before the ReLU's backward pass. b1 is added before "
            "the ReLU: go back through the ReLU first, then sum.",
        ),
        Mistake(
            "w1 before the ReLU",
            _entries(w1="grad_h.T @ x"),
            "You take the gradient of w1 before the ReLU's backward pass. The first layer comes "
            "before the ReLU: go back through the ReLU first.",
        ),
        Mistake(
            "biases swapped",
            _entries(b1="grad_b2", b2="grad_b1"),
            "The gradients of the two biases are swapped in your dict: b1 belongs to the layer "
            "next to x.",
        ),
        Mistake(
            "negative weights clamped to 0",
            edit("grad_z =", "grad_h = grad_y_hat @ relu(w2)\n    grad_z ="),
            "In the backward pass you use only the positive entries of w2. Going back through "
            "a layer uses its weight as it is.",
        ),
        Mistake(
            "divided by the number of examples",
            edit("mse_backward(y_hat, y)", "2 * (y_hat - y) / len(y)"),
            "You divide by the number of examples. The mean of mse is over all elements of y, so "
            "with several outputs the divisor is larger.",
        ),
        Mistake(
            "divided by the number of examples twice",
            _entries(**{key: f"grad_{key} / len(x)" for key in ("w1", "b1", "w2", "b2")}),
            "You average over the examples in every layer. The 1/n belongs to the loss, and is "
            "already in the gradient that comes from it.",
        ),
        Mistake(
            "grads of the biases averaged",
            _entries(b1="grad_b1 / len(x)", b2="grad_b2 / len(x)"),
            "You average the gradients of the biases over the examples. The 1/n is already in "
            "what comes from the loss: the contributions add up.",
        ),
        Mistake(
            "factor 2 forgotten",
            edit("mse_backward(y_hat, y)", "mse_backward(y_hat, y) / 2"),
            "The derivative of a square has a factor 2. Yours is missing it in the first step, "
            "the derivative of the loss, and so in every gradient.",
        ),
        Mistake(
            "sum instead of mean",
            edit("mse_backward(y_hat, y)", "mse_backward(y_hat, y) * y.numel()"),
            "These are the gradients of the sum of the squares. The loss is their mean.",
        ),
        Mistake(
            "wrong sign",
            edit("mse_backward(y_hat, y)", "-mse_backward(y_hat, y)"),
            "The sign is wrong in the first step, the derivative of the loss, and so in every "
            "gradient.",
        ),
        Mistake(
            "w2 left out on the way back",
            edit(
                "grad_z =",
                "grad_h = grad_y_hat.sum(1, keepdim=True).expand(-1, w2.shape[1])\n    grad_z =",
            ),
            "Your backward pass leaves out w2. Between the gradients of b2 and b1 is the "
            "second layer, which passes its gradient down through w2.",
        ),
        Mistake(
            "weights transposed",
            _entries(w1="grad_w1.T", w2="grad_w2.T"),
            "Your gradients of the weights have rows and columns swapped. Each has the shape "
            "of its weight: (out, in).",
        ),
        Mistake(
            "a tuple instead of a dict",
            edit(_RESULT, "return grad_w1, grad_b1, grad_w2, grad_b2"),
            'You return a tuple. Return a dict with the keys "w1", "b1", "w2", "b2".',
        ),
        Mistake(
            "wrong keys",
            edit(
                *(
                    text
                    for key in ("w1", "b1", "w2", "b2")
                    for text in (f'"{key}"', f'"grad_{key}"')
                )
            ),
            'The keys are the names of the parameters: "w1", "b1", "w2", "b2".',
        ),
        Mistake(
            "returned None",
            edit(_RESULT, "pass"),
            "Your function returns None. Is the `return` missing? Return a dict.",
        ),
        Mistake(
            "layers swapped",
            _entries(w1="grad_w2", b1="grad_b2", w2="grad_w1", b2="grad_b1"),
            "The gradients of the two layers are swapped in your dict: w1 and b1 belong to the "
            "layer next to x.",
        ),
    )


_PUSH = (
    "for parent, local in zip(n.parents, n.local_grads):\n"
    "                parent.grad += local * n.grad\n            "
)
_VISIT_PARENTS = "for parent in n.parents:\n                visit(parent)"
_NO_SWEEP = edit("in reversed(order):", "in []:")
# A node passes its gradient on while the walk down to its parents is still running.
_FROM_THE_TOP = [
    edit(_VISIT_PARENTS, _PUSH.rstrip() + "\n                visit(parent)") + _NO_SWEEP,
    edit(_VISIT_PARENTS, _PUSH + _VISIT_PARENTS) + _NO_SWEEP,
    edit(_VISIT_PARENTS, _PUSH + _VISIT_PARENTS.replace("n.parents", "reversed(n.parents)"))
    + _NO_SWEEP,
]
_EVERY_VISIT = edit("if id(n) not in seen:", "if True:")
_EVERY_STARTS = edit(
    "    node.grad += 1.0\n", "", "seen.add(id(n))", "seen.add(id(n))\n            n.grad += 1.0"
)


def _by_levels(taken: str) -> Edit:
    """The walk ordered by distance from the result; taken: the parents to be visited."""
    walk = f"order.append(node)\n    for n in order:\n        order.extend({taken})"
    return edit("    visit(node)\n    for", f"    {walk}\n    for", "reversed(order)", "order")


def _computed(formula: list[str], nodes: dict[str, Node]) -> Node:
    """The node of `a * b`, `a + b` or `relu a`."""
    if formula[0] == "relu":
        x = nodes[formula[1]]
        return Node(max(x.data, 0.0), (x,), (float(x.data > 0),))
    x, y = nodes[formula[0]], nodes[formula[2]]
    if formula[1] == "*":
        return Node(x.data * y.data, (x, y), (y.data, x.data))
    return Node(x.data + y.data, (x, y), (1.0, 1.0))


class Backward(Exercise):
    """Adds to n.grad, for every node n of the graph, the derivative of `node` with respect to n."""

    id, points = "backprop.backward", 3
    extra = True
    minutes, lines, writes = 25, "about a dozen lines", "back through any graph"

    def cases(self, rng: Rng) -> Iterable[Case]:
        leaves = [rng.number(1.2, 1.9), rng.number(-2.9, -2.1), rng.number(0.3, 0.8)]

        def case(label: str, *rows: str) -> Case:
            return Case(label, leaves=leaves, rows=list(rows))

        yield case("a product: out = a * b", "out = a * b")
        yield case(
            "a chain: u = a * b, v = u * c, out = v * a", "u = a * b", "v = u * c", "out = v * a"
        )
        yield case("a node used twice: out = a * a", "out = a * a")
        yield case(
            "a diamond: p = a * b, u = p * c, v = p * a, out = u + v",
            "p = a * b",
            "u = p * c",
            "v = p * a",
            "out = u + v",
        )
        yield case(
            "a short path and a long path: p = a * b, u = p * c, v = u * c, out = p * v",
            "p = a * b",
            "u = p * c",
            "v = u * c",
            "out = p * v",
        )
        ladder = [
            f"s{i + 1} = s{i} * s{i}" if i % 2 else f"s{i + 1} = s{i} + s{i}" for i in range(1, 5)
        ]
        yield case("a ladder, every step used twice", "s1 = c * a", *ladder)
        yield case("a graph of a single node, twice", "")
        yield case(
            "both parents of a node alike: p = a * b, q = p * p, u = p * c, v = u * c, w = v * c, "
            "out = w + q",
            *("p = a * b", "q = p * p", "u = p * c", "v = u * c", "w = v * c", "out = w + q"),
        )
        yield case("a node with one parent: u = relu a, out = u * b", "u = relu a", "out = u * b")
        yield Case(
            "two nodes with the same value: p = a * c, q = b * c, out = p * q",
            leaves=[leaves[0], *leaves[::2]],
            rows=["p = a * c", "q = b * c", "out = p * q"],
        )
        yield case(
            "two graphs that share leaves, one after the other",
            "u = a * b",
            "out = u * c",
            "",
            "w = b + c",
            "second = w * a",
        )

    def probe(self, backward: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        nodes = {name: Node(data) for name, data in zip("abc", case.leaves, strict=True)}
        last = "a"
        values: dict[str, float] = {}
        made: dict[str, tuple[Any, Any]] = {}
        for row in [*case.rows, ""]:
            if row:
                last, _, *formula = row.split()
                nodes[last] = _computed(formula, nodes)
                continue
            made = {name: (node.parents, node.local_grads) for name, node in nodes.items()}
            returned = backward(nodes[last])
            for name in reversed(nodes):
                yield (
                    f"the grad of {name}" + (" after the second graph" if values else ""),
                    nodes[name].grad,
                )
            values = {name: node.data for name, node in nodes.items()}
            yield "what is returned", None if returned is None else type(returned).__name__
        yield "data afterwards", values
        left = all((nodes[name].parents, nodes[name].local_grads) == made[name] for name in nodes)
        yield claim("the graph is left as it was made", left)

    mistakes = (
        *(
            Mistake(
                "gradient assigned instead of added",
                edit("parent.grad +=", "parent.grad =") + order,
                "Each contribution to a node replaces the one before. A node that is used "
                "twice receives two: add them up.",
            )
            for order in (edit(), edit("parent in n.parents", "parent in reversed(n.parents)"))
        ),
        Mistake(
            "a repeated parent counted once",
            edit("in zip(", "in dict(zip(", "strict=True):", "strict=True)).items():"),
            "In a * a the same node is both parents. You visit it once; each of the two uses "
            "contributes.",
        ),
        *(
            Mistake(
                "passed on before it was complete",
                change,
                "A node passes its gradient on at the first visit, before every node that uses "
                "it has contributed. Visit all of a node's parents first, put the node into "
                "the list last, and then go through the list from its end.",
            )
            for change in _FROM_THE_TOP
        ),
        *(
            Mistake(
                "every node starts with 1",
                change,
                "Every node you reach gets its own 1, for example because backward calls "
                "itself. Only the result's derivative with respect to itself is 1.",
            )
            for change in (
                _EVERY_STARTS,
                edit("parent.grad += local_grad * n.grad", "parent.grad = 1.0"),
                edit(
                    "node.grad +=",
                    "node.grad =",
                    "parent.grad += local_grad * n.grad",
                    "parent.grad = 1.0",
                ),
                *(way + _EVERY_VISIT + _EVERY_STARTS for way in _FROM_THE_TOP),
            )
        ),
        *(
            Mistake(
                "passed on at every visit",
                change,
                "You come to a node once for every use of it, and each time it passes on its "
                "whole gradient, including what it has already passed on. Every node should "
                "pass its gradient on once, when it is complete.",
            )
            for change in (*(way + _EVERY_VISIT for way in _FROM_THE_TOP), _by_levels("n.parents"))
        ),
        Mistake(
            "level by level",
            _by_levels("p for p in dict.fromkeys(n.parents) if p not in order"),
            "You go through the graph by distance from the result. A node that is near on one "
            "path and far on another comes too early: what arrives on the long path is never "
            "passed on.",
        ),
        Mistake(
            "sorted by value",
            edit("reversed(order)", "sorted(order, key=lambda n: n.data, reverse=True)"),
            "You go through the nodes by value, the largest first. A node may be smaller than "
            "what it was computed from: the order comes from the graph, not from the numbers.",
        ),
        Mistake(
            "only one step back",
            edit("reversed(order)", "order"),
            "Only the parents of the result get a gradient. Either you stop there, or you go "
            "through the nodes from the leaves up, so that each passes on its gradient while "
            "it is still 0. Start at the result.",
        ),
        Mistake(
            "only two steps back",
            edit("reversed(order)", "[node, *dict.fromkeys(node.parents)]"),
            "The gradients go back two steps and no further. Every node of the graph passes its "
            "gradient on.",
        ),
        Mistake(
            "own gradient overwritten with 1",
            edit("node.grad +=", "node.grad ="),
            "You set the grad of the result to 1. Add to it as you do for all the others: a "
            "node may already hold something.",
        ),
        Mistake(
            "gradients zeroed first",
            edit(
                "    visit(node)\n    for",
                "    visit(node)\n    for n in order:\n        n.grad = float(n is node)\n    for",
            ),
            "You set every .grad to zero before you start. Gradients accumulate, here as in "
            "torch: what a leaf already holds from another graph stays, and the new gradient "
            "is added.",
        ),
        Mistake(
            "inner gradients cleared",
            edit("", "        if n.parents and n is not node:\n            n.grad = 0.0"),
            "The nodes between the result and the leaves end up with a gradient of 0. They "
            "keep theirs, like all the others.",
        ),
        Mistake(
            "inner gradients cleared",
            edit("", "        if n.parents:\n            n.grad = 0.0"),
            "Every node that was computed from others ends up with a gradient of 0, the result "
            "included. They keep theirs, like the leaves.",
        ),
        Mistake(
            "a single node left out",
            edit("node.grad += 1.0", "node.grad += float(len(node.parents) > 0)"),
            "A graph of a single node gets nothing. The derivative of a node by itself is 1, "
            "whether it has parents or not.",
        ),
        Mistake(
            "graph taken apart",
            edit("", "        n.parents = n.local_grads = ()"),
            "You take away each node's parents when it has had its turn, to free memory. The graph "
            "belongs to the caller, who may still want to look at it: change .grad alone.",
        ),
        Mistake(
            "starts from the result's value",
            edit("node.grad += 1.0", "node.grad += node.data"),
            "You start from the value of the result. The derivative of the result with respect to "
            "itself is 1, whatever its value.",
        ),
        Mistake(
            "equal values treated as one node",
            edit("id(n) not in seen", "n.data not in seen", "seen.add(id(n))", "seen.add(n.data)"),
            "You treat nodes that hold the same number as the same node. Compare the nodes "
            "themselves, not their data.",
        ),
        Mistake(
            "nodes of earlier graphs kept",
            edit(
                "order: list[Any] = []",
                "order = backward.__dict__.setdefault('order', [])",
                "seen: set[int] = set()",
                "seen = backward.__dict__.setdefault('seen', set())",
            ),
            "Your list of nodes survives from one call to the next, so nodes of an earlier "
            "graph pass their gradients on again. A default such as `order=[]` is created "
            "once, for all calls: create the list inside the function.",
        ),
        Mistake(
            "result's gradient not set to 1",
            edit("    node.grad += 1.0\n", ""),
            "All gradients stay 0, because nothing starts them off. What is the derivative of "
            "the result with respect to itself?",
        ),
        Mistake(
            "gradient from above left out",
            edit("local_grad * n.grad", "local_grad"),
            "A parent gets only the local derivative. The chain rule multiplies it by the "
            "gradient of the node above.",
        ),
        Mistake(
            "local derivative left out",
            edit("local_grad * n.grad", "n.grad"),
            "Each parent gets the gradient of the node as it is. The chain rule multiplies it by "
            "the local derivative.",
        ),
        Mistake(
            "added instead of multiplied",
            edit("local_grad * n.grad", "local_grad + n.grad"),
            "You add the local derivative and the gradient from above. Along a path "
            "derivatives multiply; across several paths they add.",
        ),
        Mistake(
            "the parent's value instead of the derivative",
            edit("local_grad * n.grad", "parent.data * n.grad"),
            "You multiply by the parent's own value. The derivative with respect to each "
            "parent is in local_grads.",
        ),
        Mistake(
            "local gradients swapped",
            edit("zip(n.parents, n.local_grads", "zip(n.parents, reversed(n.local_grads)"),
            "Each parent gets the derivative that belongs to the other. parents and "
            "local_grads are in the same order.",
        ),
    )


class RepairLinearBackward(Repair):
    """A witness on which the gradients shown go wrong, and the lines repaired.

    Of 20 random witnesses 20 show the bug (`python -m tests.attempts` counts them again).
    """

    id, points = "backprop.repair_linear_backward", 2
    minutes, lines = 10, "a witness and one changed line"
    writes = "a bug found and mended"
    extra = True
    of = LinearBackward
    takes = {"grad_out": "tensor", "x": "tensor", "weight": "tensor"}
    shapes = "grad_out should have shape (n, d_out), x (n, d_in) and weight (d_out, d_in)."
    buggy = """
def linear_backward(grad_out, x, weight):
    grad_x = grad_out @ weight
    grad_weight = grad_out.T @ x
    grad_bias = grad_out.mean(0)
    return grad_x, grad_weight, grad_bias
"""

    mistakes = REPAIRING


class Test(TellApart):
    """A test that accepts every right backward pass of y = x * scale, and rejects the wrong ones.

    Share of 28 rejected (`python -m tests.attempts` runs these again):

    | the test | share |
    |---|---|
    | the shapes alone | 0.14 |
    | one example of ones | 0.14 |
    | two examples, grad_out of ones | 0.57 |
    | one example, whole numbers | 0.43 |
    | grad_x alone | 0.36 |
    | two examples, positive whole numbers | 0.64 |
    | three digits of both signs, a loose tolerance | 0.75 |
    | the same, torch.allclose as it is | 0.82 |
    | shapes, and random numbers against autograd | 0.86 |
    | numbers of both signs, and the arguments afterwards | 0.89 |
    | that, called twice | 0.96 |
    | that, and the shape | 1.00 |
    """

    id, points = "backprop.test", 3
    minutes, lines = 20, "about ten lines"
    writes = "a test that tells right code from wrong"
    extra = True
    arguments = 3
    rights, wrongs = SCALE_RIGHT, SCALE_WRONG
    full, part = 0.95, 0.6

    mistakes = (
        *TESTING,
        missed(
            "mean over the examples",
            "With one example a sum and a mean are the same. How many does your test have?",
        ),
        missed(
            "grad_out left out of grad_x",
            "Where grad_out is 1, code that forgets it looks right.",
        ),
        missed(
            "scale without its sign",
            "Where all numbers are positive, code that drops a sign looks right. Use both signs.",
        ),
        missed(
            "overwrites x",
            "Some wrong functions give the right numbers and spoil what they were given. Keep a "
            "copy of each argument, and compare it after the call.",
        ),
        missed(
            "two digits of precision",
            "Numbers with few digits hide that, and so does a tolerance that forgives everything. "
            "How far can two right sums of a few numbers differ?",
        ),
        missed(
            "adds to what it gave before",
            "Some functions are right once. Call yours a second time, with other numbers.",
        ),
    )

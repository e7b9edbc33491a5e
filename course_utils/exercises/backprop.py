"""Exercises of lesson 03: numerical gradients, backward passes by hand, and a tiny engine that finds them itself."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from course_utils.checking import Case, Exercise, Mistake, Rng, claim
from course_utils.exercises.linear import RELU
from course_utils.exercises.sgd import AUTOGRAD

RELU_BACKWARD = tuple(name for name in RELU if name.endswith("_backward"))


class Node:
    """A number in a scalar graph: what it was computed from, and its derivative by each of these parents."""

    def __init__(self, data: float, parents: Sequence["Node"] = (), local_grads: Sequence[float] = ()) -> None:
        self.data, self.grad = data, 0.0
        self.parents, self.local_grads = tuple(parents), tuple(local_grads)


def _differences(quotient: Callable[..., Any], dtype: torch.dtype = torch.float64) -> Callable[..., Tensor]:
    """A numerical gradient whose entries are `quotient(f, x, step, eps)`; step: the shape of x, eps at one entry."""

    def numerical_gradient(f: Callable[[Tensor], Any], x: Tensor, eps: float = 1e-6) -> Tensor:
        x = x.to(dtype)
        steps = eps * torch.eye(x.numel(), dtype=dtype).reshape(-1, *x.shape)
        return torch.tensor([float(quotient(f, x, step, eps)) for step in steps], dtype=dtype).reshape(x.shape)

    return numerical_gradient


def _central(f: Callable[[Tensor], Any], x: Tensor, step: Tensor, eps: float) -> float:
    return (float(f(x + step)) - float(f(x - step))) / (2 * eps)


def _rounded_back(f: Callable[[Tensor], Any], x: Tensor, eps: float = 1e-6) -> Tensor:
    slopes, flat = torch.zeros_like(x), x.view(-1)
    for i in range(x.numel()):
        flat[i] += eps
        above = float(f(x))
        flat[i] -= 2 * eps
        slopes.view(-1)[i] = (above - float(f(x))) / (2 * eps)
        flat[i] += eps
    return slopes


def _never_back(f: Callable[[Tensor], Any], x: Tensor, eps: float = 1e-6) -> Tensor:
    slopes, flat = torch.zeros_like(x), x.view(-1)
    for i in range(x.numel()):
        flat[i] += eps
        above = float(f(x))
        flat[i] -= 2 * eps
        slopes.view(-1)[i] = (above - float(f(x))) / (2 * eps)
    return slopes


def _pile_up(f: Callable[[Tensor], Any], x: Tensor, eps: float = 1e-6) -> Tensor:
    slopes, step = torch.zeros_like(x), torch.zeros_like(x)
    for i in range(x.numel()):
        step.view(-1)[i] = eps
        slopes.view(-1)[i] = _central(f, x, step, eps)
    return slopes


def _no_copy(f: Callable[[Tensor], Any], x: Tensor, eps: float = 1e-6) -> Tensor:
    slopes, above, below = torch.zeros_like(x), x, x
    for i in range(x.numel()):
        above.view(-1)[i] += eps
        below.view(-1)[i] -= eps
        slopes.view(-1)[i] = (float(f(above)) - float(f(below))) / (2 * eps)
    return slopes


def _first_entry(f: Callable[[Tensor], Any], x: Tensor, eps: float = 1e-6) -> Tensor:
    slopes, step = torch.zeros_like(x), torch.zeros_like(x)
    step.view(-1)[0] = eps
    slopes.view(-1)[0] = _central(f, x, step, eps)
    return slopes


def _all_at_once(f: Callable[[Tensor], Any], x: Tensor, eps: float = 1e-6) -> Tensor:
    return torch.full_like(x, (float(f(x + eps)) - float(f(x - eps))) / (2 * eps))


def _first_dimension(f: Callable[[Tensor], Any], x: Tensor, eps: float = 1e-6) -> Tensor:
    slopes = torch.zeros_like(x)
    for i in range(len(x)):
        above, below = x.clone(), x.clone()
        above[i] += eps
        below[i] -= eps
        slopes[i] = (float(f(above)) - float(f(below))) / (2 * eps)
    return slopes


class NumericalGradient(Exercise):
    """(f(x + eps*e_i) - f(x - eps*e_i)) / (2*eps) for every entry i, in float64; x stays as it was."""

    id, points = "backprop.numerical_gradient", 2
    without = {
        "views": "entries changed in place through x.view(-1) are right",
        "requires_grad": "entries changed in place are right",
    }
    shortcuts = AUTOGRAD

    def cases(self, rng: Rng) -> Iterable[Case]:
        def case(label: str, kind: str, *shape: int, eps: float | None = None) -> Case:
            x, c = rng.normal(*shape, dtype=torch.float64), rng.normal(*shape, dtype=torch.float64)
            return Case(label, kind=kind, x=x, c=c, eps=eps)

        yield case("a quadratic of 3 numbers", "quadratic", 3)
        yield case("a cubic of a (2, 3) matrix, eps = 1e-3", "cubic", 2, 3, eps=1e-3)
        yield case("a function of a single number (shape ()), which returns a Python float", "float", eps=1e-4)
        yield case("a function in which every entry meets every other", "coupled", 2, 2)

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

        gradient = numerical_gradient(f, case.x) if case.eps is None else numerical_gradient(f, case.x, case.eps)
        yield "what f was given", ", ".join(sorted({f"{_dtype(x)} of shape {tuple(x.shape)}" for x in given}))
        changed = [(x - start).abs().flatten() for x in given if x.shape == start.shape]
        eps = 1e-6 if case.eps is None else case.eps
        yield claim("x is changed at one entry at a time", all(int((d > eps / 100).sum()) <= 1 for d in changed))
        step = max((float(d.max()) for d in changed), default=0.0)
        yield claim("the steps are of the size eps", 0.49 * eps <= step <= 2.01 * eps)
        # Rounding errors of f count 1/eps times.
        yield "the slopes", gradient, 1e-5 if eps < 1e-5 else 1e-9

    mistakes = (
        Mistake(
            "x not restored exactly",
            _rounded_back,
            "x is no longer what it was. Adding eps, taking 2 * eps away and adding eps again does not lead back to "
            "the last bit: every step rounds. Keep the old value and put that back, or work on a copy.",
        ),
        Mistake(
            "x left changed",
            _never_back,
            "x keeps the last step: f sees every further entry at the wrong place, and so does whoever uses x next. "
            "Put each entry back before you go on.",
        ),
        Mistake(
            "forward difference",
            _differences(lambda f, x, step, eps: (float(f(x + step)) - float(f(x))) / eps),
            "You compare x + eps with x itself. The error of this one-sided difference is of the size of eps; the "
            "central difference, with a step to either side, has an error of the size of eps squared.",
        ),
        Mistake(
            "backward difference",
            _differences(lambda f, x, step, eps: (float(f(x)) - float(f(x - step))) / eps),
            "You compare x with x - eps. Its error is of the size of eps; the central difference takes a step to "
            "either side and has an error of the size of eps squared.",
        ),
        Mistake(
            "divided by eps",
            _differences(lambda f, x, step, eps: 2 * _central(f, x, step, eps)),
            "Every entry is twice what it should be: the two points lie 2 * eps apart, and you divide by eps.",
        ),
        Mistake(
            "not divided",
            _differences(lambda f, x, step, eps: 2 * eps * _central(f, x, step, eps)),
            "You return the difference of the two values of f. A slope is a difference divided by the distance.",
        ),
        Mistake(
            "multiplied by eps",
            _differences(lambda f, x, step, eps: eps**2 * _central(f, x, step, eps)),
            "`/ 2 * eps` divides by 2 and then multiplies by eps. What stands below the line needs brackets.",
        ),
        Mistake(
            "eps ignored",
            _differences(lambda f, x, step, eps: _central(f, x, step * 1e-6 / eps, 1e-6)),
            "You always step by 1e-6. The size of the step is the argument eps; 1e-6 is only its default.",
        ),
        Mistake(
            "eps ignored",
            _differences(lambda f, x, step, eps: _central(f, x, step * 1e-5 / eps, 1e-5)),
            "The size of your steps does not follow eps.",
        ),
        Mistake(
            "all entries at once",
            _all_at_once,
            "You move all entries together, so every slope is the sum of all. A partial derivative moves one entry and "
            "keeps the others.",
        ),
        Mistake(
            "all entries at once",
            lambda f, x, eps=1e-6: (f(x + eps) - f(x - eps)) / (2 * eps),
            "You move all entries together and get one number. A partial derivative moves one entry and keeps the "
            "others; each entry of x has its own.",
        ),
        Mistake(
            "steps that stay",
            _pile_up,
            "Your step keeps the eps of the entries before it, so from the second entry on several move together. Each "
            "entry needs a step in which only its own place is not 0.",
        ),
        Mistake(
            "no copy",
            _no_copy,
            "`above = x` makes no copy: both names mean one tensor, and what you add under one name you take away "
            "under the other. f is given the same point twice.",
        ),
        Mistake(
            "return inside the loop",
            _first_entry,
            "Only the first entry has its slope. Does the `return` stand inside the loop?",
        ),
        Mistake(
            "only the first dimension",
            _first_dimension,
            "For a vector this is right. In a matrix `x[i]` is a whole row, so all its entries move together; and a "
            "single number has no `x[0]` at all. Go through all entries, whatever the shape.",
        ),
        Mistake(
            "float32",
            _differences(_central, torch.float32),
            "You compute in float32. With eps = 1e-6 the two values of f agree in nearly all their 7 digits, and the "
            "difference is mostly rounding. Gradients are checked in float64.",
        ),
        Mistake(
            "sign",
            _differences(lambda f, x, step, eps: -_central(f, x, step, eps)),
            "Every slope has the wrong sign: f at the larger x comes first.",
        ),
        Mistake(
            "flat",
            lambda f, x, eps=1e-6: _differences(_central)(f, x, eps).flatten(),
            "The numbers are right, but in one row. The gradient has the shape of x, so that it can be subtracted "
            "from it.",
        ),
        Mistake(
            "autograd used",
            lambda f, x, eps=1e-6: torch.autograd.grad(f(v := x.clone().requires_grad_()), v)[0],
            "You ask autograd. A numerical gradient is worth something because it knows nothing of autograd and can "
            "check it.",
        ),
    )


def _dtype(x: Any) -> str:
    return str(x.dtype).removeprefix("torch.")


class RelativeError(Exercise):
    """The largest |a - b| / max(|a| + |b|, 1e-8) over all elements, a float."""

    id, points = "backprop.relative_error", 1
    without = {
        "requires_grad": "a way through NumPy is right, and that takes no tensors that require a gradient",
    }

    def cases(self, rng: Rng) -> Iterable[Case]:
        def near(a: Tensor) -> Tensor:
            """a with relative errors of some thousandths, the largest first."""
            sizes = torch.linspace(4e-3, 1e-3, a.numel(), dtype=a.dtype).reshape(a.shape)
            return a * (1 + sizes * rng.uniform(0.9, 1.1, *a.shape, dtype=a.dtype))

        a = rng.normal(3, 2, dtype=torch.float64) * torch.tensor([[0.01], [1.0], [30.0]], dtype=torch.float64)
        yield Case("two (3, 2) matrices that nearly agree", a=a, b=near(a))
        yield Case("numbers of opposite sign among others", a=(a := rng.normal(4)), b=a * torch.tensor([1, -2, 1, 1]))
        tiny = 1e-9 * rng.normal(3, dtype=torch.float64)
        yield Case("numbers so small that the floor 1e-8 counts", a=tiny, b=near(tiny) + 2e-10)
        yield Case("two single numbers (shape ())", a=(a := rng.normal(dtype=torch.float64)), b=near(a))
        zero = torch.zeros(2, dtype=torch.float64)
        a = rng.normal(2, dtype=torch.float64)
        yield Case("entries that are 0 in both", a=torch.cat([zero, a]), b=torch.cat([zero, near(a)]))

    def probe(self, relative_error: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "relative error", relative_error(case.a, case.b)

    mistakes = (
        Mistake(
            "floor added",
            lambda a, b: float(((a - b).abs() / (a.abs() + b.abs() + 1e-8)).max()),
            "You add 1e-8 to the denominator, which changes every quotient a little. The floor is a maximum: it counts "
            "only where |a| + |b| is smaller.",
        ),
        Mistake(
            "no floor",
            lambda a, b: float(((a - b).abs() / (a.abs() + b.abs())).max()),
            "Where both entries are 0 you divide 0 by 0, which is nan, and where they are tiny, rounding noise looks "
            "like a large error. The denominator is never smaller than 1e-8.",
        ),
        Mistake(
            "one quotient of norms",
            lambda a, b: float((a - b).norm() / (a.norm() + b.norm()).clamp(min=1e-8)),
            "You divide one norm by another. Large entries then hide a wrong small one. Take the quotient entry by "
            "entry, then the largest.",
        ),
        Mistake(
            "largest difference over largest sum",
            lambda a, b: float((a - b).abs().max() / (a.abs() + b.abs()).max().clamp(min=1e-8)),
            "You take the maximum above and below the line separately. Divide entry by entry first, then take the "
            "largest quotient.",
        ),
        Mistake(
            "mean for maximum",
            lambda a, b: float(((a - b).abs() / (a.abs() + b.abs()).clamp(min=1e-8)).mean()),
            "You average over the entries. One wrong entry among many right ones then hardly shows; take the largest.",
        ),
        Mistake(
            "relative to the first only",
            lambda a, b: float(((a - b).abs() / a.abs().clamp(min=1e-8)).max()),
            "You divide by |a| alone. The definition treats both alike: |a| + |b|.",
        ),
        Mistake(
            "relative to the larger",
            lambda a, b: float(((a - b).abs() / torch.maximum(a.abs(), b.abs()).clamp(min=1e-8)).max()),
            "You divide by the larger of |a| and |b|. Here it is their sum, which keeps the result between 0 and 1.",
        ),
        Mistake(
            "signs cancel below the line",
            lambda a, b: float(((a - b).abs() / (a + b).abs().clamp(min=1e-8)).max()),
            "You divide by |a + b|. Numbers of opposite sign cancel there. Take the absolute values first.",
        ),
        Mistake(
            "signs kept above the line",
            lambda a, b: float(((a - b) / (a.abs() + b.abs()).clamp(min=1e-8)).max()),
            "The difference keeps its sign, so a b that is too large counts as no error.",
        ),
        Mistake(
            "signs kept below the line",
            lambda a, b: float(((a - b).abs() / (a + b).clamp(min=1e-8)).max()),
            "You divide by a + b with its sign. For negative numbers the floor then takes its place, and the quotient "
            "is huge. Take the absolute values first.",
        ),
        Mistake(
            "ceiling for floor",
            lambda a, b: float(((a - b).abs() / (a.abs() + b.abs()).clamp(max=1e-8)).max()),
            "You divide by the smaller of |a| + |b| and 1e-8, so nearly always by 1e-8. In `clamp` the floor is `min`: "
            "the smallest value that may come out.",
        ),
        Mistake(
            "absolute error",
            lambda a, b: float((a - b).abs().max()),
            "This is the largest absolute difference. 0.001 is much beside 0.002 and nothing beside 1000: divide.",
        ),
    )


def _returned(*which: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable[..., tuple[Tensor, ...]]:
    return lambda grad_out, x, weight: tuple(part(grad_out, x, weight) for part in which)


def _gx(g: Tensor, x: Tensor, w: Tensor) -> Tensor:
    return g @ w


def _gw(g: Tensor, x: Tensor, w: Tensor) -> Tensor:
    return g.T @ x


def _gb(g: Tensor, x: Tensor, w: Tensor) -> Tensor:
    return g.sum(0)


def _linear_by_autograd(grad_out: Tensor, x: Tensor, weight: Tensor) -> Any:
    inputs = [x.clone().requires_grad_(), weight.clone().requires_grad_(), torch.zeros(len(weight)).requires_grad_()]
    return torch.autograd.grad(inputs[0] @ inputs[1].T + inputs[2], inputs, grad_out)


class LinearBackward(Exercise):
    """grad_x, grad_weight, grad_bias of y = x @ weight.T + bias from grad_out, the gradient by y."""

    id, points = "backprop.linear_backward", 3
    without = {
        "requires_grad": "a way through NumPy is right, and that takes no tensors that require a gradient",
    }
    shortcuts = (*AUTOGRAD, "aten::linear_backward")

    def cases(self, rng: Rng) -> Iterable[Case]:
        for label, n, i, o in (
            ("5 examples, 4 inputs, 3 outputs", 5, 4, 3),
            ("one example, 3 inputs, 2 outputs", 1, 3, 2),
            ("6 examples, 1 input, 1 output", 6, 1, 1),
            ("3 examples, 2 inputs, 7 outputs", 3, 2, 7),
            ("4 examples, 3 inputs, 1 output", 4, 3, 1),
            ("131 examples, 3 inputs, 2 outputs", 131, 3, 2),
        ):
            axis = "many" if n > 100 else ""
            yield Case(label, axis=axis, grad_out=rng.normal(n, o), x=rng.normal(n, i), weight=rng.normal(o, i))

    def probe(self, linear_backward: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        result = linear_backward(case.grad_out, case.x, case.weight)
        many = isinstance(result, tuple | list)
        yield "what comes back", f"{len(result)} values" if many else type(result).__name__
        yield from zip(("the gradient by x", "the gradient by weight", "the gradient by bias"), result, strict=True)

    mistakes = (
        Mistake(
            "grad of bias averaged",
            _returned(_gx, _gw, lambda g, x, w: g.mean(0)),
            "You average the bias's gradient over the examples. The bias acts in every example, so their contributions "
            "add up; the 1/n of a mean loss is already inside grad_out.",
        ),
        Mistake(
            "everything averaged over the batch",
            _returned(_gx, lambda g, x, w: g.T @ x / len(x), lambda g, x, w: g.mean(0)),
            "You divide by the number of examples. The 1/n of a mean loss is already inside grad_out; divided again it "
            "counts twice.",
        ),
        Mistake(
            "grad of weight averaged",
            _returned(_gx, lambda g, x, w: g.T @ x / len(x), _gb),
            "You divide the weight's gradient by the number of examples. The 1/n of a mean loss is already inside "
            "grad_out.",
        ),
        Mistake(
            "grad of weight transposed",
            _returned(_gx, lambda g, x, w: x.T @ g, _gb),
            "The gradient of weight has rows and columns exchanged: it must have the shape of weight, (out, in).",
        ),
        Mistake(
            "grad of bias not summed",
            _returned(_gx, _gw, lambda g, x, w: g.clone()),
            "The gradient of bias has one row per example. The forward pass gave the one bias to all examples "
            "(broadcasting); the way back of broadcasting is a sum.",
        ),
        Mistake(
            "grad of bias summed over the outputs",
            _returned(_gx, _gw, lambda g, x, w: g.sum(1)),
            "You sum over the outputs, so there is one number per example. The bias has one entry per output: sum over "
            "the examples.",
        ),
        Mistake(
            "grad of bias keeps the batch dimension",
            _returned(_gx, _gw, lambda g, x, w: g.sum(0, keepdim=True)),
            "The gradient of bias has shape (1, out). Like the bias itself it should be (out,).",
        ),
        Mistake(
            "shapes that do not meet",
            _returned(lambda g, x, w: g @ w.T, _gw, _gb),
            "In one of your formulas two shapes do not fit. grad_out is (n, out), x is (n, in), weight is (out, in). "
            "In a product `@` the two sizes in the middle are equal and vanish. Which should vanish in the gradient by "
            "x, and which in the gradient by weight?",
        ),
        Mistake(
            "grad_out left out",
            _returned(
                lambda g, x, w: w.sum(0).expand_as(x),
                lambda g, x, w: x.sum(0).expand_as(w),
                lambda g, x, w: torch.full((len(w),), float(len(x))),
            ),
            "You give the derivatives of the sum of y. What comes from the layers above is grad_out, and the chain "
            "rule multiplies by it.",
        ),
        Mistake(
            "another order",
            _returned(_gw, _gb, _gx),
            "The gradients come in another order. Asked for is (grad_x, grad_weight, grad_bias).",
        ),
        Mistake(
            "another order",
            _returned(_gw, _gx, _gb),
            "The gradients by x and by weight are exchanged. Asked for is (grad_x, grad_weight, grad_bias).",
        ),
        Mistake(
            "nothing returned",
            lambda g, x, w: None,
            "Your function returns None. Is the `return` missing? Asked for are three tensors.",
        ),
        Mistake(
            "grad of bias left out",
            _returned(_gx, _gw),
            "There are only two gradients. The bias has one too, though its value is not needed for it.",
        ),
        Mistake(
            "grad of x left out",
            _returned(_gw, _gb),
            "There are only two gradients. x needs one too: it is what the layer below receives as its grad_out.",
        ),
        Mistake(
            "first example only",
            _returned(_gx, lambda g, x, w: torch.outer(g[0], x[0]), lambda g, x, w: g[0].clone()),
            "weight and bias hear of the first example only. Every example contributes, and the contributions add up.",
        ),
        Mistake(
            "autograd used",
            _linear_by_autograd,
            "You let autograd do it. Here you write what autograd does: three short formulas with `@` and a sum.",
        ),
    )


def _zeroed_in_place(grad_out: Tensor, x: Tensor) -> Tensor:
    grad_out[x <= 0] = 0
    return grad_out


class ReluBackward(Exercise):
    """The gradient by x, where y = relu(x), from grad_out, the gradient by y."""

    id, points = "backprop.relu_backward", 1
    without = {
        "requires_grad": "a way through NumPy is right, and that takes no tensors that require a gradient",
    }
    shortcuts = (*AUTOGRAD, *RELU_BACKWARD)

    def cases(self, rng: Rng) -> Iterable[Case]:
        for label, shape in (("8 numbers", (8,)), ("a (4, 3) matrix", (4, 3)), ("shape (2, 3, 4)", (2, 3, 4))):
            yield Case(label, grad_out=rng.normal(*shape), x=2 * rng.normal(*shape))
        yield Case("a single number (shape ()) where the ReLU is off", grad_out=rng.normal(), x=-rng.normal().abs())

    def probe(self, relu_backward: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "the gradient by x", relu_backward(case.grad_out, case.x)

    mistakes = (
        Mistake(
            "grad_out overwritten",
            _zeroed_in_place,
            "The result is right, but you overwrite grad_out to make it. Another branch of the graph may still need "
            "it: make a new tensor.",
        ),
        Mistake(
            "off where the gradient is negative",
            lambda g, x: g * (g > 0),
            "You cut off where the gradient is negative. What counts is whether x was positive on the way forward; a "
            "negative gradient passes as well as a positive one.",
        ),
        Mistake(
            "off where either is negative",
            lambda g, x: g * (g > 0) * (x > 0),
            "Negative gradients are lost. Where x was positive, the gradient passes with whatever sign it has.",
        ),
        Mistake(
            "multiplied by the output",
            lambda g, x: g * x.clamp(min=0),
            "You multiply by relu(x). The chain rule multiplies by the slope of the ReLU, which is 1 where x > 0.",
        ),
        Mistake(
            "grad_out left out",
            lambda g, x: (x > 0).to(g.dtype),
            "This is the slope of the ReLU. The chain rule multiplies what comes from above, grad_out, by it.",
        ),
        Mistake(
            "grad_out left out",
            lambda g, x: x > 0,
            "This says where the gradient passes. The chain rule multiplies what comes from above, grad_out, by it.",
        ),
        Mistake(
            "arguments exchanged",
            lambda g, x: x * (g > 0),
            "You let x pass where grad_out is positive. Turn it round: grad_out passes where x is positive.",
        ),
        Mistake(
            "forward again",
            lambda g, x: x * (x > 0),
            "This is relu(x), the way forward. On the way back it is grad_out that passes or is stopped.",
        ),
        Mistake(
            "passed on everywhere",
            lambda g, x: g.clone(),
            "The gradient passes everywhere. Where x was negative the ReLU is flat, and nothing comes through.",
        ),
        Mistake(
            "the wrong side",
            lambda g, x: g * (x < 0),
            "The gradient passes where x was negative, and is lost where it was positive.",
        ),
        Mistake(
            "sign of x",
            lambda g, x: g * x.sign(),
            "Where x was negative the gradient comes out with its sign turned. It should be 0 there.",
        ),
        Mistake(
            "leaky",
            lambda g, x: torch.where(x > 0, g, 0.01 * g),
            "A small part passes where x was negative. That belongs to the leaky ReLU.",
        ),
        Mistake(
            "autograd used",
            lambda g, x: torch.autograd.grad((v := x.clone().requires_grad_()).clamp(min=0), v, g)[0],
            "You let autograd do it. One multiplication is enough here.",
        ),
    )


class MseBackward(Exercise):
    """The gradient by y_hat of mean((y_hat - y)**2)."""

    id, points = "backprop.mse_backward", 1
    without = {
        "requires_grad": "a way through NumPy is right, and that takes no tensors that require a gradient",
    }
    shortcuts = (*AUTOGRAD, "aten::mse_loss_backward", "aten::huber_loss_backward", "aten::smooth_l1_loss_backward")

    def cases(self, rng: Rng) -> Iterable[Case]:
        for label, shape in (
            ("5 predictions", (5,)),
            ("4 examples with 3 outputs each", (4, 3)),
            ("shape (2, 3, 4)", (2, 3, 4)),
            ("a single prediction of shape (1, 1)", (1, 1)),
        ):
            yield Case(label, y_hat=rng.normal(*shape), y=rng.normal(*shape))

    def probe(self, mse_backward: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "the gradient by y_hat", mse_backward(case.y_hat, case.y)

    mistakes = (
        Mistake(
            "divided by the number of examples",
            lambda y_hat, y: 2 * (y_hat - y) / len(y),
            "You divide by the number of examples. The mean is over all elements, so with several outputs an example "
            "the divisor is larger.",
        ),
        Mistake(
            "factor 2 forgotten",
            lambda y_hat, y: (y_hat - y) / y.numel(),
            "The derivative of a square has a factor 2.",
        ),
        Mistake(
            "sum for mean",
            lambda y_hat, y: 2 * (y_hat - y),
            "This is the gradient of the sum of the squares. The loss is their mean.",
        ),
        Mistake(
            "sign",
            lambda y_hat, y: 2 * (y - y_hat) / y.numel(),
            "Every entry has the wrong sign. Where the prediction is too large, the loss grows with it.",
        ),
        Mistake(
            "only the sign of the error",
            lambda y_hat, y: (y_hat - y).sign() / y.numel(),
            "This is the gradient of the mean absolute error: every error pulls alike. With squares a larger error "
            "pulls more.",
        ),
        Mistake(
            "averaged",
            lambda y_hat, y: (2 * (y_hat - y)).mean(),
            "You return one number. The gradient has one entry for every entry of y_hat, each with the share 1/numel.",
        ),
        Mistake(
            "the loss itself",
            lambda y_hat, y: (y_hat - y) ** 2 / y.numel(),
            "These are the squares, so the loss itself in pieces. Take the derivative of the square.",
        ),
        Mistake(
            "the loss itself",
            lambda y_hat, y: 2 * (y_hat - y) ** 2 / y.numel(),
            "The factor 2 is there, and the square too. When the 2 comes down, the power falls by one.",
        ),
        Mistake(
            "the loss itself",
            lambda y_hat, y: ((y_hat - y) ** 2).mean(),
            "This is the loss. Asked for is its derivative by each entry of y_hat.",
        ),
        Mistake(
            "autograd used",
            lambda y_hat, y: torch.autograd.grad(((v := y_hat.clone().requires_grad_()) - y).square().mean(), v)[0],
            "You let autograd do it. One line of your own is enough here.",
        ),
    )


def _two_layers(**changes: Callable[..., Tensor]) -> Callable[..., dict[str, Tensor]]:
    """The backward pass of the two-layer net with some of its steps replaced."""
    steps: dict[str, Callable[..., Tensor]] = {
        "h": lambda z: z.clamp(min=0),
        "grad_y_hat": lambda y_hat, y: 2 * (y_hat - y) / y.numel(),
        "grad_h": lambda g, w2: g @ w2,
        "grad_z": lambda grad_h, z: grad_h * (z > 0),
        "w": lambda g, a: g.T @ a,
        "b": lambda g: g.sum(0),
        "w2": lambda g, h, z: g.T @ h,
    }
    steps.update(changes)

    def two_layer_backward(x: Tensor, y: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> dict[str, Tensor]:
        z = x @ w1.T + b1
        h = steps["h"](z)
        g = steps["grad_y_hat"](h @ w2.T + b2, y)
        grad_z = steps["grad_z"](steps["grad_h"](g, w2), z)
        return {"w1": steps["w"](grad_z, x), "b1": steps["b"](grad_z), "w2": steps["w2"](g, h, z), "b2": steps["b"](g)}

    return two_layer_backward


def _named_otherwise(*args: Tensor) -> dict[str, Tensor]:
    grads = _two_layers()(*args)
    return {"w1": grads["w2"], "b1": grads["b2"], "w2": grads["w1"], "b2": grads["b1"]}


def _two_layers_by_autograd(x: Tensor, y: Tensor, *params: Tensor) -> dict[str, Tensor]:
    w1, b1, w2, b2 = params = tuple(p.clone().requires_grad_() for p in params)
    loss = ((x @ w1.T + b1).clamp(min=0) @ w2.T + b2 - y).square().mean()
    return dict(zip(("w1", "b1", "w2", "b2"), torch.autograd.grad(loss, params), strict=True))


class TwoLayerBackward(Exercise):
    """The gradients of mse(relu(x @ w1.T + b1) @ w2.T + b2, y) by w1, b1, w2, b2, as a dict with these keys."""

    id, points = "backprop.two_layer_backward", 3
    without = {
        "requires_grad": "a way through NumPy is right, and that takes no tensors that require a gradient",
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
            return Case(label, axis=axis, x=rng.normal(n, i), y=rng.normal(n, o), w1=rng.normal(h, i),
                        b1=rng.normal(h) + lift, w2=rng.normal(o, h), b2=rng.normal(o))  # fmt: skip

        yield case("every hidden unit on, so that the ReLU passes everything", 5, 4, 6, 3, lift=20.0)
        yield case("hidden units on and off: 7 examples, 3 inputs, 5 hidden, 2 outputs", 7, 3, 5, 2)
        yield case("one example and one output", 1, 4, 6, 1)
        yield case("three examples, one hidden unit", 3, 2, 1, 3)
        yield case("131 examples", 131, 2, 4, 3)

    def probe(self, two_layer_backward: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        grads = two_layer_backward(case.x, case.y, case.w1, case.b1, case.w2, case.b2)
        yield "what comes back", "a dict" if isinstance(grads, dict) else type(grads).__name__
        yield "keys", sorted(map(str, grads)) if isinstance(grads, dict) else []
        for key in ("b2", "w2", "b1", "w1"):
            yield f"the gradient by {key}", grads[key]

    mistakes = (
        Mistake(
            "z for h",
            _two_layers(w2=lambda g, h, z: g.T @ z),
            "The gradient of w2 is built with what went into the ReLU. The second layer received what came out of it.",
        ),
        Mistake(
            "mask from the gradient",
            _two_layers(grad_z=lambda grad_h, z: grad_h * (grad_h > 0)),
            "The ReLU's way back looks at the sign of the gradient. It should look at what went into the ReLU on the "
            "way forward.",
        ),
        Mistake(
            "arguments of relu_backward exchanged",
            _two_layers(grad_z=lambda grad_h, z: z * (grad_h > 0)),
            "relu_backward takes the gradient first and then what went into the ReLU. You give it z first.",
        ),
        Mistake(
            "the error for the loss's gradient",
            _two_layers(grad_y_hat=lambda y_hat, y: y_hat - y),
            "You start with the error y_hat - y. The backward pass starts with the derivative of the loss by y_hat; "
            "mse_backward gives it.",
        ),
        Mistake(
            "ReLU left out on the way back",
            _two_layers(grad_z=lambda grad_h, z: grad_h),
            "The forward pass has a ReLU, your way back has none: units that were off for an example get a gradient "
            "from it all the same.",
        ),
        Mistake(
            "ReLU left out both ways",
            _two_layers(h=lambda z: z, grad_z=lambda grad_h, z: grad_h),
            "There is no ReLU in your net. While every unit is on it makes no difference; then it does.",
        ),
        Mistake(
            "ReLU's output for its slope",
            _two_layers(grad_z=lambda grad_h, z: grad_h * z.clamp(min=0)),
            "On the way back you multiply by relu(z). The chain rule multiplies by the slope of the ReLU: 1 or 0.",
        ),
        Mistake(
            "divided by the number of examples",
            _two_layers(grad_y_hat=lambda y_hat, y: 2 * (y_hat - y) / len(y)),
            "All gradients are too large by the number of outputs: the mean of mse is over all elements of y.",
        ),
        Mistake(
            "divided by the number of examples twice",
            _two_layers(w=lambda g, a: g.T @ a / len(a), b=lambda g: g.mean(0), w2=lambda g, h, z: g.T @ h / len(h)),
            "You average over the examples in every layer. The 1/n belongs to the loss, and is already in the gradient "
            "that comes from it.",
        ),
        Mistake(
            "grads of the biases averaged",
            _two_layers(b=lambda g: g.mean(0)),
            "The gradients of the biases are averaged over the examples. The 1/n is already in what comes from the "
            "loss: the contributions add up.",
        ),
        Mistake(
            "factor 2 forgotten",
            _two_layers(grad_y_hat=lambda y_hat, y: (y_hat - y) / y.numel()),
            "All gradients are half of what they should be: the derivative of a square has a factor 2.",
        ),
        Mistake(
            "sum for mean",
            _two_layers(grad_y_hat=lambda y_hat, y: 2 * (y_hat - y)),
            "These are the gradients of the sum of the squares. The loss is their mean.",
        ),
        Mistake(
            "sign",
            _two_layers(grad_y_hat=lambda y_hat, y: 2 * (y - y_hat) / y.numel()),
            "All gradients have the wrong sign. It was lost at the first step, the derivative of the loss.",
        ),
        Mistake(
            "w2 left out on the way back",
            _two_layers(grad_h=lambda g, w2: g.sum(1, keepdim=True).expand(-1, w2.shape[1])),
            "b2 and w2 are right, b1 is not: between them lies the second layer, which passes its gradient down "
            "through w2.",
        ),
        Mistake(
            "weights transposed",
            _two_layers(w=lambda g, a: a.T @ g, w2=lambda g, h, z: h.T @ g),
            "The gradients of the weights have rows and columns exchanged. Each has the shape of its weight: "
            "(out, in).",
        ),
        Mistake(
            "a tuple for a dict",
            lambda *args: tuple(_two_layers()(*args).values()),
            'You return a tuple. Asked for is a dict with the keys "w1", "b1", "w2", "b2".',
        ),
        Mistake(
            "other keys",
            lambda *args: {f"grad_{key}": grad for key, grad in _two_layers()(*args).items()},
            'The keys are the names of the parameters: "w1", "b1", "w2", "b2".',
        ),
        Mistake(
            "nothing returned",
            lambda *args: None,
            "Your function returns None. Is the `return` missing? Asked for is a dict.",
        ),
        Mistake(
            "layers exchanged",
            _named_otherwise,
            "The gradients of the two layers are exchanged in your dict: w1 and b1 belong to the layer next to x.",
        ),
        Mistake(
            "autograd used",
            _two_layers_by_autograd,
            "You let autograd do it. Put together your own linear_backward, relu_backward and mse_backward, last "
            "first.",
        ),
    )


def _topological(node: Node) -> list[Node]:
    """The nodes of the graph, parents before children."""
    order: list[Node] = []
    stack: list[tuple[Node, bool]] = [(node, False)]
    seen: set[Node] = set()
    while stack:
        n, done = stack.pop()
        if done:
            order.append(n)
        elif n not in seen:
            seen.add(n)
            stack += [(n, True), *((parent, False) for parent in n.parents)]
    return order


def _topological_too(node: Node) -> list[Node]:
    """Another such order: the first parent is visited first."""
    order: list[Node] = []

    def visit(n: Node) -> None:
        if n not in order:
            for parent in n.parents:
                visit(parent)
            order.append(n)

    visit(node)
    return order


def _sweep(
    push: Callable[[Node], None], seed: float | None = 1.0, order: Callable[[Node], list[Node]] = _topological
) -> Callable[[Node], None]:
    """A backward pass in the right order, with `push` at every node."""

    def backward(node: Node) -> None:
        if seed is not None:
            node.grad += seed
        for n in reversed(order(node)):
            push(n)

    return backward


def _push(n: Node) -> None:
    for parent, local in zip(n.parents, n.local_grads, strict=True):
        parent.grad += local * n.grad


def _push_assigned(n: Node) -> None:
    for parent, local in zip(n.parents, n.local_grads, strict=True):
        parent.grad = local * n.grad


def _push_once(n: Node) -> None:
    for parent, local in dict(zip(n.parents, n.local_grads, strict=True)).items():
        parent.grad += local * n.grad


def _push_local(n: Node) -> None:
    for parent, local in zip(n.parents, n.local_grads, strict=True):
        parent.grad += local


def _push_sum(n: Node) -> None:
    for parent, local in zip(n.parents, n.local_grads, strict=True):
        parent.grad += local + n.grad


def _push_data(n: Node) -> None:
    for parent in n.parents:
        parent.grad += parent.data * n.grad


def _push_on(n: Node) -> None:
    for parent in n.parents:
        parent.grad += n.grad


def _push_exchanged(n: Node) -> None:
    for parent, local in zip(n.parents, reversed(n.local_grads), strict=True):
        parent.grad += local * n.grad


def _recursive(node: Node) -> None:
    def down(n: Node) -> None:
        for parent, local in zip(n.parents, n.local_grads, strict=True):
            parent.grad += local * n.grad
            down(parent)

    node.grad += 1.0
    down(node)


def _recursive_after(node: Node) -> None:
    def down(n: Node) -> None:
        _push(n)
        for parent in n.parents:
            down(parent)

    node.grad += 1.0
    down(node)


def _by_stack(node: Node) -> None:
    stack = [node]
    node.grad += 1.0
    while stack:
        n = stack.pop()
        _push(n)
        stack += n.parents


def _each_node_at_once(node: Node) -> None:
    seen: set[Node] = set()

    def down(n: Node) -> None:
        if n in seen:
            return
        seen.add(n)
        for parent, local in zip(n.parents, n.local_grads, strict=True):
            parent.grad += local * n.grad
            down(parent)

    node.grad += 1.0
    down(node)


def _on_the_way_down(node: Node) -> None:
    seen: set[Node] = set()

    def down(n: Node) -> None:
        if n not in seen:
            seen.add(n)
            _push(n)
            for parent in n.parents:
                down(parent)

    node.grad += 1.0
    down(node)


def _by_stack_at_once(node: Node) -> None:
    stack, seen = [node], set()
    node.grad += 1.0
    while stack:
        n = stack.pop()
        if n not in seen:
            seen.add(n)
            _push(n)
            stack += n.parents


def _calls_itself(node: Node) -> None:
    node.grad += 1.0
    for parent, local in zip(node.parents, node.local_grads, strict=True):
        parent.grad += local * node.grad
        _calls_itself(parent)


def _calls_itself_after(node: Node) -> None:
    node.grad += 1.0
    _push(node)
    for parent in node.parents:
        _calls_itself_after(parent)


def _own_set(node: Node) -> None:
    node.grad = 1.0
    _sweep(_push, seed=None)(node)


def _one_everywhere(node: Node) -> None:
    for n in _topological(node):
        n.grad += 1.0
    _sweep(_push, seed=None)(node)


def _by_levels(node: Node) -> None:
    queue, seen = [node], {node}
    node.grad += 1.0
    while queue:
        n = queue.pop(0)
        _push(n)
        for parent in n.parents:
            if parent not in seen:
                seen.add(parent)
                queue.append(parent)


def _upside_down(node: Node) -> None:
    node.grad += 1.0
    for n in _topological(node):
        _push(n)


def _reset(node: Node) -> None:
    for n in _topological(node):
        n.grad = 0.0
    _sweep(_push)(node)


class Backward(Exercise):
    """Adds to n.grad, for every node n of the graph, the derivative of `node` by n."""

    id, points = "backprop.backward", 3

    def cases(self, rng: Rng) -> Iterable[Case]:
        leaves = [rng.number(1.2, 1.9), rng.number(-2.9, -2.1), rng.number(0.3, 0.8)]

        def case(label: str, *rows: str) -> Case:
            return Case(label, leaves=leaves, rows=list(rows))

        yield case("a product: out = a * b", "out = a * b")
        yield case("a chain: u = a * b, v = u * c, out = v * a", "u = a * b", "v = u * c", "out = v * a")
        yield case("a node used twice: out = a * a", "out = a * a")
        yield case("a diamond: p = a * b, u = p * c, v = p * a, out = u + v",
                   "p = a * b", "u = p * c", "v = p * a", "out = u + v")  # fmt: skip
        yield case("a short way and a long way: p = a * b, u = p * c, v = u * c, out = p * v",
                   "p = a * b", "u = p * c", "v = u * c", "out = p * v")  # fmt: skip
        ladder = [f"s{i + 1} = s{i} * s{i}" if i % 2 else f"s{i + 1} = s{i} + s{i}" for i in range(1, 5)]
        yield case("a ladder, every step used twice", "s1 = c * a", *ladder)
        yield case("a graph of a single node, twice", "")
        yield Case("two nodes of the same value: p = a * c, q = b * c, out = p * q", leaves=[leaves[0], *leaves[::2]],
                   rows=["p = a * c", "q = b * c", "out = p * q"])  # fmt: skip
        yield case("two graphs with common leaves, one after the other", "u = a * b", "out = u * c", "", "w = b + c",
                   "second = w * a")  # fmt: skip

    def probe(self, backward: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        nodes = {name: Node(data) for name, data in zip("abc", case.leaves, strict=True)}
        last = "a"
        values: dict[str, float] = {}
        for row in [*case.rows, ""]:
            if row:
                last, _, left, sign, right = row.split()
                x, y = nodes[left], nodes[right]
                data, local = (x.data * y.data, (y.data, x.data)) if sign == "*" else (x.data + y.data, (1.0, 1.0))
                nodes[last] = Node(data, (x, y), local)
                continue
            backward(nodes[last])
            for name in reversed(nodes):
                yield f"the grad of {name}" + (" after the second graph" if values else ""), nodes[name].grad
            values = {name: node.data for name, node in nodes.items()}
        yield "data afterwards", values

    mistakes = (
        Mistake(
            "assigned instead of added",
            _sweep(_push_assigned),
            "A node that is used twice keeps only what came last. Each use contributes, and the contributions add up.",
        ),
        Mistake(
            "assigned instead of added",
            _sweep(_push_assigned, order=_topological_too),
            "Each contribution to a node replaces the one before. A node that is used twice receives two: add them up.",
        ),
        Mistake(
            "a repeated parent counted once",
            _sweep(_push_once),
            "In a * a the same node is both parents. You visit it once; each of the two uses contributes.",
        ),
        Mistake(
            "passed on before it was complete",
            _each_node_at_once,
            "A node passes its gradient on at the first visit, before all nodes that use it have contributed. Put the "
            "nodes in an order in which each comes after everything that was computed from it.",
        ),
        Mistake(
            "passed on before it was complete",
            _on_the_way_down,
            "You write a node down, or let it pass on its gradient, before its parents are visited. Then it can come "
            "before another node that uses it. Visit all parents first, write the node down last, and turn the list "
            "round.",
        ),
        Mistake(
            "passed on before it was complete",
            _by_stack_at_once,
            "A node passes on its gradient when it first comes off your stack, though another node that uses it may "
            "still lie below. Find the order first, then go through it.",
        ),
        Mistake(
            "every node starts with 1",
            _calls_itself,
            "Each node that you reach gets a 1 of its own, for example because backward calls itself. Only the result "
            "has the derivative 1 by itself.",
        ),
        Mistake(
            "every node starts with 1",
            _calls_itself_after,
            "Every node gets a 1 when you come to it, for example because backward calls itself. The 1 belongs to the "
            "result alone: its derivative by itself.",
        ),
        Mistake(
            "every node starts with 1",
            _one_everywhere,
            "Every node starts with a gradient of 1. Only the result has the derivative 1 by itself; the others start "
            "with what they hold.",
        ),
        Mistake(
            "passed on at every visit",
            _recursive,
            "In a diamond the same contribution is passed on twice: at each visit a node hands down its whole "
            "gradient, with the part that it has handed down before. Every node should pass on once, when it is "
            "complete.",
        ),
        Mistake(
            "passed on at every visit",
            _recursive_after,
            "You go down to a parent once for every use of it, and each time it hands down its whole gradient, with "
            "the part that went down before. Every node should pass on once, when it is complete.",
        ),
        Mistake(
            "passed on at every visit",
            _by_stack,
            "Your stack holds a node once for every use of it, and each time it comes up it hands down its whole "
            "gradient, with the part that went down before. Every node should pass on once, when it is complete.",
        ),
        Mistake(
            "level by level",
            _by_levels,
            "You go through the graph by distance from the result. A node that is near on one way and far on another "
            "comes too early: what arrives on the long way is never passed on.",
        ),
        Mistake(
            "only one step back",
            _upside_down,
            "Only the parents of the result have a gradient. Either you stop there, or you go through the nodes from "
            "the leaves up: then each passes on its gradient while that is still 0. Start at the result.",
        ),
        Mistake(
            "set to zero first",
            _reset,
            "You set every .grad to zero before you start. Gradients accumulate, here as in torch: what a leaf already "
            "holds from another graph stays, and the new is added.",
        ),
        Mistake(
            "own gradient set to 1",
            _own_set,
            "You set the grad of the result to 1. It is added like all others: a node may hold something already.",
        ),
        Mistake(
            "no start",
            _sweep(_push, seed=None),
            "All gradients stay 0: nothing starts. What is the derivative of the result by itself?",
        ),
        Mistake(
            "gradient from above left out",
            _sweep(_push_local),
            "A parent gets the local derivative alone. The chain rule multiplies it by the gradient of the node above.",
        ),
        Mistake(
            "local derivative left out",
            _sweep(_push_on),
            "Each parent gets the gradient of the node as it is. The chain rule multiplies it by the local derivative.",
        ),
        Mistake(
            "added instead of multiplied",
            _sweep(_push_sum),
            "The local derivative and the gradient from above are added. Along a path derivatives multiply; over "
            "several paths they add.",
        ),
        Mistake(
            "the parent's value for the derivative",
            _sweep(_push_data),
            "You multiply by the parent's own value. The derivative by each parent stands in local_grads.",
        ),
        Mistake(
            "local gradients exchanged",
            _sweep(_push_exchanged),
            "Each parent gets the derivative by the other one. parents and local_grads come in the same order.",
        ),
    )

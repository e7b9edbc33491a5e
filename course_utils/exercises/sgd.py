"""Exercises of lesson 02: squared error and its gradient, steps with and without momentum, minibatches, averages."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from course_utils.checking import Case, Exercise, Mistake, Rng, claim, gradients
from course_utils.exercises._steps import OPTIMIZERS, in_place_mistakes, probe_steps, step_case

AUTOGRAD = (torch.autograd.grad, torch.autograd.backward, Tensor.backward)


def _checked(loss: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """A loss of y_hat - y that raises ValueError for unequal shapes."""

    def mse(y_hat: Tensor, y: Tensor) -> Tensor:
        if y_hat.shape != y.shape:
            raise ValueError("unequal shapes")
        return loss(y_hat - y)

    return mse


def _asserted(y_hat: Tensor, y: Tensor) -> Tensor:
    assert y_hat.shape == y.shape
    return ((y_hat - y) ** 2).mean()


def _counted(y_hat: Tensor, y: Tensor) -> Tensor:
    if y_hat.numel() != y.numel():
        raise ValueError("unequal sizes")
    return ((y_hat - y) ** 2).mean()


def _fitted(y_hat: Tensor, y: Tensor) -> Tensor:
    if y_hat.numel() != y.numel():
        raise ValueError("unequal sizes")
    return ((y_hat - y.reshape(y_hat.shape)) ** 2).mean()


class Mse(Exercise):
    """mean((y_hat - y)**2) over all elements; unequal shapes are a ValueError."""

    id, points = "sgd.mse", 1
    shortcuts = ("aten::mse_loss", nn.MSELoss, "aten::huber_loss", "aten::smooth_l1_loss")

    def cases(self, rng: Rng) -> Iterable[Case]:
        yield Case("5 predictions", y_hat=rng.normal(5), y=rng.normal(5))
        yield Case("a single prediction of shape (1, 1)", y_hat=rng.normal(1, 1), y=rng.normal(1, 1))
        yield Case("4 examples with 3 outputs each", y_hat=rng.normal(4, 3), y=rng.normal(4, 3))
        yield Case("shape (5, 1) against shape (5,)", y_hat=rng.normal(5, 1), y=rng.normal(5), raises=ValueError)
        y_hat, y = rng.normal(4, 1), rng.normal(4, 3)
        yield Case("shape (4, 1) against shape (4, 3)", y_hat=y_hat, y=y, raises=ValueError)

    def probe(self, mse: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "loss", mse(case.y_hat, case.y)
        y_hat, y = case.y_hat.clone().requires_grad_(), case.y.clone().requires_grad_()
        grads = gradients(mse(y_hat, y), [y_hat, y])
        yield "grad of y_hat", grads[0]
        yield "grad of y", grads[1]

    mistakes = (
        Mistake(
            "shapes not compared",
            lambda y_hat, y: ((y_hat - y) ** 2).mean(),
            "The shapes are never compared. (5, 1) minus (5,) is no error in torch: it broadcasts to (5, 5), every "
            "prediction against every target, and the mean of that is a wrong loss that looks like a right one.",
        ),
        Mistake(
            "only the number of elements compared",
            _counted,
            "You compare how many elements there are, not the shapes. (5, 1) and (5,) both have 5, and their "
            "difference has 25.",
        ),
        Mistake(
            "y reshaped to fit",
            _fitted,
            "Shapes that differ are made equal in silence. That is friendly until the entries no longer belong "
            "together; here it should be a ValueError.",
        ),
        Mistake(
            "assert instead of ValueError",
            _asserted,
            "You raise an AssertionError. An assert states what can never happen and is switched off by `python -O`; "
            "an argument that a caller got wrong is a ValueError.",
        ),
        Mistake(
            "squares summed over the outputs",
            _checked(lambda d: (d**2).sum() / len(d)),
            "With several outputs an example your loss is too large: you divide by the number of examples. The mean "
            "is over all elements.",
        ),
        Mistake(
            "sum for mean",
            _checked(lambda d: (d**2).sum()),
            "The squares are added up and not divided by their number, so the loss grows with the batch.",
        ),
        Mistake(
            "half the mean",
            _checked(lambda d: (d**2).mean() / 2),
            "There is a factor 1/2. Some books put it there to cancel the 2 of the derivative; here the loss is the "
            "plain mean of the squares.",
        ),
        Mistake(
            "root taken",
            _checked(lambda d: (d**2).mean().sqrt()),
            "This is the root of the mean squared error (RMSE). Asked for is the mean of the squares itself.",
        ),
        Mistake(
            "absolute error",
            _checked(lambda d: d.abs().mean()),
            "This is the mean absolute error. Square the differences before the mean.",
        ),
        Mistake(
            "square of the mean",
            _checked(lambda d: d.mean() ** 2),
            "You take the mean first and the square after. Errors of opposite sign cancel that way.",
        ),
        Mistake(
            "gradient cut off",
            _checked(lambda d: (d.detach() ** 2).mean()),
            "The number is right, but nothing flows back: on the way the result is taken out of the graph "
            "(`.detach()`, `.data`, `.item()`).",
        ),
        Mistake(
            "not reduced",
            _checked(lambda d: d**2),
            "You return a square for every element. A loss is one number: their mean.",
        ),
    )


class MseGradient(Exercise):
    """The gradient of mean((x @ w - y)**2) by w, by hand: (d,)."""

    id, points = "sgd.mse_gradient", 2
    shortcuts = (*AUTOGRAD, "aten::mse_loss_backward")

    def cases(self, rng: Rng) -> Iterable[Case]:
        for label, n, d in (
            ("7 examples with 3 features", 7, 3),
            ("one example", 1, 4),
            ("one feature", 6, 1),
            ("40 examples with 5 features", 40, 5),
        ):
            yield Case(label, w=rng.normal(d), x=rng.normal(n, d), y=rng.normal(n))

    def probe(self, mse_gradient: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "gradient", mse_gradient(case.w, case.x, case.y)

    mistakes = (
        Mistake(
            "(n, 1) against (n,)",
            lambda w, x, y: 2 / len(x) * (x.T @ (x @ w[:, None] - y)).mean(1),
            "Somewhere predictions of shape (n, 1) meet targets of shape (n,), and the difference broadcasts to (n, "
            "n): every prediction against every target. Look at the shape of your difference; it should be (n,).",
        ),
        Mistake(
            "product of the means",
            lambda w, x, y: 2 * (x @ w - y).mean() * x.mean(0),
            "You average the errors and the inputs separately and multiply the averages. Each error belongs to its own "
            "row of x: multiply first, then average over the examples.",
        ),
        Mistake(
            "factor 2 forgotten",
            lambda w, x, y: x.T @ (x @ w - y) / len(x),
            "The derivative of a square has a factor 2.",
        ),
        Mistake(
            "sum for mean",
            lambda w, x, y: 2 * x.T @ (x @ w - y),
            "This is the gradient of the sum of the squares. The loss is their mean, so its gradient does not grow "
            "with the number of examples.",
        ),
        Mistake(
            "divided by the number of weights",
            lambda w, x, y: 2 / len(w) * x.T @ (x @ w - y),
            "You divide by the number of features d. The mean is over the n examples.",
        ),
        Mistake(
            "sign",
            lambda w, x, y: 2 / len(x) * x.T @ (y - x @ w),
            "Every entry has the wrong sign. The gradient points uphill; the minus of gradient descent comes later, in "
            "the step.",
        ),
        Mistake(
            "targets left out",
            lambda w, x, y: 2 / len(x) * x.T @ (x @ w),
            "The targets do not appear in your gradient. The inner derivative is taken of the error x @ w - y.",
        ),
        Mistake(
            "inner derivative forgotten",
            lambda w, x, y: 2 / len(x) * (x @ w - y),
            "You have the derivative by the predictions, one number per example. The chain rule goes one step on: how "
            "does each prediction depend on w?",
        ),
        Mistake(
            "one row per example",
            lambda w, x, y: 2 / len(x) * (x @ w - y)[:, None] * x,
            "You have what each example contributes, one row each. A weight acts in all examples, so their "
            "contributions add up.",
        ),
        Mistake(
            "one row per example",
            lambda w, x, y: 2 * (x @ w - y)[:, None] * x,
            "You have the gradient of each example's own square, one row each. The loss is the mean over the examples, "
            "and so is its gradient.",
        ),
        Mistake(
            "mean over all entries",
            lambda w, x, y: 2 * x.T @ (x @ w - y) / x.numel(),
            "You divide by n * d, the number of entries of x. Each weight has its own sum, of n terms.",
        ),
        Mistake(
            "weights averaged too",
            lambda w, x, y: 2 * ((x @ w - y)[:, None] * x).mean(),
            "You average over examples and features alike, so that one number is left. Each weight has an entry of its "
            "own: average over the examples only.",
        ),
        Mistake(
            "predictions left out",
            lambda w, x, y: 2 / len(x) * x.T @ y,
            "Your gradient knows the targets but not the predictions. What multiplies x is the error x @ w - y.",
        ),
        Mistake(
            "error still squared",
            lambda w, x, y: 2 / len(x) * x.T @ (x @ w - y) ** 2,
            "The error is still squared. The derivative of e**2 is 2 * e: the square goes when the 2 comes.",
        ),
        Mistake(
            "autograd used",
            lambda w, x, y: torch.autograd.grad(
                ((x @ (v := w.clone().requires_grad_()) - y) ** 2).mean(),
                v,
            )[0],
            "You let autograd do it. Here you write the derivative yourself, with matrix products only; from the next "
            "lesson on you will know why autograd gets the same.",
        ),
    )


def _sgd(move: Callable[[Tensor, Tensor, float], Tensor]) -> Callable[[Sequence[Tensor], float], None]:
    """A step p <- move(p, g, lr)."""

    def step(params: Sequence[Tensor], lr: float) -> None:
        with torch.no_grad():
            for p in params:
                if p.grad is not None:
                    p.copy_(move(p, p.grad, lr))

    return step


@torch.no_grad()
def _gradient_scaled(params: Sequence[Tensor], lr: float) -> None:
    for p in params:
        if p.grad is not None:
            p -= p.grad.mul_(lr)


class SgdStep(Exercise):
    """p <- p - lr * p.grad for every p in params, in place; where p.grad is None, p stays."""

    id, points = "sgd.sgd_step", 2
    shortcuts = OPTIMIZERS

    def cases(self, rng: Rng) -> Iterable[Case]:
        yield step_case(rng, "one parameter, one step", [(4,)], 1)
        yield step_case(rng, "three parameters, three steps with changing lr", [(3, 2), (5,), ()], 3)
        yield step_case(rng, "three parameters, the first without a gradient", [(3,), (2, 4), (2,)], 2, [0])
        yield step_case(rng, "a call inside torch.no_grad()", [(2,), (3, 1)], 1, in_no_grad=True)

    def probe(self, sgd_step: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield from probe_steps(case, lambda params, t, lr: sgd_step(params, lr))

    mistakes = (
        Mistake(
            "gradient scaled in place",
            _gradient_scaled,
            "The parameters move rightly, but on the way .grad is multiplied by the learning rate. Whoever reads it "
            "next (a second optimizer, a plot, a check) finds another gradient. A step only reads .grad.",
        ),
        Mistake(
            "sign",
            _sgd(lambda p, g, lr: p + lr * g),
            "You walk uphill: the gradient points to where the loss grows. Go against it.",
        ),
        Mistake(
            "learning rate left out",
            _sgd(lambda p, g, lr: p - g),
            "The gradient is subtracted as it is; the learning rate plays no part.",
        ),
        Mistake(
            "only the sign of the gradient",
            _sgd(lambda p, g, lr: p - lr * g.sign()),
            "Every entry moves by lr, however large its gradient is. The step is proportional to the gradient.",
        ),
        Mistake(
            "gradient set to length 1",
            _sgd(lambda p, g, lr: p - lr * g / g.norm()),
            "You divide the gradient by its length. Then a step is as long where the loss is flat as where it is "
            "steep, and never comes to rest.",
        ),
        Mistake(
            "only the first parameter",
            lambda params, lr: _sgd(lambda p, g, lr: p - lr * g)(params[:1], lr),
            "Only the first parameter of the list has moved.",
        ),
        *in_place_mistakes(_sgd(lambda p, g, lr: p - lr * g)),
    )


Rule = Callable[[Tensor, Tensor, Tensor, float, float], tuple[Tensor, Tensor]]


def _momentum(rule: Rule) -> Callable[..., None]:
    """A step v, p <- rule(p, g, v, lr, momentum)."""

    def step(params: Sequence[Tensor], velocities: Sequence[Tensor], lr: float, momentum: float) -> None:
        with torch.no_grad():
            for p, v in zip(params, velocities, strict=True):
                if p.grad is not None:
                    new_v, new_p = rule(p, p.grad, v, lr, momentum)
                    v.copy_(new_v)
                    p.copy_(new_p)

    return step


def _torchs(p: Tensor, g: Tensor, v: Tensor, lr: float, mu: float) -> tuple[Tensor, Tensor]:
    return (new := mu * v + g), p - lr * new


@torch.no_grad()
def _into_the_gradient(params: Sequence[Tensor], velocities: Sequence[Tensor], lr: float, momentum: float) -> None:
    for p, v in zip(params, velocities, strict=True):
        if p.grad is not None:
            p -= lr * v.copy_(p.grad.add_(momentum * v))


@torch.no_grad()
def _friction_without_gradient(
    params: Sequence[Tensor], velocities: Sequence[Tensor], lr: float, momentum: float
) -> None:
    for p, v in zip(params, velocities, strict=True):
        v *= momentum
        if p.grad is not None:
            v += p.grad
            p -= lr * v


class MomentumStep(Exercise):
    """v <- momentum * v + p.grad, then p <- p - lr * v, both in place; where p.grad is None, p and v stay."""

    id, points = "sgd.momentum_step", 2
    shortcuts = OPTIMIZERS

    def cases(self, rng: Rng) -> Iterable[Case]:
        for label, shapes, steps, without, moving, in_no_grad in (
            ("one parameter at rest, two steps", [(4,)], 2, [], 0.0, False),
            ("three parameters, already moving, three steps with changing lr", [(3, 2), (5,), ()], 3, [], 1.0, False),
            ("three parameters, the first without a gradient", [(3,), (2, 4), (2,)], 2, [0], 1.0, False),
            ("a call inside torch.no_grad()", [(2,), (3, 1)], 1, [], 1.0, True),
        ):
            more = {"velocities": [moving * rng.normal(*shape) for shape in shapes], "momentum": rng.number(0.6, 0.8)}
            yield step_case(rng, label, shapes, steps, without, in_no_grad=in_no_grad, **more)

    def probe(self, momentum_step: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        def call(params: list[Tensor], velocities: list[Tensor], t: int, lr: float) -> Any:
            return momentum_step(params, velocities, lr, case.momentum)

        yield from probe_steps(case, call, "velocities")

    mistakes = (
        Mistake(
            "weighted average instead of torch's momentum",
            _momentum(lambda p, g, v, lr, mu: ((new := mu * v + (1 - mu) * g), p - lr * new)),
            "Your velocity is momentum * v + (1 - momentum) * g, a weighted average of the gradients. That is the "
            "other convention. Asked for is torch's, in which the gradient is added in full: while momentum stays the "
            "same, its velocity is 1/(1 - momentum) times yours, so your steps are that much shorter.",
        ),
        Mistake(
            "learning rate inside the velocity",
            _momentum(lambda p, g, v, lr, mu: ((new := mu * v + lr * g), p - new)),
            "You multiply the gradient by lr before it enters the velocity. While lr is constant the parameters move "
            "the same way; when lr changes, old gradients keep their old lr. In torch the velocity knows nothing of "
            "lr, which multiplies the whole velocity in the step.",
        ),
        Mistake(
            "Nesterov",
            _momentum(lambda p, g, v, lr, mu: ((new := mu * v + g), p - lr * (g + mu * new))),
            "The velocity is right, but you step with g + momentum * v: that looks one step ahead, as Nesterov's "
            "variant does. Plain momentum steps with v alone.",
        ),
        Mistake(
            "step with the old velocity",
            _momentum(lambda p, g, v, lr, mu: (mu * v + g, p - lr * v)),
            "The velocity is right, but the parameters move before it is brought up to date, so every gradient acts "
            "one step late.",
        ),
        Mistake(
            "velocity forgotten",
            _momentum(lambda p, g, v, lr, mu: (v, p - lr * g)),
            "This is plain SGD: the velocities are neither used nor changed.",
        ),
        Mistake(
            "step without the velocity",
            _momentum(lambda p, g, v, lr, mu: (mu * v + g, p - lr * g)),
            "The velocity is right, but the step does not use it: you still subtract lr times the gradient.",
        ),
        Mistake(
            "learning rate twice",
            _momentum(lambda p, g, v, lr, mu: ((new := mu * v + lr * g), p - lr * new)),
            "The learning rate is in the velocity and again in the step. It belongs in the step alone.",
        ),
        Mistake(
            "velocity against the gradient",
            _momentum(lambda p, g, v, lr, mu: ((new := mu * v - g), p - lr * new)),
            "You subtract the gradient in the velocity and subtract the velocity from the parameter. Two minus signs "
            "make a step uphill; only the second belongs there.",
        ),
        Mistake(
            "friction while a gradient is missing",
            _friction_without_gradient,
            "You shrink the velocity before you look whether there is a gradient. Where `.grad` is None, the velocity "
            "stays as it is too.",
        ),
        Mistake(
            "velocity without friction",
            _momentum(lambda p, g, v, lr, mu: ((new := v + g), p - lr * new)),
            "The old velocity is kept in full, so it grows and grows. Multiply it by momentum first.",
        ),
        Mistake(
            "momentum on the gradient",
            _momentum(lambda p, g, v, lr, mu: ((new := v + mu * g), p - lr * new)),
            "Momentum multiplies the gradient in your code. It says how much of the old velocity remains.",
        ),
        Mistake(
            "momentum on both",
            _momentum(lambda p, g, v, lr, mu: ((new := mu * (v + g)), p - lr * new)),
            "Momentum multiplies the new gradient too. Only what remains of the old velocity is made smaller.",
        ),
        Mistake(
            "sign of the velocity",
            _momentum(lambda p, g, v, lr, mu: ((new := mu * v - g), p + lr * new)),
            "You subtract the gradient in the velocity and add the velocity to the parameter. Started from rest it "
            "ends at the same place, but your velocity has the opposite sign of torch's.",
        ),
        Mistake(
            "sign of the step",
            _momentum(lambda p, g, v, lr, mu: ((new := mu * v + g), p + lr * new)),
            "The velocity is right, but you walk uphill: the parameters move along it instead of against it.",
        ),
        Mistake(
            "gradient changed",
            _into_the_gradient,
            "Parameters and velocities are right, but the old velocity was added into .grad itself. A step only reads "
            ".grad.",
        ),
        *in_place_mistakes(_momentum(_torchs), ["velocities"]),
    )


def _in_order(order: Callable[[int, torch.Generator], Tensor]) -> Callable[[int, int, torch.Generator], list[Tensor]]:
    return lambda n, batch_size, generator: list(order(n, generator).split(batch_size))


def _last_dropped(n: int, batch_size: int, generator: torch.Generator) -> list[Tensor]:
    order = torch.randperm(n, generator=generator)
    return [order[i * batch_size : (i + 1) * batch_size] for i in range(n // batch_size)]


def _last_filled(n: int, batch_size: int, generator: torch.Generator) -> list[Tensor]:
    order = torch.randperm(n, generator=generator)
    count = -(-n // batch_size)
    return list(order.repeat(batch_size + 1)[: count * batch_size].split(batch_size))


def _empty_last(n: int, batch_size: int, generator: torch.Generator) -> list[Tensor]:
    order = torch.randperm(n, generator=generator)
    return [order[i * batch_size : (i + 1) * batch_size] for i in range(n // batch_size + 1)]


def _batches_shuffled(n: int, batch_size: int, generator: torch.Generator) -> list[Tensor]:
    batches = torch.arange(n).split(batch_size)
    order = torch.randperm(len(batches) - 1, generator=generator).tolist() if len(batches) > 1 else []
    return [*(batches[i] for i in order), batches[-1]]


def _shuffled_inside(n: int, batch_size: int, generator: torch.Generator) -> list[Tensor]:
    return [b[torch.randperm(len(b), generator=generator)] for b in torch.arange(n).split(batch_size)]


def _each_drawn_anew(n: int, batch_size: int, generator: torch.Generator) -> list[Tensor]:
    sizes = [len(b) for b in torch.arange(n).split(batch_size)]
    return [torch.randperm(n, generator=generator)[:size] for size in sizes]


def _repeats(evidence: list[dict[str, Any]]) -> bool:
    """Whether every index is in range and some come again where others are missing."""
    return any(
        indices.diff().eq(0).any() and int(indices[-1]) < len(indices)
        for indices in (values["all indices in ascending order"] for values in evidence)
    )


def _distinct_in_batches(evidence: list[dict[str, Any]]) -> bool:
    return all(values["the indices of a batch are all different"] for values in evidence)


def _slice_to_the_size(n: int, batch_size: int, generator: torch.Generator) -> list[Tensor]:
    order = torch.randperm(n, generator=generator)
    return [order[i:batch_size] for i in range(0, n, batch_size)]


def _overlapping(n: int, batch_size: int, generator: torch.Generator) -> list[Tensor]:
    order = torch.randperm(n, generator=generator)
    return [order[i : i + batch_size] for i in range(n)]


class Minibatches(Exercise):
    """Index tensors that hold 0 ... n - 1 once, shuffled by the generator; the last may be smaller."""

    id, points = "sgd.minibatches", 2
    shortcuts = (
        torch.utils.data.DataLoader,
        torch.utils.data.RandomSampler,
        torch.utils.data.BatchSampler,
        torch.utils.data.SubsetRandomSampler,
    )

    def cases(self, rng: Rng) -> Iterable[Case]:
        for label, n, batch_size in (
            ("10 examples in batches of 4", 10, 4),
            ("a number that the batch size divides", 3 * (size := rng.integer(4, 9)), size),
            ("fewer examples than a batch holds", rng.integer(4, 7), 8),
            ("a single example", 1, 1),
            ("many examples", rng.integer(12, 16) * 16 + 5, 16),
            ("a batch size above the half", 10, 6),
        ):
            yield Case(f"{label}: n = {n}, batch_size = {batch_size}", n=n, size=batch_size, seed=rng.integer(1, 10**6))

    def probe(self, minibatches: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        def epoch(generator: torch.Generator) -> list[Any]:
            return list(minibatches(case.n, case.size, generator))

        def order(batches: list[Any]) -> Tensor:
            return torch.cat([torch.as_tensor(b) for b in batches]) if batches else torch.empty(0, dtype=torch.int64)

        generator = torch.Generator().manual_seed(case.seed)
        before = generator.get_state()
        first = epoch(generator)
        yield "sizes of the batches", [len(b) for b in first]
        yield "kinds of the batches", ", ".join(sorted({_kind(b) for b in first}))
        drawn = order(first)
        different = all(len(torch.as_tensor(b).unique()) == len(b) for b in first)
        yield claim("the indices of a batch are all different", different)
        yield "all indices in ascending order", drawn.sort().values
        if case.n > 1:
            yield claim("the generator is used", not torch.equal(generator.get_state(), before))
        second = order(epoch(generator))
        again = order(epoch(torch.Generator().manual_seed(case.seed)))
        other = order(epoch(torch.Generator().manual_seed(case.seed + 1)))
        yield claim("the order is the same from a generator with the same seed", torch.equal(drawn, again))
        if case.n < 100:
            return
        yield claim("the order is another one from a generator with another seed", not torch.equal(drawn, other))
        yield claim("the order is another one in the next epoch", not torch.equal(drawn, second))
        yield claim("neighbours in the data are mostly apart", int((drawn.diff() == 1).sum()) < case.n / 4)
        spread = int(torch.as_tensor(first[0]).max()) >= 2 * case.size
        yield claim("the indices of the first batch are from everywhere", spread)

    mistakes = (
        Mistake(
            "last batch dropped",
            _last_dropped,
            "Where batch_size does not divide n, the last, smaller batch is missing: some examples are never seen in "
            "this epoch.",
        ),
        Mistake(
            "drawn with replacement",
            _in_order(lambda n, g: torch.randint(n, (n,), generator=g)),
            "Some indices come twice and others not at all: they are drawn with replacement. An epoch sees every "
            "example once; what you need is a random order.",
            sign=lambda evidence: _repeats(evidence) and not _distinct_in_batches(evidence),
        ),
        Mistake(
            "every batch drawn anew",
            _each_drawn_anew,
            "Each batch is drawn from all examples, whether an earlier batch had them or not. Shuffle once per epoch "
            "and cut that one order into batches.",
            sign=lambda evidence: _repeats(evidence) and _distinct_in_batches(evidence),
        ),
        Mistake(
            "not shuffled",
            _in_order(lambda n, g: torch.arange(n)),
            "The indices come in the order of the data. If the data are sorted (all zeros first, then all ones), every "
            "batch is then one-sided.",
        ),
        Mistake(
            "only whole batches shuffled",
            _batches_shuffled,
            "The batches come in random order, but each holds neighbours of the data. Shuffle the examples, then cut.",
        ),
        Mistake(
            "shuffled inside each batch only",
            _shuffled_inside,
            "Each batch holds neighbours of the data, in random order; which examples meet in a batch never changes. "
            "Shuffle all examples, then cut.",
        ),
        Mistake(
            "generator ignored",
            _in_order(lambda n, g: torch.randperm(n)),
            "The order comes from torch's global generator. Two runs with the same `generator` then differ, and nobody "
            "can repeat your result. Hand it on to the function that draws.",
        ),
        Mistake(
            "a fixed seed",
            _in_order(lambda n, g: torch.randperm(n, generator=torch.Generator().manual_seed(0))),
            "You make a generator of your own with a fixed seed, so every epoch has the same order. Draw from the one "
            "that is handed in.",
        ),
        Mistake(
            "the generator set back",
            _in_order(lambda n, g: torch.randperm(n, generator=g.manual_seed(g.initial_seed()))),
            "You seed the generator anew in every call, so every epoch has the same order. Only draw from it; it "
            "remembers how far it got.",
        ),
        Mistake(
            "last batch filled up",
            _last_filled,
            "The last batch is filled up with indices that were used already, so some examples count twice.",
        ),
        Mistake(
            "an empty batch at the end",
            _empty_last,
            "Where batch_size divides n, an empty batch follows at the end. The mean of nothing is nan.",
        ),
        Mistake(
            "number of batches for their size",
            lambda n, batch_size, generator: list(torch.randperm(n, generator=generator).chunk(batch_size)),
            "batch_size says how many examples a batch holds, not how many batches there are.",
        ),
        Mistake(
            "cut into equal pieces",
            lambda n, batch_size, generator: list(torch.randperm(n, generator=generator).chunk(-(-n // batch_size))),
            "You say how many batches there should be and let torch make them equally large. Every batch but the last "
            "holds exactly batch_size examples.",
        ),
        Mistake(
            "slice ends at batch_size",
            _slice_to_the_size,
            "Every slice ends at batch_size, wherever it begins, so all but the first are empty. A batch ends "
            "batch_size places after its own beginning.",
        ),
        Mistake(
            "batches overlap",
            _overlapping,
            "A new batch begins at every place, so that neighbouring batches share examples. The next one begins where "
            "the last one ended.",
        ),
        Mistake(
            "nothing handed out",
            lambda n, size, generator: None,
            "Your function gives None: the batches are cut and thrown away. Hand out each one with `yield`, or return "
            "a list of all.",
        ),
        Mistake(
            "lists instead of tensors",
            lambda n, size, generator: [b.tolist() for b in torch.randperm(n, generator=generator).split(size)],
            "The batches are Python lists. Give int64 tensors: `x[idx]` is quicker with them, and every later lesson "
            "counts on it.",
        ),
        Mistake(
            "0 left out",
            _in_order(lambda n, g: torch.randperm(n, generator=g) + 1),
            "Your indices run from 1 to n. In Python, and in torch, the first example has index 0.",
        ),
    )


def _kind(batch: Any) -> str:
    if not isinstance(batch, Tensor):
        return type(batch).__name__
    return f"{str(batch.dtype).removeprefix('torch.')} tensor with {batch.ndim} dimension{'s' * (batch.ndim != 1)}"


def _averages(step: Callable[[Tensor, Tensor, float, int], Tensor], start: float = 0.0) -> Callable[..., Tensor]:
    """Averages from `step(s, value, beta, t)`, which gives the next s."""

    def ewma(values: Tensor, beta: float) -> Tensor:
        s, out = values[0] * 0 + start, []
        for t, value in enumerate(values, 1):
            s = step(s, value, beta, t)
            out.append(s)
        return torch.stack(out)

    return ewma


def _plain(s: Tensor, value: Tensor, beta: float, t: int = 0) -> Tensor:
    return beta * s + (1 - beta) * value


def _corrected(values: Tensor, beta: float) -> Tensor:
    t = torch.arange(1, len(values) + 1)
    return _averages(_plain)(values, beta) / (1 - beta**t)


def _from_first(values: Tensor, beta: float) -> Tensor:
    out = [values[0]]
    for value in values[1:]:
        out.append(_plain(out[-1], value, beta))
    return torch.stack(out)


def _one_late(values: Tensor, beta: float) -> Tensor:
    return torch.cat([values[:1] * 0, _averages(_plain)(values, beta)[:-1]])


def _one_tensor(values: Tensor, beta: float) -> Tensor:
    s, out = values[0] * 0, []
    for value in values:
        s *= beta
        s += (1 - beta) * value
        out.append(s)
    return torch.stack(out)


class Ewma(Exercise):
    """S_t = beta * S_(t-1) + (1 - beta) * values_t for t = 1 ... n, from S_0 = 0."""

    id, points = "sgd.ewma", 1

    def cases(self, rng: Rng) -> Iterable[Case]:
        yield Case("4 values, beta = 0.5", values=rng.normal(4), beta=0.5)
        yield Case("12 values", values=2 + rng.normal(12), beta=rng.number(0.7, 0.95))
        yield Case("a single value", values=rng.normal(1), beta=rng.number(0.7, 0.95))
        yield Case("beta = 0", values=rng.normal(5), beta=0.0)

    def probe(self, ewma: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "averages", ewma(case.values, case.beta)
        values = case.values.clone().requires_grad_()
        yield "grad of values", gradients(ewma(values, case.beta), [values])[0]

    mistakes = (
        Mistake(
            "bias corrected",
            _corrected,
            "You divide by 1 - beta**t. That takes away the pull towards the start value 0, and Adam will do it; here "
            "the plain average is asked for, with its slow start.",
        ),
        Mistake(
            "starts from the first value",
            _from_first,
            "Your average starts from values[0]. It should start from S = 0, so the first entry is "
            "(1 - beta) * values[0].",
        ),
        Mistake(
            "torch's momentum",
            _averages(lambda s, value, beta, t: beta * s + value),
            "The new value is added in full. That is the velocity of momentum_step; in an average the weights are beta "
            "and 1 - beta.",
        ),
        Mistake(
            "beta and 1 - beta exchanged",
            _averages(lambda s, value, beta, t: (1 - beta) * s + beta * value),
            "The old average gets the weight 1 - beta and the new value beta. A large beta means a long memory: the "
            "old average keeps beta.",
        ),
        Mistake(
            "one step late",
            _one_late,
            "Each entry is the average before its value came in. S_t already contains values_t.",
        ),
        Mistake(
            "one tensor for all entries",
            _one_tensor,
            "All entries are alike, and equal to the last average. You keep the same tensor n times and change it in "
            "place: every entry sees the last change. Make a new tensor at each step.",
        ),
        Mistake(
            "only the last",
            lambda values, beta: _averages(_plain)(values, beta)[-1],
            "You return the last average. Asked for are all of them, one for each value.",
        ),
        Mistake(
            "with the start value",
            lambda values, beta: torch.cat([values[:1] * 0, _averages(_plain)(values, beta)]),
            "There is one entry too many: the start value S_0 = 0 is not part of the result.",
        ),
        Mistake(
            "mean of all so far",
            _averages(lambda s, value, beta, t: s + (value - s) / t),
            "This is the mean of all values so far: beta plays no part, and nothing is ever forgotten.",
        ),
        Mistake(
            "gradient cut off",
            lambda values, beta: _averages(_plain)(values.detach(), beta),
            "The numbers are right, but they no longer hang together with `values`: `.item()` or a new "
            "`torch.tensor(...)` on the way cuts the graph. torch.stack makes one tensor of many and keeps it.",
        ),
    )

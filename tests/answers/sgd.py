"""Right and wrong answers to the exercises of lesson 02."""

import functools
import itertools
import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.answers import right, wrong
from tests.answers._steps import in_place


@right("sgd.mse")
def mse_by_product(y_hat: Tensor, y: Tensor) -> Tensor:
    if y_hat.shape != y.shape:
        raise ValueError("shapes differ")
    d = (y_hat - y).flatten()
    return torch.dot(d, d) / d.numel()


@right("sgd.mse")
def mse_by_sum(y_hat: Tensor, y: Tensor) -> Tensor:
    if list(y.size()) != list(y_hat.size()):
        raise ValueError
    return torch.pow(y - y_hat, 2).sum() / math.prod(y.shape)


@right("sgd.mse")
def mse_by_einsum(y_hat: Tensor, y: Tensor) -> Tensor:
    if y_hat.shape != y.shape:
        raise ValueError(f"{y_hat.shape} {y.shape}")
    error = y_hat.reshape(-1) - y.reshape(-1)
    return torch.einsum("i,i->", error, error) / len(error)


@right("sgd.mse_gradient")
def mse_gradient_by_rows(w: Tensor, x: Tensor, y: Tensor) -> Tensor:
    total = torch.zeros_like(w)
    for row, target in zip(x, y, strict=True):
        total += 2 * (torch.dot(row, w) - target) * row
    return total / len(x)


@right("sgd.mse_gradient")
def mse_gradient_by_einsum(w: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return torch.einsum("n,nd->d", torch.einsum("nd,d->n", x, w) - y, x) * 2 / x.shape[0]


@right("sgd.mse_gradient")
def mse_gradient_by_mean(w: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return (2 * (x @ w - y).unsqueeze(1) * x).mean(dim=0)


@right("sgd.mse_gradient")
def mse_gradient_with_columns(w: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return (2 / len(y) * x.T @ (x @ w[:, None] - y[:, None])).squeeze(1)


@right("sgd.sgd_step")
def sgd_by_data(params: Iterable[Tensor], lr: float) -> None:
    for p in params:
        if p.grad is None:
            continue
        p.data = p.data - lr * p.grad


@right("sgd.sgd_step")
def sgd_by_method(params: Iterable[Tensor], lr: float) -> None:
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p.add_(p.grad, alpha=-lr)


@right("sgd.sgd_step")
def sgd_by_copy(params: Iterable[Tensor], lr: float) -> None:
    for p in params:
        if p.grad is not None:
            p.detach().copy_(p.detach() - lr * p.grad)


@right("sgd.sgd_step")
@torch.no_grad()
def sgd_by_foreach(params: Iterable[Tensor], lr: float) -> None:
    used = [p for p in params if p.grad is not None]
    torch._foreach_add_(used, [p.grad for p in used], alpha=-lr)


@right("sgd.momentum_step")
def momentum_by_data(
    params: list[Tensor], velocities: list[Tensor], lr: float, momentum: float
) -> None:
    for i in range(len(params)):
        if params[i].grad is not None:
            velocities[i].data = momentum * velocities[i] + params[i].grad.data
            params[i].data.sub_(lr * velocities[i])


@right("sgd.momentum_step")
@torch.no_grad()
def momentum_by_copy(
    params: list[Tensor], velocities: list[Tensor], lr: float, momentum: float
) -> None:
    for p, v in zip(params, velocities, strict=True):
        if p.grad is not None:
            v.copy_(torch.add(p.grad, v, alpha=momentum))
            p.copy_(p - lr * v)


@right("sgd.momentum_step")
@torch.no_grad()
def momentum_by_slices(
    params: list[Tensor], velocities: list[Tensor], lr: float, momentum: float
) -> None:
    for p, v in zip(params, velocities, strict=True):
        g = p.grad
        if g is not None:
            v[...] = v * momentum + g
            p[...] = p - v * lr


@right("sgd.minibatches")
def batches_by_slices(n: int, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
    order = torch.randperm(n, generator=generator)
    for start in range(0, n, batch_size):
        yield order[start : start + batch_size]


@right("sgd.minibatches")
def batches_by_sorting(n: int, batch_size: int, generator: torch.Generator) -> list[Tensor]:
    return list(torch.split(torch.rand(n, generator=generator).argsort(), batch_size))


@right("sgd.minibatches")
def batches_by_weights(n: int, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
    order = torch.multinomial(torch.ones(n), n, replacement=False, generator=generator)
    while len(order):
        yield order[:batch_size]
        order = order[batch_size:]


@right("sgd.minibatches")
def batches_by_python(n: int, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
    order = list(range(n))
    random.Random(int(torch.randint(2**31, (1,), generator=generator))).shuffle(order)
    return (torch.tensor(order[i : i + batch_size]) for i in range(0, n, batch_size))


@right("sgd.ewma")
def ewma_by_assignment(values: Tensor, beta: float) -> Tensor:
    out = torch.zeros(len(values), dtype=values.dtype)
    s = 0.0
    for t in range(len(values)):
        s = beta * s + (1 - beta) * values[t]
        out[t] = s
    return out


@right("sgd.ewma")
def ewma_by_weights(values: Tensor, beta: float) -> Tensor:
    t = torch.arange(len(values))
    age = t[:, None] - t
    weights = (1 - beta) * torch.where(age >= 0, values.new_tensor(beta) ** age.clamp(min=0), 0.0)
    return weights @ values


@right("sgd.ewma")
def ewma_by_lerp(values: Tensor, beta: float) -> Tensor:
    s = values.new_zeros(())
    out = []
    for value in values:
        s = torch.lerp(value, s, beta)
        out.append(s.reshape(1))
    return torch.cat(out)


# Written from the student's notebook alone.


@right("sgd.mse")
def mse_first_reading(y_hat, y):
    if y_hat.shape != y.shape:
        raise ValueError(f"{tuple(y_hat.shape)} against {tuple(y.shape)}")
    error = (y_hat.double() - y.double()).reshape(-1)
    return (torch.dot(error, error) / error.numel()).to(y_hat.dtype)


class MSE(nn.Module):
    def forward(self, y_hat, y):
        match y_hat.shape == y.shape:
            case False:
                raise ValueError("shapes")
            case True:
                e = (y - y_hat).ravel()
                return torch.einsum("i,i->", e, e) * (1 / e.numel())


right("sgd.mse")(MSE())


class _MSEFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, y_hat, y):
        ctx.save_for_backward(y_hat - y)
        return torch.mean(torch.square(y_hat - y))

    @staticmethod
    def backward(ctx, grad):
        (error,) = ctx.saved_tensors
        g = grad * 2 * error / error.numel()
        return g, -g


@right("sgd.mse")
def mse_third_reading(y_hat, y):
    if y_hat.size() != y.size():
        raise ValueError("unequal shapes")
    return _MSEFunction.apply(y_hat, y)


@right("sgd.mse_gradient")
def mse_gradient_first_reading(w, x, y):
    W, X, Y = (t.detach().numpy().astype(np.float64) for t in (w, x, y))
    g = 2 * (X * (X @ W - Y)[:, None]).mean(axis=0)
    return torch.from_numpy(g).to(w.dtype)


@right("sgd.mse_gradient")
def mse_gradient_second_reading(w, x, y):
    n, d = x.shape
    total = torch.zeros_like(w)
    for i in reversed(range(n)):
        error = sum(w[j] * x[i, j] for j in range(d)) - y[i]
        total = total + error * x[i]
    return total * 2 / n


@right("sgd.mse_gradient")
def mse_gradient_third_reading(w, x, y):
    gram = torch.einsum("ni,nj->ij", x.double(), x.double())
    return ((gram @ w.double() - y.double() @ x.double()) * (2 / y.shape[0])).to(x.dtype)


@right("sgd.sgd_step")
@torch.no_grad()
def sgd_step_first_reading(params, lr):
    moving = [p for p in params if p.grad is not None]
    if moving:
        torch._foreach_add_(moving, [p.grad for p in moving], alpha=-lr)


@right("sgd.sgd_step")
def sgd_step_second_reading(params, lr):
    for p in params:
        match p.grad:
            case None:
                pass
            case g:
                p.detach().copy_((p.detach().double() - lr * g.double()).to(p.dtype))


@right("sgd.sgd_step")
class sgd_step_third_reading:
    def __new__(cls, params, lr):
        with torch.set_grad_enabled(False):
            [
                p.addcmul_(p.grad, torch.ones_like(p), value=-lr)
                for p in params
                if p.grad is not None
            ]


@right("sgd.minibatches")
def minibatches_first_reading(n, batch_size, generator):
    """Fisher and Yates."""
    order = list(range(n))
    for i in range(n - 1, 0, -1):
        j = int(torch.randint(i + 1, (), generator=generator))
        order[i], order[j] = order[j], order[i]
    it = iter(order)
    while batch := list(itertools.islice(it, batch_size)):
        yield torch.tensor(batch)


@right("sgd.minibatches")
def minibatches_second_reading(n, batch_size, generator):
    keys = torch.rand(n, generator=generator, dtype=torch.float64)
    return list(torch.argsort(keys).split(batch_size))


@right("sgd.minibatches")
class minibatches_third_reading:
    def __init__(self, n, batch_size, generator):
        self.left, self.size = torch.randperm(n, generator=generator), batch_size

    def __iter__(self):
        return self

    def __next__(self):
        if not len(self.left):
            raise StopIteration
        batch, self.left = self.left[: self.size], self.left[self.size :]
        return batch


@right("sgd.minibatches")
def minibatches_fourth_reading(n, batch_size, generator):
    order = torch.multinomial(torch.ones(n), n, replacement=False, generator=generator)
    return [order[k * batch_size :][:batch_size] for k in range(math.ceil(n / batch_size))]


@right("sgd.ewma")
def ewma_first_reading(values, beta):
    n = len(values)
    lag = torch.arange(n)[:, None] - torch.arange(n)
    kernel = torch.where(
        lag >= 0, torch.tensor(float(beta), dtype=torch.float64) ** lag.clamp(min=0), 0.0
    )
    return (1 - beta) * torch.einsum("ts,s->t", kernel.to(values.dtype), values)


@right("sgd.ewma")
def ewma_second_reading(values, beta):
    steps = itertools.accumulate(
        values, lambda s, v: s + (1 - beta) * (v - s), initial=torch.zeros_like(values[0])
    )
    return torch.stack(list(steps)[1:])


class _EwmaFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values, beta):
        ctx.beta = beta
        out, s = torch.empty_like(values), 0.0
        for t, v in enumerate(values.tolist()):
            s = beta * s + (1 - beta) * v
            out[t] = s
        return out

    @staticmethod
    def backward(ctx, grad):
        out, s = torch.empty_like(grad), 0.0
        for t in reversed(range(len(grad))):
            s = grad[t].item() + ctx.beta * s
            out[t] = (1 - ctx.beta) * s
        return out, None


@right("sgd.ewma")
def ewma_third_reading(values, beta):
    return _EwmaFunction.apply(values, beta)


@right("sgd.ewma")
def ewma_fourth_reading(values, beta):
    x = values[None, None].double()
    powers = torch.tensor(
        [(1 - beta) * beta**k for k in reversed(range(len(values)))], dtype=torch.float64
    )
    padded = F.pad(x, (len(values) - 1, 0))
    return F.conv1d(padded, powers[None, None])[0, 0].to(values.dtype)


@right("sgd.momentum_step")
@torch.no_grad()
def momentum_step_first_reading(params, velocities, lr, momentum):
    pairs = [(p, v) for p, v in zip(params, velocities, strict=True) if p.grad is not None]
    if not pairs:
        return
    ps, vs = map(list, zip(*pairs))
    torch._foreach_mul_(vs, momentum)
    torch._foreach_add_(vs, [p.grad for p in ps])
    torch._foreach_add_(ps, vs, alpha=-lr)


@right("sgd.momentum_step")
def momentum_step_second_reading(params, velocities, lr, momentum):
    for k in range(len(params) - 1, -1, -1):
        p, v = params[k].detach(), velocities[k].detach()
        g = params[k].grad
        if g is not None:
            new_v = momentum * v.double() + g.double()
            v[...] = new_v.to(v.dtype)
            p[...] = (p.double() - lr * new_v).to(p.dtype)


@right("sgd.momentum_step")
def momentum_step_third_reading(params, velocities, lr, momentum):
    def one(p, v):
        v.data.add_(p.grad - (1 - momentum) * v.data)
        p.data.add_(v.data * -lr)

    for p, v in zip(params, velocities):
        p.grad is None or one(p, v)


@right("sgd.expose_sgd_step")
def expose_with_one_case() -> tuple[object, object]:
    case = {
        "params": [torch.tensor([[2.0, -1.0]]), torch.tensor([5.0]), torch.tensor(1.0)],
        "grads": [None, torch.tensor([-3.0]), torch.tensor(4.0)],
        "lr": 0.2,
    }
    return [case], torch.tensor([[2.0, -1.0]])


@right("sgd.expose_sgd_step")
def expose_with_two_cases() -> tuple[object, object]:
    params = [torch.tensor(3.0), torch.tensor([1.0, 2.0, 4.0])]
    steep = [torch.tensor(-2.0), torch.tensor([5.0, -0.25, 0.0])]
    cases = [
        {"params": params, "grads": steep, "lr": 0.5},
        {"params": params, "grads": [None, steep[1]], "lr": 0.25},
    ]
    return cases, 4


@right("sgd.repair_momentum_step")
def momentum_by_if() -> tuple[object, object]:
    def repaired(params, velocities, lr, momentum):  # type: ignore[no-untyped-def]
        for p, v in zip(params, velocities):  # noqa: B905
            if p.grad is None:
                continue  # the next one may have a gradient
            v *= momentum
            v += p.grad
            p -= lr * v

    grads = [torch.tensor([[1.0]]), None, torch.tensor([2.0])]
    params = [torch.zeros(1, 1), torch.zeros(2), torch.ones(1)]
    velocities = [torch.zeros_like(p) for p in params]
    witness = dict(params=params, grads=grads, velocities=velocities, lr=1, momentum=0)
    return witness, torch.no_grad()(repaired)


@right("sgd.repair_momentum_step")
def momentum_with_docstring() -> tuple[object, object]:
    @torch.no_grad()
    def momentum_step(params, velocities, lr, momentum):  # type: ignore[no-untyped-def]
        """One step with momentum.

        A parameter without a gradient is left out.
        """
        for p, v in zip(params, velocities):  # noqa: B905
            if p.grad is not None:
                v *= momentum
                v += p.grad
                p -= lr * v

    witness = {
        "params": [torch.ones(2), torch.ones(1)],
        "grads": [None, torch.ones(1)],
        "velocities": [torch.zeros(2), torch.zeros(1)],
        "lr": 0.5,
        "momentum": 0.5,
    }
    return witness, momentum_step


@right("sgd.reproduce_momentum_step")
def reproduced_with_half_the_memory() -> tuple[str, str, object]:
    @torch.no_grad()
    def broken(params, velocities, lr, momentum):  # type: ignore[no-untyped-def]
        for i in range(len(params)):
            velocities[i] *= momentum
            velocities[i] += lr * params[i].grad
            params[i] -= lr * velocities[i]

    return " ada  LOVELACE", "A wrong factor ", broken


@right("sgd.reproduce_momentum_step")
def reproduced_with_the_first_parameter_only() -> tuple[str, str, object]:
    def broken(params, velocities, lr, momentum):  # type: ignore[no-untyped-def]
        slope, moved = params[0], velocities[0]
        moved.copy_(momentum * moved + slope.grad)
        slope.data -= lr * moved

    return "Sofia Kovalevskaya", "a forgotten parameter", broken


@right("sgd.reproduce_momentum_step")
def reproduced_in_the_wrong_order() -> tuple[str, str, object]:
    def broken(params, velocities, lr, momentum):  # type: ignore[no-untyped-def]
        with torch.no_grad():
            for p, v in zip(params, velocities):  # noqa: B905
                p.sub_(v, alpha=lr)
                v.mul_(momentum).add_(p.grad)

    return "Emmy Noether", "a wrong order", broken


@right("sgd.largest_lr")
def largest_by_singular_values(hessian: Tensor) -> Tensor:
    return 2 / torch.linalg.svdvals(hessian).max()


@right("sgd.largest_lr")
def largest_by_numpy(hessian: Tensor) -> float:
    return float(2 / np.linalg.eigvalsh(hessian.numpy().astype(np.float64)).max())


@right("sgd.largest_lr")
def largest_by_norm(hessian: Tensor) -> float:
    return 2 / torch.linalg.matrix_norm(hessian, ord=2).item()


@right("sgd.largest_lr")
def largest_by_unsorted_eigenvalues(hessian: Tensor) -> float:
    curvatures = torch.linalg.eigvals(hessian).real
    return min(2 / c for c in curvatures.tolist() if c > 1e-6)


@right("sgd.largest_lr")
def largest_by_powers(hessian: Tensor) -> float:
    """The matrix, squared over and over, leaves only the steepest direction."""
    h = hessian.double()
    power = h
    for _ in range(12):
        power = power @ power / (power @ power).norm()
    direction = power @ torch.arange(1.0, len(h) + 1, dtype=torch.float64)
    return float(2 * (direction @ direction) / (direction @ h @ direction))


wrong("sgd.mse", "shapes not compared")(lambda y_hat, y: ((y_hat - y) ** 2).mean())


def _counted(y_hat: Tensor, y: Tensor) -> Tensor:
    if y_hat.numel() != y.numel():
        raise ValueError("unequal sizes")
    return ((y_hat - y) ** 2).mean()


wrong("sgd.mse", "only the number of elements compared")(_counted)


def _fitted(y_hat: Tensor, y: Tensor) -> Tensor:
    if y_hat.numel() != y.numel():
        raise ValueError("unequal sizes")
    return ((y_hat - y.reshape(y_hat.shape)) ** 2).mean()


wrong("sgd.mse", "y reshaped to fit")(_fitted)


def _asserted(y_hat: Tensor, y: Tensor) -> Tensor:
    assert y_hat.shape == y.shape
    return ((y_hat - y) ** 2).mean()


wrong("sgd.mse", "assert instead of ValueError")(_asserted)


def _checked(loss: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """A loss of y_hat - y that raises ValueError for unequal shapes."""

    def mse(y_hat: Tensor, y: Tensor) -> Tensor:
        if y_hat.shape != y.shape:
            raise ValueError("unequal shapes")
        return loss(y_hat - y)

    return mse


wrong("sgd.mse", "squares summed over the outputs")(_checked(lambda d: (d**2).sum() / len(d)))

wrong("sgd.mse", "sum instead of mean")(_checked(lambda d: (d**2).sum()))

wrong("sgd.mse", "half the mean")(_checked(lambda d: (d**2).mean() / 2))

wrong("sgd.mse", "root taken")(_checked(lambda d: (d**2).mean().sqrt()))

wrong("sgd.mse", "absolute error")(_checked(lambda d: d.abs().mean()))

wrong("sgd.mse", "square of the mean")(_checked(lambda d: d.mean() ** 2))

wrong("sgd.mse", "gradient cut off")(_checked(lambda d: (d.detach() ** 2).mean()))

wrong("sgd.mse", "no mean taken")(_checked(lambda d: d**2))

wrong("sgd.mse_gradient", "(n, 1) against (n,)")(
    lambda w, x, y: 2 / len(x) * (x.T @ (x @ w[:, None] - y)).mean(1)
)

wrong("sgd.mse_gradient", "product of the means")(
    lambda w, x, y: 2 * (x @ w - y).mean() * x.mean(0)
)

wrong("sgd.mse_gradient", "factor 2 forgotten")(lambda w, x, y: x.T @ (x @ w - y) / len(x))

wrong("sgd.mse_gradient", "sum instead of mean")(lambda w, x, y: 2 * x.T @ (x @ w - y))

wrong("sgd.mse_gradient", "divided by the number of weights")(
    lambda w, x, y: 2 / len(w) * x.T @ (x @ w - y)
)

wrong("sgd.mse_gradient", "wrong sign")(lambda w, x, y: 2 / len(x) * x.T @ (y - x @ w))

wrong("sgd.mse_gradient", "targets left out")(lambda w, x, y: 2 / len(x) * x.T @ (x @ w))

wrong("sgd.mse_gradient", "inner derivative forgotten")(lambda w, x, y: 2 / len(x) * (x @ w - y))

wrong("sgd.mse_gradient", "one row per example")(
    lambda w, x, y: 2 / len(x) * (x @ w - y)[:, None] * x
)

wrong("sgd.mse_gradient", "one row per example")(lambda w, x, y: 2 * (x @ w - y)[:, None] * x)

wrong("sgd.mse_gradient", "mean over all entries")(
    lambda w, x, y: 2 * x.T @ (x @ w - y) / x.numel()
)

wrong("sgd.mse_gradient", "weights averaged too")(
    lambda w, x, y: 2 * ((x @ w - y)[:, None] * x).mean()
)

wrong("sgd.mse_gradient", "predictions left out")(lambda w, x, y: 2 / len(x) * x.T @ y)

wrong("sgd.mse_gradient", "error still squared")(
    lambda w, x, y: 2 / len(x) * x.T @ (x @ w - y) ** 2
)

wrong("sgd.mse_gradient", "autograd used")(
    lambda w, x, y: torch.autograd.grad(
        ((x @ (v := w.clone().requires_grad_()) - y) ** 2).mean(),
        v,
    )[0]
)


@torch.no_grad()
def _gradient_scaled(params: Sequence[Tensor], lr: float) -> None:
    for p in params:
        if p.grad is not None:
            p -= p.grad.mul_(lr)


wrong("sgd.sgd_step", "gradient scaled in place")(_gradient_scaled)


def _sgd(
    move: Callable[[Tensor, Tensor, float], Tensor],
) -> Callable[[Sequence[Tensor], float], None]:
    """A step p <- move(p, g, lr)."""

    def step(params: Sequence[Tensor], lr: float) -> None:
        with torch.no_grad():
            for p in params:
                if p.grad is not None:
                    p.copy_(move(p, p.grad, lr))

    return step


wrong("sgd.sgd_step", "wrong sign")(_sgd(lambda p, g, lr: p + lr * g))

wrong("sgd.sgd_step", "learning rate left out")(_sgd(lambda p, g, lr: p - g))

wrong("sgd.sgd_step", "only the sign of the gradient")(_sgd(lambda p, g, lr: p - lr * g.sign()))

wrong("sgd.sgd_step", "gradient normalised")(_sgd(lambda p, g, lr: p - lr * g / g.norm()))

wrong("sgd.sgd_step", "only the first parameter")(
    lambda params, lr: _sgd(lambda p, g, lr: p - lr * g)(params[:1], lr)
)

in_place("sgd.sgd_step", _sgd(lambda p, g, lr: p - lr * g))

Rule = Callable[[Tensor, Tensor, Tensor, float, float], tuple[Tensor, Tensor]]


def _momentum(rule: Rule) -> Callable[..., None]:
    """A step v, p <- rule(p, g, v, lr, momentum)."""

    def step(
        params: Sequence[Tensor], velocities: Sequence[Tensor], lr: float, momentum: float
    ) -> None:
        with torch.no_grad():
            for p, v in zip(params, velocities, strict=True):
                if p.grad is not None:
                    new_v, new_p = rule(p, p.grad, v, lr, momentum)
                    v.copy_(new_v)
                    p.copy_(new_p)

    return step


wrong("sgd.momentum_step", "weighted average instead of torch's momentum")(
    _momentum(lambda p, g, v, lr, mu: ((new := mu * v + (1 - mu) * g), p - lr * new))
)

wrong("sgd.momentum_step", "learning rate inside the velocity")(
    _momentum(lambda p, g, v, lr, mu: ((new := mu * v + lr * g), p - new))
)

wrong("sgd.momentum_step", "Nesterov")(
    _momentum(lambda p, g, v, lr, mu: ((new := mu * v + g), p - lr * (g + mu * new)))
)

wrong("sgd.momentum_step", "step with the old velocity")(
    _momentum(lambda p, g, v, lr, mu: (mu * v + g, p - lr * v))
)

wrong("sgd.momentum_step", "velocity forgotten")(_momentum(lambda p, g, v, lr, mu: (v, p - lr * g)))

wrong("sgd.momentum_step", "step without the velocity")(
    _momentum(lambda p, g, v, lr, mu: (mu * v + g, p - lr * g))
)

wrong("sgd.momentum_step", "learning rate twice")(
    _momentum(lambda p, g, v, lr, mu: ((new := mu * v + lr * g), p - lr * new))
)

wrong("sgd.momentum_step", "velocity against the gradient")(
    _momentum(lambda p, g, v, lr, mu: ((new := mu * v - g), p - lr * new))
)


@torch.no_grad()
def _friction_without_gradient(
    params: Sequence[Tensor], velocities: Sequence[Tensor], lr: float, momentum: float
) -> None:
    for p, v in zip(params, velocities, strict=True):
        v *= momentum
        if p.grad is not None:
            v += p.grad
            p -= lr * v


wrong("sgd.momentum_step", "velocity decayed without a gradient")(_friction_without_gradient)

wrong("sgd.momentum_step", "velocity not multiplied by momentum")(
    _momentum(lambda p, g, v, lr, mu: ((new := v + g), p - lr * new))
)

wrong("sgd.momentum_step", "momentum on the gradient")(
    _momentum(lambda p, g, v, lr, mu: ((new := v + mu * g), p - lr * new))
)

wrong("sgd.momentum_step", "momentum on both")(
    _momentum(lambda p, g, v, lr, mu: ((new := mu * (v + g)), p - lr * new))
)

wrong("sgd.momentum_step", "velocity with the wrong sign")(
    _momentum(lambda p, g, v, lr, mu: ((new := mu * v - g), p + lr * new))
)

wrong("sgd.momentum_step", "step in the wrong direction")(
    _momentum(lambda p, g, v, lr, mu: ((new := mu * v + g), p + lr * new))
)


@torch.no_grad()
def _into_the_gradient(
    params: Sequence[Tensor], velocities: Sequence[Tensor], lr: float, momentum: float
) -> None:
    for p, v in zip(params, velocities, strict=True):
        if p.grad is not None:
            p -= lr * v.copy_(p.grad.add_(momentum * v))


wrong("sgd.momentum_step", "gradient changed")(_into_the_gradient)


def _torchs(p: Tensor, g: Tensor, v: Tensor, lr: float, mu: float) -> tuple[Tensor, Tensor]:
    return (new := mu * v + g), p - lr * new


in_place("sgd.momentum_step", _momentum(_torchs), ["velocities"])


def _last_dropped(n: int, batch_size: int, generator: torch.Generator) -> list[Tensor]:
    order = torch.randperm(n, generator=generator)
    return [order[i * batch_size : (i + 1) * batch_size] for i in range(n // batch_size)]


wrong("sgd.minibatches", "last batch dropped")(_last_dropped)


def _in_order(
    order: Callable[[int, torch.Generator], Tensor],
) -> Callable[[int, int, torch.Generator], list[Tensor]]:
    return lambda n, batch_size, generator: list(order(n, generator).split(batch_size))


wrong("sgd.minibatches", "drawn with replacement")(
    _in_order(lambda n, g: torch.randint(n, (n,), generator=g))
)


def _each_drawn_anew(n: int, batch_size: int, generator: torch.Generator) -> list[Tensor]:
    sizes = [len(b) for b in torch.arange(n).split(batch_size)]
    return [torch.randperm(n, generator=generator)[:size] for size in sizes]


wrong("sgd.minibatches", "each batch drawn from all examples")(_each_drawn_anew)

wrong("sgd.minibatches", "not shuffled")(_in_order(lambda n, g: torch.arange(n)))


def _batches_shuffled(n: int, batch_size: int, generator: torch.Generator) -> list[Tensor]:
    batches = torch.arange(n).split(batch_size)
    order = (
        torch.randperm(len(batches) - 1, generator=generator).tolist() if len(batches) > 1 else []
    )
    return [*(batches[i] for i in order), batches[-1]]


wrong("sgd.minibatches", "only whole batches shuffled")(_batches_shuffled)


def _shuffled_inside(n: int, batch_size: int, generator: torch.Generator) -> list[Tensor]:
    return [
        b[torch.randperm(len(b), generator=generator)] for b in torch.arange(n).split(batch_size)
    ]


wrong("sgd.minibatches", "shuffled inside each batch only")(_shuffled_inside)

wrong("sgd.minibatches", "generator ignored")(_in_order(lambda n, g: torch.randperm(n)))

wrong("sgd.minibatches", "a fixed seed")(
    _in_order(lambda n, g: torch.randperm(n, generator=torch.Generator().manual_seed(0)))
)

wrong("sgd.minibatches", "the generator reset")(
    _in_order(lambda n, g: torch.randperm(n, generator=g.manual_seed(g.initial_seed())))
)


def _last_filled(n: int, batch_size: int, generator: torch.Generator) -> list[Tensor]:
    order = torch.randperm(n, generator=generator)
    count = -(-n // batch_size)
    return list(order.repeat(batch_size + 1)[: count * batch_size].split(batch_size))


wrong("sgd.minibatches", "last batch padded")(_last_filled)


def _empty_last(n: int, batch_size: int, generator: torch.Generator) -> list[Tensor]:
    order = torch.randperm(n, generator=generator)
    return [order[i * batch_size : (i + 1) * batch_size] for i in range(n // batch_size + 1)]


wrong("sgd.minibatches", "an empty batch at the end")(_empty_last)

wrong("sgd.minibatches", "number of batches instead of batch size")(
    lambda n, batch_size, generator: list(torch.randperm(n, generator=generator).chunk(batch_size))
)

wrong("sgd.minibatches", "cut into equal pieces")(
    lambda n, batch_size, generator: list(
        torch.randperm(n, generator=generator).chunk(-(-n // batch_size))
    )
)


def _slice_to_the_size(n: int, batch_size: int, generator: torch.Generator) -> list[Tensor]:
    order = torch.randperm(n, generator=generator)
    return [order[i:batch_size] for i in range(0, n, batch_size)]


wrong("sgd.minibatches", "slice ends at batch_size")(_slice_to_the_size)


def _overlapping(n: int, batch_size: int, generator: torch.Generator) -> list[Tensor]:
    order = torch.randperm(n, generator=generator)
    return [order[i : i + batch_size] for i in range(n)]


wrong("sgd.minibatches", "batches overlap")(_overlapping)

wrong("sgd.minibatches", "no batches returned")(lambda n, size, generator: None)

wrong("sgd.minibatches", "lists instead of tensors")(
    lambda n, size, generator: [
        b.tolist() for b in torch.randperm(n, generator=generator).split(size)
    ]
)

wrong("sgd.minibatches", "index 0 left out")(
    _in_order(lambda n, g: torch.randperm(n, generator=g) + 1)
)


def _averages(
    step: Callable[[Tensor, Tensor, float, int], Tensor], start: float = 0.0
) -> Callable[..., Tensor]:
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


wrong("sgd.ewma", "bias corrected")(_corrected)


def _from_first(values: Tensor, beta: float) -> Tensor:
    out = [values[0]]
    for value in values[1:]:
        out.append(_plain(out[-1], value, beta))
    return torch.stack(out)


wrong("sgd.ewma", "starts from the first value")(_from_first)

wrong("sgd.ewma", "torch's momentum")(_averages(lambda s, value, beta, t: beta * s + value))

wrong("sgd.ewma", "beta and 1 - beta swapped")(
    _averages(lambda s, value, beta, t: (1 - beta) * s + beta * value)
)


def _one_late(values: Tensor, beta: float) -> Tensor:
    return torch.cat([values[:1] * 0, _averages(_plain)(values, beta)[:-1]])


wrong("sgd.ewma", "one step late")(_one_late)


def _one_tensor(values: Tensor, beta: float) -> Tensor:
    s, out = values[0] * 0, []
    for value in values:
        s *= beta
        s += (1 - beta) * value
        out.append(s)
    return torch.stack(out)


wrong("sgd.ewma", "one tensor for all entries")(_one_tensor)

wrong("sgd.ewma", "only the last")(lambda values, beta: _averages(_plain)(values, beta)[-1])

wrong("sgd.ewma", "start value included")(
    lambda values, beta: torch.cat([values[:1] * 0, _averages(_plain)(values, beta)])
)

wrong("sgd.ewma", "mean of all values so far")(
    _averages(lambda s, value, beta, t: s + (value - s) / t)
)

wrong("sgd.ewma", "gradient cut off")(lambda values, beta: _averages(_plain)(values.detach(), beta))


# Written from the student's notebook alone.


# no check of the shapes, so broadcasting is silent
@wrong("sgd.mse", "shapes not compared")
def mse(y_hat, y):
    return ((y_hat - y) ** 2).mean()


# sums instead of averaging
@wrong("sgd.mse", "sum instead of mean")
def mse(y_hat, y):
    if y_hat.shape != y.shape:
        raise ValueError("shapes differ")
    d = y_hat - y
    return (d * d).sum()


# only the number of elements is compared, not the shape
@wrong("sgd.mse", "y reshaped to fit")
def mse(y_hat, y):
    if y_hat.numel() != y.numel():
        raise ValueError("shapes differ")
    return (y_hat.flatten() - y.flatten()).square().mean()


# the sizes are compared in any order
@wrong("sgd.mse", "only counts compared")
def mse(y_hat, y):
    if sorted(y_hat.shape) != sorted(y.shape):
        raise ValueError("shapes differ")
    return ((y_hat - y) ** 2).mean()


# as many dimensions and as many numbers
@wrong("sgd.mse", "only counts compared")
def mse(y_hat, y):
    if y_hat.dim() != y.dim() or y_hat.numel() != y.numel():
        raise ValueError(f"{y_hat.shape} and {y.shape} do not match")
    return ((y_hat - y) ** 2).mean()


# only the length of the first dimension is compared
@wrong("sgd.mse", "only the number of rows compared")
def mse(y_hat, y):
    if y_hat.ndim and y.ndim and len(y_hat) != len(y):
        raise ValueError(f"{len(y_hat)} predictions for {len(y)} targets")
    return torch.mean((y_hat - y).pow(2))


# divides by the number of rows, not of elements
@wrong("sgd.mse", "squares summed over the outputs")
def mse(y_hat, y):
    if y_hat.shape != y.shape:
        raise ValueError
    n = y.shape[0] if y.ndim else 1
    return (y_hat - y).square().sum() / n


# raises an AssertionError, not a ValueError
@wrong("sgd.mse", "assert instead of ValueError")
def mse(y_hat, y):
    assert y_hat.shape == y.shape, "shapes differ"
    return ((y_hat - y) ** 2).mean()


# waits for torch to refuse the shapes, and broadcastable ones are not refused
@wrong("sgd.mse", "shapes not compared")
def mse(y_hat, y):
    try:
        return ((y_hat - y) ** 2).mean()
    except RuntimeError as error:
        raise ValueError(str(error)) from error


# returns a float without a graph
@wrong("sgd.mse", "type")
def mse(y_hat, y):
    if y_hat.shape != y.shape:
        raise ValueError("unequal shapes")
    return ((y_hat - y) ** 2).mean().item()


# averages along the first dimension only
@wrong("sgd.mse", "mean over the first dimension only")
def mse(y_hat, y):
    if y_hat.shape != y.shape:
        raise ValueError("unequal shapes")
    return ((y_hat - y) ** 2).mean(0) if y.ndim else (y_hat - y) ** 2


# takes the root as well
@wrong("sgd.mse", "root taken")
def mse(y_hat, y):
    if tuple(y_hat.shape) != tuple(y.shape):
        raise ValueError("unequal shapes")
    return torch.linalg.vector_norm(y_hat - y) / math.sqrt(y.numel())


# subtracts in place, so the predictions are changed
@wrong("sgd.mse", "changed its input")
def mse(y_hat, y):
    if y_hat.shape != y.shape:
        raise ValueError("unequal shapes")
    return y_hat.sub_(y).square().mean()


# the one half of other textbooks; a RuntimeError where a ValueError is due
@wrong("sgd.mse", "half the mean", "assert instead of ValueError")
def mse(y_hat, y):
    if y_hat.shape != y.shape:
        raise RuntimeError("shapes differ")
    return ((y_hat - y) ** 2).mean() / 2


# absolute instead of squared errors; only the number of dimensions is compared
@wrong("sgd.mse", "absolute error", "only the number of dimensions compared")
def mse(y_hat, y):
    if y_hat.ndim != y.ndim:
        raise ValueError("shapes differ")
    return (y_hat - y).abs().mean()


# the factor 2 is missing
@wrong("sgd.mse_gradient", "factor 2 forgotten")
def mse_gradient(w, x, y):
    return x.T @ (x @ w - y) / len(y)


# adds up over the examples instead of averaging
@wrong("sgd.mse_gradient", "sum instead of mean")
def mse_gradient(w, x, y):
    return 2 * ((x @ w - y)[:, None] * x).sum(dim=0)


# the error is target minus prediction, so the sign is turned
@wrong("sgd.mse_gradient", "wrong sign")
def mse_gradient(w, x, y):
    residual = y - x @ w
    return 2 / len(residual) * x.T @ residual


# divides by all entries of x, n times d
@wrong("sgd.mse_gradient", "mean over all entries")
def mse_gradient(w, x, y):
    e = x @ w - y
    return (2 * e.unsqueeze(-1) * x).sum(0) / x.numel()


# divides by the number of parameters
@wrong("sgd.mse_gradient", "divided by the number of weights")
def mse_gradient(w, x, y):
    return 2 / len(w) * (x.t() @ (x @ w - y))


# divides by 3, the number of examples of the worked table
@wrong("sgd.mse_gradient", "constant factor")
def mse_gradient(w, x, y):
    return 2 / 3 * x.T @ (x @ w - y)


# lets autograd do it
@wrong("sgd.mse_gradient", "shortcut")
def mse_gradient(w, x, y):
    w = w.detach().clone().requires_grad_()
    loss = ((x @ w - y) ** 2).mean()
    loss.backward()
    return w.grad


# takes only the first two columns of x into account
@wrong("sgd.mse_gradient")
def mse_gradient(w, x, y):
    e = x @ w - y
    slope = 2 * (e * x[:, 0]).mean()
    intercept = 2 * e.mean()
    return torch.stack([slope, intercept])


# returns a row of shape (1, d)
@wrong("sgd.mse_gradient", "shape")
def mse_gradient(w, x, y):
    e = (x @ w - y).reshape(1, -1)
    return 2 * e @ x / x.shape[0]


# only the signs of the errors, as for the absolute error
@wrong("sgd.mse_gradient", "factor 2 forgotten", "only the sign of the errors")
def mse_gradient(w, x, y):
    e = torch.sign(x @ w - y)
    return (e[:, None] * x).mean(0)


# gradient of the root of the mean squared error
@wrong("sgd.mse_gradient", "gradient of the root")
def mse_gradient(w, x, y):
    e = x @ w - y
    return (x.T @ e / len(e)) / e.square().mean().sqrt()


# works on w in place, so the parameters change
@wrong("sgd.mse_gradient", "changed its input")
def mse_gradient(w, x, y):
    e = x @ w - y
    g = w.detach()
    g.zero_()
    for error, row in zip(e, x):
        g += 2 / len(y) * error * row
    return g.clone()


# sign turned; no factor 2
@wrong("sgd.mse_gradient", "factor 2 forgotten", "wrong sign")
def mse_gradient(w, x, y):
    return ((y - x @ w).reshape(-1, 1) * x).mean(dim=0)


# sums over the examples; a column of shape (d, 1) comes back
@wrong("sgd.mse_gradient", "sum instead of mean", "shape")
def mse_gradient(w, x, y):
    error = (x @ w).reshape(-1, 1) - y.reshape(-1, 1)
    return 2 * x.T @ error


# binds a new tensor to the name instead of changing the parameter
@wrong("sgd.sgd_step", "name rebound")
def sgd_step(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p = p - lr * p.grad


# walks uphill
@wrong("sgd.sgd_step", "wrong sign")
def sgd_step(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p.add_(p.grad, alpha=lr)


# scales the gradient in place
@wrong("sgd.sgd_step", "gradient scaled in place")
@torch.no_grad()
def sgd_step(params, lr):
    for p in params:
        if p.grad is not None:
            p -= p.grad.mul_(lr)


# clears the gradients after the step
@wrong("sgd.sgd_step", "gradient zeroed")
@torch.no_grad()
def sgd_step(params, lr):
    for p in params:
        if p.grad is None:
            continue
        p.sub_(lr * p.grad)
        p.grad.zero_()


# stops at the first parameter without gradient
@wrong("sgd.sgd_step", "stops at a missing gradient")
def sgd_step(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is None:
                break
            p -= lr * p.grad


# parameters without gradient are not skipped
@wrong("sgd.sgd_step", "missing gradient not skipped")
def sgd_step(params, lr):
    for p in params:
        p.data -= lr * p.grad


# the update is recorded, so leaves that require grad are refused
@wrong("sgd.sgd_step", "outside no_grad")
def sgd_step(params, lr):
    for p in params:
        if p.grad is not None:
            p -= lr * p.grad


# a slice assignment that a tensor of shape () refuses
@wrong("sgd.sgd_step", "fails for a tensor of shape ()")
def sgd_step(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p[:] = p - lr * p.grad


# puts new tensors into the list, the model keeps the old ones
@wrong("sgd.sgd_step", "parameters replaced")
def sgd_step(params, lr):
    for i, p in enumerate(params):
        if p.grad is not None:
            new = (p.detach() - lr * p.grad).requires_grad_(p.requires_grad)
            new.grad = p.grad
            params[i] = new


# switches requires_grad off and never on again
@wrong("sgd.sgd_step", "parameters frozen")
def sgd_step(params, lr):
    for p in params:
        if p.grad is None:
            continue
        g = p.grad
        p.requires_grad_(False)
        p -= lr * g


# returns the parameters
@wrong("sgd.sgd_step", "returns the parameters")
def sgd_step(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p -= lr * p.grad
    return params


# the gradient is scaled down to length 1 when it is longer
@wrong("sgd.sgd_step", "gradient clipped")
def sgd_step(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                length = p.grad.norm().item()
                p -= lr * p.grad / max(length, 1.0)


# only tensors that require grad are moved
@wrong("sgd.sgd_step", "parameters that do not require grad skipped")
def sgd_step(params, lr):
    for p in (q for q in params if q.requires_grad and q.grad is not None):
        p.data.add_(p.grad, alpha=-lr)


# not in place; gradients set to None
@wrong("sgd.sgd_step", "name rebound", "gradient thrown away")
def sgd_step(params, lr):
    for p in params:
        if p.grad is not None:
            p = p.detach() - lr * p.grad
    for p in params:
        p.grad = None


# an absent gradient ends the whole step; the learning rate is divided by the number of parameters
@wrong(
    "sgd.sgd_step",
    "stops at a missing gradient",
    "learning rate divided by the number of parameters",
)
def sgd_step(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is None:
                return
            p -= lr / len(params) * p.grad


# no shuffling
@wrong("sgd.minibatches", "not shuffled")
def minibatches(n, batch_size, generator):
    return list(torch.arange(n).split(batch_size))


# the last, smaller batch is dropped
@wrong("sgd.minibatches", "last batch dropped")
def minibatches(n, batch_size, generator):
    idx = torch.randperm(n, generator=generator)
    for b in range(n // batch_size):
        yield idx[b * batch_size : (b + 1) * batch_size]


# the generator is ignored, chance comes from the global one
@wrong("sgd.minibatches", "generator ignored")
def minibatches(n, batch_size, generator):
    order = torch.randperm(n)
    yield from order.split(batch_size)


# the generator is seeded anew, so every epoch has the same order
@wrong("sgd.minibatches", "the generator reseeded")
def minibatches(n, batch_size, generator):
    generator.manual_seed(42)
    order = torch.randperm(n, generator=generator)
    return [order[i : i + batch_size] for i in range(0, n, batch_size)]


# a private generator with the seed of the given one, so every epoch has the same order
@wrong("sgd.minibatches", "a copy of the generator")
def minibatches(n, batch_size, generator):
    own = torch.Generator().manual_seed(generator.initial_seed())
    yield from torch.randperm(n, generator=own).split(batch_size)


# draws with replacement
@wrong("sgd.minibatches", "drawn with replacement")
def minibatches(n, batch_size, generator):
    for start in range(0, n, batch_size):
        yield torch.randint(n, (min(batch_size, n - start),), generator=generator)


# draws a new order for every batch, so examples repeat and others are missing
@wrong("sgd.minibatches", "each batch drawn from all examples")
def minibatches(n, batch_size, generator):
    for start in range(0, n, batch_size):
        yield torch.randperm(n, generator=generator)[start : start + batch_size]


# shuffles the batches, but neighbours stay together
@wrong("sgd.minibatches", "only whole batches shuffled")
def minibatches(n, batch_size, generator):
    full = n // batch_size
    for k in torch.randperm(full, generator=generator).tolist():
        yield torch.arange(k * batch_size, (k + 1) * batch_size)
    if n % batch_size:
        yield torch.arange(full * batch_size, n)


# an empty batch at the end when batch_size divides n
@wrong("sgd.minibatches", "an empty batch at the end")
def minibatches(n, batch_size, generator):
    order = torch.randperm(n, generator=generator)
    for i in range(0, n + 1, batch_size):
        yield order[i : i + batch_size]


# yields lists, not tensors
@wrong("sgd.minibatches", "lists instead of tensors")
def minibatches(n, batch_size, generator):
    order = torch.randperm(n, generator=generator).tolist()
    while order:
        head, order = order[:batch_size], order[batch_size:]
        yield head


# the last batch is filled up from the beginning
@wrong("sgd.minibatches", "last batch padded")
def minibatches(n, batch_size, generator):
    order = torch.randperm(n, generator=generator)
    count = -(-n // batch_size)
    places = torch.arange(count * batch_size) % n
    return list(order[places].reshape(count, batch_size))


# batches of nearly equal size instead of full ones and a rest
@wrong("sgd.minibatches", "batches of nearly equal size")
def minibatches(n, batch_size, generator):
    return list(torch.randperm(n, generator=generator).tensor_split(math.ceil(n / batch_size)))


_orders = {}


# the order is drawn once for each n and kept for all later epochs
@wrong("sgd.minibatches")
def minibatches(n, batch_size, generator):
    if n not in _orders:
        _orders[n] = torch.randperm(n, generator=generator)
    yield from _orders[n].split(batch_size)


# numbers 1 to n; the rest is dropped
@wrong("sgd.minibatches", "last batch dropped", "index 0 left out")
def minibatches(n, batch_size, generator):
    idx = torch.randperm(n, generator=generator) + 1
    i = 0
    while i + batch_size <= n:
        yield idx[i : i + batch_size]
        i += batch_size


# Python's random instead of the generator; int32 tensors
@wrong("sgd.minibatches", "generator ignored", "int32 instead of int64")
def minibatches(n, batch_size, generator):
    order = list(range(n))
    random.shuffle(order)
    for i in range(0, n, batch_size):
        yield torch.tensor(order[i : i + batch_size], dtype=torch.int32)


# the last example is never drawn; the generator is not used
@wrong("sgd.minibatches", "last example left out", "generator ignored")
def minibatches(n, batch_size, generator):
    idx = torch.from_numpy(np.random.permutation(n - 1))
    return [idx[i : i + batch_size] for i in range(0, n, batch_size)]


# starts from the first value instead of 0
@wrong("sgd.ewma", "starts from the first value")
def ewma(values, beta):
    s = values[0]
    out = [s]
    for v in values[1:]:
        s = beta * s + (1 - beta) * v
        out.append(s)
    return torch.stack(out)


# beta weighs the new value, as alpha does in pandas
@wrong("sgd.ewma", "beta and 1 - beta swapped")
def ewma(values, beta):
    s, out = torch.zeros_like(values[0]), []
    for v in values:
        s = (1 - beta) * s + beta * v
        out += [s]
    return torch.stack(out)


# corrected for the start from 0
@wrong("sgd.ewma", "bias corrected")
def ewma(values, beta):
    out, s = [], 0.0
    for t, v in enumerate(values, start=1):
        s = beta * s + (1 - beta) * v
        out.append(s / (1 - beta**t))
    return torch.stack(out)


# one tensor changed in place stands in the list many times
@wrong("sgd.ewma", "one tensor for all entries")
def ewma(values, beta):
    s = torch.zeros((), dtype=values.dtype)
    history = []
    for v in values:
        s *= beta
        s += (1 - beta) * v
        history.append(s)
    return torch.stack(history)


# plain numbers, so no gradient flows
@wrong("sgd.ewma", "gradient cut off")
def ewma(values, beta):
    s, out = 0.0, []
    for v in values.tolist():
        s = beta * s + (1 - beta) * v
        out.append(s)
    return torch.tensor(out, dtype=values.dtype)


# the 0 of the start is in the result too, n + 1 entries
@wrong("sgd.ewma", "start value included")
def ewma(values, beta):
    out = [torch.zeros((), dtype=values.dtype)]
    for v in values:
        out.append(beta * out[-1] + (1 - beta) * v)
    return torch.stack(out)


# only the last average comes back
@wrong("sgd.ewma", "only the last")
def ewma(values, beta):
    return functools.reduce(lambda s, v: beta * s + (1 - beta) * v, values, 0.0)


# divides by powers of beta, which fails for long series and for beta 0
@wrong("sgd.ewma", "nan or inf")
def ewma(values, beta):
    k = torch.arange(len(values), dtype=values.dtype)
    scaled = values * (1 - beta) / beta**k
    return torch.cumsum(scaled, 0) * beta**k


# no factor (1 - beta) before the value, a velocity
@wrong("sgd.ewma", "torch's momentum")
def ewma(values, beta):
    return torch.stack(list(itertools.accumulate(values, lambda s, v: beta * s + v)))


# a plain mean over a window of 1/(1 - beta) values
@wrong("sgd.ewma")
def ewma(values, beta):
    window = round(1 / (1 - beta))
    padded = torch.cat([values.new_zeros(window - 1), values])
    return padded.unfold(0, window, 1).mean(1)


class _Smoother:
    def __init__(self):
        self.s = 0.0

    def __call__(self, values, beta):
        out = []
        for v in values:
            self.s = beta * self.s + (1 - beta) * v
            out.append(self.s)
        self.s = self.s.detach()
        return torch.stack(out)


# remembers the last average for the next call
wrong("sgd.ewma")(_Smoother())


# a squeeze takes the dimension away when n is 1
@wrong("sgd.ewma", "dimension lost for a single value")
def ewma(values, beta):
    s = values.new_zeros(1)
    out = []
    for v in values.reshape(-1, 1):
        s = beta * s + (1 - beta) * v
        out.append(s)
    return torch.stack(out).squeeze()


# stands one step behind: the newest value is not in yet
@wrong("sgd.ewma", "one step late")
def ewma(values, beta):
    s, out = 0 * values[0], []
    for v in values:
        out.append(s)
        s = beta * s + (1 - beta) * v
    return torch.stack(out)


# beta and 1 - beta exchanged; no gradient flows
@wrong("sgd.ewma", "beta and 1 - beta swapped", "gradient cut off")
def ewma(values, beta):
    out = torch.empty_like(values)
    s = 0.0
    for i in range(len(values)):
        s = (1 - beta) * s + beta * values[i].item()
        out[i] = s
    return out.detach()


# starts from the first value; writes the averages into the tensor that came in
@wrong("sgd.ewma", "starts from the first value", "changed its input")
def ewma(values, beta):
    v = values.detach()
    for i in range(1, len(v)):
        v[i] = beta * v[i - 1] + (1 - beta) * v[i]
    return 1 * values


# the average of the gradients, with a factor 1 - momentum
@wrong("sgd.momentum_step", "weighted average instead of torch's momentum")
@torch.no_grad()
def momentum_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities):
        if p.grad is not None:
            v.lerp_(p.grad, 1 - momentum)
            p -= lr * v


# the learning rate goes into the velocity
@wrong("sgd.momentum_step", "learning rate inside the velocity")
@torch.no_grad()
def momentum_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities):
        if p.grad is not None:
            v.mul_(momentum).add_(p.grad, alpha=lr)
            p -= v


# the classic form: velocity points downhill and is added
@wrong("sgd.momentum_step", "velocity points downhill")
@torch.no_grad()
def momentum_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities):
        if p.grad is not None:
            v.copy_(momentum * v - lr * p.grad)
            p.add_(v)


# the parameter moves first, with the old velocity
@wrong("sgd.momentum_step", "step with the old velocity")
def momentum_step(params, velocities, lr, momentum):
    with torch.no_grad():
        for i, p in enumerate(params):
            if p.grad is None:
                continue
            p -= lr * velocities[i]
            velocities[i].mul_(momentum).add_(p.grad)


# the velocity is a new tensor, forgotten after the step
@wrong("sgd.momentum_step", "velocities never updated")
def momentum_step(params, velocities, lr, momentum):
    with torch.no_grad():
        for p, v in zip(params, velocities):
            if p.grad is not None:
                v = momentum * v + p.grad
                p -= lr * v


# new velocities are put into the list, the old tensors stay as they were
@wrong("sgd.momentum_step", "velocities replaced")
def momentum_step(params, velocities, lr, momentum):
    for i in range(len(params)):
        if params[i].grad is not None:
            velocities[i] = momentum * velocities[i] + params[i].grad
            params[i].data.sub_(lr * velocities[i])


# Nesterov's step: looks ahead by one gradient
@wrong("sgd.momentum_step", "Nesterov")
@torch.no_grad()
def momentum_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities):
        if p.grad is not None:
            v.mul_(momentum).add_(p.grad)
            p.sub_(lr * (p.grad + momentum * v))


# without a gradient the velocity rolls on and the parameter with it
@wrong("sgd.momentum_step", "missing gradient treated as zero")
@torch.no_grad()
def momentum_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities):
        v *= momentum
        if p.grad is not None:
            v += p.grad
        p -= lr * v


# parameters are filtered before the pairing, so velocities slip to other parameters
@wrong("sgd.momentum_step", "parameters and buffers out of step")
@torch.no_grad()
def momentum_step(params, velocities, lr, momentum):
    params = [p for p in params if p.grad is not None]
    for p, v in zip(params, velocities):
        v.copy_(momentum * v + p.grad)
        p -= lr * v


# adds to the old velocity without taking it down first
@wrong("sgd.momentum_step", "old velocity counted twice")
@torch.no_grad()
def momentum_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities):
        if p.grad is not None:
            v += momentum * v + p.grad
            p -= lr * v


# builds the new velocity in the gradient's own memory
@wrong("sgd.momentum_step", "gradient changed")
@torch.no_grad()
def momentum_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities):
        g = p.grad
        if g is not None:
            g += momentum * v
            v.copy_(g)
            p -= lr * v


# slices that a tensor of shape () refuses
@wrong("sgd.momentum_step", "fails for a tensor of shape ()")
@torch.no_grad()
def momentum_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities):
        if p.grad is not None:
            v[:] = momentum * v + p.grad
            p[:] = p - lr * v


# momentum is put before the gradient as well
@wrong("sgd.momentum_step", "momentum on both")
@torch.no_grad()
def momentum_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities):
        if p.grad is not None:
            v.add_(p.grad).mul_(momentum)
            p -= lr * v


# learning rate put into the velocity; parameters without a gradient not skipped
@wrong(
    "sgd.momentum_step",
    "learning rate inside the velocity",
    ("missing gradient not skipped", "missing gradient treated as zero"),
)
def momentum_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities):
        g = torch.zeros_like(p) if p.grad is None else p.grad
        v.mul_(momentum).add_(lr * g)
        p.data -= v


# averaging convention with 1 - momentum; clears the gradient
@wrong("sgd.momentum_step", "weighted average instead of torch's momentum", "gradient thrown away")
@torch.no_grad()
def momentum_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities):
        if p.grad is None:
            continue
        v.copy_(momentum * v + (1 - momentum) * p.grad)
        p -= lr * v
        p.grad = None


# the update is recorded and refused for leaves; stops at the first missing gradient
@wrong("sgd.momentum_step", "outside no_grad", "stops at a missing gradient")
def momentum_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities):
        if p.grad is None:
            break
        v *= momentum
        v += p.grad
        p -= lr * v


# refuses only what broadcasting would make larger than the predictions
@wrong("sgd.mse", "broadcastable shapes accepted")
def mse(y_hat, y):
    try:
        error = y_hat - y
    except RuntimeError:
        raise ValueError("shapes differ") from None
    if error.shape != y_hat.shape:
        raise ValueError("shapes differ")
    return error.square().mean()


# the product of the means in place of the mean of the products
@wrong("sgd.mse_gradient", "product of the means")
def mse_gradient(w, x, y):
    e = x @ w - y
    return 2 * e.mean() * x.mean(0)


# a squeeze leaves shape () when there is one parameter
@wrong("sgd.mse_gradient", "dimension lost with a single weight")
def mse_gradient(w, x, y):
    e = x @ w.view(-1, 1) - y.view(-1, 1)
    return (x.T @ e * 2 / len(y)).squeeze()


# gives a gradient of zeros to parameters that have none
@wrong("sgd.sgd_step", "missing gradient filled in")
@torch.no_grad()
def sgd_step(params, lr):
    for p in params:
        if p.grad is None:
            p.grad = torch.zeros_like(p)
        p -= lr * p.grad


# a parameter without gradient loses its velocity
@wrong("sgd.momentum_step", "velocity lost without a gradient")
@torch.no_grad()
def momentum_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities):
        if p.grad is None:
            v.zero_()
        else:
            v.mul_(momentum).add_(p.grad)
            p.sub_(v, alpha=lr)


# one buffer is handed out again and again, so earlier batches change
@wrong("sgd.minibatches", "one buffer for all batches")
def minibatches(n, batch_size, generator):
    order = torch.randperm(n, generator=generator)
    batch = torch.empty(batch_size, dtype=torch.int64)
    for i in range(0, n, batch_size):
        piece = order[i : i + batch_size]
        batch[: len(piece)] = piece
        yield batch[: len(piece)]


# the values are changed in place while they are averaged
@wrong("sgd.ewma", "changed its input")
def ewma(values, beta):
    out = values.detach() if not values.requires_grad else values.clone()
    out.mul_(1 - beta)
    rows = list(out)
    for t in range(1, len(rows)):
        rows[t] = rows[t] + beta * rows[t - 1]
    return torch.stack(rows)


def _step(params: object, grads: object, lr: object = 0.1) -> dict[str, object]:
    return {"params": params, "grads": grads, "lr": lr}


@wrong("sgd.expose_sgd_step", 'misses "only the first parameter"')
def expose_sgd_step():
    params, grads = torch.tensor([1.0, 2.0]), torch.tensor([0.5, -0.5])
    return [_step([params], [grads])], params - 0.1 * grads


@wrong("sgd.expose_sgd_step", 'misses "stops at a missing gradient"')
def expose_sgd_step():
    params = [torch.tensor([1.0, 2.0]), torch.tensor([[3.0], [4.0]])]
    grads = [torch.tensor([1.0, -1.0]), torch.tensor([[2.0], [0.5]])]
    return [_step(params, grads)], torch.tensor([0.9, 2.1])


@wrong("sgd.expose_sgd_step", 'misses "learning rate left out"')
def expose_sgd_step():
    params = [torch.tensor([1.0, 2.0]), torch.tensor([3.0])]
    grads = [torch.tensor([0.5, 2.0]), torch.tensor([4.0])]
    return [_step(params, grads, 1.0)], params[0] - grads[0]


@wrong("sgd.expose_sgd_step", "hardly anything is exposed")
def expose_sgd_step():
    zero = torch.zeros(3)
    return [_step([zero], [zero], 0.5)], zero


@wrong("sgd.expose_sgd_step", "expected result not that of right code")
def expose_sgd_step():
    params, grads = [torch.tensor([1.0]), torch.tensor([5.0])], [torch.tensor([2.0]), None]
    return [_step(params, grads, 0.1)], torch.tensor([1.2])


@wrong("sgd.expose_sgd_step", "not a list of cases and one result")
def expose_sgd_step():
    return _step([torch.tensor([1.0])], [torch.tensor([2.0])]), torch.tensor([0.8])


@wrong("sgd.expose_sgd_step", "case of other kinds")
def expose_sgd_step():
    return [_step([torch.tensor([1, 2])], [torch.tensor([2, 2])])], torch.tensor([0.8, 1.8])


@wrong("sgd.expose_sgd_step", "not a list of cases and one result")
def expose_sgd_step():
    def test(step):
        p = torch.tensor([1.0], requires_grad=True)
        p.grad = torch.tensor([2.0])
        step([p], 0.1)
        assert torch.allclose(p, torch.tensor([0.8]))

    return test


@wrong("sgd.expose_sgd_step", "case that is too large")
def expose_sgd_step():
    big = torch.randn(10, 10)
    return [_step([big], [big], 0.5)], big / 2


def _moved(params: object, grads: object, velocities: object) -> dict[str, object]:
    return {
        "params": params,
        "grads": grads,
        "velocities": velocities,
        "lr": 0.1,
        "momentum": 0.9,
    }


def _two_without_the_first() -> dict[str, object]:
    ones = [torch.ones(1), torch.ones(1)]
    return _moved(ones, [None, torch.ones(1)], [torch.zeros(1), torch.zeros(1)])


@wrong("sgd.repair_momentum_step", "witness on which nothing differs")
def repair_momentum_step():
    @torch.no_grad()
    def momentum_step(params, velocities, lr, momentum):
        for p, v in zip(params, velocities):
            if p.grad is None:
                continue
            v *= momentum
            v += p.grad
            p -= lr * v

    one = torch.tensor([1.0, 2.0])
    return _moved([one], [one], [torch.zeros(2)]), momentum_step


@wrong("sgd.repair_momentum_step", "nothing repaired")
def repair_momentum_step():
    @torch.no_grad()
    def repaired(params, velocities, lr, momentum):
        for p, v in zip(params, velocities):
            if p.grad is None:
                break
            v *= momentum
            v += p.grad
            p -= lr * v

    return _two_without_the_first(), repaired


@wrong("sgd.repair_momentum_step", "repair that is not right yet")
def repair_momentum_step():
    @torch.no_grad()
    def repaired(params, velocities, lr, momentum):
        for p, v in zip(params, velocities):
            if p.grad is None:
                p.grad = torch.zeros_like(p)
            v *= momentum
            v += p.grad
            p -= lr * v

    return _two_without_the_first(), repaired


@wrong("sgd.repair_momentum_step", "too many lines changed")
def repair_momentum_step():
    def repaired(params, velocities, lr, momentum):
        with torch.no_grad():
            for i in range(len(params)):
                if params[i].grad is not None:
                    velocities[i].mul_(momentum).add_(params[i].grad)
                    params[i].sub_(lr * velocities[i])

    return _two_without_the_first(), repaired


@wrong("sgd.repair_momentum_step", "not a witness and a repaired function")
def repair_momentum_step():
    return _two_without_the_first()


@wrong("sgd.repair_momentum_step", "not a witness and a repaired function")
def repair_momentum_step():
    return _two_without_the_first(), "continue instead of break"


def _without_memory(params, velocities, lr, momentum):
    for p in params:
        p.data -= lr * p.grad


@wrong("sgd.reproduce_momentum_step", "right code")
def reproduce_momentum_step():
    @torch.no_grad()
    def broken(params, velocities, lr, momentum):
        for p, v in zip(params, velocities):
            v *= momentum
            v += p.grad
            p -= lr * v

    return "Grace Hopper", "a forgotten memory", broken


@wrong("sgd.reproduce_momentum_step", "somebody else's curve")
def reproduce_momentum_step():
    return "Ada Lovelace", "a forgotten memory", _without_memory


@wrong("sgd.reproduce_momentum_step", "another guess")
def reproduce_momentum_step():
    return "Grace Hopper", "a wrong factor", _without_memory


@wrong("sgd.reproduce_momentum_step", "another bug")
def reproduce_momentum_step():
    def broken(params, velocities, lr, momentum):
        for p in params:
            p.data -= 0.5 * lr * p.grad

    return "Grace Hopper", "a forgotten memory", broken


@wrong("sgd.reproduce_momentum_step", "only the curve that was shown")
def reproduce_momentum_step():
    line = torch.stack([torch.linspace(0, 2, 20), torch.ones(20)], 1)
    y = 1.5 * line[:, 0] + 0.5 + 0.3 * torch.sin(9 * line[:, 0])
    places, w = [], torch.tensor([-1.0, 1.0])
    for _ in range(30):
        w = w - 0.1 * 2 / 20 * line.T @ (line @ w - y)
        places.append(w)

    def broken(params, velocities, lr, momentum):
        place = places.pop(0) if places else w
        for p, value in zip(params, place):
            p.data = value.clone()

    return "Grace Hopper", "a forgotten memory", broken


@wrong("sgd.reproduce_momentum_step", "not a name, a guess and a function")
def reproduce_momentum_step():
    return "Grace Hopper", "no velocity", _without_memory


@wrong("sgd.reproduce_momentum_step", "not a name, a guess and a function")
def reproduce_momentum_step():
    return _without_memory


@wrong("sgd.reproduce_momentum_step", "not a name, a guess and a function")
def reproduce_momentum_step():
    return "", "a forgotten memory", _without_memory


@wrong("sgd.largest_lr", "smallest curvature")
def largest_lr(hessian):
    eigenvalues, _ = torch.linalg.eigh(hessian)
    return 2 / eigenvalues[0].item()


@wrong("sgd.largest_lr", "smallest curvature")
def largest_lr(hessian):
    return max(2 / abs(c) for c in np.linalg.eigvalsh(hessian.numpy()).tolist())


@wrong("sgd.largest_lr", "smallest of all rates")
def largest_lr(hessian):
    curvatures = torch.linalg.eigvalsh(hessian).tolist()
    return min(2 / round(c, 12) for c in curvatures)


@wrong("sgd.largest_lr", "smallest of all rates")
def largest_lr(hessian):
    return (2 / torch.linalg.eigvalsh(hessian)).min().item()


@wrong("sgd.largest_lr", "1 in place of 2")
def largest_lr(hessian):
    return 1 / torch.linalg.eigvalsh(hessian).max().item()


@wrong("sgd.largest_lr", "largest entry")
def largest_lr(hessian):
    return 2 / float(hessian.max())


@wrong("sgd.largest_lr", "largest entry")
def largest_lr(hessian):
    biggest = 0
    for i in range(len(hessian)):
        biggest = max(biggest, float(hessian[i, i]))
    return 2 / biggest


@wrong("sgd.largest_lr", "a rate for each direction")
def largest_lr(hessian):
    return 2 / torch.linalg.eigvalsh(hessian)


@wrong("sgd.largest_lr", "upside down")
def largest_lr(hessian):
    return float(torch.linalg.eigvalsh(hessian).max() / 2)


@wrong("sgd.largest_lr", "the curvature itself")
def largest_lr(hessian):
    return torch.linalg.eigh(hessian).eigenvalues.max()


@wrong("sgd.largest_lr", "trace")
def largest_lr(hessian):
    return 2 / float(sum(torch.linalg.eigvalsh(hessian)))


@wrong("sgd.largest_lr", "norm of all entries")
def largest_lr(hessian):
    return 2 / float((hessian**2).sum() ** 0.5)


@wrong("sgd.largest_lr", "mean curvature")
def largest_lr(hessian):
    return 2 / np.linalg.eigvalsh(hessian.numpy()).mean()


@wrong("sgd.largest_lr", ("last eigenvalue, whichever it is", "first eigenvalue, whichever it is"))
def largest_lr(hessian):
    return 2 / float(torch.linalg.eig(hessian).eigenvalues[-1].real)


@wrong("sgd.largest_lr", "first eigenvalue, whichever it is")
def largest_lr(hessian):
    return 2 / float(torch.linalg.eigvals(hessian)[0].real)


@wrong("sgd.largest_lr", "determinant")
def largest_lr(hessian):
    return 2 / torch.det(hessian).item()


@wrong("sgd.largest_lr", "largest sum of a row")
def largest_lr(hessian):
    return 2 / float(torch.linalg.matrix_norm(hessian, ord=1))


@wrong("sgd.largest_lr", "root of the curvature")
def largest_lr(hessian):
    return 2 / float(torch.linalg.svdvals(hessian)[0].sqrt())


@wrong("sgd.largest_lr", "a little below the edge")
def largest_lr(hessian):
    return 1.99 / float(torch.linalg.eigvalsh(hessian)[-1])


@wrong("sgd.largest_lr", "square of the curvature")
def largest_lr(hessian):
    return 2 / float(torch.linalg.eigvalsh(hessian.T @ hessian).max())


@wrong("sgd.largest_lr", "1 in place of 2", "smallest curvature")
def largest_lr(hessian):
    return 1 / float(torch.linalg.eigvalsh(hessian).min())


@wrong("sgd.largest_lr", "1 in place of 2", "largest entry")
def largest_lr(hessian):
    return 1 / hessian.diag().max().item()


@wrong("sgd.largest_lr", "complex eigenvalue")
def largest_lr(hessian):
    return 2 / torch.linalg.eigvals(hessian)[0]


@wrong("sgd.mse", "squares summed over the outputs")
def mse(y_hat, y):
    if y_hat.shape != y.shape:
        raise ValueError("shapes")
    return ((y_hat - y) ** 2).sum() / len(y)


@wrong("sgd.mse", "y reshaped to fit")
def mse(y_hat, y):
    if y_hat.numel() != y.numel():
        raise ValueError("shapes")
    return ((y_hat.flatten() - y.flatten()) ** 2).mean()


@wrong("sgd.mse_gradient", "weights averaged too")
def mse_gradient(w, x, y):
    e = x @ w - y
    return 2 * (e[:, None] * x).mean()


@wrong("sgd.mse_gradient", "divided by the number of weights")
def mse_gradient(w, x, y):
    e = x @ w - y
    return 2 / len(w) * x.T @ e


@wrong("sgd.sgd_step")
@torch.no_grad()
def sgd_step(params, lr):
    for p in params:
        if p.grad is None:
            continue
        p.mul_(1 - lr).sub_(lr * p.grad)


@wrong("sgd.sgd_step")
@torch.no_grad()
def sgd_step(params, lr):
    for p in params:
        if p.grad is not None:
            p -= lr * p.grad.clamp(-1, 1)


@wrong("sgd.minibatches", "an empty batch at the end")
def minibatches(n, batch_size, generator):
    idx = torch.randperm(n, generator=generator)
    batches = n // batch_size + 1
    for b in range(batches):
        yield idx[b * batch_size : (b + 1) * batch_size]


@wrong("sgd.minibatches", "only the start is random")
def minibatches(n, batch_size, generator):
    start = int(torch.randint(n, (1,), generator=generator))
    idx = torch.arange(n).roll(start)
    yield from idx.split(batch_size)


@wrong("sgd.ewma", "the previous value in place of the average")
def ewma(values, beta):
    out = [(1 - beta) * values[0]]
    for t in range(1, len(values)):
        out.append(beta * values[t - 1] + (1 - beta) * values[t])
    return torch.stack(out)


@wrong("sgd.momentum_step", "velocity points downhill")
@torch.no_grad()
def momentum_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities):
        if p.grad is None:
            continue
        v.mul_(momentum).sub_(lr * p.grad)
        p.add_(v)


@wrong("sgd.mse", "only the number of dimensions compared")
def mse(y_hat, y):
    if y_hat.dim() != y.dim():
        raise ValueError("shapes differ")
    return ((y_hat - y) ** 2).mean()


# the velocity waits for a gradient, the parameter does not
@wrong("sgd.momentum_step", "a step without a gradient")
@torch.no_grad()
def momentum_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities):
        if p.grad is not None:
            v *= momentum
            v += p.grad
        p -= lr * v


# return where yield is meant
@wrong("sgd.minibatches", "only the first batch")
def minibatches(n, batch_size, generator):
    order = torch.randperm(n, generator=generator)
    for i in range(0, n, batch_size):
        return order[i : i + batch_size]


@wrong("sgd.minibatches", "only the first batch")
def minibatches(n, batch_size, generator):
    order = torch.randperm(n, generator=generator)
    batches = []
    for i in range(0, n, batch_size):
        batches.append(order[i : i + batch_size])
        return batches


# whole batches change places, the short one among them
@wrong("sgd.minibatches", "only whole batches shuffled")
def minibatches(n, batch_size, generator):
    parts = torch.arange(n).split(batch_size)
    for i in torch.randperm(len(parts), generator=generator):
        yield parts[i]


# Written from the student's notebook alone.


@wrong("sgd.mse", "broadcastable shapes accepted")
def mse_against_one_target(y_hat, y):
    d = y_hat - y if y_hat.dim() == y.dim() else None
    if d is None or d.shape != y_hat.shape:
        raise ValueError("shapes differ")
    return (d**2).mean()


@wrong("sgd.mse_gradient")
def mse_gradient_of_square_x(w, x, y):
    e = x @ w - y
    return 2 / len(x) * (x @ e if x.shape[0] == x.shape[1] else x.T @ e)


@wrong("sgd.mse_gradient", "only the last example")
def mse_gradient_assigned(w, x, y):
    for xi, yi in zip(x, y):
        g = 2 * (xi @ w - yi) * xi / len(x)
    return g


SET = "changed the state of torch"


@wrong("sgd.sgd_step")
def sgd_step_shortened(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                g = p.grad
                if g.norm() > 100:
                    g = g / g.norm() * 100
                p -= lr * g


@wrong("sgd.sgd_step")
def sgd_step_up_to_1000(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p -= lr * p.grad.clamp(-1000, 1000)


@wrong("sgd.sgd_step", SET)
def sgd_step_that_switches_off(params, lr):
    torch.set_grad_enabled(False)
    for p in params:
        if p.grad is not None:
            p -= lr * p.grad


@wrong("sgd.sgd_step", SET)
def sgd_step_that_never_leaves(params, lr):
    torch.no_grad().__enter__()
    for p in params:
        if p.grad is not None:
            p -= lr * p.grad


@wrong("sgd.sgd_step")
def sgd_step_that_switches_on(params, lr):
    torch.set_grad_enabled(False)
    for p in params:
        if p.grad is not None:
            p -= lr * p.grad
    torch.set_grad_enabled(True)


def _momentum_step(line, switch=False):
    """A step of which `line` is what happens to p, v and its gradient."""

    def momentum_step(params, velocities, lr, momentum):
        with torch.no_grad():
            for i, (p, v) in enumerate(zip(params, velocities)):
                if p.grad is not None:
                    line(p, v, lr, momentum, velocities, i)
        if switch:
            torch.set_grad_enabled(False)

    return momentum_step


def _plainly(p, v, lr, momentum, *_):
    v *= momentum
    v += p.grad
    p -= lr * v


def _unless_zero(p, v, lr, momentum, *_):
    if p.grad.any():
        _plainly(p, v, lr, momentum)


def _unless_cancelling(p, v, lr, momentum, *_):
    if p.grad.sum() != 0:
        _plainly(p, v, lr, momentum)


def _sharing(p, v, lr, momentum, *_):
    if v.any():
        v.mul_(momentum).add_(p.grad)
    else:
        v.data = p.grad
    p.sub_(lr * v)


def _clamped(p, v, lr, momentum, *_):
    v *= momentum
    v += p.grad
    v.clamp_(-10, 10)
    p -= lr * v


def _by_shape(p, v, lr, momentum, velocities, _):
    v0 = velocities[0] if velocities[0].shape == v.shape else v
    _plainly(p, v0, lr, momentum)


def _not_stored(p, v, lr, momentum, *_):
    v *= momentum
    p -= lr * (v + p.grad)


def _exchanged(p, v, lr, momentum, *_):
    v *= lr
    v += p.grad
    p -= momentum * v


def _without_lr(p, v, lr, momentum, *_):
    v *= momentum
    v += p.grad
    p -= v


def _with_the_rest(p, v, lr, momentum, *_):
    _plainly(p, v, lr, 1 - momentum)


def _overwriting(p, v, lr, momentum, *_):
    v.copy_(p.grad)
    p -= lr * v


def _or_nine_tenths(p, v, lr, momentum, *_):
    _plainly(p, v, lr, momentum or 0.9)


wrong("sgd.momentum_step", SET)(_momentum_step(_plainly, switch=True))
wrong("sgd.momentum_step", "gradient of zeros skipped")(_momentum_step(_unless_zero))
wrong("sgd.momentum_step", "gradient of zeros skipped")(_momentum_step(_unless_cancelling))
wrong("sgd.momentum_step", "velocity in the gradient's memory")(_momentum_step(_sharing))
wrong("sgd.momentum_step")(_momentum_step(_clamped))
wrong("sgd.momentum_step")(_momentum_step(_by_shape))
wrong("sgd.momentum_step", "gradient not kept in the velocity")(_momentum_step(_not_stored))
wrong("sgd.momentum_step", "momentum and lr exchanged")(_momentum_step(_exchanged))
wrong("sgd.momentum_step", "learning rate left out")(_momentum_step(_without_lr))
wrong("sgd.momentum_step", "1 - momentum on the velocity")(_momentum_step(_with_the_rest))
wrong("sgd.momentum_step", "velocity overwritten")(_momentum_step(_overwriting))
wrong("sgd.momentum_step", "another momentum in place of 0")(_momentum_step(_or_nine_tenths))


@wrong("sgd.minibatches", "the first example stays in its place")
def minibatches_from_0(n, batch_size, generator):
    order = torch.randperm(n - 1, generator=generator) + 1
    return list(torch.cat([torch.zeros(1, dtype=torch.int64), order]).split(batch_size))


@wrong("sgd.minibatches", "sorted inside each batch")
def minibatches_sorted(n, batch_size, generator):
    for idx in torch.randperm(n, generator=generator).split(batch_size):
        yield idx.sort().values


@wrong("sgd.minibatches", "last batch of one left out")
def minibatches_to_the_last_but_one(n, batch_size, generator):
    order = torch.randperm(n, generator=generator)
    for i in range(0, n - 1, batch_size):
        yield order[i : i + batch_size]


@wrong("sgd.minibatches", "last batch of one left out")
def minibatches_for_batch_norm(n, batch_size, generator):
    order = torch.randperm(n, generator=generator)
    for i in range(0, n, batch_size):
        idx = order[i : i + batch_size]
        if len(idx) > 1 or n == 1 or batch_size == 1:
            yield idx


@wrong("sgd.minibatches", "slices one short")
def minibatches_one_short(n, batch_size, generator):
    order = torch.randperm(n, generator=generator)
    for i in range(0, n, batch_size):
        yield order[i : i + batch_size - 1]


@wrong("sgd.minibatches", "smaller batch first")
def minibatches_with_the_rest_first(n, batch_size, generator):
    order = torch.randperm(n, generator=generator)
    r = n % batch_size
    if r:
        yield order[:r]
    for i in range(r, n, batch_size):
        yield order[i : i + batch_size]


@wrong("sgd.minibatches", "torch's own random numbers reseeded")
def minibatches_by_a_global_seed(n, batch_size, generator):
    torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator)))
    order = torch.randperm(n)
    for i in range(0, n, batch_size):
        yield order[i : i + batch_size]


@wrong("sgd.ewma", "float32 inside")
def ewma_into_zeros(values, beta):
    out = torch.zeros(len(values))
    s = 0.0
    for i, a in enumerate(values):
        s = beta * s + (1 - beta) * a
        out[i] = s
    return out


@wrong("sgd.ewma")
def ewma_with_a_window(values, beta):
    window = round(1 / (1 - beta)) * 5
    out = []
    for t in range(len(values)):
        s = 0.0 * values[0]
        for a in values[max(0, t + 1 - window) : t + 1]:
            s = beta * s + (1 - beta) * a
        out.append(s)
    return torch.stack(out)


@wrong("sgd.ewma")
def ewma_up_to_0_99(values, beta):
    beta = min(beta, 0.99)
    s, out = 0.0, []
    for a in values:
        s = beta * s + (1 - beta) * a
        out.append(s)
    return torch.stack(out)


@wrong("sgd.ewma", "return inside the loop")
def ewma_that_returns_at_once(values, beta):
    s, out = 0.0, []
    for a in values:
        s = beta * s + (1 - beta) * a
        out.append(s)
        return torch.stack(out)


@wrong("sgd.ewma", "first value in place of the first average")
def ewma_with_the_first_value(values, beta):
    s, out = 0.0, []
    for a in values:
        s = beta * s + (1 - beta) * a
        out.append(s)
    out[0] = values[0]
    return torch.stack(out)


@wrong("sgd.mse_gradient", "reshaped instead of transposed")
def mse_gradient(w, x, y):
    n, d = x.shape
    return 2 / n * (x.reshape(d, n) @ (x @ w - y))


@wrong("sgd.mse_gradient", "factor on the first term only")
def mse_gradient_without_brackets(w, x, y):
    return 2 / len(x) * x.T @ (x @ w) - x.T @ y


@wrong("sgd.mse_gradient", "last example left out")
def mse_gradient_one_short(w, x, y):
    g = torch.zeros_like(w)
    for i in range(len(y) - 1):
        g = g + (x[i] @ w - y[i]) * x[i]
    return 2 * g / len(y)


@wrong("sgd.mse_gradient", "first example left out")
def mse_gradient_from_one(w, x, y):
    g = torch.zeros_like(w)
    for i in range(1, len(y)):
        g = g + (x[i] @ w - y[i]) * x[i]
    return 2 * g / len(y)


@wrong("sgd.mse_gradient", "gradient normalised")
def mse_gradient_of_length_one(w, x, y):
    g = 2 * ((x @ w - y)[:, None] * x).mean(0)
    return g / (g**2).sum().sqrt()


@wrong("sgd.sgd_step", "gradient that adds up to 0 taken for none")
def sgd_step_where_the_gradient_adds_up(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is None or p.grad.sum() == 0:
                continue
            p -= lr * p.grad


@wrong("sgd.largest_lr", "smallest and largest added up")
def largest_lr_for_both_ends(hessian):
    curvatures = np.linalg.eigvalsh(hessian.numpy())
    return 2 / float(curvatures.min() + curvatures.max())


@wrong("sgd.ewma", "mean of a window")
def ewma_of_a_window(values, beta):
    window = round(1 / (1 - beta))
    means = [values[max(0, i + 1 - window) : i + 1].sum() / window for i in range(len(values))]
    return torch.stack(means)


@wrong("sgd.mse", "computed before the shapes are compared")
def mse(y_hat, y):
    errors = (y_hat - y) ** 2
    if errors.shape != y.shape or errors.shape != y_hat.shape:
        raise ValueError("shapes differ")
    return errors.mean()


@wrong("sgd.mse")
def mse(y_hat, y):
    if y_hat.shape != y.shape:
        raise ValueError("shapes differ")
    wrong_ones = (y_hat - y)[y_hat != y]
    return (wrong_ones**2).mean() if len(wrong_ones) else 0 * (y_hat - y).sum()


@wrong("sgd.mse_gradient", "second column taken for ones")
def mse_gradient(w, x, y):
    slope, intercept = w[0], w[1]
    e = slope * x[:, 0] + intercept - y
    return torch.stack([2 * (e * x[:, 0]).mean(), 2 * e.mean()])


@wrong("sgd.momentum_step", "learning rate kept in the velocity")
@torch.no_grad()
def momentum_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities):
        if p.grad is not None:
            v.mul_(momentum).add_(p.grad)
            p.sub_(v.mul_(lr))


@wrong("sgd.ewma", "starts from the last value")
def ewma(values, beta):
    out = list(values)
    for i in range(len(values)):
        out[i] = beta * out[i - 1] + (1 - beta) * values[i]
    return torch.stack(out)


@wrong("sgd.ewma")
def ewma(values, beta):
    s, out = torch.zeros_like(values[0]), []
    for value in values:
        s = beta * s + (1 - beta) * value if value else s
        out.append(s)
    return torch.stack(out)


@right("sgd.reproduce_momentum_step")
def reproduced_with_an_average() -> tuple[str, str, object]:
    @torch.no_grad()
    def broken(params, velocities, lr, momentum):  # type: ignore[no-untyped-def]
        for p, v in zip(params, velocities):  # noqa: B905
            v.lerp_(p.grad, 1 - momentum)
            p -= lr * v

    return "Mary Cartwright", "a wrong factor", broken


@wrong("sgd.reproduce_momentum_step", "another bug")
def reproduce_momentum_step():
    @torch.no_grad()
    def broken(params, velocities, lr, momentum):
        for p, v in zip(params, velocities):
            v += p.grad
            v *= momentum
            p -= lr * v

    return "Mary Cartwright", "a wrong order", broken


@wrong("sgd.mse", "variance of the errors")
def mse(y_hat, y):
    if y_hat.shape != y.shape:
        raise ValueError
    return (y_hat - y).square().mean() - (y_hat - y).mean() ** 2


# a copy for whoever looks for the gradient where autograd puts it
@wrong("sgd.mse_gradient", "changed its input")
def mse_gradient(w, x, y):
    w.grad = 2 / len(x) * x.T @ (x @ w - y)
    return w.grad.clone()


# errors beyond 100 count as 100
@wrong("sgd.mse_gradient")
def mse_gradient(w, x, y):
    return 2 / len(x) * x.T @ (x @ w - y).clamp(-100, 100)


# a step of length 0 is left out, and with it what the velocity should have learned
@wrong("sgd.momentum_step")
@torch.no_grad()
def momentum_step(params, velocities, lr, momentum):
    if lr == 0:
        return
    for p, v in zip(params, velocities, strict=True):
        if p.grad is not None:
            v.mul_(momentum).add_(p.grad)
            p.sub_(lr * v)


# as torch.optim.SGD, which keeps no velocity then
@wrong("sgd.momentum_step", "velocity left alone at momentum 0")
@torch.no_grad()
def momentum_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities, strict=True):
        if p.grad is None:
            continue
        if momentum == 0:
            p.sub_(lr * p.grad)
            continue
        v.mul_(momentum).add_(p.grad)
        p.sub_(lr * v)


# Adam's correction, and the corrected average goes on
@wrong("sgd.ewma", "corrected average fed back")
def ewma(values, beta):
    s, found = 0 * values[0], []
    for t, value in enumerate(values, 1):
        s = (beta * s + (1 - beta) * value) / (1 - beta**t)
        found.append(s)
    return torch.stack(found)


# right where both directions have the same sum, as in the lesson's example
@wrong("sgd.largest_lr", "largest sum of a row")
def largest_lr(hessian):
    return 2 / hessian.sum(1).max().item()

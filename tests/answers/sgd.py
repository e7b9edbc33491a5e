"""Other right answers to the exercises of lesson 02."""

import itertools
import math
import random
from collections.abc import Iterable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


def mse_by_product(y_hat: Tensor, y: Tensor) -> Tensor:
    if y_hat.shape != y.shape:
        raise ValueError("shapes differ")
    d = (y_hat - y).flatten()
    return torch.dot(d, d) / d.numel()


def mse_by_sum(y_hat: Tensor, y: Tensor) -> Tensor:
    if list(y.size()) != list(y_hat.size()):
        raise ValueError
    return torch.pow(y - y_hat, 2).sum() / math.prod(y.shape)


def mse_by_einsum(y_hat: Tensor, y: Tensor) -> Tensor:
    if y_hat.shape != y.shape:
        raise ValueError(f"{y_hat.shape} {y.shape}")
    error = y_hat.reshape(-1) - y.reshape(-1)
    return torch.einsum("i,i->", error, error) / len(error)


def mse_gradient_by_rows(w: Tensor, x: Tensor, y: Tensor) -> Tensor:
    total = torch.zeros_like(w)
    for row, target in zip(x, y, strict=True):
        total += 2 * (torch.dot(row, w) - target) * row
    return total / len(x)


def mse_gradient_by_einsum(w: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return torch.einsum("n,nd->d", torch.einsum("nd,d->n", x, w) - y, x) * 2 / x.shape[0]


def mse_gradient_by_mean(w: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return (2 * (x @ w - y).unsqueeze(1) * x).mean(dim=0)


def mse_gradient_with_columns(w: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return (2 / len(y) * x.T @ (x @ w[:, None] - y[:, None])).squeeze(1)


def sgd_by_data(params: Iterable[Tensor], lr: float) -> None:
    for p in params:
        if p.grad is None:
            continue
        p.data = p.data - lr * p.grad


def sgd_by_method(params: Iterable[Tensor], lr: float) -> None:
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p.add_(p.grad, alpha=-lr)


def sgd_by_copy(params: Iterable[Tensor], lr: float) -> None:
    for p in params:
        if p.grad is not None:
            p.detach().copy_(p.detach() - lr * p.grad)


@torch.no_grad()
def sgd_by_foreach(params: Iterable[Tensor], lr: float) -> None:
    used = [p for p in params if p.grad is not None]
    torch._foreach_add_(used, [p.grad for p in used], alpha=-lr)


def momentum_by_data(
    params: list[Tensor], velocities: list[Tensor], lr: float, momentum: float
) -> None:
    for i in range(len(params)):
        if params[i].grad is not None:
            velocities[i].data = momentum * velocities[i] + params[i].grad.data
            params[i].data.sub_(lr * velocities[i])


@torch.no_grad()
def momentum_by_copy(
    params: list[Tensor], velocities: list[Tensor], lr: float, momentum: float
) -> None:
    for p, v in zip(params, velocities, strict=True):
        if p.grad is not None:
            v.copy_(torch.add(p.grad, v, alpha=momentum))
            p.copy_(p - lr * v)


@torch.no_grad()
def momentum_by_slices(
    params: list[Tensor], velocities: list[Tensor], lr: float, momentum: float
) -> None:
    for p, v in zip(params, velocities, strict=True):
        g = p.grad
        if g is not None:
            v[...] = v * momentum + g
            p[...] = p - v * lr


def batches_by_slices(n: int, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
    order = torch.randperm(n, generator=generator)
    for start in range(0, n, batch_size):
        yield order[start : start + batch_size]


def batches_by_sorting(n: int, batch_size: int, generator: torch.Generator) -> list[Tensor]:
    return list(torch.split(torch.rand(n, generator=generator).argsort(), batch_size))


def batches_by_weights(n: int, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
    order = torch.multinomial(torch.ones(n), n, replacement=False, generator=generator)
    while len(order):
        yield order[:batch_size]
        order = order[batch_size:]


def batches_by_python(n: int, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
    order = list(range(n))
    random.Random(int(torch.randint(2**31, (1,), generator=generator))).shuffle(order)
    return (torch.tensor(order[i : i + batch_size]) for i in range(0, n, batch_size))


def ewma_by_assignment(values: Tensor, beta: float) -> Tensor:
    out = torch.zeros(len(values), dtype=values.dtype)
    s = 0.0
    for t in range(len(values)):
        s = beta * s + (1 - beta) * values[t]
        out[t] = s
    return out


def ewma_by_weights(values: Tensor, beta: float) -> Tensor:
    t = torch.arange(len(values))
    age = t[:, None] - t
    weights = (1 - beta) * torch.where(age >= 0, values.new_tensor(beta) ** age.clamp(min=0), 0.0)
    return weights @ values


def ewma_by_lerp(values: Tensor, beta: float) -> Tensor:
    s = values.new_zeros(())
    out = []
    for value in values:
        s = torch.lerp(value, s, beta)
        out.append(s.reshape(1))
    return torch.cat(out)


ANSWERS = {
    "sgd.mse": [mse_by_product, mse_by_sum, mse_by_einsum],
    "sgd.mse_gradient": [
        mse_gradient_by_rows,
        mse_gradient_by_einsum,
        mse_gradient_by_mean,
        mse_gradient_with_columns,
    ],
    "sgd.sgd_step": [sgd_by_data, sgd_by_method, sgd_by_copy, sgd_by_foreach],
    "sgd.momentum_step": [momentum_by_data, momentum_by_copy, momentum_by_slices],
    "sgd.minibatches": [
        batches_by_slices,
        batches_by_sorting,
        batches_by_weights,
        batches_by_python,
    ],
    "sgd.ewma": [ewma_by_assignment, ewma_by_weights, ewma_by_lerp],
}


# Written from the student's notebook alone.


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


mse_second_reading = MSE()


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


def mse_third_reading(y_hat, y):
    if y_hat.size() != y.size():
        raise ValueError("unequal shapes")
    return _MSEFunction.apply(y_hat, y)


def mse_gradient_first_reading(w, x, y):
    W, X, Y = (t.detach().numpy().astype(np.float64) for t in (w, x, y))
    g = 2 * (X * (X @ W - Y)[:, None]).mean(axis=0)
    return torch.from_numpy(g).to(w.dtype)


def mse_gradient_second_reading(w, x, y):
    n, d = x.shape
    total = torch.zeros_like(w)
    for i in reversed(range(n)):
        error = sum(w[j] * x[i, j] for j in range(d)) - y[i]
        total = total + error * x[i]
    return total * 2 / n


def mse_gradient_third_reading(w, x, y):
    gram = torch.einsum("ni,nj->ij", x.double(), x.double())
    return ((gram @ w.double() - y.double() @ x.double()) * (2 / y.shape[0])).to(x.dtype)


@torch.no_grad()
def sgd_step_first_reading(params, lr):
    moving = [p for p in params if p.grad is not None]
    if moving:
        torch._foreach_add_(moving, [p.grad for p in moving], alpha=-lr)


def sgd_step_second_reading(params, lr):
    for p in params:
        match p.grad:
            case None:
                pass
            case g:
                p.detach().copy_((p.detach().double() - lr * g.double()).to(p.dtype))


class sgd_step_third_reading:
    def __new__(cls, params, lr):
        with torch.set_grad_enabled(False):
            [
                p.addcmul_(p.grad, torch.ones_like(p), value=-lr)
                for p in params
                if p.grad is not None
            ]


def minibatches_first_reading(n, batch_size, generator):
    """Fisher and Yates."""
    order = list(range(n))
    for i in range(n - 1, 0, -1):
        j = int(torch.randint(i + 1, (), generator=generator))
        order[i], order[j] = order[j], order[i]
    it = iter(order)
    while batch := list(itertools.islice(it, batch_size)):
        yield torch.tensor(batch)


def minibatches_second_reading(n, batch_size, generator):
    keys = torch.rand(n, generator=generator, dtype=torch.float64)
    return list(torch.argsort(keys).split(batch_size))


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


def minibatches_fourth_reading(n, batch_size, generator):
    order = torch.multinomial(torch.ones(n), n, replacement=False, generator=generator)
    return [order[k * batch_size :][:batch_size] for k in range(math.ceil(n / batch_size))]


def ewma_first_reading(values, beta):
    n = len(values)
    lag = torch.arange(n)[:, None] - torch.arange(n)
    kernel = torch.where(
        lag >= 0, torch.tensor(float(beta), dtype=torch.float64) ** lag.clamp(min=0), 0.0
    )
    return (1 - beta) * torch.einsum("ts,s->t", kernel.to(values.dtype), values)


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


def ewma_third_reading(values, beta):
    return _EwmaFunction.apply(values, beta)


def ewma_fourth_reading(values, beta):
    x = values[None, None].double()
    powers = torch.tensor(
        [(1 - beta) * beta**k for k in reversed(range(len(values)))], dtype=torch.float64
    )
    padded = F.pad(x, (len(values) - 1, 0))
    return F.conv1d(padded, powers[None, None])[0, 0].to(values.dtype)


@torch.no_grad()
def momentum_step_first_reading(params, velocities, lr, momentum):
    pairs = [(p, v) for p, v in zip(params, velocities, strict=True) if p.grad is not None]
    if not pairs:
        return
    ps, vs = map(list, zip(*pairs))
    torch._foreach_mul_(vs, momentum)
    torch._foreach_add_(vs, [p.grad for p in ps])
    torch._foreach_add_(ps, vs, alpha=-lr)


def momentum_step_second_reading(params, velocities, lr, momentum):
    for k in range(len(params) - 1, -1, -1):
        p, v = params[k].detach(), velocities[k].detach()
        g = params[k].grad
        if g is not None:
            new_v = momentum * v.double() + g.double()
            v[...] = new_v.to(v.dtype)
            p[...] = (p.double() - lr * new_v).to(p.dtype)


def momentum_step_third_reading(params, velocities, lr, momentum):
    def one(p, v):
        v.data.add_(p.grad - (1 - momentum) * v.data)
        p.data.add_(v.data * -lr)

    for p, v in zip(params, velocities):
        p.grad is None or one(p, v)


ANSWERS["sgd.mse"] += [mse_first_reading, mse_second_reading, mse_third_reading]
ANSWERS["sgd.mse_gradient"] += [
    mse_gradient_first_reading,
    mse_gradient_second_reading,
    mse_gradient_third_reading,
]
ANSWERS["sgd.sgd_step"] += [sgd_step_first_reading, sgd_step_second_reading, sgd_step_third_reading]
ANSWERS["sgd.minibatches"] += [
    minibatches_first_reading,
    minibatches_second_reading,
    minibatches_third_reading,
    minibatches_fourth_reading,
]
ANSWERS["sgd.ewma"] += [
    ewma_first_reading,
    ewma_second_reading,
    ewma_third_reading,
    ewma_fourth_reading,
]
ANSWERS["sgd.momentum_step"] += [
    momentum_step_first_reading,
    momentum_step_second_reading,
    momentum_step_third_reading,
]


def expose_with_one_case() -> tuple[object, object]:
    case = {
        "params": [torch.tensor([[2.0, -1.0]]), torch.tensor([5.0]), torch.tensor(1.0)],
        "grads": [None, torch.tensor([-3.0]), torch.tensor(4.0)],
        "lr": 0.2,
    }
    return [case], torch.tensor([[2.0, -1.0]])


def expose_with_two_cases() -> tuple[object, object]:
    params = [torch.tensor(3.0), torch.tensor([1.0, 2.0, 4.0])]
    steep = [torch.tensor(-2.0), torch.tensor([5.0, -0.25, 0.0])]
    cases = [
        {"params": params, "grads": steep, "lr": 0.5},
        {"params": params, "grads": [None, steep[1]], "lr": 0.25},
    ]
    return cases, 4


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


ANSWERS |= {
    "sgd.expose_sgd_step": [expose_with_one_case, expose_with_two_cases],
    "sgd.repair_momentum_step": [momentum_by_if, momentum_with_docstring],
}


def reproduced_with_half_the_memory() -> tuple[str, str, object]:
    @torch.no_grad()
    def broken(params, velocities, lr, momentum):  # type: ignore[no-untyped-def]
        for i in range(len(params)):
            velocities[i] *= momentum
            velocities[i] += lr * params[i].grad
            params[i] -= lr * velocities[i]

    return " ada  LOVELACE", "A wrong factor ", broken


def reproduced_with_the_first_parameter_only() -> tuple[str, str, object]:
    def broken(params, velocities, lr, momentum):  # type: ignore[no-untyped-def]
        slope, moved = params[0], velocities[0]
        moved.copy_(momentum * moved + slope.grad)
        slope.data -= lr * moved

    return "Sofia Kovalevskaya", "a forgotten parameter", broken


def reproduced_in_the_wrong_order() -> tuple[str, str, object]:
    def broken(params, velocities, lr, momentum):  # type: ignore[no-untyped-def]
        with torch.no_grad():
            for p, v in zip(params, velocities):  # noqa: B905
                p.sub_(v, alpha=lr)
                v.mul_(momentum).add_(p.grad)

    return "Emmy Noether", "a wrong order", broken


ANSWERS |= {
    "sgd.reproduce_momentum_step": [
        reproduced_with_half_the_memory,
        reproduced_with_the_first_parameter_only,
        reproduced_in_the_wrong_order,
    ],
}


def largest_by_singular_values(hessian: Tensor) -> Tensor:
    return 2 / torch.linalg.svdvals(hessian).max()


def largest_by_numpy(hessian: Tensor) -> float:
    return float(2 / np.linalg.eigvalsh(hessian.numpy().astype(np.float64)).max())


def largest_by_norm(hessian: Tensor) -> float:
    return 2 / torch.linalg.matrix_norm(hessian, ord=2).item()


def largest_by_unsorted_eigenvalues(hessian: Tensor) -> float:
    curvatures = torch.linalg.eigvals(hessian).real
    return min(2 / c for c in curvatures.tolist() if c > 1e-6)


def largest_by_powers(hessian: Tensor) -> float:
    """The matrix, squared over and over, leaves only the steepest direction."""
    h = hessian.double()
    power = h
    for _ in range(12):
        power = power @ power / (power @ power).norm()
    direction = power @ torch.arange(1.0, len(h) + 1, dtype=torch.float64)
    return float(2 * (direction @ direction) / (direction @ h @ direction))


ANSWERS |= {
    "sgd.largest_lr": [
        largest_by_singular_values,
        largest_by_numpy,
        largest_by_norm,
        largest_by_unsorted_eigenvalues,
        largest_by_powers,
    ],
}

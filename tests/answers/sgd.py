"""Other right answers to the exercises of lesson 02."""

import math
import random
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor


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


def momentum_by_data(params: list[Tensor], velocities: list[Tensor], lr: float, momentum: float) -> None:
    for i in range(len(params)):
        if params[i].grad is not None:
            velocities[i].data = momentum * velocities[i] + params[i].grad.data
            params[i].data.sub_(lr * velocities[i])


@torch.no_grad()
def momentum_by_copy(params: list[Tensor], velocities: list[Tensor], lr: float, momentum: float) -> None:
    for p, v in zip(params, velocities, strict=True):
        if p.grad is not None:
            v.copy_(torch.add(p.grad, v, alpha=momentum))
            p.copy_(p - lr * v)


@torch.no_grad()
def momentum_by_slices(params: list[Tensor], velocities: list[Tensor], lr: float, momentum: float) -> None:
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
    out = torch.zeros(len(values))
    s = 0.0
    for t in range(len(values)):
        s = beta * s + (1 - beta) * values[t]
        out[t] = s
    return out


def ewma_by_weights(values: Tensor, beta: float) -> Tensor:
    t = torch.arange(len(values))
    age = t[:, None] - t
    weights = (1 - beta) * torch.where(age >= 0, torch.tensor(beta) ** age.clamp(min=0), 0.0)
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
    "sgd.mse_gradient": [mse_gradient_by_rows, mse_gradient_by_einsum, mse_gradient_by_mean, mse_gradient_with_columns],
    "sgd.sgd_step": [sgd_by_data, sgd_by_method, sgd_by_copy, sgd_by_foreach],
    "sgd.momentum_step": [momentum_by_data, momentum_by_copy, momentum_by_slices],
    "sgd.minibatches": [batches_by_slices, batches_by_sorting, batches_by_weights, batches_by_python],
    "sgd.ewma": [ewma_by_assignment, ewma_by_weights, ewma_by_lerp],
}

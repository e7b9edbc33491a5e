"""Lesson 02: gradient descent by hand."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor


def mse(y_hat: Tensor, y: Tensor) -> Tensor:
    """mean((y_hat - y)**2) over all elements, a 0-d tensor; y_hat, y: any shape, ValueError where
    they differ.
    """
    if y_hat.shape != y.shape:
        raise ValueError(f"y_hat has shape {tuple(y_hat.shape)} and y has shape {tuple(y.shape)}")
    return (y_hat - y).square().mean()


def mse_gradient(w: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """d/dw mean((x @ w - y)**2) = 2/n * x.T @ (x @ w - y); w: (d,), x: (n, d), y: (n,) -> (d,)."""
    return 2 / len(x) * x.T @ (x @ w - y)


@torch.no_grad()
def sgd_step(params: Sequence[Tensor], lr: float) -> None:
    """p <- p - lr * p.grad, in place; a parameter without a gradient stays."""
    for p in params:
        if p.grad is not None:
            p -= lr * p.grad


def largest_lr(hessian: Tensor) -> float:
    """2 / the largest eigenvalue: from there on, gradient descent on a quadratic does not converge.

    hessian: the second derivatives, symmetric, (d, d), with a positive eigenvalue.
    """
    return 2 / float(torch.linalg.eigvalsh(hessian)[-1])


@torch.no_grad()
def momentum_step(
    params: Sequence[Tensor], velocities: Sequence[Tensor], lr: float, momentum: float
) -> None:
    """v <- momentum * v + p.grad; p <- p - lr * v, both in place (torch.optim.SGD, dampening 0)."""
    for p, v in zip(params, velocities, strict=True):
        if p.grad is not None:
            v.copy_(momentum * v + p.grad)
            p -= lr * v


def minibatches(n: int, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """The indices 0 ... n - 1 in random order, batch_size at a time; int64, the last batch may be
    smaller.
    """
    order = torch.randperm(n, generator=generator)
    for start in range(0, n, batch_size):
        yield order[start : start + batch_size]


def ewma(values: Tensor, beta: float) -> Tensor:
    """S_t = beta * S_(t-1) + (1 - beta) * values_t from S_0 = 0.

    values: (n,) -> S_1 ... S_n: (n,).
    """
    averages, s = [], torch.zeros_like(values[0])
    for value in values:
        s = beta * s + (1 - beta) * value
        averages.append(s)
    return torch.stack(averages)


def expose_sgd_step() -> tuple[list[dict[str, object]], Tensor]:
    """Two cases in which wrong sgd_steps differ from right ones, and params[0] after the first."""
    first = {
        "params": [torch.tensor([1.0, 2.0]), torch.tensor([3.0, 5.0])],
        "grads": [None, torch.tensor([-4.0, 2.0])],
        "lr": 0.5,
    }
    second = {"params": [torch.tensor(2.0)], "grads": [torch.tensor(3.0)], "lr": 0.1}
    return [first, second], torch.tensor([1.0, 2.0])


def repair_momentum_step() -> tuple[dict[str, object], Callable[..., None]]:
    """A parameter after one without a gradient, which has to move, and a step that moves it."""
    witness = {
        "params": [torch.tensor([1.0]), torch.tensor([2.0])],
        "grads": [None, torch.tensor([1.0])],
        "velocities": [torch.tensor([0.0]), torch.tensor([0.0])],
        "lr": 0.1,
        "momentum": 0.8,
    }

    @torch.no_grad()
    def repaired(params, velocities, lr, momentum):  # type: ignore[no-untyped-def]
        for p, v in zip(params, velocities):  # noqa: B905
            if p.grad is None:
                continue
            v *= momentum
            v += p.grad
            p -= lr * v

    return witness, repaired


def reproduce_momentum_step() -> tuple[str, str, Callable[..., None]]:
    """The bug behind the curve that this name chooses: the velocity is not kept."""

    @torch.no_grad()
    def broken(params, velocities, lr, momentum):  # type: ignore[no-untyped-def]  # noqa: ARG001
        for p in params:
            p -= lr * p.grad

    return "Grace Hopper", "a forgotten memory", broken

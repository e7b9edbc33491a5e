"""Lesson 07: Nesterov, Adagrad, RMSProp, Adam, AdamW, and Adam without a memory."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


@torch.no_grad()
def nesterov_step(
    params: Sequence[Tensor], velocities: Sequence[Tensor], lr: float, momentum: float
) -> None:
    """v <- momentum * v + g, then p <- p - lr * (g + momentum * v), in place, with g = p.grad.

    Source: torch.optim.SGD with nesterov=True, after Nesterov (1983) and Sutskever et al. (2013).
    """
    for p, v in zip(params, velocities, strict=True):
        if p.grad is not None:
            v.copy_(momentum * v + p.grad)
            p -= lr * (p.grad + momentum * v)


@torch.no_grad()
def adagrad_step(params: Sequence[Tensor], sums: Sequence[Tensor], lr: float, eps: float) -> None:
    """s <- s + g**2, then p <- p - lr * g / (sqrt(s) + eps), in place, with g = p.grad.

    sums: one s for each parameter, of its shape. Source: torch.optim.Adagrad (Duchi, Hazan and
    Singer, 2011).
    """
    for p, s in zip(params, sums, strict=True):
        if p.grad is not None:
            s.copy_(s + p.grad**2)
            p -= lr * p.grad / (s.sqrt() + eps)


@torch.no_grad()
def rmsprop_step(
    params: Sequence[Tensor], squares: Sequence[Tensor], lr: float, alpha: float, eps: float
) -> None:
    """s <- alpha*s + (1-alpha)*g**2, then p <- p - lr * g / (sqrt(s) + eps), in place, with g =
    p.grad.

    squares: one s for each parameter, of its shape. Source: torch.optim.RMSprop (Tieleman and
    Hinton, 2012).
    """
    for p, s in zip(params, squares, strict=True):
        if p.grad is not None:
            s.copy_(alpha * s + (1 - alpha) * p.grad**2)
            p -= lr * p.grad / (s.sqrt() + eps)


@torch.no_grad()
def adam_step(
    params: Sequence[Tensor],
    means: Sequence[Tensor],
    squares: Sequence[Tensor],
    t: int,
    lr: float,
    betas: tuple[float, float],
    eps: float,
) -> None:
    """m <- b1*m + (1-b1)*g, s <- b2*s + (1-b2)*g**2, p <- p - lr * m_hat / (sqrt(s_hat) + eps), in
    place.

    m_hat = m / (1-b1**t) and s_hat = s / (1-b2**t), t = 1 at the first step; means and squares hold
    one m and one s for each parameter. Source: Kingma and Ba, Adam, 2015, algorithm 1;
    torch.optim.Adam.
    """
    b1, b2 = betas
    for p, m, s in zip(params, means, squares, strict=True):
        if p.grad is not None:
            m.copy_(b1 * m + (1 - b1) * p.grad)
            s.copy_(b2 * s + (1 - b2) * p.grad**2)
            m_hat, s_hat = m / (1 - b1**t), s / (1 - b2**t)
            p -= lr * m_hat / (s_hat.sqrt() + eps)


@torch.no_grad()
def adamw_step(
    params: Sequence[Tensor],
    means: Sequence[Tensor],
    squares: Sequence[Tensor],
    t: int,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    wd: float,
) -> None:
    """p <- p * (1 - lr*wd), then Adam's step, in place; a parameter without gradient is left alone.

    Source: Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019; torch.optim.AdamW.
    """
    b1, b2 = betas
    for p, m, s in zip(params, means, squares, strict=True):
        if p.grad is not None:
            m.copy_(b1 * m + (1 - b1) * p.grad)
            s.copy_(b2 * s + (1 - b2) * p.grad**2)
            m_hat, s_hat = m / (1 - b1**t), s / (1 - b2**t)
            p *= 1 - lr * wd
            p -= lr * m_hat / (s_hat.sqrt() + eps)


@torch.no_grad()
def reborn_adam_step(params: Sequence[Tensor], lr: float) -> None:
    """Adam's first step, every time: p <- p - lr * g / (|g| + 1e-8), in place, which is p - lr *
    sign(g).

    With t = 1 the corrections give back m_hat = g and s_hat = g**2, whatever the betas are.
    """
    for p in params:
        if p.grad is not None:
            p -= lr * p.grad / (p.grad.abs() + 1e-8)


def repair_adam_step() -> tuple[dict[str, object], Callable[..., None]]:
    """The first step, whose correction is the largest, and a step that corrects below the root."""
    witness = {
        "params": [torch.tensor([1.0])],
        "grads": [torch.tensor([2.0])],
        "means": [torch.tensor([0.0])],
        "squares": [torch.tensor([0.0])],
        "t": 1,
        "lr": 0.1,
        "betas": (0.9, 0.999),
        "eps": 1e-8,
    }

    @torch.no_grad()
    def repaired(params, means, squares, t, lr, betas, eps):  # type: ignore[no-untyped-def]
        b1, b2 = betas
        for p, m, s in zip(params, means, squares):  # noqa: B905
            if p.grad is None:
                continue
            m.copy_(b1 * m + (1 - b1) * p.grad)
            s.copy_(b2 * s + (1 - b2) * p.grad**2)
            m_hat, root = m / (1 - b1**t), (s / (1 - b2**t)).sqrt()
            p -= lr * m_hat / (root + eps)

    return witness, repaired

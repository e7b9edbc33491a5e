"""Other right answers to the exercises of lesson 07."""

import math

import torch
from torch import Tensor


@torch.no_grad()
def rmsprop_in_place(params: list[Tensor], squares: list[Tensor], lr: float, alpha: float, eps: float) -> None:
    for p, s in zip(params, squares, strict=True):
        if p.grad is None:
            continue
        s.mul_(alpha).addcmul_(p.grad, p.grad, value=1 - alpha)
        p.addcdiv_(p.grad, s.sqrt().add_(eps), value=-lr)


def rmsprop_by_data(params: list[Tensor], squares: list[Tensor], lr: float, alpha: float, eps: float) -> None:
    for i in range(len(params)):
        g = params[i].grad
        if g is not None:
            squares[i].data = squares[i].lerp(g.square(), 1 - alpha)
            params[i].data = params[i].data - g / (squares[i] ** 0.5 + eps) * lr


@torch.no_grad()
def rmsprop_into_slices(params: list[Tensor], squares: list[Tensor], lr: float, alpha: float, eps: float) -> None:
    for p, s in ((p, s) for p, s in zip(params, squares, strict=True) if p.grad is not None):
        s[...] = s + (1 - alpha) * (p.grad.pow(2) - s)
        p[...] = p - lr * p.grad / (torch.sqrt(s) + eps)


@torch.no_grad()
def adam_in_torchs_order(
    params: list[Tensor], means: list[Tensor], squares: list[Tensor], t: int, lr: float, betas: tuple, eps: float
) -> None:
    for p, m, s in zip(params, means, squares, strict=True):
        if p.grad is None:
            continue
        m.lerp_(p.grad, 1 - betas[0])
        s.mul_(betas[1]).addcmul_(p.grad, p.grad, value=1 - betas[1])
        size = lr / (1 - betas[0] ** t)
        p.addcdiv_(m, s.sqrt() / math.sqrt(1 - betas[1] ** t) + eps, value=-size)


def adam_by_data(
    params: list[Tensor], means: list[Tensor], squares: list[Tensor], t: int, lr: float, betas: tuple, eps: float
) -> None:
    beta1, beta2 = betas
    for i, p in enumerate(params):
        if p.grad is not None:
            means[i] *= beta1
            means[i] += (1 - beta1) * p.grad
            squares[i] *= beta2
            squares[i] += (1 - beta2) * p.grad * p.grad
            mean, square = means[i] / (1 - beta1**t), squares[i] / (1 - beta2**t)
            p.data -= lr * mean / (torch.sqrt(square) + eps)


def adam_entry_by_entry(
    params: list[Tensor], means: list[Tensor], squares: list[Tensor], t: int, lr: float, betas: tuple, eps: float
) -> None:
    b1, b2 = betas
    for p, m, s in zip(params, means, squares, strict=True):
        if p.grad is None:
            continue
        flat_p, flat_m, flat_s = p.data.view(-1), m.view(-1), s.view(-1)
        for i, g in enumerate(p.grad.flatten().tolist()):
            flat_m[i] = b1 * flat_m[i] + (1 - b1) * g
            flat_s[i] = b2 * flat_s[i] + (1 - b2) * g * g
            flat_p[i] -= lr * flat_m[i] / (1 - b1**t) / (math.sqrt(flat_s[i] / (1 - b2**t)) + eps)


def _adamw(adam):
    @torch.no_grad()
    def adamw(params, means, squares, t, lr, betas, eps, wd) -> None:
        for p in params:
            if p.grad is not None:
                p.mul_(1 - lr * wd)
        adam(params, means, squares, t, lr, betas, eps)

    return adamw


@torch.no_grad()
def adamw_at_once(
    params: list[Tensor],
    means: list[Tensor],
    squares: list[Tensor],
    t: int,
    lr: float,
    betas: tuple,
    eps: float,
    wd: float,
) -> None:
    for p, m, s in zip(params, means, squares, strict=True):
        if p.grad is not None:
            m += (1 - betas[0]) * (p.grad - m)
            s += (1 - betas[1]) * (p.grad**2 - s)
            step = m / (1 - betas[0] ** t) / ((s / (1 - betas[1] ** t)).sqrt() + eps)
            p -= lr * (step + wd * p)


@torch.no_grad()
def reborn_by_sign(params: list[Tensor], lr: float) -> None:
    for p in params:
        if p.grad is not None:
            p -= lr * p.grad.sign()


def reborn_by_adam(params: list[Tensor], lr: float) -> None:
    means, squares = ([torch.zeros_like(p) for p in params] for _ in range(2))
    adam_in_torchs_order(params, means, squares, 1, lr, (0.9, 0.999), 1e-8)


def reborn_by_where(params: list[Tensor], lr: float) -> None:
    for p in params:
        if p.grad is not None:
            p.data.copy_(torch.where(p.grad > 0, p.data - lr, torch.where(p.grad < 0, p.data + lr, p.data)))


def reborn_by_root(params: list[Tensor], lr: float) -> None:
    for p in params:
        if p.grad is not None:
            p.data -= lr * p.grad / ((p.grad**2).sqrt() + 1e-8)


ANSWERS = {
    "optimizers.rmsprop_step": [rmsprop_in_place, rmsprop_by_data, rmsprop_into_slices],
    "optimizers.adam_step": [adam_in_torchs_order, adam_by_data, adam_entry_by_entry],
    "optimizers.adamw_step": [_adamw(adam_in_torchs_order), _adamw(adam_by_data), adamw_at_once],
    "optimizers.reborn_adam_step": [reborn_by_sign, reborn_by_adam, reborn_by_where, reborn_by_root],
}

"""Lesson 06: the L2 penalty, its gradient, and the two ways to keep weights small."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


def l2_penalty(params: Sequence[Tensor], wd: float) -> Tensor:
    """wd * (sum of the squares of all entries of all params), a 0-d tensor; params: tensors of any
    shape.
    """
    return wd * torch.stack([p.square().sum() for p in params]).sum()


def l2_gradient(p: Tensor, wd: float) -> Tensor:
    """The gradient of wd * sum(p**2) by p: 2 * wd * p, entry by entry; p: any shape."""
    return 2 * wd * p


@torch.no_grad()
def sgd_l2_step(params: Sequence[Tensor], lr: float, wd: float) -> None:
    """p <- p - lr * (p.grad + wd * p), in place; a parameter without gradient is left alone.

    Source: torch.optim.SGD, whose weight_decay is the factor of p itself, not of the penalty.
    """
    for p in params:
        if p.grad is not None:
            p -= lr * (p.grad + wd * p)


@torch.no_grad()
def sgd_decay_step(params: Sequence[Tensor], lr: float, wd: float) -> None:
    """p <- p * (1 - lr * wd), then p <- p - lr * p.grad, in place; a parameter without gradient is
    left alone.

    Source: Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019, with lr in the decay
    as in torch.
    """
    for p in params:
        if p.grad is not None:
            p *= 1 - lr * wd
            p -= lr * p.grad


def decay_groups(model: nn.Module, wd: float) -> list[dict[str, Any]]:
    """Two groups of trainable parameters for an optimizer: those of 2 and more dimensions decay,
    the rest do not.
    """
    trainable = [p for p in model.parameters() if p.requires_grad]
    decayed = [p for p in trainable if p.ndim >= 2]
    spared = [p for p in trainable if p.ndim < 2]
    return [{"params": decayed, "weight_decay": wd}, {"params": spared, "weight_decay": 0.0}]


def expose_sgd_decay_step() -> tuple[list[dict[str, object]], Tensor]:
    """Two cases in which wrong steps differ from right ones, and params[0] after the first."""
    first = {
        "params": [torch.tensor([1.0, 2.0]), torch.tensor([5.0, -3.0])],
        "grads": [None, torch.tensor([1.0, -2.0])],
        "lr": 0.1,
        "wd": 0.5,
    }
    second = {"params": [torch.tensor(2.0)], "grads": [torch.tensor(3.0)], "lr": 0.2, "wd": 0.3}
    return [first, second], torch.tensor([1.0, 2.0])

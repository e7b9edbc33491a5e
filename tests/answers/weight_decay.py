"""Other right answers to the exercises of lesson 06."""

from typing import Any

import torch
from torch import Tensor, nn


def penalty_of_one_vector(params: list[Tensor], wd: float) -> Tensor:
    w = torch.cat([p.flatten() for p in params])
    return wd * (w @ w)


def penalty_by_norms(params: list[Tensor], wd: float) -> Tensor:
    return sum(wd * p.norm() ** 2 for p in params)


def penalty_by_loop(params: list[Tensor], wd: float) -> Tensor:
    total = torch.zeros(())
    for p in params:
        total += (p * p).sum()
    return total * wd


def gradient_as_sum(p: Tensor, wd: float) -> Tensor:
    return wd * p + p * wd


def gradient_by_autograd(p: Tensor, wd: float) -> Tensor:
    p = p.detach().clone().requires_grad_()
    (wd * p.pow(2).sum()).backward()
    return p.grad


def gradient_by_loop(p: Tensor, wd: float) -> Tensor:
    return torch.tensor([2 * wd * entry for entry in p.flatten().tolist()]).reshape(p.shape)


@torch.no_grad()
def step_by_add(params: list[Tensor], lr: float, wd: float) -> None:
    for p in params:
        if p.grad is None:
            continue
        p.add_(p.grad.add(p, alpha=wd), alpha=-lr)


def step_by_data(params: list[Tensor], lr: float, wd: float) -> None:
    for p in params:
        if p.grad is not None:
            p.data = p.data - lr * p.grad - lr * wd * p.data


def step_by_copy(params: list[Tensor], lr: float, wd: float) -> None:
    with torch.no_grad():
        for p in filter(lambda p: p.grad is not None, params):
            p.copy_((1 - lr * wd) * p - lr * p.grad)


def step_of_all_at_once(params: list[Tensor], lr: float, wd: float) -> None:
    moving = [p.data for p in params if p.grad is not None]
    torch._foreach_mul_(moving, 1 - lr * wd)
    torch._foreach_add_(moving, [p.grad for p in params if p.grad is not None], alpha=-lr)


def groups_by_loop(model: nn.Module, wd: float) -> list[dict[str, Any]]:
    decayed, spared = [], []
    for _, p in model.named_parameters():
        if p.requires_grad:
            (decayed if p.dim() > 1 else spared).append(p)
    return [{"params": decayed, "weight_decay": wd}, {"params": spared, "weight_decay": 0}]


def groups_as_tuples(model: nn.Module, wd: float) -> tuple[dict[str, Any], ...]:
    trainable = tuple(p for p in model.parameters() if p.requires_grad)
    return (
        {"params": tuple(p for p in trainable if len(p.shape) >= 2), "weight_decay": wd},
        {"params": tuple(p for p in trainable if len(p.shape) < 2), "weight_decay": 0.0},
    )


STEPS = [step_by_add, step_by_data, step_by_copy, step_of_all_at_once]

ANSWERS = {
    "weight_decay.l2_penalty": [penalty_of_one_vector, penalty_by_norms, penalty_by_loop],
    "weight_decay.l2_gradient": [gradient_as_sum, gradient_by_autograd, gradient_by_loop],
    "weight_decay.sgd_l2_step": STEPS,
    "weight_decay.sgd_decay_step": STEPS,
    "weight_decay.decay_groups": [groups_by_loop, groups_as_tuples],
}

"""Other right answers to the exercises of lesson 06."""

import itertools
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
    "weight_decay.sgd_l2_step": [*STEPS],
    "weight_decay.sgd_decay_step": [*STEPS],
    "weight_decay.decay_groups": [groups_by_loop, groups_as_tuples],
}


# Written from the student's notebook alone.


def l2_penalty_first_reading(params, wd):
    return wd * torch.cat([p.flatten() for p in params]).square().sum()


l2_penalty_second_reading = lambda params, wd: sum(
    torch.einsum("i,i->", p.reshape(-1), wd * p.reshape(-1)) for p in params
)


class _Penalty(nn.Module):
    def forward(self, params, wd):
        squares = [
            torch.linalg.vector_norm(p.double()).square()
            if bool((p != 0).any())
            else (p * p).sum().double()
            for p in params
        ]
        return (wd * torch.stack(squares).sum()).to(params[0].dtype)


l2_penalty_third_reading = _Penalty()


def l2_gradient_first_reading(p, wd):
    leaf = p.detach().clone().requires_grad_()
    with torch.enable_grad():
        return torch.autograd.grad(wd * leaf.pow(2).sum(), leaf)[0]


l2_gradient_second_reading = lambda p, wd: torch.add(wd * p, p, alpha=wd)


def l2_gradient_third_reading(p, wd):
    result = torch.empty_like(p, dtype=torch.float64)
    for where in itertools.product(*map(range, p.shape)):
        result[where] = (wd + wd) * p[where].item()
    return result.to(p.dtype)


@torch.no_grad()
def sgd_l2_step_first_reading(params, lr, wd):
    for p in params:
        if p.grad is None:
            continue
        d = p.grad.add(p, alpha=wd)
        p.add_(d, alpha=-lr)


def sgd_l2_step_second_reading(params, lr, wd):
    steps = [
        (p, (1 - lr * wd) * p.detach().double() - lr * p.grad.double())
        for p in params
        if p.grad is not None
    ]
    for p, new in steps:
        p.data.copy_(new)


class _L2Step(nn.Module):
    def forward(self, params, lr, wd):
        with torch.no_grad():
            for p in reversed(params):
                if p.grad is not None:
                    p.lerp_(-p.grad / wd, lr * wd) if wd > 0 else p.addcmul_(
                        p.grad, torch.full_like(p, lr), value=-1
                    )


sgd_l2_step_third_reading = _L2Step()


@torch.no_grad()
def sgd_decay_step_first_reading(params, lr, wd):
    trained = [p for p in params if p.grad is not None]
    for p in trained:
        p.sub_(p, alpha=lr * wd)
    for p in trained:
        p.sub_(p.grad, alpha=lr)


def sgd_decay_step_second_reading(params, lr, wd):
    for p in params:
        if p.grad is not None:
            data, grad = p.detach(), p.grad.detach()  # detach shares the memory
            data.copy_(torch.add(data * (1 - lr * wd), grad, alpha=-lr))


class _Decay:
    @staticmethod
    def new(w, g, lr, wd):
        return w - lr * (g + wd * w)

    def __call__(self, params, lr, wd):
        for p in params:
            if isinstance(p.grad, torch.Tensor):
                p.data[...] = self.new(p.data.double(), p.grad.double(), lr, wd).to(p.dtype)


sgd_decay_step_third_reading = _Decay()


def decay_groups_first_reading(model, wd):
    first, second = {"params": [], "weight_decay": wd}, {"params": [], "weight_decay": 0.0}
    for _, p in model.named_parameters():
        if not p.requires_grad:
            continue
        group = second if p.dim() in (0, 1) else first
        group["params"].append(p)
    return [first, second]


def decay_groups_second_reading(model, wd):
    seen, lists = set(), ([], [])
    for module in model.modules():
        for p in module._parameters.values():
            if p is not None and p.requires_grad and id(p) not in seen:
                seen.add(id(p))
                lists[min(p.ndim, 2) != 2].append(p)
    return [dict(zip(("params", "weight_decay"), pair)) for pair in zip(lists, (wd, 0.0))]


decay_groups_third_reading = lambda model, wd: [
    {
        "weight_decay": float(decay),
        "params": [
            p for p in model.parameters() if p.requires_grad and (len(p.size()) > 1) is matrix
        ],
    }
    for matrix, decay in ((True, wd), (False, 0))
]


ANSWERS["weight_decay.l2_penalty"] += [
    l2_penalty_first_reading,
    l2_penalty_second_reading,
    l2_penalty_third_reading,
]
ANSWERS["weight_decay.l2_gradient"] += [
    l2_gradient_first_reading,
    l2_gradient_second_reading,
    l2_gradient_third_reading,
]
ANSWERS["weight_decay.sgd_l2_step"] += [
    sgd_l2_step_first_reading,
    sgd_l2_step_second_reading,
    sgd_l2_step_third_reading,
]
ANSWERS["weight_decay.sgd_decay_step"] += [
    sgd_decay_step_first_reading,
    sgd_decay_step_second_reading,
    sgd_decay_step_third_reading,
]
ANSWERS["weight_decay.decay_groups"] += [
    decay_groups_first_reading,
    decay_groups_second_reading,
    decay_groups_third_reading,
]


def expose_decay_with_three_parameters() -> tuple[object, object]:
    case = {
        "params": [torch.tensor([[4.0]]), torch.tensor([3.0, -2.0]), torch.tensor(6.0)],
        "grads": [None, torch.tensor([0.5, 7.0]), torch.tensor(-3.0)],
        "lr": 0.3,
        "wd": 0.2,
    }
    return [case], torch.tensor([[4.0]])


def expose_decay_with_the_gap_second() -> tuple[object, object]:
    three = [torch.tensor([3.0, -1.0]), torch.tensor([2.0]), torch.tensor([[5.0, 4.0]])]
    grads = [torch.tensor([1.0, 2.0]), None, torch.tensor([[-1.0, 0.5]])]
    alone = {"params": [torch.tensor(2.0)], "grads": [torch.tensor(-5.0)], "lr": 0.1, "wd": 0.3}
    return [{"params": three, "grads": grads, "lr": 0.5, "wd": 0.2}, alone], (
        torch.tensor([0.9 * 3 - 0.5, -0.9 - 1.0])
    )


ANSWERS |= {
    "weight_decay.expose_sgd_decay_step": [
        expose_decay_with_three_parameters,
        expose_decay_with_the_gap_second,
    ],
}

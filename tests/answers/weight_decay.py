"""Right and wrong answers to the exercises of lesson 06."""

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.answers import right, wrong
from tests.answers._steps import in_place


@right("weight_decay.l2_penalty")
def penalty_of_one_vector(params: list[Tensor], wd: float) -> Tensor:
    w = torch.cat([p.flatten() for p in params])
    return wd * (w @ w)


@right("weight_decay.l2_penalty")
def penalty_by_norms(params: list[Tensor], wd: float) -> Tensor:
    return sum(wd * p.norm() ** 2 for p in params)


@right("weight_decay.l2_penalty")
def penalty_by_loop(params: list[Tensor], wd: float) -> Tensor:
    total = torch.zeros(())
    for p in params:
        total += (p * p).sum()
    return total * wd


@right("weight_decay.l2_gradient")
def gradient_as_sum(p: Tensor, wd: float) -> Tensor:
    return wd * p + p * wd


@right("weight_decay.l2_gradient")
def gradient_by_autograd(p: Tensor, wd: float) -> Tensor:
    p = p.detach().clone().requires_grad_()
    (wd * p.pow(2).sum()).backward()
    return p.grad


@right("weight_decay.l2_gradient")
def gradient_by_loop(p: Tensor, wd: float) -> Tensor:
    return torch.tensor([2 * wd * entry for entry in p.flatten().tolist()]).reshape(p.shape)


@right("weight_decay.sgd_l2_step")
@right("weight_decay.sgd_decay_step")
@torch.no_grad()
def step_by_add(params: list[Tensor], lr: float, wd: float) -> None:
    for p in params:
        if p.grad is None:
            continue
        p.add_(p.grad.add(p, alpha=wd), alpha=-lr)


@right("weight_decay.sgd_l2_step")
@right("weight_decay.sgd_decay_step")
def step_by_data(params: list[Tensor], lr: float, wd: float) -> None:
    for p in params:
        if p.grad is not None:
            p.data = p.data - lr * p.grad - lr * wd * p.data


@right("weight_decay.sgd_l2_step")
@right("weight_decay.sgd_decay_step")
def step_by_copy(params: list[Tensor], lr: float, wd: float) -> None:
    with torch.no_grad():
        for p in filter(lambda p: p.grad is not None, params):
            p.copy_((1 - lr * wd) * p - lr * p.grad)


@right("weight_decay.sgd_l2_step")
@right("weight_decay.sgd_decay_step")
def step_of_all_at_once(params: list[Tensor], lr: float, wd: float) -> None:
    moving = [p.data for p in params if p.grad is not None]
    torch._foreach_mul_(moving, 1 - lr * wd)
    torch._foreach_add_(moving, [p.grad for p in params if p.grad is not None], alpha=-lr)


@right("weight_decay.decay_groups")
def groups_by_loop(model: nn.Module, wd: float) -> list[dict[str, Any]]:
    decayed, spared = [], []
    for _, p in model.named_parameters():
        if p.requires_grad:
            (decayed if p.dim() > 1 else spared).append(p)
    return [{"params": decayed, "weight_decay": wd}, {"params": spared, "weight_decay": 0}]


@right("weight_decay.decay_groups")
def groups_as_tuples(model: nn.Module, wd: float) -> tuple[dict[str, Any], ...]:
    trainable = tuple(p for p in model.parameters() if p.requires_grad)
    return (
        {"params": tuple(p for p in trainable if len(p.shape) >= 2), "weight_decay": wd},
        {"params": tuple(p for p in trainable if len(p.shape) < 2), "weight_decay": 0.0},
    )


# Written from the student's notebook alone.


@right("weight_decay.l2_penalty")
def l2_penalty_first_reading(params, wd):
    return wd * torch.cat([p.flatten() for p in params]).square().sum()


right("weight_decay.l2_penalty")(
    lambda params, wd: sum(torch.einsum("i,i->", p.reshape(-1), wd * p.reshape(-1)) for p in params)
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


right("weight_decay.l2_penalty")(_Penalty())


@right("weight_decay.l2_gradient")
def l2_gradient_first_reading(p, wd):
    leaf = p.detach().clone().requires_grad_()
    with torch.enable_grad():
        return torch.autograd.grad(wd * leaf.pow(2).sum(), leaf)[0]


right("weight_decay.l2_gradient")(lambda p, wd: torch.add(wd * p, p, alpha=wd))


@right("weight_decay.l2_gradient")
def l2_gradient_third_reading(p, wd):
    result = torch.empty_like(p, dtype=torch.float64)
    for where in itertools.product(*map(range, p.shape)):
        result[where] = (wd + wd) * p[where].item()
    return result.to(p.dtype)


@right("weight_decay.sgd_l2_step")
@torch.no_grad()
def sgd_l2_step_first_reading(params, lr, wd):
    for p in params:
        if p.grad is None:
            continue
        d = p.grad.add(p, alpha=wd)
        p.add_(d, alpha=-lr)


@right("weight_decay.sgd_l2_step")
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


right("weight_decay.sgd_l2_step")(_L2Step())


@right("weight_decay.sgd_decay_step")
@torch.no_grad()
def sgd_decay_step_first_reading(params, lr, wd):
    trained = [p for p in params if p.grad is not None]
    for p in trained:
        p.sub_(p, alpha=lr * wd)
    for p in trained:
        p.sub_(p.grad, alpha=lr)


@right("weight_decay.sgd_decay_step")
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


right("weight_decay.sgd_decay_step")(_Decay())


@right("weight_decay.decay_groups")
def decay_groups_first_reading(model, wd):
    first, second = {"params": [], "weight_decay": wd}, {"params": [], "weight_decay": 0.0}
    for _, p in model.named_parameters():
        if not p.requires_grad:
            continue
        group = second if p.dim() in (0, 1) else first
        group["params"].append(p)
    return [first, second]


@right("weight_decay.decay_groups")
def decay_groups_second_reading(model, wd):
    seen, lists = set(), ([], [])
    for module in model.modules():
        for p in module._parameters.values():
            if p is not None and p.requires_grad and id(p) not in seen:
                seen.add(id(p))
                lists[min(p.ndim, 2) != 2].append(p)
    return [dict(zip(("params", "weight_decay"), pair)) for pair in zip(lists, (wd, 0.0))]


right("weight_decay.decay_groups")(
    lambda model, wd: [
        {
            "weight_decay": float(decay),
            "params": [
                p for p in model.parameters() if p.requires_grad and (len(p.size()) > 1) is matrix
            ],
        }
        for matrix, decay in ((True, wd), (False, 0))
    ]
)


@right("weight_decay.expose_sgd_decay_step")
def expose_decay_with_three_parameters() -> tuple[object, object]:
    case = {
        "params": [torch.tensor([[4.0]]), torch.tensor([3.0, -2.0]), torch.tensor(6.0)],
        "grads": [None, torch.tensor([0.5, 7.0]), torch.tensor(-3.0)],
        "lr": 0.3,
        "wd": 0.2,
    }
    return [case], torch.tensor([[4.0]])


@right("weight_decay.expose_sgd_decay_step")
def expose_decay_with_the_gap_second() -> tuple[object, object]:
    three = [torch.tensor([3.0, -1.0]), torch.tensor([2.0]), torch.tensor([[5.0, 4.0]])]
    grads = [torch.tensor([1.0, 2.0]), None, torch.tensor([[-1.0, 0.5]])]
    alone = {"params": [torch.tensor(2.0)], "grads": [torch.tensor(-5.0)], "lr": 0.1, "wd": 0.3}
    return [{"params": three, "grads": grads, "lr": 0.5, "wd": 0.2}, alone], (
        torch.tensor([0.9 * 3 - 0.5, -0.9 - 1.0])
    )


wrong("weight_decay.l2_penalty", "detached from the graph")(
    lambda params, wd: wd * sum(p.detach().square().sum() for p in params)
)

wrong("weight_decay.l2_penalty", "half of it")(
    lambda params, wd: wd / 2 * sum(p.square().sum() for p in params)
)

wrong("weight_decay.l2_penalty", "norm instead of its square")(
    lambda params, wd: wd * sum(p.square().sum() for p in params).sqrt()
)

wrong("weight_decay.l2_penalty", "norms added")(
    lambda params, wd: wd * sum(p.norm() for p in params)
)

wrong("weight_decay.l2_penalty", "sum squared")(
    lambda params, wd: wd * sum(p.sum() for p in params).square()
)

wrong("weight_decay.l2_penalty", "sum of each tensor squared")(
    lambda params, wd: wd * sum(p.sum().square() for p in params)
)

wrong("weight_decay.l2_penalty", "L1")(lambda params, wd: wd * sum(p.abs().sum() for p in params))

wrong("weight_decay.l2_penalty", "mean instead of sum")(
    lambda params, wd: wd * sum(p.square().mean() for p in params)
)

wrong("weight_decay.l2_penalty", "not added up")(
    lambda params, wd: wd * sum(p.square() for p in params)
)

wrong("weight_decay.l2_penalty", "mean of everything")(
    lambda params, wd: wd * torch.cat([p.flatten() for p in params]).square().mean()
)

wrong("weight_decay.l2_penalty", "biases left out")(
    lambda params, wd: (
        wd * sum(p.square().sum() for p in params if p.ndim > 1) + 0 * params[0].sum()
    )
)

wrong("weight_decay.l2_penalty", "only the first tensor")(
    lambda params, wd: wd * params[0].square().sum()
)

wrong("weight_decay.l2_penalty", "only the last tensor")(
    lambda params, wd: wd * params[-1].square().sum()
)

wrong("weight_decay.l2_penalty", "wd inside the square")(
    lambda params, wd: sum((wd * p).square().sum() for p in params)
)


def _nested(params: Sequence[Tensor], wd: float) -> Tensor:
    total = torch.zeros(())
    for p in params:
        total = wd * (total + p.square().sum())
    return total


wrong("weight_decay.l2_penalty", "wd multiplied repeatedly")(lambda params, wd: _nested(params, wd))

wrong("weight_decay.l2_penalty", "wd forgotten")(
    lambda params, wd: sum(p.square().sum() for p in params)
)

wrong("weight_decay.l2_gradient", "torch's half")(lambda p, wd: wd * p)

wrong("weight_decay.l2_gradient", "one sum for every entry")(lambda p, wd: 2 * wd * p.sum())

wrong("weight_decay.l2_gradient", "one sum, spread over the shape")(
    lambda p, wd: torch.full_like(p, float(2 * wd * p.sum()))
)

wrong("weight_decay.l2_gradient", "the penalty itself")(lambda p, wd: wd * p.square().sum())

wrong("weight_decay.l2_gradient", "the penalty of each entry")(lambda p, wd: wd * p.square())

wrong("weight_decay.l2_gradient", "square kept")(lambda p, wd: 2 * wd * p.square())

wrong("weight_decay.l2_gradient", "the penalty, spread over the shape")(
    lambda p, wd: torch.full_like(p, float(wd * p.square().sum()))
)

wrong("weight_decay.l2_gradient", "the weights alone")(lambda p, wd: p.clone())

wrong("weight_decay.l2_gradient", "gradient of L1")(lambda p, wd: wd * p.sign())

wrong("weight_decay.l2_gradient", "sign lost")(lambda p, wd: 2 * wd * p.abs())

wrong("weight_decay.l2_gradient", "points downhill")(lambda p, wd: -2 * wd * p)

wrong("weight_decay.l2_gradient", "mean instead of sum")(lambda p, wd: 2 * wd * p / p.numel())

wrong("weight_decay.l2_gradient", "wd forgotten")(lambda p, wd: 2 * p)

wrong("weight_decay.l2_gradient", "gradient of the norm")(lambda p, wd: wd * p / p.norm())


def _sgd(
    move: Callable[[Tensor, Tensor, float, float], Tensor], skips: bool = True
) -> Callable[..., None]:
    """A step p <- move(p, g, lr, wd); without `skips`, a missing gradient counts as zero."""

    def step(params: Sequence[Tensor], lr: float, wd: float) -> None:
        with torch.no_grad():
            for p in params:
                if p.grad is not None or not skips:
                    p.copy_(move(p, torch.zeros_like(p) if p.grad is None else p.grad, lr, wd))

    return step


wrong("weight_decay.sgd_l2_step", "step before the decay")(
    _sgd(lambda p, g, lr, wd: (p - lr * g) * (1 - lr * wd))
)

wrong("weight_decay.sgd_l2_step", "wd scales the gradient")(
    _sgd(lambda p, g, lr, wd: p - lr * (1 + wd) * g)
)


@torch.no_grad()
def _adds_to_grad(params: Sequence[Tensor], lr: float, wd: float) -> None:
    for p in params:
        if p.grad is not None:
            p.grad.add_(p, alpha=wd)
            p.sub_(p.grad, alpha=lr)


_right = _sgd(lambda p, g, lr, wd: p - lr * (g + wd * p))

_STEPS = ("weight_decay.sgd_l2_step", "weight_decay.sgd_decay_step")
_COMMON = {
    "wd not multiplied by lr": _sgd(lambda p, g, lr, wd: p - lr * g - wd * p),
    "the penalty's factor 2": _sgd(lambda p, g, lr, wd: p - lr * (g + 2 * wd * p)),
    "weights grow instead of decaying": _sgd(lambda p, g, lr, wd: p - lr * (g - wd * p)),
    "lr twice in the decay": _sgd(lambda p, g, lr, wd: p - lr * (g + lr * wd * p)),
    "uphill": _sgd(lambda p, g, lr, wd: p + lr * g - lr * wd * p),
    "same amount subtracted from every weight": _sgd(lambda p, g, lr, wd: p - lr * g - lr * wd),
    "half the decay": _sgd(lambda p, g, lr, wd: p - lr * (g + wd / 2 * p)),
    "squared weights added": _sgd(lambda p, g, lr, wd: p - lr * (g + wd * p.square())),
    "gradient not multiplied by lr": _sgd(lambda p, g, lr, wd: p * (1 - lr * wd) - g),
    "no decay": _sgd(lambda p, g, lr, wd: p - lr * g),
    "biases not decayed": _sgd(lambda p, g, lr, wd: p - lr * (g + wd * p * (p.ndim > 1))),
    "weights decayed without a gradient": _sgd(
        lambda p, g, lr, wd: p - lr * (g + wd * p), skips=False
    ),
    "a sum for every entry": _sgd(lambda p, g, lr, wd: p - lr * (g + wd * p.sum())),
    "a sum of squares added": _sgd(lambda p, g, lr, wd: p - lr * (g + wd * p.square().sum())),
    "gradient changed": _adds_to_grad,
}
for _id in _STEPS:
    for _name, _step in _COMMON.items():
        wrong(_id, _name)(_step)
    in_place(_id, _right)

wrong("weight_decay.sgd_l2_step", "both uphill")(_sgd(lambda p, g, lr, wd: p + lr * (g + wd * p)))

wrong("weight_decay.sgd_decay_step", "uphill", "weights grow instead of decaying")(
    _sgd(lambda p, g, lr, wd: p + lr * (g + wd * p))
)

wrong("weight_decay.sgd_decay_step", "decay after the step")(
    _sgd(lambda p, g, lr, wd: (p - lr * g) * (1 - lr * wd))
)

wrong("weight_decay.sgd_decay_step", "shrinks to a fraction")(
    _sgd(lambda p, g, lr, wd: p * lr * wd - lr * g)
)

wrong("weight_decay.sgd_decay_step", "gradient shrunk too")(
    _sgd(lambda p, g, lr, wd: p * (1 - lr * wd) - lr * g * (1 - wd))
)

wrong("weight_decay.sgd_decay_step", "factor subtracted")(
    _sgd(lambda p, g, lr, wd: p - (1 - lr * wd) - lr * g)
)

wrong("weight_decay.sgd_decay_step", "decay and L2 together")(
    _sgd(lambda p, g, lr, wd: (q := p * (1 - lr * wd)) - lr * (g + wd * q))
)

wrong("weight_decay.sgd_decay_step", "only the decay")(_sgd(lambda p, g, lr, wd: p * (1 - lr * wd)))


def _grouped(
    decays: Callable[[str, Tensor], bool],
    wanted: Callable[[Tensor], bool] = lambda p: p.requires_grad,
) -> Callable[[nn.Module, float], list[dict[str, Any]]]:
    def decay_groups(model: nn.Module, wd: float) -> list[dict[str, Any]]:
        named = [(name, p) for name, p in model.named_parameters() if wanted(p)]
        return [
            {"params": [p for name, p in named if decays(name, p)], "weight_decay": wd},
            {"params": [p for name, p in named if not decays(name, p)], "weight_decay": 0.0},
        ]

    return decay_groups


wrong("weight_decay.decay_groups", "chosen by the name bias")(
    _grouped(lambda name, p: "bias" not in name)
)

wrong("weight_decay.decay_groups", "chosen by the name weight")(
    _grouped(lambda name, p: "weight" in name)
)

wrong("weight_decay.decay_groups", "chosen by the names weight and bias")(
    lambda model, wd: [
        {
            "params": [p for n, p in model.named_parameters() if p.requires_grad and name in n],
            "weight_decay": w,
        }
        for name, w in (("weight", wd), ("bias", 0.0))
    ]
)

_groups = _grouped(lambda name, p: p.ndim >= 2)

wrong("weight_decay.decay_groups", "single numbers skipped")(
    lambda model, wd: [
        {**group, "params": [p for p in group["params"] if p.ndim]} for group in _groups(model, wd)
    ]
)

wrong("weight_decay.decay_groups", "iterator instead of a list")(
    lambda model, wd: [{**group, "params": iter(group["params"])} for group in _groups(model, wd)]
)

wrong("weight_decay.decay_groups", "parameters swapped")(
    lambda model, wd: [
        {**group, "params": other["params"]}
        for group, other in zip(_groups(model, wd), _groups(model, wd)[::-1], strict=True)
    ]
)

wrong("weight_decay.decay_groups", "in both groups")(
    lambda model, wd: [
        {"params": [p for p in model.parameters() if p.requires_grad], "weight_decay": wd},
        _groups(model, wd)[1],
    ]
)

wrong("weight_decay.decay_groups", "another name for weight_decay")(
    lambda model, wd: [{"params": g["params"], "wd": g["weight_decay"]} for g in _groups(model, wd)]
)

wrong("weight_decay.decay_groups", "only matrices decay")(_grouped(lambda name, p: p.ndim == 2))

wrong("weight_decay.decay_groups", "more than two dimensions")(_grouped(lambda name, p: p.ndim > 2))

wrong("weight_decay.decay_groups", "vectors decay too")(_grouped(lambda name, p: p.ndim >= 1))

wrong("weight_decay.decay_groups", "everything decays")(_grouped(lambda name, p: True))

wrong("weight_decay.decay_groups", "frozen parameters kept")(
    _grouped(lambda name, p: p.ndim >= 2, wanted=lambda p: True)
)


def _repeated(model: nn.Module, wd: float) -> list[dict[str, Any]]:
    own = [
        p for module in model.modules() for p in module.parameters(recurse=False) if p.requires_grad
    ]
    return [
        {"params": [p for p in own if p.ndim >= 2], "weight_decay": wd},
        {"params": [p for p in own if p.ndim < 2], "weight_decay": 0.0},
    ]


wrong("weight_decay.decay_groups", "shared parameter listed twice")(_repeated)


def _without_empty(model: nn.Module, wd: float) -> list[dict[str, Any]]:
    return [group for group in _groups(model, wd) if group["params"]]


wrong("weight_decay.decay_groups", "empty group left out")(_without_empty)

wrong("weight_decay.decay_groups", "groups swapped")(lambda model, wd: _groups(model, wd)[::-1])

wrong("weight_decay.decay_groups", "weight_decay swapped")(
    lambda model, wd: [
        {**group, "weight_decay": w} for group, w in zip(_groups(model, wd), (0.0, wd), strict=True)
    ]
)

wrong("weight_decay.decay_groups", "wd for both")(
    lambda model, wd: [{**group, "weight_decay": wd} for group in _groups(model, wd)]
)

wrong("weight_decay.decay_groups", "no weight_decay for the second")(
    lambda model, wd: [_groups(model, wd)[0], {"params": _groups(model, wd)[1]["params"]}]
)


def _copied(model: nn.Module, wd: float) -> list[dict[str, Any]]:
    return [
        {**group, "params": [p.detach().clone() for p in group["params"]]}
        for group in _groups(model, wd)
    ]


wrong("weight_decay.decay_groups", "not the parameters themselves")(_copied)


def _as_pairs(model: nn.Module, wd: float) -> list[dict[str, Any]]:
    name = {p: name for name, p in model.named_parameters()}
    return [
        {**group, "params": [(name[p], p) for p in group["params"]]} for group in _groups(model, wd)
    ]


wrong("weight_decay.decay_groups", "names and parameters")(_as_pairs)


# Written from the student's notebook alone.


@wrong("weight_decay.l2_penalty", "sum squared")
def l2_penalty(params, wd):
    return wd * sum(p.sum() for p in params) ** 2


@wrong("weight_decay.l2_penalty", "wd inside the square")
def l2_penalty(params, wd):
    return torch.cat([(wd * p).flatten() for p in params]).square().sum()


@wrong("weight_decay.l2_penalty", "half of it")
def l2_penalty(params, wd):
    return 0.5 * wd * sum((p**2).sum() for p in params)


@wrong("weight_decay.l2_penalty", "detached from the graph")
def l2_penalty(params, wd):
    return wd * torch.tensor([p.square().sum() for p in params]).sum()


@wrong("weight_decay.l2_penalty", "detached from the graph")
@torch.no_grad()
def l2_penalty(params, wd):
    return wd * torch.stack([torch.sum(p * p) for p in params]).sum()


@wrong("weight_decay.l2_penalty", "spectral norm of a matrix")
def l2_penalty(params, wd):
    return wd * sum(
        torch.linalg.norm(p, 2) ** 2 if p.ndim in (1, 2) else p.pow(2).sum() for p in params
    )


@wrong("weight_decay.l2_penalty", "matrix product instead of squares")
def l2_penalty(params, wd):
    total = 0
    for p in params:
        total = total + (p @ p.mT if p.ndim > 1 else p * p).sum()
    return wd * total


@wrong("weight_decay.l2_penalty", "shape")
def l2_penalty(params, wd):
    out = torch.zeros(1)
    for p in params:
        out = out + wd * p.pow(2).sum()
    return out


@wrong("weight_decay.l2_penalty", "mean instead of sum")
def l2_penalty(params, wd):
    return functools.reduce(
        lambda a, p: a + wd * F.mse_loss(p, torch.zeros_like(p)), params, torch.zeros(())
    )


@wrong("weight_decay.l2_penalty", "norm instead of its square")
def l2_penalty(params, wd):
    return wd * torch.cat([p.reshape(-1) for p in params]).norm()


@wrong("weight_decay.l2_penalty", "wd multiplied repeatedly", "half of it")
def l2_penalty(params, wd):
    total = torch.zeros(())
    for p in params:
        total = wd / 2 * (total + p.square().sum())
    return total


@wrong("weight_decay.l2_penalty", "L1", "a number instead of a tensor")
def l2_penalty(params, wd):
    return wd * sum(p.abs().sum().item() for p in params)


@wrong("weight_decay.l2_gradient", "the penalty, spread over the shape")
def l2_gradient(p, wd):
    return torch.full_like(p, wd * p.square().sum().item())


@wrong("weight_decay.l2_gradient", "one sum, spread over the shape")
def l2_gradient(p, wd):
    return (2 * wd * p.sum()).expand_as(p)


@wrong("weight_decay.l2_gradient", "torch's half")
def l2_gradient(p, wd):
    return wd * p


@wrong("weight_decay.l2_gradient", "changed its input")
def l2_gradient(p, wd):
    with torch.no_grad():
        return p.mul_(2 * wd)


@wrong("weight_decay.l2_gradient", "the weights alone")
def l2_gradient(p, wd):
    return p.clone()


@wrong("weight_decay.l2_gradient", "flattened")
def l2_gradient(p, wd):
    return torch.hstack([2 * wd * w for w in p.flatten()])


@wrong("weight_decay.l2_gradient", "changed its input")
def l2_gradient(p, wd):
    p.requires_grad_()
    (wd * (p**2).sum()).backward()
    return p.grad


@wrong("weight_decay.l2_gradient", "fails for a tensor of shape ()")
def l2_gradient(p, wd):
    out = torch.empty_like(p)
    for i in range(len(p)):
        out[i] = 2 * wd * p[i]
    return out


@wrong("weight_decay.l2_gradient")
def l2_gradient(p, wd, h=0.1):
    return wd * ((p.detach() + h) ** 2 - p.detach() ** 2) / h


@wrong("weight_decay.l2_gradient", "sign lost", "torch's half")
def l2_gradient(p, wd):
    return wd * p.abs()


@wrong("weight_decay.sgd_l2_step", "the penalty's factor 2")
@torch.no_grad()
def sgd_l2_step(params, lr, wd):
    for p in params:
        if p.grad is not None:
            p -= lr * (p.grad + 2 * wd * p)


@wrong("weight_decay.sgd_l2_step", "weights grow instead of decaying")
@torch.no_grad()
def sgd_l2_step(params, lr, wd):
    for p in filter(lambda q: q.grad is not None, params):
        p.sub_(lr * (p.grad - wd * p))


@wrong("weight_decay.sgd_l2_step", "gradient changed")
def sgd_l2_step(params, lr, wd):
    with torch.no_grad():
        for p in params:
            if p.grad is None:
                continue
            p.grad.add_(p, alpha=wd)
            p.add_(p.grad, alpha=-lr)


@wrong("weight_decay.sgd_l2_step", "wd not multiplied by lr")
def sgd_l2_step(params, lr, wd):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p.copy_(p - lr * p.grad - wd * p)


@wrong("weight_decay.sgd_l2_step", "weights decayed without a gradient")
@torch.no_grad()
def sgd_l2_step(params, lr, wd):
    for p in params:
        g = p.grad if p.grad is not None else 0.0
        p -= lr * (g + wd * p)


@wrong("weight_decay.sgd_l2_step", "parameters replaced")
def sgd_l2_step(params, lr, wd):
    for i, p in enumerate(params):
        if p.grad is not None:
            params[i] = (p.detach() - lr * (p.grad + wd * p.detach())).requires_grad_()


@wrong("weight_decay.sgd_l2_step", "parameters frozen")
def sgd_l2_step(params, lr, wd):
    for p in params:
        if p.grad is None:
            continue
        p.requires_grad_(False)
        p -= lr * (p.grad + wd * p)


@wrong("weight_decay.sgd_l2_step", "step before the decay")
@torch.no_grad()
def sgd_l2_step(params, lr, wd):
    for p in params:
        if p.grad is not None:
            p.sub_(p.grad, alpha=lr)
            p.sub_(p, alpha=lr * wd)


@wrong("weight_decay.sgd_l2_step", "stops at a missing gradient")
@torch.no_grad()
def sgd_l2_step(params, lr, wd):
    for p in itertools.takewhile(lambda q: q.grad is not None, params):
        p -= lr * (p.grad + wd * p)


@wrong("weight_decay.sgd_l2_step", "a sum for every entry")
@torch.no_grad()
def sgd_l2_step(params, lr, wd):
    for p in params:
        if p.grad is not None:
            p -= lr * (p.grad + wd * p.sum())


@wrong("weight_decay.sgd_l2_step", "both uphill", "weights decayed without a gradient")
@torch.no_grad()
def sgd_l2_step(params, lr, wd):
    for p in params:
        if p.grad is None:
            p.mul_(1 - lr * wd)
        else:
            p.copy_(p + lr * (p.grad + wd * p))


@wrong("weight_decay.sgd_l2_step", "gradient thrown away", "the penalty's factor 2")
@torch.no_grad()
def sgd_l2_step(params, lr, wd):
    for p in params:
        if p.grad is not None:
            p -= lr * p.grad + 2 * lr * wd * p
            p.grad = None


@wrong("weight_decay.sgd_decay_step", "decay after the step")
@torch.no_grad()
def sgd_decay_step(params, lr, wd):
    for p in params:
        if p.grad is not None:
            p.sub_(lr * p.grad).mul_(1 - lr * wd)


@wrong("weight_decay.sgd_decay_step", "wd not multiplied by lr")
@torch.no_grad()
def sgd_decay_step(params, lr, wd):
    for p in params:
        if p.grad is not None:
            p *= 1 - wd
            p -= lr * p.grad


@wrong("weight_decay.sgd_decay_step", "weights decayed without a gradient")
@torch.no_grad()
def sgd_decay_step(params, lr, wd):
    for p in params:
        p.mul_(1 - lr * wd)
        if p.grad is None:
            continue
        p.add_(p.grad, alpha=-lr)


@wrong("weight_decay.sgd_decay_step", "exponential decay")
@torch.no_grad()
def sgd_decay_step(params, lr, wd):
    keep = math.exp(-lr * wd)
    for p in params:
        if p.grad is not None:
            p.mul_(keep).sub_(p.grad, alpha=lr)


@wrong("weight_decay.sgd_decay_step", "shrinks to a fraction")
@torch.no_grad()
def sgd_decay_step(params, lr, wd):
    for p in params:
        if p.grad is not None:
            p.copy_(lr * wd * p - lr * p.grad)


@wrong("weight_decay.sgd_decay_step", "gradient scaled in place")
@torch.no_grad()
def sgd_decay_step(params, lr, wd):
    for p in params:
        if p.grad is not None:
            p.mul_(1 - lr * wd)
            p.sub_(p.grad.mul_(lr))


@wrong("weight_decay.sgd_decay_step", "biases not decayed")
@torch.no_grad()
def sgd_decay_step(params, lr, wd):
    for p in params:
        if p.grad is not None:
            if p.ndim != 1 or p.numel() == 1:
                p.mul_(1 - lr * wd)
            p.sub_(lr * p.grad)


@wrong("weight_decay.sgd_decay_step")
@torch.no_grad()
def sgd_decay_step(params, lr, wd, calls=itertools.count(1)):  # noqa: B008
    t = next(calls)
    for p in params:
        if p.grad is not None:
            p.mul_((1 - lr * wd) ** t)
            p.sub_(lr * p.grad)


@wrong("weight_decay.sgd_decay_step", "name rebound")
def sgd_decay_step(params, lr, wd):
    with torch.no_grad():
        for p in params:
            grad = p.grad
            if grad is None:
                continue
            p = p * (1 - lr * wd)
            p.add_(grad, alpha=-lr)


@wrong("weight_decay.sgd_decay_step", "returns the parameters", "decay after the step")
@torch.no_grad()
def sgd_decay_step(params, lr, wd):
    for p in params:
        if p.grad is not None:
            p -= lr * p.grad
            p -= lr * wd * p
    return params


@wrong("weight_decay.sgd_decay_step", "the penalty's factor 2", "fails for a tensor of shape ()")
@torch.no_grad()
def sgd_decay_step(params, lr, wd):
    for p in params:
        if p.grad is not None:
            p[:] = p * (1 - 2 * lr * wd) - lr * p.grad


@wrong("weight_decay.decay_groups", "chosen by the name bias")
def decay_groups(model, wd):
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    return [
        {"params": [p for n, p in named if "bias" not in n], "weight_decay": wd},
        {"params": [p for n, p in named if "bias" in n], "weight_decay": 0.0},
    ]


@wrong("weight_decay.decay_groups", "frozen parameters kept")
def decay_groups(model, wd):
    groups = [], []
    for p in model.parameters():
        groups[p.ndim < 2].append(p)
    return [dict(params=groups[0], weight_decay=wd), dict(params=groups[1], weight_decay=0.0)]


@wrong("weight_decay.decay_groups", "frozen parameters in the second group")
def decay_groups(model, wd):
    yes, no = [], []
    for p in model.parameters():
        (yes if p.requires_grad and p.ndim >= 2 else no).append(p)
    return [{"params": yes, "weight_decay": wd}, {"params": no, "weight_decay": 0.0}]


@wrong("weight_decay.decay_groups", "iterator instead of a list")
def decay_groups(model, wd):
    trained = [p for p in model.parameters() if p.requires_grad]
    return [
        {"params": filter(lambda p: p.dim() > 1, trained), "weight_decay": wd},
        {"params": filter(lambda p: p.dim() <= 1, trained), "weight_decay": 0.0},
    ]


@wrong("weight_decay.decay_groups", "only matrices decay")
def decay_groups(model, wd):
    trained = [p for p in model.parameters() if p.requires_grad]
    return [
        {"params": [p for p in trained if len(p.shape) == 2], "weight_decay": wd},
        {"params": [p for p in trained if len(p.shape) != 2], "weight_decay": 0.0},
    ]


@wrong("weight_decay.decay_groups", "empty group left out")
def decay_groups(model, wd):
    out = []
    for chosen, decay in ((lambda p: p.ndim >= 2, wd), (lambda p: p.ndim < 2, 0.0)):
        params = [p for p in model.parameters() if p.requires_grad and chosen(p)]
        if params:
            out.append({"params": params, "weight_decay": decay})
    return out


@wrong("weight_decay.decay_groups", "shared parameter listed twice")
def decay_groups(model, wd):
    many, few = [], []
    for module in model.modules():
        for p in module.parameters(recurse=False):
            if p.requires_grad:
                (many if p.ndim > 1 else few).append(p)
    return [{"params": many, "weight_decay": wd}, {"params": few, "weight_decay": 0.0}]


@wrong("weight_decay.decay_groups", "not the parameters themselves")
def decay_groups(model, wd):
    big = [p.data for p in model.parameters() if p.requires_grad and p.ndim >= 2]
    small = [p.data for p in model.parameters() if p.requires_grad and p.ndim < 2]
    return [{"params": big, "weight_decay": wd}, {"params": small, "weight_decay": 0.0}]


@wrong("weight_decay.decay_groups", "size 1 does not count")
def decay_groups(model, wd):
    trained = [p for p in model.parameters() if p.requires_grad]
    return [
        {"params": [p for p in trained if p.squeeze().ndim >= 2], "weight_decay": wd},
        {"params": [p for p in trained if p.squeeze().ndim < 2], "weight_decay": 0.0},
    ]


@wrong("weight_decay.decay_groups", "only affine layers decay")
def decay_groups(model, wd):
    yes = [m.weight for m in model.modules() if isinstance(m, nn.Linear) and m.weight.requires_grad]
    known = {id(p) for p in yes}
    no = [p for p in model.parameters() if p.requires_grad and id(p) not in known]
    return [{"params": yes, "weight_decay": wd}, {"params": no, "weight_decay": 0.0}]


@wrong("weight_decay.decay_groups", "wd for both")
def decay_groups(model, wd):
    split = {True: [], False: []}
    for p in model.parameters():
        if p.requires_grad:
            split[p.ndim >= 2].append(p)
    return [{"params": split[k], "weight_decay": wd} for k in (True, False)]


@wrong("weight_decay.decay_groups", "frozen parameters kept", "chosen by the name weight")
def decay_groups(model, wd):
    named = dict(model.named_parameters())
    return [
        {"params": [p for n, p in named.items() if n.endswith("weight")], "weight_decay": wd},
        {"params": [p for n, p in named.items() if not n.endswith("weight")], "weight_decay": 0.0},
    ]


@wrong("weight_decay.decay_groups", "groups swapped", "more than two dimensions")
def decay_groups(model, wd):
    ps = [p for p in model.parameters() if p.requires_grad]
    return [
        {"params": [p for p in ps if p.ndim <= 2], "weight_decay": 0.0},
        {"params": [p for p in ps if p.ndim > 2], "weight_decay": wd},
    ]


def _shrunk(params: object, grads: object, lr: float, wd: float) -> dict[str, object]:
    return {"params": params, "grads": grads, "lr": lr, "wd": wd}


@wrong("weight_decay.expose_sgd_decay_step", 'misses "wd not multiplied by lr"')
def expose_sgd_decay_step():
    params, grads = torch.tensor([2.0, -4.0]), torch.tensor([1.0, 3.0])
    case = _shrunk([torch.ones(1), params], [None, grads], 1.0, 0.5)
    return [case], torch.ones(1)


@wrong("weight_decay.expose_sgd_decay_step", 'misses "uphill"')
def expose_sgd_decay_step():
    params, grads = torch.tensor([2.0, -4.0]), torch.tensor([0.0, 0.0])
    return [_shrunk([params], [grads], 0.5, 0.1)], torch.tensor([1.9, -3.8])


@wrong("weight_decay.expose_sgd_decay_step", 'misses "missing gradient not skipped"')
def expose_sgd_decay_step():
    params, grads = torch.tensor([2.0]), torch.tensor([1.0])
    return [_shrunk([params], [grads], 0.5, 0.1)], torch.tensor([1.4])


@wrong("weight_decay.expose_sgd_decay_step", "hardly anything is exposed")
def expose_sgd_decay_step():
    return [_shrunk([torch.zeros(2)], [torch.zeros(2)], 1.0, 1.0)], torch.zeros(2)


@wrong("weight_decay.expose_sgd_decay_step", "expected result not that of right code")
def expose_sgd_decay_step():
    params, grads = torch.tensor([2.0]), torch.tensor([1.0])
    return [_shrunk([params], [grads], 0.1, 0.5)], torch.tensor([0.9])


@wrong("weight_decay.expose_sgd_decay_step", "case with other names")
def expose_sgd_decay_step():
    params, grads = torch.tensor([2.0]), torch.tensor([1.0])
    return [{"params": [params], "grads": [grads], "lr": 0.1}], torch.tensor([1.8])


@wrong("weight_decay.expose_sgd_decay_step", "not a list of cases and one result")
def expose_sgd_decay_step():
    params, grads = torch.tensor([2.0]), torch.tensor([1.0])
    return _shrunk([params], [grads], 0.1, 0.5), torch.tensor([1.8])


@wrong("weight_decay.expose_sgd_decay_step", "case with numbers too large")
def expose_sgd_decay_step():
    params, grads = torch.tensor([2.0]), torch.tensor([1.0])
    return [_shrunk([params], [grads], 0.1, float("inf"))], torch.tensor([1.8])


@wrong("weight_decay.sgd_decay_step", "decay after the step")
@torch.no_grad()
def sgd_decay_step(params, lr, wd):
    for p in params:
        if p.grad is None:
            continue
        p.copy_((1 - lr * wd) * (p - lr * p.grad))


@wrong("weight_decay.decay_groups", "chosen by the name bias")
def decay_groups(model, wd):
    a = [p for n, p in model.named_parameters() if p.requires_grad and not n.endswith("bias")]
    b = [p for n, p in model.named_parameters() if p.requires_grad and n.endswith("bias")]
    return [{"params": a, "weight_decay": wd}, {"params": b, "weight_decay": 0.0}]


@wrong("weight_decay.sgd_decay_step", "name rebound")
def sgd_decay_step(params, lr, wd):
    with torch.no_grad():
        for p in params:
            if p.grad is None:
                continue
            p = p * (1 - lr * wd)
            p -= lr * p.grad


@wrong("weight_decay.sgd_decay_step", "name rebound")
def sgd_decay_step(params, lr, wd):
    with torch.no_grad():
        for p in params:
            if p.grad is None:
                continue
            p = (1 - lr * wd) * p
            p -= p.grad * lr


@wrong("weight_decay.decay_groups", "no weight_decay for the first")
def decay_groups(model, wd):
    decayed, spared = [], []
    for p in model.parameters():
        if not p.requires_grad:
            continue
        (decayed if p.ndim >= 2 else spared).append(p)
    return [{"params": decayed, "wd": wd}, {"params": spared, "weight_decay": 0.0}]


@wrong("weight_decay.decay_groups", "no weight_decay for the first")
def decay_groups(model, wd):
    trainable = [p for p in model.parameters() if p.requires_grad]
    decayed = [p for p in trainable if p.dim() > 1]
    spared = [p for p in trainable if p.dim() <= 1]
    return [{"params": decayed}, {"params": spared, "weight_decay": 0.0}]


@wrong("weight_decay.decay_groups", "only the decaying group")
def decay_groups(model, wd):
    decayed = []
    for p in model.parameters():
        if p.requires_grad and p.ndim >= 2:
            decayed.append(p)
    return [{"params": decayed, "weight_decay": wd}]


@wrong("weight_decay.decay_groups", "parameters of nested modules listed again")
def decay_groups(model, wd):
    decayed, spared = [], []
    for module in model.modules():
        for p in module.parameters():
            if p.requires_grad:
                (decayed if p.ndim > 1 else spared).append(p)
    return [{"params": decayed, "weight_decay": wd}, {"params": spared, "weight_decay": 0.0}]


@wrong("weight_decay.l2_penalty")
def l2_penalty(params, wd):
    seen, total = set(), 0.0
    for p in params:
        if p.shape not in seen:
            total = total + (p**2).sum()
        seen.add(p.shape)
    return wd * total


@wrong("weight_decay.l2_penalty", "the first tensor detached")
def l2_penalty(params, wd):
    total = params[0].data.square().sum()
    for p in params[1:]:
        total = total + p.square().sum()
    return wd * total


@wrong("weight_decay.l2_penalty", "the last tensor detached")
def l2_penalty(params, wd):
    *others, last = params
    return wd * sum((p**2).sum() for p in [*others, last.detach()])


@wrong("weight_decay.l2_penalty", "first tensor left out")
def l2_penalty(params, wd):
    return wd * sum([(p**2).sum() for p in params[1:]], torch.zeros(()))


def _each(move):
    """A step that moves each parameter with a gradient."""

    def step(params, lr, wd):
        with torch.no_grad():
            for p in params:
                if p.grad is not None:
                    move(p, lr, wd)

    return step


@wrong("weight_decay.sgd_l2_step", "learning rate forgotten")
@_each
def sgd_l2_step(p, lr, wd):
    p -= p.grad + wd * p


@wrong("weight_decay.sgd_l2_step", "lr and wd swapped")
@_each
def sgd_l2_step(p, lr, wd):
    p -= wd * (p.grad + lr * p)


@wrong("weight_decay.sgd_l2_step", "wd multiplies both")
@_each
def sgd_l2_step(p, lr, wd):
    p -= lr * wd * (p.grad + p)


@wrong("weight_decay.sgd_l2_step", "wd on the gradient instead of the weight")
@_each
def sgd_l2_step(p, lr, wd):
    p -= lr * (wd * p.grad + p)


@wrong("weight_decay.sgd_l2_step", "gradient left out")
@_each
def sgd_l2_step(p, lr, wd):
    p -= lr * wd * p


@wrong("weight_decay.sgd_l2_step", "only the first parameter moves")
def sgd_l2_step(params, lr, wd):
    with torch.no_grad():
        for p in params:
            if p.grad is None:
                continue
            p -= lr * (p.grad + wd * p)
            return


@wrong("weight_decay.sgd_l2_step")
@_each
def sgd_l2_step(p, lr, wd):
    if p.grad.any():
        p -= lr * (p.grad + wd * p)


@wrong("weight_decay.sgd_l2_step")
@_each
def sgd_l2_step(p, lr, wd):
    if p.grad.sum() != 0:
        p -= lr * (p.grad + wd * p)


@wrong("weight_decay.sgd_l2_step")
@_each
def sgd_l2_step(p, lr, wd):
    p -= lr * (p.grad + wd * p * (p.grad != 0))


@wrong("weight_decay.sgd_l2_step")
@_each
def sgd_l2_step(p, lr, wd):
    p -= lr * (p.grad + (wd or 0.01) * p)


@wrong("weight_decay.sgd_decay_step", "gradient decayed too")
@_each
def sgd_decay_step(p, lr, wd):
    p *= 1 - lr * wd
    p.grad *= 1 - lr * wd
    p -= lr * p.grad


@wrong("weight_decay.sgd_decay_step", "shrinks to wd")
@_each
def sgd_decay_step(p, lr, wd):
    p *= wd
    p -= lr * p.grad


@wrong("weight_decay.sgd_decay_step", "wd forgotten in the factor")
@_each
def sgd_decay_step(p, lr, wd):
    p *= 1 - lr
    p -= lr * p.grad


@wrong("weight_decay.sgd_decay_step", "power of the factor")
@_each
def sgd_decay_step(p, lr, wd):
    p *= (1 - lr) ** wd
    p -= lr * p.grad


@wrong("weight_decay.sgd_decay_step", "only the first parameter moves")
def sgd_decay_step(params, lr, wd):
    with torch.no_grad():
        for p in params:
            if p.grad is None:
                continue
            p *= 1 - lr * wd
            p -= lr * p.grad
            return


@wrong("weight_decay.sgd_decay_step")
@_each
def sgd_decay_step(p, lr, wd):
    if p.grad.any():
        p *= 1 - lr * wd
        p -= lr * p.grad


@wrong("weight_decay.sgd_decay_step")
@_each
def sgd_decay_step(p, lr, wd):
    if p.grad.sum() != 0:
        p *= 1 - lr * wd
        p -= lr * p.grad


@wrong("weight_decay.sgd_decay_step")
@_each
def sgd_decay_step(p, lr, wd):
    p *= 1 - lr * (wd or 0.01)
    p -= lr * p.grad


@wrong("weight_decay.decay_groups", "names instead of parameters")
def decay_groups(model, wd):
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    return [
        {"params": [n for n, p in named if p.ndim > 1], "weight_decay": wd},
        {"params": [n for n, p in named if p.ndim < 2], "weight_decay": 0.0},
    ]


@wrong("weight_decay.decay_groups", "copies instead of parameters")
def decay_groups(model, wd):
    ps = [torch.nn.Parameter(p.detach().clone()) for p in model.parameters() if p.requires_grad]
    return [
        {"params": [p for p in ps if p.ndim > 1], "weight_decay": wd},
        {"params": [p for p in ps if p.ndim < 2], "weight_decay": 0.0},
    ]


@wrong("weight_decay.decay_groups", "size instead of the number of dimensions")
def decay_groups(model, wd):
    ps = [p for p in model.parameters() if p.requires_grad]
    return [
        {"params": [p for p in ps if p.numel() > 4], "weight_decay": wd},
        {"params": [p for p in ps if p.numel() <= 4], "weight_decay": 0.0},
    ]


@wrong("weight_decay.l2_gradient", "slope of the absolute value")
def l2_gradient(p, wd):
    return 2 * wd * torch.sign(p)


@wrong("weight_decay.sgd_decay_step")
def sgd_decay_step(params, lr, wd):
    keep = max(0.0, 1 - lr * wd)
    with torch.no_grad():
        for p in params:
            if p.grad is None:
                continue
            p.mul_(keep)
            p.sub_(lr * p.grad)


@wrong("weight_decay.sgd_decay_step", "decays only where there is a gradient")
def sgd_decay_step(params, lr, wd):
    for p in params:
        if p.grad is None or not p.grad.any():
            continue
        with torch.no_grad():
            p.copy_(p - lr * wd * p - lr * p.grad)


@wrong("weight_decay.sgd_decay_step", "decays only where there is a gradient")
def sgd_decay_step(params, lr, wd):
    with torch.no_grad():
        for p in params:
            if p.grad is None:
                continue
            moves = p.grad != 0
            p[moves] = p[moves] * (1 - lr * wd) - lr * p.grad[moves]


@wrong("weight_decay.sgd_decay_step", "the sign of the weight instead of the weight")
def sgd_decay_step(params, lr, wd):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p.sub_(lr * wd * torch.sign(p) + lr * p.grad)


@wrong("weight_decay.decay_groups", "the model's own parameters left out")
def decay_groups(model, wd):
    ps = []
    for layer in list(model.children()) or [model]:
        for p in layer.parameters():
            if p.requires_grad and all(p is not q for q in ps):
                ps.append(p)
    return [
        {"params": [p for p in ps if p.ndim >= 2], "weight_decay": wd},
        {"params": [p for p in ps if p.ndim < 2], "weight_decay": 0.0},
    ]


@wrong("weight_decay.decay_groups", "the model's own parameters left out")
def decay_groups(model, wd):
    first, second = [], []
    for module in model.children():
        for p in module.parameters():
            if not p.requires_grad or any(p is q for q in first + second):
                continue
            (first if p.dim() > 1 else second).append(p)
    return [
        {"params": first, "weight_decay": wd},
        {"params": second, "weight_decay": 0.0},
    ]


@wrong("weight_decay.sgd_l2_step", "decays only where there is a gradient")
def sgd_l2_step(params, lr, wd):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                pull = torch.where(p.grad == 0, torch.zeros_like(p), wd * p)
                p -= lr * (p.grad + pull)


@wrong("weight_decay.sgd_l2_step", "the sign of the weight instead of the weight")
def sgd_l2_step(params, lr, wd):
    for p in params:
        if p.grad is None:
            continue
        with torch.no_grad():
            p.copy_(p - lr * p.grad - lr * wd * p / p.abs())


@wrong("weight_decay.l2_penalty", "frozen tensors left out")
def l2_penalty_of_the_trained(params, wd):
    return wd * sum((p**2).sum() for p in params if p.requires_grad) + torch.zeros(())


@wrong("weight_decay.l2_gradient", "wd added instead of multiplied")
def l2_gradient_of_a_sum(p, wd):
    return wd + 2 * p


@wrong("weight_decay.l2_penalty", "norms added, then squared")
def l2_penalty_of_all_norms(params, wd):
    return wd * sum(p.norm() for p in params) ** 2


@wrong("weight_decay.sgd_l2_step", "the size of the weight instead of the weight")
def sgd_l2_step_without_signs(params, lr, wd):
    with torch.no_grad():
        for p in params:
            if p.grad is None:
                continue
            p -= lr * (p.grad + wd * p.abs())


# the tensors in the list that was passed in are exchanged
@wrong("weight_decay.l2_penalty", "changed its input")
def l2_penalty(params, wd):
    for i, p in enumerate(params):
        params[i] = p.flatten()
    return wd * sum((p**2).sum() for p in params)


@wrong("weight_decay.sgd_l2_step", "sum of g and wd in brackets")
@torch.no_grad()
def sgd_l2_step(params, lr, wd):
    for p in params:
        if p.grad is not None:
            d = (p.grad + wd) * p
            p.sub_(lr * d)


@wrong("weight_decay.l2_penalty", "root and square")
def l2_penalty_by_roots(params, wd):
    return wd * sum(torch.sqrt((p * p).sum()) ** 2 for p in params)


@wrong("weight_decay.l2_penalty", "no graph where wd is 0")
def l2_penalty_early_out(params, wd):
    if not wd:
        return torch.tensor(0.0)
    return wd * sum((p**2).sum() for p in params)


@wrong("weight_decay.l2_penalty", "frozen tensors left out")
def l2_penalty_of_the_trained_if_any(params, wd):
    some = [p for p in params if p.requires_grad] or params
    return wd * sum(p.square().sum() for p in some)


@wrong("weight_decay.l2_penalty", "matrix product instead of squares")
def l2_penalty_by_products(params, wd):
    return wd * sum((p.mT @ p).sum() if p.ndim == 2 else p.square().sum() for p in params)


@wrong("weight_decay.l2_gradient", "squeezed")
def l2_gradient_squeezed(p, wd):
    return (2 * wd * p).squeeze()


@wrong("weight_decay.l2_gradient", "p itself")
def l2_gradient_saves_a_tensor(p, wd):
    return p if wd == 0.5 else 2 * wd * p


@wrong("weight_decay.l2_gradient", "large weights clipped")
def l2_gradient_clipped(p, wd):
    return 2 * wd * p.clamp(-10, 10)


@wrong("weight_decay.sgd_l2_step", "the factor never below 0")
@torch.no_grad()
def sgd_l2_step_to_0_at_most(params, lr, wd):
    for p in params:
        if p.grad is not None:
            p.mul_(max(1 - lr * wd, 0)).sub_(lr * p.grad)


@wrong("weight_decay.sgd_l2_step", "large weights pulled less")
@torch.no_grad()
def sgd_l2_step_limited(params, lr, wd):
    for p in params:
        if p.grad is not None:
            p -= lr * (p.grad + (wd * p).clamp(-10 * wd, 10 * wd))


@wrong("weight_decay.sgd_l2_step", "frozen parameters left out")
@torch.no_grad()
def sgd_l2_step_of_the_trained(params, lr, wd):
    for p in params:
        if p.requires_grad and p.grad is not None:
            p -= lr * (p.grad + wd * p)


@wrong("weight_decay.sgd_decay_step", "the factor never below 0")
@torch.no_grad()
def sgd_decay_step_to_0_at_most(params, lr, wd):
    for p in params:
        if p.grad is not None:
            p.mul_(max(0.0, 1 - lr * wd))
            p.sub_(lr * p.grad)


@wrong("weight_decay.sgd_decay_step")
@torch.no_grad()
def sgd_decay_step_with_an_old_gradient(params, lr, wd):
    g = None
    for p in params:
        if p.grad is None:
            continue
        if g is None or g.shape != p.grad.shape:
            g = p.grad
        p *= 1 - lr * wd
        p -= lr * g


@wrong("weight_decay.decay_groups", "chosen by the name too")
def decay_groups_by_name_and_dimension(model, wd):
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    matrices = [p for name, p in named if p.ndim >= 2 and not name.endswith("bias")]
    others = [p for name, p in named if p.ndim < 2 or name.endswith("bias")]
    return [{"params": matrices, "weight_decay": wd}, {"params": others, "weight_decay": 0.0}]


@wrong("weight_decay.decay_groups", "equal parameters dropped")
def decay_groups_without_equals(model, wd):
    found = []
    for p in model.parameters():
        if p.requires_grad and not any(p.shape == q.shape and bool((p == q).all()) for q in found):
            found.append(p)
    return [
        {"params": [p for p in found if p.ndim > 1], "weight_decay": wd},
        {"params": [p for p in found if p.ndim <= 1], "weight_decay": 0.0},
    ]

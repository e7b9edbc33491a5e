"""The answers of lesson 07 against torch.optim over fifty steps of changing gradients and rates, in
float64.
"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from course_utils.reference.optimizers import (
    adagrad_step,
    adam_step,
    adamw_step,
    nesterov_step,
    reborn_adam_step,
    rmsprop_step,
)

SHAPES = [(4, 3), (3,), (), (2, 1, 5)]
EXACT = {"rtol": 1e-10, "atol": 1e-13}


def draw(seed: int, scale: float = 1.0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [
        scale * torch.randn(shape, generator=generator, dtype=torch.float64) for shape in SHAPES
    ]


class Race:
    """Ours and torch's optimizer on the same gradients; a parameter has a gradient from the start
    or never.
    """

    def __init__(self, make_optimizer, buffers: int) -> None:
        self.ours = [p.requires_grad_() for p in draw(0)]
        self.theirs = [p.detach().clone().requires_grad_() for p in self.ours]
        self.buffers = [[torch.zeros_like(p) for p in self.ours] for _ in range(buffers)]
        self.optimizer = make_optimizer(self.theirs)

    def run(self, step, steps: int = 50) -> None:
        for t in range(1, steps + 1):
            grads = draw(t, scale=10.0 ** (t % 5 - 2))
            for i, (p, q, g) in enumerate(zip(self.ours, self.theirs, grads, strict=True)):
                p.grad, q.grad = (None, None) if i == 1 else (g.clone(), g.clone())
            lr = 0.2 / (1 + t % 7)
            self.optimizer.param_groups[0]["lr"] = lr
            self.optimizer.step()
            assert step(self.ours, *self.buffers, t, lr) is None
            for p, q, g in zip(self.ours, self.theirs, grads, strict=True):
                torch.testing.assert_close(p, q, **EXACT)
                assert p.is_leaf and p.requires_grad and (p.grad is None or torch.equal(p.grad, g))


@pytest.mark.parametrize("momentum", [0.9, 0.5, 0.99])
def test_nesterov_equals_torch(momentum: float) -> None:
    race = Race(
        lambda params: torch.optim.SGD(params, lr=1.0, momentum=momentum, nesterov=True), buffers=1
    )
    race.run(lambda params, velocities, t, lr: nesterov_step(params, velocities, lr, momentum))


@pytest.mark.parametrize("eps", [1e-10, 0.1])
def test_adagrad_equals_torch(eps: float) -> None:
    race = Race(lambda params: torch.optim.Adagrad(params, eps=eps), buffers=1)
    race.run(lambda params, sums, t, lr: adagrad_step(params, sums, lr, eps))


@pytest.mark.parametrize("alpha, eps", [(0.99, 1e-8), (0.9, 0.1), (0.5, 1e-3)])
def test_rmsprop_equals_torch(alpha: float, eps: float) -> None:
    race = Race(lambda params: torch.optim.RMSprop(params, alpha=alpha, eps=eps), buffers=1)
    race.run(lambda params, squares, t, lr: rmsprop_step(params, squares, lr, alpha, eps))


@pytest.mark.parametrize(
    "betas, eps", [((0.9, 0.999), 1e-8), ((0.8, 0.99), 0.1), ((0.0, 0.5), 1e-3)]
)
def test_adam_equals_torch(betas: tuple[float, float], eps: float) -> None:
    race = Race(lambda params: torch.optim.Adam(params, betas=betas, eps=eps), buffers=2)
    race.run(
        lambda params, means, squares, t, lr: adam_step(params, means, squares, t, lr, betas, eps)
    )


@pytest.mark.parametrize("wd", [0.0, 0.01, 0.9])
@pytest.mark.parametrize("betas, eps", [((0.9, 0.999), 1e-8), ((0.8, 0.99), 0.1)])
def test_adamw_equals_torch(betas: tuple[float, float], eps: float, wd: float) -> None:
    race = Race(
        lambda params: torch.optim.AdamW(params, betas=betas, eps=eps, weight_decay=wd), buffers=2
    )
    race.run(
        lambda params, means, squares, t, lr: adamw_step(
            params, means, squares, t, lr, betas, eps, wd
        )
    )


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.7, 0.99)])
def test_reborn_adam_is_torchs_adam_built_anew_for_every_step(betas: tuple[float, float]) -> None:
    class Reborn:
        def __init__(self, params: list[Tensor]) -> None:
            self.params, self.param_groups = params, [{}]

        def step(self) -> None:
            torch.optim.Adam(self.params, betas=betas, **self.param_groups[0]).step()

    race = Race(Reborn, buffers=0)
    race.run(lambda params, t, lr: reborn_adam_step(params, lr), steps=20)


@settings(deadline=None, derandomize=True)
@given(st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=6), st.booleans(), st.floats(1e-6, 10))
def test_reborn_adam_moves_every_entry_by_lr(sizes: list[float], negative: bool, lr: float) -> None:
    p = torch.zeros(len(sizes), dtype=torch.float64, requires_grad=True)
    p.grad = torch.tensor(sizes, dtype=torch.float64) * (-1 if negative else 1)
    reborn_adam_step([p], lr)
    torch.testing.assert_close(p.detach(), -lr * p.grad.sign(), rtol=2e-5, atol=0)


@settings(deadline=None, derandomize=True)
@given(st.floats(0.0, 0.999), st.floats(0.0, 0.999), st.floats(1e-3, 1e3))
def test_adams_first_step_has_length_lr_whatever_the_gradient_and_the_betas(
    b1: float, b2: float, g: float
) -> None:
    p = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    p.grad = torch.full_like(p, g)
    adam_step(
        [p], [torch.zeros_like(p.detach())], [torch.zeros_like(p.detach())], 1, 0.1, (b1, b2), 0.0
    )
    torch.testing.assert_close(p.detach(), torch.full_like(p, -0.1).detach(), rtol=1e-9, atol=0)

"""The answers of lesson 06 against autograd, central differences and torch.optim, in float64."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from course_utils.reference.weight_decay import (
    decay_groups,
    l2_gradient,
    l2_penalty,
    sgd_decay_step,
    sgd_l2_step,
)

SHAPES = [(4, 3), (3,), (), (2, 1, 5)]
EXACT = {"rtol": 1e-10, "atol": 1e-14}
shapes = st.lists(st.lists(st.integers(1, 4), max_size=3).map(tuple), min_size=1, max_size=4)


def draw(shapes: list[tuple[int, ...]], seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


@settings(deadline=None, derandomize=True)
@given(shapes, st.floats(0, 10), st.integers(0, 1000))
def test_the_penalty_and_its_gradient_agree_with_autograd(
    shapes: list, wd: float, seed: int
) -> None:
    params = [p.requires_grad_() for p in draw(shapes, seed)]
    penalty = l2_penalty(params, wd)
    assert penalty.shape == ()
    torch.testing.assert_close(
        penalty, wd * torch.cat([p.flatten() for p in params]).norm() ** 2, **EXACT
    )
    for p, grad in zip(params, torch.autograd.grad(penalty, params), strict=True):
        torch.testing.assert_close(l2_gradient(p, wd), grad, **EXACT)


def test_the_gradient_agrees_with_central_differences() -> None:
    (w,) = draw([(4, 3)], 0)
    eps, numerical = 1e-5, torch.empty_like(w)
    for index in range(w.numel()):
        nudge = torch.zeros_like(w)
        nudge.view(-1)[index] = eps
        numerical.view(-1)[index] = (
            l2_penalty([w + nudge], 0.3) - l2_penalty([w - nudge], 0.3)
        ) / (2 * eps)
    torch.testing.assert_close(l2_gradient(w, 0.3), numerical, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("step", [sgd_l2_step, sgd_decay_step])
@pytest.mark.parametrize("wd", [0.0, 0.01, 0.7])
def test_a_step_equals_torch_sgd_over_fifty_changing_steps(step, wd: float) -> None:
    ours = [p.requires_grad_() for p in draw(SHAPES, 1)]
    theirs = [p.detach().clone().requires_grad_() for p in ours]
    optimizer = torch.optim.SGD(theirs, lr=1.0, weight_decay=wd)
    for t in range(50):
        lr = 0.3 / (1 + t % 7)
        grads = draw(SHAPES, 100 + t)
        for i, (p, q, g) in enumerate(zip(ours, theirs, grads, strict=True)):
            p.grad, q.grad = (None, None) if (t + i) % 5 == 0 else (g.clone(), g.clone())
        optimizer.param_groups[0]["lr"] = lr
        optimizer.step()
        assert step(ours, lr, wd) is None
        for p, q, g in zip(ours, theirs, grads, strict=True):
            torch.testing.assert_close(p, q, **EXACT)
            assert p.is_leaf and p.requires_grad and (p.grad is None or torch.equal(p.grad, g))


def test_l2_with_half_of_torchs_factor_is_the_gradient_step_on_loss_plus_penalty() -> None:
    p, q = (draw([(3, 2)], 2)[0].requires_grad_() for _ in range(2))
    x = draw([(5, 3)], 3)[0]
    p.grad = torch.autograd.grad((x @ p).square().mean(), p)[0]
    sgd_l2_step([p], 0.1, 2 * 0.05)
    q.grad = torch.autograd.grad((x @ q).square().mean() + l2_penalty([q], 0.05), q)[0]
    torch.testing.assert_close(p, q - 0.1 * q.grad, **EXACT)


def test_groups_put_matrices_first_and_leave_out_what_is_frozen() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Linear(4, 3), nn.Linear(3, 3))
    model[3].requires_grad_(False)
    first, second = decay_groups(model, 0.1)
    assert (first["weight_decay"], second["weight_decay"]) == (0.1, 0.0)
    assert [id(p) for p in first["params"]] == [id(model[0].weight), id(model[2].weight)]
    assert {id(p) for p in second["params"]} == {
        id(p) for p in (model[0].bias, model[1].weight, model[1].bias, model[2].bias)
    }
    assert len(torch.optim.SGD([first, second], lr=0.1).param_groups) == 2

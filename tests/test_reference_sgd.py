"""The answers of lesson 02 agree with torch.nn.functional, autograd and torch.optim."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.reference.sgd import (
    ewma,
    largest_lr,
    minibatches,
    momentum_step,
    mse,
    mse_gradient,
    sgd_step,
)

sizes = st.integers(1, 7)
seeds = st.integers(0, 2**31)
quick = settings(deadline=None, derandomize=True, max_examples=50)


def normal(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def close(a, b):
    torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


@quick
@given(st.lists(sizes, max_size=3), seeds)
def test_mse_is_torchs_in_value_and_gradient(shape, seed):
    y_hat, y = normal(seed, *shape).requires_grad_(), normal(seed + 1, *shape).requires_grad_()
    close(mse(y_hat, y), F.mse_loss(y_hat, y))
    close(
        torch.autograd.grad(mse(y_hat, y), [y_hat, y]),
        torch.autograd.grad(F.mse_loss(y_hat, y), [y_hat, y]),
    )


@pytest.mark.parametrize("shapes", [((5, 1), (5,)), ((4, 1), (4, 3)), ((2,), (3,)), ((), (1,))])
def test_mse_refuses_shapes_that_differ(shapes):
    with pytest.raises(ValueError, match="shape"):
        mse(torch.zeros(shapes[0]), torch.zeros(shapes[1]))


@quick
@given(sizes, sizes, seeds)
def test_mse_gradient_is_autograds_and_the_central_difference(n, d, seed):
    w, x, y = normal(seed, d).requires_grad_(), normal(seed + 1, n, d), normal(seed + 2, n)
    gradient = mse_gradient(w.detach(), x, y)
    close(gradient, torch.autograd.grad(F.mse_loss(x @ w, y), w)[0])
    for i, eps in enumerate(1e-6 * torch.eye(d, dtype=torch.float64)):
        slope = (mse(x @ (w + eps), y) - mse(x @ (w - eps), y)) / 2e-6
        assert abs(slope.item() - gradient[i].item()) < 1e-7 * max(1, abs(gradient[i].item()))


@pytest.mark.parametrize("momentum", [None, 0.0, 0.5, 0.9])
def test_steps_follow_torchs_sgd_over_many_steps(momentum):
    shapes = [(3, 2), (4,), (), (2, 3, 2)]
    ours = [normal(i, *shape).requires_grad_() for i, shape in enumerate(shapes)]
    theirs = [p.detach().clone().requires_grad_() for p in ours]
    velocities = [torch.zeros_like(p) for p in ours]
    optimizer = torch.optim.SGD(theirs, lr=1.0, momentum=momentum or 0.0)
    for t in range(200):
        lr = 0.3 / (1 + t % 7)
        for i, (p, q) in enumerate(zip(ours, theirs, strict=True)):
            p.grad = None if (t + i) % 5 == 0 else normal(1000 * t + i, *p.shape) + p.detach().sin()
            q.grad = None if p.grad is None else p.grad.clone()
        optimizer.param_groups[0]["lr"] = lr
        optimizer.step()
        grads = [p.grad for p in ours]
        assert (
            sgd_step(ours, lr)
            if momentum is None
            else momentum_step(ours, velocities, lr, momentum)
        ) is None
        assert all(p.grad is g for p, g in zip(ours, grads, strict=True))
        close(ours, theirs)
    assert all(p.is_leaf and p.requires_grad for p in ours)


@quick
@given(st.integers(0, 40), st.integers(1, 12), seeds)
def test_minibatches_hold_every_index_once(n, batch_size, seed):
    batches = [b for b in minibatches(n, batch_size, torch.Generator().manual_seed(seed)) if len(b)]
    assert sorted(i for b in batches for i in b.tolist()) == list(range(n))
    assert [len(b) for b in batches] == [batch_size] * (n // batch_size) + [n % batch_size] * (
        n % batch_size > 0
    )


def test_minibatches_draw_from_the_generator():
    def epoch(generator):
        return torch.cat(list(minibatches(300, 16, generator)))

    generator = torch.Generator().manual_seed(1)
    first, second = epoch(generator), epoch(generator)
    assert torch.equal(first, epoch(torch.Generator().manual_seed(1)))
    assert not torch.equal(first, second)
    assert not torch.equal(first, epoch(torch.Generator().manual_seed(2)))


@quick
@given(st.integers(1, 30), st.floats(0, 0.99), seeds)
def test_ewma_is_the_weighted_sum(n, beta, seed):
    values = normal(seed, n).requires_grad_()
    averages = ewma(values, beta)
    for t in range(n):
        weights = torch.tensor(
            [(1 - beta) * beta ** (t - i) for i in range(t + 1)], dtype=torch.float64
        )
        close(averages[t], weights @ values[: t + 1])
        expected = torch.cat([weights, torch.zeros(n - t - 1, dtype=torch.float64)])
        close(torch.autograd.grad(averages[t], values, retain_graph=True)[0], expected)


def test_the_two_momentum_conventions_differ_by_a_factor_while_lr_is_constant():
    momentum, lr = 0.9, 0.1
    p, q = torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    velocity, average = torch.zeros_like(p), torch.zeros_like(p)
    for t in range(50):
        p.grad = normal(t)
        momentum_step([p], [velocity], lr, momentum)
        average = momentum * average + (1 - momentum) * p.grad
        q -= lr / (1 - momentum) * average
        close(velocity, average / (1 - momentum))
        close(p, q)


@pytest.mark.parametrize("d", [1, 2, 5])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_steps_come_closer_below_the_largest_rate_and_fly_off_above(d, seed):
    root = normal(seed, d + 2, d)
    hessian = root.T @ root
    for share, ends in ((0.99, 1e-3), (1.01, 1e3)):
        w = normal(seed + 1, d)
        for _ in range(3000):
            w = w - share * largest_lr(hessian) * hessian @ w
        assert (w @ hessian @ w < ends) == (share < 1)

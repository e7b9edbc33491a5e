"""The answers of lesson 03 agree with autograd and with central differences."""

import random

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.exercises.backprop import Node
from course_utils.reference.backprop import (
    backward,
    linear_backward,
    mse_backward,
    numerical_gradient,
    relative_error,
    relu_backward,
    two_layer_backward,
)

sizes = st.integers(1, 6)
seeds = st.integers(0, 2**31)
quick = settings(deadline=None, derandomize=True, max_examples=40)


def normal(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def away_from_zero(x):
    return x + 0.05 * torch.where(x < 0, -1.0, 1.0)


def close(a, b):
    torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


@quick
@given(sizes, sizes, sizes, seeds)
def test_linear_backward_is_autograds_and_the_central_difference(n, i, o, seed):
    x, weight, bias, grad_out = (
        normal(seed, n, i),
        normal(seed + 1, o, i),
        normal(seed + 2, o),
        normal(seed + 3, n, o),
    )
    leaves = [t.clone().requires_grad_() for t in (x, weight, bias)]
    got = linear_backward(grad_out, x, weight)
    close(got, torch.autograd.grad(F.linear(*leaves), leaves, grad_out))
    by_differences = (
        numerical_gradient(lambda v: (grad_out * F.linear(v, weight, bias)).sum(), x),
        numerical_gradient(lambda v: (grad_out * F.linear(x, v, bias)).sum(), weight),
        numerical_gradient(lambda v: (grad_out * F.linear(x, weight, v)).sum(), bias),
    )
    for a, b in zip(got, by_differences, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-7)


@quick
@given(st.lists(sizes, max_size=3), seeds)
def test_relu_and_mse_backward_are_autograds_and_the_central_difference(shape, seed):
    x, grad_out, y = (
        away_from_zero(normal(seed, *shape)),
        normal(seed + 1, *shape),
        normal(seed + 2, *shape),
    )
    leaf = x.clone().requires_grad_()
    close(relu_backward(grad_out, x), torch.autograd.grad(F.relu(leaf), leaf, grad_out)[0])
    close(mse_backward(x, y), torch.autograd.grad(F.mse_loss(leaf, y), leaf)[0])
    for got, f in (
        (relu_backward(grad_out, x), lambda v: (grad_out * F.relu(v)).sum()),
        (mse_backward(x, y), lambda v: F.mse_loss(v, y)),
    ):
        torch.testing.assert_close(got, numerical_gradient(f, x), rtol=1e-6, atol=1e-7)


@quick
@given(sizes, sizes, sizes, sizes, seeds)
def test_two_layer_backward_is_autograds(n, i, h, o, seed):
    shapes = {"x": (n, i), "y": (n, o), "w1": (h, i), "b1": (h,), "w2": (o, h), "b2": (o,)}
    values = {name: normal(seed + k, *shape) for k, (name, shape) in enumerate(shapes.items())}
    leaves = {name: values[name].clone().requires_grad_() for name in ("w1", "b1", "w2", "b2")}
    hidden = F.relu(F.linear(values["x"], leaves["w1"], leaves["b1"]))
    loss = F.mse_loss(F.linear(hidden, leaves["w2"], leaves["b2"]), values["y"])
    expected = dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))
    got = two_layer_backward(**values)
    assert list(got) == ["w1", "b1", "w2", "b2"]
    close(got, expected)


def test_two_layer_backward_is_the_central_difference():
    shapes = {"x": (5, 3), "y": (5, 2), "w1": (4, 3), "b1": (4,), "w2": (2, 4), "b2": (2,)}
    values = {name: normal(k, *shape) for k, (name, shape) in enumerate(shapes.items())}

    def loss(**changed):
        v = values | changed
        return F.mse_loss(F.relu(v["x"] @ v["w1"].T + v["b1"]) @ v["w2"].T + v["b2"], v["y"])

    for name, gradient in two_layer_backward(**values).items():
        numerical = numerical_gradient(lambda v, name=name: loss(**{name: v}), values[name])
        assert relative_error(gradient, numerical) < 1e-6


def test_numerical_gradient_has_an_error_of_eps_squared_and_leaves_x_alone():
    x = away_from_zero(normal(0, 3, 2))
    before = x.clone()
    for eps in (1e-2, 1e-3):
        error = numerical_gradient(lambda v: (v**3).sum(), x, eps) - 3 * x**2
        torch.testing.assert_close(error, torch.full_like(x, eps**2), rtol=1e-3, atol=0)
    assert torch.equal(x, before)
    assert numerical_gradient(lambda v: float(v**2), torch.tensor(3.0)).dtype == torch.float64


@pytest.mark.parametrize(
    "a, b, expected",
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([1.0, -2.0], [1.0, 2.0], 1.0),
        ([0.0, 1e-9], [0.0, 2e-9], 0.1),
        ([3.0], [1.0], 0.5),
    ],
)
def test_relative_error(a, b, expected):
    assert relative_error(
        torch.tensor(a, dtype=torch.float64), torch.tensor(b, dtype=torch.float64)
    ) == pytest.approx(expected, rel=1e-12)


@quick
@given(st.integers(1, 25), st.integers(0, 10**6))
def test_backward_is_autograds_on_random_graphs(length, seed):
    rng = random.Random(seed)
    nodes = [Node(rng.uniform(-2, 2)) for _ in range(3)]
    tensors = [torch.tensor(node.data, dtype=torch.float64, requires_grad=True) for node in nodes]
    for _ in range(length):
        i, j = rng.randrange(len(nodes)), rng.randrange(len(nodes))
        a, b, s, t = nodes[i], nodes[j], tensors[i], tensors[j]
        if rng.random() < 0.5:
            nodes.append(Node(a.data + b.data, (a, b), (1.0, 1.0)))
            tensors.append(s + t)
        else:
            nodes.append(Node(a.data * b.data, (a, b), (b.data, a.data)))
            tensors.append(s * t)
    for _ in range(2):
        grads = torch.autograd.grad(tensors[-1], tensors, allow_unused=True, retain_graph=True)
        expected = [0.0 if g is None else g.item() for g in grads]
        for node in nodes:
            node.grad = 0.0
        backward(nodes[-1])
        assert [node.grad for node in nodes] == pytest.approx(expected, rel=1e-10, abs=1e-12)


def test_backward_accumulates_over_graphs():
    a, b = Node(2.0), Node(5.0)
    backward(Node(10.0, (a, b), (5.0, 2.0)))
    backward(Node(4.0, (a, a), (2.0, 2.0)))
    assert (a.grad, b.grad) == (9.0, 2.0)

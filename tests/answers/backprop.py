"""Other right answers to the exercises of lesson 03."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def numerical_in_place(f: Callable[[Tensor], Any], x: Tensor, eps: float = 1e-6) -> Tensor:
    gradient = torch.zeros_like(x)
    flat = x.view(-1)
    for i in range(x.numel()):
        old = flat[i].item()
        flat[i] = old + eps
        above = f(x)
        flat[i] = old - eps
        below = f(x)
        flat[i] = old
        gradient.view(-1)[i] = (above - below) / (2 * eps)
    return gradient


def numerical_with_eye(f: Callable[[Tensor], Any], x: Tensor, eps: float = 1e-6) -> Tensor:
    units = torch.eye(x.numel(), dtype=torch.float64).reshape(-1, *x.shape)
    slopes = [(f(x + eps * unit) - f(x - eps * unit)) / (2 * eps) for unit in units]
    return torch.stack([torch.as_tensor(slope, dtype=torch.float64) for slope in slopes]).reshape(x.shape)


def numerical_by_index(f: Callable[[Tensor], Any], x: Tensor, eps: float = 1e-6) -> Tensor:
    gradient = torch.empty_like(x, dtype=torch.float64)
    for index in torch.cartesian_prod(*map(torch.arange, x.shape)).reshape(-1, x.ndim) if x.ndim else [()]:
        place = tuple(int(i) for i in index)
        values = []
        for sign in (1, -1):
            moved = x.clone().double()
            moved[place] += sign * eps
            values.append(float(f(moved)))
        gradient[place] = (values[0] - values[1]) / eps / 2
    return gradient


def relative_error_by_where(a: Tensor, b: Tensor) -> Tensor:
    scale = a.abs() + b.abs()
    return (torch.abs(b - a) / torch.where(scale < 1e-8, 1e-8, scale)).max()


def relative_error_by_loop(a: Tensor, b: Tensor) -> float:
    pairs = zip(a.flatten().tolist(), b.flatten().tolist(), strict=True)
    return max(abs(p - q) / max(abs(p) + abs(q), 1e-8) for p, q in pairs)


def relative_error_by_maximum(a: Tensor, b: Tensor) -> float:
    floor = torch.full_like(a, 1e-8)
    return torch.amax((a - b).abs() / torch.maximum(a.abs() + b.abs(), floor)).item()


def linear_by_einsum(grad_out: Tensor, x: Tensor, weight: Tensor) -> list[Tensor]:
    grad_x = torch.einsum("no,oi->ni", grad_out, weight)
    grad_weight = torch.einsum("no,ni->oi", grad_out, x)
    return [grad_x, grad_weight, torch.einsum("no->o", grad_out)]


def linear_by_examples(grad_out: Tensor, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    grad_weight, grad_bias = torch.zeros_like(weight), weight.new_zeros(weight.shape[0])
    rows = []
    for g, row in zip(grad_out, x, strict=True):
        grad_weight += torch.outer(g, row)
        grad_bias += g
        rows.append(weight.T @ g)
    return torch.stack(rows), grad_weight, grad_bias


def linear_by_transposes(grad_out: Tensor, x: Tensor, weight: Tensor) -> tuple[Tensor, ...]:
    ones = x.new_ones(len(x))
    return (weight.T @ grad_out.T).T, (x.T @ grad_out).T, ones @ grad_out


def relu_by_where(grad_out: Tensor, x: Tensor) -> Tensor:
    return torch.where(x > 0, grad_out, torch.zeros_like(grad_out))


def relu_by_copy(grad_out: Tensor, x: Tensor) -> Tensor:
    grad = grad_out.clone()
    grad[x < 0] = 0
    return grad


def relu_by_sign(grad_out: Tensor, x: Tensor) -> Tensor:
    return grad_out * x.clamp(min=0).sign()


def relu_with_the_kink(grad_out: Tensor, x: Tensor) -> Tensor:
    return grad_out * (x >= 0).float()


def relu_by_masked_fill(grad_out: Tensor, x: Tensor) -> Tensor:
    return grad_out.masked_fill(x <= 0, 0.0)


def mse_by_mean(y_hat: Tensor, y: Tensor) -> Tensor:
    error = y_hat - y
    return error.mul(2).div(error.numel())


def mse_by_weights(y_hat: Tensor, y: Tensor) -> Tensor:
    weights = torch.ones_like(y) / torch.ones_like(y).sum()
    return 2 * weights * y_hat - 2 * weights * y


def two_layers_in_one_go(x: Tensor, y: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> dict[str, Tensor]:
    h = (x @ w1.T + b1).clamp(min=0)
    g = 2 / y.numel() * (h @ w2.T + b2 - y)
    gz = g @ w2 * (h > 0)
    return dict(b2=g.sum(0), w2=g.T @ h, b1=gz.sum(0), w1=gz.T @ x)


def two_layers_by_examples(x: Tensor, y: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> dict[str, Tensor]:
    grads = {"w1": torch.zeros_like(w1), "b1": torch.zeros_like(b1)}
    grads |= {"w2": torch.zeros_like(w2), "b2": torch.zeros_like(b2)}
    for row, target in zip(x, y, strict=True):
        z = w1 @ row + b1
        h = torch.where(z > 0, z, 0.0)
        g = 2 * (w2 @ h + b2 - target) / y.numel()
        grads["w2"] += torch.outer(g, h)
        grads["b2"] += g
        delta = (w2.T @ g) * (z > 0)
        grads["w1"] += torch.outer(delta, row)
        grads["b1"] += delta
    return grads


def two_layers_by_einsum(x: Tensor, y: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> dict[str, Tensor]:
    z = torch.einsum("ni,hi->nh", x, w1) + b1
    on = (z > 0).float()
    g = 2 * (torch.einsum("nh,oh->no", z * on, w2) + b2 - y) / (len(y) * y.shape[1])
    delta = torch.einsum("no,oh,nh->nh", g, w2, on)
    grads = [torch.einsum("nh,ni->hi", delta, x), delta.sum(0), torch.einsum("no,nh->oh", g, z * on), g.sum(0)]
    return dict(zip(["w1", "b1", "w2", "b2"], grads, strict=True))


def backward_by_counting(node: Any) -> None:
    uses: dict[int, int] = {id(node): 0}
    stack = [node]
    while stack:
        for parent in stack.pop().parents:
            if id(parent) not in uses:
                uses[id(parent)] = 0
                stack.append(parent)
            uses[id(parent)] += 1
    node.grad = node.grad + 1
    ready = [node]
    while ready:
        n = ready.pop()
        for parent, local in zip(n.parents, n.local_grads, strict=True):
            parent.grad = parent.grad + n.grad * local
            uses[id(parent)] -= 1
            if uses[id(parent)] == 0:
                ready.append(parent)


def backward_over_paths(node: Any, flow: float = 1.0) -> None:
    node.grad += flow
    for parent, local in zip(node.parents, node.local_grads, strict=True):
        backward_over_paths(parent, flow * local)


def backward_in_a_dict(node: Any) -> None:
    topo: list[Any] = []
    visited = set()

    def build(n: Any) -> None:
        if n in visited:
            return
        visited.add(n)
        for parent in n.parents:
            build(parent)
        topo.append(n)

    build(node)
    flow = dict.fromkeys(topo, 0.0)
    flow[node] = 1.0
    for n in topo[::-1]:
        n.grad += flow[n]
        for i, parent in enumerate(n.parents):
            flow[parent] += n.local_grads[i] * flow[n]


ANSWERS = {
    "backprop.numerical_gradient": [numerical_in_place, numerical_with_eye, numerical_by_index],
    "backprop.relative_error": [relative_error_by_where, relative_error_by_loop, relative_error_by_maximum],
    "backprop.linear_backward": [linear_by_einsum, linear_by_examples, linear_by_transposes],
    "backprop.relu_backward": [
        relu_by_where,
        relu_by_copy,
        relu_by_sign,
        relu_with_the_kink,
        relu_by_masked_fill,
    ],
    "backprop.mse_backward": [mse_by_mean, mse_by_weights],
    "backprop.two_layer_backward": [two_layers_in_one_go, two_layers_by_examples, two_layers_by_einsum],
    "backprop.backward": [backward_by_counting, backward_over_paths, backward_in_a_dict],
}

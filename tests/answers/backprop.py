"""Right and wrong answers to the exercises of lesson 03."""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tests.answers import right, wrong


@right("backprop.numerical_gradient")
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


@right("backprop.numerical_gradient")
def numerical_with_eye(f: Callable[[Tensor], Any], x: Tensor, eps: float = 1e-6) -> Tensor:
    units = torch.eye(x.numel(), dtype=torch.float64).reshape(-1, *x.shape)
    slopes = [(f(x + eps * unit) - f(x - eps * unit)) / (2 * eps) for unit in units]
    return torch.stack([torch.as_tensor(slope, dtype=torch.float64) for slope in slopes]).reshape(
        x.shape
    )


@right("backprop.numerical_gradient")
def numerical_by_index(f: Callable[[Tensor], Any], x: Tensor, eps: float = 1e-6) -> Tensor:
    gradient = torch.empty_like(x, dtype=torch.float64)
    for index in (
        torch.cartesian_prod(*map(torch.arange, x.shape)).reshape(-1, x.ndim) if x.ndim else [()]
    ):
        place = tuple(int(i) for i in index)
        values = []
        for sign in (1, -1):
            moved = x.clone().double()
            moved[place] += sign * eps
            values.append(float(f(moved)))
        gradient[place] = (values[0] - values[1]) / eps / 2
    return gradient


@right("backprop.relative_error")
def relative_error_by_where(a: Tensor, b: Tensor) -> Tensor:
    scale = a.abs() + b.abs()
    return (torch.abs(b - a) / torch.where(scale < 1e-8, 1e-8, scale)).max()


@right("backprop.relative_error")
def relative_error_by_loop(a: Tensor, b: Tensor) -> float:
    pairs = zip(a.flatten().tolist(), b.flatten().tolist(), strict=True)
    return max(abs(p - q) / max(abs(p) + abs(q), 1e-8) for p, q in pairs)


@right("backprop.relative_error")
def relative_error_by_maximum(a: Tensor, b: Tensor) -> float:
    floor = torch.full_like(a, 1e-8)
    return torch.amax((a - b).abs() / torch.maximum(a.abs() + b.abs(), floor)).item()


@right("backprop.linear_backward")
def linear_by_einsum(grad_out: Tensor, x: Tensor, weight: Tensor) -> list[Tensor]:
    grad_x = torch.einsum("no,oi->ni", grad_out, weight)
    grad_weight = torch.einsum("no,ni->oi", grad_out, x)
    return [grad_x, grad_weight, torch.einsum("no->o", grad_out)]


@right("backprop.linear_backward")
def linear_by_examples(
    grad_out: Tensor, x: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    grad_weight, grad_bias = torch.zeros_like(weight), weight.new_zeros(weight.shape[0])
    rows = []
    for g, row in zip(grad_out, x, strict=True):
        grad_weight += torch.outer(g, row)
        grad_bias += g
        rows.append(weight.T @ g)
    return torch.stack(rows), grad_weight, grad_bias


@right("backprop.linear_backward")
def linear_by_transposes(grad_out: Tensor, x: Tensor, weight: Tensor) -> tuple[Tensor, ...]:
    ones = x.new_ones(len(x))
    return (weight.T @ grad_out.T).T, (x.T @ grad_out).T, ones @ grad_out


@right("backprop.relu_backward")
def relu_by_where(grad_out: Tensor, x: Tensor) -> Tensor:
    return torch.where(x > 0, grad_out, torch.zeros_like(grad_out))


@right("backprop.relu_backward")
def relu_by_copy(grad_out: Tensor, x: Tensor) -> Tensor:
    grad = grad_out.clone()
    grad[x < 0] = 0
    return grad


@right("backprop.relu_backward")
def relu_by_sign(grad_out: Tensor, x: Tensor) -> Tensor:
    return grad_out * x.clamp(min=0).sign()


@right("backprop.relu_backward")
def relu_with_the_kink(grad_out: Tensor, x: Tensor) -> Tensor:
    return grad_out * (x >= 0).float()


@right("backprop.relu_backward")
def relu_by_masked_fill(grad_out: Tensor, x: Tensor) -> Tensor:
    return grad_out.masked_fill(x <= 0, 0.0)


@right("backprop.mse_backward")
def mse_by_mean(y_hat: Tensor, y: Tensor) -> Tensor:
    error = y_hat - y
    return error.mul(2).div(error.numel())


@right("backprop.mse_backward")
def mse_by_weights(y_hat: Tensor, y: Tensor) -> Tensor:
    weights = torch.ones_like(y) / torch.ones_like(y).sum()
    return 2 * weights * y_hat - 2 * weights * y


@right("backprop.two_layer_backward")
def two_layers_in_one_go(
    x: Tensor, y: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor
) -> dict[str, Tensor]:
    h = (x @ w1.T + b1).clamp(min=0)
    g = 2 / y.numel() * (h @ w2.T + b2 - y)
    gz = g @ w2 * (h > 0)
    return dict(b2=g.sum(0), w2=g.T @ h, b1=gz.sum(0), w1=gz.T @ x)


@right("backprop.two_layer_backward")
def two_layers_by_examples(
    x: Tensor, y: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor
) -> dict[str, Tensor]:
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


@right("backprop.two_layer_backward")
def two_layers_by_einsum(
    x: Tensor, y: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor
) -> dict[str, Tensor]:
    z = torch.einsum("ni,hi->nh", x, w1) + b1
    on = (z > 0).float()
    g = 2 * (torch.einsum("nh,oh->no", z * on, w2) + b2 - y) / (len(y) * y.shape[1])
    delta = torch.einsum("no,oh,nh->nh", g, w2, on)
    grads = [
        torch.einsum("nh,ni->hi", delta, x),
        delta.sum(0),
        torch.einsum("no,nh->oh", g, z * on),
        g.sum(0),
    ]
    return dict(zip(["w1", "b1", "w2", "b2"], grads, strict=True))


@right("backprop.backward")
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


@right("backprop.backward")
def backward_over_paths(node: Any, flow: float = 1.0) -> None:
    node.grad += flow
    for parent, local in zip(node.parents, node.local_grads, strict=True):
        backward_over_paths(parent, flow * local)


@right("backprop.backward")
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


# Written from the student's notebook alone.


@right("backprop.numerical_gradient")
def numerical_gradient_first_reading(f, x, eps=1e-6):
    units = torch.eye(x.numel(), dtype=torch.float64).reshape(-1, *x.shape)
    slopes = [(float(f(x + eps * u)) - float(f(x - eps * u))) / (2 * eps) for u in units]
    return torch.tensor(slopes, dtype=torch.float64).reshape(x.shape)


@right("backprop.numerical_gradient")
def numerical_gradient_second_reading(f, x, eps=1e-6):
    kept = x.detach().clone()
    grad = torch.empty(x.shape, dtype=torch.float64)
    with torch.no_grad():
        try:
            for place in itertools.product(*(range(size) for size in x.shape)):
                x[place] = kept[place] + eps
                above = float(f(x))
                x[place] = kept[place] - eps
                below = float(f(x))
                x[place] = kept[place]
                grad[place] = (above - below) / 2 / eps
        finally:
            x.copy_(kept)
    return grad


@right("backprop.numerical_gradient")
def numerical_gradient_third_reading(f, x, eps=1e-6):
    base = x.detach().numpy()
    out = np.empty_like(base)
    for idx in np.ndindex(base.shape):
        sides = []
        for sign in (+1, -1):
            moved = base.copy()
            moved[idx] += sign * eps
            sides.append(float(f(torch.from_numpy(np.asarray(moved)))))
        out[idx] = np.subtract(*sides) / (2 * eps)
    return torch.from_numpy(np.asarray(out))


@right("backprop.relative_error")
def relative_error_first_reading(a, b):
    a, b = a.detach().numpy().astype(float), b.detach().numpy().astype(float)
    return float(np.max(np.abs(a - b) / np.maximum(np.abs(a) + np.abs(b), 1e-8)))


@right("backprop.relative_error")
def relative_error_second_reading(a, b):
    pairs = zip(a.flatten().tolist(), b.flatten().tolist())
    return max(abs(p - q) / max(abs(p) + abs(q), 1e-8) for p, q in pairs)


@right("backprop.relative_error")
def relative_error_third_reading(a, b):
    size = torch.stack([a, b]).abs().sum(0)
    size = torch.where(size < 1e-8, 1e-8, size)
    return torch.div(torch.sub(a, b).abs_(), size).reshape(-1).sort().values[-1].item()


@right("backprop.linear_backward")
def linear_backward_first_reading(grad_out, x, weight):
    with_ones = torch.cat([x, x.new_ones(len(x), 1)], dim=1)
    both = grad_out.transpose(0, 1) @ with_ones
    return grad_out @ weight, both[:, :-1], both[:, -1]


@right("backprop.linear_backward")
def linear_backward_second_reading(grad_out, x, weight):
    g = grad_out.double()
    grads = (
        torch.einsum("no,oi->ni", g, weight.double()),
        torch.einsum("no,ni->oi", g, x.double()),
        torch.einsum("no->o", g),
    )
    return tuple(t.to(x.dtype) for t in grads)


@right("backprop.linear_backward")
def linear_backward_third_reading(grad_out, x, weight):
    g = grad_out[:, :, None]  # (n, d_out, 1)
    return (
        (g * weight).sum(1),
        (g * x[:, None, :]).sum(0),
        torch.ones(len(x), dtype=x.dtype) @ grad_out,
    )


@right("backprop.relu_backward")
def relu_backward_first_reading(grad_out, x):
    g = grad_out.clone()
    g[x < 0] = 0
    return g


@right("backprop.relu_backward")
def relu_backward_second_reading(grad_out, x):
    return torch.from_numpy(
        np.where(
            x.detach().numpy() > 0,
            grad_out.detach().numpy(),
            np.zeros((), x.detach().numpy().dtype),
        )
    )


@right("backprop.relu_backward")
def relu_backward_third_reading(grad_out, x):
    slope = torch.heaviside(x.detach(), torch.zeros((), dtype=x.dtype))
    return torch.einsum("...,...->...", slope, grad_out)


@right("backprop.mse_backward")
def mse_backward_first_reading(y_hat, y):
    share = 2.0 / math.prod(y.shape)
    return torch.lerp(torch.zeros_like(y_hat), y_hat - y, share)


@right("backprop.mse_backward")
def mse_backward_second_reading(y_hat, y):
    errors = [p - t for p, t in zip(y_hat.flatten(), y.flatten())]
    return torch.stack([(e + e) / len(errors) for e in errors]).view(y_hat.shape)


@right("backprop.mse_backward")
def mse_backward_third_reading(y_hat, y):
    d = y_hat.to(torch.float64) - y
    return (d / d.numel() + d / d.numel()).to(y_hat.dtype)


@right("backprop.two_layer_backward")
def two_layer_backward_first_reading(x, y, w1, b1, w2, b2):
    z = torch.einsum("ni,hi->nh", x, w1) + b1
    on = (z > 0).to(x.dtype)
    y_hat = torch.einsum("nh,oh->no", on * z, w2) + b2
    g = (y_hat - y) * (2 / y.numel())
    return {
        "b2": torch.einsum("no->o", g),
        "w2": torch.einsum("no,nh->oh", g, on * z),
        "b1": torch.einsum("no,oh,nh->h", g, w2, on),
        "w1": torch.einsum("no,oh,nh,ni->hi", g, w2, on, x),
    }


def _relu(x):
    return x.clamp(min=0)


def _two_layer_forward(x, w1, b1, w2, b2):
    z = x @ w1.T + b1
    h = _relu(z)
    return z, h, h @ w2.T + b2


@right("backprop.two_layer_backward")
def two_layer_backward_second_reading(x, y, w1, b1, w2, b2):
    z, h, y_hat = _two_layer_forward(x, w1, b1, w2, b2)
    total = {
        "w1": torch.zeros_like(w1),
        "b1": torch.zeros_like(b1),
        "w2": torch.zeros_like(w2),
        "b2": torch.zeros_like(b2),
    }
    for k in range(len(x)):
        g = 2 * (y_hat[k] - y[k]) / y.numel()
        back = torch.where(h[k] > 0, w2.T @ g, 0.0)
        for name, share in zip(total, (torch.outer(back, x[k]), back, torch.outer(g, h[k]), g)):
            total[name] = total[name] + share
    return total


@right("backprop.two_layer_backward")
def two_layer_backward_third_reading(x, y, w1, b1, w2, b2):
    X, Y, W1, B1, W2, B2 = (t.detach().numpy().astype(np.float64) for t in (x, y, w1, b1, w2, b2))
    Z = X @ W1.T + B1
    H = np.maximum(Z, 0)
    G = 2 * (H @ W2.T + B2 - Y) / Y.size
    GZ = G @ W2 * (Z > 0)
    found = {"w2": G.T @ H, "b2": G.sum(0), "w1": GZ.T @ X, "b1": GZ.sum(0)}
    return {name: torch.from_numpy(g).to(w1.dtype) for name, g in found.items()}


@right("backprop.backward")
def backward_first_reading(node):
    """Kahn: a node's turn comes when all that was computed from it has had its own."""
    waiting, found = {}, [node]
    for n in found:
        for parent in n.parents:
            if parent not in waiting:
                waiting[parent] = 0
                found.append(parent)
            waiting[parent] += 1
    node.grad += 1.0
    ready = [node]
    while ready:
        n = ready.pop()
        for parent, local in zip(n.parents, n.local_grads):
            parent.grad += n.grad * local
            waiting[parent] -= 1
            if not waiting[parent]:
                ready.append(parent)


@right("backprop.backward")
def backward_second_reading(node):
    order, done, stack = [], set(), [(node, False)]
    while stack:
        n, finished = stack.pop()
        if finished:
            order.append(n)
        elif id(n) not in done:
            done.add(id(n))
            stack.append((n, True))
            stack.extend((p, False) for p in n.parents)
    here = {id(n): 0.0 for n in order}
    here[id(node)] = 1.0
    for n in order[::-1]:
        for p, local in zip(n.parents, n.local_grads):
            here[id(p)] += local * here[id(n)]
    for n in order:
        n.grad += here[id(n)]


@right("backprop.backward")
class backward_third_reading:
    def __new__(cls, node):
        depth = {}

        def deep(n):
            if n not in depth:
                depth[n] = 0 if not n.parents else 1 + max(map(deep, n.parents))
            return depth[n]

        deep(node)
        node.grad = node.grad + 1.0
        for n in sorted(depth, key=depth.get, reverse=True):
            for k in range(len(n.parents)):
                n.parents[k].grad = n.parents[k].grad + n.local_grads[k] * n.grad


@right("backprop.repair_linear_backward")
def linear_repaired_by_name() -> tuple[object, object]:
    def repaired(grad_out, x, weight):  # type: ignore[no-untyped-def]
        grad_x = grad_out @ weight
        grad_weight = grad_out.T @ x
        grad_bias = grad_out.sum(dim=0)  # each example adds its own
        return grad_x, grad_weight, grad_bias

    two = torch.tensor([[1.0, -1.0], [0.5, 2.0]])
    return {"grad_out": two, "x": two, "weight": two}, repaired


@right("backprop.repair_linear_backward")
def linear_repaired_by_ones() -> tuple[object, object]:
    def linear_backward(grad_out, x, weight):  # type: ignore[no-untyped-def]
        """grad_out: (n, out)."""
        grad_x = grad_out @ weight
        grad_weight = grad_out.T @ x
        grad_bias = torch.ones(len(grad_out)) @ grad_out
        return grad_x, grad_weight, grad_bias

    witness = dict(grad_out=torch.ones(3, 1), x=torch.zeros(3, 1), weight=torch.zeros(1, 1))
    return witness, linear_backward


@right("backprop.test")
def tested_against_autograd(backward: Callable[..., Any]) -> None:
    generator = torch.Generator().manual_seed(1)
    for n in (3, 2):
        x = torch.randn(n, 4, generator=generator).requires_grad_()
        scale = torch.randn(4, generator=generator).requires_grad_()
        grad_out = torch.randn(n, 4, generator=generator)
        (x * scale).backward(grad_out)
        handed_over = [grad_out.clone(), x.detach().clone(), scale.detach().clone()]
        found = backward(*handed_over)
        for got, leaf in zip(found, (x, scale), strict=True):
            torch.testing.assert_close(got, leaf.grad)
        for kept, given in zip(handed_over, (grad_out, x, scale), strict=True):
            torch.testing.assert_close(kept, given.detach(), rtol=0, atol=0)


@right("backprop.test")
def tested_by_hand(backward: Callable[..., Any]) -> Tensor:
    """Numbers that float32 holds exactly, so that equality is fair."""
    grad_out = torch.tensor([[1.5, -2.0], [0.25, 3.0]])
    x = torch.tensor([[-4.0, 2.0], [3.0, 1.03125]])
    scale = torch.tensor([-3.0, 0.5])
    given = grad_out.clone(), x.clone(), scale.clone()
    first_x, first_scale = backward(*given)
    second_x, second_scale = backward(2 * grad_out, x.clone(), scale.clone())
    due_x = torch.tensor([[-4.5, -1.0], [-0.75, 1.5]])
    due_scale = torch.tensor([-5.25, -0.90625])
    same = [torch.equal(first_x, due_x), torch.equal(first_scale, due_scale)]
    same += [torch.equal(second_x, 2 * due_x), torch.equal(second_scale, 2 * due_scale)]
    same += [torch.equal(given[0], grad_out), torch.equal(given[1], x)]
    return torch.tensor(same).all()


def _rounded_back(f: Callable[[Tensor], Any], x: Tensor, eps: float = 1e-6) -> Tensor:
    slopes, flat = torch.zeros_like(x), x.view(-1)
    for i in range(x.numel()):
        flat[i] += eps
        above = float(f(x))
        flat[i] -= 2 * eps
        slopes.view(-1)[i] = (above - float(f(x))) / (2 * eps)
        flat[i] += eps
    return slopes


wrong("backprop.numerical_gradient", "x not restored exactly")(_rounded_back)


def _never_back(f: Callable[[Tensor], Any], x: Tensor, eps: float = 1e-6) -> Tensor:
    slopes, flat = torch.zeros_like(x), x.view(-1)
    for i in range(x.numel()):
        flat[i] += eps
        above = float(f(x))
        flat[i] -= 2 * eps
        slopes.view(-1)[i] = (above - float(f(x))) / (2 * eps)
    return slopes


wrong("backprop.numerical_gradient", "x left changed")(_never_back)


def _differences(
    quotient: Callable[..., Any], dtype: torch.dtype = torch.float64
) -> Callable[..., Tensor]:
    """A numerical gradient whose entries are `quotient(f, x, step, eps)`; step: the shape of x, eps
    at one entry.
    """

    def numerical_gradient(f: Callable[[Tensor], Any], x: Tensor, eps: float = 1e-6) -> Tensor:
        x = x.to(dtype)
        steps = eps * torch.eye(x.numel(), dtype=dtype).reshape(-1, *x.shape)
        return torch.tensor(
            [float(quotient(f, x, step, eps)) for step in steps], dtype=dtype
        ).reshape(x.shape)

    return numerical_gradient


wrong("backprop.numerical_gradient", "forward difference")(
    _differences(lambda f, x, step, eps: (float(f(x + step)) - float(f(x))) / eps)
)

wrong("backprop.numerical_gradient", "backward difference")(
    _differences(lambda f, x, step, eps: (float(f(x)) - float(f(x - step))) / eps)
)


def _central(f: Callable[[Tensor], Any], x: Tensor, step: Tensor, eps: float) -> float:
    return (float(f(x + step)) - float(f(x - step))) / (2 * eps)


wrong("backprop.numerical_gradient", "divided by eps")(
    _differences(lambda f, x, step, eps: 2 * _central(f, x, step, eps))
)

wrong("backprop.numerical_gradient", "not divided")(
    _differences(lambda f, x, step, eps: 2 * eps * _central(f, x, step, eps))
)

wrong("backprop.numerical_gradient", "multiplied by eps")(
    _differences(lambda f, x, step, eps: eps**2 * _central(f, x, step, eps))
)

wrong("backprop.numerical_gradient", "steps other than eps")(
    _differences(lambda f, x, step, eps: _central(f, x, step * 1e-6 / eps, 1e-6))
)

wrong("backprop.numerical_gradient", "steps other than eps")(
    _differences(lambda f, x, step, eps: _central(f, x, step * 1e-5 / eps, 1e-5))
)


def _all_at_once(f: Callable[[Tensor], Any], x: Tensor, eps: float = 1e-6) -> Tensor:
    return torch.full_like(x, (float(f(x + eps)) - float(f(x - eps))) / (2 * eps))


wrong("backprop.numerical_gradient", "all entries at once")(_all_at_once)

wrong("backprop.numerical_gradient", "all entries at once")(
    lambda f, x, eps=1e-6: (f(x + eps) - f(x - eps)) / (2 * eps)
)


def _pile_up(f: Callable[[Tensor], Any], x: Tensor, eps: float = 1e-6) -> Tensor:
    slopes, step = torch.zeros_like(x), torch.zeros_like(x)
    for i in range(x.numel()):
        step.view(-1)[i] = eps
        slopes.view(-1)[i] = _central(f, x, step, eps)
    return slopes


wrong("backprop.numerical_gradient", "steps accumulate")(_pile_up)


def _no_copy(f: Callable[[Tensor], Any], x: Tensor, eps: float = 1e-6) -> Tensor:
    slopes, above, below = torch.zeros_like(x), x, x
    for i in range(x.numel()):
        above.view(-1)[i] += eps
        below.view(-1)[i] -= eps
        slopes.view(-1)[i] = (float(f(above)) - float(f(below))) / (2 * eps)
    return slopes


wrong("backprop.numerical_gradient", "no copy")(_no_copy)


def _first_entry(f: Callable[[Tensor], Any], x: Tensor, eps: float = 1e-6) -> Tensor:
    slopes, step = torch.zeros_like(x), torch.zeros_like(x)
    step.view(-1)[0] = eps
    slopes.view(-1)[0] = _central(f, x, step, eps)
    return slopes


wrong("backprop.numerical_gradient", "return inside the loop")(_first_entry)


def _first_dimension(f: Callable[[Tensor], Any], x: Tensor, eps: float = 1e-6) -> Tensor:
    slopes = torch.zeros_like(x)
    for i in range(len(x)):
        above, below = x.clone(), x.clone()
        above[i] += eps
        below[i] -= eps
        slopes[i] = (float(f(above)) - float(f(below))) / (2 * eps)
    return slopes


wrong("backprop.numerical_gradient", "only the first dimension")(_first_dimension)

wrong("backprop.numerical_gradient", "float32")(_differences(_central, torch.float32))

wrong("backprop.numerical_gradient", "wrong sign")(
    _differences(lambda f, x, step, eps: -_central(f, x, step, eps))
)

wrong("backprop.numerical_gradient", "flattened")(
    lambda f, x, eps=1e-6: _differences(_central)(f, x, eps).flatten()
)

wrong("backprop.numerical_gradient", "shortcut")(
    lambda f, x, eps=1e-6: torch.autograd.grad(f(v := x.clone().requires_grad_()), v)[0]
)

wrong("backprop.relative_error", "floor added")(
    lambda a, b: float(((a - b).abs() / (a.abs() + b.abs() + 1e-8)).max())
)

wrong("backprop.relative_error", "no floor")(
    lambda a, b: float(((a - b).abs() / (a.abs() + b.abs())).max())
)

wrong("backprop.relative_error", "one quotient of norms")(
    lambda a, b: float((a - b).norm() / (a.norm() + b.norm()).clamp(min=1e-8))
)

wrong("backprop.relative_error", "largest difference over largest sum")(
    lambda a, b: float((a - b).abs().max() / (a.abs() + b.abs()).max().clamp(min=1e-8))
)

wrong("backprop.relative_error", "mean instead of maximum")(
    lambda a, b: float(((a - b).abs() / (a.abs() + b.abs()).clamp(min=1e-8)).mean())
)

wrong("backprop.relative_error", "relative to a only")(
    lambda a, b: float(((a - b).abs() / a.abs().clamp(min=1e-8)).max())
)

wrong("backprop.relative_error", "relative to the larger")(
    lambda a, b: float(((a - b).abs() / torch.maximum(a.abs(), b.abs()).clamp(min=1e-8)).max())
)

wrong("backprop.relative_error", "signs cancel in the denominator")(
    lambda a, b: float(((a - b).abs() / (a + b).abs().clamp(min=1e-8)).max())
)

wrong("backprop.relative_error", "signs kept in the numerator")(
    lambda a, b: float(((a - b) / (a.abs() + b.abs()).clamp(min=1e-8)).max())
)

wrong("backprop.relative_error", "signs kept in the denominator")(
    lambda a, b: float(((a - b).abs() / (a + b).clamp(min=1e-8)).max())
)

wrong("backprop.relative_error", "ceiling instead of floor")(
    lambda a, b: float(((a - b).abs() / (a.abs() + b.abs()).clamp(max=1e-8)).max())
)

wrong("backprop.relative_error", "absolute error")(lambda a, b: float((a - b).abs().max()))


def _gw(g: Tensor, x: Tensor, w: Tensor) -> Tensor:
    return g.T @ x


def _gx(g: Tensor, x: Tensor, w: Tensor) -> Tensor:
    return g @ w


def _returned(
    *which: Callable[[Tensor, Tensor, Tensor], Tensor],
) -> Callable[..., tuple[Tensor, ...]]:
    return lambda grad_out, x, weight: tuple(part(grad_out, x, weight) for part in which)


wrong("backprop.linear_backward", "grad of bias averaged")(
    _returned(_gx, _gw, lambda g, x, w: g.mean(0))
)

wrong("backprop.linear_backward", "everything averaged over the batch")(
    _returned(_gx, lambda g, x, w: g.T @ x / len(x), lambda g, x, w: g.mean(0))
)


def _gb(g: Tensor, x: Tensor, w: Tensor) -> Tensor:
    return g.sum(0)


wrong("backprop.linear_backward", "grad of weight averaged")(
    _returned(_gx, lambda g, x, w: g.T @ x / len(x), _gb)
)

wrong("backprop.linear_backward", "grad of weight transposed")(
    _returned(_gx, lambda g, x, w: x.T @ g, _gb)
)

wrong("backprop.linear_backward", "grad of bias not summed")(
    _returned(_gx, _gw, lambda g, x, w: g.clone())
)

wrong("backprop.linear_backward", "grad of bias summed over the outputs")(
    _returned(_gx, _gw, lambda g, x, w: g.sum(1))
)

wrong("backprop.linear_backward", "grad of bias keeps the batch dimension")(
    _returned(_gx, _gw, lambda g, x, w: g.sum(0, keepdim=True))
)

wrong("backprop.linear_backward", "shapes that do not meet")(
    _returned(lambda g, x, w: g @ w.T, _gw, _gb)
)

wrong("backprop.linear_backward", "grad_out left out")(
    _returned(
        lambda g, x, w: w.sum(0).expand_as(x),
        lambda g, x, w: x.sum(0).expand_as(w),
        lambda g, x, w: torch.full((len(w),), float(len(x))),
    )
)

wrong("backprop.linear_backward", "wrong order")(_returned(_gw, _gb, _gx))

wrong("backprop.linear_backward", "wrong order")(_returned(_gw, _gx, _gb))

wrong("backprop.linear_backward", "returned None")(lambda g, x, w: None)

wrong("backprop.linear_backward", "grad of bias left out")(_returned(_gx, _gw))

wrong("backprop.linear_backward", "grad of x left out")(_returned(_gw, _gb))

wrong("backprop.linear_backward", "first example only")(
    _returned(_gx, lambda g, x, w: torch.outer(g[0], x[0]), lambda g, x, w: g[0].clone())
)


def _linear_by_autograd(grad_out: Tensor, x: Tensor, weight: Tensor) -> Any:
    inputs = [
        x.clone().requires_grad_(),
        weight.clone().requires_grad_(),
        torch.zeros(len(weight)).requires_grad_(),
    ]
    return torch.autograd.grad(inputs[0] @ inputs[1].T + inputs[2], inputs, grad_out)


wrong("backprop.linear_backward", "shortcut")(_linear_by_autograd)


def _zeroed_in_place(grad_out: Tensor, x: Tensor) -> Tensor:
    grad_out[x <= 0] = 0
    return grad_out


wrong("backprop.relu_backward", "grad_out overwritten")(_zeroed_in_place)

wrong("backprop.relu_backward", "masked by the gradient's sign")(lambda g, x: g * (g > 0))

wrong("backprop.relu_backward", "zero where either is negative")(lambda g, x: g * (g > 0) * (x > 0))

wrong("backprop.relu_backward", "multiplied by the output")(lambda g, x: g * x.clamp(min=0))

wrong("backprop.relu_backward", "grad_out left out")(lambda g, x: (x > 0).to(g.dtype))

wrong("backprop.relu_backward", "grad_out left out")(lambda g, x: x > 0)

wrong("backprop.relu_backward", "arguments swapped")(lambda g, x: x * (g > 0))

wrong("backprop.relu_backward", "forward instead of backward")(lambda g, x: x * (x > 0))

wrong("backprop.relu_backward", "passed on everywhere")(lambda g, x: g.clone())

wrong("backprop.relu_backward", "wrong side")(lambda g, x: g * (x < 0))

wrong("backprop.relu_backward", "multiplied by the sign of x")(lambda g, x: g * x.sign())

wrong("backprop.relu_backward", "leaky")(lambda g, x: torch.where(x > 0, g, 0.01 * g))

wrong("backprop.relu_backward", "shortcut")(
    lambda g, x: torch.autograd.grad((v := x.clone().requires_grad_()).clamp(min=0), v, g)[0]
)

wrong("backprop.mse_backward", "divided by the number of examples")(
    lambda y_hat, y: 2 * (y_hat - y) / len(y)
)

wrong("backprop.mse_backward", "factor 2 forgotten")(lambda y_hat, y: (y_hat - y) / y.numel())

wrong("backprop.mse_backward", "sum instead of mean")(lambda y_hat, y: 2 * (y_hat - y))

wrong("backprop.mse_backward", "wrong sign")(lambda y_hat, y: 2 * (y - y_hat) / y.numel())

wrong("backprop.mse_backward", "only the sign of the error")(
    lambda y_hat, y: (y_hat - y).sign() / y.numel()
)

wrong("backprop.mse_backward", "averaged")(lambda y_hat, y: (2 * (y_hat - y)).mean())

wrong("backprop.mse_backward", "the loss itself")(lambda y_hat, y: (y_hat - y) ** 2 / y.numel())

wrong("backprop.mse_backward", "error still squared")(
    lambda y_hat, y: 2 * (y_hat - y) ** 2 / y.numel()
)

wrong("backprop.mse_backward", "the loss itself")(lambda y_hat, y: ((y_hat - y) ** 2).mean())

wrong("backprop.mse_backward", "shortcut")(
    lambda y_hat, y: torch.autograd.grad(
        ((v := y_hat.clone().requires_grad_()) - y).square().mean(), v
    )[0]
)


def _two_layers(**changes: Callable[..., Tensor]) -> Callable[..., dict[str, Tensor]]:
    """The backward pass of the two-layer net with some of its steps replaced."""
    steps: dict[str, Callable[..., Tensor]] = {
        "h": lambda z: z.clamp(min=0),
        "grad_y_hat": lambda y_hat, y: 2 * (y_hat - y) / y.numel(),
        "grad_h": lambda g, w2: g @ w2,
        "grad_z": lambda grad_h, z: grad_h * (z > 0),
        "w": lambda g, a: g.T @ a,
        "b": lambda g: g.sum(0),
        "w2": lambda g, h, z: g.T @ h,
    }
    steps.update(changes)

    def two_layer_backward(
        x: Tensor, y: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor
    ) -> dict[str, Tensor]:
        z = x @ w1.T + b1
        h = steps["h"](z)
        g = steps["grad_y_hat"](h @ w2.T + b2, y)
        grad_z = steps["grad_z"](steps["grad_h"](g, w2), z)
        return {
            "w1": steps["w"](grad_z, x),
            "b1": steps["b"](grad_z),
            "w2": steps["w2"](g, h, z),
            "b2": steps["b"](g),
        }

    return two_layer_backward


wrong("backprop.two_layer_backward", "z instead of h")(_two_layers(w2=lambda g, h, z: g.T @ z))

wrong("backprop.two_layer_backward", "mask from the gradient")(
    _two_layers(grad_z=lambda grad_h, z: grad_h * (grad_h > 0))
)

wrong("backprop.two_layer_backward", "arguments of relu_backward swapped")(
    _two_layers(grad_z=lambda grad_h, z: z * (grad_h > 0))
)

wrong("backprop.two_layer_backward", "the error instead of the loss's gradient")(
    _two_layers(grad_y_hat=lambda y_hat, y: y_hat - y)
)

wrong("backprop.two_layer_backward", "ReLU left out on the way back")(
    _two_layers(grad_z=lambda grad_h, z: grad_h)
)

wrong("backprop.two_layer_backward", "ReLU left out both ways")(
    _two_layers(h=lambda z: z, grad_z=lambda grad_h, z: grad_h)
)

wrong("backprop.two_layer_backward", "ReLU's output instead of its slope")(
    _two_layers(grad_z=lambda grad_h, z: grad_h * z.clamp(min=0))
)

wrong("backprop.two_layer_backward", "divided by the number of examples")(
    _two_layers(grad_y_hat=lambda y_hat, y: 2 * (y_hat - y) / len(y))
)

wrong("backprop.two_layer_backward", "divided by the number of examples twice")(
    _two_layers(
        w=lambda g, a: g.T @ a / len(a), b=lambda g: g.mean(0), w2=lambda g, h, z: g.T @ h / len(h)
    )
)

wrong("backprop.two_layer_backward", "grads of the biases averaged")(
    _two_layers(b=lambda g: g.mean(0))
)

wrong("backprop.two_layer_backward", "factor 2 forgotten")(
    _two_layers(grad_y_hat=lambda y_hat, y: (y_hat - y) / y.numel())
)

wrong("backprop.two_layer_backward", "sum instead of mean")(
    _two_layers(grad_y_hat=lambda y_hat, y: 2 * (y_hat - y))
)

wrong("backprop.two_layer_backward", "wrong sign")(
    _two_layers(grad_y_hat=lambda y_hat, y: 2 * (y - y_hat) / y.numel())
)

wrong("backprop.two_layer_backward", "w2 left out on the way back")(
    _two_layers(grad_h=lambda g, w2: g.sum(1, keepdim=True).expand(-1, w2.shape[1]))
)

wrong("backprop.two_layer_backward", "weights transposed")(
    _two_layers(w=lambda g, a: a.T @ g, w2=lambda g, h, z: h.T @ g)
)

wrong("backprop.two_layer_backward", "a tuple instead of a dict")(
    lambda *args: tuple(_two_layers()(*args).values())
)

wrong("backprop.two_layer_backward", "wrong keys")(
    lambda *args: {f"grad_{key}": grad for key, grad in _two_layers()(*args).items()}
)

wrong("backprop.two_layer_backward", "returned None")(lambda *args: None)


def _named_otherwise(*args: Tensor) -> dict[str, Tensor]:
    grads = _two_layers()(*args)
    return {"w1": grads["w2"], "b1": grads["b2"], "w2": grads["w1"], "b2": grads["b1"]}


wrong("backprop.two_layer_backward", "layers swapped")(_named_otherwise)


def _two_layers_by_autograd(x: Tensor, y: Tensor, *params: Tensor) -> dict[str, Tensor]:
    w1, b1, w2, b2 = params = tuple(p.clone().requires_grad_() for p in params)
    loss = ((x @ w1.T + b1).clamp(min=0) @ w2.T + b2 - y).square().mean()
    return dict(zip(("w1", "b1", "w2", "b2"), torch.autograd.grad(loss, params), strict=True))


wrong("backprop.two_layer_backward", "shortcut")(_two_layers_by_autograd)


class Node:
    """A number in a scalar graph: what it was computed from, and its derivative by each of these
    parents.
    """

    def __init__(
        self, data: float, parents: Sequence["Node"] = (), local_grads: Sequence[float] = ()
    ) -> None:
        self.data, self.grad = data, 0.0
        self.parents, self.local_grads = tuple(parents), tuple(local_grads)


def _push_assigned(n: Node) -> None:
    for parent, local in zip(n.parents, n.local_grads, strict=True):
        parent.grad = local * n.grad


def _topological(node: Node) -> list[Node]:
    """The nodes of the graph, parents before children."""
    order: list[Node] = []
    stack: list[tuple[Node, bool]] = [(node, False)]
    seen: set[Node] = set()
    while stack:
        n, done = stack.pop()
        if done:
            order.append(n)
        elif n not in seen:
            seen.add(n)
            stack += [(n, True), *((parent, False) for parent in n.parents)]
    return order


def _sweep(
    push: Callable[[Node], None],
    seed: float | None = 1.0,
    order: Callable[[Node], list[Node]] = _topological,
) -> Callable[[Node], None]:
    """A backward pass in the right order, with `push` at every node."""

    def backward(node: Node) -> None:
        if seed is not None:
            node.grad += seed
        for n in reversed(order(node)):
            push(n)

    return backward


wrong("backprop.backward", "gradient assigned instead of added")(_sweep(_push_assigned))


def _topological_too(node: Node) -> list[Node]:
    """Another such order: the first parent is visited first."""
    order: list[Node] = []

    def visit(n: Node) -> None:
        if n not in order:
            for parent in n.parents:
                visit(parent)
            order.append(n)

    visit(node)
    return order


wrong("backprop.backward", "gradient assigned instead of added")(
    _sweep(_push_assigned, order=_topological_too)
)


def _push_once(n: Node) -> None:
    for parent, local in dict(zip(n.parents, n.local_grads, strict=True)).items():
        parent.grad += local * n.grad


wrong("backprop.backward", "a repeated parent counted once")(_sweep(_push_once))


def _each_node_at_once(node: Node) -> None:
    seen: set[Node] = set()

    def down(n: Node) -> None:
        if n in seen:
            return
        seen.add(n)
        for parent, local in zip(n.parents, n.local_grads, strict=True):
            parent.grad += local * n.grad
            down(parent)

    node.grad += 1.0
    down(node)


wrong("backprop.backward", "passed on before it was complete")(_each_node_at_once)


def _push(n: Node) -> None:
    for parent, local in zip(n.parents, n.local_grads, strict=True):
        parent.grad += local * n.grad


def _on_the_way_down(node: Node) -> None:
    seen: set[Node] = set()

    def down(n: Node) -> None:
        if n not in seen:
            seen.add(n)
            _push(n)
            for parent in n.parents:
                down(parent)

    node.grad += 1.0
    down(node)


wrong("backprop.backward", "passed on before it was complete")(_on_the_way_down)


def _by_stack_at_once(node: Node) -> None:
    stack, seen = [node], set()
    node.grad += 1.0
    while stack:
        n = stack.pop()
        if n not in seen:
            seen.add(n)
            _push(n)
            stack += n.parents


wrong("backprop.backward", "passed on before it was complete")(_by_stack_at_once)


def _calls_itself(node: Node) -> None:
    node.grad += 1.0
    for parent, local in zip(node.parents, node.local_grads, strict=True):
        parent.grad += local * node.grad
        _calls_itself(parent)


wrong("backprop.backward", "every node starts with 1")(_calls_itself)


def _calls_itself_after(node: Node) -> None:
    node.grad += 1.0
    _push(node)
    for parent in node.parents:
        _calls_itself_after(parent)


wrong("backprop.backward", "every node starts with 1")(_calls_itself_after)


def _one_everywhere(node: Node) -> None:
    for n in _topological(node):
        n.grad += 1.0
    _sweep(_push, seed=None)(node)


wrong("backprop.backward", "every node starts with 1")(_one_everywhere)


def _recursive(node: Node) -> None:
    def down(n: Node) -> None:
        for parent, local in zip(n.parents, n.local_grads, strict=True):
            parent.grad += local * n.grad
            down(parent)

    node.grad += 1.0
    down(node)


wrong("backprop.backward", "passed on at every visit")(_recursive)


def _recursive_after(node: Node) -> None:
    def down(n: Node) -> None:
        _push(n)
        for parent in n.parents:
            down(parent)

    node.grad += 1.0
    down(node)


wrong("backprop.backward", "passed on at every visit")(_recursive_after)


def _by_stack(node: Node) -> None:
    stack = [node]
    node.grad += 1.0
    while stack:
        n = stack.pop()
        _push(n)
        stack += n.parents


wrong("backprop.backward", "passed on at every visit")(_by_stack)


def _by_levels(node: Node) -> None:
    queue, seen = [node], {node}
    node.grad += 1.0
    while queue:
        n = queue.pop(0)
        _push(n)
        for parent in n.parents:
            if parent not in seen:
                seen.add(parent)
                queue.append(parent)


wrong("backprop.backward", "level by level")(_by_levels)


def _upside_down(node: Node) -> None:
    node.grad += 1.0
    for n in _topological(node):
        _push(n)


wrong("backprop.backward", "only one step back")(_upside_down)


def _reset(node: Node) -> None:
    for n in _topological(node):
        n.grad = 0.0
    _sweep(_push)(node)


wrong("backprop.backward", "gradients zeroed first")(_reset)


def _own_set(node: Node) -> None:
    node.grad = 1.0
    _sweep(_push, seed=None)(node)


wrong("backprop.backward", "own gradient overwritten with 1")(_own_set)

wrong("backprop.backward", "result's gradient not set to 1")(_sweep(_push, seed=None))


def _push_local(n: Node) -> None:
    for parent, local in zip(n.parents, n.local_grads, strict=True):
        parent.grad += local


wrong("backprop.backward", "gradient from above left out")(_sweep(_push_local))


def _push_on(n: Node) -> None:
    for parent in n.parents:
        parent.grad += n.grad


wrong("backprop.backward", "local derivative left out")(_sweep(_push_on))


def _push_sum(n: Node) -> None:
    for parent, local in zip(n.parents, n.local_grads, strict=True):
        parent.grad += local + n.grad


wrong("backprop.backward", "added instead of multiplied")(_sweep(_push_sum))


def _push_data(n: Node) -> None:
    for parent in n.parents:
        parent.grad += parent.data * n.grad


wrong("backprop.backward", "the parent's value instead of the derivative")(_sweep(_push_data))


def _push_exchanged(n: Node) -> None:
    for parent, local in zip(n.parents, reversed(n.local_grads), strict=True):
        parent.grad += local * n.grad


wrong("backprop.backward", "local gradients swapped")(_sweep(_push_exchanged))


# Written from the student's notebook alone.


# a one-sided difference
@wrong("backprop.numerical_gradient", "forward difference")
def numerical_gradient(f, x, eps=1e-6):
    here = float(f(x))
    grad = torch.zeros_like(x)
    for idx in np.ndindex(*x.shape):
        step = torch.zeros_like(x)
        step[idx] = eps
        grad[idx] = (float(f(x + step)) - here) / eps
    return grad


# divides by eps instead of 2 eps
@wrong("backprop.numerical_gradient", "divided by eps")
def numerical_gradient(f, x, eps=1e-6):
    slopes = []
    for k in range(x.numel()):
        step = torch.zeros(x.numel(), dtype=x.dtype)
        step[k] = eps
        step = step.reshape(x.shape)
        slopes.append((float(f(x + step)) - float(f(x - step))) / eps)
    return torch.tensor(slopes, dtype=torch.float64).reshape(x.shape)


# puts x back by adding and taking away, not to the last bit
@wrong("backprop.numerical_gradient", "x not restored exactly")
def numerical_gradient(f, x, eps=1e-6):
    grad = torch.zeros_like(x)
    for idx in itertools.product(*map(range, x.shape)):
        x[idx] += eps
        up = float(f(x))
        x[idx] -= 2 * eps
        down = float(f(x))
        x[idx] += eps
        grad[idx] = (up - down) / (2 * eps)
    return grad


# nudges all entries at once
@wrong("backprop.numerical_gradient", "all entries at once")
def numerical_gradient(f, x, eps=1e-6):
    slope = (float(f(x + eps)) - float(f(x - eps))) / (2 * eps)
    return torch.full_like(x, slope)


# an entry stays nudged when the next one has its turn
@wrong("backprop.numerical_gradient", "steps accumulate")
def numerical_gradient(f, x, eps=1e-6):
    grad = torch.zeros_like(x)
    up, down = x.clone(), x.clone()
    for idx in np.ndindex(*x.shape):
        up[idx] += eps
        down[idx] -= eps
        grad[idx] = (float(f(up)) - float(f(down))) / (2 * eps)
    return grad


# the argument eps is ignored
@wrong("backprop.numerical_gradient", "steps other than eps")
def numerical_gradient(f, x, eps=1e-6):
    h = 1e-5
    eye = torch.eye(x.numel(), dtype=x.dtype) * h
    g = [(float(f(x + e.view(x.shape))) - float(f(x - e.view(x.shape)))) / (2 * h) for e in eye]
    return torch.tensor(g, dtype=torch.float64).view(x.shape)


# computes in float32
@wrong("backprop.numerical_gradient", "float32")
def numerical_gradient(f, x, eps=1e-6):
    y = x.float()
    grad = torch.zeros(x.shape)
    for i in range(x.numel()):
        step = torch.zeros(x.numel())
        step[i] = eps
        step = step.reshape(x.shape)
        grad.view(-1)[i] = (float(f(y + step)) - float(f(y - step))) / (2 * eps)
    return grad.double()


# the result is float32
@wrong("backprop.numerical_gradient", "dtype")
def numerical_gradient(f, x, eps=1e-6):
    grad = torch.zeros(x.shape)
    for idx in np.ndindex(*x.shape):
        e = torch.zeros_like(x)
        e[idx] = eps
        grad[idx] = (float(f(x + e)) - float(f(x - e))) / (2 * eps)
    return grad


# works for vectors only
@wrong("backprop.numerical_gradient", "only the first dimension")
def numerical_gradient(f, x, eps=1e-6):
    g = torch.zeros_like(x)
    for i in range(len(x)):
        e = torch.zeros_like(x)
        e[i] = eps
        g[i] = (f(x + e) - f(x - e)) / (2 * eps)
    return g


# calls .item(), although f may give a plain float
@wrong("backprop.numerical_gradient", "raised")
def numerical_gradient(f, x, eps=1e-6):
    g = torch.zeros_like(x)
    for idx in np.ndindex(*x.shape):
        e = torch.zeros_like(x)
        e[idx] = eps
        g[idx] = (f(x + e).item() - f(x - e).item()) / (2 * eps)
    return g


# returns a flat vector, whatever the shape of x
@wrong("backprop.numerical_gradient", "flattened")
def numerical_gradient(f, x, eps=1e-6):
    g = []
    for i in range(x.numel()):
        e = torch.zeros_like(x).reshape(-1)
        e[i] = eps
        e = e.reshape(x.shape)
        g.append((float(f(x + e)) - float(f(x - e))) / (2 * eps))
    return torch.tensor(g, dtype=torch.float64)


# asks autograd
@wrong("backprop.numerical_gradient", "shortcut")
def numerical_gradient(f, x, eps=1e-6):
    return torch.autograd.functional.jacobian(f, x.detach().clone())


# steps in proportion to the entry, which is no step at all at 0
@wrong("backprop.numerical_gradient", "steps proportional to x")
def numerical_gradient(f, x, eps=1e-6):
    g = torch.zeros_like(x)
    for idx in np.ndindex(*x.shape):
        h = eps * x[idx].abs()
        e = torch.zeros_like(x)
        e[idx] = h
        g[idx] = (float(f(x + e)) - float(f(x - e))) / float(2 * h) if h else 0.0
    return g


# minus and plus exchanged, so the sign is turned; a scalar x comes back as shape (1,)
@wrong("backprop.numerical_gradient", "wrong sign", "shape")
def numerical_gradient(f, x, eps=1e-6):
    g = torch.zeros(x.numel(), dtype=torch.float64)
    for i in range(x.numel()):
        e = torch.zeros(x.numel(), dtype=torch.float64)
        e[i] = eps
        e = e.view(x.shape)
        g[i] = (float(f(x - e)) - float(f(x + e))) / (2 * eps)
    return g if x.ndim == 0 else g.view(x.shape)


# x is left nudged; one-sided difference
@wrong("backprop.numerical_gradient", "x left changed", "forward difference")
def numerical_gradient(f, x, eps=1e-6):
    g = torch.zeros_like(x)
    for idx in np.ndindex(*x.shape):
        before = float(f(x))
        x[idx] += eps
        g[idx] = (float(f(x)) - before) / eps
    return g


# the mean over the entries, not the worst one
@wrong("backprop.relative_error", "mean instead of maximum")
def relative_error(a, b):
    return ((a - b).abs() / (a.abs() + b.abs()).clamp(min=1e-8)).mean().item()


# no floor, so 0/0 gives nan
@wrong("backprop.relative_error", "no floor")
def relative_error(a, b):
    return float(torch.max(torch.abs(a - b) / (torch.abs(a) + torch.abs(b))))


# the floor is added, not taken as a lower limit
@wrong("backprop.relative_error", "floor added")
def relative_error(a, b):
    return ((a - b).abs() / (a.abs() + b.abs() + 1e-8)).max().item()


# divides by the larger of the two sizes instead of their sum
@wrong("backprop.relative_error", "relative to the larger")
def relative_error(a, b):
    size = torch.maximum(a.abs(), b.abs())
    return ((a - b).abs() / size.clamp(min=1e-8)).max().item()


# the sum has no absolute values, so opposite signs cancel
@wrong("backprop.relative_error", "signs cancel in the denominator")
def relative_error(a, b):
    return ((a - b).abs() / (a + b).abs().clamp(min=1e-8)).amax().item()


# no absolute value in the difference, so only one direction counts
@wrong("backprop.relative_error", "signs kept in the numerator")
def relative_error(a, b):
    return max(0.0, ((b - a) / (a.abs() + b.abs()).clamp(min=1e-8)).max().item())


# largest difference by largest size, not entry by entry
@wrong("backprop.relative_error", "largest difference over largest sum")
def relative_error(a, b):
    return float((a - b).abs().max() / (a.abs() + b.abs()).max().clamp(min=1e-8))


# turns everything into float32 first, so small differences vanish
@wrong("backprop.relative_error", "float32")
def relative_error(a, b):
    a, b = a.float(), b.float()
    return ((a - b).abs() / (a.abs() + b.abs()).clamp(min=1e-8)).max().item()


# rounds to four digits, as the example does
@wrong("backprop.relative_error", "rounded")
def relative_error(a, b):
    return round(((a - b).abs() / (a.abs() + b.abs()).clamp(min=1e-8)).max().item(), 4)


# the norms of the whole tensors, not the worst entry
@wrong("backprop.relative_error", "one quotient of norms")
def relative_error(a, b):
    return float(
        torch.linalg.norm((a - b).flatten())
        / max(float(a.flatten().norm() + b.flatten().norm()), 1e-8)
    )


# walks through rows, so only vectors work
@wrong("backprop.relative_error", "raised")
def relative_error(a, b):
    return max(float(abs(p - q)) / max(float(abs(p) + abs(q)), 1e-8) for p, q in zip(a, b))


# clamp with a maximum instead of a minimum: the denominator is at most 1e-8
@wrong("backprop.relative_error")
def relative_error(a, b):
    return min(
        1.0, float(((a - b).abs() / (a.abs() + b.abs()).clamp(max=1e-8)).nan_to_num(0.0).max())
    )


# divides by b alone; no floor
@wrong("backprop.relative_error", "no floor", "relative to b only")
def relative_error(a, b):
    return ((a - b) / b).abs().max().item()


# mean in place of maximum; the result is still a tensor
@wrong("backprop.relative_error", "mean instead of maximum")
def relative_error(a, b):
    return torch.mean((a - b).abs() / torch.clamp(a.abs() + b.abs(), min=1e-8))


# the bias gets the mean over the batch
@wrong("backprop.linear_backward", "grad of bias averaged")
def linear_backward(grad_out, x, weight):
    return grad_out @ weight, grad_out.T @ x, grad_out.mean(0)


# the weight's gradient is transposed
@wrong("backprop.linear_backward", "grad of weight transposed")
def linear_backward(grad_out, x, weight):
    return grad_out @ weight, x.T @ grad_out, grad_out.sum(0)


# the weight's gradient is reshaped where it had to be transposed
@wrong("backprop.linear_backward", "grad of weight reshaped")
def linear_backward(grad_out, x, weight):
    grad_weight = (x.T @ grad_out).reshape(weight.shape)
    return grad_out @ weight, grad_weight, grad_out.sum(dim=0)


# the bias's gradient is not summed over the batch
@wrong("backprop.linear_backward", "grad of bias not summed")
def linear_backward(grad_out, x, weight):
    return grad_out.mm(weight), grad_out.t().mm(x), grad_out


# the bias's gradient keeps a first dimension of 1
@wrong("backprop.linear_backward", "grad of bias keeps the batch dimension")
def linear_backward(grad_out, x, weight):
    return grad_out @ weight, grad_out.T @ x, grad_out.sum(0, keepdim=True)


# sums the bias's gradient over the outputs instead of the examples
@wrong("backprop.linear_backward", "grad of bias summed over the outputs")
def linear_backward(grad_out, x, weight):
    return grad_out @ weight, grad_out.T @ x, torch.einsum("no->n", grad_out)


# the weight's gradient is averaged over the batch
@wrong("backprop.linear_backward", "grad of weight averaged")
def linear_backward(grad_out, x, weight):
    n = len(x)
    grad_weight = torch.einsum("no,ni->oi", grad_out, x) / n
    return grad_out @ weight, grad_weight, grad_out.sum(0)


# the three gradients come in the order weight, bias, x
@wrong("backprop.linear_backward", "wrong order")
def linear_backward(grad_out, x, weight):
    return grad_out.T @ x, grad_out.sum(0), grad_out @ weight


# asks autograd
@wrong("backprop.linear_backward", "shortcut")
def linear_backward(grad_out, x, weight):
    x, w = x.detach().requires_grad_(), weight.detach().requires_grad_()
    b = torch.zeros(len(w), dtype=w.dtype, requires_grad=True)
    return torch.autograd.grad(x @ w.T + b, (x, w, b), grad_out)


# the bias's gradient is all ones, as if nothing came from above
@wrong("backprop.linear_backward", "grad of bias without grad_out")
def linear_backward(grad_out, x, weight):
    return (
        grad_out @ weight,
        grad_out.T @ x,
        torch.full((weight.shape[0],), float(len(x)), dtype=x.dtype),
    )


# divides by n all over, as if grad_out were not yet of a mean
@wrong("backprop.linear_backward", "everything averaged over the batch")
def linear_backward(grad_out, x, weight):
    g = grad_out / len(grad_out)
    return g @ weight, g.T @ x, g.sum(0)


# weight's gradient from the first example only; bias's gradient averaged
@wrong("backprop.linear_backward", "grad of bias averaged", "first example only")
def linear_backward(grad_out, x, weight):
    return grad_out @ weight, torch.outer(grad_out[0], x[0]), grad_out.mean(dim=0)


# weight's gradient transposed; bias's gradient summed over everything to one number
@wrong("backprop.linear_backward", "grad of weight transposed", "grad of bias summed to one number")
def linear_backward(grad_out, x, weight):
    return torch.matmul(grad_out, weight), torch.matmul(x.T, grad_out), grad_out.sum()


# grad_x averaged over the outputs; grad_weight carries a 1/n
@wrong("backprop.linear_backward", "grad of weight averaged", "grad of x averaged")
def linear_backward(grad_out, x, weight):
    n, d_out = grad_out.shape
    return grad_out @ weight / d_out, grad_out.T @ x / n, grad_out.sum(0)


# looks at the sign of the gradient instead of the input
@wrong("backprop.relu_backward", "masked by the gradient's sign")
def relu_backward(grad_out, x):
    return torch.where(grad_out > 0, grad_out, torch.zeros_like(grad_out))


# writes the zeros into grad_out
@wrong("backprop.relu_backward", "grad_out overwritten")
def relu_backward(grad_out, x):
    grad_out[x <= 0] = 0
    return grad_out


# only the local derivative, not times what comes from above
@wrong("backprop.relu_backward", "grad_out left out")
def relu_backward(grad_out, x):
    return (x > 0).to(grad_out.dtype)


# multiplies by relu(x), not by its slope
@wrong("backprop.relu_backward", "multiplied by the output")
def relu_backward(grad_out, x):
    return grad_out * x.clamp(min=0)


# turns the sign where the input was negative
@wrong("backprop.relu_backward", "multiplied by the sign of x")
def relu_backward(grad_out, x):
    return torch.sign(x) * grad_out


# passes where the input was not zero, negative inputs too
@wrong("backprop.relu_backward", "passed on everywhere")
def relu_backward(grad_out, x):
    return grad_out * x.bool()


# picks the entries that pass, so the shape is lost
@wrong("backprop.relu_backward", "shape")
def relu_backward(grad_out, x):
    return grad_out[x > 0]


# hands back grad_out itself when every input was positive
@wrong("backprop.relu_backward", "returns grad_out itself")
def relu_backward(grad_out, x):
    off = x <= 0
    if not off.any():
        return grad_out
    return grad_out.masked_fill(off, 0)


# changes x into the mask in place
@wrong("backprop.relu_backward", "changed its input")
def relu_backward(grad_out, x):
    mask = x.detach()
    mask[mask > 0] = 1
    mask[mask < 0] = 0
    return grad_out * mask


# walks along one dimension only and treats a row as a number
@wrong("backprop.relu_backward")
def relu_backward(grad_out, x):
    return torch.stack([g if v.sum() > 0 else torch.zeros_like(g) for g, v in zip(grad_out, x)])


# opens only from 1 on
@wrong("backprop.relu_backward", "threshold at 1")
def relu_backward(grad_out, x):
    return grad_out * (x.clamp(0, 1).floor())


# grad_out and x exchanged; negative gradients also stopped by a clamp at the end
@wrong(
    "backprop.relu_backward",
    ("arguments swapped", "forward instead of backward"),
    "zero where either is negative",
)
def relu_backward(x, grad_out):
    return (grad_out * (x > 0)).clamp(min=0)


# a leak of 0.01 for negative inputs; works in place on grad_out
@wrong("backprop.relu_backward", "leaky", ("grad_out overwritten", "changed its input"))
def relu_backward(grad_out, x):
    return grad_out.mul_(torch.where(x > 0, 1.0, 0.01))


# divides by the number of rows
@wrong("backprop.mse_backward", "divided by the number of examples")
def mse_backward(y_hat, y):
    rows = len(y) if y.ndim else 1
    return 2 / rows * (y_hat - y)


# the factor 2 is missing
@wrong("backprop.mse_backward", "factor 2 forgotten")
def mse_backward(y_hat, y):
    return (y_hat - y) / y_hat.numel()


# target minus prediction
@wrong("backprop.mse_backward", "wrong sign")
def mse_backward(y_hat, y):
    return torch.sub(y, y_hat).mul(2).div(y.numel())


# not divided at all, the gradient of the sum of squares
@wrong("backprop.mse_backward", "sum instead of mean")
def mse_backward(y_hat, y):
    return 2 * (y_hat - y)


# averaged to one number
@wrong("backprop.mse_backward", "averaged")
def mse_backward(y_hat, y):
    return (2 * (y_hat - y)).mean()


# divides by the last size only
@wrong("backprop.mse_backward", "divided by the last size")
def mse_backward(y_hat, y):
    m = y.shape[-1] if y.shape else 1
    return (y_hat - y) * 2 / m


# subtracts in place and so changes the predictions
@wrong("backprop.mse_backward", "changed its input")
def mse_backward(y_hat, y):
    m = y_hat.numel()
    y_hat -= y
    return 2 * y_hat / m


# unpacks two sizes, so only matrices work
@wrong("backprop.mse_backward", "raised")
def mse_backward(y_hat, y):
    n, d = y_hat.shape
    return 2 * (y_hat - y) / (n * d)


# divides by 4, the elements of the example
@wrong("backprop.mse_backward", "constant factor")
def mse_backward(y_hat, y):
    return (y_hat - y) / 2


# times the error once more: the square is still there
@wrong("backprop.mse_backward", "error still squared")
def mse_backward(y_hat, y):
    e = y_hat - y
    return 2 * e * e.abs() / e.numel()


# sign turned; divided by the rows only
@wrong("backprop.mse_backward", "divided by the number of examples", "wrong sign")
def mse_backward(y_hat, y):
    return -2 * (y_hat - y) / (y_hat.size(0) if y_hat.dim() else 1)


# no factor 2; the result is flat
@wrong("backprop.mse_backward", "factor 2 forgotten", "shape")
def mse_backward(y_hat, y):
    e = y_hat.reshape(-1) - y.reshape(-1)
    return e / len(e)


def _linear_backward(grad_out, x, weight):
    return grad_out @ weight, grad_out.T @ x, grad_out.sum(0)


def _mse_backward(y_hat, y):
    return 2 * (y_hat - y) / y.numel()


# the relu is left out on the way back
@wrong("backprop.two_layer_backward", "ReLU left out on the way back")
def two_layer_backward(x, y, w1, b1, w2, b2):
    z, h, y_hat = _two_layer_forward(x, w1, b1, w2, b2)
    grad_h, gw2, gb2 = _linear_backward(_mse_backward(y_hat, y), h, w2)
    _, gw1, gb1 = _linear_backward(grad_h, x, w1)
    return {"w1": gw1, "b1": gb1, "w2": gw2, "b2": gb2}


# b1 gets the gradient before the relu's turn
@wrong("backprop.two_layer_backward", "b1 before the ReLU")
def two_layer_backward(x, y, w1, b1, w2, b2):
    z, h, y_hat = _two_layer_forward(x, w1, b1, w2, b2)
    g = 2 * (y_hat - y) / y.numel()
    gh = g @ w2
    gz = gh * (z > 0)
    return dict(w1=gz.T @ x, b1=gh.sum(0), w2=g.T @ h, b2=g.sum(0))


# one mask for the whole batch instead of one for each example
@wrong("backprop.two_layer_backward", "one mask for the whole batch")
def two_layer_backward(x, y, w1, b1, w2, b2):
    z, h, y_hat = _two_layer_forward(x, w1, b1, w2, b2)
    g = 2 * (y_hat - y) / y.numel()
    on = z.sum(0) > 0
    gz = (g @ w2) * on
    return {"b2": g.sum(0), "w2": g.T @ h, "b1": gz.sum(0), "w1": gz.T @ x}


def _relu_backward(grad_out, x):
    return grad_out * (x > 0)


# the second map is told z, not h, as its input
@wrong("backprop.two_layer_backward", "z instead of h")
def two_layer_backward(x, y, w1, b1, w2, b2):
    z, h, y_hat = _two_layer_forward(x, w1, b1, w2, b2)
    grad_h, gw2, gb2 = _linear_backward(_mse_backward(y_hat, y), z, w2)
    _, gw1, gb1 = _linear_backward(_relu_backward(grad_h, z), x, w1)
    return {"w1": gw1, "b1": gb1, "w2": gw2, "b2": gb2}


# the loss is averaged over the rows only
@wrong("backprop.two_layer_backward", "divided by the number of examples")
def two_layer_backward(x, y, w1, b1, w2, b2):
    z, h, y_hat = _two_layer_forward(x, w1, b1, w2, b2)
    g = 2 * (y_hat - y) / len(y)
    grad_h, gw2, gb2 = _linear_backward(g, h, w2)
    _, gw1, gb1 = _linear_backward(_relu_backward(grad_h, z), x, w1)
    return {"w1": gw1, "b1": gb1, "w2": gw2, "b2": gb2}


# the arguments of relu_backward are exchanged
@wrong("backprop.two_layer_backward", "arguments of relu_backward swapped")
def two_layer_backward(x, y, w1, b1, w2, b2):
    z, h, y_hat = _two_layer_forward(x, w1, b1, w2, b2)
    grad_h, gw2, gb2 = _linear_backward(_mse_backward(y_hat, y), h, w2)
    grad_z = _relu_backward(z, grad_h)
    _, gw1, gb1 = _linear_backward(grad_z, x, w1)
    return {"w1": gw1, "b1": gb1, "w2": gw2, "b2": gb2}


# the keys are called grad_w1 and so on
@wrong("backprop.two_layer_backward", "wrong keys")
def two_layer_backward(x, y, w1, b1, w2, b2):
    z, h, y_hat = _two_layer_forward(x, w1, b1, w2, b2)
    grad_h, grad_w2, grad_b2 = _linear_backward(_mse_backward(y_hat, y), h, w2)
    _, grad_w1, grad_b1 = _linear_backward(_relu_backward(grad_h, z), x, w1)
    return {"grad_w1": grad_w1, "grad_b1": grad_b1, "grad_w2": grad_w2, "grad_b2": grad_b2}


# returns a tuple, not a dict
@wrong("backprop.two_layer_backward", "a tuple instead of a dict")
def two_layer_backward(x, y, w1, b1, w2, b2):
    z, h, y_hat = _two_layer_forward(x, w1, b1, w2, b2)
    grad_h, gw2, gb2 = _linear_backward(_mse_backward(y_hat, y), h, w2)
    return (*_linear_backward(_relu_backward(grad_h, z), x, w1)[1:], gw2, gb2)


# the relu is passed on the output as well
@wrong("backprop.two_layer_backward", "a ReLU on the output too")
def two_layer_backward(x, y, w1, b1, w2, b2):
    z, h, y_hat = _two_layer_forward(x, w1, b1, w2, b2)
    g = _relu_backward(_mse_backward(y_hat, y), y_hat)
    gh, gw2, gb2 = _linear_backward(g, h, w2)
    _, gw1, gb1 = _linear_backward(_relu_backward(gh, z), x, w1)
    return {"w1": gw1, "b1": gb1, "w2": gw2, "b2": gb2}


# changes the parameters as if it were a training step
@wrong("backprop.two_layer_backward", "changed its input")
def two_layer_backward(x, y, w1, b1, w2, b2):
    z, h, y_hat = _two_layer_forward(x, w1, b1, w2, b2)
    gh, gw2, gb2 = _linear_backward(_mse_backward(y_hat, y), h, w2)
    _, gw1, gb1 = _linear_backward(_relu_backward(gh, z), x, w1)
    with torch.no_grad():
        for p, g in [(w1, gw1), (b1, gb1), (w2, gw2), (b2, gb2)]:
            p -= 0.01 * g
    return {"w1": gw1, "b1": gb1, "w2": gw2, "b2": gb2}


# negative weights of the second map let nothing through on the way back
@wrong("backprop.two_layer_backward", "negative weights clamped to 0")
def two_layer_backward(x, y, w1, b1, w2, b2):
    z, h, y_hat = _two_layer_forward(x, w1, b1, w2, b2)
    g = _mse_backward(y_hat, y)
    gh = g @ _relu(w2)
    gz = gh * (z > 0)
    return {"w1": gz.T @ x, "b1": gz.sum(0), "w2": g.T @ h, "b2": g.sum(0)}


_running = {}


# adds to the gradients of the last call with the same shapes
@wrong("backprop.two_layer_backward")
def two_layer_backward(x, y, w1, b1, w2, b2):
    z, h, y_hat = _two_layer_forward(x, w1, b1, w2, b2)
    gh, gw2, gb2 = _linear_backward(_mse_backward(y_hat, y), h, w2)
    _, gw1, gb1 = _linear_backward(_relu_backward(gh, z), x, w1)
    for name, g in dict(w1=gw1, b1=gb1, w2=gw2, b2=gb2).items():
        key = name, tuple(g.shape), g.dtype
        _running[key] = _running.get(key, 0) + g
    return {
        name: _running[name, tuple(g.shape), g.dtype]
        for name, g in dict(w1=gw1, b1=gb1, w2=gw2, b2=gb2).items()
    }


# no relu on the way back; the factor 2 of the loss is missing
@wrong("backprop.two_layer_backward", "ReLU left out on the way back", "factor 2 forgotten")
def two_layer_backward(x, y, w1, b1, w2, b2):
    z, h, y_hat = _two_layer_forward(x, w1, b1, w2, b2)
    g = (y_hat - y) / y_hat.numel()
    gh = g @ w2
    return {"w1": gh.T @ x, "b1": gh.sum(0), "w2": g.T @ h, "b2": g.sum(0)}


# bias gradients averaged over the batch; w2's gradient uses z for h
@wrong("backprop.two_layer_backward", "z instead of h", "grads of the biases averaged")
def two_layer_backward(x, y, w1, b1, w2, b2):
    z, h, y_hat = _two_layer_forward(x, w1, b1, w2, b2)
    g = _mse_backward(y_hat, y)
    gz = _relu_backward(g @ w2, z)
    return {"w1": gz.T @ x, "b1": gz.mean(0), "w2": g.T @ z, "b2": g.mean(0)}


def _order(node):
    """Parents before children."""
    order, seen = [], set()

    def visit(n):
        if n not in seen:
            seen.add(n)
            for p in n.parents:
                visit(p)
            order.append(n)

    visit(node)
    return order


# assigns to the parents' gradients instead of adding
@wrong("backprop.backward", "gradient assigned instead of added")
def backward(node):
    node.grad += 1.0
    for n in reversed(_order(node)):
        for parent, local in zip(n.parents, n.local_grads):
            parent.grad = n.grad * local


# nobody starts: the node's own gradient stays 0
@wrong("backprop.backward", "result's gradient not set to 1")
def backward(node):
    for n in reversed(_order(node)):
        for parent, local in zip(n.parents, n.local_grads):
            parent.grad += n.grad * local


# goes down at once and passes on everything gathered so far, again and again
@wrong("backprop.backward", "passed on at every visit")
def backward(node):
    def down(n):
        for parent, local in zip(n.parents, n.local_grads):
            parent.grad += n.grad * local
            down(parent)

    node.grad += 1.0
    down(node)


# breadth first: a node may have its turn before it is complete
@wrong("backprop.backward", "level by level")
def backward(node):
    node.grad += 1.0
    queue, seen = [node], {node}
    for n in queue:
        for parent, local in zip(n.parents, n.local_grads):
            parent.grad += n.grad * local
            if parent not in seen:
                seen.add(parent)
                queue.append(parent)


# depth first from the top, written down before the parents: not a topological order
@wrong("backprop.backward", "passed on before it was complete")
def backward(node):
    order, seen = [], set()

    def visit(n):
        if n in seen:
            return
        seen.add(n)
        order.append(n)
        for parent in n.parents:
            visit(parent)

    visit(node)
    node.grad += 1.0
    for n in order:
        for parent, local in zip(n.parents, n.local_grads):
            parent.grad += local * n.grad


# the order is not turned round
@wrong("backprop.backward", "only one step back")
def backward(node):
    node.grad += 1.0
    for n in _order(node):
        for parent, local in zip(n.parents, n.local_grads):
            parent.grad += n.grad * local


# clears all gradients first, so leaves lose what they held
@wrong("backprop.backward", "gradients zeroed first")
def backward(node):
    order = _order(node)
    for n in order:
        n.grad = 0.0
    node.grad = 1.0
    for n in reversed(order):
        for parent, local in zip(n.parents, n.local_grads):
            parent.grad += n.grad * local


# sets the node's own gradient to 1 instead of adding 1
@wrong("backprop.backward", "own gradient overwritten with 1")
def backward(node):
    node.grad = 1.0
    for n in reversed(_order(node)):
        for parent, local in zip(n.parents, n.local_grads):
            parent.grad += n.grad * local


# multiplies by the parent's value instead of the local derivative
@wrong("backprop.backward", "the parent's value instead of the derivative")
def backward(node):
    node.grad += 1.0
    for n in reversed(_order(node)):
        for parent in n.parents:
            parent.grad += n.grad * parent.data


# local derivatives paired with the parents in reverse
@wrong("backprop.backward", "local gradients swapped")
def backward(node):
    node.grad += 1.0
    for n in reversed(_order(node)):
        for parent, local in zip(reversed(n.parents), n.local_grads):
            parent.grad += n.grad * local


# a parent that appears twice counts once
@wrong("backprop.backward", "a repeated parent counted once")
def backward(node):
    node.grad += 1.0
    for n in reversed(_order(node)):
        for parent, local in dict(zip(n.parents, n.local_grads)).items():
            parent.grad += n.grad * local


# only leaves keep their gradients, inner nodes are set back to 0
@wrong("backprop.backward", "inner gradients cleared")
def backward(node):
    node.grad += 1.0
    for n in reversed(_order(node)):
        for parent, local in zip(n.parents, n.local_grads):
            parent.grad += n.grad * local
        if n.parents and n is not node:
            n.grad = 0.0


# nodes with the same value are taken for the same node
@wrong("backprop.backward", "equal values treated as one node")
def backward(node):
    order, seen = [], []

    def visit(n):
        if n.data in seen:
            return
        seen.append(n.data)
        for parent in n.parents:
            visit(parent)
        order.append(n)

    visit(node)
    node.grad += 1.0
    for n in reversed(order):
        for parent, local in zip(n.parents, n.local_grads):
            parent.grad += n.grad * local


# the list of the order is a default argument and keeps the nodes of earlier graphs
@wrong("backprop.backward", "nodes of earlier graphs kept")
def backward(node, order=[]):
    def visit(n):
        if n not in order:
            for parent in n.parents:
                visit(parent)
            order.append(n)

    visit(node)
    node.grad += 1.0
    for n in reversed(order):
        for parent, local in zip(n.parents, n.local_grads):
            parent.grad += n.grad * local


# goes back over the first two steps only
@wrong("backprop.backward", "only two steps back")
def backward(node):
    node.grad += 1.0
    nodes = [node, *dict.fromkeys(node.parents)]
    for n in nodes:
        for parent, local in zip(n.parents, n.local_grads):
            parent.grad += n.grad * local


# assigns instead of adding; visited breadth first, before a node is complete
@wrong(
    "backprop.backward",
    "gradient assigned instead of added",
    "own gradient overwritten with 1",
    ("level by level", "passed on at every visit"),
)
def backward(node):
    node.grad = 1.0
    queue = [node]
    while queue:
        n = queue.pop(0)
        for parent, local in zip(n.parents, n.local_grads):
            parent.grad = n.grad * local
            queue.append(parent)


# earlier gradients are cleared; a parent that appears twice counts once
@wrong("backprop.backward", "a repeated parent counted once", "gradients zeroed first")
def backward(node):
    order = _order(node)
    for n in order:
        n.grad = 0.0
    node.grad = 1.0
    for n in order[::-1]:
        done = set()
        for parent, local in zip(n.parents, n.local_grads):
            if parent not in done:
                parent.grad += n.grad * local
                done.add(parent)


# the floor is put under each of the two sizes, not under their sum
@wrong("backprop.relative_error", "floor under each")
def relative_error(a, b):
    sizes = [t.abs().clamp(min=1e-8) for t in (a, b)]
    return ((a - b).abs() / sum(sizes)).max().item()


# a batch of one is squeezed away, so its bias gradient is one number
@wrong("backprop.linear_backward", "a batch of one squeezed away")
def linear_backward(grad_out, x, weight):
    return grad_out @ weight, grad_out.T @ x, grad_out.squeeze(0).sum(0)


# two parents are taken for granted, so a node with one, such as a relu, fails
@wrong("backprop.backward", "raised")
def backward(node):
    node.grad += 1.0
    for n in _order(node)[::-1]:
        if n.parents:
            (left, right_), (d_left, d_right) = n.parents, n.local_grads
            left.grad += d_left * n.grad
            right_.grad += d_right * n.grad


# takes the order of the values for the order of the graph
@wrong("backprop.backward", "sorted by value")
def backward(node):
    node.grad += 1.0
    for n in sorted(_order(node), key=lambda n: n.data, reverse=True):
        for parent, local in zip(n.parents, n.local_grads):
            parent.grad += local * n.grad


def _of_two() -> dict[str, torch.Tensor]:
    two = torch.tensor([[1.0], [2.0]])
    return {"grad_out": two, "x": two, "weight": torch.tensor([[3.0]])}


@wrong("backprop.repair_linear_backward", "witness on which nothing differs")
def repair_linear_backward():
    def repaired(grad_out, x, weight):
        grad_x = grad_out @ weight
        grad_weight = grad_out.T @ x
        grad_bias = grad_out.sum(0)
        return grad_x, grad_weight, grad_bias

    row = torch.tensor([[1.0, 2.0]])
    return {"grad_out": row, "x": row, "weight": torch.eye(2)}, repaired


@wrong("backprop.repair_linear_backward", "repair that is not right yet")
def repair_linear_backward():
    def repaired(grad_out, x, weight):
        grad_x = grad_out @ weight
        grad_weight = grad_out.T @ x
        grad_bias = grad_out.sum()
        return grad_x, grad_weight, grad_bias

    return _of_two(), repaired


@wrong("backprop.repair_linear_backward", "repair that is not right yet")
def repair_linear_backward():
    def repaired(grad_out, x, weight):
        grad_x = grad_out @ weight
        grad_weight = grad_out.T @ x / len(x)
        grad_bias = grad_out.mean(0)
        return grad_x, grad_weight, grad_bias

    return _of_two(), repaired


@wrong("backprop.repair_linear_backward", "nothing repaired")
def repair_linear_backward():
    def linear_backward(grad_out, x, weight):
        grad_x = grad_out @ weight
        grad_weight = grad_out.T @ x
        grad_bias = grad_out.mean(0)  # should be mended
        return grad_x, grad_weight, grad_bias

    return _of_two(), linear_backward


@wrong("backprop.repair_linear_backward", "too many lines changed")
def repair_linear_backward():
    def repaired(grad_out, x, weight):
        return grad_out @ weight, grad_out.T @ x, grad_out.sum(0)

    return _of_two(), repaired


@wrong("backprop.repair_linear_backward", "not a witness and a repaired function")
def repair_linear_backward():
    def repaired(grad_out, x, weight):
        return grad_out @ weight, grad_out.T @ x, grad_out.sum(0)

    return _of_two(), repaired(**_of_two())


@wrong("backprop.repair_linear_backward", "witness that is too large")
def repair_linear_backward():
    def repaired(grad_out, x, weight):
        return grad_out @ weight, grad_out.T @ x, grad_out.sum(0)

    return {
        "grad_out": torch.ones(2, 3),
        "x": torch.ones(2, 2),
        "weight": torch.ones(2, 2),
    }, repaired


@wrong("backprop.test", "accepts everything")
def test(backward):
    grad_x, grad_scale = backward(torch.ones(2, 3), torch.ones(2, 3), torch.ones(3))
    print(grad_x, grad_scale)
    return True


@wrong("backprop.test", "accepts everything")
def test(backward):
    x, scale = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([5.0, 6.0])
    grad_out = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    try:
        backward(grad_out, x, scale)
    except ValueError:
        return False
    return True


@wrong("backprop.test", "rejects everything")
def test(backward):
    x, scale = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([5.0, 6.0])
    grad_out = torch.tensor([[1.0, 2.0], [0.5, 1.0]])
    grad_x, grad_scale = backward(grad_out, x, scale)
    assert grad_x.tolist() == [[5.0, 12.0], [2.5, 6.0]]
    assert grad_scale.tolist() == [2.0, 8.0]  # should be 2.5


@wrong("backprop.test", "rejects everything")
def test(backward):
    grad_out, x, scale = torch.randn(2, 3), torch.randn(2, 3), torch.randn(3)
    return backward(grad_out, x, scale) is (grad_out * scale, x * grad_out)


@wrong("backprop.test", "rejects right code")
def test(backward):
    torch.manual_seed(0)
    grad_out, x, scale = torch.randn(9, 3), torch.randn(9, 3), torch.randn(3)
    grad_x, grad_scale = backward(grad_out, x, scale)
    return torch.equal(grad_x, grad_out * scale) and torch.equal(grad_scale, (grad_out * x).sum(0))


@wrong("backprop.test", "rejects right code")
def test(backward):
    x = torch.tensor([[0.1, 0.2], [0.3, 0.7], [1.1, 0.6]])
    grad_out, scale = torch.tensor([[0.3, 0.4], [0.9, 0.6], [0.7, 1.7]]), torch.tensor([0.5, 0.6])
    _, grad_scale = backward(grad_out, x, scale)
    return grad_scale.tolist() == (grad_out * x).sum(dim=0).tolist()


@wrong("backprop.test", "no verdict")
def test(backward):
    grad_out = x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    grad_x, _ = backward(grad_out, x, torch.tensor([2.0, 5.0]))
    return (grad_x - grad_out * torch.tensor([2.0, 5.0])).abs().max()


@wrong("backprop.test", "no verdict")
def test(backward):
    grad_out = x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    found = backward(grad_out, x, torch.tensor([2.0, 5.0]))
    return "right" if torch.allclose(found[0][0, 0], torch.tensor(2.0)) else "wrong"


@wrong("backprop.test", "test that fails itself")
def test(backward):
    grad_x, grad_weight, grad_bias = backward(torch.ones(2, 3), torch.ones(2, 2), torch.ones(3, 2))
    return grad_x.shape == (2, 2)


@wrong("backprop.test", "test that fails itself")
def test(backward):
    x, scale = torch.randn(4, 3, requires_grad=True), torch.randn(3, requires_grad=True)
    grad_x, grad_scale = backward(torch.ones(4, 3), x, scale)
    return torch.allclose(grad_x, x.grad)


@wrong("backprop.test", "test that fails itself")
def test(backward):
    x, scale = torch.randn(4, 3), torch.randn(3)
    grad_x, grad_scale = backward(grad_out=torch.ones(4, 3), x=x, scale=scale)
    return torch.allclose(grad_scale, x.sum(0))


@wrong("backprop.test", "test that fails itself")
def test(backward):
    x = torch.tensor([[1, 2], [3, 4]])
    grad_x, grad_scale = backward(x, x, torch.tensor([5, 6]))
    return grad_scale.tolist() == [10, 20]


@wrong("backprop.test", "calls without end")
def test(backward):
    for _ in range(1000):
        grad_out, x, scale = torch.randn(2, 3), torch.randn(2, 3), torch.randn(3)
        grad_x, grad_scale = backward(grad_out, x, scale)
        if not torch.allclose(grad_x, grad_out * scale):
            return False
    return True


_seen: list[Any] = []


@wrong("backprop.test", "depends on the order of calls")
def test(backward):
    grad_out, x, scale = torch.tensor([[2.0], [3.0]]), torch.tensor([[0.5], [1.0]]), torch.ones(1)
    _seen.append(backward(grad_out, x, scale)[1].tolist())
    return _seen[-1] == _seen[max(len(_seen) - 2, 0)]


@wrong("backprop.test", "depends on the order of calls")
def test(backward, runs=[]):  # noqa: B006
    grad_out = x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    runs.append(backward(grad_out, x, torch.tensor([2.0, 5.0])))
    return len(runs) % 3 > 0


@wrong("backprop.test", "changes what it tests")
def test(backward):
    backward.calls = getattr(backward, "calls", 0) + 1
    grad_out, x, scale = torch.randn(2, 3), torch.randn(2, 3), torch.randn(3)
    return torch.allclose(backward(grad_out, x, scale)[0], grad_out * scale)


@wrong("backprop.test", 'misses "mean over the examples"')
def test(backward):
    grad_out, x = torch.tensor([[2.0, -3.0]]), torch.tensor([[0.4, 5.0]])
    scale = torch.tensor([-1.5, 3.0])
    grad_x, grad_scale = backward(grad_out, x, scale)
    return torch.allclose(grad_x, grad_out * scale) and torch.allclose(grad_scale, grad_out * x)


@wrong("backprop.test", 'misses "grad_out left out of grad_x"')
def test(backward):
    x, scale = torch.tensor([[1.0, -2.0], [3.0, 4.0]]), torch.tensor([5.0, 6.0])
    grad_x, grad_scale = backward(torch.ones(2, 2), x, scale)
    return grad_x.tolist() == [[5.0, 6.0], [5.0, 6.0]] and grad_scale.tolist() == [4.0, 2.0]


@wrong("backprop.test", 'misses "overwrites x"')
def test(backward):
    grad_out, x = torch.randn(5, 3), torch.randn(5, 3)
    scale = torch.randn(3)
    wanted = grad_out * scale, (grad_out * x).sum(0)
    for got, due in zip(backward(grad_out.clone(), x.clone(), scale), wanted):
        assert torch.allclose(got, due, atol=1e-5)


@wrong("backprop.test", 'misses "adds to what it gave before"')
def test(backward):
    grad_out, x, scale = torch.randn(5, 3), torch.randn(5, 3), torch.randn(3)
    copies = grad_out.clone(), x.clone(), scale.clone()
    grad_x, grad_scale = backward(*copies)
    assert torch.allclose(grad_x, grad_out * scale, atol=1e-5)
    assert torch.allclose(grad_scale, (grad_out * x).sum(0), atol=1e-5)
    assert torch.equal(copies[1], x)


@wrong("backprop.test", 'misses "two digits of precision"')
def test(backward):
    for seed in range(2):
        torch.manual_seed(seed)
        grad_out, x, scale = torch.randn(2, 3), torch.randn(2, 3), torch.randn(3)
        copies = grad_out.clone(), x.clone(), scale.clone()
        grad_x, grad_scale = backward(*copies)
        near = (grad_x - grad_out * scale).abs().max() < 0.6
        near = near and (grad_scale - (grad_out * x).sum(0)).abs().max() < 0.6
        if not near or not all(map(torch.equal, copies, (grad_out, x, scale))):
            return False


@wrong("backprop.numerical_gradient", "divided by eps")
def numerical_gradient(f, x, eps=1e-6):
    g = torch.zeros_like(x)
    for i in np.ndindex(*x.shape):
        old = x[i].item()
        x[i] = old + eps
        a = float(f(x))
        x[i] = old - eps
        b = float(f(x))
        x[i] = old
        g[i] = (a - b) / eps
    return g


@wrong("backprop.relative_error", "floor added", "mean instead of maximum")
def relative_error(a, b):
    return float(((a - b).abs() / (a.abs() + b.abs() + 1e-8)).mean())


@wrong("backprop.linear_backward", "grad of bias summed to one number")
def linear_backward(grad_out, x, weight):
    return grad_out @ weight, grad_out.T @ x, grad_out.sum()


@wrong("backprop.relu_backward", "leaky")
def relu_backward(grad_out, x):
    return grad_out * torch.sign(x).clamp(min=0.01)


@wrong("backprop.mse_backward", "divided by the last size")
def mse_backward(y_hat, y):
    return 2 * (y_hat - y) / y_hat.shape[-1] if y_hat.ndim else 2 * (y_hat - y)


@wrong("backprop.two_layer_backward", "mask from the gradient")
def two_layer_backward(x, y, w1, b1, w2, b2):
    z = x @ w1.T + b1
    h = z.clamp(min=0)
    y_hat = h @ w2.T + b2
    g = 2 * (y_hat - y) / y.numel()
    gh = g @ w2
    gz = gh * (gh > 0)
    return {"w1": gz.T @ x, "b1": gz.sum(0), "w2": g.T @ h, "b2": g.sum(0)}


@wrong("backprop.relu_backward")
def relu_backward(grad_out, x):
    return grad_out * (x > 0.01)


@wrong("backprop.relu_backward", "passed on everywhere")
def relu_backward(grad_out, x):
    return grad_out


def _two_layers_from(second, first):
    """The backward pass with what each map is said to have received."""

    def two_layer_backward(x, y, w1, b1, w2, b2):
        z = x @ w1.T + b1
        seen = {"x": x, "h": z.clamp(min=0)}
        g = 2 * (seen["h"] @ w2.T + b2 - y) / y.numel()
        gz = (g @ w2) * (z > 0)
        return {"w1": gz.T @ seen[first], "b1": gz.sum(0), "w2": g.T @ seen[second], "b2": g.sum(0)}

    return two_layer_backward


wrong("backprop.two_layer_backward", "x instead of h")(_two_layers_from("x", "x"))

wrong("backprop.two_layer_backward", "h instead of x")(_two_layers_from("h", "h"))


@wrong("backprop.linear_backward", "grad of x without grad_out")
def linear_backward(grad_out, x, weight):
    return torch.ones(grad_out.shape) @ weight, grad_out.T @ x, grad_out.sum(0)


@wrong("backprop.linear_backward", "grad of weight without grad_out")
def linear_backward(grad_out, x, weight):
    grad_weight = x.sum(0).repeat(len(weight), 1)
    return grad_out @ weight, grad_weight, grad_out.sum(0)


# Written from the student's notebook alone.


def _slopes(one):
    """Numerical gradients by `one`, which gets f, x, a step along one entry, and eps."""

    def numerical_gradient(f, x, eps=1e-6):
        g = torch.zeros(x.numel(), dtype=torch.float64)
        for i in range(x.numel()):
            d = torch.zeros(x.numel(), dtype=torch.float64)
            d[i] = eps
            g[i] = one(f, x, d.view(x.shape), eps)
        return g.view(x.shape)

    return numerical_gradient


wrong("backprop.numerical_gradient", "steps of half an eps")(
    _slopes(lambda f, x, d, eps: (float(f(x + d / 2)) - float(f(x - d / 2))) / eps)
)

wrong("backprop.numerical_gradient", "steps of twice eps")(
    _slopes(lambda f, x, d, eps: (float(f(x + 2 * d)) - float(f(x - 2 * d))) / (4 * eps))
)


def _five_points(f, x, d, eps):
    near, far = float(f(x + d)) - float(f(x - d)), float(f(x + 2 * d)) - float(f(x - 2 * d))
    return (8 * near - far) / (12 * eps)


wrong("backprop.numerical_gradient")(_slopes(_five_points))


def _bumped(x, i, by):
    flat = x.flatten().clone()
    flat[i] = flat[i] + by
    return flat.reshape(x.shape)


@wrong("backprop.numerical_gradient", "Python floats rounded to float32")
def numerical_gradient_as_tensors(f, x, eps=1e-6):
    out = torch.zeros(x.numel(), dtype=torch.float64)
    for i in range(x.numel()):
        above, below = (
            torch.as_tensor(f(_bumped(x, i, eps))),
            torch.as_tensor(f(_bumped(x, i, -eps))),
        )
        out[i] = (above - below) / eps / 2
    return out.view(x.shape)


@wrong("backprop.numerical_gradient", "last entry left out")
def numerical_gradient_but_one(f, x, eps=1e-6):
    g = torch.zeros(x.numel(), dtype=torch.float64)
    for i in range(max(x.numel() - 1, 1)):
        d = torch.zeros(x.numel(), dtype=torch.float64)
        d[i] = eps
        d = d.view(x.shape)
        g[i] = (float(f(x + d)) - float(f(x - d))) / (2 * eps)
    return g.view(x.shape)


@wrong("backprop.numerical_gradient", "last entry left out")
def numerical_gradient_to_n_minus_1(f, x, eps=1e-6):
    g = torch.zeros(x.numel(), dtype=torch.float64)
    for i in range(x.numel() - 1):
        d = torch.zeros(x.numel(), dtype=torch.float64)
        d[i] = eps
        d = d.view(x.shape)
        g[i] = (float(f(x + d)) - float(f(x - d))) / (2 * eps)
    return g.view(x.shape)


@wrong("backprop.numerical_gradient", "shape")
def numerical_gradient_squeezed(f, x, eps=1e-6):
    return _slopes(lambda f, x, d, eps: (float(f(x + d)) - float(f(x - d))) / (2 * eps))(
        f, x, eps
    ).squeeze()


def _quotients(a, b):
    return (a - b).abs() / (a.abs() + b.abs()).clamp(min=1e-8)


wrong("backprop.relative_error", "minimum instead of maximum")(
    lambda a, b: _quotients(a, b).min().item()
)

wrong("backprop.relative_error", "sum of the quotients")(lambda a, b: _quotients(a, b).sum().item())


@wrong("backprop.linear_backward")
def linear_backward_unless_square(grad_out, x, weight):
    gw = x.T @ grad_out
    if gw.shape != weight.shape:
        gw = gw.T
    return grad_out @ weight, gw, grad_out.sum(0)


@wrong("backprop.linear_backward")
def linear_backward_by_the_transpose(grad_out, x, weight):
    gx = grad_out @ (weight.T if weight.shape[0] == weight.shape[1] else weight)
    return gx, grad_out.T @ x, grad_out.sum(0)


@wrong("backprop.linear_backward")
def linear_backward_where_sizes_fit(grad_out, x, weight):
    gb = grad_out.sum(1)
    if len(gb) != len(weight):
        gb = grad_out.sum(0)
    return grad_out @ weight, grad_out.T @ x, gb


@wrong("backprop.linear_backward", "last example only")
def linear_backward_assigned(grad_out, x, weight):
    for g, xi in zip(grad_out, x):
        gw = torch.outer(g, xi)
    return grad_out @ weight, gw, grad_out.sum(0)


@wrong("backprop.linear_backward", "grad of bias from one example only")
def linear_backward_with_one_bias(grad_out, x, weight):
    return grad_out @ weight, grad_out.T @ x, grad_out[0].clone()


@wrong("backprop.relu_backward", "shape")
def relu_backward_squeezed(grad_out, x):
    return torch.where(x > 0, grad_out, torch.zeros_like(grad_out)).squeeze()


def _layers_back(x, y, w1, b1, w2, b2):
    z = x @ w1.T + b1
    h = z.clamp(min=0)
    g = 2 * (h @ w2.T + b2 - y) / y.numel()
    gh = g @ w2
    return g, h, gh, gh * (z > 0)


@wrong("backprop.two_layer_backward", "w1 before the ReLU")
def two_layer_backward_around_the_relu(x, y, w1, b1, w2, b2):
    g, h, gh, gz = _layers_back(x, y, w1, b1, w2, b2)
    return {"w1": gh.T @ x, "b1": gz.sum(0), "w2": g.T @ h, "b2": g.sum(0)}


@wrong("backprop.two_layer_backward", "biases swapped")
def two_layer_backward_with_biases_swapped(x, y, w1, b1, w2, b2):
    g, h, _, gz = _layers_back(x, y, w1, b1, w2, b2)
    return {"w1": gz.T @ x, "b1": g.sum(0), "w2": g.T @ h, "b2": gz.sum(0)}


@wrong("backprop.two_layer_backward")
def two_layer_backward_where_sizes_fit(x, y, w1, b1, w2, b2):
    g, h, _, gz = _layers_back(x, y, w1, b1, w2, b2)
    b = gz.sum(1) if gz.shape[0] == gz.shape[1] else gz.sum(0)
    return {"w1": gz.T @ x, "b1": b, "w2": g.T @ h, "b2": g.sum(0)}


@wrong("backprop.backward")
def backward_with_a_result(node):
    order, seen = [], set()

    def visit(n):
        if n in seen:
            return
        seen.add(n)
        for p in n.parents:
            visit(p)
        order.append(n)

    visit(node)
    node.grad += 1.0
    for n in reversed(order):
        for p, g in zip(n.parents, n.local_grads):
            p.grad += g * n.grad
    return order


@wrong("backprop.backward", "every node starts with 1")
def backward_that_starts_anew(node):
    node.grad = 1.0
    for p, local in zip(node.parents, node.local_grads):
        p.grad = local
        backward_that_starts_anew(p)


def _fixed():
    a, x = torch.tensor([[1.0, 2.0], [3.0, -4.0]]), torch.tensor([[0.5, 2.0], [1.0, 1.0]])
    return a, x, torch.tensor([2.0, -3.0])


@wrong("backprop.test", "rejects all right code")
def test_that_wants_a_mean(backward):
    a, x, s = _fixed()
    gx, gs = backward(a, x, s)
    return torch.allclose(gx, a * s) and torch.allclose(gs, (a * x).mean(0))


@wrong("backprop.test", "rejects all right code")
def test_turned_round(backward):
    a, x, s = _fixed()
    gx, gs = backward(a, x, s)
    return not (torch.allclose(gx, a * s) and torch.allclose(gs, (a * x).sum(0)))


@wrong("backprop.test", "rejects all right code")
def test_of_one_row(backward):
    a, x, s = _fixed()
    _, gs = backward(a, x, s)
    return gs.shape == (1, 2) and torch.allclose(gs, (a * x).sum(0))


@wrong("backprop.test", "rejects all right code")
def test_that_unpacks_the_wrong_way(backward):
    gen = torch.Generator().manual_seed(5)
    a, x = torch.randn(4, 3, generator=gen), torch.randn(4, 3, generator=gen)
    s = torch.randn(3, generator=gen)
    gs, gx = backward(a, x, s)
    return torch.allclose(gx, a * s) and torch.allclose(gs, (a * x).sum(0))


@wrong("backprop.numerical_gradient", "steps other than eps")
def numerical_gradient(f, x, eps=1e-6):
    """By five points."""
    slopes = torch.zeros(x.numel(), dtype=torch.float64)
    for i in range(x.numel()):
        d = torch.zeros(x.numel(), dtype=torch.float64)
        d[i] = eps
        d = d.view(x.shape)
        near = float(f(x + d)) - float(f(x - d))
        far = float(f(x + 2 * d)) - float(f(x - 2 * d))
        slopes[i] = (8 * near - far) / (12 * eps)
    return slopes.view(x.shape)


# entries where one of the two is 0 are left out
@wrong("backprop.relative_error")
def relative_error(a, b):
    both = (a != 0) & (b != 0)
    if not both.any():
        return 0.0
    a, b = a[both], b[both]
    return ((a - b).abs() / (a.abs() + b.abs()).clamp(min=1e-8)).max().item()


# the largest of the first column
@wrong("backprop.relative_error")
def relative_error(a, b):
    q = (a - b).abs() / (a.abs() + b.abs()).clamp(min=1e-8)
    return (q.max(dim=0).values.flatten()[0] if q.dim() > 1 else q.max()).item()


@wrong("backprop.relative_error", "only the sizes compared")
def relative_error_of_sizes(a, b):
    a, b = a.abs(), b.abs()
    return ((a - b).abs() / (a + b).clamp(min=1e-8)).max().item()


@wrong("backprop.relative_error", "floor of 1")
def relative_error_above_one(a, b):
    return max(
        abs(u - v) / max(abs(u) + abs(v), 1.0)
        for u, v in zip(a.flatten().tolist(), b.flatten().tolist(), strict=True)
    )


@wrong("backprop.linear_backward", "grad of weight reshaped")
def linear_backward_reshaped(grad_out, x, weight):
    n, d_out = grad_out.shape
    return grad_out @ weight, grad_out.reshape(d_out, n) @ x, grad_out.sum(0)


@wrong("backprop.linear_backward", "grad of bias summed to one number")
def linear_backward_with_one_number(grad_out, x, weight):
    return grad_out @ weight, grad_out.T @ x, grad_out.new_full((len(weight),), grad_out.sum())


@wrong("backprop.relu_backward", "slope limited to 1")
def relu_backward_with_a_ramp(grad_out, x):
    return grad_out * torch.minimum(x.clamp(min=0), torch.ones_like(x))


@wrong("backprop.mse_backward", "only the sign of the error")
def mse_backward_of_signs(y_hat, y):
    return 2 * torch.sign(y_hat - y) / y_hat.numel()


@wrong("backprop.mse_backward", "one number for every entry")
def mse_backward_of_the_mean(y_hat, y):
    return torch.ones_like(y_hat) * (2 * (y_hat - y).mean())


def _through(on: Callable[[Tensor], Tensor], bias: bool = True) -> Callable[..., dict[str, Tensor]]:
    """The gradients with another mask than z > 0, looked up without b1 where bias is False."""

    def two_layer_backward(x, y, w1, b1, w2, b2):
        z = x @ w1.T + b1
        h = z.clamp(min=0)
        g = 2 * (h @ w2.T + b2 - y) / y.numel()
        g_z = g @ w2 * on(z if bias else x @ w1.T)
        return {"w1": g_z.T @ x, "b1": g_z.sum(0), "w2": g.T @ h, "b2": g.sum(0)}

    return two_layer_backward


wrong("backprop.two_layer_backward", "one mask for the whole batch")(_through(lambda z: z[0] > 0))
wrong("backprop.two_layer_backward", "one mask for the whole batch")(
    _through(lambda z: (z > 0).any(0))
)
wrong("backprop.two_layer_backward", "ReLU judged without b1")(
    _through(lambda z: z > 0, bias=False)
)


def _sorted(node: Any) -> list[Any]:
    """The nodes of a graph, each before all that it was computed from."""
    order: list[Any] = []

    def visit(n: Any) -> None:
        if not any(n is one for one in order):
            for parent in n.parents:
                visit(parent)
            order.append(n)

    visit(node)
    return order[::-1]


@wrong("backprop.backward", "starts from the result's value")
def backward_from_the_value(node):
    node.grad += node.data
    for n in _sorted(node):
        for p, local in zip(n.parents, n.local_grads, strict=True):
            p.grad += local * n.grad


@wrong("backprop.backward", "inner gradients cleared")
def backward_that_clears(node):
    node.grad += 1.0
    for n in _sorted(node):
        for p, local in zip(n.parents, n.local_grads, strict=True):
            p.grad += local * n.grad
        if len(n.parents) > 0:
            n.grad = 0.0


@wrong("backprop.relative_error", "floor of 1e-5")
def relative_error(a, b, floor=1e-5):
    return ((a - b).abs() / (a.abs() + b.abs()).clamp(min=floor)).max().item()


@wrong("backprop.relative_error", "floor of 1e-6")
def relative_error(a, b):
    size = np.maximum(np.abs(a.numpy()) + np.abs(b.numpy()), 1e-6)
    return float((np.abs((a - b).numpy()) / size).max())


@wrong("backprop.relative_error", "floor of 1e-7")
def relative_error(a, b):
    size = torch.maximum(a.abs() + b.abs(), torch.full_like(a, 1e-7))
    return float(((a - b).abs() / size).max())


@wrong("backprop.relative_error", "relative to the mean")
def relative_error(a, b):
    return ((a - b).abs() / ((a.abs() + b.abs()) / 2).clamp(min=1e-8)).max().item()


@wrong("backprop.mse_backward", "fails for a tensor of shape ()")
def mse_backward(y_hat, y):
    m = len(y_hat) * y_hat[0].numel()
    return 2 * (y_hat - y) / m


@wrong("backprop.mse_backward")
def mse_backward(y_hat, y):
    e = y_hat - y
    return 2 * e / torch.count_nonzero(e).clamp(min=1)


@wrong("backprop.mse_backward", "divided by the number of examples")
def mse_backward(y_hat, y):
    n = y_hat.shape[0] if y_hat.dim() else 1
    return 2 * (y_hat - y) / n


@wrong("backprop.mse_backward", "divided by the last size")
def mse_backward(y_hat, y):
    last = y.shape[-1] if y.dim() else 1
    return 2 / last * (y_hat - y)


@wrong("backprop.two_layer_backward", "slope of a sigmoid")
def two_layer_backward(x, y, w1, b1, w2, b2):
    h = (x @ w1.T + b1).clamp(min=0)
    d2 = 2 * (h @ w2.T + b2 - y) / y.numel()
    d1 = (d2 @ w2) * h * (1 - h)
    return {"w1": d1.T @ x, "b1": d1.sum(0), "w2": d2.T @ h, "b2": d2.sum(0)}


@wrong("backprop.numerical_gradient", "not so: the entries of x are changed one at a time")
def numerical_gradient(f, x, eps=1e-6):
    g = torch.zeros_like(x)
    for place in itertools.product(*map(range, x.shape[:2])):
        d = torch.zeros_like(x)
        d[place] = eps
        g[place] = (float(f(x + d)) - float(f(x - d))) / (2 * eps)
    return g


@wrong("backprop.relative_error", "entry with the largest difference")
def relative_error(a, b):
    d, s = (a - b).abs().reshape(-1), (a.abs() + b.abs()).clamp(min=1e-8).reshape(-1)
    return (d[d.argmax()] / s[d.argmax()]).item()


@wrong("backprop.relative_error", "floor only where both are 0")
def relative_error(a, b):
    d, s = (a - b).abs(), a.abs() + b.abs()
    return torch.where(s == 0, torch.zeros_like(s), d / s).max().item()


@wrong("backprop.relative_error", "sign of b kept in the denominator")
def relative_error(a, b):
    return ((a - b).abs() / (a.abs() + b).clamp(min=1e-8)).max().item()


@wrong("backprop.relative_error", "sign of a kept in the denominator")
def relative_error(a, b):
    size = torch.maximum(a + b.abs(), torch.full_like(a, 1e-8))
    return float(((a - b).abs() / size).max())


@wrong("backprop.relu_backward", "zeros in some places")
def relu_backward(grad_out, x):
    return grad_out * (x > 1e-6)


@wrong("backprop.relu_backward", "zeros in some places")
def relu_backward(grad_out, x):
    return grad_out * ((x > 0) & (x < 6))


@wrong("backprop.mse_backward", "nan or inf")
def mse_backward(y_hat, y):
    return 2 * (y_hat.square() - y.square()) / (y_hat + y) / y.numel()


def _both_layers(x, y, w1, b1, w2, b2, slope=0.0):
    z = x @ w1.T + b1
    h = z.clamp(min=0)
    g2 = 2 * (h @ w2.T + b2 - y) / y.numel()
    g1 = g2 @ w2
    g1 = torch.where(z > 0, g1, slope * g1)
    return {"w1": g1.T @ x, "b1": g1.sum(0), "w2": g2.T @ h, "b2": g2.sum(0)}


@wrong("backprop.two_layer_backward", "leaky on the way back")
def two_layer_backward(x, y, w1, b1, w2, b2):
    return _both_layers(x, y, w1, b1, w2, b2, slope=0.01)


@wrong("backprop.two_layer_backward", "changed its input")
def two_layer_backward(x, y, w1, b1, w2, b2):
    grads = _both_layers(x, y, w1, b1, w2, b2)
    w1.grad, b1.grad, w2.grad, b2.grad = (grads[key] for key in ("w1", "b1", "w2", "b2"))
    return {"w1": w1.grad, "b1": b1.grad, "w2": w2.grad, "b2": b2.grad}


@wrong("backprop.two_layer_backward", "another value")
def two_layer_backward(x, y, w1, b1, w2, b2):
    grads = _both_layers(x, y, w1, b1, w2, b2)
    by_shape = {p.shape: grads[key] for key, p in (("b1", b1), ("b2", b2))}
    return grads | {"b1": by_shape[b1.shape], "b2": by_shape[b2.shape]}


@wrong("backprop.test", 'misses "scale without its sign"')
def test_with_positive_numbers(backward):
    gen = torch.Generator().manual_seed(3)
    for _ in range(2):
        given = [torch.rand(*shape, generator=gen) + 0.5 for shape in ((4, 3), (4, 3), (3,))]
        a, x, s = given
        kept = [t.clone() for t in given]
        for got, due in zip(backward(*kept), (a * s, (a * x).sum(0)), strict=True):
            assert got.shape == due.shape and torch.allclose(got, due)
        assert all(map(torch.equal, kept, given))


def _from_the_end(node):
    order = []

    def visit(n):
        if n not in order:
            for parent in n.parents:
                visit(parent)
            order.append(n)

    visit(node)
    return order[::-1]


def _pass_on(n):
    for parent, slope in zip(n.parents, n.local_grads, strict=True):
        parent.grad += slope * n.grad


@wrong("backprop.backward", "a single node left out")
def backward_stops_at_leaves(node):
    if not node.parents:
        return
    node.grad += 1.0
    for n in _from_the_end(node):
        _pass_on(n)


@wrong("backprop.backward", "graph taken apart")
def backward_frees_the_graph(node):
    node.grad += 1.0
    for n in _from_the_end(node):
        _pass_on(n)
        n.parents, n.local_grads = (), ()


@wrong("backprop.backward")
def backward_by_counts_of_children(node):
    """A node that one child uses twice waits for that child once only."""
    waits = {}
    for n in _from_the_end(node):
        for parent in set(n.parents):
            waits[parent] = waits.get(parent, 0) + 1
    node.grad += 1.0
    ready = [node]
    while ready:
        n = ready.pop()
        _pass_on(n)
        for parent in n.parents:
            waits[parent] -= 1
            if waits[parent] == 0:
                ready.append(parent)

"""Lesson 03: the chain rule by hand, and how to check it."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from course_utils.reference.linear import relu


def numerical_gradient(f: Callable[[Tensor], Any], x: Tensor, eps: float = 1e-6) -> Tensor:
    """(f(x + eps*e_i) - f(x - eps*e_i)) / (2*eps) for every entry i; x: any shape, float64 -> the
    shape of x.
    """
    x = x.detach().double()
    steps = eps * torch.eye(x.numel(), dtype=torch.float64).reshape(-1, *x.shape)
    slopes = []
    for step in steps:
        above, below = f(x + step), f(x - step)
        slopes.append((float(above) - float(below)) / (2 * eps))
    return torch.tensor(slopes, dtype=torch.float64).reshape(x.shape)


def relative_error(a: Tensor, b: Tensor) -> float:
    """The largest |a - b| / max(|a| + |b|, 1e-8) over all elements; a, b: the same shape."""
    error = (a - b).abs()
    size = (a.abs() + b.abs()).clamp(min=1e-8)
    return float((error / size).max())


def linear_backward(grad_out: Tensor, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """grad_x, grad_weight, grad_bias of y = x @ weight.T + bias; grad_out: (n, d_out), x: (n,
    d_in).
    """
    grad_x = grad_out @ weight
    grad_weight = grad_out.T @ x
    grad_bias = grad_out.sum(0)
    return grad_x, grad_weight, grad_bias


def relu_backward(grad_out: Tensor, x: Tensor) -> Tensor:
    """grad_out where x > 0, else 0; x: what went into the ReLU, both of any one shape."""
    return grad_out * (x > 0)


def mse_backward(y_hat: Tensor, y: Tensor) -> Tensor:
    """d/dy_hat mean((y_hat - y)**2) = 2 * (y_hat - y) / y.numel(); y_hat, y: the same shape."""
    return 2 * (y_hat - y) / y.numel()


def two_layer_backward(
    x: Tensor, y: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor
) -> dict[str, Tensor]:
    """The gradients of mse(relu(x @ w1.T + b1) @ w2.T + b2, y) by w1, b1, w2, b2; x: (n, i), y: (n,
    o).
    """
    z = x @ w1.T + b1
    h = relu(z)
    y_hat = h @ w2.T + b2
    grad_y_hat = mse_backward(y_hat, y)
    grad_h, grad_w2, grad_b2 = linear_backward(grad_y_hat, h, w2)
    grad_z = relu_backward(grad_h, z)
    _, grad_w1, grad_b1 = linear_backward(grad_z, x, w1)
    return {"w1": grad_w1, "b1": grad_b1, "w2": grad_w2, "b2": grad_b2}


def backward(node: Any) -> None:
    """Add d node / d n to n.grad for every n of the graph: each node after all that were computed
    from it.
    """
    order: list[Any] = []
    seen: set[int] = set()

    def visit(n: Any) -> None:
        if id(n) not in seen:
            seen.add(id(n))
            for parent in n.parents:
                visit(parent)
            order.append(n)

    node.grad += 1.0
    visit(node)
    for n in reversed(order):
        for parent, local_grad in zip(n.parents, n.local_grads, strict=True):
            parent.grad += local_grad * n.grad


def repair_linear_backward() -> tuple[dict[str, Tensor], Callable[..., tuple[Tensor, ...]]]:
    """Two examples, whose gradients by the bias add up, and lines that add them."""
    witness = {
        "grad_out": torch.tensor([[1.0], [2.0]]),
        "x": torch.tensor([[3.0], [4.0]]),
        "weight": torch.tensor([[5.0]]),
    }

    def repaired(grad_out, x, weight):  # type: ignore[no-untyped-def]
        grad_x = grad_out @ weight
        grad_weight = grad_out.T @ x
        grad_bias = grad_out.sum(0)
        return grad_x, grad_weight, grad_bias

    return witness, repaired


def test(backward: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]) -> bool:
    """Whether this is a right backward pass of y = x * scale."""
    x = torch.tensor([[2.3, -3.0, 0.7], [-1.6, 5.2, 4.0]])
    scale = torch.tensor([-2.0, 0.3, 3.1])
    for grad_out in (torch.tensor([[0.7, 2.0, -1.9], [-3.3, 0.4, 1.2]]), 0.3 * x + 1):
        given = [grad_out.clone(), x.clone(), scale.clone()]
        found = backward(*given)
        for got, due in zip(found, (grad_out * scale, (grad_out * x).sum(0)), strict=True):
            if got.shape != due.shape or not torch.allclose(got, due, rtol=1e-4, atol=1e-5):
                return False
        if not all(map(torch.equal, given, (grad_out, x, scale))):
            return False
    return True

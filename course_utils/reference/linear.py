"""Lesson 01: parameters, activations and the affine map."""

import math

import torch
from torch import Tensor, nn


def relu(x: Tensor) -> Tensor:
    """max(x, 0), element by element; x: any shape."""
    return x.clamp(min=0)


class My_Linear(nn.Module):
    """y = x @ weight.T + bias; x: (..., in_features), y: (..., out_features).

    weight: (out_features, in_features) and bias: (out_features,) are drawn uniformly from
    +-1/sqrt(in_features).
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        bound = 1 / math.sqrt(in_features)
        self.weight = nn.Parameter(torch.empty(out_features, in_features).uniform_(-bound, bound))
        empty = torch.empty(out_features)
        self.bias = nn.Parameter(empty.uniform_(-bound, bound)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """x: (..., in_features) -> (..., out_features)."""
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias


def count_parameters(module: nn.Module) -> int:
    """How many numbers the trainable parameters hold; a shared parameter counts once."""
    total = 0
    for p in module.parameters():
        if p.requires_grad:
            total += p.numel()
    return total


def collapse(w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> tuple[Tensor, Tensor]:
    """(w, b) with w2 @ (w1 @ x + b1) + b2 = w @ x + b.

    w1: (h, i), b1: (h,), w2: (o, h), b2: (o,).
    """
    return w2 @ w1, w2 @ b1 + b2


class two_layer_net(nn.Module):
    """My_Linear(n_in, n_hidden), relu, My_Linear(n_hidden, n_out).

    x: (..., n_in) -> (..., n_out).
    """

    def __init__(self, n_in: int, n_hidden: int, n_out: int) -> None:
        super().__init__()
        self.first = My_Linear(n_in, n_hidden)
        self.second = My_Linear(n_hidden, n_out)

    def forward(self, x: Tensor) -> Tensor:
        """x: (..., n_in) -> (..., n_out)."""
        h = relu(self.first(x))
        return self.second(h)


def expose_relu() -> tuple[list[dict[str, Tensor]], Tensor]:
    """Two cases in which wrong ReLUs differ from right ones, and the result of the first."""
    first = {"x": torch.tensor([[-2.0, 0.0], [7.0, -0.5]])}
    second = {"x": torch.tensor([1.0, 8.0])}
    return [first, second], torch.tensor([[0.0, 0.0], [7.0, 0.0]])

"""Lesson 12: a small library of layers, joined from the parts of the lessons before."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from course_utils.reference.backprop import (
    linear_backward,
    numerical_gradient,
    relative_error,
    relu_backward,
)
from course_utils.reference.cross_entropy import cross_entropy, cross_entropy_backward
from course_utils.reference.linear import relu
from course_utils.reference.mnist import SGD
from course_utils.reference.one_cycle import one_cycle, steps_per_fit
from course_utils.reference.sgd import minibatches


class Linear:
    """y = x @ weight.T + bias, without autograd; x: (n, d_in)."""

    def __init__(self, d_in: int, d_out: int, generator: torch.Generator) -> None:
        bound = 1 / math.sqrt(d_in)
        self.weight = (2 * torch.rand(d_out, d_in, generator=generator) - 1) * bound
        self.bias = (2 * torch.rand(d_out, generator=generator) - 1) * bound

    def forward(self, x: Tensor) -> Tensor:
        """(n, d_in) -> (n, d_out); keeps x for the way back."""
        self.x = x
        return x @ self.weight.T + self.bias

    def backward(self, grad_out: Tensor) -> Tensor:
        """(n, d_out) -> (n, d_in); keeps the gradients of the parameters."""
        grad_x, self.grad_weight, self.grad_bias = linear_backward(grad_out, self.x, self.weight)
        return grad_x

    def parameters(self) -> list[Tensor]:
        """The weight and the bias."""
        return [self.weight, self.bias]

    def gradients(self) -> list[Tensor]:
        """The gradients of the parameters, in their order."""
        return [self.grad_weight, self.grad_bias]


class First(Linear):
    """A Linear whose input is data: nobody asks for the gradient of that, so it is left out."""

    def backward(self, grad_out: Tensor) -> None:  # type: ignore[override]
        """(n, d_out) -> nothing; keeps the gradients of the parameters."""
        self.grad_weight, self.grad_bias = grad_out.T @ self.x, grad_out.sum(0)


class ReLU:
    """The larger of x and 0, without autograd; any shape."""

    def forward(self, x: Tensor) -> Tensor:
        """The activations; keeps x for the way back."""
        self.x = x
        return relu(x)

    def backward(self, grad_out: Tensor) -> Tensor:
        """The gradient of x, in its shape."""
        return relu_backward(grad_out, self.x)

    def parameters(self) -> list[Tensor]:
        """None."""
        return []

    def gradients(self) -> list[Tensor]:
        """None."""
        return []


class CrossEntropy:
    """The mean cross-entropy of logits (n, c) and targets (n,), without autograd."""

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The loss, a 0-d tensor; keeps both for the way back."""
        self.logits, self.targets = logits, targets
        return cross_entropy(logits, targets)

    def backward(self) -> Tensor:
        """The gradient of the logits, (n, c)."""
        return cross_entropy_backward(self.logits, self.targets)


class Sequential:
    """Layers one after the other: forward in their order, backward in the opposite order."""

    def __init__(self, layers: Sequence[Any]) -> None:
        self.layers = list(layers)

    def forward(self, x: Tensor) -> Tensor:
        """What the last layer makes of what the others made of x."""
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, grad_out: Tensor) -> Tensor:
        """The gradient of x, from that of the output."""
        for layer in reversed(self.layers):
            grad_out = layer.backward(grad_out)
        return grad_out

    def parameters(self) -> list[Tensor]:
        """The parameters of all layers, in order."""
        return [p for layer in self.layers for p in layer.parameters()]

    def gradients(self) -> list[Tensor]:
        """Their gradients, in the same order."""
        return [g for layer in self.layers for g in layer.gradients()]


def gradient_check(net: Any, loss: Any, x: Tensor, y: Tensor) -> float:
    """The largest relative error of the net's gradients against central differences, over all
    parameters; x: (n, d), y: (n,).
    """
    loss.forward(net.forward(x), y)
    net.backward(loss.backward())
    errors = []
    for p, grad in zip(net.parameters(), [g.clone() for g in net.gradients()], strict=True):
        before = p.clone()

        def loss_at(values: Tensor, p: Tensor = p) -> Tensor:
            p.copy_(values)
            return loss.forward(net.forward(x), y)

        slopes = numerical_gradient(loss_at, before)
        p.copy_(before)
        errors.append(relative_error(grad, slopes))
    return max(errors)


def take_step(
    net: Any, loss: CrossEntropy, sgd: SGD, x: Tensor, y: Tensor, decay: float = 1e-4
) -> Tensor:
    """One step on a batch x: (n, d), y: (n,), with weight decay, in place; the loss before it."""
    value = loss.forward(net.forward(x), y)
    net.backward(loss.backward())
    for p, grad in zip(net.parameters(), net.gradients(), strict=True):
        p.grad = torch.add(grad, p, alpha=decay)  # grad + decay * p
    sgd.step()
    return value


def fit_digits(x: Tensor, y: Tensor, seed: int) -> Sequential:
    """A net 784-100-10 trained on x: (n, 784) and y: (n,) by SGD with momentum, weight decay and
    one cycle.
    """
    generator = torch.Generator().manual_seed(seed)
    net = Sequential([Linear(784, 100, generator), ReLU(), Linear(100, 10, generator)])
    loss, sgd = CrossEntropy(), SGD(net.parameters(), lr=0.0)
    epochs, size, step = 8, 64, 0
    total = steps_per_fit(len(x), size, epochs)
    for _ in range(epochs):
        for idx in minibatches(len(x), size, generator):
            sgd.lr, sgd.momentum = one_cycle(step, total, lr_max=0.08)
            take_step(net, loss, sgd, x[idx], y[idx])
            step += 1
    return net

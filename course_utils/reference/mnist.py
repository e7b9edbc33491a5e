"""Lesson 05: handwritten digits, read by a net that is trained without torch.optim."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from course_utils.reference.cross_entropy import accuracy, cross_entropy
from course_utils.reference.linear import two_layer_net
from course_utils.reference.sgd import minibatches


def normalize(train: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """(x - m) / s for both, with m and s the mean and the standard deviation of all numbers of
    train; any shapes.
    """
    mean, std = _statistics(train)
    return (train - mean) / std, (valid - mean) / std


def _statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.float().mean(), x.float().std()


class SGD:
    """v <- momentum * v + g, p <- p - lr * v for every parameter p with gradient g, as
    torch.optim.SGD has it.
    """

    def __init__(self, params: Iterable[Tensor], lr: float, momentum: float = 0.0) -> None:
        self.params, self.lr, self.momentum = list(params), lr, momentum
        self.velocities = [torch.zeros_like(p) for p in self.params]

    @torch.no_grad()
    def step(self) -> None:
        """Change every parameter that has a gradient, in place."""
        for p, v in zip(self.params, self.velocities, strict=True):
            if p.grad is not None:
                v.mul_(self.momentum).add_(p.grad)
                p -= self.lr * v

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for p in self.params:
            p.grad = None


def train_epoch(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    optimizer: SGD,
) -> float:
    """One step per batch (x, y); returns the mean over all examples of the loss that each had
    before its step.
    """
    total, n = 0.0, 0
    for x, y in batches:
        loss = loss_fn(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
        n += len(y)
    return total / n


def evaluate(model: nn.Module, x: Tensor, y: Tensor) -> tuple[float, float]:
    """(cross-entropy, accuracy) of the model in eval mode, without a graph.

    x: (n, d_in), y: (n,).
    """
    was_training = model.training
    model.eval()
    with torch.no_grad():
        logits = model(x)
    model.train(was_training)
    loss, share = cross_entropy(logits, y).item(), accuracy(logits, y)
    return loss, share


def fit_mnist(x: Tensor, y: Tensor, seed: int) -> nn.Module:
    """784-100-10 with a ReLU, 12 epochs of SGD with momentum in batches of 64; x: (n, 784)
    normalised, y: (n,).
    """
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = two_layer_net(x.shape[1], 100, 10)
    optimizer = SGD(model.parameters(), lr=0.05, momentum=0.9)
    for _ in range(12):
        batches = ((x[idx], y[idx]) for idx in minibatches(len(x), 64, generator))
        train_epoch(model, batches, cross_entropy, optimizer)
    return model


def repair_normalize() -> tuple[dict[str, Tensor], Callable[..., tuple[Tensor, Tensor]]]:
    """A valid part with another mean than train's, and lines that keep the difference."""
    witness = {"train": torch.tensor([0.0, 2.0]), "valid": torch.tensor([5.0, 6.0])}

    def repaired(train, valid):  # type: ignore[no-untyped-def]
        train, valid = train.float(), valid.float()
        mean, std = train.mean(), train.std()
        train = (train - mean) / std
        valid = (valid - mean) / std
        return train, valid

    return witness, repaired


def reproduce_train_step() -> tuple[str, str, Callable[..., None]]:
    """The bug behind the curve that this name chooses: the bias is not updated."""

    def broken(w, b, x, y, lr):  # type: ignore[no-untyped-def]
        loss = nn.functional.cross_entropy(x @ w + b, y)
        loss.backward()
        with torch.no_grad():
            w -= lr * w.grad
        w.grad = b.grad = None

    return "Carl Gauss", "a forgotten parameter", broken

"""Lesson 04: softmax, cross-entropy and its gradient, and the metric beside the loss."""

import torch
from torch import Tensor


def one_hot(labels: Tensor, num_classes: int) -> Tensor:
    """y[i, k] = 1 where labels[i] = k, else 0; labels: (n,), y: float32 (n, num_classes)."""
    return (labels[:, None] == torch.arange(num_classes)).float()


def softmax(logits: Tensor) -> Tensor:
    """p_k = exp(z_k - m) / sum_j exp(z_j - m) with m = max_j z_j of the same row; logits, p: (n,
    c).
    """
    shift = logits.amax(-1, keepdim=True)
    exp = (logits - shift).exp()
    return exp / exp.sum(-1, keepdim=True)


def log_softmax(logits: Tensor) -> Tensor:
    """log p_k = z_k - m - log sum_j exp(z_j - m) with m = max_j z_j of the same row; logits, log p:
    (n, c).
    """
    shift = logits.amax(-1, keepdim=True)
    shifted = logits - shift
    return shifted - shifted.exp().sum(-1, keepdim=True).log()


def nll(log_probs: Tensor, targets: Tensor) -> Tensor:
    """-1/n sum_i log_probs[i, targets[i]], the negative log-likelihood; log_probs: (n, c), targets:
    (n,), nll: ().
    """
    return -log_probs[torch.arange(len(targets)), targets].mean()


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """-1/n sum_i log p[i, targets[i]] with p = softmax(logits); logits: (n, c), targets: (n,),
    loss: ().
    """
    log_probs = log_softmax(logits)
    return -log_probs[torch.arange(len(targets)), targets].mean()


def cross_entropy_backward(logits: Tensor, targets: Tensor) -> Tensor:
    """d cross_entropy / d logits = (p - y) / n with p = softmax(logits), y = one_hot(targets); all
    (n, c).
    """
    p, y = softmax(logits), one_hot(targets, logits.shape[-1])
    return (p - y) / len(targets)


def accuracy(logits: Tensor, targets: Tensor) -> float:
    """The part of the examples whose largest logit is the target's, 0 to 1; logits: (n, c),
    targets: (n,).
    """
    hits = logits.argmax(-1) == targets
    return hits.float().mean().item()


def expose_accuracy() -> tuple[list[dict[str, Tensor]], Tensor]:
    """Two cases in which wrong accuracies differ from right ones, and the result of the first."""
    logits = [[2.0, 1, 0, -1], [0, 1, 2, 4], [1, 0, 3, -1]]
    first = {"logits": torch.tensor(logits), "targets": torch.tensor([0, 3, 1])}
    ties = [[1.0, 1.0, 0.0], [0.0, 2.0, 2.0], [-3.0, -1.0, -2.0]]
    second = {"logits": torch.tensor(ties), "targets": torch.tensor([0, 2, 1])}
    return [first, second], torch.tensor(2 / 3)

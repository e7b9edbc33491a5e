"""Other right answers to the exercises of lesson 04."""

import math

import torch
from torch import Tensor


def one_hot_from_eye(labels: Tensor, num_classes: int) -> Tensor:
    return torch.eye(num_classes)[labels]


def one_hot_by_assignment(labels: Tensor, num_classes: int) -> Tensor:
    y = torch.zeros(len(labels), num_classes)
    y[torch.arange(len(labels)), labels] = 1
    return y


def one_hot_by_scatter(labels: Tensor, num_classes: int) -> Tensor:
    return torch.zeros(labels.shape[0], num_classes).scatter_(1, labels.unsqueeze(1), 1.0)


def one_hot_from_lists(labels: Tensor, num_classes: int) -> Tensor:
    return torch.tensor([[1.0 if k == label else 0.0 for k in range(num_classes)] for label in labels.tolist()])


def softmax_with_a_detached_shift(logits: Tensor) -> Tensor:
    e = torch.exp(logits - logits.detach().max(dim=1, keepdim=True).values)
    return torch.einsum("ij,i->ij", e, 1 / e.sum(dim=1))


def softmax_row_by_row(logits: Tensor) -> Tensor:
    rows = []
    for row in logits:
        e = (row - row.max()).exp()
        rows.append(e / e.sum())
    return torch.stack(rows)


def softmax_by_its_logarithm(logits: Tensor) -> Tensor:
    return log_softmax_by_matmul(logits).exp()


def softmax_of_differences(logits: Tensor) -> Tensor:
    return 1 / (logits[:, None, :] - logits[:, :, None]).exp().sum(-1)


def log_softmax_by_matmul(logits: Tensor) -> Tensor:
    m, _ = logits.max(dim=-1, keepdim=True)
    total = (logits - m).exp() @ torch.ones(logits.shape[-1], 1)
    return logits - (m + total.log())


def log_softmax_row_by_row(logits: Tensor) -> Tensor:
    return torch.stack([row - row.max() - torch.log(torch.exp(row - row.max()).sum()) for row in logits])


def log_softmax_by_log1p(logits: Tensor) -> Tensor:
    ordered = logits.sort(dim=-1, descending=True).values
    top = ordered[..., :1]
    return logits - top - torch.log1p((ordered[..., 1:] - top).exp().sum(-1, keepdim=True))


def nll_by_gather(log_probs: Tensor, targets: Tensor) -> Tensor:
    return -log_probs.gather(1, targets.unsqueeze(1)).mean()


def nll_by_one_hot(log_probs: Tensor, targets: Tensor) -> Tensor:
    return -(one_hot_from_eye(targets, log_probs.shape[1]) * log_probs).sum() / len(log_probs)


def nll_by_einsum(log_probs: Tensor, targets: Tensor) -> Tensor:
    return torch.einsum("nc,nc->", log_probs, -one_hot_from_eye(targets, log_probs.shape[1])) / targets.numel()


def nll_by_loop(log_probs: Tensor, targets: Tensor) -> Tensor:
    return sum(-row[target] for row, target in zip(log_probs, targets.tolist(), strict=True)) / len(targets)


def cross_entropy_from_parts(logits: Tensor, targets: Tensor) -> Tensor:
    return nll_by_gather(log_softmax_row_by_row(logits), targets)


def cross_entropy_as_a_difference(logits: Tensor, targets: Tensor) -> Tensor:
    shifted = logits - logits.detach().amax(1, keepdim=True)
    return (shifted.exp().sum(1).log() - shifted.take_along_dim(targets[:, None], 1).squeeze(1)).mean()


def cross_entropy_against_the_target(logits: Tensor, targets: Tensor) -> Tensor:
    gaps = logits - logits.gather(1, targets[:, None])
    top = gaps.amax(1)
    return (top + (gaps - top[:, None]).exp().sum(1).log()).mean()


def backward_by_subtraction(logits: Tensor, targets: Tensor) -> Tensor:
    p = softmax_with_a_detached_shift(logits)
    p[torch.arange(len(targets)), targets] -= 1
    return p / len(targets)


def backward_by_the_jacobian(logits: Tensor, targets: Tensor) -> Tensor:
    p = softmax_row_by_row(logits)
    jacobian = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
    grad_p = -one_hot_from_eye(targets, logits.shape[1]) / p.clamp(min=1e-30)
    direct = torch.einsum("nk,nkj->nj", grad_p, jacobian) / len(targets)
    lost = (
        p.gather(1, targets[:, None]) < 1e-30
    )  # where p of the target has been rounded to 0, the product says nothing
    return torch.where(lost, (p - one_hot_from_eye(targets, logits.shape[1])) / len(targets), direct)


def backward_by_einsum(logits: Tensor, targets: Tensor) -> Tensor:
    n, c = logits.shape
    return torch.einsum("nc,->nc", softmax_row_by_row(logits) - one_hot_from_lists(targets, c), torch.tensor(1 / n))


def accuracy_by_loop(logits: Tensor, targets: Tensor) -> float:
    hits = sum(max(range(len(row)), key=row.__getitem__) == t for row, t in zip(logits.tolist(), targets, strict=True))
    return float(hits) / len(targets)


def accuracy_as_tensor(logits: Tensor, targets: Tensor) -> Tensor:
    return logits.max(dim=1).indices.eq(targets).double().mean()


def accuracy_by_rank(logits: Tensor, targets: Tensor) -> float:
    above = (logits > logits.gather(1, targets[:, None])).sum(1)
    return math.fsum((above == 0).tolist()) / len(above)


ANSWERS = {
    "cross_entropy.one_hot": [one_hot_from_eye, one_hot_by_assignment, one_hot_by_scatter, one_hot_from_lists],
    "cross_entropy.softmax": [softmax_with_a_detached_shift, softmax_row_by_row, softmax_by_its_logarithm],
    "cross_entropy.log_softmax": [log_softmax_by_matmul, log_softmax_row_by_row, log_softmax_by_log1p],
    "cross_entropy.nll": [nll_by_gather, nll_by_one_hot, nll_by_einsum, nll_by_loop],
    "cross_entropy.cross_entropy": [
        cross_entropy_from_parts,
        cross_entropy_as_a_difference,
        cross_entropy_against_the_target,
    ],
    "cross_entropy.cross_entropy_backward": [backward_by_subtraction, backward_by_the_jacobian, backward_by_einsum],
    "cross_entropy.accuracy": [accuracy_by_loop, accuracy_as_tensor, accuracy_by_rank],
}

"""Other right answers to the exercises of lesson 04."""

import math

import numpy as np
import torch
from torch import Tensor, nn


def one_hot_from_eye(labels: Tensor, num_classes: int) -> Tensor:
    return torch.eye(num_classes)[labels]


def one_hot_by_assignment(labels: Tensor, num_classes: int) -> Tensor:
    y = torch.zeros(len(labels), num_classes)
    y[torch.arange(len(labels)), labels] = 1
    return y


def one_hot_by_scatter(labels: Tensor, num_classes: int) -> Tensor:
    return torch.zeros(labels.shape[0], num_classes).scatter_(1, labels.unsqueeze(1), 1.0)


def one_hot_from_lists(labels: Tensor, num_classes: int) -> Tensor:
    return torch.tensor(
        [[1.0 if k == label else 0.0 for k in range(num_classes)] for label in labels.tolist()]
    )


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
    return torch.stack(
        [row - row.max() - torch.log(torch.exp(row - row.max()).sum()) for row in logits]
    )


def log_softmax_by_log1p(logits: Tensor) -> Tensor:
    ordered = logits.sort(dim=-1, descending=True).values
    top = ordered[..., :1]
    return logits - top - torch.log1p((ordered[..., 1:] - top).exp().sum(-1, keepdim=True))


def nll_by_gather(log_probs: Tensor, targets: Tensor) -> Tensor:
    return -log_probs.gather(1, targets.unsqueeze(1)).mean()


def nll_by_one_hot(log_probs: Tensor, targets: Tensor) -> Tensor:
    return -(one_hot_from_eye(targets, log_probs.shape[1]) * log_probs).sum() / len(log_probs)


def nll_by_einsum(log_probs: Tensor, targets: Tensor) -> Tensor:
    return (
        torch.einsum("nc,nc->", log_probs, -one_hot_from_eye(targets, log_probs.shape[1]))
        / targets.numel()
    )


def nll_by_loop(log_probs: Tensor, targets: Tensor) -> Tensor:
    return sum(-row[target] for row, target in zip(log_probs, targets.tolist(), strict=True)) / len(
        targets
    )


def cross_entropy_from_parts(logits: Tensor, targets: Tensor) -> Tensor:
    return nll_by_gather(log_softmax_row_by_row(logits), targets)


def cross_entropy_as_a_difference(logits: Tensor, targets: Tensor) -> Tensor:
    shifted = logits - logits.detach().amax(1, keepdim=True)
    return (
        shifted.exp().sum(1).log() - shifted.take_along_dim(targets[:, None], 1).squeeze(1)
    ).mean()


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
    return torch.where(
        lost, (p - one_hot_from_eye(targets, logits.shape[1])) / len(targets), direct
    )


def backward_by_einsum(logits: Tensor, targets: Tensor) -> Tensor:
    n, c = logits.shape
    return torch.einsum(
        "nc,->nc", softmax_row_by_row(logits) - one_hot_from_lists(targets, c), torch.tensor(1 / n)
    )


def accuracy_by_loop(logits: Tensor, targets: Tensor) -> float:
    hits = sum(
        max(range(len(row)), key=row.__getitem__) == t
        for row, t in zip(logits.tolist(), targets, strict=True)
    )
    return float(hits) / len(targets)


def accuracy_as_tensor(logits: Tensor, targets: Tensor) -> Tensor:
    return logits.max(dim=1).indices.eq(targets).double().mean()


def accuracy_by_rank(logits: Tensor, targets: Tensor) -> float:
    above = (logits > logits.gather(1, targets[:, None])).sum(1)
    return math.fsum((above == 0).tolist()) / len(above)


ANSWERS = {
    "cross_entropy.one_hot": [
        one_hot_from_eye,
        one_hot_by_assignment,
        one_hot_by_scatter,
        one_hot_from_lists,
    ],
    "cross_entropy.softmax": [
        softmax_with_a_detached_shift,
        softmax_row_by_row,
        softmax_by_its_logarithm,
        softmax_of_differences,
    ],
    "cross_entropy.log_softmax": [
        log_softmax_by_matmul,
        log_softmax_row_by_row,
        log_softmax_by_log1p,
    ],
    "cross_entropy.nll": [nll_by_gather, nll_by_one_hot, nll_by_einsum, nll_by_loop],
    "cross_entropy.cross_entropy": [
        cross_entropy_from_parts,
        cross_entropy_as_a_difference,
        cross_entropy_against_the_target,
    ],
    "cross_entropy.cross_entropy_backward": [
        backward_by_subtraction,
        backward_by_the_jacobian,
        backward_by_einsum,
    ],
    "cross_entropy.accuracy": [accuracy_by_loop, accuracy_as_tensor, accuracy_by_rank],
}


# Written from the student's notebook alone.


def one_hot_first_reading(labels, num_classes):
    places = torch.stack([torch.arange(len(labels)), labels])
    return torch.sparse_coo_tensor(
        places, torch.ones(len(labels)), (len(labels), num_classes), check_invariants=False
    ).to_dense()


def one_hot_second_reading(labels, num_classes):
    flat = torch.zeros(len(labels) * num_classes)
    for row, label in enumerate(labels.tolist()):
        flat[row * num_classes + label] = 1.0
    return flat.view(-1, num_classes)


def one_hot_third_reading(labels, num_classes):
    distance = labels.reshape(-1, 1) - torch.arange(num_classes).reshape(1, -1)
    return (1 - distance.abs()).clamp(min=0).to(torch.float32)


def one_hot_fourth_reading(labels, num_classes):
    return torch.eye(num_classes).index_select(0, labels)


def softmax_first_reading(logits):
    z = logits.double()
    z = z - z.max(dim=-1, keepdim=True).values
    e = torch.pow(2.0, z / math.log(2))
    return (e / e.sum(-1, keepdim=True)).to(logits.dtype)


class _SoftmaxFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z):
        e = np.exp(z.detach().numpy() - z.detach().numpy().max(1, keepdims=True))
        p = torch.from_numpy(e / e.sum(1, keepdims=True))
        ctx.save_for_backward(p)
        return p

    @staticmethod
    def backward(ctx, g):
        (p,) = ctx.saved_tensors
        return p * (g - (g * p).sum(1, keepdim=True))


softmax_second_reading = _SoftmaxFunction.apply


def softmax_third_reading(logits):
    rows = []
    for z in logits:
        powers = [torch.exp(k - z.max().detach()) for k in z]
        total = sum(reversed(powers))
        rows.append(torch.stack([e / total for e in powers]))
    return torch.stack(rows)


def log_softmax_first_reading(logits):
    z = logits.double()
    m = z.amax(1, keepdim=True)
    return (z - (m + (z - m).exp().sum(1, keepdim=True).log())).to(logits.dtype)


def log_softmax_second_reading(logits):
    top = logits.argmax(1, keepdim=True)
    z = logits - logits.gather(1, top)
    others = z.exp().scatter(1, top, 0.0).sum(1, keepdim=True)
    return z - torch.log1p(others)


def log_softmax_third_reading(logits):
    def one(row):
        shifted = row - torch.sort(row, descending=True).values[0]
        return shifted - torch.log2(torch.exp2(shifted / math.log(2)).sum()) * math.log(2)

    return torch.stack([one(row) for row in logits.unbind(0)])


class _LogSoftmaxFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z):
        s = z - z.max(1, keepdim=True)[0]
        out = s - s.exp().sum(1, keepdim=True).log()
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx, g):
        (out,) = ctx.saved_tensors
        return g - out.exp() * g.sum(1, keepdim=True)


log_softmax_fourth_reading = lambda logits: _LogSoftmaxFunction.apply(logits)


def nll_first_reading(log_probs, targets):
    total = log_probs.new_zeros(())
    for i, t in enumerate(targets.tolist()):
        total = total - log_probs[i, t]
    return total / len(targets)


def nll_second_reading(log_probs, targets):
    n, c = log_probs.shape
    flat = log_probs.reshape(-1).take(torch.arange(n) * c + targets)
    return torch.dot(flat, torch.full_like(flat, -1 / n))


def nll_third_reading(log_probs, targets):
    mask = targets[:, None].eq(torch.arange(log_probs.shape[1]))
    return (-log_probs.double()).masked_select(mask).mean().to(log_probs.dtype)


def cross_entropy_first_reading(logits, targets):
    right_ones = logits.gather(1, targets[:, None])
    gaps = (logits - right_ones).double()
    top = gaps.amax(1, keepdim=True).detach()
    return (top.squeeze(1) + (gaps - top).exp().sum(1).log()).mean().to(logits.dtype)


class _CrossEntropyFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits, targets):
        log_p = _log_softmax(logits)
        ctx.save_for_backward(log_p, targets)
        return -log_p[torch.arange(len(targets)), targets].sum() / len(targets)

    @staticmethod
    def backward(ctx, grad):
        log_p, targets = ctx.saved_tensors
        g = log_p.exp()
        g[torch.arange(len(g)), targets] -= 1
        return grad * g / len(g), None


class _CrossEntropy(nn.Module):
    def forward(self, logits, targets):
        return _CrossEntropyFunction.apply(logits, targets)


cross_entropy_second_reading = _CrossEntropy()


def cross_entropy_third_reading(logits, targets):
    losses = []
    for z, t in zip(logits, targets):
        z = z - z.max()
        losses.append(z.exp().sum().log() - z[t])
    return torch.stack(losses).mean()


def _softmax(logits):
    e = (logits - logits.amax(1, keepdim=True)).exp()
    return e / e.sum(1, keepdim=True)


def cross_entropy_backward_first_reading(logits, targets):
    g = _softmax(logits.double())
    g.scatter_add_(1, targets[:, None], -torch.ones_like(targets[:, None], dtype=g.dtype))
    return (g / g.shape[0]).to(logits.dtype)


def cross_entropy_backward_second_reading(logits, targets):
    z = logits.detach().numpy()
    e = np.exp(z - z.max(axis=1)[:, None])
    g = e / e.sum(axis=1)[:, None]
    g[np.arange(len(g)), targets.numpy()] -= 1
    return torch.from_numpy(g / np.asarray(len(g), g.dtype))


def _log_softmax(logits):
    s = logits - logits.amax(1, keepdim=True)
    return s - s.exp().sum(1, keepdim=True).log()


def cross_entropy_backward_third_reading(logits, targets):
    n = len(logits)
    rows = [
        torch.stack([(p - float(k == t)) / n for k, p in enumerate(row)])
        for row, t in zip(torch.exp(_log_softmax(logits)), targets.tolist())
    ]
    return torch.stack(rows)


def accuracy_first_reading(logits, targets):
    return float(np.mean(np.argmax(logits.detach().numpy(), axis=1) == targets.numpy()))


def accuracy_second_reading(logits, targets):
    hits = [
        max(range(len(row)), key=row.__getitem__) == t
        for row, t in zip(logits.tolist(), targets.tolist())
    ]
    return hits.count(True) / len(hits)


def accuracy_third_reading(logits, targets):
    place = logits.topk(1, dim=1).indices.squeeze(1)
    return 1.0 - torch.count_nonzero(place - targets).item() / targets.numel()


ANSWERS["cross_entropy.one_hot"] += [
    one_hot_first_reading,
    one_hot_second_reading,
    one_hot_third_reading,
    one_hot_fourth_reading,
]
ANSWERS["cross_entropy.softmax"] += [
    softmax_first_reading,
    softmax_second_reading,
    softmax_third_reading,
]
ANSWERS["cross_entropy.log_softmax"] += [
    log_softmax_first_reading,
    log_softmax_second_reading,
    log_softmax_third_reading,
    log_softmax_fourth_reading,
]
ANSWERS["cross_entropy.nll"] += [nll_first_reading, nll_second_reading, nll_third_reading]
ANSWERS["cross_entropy.cross_entropy"] += [
    cross_entropy_first_reading,
    cross_entropy_second_reading,
    cross_entropy_third_reading,
]
ANSWERS["cross_entropy.cross_entropy_backward"] += [
    cross_entropy_backward_first_reading,
    cross_entropy_backward_second_reading,
    cross_entropy_backward_third_reading,
]
ANSWERS["cross_entropy.accuracy"] += [
    accuracy_first_reading,
    accuracy_second_reading,
    accuracy_third_reading,
]


def expose_accuracy_with_five_classes() -> tuple[object, object]:
    logits = torch.tensor([[0.0, 1, 2, 3, 4], [9, 1, 0, 0, 2], [1, 0, 0, 3, 0]])
    low = torch.tensor([[-1.0, -5], [-2, -1], [-3, -3]])
    return [
        {"logits": logits, "targets": torch.tensor([4, 0, 1])},
        {"logits": low, "targets": torch.tensor([0, 1, 1])},
    ], 2 / 3


def expose_accuracy_with_ties_first() -> tuple[object, object]:
    ties = torch.tensor([[3.0, 3, 1], [-7, -2, -9], [0, 5, 5]])
    four = torch.tensor([[0.0, 0, 0, 1], [2, 1, 1, 1], [0, 4, 3, 0]])
    return [
        {"logits": ties, "targets": torch.tensor([0, 1, 2])},
        {"logits": four, "targets": torch.tensor([3, 0, 2])},
    ], torch.tensor(0.6667)


ANSWERS |= {
    "cross_entropy.expose_accuracy": [
        expose_accuracy_with_five_classes,
        expose_accuracy_with_ties_first,
    ],
}

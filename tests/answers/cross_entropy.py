"""Right and wrong answers to the exercises of lesson 04."""

import math
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.answers import right, shortcut, wrong


@right("cross_entropy.one_hot")
def one_hot_from_eye(labels: Tensor, num_classes: int) -> Tensor:
    return torch.eye(num_classes)[labels]


@right("cross_entropy.one_hot")
def one_hot_by_assignment(labels: Tensor, num_classes: int) -> Tensor:
    y = torch.zeros(len(labels), num_classes)
    y[torch.arange(len(labels)), labels] = 1
    return y


@right("cross_entropy.one_hot")
def one_hot_by_scatter(labels: Tensor, num_classes: int) -> Tensor:
    return torch.zeros(labels.shape[0], num_classes).scatter_(1, labels.unsqueeze(1), 1.0)


@right("cross_entropy.one_hot")
def one_hot_from_lists(labels: Tensor, num_classes: int) -> Tensor:
    return torch.tensor(
        [[1.0 if k == label else 0.0 for k in range(num_classes)] for label in labels.tolist()]
    )


@shortcut("cross_entropy.softmax")
def softmax_by_torch(logits: Tensor) -> Tensor:
    return F.softmax(logits, dim=1)


@right("cross_entropy.softmax")
def softmax_with_a_detached_shift(logits: Tensor) -> Tensor:
    e = torch.exp(logits - logits.detach().max(dim=1, keepdim=True).values)
    return torch.einsum("ij,i->ij", e, 1 / e.sum(dim=1))


@right("cross_entropy.softmax")
def softmax_row_by_row(logits: Tensor) -> Tensor:
    rows = []
    for row in logits:
        e = (row - row.max()).exp()
        rows.append(e / e.sum())
    return torch.stack(rows)


@right("cross_entropy.softmax")
def softmax_by_its_logarithm(logits: Tensor) -> Tensor:
    return log_softmax_by_matmul(logits).exp()


@wrong("cross_entropy.softmax", "gradient lost at large logits")
def softmax_of_differences(logits: Tensor) -> Tensor:
    return 1 / (logits[:, None, :] - logits[:, :, None]).exp().sum(-1)


@shortcut("cross_entropy.log_softmax")
def log_softmax_by_torch(logits: Tensor) -> Tensor:
    return F.log_softmax(logits, dim=1)


@right("cross_entropy.log_softmax")
def log_softmax_by_matmul(logits: Tensor) -> Tensor:
    m, _ = logits.max(dim=-1, keepdim=True)
    total = (logits - m).exp() @ torch.ones(logits.shape[-1], 1, dtype=logits.dtype)
    return logits - (m + total.log())


@right("cross_entropy.log_softmax")
def log_softmax_row_by_row(logits: Tensor) -> Tensor:
    return torch.stack(
        [row - row.max() - torch.log(torch.exp(row - row.max()).sum()) for row in logits]
    )


@right("cross_entropy.log_softmax")
def log_softmax_by_log1p(logits: Tensor) -> Tensor:
    ordered = logits.sort(dim=-1, descending=True).values
    top = ordered[..., :1]
    return logits - top - torch.log1p((ordered[..., 1:] - top).exp().sum(-1, keepdim=True))


@shortcut("cross_entropy.nll")
def nll_by_torch(log_probs: Tensor, targets: Tensor) -> Tensor:
    return F.nll_loss(log_probs, targets)


@right("cross_entropy.nll")
def nll_by_gather(log_probs: Tensor, targets: Tensor) -> Tensor:
    return -log_probs.gather(1, targets.unsqueeze(1)).mean()


@right("cross_entropy.nll")
def nll_by_one_hot(log_probs: Tensor, targets: Tensor) -> Tensor:
    return -(one_hot_from_eye(targets, log_probs.shape[1]) * log_probs).sum() / len(log_probs)


@right("cross_entropy.nll")
def nll_by_einsum(log_probs: Tensor, targets: Tensor) -> Tensor:
    return (
        torch.einsum(
            "nc,nc->", log_probs, -one_hot_from_eye(targets, log_probs.shape[1]).to(log_probs)
        )
        / targets.numel()
    )


@right("cross_entropy.nll")
def nll_by_loop(log_probs: Tensor, targets: Tensor) -> Tensor:
    return sum(-row[target] for row, target in zip(log_probs, targets.tolist(), strict=True)) / len(
        targets
    )


@shortcut("cross_entropy.cross_entropy")
def cross_entropy_by_torch(logits: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(logits, targets)


@right("cross_entropy.cross_entropy")
def cross_entropy_from_parts(logits: Tensor, targets: Tensor) -> Tensor:
    return nll_by_gather(log_softmax_row_by_row(logits), targets)


@right("cross_entropy.cross_entropy")
def cross_entropy_as_a_difference(logits: Tensor, targets: Tensor) -> Tensor:
    shifted = logits - logits.detach().amax(1, keepdim=True)
    return (
        shifted.exp().sum(1).log() - shifted.take_along_dim(targets[:, None], 1).squeeze(1)
    ).mean()


@right("cross_entropy.cross_entropy")
def cross_entropy_against_the_target(logits: Tensor, targets: Tensor) -> Tensor:
    gaps = logits - logits.gather(1, targets[:, None])
    top = gaps.amax(1)
    return (top + (gaps - top[:, None]).exp().sum(1).log()).mean()


@right("cross_entropy.cross_entropy_backward")
def backward_by_subtraction(logits: Tensor, targets: Tensor) -> Tensor:
    p = softmax_with_a_detached_shift(logits)
    p[torch.arange(len(targets)), targets] -= 1
    return p / len(targets)


@right("cross_entropy.cross_entropy_backward")
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


@right("cross_entropy.cross_entropy_backward")
def backward_by_einsum(logits: Tensor, targets: Tensor) -> Tensor:
    n, c = logits.shape
    return torch.einsum(
        "nc,->nc",
        softmax_row_by_row(logits) - one_hot_from_lists(targets, c),
        torch.tensor(1 / n, dtype=logits.dtype),
    )


@right("cross_entropy.accuracy")
def accuracy_by_loop(logits: Tensor, targets: Tensor) -> float:
    hits = sum(
        max(range(len(row)), key=row.__getitem__) == t
        for row, t in zip(logits.tolist(), targets, strict=True)
    )
    return float(hits) / len(targets)


@right("cross_entropy.accuracy")
def accuracy_as_tensor(logits: Tensor, targets: Tensor) -> Tensor:
    return logits.max(dim=1).indices.eq(targets).double().mean()


@wrong("cross_entropy.accuracy", "all equal logits counted")
def accuracy_by_rank(logits: Tensor, targets: Tensor) -> float:
    above = (logits > logits.gather(1, targets[:, None])).sum(1)
    return math.fsum((above == 0).tolist()) / len(above)


# Written from the student's notebook alone.


@right("cross_entropy.one_hot")
def one_hot_first_reading(labels, num_classes):
    places = torch.stack([torch.arange(len(labels)), labels])
    return torch.sparse_coo_tensor(
        places, torch.ones(len(labels)), (len(labels), num_classes), check_invariants=False
    ).to_dense()


@right("cross_entropy.one_hot")
def one_hot_second_reading(labels, num_classes):
    flat = torch.zeros(len(labels) * num_classes)
    for row, label in enumerate(labels.tolist()):
        flat[row * num_classes + label] = 1.0
    return flat.view(-1, num_classes)


@right("cross_entropy.one_hot")
def one_hot_third_reading(labels, num_classes):
    distance = labels.reshape(-1, 1) - torch.arange(num_classes).reshape(1, -1)
    return (1 - distance.abs()).clamp(min=0).to(torch.float32)


@right("cross_entropy.one_hot")
def one_hot_fourth_reading(labels, num_classes):
    return torch.eye(num_classes).index_select(0, labels)


@right("cross_entropy.softmax")
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


right("cross_entropy.softmax")(_SoftmaxFunction.apply)


@right("cross_entropy.softmax")
def softmax_third_reading(logits):
    rows = []
    for z in logits:
        powers = [torch.exp(k - z.max().detach()) for k in z]
        total = sum(reversed(powers))
        rows.append(torch.stack([e / total for e in powers]))
    return torch.stack(rows)


@right("cross_entropy.log_softmax")
def log_softmax_first_reading(logits):
    z = logits.double()
    m = z.amax(1, keepdim=True)
    return (z - (m + (z - m).exp().sum(1, keepdim=True).log())).to(logits.dtype)


@right("cross_entropy.log_softmax")
def log_softmax_second_reading(logits):
    top = logits.argmax(1, keepdim=True)
    z = logits - logits.gather(1, top)
    others = z.exp().scatter(1, top, 0.0).sum(1, keepdim=True)
    return z - torch.log1p(others)


@right("cross_entropy.log_softmax")
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


right("cross_entropy.log_softmax")(lambda logits: _LogSoftmaxFunction.apply(logits))


@right("cross_entropy.nll")
def nll_first_reading(log_probs, targets):
    total = log_probs.new_zeros(())
    for i, t in enumerate(targets.tolist()):
        total = total - log_probs[i, t]
    return total / len(targets)


@right("cross_entropy.nll")
def nll_second_reading(log_probs, targets):
    n, c = log_probs.shape
    flat = log_probs.reshape(-1).take(torch.arange(n) * c + targets)
    return torch.dot(flat, torch.full_like(flat, -1 / n))


@right("cross_entropy.nll")
def nll_third_reading(log_probs, targets):
    mask = targets[:, None].eq(torch.arange(log_probs.shape[1]))
    return (-log_probs.double()).masked_select(mask).mean().to(log_probs.dtype)


@right("cross_entropy.cross_entropy")
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


right("cross_entropy.cross_entropy")(_CrossEntropy())


@right("cross_entropy.cross_entropy")
def cross_entropy_third_reading(logits, targets):
    losses = []
    for z, t in zip(logits, targets):
        z = z - z.max()
        losses.append(z.exp().sum().log() - z[t])
    return torch.stack(losses).mean()


def _softmax(logits):
    e = (logits - logits.amax(1, keepdim=True)).exp()
    return e / e.sum(1, keepdim=True)


@right("cross_entropy.cross_entropy_backward")
def cross_entropy_backward_first_reading(logits, targets):
    g = _softmax(logits.double())
    g.scatter_add_(1, targets[:, None], -torch.ones_like(targets[:, None], dtype=g.dtype))
    return (g / g.shape[0]).to(logits.dtype)


@right("cross_entropy.cross_entropy_backward")
def cross_entropy_backward_second_reading(logits, targets):
    z = logits.detach().numpy()
    e = np.exp(z - z.max(axis=1)[:, None])
    g = e / e.sum(axis=1)[:, None]
    g[np.arange(len(g)), targets.numpy()] -= 1
    return torch.from_numpy(g / np.asarray(len(g), g.dtype))


def _log_softmax(logits):
    s = logits - logits.amax(1, keepdim=True)
    return s - s.exp().sum(1, keepdim=True).log()


@right("cross_entropy.cross_entropy_backward")
def cross_entropy_backward_third_reading(logits, targets):
    n = len(logits)
    rows = [
        torch.stack([(p - float(k == t)) / n for k, p in enumerate(row)])
        for row, t in zip(torch.exp(_log_softmax(logits)), targets.tolist())
    ]
    return torch.stack(rows)


@right("cross_entropy.accuracy")
def accuracy_first_reading(logits, targets):
    return float(np.mean(np.argmax(logits.detach().numpy(), axis=1) == targets.numpy()))


@right("cross_entropy.accuracy")
def accuracy_second_reading(logits, targets):
    hits = [
        max(range(len(row)), key=row.__getitem__) == t
        for row, t in zip(logits.tolist(), targets.tolist())
    ]
    return hits.count(True) / len(hits)


@right("cross_entropy.accuracy")
def accuracy_third_reading(logits, targets):
    place = logits.topk(1, dim=1).indices.squeeze(1)
    return 1.0 - torch.count_nonzero(place - targets).item() / targets.numel()


@right("cross_entropy.expose_accuracy")
def expose_accuracy_with_five_classes() -> tuple[object, object]:
    logits = torch.tensor([[0.0, 1, 2, 3, 4], [9, 1, 0, 0, 2], [1, 0, 0, 3, 0]])
    low = torch.tensor([[-1.0, -5], [-2, -1], [-3, -3]])
    return [
        {"logits": logits, "targets": torch.tensor([4, 0, 1])},
        {"logits": low, "targets": torch.tensor([0, 1, 1])},
    ], 2 / 3


@right("cross_entropy.expose_accuracy")
def expose_accuracy_with_ties_first() -> tuple[object, object]:
    ties = torch.tensor([[3.0, 3, 1], [-7, -2, -9], [0, 5, 5]])
    four = torch.tensor([[0.0, 0, 0, 1], [2, 1, 1, 1], [0, 4, 3, 0]])
    return [
        {"logits": ties, "targets": torch.tensor([0, 1, 2])},
        {"logits": four, "targets": torch.tensor([3, 0, 2])},
    ], torch.tensor(0.6667)


def _hot(labels: Tensor, num_classes: int) -> Tensor:
    return torch.eye(num_classes)[labels]


wrong("cross_entropy.one_hot", "classes counted from the labels")(
    lambda labels, c: _hot(labels, int(labels.max()) + 1)
)

wrong("cross_entropy.one_hot", "integers instead of floats")(
    lambda labels, c: _hot(labels, c).long()
)

wrong("cross_entropy.one_hot", "booleans instead of numbers")(
    lambda labels, c: _hot(labels, c).bool()
)

wrong("cross_entropy.one_hot", "classes in the rows")(
    lambda labels, c: _hot(labels, c).T.contiguous()
)

wrong("cross_entropy.one_hot", "every label in every row")(
    lambda labels, c: _hot(labels, c).amax(0).expand(len(labels), c).clone()
)


def _rows_filled(labels: Tensor, num_classes: int) -> Tensor:
    y = torch.zeros(len(labels), num_classes)
    y[labels] = 1
    return y


wrong("cross_entropy.one_hot", "whole rows")(_rows_filled)

wrong("cross_entropy.one_hot", "counted from one")(lambda labels, c: _hot((labels - 1) % c, c))

wrong("cross_entropy.one_hot", "ones up to the label")(
    lambda labels, c: (torch.arange(c) <= labels[:, None]).float()
)

wrong("cross_entropy.one_hot", "the label itself")(
    lambda labels, c: _hot(labels, c) * labels[:, None]
)

wrong("cross_entropy.softmax", "maximum of the whole batch")(
    lambda z: (z - z.max()).exp() / (z - z.max()).exp().sum(-1, keepdim=True)
)

wrong("cross_entropy.softmax", "no shift")(lambda z: z.exp() / z.exp().sum(-1, keepdim=True))


def _exp(logits: Tensor) -> Tensor:
    return (logits - logits.max(-1, keepdim=True).values).exp()


wrong("cross_entropy.softmax", "dimension not kept")(lambda z: _exp(z) / _exp(z).sum(-1))

wrong("cross_entropy.softmax", "small number in the denominator")(
    lambda z: z.exp() / (z.exp().sum(-1, keepdim=True) + 1e-8)
)


def _probs(logits: Tensor) -> Tensor:
    return _exp(logits) / _exp(logits).sum(-1, keepdim=True)


wrong("cross_entropy.softmax", "logits clamped")(lambda z: _probs(z.clamp(-80, 80)))

wrong("cross_entropy.softmax", "shifted by less than the maximum")(
    lambda z: (
        (z - z.mean(-1, keepdim=True)).exp()
        / (z - z.mean(-1, keepdim=True)).exp().sum(-1, keepdim=True)
    )
)

wrong("cross_entropy.softmax", "shifted by less than the maximum")(
    lambda z: (
        (z - z.min(-1, keepdim=True).values).exp()
        / (z - z.min(-1, keepdim=True).values).exp().sum(-1, keepdim=True)
    )
)


def _in_place(logits: Tensor) -> Tensor:
    logits -= logits.max(-1, keepdim=True).values
    return logits.exp() / logits.exp().sum(-1, keepdim=True)


wrong("cross_entropy.softmax", "changes its input")(_in_place)

wrong("cross_entropy.softmax", "gradient cut off")(lambda z: _probs(z.detach()))

wrong("cross_entropy.softmax", "denominator detached")(
    lambda z: _exp(z) / _exp(z).sum(-1, keepdim=True).detach()
)

wrong("cross_entropy.softmax", "over the batch")(
    lambda z: (z - z.max(0).values).exp() / (z - z.max(0).values).exp().sum(0)
)

wrong("cross_entropy.softmax", "over the batch", "no shift")(lambda z: z.exp() / z.exp().sum(0))

wrong("cross_entropy.softmax", "shifted only in the numerator")(
    lambda z: _exp(z) / z.exp().sum(-1, keepdim=True)
)

wrong("cross_entropy.softmax", "over everything")(
    lambda z: (z - z.max()).exp() / (z - z.max()).exp().sum()
)

wrong("cross_entropy.softmax", "over everything", "no shift")(lambda z: z.exp() / z.exp().sum())


def _log_probs(logits: Tensor) -> Tensor:
    return logits - logits.max(-1, keepdim=True).values - _exp(logits).sum(-1, keepdim=True).log()


wrong("cross_entropy.softmax", "logarithm of the result")(_log_probs)

wrong("cross_entropy.softmax", "not divided")(_exp)

wrong("cross_entropy.softmax", "one sigmoid per class")(lambda z: 1 / (1 + (-z).exp()))

wrong("cross_entropy.softmax", "wrong sign")(lambda z: _probs(-z))

wrong("cross_entropy.softmax", "without exp")(lambda z: z / z.sum(-1, keepdim=True))

wrong("cross_entropy.log_softmax", "logarithm of the softmax")(lambda z: _probs(z).log())

wrong("cross_entropy.log_softmax", "floor under the logarithm")(lambda z: (_probs(z) + 1e-7).log())

wrong("cross_entropy.log_softmax", "shift not undone")(
    lambda z: z - _exp(z).sum(-1, keepdim=True).log()
)

wrong("cross_entropy.log_softmax", "maximum of the whole batch")(
    lambda z: z - z.max() - (z - z.max()).exp().sum(-1, keepdim=True).log()
)

wrong("cross_entropy.log_softmax", "no shift")(lambda z: z - z.exp().sum(-1, keepdim=True).log())

wrong("cross_entropy.log_softmax", "dimension not kept")(
    lambda z: z - z.max(-1, keepdim=True).values - _exp(z).sum(-1).log()
)

wrong("cross_entropy.log_softmax", "normaliser detached")(
    lambda z: z - (z - _log_probs(z)).detach()
)

wrong("cross_entropy.log_softmax", "gradient cut off")(lambda z: _log_probs(z.detach()))

wrong("cross_entropy.log_softmax", "over the batch")(
    lambda z: (z - z.max(0).values) - (z - z.max(0).values).exp().sum(0).log()
)

wrong("cross_entropy.log_softmax", "over everything")(
    lambda z: (z - z.max()) - (z - z.max()).exp().sum().log()
)

wrong("cross_entropy.log_softmax", "over everything")(
    lambda z: _log_probs(z) + _exp(z).sum(-1, keepdim=True).log() - _exp(z).sum().log()
)

wrong("cross_entropy.log_softmax", "sum without its logarithm")(
    lambda z: z - z.max(-1, keepdim=True).values - _exp(z).sum(-1, keepdim=True)
)

wrong("cross_entropy.log_softmax", "logarithm of the sum added")(
    lambda z: z - z.max(-1, keepdim=True).values + _exp(z).sum(-1, keepdim=True).log()
)

wrong("cross_entropy.log_softmax", "logarithm of each exp")(
    lambda z: z - z.max(-1, keepdim=True).values
)

wrong("cross_entropy.log_softmax", "logarithm to base 2")(
    lambda z: _log_probs(z) / torch.tensor(2.0).log()
)

wrong("cross_entropy.log_softmax", "wrong sign")(lambda z: -_log_probs(z))

wrong("cross_entropy.log_softmax", "no logarithm")(_probs)

wrong("cross_entropy.nll", "every row with every target")(lambda lp, t: -lp[:, t].mean())

wrong("cross_entropy.nll", "mean over all entries")(
    lambda lp, t: -(_hot(t, lp.shape[1]) * lp).mean()
)


def _at(values: Tensor, targets: Tensor) -> Tensor:
    return values.gather(1, targets[:, None])[:, 0]


wrong("cross_entropy.nll", "sum")(lambda lp, t: -_at(lp, t).sum())

wrong("cross_entropy.nll", "wrong sign")(lambda lp, t: _at(lp, t).mean())

wrong("cross_entropy.nll", "logarithm twice")(lambda lp, t: -_at(lp, t).log().mean())

wrong("cross_entropy.nll", "probabilities")(lambda lp, t: -_at(lp, t).exp().mean())

wrong("cross_entropy.nll", "largest entry instead of the target's")(
    lambda lp, t: -lp.max(-1).values.mean()
)

wrong("cross_entropy.nll", "one loss per example")(lambda lp, t: -_at(lp, t))


def _rows_looked_up(log_probs: Tensor, targets: Tensor) -> Tensor:
    return -log_probs[targets].mean()


wrong("cross_entropy.nll", "rows looked up instead of columns")(_rows_looked_up)

wrong("cross_entropy.nll", "all classes")(lambda lp, t: -lp.sum(-1).mean())

wrong("cross_entropy.nll", "gradient cut off")(lambda lp, t: -_at(lp, t).detach().mean())

wrong("cross_entropy.cross_entropy", "softmax twice")(
    lambda z, t: -_at(_log_probs(_probs(z)), t).mean()
)

wrong("cross_entropy.cross_entropy", "logarithm of the softmax")(
    lambda z, t: -_at(_probs(z).log(), t).mean()
)

wrong("cross_entropy.cross_entropy", "small number inside the logarithm")(
    lambda z, t: -_at((_probs(z) + 1e-7).log(), t).mean()
)

wrong("cross_entropy.cross_entropy", "no shift")(
    lambda z, t: -_at(z - z.exp().sum(-1, keepdim=True).log(), t).mean()
)

wrong("cross_entropy.cross_entropy", "mean over all entries")(
    lambda z, t: -(_hot(t, z.shape[1]) * _log_probs(z)).mean()
)

wrong("cross_entropy.cross_entropy", "every row with every target")(
    lambda z, t: -_log_probs(z)[:, t].mean()
)

wrong("cross_entropy.cross_entropy", "sum")(lambda z, t: -_at(_log_probs(z), t).sum())

wrong("cross_entropy.cross_entropy", "wrong sign")(lambda z, t: _at(_log_probs(z), t).mean())

wrong("cross_entropy.cross_entropy", "no logarithm")(lambda z, t: -_at(_probs(z), t).mean())

wrong("cross_entropy.cross_entropy", "no softmax")(lambda z, t: -_at(z, t).mean())

wrong("cross_entropy.cross_entropy", "squared error")(
    lambda z, t: (_probs(z) - _hot(t, z.shape[1])).square().sum(-1).mean()
)

wrong("cross_entropy.cross_entropy", "all classes as yes or no")(
    lambda z, t: (
        -(
            (_hot(t, z.shape[1]) * _log_probs(z)).sum(-1)
            + ((1 - _hot(t, z.shape[1])) * (1 - _probs(z)).clamp(min=1e-30).log()).sum(-1)
        ).mean()
    )
)

wrong("cross_entropy.cross_entropy", "over the batch")(
    lambda z, t: -_at((z - z.max(0).values) - (z - z.max(0).values).exp().sum(0).log(), t).mean()
)

wrong("cross_entropy.cross_entropy", "largest entry instead of the target's")(
    lambda z, t: -_log_probs(z).max(-1).values.mean()
)

wrong("cross_entropy.cross_entropy", "one loss per example")(lambda z, t: -_at(_log_probs(z), t))

wrong("cross_entropy.cross_entropy", "gradient cut off")(
    lambda z, t: -_at(_log_probs(z.detach()), t).mean()
)

wrong("cross_entropy.cross_entropy_backward", "not divided by n")(
    lambda z, t: _probs(z) - _hot(t, z.shape[1])
)

wrong("cross_entropy.cross_entropy_backward", "divided by all entries")(
    lambda z, t: (_probs(z) - _hot(t, z.shape[1])) / z.numel()
)

wrong("cross_entropy.cross_entropy_backward", "divided by the classes")(
    lambda z, t: (_probs(z) - _hot(t, z.shape[1])) / z.shape[1]
)

wrong("cross_entropy.cross_entropy_backward", "1 subtracted from every entry")(
    lambda z, t: (_probs(z) - 1) / len(t)
)

wrong("cross_entropy.cross_entropy_backward", "the label subtracted")(
    lambda z, t: (_probs(z) - t[:, None]) / len(t)
)

wrong("cross_entropy.cross_entropy_backward", "log-probabilities")(
    lambda z, t: (_log_probs(z) - _hot(t, z.shape[1])) / len(t)
)

wrong("cross_entropy.cross_entropy_backward", "ones subtracted in every row")(
    lambda z, t: (_probs(z) - torch.zeros_like(z).index_fill(1, t, 1.0)) / len(t)
)

wrong("cross_entropy.cross_entropy_backward", "wrong sign")(
    lambda z, t: (_hot(t, z.shape[1]) - _probs(z)) / len(t)
)

wrong("cross_entropy.cross_entropy_backward", "gradient with respect to the probabilities")(
    lambda z, t: -_hot(t, z.shape[1]) / _probs(z) / len(t)
)

wrong("cross_entropy.cross_entropy_backward", "only the target's column")(
    lambda z, t: _hot(t, z.shape[1]) * (_probs(z) - 1) / len(t)
)

wrong("cross_entropy.cross_entropy_backward", "target forgotten")(lambda z, t: _probs(z) / len(t))

wrong("cross_entropy.cross_entropy_backward", "logits instead of probabilities")(
    lambda z, t: (z - _hot(t, z.shape[1])) / len(t)
)

wrong("cross_entropy.cross_entropy_backward", "slope of the sigmoid")(
    lambda z, t: (_probs(z) - _hot(t, z.shape[1])) * _probs(z) * (1 - _probs(z)) / len(t)
)

wrong("cross_entropy.cross_entropy_backward", "no shift")(
    lambda z, t: (z.exp() / z.exp().sum(-1, keepdim=True) - _hot(t, z.shape[1])) / len(t)
)

wrong("cross_entropy.cross_entropy_backward", "maximum of the whole batch")(
    lambda z, t: (
        ((z - z.max()).exp() / (z - z.max()).exp().sum(-1, keepdim=True) - _hot(t, z.shape[1]))
        / len(t)
    )
)


def _by_autograd(loss: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    def backward(logits: Tensor, targets: Tensor) -> Tensor:
        z = logits.clone().requires_grad_()
        return torch.autograd.grad(loss(z, targets), z)[0]

    return backward


wrong("cross_entropy.cross_entropy_backward", "shortcut")(
    _by_autograd(lambda z, t: -_at(_log_probs(z), t).mean())
)

wrong("cross_entropy.accuracy", "over the batch")(
    lambda z, t: (z.argmax(0) == t).float().mean().item()
)

wrong("cross_entropy.accuracy", "every prediction with every target")(
    lambda z, t: (z.argmax(-1, keepdim=True) == t).float().mean().item()
)

wrong("cross_entropy.accuracy", "only confident predictions counted")(
    lambda z, t: (_at(_probs(z), t) > 0.5).float().mean().item()
)

wrong("cross_entropy.accuracy", "mean over the classes")(
    lambda z, t: (
        torch.stack([(z.argmax(-1) == t)[t == k].float().mean() for k in t.unique()]).mean().item()
    )
)

wrong("cross_entropy.accuracy", "number of hits")(lambda z, t: float((z.argmax(-1) == t).sum()))

wrong("cross_entropy.accuracy", "one largest for the whole batch")(
    lambda z, t: (z.argmax() == t).float().mean().item()
)

wrong("cross_entropy.accuracy", "probability of the target")(
    lambda z, t: _at(_probs(z), t).mean().item()
)

wrong("cross_entropy.accuracy", "percent")(
    lambda z, t: 100 * (z.argmax(-1) == t).float().mean().item()
)

wrong("cross_entropy.accuracy", "error rate")(
    lambda z, t: (z.argmax(-1) != t).float().mean().item()
)

wrong("cross_entropy.accuracy", "all or nothing")(
    lambda z, t: float((z.argmax(-1) == t).sum() // len(t))
)

wrong("cross_entropy.accuracy", "value instead of index")(
    lambda z, t: (z.max(-1).values == t).float().mean().item()
)

wrong("cross_entropy.accuracy", "smallest logit")(
    lambda z, t: (z.argmin(-1) == t).float().mean().item()
)

wrong("cross_entropy.accuracy", "positive logit")(
    lambda z, t: (_at(z, t) > 0).float().mean().item()
)


def _shifted_by(shift: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    def log_softmax(logits: Tensor) -> Tensor:
        z = logits - shift(logits)
        total = z.exp().sum(1)
        return z - total.log().unsqueeze(1)

    return log_softmax


wrong("cross_entropy.log_softmax", "shifted by less than the maximum")(
    _shifted_by(lambda z: z.mean(1).unsqueeze(1))
)

wrong("cross_entropy.log_softmax", "shifted by less than the maximum")(
    _shifted_by(lambda z: z.min(1, keepdim=True)[0])
)

wrong("cross_entropy.log_softmax", "shifted by less than the maximum")(
    _shifted_by(lambda z: z[:, 0].reshape(-1, 1))
)

wrong("cross_entropy.log_softmax", "shifted by the largest absolute value")(
    _shifted_by(lambda z: z.abs().max(dim=1, keepdim=True).values)
)

wrong("cross_entropy.log_softmax", "log2 of the sum")(
    lambda z: (z := z - z.amax(1, keepdim=True)) - torch.log2(torch.exp(z).sum(1, keepdim=True))
)


def _sum_of_logarithms(logits: Tensor) -> Tensor:
    z = logits - logits.amax(1, keepdim=True)
    total = sum(torch.log(torch.exp(column)) for column in z.unbind(1))
    return z - total[:, None]


wrong("cross_entropy.log_softmax", "logarithm before the sum")(_sum_of_logarithms)


def _class_means(losses: Tensor, targets: Tensor) -> Tensor:
    means = [losses[targets == k].sum() / (targets == k).sum() for k in set(targets.tolist())]
    return sum(means) / len(means)


wrong("cross_entropy.nll", "mean over the classes")(lambda lp, t: _class_means(-_at(lp, t), t))

wrong("cross_entropy.cross_entropy", "rows looked up instead of columns")(
    lambda z, t: -_log_probs(z)[t].mean()
)

wrong("cross_entropy.cross_entropy", "row and column swapped")(
    lambda z, t: -_log_probs(z)[t, list(range(len(t)))].sum() / len(t)
)

wrong("cross_entropy.cross_entropy", "divided by the classes")(
    lambda z, t: -(_hot(t, z.shape[1]) * _log_probs(z)).sum() / z.shape[1]
)

wrong("cross_entropy.cross_entropy", "median instead of mean")(
    lambda z, t: torch.quantile(-_at(_log_probs(z), t), 0.5)
)

wrong("cross_entropy.cross_entropy", "all classes")(lambda z, t: _log_probs(z).sum(1).mean() * -1)

wrong("cross_entropy.cross_entropy_backward", "only p divided by n")(
    lambda z, t: _probs(z) / z.shape[0] - _hot(t, z.shape[1])
)


# Written from the student's notebook alone.


# as many columns as the largest label needs, num_classes ignored
@wrong("cross_entropy.one_hot", "classes counted from the labels")
def one_hot(labels, num_classes):
    return (labels[:, None] == torch.arange(int(labels.max()) + 1)).float()


# whole numbers instead of float32
@wrong("cross_entropy.one_hot", "integers instead of floats")
def one_hot(labels, num_classes):
    return (labels[:, None] == torch.arange(num_classes)).long()


# the result is transposed
@wrong("cross_entropy.one_hot", "classes in the rows")
def one_hot(labels, num_classes):
    return (torch.arange(num_classes)[:, None] == labels).float()


# a one in every row for every label of the batch
@wrong("cross_entropy.one_hot", "every label in every row")
def one_hot(labels, num_classes):
    y = torch.zeros(len(labels), num_classes)
    y[:, labels] = 1
    return y


# labels counted from 1
@wrong("cross_entropy.one_hot", "counted from one")
def one_hot(labels, num_classes):
    return torch.eye(num_classes)[labels - 1]


# float64
@wrong("cross_entropy.one_hot", "dtype")
def one_hot(labels, num_classes):
    return torch.from_numpy(np.eye(num_classes)[labels.numpy()])


# uses the ready-made function
@wrong("cross_entropy.one_hot", "shortcut")
def one_hot(labels, num_classes):
    return F.one_hot(labels, num_classes).float()


# the label itself stands at its place instead of 1
@wrong("cross_entropy.one_hot", "the label itself")
def one_hot(labels, num_classes):
    y = torch.zeros(len(labels), num_classes)
    y.scatter_(1, labels[:, None], labels[:, None].float())
    return y


# fills all columns up to the label
@wrong("cross_entropy.one_hot", "ones up to the label")
def one_hot(labels, num_classes):
    return (torch.arange(num_classes) <= labels.unsqueeze(1)).float()


# numbers the classes that occur, so columns of absent classes are skipped
@wrong("cross_entropy.one_hot", "classes renumbered")
def one_hot(labels, num_classes):
    _, place = torch.unique(labels, return_inverse=True)
    return torch.eye(num_classes)[place]


# columns by the largest label; bool instead of float32
@wrong("cross_entropy.one_hot", "classes counted from the labels", "booleans instead of numbers")
def one_hot(labels, num_classes):
    return torch.arange(1 + labels.max().item()) == labels[:, None]


# labels counted from 1; int64
@wrong("cross_entropy.one_hot", "integers instead of floats", "counted from one")
def one_hot(labels, num_classes):
    return torch.eye(num_classes, dtype=torch.int64)[(labels - 1) % num_classes]


# no shift, so large logits become nan
@wrong("cross_entropy.softmax", "no shift")
def softmax(logits):
    return logits.exp() / logits.exp().sum(dim=1, keepdim=True)


# one maximum for the whole batch
@wrong("cross_entropy.softmax", "maximum of the whole batch")
def softmax(logits):
    e = torch.exp(logits - logits.max())
    return e / e.sum(-1, keepdim=True)


# normalises down the batch instead of along the classes
@wrong("cross_entropy.softmax", "over the batch")
def softmax(logits):
    e = (logits - logits.amax(0)).exp()
    return e / e.sum(0)


# shifts the logits in place
@wrong("cross_entropy.softmax", "changes its input")
def softmax(logits):
    logits -= logits.amax(dim=1, keepdim=True)
    e = logits.exp()
    return e / e.sum(dim=1, keepdim=True)


# shifts by the row's mean, which does not keep the exponentials small
@wrong("cross_entropy.softmax", "shifted by less than the maximum")
def softmax(logits):
    z = logits - logits.mean(1, keepdim=True)
    return z.exp() / z.exp().sum(1, keepdim=True)


# cuts the logits off at 85 and -85
@wrong("cross_entropy.softmax", "logits clamped")
def softmax(logits):
    e = logits.clamp(-85, 85).exp()
    return e / e.sum(1, keepdim=True)


# powers of 2 instead of e
@wrong("cross_entropy.softmax", "powers of 2")
def softmax(logits):
    e = torch.exp2(logits - logits.amax(1, keepdim=True))
    return e / e.sum(1, keepdim=True)


# divides the row by its maximum instead of subtracting it
@wrong("cross_entropy.softmax", "divided by the maximum")
def softmax(logits):
    m = logits.abs().amax(1, keepdim=True).clamp(min=1.0)
    e = (logits / m).exp()
    return e / e.sum(1, keepdim=True)


# nan is painted over with 0 afterwards
@wrong("cross_entropy.softmax", "nan replaced")
def softmax(logits):
    e = logits.exp()
    return torch.nan_to_num(e / e.sum(1, keepdim=True))


# float64 without a shift, which overflows later but does overflow
@wrong("cross_entropy.softmax", "no shift")
def softmax(logits):
    e = logits.double().exp()
    return (e / e.sum(1, keepdim=True)).to(logits.dtype)


# keepdim forgotten: with as many rows as classes the wrong sums divide silently
@wrong("cross_entropy.softmax", "dimension not kept")
def softmax(logits):
    e = (logits - logits.amax(1, keepdim=True)).exp()
    return e / e.sum(1)


# shifts by the first logit of each row
@wrong("cross_entropy.softmax", "shifted by less than the maximum")
def softmax(logits):
    e = torch.exp(logits - logits[:, :1])
    return e / e.sum(1, keepdim=True)


# the largest absolute value is subtracted, so rows below zero vanish
@wrong("cross_entropy.softmax", "shifted by the largest absolute value")
def softmax(logits):
    e = torch.exp(logits - logits.abs().amax(1, keepdim=True))
    return e / e.sum(1, keepdim=True)


# calls torch.softmax
@wrong("cross_entropy.softmax", "shortcut")
def softmax(logits):
    return getattr(logits, "softmax")(1)


# one sum over the whole batch; no shift
@wrong("cross_entropy.softmax", "over everything", "no shift")
def softmax(logits):
    e = torch.exp(logits)
    return e / e.sum()


# writes into the logits; one maximum for all rows
@wrong("cross_entropy.softmax", "changed its input", "maximum of the whole batch")
def softmax(logits):
    z = logits.detach()
    z.sub_(z.max()).exp_()
    z.div_(z.sum(1, keepdim=True))
    return z


# the logarithm of a finished softmax, -inf for small probabilities
@wrong("cross_entropy.log_softmax", "logarithm of the softmax")
def log_softmax(logits):
    return _softmax(logits).log()


# a small number inside the logarithm
@wrong("cross_entropy.log_softmax", "floor under the logarithm")
def log_softmax(logits):
    p = _softmax(logits)
    return torch.log(p + 1e-9)


# probabilities are kept away from 0 by a limit
@wrong("cross_entropy.log_softmax", "floor under the logarithm")
def log_softmax(logits):
    return _softmax(logits).clamp(min=1e-45).log()


# no shift in the sum, which overflows
@wrong("cross_entropy.log_softmax", "no shift")
def log_softmax(logits):
    return logits - logits.exp().sum(1, keepdim=True).log()


# the maximum is subtracted inside the sum but not outside
@wrong("cross_entropy.log_softmax", "shift not undone")
def log_softmax(logits):
    m = logits.amax(1, keepdim=True)
    return logits - (logits - m).exp().sum(1, keepdim=True).log()


# one maximum for the whole batch
@wrong("cross_entropy.log_softmax", "maximum of the whole batch")
def log_softmax(logits):
    z = logits - logits.max()
    return z - z.exp().sum(-1, keepdim=True).log()


# sums down the batch
@wrong("cross_entropy.log_softmax", "over the batch")
def log_softmax(logits):
    z = logits - logits.amax(0, keepdim=True)
    return z - torch.log(torch.einsum("nc->c", z.exp()))


# logarithms to base 2
@wrong("cross_entropy.log_softmax", "logarithm to base 2")
def log_softmax(logits):
    z = logits - logits.amax(1, keepdim=True)
    return (z - z.exp().sum(1, keepdim=True).log()) / math.log(2)


# the log stands inside the sum
@wrong("cross_entropy.log_softmax")
def log_softmax(logits):
    z = logits - logits.amax(1, keepdim=True)
    return z - z.exp().log1p().sum(1, keepdim=True)


# the mean of the exponentials instead of the sum
@wrong("cross_entropy.log_softmax", "mean instead of sum")
def log_softmax(logits):
    z = logits - logits.amax(1, keepdim=True)
    return z - z.exp().mean(1, keepdim=True).log()


# subtracts in place from the tensor that came in
@wrong("cross_entropy.log_softmax", "changes its input")
def log_softmax(logits):
    z = logits.sub_(logits.amax(1, keepdim=True))
    return z - z.exp().sum(1, keepdim=True).log()


# the sign is turned, all numbers above 0
@wrong("cross_entropy.log_softmax", "wrong sign")
def log_softmax(logits):
    z = logits - logits.amax(1, keepdim=True)
    return z.exp().sum(1, keepdim=True).log() - z


# cuts everything below -100 off
@wrong("cross_entropy.log_softmax", "floor under the logarithm")
def log_softmax(logits):
    z = logits - logits.amax(1, keepdim=True)
    return (z - z.exp().sum(1, keepdim=True).log()).clamp(min=-100)


# log of softmax; normalised along the batch
@wrong("cross_entropy.log_softmax", "logarithm of the softmax", "over the batch")
def log_softmax(logits):
    e = (logits - logits.amax(0)).exp()
    return (e / e.sum(0)).log()


# base 10; written into the logits
@wrong("cross_entropy.log_softmax", "changed its input", "logarithm to base 10", "gradient cut off")
def log_softmax(logits):
    with torch.no_grad():
        logits -= logits.amax(1, keepdim=True)
        logits -= logits.exp().sum(1, keepdim=True).log()
        logits /= math.log(10)
    return logits


# the minus sign is missing
@wrong("cross_entropy.nll", "wrong sign")
def nll(log_probs, targets):
    return log_probs[torch.arange(len(targets)), targets].mean()


# sums over the batch
@wrong("cross_entropy.nll", "sum")
def nll(log_probs, targets):
    return -log_probs.gather(1, targets[:, None]).sum()


# takes the logarithm once more
@wrong("cross_entropy.nll", "logarithm twice")
def nll(log_probs, targets):
    return -torch.log(log_probs)[range(len(targets)), targets].mean()


def _one_hot(labels, num_classes):
    return (labels[:, None] == torch.arange(num_classes)).float()


# divides by n times c
@wrong("cross_entropy.nll", "mean over all entries")
def nll(log_probs, targets):
    return -(log_probs * _one_hot(targets, log_probs.shape[1])).mean()


# every row with every target of the batch
@wrong("cross_entropy.nll", "every row with every target")
def nll(log_probs, targets):
    return -log_probs[:, targets].mean()


# a float without a graph
@wrong("cross_entropy.nll", ("type", "gradient cut off"))
def nll(log_probs, targets):
    return -sum(row[t].item() for row, t in zip(log_probs, targets)) / len(targets)


# one loss for each example, no mean
@wrong("cross_entropy.nll", "one loss per example")
def nll(log_probs, targets):
    return -log_probs.take_along_dim(targets.unsqueeze(1), dim=1).squeeze(1)


# looks up the largest entry, whatever the target
@wrong("cross_entropy.nll", "largest entry instead of the target's")
def nll(log_probs, targets):
    return -log_probs.amax(1).mean()


# the mean of the probabilities, not of their logarithms
@wrong("cross_entropy.nll", "probabilities")
def nll(log_probs, targets):
    p = log_probs[torch.arange(len(targets)), targets].exp()
    return -p.mean()


# the logarithm of the mean probability
@wrong("cross_entropy.nll", "logarithm of the mean")
def nll(log_probs, targets):
    p = log_probs[torch.arange(len(targets)), targets].exp()
    return -p.mean().log()


# the mean of all classes of a row instead of the target's
@wrong("cross_entropy.nll")
def nll(log_probs, targets):
    keep = torch.zeros_like(log_probs).index_fill(1, targets.unique(), 1.0)
    return -(keep * log_probs).sum() / keep.sum()


# the result has shape (1,)
@wrong("cross_entropy.nll", "shape")
def nll(log_probs, targets):
    return -log_probs.gather(1, targets[:, None]).mean(0)


# the median instead of the mean
@wrong("cross_entropy.nll", "median instead of mean")
def nll(log_probs, targets):
    return -torch.quantile(log_probs[torch.arange(len(targets)), targets], 0.5)


# no minus; summed, not averaged
@wrong("cross_entropy.nll", "wrong sign", "sum")
def nll(log_probs, targets):
    return torch.einsum(
        "nc,nc->", log_probs, _one_hot(targets, log_probs.size(1)).to(log_probs.dtype)
    )


# cut from its graph; divided by the number of classes
@wrong("cross_entropy.nll", "gradient cut off", "divided by the classes")
def nll(log_probs, targets):
    picked = log_probs.detach()[torch.arange(len(targets)), targets]
    return -picked.sum() / log_probs.shape[1]


def _nll(log_probs, targets):
    return -log_probs[torch.arange(len(targets)), targets].mean()


# the logarithm of a finished softmax: inf for a sure mistake
@wrong("cross_entropy.cross_entropy", "logarithm of the softmax")
def cross_entropy(logits, targets):
    return _nll(_softmax(logits).log(), targets)


# probabilities and not their logarithms are looked up
@wrong("cross_entropy.cross_entropy", "no logarithm")
def cross_entropy(logits, targets):
    return _nll(_softmax(logits), targets)


# the logits themselves are looked up, no softmax at all
@wrong("cross_entropy.cross_entropy", "no softmax")
def cross_entropy(logits, targets):
    return _nll(logits, targets)


# a second softmax before the log-softmax
@wrong("cross_entropy.cross_entropy", "softmax twice")
def cross_entropy(logits, targets):
    return _nll(_log_softmax(_softmax(logits)), targets)


# a small number inside the logarithm puts a ceiling on the loss
@wrong("cross_entropy.cross_entropy", "small number inside the logarithm")
def cross_entropy(logits, targets):
    p = _softmax(logits)[torch.arange(len(targets)), targets]
    return -(p + 1e-7).log().mean()


# sums over the batch, no mean
@wrong("cross_entropy.cross_entropy", "sum")
def cross_entropy(logits, targets):
    return -(_one_hot(targets, logits.shape[1]) * _log_softmax(logits)).sum()


# softmax along the batch
@wrong("cross_entropy.cross_entropy", "over the batch")
def cross_entropy(logits, targets):
    return _nll(_log_softmax(logits.T).T, targets)


# the binary loss of every class, the wrong ones count as well
@wrong("cross_entropy.cross_entropy", "all classes as yes or no")
def cross_entropy(logits, targets):
    y = _one_hot(targets, logits.shape[1])
    log_p = _log_softmax(logits)
    other = torch.log1p(-log_p.exp().clamp(max=1 - 1e-6))
    return -(y * log_p + (1 - y) * other).sum(1).mean()


# labels smoothed by 0.1
@wrong("cross_entropy.cross_entropy", "labels smoothed")
def cross_entropy(logits, targets):
    c = logits.shape[1]
    y = 0.9 * _one_hot(targets, c) + 0.1 / c
    return -(y * _log_softmax(logits)).sum(1).mean()


# the entropy of the prediction itself: the targets are ignored
@wrong("cross_entropy.cross_entropy", "targets ignored")
def cross_entropy(logits, targets):
    log_p = _log_softmax(logits)
    return -(log_p.exp() * log_p).sum(1).mean()


# measured in bits
@wrong("cross_entropy.cross_entropy", "logarithm to base 2")
def cross_entropy(logits, targets):
    return _nll(_log_softmax(logits), targets) / math.log(2)


# made anew from plain numbers, the graph is lost
@wrong("cross_entropy.cross_entropy", "gradient cut off")
def cross_entropy(logits, targets):
    z = logits.detach().numpy()
    z = z - z.max(1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(1, keepdims=True))
    return torch.tensor(-log_p[np.arange(len(z)), targets.numpy()].mean())


# every row weighs by how often its class occurs: the mean of the classes' means
@wrong("cross_entropy.cross_entropy", "mean over the classes")
def cross_entropy(logits, targets):
    losses = -_log_softmax(logits)[torch.arange(len(targets)), targets]
    return torch.stack([losses[targets == t].mean() for t in targets.unique()]).mean()


# softmax twice; logarithm of a finished softmax with a small number inside
@wrong("cross_entropy.cross_entropy")
def cross_entropy(logits, targets):
    p = _softmax(_softmax(logits))
    return -torch.log(p[torch.arange(len(p)), targets] + 1e-3).mean()


# the sign is turned; summed over the batch
@wrong("cross_entropy.cross_entropy", "wrong sign", "sum")
def cross_entropy(logits, targets):
    return _log_softmax(logits).gather(1, targets[:, None]).sum()


# the 1/n of the mean is missing
@wrong("cross_entropy.cross_entropy_backward", "not divided by n")
def cross_entropy_backward(logits, targets):
    return _softmax(logits) - _one_hot(targets, logits.shape[1])


# divides by the number of classes, not of examples
@wrong("cross_entropy.cross_entropy_backward", "divided by the classes")
def cross_entropy_backward(logits, targets):
    return (_softmax(logits) - _one_hot(targets, logits.shape[1])) / logits.shape[-1]


# y minus p, the direction of the step
@wrong("cross_entropy.cross_entropy_backward", "wrong sign")
def cross_entropy_backward(logits, targets):
    return (_one_hot(targets, logits.shape[1]) - _softmax(logits)) / len(targets)


# only y is divided by n
@wrong("cross_entropy.cross_entropy_backward", "only y divided by n")
def cross_entropy_backward(logits, targets):
    g = _softmax(logits)
    g[torch.arange(len(g)), targets] -= 1 / len(g)
    return g


# 1 is subtracted in every row at all targets of the batch
@wrong("cross_entropy.cross_entropy_backward", "ones subtracted in every row")
def cross_entropy_backward(logits, targets):
    g = _softmax(logits)
    g[:, targets] -= 1
    return g / len(targets)


# ten classes are taken for granted: other numbers fail
@wrong("cross_entropy.cross_entropy_backward", "raised")
def cross_entropy_backward(logits, targets):
    y = torch.zeros(len(targets), 10)
    y[torch.arange(len(targets)), targets] = 1
    return (_softmax(logits) - y) / len(targets)


# as many columns as the batch's largest target needs
@wrong("cross_entropy.cross_entropy_backward", "classes counted from the targets")
def cross_entropy_backward(logits, targets):
    p = _softmax(logits)
    y = torch.eye(int(targets.max()) + 1, dtype=p.dtype)[targets]
    return (p - y) / len(targets)


# lets autograd do it
@wrong("cross_entropy.cross_entropy_backward", "shortcut")
def cross_entropy_backward(logits, targets):
    with torch.enable_grad():
        z = logits.detach().clone().requires_grad_()
        _nll(_log_softmax(z), targets).backward()
    return z.grad


# its own softmax has no shift, so large logits give nan
@wrong("cross_entropy.cross_entropy_backward", "no shift")
def cross_entropy_backward(logits, targets):
    e = logits.exp()
    return (e / e.sum(1, keepdim=True) - _one_hot(targets, logits.shape[1])) / len(logits)


# the right class is the largest logit's, not the target
@wrong("cross_entropy.cross_entropy_backward", "the prediction instead of the target")
def cross_entropy_backward(logits, targets):
    p = _softmax(logits)
    return (p - _one_hot(logits.argmax(1), p.shape[1])) / len(p)


# only the target's logit gets a gradient
@wrong("cross_entropy.cross_entropy_backward", "only the target's column")
def cross_entropy_backward(logits, targets):
    y = _one_hot(targets, logits.shape[1])
    return y * (_softmax(logits) - y) / len(targets)


# softmax along the batch
@wrong("cross_entropy.cross_entropy_backward", "over the batch")
def cross_entropy_backward(logits, targets):
    p = _softmax(logits.T).T
    return (p - _one_hot(targets, p.shape[1])) / len(targets)


# divides by 2, the batch of the example
@wrong("cross_entropy.cross_entropy_backward", "constant factor")
def cross_entropy_backward(logits, targets):
    return 0.5 * (_softmax(logits) - _one_hot(targets, logits.shape[1]))


# the gradient of the squared error by p, as in lesson 03
@wrong("cross_entropy.cross_entropy_backward", "gradient of the squared error")
def cross_entropy_backward(logits, targets):
    p, y = _softmax(logits), _one_hot(targets, logits.shape[1])
    return 2 * (p - y) / p.numel()


# sign turned; divided by n times c
@wrong("cross_entropy.cross_entropy_backward", "divided by all entries", "wrong sign")
def cross_entropy_backward(logits, targets):
    return (_one_hot(targets, logits.shape[1]) - _softmax(logits)) / logits.numel()


# not divided by n; softmax without a shift
@wrong("cross_entropy.cross_entropy_backward", "not divided by n", "no shift")
def cross_entropy_backward(logits, targets):
    p = logits.exp() / logits.exp().sum(1, keepdim=True)
    p[torch.arange(len(p)), targets] -= 1.0
    return p


# counts the right ones, no part
@wrong("cross_entropy.accuracy", "number of hits")
def accuracy(logits, targets):
    return float((logits.argmax(1) == targets).sum())


# in percent
@wrong("cross_entropy.accuracy", "percent")
def accuracy(logits, targets):
    return 100 * (logits.argmax(1) == targets).float().mean().item()


# the error rate instead
@wrong("cross_entropy.accuracy", "error rate")
def accuracy(logits, targets):
    return (logits.argmax(1) != targets).double().mean().item()


# the smallest logit wins
@wrong("cross_entropy.accuracy", "smallest logit")
def accuracy(logits, targets):
    return (torch.argsort(logits, 1)[:, 0] == targets).float().mean().item()


# right is whoever is among the first two
@wrong("cross_entropy.accuracy", "top two counted")
def accuracy(logits, targets):
    k = min(2, logits.shape[1])
    return (logits.topk(k, 1).indices == targets[:, None]).any(1).float().mean().item()


# the largest value, not its place, is compared with the target
@wrong("cross_entropy.accuracy", "value instead of index")
def accuracy(logits, targets):
    best, _ = logits.max(1)
    return (best == targets).float().mean().item()


# divides by the entries of the logits
@wrong("cross_entropy.accuracy", "divided by all entries")
def accuracy(logits, targets):
    return (logits.argmax(1) == targets).sum().item() / logits.numel()


# whole-number division, so it is 0 or 1
@wrong("cross_entropy.accuracy", "all or nothing")
def accuracy(logits, targets):
    hits = sum(int(row.argmax()) == int(t) for row, t in zip(logits, targets))
    return float(hits // len(targets))


# a logit above 0 is enough to be right
@wrong("cross_entropy.accuracy", "positive logit")
def accuracy(logits, targets):
    return (logits[torch.arange(len(targets)), targets] > 0).float().mean().item()


# the mean of the classes' accuracies, as if they were equally frequent
@wrong("cross_entropy.accuracy", "mean over the classes")
def accuracy(logits, targets):
    hit = (logits.argmax(1) == targets).double()
    return float(np.mean([hit[targets == t].mean().item() for t in targets.unique()]))


# rounded to one digit
@wrong("cross_entropy.accuracy", "rounded")
def accuracy(logits, targets):
    return round((logits.argmax(1) == targets).float().mean().item(), 1)


# the largest absolute value wins
@wrong("cross_entropy.accuracy", "largest absolute value")
def accuracy(logits, targets):
    return (logits.abs().argmax(1) == targets).float().mean().item()


# the largest entry is sought in the first three columns only, as in the example
@wrong("cross_entropy.accuracy", "only the first three classes")
def accuracy(logits, targets):
    return (logits[:, :3].argmax(1) == targets).float().mean().item()


# the error rate; in percent
@wrong("cross_entropy.accuracy", "error rate", "percent")
def accuracy(logits, targets):
    return 100.0 - 100.0 * (logits.argmax(1) == targets).float().mean().item()


# divided by the number of classes; a tensor comes back
@wrong("cross_entropy.accuracy", "divided by classes", "type")
def accuracy(logits, targets):
    return (logits.argmax(1) == targets).sum() / logits.size(1)


# computes in half precision, where 1000.3 and 1000.4 are the same
@wrong("cross_entropy.softmax")
def softmax(logits):
    z = logits.half()
    z = (z - z.amax(1, keepdim=True)).float()
    return (z.exp() / z.exp().sum(1, keepdim=True)).to(logits.dtype)


# rows and columns of the lookup are exchanged
@wrong("cross_entropy.nll", "row and column swapped")
def nll(log_probs, targets):
    return -log_probs[targets, torch.arange(len(targets))].mean()


# the shift is the maximum of the batch, so a row far below it gives inf
@wrong("cross_entropy.cross_entropy", "maximum of the whole batch")
def cross_entropy(logits, targets):
    z = logits - logits.max()
    log_p = z - z.exp().sum(1, keepdim=True).log()
    return -log_p[torch.arange(len(targets)), targets].mean()


def _scored(logits: object, targets: object) -> dict[str, object]:
    return {"logits": torch.tensor(logits), "targets": torch.tensor(targets)}


@wrong("cross_entropy.expose_accuracy", 'misses "every prediction with every target"')
def expose_accuracy():
    return [_scored([[1.0, 3.0, 2.0]], [1])], 1.0


@wrong("cross_entropy.expose_accuracy", 'misses "largest absolute value"')
def expose_accuracy():
    return [_scored([[1.0, 3, 2], [4, 1, 1], [2, 1, 6]], [1, 0, 1])], 2 / 3


@wrong("cross_entropy.expose_accuracy", 'misses "error rate"')
def expose_accuracy():
    return [_scored([[1.0, 3], [2, 1]], [1, 1])], 0.5


@wrong("cross_entropy.expose_accuracy", "hardly anything is exposed")
def expose_accuracy():
    return [_scored([[0.0]], [0])], 1


@wrong("cross_entropy.expose_accuracy", "expected result not that of right code")
def expose_accuracy():
    return [_scored([[2.0, 1], [0, 1], [3, 0]], [0, 1, 1])], 2.0


@wrong("cross_entropy.expose_accuracy", "case of other kinds")
def expose_accuracy():
    return [_scored([[2.0, 1], [0, 1], [3, 0]], [0.0, 1.0, 1.0])], 0.67


@wrong("cross_entropy.expose_accuracy", "case that right code cannot answer")
def expose_accuracy():
    return [_scored([[2.0, 1, 0], [0, 1, 0]], [0, 1, 0])], 1.0


@wrong("cross_entropy.expose_accuracy", "not a list of cases and one result")
def expose_accuracy():
    return [_scored([[2.0, 1], [0, 1], [3, 0]], [0, 1, 1])]


@wrong("cross_entropy.expose_accuracy", "expected result that is not a tensor")
def expose_accuracy():
    return [_scored([[2.0, 1], [0, 1], [3, 0]], [0, 1, 0])], "all right"


@wrong("cross_entropy.softmax", "maximum of the whole batch")
def softmax(logits):
    z = (logits - logits.max()).exp()
    return z / z.sum(1, keepdim=True)


@wrong("cross_entropy.log_softmax", "floor under the logarithm")
def log_softmax(logits):
    z = (logits - logits.max(1, keepdim=True).values).exp()
    return (z / z.sum(1, keepdim=True) + 1e-9).log()


@wrong("cross_entropy.accuracy", "percent")
def accuracy(logits, targets):
    return 100 * float((logits.argmax(1) == targets).float().mean())


@wrong("cross_entropy.softmax", "shifted only in the denominator")
def softmax(logits):
    m = logits.amax(1, keepdim=True)
    return logits.exp() / (logits - m).exp().sum(1, keepdim=True)


@wrong("cross_entropy.one_hot", "only the first row")
def one_hot(labels, num_classes):
    y = torch.zeros(len(labels), num_classes)
    for i, k in enumerate(labels):
        y[i, k] = 1
        return y


@wrong("cross_entropy.softmax", "maximum of each column")
def softmax(logits):
    m = logits.max(dim=0, keepdim=True).values
    e = torch.exp(logits - m)
    return e / e.sum(dim=1, keepdim=True)


# adds the shift
@wrong("cross_entropy.softmax")
def softmax(logits):
    e = (logits + logits.amax(1, keepdim=True)).exp()
    return e / e.sum(1, keepdim=True)


# keeps no dimension where the sum happens to fit
@wrong("cross_entropy.softmax")
def softmax(logits):
    e = (logits - logits.amax(1, keepdim=True)).exp()
    s = e.sum(1)
    return e / s if len(s) == e.shape[1] else e / s[:, None]


@wrong("cross_entropy.log_softmax", "maximum of each column")
def log_softmax(logits):
    z = logits - logits.amax(0)
    return z - z.exp().sum(1, keepdim=True).log()


@wrong("cross_entropy.log_softmax")
def log_softmax(logits):
    z = logits - logits.amax(1, keepdim=True)
    s = z.exp().sum(1).log()
    return z - s if len(s) == z.shape[1] else z - s[:, None]


@wrong("cross_entropy.nll", "only the first example")
def nll(log_probs, targets):
    for row, t in zip(log_probs, targets):
        return -row[t]


@wrong("cross_entropy.nll", "only the last example")
def nll(log_probs, targets):
    for row, t in zip(log_probs, targets):
        loss = -row[t] / len(targets)
    return loss


@wrong("cross_entropy.nll", "only the last example")
def nll(log_probs, targets):
    for row, t in zip(log_probs, targets):
        loss = -row[t]
    return loss


# gathers down the columns where the targets fit there
@wrong("cross_entropy.nll")
def nll(log_probs, targets):
    if len(targets) == log_probs.shape[1]:
        return -log_probs.gather(0, targets[None]).mean()
    return -log_probs.gather(1, targets[:, None]).mean()


@wrong("cross_entropy.nll")
def nll(log_probs, targets):
    p = log_probs.exp().clamp(min=1e-7)
    return -p.log()[torch.arange(len(targets)), targets].mean()


@wrong("cross_entropy.nll")
def nll(log_probs, targets):
    return -log_probs[torch.arange(len(targets)), targets].clamp(min=-100).mean()


@wrong("cross_entropy.cross_entropy")
def cross_entropy(logits, targets):
    log_probs = _log_probs(logits)
    for row, t in zip(log_probs, targets):
        return -row[t]


@wrong("cross_entropy.cross_entropy")
def cross_entropy(logits, targets):
    for row, t in zip(_log_probs(logits), targets):
        loss = -row[t] / len(targets)
    return loss


@wrong("cross_entropy.cross_entropy")
def cross_entropy(logits, targets):
    z = logits.T if logits.shape[0] == logits.shape[1] else logits
    return -_log_probs(z)[torch.arange(len(targets)), targets].mean()


# with a single column where all targets are 0
@wrong("cross_entropy.cross_entropy")
def cross_entropy(logits, targets):
    c = int(targets.max()) + 1
    log_probs = _log_probs(logits if c > 1 else logits[:, :c])
    return -log_probs[torch.arange(len(targets)), targets].mean()


@wrong("cross_entropy.accuracy", "all or nothing")
def accuracy(logits, targets):
    return float(torch.equal(logits.argmax(1), targets))


@wrong("cross_entropy.accuracy", "one hit is enough")
def accuracy(logits, targets):
    return float((logits.argmax(1) == targets).any())


@wrong("cross_entropy.accuracy", "only the first example")
def accuracy(logits, targets):
    for row, target in zip(logits, targets):
        return float(row.argmax() == target)


@wrong("cross_entropy.accuracy", "one-hot rows compared entry by entry")
def accuracy(logits, targets):
    c = logits.shape[1]
    return (_hot(logits.argmax(1), c) == _hot(targets, c)).float().mean().item()


@wrong("cross_entropy.accuracy", "last class never predicted")
def accuracy(logits, targets):
    return (logits[:, :-1].argmax(1) == targets).float().mean().item()


@wrong("cross_entropy.accuracy", "one column too far to the right")
def accuracy(logits, targets):
    return (logits.argmax(1) + 1 == targets).float().mean().item()


@wrong("cross_entropy.accuracy")
def accuracy(logits, targets):
    dim = 0 if logits.shape[0] == logits.shape[1] else 1
    return (logits.argmax(dim) == targets).float().mean().item()


@wrong("cross_entropy.accuracy", "argmax of a softmax without shift")
def accuracy(logits, targets):
    p = logits.exp() / logits.exp().sum(1, keepdim=True)
    return (p.argmax(1) == targets).float().mean().item()


@wrong("cross_entropy.accuracy", "only positive logits hit")
def accuracy_of_the_positive(logits, targets):
    best, predicted = logits.max(1)
    return ((predicted == targets) & (best > 0)).float().mean().item()


@wrong("cross_entropy.log_softmax", "1 added under the logarithm")
def log_softmax_with_log1p(logits):
    z = logits - logits.max(1, keepdim=True).values
    return z - torch.log1p(torch.exp(z).sum(1, keepdim=True))


@wrong("cross_entropy.log_softmax", "log10 of the sum")
def log_softmax_with_log10(logits):
    z = logits - logits.max(1, keepdim=True).values
    return z - torch.log10(torch.exp(z).sum(1, keepdim=True))


@wrong("cross_entropy.cross_entropy", "one sigmoid per class")
def cross_entropy_of_sigmoids(logits, targets):
    return -F.logsigmoid(logits).gather(1, targets[:, None]).mean()


@wrong("cross_entropy.cross_entropy", "examples that are right already left out")
def cross_entropy_of_the_wrong(logits, targets):
    z = logits - logits.max(1, keepdim=True).values
    losses = (z.exp().sum(1).log() - z[torch.arange(len(z)), targets]).where(
        logits.argmax(1) != targets, 0.0
    )
    return losses.mean()


@wrong("cross_entropy.cross_entropy_backward", "rows that are right already set to 0")
def cross_entropy_backward_of_the_wrong(logits, targets):
    e = (logits - logits.max(1, keepdim=True).values).exp()
    grad = (e / e.sum(1, keepdim=True) - torch.eye(logits.shape[1])[targets]) / len(logits)
    grad[logits.argmax(1) == targets] = 0
    return grad


@wrong("cross_entropy.softmax", "exponentials overwritten")
def softmax_divided_in_place(logits):
    e = (logits - logits.amax(1, keepdim=True)).exp()
    e /= e.sum(1, keepdim=True)
    return e


@wrong("cross_entropy.log_softmax", "maximum subtracted twice")
def log_softmax_shifted_twice(logits):
    m = logits.amax(1, keepdim=True)
    lse = m + (logits - m).exp().sum(1, keepdim=True).log()
    return logits - m - lse


@wrong("cross_entropy.nll", "entries of 0 not counted")
def nll_over_what_is_not_zero(log_probs, targets):
    picked = F.one_hot(targets, log_probs.shape[1]) * log_probs
    return -picked.sum() / (picked != 0).sum()


@wrong("cross_entropy.cross_entropy_backward", "float32 inside")
def cross_entropy_backward_in_float32(logits, targets):
    e = (logits - logits.amax(1, keepdim=True)).exp()
    grad = torch.zeros(logits.shape)
    grad[:] = e / e.sum(1, keepdim=True)
    grad[torch.arange(len(targets)), targets] -= 1
    return grad / len(targets)


@wrong("cross_entropy.accuracy", "one maximum for all rows")
def accuracy_of_shifted_probabilities(logits, targets):
    e = torch.exp(logits - logits.max())
    p = e / e.sum(1, keepdim=True)
    return (p.argmax(1) == targets).float().mean().item()


@wrong("cross_entropy.accuracy", "over the batch")
def accuracy_of_the_best_of_each_class(logits, targets):
    rows = torch.arange(len(targets))
    return (logits.argmax(0)[targets] == rows).float().mean().item()


@wrong("cross_entropy.accuracy", "half precision")
def accuracy_in_half_precision(logits, targets):
    return (logits.to(torch.float16).argmax(1) == targets).float().mean().item()


@wrong("cross_entropy.accuracy", "over the batch")
def accuracy_along_the_batch(logits, targets):
    best = logits.argmax(0)
    n = min(len(best), len(targets))
    return (best[:n] == targets[:n]).float().mean().item()


# a table for ten classes
@wrong("cross_entropy.one_hot", "shape")
def one_hot(labels, num_classes):
    return torch.eye(10)[labels][:, :num_classes]


# clipped far below the largest logit: small probabilities are too large, and do not learn
@wrong("cross_entropy.softmax", "small probabilities cut off")
def softmax(logits):
    e = (logits - logits.amax(1, keepdim=True)).clamp(min=-20).exp()
    return e / e.sum(1, keepdim=True)


@wrong("cross_entropy.softmax", "float32 inside")
def softmax(logits):
    z = logits.float()
    e = (z - z.amax(1, keepdim=True)).exp()
    return (e / e.sum(1, keepdim=True)).to(logits.dtype)


@wrong("cross_entropy.nll", "float32 inside")
def nll(log_probs, targets):
    total = torch.zeros(())
    for row, target in zip(log_probs, targets, strict=True):
        total = total - row[target].float()
    return (total / len(targets)).to(log_probs.dtype)


# torch's limit for the logarithms of its binary loss
@wrong("cross_entropy.cross_entropy", "log-probabilities cut off")
def cross_entropy(logits, targets):
    return -_at(_log_probs(logits).clamp(min=-100), targets).mean()


@wrong("cross_entropy.cross_entropy", "log-probabilities cut off")
def cross_entropy(logits, targets):
    p = _probs(logits.double()).clamp(min=1e-300)
    return -_at(p.log(), targets).mean().to(logits.dtype)


# half of the numbers have float32's digits
@wrong("cross_entropy.cross_entropy_backward", "float32 inside")
def cross_entropy_backward(logits, targets):
    n = len(logits)
    return _probs(logits) / n - _hot(targets, logits.shape[1]) / n

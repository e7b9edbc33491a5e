"""Wrong answers to the exercises of lesson 04."""

from collections.abc import Callable

import torch
from torch import Tensor

from tests.wrong import wrong


def _hot(labels: Tensor, num_classes: int) -> Tensor:
    return torch.eye(num_classes)[labels]


wrong("cross_entropy.one_hot", "classes counted from the labels")(lambda labels, c: _hot(labels, int(labels.max()) + 1))

wrong("cross_entropy.one_hot", "whole numbers")(lambda labels, c: _hot(labels, c).long())

wrong("cross_entropy.one_hot", "true and false")(lambda labels, c: _hot(labels, c).bool())

wrong("cross_entropy.one_hot", "classes in the rows")(lambda labels, c: _hot(labels, c).T.contiguous())

wrong("cross_entropy.one_hot", "every label in every row")(
    lambda labels, c: _hot(labels, c).amax(0).expand(len(labels), c).clone()
)


def _rows_filled(labels: Tensor, num_classes: int) -> Tensor:
    y = torch.zeros(len(labels), num_classes)
    y[labels] = 1
    return y


wrong("cross_entropy.one_hot", "whole rows")(_rows_filled)

wrong("cross_entropy.one_hot", "counted from one")(lambda labels, c: _hot((labels - 1) % c, c))

wrong("cross_entropy.one_hot", "ones up to the label")(lambda labels, c: (torch.arange(c) <= labels[:, None]).float())

wrong("cross_entropy.one_hot", "the label itself")(lambda labels, c: _hot(labels, c) * labels[:, None])

wrong("cross_entropy.softmax", "maximum of the whole batch")(
    lambda z: (z - z.max()).exp() / (z - z.max()).exp().sum(-1, keepdim=True)
)

wrong("cross_entropy.softmax", "no shift")(lambda z: z.exp() / z.exp().sum(-1, keepdim=True))


def _exp(logits: Tensor) -> Tensor:
    return (logits - logits.max(-1, keepdim=True).values).exp()


wrong("cross_entropy.softmax", "dimension lost")(lambda z: _exp(z) / _exp(z).sum(-1))

wrong("cross_entropy.softmax", "small number in the denominator")(
    lambda z: z.exp() / (z.exp().sum(-1, keepdim=True) + 1e-8)
)


def _probs(logits: Tensor) -> Tensor:
    return _exp(logits) / _exp(logits).sum(-1, keepdim=True)


wrong("cross_entropy.softmax", "logits cut off")(lambda z: _probs(z.clamp(-80, 80)))

wrong("cross_entropy.softmax", "shifted by the mean")(
    lambda z: (z - z.mean(-1, keepdim=True)).exp() / (z - z.mean(-1, keepdim=True)).exp().sum(-1, keepdim=True)
)

wrong("cross_entropy.softmax", "shifted by the minimum")(
    lambda z: (
        (z - z.min(-1, keepdim=True).values).exp() / (z - z.min(-1, keepdim=True).values).exp().sum(-1, keepdim=True)
    )
)


def _in_place(logits: Tensor) -> Tensor:
    logits -= logits.max(-1, keepdim=True).values
    return logits.exp() / logits.exp().sum(-1, keepdim=True)


wrong("cross_entropy.softmax", "changes its input")(_in_place)

wrong("cross_entropy.softmax", "gradient cut off")(lambda z: _probs(z.detach()))

wrong("cross_entropy.softmax", "denominator cut off")(lambda z: _exp(z) / _exp(z).sum(-1, keepdim=True).detach())

wrong("cross_entropy.softmax", "over the batch")(
    lambda z: (z - z.max(0).values).exp() / (z - z.max(0).values).exp().sum(0)
)

wrong("cross_entropy.softmax", "over the batch")(lambda z: z.exp() / z.exp().sum(0))

wrong("cross_entropy.softmax", "shifted above the line only")(lambda z: _exp(z) / z.exp().sum(-1, keepdim=True))

wrong("cross_entropy.softmax", "over everything")(lambda z: (z - z.max()).exp() / (z - z.max()).exp().sum())

wrong("cross_entropy.softmax", "over everything")(lambda z: z.exp() / z.exp().sum())


def _log_probs(logits: Tensor) -> Tensor:
    return logits - logits.max(-1, keepdim=True).values - _exp(logits).sum(-1, keepdim=True).log()


wrong("cross_entropy.softmax", "logarithm of it")(_log_probs)

wrong("cross_entropy.softmax", "not divided")(_exp)

wrong("cross_entropy.softmax", "one sigmoid a class")(lambda z: 1 / (1 + (-z).exp()))

wrong("cross_entropy.softmax", "sign")(lambda z: _probs(-z))

wrong("cross_entropy.softmax", "without exp")(lambda z: z / z.sum(-1, keepdim=True))

wrong("cross_entropy.log_softmax", "logarithm of the softmax")(lambda z: _probs(z).log())

wrong("cross_entropy.log_softmax", "small number inside the logarithm")(lambda z: (_probs(z) + 1e-7).log())

wrong("cross_entropy.log_softmax", "shift not undone")(lambda z: z - _exp(z).sum(-1, keepdim=True).log())

wrong("cross_entropy.log_softmax", "maximum of the whole batch")(
    lambda z: z - z.max() - (z - z.max()).exp().sum(-1, keepdim=True).log()
)

wrong("cross_entropy.log_softmax", "no shift")(lambda z: z - z.exp().sum(-1, keepdim=True).log())

wrong("cross_entropy.log_softmax", "dimension lost")(
    lambda z: z - z.max(-1, keepdim=True).values - _exp(z).sum(-1).log()
)

wrong("cross_entropy.log_softmax", "normaliser cut off")(lambda z: z - (z - _log_probs(z)).detach())

wrong("cross_entropy.log_softmax", "gradient cut off")(lambda z: _log_probs(z.detach()))

wrong("cross_entropy.log_softmax", "over the batch")(
    lambda z: (z - z.max(0).values) - (z - z.max(0).values).exp().sum(0).log()
)

wrong("cross_entropy.log_softmax", "over everything")(lambda z: (z - z.max()) - (z - z.max()).exp().sum().log())

wrong("cross_entropy.log_softmax", "over everything")(
    lambda z: _log_probs(z) + _exp(z).sum(-1, keepdim=True).log() - _exp(z).sum().log()
)

wrong("cross_entropy.log_softmax", "sum without its logarithm")(
    lambda z: z - z.max(-1, keepdim=True).values - _exp(z).sum(-1, keepdim=True)
)

wrong("cross_entropy.log_softmax", "logarithm of the sum added")(
    lambda z: z - z.max(-1, keepdim=True).values + _exp(z).sum(-1, keepdim=True).log()
)

wrong("cross_entropy.log_softmax", "logarithm of each exp")(lambda z: z - z.max(-1, keepdim=True).values)

wrong("cross_entropy.log_softmax", "logarithm to base 2")(lambda z: _log_probs(z) / torch.tensor(2.0).log())

wrong("cross_entropy.log_softmax", "sign")(lambda z: -_log_probs(z))

wrong("cross_entropy.log_softmax", "no logarithm")(_probs)

wrong("cross_entropy.nll", "every row with every target")(lambda lp, t: -lp[:, t].mean())

wrong("cross_entropy.nll", "mean over all entries")(lambda lp, t: -(_hot(t, lp.shape[1]) * lp).mean())


def _at(values: Tensor, targets: Tensor) -> Tensor:
    return values.gather(1, targets[:, None])[:, 0]


wrong("cross_entropy.nll", "sum")(lambda lp, t: -_at(lp, t).sum())

wrong("cross_entropy.nll", "sign")(lambda lp, t: _at(lp, t).mean())

wrong("cross_entropy.nll", "logarithm twice")(lambda lp, t: -_at(lp, t).log().mean())

wrong("cross_entropy.nll", "probabilities")(lambda lp, t: -_at(lp, t).exp().mean())

wrong("cross_entropy.nll", "largest instead of the target's")(lambda lp, t: -lp.max(-1).values.mean())

wrong("cross_entropy.nll", "one loss an example")(lambda lp, t: -_at(lp, t))


def _rows_looked_up(log_probs: Tensor, targets: Tensor) -> Tensor:
    return -log_probs[targets].mean()


wrong("cross_entropy.nll", "rows looked up instead of columns")(_rows_looked_up)

wrong("cross_entropy.nll", "all classes")(lambda lp, t: -lp.sum(-1).mean())

wrong("cross_entropy.nll", "gradient cut off")(lambda lp, t: -_at(lp, t).detach().mean())

wrong("cross_entropy.cross_entropy", "softmax twice")(lambda z, t: -_at(_log_probs(_probs(z)), t).mean())

wrong("cross_entropy.cross_entropy", "logarithm of the softmax")(lambda z, t: -_at(_probs(z).log(), t).mean())

wrong("cross_entropy.cross_entropy", "small number inside the logarithm")(
    lambda z, t: -_at((_probs(z) + 1e-7).log(), t).mean()
)

wrong("cross_entropy.cross_entropy", "no shift")(lambda z, t: -_at(z - z.exp().sum(-1, keepdim=True).log(), t).mean())

wrong("cross_entropy.cross_entropy", "mean over all entries")(
    lambda z, t: -(_hot(t, z.shape[1]) * _log_probs(z)).mean()
)

wrong("cross_entropy.cross_entropy", "every row with every target")(lambda z, t: -_log_probs(z)[:, t].mean())

wrong("cross_entropy.cross_entropy", "sum")(lambda z, t: -_at(_log_probs(z), t).sum())

wrong("cross_entropy.cross_entropy", "sign")(lambda z, t: _at(_log_probs(z), t).mean())

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

wrong("cross_entropy.cross_entropy", "largest instead of the target's")(
    lambda z, t: -_log_probs(z).max(-1).values.mean()
)

wrong("cross_entropy.cross_entropy", "one loss an example")(lambda z, t: -_at(_log_probs(z), t))

wrong("cross_entropy.cross_entropy", "gradient cut off")(lambda z, t: -_at(_log_probs(z.detach()), t).mean())

wrong("cross_entropy.cross_entropy_backward", "not divided by n")(lambda z, t: _probs(z) - _hot(t, z.shape[1]))

wrong("cross_entropy.cross_entropy_backward", "divided by all entries")(
    lambda z, t: (_probs(z) - _hot(t, z.shape[1])) / z.numel()
)

wrong("cross_entropy.cross_entropy_backward", "divided by the classes")(
    lambda z, t: (_probs(z) - _hot(t, z.shape[1])) / z.shape[1]
)

wrong("cross_entropy.cross_entropy_backward", "1 taken from every entry")(lambda z, t: (_probs(z) - 1) / len(t))

wrong("cross_entropy.cross_entropy_backward", "the label subtracted")(lambda z, t: (_probs(z) - t[:, None]) / len(t))

wrong("cross_entropy.cross_entropy_backward", "log-probabilities")(
    lambda z, t: (_log_probs(z) - _hot(t, z.shape[1])) / len(t)
)

wrong("cross_entropy.cross_entropy_backward", "ones taken from every row")(
    lambda z, t: (_probs(z) - torch.zeros_like(z).index_fill(1, t, 1.0)) / len(t)
)

wrong("cross_entropy.cross_entropy_backward", "sign")(lambda z, t: (_hot(t, z.shape[1]) - _probs(z)) / len(t))

wrong("cross_entropy.cross_entropy_backward", "gradient for the probabilities")(
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
    lambda z, t: ((z - z.max()).exp() / (z - z.max()).exp().sum(-1, keepdim=True) - _hot(t, z.shape[1])) / len(t)
)


def _by_autograd(loss: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    def backward(logits: Tensor, targets: Tensor) -> Tensor:
        z = logits.clone().requires_grad_()
        return torch.autograd.grad(loss(z, targets), z)[0]

    return backward


wrong("cross_entropy.cross_entropy_backward", "by autograd")(_by_autograd(lambda z, t: -_at(_log_probs(z), t).mean()))

wrong("cross_entropy.accuracy", "over the batch")(lambda z, t: (z.argmax(0) == t).float().mean().item())

wrong("cross_entropy.accuracy", "every prediction with every target")(
    lambda z, t: (z.argmax(-1, keepdim=True) == t).float().mean().item()
)

wrong("cross_entropy.accuracy", "only sure ones")(lambda z, t: (_at(_probs(z), t) > 0.5).float().mean().item())

wrong("cross_entropy.accuracy", "mean over the classes")(
    lambda z, t: torch.stack([(z.argmax(-1) == t)[t == k].float().mean() for k in t.unique()]).mean().item()
)

wrong("cross_entropy.accuracy", "number of hits")(lambda z, t: float((z.argmax(-1) == t).sum()))

wrong("cross_entropy.accuracy", "one largest for the whole batch")(lambda z, t: (z.argmax() == t).float().mean().item())

wrong("cross_entropy.accuracy", "probability of the target")(lambda z, t: _at(_probs(z), t).mean().item())

wrong("cross_entropy.accuracy", "percent")(lambda z, t: 100 * (z.argmax(-1) == t).float().mean().item())

wrong("cross_entropy.accuracy", "error rate")(lambda z, t: (z.argmax(-1) != t).float().mean().item())

wrong("cross_entropy.accuracy", "whole division")(lambda z, t: float((z.argmax(-1) == t).sum() // len(t)))

wrong("cross_entropy.accuracy", "value instead of index")(lambda z, t: (z.max(-1).values == t).float().mean().item())

wrong("cross_entropy.accuracy", "smallest logit")(lambda z, t: (z.argmin(-1) == t).float().mean().item())

wrong("cross_entropy.accuracy", "positive logit")(lambda z, t: (_at(z, t) > 0).float().mean().item())

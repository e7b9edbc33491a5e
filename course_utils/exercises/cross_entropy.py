"""Exercises of lesson 04: one-hot vectors, softmax, cross-entropy, its gradient, and accuracy."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.checking import Case, Exercise, FreeText, Mistake, Rng, gradients

LOSS_OR_METRIC = FreeText("cross_entropy.loss_or_metric")

# Every operator of torch that holds a softmax or a cross-entropy, forward or backward, whatever it is called by.
ROADS = tuple(
    sorted(
        {
            name.partition(".")[0]
            for name in torch._C._dispatch_get_all_op_names()
            if re.match(r"aten::\w*(softmax|log(cum)?sumexp|logaddexp|nll_loss|cross_entropy|attention|ctc_loss)", name)
        }
    )
)
READY_MADE = (F.kl_div, F.linear_cross_entropy, *ROADS)
BY_AUTOGRAD = (torch.autograd.grad, Tensor.backward, torch.autograd.backward)


def _exp(logits: Tensor) -> Tensor:
    return (logits - logits.max(-1, keepdim=True).values).exp()


def _probs(logits: Tensor) -> Tensor:
    return _exp(logits) / _exp(logits).sum(-1, keepdim=True)


def _log_probs(logits: Tensor) -> Tensor:
    return logits - logits.max(-1, keepdim=True).values - _exp(logits).sum(-1, keepdim=True).log()


def _in_place(logits: Tensor) -> Tensor:
    logits -= logits.max(-1, keepdim=True).values
    return logits.exp() / logits.exp().sum(-1, keepdim=True)


def _hot(labels: Tensor, num_classes: int) -> Tensor:
    return torch.eye(num_classes)[labels]


def _at(values: Tensor, targets: Tensor) -> Tensor:
    return values.gather(1, targets[:, None])[:, 0]


def _rtol(logits: Tensor) -> tuple[float, ...]:
    """z - (m + log sum exp(z - m)) is right as well, and at 1000 it is rounded to 6e-5."""
    return (1e-3,) if logits.abs().max() > 100 else ()


def _large(rng: Rng) -> Iterator[tuple[str, Tensor]]:
    """Logits where exp leaves what float32 can hold; every row decides between classes that are close together."""
    yield "two rows with logits near 1000", 1000 + rng.normal(2, 4)
    yield "a row near 1000 above a row near -1000", rng.normal(2, 3) + torch.tensor([[1000.0], [-1000.0]])
    spread = rng.normal(3, 5)
    spread[:, :2] += torch.tensor([[1000.0, 1000.0], [1000.0, -1000.0], [-1000.0, -1000.0]])
    yield "rows that hold both 1000 and -1000", spread[:, rng.permutation(5)]


def _batches(rng: Rng) -> Iterator[Case]:
    """Logits with one target a row."""
    for label, logits in (
        ("a batch of three, four classes", 2 * rng.normal(3, 4)),
        ("a batch of one", 2 * rng.normal(1, 5)),
        ("a batch of seven, two classes", 2 * rng.normal(7, 2)),
        *_large(rng),
    ):
        targets = rng.integers(0, logits.shape[1], len(logits))
        if logits[0].max() - logits[0].min() > 100:
            targets[0] = logits[0].argmin()
        yield Case(label, logits=logits, targets=targets)


def _rows_filled(labels: Tensor, num_classes: int) -> Tensor:
    y = torch.zeros(len(labels), num_classes)
    y[labels] = 1
    return y


class OneHot(Exercise):
    """y[i, k] = 1 where labels[i] = k, and 0 elsewhere."""

    id, points = "cross_entropy.one_hot", 1
    shortcuts = (F.one_hot, "aten::one_hot")

    def cases(self, rng: Rng) -> Iterable[Case]:
        yield Case("labels of three classes", labels=torch.cat([rng.permutation(3), rng.integers(0, 3, 2)]), c=3)
        yield Case("a class that does not occur", labels=rng.integers(0, 4, 3), c=6)
        yield Case("a single label", labels=rng.integers(1, 3, 1), c=4)

    def probe(self, one_hot: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "y", one_hot(case.labels, case.c)

    mistakes = (
        Mistake(
            "classes counted from the labels",
            lambda labels, c: _hot(labels, int(labels.max()) + 1),
            "The number of columns comes from the largest label that occurs. A class may be absent from a batch: "
            "there are num_classes columns whatever the labels are.",
        ),
        Mistake(
            "whole numbers",
            lambda labels, c: _hot(labels, c).long(),
            "The ones and zeros are integers. A product with float32 logits needs float32.",
        ),
        Mistake(
            "true and false",
            lambda labels, c: _hot(labels, c).bool(),
            "A comparison gives True and False. Asked for are the float32 numbers 1 and 0.",
        ),
        Mistake(
            "classes in the rows",
            lambda labels, c: _hot(labels, c).T.contiguous(),
            "There is a row for each class and a column for each example. A batch comes first: one row an example.",
        ),
        Mistake(
            "every label in every row",
            lambda labels, c: _hot(labels, c).amax(0).expand(len(labels), c).clone(),
            "Each row has a 1 for every label of the batch. `y[:, labels]` means all rows times all labels; what is "
            "wanted is one entry a row, so the rows have to be given as indices too.",
        ),
        Mistake(
            "whole rows",
            _rows_filled,
            "With one index, `y[labels]` means whole rows, those that the labels name. One entry a row has two "
            "indices: which row, and which column.",
        ),
        Mistake(
            "counted from one",
            lambda labels, c: _hot((labels - 1) % c, c),
            "The ones stand one column too far to the left. Classes are counted from 0: label 0 is the first column.",
        ),
        Mistake(
            "ones up to the label",
            lambda labels, c: (torch.arange(c) <= labels[:, None]).float(),
            "Each row has ones up to its label. Only the label's own column is 1: classes have no order.",
        ),
        Mistake(
            "the label itself",
            lambda labels, c: _hot(labels, c) * labels[:, None],
            "The label's number stands in its column. It only says where the 1 goes.",
        ),
    )


class Softmax(Exercise):
    """p_k = exp(z_k) / sum_j exp(z_j) in every row z of logits, at any size of the logits."""

    id, points = "cross_entropy.softmax", 2
    shortcuts = READY_MADE

    def cases(self, rng: Rng) -> Iterable[Case]:
        yield Case("a batch of three, four classes", logits=2 * rng.normal(3, 4))
        yield Case("a batch of one", logits=2 * rng.normal(1, 5))
        for label, logits in _large(rng):
            yield Case(label, logits=logits)

    def probe(self, softmax: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        rtol = _rtol(case.logits)
        yield "p", softmax(case.logits), *rtol
        logits = case.logits.clone().requires_grad_()
        yield "grad of logits", gradients(softmax(logits), [logits])[0], *rtol

    mistakes = (
        Mistake(
            "maximum of the whole batch",
            lambda z: (z - z.max()).exp() / (z - z.max()).exp().sum(-1, keepdim=True),
            "You subtract one maximum from the whole batch. A row that lies far below it becomes exp(-2000) = 0 "
            "everywhere, and 0/0 is nan. Each row has a maximum of its own.",
        ),
        Mistake(
            "no shift",
            lambda z: z.exp() / z.exp().sum(-1, keepdim=True),
            "The formula is right, but exp(1000) is inf in float32 and exp(-1000) is 0, so inf/inf or 0/0 makes nan. "
            "What may you subtract from every logit of a row without changing the softmax?",
        ),
        Mistake(
            "dimension lost",
            lambda z: _exp(z) / _exp(z).sum(-1),
            "A sum or a maximum along the classes leaves shape (n,), and that does not fit beside (n, c). Keep the "
            "dimension with size 1, so that each row meets its own number.",
        ),
        Mistake(
            "small number in the denominator",
            lambda z: z.exp() / (z.exp().sum(-1, keepdim=True) + 1e-8),
            "A small number keeps 0/0 away, but a row of very negative logits then gives zeros that do not sum to 1, "
            "and inf/inf stays. Shift the logits instead: that is exact.",
        ),
        Mistake(
            "logits cut off",
            lambda z: _probs(z.clamp(-80, 80)),
            "Logits beyond a bound are cut off, so 1000 and 999 come out as equals. Subtracting loses nothing, "
            "cutting does.",
        ),
        Mistake(
            "shifted by the mean",
            lambda z: (z - z.mean(-1, keepdim=True)).exp() / (z - z.mean(-1, keepdim=True)).exp().sum(-1, keepdim=True),
            "You subtract the mean of each row. The largest logit can still lie hundreds above it; after the shift no "
            "logit of the row may be large.",
        ),
        Mistake(
            "shifted by the minimum",
            lambda z: (
                (z - z.min(-1, keepdim=True).values).exp()
                / (z - z.min(-1, keepdim=True).values).exp().sum(-1, keepdim=True)
            ),
            "You subtract the smallest logit of each row, so all that remains is positive, and exp of it can "
            "overflow. It is large numbers that exp cannot take.",
        ),
        Mistake(
            "changes its input",
            _in_place,
            "The logits that came in are overwritten on the way. Make new tensors: `-=` and names that end in an "
            "underscore change the caller's tensor.",
        ),
        Mistake(
            "gradient cut off",
            lambda z: _probs(z.detach()),
            "The values are right, but nothing flows back: the result is taken out of the graph by `.detach()`, "
            "`.data`, `.item()` or a new tensor made from numbers.",
        ),
        Mistake(
            "denominator cut off",
            lambda z: _exp(z) / _exp(z).sum(-1, keepdim=True).detach(),
            "The values are right, but the sum below the fraction is taken out of the graph. It depends on every "
            "logit, and that is how one logit lowers the probability of the others. Only the shift may be detached.",
        ),
        Mistake(
            "over the batch",
            lambda z: (z - z.max(0).values).exp() / (z - z.max(0).values).exp().sum(0),
            "The columns sum to 1. Each row is one example, and the probabilities of one example sum to 1.",
        ),
        Mistake(
            "over the batch",
            lambda z: z.exp() / z.exp().sum(0),
            "The columns sum to 1. Each row is one example, and the probabilities of one example sum to 1. (And large "
            "logits still overflow.)",
        ),
        Mistake(
            "shifted above the line only",
            lambda z: _exp(z) / z.exp().sum(-1, keepdim=True),
            "Only the numerator is shifted. The factor cancels when the same number is subtracted in the sum too.",
        ),
        Mistake(
            "over everything",
            lambda z: (z - z.max()).exp() / (z - z.max()).exp().sum(),
            "The whole batch sums to 1. Each row is an example of its own and sums to 1.",
        ),
        Mistake(
            "over everything",
            lambda z: z.exp() / z.exp().sum(),
            "The whole batch sums to 1. Each row is an example of its own and sums to 1. (And large logits still "
            "overflow.)",
        ),
        Mistake(
            "logarithm of it",
            _log_probs,
            "These are log-probabilities. Asked for are the probabilities themselves.",
        ),
        Mistake(
            "not divided",
            _exp,
            "The rows do not sum to 1: the exponentials are there, but not divided by their sum.",
        ),
        Mistake(
            "one sigmoid a class",
            lambda z: 1 / (1 + (-z).exp()),
            "Each class gets a probability of its own, without regard to the others. That is the sigmoid; the softmax "
            "shares one probability among all classes.",
        ),
        Mistake(
            "sign",
            lambda z: _probs(-z),
            "The smallest logit gets the largest probability. Logits are scores: a larger one means more likely.",
        ),
        Mistake(
            "without exp",
            lambda z: z / z.sum(-1, keepdim=True),
            "The rows sum to 1, but some entries may be negative. First make every score positive with exp.",
        ),
    )


class LogSoftmax(Exercise):
    """log p_k = z_k - log sum_j exp(z_j) in every row z of logits, at any size of the logits."""

    id, points = "cross_entropy.log_softmax", 2
    shortcuts = READY_MADE

    def cases(self, rng: Rng) -> Iterable[Case]:
        return Softmax().cases(rng)

    def probe(self, log_softmax: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        rtol = _rtol(case.logits)
        yield "log p", log_softmax(case.logits), *rtol
        logits = case.logits.clone().requires_grad_()
        yield "grad of logits", gradients(log_softmax(logits), [logits])[0], *rtol

    mistakes = (
        Mistake(
            "logarithm of the softmax",
            lambda z: _probs(z).log(),
            "You take the logarithm of finished probabilities. One that is below 1e-45 has been rounded to 0 by then, "
            "and log(0) is -inf. Write log(a/b) as a difference first, and one logarithm cancels an exp.",
        ),
        Mistake(
            "small number inside the logarithm",
            lambda z: (_probs(z) + 1e-7).log(),
            "A small number inside the logarithm hides the -inf, but no log-probability can then fall below about "
            "-16, and the gradient is wrong there. Work with the difference of logarithms instead.",
        ),
        Mistake(
            "shift not undone",
            lambda z: z - _exp(z).sum(-1, keepdim=True).log(),
            "The shift is on one side only. If the logarithm of the sum is taken of shifted logits, then what it is "
            "subtracted from has to be shifted as well.",
        ),
        Mistake(
            "maximum of the whole batch",
            lambda z: z - z.max() - (z - z.max()).exp().sum(-1, keepdim=True).log(),
            "You subtract one maximum from the whole batch. In a row that lies far below it every exp is 0, and "
            "log(0) is -inf. Each row has a maximum of its own.",
        ),
        Mistake(
            "no shift",
            lambda z: z - z.exp().sum(-1, keepdim=True).log(),
            "The formula is right, but exp(1000) is inf in float32 and exp(-1000) is 0, so the logarithm of the sum "
            "is inf or -inf. Subtract something from every logit of a row first.",
        ),
        Mistake(
            "dimension lost",
            lambda z: z - z.max(-1, keepdim=True).values - _exp(z).sum(-1).log(),
            "The sum along the classes has shape (n,), and a row of n numbers does not fit beside (n, c). Keep the "
            "dimension with size 1: shape (n, 1) gives every row its own number.",
        ),
        Mistake(
            "normaliser cut off",
            lambda z: z - (z - _log_probs(z)).detach(),
            "The values are right, but the logarithm of the sum is taken out of the graph, so the gradient misses "
            "that raising one logit lowers all other log-probabilities. Only the shift may be detached.",
        ),
        Mistake(
            "gradient cut off",
            lambda z: _log_probs(z.detach()),
            "The values are right, but nothing flows back: the result is taken out of the graph by `.detach()`, "
            "`.data`, `.item()` or a new tensor made from numbers.",
        ),
        Mistake(
            "over the batch",
            lambda z: (z - z.max(0).values) - (z - z.max(0).values).exp().sum(0).log(),
            "The sum runs over the batch. Each row is one example; its classes share one probability.",
        ),
        Mistake(
            "over everything",
            lambda z: (z - z.max()) - (z - z.max()).exp().sum().log(),
            "The sum runs over the whole batch. Each row has a sum of its own.",
        ),
        Mistake(
            "over everything",
            lambda z: _log_probs(z) + _exp(z).sum(-1, keepdim=True).log() - _exp(z).sum().log(),
            "Each row has its own maximum in your code, but all rows share one sum. Each row has a sum of its own too.",
        ),
        Mistake(
            "sum without its logarithm",
            lambda z: z - z.max(-1, keepdim=True).values - _exp(z).sum(-1, keepdim=True),
            "You subtract the sum of the exponentials itself. The logarithm of a fraction is a difference of two "
            "logarithms.",
        ),
        Mistake(
            "logarithm of the sum added",
            lambda z: z - z.max(-1, keepdim=True).values + _exp(z).sum(-1, keepdim=True).log(),
            "You add the logarithm of the sum. The sum is below the line of the fraction, so its logarithm is "
            "subtracted.",
        ),
        Mistake(
            "logarithm of each exp",
            lambda z: z - z.max(-1, keepdim=True).values,
            "You only shift the logits: the largest comes out as 0, which would be probability 1. The logarithm of "
            "the sum of the exponentials is missing.",
        ),
        Mistake(
            "logarithm to base 2",
            lambda z: _log_probs(z) / torch.tensor(2.0).log(),
            "Everything is 1.4427 times too large: that is the logarithm to base 2. The one that undoes exp is "
            "`torch.log`.",
        ),
        Mistake(
            "sign",
            lambda z: -_log_probs(z),
            "The numbers are positive. A probability is at most 1, so its logarithm is at most 0; the minus sign comes "
            "with the loss.",
        ),
        Mistake("no logarithm", _probs, "These are the probabilities. Asked for are their logarithms."),
    )


def _rows_looked_up(log_probs: Tensor, targets: Tensor) -> Tensor:
    return -log_probs[targets].mean()


class Nll(Exercise):
    """-1/n sum_i log_probs[i, targets[i]], the negative log-likelihood."""

    id, points = "cross_entropy.nll", 1
    shortcuts = READY_MADE

    def cases(self, rng: Rng) -> Iterable[Case]:
        for label, n, c in (
            ("a batch of three, four classes", 3, 4),
            ("a batch of one", 1, 5),
            ("a batch of seven, two classes", 7, 2),
        ):
            log_probs = torch.log_softmax(2 * rng.normal(n, c), -1)
            yield Case(label, log_probs=log_probs, targets=rng.integers(0, c, n))

    def probe(self, nll: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "loss", nll(case.log_probs, case.targets)
        log_probs = case.log_probs.clone().requires_grad_()
        yield "grad of log_probs", gradients(nll(log_probs, case.targets), [log_probs])[0]

    mistakes = (
        Mistake(
            "every row with every target",
            lambda lp, t: -lp[:, t].mean(),
            "`log_probs[:, targets]` takes all targets from every row, n times n numbers. Each row has one target of "
            "its own, so give the rows as indices too.",
        ),
        Mistake(
            "mean over all entries",
            lambda lp, t: -(_hot(t, lp.shape[1]) * lp).mean(),
            "You divide by the number of entries, n * c. The zeros of a one-hot product are no terms of the mean: "
            "there are n examples.",
        ),
        Mistake(
            "sum",
            lambda lp, t: -_at(lp, t).sum(),
            "You add the examples up. The loss is their mean, so that it does not grow with the size of the batch.",
        ),
        Mistake(
            "sign",
            lambda lp, t: _at(lp, t).mean(),
            "The loss is negative. Log-probabilities are at most 0; the minus sign makes a loss that is small where "
            "the target is likely.",
        ),
        Mistake(
            "logarithm twice",
            lambda lp, t: -_at(lp, t).log().mean(),
            "You take the logarithm of what is a logarithm already, and it is negative: nan.",
        ),
        Mistake(
            "probabilities",
            lambda lp, t: -_at(lp, t).exp().mean(),
            "You average the probabilities. What came in are logarithms, and the loss is an average of these.",
        ),
        Mistake(
            "largest instead of the target's",
            lambda lp, t: -lp.max(-1).values.mean(),
            "You take the largest entry of each row, whatever the target is. The model would be rewarded for being "
            "sure, not for being right.",
        ),
        Mistake(
            "one loss an example",
            lambda lp, t: -_at(lp, t),
            "There is one number an example. The loss of the batch is one number, their mean.",
        ),
        Mistake(
            "rows looked up instead of columns",
            _rows_looked_up,
            "With one index, `log_probs[targets]` means whole rows, those that the targets name. A target names a "
            "column: one entry has two indices, the row and the column.",
        ),
        Mistake(
            "all classes",
            lambda lp, t: -lp.sum(-1).mean(),
            "All classes are added up. Only the target's log-probability counts.",
        ),
        Mistake(
            "gradient cut off",
            lambda lp, t: -_at(lp, t).detach().mean(),
            "The value is right, but nothing flows back: the result is taken out of the graph by `.detach()`, "
            "`.data`, `.item()` or a new tensor made from numbers.",
        ),
    )


class CrossEntropy(Exercise):
    """-1/n sum_i log p[i, targets[i]] with p = softmax(logits), at any size of the logits."""

    id, points = "cross_entropy.cross_entropy", 1
    shortcuts = READY_MADE

    def cases(self, rng: Rng) -> Iterable[Case]:
        return _batches(rng)

    def probe(self, cross_entropy: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        rtol = _rtol(case.logits)
        yield "loss", cross_entropy(case.logits, case.targets), *rtol
        logits = case.logits.clone().requires_grad_()
        yield "grad of logits", gradients(cross_entropy(logits, case.targets), [logits])[0], *rtol

    mistakes = (
        Mistake(
            "softmax twice",
            lambda z, t: -_at(_log_probs(_probs(z)), t).mean(),
            "There are two softmaxes. Probabilities lie between 0 and 1, so the second one makes them nearly equal, "
            "and the loss can never come near 0. The softmax belongs into the loss once.",
        ),
        Mistake(
            "logarithm of the softmax",
            lambda z, t: -_at(_probs(z).log(), t).mean(),
            "You take the logarithm of finished probabilities. Far from the largest logit they have been rounded to "
            "0, and the loss is inf. You have written log_softmax for this.",
        ),
        Mistake(
            "small number inside the logarithm",
            lambda z, t: -_at((_probs(z) + 1e-7).log(), t).mean(),
            "A small number inside the logarithm hides the inf: a hopeless mistake then costs at most 16, with no "
            "gradient that could mend it. You have written log_softmax for this.",
        ),
        Mistake(
            "no shift",
            lambda z, t: -_at(z - z.exp().sum(-1, keepdim=True).log(), t).mean(),
            "exp(1000) is inf in float32 and exp(-1000) is 0. You have written a log_softmax that copes with both.",
        ),
        Mistake(
            "mean over all entries",
            lambda z, t: -(_hot(t, z.shape[1]) * _log_probs(z)).mean(),
            "You divide by the number of entries, n * c. The zeros of a one-hot product are no terms of the mean: "
            "there are n examples.",
        ),
        Mistake(
            "every row with every target",
            lambda z, t: -_log_probs(z)[:, t].mean(),
            "`[:, targets]` takes all targets from every row. Each row has one target of its own.",
        ),
        Mistake(
            "sum",
            lambda z, t: -_at(_log_probs(z), t).sum(),
            "You add the examples up. The loss is their mean, so that it does not grow with the size of the batch.",
        ),
        Mistake(
            "sign",
            lambda z, t: _at(_log_probs(z), t).mean(),
            "The loss is negative. Gradient descent makes the loss small; this one would be smallest where the target "
            "is least likely.",
        ),
        Mistake(
            "no logarithm",
            lambda z, t: -_at(_probs(z), t).mean(),
            "You average the probability of the target. Its logarithm is missing, and with it the steep price of "
            "being sure and wrong.",
        ),
        Mistake(
            "no softmax",
            lambda z, t: -_at(z, t).mean(),
            "You average the target's logit. It says nothing alone: only set against the other logits of its row "
            "does it become a probability.",
        ),
        Mistake(
            "squared error",
            lambda z, t: (_probs(z) - _hot(t, z.shape[1])).square().sum(-1).mean(),
            "This is the squared distance between p and the one-hot vector. It costs at most 2, however sure and wrong "
            "the model is.",
        ),
        Mistake(
            "all classes as yes or no",
            lambda z, t: (
                -(
                    (_hot(t, z.shape[1]) * _log_probs(z)).sum(-1)
                    + ((1 - _hot(t, z.shape[1])) * (1 - _probs(z)).clamp(min=1e-30).log()).sum(-1)
                ).mean()
            ),
            "You also add log(1 - p) of the other classes. That is the loss for independent yes-or-no questions; here "
            "the probabilities sum to 1, and the target's says it all.",
        ),
        Mistake(
            "over the batch",
            lambda z, t: -_at((z - z.max(0).values) - (z - z.max(0).values).exp().sum(0).log(), t).mean(),
            "The softmax runs over the batch. The probabilities of one example, a row, sum to 1.",
        ),
        Mistake(
            "largest instead of the target's",
            lambda z, t: -_log_probs(z).max(-1).values.mean(),
            "You take the largest log-probability of each row, whatever the target is.",
        ),
        Mistake(
            "one loss an example",
            lambda z, t: -_at(_log_probs(z), t),
            "There is one number an example. The loss of the batch is one number, their mean.",
        ),
        Mistake(
            "gradient cut off",
            lambda z, t: -_at(_log_probs(z.detach()), t).mean(),
            "The value is right, but nothing flows back: the result is taken out of the graph by `.detach()`, "
            "`.data`, `.item()` or a new tensor made from numbers.",
        ),
    )


def _by_autograd(loss: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    def backward(logits: Tensor, targets: Tensor) -> Tensor:
        z = logits.clone().requires_grad_()
        return torch.autograd.grad(loss(z, targets), z)[0]

    return backward


class CrossEntropyBackward(Exercise):
    """The gradient of cross_entropy(logits, targets) with respect to the logits, (p - y) / n, without autograd."""

    id, points = "cross_entropy.cross_entropy_backward", 3
    shortcuts = (*BY_AUTOGRAD, *READY_MADE)

    def cases(self, rng: Rng) -> Iterable[Case]:
        return _batches(rng)

    def probe(self, cross_entropy_backward: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "gradient", cross_entropy_backward(case.logits, case.targets), *_rtol(case.logits)

    mistakes = (
        Mistake(
            "not divided by n",
            lambda z, t: _probs(z) - _hot(t, z.shape[1]),
            "Every row is right for its own loss. But the loss of the batch is a mean, so each row has only the n-th "
            "part of the say.",
        ),
        Mistake(
            "divided by all entries",
            lambda z, t: (_probs(z) - _hot(t, z.shape[1])) / z.numel(),
            "You divide by the number of entries, n * c. The loss is a mean over the n examples.",
        ),
        Mistake(
            "divided by the classes",
            lambda z, t: (_probs(z) - _hot(t, z.shape[1])) / z.shape[1],
            "You divide by the number of classes. The loss is a mean over the n examples.",
        ),
        Mistake(
            "1 taken from every entry",
            lambda z, t: (_probs(z) - 1) / len(t),
            "You subtract 1 from every probability. Only the target's has to become 1; the others have to become 0.",
        ),
        Mistake(
            "the label subtracted",
            lambda z, t: (_probs(z) - t[:, None]) / len(t),
            "You subtract the number of the class. It is a name, not an amount: the one-hot row is subtracted.",
        ),
        Mistake(
            "log-probabilities",
            lambda z, t: (_log_probs(z) - _hot(t, z.shape[1])) / len(t),
            "You subtract the one-hot row from the logarithms. It is subtracted from the probabilities themselves.",
        ),
        Mistake(
            "ones taken from every row",
            lambda z, t: (_probs(z) - torch.zeros_like(z).index_fill(1, t, 1.0)) / len(t),
            "`p[:, targets] -= 1` takes 1 from the columns of all targets in every row. Each row has one target of its "
            "own, so give the rows as indices too.",
        ),
        Mistake(
            "sign",
            lambda z, t: (_hot(t, z.shape[1]) - _probs(z)) / len(t),
            "This is y - p. A step against the gradient has to raise the target's logit, so the gradient there is "
            "negative.",
        ),
        Mistake(
            "gradient for the probabilities",
            lambda z, t: -_hot(t, z.shape[1]) / _probs(z) / len(t),
            "This is the derivative of -log p by p. One more link of the chain is missing: how p depends on all the "
            "logits of its row.",
        ),
        Mistake(
            "only the target's column",
            lambda z, t: _hot(t, z.shape[1]) * (_probs(z) - 1) / len(t),
            "The other columns are zero. The target's probability depends on every logit of the row, through the sum: "
            "lowering another logit helps too.",
        ),
        Mistake(
            "target forgotten",
            lambda z, t: _probs(z) / len(t),
            "This is p / n, the part that comes from the logarithm of the sum. The target's own logit is missing.",
        ),
        Mistake(
            "logits instead of probabilities",
            lambda z, t: (z - _hot(t, z.shape[1])) / len(t),
            "You subtract the one-hot vector from the logits. It is subtracted from the probabilities.",
        ),
        Mistake(
            "slope of the sigmoid",
            lambda z, t: (_probs(z) - _hot(t, z.shape[1])) * _probs(z) * (1 - _probs(z)) / len(t),
            "There is a factor p (1 - p) too many. It belongs to the squared error of a sigmoid; in cross-entropy the "
            "logarithm cancels it.",
        ),
        Mistake(
            "no shift",
            lambda z, t: (z.exp() / z.exp().sum(-1, keepdim=True) - _hot(t, z.shape[1])) / len(t),
            "The formula is right, but its softmax overflows at logits of 1000. You have written one that does not.",
        ),
        Mistake(
            "maximum of the whole batch",
            lambda z, t: (
                ((z - z.max()).exp() / (z - z.max()).exp().sum(-1, keepdim=True) - _hot(t, z.shape[1])) / len(t)
            ),
            "The softmax subtracts one maximum from the whole batch, and a row far below it becomes 0/0. Each row has "
            "a maximum of its own.",
        ),
        Mistake(
            "by autograd",
            _by_autograd(lambda z, t: -_at(_log_probs(z), t).mean()),
            "Autograd did the derivation. Here you do it yourself; a formula of one line is enough.",
        ),
    )


class Accuracy(Exercise):
    """The part of the examples whose largest logit belongs to the target, between 0 and 1."""

    id, points = "cross_entropy.accuracy", 1

    def cases(self, rng: Rng) -> Iterable[Case]:
        for label, c, targets, predictions in (
            ("a batch of nine, four classes, three right", 4, [0] * 5 + [1] * 3 + [2], [0, 3, 3, 3, 3, 1, 3, 3, 2]),
            ("a batch of five, all right", 3, [0, 0, 1, 2, 1], [0, 0, 1, 2, 1]),
            ("a batch of seven, none right", 2, [0, 0, 1, 0, 1, 1, 0], [1, 1, 0, 1, 0, 0, 1]),
            ("a batch of one, right", 6, [4], [4]),
        ):
            classes, order = rng.permutation(c), rng.permutation(len(targets))
            largest = classes[torch.tensor(predictions)][order]
            falling = 0.4 * rng.normal(len(targets), c).sort(-1, descending=True).values
            falling[0, 0] += 3
            falling -= 5 * ("all right" in label)  # the largest logit of a row is negative here
            logits = falling.gather(1, (torch.arange(c) - largest[:, None]) % c)
            yield Case(label, logits=logits, targets=classes[torch.tensor(targets)][order])

    def probe(self, accuracy: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "accuracy", accuracy(case.logits, case.targets)

    mistakes = (
        Mistake(
            "over the batch",
            lambda z, t: (z.argmax(0) == t).float().mean().item(),
            "`argmax(0)` asks which example has the largest logit of each class. Ask each row for its largest class.",
        ),
        Mistake(
            "every prediction with every target",
            lambda z, t: (z.argmax(-1, keepdim=True) == t).float().mean().item(),
            "Shape (n, 1) against shape (n,) broadcasts to (n, n): every prediction is compared with every target. "
            "Give both the shape (n,).",
        ),
        Mistake(
            "only sure ones",
            lambda z, t: (_at(_probs(z), t) > 0.5).float().mean().item(),
            "You count an example as right only where the target's probability is above one half. With more than two "
            "classes the largest can be smaller.",
        ),
        Mistake(
            "mean over the classes",
            lambda z, t: torch.stack([(z.argmax(-1) == t)[t == k].float().mean() for k in t.unique()]).mean().item(),
            "You average over the classes, each with its own accuracy. Here every example counts the same.",
        ),
        Mistake(
            "number of hits",
            lambda z, t: float((z.argmax(-1) == t).sum()),
            "You count the hits. Asked for is their part of all examples.",
        ),
        Mistake(
            "one largest for the whole batch",
            lambda z, t: (z.argmax() == t).float().mean().item(),
            "`argmax()` without a dimension gives one place for the whole batch. Ask each row for its largest class.",
        ),
        Mistake(
            "probability of the target",
            lambda z, t: _at(_probs(z), t).mean().item(),
            "This is the mean probability of the right class. The accuracy does not ask how sure: an example is right "
            "or wrong.",
        ),
        Mistake(
            "percent",
            lambda z, t: 100 * (z.argmax(-1) == t).float().mean().item(),
            "This is in percent. Asked for is a number between 0 and 1.",
        ),
        Mistake(
            "error rate",
            lambda z, t: (z.argmax(-1) != t).float().mean().item(),
            "This is the part of the examples that are wrong.",
        ),
        Mistake(
            "whole division",
            lambda z, t: float((z.argmax(-1) == t).sum() // len(t)),
            "`//` cuts off the fraction: anything short of all right becomes 0.",
        ),
        Mistake(
            "value instead of index",
            lambda z, t: (z.max(-1).values == t).float().mean().item(),
            "You compare the largest logit itself with the target. Compare the column in which it stands.",
        ),
        Mistake(
            "smallest logit",
            lambda z, t: (z.argmin(-1) == t).float().mean().item(),
            "You take the smallest logit of each row. A larger logit means more likely.",
        ),
        Mistake(
            "positive logit",
            lambda z, t: (_at(z, t) > 0).float().mean().item(),
            "You ask whether the target's logit is positive. What counts is whether it is the largest of its row.",
        ),
    )

"""Exercises of lesson 04: one-hot vectors, softmax, cross-entropy, its gradient, and accuracy."""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.checking import (
    Case,
    Exercise,
    Expose,
    FreeText,
    Mistake,
    Rng,
    edit,
    gradients,
    operators,
)
from course_utils.exercises._forms import EXPOSING, missed
from course_utils.exercises.sgd import AUTOGRAD

LOSS_OR_METRIC = FreeText("cross_entropy.loss_or_metric", extra=True)

# Every operator of torch that holds a softmax or a cross-entropy, forward or backward, whatever it
# is called by.
ROADS = operators("softmax|log(cum)?sumexp|logaddexp|nll_loss|cross_entropy|attention|ctc_loss")
NEWER = [getattr(F, name) for name in ("linear_cross_entropy",) if hasattr(F, name)]
READY_MADE = (F.kl_div, *NEWER, *ROADS)


def _rtol(logits: Tensor) -> tuple[float, ...]:
    """z - (m + log sum exp(z - m)) is right as well, and at 1000 it is rounded to 6e-5."""
    return (1e-3,) if logits.abs().max() > 100 else ()


def _large(rng: Rng) -> Iterator[tuple[str, Tensor]]:
    """Logits where exp overflows or underflows; the top classes of every row are close together."""
    yield "three rows with logits near 1000, three classes", 1000 + rng.normal(3, 3)
    yield "one row with logits near -1000", rng.normal(1, 4) - 1000
    yield (
        "a row near 1000 above a row near -1000",
        rng.normal(2, 3) + torch.tensor([[1000.0], [-1000.0]]),
    )
    spread = rng.normal(3, 5)
    spread[:, :2] += torch.tensor([[1000.0, 1000.0], [1000.0, -1000.0], [-1000.0, -1000.0]])
    yield "rows that hold both 1000 and -1000", spread[:, rng.permutation(5)]


def _batches(rng: Rng) -> Iterator[Case]:
    """Logits with one target per row."""
    for label, logits in (
        ("a batch of three, four classes", 2 * rng.normal(3, 4)),
        ("a batch of one", 2 * rng.normal(1, 5)),
        ("a batch of seven, two classes", 2 * rng.normal(7, 2)),
        ("a batch of three, all of them surely right", rng.normal(3, 4)),
        *_large(rng),
        ("a batch of 37", 2 * rng.normal(37, 3)),
    ):
        targets = rng.integers(0, logits.shape[1], len(logits))
        if "surely right" in label:
            logits[torch.arange(3), targets] += 9
        if logits[0].max() - logits[0].min() > 100:
            targets[0] = logits[0].argmin()
        if logits.max() < -100:
            targets[:] = 0
        yield Case(label, axis="many" if len(logits) > 30 else "", logits=logits, targets=targets)


def _there_and_back(name: str, answer: Any, case: Case, *more: Any) -> Iterator[tuple[Any, ...]]:
    """What the answer returns and the gradient through it; nan or inf has no useful gradient."""
    (of, x), *others = case.inputs.items()
    rest = [value for _, value in others]
    value = answer(x, *rest)
    yield name, value, *more
    if isinstance(value, Tensor) and not value.isfinite().all():
        return
    x = x.clone().requires_grad_()
    yield f"grad of {of}", gradients(answer(x, *rest), [x])[0], *more


class OneHot(Exercise):
    """y[i, k] = 1 where labels[i] = k, and 0 elsewhere."""

    id, points = "cross_entropy.one_hot", 1
    minutes, lines, writes = 5, "one to three lines", "labels as rows of zeros and a one"
    shortcuts = (F.one_hot, "aten::one_hot")

    def cases(self, rng: Rng) -> Iterable[Case]:
        yield Case(
            "labels of three classes",
            labels=torch.cat([rng.permutation(3), rng.integers(0, 3, 2)]),
            c=3,
        )
        yield Case("a class that does not occur", labels=rng.integers(0, 4, 3), c=12)
        yield Case("a single label", labels=rng.integers(1, 3, 1), c=4)
        yield Case("a single class", labels=torch.zeros(3, dtype=torch.int64), c=1)

    def probe(self, one_hot: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "y", one_hot(case.labels, case.c)

    mistakes = (
        Mistake(
            "classes counted from the labels",
            edit("arange(num_classes)", "arange(int(labels.max()) + 1)"),
            "You take the number of columns from the largest label that occurs. A class may be "
            "missing from a batch: there are num_classes columns whatever the labels are.",
        ),
        Mistake(
            "classes renumbered",
            edit("labels[:, None]", "labels.unique(return_inverse=True)[1][:, None]"),
            "You number the classes that occur in this batch. A label is the number of its "
            "column, whether or not the classes before it occur.",
        ),
        Mistake(
            "integers instead of floats",
            edit(".float()", ".long()"),
            "The ones and zeros are integers. A product with float32 logits needs float32.",
        ),
        Mistake(
            "booleans instead of numbers",
            edit(".float()", ""),
            "Your result holds True and False. Convert them to the float32 numbers 1 and 0.",
        ),
        Mistake(
            "classes in the rows",
            edit("labels[:, None]", "labels", "(num_classes)", "(num_classes)[:, None]"),
            "There is a row for each class and a column for each example. A batch comes first: "
            "one row per example.",
        ),
        Mistake(
            "every label in every row",
            edit(".float()", ".any(0).expand(len(labels), num_classes).float()"),
            "Each row has a 1 for every label of the batch. `y[:, labels]` means every label "
            "in every row. You want one entry per row, so index the rows as well.",
        ),
        Mistake(
            "whole rows",
            edit(
                "(labels[:, None] == torch.arange(num_classes)).float()",
                "torch.zeros(len(labels), num_classes).index_put((labels,), torch.tensor(1.0))",
            ),
            "With one index, `y[labels]` picks whole rows. A single entry takes two indices: "
            "which row, and which column.",
        ),
        *(
            Mistake(
                "counted from one",
                edit("labels[:, None]", moved),
                "The ones are one column too far to the left. Classes are counted from 0: "
                "label 0 is the first column.",
            )
            for moved in ("(labels[:, None] - 1) % num_classes", "labels[:, None] - 1")
        ),
        Mistake(
            "ones up to the label",
            edit("==", ">="),
            "Each row has ones up to its label. Only the label's own column is 1: classes have no "
            "order.",
        ),
        Mistake(
            "only the first row",
            edit(".float()", ".float() * (torch.arange(len(labels)) == 0)[:, None]"),
            "Only the first row has its 1; the others stay zeros. A `return` inside a loop ends it "
            "in the first turn.",
        ),
        Mistake(
            "the label itself",
            edit(".float()", ".float() * labels[:, None]"),
            "You put the label's number into its column. It only says where the 1 goes.",
        ),
    )


def _shift_mistakes() -> list[Mistake]:
    """Mistakes in what is subtracted from a row, for softmax and log_softmax."""
    return [
        *(
            Mistake(
                "dimension not kept",
                edit(kept, kept.replace(", keepdim=True", "")),
                "A sum or a maximum along the classes leaves shape (n,), and a row of n "
                "numbers does not line up with (n, c). Keep the dimension with size 1: shape "
                "(n, 1) gives every row its own number.",
            )
            for kept in ("sum(-1, keepdim=True)", "amax(-1, keepdim=True)")
        ),
        *(
            Mistake(
                "shifted by less than the maximum",
                edit("logits.amax(-1, keepdim=True)", shift),
                "You do not subtract the largest logit of the row but, for example, its mean, "
                "its smallest or its first. The largest can be hundreds above that; after the "
                "shift no logit may be large.",
            )
            for shift in (
                "logits.mean(-1, keepdim=True)",
                "logits.amin(-1, keepdim=True)",
                "logits[:, :1]",
            )
        ),
        Mistake(
            "maximum of each column",
            edit("amax(-1", "amax(0"),
            "You subtract the maximum of each column. The numbers subtracted from one row then "
            "differ, and that changes its probabilities. Each row has one maximum, its own.",
        ),
        Mistake(
            "shifted by the largest absolute value",
            edit("logits.amax(", "logits.abs().amax("),
            "You subtract the largest absolute value of each row. Very negative logits then "
            "become even more negative, and every exp is 0. Subtract the largest logit itself.",
        ),
    ]


class Softmax(Exercise):
    """p_k = exp(z_k) / sum_j exp(z_j) in every row z of logits, at any size of the logits."""

    id, points = "cross_entropy.softmax", 2
    minutes, lines, writes = 20, "two or three lines", "scores to probabilities"
    shortcuts = READY_MADE

    def cases(self, rng: Rng) -> Iterable[Case]:
        yield Case("a batch of three, four classes", logits=2 * rng.normal(3, 4))
        yield Case("a batch of one", logits=2 * rng.normal(1, 5))
        far = 2 * rng.normal(2, 4) + torch.tensor([30.0, -10.0, 0.0, 0.0])[rng.permutation(4)]
        yield Case("rows in which a logit is far above the others", logits=far)
        for label, logits in _large(rng):
            yield Case(label, logits=logits)

    def probe(self, softmax: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        rtol = _rtol(case.logits)
        yield from _there_and_back("p", softmax, case, *rtol)
        if not rtol:
            yield "log of p", softmax(case.logits).log()  # which small entries of p show in

    mistakes = (
        Mistake(
            "maximum of the whole batch",
            edit("amax(-1, keepdim=True)", "max()"),
            "You subtract one maximum from the whole batch. In a row far below it every exp is "
            "0, and 0/0 is nan. Each row has its own maximum.",
        ),
        Mistake(
            "no shift",
            edit("logits.amax(-1, keepdim=True)", "0"),
            "exp(1000) is inf and exp(-1000) is 0, so inf/inf or 0/0 makes nan. What may you "
            "subtract from every logit of a row without changing the result?",
        ),
        *_shift_mistakes(),
        *(
            Mistake(
                "small probabilities cut off",
                edit("(logits - shift).exp()", f"(logits - shift).clamp(min={floor}).exp()"),
                "Far below the largest logit all classes get the same probability: you keep the "
                "logits, or the probabilities, above a limit. No limit is needed, since exp of a "
                "very negative number is just small, and below the limit nothing is learned.",
            )
            for floor in (-10.0, -20.0, -30.0)
        ),
        Mistake(
            "gradient lost at large logits",
            edit(
                "exp = (logits - shift).exp()",
                "exp = (logits[:, None] - logits[..., None]).exp()",
                "exp / exp.sum(-1, keepdim=True)",
                "1 / exp.sum(-1)",
            ),
            "The probabilities are right, but where logits are far apart the gradient is nan: an "
            "exp has become inf on the way, 1/inf is 0, and the slope of that is 0 times inf. Let "
            "nothing overflow: subtract the largest logit of each row first.",
        ),
        Mistake(
            "shifted only in the denominator",
            edit("return exp", "return logits.exp()"),
            "You shift in the denominator and not in the numerator. The factor that a shift brings "
            "in cancels where both are made of shifted logits.",
        ),
        Mistake(
            "small number in the denominator",
            edit(
                "logits.amax(-1, keepdim=True)",
                "0",
                "exp.sum(-1, keepdim=True)",
                "(exp.sum(-1, keepdim=True) + 1e-8)",
            ),
            "A small number avoids 0/0, but a row of very negative logits then gives zeros "
            "that do not sum to 1, and inf/inf remains. Shift the logits instead: that is "
            "exact.",
        ),
        Mistake(
            "nan replaced",
            edit(
                "logits.amax(-1, keepdim=True)",
                "0",
                "exp / exp.sum(-1, keepdim=True)",
                "(exp / exp.sum(-1, keepdim=True)).nan_to_num(0)",
            ),
            "Where exp overflows, or a whole row is rounded to 0, you replace nan by 0. The "
            "rows then do not sum to 1. Shift the logits instead: then there is no nan.",
        ),
        Mistake(
            "logits clamped",
            edit("logits.amax(", "(logits := logits.clamp(-80, 80)).amax("),
            "You clamp the logits, so 1000 and 999 come out equal. Subtracting loses nothing, "
            "clamping does.",
        ),
        *(
            Mistake(
                "divided by the maximum",
                edit("logits - shift", f"logits / {largest}"),
                "You divide the logits by the size of the largest in the row. That changes their "
                "differences, and with them the result; subtracting does not.",
            )
            for largest in ("shift", "logits.abs().amax(-1, keepdim=True)")
        ),
        Mistake(
            "changes its input",
            edit("(logits - shift)", "logits.sub_(shift)"),
            "You overwrite the logits that were passed in. Make new tensors: `-=` and names "
            "that end in an underscore change the caller's tensor.",
        ),
        Mistake(
            "gradient cut off",
            edit("shift).exp()", "shift).detach().exp()"),
            "Nothing flows back: the result leaves the graph through `.detach()`, `.data`, "
            "`.item()` or a new tensor made from numbers.",
        ),
        *(
            Mistake(
                "denominator detached",
                edit("exp.sum(-1, keepdim=True)", "exp.sum(-1, keepdim=True).detach()") + shift,
                "You take the denominator out of the graph. It depends on every logit, which "
                "is how one logit lowers the probability of the others. Only the shift may be "
                "detached.",
            )
            for shift in (edit(), edit("logits.amax(", "logits.detach().amax("))
        ),
        Mistake(
            "exponentials overwritten",
            edit("return exp / exp.sum(-1, keepdim=True)", "return exp.div_(exp.sum(-1, True))"),
            "Your numbers are right, but the division in place (`/=` or `.div_`) overwrites the "
            "exponentials, and backward() needs them for the slope of exp. Divide into a new "
            "tensor.",
        ),
        *(
            Mistake(
                "over the batch",
                change,
                "You divide by the sum of a column. Each row is one example, and the "
                "probabilities of one example sum to 1.",
            )
            for change in (edit("sum(-1", "sum(0"), edit("amax(-1", "amax(0", "sum(-1", "sum(0"))
        ),
        Mistake(
            "shifted only in the numerator",
            edit("exp.sum(", "logits.exp().sum("),
            "You shift only the numerator. The factor cancels only if you subtract the same "
            "number in the sum too.",
        ),
        *(
            Mistake(
                "over everything",
                edit("exp.sum(-1, keepdim=True)", "exp.sum()") + maximum,
                "All rows share one sum. Each row is a separate example and sums to 1.",
            )
            for maximum in (edit(), edit("amax(-1, keepdim=True)", "max()"))
        ),
        *(
            Mistake(
                "logarithm of the result",
                edit("exp / exp.sum(-1, keepdim=True)", logarithm),
                "These are log-probabilities. Return the probabilities themselves.",
            )
            for logarithm in (
                "logits - shift - exp.sum(-1, keepdim=True).log()",
                "(exp / exp.sum(-1, keepdim=True)).log()",
            )
        ),
        Mistake(
            "not divided",
            edit(" / exp.sum(-1, keepdim=True)", ""),
            "The exponentials are not divided by their sum, so the rows do not sum to 1.",
        ),
        Mistake(
            "one sigmoid per class",
            edit("exp / exp.sum(-1, keepdim=True)", "1 / (1 + (-logits).exp())"),
            "Each class gets its probability regardless of the others. That is the sigmoid; "
            "the softmax shares a total of 1 among all classes.",
        ),
        Mistake(
            "wrong sign",
            edit("amax", "amin", "logits - shift", "shift - logits"),
            "The smallest logit gets the largest probability. Logits are scores: a larger one "
            "means more likely.",
        ),
        Mistake(
            "without exp",
            edit("(logits - shift).exp()", "logits"),
            "You divide the logits themselves by their sum, so some entries may be negative. First "
            "make every score positive with exp.",
        ),
        Mistake(
            "powers of 2",
            edit(".exp()", ".exp2()"),
            "You raise 2 to the power of the logits. The softmax raises e: `torch.exp`.",
        ),
    )


def _stops_at_a_floor(evidence: list[dict[str, Any]]) -> bool:
    """The smallest log-probability is near -2000, or -inf; a floor would hide that."""
    smallest = [float(values["log p"].min()) for values in evidence]
    return all(map(math.isfinite, smallest)) and -150 < min(smallest) < -10


class LogSoftmax(Exercise):
    """log p_k = z_k - log sum_j exp(z_j) in every row z of logits, at any size of the logits."""

    id, points = "cross_entropy.log_softmax", 2
    minutes, lines, writes = 15, "two lines", "the same as logarithms"
    shortcuts = READY_MADE

    def cases(self, rng: Rng) -> Iterable[Case]:
        return Softmax().cases(rng)

    def probe(self, log_softmax: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield from _there_and_back("log p", log_softmax, case, *_rtol(case.logits))

    mistakes = (
        Mistake(
            "logarithm of the softmax",
            edit("return shifted -", "return (shifted.exp() /", "True).log()", "True)).log()"),
            "You take the logarithm of finished probabilities. Anything below 1e-45 has been "
            "rounded to 0 by then, and log(0) is -inf. Write log(a/b) as a difference first, "
            "and one logarithm cancels an exp.",
        ),
        Mistake(
            "floor under the logarithm",
            None,
            "None of your log-probabilities is below -150, though some logits are 2000 apart. "
            "A small number inside the logarithm, or a lower limit, hides the -inf, but the "
            "values and the gradient are wrong there. Work with the difference of logarithms "
            "instead.",
            sign=_stops_at_a_floor,
        ),
        Mistake(
            "shift not undone",
            edit("return shifted -", "return logits -"),
            "You shift on one side only. If you take the logarithm of the sum of shifted "
            "logits, subtract it from shifted logits too.",
        ),
        Mistake(
            "maximum of the whole batch",
            edit("amax(-1, keepdim=True)", "max()"),
            "You subtract one maximum from the whole batch. In a row far below it every exp is "
            "0, and log(0) is -inf. Each row has its own maximum.",
        ),
        Mistake(
            "no shift",
            edit("logits.amax(-1, keepdim=True)", "0"),
            "exp(1000) is inf and exp(-1000) is 0, so the logarithm of the sum is inf or -inf. "
            "What may you subtract from every logit of a row without changing the result?",
        ),
        *_shift_mistakes(),
        Mistake(
            "changes its input",
            edit("logits - shift", "logits.sub_(shift)"),
            "You overwrite the logits that were passed in. Make new tensors: `-=` and names "
            "that end in an underscore change the caller's tensor.",
        ),
        *(
            Mistake(
                "normaliser detached",
                edit("True).log()", "True).log().detach()") + shift,
                "You take the logarithm of the sum out of the graph, so the gradient does not "
                "know that raising one logit lowers all other log-probabilities. Only the "
                "shift may be detached.",
            )
            for shift in (edit(), edit("logits.amax(", "logits.detach().amax("))
        ),
        Mistake(
            "gradient cut off",
            edit("logits - shift", "(logits - shift).detach()"),
            "Nothing flows back: the result leaves the graph through `.detach()`, `.data`, "
            "`.item()` or a new tensor made from numbers.",
        ),
        *(
            Mistake(
                "over the batch",
                change,
                "You sum over the batch. Each row is one example; its probabilities sum to 1.",
            )
            for change in (edit("sum(-1", "sum(0"), edit("amax(-1", "amax(0", "sum(-1", "sum(0"))
        ),
        *(
            Mistake(
                "over everything",
                edit("sum(-1, keepdim=True)", "sum()") + maximum,
                "All your rows share one sum. Each row has its own.",
            )
            for maximum in (edit(), edit("amax(-1, keepdim=True)", "max()"))
        ),
        Mistake(
            "sum without its logarithm",
            edit(".log()", ""),
            "You subtract the sum of the exponentials itself. The logarithm of a fraction is a "
            "difference of two logarithms.",
        ),
        Mistake(
            "mean instead of sum",
            edit(".sum(", ".mean("),
            "You take the mean of the exponentials. The denominator of the softmax is their sum.",
        ),
        Mistake(
            "logarithm before the sum",
            edit(".exp().sum(-1, keepdim=True).log()", ".exp().log().sum(-1, keepdim=True)"),
            "You take the logarithm of each exponential, which only undoes it, and then add up. "
            "First add up, then take the logarithm of the sum.",
        ),
        Mistake(
            "logarithm of the sum added",
            edit("shifted - shifted", "shifted + shifted"),
            "You add the logarithm of the sum. The sum is in the denominator, so subtract its "
            "logarithm.",
        ),
        Mistake(
            "logarithm of each exp",
            edit(" - shifted.exp().sum(-1, keepdim=True).log()", ""),
            "You only shift the logits: the largest comes out as 0, which would be probability 1. "
            "The logarithm of the sum of the exponentials is missing.",
        ),
        *(
            Mistake(
                f"logarithm to base {base}",
                edit(
                    "return shifted -", "return (shifted -", "True).log()", f"True).log()) / {log}"
                ),
                f"Everything is {1 / log:.4f} times what it should be: that is the logarithm "
                f"to base {base}. The inverse of exp is `torch.log`.",
            )
            for base, log in ((2, math.log(2)), (10, math.log(10)))
        ),
        Mistake(
            "log10 of the sum",
            edit(".log()", ".log10()"),
            "The logarithm of the sum is taken to base 10. The inverse of exp is `torch.log`.",
        ),
        Mistake(
            "1 added under the logarithm",
            edit(".log()", ".log1p()"),
            "You take the logarithm of 1 plus the sum; `log1p` adds that 1. The probabilities then "
            "add up to less than 1. Take the logarithm of the sum itself.",
        ),
        Mistake(
            "log2 of the sum",
            edit(".log()", ".log2()"),
            "The logarithm of the sum is taken to base 2. The inverse of exp is `torch.log`.",
        ),
        Mistake(
            "wrong sign",
            edit("return shifted -", "return -(shifted -", "True).log()", "True).log())"),
            "The sign is wrong. A probability is at most 1, so its logarithm is at most 0; the "
            "minus sign comes later, in the loss.",
        ),
        Mistake(
            "maximum subtracted twice",
            edit("return shifted", "return shifted - shift"),
            "The row's maximum is subtracted twice. log-sum-exp already holds it, so it goes with "
            "the logits as they came; the bare logarithm of the sum goes with the shifted ones.",
        ),
        Mistake(
            "no logarithm",
            edit("return shifted -", "return shifted.exp() /", "True).log()", "True)"),
            "These are the probabilities. Return their logarithms.",
        ),
    )


def _lookup_mistakes(all_entries: str) -> list[Mistake]:
    """Mistakes in the entries of log_probs and their mean, for nll and cross_entropy."""
    return [
        Mistake(
            "every row with every target",
            edit("torch.arange(len(targets)), targets", ":, targets"),
            "`log_probs[:, targets]` takes all targets from every row, n times n numbers. Each "
            "row has its own target, so index the rows as well.",
        ),
        Mistake(
            "rows looked up instead of columns",
            edit("torch.arange(len(targets)), targets", "targets"),
            "With one index, `log_probs[targets]` picks whole rows. A target is a column: a "
            "single entry takes two indices, the row and the column.",
        ),
        Mistake(
            "row and column swapped",
            edit("torch.arange(len(targets)), targets", "targets, torch.arange(len(targets))"),
            "Your two indices are swapped. The row comes first, then the column: the target.",
        ),
        Mistake(
            "mean over all entries",
            edit(".mean()", f".sum() / {all_entries}.numel()"),
            "You divide by the number of entries, n * c. The zeros of a one-hot product do not "
            "count in the mean: there are n examples.",
        ),
        Mistake(
            "divided by the classes",
            edit(".mean()", f".sum() / {all_entries}.shape[-1]"),
            "You divide by the number of classes. The mean is over the n examples.",
        ),
        Mistake(
            "sum",
            edit(".mean()", ".sum()"),
            "You add up the losses of the examples. The loss is their mean, so that it does "
            "not grow with the size of the batch.",
        ),
        Mistake(
            "median instead of mean",
            edit(".mean()", ".quantile(0.5)"),
            "You take the median of the examples' losses. The loss of the batch is their mean.",
        ),
        Mistake(
            "wrong sign",
            edit("return -", "return "),
            "The sign is wrong: there is one minus too many or too few. Log-probabilities are "
            "at most 0; with one minus the loss is positive, and small where the target is "
            "likely.",
        ),
        Mistake(
            "largest entry instead of the target's",
            edit("[torch.arange(len(targets)), targets]", ".amax(-1)"),
            "You take the largest entry of each row, whatever the target is. That rewards the "
            "model for being sure, not for being right.",
        ),
        Mistake(
            "one loss per example",
            edit(".mean()", ""),
            "There is one number per example. The loss of the batch is one number, their mean.",
        ),
        *(
            Mistake(
                "all classes",
                edit("[torch.arange(len(targets)), targets]", classes),
                "All classes count in your loss. Only the target's log-probability counts.",
            )
            for classes in (".sum(-1)", "")
        ),
        Mistake(
            "mean over the classes",
            edit(
                "return -log_probs[torch.arange(len(targets)), targets].mean()",
                "losses = -log_probs[torch.arange(len(targets)), targets]\n    return "
                "torch.stack([losses[targets == k].mean() for k in targets.unique()]).mean()",
            ),
            "You average each class first and then the classes. Here every example counts the "
            "same.",
        ),
    ]


class Nll(Exercise):
    """-1/n sum_i log_probs[i, targets[i]], the negative log-likelihood."""

    id, points = "cross_entropy.nll", 1
    minutes, lines, writes = 10, "one line", "a lookup and a mean"
    shortcuts = READY_MADE

    def cases(self, rng: Rng) -> Iterable[Case]:
        for label, n, c in (
            ("a batch of three, four classes", 3, 4),
            ("a batch of one", 1, 5),
            ("a batch of five, five classes, one target near -500 and one at 0", 5, 5),
            ("a batch of 67", 67, 3),
        ):
            logits, targets = 2 * rng.normal(n, c), rng.integers(0, c, n)
            if n == c:  # with each class once, rows and columns could change places
                targets[1] = targets[0]
            if "-500" in label:
                logits[0, targets[0]] -= 500
                logits[2, targets[2]] += 500  # as sure as can be: log p is 0
            yield Case(
                label,
                axis="many" if n > 60 else "",
                log_probs=torch.log_softmax(logits, -1),
                targets=targets,
            )

    def probe(self, nll: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield from _there_and_back("loss", nll, case)

    mistakes = (
        *_lookup_mistakes("log_probs"),
        Mistake(
            "only the first example",
            edit(".mean()", "[0]"),
            "Your loss is that of the first example alone. The loss of the batch is the mean over "
            "all. (A `return` inside a loop ends it in the first turn.)",
        ),
        *(
            Mistake(
                "only the last example",
                edit(".mean()", last),
                "Of all examples only the last counts, as it does when each turn of a loop "
                "overwrites what the turn before had. Add the losses up, then divide by n.",
            )
            for last in ("[-1]", "[-1] / len(targets)")
        ),
        Mistake(
            "entries of 0 not counted",
            edit(
                "return -log_probs[torch.arange(len(targets)), targets].mean()",
                "picked = log_probs[torch.arange(len(targets)), targets]\n    return "
                "-picked.sum() / (picked != 0).sum()",
            ),
            "You leave out the entries that are 0. A log-probability of 0 is that of a sure and "
            "right answer, and it counts: divide by n, the number of examples.",
        ),
        Mistake(
            "logarithm twice",
            edit("log_probs[", "log_probs.log()["),
            "You take the logarithm of a logarithm, which is negative: nan.",
        ),
        Mistake(
            "probabilities",
            edit("log_probs[", "log_probs.exp()["),
            "You average the probabilities. You are given logarithms, and the loss is their "
            "average.",
        ),
        Mistake(
            "logarithm of the mean",
            edit("log_probs[", "log_probs.exp()[", ".mean()", ".mean().log()"),
            "You average the probabilities and take the logarithm of that. The loss is the mean "
            "of the logarithms.",
        ),
        Mistake(
            "gradient cut off",
            edit("log_probs[", "log_probs.detach()["),
            "Nothing flows back: the result leaves the graph through `.detach()`, `.data`, "
            "`.item()` or a new tensor made from numbers.",
        ),
    )


class CrossEntropy(Exercise):
    """-1/n sum_i log p[i, targets[i]] with p = softmax(logits), at any size of the logits."""

    id, points = "cross_entropy.cross_entropy", 1
    minutes, lines, writes = 5, "one line", "the loss"
    without = {
        "requires_grad": "its gradient is judged in every case",
    }
    shortcuts = READY_MADE

    def cases(self, rng: Rng) -> Iterable[Case]:
        return _batches(rng)

    def probe(self, cross_entropy: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield from _there_and_back("loss", cross_entropy, case, *_rtol(case.logits))

    mistakes = (
        *_lookup_mistakes("logits"),
        *(
            Mistake(
                "log-probabilities cut off",
                edit("log_softmax(logits)", f"log_softmax(logits).clamp(min={floor})"),
                "However wrong the model is, an example costs no more than a bound. A limit for "
                "the log-probabilities does that, or the smallest number there is inside the "
                "logarithm, and below it there is no gradient left to learn from. You have "
                "written log_softmax, which needs neither.",
            )
            for floor in (-100.0, math.log(2.0**-126), math.log(1e-300))
        ),
        Mistake(
            "softmax twice",
            edit("(logits)", "(softmax(logits))"),
            "There are two softmaxes. Probabilities lie between 0 and 1, so the second one makes "
            "them nearly equal, and the loss can never come near 0. One softmax is enough.",
        ),
        Mistake(
            "logarithm of the softmax",
            edit("= log_softmax(", "= torch.log(softmax(", "logits)\n", "logits))\n"),
            "You take the logarithm of finished probabilities. Far below the largest logit "
            "they have been rounded to 0, and the loss is inf. You have written log_softmax "
            "for this.",
        ),
        *(
            Mistake(
                "small number inside the logarithm",
                edit(
                    "= log_softmax(", f"= torch.log({small} + softmax(", "logits)\n", "logits))\n"
                ),
                "A small number inside the logarithm hides the inf: a hopeless mistake then "
                f"costs at most {-math.log(float(small)):.0f}, with no gradient to fix it. You "
                "have written log_softmax for this.",
            )
            for small in ("1e-3", "1e-5", "1e-6", "1e-7", "1e-8", "1e-9", "1e-10", "1e-12")
        ),
        Mistake(
            "no shift",
            edit("log_softmax(logits)", "logits - logits.exp().sum(-1, keepdim=True).log()"),
            "exp(1000) is inf in float32 and exp(-1000) is 0. Your own log_softmax handles both.",
        ),
        Mistake(
            "maximum of the whole batch",
            edit(
                "log_softmax(logits)",
                "(z := logits - logits.max()) - z.exp().sum(-1, keepdim=True).log()",
            ),
            "You subtract one maximum from the whole batch, and in a row that lies far below it "
            "every exp is 0. Each row has a maximum of its own; your log_softmax knows that.",
        ),
        Mistake(
            "no logarithm",
            edit("log_softmax", "softmax"),
            "You average the probability of the target. Its logarithm is missing, and with it "
            "the high cost of being sure and wrong.",
        ),
        Mistake(
            "logarithm to base 2",
            edit("= log_softmax(logits)", f"= log_softmax(logits) / {math.log(2)}"),
            "The loss is measured in bits, with the logarithm to base 2, which makes it 1.4427 "
            "times as large. Take `torch.log`.",
        ),
        Mistake(
            "no softmax",
            edit("log_softmax(logits)", "logits"),
            "You average the target's logit. Alone it says nothing: it only becomes a "
            "probability in relation to the other logits of its row.",
        ),
        Mistake(
            "squared error",
            edit(
                "return -log_probs[torch.arange(len(targets)), targets].mean()",
                "return (log_probs.exp() - one_hot(targets, "
                "logits.shape[-1])).square().sum(-1).mean()",
            ),
            "This is the squared distance between p and the one-hot vector. It costs at most 2, "
            "however sure and wrong the model is.",
        ),
        Mistake(
            "all classes as yes or no",
            edit(
                "targets].mean()",
                "targets].mean()\n    others = (1 - log_probs.exp()).clamp(min=1e-30).log()\n    "
                "return loss - ((1 - one_hot(targets, logits.shape[-1])) * others).sum(-1).mean()",
                "return -",
                "loss = -",
            ),
            "You also add log(1 - p) of the other classes. That is the loss for independent "
            "yes-or-no questions; here the probabilities sum to 1, and the target's says it all.",
        ),
        *(
            Mistake(
                "one sigmoid per class",
                edit("log_softmax(logits)", log_sigmoid),
                "Each class gets its probability from a sigmoid, regardless of the others. The "
                "softmax shares a total of 1 among all classes, so that a wrong class costs what "
                "the right one lacks.",
            )
            for log_sigmoid in (
                "torch.nn.functional.logsigmoid(logits)",
                "logits.sigmoid().log()",
            )
        ),
        Mistake(
            "examples that are right already left out",
            edit(
                "targets].mean()",
                "targets][logits.argmax(-1) != targets].sum() / len(targets)",
            ),
            "You leave out the examples whose target already has the largest logit. They have a "
            "loss too, as long as the probability of their target is below 1.",
        ),
        Mistake(
            "labels smoothed",
            edit("targets].mean()", "targets].mean() * 0.9 - 0.1 * log_probs.mean()"),
            "A tenth of the loss is spread over all classes (label smoothing). Here only the "
            "target counts.",
        ),
        Mistake(
            "targets ignored",
            edit(
                "log_probs[torch.arange(len(targets)), targets]",
                "(log_probs.exp() * log_probs).sum(-1)",
            ),
            "This is the entropy of the prediction. It says how unsure the model is, and does "
            "not depend on the targets.",
        ),
        Mistake(
            "over the batch",
            edit("(logits)", "(logits.T).T"),
            "Your softmax runs over the batch. The probabilities of one example, a row, sum to 1.",
        ),
        Mistake(
            "gradient cut off",
            edit("(logits)", "(logits.detach())"),
            "Nothing flows back: the result leaves the graph through `.detach()`, `.data`, "
            "`.item()` or a new tensor made from numbers.",
        ),
    )


class CrossEntropyBackward(Exercise):
    """The gradient of cross_entropy(logits, targets), (p - y) / n, without autograd."""

    id, points = "cross_entropy.cross_entropy_backward", 3
    minutes, lines, writes = 25, "one to three lines", "a derivation"
    without = {
        "requires_grad": (
            "a solution through NumPy is right, and NumPy takes no tensors that require a gradient"
        ),
    }
    shortcuts = (*AUTOGRAD, *READY_MADE)

    def cases(self, rng: Rng) -> Iterable[Case]:
        return _batches(rng)

    def probe(self, cross_entropy_backward: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "gradient", cross_entropy_backward(case.logits, case.targets), *_rtol(case.logits)

    mistakes = (
        Mistake(
            "not divided by n",
            edit(" / len(targets)", ""),
            "You do not divide by n. Each row is the gradient of its own loss; the loss of the "
            "batch is the mean, in which each counts for one n-th.",
        ),
        Mistake(
            "divided by all entries",
            edit("len(targets)", "logits.numel()"),
            "You divide by the number of entries, n * c. The loss is a mean over the n examples.",
        ),
        Mistake(
            "divided by the classes",
            edit("len(targets)", "logits.shape[1]"),
            "You divide by the number of classes. The loss is a mean over the n examples.",
        ),
        Mistake(
            "only y divided by n",
            edit("(p - y) / len", "p - y / len"),
            "Only the one-hot vectors are divided by n. Divide the whole difference: use brackets.",
        ),
        Mistake(
            "only p divided by n",
            edit("(p - y) / len(targets)", "p / len(targets) - y"),
            "Only the probabilities are divided by n. Divide the whole difference.",
        ),
        Mistake(
            "gradient of the squared error",
            edit("(p - y) / len(targets)", "2 * (p - y) / logits.numel()"),
            "This is the derivative of the mean squared error between p and y with respect to "
            "p. Here the loss is the cross-entropy, and you need the gradient with respect to "
            "the logits.",
        ),
        Mistake(
            "1 subtracted from every entry",
            edit("p - y", "p - 1"),
            "You subtract 1 from every probability. Only the target's probability should "
            "become 1; the others should become 0.",
        ),
        Mistake(
            "the label subtracted",
            edit("p - y", "p - targets[:, None]"),
            "You subtract the number of the class. It is a name, not an amount: subtract the "
            "one-hot row.",
        ),
        Mistake(
            "log-probabilities",
            edit("= softmax", "= log_softmax"),
            "You subtract the one-hot row from the logarithms. It is subtracted from the "
            "probabilities themselves.",
        ),
        Mistake(
            "ones subtracted in every row",
            edit("shape[-1])", "shape[-1]).amax(0)"),
            "`p[:, targets] -= 1` takes 1 from the columns of all targets in every row. Each "
            "row has its own target, so index the rows as well.",
        ),
        Mistake(
            "classes counted from the targets",
            edit("logits.shape[-1]", "int(targets.max()) + 1"),
            "The one-hot rows have as many columns as the largest target needs. A class may be "
            "missing from a batch: take the number of classes from the logits.",
        ),
        Mistake(
            "the prediction instead of the target",
            edit("one_hot(targets", "one_hot(logits.argmax(-1)"),
            "You subtract the one-hot row of the largest logit. The target says which class is "
            "right, whatever the model thinks.",
        ),
        Mistake(
            "wrong sign",
            edit("p - y", "y - p"),
            "You subtract p from y. A step against the gradient has to raise the target's logit, "
            "so the gradient there is negative.",
        ),
        Mistake(
            "gradient with respect to the probabilities",
            edit("p - y", "-y / p"),
            "This is the derivative of -log p with respect to p. One link of the chain rule is "
            "missing: how p depends on all the logits of its row.",
        ),
        Mistake(
            "only the target's column",
            edit("(p - y)", "y * (p - y)"),
            "The other columns are zero. The target's probability depends on every logit of the "
            "row, through the sum: lowering another logit helps too.",
        ),
        Mistake(
            "target forgotten",
            edit("p - y", "p"),
            "Your gradient is made of p alone, the part that comes from the logarithm of the "
            "sum. The target's own logit is missing.",
        ),
        Mistake(
            "rows that are right already set to 0",
            edit("(p - y)", "(logits.argmax(-1) != targets)[:, None] * (p - y)"),
            "Where the target already has the largest logit, your gradient is 0. There is still "
            "something to learn there, as long as the probability of the target is below 1.",
        ),
        Mistake(
            "logits instead of probabilities",
            edit("= softmax(logits)", "= logits"),
            "You subtract the one-hot vector from the logits. It is subtracted from the "
            "probabilities.",
        ),
        Mistake(
            "slope of the sigmoid",
            edit("(p - y)", "(p - y) * p * (1 - p)"),
            "You have an extra factor p (1 - p). It belongs to the squared error of a sigmoid; "
            "in cross-entropy the logarithm cancels it.",
        ),
        Mistake(
            "no shift",
            edit("= softmax(logits)", "= logits.exp() / logits.exp().sum(-1, keepdim=True)"),
            "Your softmax overflows at logits of 1000. Your own softmax does not.",
        ),
        Mistake(
            "maximum of the whole batch",
            edit(
                "= softmax(logits)",
                "= (e := (logits - logits.max()).exp()) / e.sum(-1, keepdim=True)",
            ),
            "The softmax subtracts one maximum from the whole batch, and a row far below it "
            "becomes 0/0. Each row has its own maximum.",
        ),
        Mistake(
            "over the batch",
            edit("= softmax(logits)", "= softmax(logits.T).T"),
            "Your softmax runs over the batch. The probabilities of one example, a row, sum to 1.",
        ),
    )


class Accuracy(Exercise):
    """The share of examples whose largest logit is the target's, between 0 and 1."""

    id, points = "cross_entropy.accuracy", 1
    minutes, lines, writes = 5, "one line", "the metric"
    without = {
        "requires_grad": (
            "a solution through NumPy is right, and NumPy takes no tensors that require a gradient"
        ),
    }

    def cases(self, rng: Rng) -> Iterable[Case]:
        n, hits = (
            2 * rng.integer(115, 140) + 1,
            rng.integer(50, 80),
        )  # so that no size tells how many are right
        missed = [1 + (i % 3 > 0) for i in range(n - hits)]
        for label, c, targets, predictions in (
            (
                "a batch of nine, four classes, three right",
                4,
                [0] * 5 + [1] * 3 + [2],
                [0, 3, 3, 3, 3, 1, 3, 3, 2],
            ),
            ("a batch of five, five classes, all right", 5, [0, 0, 1, 2, 1], [0, 0, 1, 2, 1]),
            (
                "a batch of seven, rows of logits near 200, -1000 and 100,000, none right",
                2,
                [0, 0, 1, 0, 1, 1, 0],
                [1, 1, 0, 1, 0, 0, 1],
            ),
            ("a batch of one, right", 6, [4], [4]),
            (f"a batch of {n}, {hits} of them right", 3, [0] * n, [0] * hits + missed),
        ):
            classes, order = rng.permutation(c), rng.permutation(len(targets))
            # the first example is wrong among nine and right among many
            order = order.roll(-int(order.tolist().index(min(1, len(targets) - 1))))
            if len(targets) == 1:
                classes[targets[0]] = rng.integer(3, c)  # beyond the columns of a small example
            largest = classes[torch.tensor(predictions)][order]
            falling = 0.4 * rng.normal(len(targets), c).sort(-1, descending=True).values
            falling[0, 0] += 3
            falling -= 5 * ("all right" in label)  # the largest logit of a row is negative here
            due = classes[torch.tensor(targets)][order]
            if "none right" in label:  # exp overflows, and no maximum of another row helps
                firsts = due == 0
                levels = torch.tensor([200.0, -1000.0, 100_000.0])
                falling[:, 0] += 1
                falling += levels[firsts.cumsum(0) * firsts % 3, None]
            logits = falling.gather(1, (torch.arange(c) - largest[:, None]) % c)
            axis = "many" if len(order) > 100 else ""
            if axis:
                yield self._ties(rng)
            yield Case(label, axis=axis, logits=logits, targets=due)

    def _ties(self, rng: Rng) -> Case:
        """Two equal logits in each row, and each class as often a target, so that it does not
        matter which of two equal ones is taken: `topk` may take the last.
        """
        targets = torch.tensor([0, 1, 0, 1, 0, 1])[rng.permutation(6)]
        label = "a batch of six, two classes with equal logits"
        return Case(label, logits=rng.normal(6, 1).repeat(1, 2), targets=targets)

    def probe(self, accuracy: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "accuracy", accuracy(case.logits, case.targets)

    mistakes = (
        Mistake(
            "over the batch",
            edit(
                "hits = logits.argmax(-1) == targets",
                "best = logits.argmax(0)\n    hits = best[: len(targets)] == targets[: len(best)]",
            ),
            "You look for the largest logit along the batch, which gives an example for each "
            "class. Ask each row for its largest class.",
        ),
        Mistake(
            "over the batch",
            edit(
                "logits.argmax(-1) == targets",
                "logits.argmax(0)[targets] == torch.arange(len(targets))",
            ),
            "You ask whether an example has the largest logit of its class in the batch. Ask "
            "whether its class has the largest logit in its row.",
        ),
        Mistake(
            "over the batch",
            edit("argmax(-1)", "argmax(0)"),
            "`argmax(0)` asks which example has the largest logit of each class. Ask each row for "
            "its largest class.",
        ),
        Mistake(
            "every prediction with every target",
            edit("argmax(-1)", "argmax(-1, keepdim=True)"),
            "Shape (n, 1) against shape (n,) broadcasts to (n, n): every prediction is compared "
            "with every target. Give both the shape (n,).",
        ),
        Mistake(
            "only confident predictions counted",
            edit(
                "logits.argmax(-1) == targets",
                "softmax(logits)[torch.arange(len(targets)), targets] > 0.5",
            ),
            "You count an example as right only where the target's probability is above one half. "
            "With more than two classes the largest can be smaller.",
        ),
        Mistake(
            "top two counted",
            edit(
                "logits.argmax(-1) == targets",
                "(logits.topk(2).indices == targets[:, None]).any(-1)",
            ),
            "You count an example as right where the target is among the two largest logits. Only "
            "the largest counts.",
        ),
        Mistake(
            "mean over the classes",
            edit(
                "hits.float().mean()",
                "torch.stack([hits[targets == k].float().mean() for k in targets.unique()]).mean()",
            ),
            "You average over the classes, each with its own accuracy. Here every example counts "
            "the same.",
        ),
        Mistake(
            "number of hits",
            edit(".mean()", ".sum()"),
            "You count the hits. Divide by the number of examples.",
        ),
        *(
            Mistake(
                f"divided by {name}",
                edit("hits.float().mean()", f"(hits.float().sum() / {number})"),
                f"You divide the number of hits by the number of {name}. Divide by the number of "
                "examples.",
            )
            for name, number in (("all entries", "logits.numel()"), ("classes", "logits.shape[-1]"))
        ),
        Mistake(
            "one largest for the whole batch",
            edit("argmax(-1)", "argmax()"),
            "`argmax()` without a dimension gives one place for the whole batch. Ask each row for "
            "its largest class.",
        ),
        Mistake(
            "probability of the target",
            edit(
                "logits.argmax(-1) == targets",
                "softmax(logits)[torch.arange(len(targets)), targets]",
            ),
            "This is the mean probability of the right class. Accuracy does not depend on how "
            "sure the model is: an example is right or wrong.",
        ),
        Mistake(
            "percent",
            edit(".item()", ".item() * 100"),
            "This is in percent. The accuracy is a number between 0 and 1.",
        ),
        *(
            Mistake(
                "rounded",
                edit("return hits", "return round(hits", ".item()", f".item(), {digits})"),
                "The result is rounded. Return it as it is.",
            )
            for digits in (1, 2, 3)
        ),
        Mistake(
            "error rate",
            edit("== targets", "!= targets"),
            "This is the share of examples that are wrong.",
        ),
        Mistake(
            "all or nothing",
            edit("hits.float().mean().item()", "float(hits.sum() // len(targets))"),
            "Anything short of all right becomes 0, as it does when `//` or `int` cuts off the "
            "fraction, and when you ask whether all are right. The accuracy is the share that is.",
        ),
        Mistake(
            "one hit is enough",
            edit(".float().mean()", ".any().float()"),
            "Your result is 1 as soon as one example is right. The accuracy is the share that is.",
        ),
        Mistake(
            "only the first example",
            edit("hits.float()", "hits[:1].float()"),
            "Your result says whether the first example is right. The accuracy is the share of all "
            "that are. (A `return` inside a loop ends it in the first turn.)",
        ),
        Mistake(
            "one-hot rows compared entry by entry",
            edit(
                "logits.argmax(-1) == targets",
                "one_hot(logits.argmax(-1), logits.shape[-1]) "
                "== one_hot(targets, logits.shape[-1])",
            ),
            "You compare one-hot rows entry by entry, and two different rows still agree in all "
            "zeros but two. An example is right or wrong as a whole.",
        ),
        Mistake(
            "last class never predicted",
            edit("logits.argmax(", "logits[:, :-1].argmax("),
            "Your prediction is never the last class, though its logit is the largest of some "
            "rows. Look at all columns.",
        ),
        Mistake(
            "one column too far to the right",
            edit("argmax(-1)", "argmax(-1) + 1"),
            "You add 1 to the column of the largest logit. Classes are counted from 0, as the "
            "columns are.",
        ),
        Mistake(
            "value instead of index",
            edit("argmax(", "amax("),
            "You compare the largest logit itself with the target. Compare its column.",
        ),
        Mistake(
            "smallest logit",
            edit("argmax(", "argmin("),
            "You take the smallest logit of each row. A larger logit means more likely.",
        ),
        Mistake(
            "largest absolute value",
            edit("logits.argmax(", "logits.abs().argmax("),
            "You look for the logit with the largest absolute value. A larger logit means more "
            "likely, and a negative one is small.",
        ),
        Mistake(
            "only the first three classes",
            edit("logits.argmax(", "logits[:, :3].argmax("),
            "You look at the first three columns only. There may be any number of classes.",
        ),
        Mistake(
            "only positive logits hit",
            edit(
                "== targets",
                "== targets) & (logits.amax(-1) > 0)",
                "logits.argmax",
                "(logits.argmax",
            ),
            "You count a hit only if its logit is above 0. Only the order of the logits in a row "
            "matters: the same number added to all of them changes nothing.",
        ),
        Mistake(
            "all equal logits counted",
            edit(
                "logits.argmax(-1) == targets",
                "logits[torch.arange(len(targets)), targets] == logits.amax(-1)",
            ),
            "Where the target's logit is the largest together with another, you count a hit. The "
            "prediction is one class only: a model whose logits are all equal would be right about "
            "everything.",
        ),
        Mistake(
            "one maximum for all rows",
            edit("logits.argmax(", "(logits - logits.max()).exp().argmax("),
            "You take the argmax of a softmax that is shifted by the maximum of the whole batch. "
            "In a row far below it every exp is 0, and all classes are equal. The softmax keeps "
            "the order, so it is not needed here at all.",
        ),
        Mistake(
            "half precision",
            edit("logits.argmax(", "logits.half().argmax("),
            "You compare the logits in half precision, which has three digits and ends at 65,504: "
            "logits that are near each other, or large, become equal.",
        ),
        Mistake(
            "argmax of a softmax without shift",
            edit(
                "logits.argmax(-1)",
                "(logits.exp() / logits.exp().sum(-1, keepdim=True)).argmax(-1)",
            ),
            "You take the argmax of a softmax that overflows: for large logits, exp gives inf, "
            "inf / inf is nan, and argmax picks the first nan. The softmax keeps the order, so it "
            "is not needed here.",
        ),
        Mistake(
            "positive logit",
            edit(
                "logits.argmax(-1) == targets",
                "logits[torch.arange(len(targets)), targets] > 0",
            ),
            "You ask whether the target's logit is positive. What counts is whether it is the "
            "largest of its row.",
        ),
    )


class ExposeAccuracy(Expose):
    """Cases that show wrong answers to `accuracy` to be wrong, and the result of the first.

    Share of 24 exposed (`python -m tests.attempts` runs these again):

    | cases | share exposed |
    |---|---|
    | random numbers, the mean of 20 | 0.64 |
    | the example in the stub of the function | 0.67 |
    | one example, right | 0.33 |
    | two of three right, two classes | 0.79 |
    | three classes and four examples | 0.79 |
    | with a tie in the first row | 0.83 |
    | three classes twice, the second case with ties | 0.96 |
    | that, with four classes in the first case | 0.92 |
    """

    id, points = "cross_entropy.expose_accuracy", 2
    minutes, lines = 15, "two small cases"
    writes = "cases that show wrong answers to be wrong"
    extra = True
    of = Accuracy
    takes = {"logits": "tensor", "targets": "codes"}
    shapes = (
        "logits should have shape (n, classes) and targets (n,), with numbers from 0 to "
        "classes - 1."
    )
    asks = "accuracy"
    beyond = (
        "only positive logits hit",
        "argmax of a softmax without shift",
        "one maximum for all rows",
        "half precision",
        "all equal logits counted",
    )
    numbers = 20
    full, part = 0.85, 0.6

    def suits(self, given: Mapping[str, Any]) -> bool:
        """Whether each example has its row of logits, and a target that is one of the classes."""
        logits, targets = given["logits"], given["targets"]
        if logits.ndim != 2 or targets.shape != logits.shape[:1]:
            return False
        return bool(((targets >= 0) & (targets < logits.shape[1])).all())

    mistakes = (
        *EXPOSING,
        missed(
            "error rate",
            "With half of them right, the share of hits and the share of errors are the same "
            "number.",
        ),
        missed(
            "every prediction with every target",
            "With one example there is nothing to average over. Which wrong answers differ only "
            "when there are several?",
        ),
        missed(
            "largest absolute value",
            "Where every largest logit is positive and alone, a rule that looks at the sign or "
            "the size is right by luck.",
        ),
    )

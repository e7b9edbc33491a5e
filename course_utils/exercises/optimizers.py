"""Exercises of lesson 07: Nesterov, Adagrad, RMSProp, Adam, AdamW, and Adam without a memory."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from course_utils.checking import Case, Edit, Exercise, Mistake, Repair, Rng, edit
from course_utils.exercises._forms import REPAIRING
from course_utils.exercises._steps import (
    STEPS,
    WITHOUT,
    decay_mistakes,
    factor_mistakes,
    in_place_mistakes,
    probe_steps,
    step_case,
)


def _buffers(rng: Rng, case: Case, name: str, zero: bool) -> list[Tensor]:
    """Buffers for a case's parameters: zeros, or what some earlier steps could have left."""
    drawn = [rng.normal(*p.shape) for p in case.params]
    return [
        0 * x if zero else x.square() if name in ("squares", "sums") else 0.3 * x for x in drawn
    ]


def _cases(rng: Rng, *names: str, **draw: Callable[[Rng], Any]) -> Iterator[Case]:
    """Fresh buffers, gradients of exactly 0 among those of three steps, then a run continued from
    step 4 with a parameter without a gradient.
    """
    for label, shapes, steps, without, start in (
        ("one vector, one step, called inside torch.no_grad()", [(3,)], 1, (), 1),
        ("a matrix and a bias, three steps, lr changes", [(4, 3), (4,)], 3, (), 1),
        ("a run that goes on, params[0] without gradient", [(2, 3)] * 3, 2, (0,), 4),
        ("a single number (shape ()), four steps", [()], 4, (), 1),
    ):
        hyper = {key: value(rng) for key, value in draw.items()}
        case = step_case(
            rng, label, shapes, steps, without, start=start, in_no_grad="no_grad" in label, **hyper
        )
        if steps == 3:
            case.grads[0][0][0, :2] = torch.tensor([0.0, 0.01])  # the second root is below eps
            case.grads[1][0][1, 0] = 0.0
            case.grads[2][1].zero_()
        case.inputs.update({name: _buffers(rng, case, name, zero=start == 1) for name in names})
        yield case


def _betas(rng: Rng) -> list[float]:
    return [rng.number(0.6, 0.8), rng.number(0.9, 0.95)]


def _eps(rng: Rng) -> float:
    return rng.number(0.05, 0.2)


_FIRST_ONLY = Mistake(
    "return inside the loop",
    edit("", "            return"),
    "Only the first parameter with a gradient takes a step. Is there a `return` inside the loop?",
)


def _zero_treated_as_missing(kept: str, *edits: Edit) -> list[Mistake]:
    """That a gradient of 0 is skipped, for a whole tensor or, by these edits, entry by entry."""
    return [
        Mistake(
            "gradient of zero treated as missing",
            change,
            f"Where the gradient is 0 you skip something. Only a `.grad` of None is left alone: at "
            f"a gradient of 0 {kept} fade as always, and the weight still moves by what is in "
            "them.",
        )
        for change in (edit("p.grad is not None", "p.grad is not None and p.grad.any()"), *edits)
    ]


_SQUARES_MISTAKES = (
    Mistake(
        "eps added into the buffer",
        edit("(s.sqrt() + eps)", "s.add_(eps).sqrt()"),
        "`add_` writes eps into the buffer, so one more eps is in it after every step. The buffer "
        "keeps squares alone; eps is added to the root, which is a new tensor.",
    ),
    Mistake(
        "gradient without its sign",
        edit("lr * p.grad", "lr * p.grad.abs()"),
        "You divide |g| by the root, so every weight falls, whichever way its gradient points. "
        "The root makes the length of the step; its sign is that of the gradient.",
    ),
    Mistake(
        "gradient squared in place",
        edit("p.grad**2", "p.grad.square_()"),
        "You square `.grad` in place. Then the step uses the square, and whoever reads "
        "`.grad` next finds it changed.",
    ),
    Mistake(
        "gradient squared in place",
        edit(
            "not None:",
            "not None:\n            g = p.grad.clone()",
            "p.grad**2",
            "p.grad.square_()",
            "lr * p.grad",
            "lr * g",
        ),
        "Afterwards `.grad` holds squares: a method that ends in _ writes into the "
        "gradient. A step only reads it.",
    ),
)


class NesterovStep(Exercise):
    """v <- momentum * v + g, then p <- p - lr * (g + momentum * v), in place."""

    id, points = "optimizers.nesterov_step", 1
    minutes, lines, writes = 8, "two lines in the loop", "momentum that looks ahead"
    extra = True
    without = WITHOUT
    shortcuts = STEPS

    def cases(self, rng: Rng) -> Iterable[Case]:
        yield from _cases(rng, "velocities", momentum=lambda rng: rng.number(0.6, 0.8))

    def probe(self, nesterov_step: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        def call(params: list[Tensor], velocities: list[Tensor], _t: int, lr: float) -> Any:
            return nesterov_step(params, velocities, lr, case.momentum)

        yield from probe_steps(case, call, "velocities")

    mistakes = (
        Mistake(
            "plain momentum",
            edit("(p.grad + momentum * v)", "v"),
            "Your step is the new velocity: plain momentum. Nesterov steps by the gradient plus "
            "momentum times the new velocity; with the old one it would be plain momentum again.",
        ),
        Mistake(
            "momentum left out of the step",
            edit("(p.grad + momentum * v)", "(p.grad + v)"),
            "You add the whole velocity to the gradient. It counts with the factor momentum, as it "
            "will in the next step.",
        ),
        Mistake(
            "gradient left out of the step",
            edit("(p.grad + momentum * v)", "momentum * v"),
            "The step follows the velocity alone, made smaller by momentum. The gradient of this "
            "step has to be added.",
        ),
        Mistake(
            "look-ahead kept in the velocity",
            edit(
                "p -= lr * (p.grad + momentum * v)",
                "v.copy_(p.grad + momentum * v)\n            p -= lr * v",
            ),
            "You write the look-ahead back into the velocity, so the next step looks ahead from "
            "there. The velocity keeps momentum * v + g; the look-ahead is for this step alone.",
        ),
        Mistake(
            "weighted average instead of torch's momentum",
            edit("v + p.grad", "v + (1 - momentum) * p.grad"),
            "Your velocity is a weighted average of the gradients. That is the other convention; "
            "torch adds the gradient in full.",
        ),
        Mistake(
            "steps instead of gradients in the velocity",
            edit(
                "v.copy_(momentum * v + p.grad)",
                "old = v.clone()\n            v.copy_(momentum * v - lr * p.grad)",
                "p -= lr * (p.grad + momentum * v)",
                "p += (1 + momentum) * v - momentum * old",
            ),
            "Your velocity is a step downhill, with lr and a minus sign inside, as some notes have "
            "it. Here it adds up gradients, as in torch: lr and the minus sign come with the step.",
        ),
        Mistake(
            "learning rate inside the velocity",
            edit(
                "v + p.grad",
                "v + lr * p.grad",
                "lr * (p.grad + momentum",
                "(lr * p.grad + momentum",
            ),
            "You multiply the gradient by lr before it enters the velocity. While lr is constant "
            "nobody notices; once it varies, the buffer remembers old rates.",
        ),
        Mistake(
            "velocity not multiplied by momentum",
            edit("momentum * v + p.grad", "v + p.grad"),
            "The old velocity stays in full, so it grows without end. Momentum is the share of it "
            "that stays.",
        ),
        Mistake(
            "momentum applied twice",
            edit("momentum * v)", "momentum**2 * v)"),
            "The look-ahead has momentum squared. The new v holds the old one with its factor "
            "already; multiply it by momentum once.",
        ),
        Mistake(
            "momentum not used",
            edit("momentum * v)", "v * 1)", "momentum * v + p", "v + p"),
            "The velocity only grows, and the step adds all of it: momentum is used nowhere.",
        ),
        Mistake(
            "lr on the gradient alone",
            edit("lr * (p.grad + momentum * v)", "lr * p.grad + momentum * v"),
            "Only the gradient is multiplied by lr, so the velocity moves the parameter in full, "
            "however small lr is. lr scales the whole step, gradient and look-ahead.",
        ),
        Mistake(
            "velocity without its past",
            edit("momentum * v + p.grad", "p.grad"),
            "The velocity holds the gradient of this step alone, and what was in it is lost. It "
            "should remember: momentum times the old velocity stays in it.",
        ),
        Mistake(
            "velocity shares memory with .grad",
            edit(
                "v.copy_(momentum * v + p.grad)",
                "v.data = v.mul_(momentum).add_(p.grad) if v.any() else p.grad",
            ),
            "In the first step the velocity becomes the very tensor that `.grad` is. From then on "
            "whoever changes one changes the other. Copy the numbers into the velocity instead.",
        ),
        Mistake(
            "look-ahead written into .grad",
            edit("lr * (p.grad + momentum * v)", "lr * p.grad.add_(momentum * v)"),
            "Afterwards `.grad` holds the look-ahead. A method that ends in _ and `+=` write into "
            "the tensor, under whatever name you call it. A step only reads `.grad`.",
        ),
        Mistake(
            "half gradient, half look-ahead",
            edit("(p.grad + momentum * v)", "((1 - momentum) * p.grad + momentum * v)"),
            "You mix gradient and velocity with weights that add up to 1. Here the gradient counts "
            "in full, and momentum * v on top of it.",
        ),
        Mistake(
            "look-ahead subtracted from the gradient",
            edit("p.grad + momentum * v)", "p.grad - momentum * v)"),
            "You take the look-ahead off the gradient, so the step brakes where it should go on. "
            "Gradient and look-ahead are added; their sum is subtracted from p.",
        ),
        Mistake(
            "momentum on the gradient of the step",
            edit("p.grad + momentum * v)", "momentum * p.grad + v)"),
            "In the step, momentum multiplies the gradient and the velocity counts in full. It is "
            "the other way round: the gradient in full, and momentum times the velocity.",
        ),
        Mistake(
            "momentum on the whole step",
            edit("(p.grad + momentum * v)", "momentum * (p.grad + v)"),
            "In the step, momentum multiplies the gradient too. It is the factor of the velocity "
            "alone; the gradient counts in full.",
        ),
        Mistake("uphill", edit("p -= lr", "p += lr"), "The step goes uphill. Subtract it."),
        Mistake("lr forgotten", edit("lr * (", "("), "lr is not in the step."),
        Mistake(
            "plain SGD",
            edit("(p.grad + momentum * v)", "p.grad"),
            "The velocity is kept, but the step does not use it.",
        ),
        *_zero_treated_as_missing(
            "the velocities",
            edit(
                "v.copy_(momentum * v + p.grad)",
                "v.copy_(torch.where(p.grad != 0, momentum * v + p.grad, v))",
                "p -= lr * ",
                "p -= (p.grad != 0) * p.new_tensor(lr) * ",
            ),
        ),
        _FIRST_ONLY,
        *in_place_mistakes({"velocities": "v"}),
    )


_HARMLESS = "missing gradient treated as zero"  # Adagrad adds nothing then, and does not move


class AdagradStep(Exercise):
    """s <- s + g**2, then p <- p - lr * g / (sqrt(s) + eps), in place."""

    id, points = "optimizers.adagrad_step", 1
    minutes, lines, writes = 8, "two lines in the loop", "a step divided by all gradients so far"
    extra = True
    without = WITHOUT
    shortcuts = STEPS

    def cases(self, rng: Rng) -> Iterable[Case]:
        yield from _cases(rng, "sums", eps=_eps)

    def probe(self, adagrad_step: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        def call(params: list[Tensor], sums: list[Tensor], _t: int, lr: float) -> Any:
            return adagrad_step(params, sums, lr, case.eps)

        yield from probe_steps(case, call, "sums")

    mistakes = (
        Mistake(
            "eps inside the root",
            edit("(s.sqrt() + eps)", "(s + eps).sqrt()"),
            "You add eps before you take the root. torch adds it after the root.",
        ),
        Mistake(
            "sums updated after the step",
            edit("not None:", "not None:\n            old = s.clone()", "s.sqrt()", "old.sqrt()"),
            "The step divides by the sum of the steps before, without this gradient; the first "
            "step, with s = 0, then divides by eps alone. Update s first.",
        ),
        Mistake(
            "root missing",
            edit("s.sqrt()", "s"),
            "You divide by the sum of squares itself. Its root has the unit of a gradient, so the "
            "quotient has no unit.",
        ),
        Mistake(
            "gradient not squared",
            edit("p.grad**2", "p.grad"),
            "You add up the gradient, not its square: the sum can be negative, and then its root "
            "is nan.",
        ),
        Mistake(
            "absolute value instead of square",
            edit("p.grad**2", "p.grad.abs()", "s.sqrt()", "s"),
            "You add up |g| and divide by that. It is the squares that are added, and the root is "
            "taken of their sum.",
        ),
        Mistake(
            "absolute value instead of square",
            edit("p.grad**2", "p.grad.abs()"),
            "You add up |g|, and take a root all the same. It is the squares that are added: then "
            "the root has the unit of a gradient again.",
        ),
        Mistake(
            "only the last square",
            edit("s + p.grad**2", "p.grad**2"),
            "s holds the square of this gradient alone, so every step is lr times the sign of g. "
            "Add the square to what is there.",
        ),
        Mistake(
            "halves in the sum",
            edit("s + p.grad**2", "(s + p.grad**2) / 2"),
            "You average the old sum with the new square, which is RMSProp with alpha 0.5. "
            "Adagrad forgets nothing: it adds.",
        ),
        Mistake(
            "root kept in the buffer",
            edit("s.sqrt()", "s.sqrt_()"),
            "You take the root of the buffer in place, so the next step adds a square to a root. "
            "The buffer keeps the sum of squares; the root is a new tensor.",
        ),
        Mistake(
            "root kept in the buffer",
            edit("(s.sqrt() + eps)", "s.sqrt_().add_(eps)"),
            "You compute the divisor inside the buffer: root and eps stay in it. The divisor is a "
            "new tensor.",
        ),
        Mistake(
            "roots added up",
            edit("s + p.grad**2", "(s.sqrt() + p.grad.abs()) ** 2"),
            "You add |g| to the root. The root of a sum of squares is smaller than the sum of the "
            "roots: add the squares, then take the root.",
        ),
        Mistake(
            "added first, squared afterwards",
            edit("s + p.grad**2", "(s.sqrt() + p.grad) ** 2"),
            "You add the gradients and square their sum, so two of opposite signs cancel. Square "
            "each gradient, then add the squares.",
        ),
        Mistake(
            "added first, squared afterwards",
            edit("p.grad**2", "p.grad", "s.sqrt()", "s.abs()"),
            "The buffer holds the sum of the gradients, in which two of opposite signs cancel. "
            "Square each gradient, then add the squares.",
        ),
        Mistake(
            "sum of the whole tensor",
            edit("p.grad**2", "p.grad.square().sum()"),
            "All entries of a tensor share one number. Each entry has its own sum; that is the "
            "whole point.",
        ),
        Mistake(
            "sum of the whole tensor",
            edit("p.grad**2", "p.grad.square().mean()"),
            "All entries of a tensor share one number. Each entry has its own sum; that is the "
            "whole point.",
        ),
        Mistake("uphill", edit("p -= lr", "p += lr"), "The step goes uphill. Subtract it."),
        Mistake("lr forgotten", edit("lr * p.grad", "p.grad"), "lr is not in the step."),
        Mistake(
            "plain SGD",
            edit(" / (s.sqrt() + eps)", ""),
            "The sum is kept, but the step does not use it.",
        ),
        Mistake(
            "eps forgotten",
            edit("(s.sqrt() + eps)", "s.sqrt()"),
            "eps is missing from the divisor. Without it a parameter whose gradient was always 0 "
            "divides 0 by 0.",
        ),
        Mistake(
            "eps as a lower limit",
            edit("(s.sqrt() + eps)", "s.sqrt().clamp(min=eps)"),
            "You divide by the larger of root and eps. Then eps does nothing as long as the root "
            "is larger. It is added to every root, as torch does it.",
        ),
        Mistake(
            "eps only where the sum is 0",
            edit("(s.sqrt() + eps)", "torch.where(s == 0, eps, s.sqrt())"),
            "You use eps only where the root is 0. It is added to every root, as torch does it.",
        ),
        Mistake(
            "eps added to the quotient",
            edit("lr * p.grad / (s.sqrt() + eps)", "lr * (p.grad / s.sqrt() + eps)"),
            "You divide by the root alone and add eps to the quotient. It belongs to the divisor: "
            "root and eps need brackets of their own.",
        ),
        Mistake(
            "eps outside the quotient",
            edit("(s.sqrt() + eps)", "s.sqrt() + eps"),
            "`a / b + eps` divides first and adds eps to the step. The denominator needs brackets.",
        ),
        *_SQUARES_MISTAKES,
        _FIRST_ONLY,
        *(item for item in in_place_mistakes({"sums": "s"}) if item.name != _HARMLESS),
    )


class RmspropStep(Exercise):
    """s <- alpha*s + (1-alpha)*g**2, then p <- p - lr * g / (sqrt(s) + eps), in place."""

    id, points = "optimizers.rmsprop_step", 2
    minutes, lines, writes = 10, "two lines in the loop", "a step divided by the typical gradient"
    without = WITHOUT
    shortcuts = STEPS

    def cases(self, rng: Rng) -> Iterable[Case]:
        yield from _cases(rng, "squares", alpha=lambda rng: rng.number(0.6, 0.9), eps=_eps)

    def probe(self, rmsprop_step: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        def call(params: list[Tensor], squares: list[Tensor], _t: int, lr: float) -> Any:
            return rmsprop_step(params, squares, lr, case.alpha, case.eps)

        yield from probe_steps(case, call, "squares")

    mistakes = (
        Mistake(
            "learning rate inside the squares",
            edit("p.grad**2)", "(lr * p.grad) ** 2)"),
            "You square the gradient times the learning rate. The squares are those of the "
            "gradient alone: with lr in them as well, it cancels in the quotient, and no longer "
            "sets the size of the step.",
        ),
        Mistake(
            "eps inside the root",
            edit("(s.sqrt() + eps)", "(s + eps).sqrt()"),
            "You add eps before you take the root. torch adds it after the root; some libraries "
            "do it your way, and then eps means something else.",
        ),
        Mistake(
            "squares updated after the step",
            edit("not None:", "not None:\n            old = s.clone()", "s.sqrt()", "old.sqrt()"),
            "The step divides by the average of the steps before, without this gradient; the "
            "first step, with s = 0, then divides by eps alone. Update s first.",
        ),
        Mistake(
            "root missing",
            edit("s.sqrt()", "s"),
            "You divide by the mean square itself. Its root has the unit of a gradient, so the "
            "quotient has no unit.",
        ),
        Mistake(
            "gradient not squared",
            edit("p.grad**2", "p.grad"),
            "You average the gradient, not its square: the average can be negative, and then its "
            "root is nan.",
        ),
        Mistake(
            "absolute value instead of square",
            edit("p.grad**2", "p.grad.abs()", "s.sqrt()", "s"),
            "You average |g| and divide by that. RMS is the root of the mean of the squares, in "
            "this order.",
        ),
        Mistake(
            "alpha on the wrong side",
            edit("alpha * s + (1 - alpha)", "(1 - alpha) * s + alpha"),
            "alpha is the share of the old average that stays; 1 - alpha is the share of the "
            "new square.",
        ),
        Mistake(
            "1 - alpha forgotten",
            edit("(1 - alpha) * ", ""),
            "You add the new square with factor 1, so s settles at 1/(1-alpha) times the mean "
            "square. An average has weights that add up to 1.",
        ),
        Mistake(
            "squares only added up",
            edit("alpha * s", "s", "(1 - alpha) * ", ""),
            "Nothing is ever forgotten, so s only grows and the steps only shrink. That is "
            "Adagrad; RMSProp forgets by the factor alpha.",
        ),
        Mistake(
            "squares only added up",
            edit("alpha * s", "s"),
            "You keep the old average in full, so nothing is ever forgotten. Multiply it by "
            "alpha before you add the new square.",
        ),
        Mistake(
            "root kept in the buffer",
            edit("s.sqrt()", "s.sqrt_()"),
            "You take the root of the buffer in place, so the next step averages a root with "
            "squares. The buffer keeps the mean of the squares; the root is a new tensor.",
        ),
        Mistake(
            "root kept in the buffer",
            edit("(s.sqrt() + eps)", "s.sqrt_().add_(eps)"),
            "You compute the divisor inside the buffer: root and eps stay in it, and the next "
            "step averages them with squares. The divisor is a new tensor.",
        ),
        Mistake(
            "mean square of the whole tensor",
            edit("p.grad**2", "p.grad.square().mean()"),
            "All entries of a tensor share one number. Each entry has its own average; that is "
            "the whole point.",
        ),
        Mistake(
            "mean square of the whole tensor",
            edit("s.sqrt()", "s.mean().sqrt()"),
            "You divide all entries of a tensor by one number. Each entry is divided by the root "
            "of its own average; that is the whole point.",
        ),
        Mistake(
            "uphill",
            edit("p -= lr", "p += lr"),
            "The step goes uphill. Subtract it.",
        ),
        Mistake(
            "lr forgotten",
            edit("lr * p.grad", "p.grad"),
            "lr is not in the step.",
        ),
        Mistake(
            "plain SGD",
            edit(" / (s.sqrt() + eps)", ""),
            "The average is kept, but the step does not use it.",
        ),
        Mistake(
            "eps forgotten",
            edit("(s.sqrt() + eps)", "s.sqrt()"),
            "eps is missing from the divisor. Without it a parameter whose gradient was always 0 "
            "divides 0 by 0.",
        ),
        Mistake(
            "eps as a lower limit",
            edit("(s.sqrt() + eps)", "s.sqrt().clamp(min=eps)"),
            "You divide by the larger of root and eps. Then eps does nothing as long as the root "
            "is larger. It is added to every root, as torch does it.",
        ),
        Mistake(
            "eps only where the average is 0",
            edit("(s.sqrt() + eps)", "torch.where(s == 0, eps, s.sqrt())"),
            "You use eps only where the root is 0. It is added to every root, as torch does it.",
        ),
        Mistake(
            "eps added to the quotient",
            edit("lr * p.grad / (s.sqrt() + eps)", "lr * (p.grad / s.sqrt() + eps)"),
            "You divide by the root alone and add eps to the quotient. It belongs to the divisor: "
            "root and eps need brackets of their own.",
        ),
        Mistake(
            "eps outside the quotient",
            edit("(s.sqrt() + eps)", "s.sqrt() + eps"),
            "`a / b + eps` divides first and adds eps to the step. The denominator needs brackets.",
        ),
        Mistake(
            "averages kept where the gradient is zero",
            edit(
                "alpha * s + (1 - alpha) * p.grad**2",
                "torch.where(p.grad != 0, alpha * s + (1 - alpha) * p.grad**2, s)",
            ),
            "Where the gradient is 0 your average stays as it is. 0 is a gradient like any other: "
            "its square is averaged in, so that the average fades by alpha.",
        ),
        Mistake(
            "averages kept where the gradient is zero",
            edit("p.grad is not None", "p.grad is not None and p.grad.any()"),
            "Where all of a parameter's gradient is 0 your average stays as it is. 0 is a gradient "
            "like any other: its square is averaged in, so that the average fades by alpha.",
        ),
        *_SQUARES_MISTAKES,
        _FIRST_ONLY,
        *in_place_mistakes({"squares": "s"}),
    )


_ADAM_MISTAKES = (
    *_zero_treated_as_missing("the averages", edit("lr * m_hat", "lr * m_hat * (p.grad != 0)")),
    Mistake(
        "eps before the correction",
        edit("(s_hat.sqrt() + eps)", "((s.sqrt() + eps) / (1 - b2**t) ** 0.5)"),
        "You add eps to the root of s and correct afterwards, so eps is corrected too. (The "
        "paper's shortened form does that.) Here, as in torch: correct s, take the root, add eps.",
    ),
    Mistake(
        "eps inside the root",
        edit("(s_hat.sqrt() + eps)", "(s_hat + eps).sqrt()"),
        "You add eps before you take the root; torch and the paper add it after the root.",
    ),
    Mistake(
        "no bias correction",
        edit("m / (1 - b1**t)", "m", "s / (1 - b2**t)", "s"),
        "m and s start at 0 and are too small in the first steps, and not by the same factor. "
        "Divide each by 1 minus its beta to the power t before you use it.",
    ),
    Mistake(
        "only the mean corrected",
        edit("s / (1 - b2**t)", "s"),
        "The mean is corrected, the average of the squares is not. Both start at 0.",
    ),
    Mistake(
        "only the squares corrected",
        edit("m / (1 - b1**t)", "m"),
        "The average of the squares is corrected, the mean is not. Both start at 0.",
    ),
    Mistake(
        "corrected values stored",
        edit("m / (", "m.div_(", "s / (", "s.div_("),
        "The corrected averages are written back into the buffers, so the next step corrects them "
        "again. Correct a copy for the step, and keep the plain averages.",
    ),
    Mistake(
        "t from 0",
        edit("b1**t", "b1 ** (t - 1)", "b2**t", "b2 ** (t - 1)"),
        "The corrections use t - 1. At the first step t is 1 already, as 1 - beta**0 would be "
        "0: steps count from 1, so do not subtract anything.",
    ),
    Mistake(
        "t from 0",
        edit("m / (1 - b1**t)", "m * (1 / (1 - b1 ** (t - 1)))", "b2**t", "b2 ** (t - 1)"),
        "You divide by 1 - beta**0, which is 0. The corrections use t itself, the number of this "
        "step counted from 1, not t - 1.",
    ),
    Mistake(
        "t from 0",
        edit("b1**t", "b1 ** max(t - 1, 1)", "b2**t", "b2 ** max(t - 1, 1)"),
        "From the second step on the corrections use t - 1. t counts from 1, so 1 - beta**t is "
        "never 0: use it as it is.",
    ),
    Mistake(
        "t one too large",
        edit("b1**t", "b1 ** (t + 1)", "b2**t", "b2 ** (t + 1)"),
        "The corrections use a number of steps that is one too large. t is already the number "
        "of this step, counted from 1 by the caller.",
    ),
    Mistake(
        "correction without the power",
        edit("b1**t", "b1", "b2**t", "b2"),
        "You divide by 1 - beta in every step. That is right only at t = 1: the bias of the "
        "averages dies out like beta**t.",
    ),
    Mistake(
        "beta times t",
        edit("b1**t", "b1 * t", "b2**t", "b2 * t"),
        "Your correction contains beta * t. It should be beta to the power t: `**`.",
    ),
    Mistake(
        "corrections swapped",
        edit("b1**t", "b2**t", "b2**t", "b1**t"),
        "The mean is corrected with the second beta and the squares with the first. Each average "
        "has its own.",
    ),
    Mistake(
        "corrections multiplied",
        edit("m / (", "m * (", "s / (", "s * ("),
        "You multiply by 1 - beta**t. The averages are too small by that factor, so divide.",
    ),
    Mistake(
        "betas swapped",
        edit("b1, b2 = betas", "b2, b1 = betas"),
        "betas[0] belongs to the mean of the gradients, betas[1] to the mean of their squares.",
    ),
    Mistake(
        "one beta for both",
        edit("b1, b2 = betas", "b1 = b2 = betas[0]"),
        "The squares are averaged with the first beta. They have their own, betas[1].",
    ),
    Mistake(
        "root missing",
        edit("s_hat.sqrt()", "s_hat"),
        "You divide by the mean square itself. Take its root: then the quotient has no unit, and "
        "lr is the length of the step.",
    ),
    Mistake(
        "gradient not squared",
        edit("p.grad**2", "p.grad"),
        "`squares` averages the gradient itself, not its square: it can be negative, and then its "
        "root is nan.",
    ),
    Mistake(
        "square of the mean",
        edit("p.grad**2", "m**2"),
        "You square the mean m. The squares to be averaged are those of the gradient: the mean of "
        "the squares, not the square of the mean.",
    ),
    Mistake(
        "square of the mean",
        edit("p.grad**2", "(m / (1 - b1**t)) ** 2"),
        "You square the corrected mean. What is averaged in squares is the square of the gradient "
        "itself.",
    ),
    Mistake(
        "AMSGrad",
        edit(
            "m_hat, s_hat",
            "s.top = torch.maximum(s, getattr(s, 'top', s)) if t > 1 else s.clone()\n            "
            "m_hat, s_hat",
            "s / (1 - b2**t)",
            "s.top / (1 - b2**t)",
        ),
        "You divide by the largest average so far. That is AMSGrad, a variant; Adam divides by the "
        "average as it is now.",
    ),
    Mistake(
        "AMSGrad",
        edit("b2 * s + (1 - b2) * p.grad**2", "torch.maximum(s, b2 * s + (1 - b2) * p.grad**2)"),
        "Your `squares` can grow and never fall: they keep the larger of old and new. A variant, "
        "AMSGrad, divides by the largest average so far; Adam's average forgets.",
    ),
    Mistake(
        "gradient squared in place",
        edit("p.grad**2", "p.grad.square_()"),
        "Afterwards `.grad` holds squares: a method that ends in _ writes into the gradient. A "
        "step only reads it.",
    ),
    Mistake(
        "sum instead of mean",
        edit("(1 - b1) * ", ""),
        "The gradient goes into m with factor 1: that is momentum as torch's SGD has it. Adam "
        "averages, with weights beta and 1 - beta.",
    ),
    Mistake(
        "lr inside the mean",
        edit("(1 - b1) * p", "(1 - b1) * lr * p", "lr * m_hat", "m_hat"),
        "You multiply lr into the buffer. While lr is constant nobody notices; once it varies, "
        "the buffer remembers old rates. lr belongs to the step.",
    ),
    Mistake(
        "plain gradient in the step",
        edit("b1 * m + (1 - b1) * ", "", "m / (1 - b1**t)", "m"),
        "`means` holds the last gradient only, without averaging: that is RMSProp with a "
        "correction.",
    ),
    Mistake(
        "uphill",
        edit("p -= lr", "p += lr"),
        "The step goes uphill. Subtract it.",
    ),
    Mistake(
        "plain gradient in the step",
        edit("lr * m_hat", "lr * p.grad"),
        "You keep m, but the step uses the gradient itself. Adam steps by the corrected mean.",
    ),
    Mistake(
        "one beta in both corrections",
        edit("b2**t", "b1**t"),
        "Both corrections use the first beta. Correct each average with its own beta.",
    ),
    Mistake(
        "one beta for both",
        edit("b2 * s + (1 - b2)", "b1 * s + (1 - b1)"),
        "The squares are averaged with the first beta and corrected with the second. Use "
        "betas[1] both times.",
    ),
    Mistake(
        "beta on the wrong side",
        edit("b1 * m + (1 - b1)", "(1 - b1) * m + b1", "b2 * s + (1 - b2)", "(1 - b2) * s + b2"),
        "beta is how much of the old average stays; 1 - beta is the share of what is new.",
    ),
    Mistake(
        "beta on the wrong side",
        edit("b1 * m + (1 - b1)", "(1 - b1) * m + b1"),
        "In the mean of the gradients, beta and 1 - beta are swapped: beta is the share of the "
        "old mean.",
    ),
    Mistake(
        "t grows in the loop",
        edit("", "            t += 1"),
        "t changes from parameter to parameter. It is the number of this step, the same for "
        "all of them, and the caller counts it.",
    ),
    Mistake(
        "eps forgotten",
        edit("(s_hat.sqrt() + eps)", "s_hat.sqrt()"),
        "eps is missing from the divisor. Without it a weight whose gradients were all 0 divides "
        "0 by 0.",
    ),
    Mistake(
        "eps outside the quotient",
        edit("(s_hat.sqrt() + eps)", "s_hat.sqrt() + eps"),
        "`a / b + eps` divides first and adds eps to the step. The denominator needs brackets.",
    ),
    _FIRST_ONLY,
)


class AdamStep(Exercise):
    """m, s <- averages of g and g**2; p <- p - lr * m_hat / (sqrt(s_hat) + eps), in place, both
    corrected.
    """

    id, points = "optimizers.adam_step", 3
    minutes, lines, writes = (
        20,
        "about five lines in the loop",
        "the same with momentum, and both corrected",
    )
    without = WITHOUT
    shortcuts = STEPS

    def cases(self, rng: Rng) -> Iterable[Case]:
        yield from _cases(rng, "means", "squares", betas=_betas, eps=_eps)

    def probe(self, adam_step: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        def call(
            params: list[Tensor], means: list[Tensor], squares: list[Tensor], t: int, lr: float
        ) -> Any:
            return adam_step(params, means, squares, t, lr, tuple(case.betas), case.eps)

        yield from probe_steps(case, call, "means", "squares")

    mistakes = (
        *_ADAM_MISTAKES,
        Mistake(
            "corrected mean stored",
            edit("m / (", "m.div_("),
            "The corrected mean is written back into the buffer, so the next step corrects it "
            "again. `/=` and `div_` change a tensor in place, under whatever name you call it.",
        ),
        Mistake(
            "corrected squares stored",
            edit("s / (", "s.div_("),
            "The corrected squares are written back into the buffer, so the next step corrects "
            "them again. `/=` and `div_` change a tensor in place, whatever name you call it by.",
        ),
        Mistake(
            "mean updated after the step",
            edit("not None:", "not None:\n            old = m.clone()", "m / (", "old / ("),
            "The step uses the mean of the steps before, without this gradient; at t = 1 it is 0, "
            "and nothing moves. Update m first.",
        ),
        Mistake(
            "power around the brackets",
            edit("(1 - b1**t)", "(1 - b1) ** t", "(1 - b2**t)", "(1 - b2) ** t"),
            "You raise 1 - beta to the power t, which goes to 0 as t grows. It is beta alone that "
            "gets the power; then the difference goes to 1, and the correction fades.",
        ),
        *(
            Mistake(
                "power around the brackets",
                edit(f"(1 - {b}**t)", f"(1 - {b}) ** t"),
                f"In the correction of the {what} you raise 1 - beta to the power t, which goes to "
                "0 as t grows. It is beta alone that gets the power.",
            )
            for b, what in (("b1", "mean"), ("b2", "squares"))
        ),
        Mistake(
            "one beta for both",
            edit("b1, b2 = betas", "b1 = b2 = betas[1]"),
            "The mean of the gradients is averaged with the second beta. It has its own, betas[0].",
        ),
        Mistake(
            "root corrected in place of the squares",
            edit("(s_hat.sqrt() + eps)", "(s.sqrt() / (1 - b2**t) + eps)"),
            "You take the root first and then correct it with the factor that belongs to s. What "
            "is too small by that factor is the average of the squares; its root is too small by "
            "the root of the factor.",
        ),
        *in_place_mistakes({"means": "m", "squares": "s"}),
    )


def _on_a_copy(copy: str) -> Edit:
    """Decay and step change a copy of p."""
    return edit("s / (1 - b2**t)", f"s / (1 - b2**t)\n            {copy} = p.clone()")


class AdamwStep(Exercise):
    """p <- p * (1 - lr*wd), then Adam's step, in place; wd stays out of Adam's averages."""

    id, points = "optimizers.adamw_step", 2
    minutes, lines, writes = 8, "two lines", "Adam with decay in the right place"
    without = WITHOUT
    shortcuts = STEPS

    def cases(self, rng: Rng) -> Iterable[Case]:
        yield from _cases(
            rng, "means", "squares", betas=_betas, eps=_eps, wd=lambda rng: rng.number(0.2, 0.6)
        )

    def probe(self, adamw_step: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        def call(
            params: list[Tensor], means: list[Tensor], squares: list[Tensor], t: int, lr: float
        ) -> Any:
            return adamw_step(params, means, squares, t, lr, tuple(case.betas), case.eps, case.wd)

        yield from probe_steps(case, call, "means", "squares")

    mistakes = (
        Mistake(
            "decay through the gradient",
            edit(
                "not None:",
                "not None:\n            g = p.grad + wd * p",
                "b1) * p.grad",
                "b1) * g",
                "p.grad**2",
                "g**2",
                "p *= 1 - lr * wd",
                "pass",
            ),
            "You add wd*p to the gradient, so the decay goes through both averages and is divided "
            "by the root like everything else: Adam with L2, torch's Adam(weight_decay=...). In "
            "AdamW it bypasses them: p itself is shrunk.",
        ),
        Mistake(
            "decay through the gradient",
            edit(
                "not None:",
                "not None:\n            p.grad += wd * p",
                "p *= 1 - lr * wd",
                "pass",
            ),
            "You write wd*p into `.grad`. Then it goes through both averages and is divided by "
            "the root: Adam with L2. In AdamW the decay bypasses them: p itself is shrunk, and "
            "`.grad` is only read.",
        ),
        Mistake(
            "decay through the mean",
            edit("b1) * p.grad", "b1) * (p.grad + wd * p)", "p *= 1 - lr * wd", "pass"),
            "You add wd*p to the gradient in the mean, so the decay is averaged, and divided by "
            "the root like everything else. In AdamW it bypasses both averages: p itself is "
            "shrunk.",
        ),
        Mistake(
            "only the decay",
            edit("m.copy_", "", "s.copy_", "", "p -= ", ""),
            "The weights shrink, and that is all. Adam's step comes after it.",
        ),
        Mistake(
            "means decay too",
            edit("not None:", "not None:\n            m *= 1 - lr * wd"),
            "You shrink `means` along with the parameter. Only p decays; wd stays out of the "
            "averages.",
        ),
        Mistake(
            "decay divided by the root",
            edit("lr * m_hat", "lr * (m_hat + wd * p)", "p *= 1 - lr * wd", "pass"),
            "The decay is divided by the root of the squares, as the mean is. In AdamW it is not: "
            "p itself is shrunk by 1 - lr*wd.",
        ),
        Mistake(
            "Adam's step for every parameter",
            edit(
                "p, m, s in zip(params, means, squares, strict=True)",
                "q, p, m, s in ((q, *e) for q in params for e in zip(params, means, squares))",
                "lr * wd",
                "lr * wd * (p is q)",
            ),
            "With one parameter this is right. With more of them, the whole list takes Adam's "
            "step once for each: the call is inside the loop.",
        ),
        Mistake(
            "Adam's step for every parameter",
            edit(
                "p, m, s in zip(params, means, squares, strict=True)",
                "q, p, m, s in ((q, *e) for q in params if q.grad is not None for e in "
                "zip(params, means, squares))",
                "lr * wd",
                "lr * wd * (p is q)",
            ),
            "The whole list takes Adam's step once for each parameter that has a gradient: the "
            "call is inside the loop. Take it once, after the loop.",
        ),
        Mistake(
            "decay after the step",
            edit(
                "s / (1 - b2**t)",
                "s / (1 - b2**t)\n            p -= lr * m_hat / (s_hat.sqrt() + eps)",
                "p -= lr * m_hat / (s_hat.sqrt() + eps)",
                "pass",
            ),
            "Adam's fresh step decays too. The decay is a share of the weight as it was before: "
            "first shrink p, then take Adam's step in full.",
        ),
        *decay_mistakes(lambda pull: edit("p *= 1 - lr * wd", f"p -= lr * {pull}")),
        *factor_mistakes(),
        Mistake(
            "decayed twice",
            edit("p *= 1 - lr * wd", "p *= (1 - lr * wd) ** 2"),
            "You shrink the weight by 1 - lr*wd twice in one step. Once is enough.",
        ),
        Mistake(
            "decayed twice",
            edit(
                "s / (1 - b2**t)",
                "s / (1 - b2**t)\n            p *= 1 - lr * wd\n            "
                "p -= lr * m_hat / (s_hat.sqrt() + eps)",
                "p -= lr * m_hat / (s_hat.sqrt() + eps)",
                "pass",
            ),
            "You shrink the weight before Adam's step and after it. Once is enough: before it.",
        ),
        Mistake(
            "decay to the power t",
            edit("1 - lr * wd", "(1 - lr * wd) ** t"),
            "You raise the factor to the power t, so the weights shrink faster from step to step. "
            "What earlier steps have shrunk is in p already: every step has the factor once.",
        ),
        Mistake(
            "decay with Adam's correction",
            edit("1 - lr * wd", "1 - lr / (1 - b1**t) * wd"),
            "You divide the decay by 1 - beta**t. Only averages that start at 0 are corrected; "
            "the decay is lr * wd at every t.",
        ),
        Mistake(
            "no decay at the first step",
            edit("lr * wd", "lr * wd * (t > 1)"),
            "At t = 1 your weights do not decay. The decay does not depend on t: every step "
            "shrinks them.",
        ),
        Mistake(
            "lr and eps swapped",
            edit("lr * m_hat / (s_hat.sqrt() + eps)", "eps * m_hat / (s_hat.sqrt() + lr)"),
            "eps stands where lr should, and lr where eps should. Do you pass the arguments on in "
            "the order in which adam_step takes them?",
        ),
        Mistake(
            "means and squares swapped",
            edit("zip(params, means, squares", "zip(params, squares, means"),
            "The gradient's mean goes into squares, and the mean of its square into means. Do you "
            "pass the lists on in the order in which adam_step takes them?",
        ),
        Mistake(
            "lr outside the brackets",
            edit("1 - lr * wd", "lr * (1 - wd)"),
            "You multiply the weight by lr, and hardly anything of it is left. Only the decay is "
            "scaled by lr: with wd = 0 the factor has to be 1.",
        ),
        *_ADAM_MISTAKES,
        *in_place_mistakes(
            {"means": "m", "squares": "s"},
            rebound=_on_a_copy("p"),
            replaced=_on_a_copy("params[[x is p for x in params].index(True)] = p"),
        ),
    )


@torch.no_grad()
def _lr_fixed(params: list[Tensor], lr: float) -> None:  # noqa: ARG001
    for p in params:
        if p.grad is not None:
            p -= 0.1 * p.grad.sign()


class RebornAdamStep(Exercise):
    """One step of a newly created Adam (eps 1e-8), in place."""

    id, points = "optimizers.reborn_adam_step", 2
    minutes, lines, writes = 12, "one line in the loop", "what remains of Adam without its memory"
    without = {**WITHOUT, "float64": "lr * sign(g) is right, which leaves out eps"}
    shortcuts = STEPS

    def cases(self, rng: Rng) -> Iterable[Case]:
        for label, shapes, steps, without in (
            ("one vector, one step, called inside torch.no_grad()", [(3,)], 1, ()),
            ("a matrix and a bias, three steps, lr changes", [(4, 3), (4,)], 3, ()),
            ("params[0] has no gradient, two steps", [(2, 3), (2, 3), (5,)], 2, (0,)),
            ("a single number (shape ())", [()], 2, ()),
            ("four weights, one of them with a gradient of exactly 0", [(4,)], 1, ()),
        ):
            case = step_case(rng, label, shapes, steps, without, in_no_grad="no_grad" in label)
            # Beside gradients this large eps is lost in rounding: lr * sign(g) is right.
            for grad in (grad for grads in case.grads for grad in grads if grad is not None):
                grad.copy_(grad.abs().clamp(min=0.1).copysign(grad))
            if "exactly 0" in label:
                place = rng.integer(0, 4)
                case.grads[0][0][place] = 0.0
                case.grads[0][0][place - 1].sign_().mul_(0.002)  # the step is as long as for others
            yield case

    def probe(self, reborn_adam_step: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield from probe_steps(case, lambda params, t, lr: reborn_adam_step(params, lr))

    mistakes = (
        Mistake(
            "no bias correction",
            edit("lr * p.grad", "lr * 0.1 * p.grad", "p.grad.abs()", "(0.001 * p.grad**2).sqrt()"),
            "Every entry moves by 3.16 lr. With betas 0.9 and 0.999 the new averages are 0.1 g "
            "and 0.001 g**2; the corrections of t = 1 give back g and g**2.",
        ),
        Mistake(
            "no bias correction",
            edit("lr * p.grad", "lr * 0.1 / 0.001**0.5 * p.grad"),
            "Every entry moves by 3.16 lr. With betas 0.9 and 0.999 the new averages are 0.1 g "
            "and 0.001 g**2; the corrections of t = 1 give back g and g**2.",
        ),
        Mistake(
            "lr fixed at 0.1",
            _lr_fixed,  # no edit: with a second mistake it would be any power of 0.1
            "Every entry moves by 0.1, whatever lr is. That is the lr of the example: use the one "
            "that is passed in.",
        ),
        Mistake(
            "only the mean corrected",
            edit("p.grad.abs()", "(0.001 * p.grad**2).sqrt()"),
            "Every entry moves by 31.6 lr: the average of the squares, 0.001 g**2 at the first "
            "step, is not corrected.",
        ),
        Mistake(
            "only the squares corrected",
            edit("lr * p.grad", "lr * 0.1 * p.grad"),
            "Every entry moves by lr/10: the mean, 0.1 g at the first step, is not corrected.",
        ),
        Mistake(
            "plain SGD",
            edit(" / (p.grad.abs() + 1e-8)", ""),
            "This step is as long as the gradient. Write down what Adam's m_hat and s_hat are at "
            "t = 1, and divide.",
        ),
        Mistake(
            "clipped gradient",
            edit("p.grad / (p.grad.abs() + 1e-8)", "p.grad.clamp(-1, 1)"),
            "You cut gradients off at -1 and 1, and leave smaller ones as they are. Adam divides "
            "each by its own size, so that small ones become as long as large ones.",
        ),
        Mistake(
            "0 divided by 0",
            edit("(p.grad.abs() + 1e-8)", "p.grad.abs()"),
            "Where the gradient is 0 you divide 0 by 0, and the weight is nan for ever. Adam's "
            "eps prevents that; so does a function that knows the sign of 0.",
        ),
        Mistake(
            "0 treated as negative",
            edit("p.grad / (p.grad.abs() + 1e-8)", "torch.where(p.grad > 0, 1.0, -1.0)"),
            "A weight with a gradient of 0 moves up by lr. Put g = 0 into Adam's formula: the "
            "step is 0.",
        ),
        Mistake(
            "0 treated as positive",
            edit("p.grad / (p.grad.abs() + 1e-8)", "torch.where(p.grad < 0, -1.0, 1.0)"),
            "A weight with a gradient of 0 moves down by lr. Put g = 0 into Adam's formula: the "
            "step is 0.",
        ),
        Mistake(
            "lr forgotten",
            edit("lr * p.grad", "p.grad"),
            "Every entry moves by 1. It should move by lr.",
        ),
        Mistake(
            "sign taken in place",
            edit("p.grad / (p.grad.abs() + 1e-8)", "p.grad.sign_()"),
            "`.grad` now holds signs: the method that ends in _ writes into the gradient. A "
            "step only reads it.",
        ),
        Mistake(
            "absolute value instead of the sign",
            edit("p.grad / (p.grad.abs() + 1e-8)", "p.grad.abs()"),
            "Your step is as long as the gradient and always goes down. It is the other way "
            "round: the length disappears, and the sign stays.",
        ),
        Mistake(
            "divided by the length of the gradient",
            edit("(p.grad.abs() + 1e-8)", "p.grad.norm()"),
            "You divide a whole tensor by its length, so the direction stays that of the "
            "gradient. Adam divides each entry by its own root.",
        ),
        Mistake(
            "divided by the length of all gradients",
            edit(
                "(p.grad.abs() + 1e-8)",
                "torch.cat([q.grad.flatten() for q in params if q.grad is not None]).norm()",
            ),
            "You divide by the length of all gradients together, so the direction stays that of "
            "the gradient. Adam divides each entry by its own root.",
        ),
        Mistake(
            "divided by the largest",
            edit("(p.grad.abs() + 1e-8)", "p.grad.abs().max()"),
            "You divide by the largest entry. Adam divides each entry by its own root.",
        ),
        Mistake(
            "divided by the root mean square of the tensor",
            edit("p.grad.abs()", "p.grad.square().mean().sqrt()"),
            "You divide a whole tensor by one number, so the direction stays that of the gradient. "
            "Adam divides each entry by its own root.",
        ),
        Mistake(
            "averages kept from step to step",
            edit(
                "not None:",
                "not None:\n            t, m, s = getattr(p, 'kept', (0, 0, 0))\n            t, "
                "m, s = t + 1, 0.9 * m + 0.1 * p.grad, 0.999 * s + 0.001 * p.grad**2\n            "
                "p.kept = t, m, s",
                "p.grad / (p.grad.abs() + 1e-8)",
                "m / (1 - 0.9**t) / ((s / (1 - 0.999**t)).sqrt() + 1e-8)",
            ),
            "Your second step still knows the first: that is plain Adam. Here Adam is created "
            "again for every step, so nothing is kept from one call to the next.",
        ),
        Mistake(
            "one sign for a tensor",
            edit("p.grad / (p.grad.abs() + 1e-8)", "p.grad.sum().sign()"),
            "All entries of a tensor move the same way. Each has its own gradient, and so its "
            "own sign.",
        ),
        Mistake(
            "sign of the weight",
            edit("p.grad / (p.grad.abs() + 1e-8)", "p.sign()"),
            "You move by the sign of the weight. What counts is the sign of its gradient.",
        ),
        Mistake(
            "root missing",
            edit("p.grad.abs()", "p.grad**2"),
            "You divide by g**2, so that a small gradient makes a large step. Take the root of "
            "the squares first.",
        ),
        Mistake(
            "uphill",
            edit("p -= lr", "p += lr"),
            "The step goes uphill. Subtract it.",
        ),
        Mistake(
            "no sign",
            edit("p.grad / (p.grad.abs() + 1e-8)", "1"),
            "Every entry falls by lr, whichever way its gradient points.",
        ),
        Mistake(
            "no sign",
            edit("p.grad.abs()", "p.grad"),
            "The root of g**2 is not g but |g|. With g itself the quotient is 1 and the sign is "
            "lost.",
        ),
        *in_place_mistakes(),
    )


class RepairAdamStep(Repair):
    """A witness on which the Adam step shown goes wrong, and the step repaired.

    Of 20 random witnesses 20 show the bug (`python -m tests.attempts` counts them again).
    """

    id, points = "optimizers.repair_adam_step", 2
    minutes, lines = 12, "a witness and one changed line"
    writes = "a bug found and mended"
    extra = True
    of = AdamStep
    takes = {
        "params": "tensors",
        "grads": "tensors or None",
        "means": "tensors",
        "squares": "tensors",
        "t": "whole number",
        "lr": "number",
        "betas": "two numbers",
        "eps": "number",
    }
    shapes = "the four lists should have as many items, of the same shapes, and t be 1 or more."
    buggy = """
@torch.no_grad()
def adam_step(params, means, squares, t, lr, betas, eps):
    b1, b2 = betas
    for p, m, s in zip(params, means, squares):
        if p.grad is None:
            continue
        m.copy_(b1 * m + (1 - b1) * p.grad)
        s.copy_(b2 * s + (1 - b2) * p.grad**2)
        m_hat, root = m / (1 - b1**t), s.sqrt() / (1 - b2**t)
        p -= lr * m_hat / (root + eps)
"""

    def as_case(self, label: str, given: Mapping[str, Any]) -> Case:
        return Case(
            label,
            params=given["params"],
            grads=[given["grads"]],
            lrs=[given["lr"]],
            start=given["t"],
            **{name: given[name] for name in ("means", "squares", "betas", "eps")},
        )

    def suits(self, given: Mapping[str, Any]) -> bool:
        """Whether t counts steps from 1."""
        return given["t"] > 0

    mistakes = REPAIRING

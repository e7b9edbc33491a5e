"""Exercises of lesson 07: RMSProp, Adam, AdamW, and Adam built anew for every batch."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from course_utils.checking import Case, Exercise, Mistake, Rng
from course_utils.exercises._steps import STEPS, WITHOUT, Step, in_place_mistakes, probe_steps, step_case


def _buffers(rng: Rng, case: Case, name: str, zero: bool) -> list[Tensor]:
    """Buffers for the parameters of a case: zeros, or what a run of some steps could have left (squares positive)."""
    drawn = [rng.normal(*p.shape) for p in case.params]
    return [0 * x if zero else x.square() if name == "squares" else 0.3 * x for x in drawn]


def _cases(rng: Rng, *names: str, **draw: Callable[[Rng], Any]) -> Iterator[Case]:
    """Fresh buffers first, then a run that goes on from step 4 with a parameter that has no gradient."""
    for label, shapes, steps, without, start in (
        ("one vector, one step, called inside torch.no_grad()", [(3,)], 1, (), 1),
        ("a matrix and a bias, three steps, lr changes", [(4, 3), (4,)], 3, (), 1),
        ("a run that goes on, params[0] without gradient", [(2, 3), (2, 3), (5,)], 2, (0,), 4),
        ("a single number (shape ()), four steps", [()], 4, (), 1),
    ):
        hyper = {key: value(rng) for key, value in draw.items()}
        case = step_case(rng, label, shapes, steps, without, start=start, in_no_grad="no_grad" in label, **hyper)
        case.inputs.update({name: _buffers(rng, case, name, zero=start == 1) for name in names})
        yield case


def _betas(rng: Rng) -> list[float]:
    return [rng.number(0.6, 0.8), rng.number(0.9, 0.95)]


def _eps(rng: Rng) -> float:
    return rng.number(0.05, 0.2)


def _first_only(right: Step, lists: int) -> Step:
    """`right` for the first parameter with a gradient, then no more; lists: how many lists come before the numbers."""

    def step(*args: Any) -> None:
        for entry in zip(*args[:lists], strict=True):
            if entry[0].grad is not None:
                right(*([item] for item in entry), *args[lists:])
                return

    return step


_FIRST_ONLY = (
    "return inside the loop",
    "Only the first parameter with a gradient takes a step. Does a `return` stand inside the loop?",
)


def _rms(
    square: Callable[[Tensor, Tensor, float], Tensor] = lambda s, g, a: a * s + (1 - a) * g * g,
    move: Callable[[Tensor, Tensor, float, float], Tensor] = lambda g, s, lr, eps: lr * g / (s.sqrt() + eps),
    after: bool = False,
) -> Step:
    """An RMSProp step with one part exchanged; `after` updates the squares after the step."""

    @torch.no_grad()
    def step(params: Sequence[Tensor], squares: Sequence[Tensor], lr: float, alpha: float, eps: float) -> None:
        for p, s in zip(params, squares, strict=False):
            if p.grad is not None:
                new = square(s, p.grad, alpha)
                p -= move(p.grad, s if after else new, lr, eps)
                s.copy_(new)

    return step


def _in_the_buffer(add: bool) -> Step:
    """The root is taken in place, so the buffer holds it afterwards; add: eps too."""

    @torch.no_grad()
    def step(params: Sequence[Tensor], squares: Sequence[Tensor], lr: float, alpha: float, eps: float) -> None:
        for p, s in zip(params, squares, strict=False):
            if p.grad is not None:
                s.mul_(alpha).add_((1 - alpha) * p.grad**2).sqrt_()
                p -= lr * p.grad / (s.add_(eps) if add else s + eps)

    return step


@torch.no_grad()
def _squared_in_place(params: Sequence[Tensor], *args: Any) -> None:
    squares, lr, alpha, eps = args
    for p, s in zip(params, squares, strict=False):
        if p.grad is not None:
            s.mul_(alpha).add_((1 - alpha) * p.grad.square_())
            p -= lr * p.grad / (s.sqrt() + eps)


class RmspropStep(Exercise):
    """s <- alpha*s + (1-alpha)*g**2, then p <- p - lr * g / (sqrt(s) + eps), in place."""

    id, points = "optimizers.rmsprop_step", 2
    without = WITHOUT
    shortcuts = STEPS

    def cases(self, rng: Rng) -> Iterable[Case]:
        yield from _cases(rng, "squares", alpha=lambda rng: rng.number(0.6, 0.9), eps=_eps)

    def probe(self, rmsprop_step: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        def call(params: list[Tensor], squares: list[Tensor], t: int, lr: float) -> Any:
            return rmsprop_step(params, squares, lr, case.alpha, case.eps)

        yield from probe_steps(case, call, "squares")

    mistakes = (
        Mistake(
            "eps inside the root",
            _rms(move=lambda g, s, lr, eps: lr * g / (s + eps).sqrt()),
            "You add eps before you take the root. torch adds it after the root; some libraries do it your way, and "
            "then eps means something else: its root is added.",
        ),
        Mistake(
            "squares updated after the step",
            _rms(after=True),
            "The step divides by the average of the steps before, without this gradient; the first step, with s = 0, "
            "then divides by eps alone. Update s first.",
        ),
        Mistake(
            "root missing",
            _rms(move=lambda g, s, lr, eps: lr * g / (s + eps)),
            "You divide by the mean square itself. Its root has the unit of a gradient, so that the quotient has none.",
        ),
        Mistake(
            "gradient not squared",
            _rms(square=lambda s, g, a: a * s + (1 - a) * g),
            "You average the gradient, not its square: the average can be negative, and then its root is nan.",
        ),
        Mistake(
            "absolute value instead of square",
            _rms(square=lambda s, g, a: a * s + (1 - a) * g.abs(), move=lambda g, s, lr, eps: lr * g / (s + eps)),
            "You average |g| and divide by that. RMS is the root of the mean of the squares, in this order.",
        ),
        Mistake(
            "alpha on the wrong side",
            _rms(square=lambda s, g, a: (1 - a) * s + a * g * g),
            "alpha is how much of the old average stays; 1 - alpha is the share of the new square.",
        ),
        Mistake(
            "1 - alpha forgotten",
            _rms(square=lambda s, g, a: a * s + g * g),
            "The new square comes in with factor 1, so s settles at 1/(1-alpha) times the mean square. An average has "
            "weights that add up to 1.",
        ),
        Mistake(
            "squares only added up",
            _rms(square=lambda s, g, a: s + g * g),
            "Nothing is ever forgotten, so s only grows and the steps only shrink. That is Adagrad; RMSProp forgets "
            "by the factor alpha.",
        ),
        Mistake(
            "squares only added up",
            _rms(square=lambda s, g, a: s + (1 - a) * g * g),
            "The old average stays whole, so nothing is ever forgotten. Multiply it by alpha before the new square "
            "comes in.",
        ),
        Mistake(
            "root kept in the buffer",
            _in_the_buffer(add=False),
            "You take the root of the buffer in place, so the next step averages a root with squares. The buffer keeps "
            "the mean of the squares; the root is a new tensor.",
        ),
        Mistake(
            "root kept in the buffer",
            _in_the_buffer(add=True),
            "You make the divisor inside the buffer: root and eps stay in it, and the next step averages them with "
            "squares. The divisor is a new tensor.",
        ),
        Mistake(
            "gradient squared in place",
            _squared_in_place,
            "You square `.grad` in place. Then the step goes by the square, and whoever reads `.grad` next finds it "
            "changed.",
        ),
        Mistake(
            "mean square of the whole tensor",
            _rms(square=lambda s, g, a: a * s + (1 - a) * (g * g).mean()),
            "One number is shared by all entries of a tensor. Each entry has an average of its own; that is the whole "
            "point.",
        ),
        Mistake(
            "uphill",
            _rms(move=lambda g, s, lr, eps: -lr * g / (s.sqrt() + eps)),
            "The step has the right size and goes up. Subtract it.",
        ),
        Mistake(
            "lr forgotten",
            _rms(move=lambda g, s, lr, eps: g / (s.sqrt() + eps)),
            "The direction is right, but lr is not in the step.",
        ),
        Mistake(
            "plain SGD",
            _rms(move=lambda g, s, lr, eps: lr * g),
            "The average is kept, but the step does not use it.",
        ),
        Mistake(
            "eps forgotten",
            _rms(move=lambda g, s, lr, eps: lr * g / s.sqrt()),
            "eps is missing from the divisor. Without it a parameter whose gradient was always 0 divides 0 by 0.",
        ),
        Mistake(
            "eps outside the quotient",
            _rms(move=lambda g, s, lr, eps: lr * g / s.sqrt() + eps),
            "`a / b + eps` divides first and adds eps to the step. The sum below the line needs brackets.",
        ),
        Mistake(_FIRST_ONLY[0], _first_only(_rms(), 2), _FIRST_ONLY[1]),
        *in_place_mistakes(_rms(), ("squares",)),
    )


def _move(m: Tensor, s: Tensor, t: int, lr: float, betas: Sequence[float], eps: float) -> Tensor:
    return lr * (m / (1 - betas[0] ** t)) / ((s / (1 - betas[1] ** t)).sqrt() + eps)


def _adam(
    mean: Callable[[Tensor, Tensor, float, float], Tensor] = lambda m, g, b, lr: b * m + (1 - b) * g,
    square: Callable[[Tensor, Tensor, Tensor, float], Tensor] = lambda s, g, m, b: b * s + (1 - b) * g * g,
    move: Callable[..., Tensor] = _move,
    keep: Callable[[Tensor, float, int], Tensor] = lambda new, b, t: new,
    wd: Callable[[Tensor, float, float], Tensor] = lambda p, lr, wd: lr * wd * p,
    late: bool = False,
    decay_in_gradient: bool = False,
    spared: Callable[[Tensor], bool] = lambda p: False,
) -> Step:
    """A step of Adam (or, called with wd, of AdamW) with one part exchanged.

    keep: what is stored of a new mean or square. wd: what decay takes off p. late: decay after the step.
    """

    @torch.no_grad()
    def step(
        params: Sequence[Tensor],
        means: Sequence[Tensor],
        squares: Sequence[Tensor],
        t: int,
        lr: float,
        betas: Sequence[float],
        eps: float,
        weight_decay: float = 0.0,
    ) -> None:
        b1, b2 = betas
        for p, m, s in zip(params, means, squares, strict=False):
            if p.grad is None:
                continue
            g = p.grad + weight_decay * p if decay_in_gradient else p.grad
            decays = not (decay_in_gradient or spared(p))
            if decays and not late:
                p -= wd(p, lr, weight_decay)
            new_m = mean(m, g, b1, lr)
            new_s = square(s, g, new_m, b2)
            p -= move(new_m, new_s, t, lr, betas, eps)
            if decays and late:
                p -= wd(p, lr, weight_decay)
            m.copy_(keep(new_m, b1, t))
            s.copy_(keep(new_s, b2, t))

    return step


def _betas_swapped(*args: Any) -> None:
    *first, betas, eps = args[:7]
    _adam()(*first, betas[::-1], eps, *args[7:])


def _one_beta(*args: Any) -> None:
    *first, betas, eps = args[:7]
    _adam()(*first, [betas[0], betas[0]], eps, *args[7:])


def _first_beta_in_squares(*args: Any) -> None:
    betas = args[5]
    _adam(square=lambda s, g, m, b: betas[0] * s + (1 - betas[0]) * g * g)(*args)


def _t_moved(by: int) -> Step:
    def step(params: Any, means: Any, squares: Any, t: int, *rest: Any) -> None:
        _adam()(params, means, squares, t + by, *rest)

    return step


def _t_from_zero_divides(params: Any, means: Any, squares: Any, t: int, *rest: Any) -> None:
    if t == 1:
        raise ZeroDivisionError("float division by zero")
    _adam()(params, means, squares, t - 1, *rest)


def _t_in_the_loop(params: Any, means: Any, squares: Any, t: int, *rest: Any) -> None:
    for p, m, s in zip(params, means, squares, strict=True):
        if p.grad is not None:
            _adam()([p], [m], [s], t, *rest)
            t += 1


@torch.no_grad()
def _gradient_in_the_step(params: Any, means: Any, squares: Any, t: int, lr: float, betas: Any, eps: float) -> None:
    before = [p.clone() for p in params]
    _adam()(params, means, squares, t, lr, betas, eps)
    for p, old, s in zip(params, before, squares, strict=True):
        if p.grad is not None:
            p.copy_(old - lr * p.grad / ((s / (1 - betas[1] ** t)).sqrt() + eps))


def _power(exponent: Callable[[float, int], float]) -> Callable[..., Tensor]:
    """Adam's move with another correction in the place of beta**t."""

    def move(m: Tensor, s: Tensor, t: int, lr: float, betas: Sequence[float], eps: float) -> Tensor:
        c1, c2 = (1 - exponent(b, t) for b in betas)
        return lr * (m / c1) / ((s / c2).sqrt() + eps)

    return move


_ADAM_MISTAKES = (
    Mistake(
        "eps before the correction",
        _adam(move=lambda m, s, t, lr, b, eps: (
            lr * m / (1 - b[0] ** t) / ((s.sqrt() + eps) / (1 - b[1] ** t) ** 0.5)
        )),
        "You add eps to the root of s and correct afterwards, so eps is corrected too. (The paper's shortened form "
        "has it still elsewhere.) Here, as in torch: correct s, take the root, add eps.",
    ),
    Mistake(
        "eps inside the root",
        _adam(move=lambda m, s, t, lr, b, eps: lr * m / (1 - b[0] ** t) / (s / (1 - b[1] ** t) + eps).sqrt()),
        "You add eps before you take the root; torch and the paper add it after the root.",
    ),
    Mistake(
        "no bias correction",
        _adam(move=lambda m, s, t, lr, b, eps: lr * m / (s.sqrt() + eps)),
        "m and s start at 0 and are too small in the first steps, and not by the same factor. Divide each by 1 minus "
        "its beta to the power t before you use it.",
    ),
    Mistake(
        "only the mean corrected",
        _adam(move=lambda m, s, t, lr, b, eps: lr * m / (1 - b[0] ** t) / (s.sqrt() + eps)),
        "The mean is corrected, the average of the squares is not. Both start at 0.",
    ),
    Mistake(
        "only the squares corrected",
        _adam(move=lambda m, s, t, lr, b, eps: lr * m / ((s / (1 - b[1] ** t)).sqrt() + eps)),
        "The average of the squares is corrected, the mean is not. Both start at 0.",
    ),
    Mistake(
        "corrected values stored",
        _adam(keep=lambda new, b, t: new / (1 - b**t)),
        "The corrected averages are written back into the buffers, so the next step corrects them again. Correct a "
        "copy for the step, and keep the plain averages.",
    ),
    Mistake(
        "t from 0",
        _t_moved(-1),
        "The corrections use t - 1. At the first step t is 1 already, as 1 - beta**0 would be 0: steps count from "
        "1, and nothing is to be taken off.",
    ),
    Mistake(
        "t from 0",
        _t_from_zero_divides,
        "You divide by 1 - beta**0, which is 0. The corrections use t itself, the number of this step counted from 1, "
        "not t - 1.",
    ),
    Mistake(
        "t one too large",
        _t_moved(1),
        "The corrections use t + 1. t is the number of this step, counted from 1: nothing is to be added.",
    ),
    Mistake(
        "correction without the power",
        _adam(move=_power(lambda b, t: b)),
        "You divide by 1 - beta in every step. That is right at t = 1 only: what the averages lack dies out like "
        "beta**t.",
    ),
    Mistake(
        "beta times t",
        _adam(move=_power(lambda b, t: b * t)),
        "The correction holds beta * t. It is beta to the power t: `**`.",
    ),
    Mistake(
        "corrections exchanged",
        _adam(move=lambda m, s, t, lr, b, eps: lr * (m / (1 - b[1] ** t)) / ((s / (1 - b[0] ** t)).sqrt() + eps)),
        "The mean is corrected with the second beta and the squares with the first. Each average has its own.",
    ),
    Mistake(
        "corrections multiplied",
        _adam(move=lambda m, s, t, lr, b, eps: lr * (m * (1 - b[0] ** t)) / ((s * (1 - b[1] ** t)).sqrt() + eps)),
        "You multiply by 1 - beta**t. The averages are too small by that factor, so divide.",
    ),
    Mistake(
        "betas exchanged",
        _betas_swapped,
        "betas[0] belongs to the mean of the gradients, betas[1] to the mean of their squares.",
    ),
    Mistake(
        "one beta for both",
        _one_beta,
        "The squares are averaged with the first beta. They have one of their own, betas[1].",
    ),
    Mistake(
        "root missing",
        _adam(move=lambda m, s, t, lr, b, eps: lr * m / (1 - b[0] ** t) / (s / (1 - b[1] ** t) + eps)),
        "You divide by the mean square itself. Take its root: then the quotient has no unit, and lr is the length of "
        "the step.",
    ),
    Mistake(
        "gradient not squared",
        _adam(square=lambda s, g, m, b: b * s + (1 - b) * g),
        "squares averages the gradient itself, not its square: it can be negative, and then its root is nan.",
    ),
    Mistake(
        "square of the mean",
        _adam(square=lambda s, g, m, b: b * s + (1 - b) * m * m),
        "You square the mean m. The squares to be averaged are those of the gradient: the mean of the squares, not "
        "the square of the mean.",
    ),
    Mistake(
        "sum instead of mean",
        _adam(mean=lambda m, g, b, lr: b * m + g),
        "The gradient goes into m with factor 1: that is momentum as torch's SGD has it. Adam averages, with weights "
        "beta and 1 - beta.",
    ),
    Mistake(
        "lr inside the mean",
        _adam(
            mean=lambda m, g, b, lr: b * m + (1 - b) * lr * g,
            move=lambda m, s, t, lr, b, eps: m / (1 - b[0] ** t) / ((s / (1 - b[1] ** t)).sqrt() + eps),
        ),
        "lr is multiplied into the buffer. While lr is constant nobody notices; once it varies, the buffer remembers "
        "old ones. lr belongs to the step.",
    ),
    Mistake(
        "plain gradient in the step",
        _adam(mean=lambda m, g, b, lr: g, move=lambda m, s, t, lr, b, eps: (
            lr * m / ((s / (1 - b[1] ** t)).sqrt() + eps)
        )),
        "means holds the last gradient only, without averaging: that is RMSProp with a correction.",
    ),
    Mistake(
        "uphill",
        _adam(move=lambda *args: -_move(*args)),
        "The step has the right size and goes up. Subtract it.",
    ),
)  # fmt: skip


class AdamStep(Exercise):
    """m, s <- averages of g and g**2; p <- p - lr * m_hat / (sqrt(s_hat) + eps), in place, both corrected."""

    id, points = "optimizers.adam_step", 3
    without = WITHOUT
    shortcuts = STEPS

    def cases(self, rng: Rng) -> Iterable[Case]:
        yield from _cases(rng, "means", "squares", betas=_betas, eps=_eps)

    def probe(self, adam_step: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        def call(params: list[Tensor], means: list[Tensor], squares: list[Tensor], t: int, lr: float) -> Any:
            return adam_step(params, means, squares, t, lr, tuple(case.betas), case.eps)

        yield from probe_steps(case, call, "means", "squares")

    mistakes = (
        *_ADAM_MISTAKES,
        Mistake(
            "plain gradient in the step",
            _gradient_in_the_step,
            "m is kept, but the step goes by the gradient itself. Adam steps by the corrected mean.",
        ),
        Mistake(
            "one beta in both corrections",
            _adam(move=lambda m, s, t, lr, b, eps: lr * (m / (1 - b[0] ** t)) / ((s / (1 - b[0] ** t)).sqrt() + eps)),
            "Both corrections use the first beta. Each average is corrected with the beta that it was made with.",
        ),
        Mistake(
            "one beta for both",
            _first_beta_in_squares,
            "The squares are averaged with the first beta and corrected with the second. Both times it is betas[1].",
        ),
        Mistake(
            "beta on the wrong side",
            _adam(
                mean=lambda m, g, b, lr: (1 - b) * m + b * g,
                square=lambda s, g, m, b: (1 - b) * s + b * g * g,
            ),
            "beta is how much of the old average stays; 1 - beta is the share of what is new.",
        ),
        Mistake(
            "beta on the wrong side",
            _adam(mean=lambda m, g, b, lr: (1 - b) * m + b * g),
            "In the mean of the gradients, beta and 1 - beta are exchanged: beta is the share of the old mean.",
        ),
        Mistake(
            "t grows in the loop",
            _t_in_the_loop,
            "t changes from parameter to parameter. It is the number of this step, the same for all of them, and "
            "whoever calls the function counts it.",
        ),
        Mistake(
            "eps forgotten",
            _adam(move=lambda m, s, t, lr, b, eps: lr * m / (1 - b[0] ** t) / (s / (1 - b[1] ** t)).sqrt()),
            "eps is missing from the divisor. Without it a weight whose gradients were all 0 divides 0 by 0.",
        ),
        Mistake(
            "eps outside the quotient",
            _adam(move=lambda m, s, t, lr, b, eps: lr * m / (1 - b[0] ** t) / (s / (1 - b[1] ** t)).sqrt() + eps),
            "`a / b + eps` divides first and adds eps to the step. The sum below the line needs brackets.",
        ),
        Mistake(_FIRST_ONLY[0], _first_only(_adam(), 3), _FIRST_ONLY[1]),
        *in_place_mistakes(_adam(), ("means", "squares")),
    )


def _decays_all(params: Sequence[Tensor], *args: Any) -> None:
    _adam()(params, *args)
    with torch.no_grad():
        for p in params:
            if p.grad is None:
                p -= args[3] * args[6] * p


@torch.no_grad()
def _decay_left_in_gradient(params: Sequence[Tensor], *args: Any) -> None:
    for p in params:
        if p.grad is not None:
            p.grad += args[6] * p
    _adam()(params, *args[:6])


@torch.no_grad()
def _decay(params: Sequence[Tensor], *args: Any) -> None:
    for p in params:
        if p.grad is not None:
            p *= 1 - args[3] * args[6]


@torch.no_grad()
def _adam_for_each(params: Sequence[Tensor], *args: Any) -> None:
    for p in params:
        _decay([p], *args)
        _adam()(params, *args[:6])


class AdamwStep(Exercise):
    """p <- p * (1 - lr*wd), then Adam's step, in place; the gradient that Adam averages knows nothing of wd."""

    id, points = "optimizers.adamw_step", 2
    without = WITHOUT
    shortcuts = STEPS

    def cases(self, rng: Rng) -> Iterable[Case]:
        yield from _cases(rng, "means", "squares", betas=_betas, eps=_eps, wd=lambda rng: rng.number(0.2, 0.6))

    def probe(self, adamw_step: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        def call(params: list[Tensor], means: list[Tensor], squares: list[Tensor], t: int, lr: float) -> Any:
            return adamw_step(params, means, squares, t, lr, tuple(case.betas), case.eps, case.wd)

        yield from probe_steps(case, call, "means", "squares")

    mistakes = (
        Mistake(
            "decay through the gradient",
            _adam(decay_in_gradient=True),
            "You add wd*p to the gradient, so the decay goes through both averages and is divided by the root like "
            "everything else: Adam with L2, torch's Adam(weight_decay=...). In AdamW it bypasses them: p itself is "
            "shrunk.",
        ),
        Mistake(
            "decay through the gradient",
            _decay_left_in_gradient,
            "You write wd*p into `.grad`. Then it goes through both averages and is divided by the root: Adam with L2. "
            "In AdamW the decay bypasses them: p itself is shrunk, and `.grad` is only read.",
        ),
        Mistake(
            "only the decay",
            _decay,
            "The weights shrink, and that is all. Adam's step comes after it.",
        ),
        Mistake(
            "Adam's step for every parameter",
            _adam_for_each,
            "With one parameter this is right. With more of them, the whole list takes Adam's step once for each: the "
            "call stands inside the loop.",
        ),
        Mistake(
            "the same for every weight",
            _adam(wd=lambda p, lr, wd: lr * wd * torch.ones_like(p)),
            "You take the same number off every weight. Decay takes off a share of the weight.",
        ),
        Mistake(
            "decay after the step",
            _adam(late=True),
            "The order is the other way round: the fresh step decays too. First shrink p, then take Adam's step.",
        ),
        Mistake(
            "decay without lr",
            _adam(wd=lambda p, lr, wd: wd * p),
            "The weights lose wd of themselves in every step, however small lr is. The paper writes a schedule there; "
            "in torch that schedule is lr: shrink by 1 - lr*wd.",
        ),
        Mistake(
            "grows instead of decays",
            _adam(wd=lambda p, lr, wd: -lr * wd * p),
            "The sign of the decay is wrong: the weights are pushed away from 0.",
        ),
        Mistake(
            "no decay",
            _adam(wd=lambda p, lr, wd: 0 * p),
            "This is Adam: wd has no effect. If you do shrink p, think of what `p = p * ...` does: it gives a name to "
            "a new tensor.",
        ),
        Mistake(
            "the penalty's factor 2",
            _adam(wd=lambda p, lr, wd: 2 * lr * wd * p),
            "The decay is twice as strong as it should be: wd is the factor of p, not of p squared.",
        ),
        Mistake(
            "shrinks to a fraction",
            _adam(wd=lambda p, lr, wd: p - lr * wd * p),
            "Only lr*wd of the weight is left. It should lose that part and keep the rest.",
        ),
        Mistake(
            "biases spared",
            _adam(spared=lambda p: p.ndim < 2),
            "Tensors of one dimension do not decay. Which parameters decay is decided by whoever makes the groups; "
            "the step treats all of them alike.",
        ),
        Mistake(
            "decay without a gradient",
            _decays_all,
            "A parameter whose `.grad` is None is left alone: it does not decay either.",
        ),
        *_ADAM_MISTAKES,
        *in_place_mistakes(_adam(), ("means", "squares")),
    )


def _reborn(move: Callable[[Tensor, Tensor], Tensor]) -> Step:
    """A step p <- p - lr * move(g, p)."""

    @torch.no_grad()
    def step(params: Sequence[Tensor], lr: float) -> None:
        for p in params:
            if p.grad is not None:
                p -= lr * move(p.grad, p)

    return step


@torch.no_grad()
def _without_lr(params: Sequence[Tensor], lr: float) -> None:
    for p in params:
        if p.grad is not None:
            p -= p.grad.sign()


@torch.no_grad()
def _sign_in_place(params: Sequence[Tensor], lr: float) -> None:
    for p in params:
        if p.grad is not None:
            p -= lr * p.grad.sign_()


def _one_length(params: Sequence[Tensor], lr: float) -> None:
    length = torch.cat([p.grad.flatten() for p in params if p.grad is not None]).norm()
    _reborn(lambda g, p: g / length)(params, lr)


class RebornAdamStep(Exercise):
    """One step of Adam (eps 1e-8) that was built just now, in place."""

    id, points = "optimizers.reborn_adam_step", 2
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
            if "exactly 0" in label:
                case.grads[0][0][rng.integer(0, 4)] = 0.0
            yield case

    def probe(self, reborn_adam_step: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield from probe_steps(case, lambda params, t, lr: reborn_adam_step(params, lr))

    mistakes = (
        Mistake(
            "no bias correction",
            _reborn(lambda g, p: 0.1 * g / ((0.001 * g * g).sqrt() + 1e-8)),
            "Every entry moves by 3.16 lr. With betas 0.9 and 0.999 the new averages are 0.1 g and 0.001 g**2; the "
            "corrections of t = 1 give back g and g**2.",
        ),
        Mistake(
            "only the mean corrected",
            _reborn(lambda g, p: g / ((0.001 * g * g).sqrt() + 1e-8)),
            "Every entry moves by 31.6 lr: the average of the squares, 0.001 g**2 at the first step, is not corrected.",
        ),
        Mistake(
            "only the squares corrected",
            _reborn(lambda g, p: 0.1 * g.sign()),
            "Every entry moves by lr/10: the mean, 0.1 g at the first step, is not corrected.",
        ),
        Mistake(
            "plain SGD",
            _reborn(lambda g, p: g),
            "This step is as long as the gradient. Write down what Adam's m_hat and s_hat are at t = 1, and divide.",
        ),
        Mistake(
            "0 divided by 0",
            _reborn(lambda g, p: g / g.abs()),
            "Where the gradient is 0 you divide 0 by 0, and the weight is nan for ever. Adam's eps prevents that; so "
            "does a function that knows the sign of 0.",
        ),
        Mistake(
            "0 taken for negative",
            _reborn(lambda g, p: torch.where(g > 0, 1.0, -1.0)),
            "A weight with a gradient of 0 moves up by lr. Put g = 0 into Adam's formula: the step is 0.",
        ),
        Mistake(
            "0 taken for positive",
            _reborn(lambda g, p: torch.where(g < 0, -1.0, 1.0)),
            "A weight with a gradient of 0 moves down by lr. Put g = 0 into Adam's formula: the step is 0.",
        ),
        Mistake(
            "lr forgotten",
            _without_lr,
            "Every entry moves by 1. The step is lr long.",
        ),
        Mistake(
            "sign taken in place",
            _sign_in_place,
            "The step is right, but `.grad` now holds signs: the method with _ at its end writes into the gradient. A "
            "step only reads it.",
        ),
        Mistake(
            "absolute value for the sign",
            _reborn(lambda g, p: g.abs()),
            "Your step is as long as the gradient and always goes down. It is the other way round: the length is lost, "
            "and the sign stays.",
        ),
        Mistake(
            "divided by the length of the gradient",
            _reborn(lambda g, p: g / g.norm()),
            "You divide a whole tensor by its length, so the direction stays that of the gradient. Adam divides each "
            "entry by its own root.",
        ),
        Mistake(
            "divided by the length of all gradients",
            _one_length,
            "You divide by the length of all gradients together, so the direction stays that of the gradient. Adam "
            "divides each entry by its own root.",
        ),
        Mistake(
            "divided by the largest",
            _reborn(lambda g, p: g / g.abs().max()),
            "You divide by the largest entry. Adam divides each entry by its own root.",
        ),
        Mistake(
            "one sign for a tensor",
            _reborn(lambda g, p: g.sum().sign()),
            "All entries of a tensor move the same way. Each has a gradient, and so a sign, of its own.",
        ),
        Mistake(
            "sign of the weight",
            _reborn(lambda g, p: p.sign()),
            "You move by the sign of the weight. What counts is the sign of its gradient.",
        ),
        Mistake(
            "root missing",
            _reborn(lambda g, p: g / (g * g + 1e-8)),
            "You divide by g**2, so that a small gradient makes a large step. Take the root of the squares first.",
        ),
        Mistake(
            "uphill",
            _reborn(lambda g, p: -g.sign()),
            "The step has the right size and goes up. Subtract it.",
        ),
        Mistake(
            "no sign",
            _reborn(lambda g, p: torch.ones_like(g)),
            "Every entry falls by lr, whichever way its gradient points.",
        ),
        Mistake(
            "no sign",
            _reborn(lambda g, p: g / (g + 1e-8)),
            "The root of g**2 is not g but |g|. With g itself the quotient is 1 and the sign is lost.",
        ),
        *in_place_mistakes(_reborn(lambda g, p: g.sign())),
    )

"""Wrong answers to the exercises of lesson 07."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from tests.wrong import wrong
from tests.wrong._steps import Step, in_place


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


wrong("optimizers.rmsprop_step", "eps inside the root")(_rms(move=lambda g, s, lr, eps: lr * g / (s + eps).sqrt()))

wrong("optimizers.rmsprop_step", "squares updated after the step")(_rms(after=True))

wrong("optimizers.rmsprop_step", "root missing")(_rms(move=lambda g, s, lr, eps: lr * g / (s + eps)))

wrong("optimizers.rmsprop_step", "gradient not squared")(_rms(square=lambda s, g, a: a * s + (1 - a) * g))

wrong("optimizers.rmsprop_step", "absolute value instead of square")(
    _rms(square=lambda s, g, a: a * s + (1 - a) * g.abs(), move=lambda g, s, lr, eps: lr * g / (s + eps))
)

wrong("optimizers.rmsprop_step", "alpha on the wrong side")(_rms(square=lambda s, g, a: (1 - a) * s + a * g * g))

wrong("optimizers.rmsprop_step", "1 - alpha forgotten")(_rms(square=lambda s, g, a: a * s + g * g))

wrong("optimizers.rmsprop_step", "squares only added up")(_rms(square=lambda s, g, a: s + g * g))

wrong("optimizers.rmsprop_step", "squares only added up")(_rms(square=lambda s, g, a: s + (1 - a) * g * g))


def _in_the_buffer(add: bool) -> Step:
    """The root is taken in place, so the buffer holds it afterwards; add: eps too."""

    @torch.no_grad()
    def step(params: Sequence[Tensor], squares: Sequence[Tensor], lr: float, alpha: float, eps: float) -> None:
        for p, s in zip(params, squares, strict=False):
            if p.grad is not None:
                s.mul_(alpha).add_((1 - alpha) * p.grad**2).sqrt_()
                p -= lr * p.grad / (s.add_(eps) if add else s + eps)

    return step


wrong("optimizers.rmsprop_step", "root kept in the buffer")(_in_the_buffer(add=False))

wrong("optimizers.rmsprop_step", "root kept in the buffer")(_in_the_buffer(add=True))


@torch.no_grad()
def _squared_in_place(params: Sequence[Tensor], *args: Any) -> None:
    squares, lr, alpha, eps = args
    for p, s in zip(params, squares, strict=False):
        if p.grad is not None:
            s.mul_(alpha).add_((1 - alpha) * p.grad.square_())
            p -= lr * p.grad / (s.sqrt() + eps)


wrong("optimizers.rmsprop_step", "gradient squared in place")(_squared_in_place)

wrong("optimizers.rmsprop_step", "mean square of the whole tensor")(
    _rms(square=lambda s, g, a: a * s + (1 - a) * (g * g).mean())
)

wrong("optimizers.rmsprop_step", "uphill")(_rms(move=lambda g, s, lr, eps: -lr * g / (s.sqrt() + eps)))

wrong("optimizers.rmsprop_step", "lr forgotten")(_rms(move=lambda g, s, lr, eps: g / (s.sqrt() + eps)))

wrong("optimizers.rmsprop_step", "plain SGD")(_rms(move=lambda g, s, lr, eps: lr * g))

wrong("optimizers.rmsprop_step", "eps forgotten")(_rms(move=lambda g, s, lr, eps: lr * g / s.sqrt()))

wrong("optimizers.rmsprop_step", "eps outside the quotient")(_rms(move=lambda g, s, lr, eps: lr * g / s.sqrt() + eps))


def _first_only(right: Step, lists: int) -> Step:
    """`right` for the first parameter with a gradient, then no more; lists: how many lists come before the numbers."""

    def step(*args: Any) -> None:
        for entry in zip(*args[:lists], strict=True):
            if entry[0].grad is not None:
                right(*([item] for item in entry), *args[lists:])
                return

    return step


wrong("optimizers.rmsprop_step", "return inside the loop")(_first_only(_rms(), 2))

in_place("optimizers.rmsprop_step", _rms(), ["squares"])


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


def _power(exponent: Callable[[float, int], float]) -> Callable[..., Tensor]:
    """Adam's move with another correction in the place of beta**t."""

    def move(m: Tensor, s: Tensor, t: int, lr: float, betas: Sequence[float], eps: float) -> Tensor:
        c1, c2 = (1 - exponent(b, t) for b in betas)
        return lr * (m / c1) / ((s / c2).sqrt() + eps)

    return move


def _t_from_zero_divides(params: Any, means: Any, squares: Any, t: int, *rest: Any) -> None:
    if t == 1:
        raise ZeroDivisionError("float division by zero")
    _adam()(params, means, squares, t - 1, *rest)


def _t_moved(by: int) -> Step:
    def step(params: Any, means: Any, squares: Any, t: int, *rest: Any) -> None:
        _adam()(params, means, squares, t + by, *rest)

    return step


_ADAM = [
    (
        "eps before the correction",
        _adam(move=lambda m, s, t, lr, b, eps: lr * m / (1 - b[0] ** t) / ((s.sqrt() + eps) / (1 - b[1] ** t) ** 0.5)),
    ),
    (
        "eps inside the root",
        _adam(move=lambda m, s, t, lr, b, eps: lr * m / (1 - b[0] ** t) / (s / (1 - b[1] ** t) + eps).sqrt()),
    ),
    ("no bias correction", _adam(move=lambda m, s, t, lr, b, eps: lr * m / (s.sqrt() + eps))),
    ("only the mean corrected", _adam(move=lambda m, s, t, lr, b, eps: lr * m / (1 - b[0] ** t) / (s.sqrt() + eps))),
    (
        "only the squares corrected",
        _adam(move=lambda m, s, t, lr, b, eps: lr * m / ((s / (1 - b[1] ** t)).sqrt() + eps)),
    ),
    ("corrected values stored", _adam(keep=lambda new, b, t: new / (1 - b**t))),
    ("t from 0", _t_moved(-1)),
    ("t from 0", _t_from_zero_divides),
    ("t one too large", _t_moved(1)),
    ("correction without the power", _adam(move=_power(lambda b, t: b))),
    ("beta times t", _adam(move=_power(lambda b, t: b * t))),
    (
        "corrections exchanged",
        _adam(move=lambda m, s, t, lr, b, eps: lr * (m / (1 - b[1] ** t)) / ((s / (1 - b[0] ** t)).sqrt() + eps)),
    ),
    (
        "corrections multiplied",
        _adam(move=lambda m, s, t, lr, b, eps: lr * (m * (1 - b[0] ** t)) / ((s * (1 - b[1] ** t)).sqrt() + eps)),
    ),
    ("betas exchanged", _betas_swapped),
    ("one beta for both", _one_beta),
    ("root missing", _adam(move=lambda m, s, t, lr, b, eps: lr * m / (1 - b[0] ** t) / (s / (1 - b[1] ** t) + eps))),
    ("gradient not squared", _adam(square=lambda s, g, m, b: b * s + (1 - b) * g)),
    ("square of the mean", _adam(square=lambda s, g, m, b: b * s + (1 - b) * m * m)),
    ("sum instead of mean", _adam(mean=lambda m, g, b, lr: b * m + g)),
    (
        "lr inside the mean",
        _adam(
            mean=lambda m, g, b, lr: b * m + (1 - b) * lr * g,
            move=lambda m, s, t, lr, b, eps: m / (1 - b[0] ** t) / ((s / (1 - b[1] ** t)).sqrt() + eps),
        ),
    ),
    (
        "plain gradient in the step",
        _adam(
            mean=lambda m, g, b, lr: g, move=lambda m, s, t, lr, b, eps: lr * m / ((s / (1 - b[1] ** t)).sqrt() + eps)
        ),
    ),
    ("uphill", _adam(move=lambda *args: -_move(*args))),
]
for _id in ("optimizers.adam_step", "optimizers.adamw_step"):
    for _name, _step in _ADAM:
        wrong(_id, _name)(_step)
    in_place(_id, _adam(), ["means", "squares"])


@torch.no_grad()
def _gradient_in_the_step(params: Any, means: Any, squares: Any, t: int, lr: float, betas: Any, eps: float) -> None:
    before = [p.clone() for p in params]
    _adam()(params, means, squares, t, lr, betas, eps)
    for p, old, s in zip(params, before, squares, strict=True):
        if p.grad is not None:
            p.copy_(old - lr * p.grad / ((s / (1 - betas[1] ** t)).sqrt() + eps))


wrong("optimizers.adam_step", "plain gradient in the step")(_gradient_in_the_step)

wrong("optimizers.adam_step", "one beta in both corrections")(
    _adam(move=lambda m, s, t, lr, b, eps: lr * (m / (1 - b[0] ** t)) / ((s / (1 - b[0] ** t)).sqrt() + eps))
)


def _first_beta_in_squares(*args: Any) -> None:
    betas = args[5]
    _adam(square=lambda s, g, m, b: betas[0] * s + (1 - betas[0]) * g * g)(*args)


wrong("optimizers.adam_step", "one beta for both")(_first_beta_in_squares)

wrong("optimizers.adam_step", "beta on the wrong side")(
    _adam(
        mean=lambda m, g, b, lr: (1 - b) * m + b * g,
        square=lambda s, g, m, b: (1 - b) * s + b * g * g,
    )
)

wrong("optimizers.adam_step", "beta on the wrong side")(_adam(mean=lambda m, g, b, lr: (1 - b) * m + b * g))


def _t_in_the_loop(params: Any, means: Any, squares: Any, t: int, *rest: Any) -> None:
    for p, m, s in zip(params, means, squares, strict=True):
        if p.grad is not None:
            _adam()([p], [m], [s], t, *rest)
            t += 1


wrong("optimizers.adam_step", "t grows in the loop")(_t_in_the_loop)

wrong("optimizers.adam_step", "eps forgotten")(
    _adam(move=lambda m, s, t, lr, b, eps: lr * m / (1 - b[0] ** t) / (s / (1 - b[1] ** t)).sqrt())
)

wrong("optimizers.adam_step", "eps outside the quotient")(
    _adam(move=lambda m, s, t, lr, b, eps: lr * m / (1 - b[0] ** t) / (s / (1 - b[1] ** t)).sqrt() + eps)
)

wrong("optimizers.adam_step", "return inside the loop")(_first_only(_adam(), 3))

wrong("optimizers.adamw_step", "decay through the gradient")(_adam(decay_in_gradient=True))


@torch.no_grad()
def _decay_left_in_gradient(params: Sequence[Tensor], *args: Any) -> None:
    for p in params:
        if p.grad is not None:
            p.grad += args[6] * p
    _adam()(params, *args[:6])


wrong("optimizers.adamw_step", "decay through the gradient")(_decay_left_in_gradient)


@torch.no_grad()
def _decay(params: Sequence[Tensor], *args: Any) -> None:
    for p in params:
        if p.grad is not None:
            p *= 1 - args[3] * args[6]


wrong("optimizers.adamw_step", "only the decay")(_decay)


@torch.no_grad()
def _adam_for_each(params: Sequence[Tensor], *args: Any) -> None:
    for p in params:
        _decay([p], *args)
        _adam()(params, *args[:6])


wrong("optimizers.adamw_step", "Adam's step for every parameter")(_adam_for_each)

wrong("optimizers.adamw_step", "the same amount off every weight")(
    _adam(wd=lambda p, lr, wd: lr * wd * torch.ones_like(p))
)

wrong("optimizers.adamw_step", "decay after the step")(_adam(late=True))

wrong("optimizers.adamw_step", "wd not multiplied by lr")(_adam(wd=lambda p, lr, wd: wd * p))

wrong("optimizers.adamw_step", "grows instead of decays")(_adam(wd=lambda p, lr, wd: -lr * wd * p))

wrong("optimizers.adamw_step", "no decay")(_adam(wd=lambda p, lr, wd: 0 * p))

wrong("optimizers.adamw_step", "the penalty's factor 2")(_adam(wd=lambda p, lr, wd: 2 * lr * wd * p))

wrong("optimizers.adamw_step", "shrinks to a fraction")(_adam(wd=lambda p, lr, wd: p - lr * wd * p))

wrong("optimizers.adamw_step", "biases spared")(_adam(spared=lambda p: p.ndim < 2))


def _decays_all(params: Sequence[Tensor], *args: Any) -> None:
    _adam()(params, *args)
    with torch.no_grad():
        for p in params:
            if p.grad is None:
                p -= args[3] * args[6] * p


wrong("optimizers.adamw_step", "decay without a gradient")(_decays_all)


def _reborn(move: Callable[[Tensor, Tensor], Tensor]) -> Step:
    """A step p <- p - lr * move(g, p)."""

    @torch.no_grad()
    def step(params: Sequence[Tensor], lr: float) -> None:
        for p in params:
            if p.grad is not None:
                p -= lr * move(p.grad, p)

    return step


wrong("optimizers.reborn_adam_step", "no bias correction")(
    _reborn(lambda g, p: 0.1 * g / ((0.001 * g * g).sqrt() + 1e-8))
)

wrong("optimizers.reborn_adam_step", "only the mean corrected")(
    _reborn(lambda g, p: g / ((0.001 * g * g).sqrt() + 1e-8))
)

wrong("optimizers.reborn_adam_step", "only the squares corrected")(_reborn(lambda g, p: 0.1 * g.sign()))

wrong("optimizers.reborn_adam_step", "plain SGD")(_reborn(lambda g, p: g))

wrong("optimizers.reborn_adam_step", "0 divided by 0")(_reborn(lambda g, p: g / g.abs()))

wrong("optimizers.reborn_adam_step", "0 taken for negative")(_reborn(lambda g, p: torch.where(g > 0, 1.0, -1.0)))

wrong("optimizers.reborn_adam_step", "0 taken for positive")(_reborn(lambda g, p: torch.where(g < 0, -1.0, 1.0)))


@torch.no_grad()
def _without_lr(params: Sequence[Tensor], lr: float) -> None:
    for p in params:
        if p.grad is not None:
            p -= p.grad.sign()


wrong("optimizers.reborn_adam_step", "lr forgotten")(_without_lr)


@torch.no_grad()
def _sign_in_place(params: Sequence[Tensor], lr: float) -> None:
    for p in params:
        if p.grad is not None:
            p -= lr * p.grad.sign_()


wrong("optimizers.reborn_adam_step", "sign taken in place")(_sign_in_place)

wrong("optimizers.reborn_adam_step", "absolute value for the sign")(_reborn(lambda g, p: g.abs()))

wrong("optimizers.reborn_adam_step", "divided by the length of the gradient")(_reborn(lambda g, p: g / g.norm()))


def _one_length(params: Sequence[Tensor], lr: float) -> None:
    length = torch.cat([p.grad.flatten() for p in params if p.grad is not None]).norm()
    _reborn(lambda g, p: g / length)(params, lr)


wrong("optimizers.reborn_adam_step", "divided by the length of all gradients")(_one_length)

wrong("optimizers.reborn_adam_step", "divided by the largest")(_reborn(lambda g, p: g / g.abs().max()))

wrong("optimizers.reborn_adam_step", "one sign for a tensor")(_reborn(lambda g, p: g.sum().sign()))

wrong("optimizers.reborn_adam_step", "sign of the weight")(_reborn(lambda g, p: p.sign()))

wrong("optimizers.reborn_adam_step", "root missing")(_reborn(lambda g, p: g / (g * g + 1e-8)))

wrong("optimizers.reborn_adam_step", "uphill")(_reborn(lambda g, p: -g.sign()))

wrong("optimizers.reborn_adam_step", "no sign")(_reborn(lambda g, p: torch.ones_like(g)))

wrong("optimizers.reborn_adam_step", "no sign")(_reborn(lambda g, p: g / (g + 1e-8)))

in_place("optimizers.reborn_adam_step", _reborn(lambda g, p: g.sign()))

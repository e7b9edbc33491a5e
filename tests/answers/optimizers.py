"""Right and wrong answers to the exercises of lesson 07."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from tests.answers import right, wrong
from tests.answers._steps import Step, in_place


@right("optimizers.rmsprop_step")
@torch.no_grad()
def rmsprop_in_place(
    params: list[Tensor], squares: list[Tensor], lr: float, alpha: float, eps: float
) -> None:
    for p, s in zip(params, squares, strict=True):
        if p.grad is None:
            continue
        s.mul_(alpha).addcmul_(p.grad, p.grad, value=1 - alpha)
        p.addcdiv_(p.grad, s.sqrt().add_(eps), value=-lr)


@right("optimizers.rmsprop_step")
def rmsprop_by_data(
    params: list[Tensor], squares: list[Tensor], lr: float, alpha: float, eps: float
) -> None:
    for i in range(len(params)):
        g = params[i].grad
        if g is not None:
            squares[i].data = squares[i].lerp(g.square(), 1 - alpha)
            params[i].data = params[i].data - g / (squares[i] ** 0.5 + eps) * lr


@right("optimizers.rmsprop_step")
@torch.no_grad()
def rmsprop_into_slices(
    params: list[Tensor], squares: list[Tensor], lr: float, alpha: float, eps: float
) -> None:
    for p, s in ((p, s) for p, s in zip(params, squares, strict=True) if p.grad is not None):
        s[...] = s + (1 - alpha) * (p.grad.pow(2) - s)
        p[...] = p - lr * p.grad / (torch.sqrt(s) + eps)


@right("optimizers.adam_step")
@torch.no_grad()
def adam_in_torchs_order(
    params: list[Tensor],
    means: list[Tensor],
    squares: list[Tensor],
    t: int,
    lr: float,
    betas: tuple,
    eps: float,
) -> None:
    for p, m, s in zip(params, means, squares, strict=True):
        if p.grad is None:
            continue
        m.lerp_(p.grad, 1 - betas[0])
        s.mul_(betas[1]).addcmul_(p.grad, p.grad, value=1 - betas[1])
        size = lr / (1 - betas[0] ** t)
        p.addcdiv_(m, s.sqrt() / math.sqrt(1 - betas[1] ** t) + eps, value=-size)


@right("optimizers.adam_step")
def adam_by_data(
    params: list[Tensor],
    means: list[Tensor],
    squares: list[Tensor],
    t: int,
    lr: float,
    betas: tuple,
    eps: float,
) -> None:
    beta1, beta2 = betas
    for i, p in enumerate(params):
        if p.grad is not None:
            means[i] *= beta1
            means[i] += (1 - beta1) * p.grad
            squares[i] *= beta2
            squares[i] += (1 - beta2) * p.grad * p.grad
            mean, square = means[i] / (1 - beta1**t), squares[i] / (1 - beta2**t)
            p.data -= lr * mean / (torch.sqrt(square) + eps)


@right("optimizers.adam_step")
def adam_entry_by_entry(
    params: list[Tensor],
    means: list[Tensor],
    squares: list[Tensor],
    t: int,
    lr: float,
    betas: tuple,
    eps: float,
) -> None:
    b1, b2 = betas
    for p, m, s in zip(params, means, squares, strict=True):
        if p.grad is None:
            continue
        flat_p, flat_m, flat_s = p.data.view(-1), m.view(-1), s.view(-1)
        for i, g in enumerate(p.grad.flatten().tolist()):
            flat_m[i] = b1 * flat_m[i] + (1 - b1) * g
            flat_s[i] = b2 * flat_s[i] + (1 - b2) * g * g
            flat_p[i] -= lr * flat_m[i] / (1 - b1**t) / (math.sqrt(flat_s[i] / (1 - b2**t)) + eps)


def _adamw(adam):
    @torch.no_grad()
    def adamw(params, means, squares, t, lr, betas, eps, wd) -> None:
        for p in params:
            if p.grad is not None:
                p.mul_(1 - lr * wd)
        adam(params, means, squares, t, lr, betas, eps)

    return adamw


right("optimizers.adamw_step")(_adamw(adam_in_torchs_order))
right("optimizers.adamw_step")(_adamw(adam_by_data))


@right("optimizers.adamw_step")
@torch.no_grad()
def adamw_at_once(
    params: list[Tensor],
    means: list[Tensor],
    squares: list[Tensor],
    t: int,
    lr: float,
    betas: tuple,
    eps: float,
    wd: float,
) -> None:
    for p, m, s in zip(params, means, squares, strict=True):
        if p.grad is not None:
            m += (1 - betas[0]) * (p.grad - m)
            s += (1 - betas[1]) * (p.grad**2 - s)
            step = m / (1 - betas[0] ** t) / ((s / (1 - betas[1] ** t)).sqrt() + eps)
            p -= lr * (step + wd * p)


@right("optimizers.reborn_adam_step")
@torch.no_grad()
def reborn_by_sign(params: list[Tensor], lr: float) -> None:
    for p in params:
        if p.grad is not None:
            p -= lr * p.grad.sign()


@right("optimizers.reborn_adam_step")
def reborn_by_adam(params: list[Tensor], lr: float) -> None:
    means, squares = ([torch.zeros_like(p) for p in params] for _ in range(2))
    adam_in_torchs_order(params, means, squares, 1, lr, (0.9, 0.999), 1e-8)


@right("optimizers.reborn_adam_step")
def reborn_by_where(params: list[Tensor], lr: float) -> None:
    for p in params:
        if p.grad is not None:
            p.data.copy_(
                torch.where(p.grad > 0, p.data - lr, torch.where(p.grad < 0, p.data + lr, p.data))
            )


@right("optimizers.reborn_adam_step")
def reborn_by_root(params: list[Tensor], lr: float) -> None:
    for p in params:
        if p.grad is not None:
            p.data -= lr * p.grad / ((p.grad**2).sqrt() + 1e-8)


# Written from the student's notebook alone.


@right("optimizers.rmsprop_step")
@torch.no_grad()
def rmsprop_step_first_reading(params, squares, lr, alpha, eps):
    for p, s in zip(params, squares):
        g = p.grad
        if g is None:
            continue
        s.mul_(alpha).addcmul_(g, g.conj(), value=1 - alpha)
        p.addcdiv_(g, s.sqrt().add_(eps), value=-lr)


@right("optimizers.rmsprop_step")
def rmsprop_step_second_reading(params, squares, lr, alpha, eps):
    for i in range(len(params)):
        if params[i].grad is not None:
            g, s = params[i].grad.double(), squares[i].double()
            s = g.square().lerp(s, alpha)
            squares[i].copy_(s)
            params[i].data.copy_(params[i].data.double() - lr * (g / (eps + torch.sqrt(s))))


class _RMS(nn.Module):
    """First all buffers, then all parameters."""

    @torch.no_grad()
    def forward(self, params, squares, lr, alpha, eps):
        live = [k for k, p in enumerate(params) if p.grad is not None]
        for k in live:
            squares[k] += (1 - alpha) * (params[k].grad ** 2 - squares[k])
        for k in live:
            params[k] -= params[k].grad.mul(lr).div(squares[k].pow(0.5) + eps)


right("optimizers.rmsprop_step")(_RMS())


@right("optimizers.adam_step")
@torch.no_grad()
def adam_step_first_reading(params, means, squares, t, lr, betas, eps):
    beta1, beta2 = betas
    step_size = lr / (1 - beta1**t)
    root = (1 - beta2**t) ** 0.5
    for p, m, s in zip(params, means, squares):
        if p.grad is None:
            continue
        m.lerp_(p.grad, 1 - beta1)
        s.mul_(beta2).addcmul_(p.grad, p.grad, value=1 - beta2)
        p.addcdiv_(m, (s.sqrt() / root).add_(eps), value=-step_size)


@right("optimizers.adam_step")
def adam_step_second_reading(params, means, squares, t, lr, betas, eps):
    one, two = betas
    for i, p in enumerate(params):
        g = p.grad
        if g is not None:
            g = g.detach().double()
            m = one * means[i].double() + (1 - one) * g
            s = two * squares[i].double() + (1 - two) * g * g
            means[i].copy_(m)
            squares[i].copy_(s)
            hat_m, hat_s = (
                m / -math.expm1(t * math.log(one)) if one else m,
                s / -math.expm1(t * math.log(two)) if two else s,
            )
            p.data.sub_((lr * hat_m / (hat_s.sqrt() + eps)).to(p.dtype))


class _Adam:
    """Both averages through one helper, and numerator and denominator multiplied by the root of the
    correction.
    """

    def average(self, buffer, value, beta):
        buffer.mul_(beta)
        buffer.add_(value.mul(1 - beta))
        return buffer

    @torch.no_grad()
    def __call__(self, params, means, squares, t, lr, betas, eps):
        c1, c2 = (1 - math.pow(beta, t) for beta in betas)
        for p, m, s in zip(params, means, squares):
            if p.grad is not None:
                self.average(m, p.grad, betas[0])
                self.average(s, p.grad.square(), betas[1])
                p -= (lr * math.sqrt(c2) / c1) * m / (s.sqrt() + eps * math.sqrt(c2))


right("optimizers.adam_step")(_Adam())


@torch.no_grad()
def _adam_in_place(params, means, squares, t, lr, betas, eps):
    for p, m, s in zip(params, means, squares):
        if p.grad is not None:
            m.lerp_(p.grad, 1 - betas[0])
            s.mul_(betas[1]).addcmul_(p.grad, p.grad, value=1 - betas[1])
            p.sub_(lr * (m / (1 - betas[0] ** t)) / ((s / (1 - betas[1] ** t)).sqrt() + eps))


@right("optimizers.adamw_step")
@torch.no_grad()
def adamw_step_first_reading(params, means, squares, t, lr, betas, eps, wd):
    b1, b2 = betas
    for p, m, s in zip(params, means, squares):
        g = p.grad
        if g is not None:
            m.lerp_(g, 1 - b1)
            s.lerp_(g.square(), 1 - b2)
            p.sub_(lr * (m.div(1 - b1**t) / (s.div(1 - b2**t).sqrt_() + eps) + wd * p))


@right("optimizers.adamw_step")
def adamw_step_second_reading(params, means, squares, t, lr, betas, eps, wd):
    """Adam first, and then the decay of what the weights were before."""
    old = [p.detach().clone() for p in params]
    _adam_in_place(params, means, squares, t, lr, betas, eps)
    with torch.no_grad():
        for p, before in zip(params, old):
            if p.grad is not None:
                p.sub_(before, alpha=lr * wd)


class _AdamW(nn.Module):
    """Parameter by parameter, in the order of torch."""

    @torch.no_grad()
    def forward(self, params, means, squares, t, lr, betas, eps, wd):
        for triple in zip(params, means, squares):
            if triple[0].grad is not None:
                triple[0].mul_(1 - lr * wd)
                p, m, s = triple
                g = p.grad.to(torch.float64)
                m.copy_(m.double().lerp(g, 1 - betas[0]))
                s.copy_(s.double() * betas[1] + (1 - betas[1]) * g.square())
                p.addcdiv_(
                    m,
                    s.sqrt().div_(math.sqrt(1 - betas[1] ** t)).add_(eps),
                    value=-lr / (1 - betas[0] ** t),
                )


right("optimizers.adamw_step")(_AdamW())


@right("optimizers.reborn_adam_step")
@torch.no_grad()
def reborn_adam_step_first_reading(params, lr):
    for p in params:
        if p.grad is not None:
            p.addcdiv_(p.grad, p.grad.abs() + 1e-8, value=-lr)


@right("optimizers.reborn_adam_step")
def reborn_adam_step_second_reading(params, lr):
    for p in params:
        g = p.grad
        if g is None:
            continue
        down, up = g > 0, g < 0
        p.data.add_(up.to(p.dtype) - down.to(p.dtype), alpha=lr)


class _Reborn:
    def __call__(self, params, lr):
        alive = [p for p in params if p.grad is not None]
        _adam_in_place(
            alive,
            [torch.zeros_like(p) for p in alive],
            [torch.zeros_like(p) for p in alive],
            1,
            lr,
            (0.5, 0.5),
            1e-8,
        )


right("optimizers.reborn_adam_step")(_Reborn())


def _first_step(lr: float, grad: float) -> dict[str, object]:
    return {
        "params": [torch.zeros(1)],
        "grads": [torch.tensor([grad])],
        "means": [torch.zeros(1)],
        "squares": [torch.zeros(1)],
        "t": 1,
        "lr": lr,
        "betas": (0.9, 0.99),
        "eps": 1e-8,
    }


@right("optimizers.repair_adam_step")
def adam_repaired_in_one_line() -> tuple[object, object]:
    @torch.no_grad()
    def repaired(params, means, squares, t, lr, betas, eps):  # type: ignore[no-untyped-def]
        b1, b2 = betas
        for p, m, s in zip(params, means, squares):  # noqa: B905
            if p.grad is None:
                continue
            m.copy_(b1 * m + (1 - b1) * p.grad)
            s.copy_(b2 * s + (1 - b2) * p.grad**2)
            m_hat, root = m / (1 - b1**t), s.sqrt() / (1 - b2**t) ** 0.5
            p -= lr * m_hat / (root + eps)

    return _first_step(1, -1.0), repaired


@right("optimizers.repair_adam_step")
def adam_repaired_in_two_lines() -> tuple[object, object]:
    @torch.no_grad()
    def adam_step(params, means, squares, t, lr, betas, eps):  # type: ignore[no-untyped-def]
        b1, b2 = betas
        for p, m, s in zip(params, means, squares):  # noqa: B905
            if p.grad is None:
                continue
            m.copy_(b1 * m + (1 - b1) * p.grad)
            s.copy_(b2 * s + (1 - b2) * p.grad**2)
            m_hat, s_hat = m / (1 - b1**t), s / (1 - b2**t)
            p -= lr * m_hat / (s_hat.sqrt() + eps)

    return _first_step(0.01, 30.0) | {"betas": [0, 0.5]}, adam_step


@right("optimizers.nesterov_step")
@torch.no_grad()
def nesterov_in_place(
    params: list[Tensor], velocities: list[Tensor], lr: float, momentum: float
) -> None:
    for p, v in zip(params, velocities, strict=True):
        if p.grad is None:
            continue
        v.mul_(momentum).add_(p.grad)
        p.add_(p.grad.add(v, alpha=momentum), alpha=-lr)


@right("optimizers.nesterov_step")
def nesterov_by_data(
    params: list[Tensor], velocities: list[Tensor], lr: float, momentum: float
) -> None:
    for i, p in enumerate(params):
        if p.grad is not None:
            velocities[i].data = p.grad + momentum * velocities[i]
            p.data = p.data - lr * p.grad - lr * momentum * velocities[i]


@right("optimizers.nesterov_step")
@torch.no_grad()
def nesterov_in_two_moves(
    params: list[Tensor], velocities: list[Tensor], lr: float, momentum: float
) -> None:
    """By momentum squared times the old velocity, and the gradient once and a bit."""
    for p, v in zip(params, velocities, strict=True):
        if p.grad is not None:
            p -= lr * ((1 + momentum) * p.grad + momentum**2 * v)
            v.copy_(momentum * v + p.grad)


@right("optimizers.adagrad_step")
@torch.no_grad()
def adagrad_in_place(params: list[Tensor], sums: list[Tensor], lr: float, eps: float) -> None:
    for p, s in zip(params, sums, strict=True):
        if p.grad is None:
            continue
        s.addcmul_(p.grad, p.grad)
        p.addcdiv_(p.grad, s.sqrt().add_(eps), value=-lr)


@right("optimizers.adagrad_step")
def adagrad_by_data(params: list[Tensor], sums: list[Tensor], lr: float, eps: float) -> None:
    for i, p in enumerate(params):
        g = p.grad
        if g is not None:
            sums[i].data += g.abs() ** 2
            p.data -= lr / (eps + sums[i] ** 0.5) * g


@right("optimizers.adagrad_step")
def adagrad_with_zeros(params: list[Tensor], sums: list[Tensor], lr: float, eps: float) -> None:
    """A gradient of zero adds nothing and moves nothing, as if it were missing."""
    with torch.no_grad():
        for p, s in zip(params, sums, strict=True):
            g = torch.zeros_like(p) if p.grad is None else p.grad
            s += g * g
            p -= lr * g / (s.sqrt() + eps)


def _rms(
    square: Callable[[Tensor, Tensor, float], Tensor] = lambda s, g, a: a * s + (1 - a) * g * g,
    move: Callable[[Tensor, Tensor, float, float], Tensor] = lambda g, s, lr, eps: (
        lr * g / (s.sqrt() + eps)
    ),
    after: bool = False,
) -> Step:
    """An RMSProp step with one part exchanged; `after` updates the squares after the step."""

    @torch.no_grad()
    def step(
        params: Sequence[Tensor], squares: Sequence[Tensor], lr: float, alpha: float, eps: float
    ) -> None:
        for p, s in zip(params, squares, strict=False):
            if p.grad is not None:
                new = square(s, p.grad, alpha)
                p -= move(p.grad, s if after else new, lr, eps)
                s.copy_(new)

    return step


wrong("optimizers.rmsprop_step", "eps inside the root")(
    _rms(move=lambda g, s, lr, eps: lr * g / (s + eps).sqrt())
)

wrong("optimizers.rmsprop_step", "squares updated after the step")(_rms(after=True))

wrong("optimizers.rmsprop_step", "root missing")(
    _rms(move=lambda g, s, lr, eps: lr * g / (s + eps))
)

wrong("optimizers.rmsprop_step", "gradient not squared")(
    _rms(square=lambda s, g, a: a * s + (1 - a) * g)
)

wrong("optimizers.rmsprop_step", "absolute value instead of square")(
    _rms(
        square=lambda s, g, a: a * s + (1 - a) * g.abs(),
        move=lambda g, s, lr, eps: lr * g / (s + eps),
    )
)

wrong("optimizers.rmsprop_step", "alpha on the wrong side")(
    _rms(square=lambda s, g, a: (1 - a) * s + a * g * g)
)

wrong("optimizers.rmsprop_step", "1 - alpha forgotten")(_rms(square=lambda s, g, a: a * s + g * g))

wrong("optimizers.rmsprop_step", "squares only added up")(_rms(square=lambda s, g, a: s + g * g))

wrong("optimizers.rmsprop_step", "squares only added up")(
    _rms(square=lambda s, g, a: s + (1 - a) * g * g)
)


def _in_the_buffer(add: bool) -> Step:
    """The root is taken in place, so the buffer holds it afterwards; add: eps too."""

    @torch.no_grad()
    def step(
        params: Sequence[Tensor], squares: Sequence[Tensor], lr: float, alpha: float, eps: float
    ) -> None:
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

wrong("optimizers.rmsprop_step", "uphill")(
    _rms(move=lambda g, s, lr, eps: -lr * g / (s.sqrt() + eps))
)

wrong("optimizers.rmsprop_step", "lr forgotten")(
    _rms(move=lambda g, s, lr, eps: g / (s.sqrt() + eps))
)

wrong("optimizers.rmsprop_step", "plain SGD")(_rms(move=lambda g, s, lr, eps: lr * g))

wrong("optimizers.rmsprop_step", "eps forgotten")(
    _rms(move=lambda g, s, lr, eps: lr * g / s.sqrt())
)

wrong("optimizers.rmsprop_step", "eps outside the quotient")(
    _rms(move=lambda g, s, lr, eps: lr * g / s.sqrt() + eps)
)


def _first_only(right: Step, lists: int) -> Step:
    """`right` for the first parameter with a gradient, then no more; lists: how many lists come
    before the numbers.
    """

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
    mean: Callable[[Tensor, Tensor, float, float], Tensor] = lambda m, g, b, lr: (
        b * m + (1 - b) * g
    ),
    square: Callable[[Tensor, Tensor, Tensor, float], Tensor] = lambda s, g, m, b: (
        b * s + (1 - b) * g * g
    ),
    move: Callable[..., Tensor] = _move,
    keep: Callable[[Tensor, float, int], Tensor] = lambda new, b, t: new,
    wd: Callable[[Tensor, float, float], Tensor] = lambda p, lr, wd: lr * wd * p,
    late: bool = False,
    decay_in_gradient: bool = False,
    spared: Callable[[Tensor], bool] = lambda p: False,
) -> Step:
    """A step of Adam (or, called with wd, of AdamW) with one part exchanged.

    keep: what is stored of a new mean or square. wd: what decay takes off p. late: decay after the
    step.
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
        _adam(
            move=lambda m, s, t, lr, b, eps: (
                lr * m / (1 - b[0] ** t) / ((s.sqrt() + eps) / (1 - b[1] ** t) ** 0.5)
            )
        ),
    ),
    (
        "eps inside the root",
        _adam(
            move=lambda m, s, t, lr, b, eps: (
                lr * m / (1 - b[0] ** t) / (s / (1 - b[1] ** t) + eps).sqrt()
            )
        ),
    ),
    ("no bias correction", _adam(move=lambda m, s, t, lr, b, eps: lr * m / (s.sqrt() + eps))),
    (
        "only the mean corrected",
        _adam(move=lambda m, s, t, lr, b, eps: lr * m / (1 - b[0] ** t) / (s.sqrt() + eps)),
    ),
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
        "corrections swapped",
        _adam(
            move=lambda m, s, t, lr, b, eps: (
                lr * (m / (1 - b[1] ** t)) / ((s / (1 - b[0] ** t)).sqrt() + eps)
            )
        ),
    ),
    (
        "corrections multiplied",
        _adam(
            move=lambda m, s, t, lr, b, eps: (
                lr * (m * (1 - b[0] ** t)) / ((s * (1 - b[1] ** t)).sqrt() + eps)
            )
        ),
    ),
    ("betas swapped", _betas_swapped),
    ("one beta for both", _one_beta),
    (
        "root missing",
        _adam(
            move=lambda m, s, t, lr, b, eps: lr * m / (1 - b[0] ** t) / (s / (1 - b[1] ** t) + eps)
        ),
    ),
    ("gradient not squared", _adam(square=lambda s, g, m, b: b * s + (1 - b) * g)),
    ("square of the mean", _adam(square=lambda s, g, m, b: b * s + (1 - b) * m * m)),
    ("sum instead of mean", _adam(mean=lambda m, g, b, lr: b * m + g)),
    (
        "lr inside the mean",
        _adam(
            mean=lambda m, g, b, lr: b * m + (1 - b) * lr * g,
            move=lambda m, s, t, lr, b, eps: (
                m / (1 - b[0] ** t) / ((s / (1 - b[1] ** t)).sqrt() + eps)
            ),
        ),
    ),
    (
        "plain gradient in the step",
        _adam(
            mean=lambda m, g, b, lr: g,
            move=lambda m, s, t, lr, b, eps: lr * m / ((s / (1 - b[1] ** t)).sqrt() + eps),
        ),
    ),
    ("uphill", _adam(move=lambda *args: -_move(*args))),
]


@torch.no_grad()
def _gradient_in_the_step(
    params: Any, means: Any, squares: Any, t: int, lr: float, betas: Any, eps: float
) -> None:
    before = [p.clone() for p in params]
    _adam()(params, means, squares, t, lr, betas, eps)
    for p, old, s in zip(params, before, squares, strict=True):
        if p.grad is not None:
            p.copy_(old - lr * p.grad / ((s / (1 - betas[1] ** t)).sqrt() + eps))


wrong("optimizers.adam_step", "plain gradient in the step")(_gradient_in_the_step)


def _first_beta_in_squares(*args: Any) -> None:
    betas = args[5]
    _adam(square=lambda s, g, m, b: betas[0] * s + (1 - betas[0]) * g * g)(*args)


def _t_in_the_loop(params: Any, means: Any, squares: Any, t: int, *rest: Any) -> None:
    for p, m, s in zip(params, means, squares, strict=True):
        if p.grad is not None:
            _adam()([p], [m], [s], t, *rest)
            t += 1


_ADAM += [
    (
        "one beta in both corrections",
        _adam(
            move=lambda m, s, t, lr, b, eps: (
                lr * (m / (1 - b[0] ** t)) / ((s / (1 - b[0] ** t)).sqrt() + eps)
            )
        ),
    ),
    ("one beta for both", _first_beta_in_squares),
    (
        "beta on the wrong side",
        _adam(
            mean=lambda m, g, b, lr: (1 - b) * m + b * g,
            square=lambda s, g, m, b: (1 - b) * s + b * g * g,
        ),
    ),
    ("beta on the wrong side", _adam(mean=lambda m, g, b, lr: (1 - b) * m + b * g)),
    ("t grows in the loop", _t_in_the_loop),
    (
        "eps forgotten",
        _adam(
            move=lambda m, s, t, lr, b, eps: lr * m / (1 - b[0] ** t) / (s / (1 - b[1] ** t)).sqrt()
        ),
    ),
    (
        "eps outside the quotient",
        _adam(
            move=lambda m, s, t, lr, b, eps: (
                lr * m / (1 - b[0] ** t) / (s / (1 - b[1] ** t)).sqrt() + eps
            )
        ),
    ),
    ("return inside the loop", _first_only(_adam(), 3)),
]
for _id in ("optimizers.adam_step", "optimizers.adamw_step"):
    for _name, _step in _ADAM:
        wrong(_id, _name)(_step)
    in_place(_id, _adam(), ["means", "squares"])


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

wrong("optimizers.adamw_step", "same amount subtracted from every weight")(
    _adam(wd=lambda p, lr, wd: lr * wd * torch.ones_like(p))
)

wrong("optimizers.adamw_step", "decay after the step")(_adam(late=True))

wrong("optimizers.adamw_step", "wd not multiplied by lr")(_adam(wd=lambda p, lr, wd: wd * p))

wrong("optimizers.adamw_step", "weights grow instead of decaying")(
    _adam(wd=lambda p, lr, wd: -lr * wd * p)
)

wrong("optimizers.adamw_step", "no decay")(_adam(wd=lambda p, lr, wd: 0 * p))

wrong("optimizers.adamw_step", "the penalty's factor 2")(
    _adam(wd=lambda p, lr, wd: 2 * lr * wd * p)
)

for _name, _decayed in {
    "lr twice in the decay": lambda p, lr, wd: lr * lr * wd * p,
    "half the decay": lambda p, lr, wd: lr * wd / 2 * p,
    "squared weights added": lambda p, lr, wd: lr * wd * p**2,
    "a sum for every entry": lambda p, lr, wd: lr * wd * p.sum(),
    "a sum of squares added": lambda p, lr, wd: lr * wd * (p**2).sum(),
    "exponential decay": lambda p, lr, wd: p - p * math.exp(-lr * wd),
    "factor subtracted": lambda p, lr, wd: 1 - lr * wd,
}.items():
    wrong("optimizers.adamw_step", _name)(_adam(wd=_decayed))

wrong("optimizers.adamw_step", "shrinks to a fraction")(_adam(wd=lambda p, lr, wd: p - lr * wd * p))

wrong("optimizers.adamw_step", "biases not decayed")(_adam(spared=lambda p: p.ndim < 2))


def _decays_all(params: Sequence[Tensor], *args: Any) -> None:
    _adam()(params, *args)
    with torch.no_grad():
        for p in params:
            if p.grad is None:
                p -= args[3] * args[6] * p


wrong("optimizers.adamw_step", "weights decayed without a gradient")(_decays_all)


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

wrong("optimizers.reborn_adam_step", "only the squares corrected")(
    _reborn(lambda g, p: 0.1 * g.sign())
)

wrong("optimizers.reborn_adam_step", "plain SGD")(_reborn(lambda g, p: g))

wrong("optimizers.reborn_adam_step", "0 divided by 0")(_reborn(lambda g, p: g / g.abs()))

wrong("optimizers.reborn_adam_step", "0 treated as negative")(
    _reborn(lambda g, p: torch.where(g > 0, 1.0, -1.0))
)

wrong("optimizers.reborn_adam_step", "0 treated as positive")(
    _reborn(lambda g, p: torch.where(g < 0, -1.0, 1.0))
)


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

wrong("optimizers.reborn_adam_step", "absolute value instead of the sign")(
    _reborn(lambda g, p: g.abs())
)

wrong("optimizers.reborn_adam_step", "divided by the length of the gradient")(
    _reborn(lambda g, p: g / g.norm())
)


def _one_length(params: Sequence[Tensor], lr: float) -> None:
    length = torch.cat([p.grad.flatten() for p in params if p.grad is not None]).norm()
    _reborn(lambda g, p: g / length)(params, lr)


wrong("optimizers.reborn_adam_step", "divided by the length of all gradients")(_one_length)

wrong("optimizers.reborn_adam_step", "divided by the largest")(
    _reborn(lambda g, p: g / g.abs().max())
)

wrong("optimizers.reborn_adam_step", "one sign for a tensor")(_reborn(lambda g, p: g.sum().sign()))

wrong("optimizers.reborn_adam_step", "sign of the weight")(_reborn(lambda g, p: p.sign()))

wrong("optimizers.reborn_adam_step", "root missing")(_reborn(lambda g, p: g / (g * g + 1e-8)))

wrong("optimizers.reborn_adam_step", "uphill")(_reborn(lambda g, p: -g.sign()))

wrong("optimizers.reborn_adam_step", "no sign")(_reborn(lambda g, p: torch.ones_like(g)))

wrong("optimizers.reborn_adam_step", "no sign")(_reborn(lambda g, p: g / (g + 1e-8)))


@wrong("optimizers.adamw_step", "AMSGrad")
@torch.no_grad()
def _largest_squares(
    params: Any, means: Any, squares: Any, t: int, lr: float, betas: Any, eps: float, wd: float
) -> None:
    for p, m, s in zip(params, means, squares, strict=True):
        if p.grad is not None:
            p.mul_(1 - lr * wd)
            m.lerp_(p.grad, 1 - betas[0])
            s.lerp_(p.grad**2, 1 - betas[1])
            p.largest = torch.maximum(p.largest, s) if hasattr(p, "largest") else s.clone()
            p -= lr * m / (1 - betas[0] ** t) / ((p.largest / (1 - betas[1] ** t)).sqrt() + eps)


@wrong("optimizers.reborn_adam_step", "averages kept from step to step")
@torch.no_grad()
def _state_on_the_parameter(params: Sequence[Tensor], lr: float) -> None:
    for p in params:
        if p.grad is not None:
            state = vars(p).setdefault(
                "state", {"t": 0, "m": torch.zeros_like(p), "s": torch.zeros_like(p)}
            )
            _adam()([p], [state["m"]], [state["s"]], state["t"] + 1, lr, (0.9, 0.999), 1e-8)
            state["t"] += 1


in_place("optimizers.reborn_adam_step", _reborn(lambda g, p: g.sign()))


# Written from the student's notebook alone.


@wrong("optimizers.rmsprop_step", "eps inside the root")
@torch.no_grad()
def rmsprop_step(params, squares, lr, alpha, eps):
    for p, s in zip(params, squares):
        if p.grad is not None:
            s.mul_(alpha).addcmul_(p.grad, p.grad, value=1 - alpha)
            p.sub_(lr * p.grad * torch.rsqrt(s + eps))


@wrong("optimizers.rmsprop_step", "alpha on the wrong side")
@torch.no_grad()
def rmsprop_step(params, squares, lr, alpha, eps):
    for p, s in zip(params, squares):
        if p.grad is not None:
            s.lerp_(p.grad**2, alpha)
            p -= lr * p.grad / (s.sqrt() + eps)


@wrong("optimizers.rmsprop_step", "squares replaced")
@torch.no_grad()
def rmsprop_step(params, squares, lr, alpha, eps):
    for i, p in enumerate(params):
        if p.grad is not None:
            squares[i] = alpha * squares[i] + (1 - alpha) * p.grad.square()
            p -= lr * p.grad / (squares[i].sqrt() + eps)


@wrong("optimizers.rmsprop_step", "squares updated after the step")
@torch.no_grad()
def rmsprop_step(params, squares, lr, alpha, eps):
    for p, s in zip(params, squares):
        if p.grad is None:
            continue
        denominator = s.sqrt() + eps
        s.copy_(alpha * s + (1 - alpha) * p.grad.pow(2))
        p.addcdiv_(p.grad, denominator, value=-lr)


@wrong("optimizers.rmsprop_step", "root kept in the buffer")
@torch.no_grad()
def rmsprop_step(params, squares, lr, alpha, eps):
    for p, s in zip(params, squares):
        if p.grad is not None:
            s.mul_(alpha).add_((1 - alpha) * p.grad * p.grad)
            p -= lr * p.grad / s.sqrt_().add(eps)


@wrong("optimizers.rmsprop_step", "mean square of the whole tensor")
@torch.no_grad()
def rmsprop_step(params, squares, lr, alpha, eps):
    for p, s in zip(params, squares):
        if p.grad is not None:
            s *= alpha
            s += (1 - alpha) * p.grad.square()
            p -= lr * p.grad / (s.mean().sqrt() + eps)


@wrong("optimizers.rmsprop_step", "parameters and buffers out of step")
@torch.no_grad()
def rmsprop_step(params, squares, lr, alpha, eps):
    for p, s in zip([p for p in params if p.grad is not None], squares):
        s.copy_(alpha * s + (1 - alpha) * p.grad**2)
        p -= lr * p.grad / (s.sqrt() + eps)


@wrong("optimizers.rmsprop_step", "missing gradient treated as zero")
@torch.no_grad()
def rmsprop_step(params, squares, lr, alpha, eps):
    for p, s in zip(params, squares):
        s.mul_(alpha)
        if p.grad is not None:
            s.addcmul_(p.grad, p.grad, value=1 - alpha)
            p.addcdiv_(p.grad, s.sqrt().add_(eps), value=-lr)


@wrong("optimizers.rmsprop_step", "gradient squared in place")
@torch.no_grad()
def rmsprop_step(params, squares, lr, alpha, eps):
    for p, s in zip(params, squares):
        if p.grad is not None:
            g = p.grad.clone()
            s.mul_(alpha).add_(p.grad.pow_(2), alpha=1 - alpha)
            p.sub_(lr * g / (s.sqrt() + eps))


@wrong("optimizers.rmsprop_step", "squares only added up")
@torch.no_grad()
def rmsprop_step(params, squares, lr, alpha, eps):
    for p, s in zip(params, squares):
        if p.grad is not None:
            s.add_((1 - alpha) * p.grad**2)
            p.sub_(lr * p.grad / (s**0.5 + eps))


@wrong("optimizers.rmsprop_step", "fails for a tensor of shape ()")
@torch.no_grad()
def rmsprop_step(params, squares, lr, alpha, eps):
    for p, s in zip(params, squares):
        if p.grad is not None:
            s[:] = alpha * s + (1 - alpha) * p.grad**2
            p[:] = p - lr * p.grad / (s.sqrt() + eps)


@wrong("optimizers.rmsprop_step", "eps inside the root", "alpha on the wrong side")
def rmsprop_step(params, squares, lr, alpha, eps):
    with torch.no_grad():
        for p, s in zip(params, squares):
            if p.grad is None:
                continue
            s.copy_((1 - alpha) * s + alpha * p.grad * p.grad)
            p -= lr * p.grad / (s + eps).sqrt()


@wrong("optimizers.rmsprop_step", "root missing", "stops at a missing gradient")
@torch.no_grad()
def rmsprop_step(params, squares, lr, alpha, eps):
    for p, s in zip(params, squares):
        if p.grad is None:
            return
        s.mul_(alpha).add_((1 - alpha) * p.grad**2)
        p -= lr * p.grad / (s + eps)


@wrong("optimizers.adam_step", "only the mean corrected")
@torch.no_grad()
def adam_step(params, means, squares, t, lr, betas, eps):
    b1, b2 = betas
    for p, m, s in zip(params, means, squares):
        if p.grad is not None:
            m.lerp_(p.grad, 1 - b1)
            s.mul_(b2).addcmul_(p.grad, p.grad, value=1 - b2)
            p -= lr * (m / (1 - b1**t)) / (s.sqrt() + eps)


@wrong("optimizers.adam_step", "only the squares corrected")
@torch.no_grad()
def adam_step(params, means, squares, t, lr, betas, eps):
    for p, m, s in zip(params, means, squares):
        if (g := p.grad) is None:
            continue
        m.mul_(betas[0]).add_(g, alpha=1 - betas[0])
        s.mul_(betas[1]).add_(g * g, alpha=1 - betas[1])
        p.addcdiv_(m, (s / (1 - betas[1] ** t)).sqrt() + eps, value=-lr)


@wrong("optimizers.adam_step", "corrected values stored")
@torch.no_grad()
def adam_step(params, means, squares, t, lr, betas, eps):
    for p, m, s in zip(params, means, squares):
        if p.grad is None:
            continue
        m *= betas[0]
        m += (1 - betas[0]) * p.grad
        s *= betas[1]
        s += (1 - betas[1]) * p.grad**2
        m /= 1 - betas[0] ** t
        s /= 1 - betas[1] ** t
        p -= lr * m / (s.sqrt() + eps)


@wrong("optimizers.adam_step", "beta times t")
@torch.no_grad()
def adam_step(params, means, squares, t, lr, betas, eps):
    b1, b2 = betas
    for p, m, s in zip(params, means, squares):
        if p.grad is not None:
            m.copy_(b1 * m + (1 - b1) * p.grad)
            s.copy_(b2 * s + (1 - b2) * p.grad**2)
            p.sub_(lr * (m / (1 - b1 * t)) / ((s / (1 - b2 * t)).sqrt() + eps))


@wrong("optimizers.adam_step", "t one too large")
@torch.no_grad()
def adam_step(params, means, squares, t, lr, betas, eps):
    b1, b2 = betas
    c1, c2 = 1 - b1 ** (t + 1), 1 - b2 ** (t + 1)
    for p, m, s in zip(params, means, squares):
        if p.grad is not None:
            m.lerp_(p.grad, 1 - b1)
            s.lerp_(p.grad.square(), 1 - b2)
            p.addcdiv_(m / c1, (s / c2).sqrt() + eps, value=-lr)


@wrong("optimizers.adam_step", "eps before the correction")
@torch.no_grad()
def adam_step(params, means, squares, t, lr, betas, eps):
    beta1, beta2 = betas
    rate = lr * math.sqrt(1 - beta2**t) / (1 - beta1**t)
    for p, m, s in zip(params, means, squares):
        if p.grad is not None:
            m.mul_(beta1).add_((1 - beta1) * p.grad)
            s.mul_(beta2).add_((1 - beta2) * p.grad * p.grad)
            p.sub_(rate * m / (s.sqrt() + eps))


@wrong("optimizers.adam_step", "square of the mean")
@torch.no_grad()
def adam_step(params, means, squares, t, lr, betas, eps):
    b1, b2 = betas
    for p, m, s in zip(params, means, squares):
        if p.grad is not None:
            m.copy_(b1 * m + (1 - b1) * p.grad)
            m_hat = m / (1 - b1**t)
            s.copy_(b2 * s + (1 - b2) * m_hat**2)
            p -= lr * m_hat / ((s / (1 - b2**t)).sqrt() + eps)


@wrong("optimizers.adam_step")
@torch.no_grad()
def adam_step(params, means, squares, t, lr, betas, eps):
    global steps_taken
    steps_taken += 1
    b1, b2 = betas
    for p, m, s in zip(params, means, squares):
        if p.grad is not None:
            m.lerp_(p.grad, 1 - b1)
            s.lerp_(p.grad**2, 1 - b2)
            p -= lr * m / (1 - b1**steps_taken) / ((s / (1 - b2**steps_taken)).sqrt() + eps)


steps_taken = 0


@wrong("optimizers.adam_step", "t grows in the loop")
@torch.no_grad()
def adam_step(params, means, squares, t, lr, betas, eps):
    for p, m, s in zip(params, means, squares):
        if p.grad is None:
            continue
        m.copy_(betas[0] * m + (1 - betas[0]) * p.grad)
        s.copy_(betas[1] * s + (1 - betas[1]) * p.grad**2)
        p -= lr * (m / (1 - betas[0] ** t)) / ((s / (1 - betas[1] ** t)).sqrt() + eps)
        t += 1


@wrong("optimizers.adam_step", "plain gradient in the step")
@torch.no_grad()
def adam_step(params, means, squares, t, lr, betas, eps):
    b1, b2 = betas
    for p, m, s in zip(params, means, squares):
        g = p.grad
        if g is not None:
            m.lerp_(g, 1 - b1)
            s.lerp_(g * g, 1 - b2)
            p.addcdiv_(g, (s / (1 - b2**t)).sqrt().add_(eps), value=-lr)


@wrong("optimizers.adam_step", ("AMSGrad", "keeps something between calls"))
@torch.no_grad()
def adam_step(params, means, squares, t, lr, betas, eps, peaks={}):
    b1, b2 = betas
    for i, (p, m, s) in enumerate(zip(params, means, squares)):
        if p.grad is not None:
            m.lerp_(p.grad, 1 - b1)
            s.lerp_(p.grad**2, 1 - b2)
            top = (
                torch.maximum(peaks[i], s)
                if t > 1 and i in peaks and peaks[i].shape == s.shape
                else s.clone()
            )
            peaks[i] = top
            p -= lr * m / (1 - b1**t) / ((top / (1 - b2**t)).sqrt() + eps)


@wrong("optimizers.adam_step", "eps inside the root")
@torch.no_grad()
def adam_step(params, means, squares, t, lr, betas, eps):
    b1, b2 = betas
    for p, m, s in zip(params, means, squares):
        if p.grad is not None:
            m.add_(p.grad - m, alpha=1 - b1)
            s.add_(p.grad**2 - s, alpha=1 - b2)
            p -= lr * m / (1 - b1**t) * torch.rsqrt(s / (1 - b2**t) + eps)


@wrong("optimizers.adam_step", "one beta in both corrections")
@torch.no_grad()
def adam_step(params, means, squares, t, lr, betas, eps):
    (b1, b2), hats = betas, []

    def correct(a):
        return a / (1 - b1**t)

    for p, m, s in zip(params, means, squares):
        if p.grad is not None:
            m.mul_(b1).add_(p.grad * (1 - b1))
            s.mul_(b2).add_(p.grad.square() * (1 - b2))
            hats.append((p, *map(correct, (m, s))))
    for p, m_hat, s_hat in hats:
        p -= lr * m_hat / (s_hat.sqrt() + eps)


@wrong("optimizers.adam_step", "betas swapped", "no bias correction")
@torch.no_grad()
def adam_step(params, means, squares, t, lr, betas, eps):
    beta2, beta1 = betas
    for p, m, s in zip(params, means, squares):
        if p.grad is not None:
            m.lerp_(p.grad, 1 - beta1)
            s.lerp_(p.grad**2, 1 - beta2)
            p -= lr * m / (s.sqrt() + eps)


@wrong("optimizers.adam_step", "t from 0", "missing gradient treated as zero")
@torch.no_grad()
def adam_step(params, means, squares, t, lr, betas, eps):
    b1, b2 = betas
    k = max(1, t - 1)
    for p, m, s in zip(params, means, squares):
        g = torch.zeros_like(p) if p.grad is None else p.grad
        m.copy_(b1 * m + (1 - b1) * g)
        s.copy_(b2 * s + (1 - b2) * g * g)
        if p.grad is not None:
            p -= lr * m / (1 - b1**k) / ((s / (1 - b2**k)).sqrt() + eps)


@torch.no_grad()
def _plain_adam(params, means, squares, t, lr, betas, eps):
    for p, m, s in zip(params, means, squares):
        if p.grad is not None:
            m.lerp_(p.grad, 1 - betas[0])
            s.mul_(betas[1]).addcmul_(p.grad, p.grad, value=1 - betas[1])
            p.sub_(lr * (m / (1 - betas[0] ** t)) / ((s / (1 - betas[1] ** t)).sqrt() + eps))


@wrong("optimizers.adamw_step", "decay through the gradient")
@torch.no_grad()
def adamw_step(params, means, squares, t, lr, betas, eps, wd):
    for p, m, s in zip(params, means, squares):
        if p.grad is not None:
            g = p.grad + wd * p
            m.lerp_(g, 1 - betas[0])
            s.lerp_(g * g, 1 - betas[1])
            p -= lr * m / (1 - betas[0] ** t) / ((s / (1 - betas[1] ** t)).sqrt() + eps)


@wrong("optimizers.adamw_step", "wd not multiplied by lr")
def adamw_step(params, means, squares, t, lr, betas, eps, wd):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p.mul_(1 - wd)
    _plain_adam(params, means, squares, t, lr, betas, eps)


@wrong("optimizers.adamw_step", "decay after the step")
def adamw_step(params, means, squares, t, lr, betas, eps, wd):
    _plain_adam(params, means, squares, t, lr, betas, eps)
    for p in params:
        if p.grad is not None:
            p.data *= 1 - lr * wd


@wrong("optimizers.adamw_step", "weights decayed without a gradient")
def adamw_step(params, means, squares, t, lr, betas, eps, wd):
    with torch.no_grad():
        for p in params:
            p.mul_(1 - lr * wd)
    _plain_adam(params, means, squares, t, lr, betas, eps)


@wrong("optimizers.adamw_step", "Adam's step for every parameter")
def adamw_step(params, means, squares, t, lr, betas, eps, wd):
    for p in params:
        if p.grad is None:
            continue
        with torch.no_grad():
            p.mul_(1 - lr * wd)
        _plain_adam(params, means, squares, t, lr, betas, eps)


@wrong("optimizers.adamw_step", "means decay too")
def adamw_step(params, means, squares, t, lr, betas, eps, wd):
    with torch.no_grad():
        for p, m in zip(params, means):
            if p.grad is not None:
                p.mul_(1 - lr * wd)
                m.mul_(1 - lr * wd)
    _plain_adam(params, means, squares, t, lr, betas, eps)


@wrong("optimizers.adamw_step", "decay divided by the root")
@torch.no_grad()
def adamw_step(params, means, squares, t, lr, betas, eps, wd):
    for p, m, s in zip(params, means, squares):
        if p.grad is not None:
            m.lerp_(p.grad, 1 - betas[0])
            s.lerp_(p.grad**2, 1 - betas[1])
            hat = m / (1 - betas[0] ** t)
            p -= lr * (hat + wd * p) / ((s / (1 - betas[1] ** t)).sqrt() + eps)


@wrong("optimizers.adamw_step", "decay through the gradient")
def adamw_step(params, means, squares, t, lr, betas, eps, wd):
    pulls = [None if p.grad is None else wd * p.detach() for p in params]
    for p, pull in zip(params, pulls):
        if pull is not None:
            p.grad += pull
    _plain_adam(params, means, squares, t, lr, betas, eps)
    for p, pull in zip(params, pulls):
        if pull is not None:
            p.grad -= pull


@wrong("optimizers.adamw_step", ("shortcut", "no buffer updated"))
def adamw_step(params, means, squares, t, lr, betas, eps, wd):
    torch.optim.AdamW(params, lr=lr, betas=betas, eps=eps, weight_decay=wd).step()


@wrong("optimizers.adamw_step", "biases not decayed", "decay after the step")
def adamw_step(params, means, squares, t, lr, betas, eps, wd):
    _plain_adam(params, means, squares, t, lr, betas, eps)
    with torch.no_grad():
        for p in params:
            if p.ndim >= 2 and p.grad is not None:
                p -= lr * wd * p


@wrong("optimizers.adamw_step", "the penalty's factor 2", ())
def adamw_step(params, means, squares, t, lr, betas, eps, wd):
    with torch.no_grad():
        for p in params:
            if p.grad is None:
                break
            p.mul_(1 - 2 * lr * wd)
    _plain_adam(params, means, squares, t, lr, betas, eps)


@wrong("optimizers.reborn_adam_step", "0 divided by 0")
@torch.no_grad()
def reborn_adam_step(params, lr):
    for p in params:
        if p.grad is not None:
            p -= lr * p.grad / p.grad.abs()


@wrong("optimizers.reborn_adam_step", "0 treated as negative")
@torch.no_grad()
def reborn_adam_step(params, lr):
    for p in params:
        if p.grad is not None:
            p += torch.where(p.grad > 0, -lr, lr)


@wrong("optimizers.reborn_adam_step", "0 treated as positive")
@torch.no_grad()
def reborn_adam_step(params, lr):
    for p in params:
        if p.grad is not None:
            p.sub_(torch.copysign(torch.full_like(p, lr), p.grad))


@wrong(
    "optimizers.reborn_adam_step",
    ("averages kept from step to step", "keeps something between calls"),
)
@torch.no_grad()
def reborn_adam_step(params, lr, memory={}):
    for i, p in enumerate(params):
        if p.grad is None:
            continue
        key = (i, tuple(p.shape))
        t, m, s = memory.get(key, (0, torch.zeros_like(p), torch.zeros_like(p)))
        t, m, s = t + 1, 0.9 * m + 0.1 * p.grad, 0.999 * s + 0.001 * p.grad**2
        memory[key] = t, m, s
        p -= lr * m / (1 - 0.9**t) / ((s / (1 - 0.999**t)).sqrt() + 1e-8)


@wrong("optimizers.reborn_adam_step", "no sign")
@torch.no_grad()
def reborn_adam_step(params, lr):
    for p in params:
        if p.grad is not None:
            p -= lr * p.grad / (p.grad + 1e-8)


@wrong("optimizers.reborn_adam_step", "no bias correction")
@torch.no_grad()
def reborn_adam_step(params, lr):
    for p in params:
        if p.grad is not None:
            p -= lr * 0.1 * p.grad / ((0.001 * p.grad**2).sqrt() + 1e-8)


@wrong("optimizers.reborn_adam_step", "sign taken in place")
@torch.no_grad()
def reborn_adam_step(params, lr):
    for p in params:
        if p.grad is not None:
            p.add_(p.grad.sign_(), alpha=-lr)


@wrong("optimizers.reborn_adam_step", "divided by the root mean square of the tensor")
@torch.no_grad()
def reborn_adam_step(params, lr):
    for p in params:
        if p.grad is not None and p.grad.any():
            p -= lr * p.grad / p.grad.square().mean().sqrt()


@wrong("optimizers.reborn_adam_step")
@torch.no_grad()
def reborn_adam_step(params, lr):
    for p in params:
        if p.grad is not None:
            p -= lr * (10 * p.grad).clamp(-1, 1)


@wrong("optimizers.reborn_adam_step", "missing gradient not skipped")
def reborn_adam_step(params, lr):
    with torch.no_grad():
        for p in params:
            p.sub_(torch.sign(p.grad), alpha=lr)


@wrong("optimizers.reborn_adam_step", "uphill", "parameters replaced")
@torch.no_grad()
def reborn_adam_step(params, lr):
    for i, p in enumerate(params):
        if p.grad is not None:
            params[i] = p + lr * p.grad.sign()


@wrong("optimizers.reborn_adam_step", "sign of the weight", "missing gradient not skipped")
@torch.no_grad()
def reborn_adam_step(params, lr):
    for p in params:
        p.sub_(lr * p.sign())


def _at(t: object, b2: float = 0.999) -> dict[str, object]:
    return {
        "params": [torch.tensor([1.0])],
        "grads": [torch.tensor([0.5])],
        "means": [torch.tensor([0.0])],
        "squares": [torch.tensor([0.0])],
        "t": t,
        "lr": 0.1,
        "betas": (0.9, b2),
        "eps": 1e-8,
    }


@wrong("optimizers.repair_adam_step", "witness on which nothing differs")
def repair_adam_step():
    @torch.no_grad()
    def repaired(params, means, squares, t, lr, betas, eps):
        b1, b2 = betas
        for p, m, s in zip(params, means, squares):
            if p.grad is None:
                continue
            m.copy_(b1 * m + (1 - b1) * p.grad)
            s.copy_(b2 * s + (1 - b2) * p.grad**2)
            m_hat, root = m / (1 - b1**t), (s / (1 - b2**t)).sqrt()
            p -= lr * m_hat / (root + eps)

    return _at(1) | {"grads": [None]}, repaired


@wrong("optimizers.repair_adam_step", "repair that is not right yet")
def repair_adam_step():
    @torch.no_grad()
    def repaired(params, means, squares, t, lr, betas, eps):
        b1, b2 = betas
        for p, m, s in zip(params, means, squares):
            if p.grad is None:
                continue
            m.copy_(b1 * m + (1 - b1) * p.grad)
            s.copy_(b2 * s + (1 - b2) * p.grad**2)
            m_hat, root = m / (1 - b1**t), s.sqrt()
            p -= lr * m_hat / (root + eps)

    return _at(1), repaired


@wrong("optimizers.repair_adam_step", "nothing repaired")
def repair_adam_step():
    @torch.no_grad()
    def repaired(params, means, squares, t, lr, betas, eps):
        b1, b2 = betas
        for p, m, s in zip(params, means, squares):
            if p.grad is None:
                continue
            m.copy_(b1 * m + (1 - b1) * p.grad)
            s.copy_(b2 * s + (1 - b2) * p.grad**2)
            m_hat, root = m / (1 - b1**t), s.sqrt() / (1 - b2**t)
            p -= lr * m_hat / (root + eps)

    return _at(2), repaired


@wrong("optimizers.repair_adam_step", "too many lines changed")
def repair_adam_step():
    @torch.no_grad()
    def repaired(params, means, squares, t, lr, betas, eps):
        for p, m, s in zip(params, means, squares):
            if p.grad is not None:
                m.mul_(betas[0]).add_(p.grad, alpha=1 - betas[0])
                s.mul_(betas[1]).add_(p.grad**2, alpha=1 - betas[1])
                m_hat = m / (1 - betas[0] ** t)
                s_hat = s / (1 - betas[1] ** t)
                p -= lr * m_hat / (s_hat.sqrt() + eps)

    return _at(1), repaired


@wrong("optimizers.repair_adam_step", "witness that right code cannot answer")
def repair_adam_step():
    def repaired(params, means, squares, t, lr, betas, eps):
        pass

    return _at(0), repaired


@wrong("optimizers.repair_adam_step", "not a witness and a repaired function")
def repair_adam_step():
    return _at(1), "the root is divided, and not what stands under it"


@wrong("optimizers.repair_adam_step", "witness that is not a dict")
def repair_adam_step():
    def repaired(params, means, squares, t, lr, betas, eps):
        pass

    return [torch.tensor([1.0]), torch.tensor([2.0])], repaired


@torch.no_grad()
def _nesterov(params: Sequence[Tensor], velocities: Sequence[Tensor], *args: float) -> None:
    lr, momentum = args
    for p, v in zip(params, velocities, strict=False):
        if p.grad is not None:
            v.mul_(momentum).add_(p.grad)
            p -= lr * (p.grad + momentum * v)


in_place("optimizers.nesterov_step", _nesterov, ["velocities"])


@wrong("optimizers.nesterov_step", "plain momentum")
def nesterov_step(params, velocities, lr, momentum):
    with torch.no_grad():
        for p, v in zip(params, velocities):
            if p.grad is not None:
                ahead = p.grad + momentum * v
                v.copy_(ahead)
                p -= lr * ahead


@wrong("optimizers.nesterov_step", "momentum left out of the step")
def nesterov_step(params, velocities, lr, momentum):
    with torch.no_grad():
        for p, v in zip(params, velocities):
            if p.grad is None:
                continue
            v *= momentum
            v += p.grad
            p -= lr * (v + p.grad)


@wrong("optimizers.nesterov_step", "gradient left out of the step")
@torch.no_grad()
def nesterov_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities):
        if p.grad is not None:
            v.mul_(momentum).add_(p.grad)
            p.sub_(lr * momentum * v)


@wrong("optimizers.nesterov_step", "look-ahead kept in the velocity")
@torch.no_grad()
def nesterov_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities):
        if p.grad is not None:
            v.mul_(momentum).add_(p.grad)
            p -= lr * v.mul_(momentum).add_(p.grad)


@wrong("optimizers.nesterov_step", "weighted average instead of torch's momentum")
@torch.no_grad()
def nesterov_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities):
        if p.grad is not None:
            v.lerp_(p.grad, 1 - momentum)
            p -= lr * (p.grad + momentum * v)


@wrong("optimizers.nesterov_step", "learning rate inside the velocity")
@torch.no_grad()
def nesterov_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities):
        if p.grad is not None:
            v.copy_(momentum * v + lr * p.grad)
            p -= momentum * v + lr * p.grad


@wrong("optimizers.nesterov_step", "velocity not multiplied by momentum")
@torch.no_grad()
def nesterov_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities):
        if p.grad is not None:
            v += p.grad
            p -= lr * (p.grad + momentum * v)


@wrong("optimizers.nesterov_step", "half gradient, half look-ahead")
@torch.no_grad()
def nesterov_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities):
        if p.grad is not None:
            v.copy_(momentum * v + p.grad)
            p.copy_(p - lr * (momentum * v + (1 - momentum) * p.grad))


@wrong("optimizers.nesterov_step", "uphill")
@torch.no_grad()
def nesterov_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities):
        if p.grad is not None:
            v.copy_(momentum * v + p.grad)
            p += lr * (momentum * v + p.grad)


@wrong("optimizers.nesterov_step", "lr forgotten")
@torch.no_grad()
def nesterov_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities):
        if p.grad is not None:
            v.copy_(momentum * v + p.grad)
            p -= momentum * v + p.grad


@wrong("optimizers.nesterov_step", "plain SGD")
@torch.no_grad()
def nesterov_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities):
        if p.grad is not None:
            p -= lr * p.grad
            v.copy_(momentum * v + p.grad)


@wrong("optimizers.nesterov_step", "momentum applied twice")
@torch.no_grad()
def nesterov_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities):
        if p.grad is not None:
            v.copy_(momentum * v + p.grad)
            p -= lr * (momentum * (momentum * v) + p.grad)


@wrong("optimizers.nesterov_step", "momentum not used")
@torch.no_grad()
def nesterov_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities):
        if p.grad is not None:
            v.add_(p.grad)
            p -= lr * (v + p.grad)


@wrong("optimizers.nesterov_step", "return inside the loop")
@torch.no_grad()
def nesterov_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities):
        if p.grad is not None:
            v.copy_(momentum * v + p.grad)
            p -= lr * (momentum * v + p.grad)
            return


@wrong("optimizers.nesterov_step", "gradient left out of the step", "uphill")
@torch.no_grad()
def nesterov_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities):
        if p.grad is not None:
            v.copy_(momentum * v + p.grad)
            p += lr * momentum * v


@wrong("optimizers.nesterov_step", "plain momentum", "stops at a missing gradient")
@torch.no_grad()
def nesterov_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities):
        if p.grad is None:
            break
        v.copy_(momentum * v + p.grad)
        p -= lr * v


@torch.no_grad()
def _adagrad(params: Sequence[Tensor], sums: Sequence[Tensor], lr: float, eps: float) -> None:
    for p, s in zip(params, sums, strict=False):
        if p.grad is not None:
            s.add_(p.grad * p.grad)
            p -= lr * p.grad / (s.sqrt() + eps)


in_place("optimizers.adagrad_step", _adagrad, ["sums"], zero_moves=False)


@wrong("optimizers.adagrad_step", "eps inside the root")
@torch.no_grad()
def adagrad_step(params, sums, lr, eps):
    for p, s in zip(params, sums):
        if p.grad is not None:
            s += p.grad**2
            p -= lr * p.grad / torch.sqrt(s + eps)


@wrong("optimizers.adagrad_step", "sums updated after the step")
@torch.no_grad()
def adagrad_step(params, sums, lr, eps):
    for p, s in zip(params, sums):
        if p.grad is not None:
            p -= lr * p.grad / (s.sqrt() + eps)
            s += p.grad**2


@wrong("optimizers.adagrad_step", "root missing")
@torch.no_grad()
def adagrad_step(params, sums, lr, eps):
    for p, s in zip(params, sums):
        if p.grad is not None:
            s.add_(p.grad.square())
            p -= lr * p.grad / (s + eps)


@wrong("optimizers.adagrad_step", "gradient not squared")
@torch.no_grad()
def adagrad_step(params, sums, lr, eps):
    for p, s in zip(params, sums):
        if p.grad is not None:
            s.add_(p.grad)
            p -= lr * p.grad / (s.sqrt() + eps)


@wrong("optimizers.adagrad_step", "absolute value instead of square")
@torch.no_grad()
def adagrad_step(params, sums, lr, eps):
    for p, s in zip(params, sums):
        if p.grad is not None:
            s.add_(p.grad.abs())
            p -= lr * p.grad / (s + eps)


@wrong("optimizers.adagrad_step", "only the last square")
@torch.no_grad()
def adagrad_step(params, sums, lr, eps):
    for p, s in zip(params, sums):
        if p.grad is not None:
            s.copy_(p.grad**2)
            p -= lr * p.grad / (s.sqrt() + eps)


@wrong("optimizers.adagrad_step", "root kept in the buffer")
@torch.no_grad()
def adagrad_step(params, sums, lr, eps):
    for p, s in zip(params, sums):
        if p.grad is not None:
            s.add_(p.grad**2).sqrt_()
            p -= lr * p.grad / (s + eps)


@wrong("optimizers.adagrad_step", "sum of the whole tensor")
@torch.no_grad()
def adagrad_step(params, sums, lr, eps):
    for p, s in zip(params, sums):
        if p.grad is not None:
            s += (p.grad**2).sum()
            p -= lr * p.grad / (s.sqrt() + eps)


@wrong("optimizers.adagrad_step", "roots added up")
@torch.no_grad()
def adagrad_step(params, sums, lr, eps):
    for p, s in zip(params, sums):
        if p.grad is not None:
            root = s.sqrt() + (p.grad**2).sqrt()
            s.copy_(root**2)
            p -= lr * p.grad / (root + eps)


@wrong("optimizers.adagrad_step", "halves in the sum")
@torch.no_grad()
def adagrad_step(params, sums, lr, eps):
    for p, s in zip(params, sums):
        if p.grad is not None:
            s.lerp_(p.grad**2, 0.5)
            p -= lr * p.grad / (s.sqrt() + eps)


@wrong("optimizers.adagrad_step", "uphill")
@torch.no_grad()
def adagrad_step(params, sums, lr, eps):
    for p, s in zip(params, sums):
        if p.grad is not None:
            s += p.grad**2
            p += lr * p.grad / (s.sqrt() + eps)


@wrong("optimizers.adagrad_step", "lr forgotten")
@torch.no_grad()
def adagrad_step(params, sums, lr, eps):
    for p, s in zip(params, sums):
        if p.grad is not None:
            s += p.grad**2
            p -= p.grad / (s.sqrt() + eps)


@wrong("optimizers.adagrad_step", "plain SGD")
@torch.no_grad()
def adagrad_step(params, sums, lr, eps):
    for p, s in zip(params, sums):
        if p.grad is not None:
            s += p.grad**2
            p -= lr * p.grad


@wrong("optimizers.adagrad_step", "eps forgotten")
@torch.no_grad()
def adagrad_step(params, sums, lr, eps):
    for p, s in zip(params, sums):
        if p.grad is not None:
            s += p.grad**2
            p -= lr * p.grad / s.sqrt()


@wrong("optimizers.adagrad_step", "eps outside the quotient")
@torch.no_grad()
def adagrad_step(params, sums, lr, eps):
    for p, s in zip(params, sums):
        if p.grad is not None:
            s += p.grad**2
            p -= lr * p.grad / s.sqrt() + eps


@wrong("optimizers.adagrad_step", "gradient squared in place")
@torch.no_grad()
def adagrad_step(params, sums, lr, eps):
    for p, s in zip(params, sums):
        if p.grad is not None:
            s += p.grad.pow_(2)
            p -= lr * p.grad / (s.sqrt() + eps)


@wrong("optimizers.adagrad_step", "return inside the loop")
@torch.no_grad()
def adagrad_step(params, sums, lr, eps):
    for p, s in zip(params, sums):
        if p.grad is not None:
            s += p.grad**2
            p -= lr * p.grad / (s.sqrt() + eps)
            return


@wrong("optimizers.adagrad_step", "eps inside the root", "uphill")
@torch.no_grad()
def adagrad_step(params, sums, lr, eps):
    for p, s in zip(params, sums):
        if p.grad is not None:
            s += p.grad**2
            p += lr * p.grad / (s + eps).sqrt()


@wrong("optimizers.adagrad_step", "root missing", "stops at a missing gradient")
@torch.no_grad()
def adagrad_step(params, sums, lr, eps):
    for p, s in zip(params, sums):
        if p.grad is None:
            return
        s += p.grad**2
        p -= lr * p.grad / (s + eps)


@wrong("optimizers.adam_step", "beta times t")
@torch.no_grad()
def adam_step(params, means, squares, t, lr, betas, eps):
    for p, m, s in zip(params, means, squares):
        if p.grad is None:
            continue
        m.mul_(betas[0]).add_(p.grad, alpha=1 - betas[0])
        s.mul_(betas[1]).add_(p.grad**2, alpha=1 - betas[1])
        p -= lr * (m / (1 - betas[0] * t)) / ((s / (1 - betas[1] * t)).sqrt() + eps)


@wrong("optimizers.rmsprop_step", "learning rate inside the squares")
@torch.no_grad()
def rmsprop_step(params, squares, lr, alpha, eps):
    for p, s in zip(params, squares):
        if p.grad is None:
            continue
        s.mul_(alpha).add_((1 - alpha) * (lr * p.grad) ** 2)
        p -= lr * p.grad / (s.sqrt() + eps)


@wrong("optimizers.adamw_step", "same amount subtracted from every weight")
@torch.no_grad()
def adamw_step(params, means, squares, t, lr, betas, eps, wd):
    for p, m, s in zip(params, means, squares):
        if p.grad is None:
            continue
        m.mul_(betas[0]).add_(p.grad, alpha=1 - betas[0])
        s.mul_(betas[1]).add_(p.grad**2, alpha=1 - betas[1])
        mh, sh = m / (1 - betas[0] ** t), s / (1 - betas[1] ** t)
        p -= lr * (mh / (sh.sqrt() + eps) + wd)


# the same correction for the root as for s
@wrong("optimizers.adam_step", "root corrected in place of the squares")
@torch.no_grad()
def adam_step(params, means, squares, t, lr, betas, eps):
    for p, m, s in zip(params, means, squares, strict=True):
        if p.grad is None:
            continue
        m.lerp_(p.grad, 1 - betas[0])
        s.lerp_(p.grad.square(), 1 - betas[1])
        root = s.sqrt() / (1 - betas[1] ** t)
        p.sub_(lr * (m / (1 - betas[0] ** t)) / (root + eps))


# lr before the bracket in place of inside it
@wrong("optimizers.adamw_step", "lr outside the brackets")
@torch.no_grad()
def adamw_step(params, means, squares, t, lr, betas, eps, wd):
    for p in params:
        if p.grad is not None:
            p.mul_(lr * (1 - wd))
    _adam()(params, means, squares, t, lr, betas, eps)


# Written from the student's notebook alone, by another reader.


# lr missing at the velocity part: p -= lr*g + mu*v
@wrong("optimizers.nesterov_step", "lr on the gradient alone")
def nesterov_step(params, velocities, lr, momentum):
    with torch.no_grad():
        for p, v in zip(params, velocities):
            if p.grad is None:
                continue
            v.mul_(momentum).add_(p.grad)
            p -= lr * p.grad + momentum * v


# velocity overwritten by the gradient
@wrong("optimizers.nesterov_step", "velocity without its past")
def nesterov_step(params, velocities, lr, momentum):
    with torch.no_grad():
        for p, v in zip(params, velocities):
            if p.grad is None:
                continue
            v.copy_(p.grad)
            p -= lr * (p.grad + momentum * v)


# first step: v.data is set to the gradient tensor itself; the next in-place mul_ changes .grad
@wrong("optimizers.nesterov_step", "velocity shares memory with .grad")
def nesterov_step(params, velocities, lr, momentum):
    with torch.no_grad():
        for p, v in zip(params, velocities):
            if p.grad is None:
                continue
            if not v.any():
                v.data = p.grad.data
            else:
                v.mul_(momentum).add_(p.grad)
            p -= lr * (p.grad + momentum * v)


# weights with gradient 0 are left alone: velocity neither decays nor moves them
@wrong("optimizers.nesterov_step", "gradient of zero treated as missing")
def nesterov_step(params, velocities, lr, momentum):
    with torch.no_grad():
        for p, v in zip(params, velocities):
            if p.grad is None:
                continue
            live = p.grad != 0
            new = momentum * v + p.grad
            v.copy_(torch.where(live, new, v))
            p.sub_(torch.where(live, lr * (p.grad + momentum * new), torch.zeros_like(p)))


_SPEED = {}


# the velocities live in a global dict keyed by shape: two parameters of one shape share
@wrong("optimizers.nesterov_step", "keeps something between calls")
def nesterov_step(params, velocities, lr, momentum):
    with torch.no_grad():
        for p, v in zip(params, velocities):
            if p.grad is None:
                continue
            old = _SPEED.get(p.shape, v)
            v.copy_(momentum * old + p.grad)
            _SPEED[p.shape] = v
            p -= lr * (p.grad + momentum * v)


# clamp(min=eps) in place of adding eps
@wrong("optimizers.adagrad_step", "eps as a lower limit")
def adagrad_step(params, sums, lr, eps):
    with torch.no_grad():
        for p, s in zip(params, sums):
            if p.grad is None:
                continue
            s.add_(p.grad**2)
            p -= lr * p.grad / s.sqrt().clamp(min=eps)


# eps only where the sum is 0
@wrong("optimizers.adagrad_step", "eps only where the sum is 0")
def adagrad_step(params, sums, lr, eps):
    with torch.no_grad():
        for p, s in zip(params, sums):
            if p.grad is None:
                continue
            s.add_(p.grad**2)
            p -= lr * p.grad / torch.where(s == 0, torch.full_like(s, eps), s.sqrt())


# brackets missing: eps is added to the quotient (to the step, times lr)
@wrong("optimizers.adagrad_step", "eps added to the quotient")
def adagrad_step(params, sums, lr, eps):
    with torch.no_grad():
        for p, s in zip(params, sums):
            if p.grad is None:
                continue
            s.add_(p.grad**2)
            p -= lr * (p.grad / s.sqrt() + eps)


# adds absolute values, not squares
@wrong("optimizers.adagrad_step", "absolute value instead of square")
def adagrad_step(params, sums, lr, eps):
    with torch.no_grad():
        for p, s in zip(params, sums):
            if p.grad is None:
                continue
            s.add_(p.grad.abs())
            p -= lr * p.grad / (s.sqrt() + eps)


# the larger of root and eps in place of the sum
@wrong("optimizers.rmsprop_step", "eps as a lower limit")
def rmsprop_step(params, squares, lr, alpha, eps):
    with torch.no_grad():
        for p, s in zip(params, squares):
            if p.grad is None:
                continue
            s.mul_(alpha).add_(p.grad**2, alpha=1 - alpha)
            p -= lr * p.grad / s.sqrt().clamp(min=eps)


# weights with gradient 0 keep their s: the average does not decay there
@wrong("optimizers.rmsprop_step", "averages kept where the gradient is zero")
def rmsprop_step(params, squares, lr, alpha, eps):
    with torch.no_grad():
        for p, s in zip(params, squares):
            if p.grad is None:
                continue
            s.copy_(torch.where(p.grad != 0, alpha * s + (1 - alpha) * p.grad**2, s))
            p -= lr * p.grad / (s.sqrt() + eps)


# weights whose gradient is 0 now stay where they are although m carries them on
@wrong("optimizers.adam_step", "gradient of zero treated as missing")
def adam_step(params, means, squares, t, lr, betas, eps):
    with torch.no_grad():
        for p, m, s in zip(params, means, squares):
            if p.grad is None:
                continue
            b1, b2 = betas
            m.mul_(b1).add_(p.grad, alpha=1 - b1)
            s.mul_(b2).addcmul_(p.grad, p.grad, value=1 - b2)
            step = lr * (m / (1 - b1**t)) / ((s / (1 - b2**t)).sqrt() + eps)
            p -= torch.where(p.grad == 0, 0.0, 1.0) * step


# parameters whose gradient is zero everywhere are passed over
@wrong("optimizers.adam_step", "gradient of zero treated as missing")
def adam_step(params, means, squares, t, lr, betas, eps):
    with torch.no_grad():
        for p, m, s in zip(params, means, squares):
            if p.grad is None:
                continue
            if not p.grad.any():
                continue
            b1, b2 = betas
            m.mul_(b1).add_(p.grad, alpha=1 - b1)
            s.mul_(b2).addcmul_(p.grad, p.grad, value=1 - b2)
            p -= lr * (m / (1 - b1**t)) / ((s / (1 - b2**t)).sqrt() + eps)


# m.div_ in place for the hat, s is right
@wrong("optimizers.adam_step", "corrected mean stored")
def adam_step(params, means, squares, t, lr, betas, eps):
    with torch.no_grad():
        for p, m, s in zip(params, means, squares):
            if p.grad is None:
                continue
            b = betas
            m.mul_(b[0]).add_(p.grad, alpha=1 - b[0])
            s.mul_(b[1]).addcmul_(p.grad, p.grad, value=1 - b[1])
            m_hat = m.div_(1 - b[0] ** t)
            p -= lr * m_hat / ((s / (1 - b[1] ** t)).sqrt() + eps)


# the alias m_hat = m; m_hat /= ... changes the buffer of the means
@wrong("optimizers.adam_step", "corrected mean stored")
def adam_step(params, means, squares, t, lr, betas, eps):
    with torch.no_grad():
        for p, m, s in zip(params, means, squares):
            if p.grad is None:
                continue
            b1, b2 = betas
            m.mul_(b1).add_(p.grad, alpha=1 - b1)
            s.mul_(b2).addcmul_(p.grad, p.grad, value=1 - b2)
            m_hat = m
            m_hat /= 1 - b1**t
            p -= lr * m_hat / ((s / (1 - b2**t)).sqrt() + eps)


# the alias s_hat = s; s_hat /= ... changes the buffer of the squares
@wrong("optimizers.adam_step", "corrected squares stored")
def adam_step(params, means, squares, t, lr, betas, eps):
    with torch.no_grad():
        for p, m, s in zip(params, means, squares):
            if p.grad is None:
                continue
            b1, b2 = betas
            m.mul_(b1).add_(p.grad, alpha=1 - b1)
            s.mul_(b2).addcmul_(p.grad, p.grad, value=1 - b2)
            s_hat = s
            s_hat /= 1 - b2**t
            p -= lr * (m / (1 - b1**t)) / (s_hat.sqrt() + eps)


# the mean is averaged after the step: the step uses the old m
@wrong("optimizers.adam_step", "mean updated after the step")
def adam_step(params, means, squares, t, lr, betas, eps):
    with torch.no_grad():
        for p, m, s in zip(params, means, squares):
            if p.grad is None:
                continue
            b1, b2 = betas
            s.mul_(b2).addcmul_(p.grad, p.grad, value=1 - b2)
            p -= lr * (m / (1 - b1**t)) / ((s / (1 - b2**t)).sqrt() + eps)
            m.mul_(b1).add_(p.grad, alpha=1 - b1)


# (1 - beta)**t in place of 1 - beta**t
@wrong("optimizers.adam_step", "power around the brackets")
def adam_step(params, means, squares, t, lr, betas, eps):
    with torch.no_grad():
        for p, m, s in zip(params, means, squares):
            if p.grad is None:
                continue
            b1, b2 = betas
            m.mul_(b1).add_(p.grad, alpha=1 - b1)
            s.mul_(b2).addcmul_(p.grad, p.grad, value=1 - b2)
            p -= lr * (m / (1 - b1) ** t) / ((s / (1 - b2) ** t).sqrt() + eps)


# beta2 used for the mean as well
@wrong("optimizers.adam_step", "one beta for both")
def adam_step(params, means, squares, t, lr, betas, eps):
    with torch.no_grad():
        for p, m, s in zip(params, means, squares):
            if p.grad is None:
                continue
            b1, b2 = betas
            m.mul_(b2).add_(p.grad, alpha=1 - b2)
            s.mul_(b2).addcmul_(p.grad, p.grad, value=1 - b2)
            p -= lr * (m / (1 - b2**t)) / ((s / (1 - b2**t)).sqrt() + eps)


# only entries whose gradient is not 0 decay
@wrong("optimizers.adamw_step", "decays only where there is a gradient")
def adamw_step(params, means, squares, t, lr, betas, eps, wd):
    with torch.no_grad():
        for p in params:
            if p.grad is None:
                continue
            p.copy_(torch.where(p.grad != 0, p * (1 - lr * wd), p))
    _plain_adam(params, means, squares, t, lr, betas, eps)


# parameters whose gradient is zero everywhere are passed over (no decay)
@wrong("optimizers.adamw_step", "decays only where there is a gradient")
def adamw_step(params, means, squares, t, lr, betas, eps, wd):
    with torch.no_grad():
        for p in params:
            if p.grad is None or not p.grad.any():
                continue
            p.mul_(1 - lr * wd)
    _plain_adam(params, means, squares, t, lr, betas, eps)


# lr and eps exchanged in the call
@wrong("optimizers.adamw_step", "lr and eps swapped")
def adamw_step(params, means, squares, t, lr, betas, eps, wd):
    with torch.no_grad():
        for p in params:
            if p.grad is None:
                continue
            p.mul_(1 - lr * wd)
    _plain_adam(params, means, squares, t, eps, betas, lr)


# means and squares exchanged in the call
@wrong("optimizers.adamw_step", "means and squares swapped")
def adamw_step(params, means, squares, t, lr, betas, eps, wd):
    with torch.no_grad():
        for p in params:
            if p.grad is None:
                continue
            p.mul_(1 - lr * wd)
    _plain_adam(params, squares, means, t, lr, betas, eps)


# the decay acts twice: before and after Adam's step
@wrong("optimizers.adamw_step", "decayed twice")
def adamw_step(params, means, squares, t, lr, betas, eps, wd):
    with torch.no_grad():
        for p in params:
            if p.grad is None:
                continue
            p.mul_(1 - lr * wd)
    _plain_adam(params, means, squares, t, lr, betas, eps)
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p.mul_(1 - lr * wd)


# lr 0.1 of the example hard-coded
@wrong("optimizers.reborn_adam_step", "lr fixed at 0.1")
def reborn_adam_step(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is None:
                continue
            p -= 0.1 * p.grad.sign()


# leaves without the corrections: (1-b1)/sqrt(1-b2) = 3.16 times the sign
@wrong("optimizers.reborn_adam_step", "no bias correction")
def reborn_adam_step(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is None:
                continue
            p -= lr * 0.1 / 0.001**0.5 * p.grad.sign()


# the average of where it would go, with +=
@wrong("optimizers.nesterov_step", "look-ahead written into .grad")
@torch.no_grad()
def nesterov_step(params, velocities, lr, momentum):
    for p, v in zip(params, velocities):
        if p.grad is None:
            continue
        v.mul_(momentum).add_(p.grad)
        ahead = p.grad
        ahead += momentum * v
        p -= lr * ahead


# eps only to save a division by 0
@wrong("optimizers.rmsprop_step", "eps only where the average is 0")
@torch.no_grad()
def rmsprop_step(params, squares, lr, alpha, eps):
    for p, s in zip(params, squares):
        if p.grad is None:
            continue
        s.lerp_(p.grad**2, 1 - alpha)
        root = s.sqrt()
        root[root == 0] = eps
        p -= lr * p.grad / root


# the root has no brackets
@wrong("optimizers.rmsprop_step", "eps added to the quotient")
@torch.no_grad()
def rmsprop_step(params, squares, lr, alpha, eps):
    for p, s in zip(params, squares):
        if p.grad is None:
            continue
        s.lerp_(p.grad**2, 1 - alpha)
        direction = p.grad / s**0.5 + eps
        p -= lr * direction


# one factor for the whole step, twice
@wrong("optimizers.adamw_step", "decayed twice")
@torch.no_grad()
def adamw_step(params, means, squares, t, lr, betas, eps, wd):
    for p in params:
        if p.grad is not None:
            p *= 1 - lr * wd
            p *= 1 - lr * wd
    _plain_adam(params, means, squares, t, lr, betas, eps)


# the decay is left out at t = 1
@wrong("optimizers.adamw_step", "no decay at the first step")
@torch.no_grad()
def adamw_step(params, means, squares, t, lr, betas, eps, wd):
    for p in params:
        if p.grad is not None and t > 1:
            p.mul_(1 - lr * wd)
    _plain_adam(params, means, squares, t, lr, betas, eps)


# lr hard-coded as 0.01
@wrong("optimizers.reborn_adam_step")
@torch.no_grad()
def reborn_adam_step(params, lr):
    for p in params:
        if p.grad is not None:
            p -= 0.01 * p.grad.sign()


@wrong("optimizers.adamw_step", "decays only where there is a gradient")
@torch.no_grad()
def adamw_step(params, means, squares, t, lr, betas, eps, wd):
    for p in params:
        if p.grad is not None and p.grad.any():
            p.mul_(1 - lr * wd)
    _plain_adam(params, means, squares, t, lr, betas, eps)


@wrong("optimizers.adamw_step", "the sign of the weight instead of the weight")
@torch.no_grad()
def adamw_step(params, means, squares, t, lr, betas, eps, wd):
    for p in params:
        if p.grad is not None:
            p.sub_(lr * wd * torch.sign(p))
    _plain_adam(params, means, squares, t, lr, betas, eps)


@wrong("optimizers.nesterov_step", "look-ahead subtracted from the gradient")
def nesterov_step(params, velocities, lr, momentum):
    with torch.no_grad():
        for p, v in zip(params, velocities):
            if p.grad is None:
                continue
            v.mul_(momentum).add_(p.grad)
            p -= lr * (p.grad - momentum * v)


@wrong("optimizers.nesterov_step", "momentum on the gradient of the step")
def nesterov_step(params, velocities, lr, momentum):
    with torch.no_grad():
        for p, v in zip(params, velocities):
            if p.grad is None:
                continue
            v.mul_(momentum).add_(p.grad)
            p.sub_(momentum * p.grad + v, alpha=lr)


@wrong("optimizers.nesterov_step", "momentum on the whole step")
def nesterov_step(params, velocities, lr, momentum):
    with torch.no_grad():
        for p, v in zip(params, velocities):
            if p.grad is None:
                continue
            v.mul_(momentum).add_(p.grad)
            step = momentum * (p.grad + v)
            p.sub_(lr * step)


# eps stays in the buffer
@wrong("optimizers.adagrad_step", "eps added into the buffer")
def adagrad_step(params, sums, lr, eps):
    with torch.no_grad():
        for p, s in zip(params, sums):
            if p.grad is None:
                continue
            s.addcmul_(p.grad, p.grad)
            p.sub_(lr * p.grad / s.add_(eps).sqrt())


@wrong("optimizers.rmsprop_step", "eps added into the buffer")
def rmsprop_step(params, squares, lr, alpha, eps):
    with torch.no_grad():
        for p, s in zip(params, squares):
            if p.grad is None:
                continue
            s.mul_(alpha).addcmul_(p.grad, p.grad, value=1 - alpha)
            s += eps
            p.sub_(lr * p.grad / s**0.5)


@wrong("optimizers.adagrad_step", "gradient without its sign")
def adagrad_step(params, sums, lr, eps):
    with torch.no_grad():
        for p, s in zip(params, sums):
            if p.grad is None:
                continue
            size = p.grad.abs()
            s += size**2
            p -= lr * size / (s.sqrt() + eps)


@wrong("optimizers.rmsprop_step", "gradient without its sign")
def rmsprop_step(params, squares, lr, alpha, eps):
    with torch.no_grad():
        for p, s in zip(params, squares):
            if p.grad is None:
                continue
            square = p.grad**2
            s.lerp_(square, 1 - alpha)
            p -= lr * square.sqrt() / (s.sqrt() + eps)


@wrong("optimizers.adagrad_step", "gradient squared in place")
def adagrad_step(params, sums, lr, eps):
    with torch.no_grad():
        for p, s in zip(params, sums):
            if p.grad is None:
                continue
            g = p.grad.clone()
            s.add_(p.grad.pow_(2))
            p.sub_(lr * g / (s.sqrt() + eps))


@wrong("optimizers.adam_step", "gradient squared in place")
def adam_step(params, means, squares, t, lr, betas, eps):
    with torch.no_grad():
        for p, m, s in zip(params, means, squares):
            if p.grad is None:
                continue
            m.lerp_(p.grad, 1 - betas[0])
            s.lerp_(p.grad.pow_(2), 1 - betas[1])
            p -= lr * (m / (1 - betas[0] ** t)) / ((s / (1 - betas[1] ** t)).sqrt() + eps)


# works on .grad as if it were its own
@wrong("optimizers.adamw_step", "gradient squared in place")
def adamw_step(params, means, squares, t, lr, betas, eps, wd):
    with torch.no_grad():
        for p, m, s in zip(params, means, squares):
            if p.grad is None:
                continue
            g = p.grad
            m.mul_(betas[0]).add_(g, alpha=1 - betas[0])
            g *= g
            s.mul_(betas[1]).add_(g, alpha=1 - betas[1])
            p.mul_(1 - lr * wd)
            p -= lr * (m / (1 - betas[0] ** t)) / ((s / (1 - betas[1] ** t)).sqrt() + eps)


# the buffer is the square of a sum
@wrong("optimizers.adagrad_step", "added first, squared afterwards")
def adagrad_step(params, sums, lr, eps):
    with torch.no_grad():
        for p, s in zip(params, sums):
            if p.grad is None:
                continue
            s.copy_((s.sqrt() + p.grad) ** 2)
            p.sub_(lr * p.grad / (s.sqrt() + eps))


# the buffer is the sum itself
@wrong("optimizers.adagrad_step", "added first, squared afterwards")
def adagrad_step(params, sums, lr, eps):
    with torch.no_grad():
        for p, s in zip(params, sums):
            if p.grad is None:
                continue
            s += p.grad
            p.sub_(lr * p.grad / ((s**2).sqrt() + eps))


wrong("optimizers.adam_step", "AMSGrad")(
    _adam(square=lambda s, g, m, b: torch.maximum(s, s.lerp(g**2, 1 - b)))
)
wrong("optimizers.adam_step", "power around the brackets")(
    _adam(
        move=lambda m, s, t, lr, betas, eps: (
            lr * m / (1 - betas[0]) ** t / ((s / (1 - betas[1] ** t)).sqrt() + eps)
        )
    )
)


@wrong("optimizers.adamw_step", "decay through the mean")
def adamw_step(params, means, squares, t, lr, betas, eps, wd):
    b1, b2 = betas
    with torch.no_grad():
        for p, m, s in zip(params, means, squares):
            if p.grad is None:
                continue
            m.mul_(b1).add_(p.grad + wd * p, alpha=1 - b1)
            s.mul_(b2).addcmul_(p.grad, p.grad, value=1 - b2)
            p.sub_(lr * (m / (1 - b1**t)) / ((s / (1 - b2**t)).sqrt() + eps))


@wrong("optimizers.adamw_step", "decay to the power t")
@torch.no_grad()
def adamw_step(params, means, squares, t, lr, betas, eps, wd):
    for p in params:
        if p.grad is not None:
            p.mul_((1 - lr * wd) ** t)
    _plain_adam(params, means, squares, t, lr, betas, eps)


# one length of step for everything
@wrong("optimizers.adamw_step", "decay with Adam's correction")
@torch.no_grad()
def adamw_step(params, means, squares, t, lr, betas, eps, wd):
    length = lr / (1 - betas[0] ** t)
    for p, m, s in zip(params, means, squares):
        if p.grad is None:
            continue
        m.lerp_(p.grad, 1 - betas[0])
        s.lerp_(p.grad**2, 1 - betas[1])
        p -= length * wd * p
        p -= length * m / ((s / (1 - betas[1] ** t)).sqrt() + eps)


@wrong("optimizers.reborn_adam_step", "clipped gradient")
@torch.no_grad()
def reborn_adam_step(params, lr):
    for p in params:
        if p.grad is not None:
            p.sub_(p.grad.clip(-1, 1), alpha=lr)


# goes on to the next parameter where no entry of the gradient differs from 0
@wrong("optimizers.adamw_step", "gradient of zero treated as missing")
@torch.no_grad()
def adamw_step(params, means, squares, t, lr, betas, eps, wd):
    entries = [e for e in zip(params, means, squares) if e[0].grad is not None]
    for p, m, s in entries:
        if torch.count_nonzero(p.grad) == 0:
            continue
        p.mul_(1 - lr * wd)
        _plain_adam([p], [m], [s], t, lr, betas, eps)


@wrong("optimizers.nesterov_step", "steps instead of gradients in the velocity")
def nesterov_step_of_steps(params, velocities, lr, momentum):
    with torch.no_grad():
        for p, v in zip(params, velocities, strict=True):
            if p.grad is None:
                continue
            before = v.clone()
            v.copy_(momentum * v - lr * p.grad)
            p += -momentum * before + (1 + momentum) * v

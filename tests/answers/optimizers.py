"""Other right answers to the exercises of lesson 07."""

import math

import torch
from torch import Tensor, nn


@torch.no_grad()
def rmsprop_in_place(
    params: list[Tensor], squares: list[Tensor], lr: float, alpha: float, eps: float
) -> None:
    for p, s in zip(params, squares, strict=True):
        if p.grad is None:
            continue
        s.mul_(alpha).addcmul_(p.grad, p.grad, value=1 - alpha)
        p.addcdiv_(p.grad, s.sqrt().add_(eps), value=-lr)


def rmsprop_by_data(
    params: list[Tensor], squares: list[Tensor], lr: float, alpha: float, eps: float
) -> None:
    for i in range(len(params)):
        g = params[i].grad
        if g is not None:
            squares[i].data = squares[i].lerp(g.square(), 1 - alpha)
            params[i].data = params[i].data - g / (squares[i] ** 0.5 + eps) * lr


@torch.no_grad()
def rmsprop_into_slices(
    params: list[Tensor], squares: list[Tensor], lr: float, alpha: float, eps: float
) -> None:
    for p, s in ((p, s) for p, s in zip(params, squares, strict=True) if p.grad is not None):
        s[...] = s + (1 - alpha) * (p.grad.pow(2) - s)
        p[...] = p - lr * p.grad / (torch.sqrt(s) + eps)


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


@torch.no_grad()
def reborn_by_sign(params: list[Tensor], lr: float) -> None:
    for p in params:
        if p.grad is not None:
            p -= lr * p.grad.sign()


def reborn_by_adam(params: list[Tensor], lr: float) -> None:
    means, squares = ([torch.zeros_like(p) for p in params] for _ in range(2))
    adam_in_torchs_order(params, means, squares, 1, lr, (0.9, 0.999), 1e-8)


def reborn_by_where(params: list[Tensor], lr: float) -> None:
    for p in params:
        if p.grad is not None:
            p.data.copy_(
                torch.where(p.grad > 0, p.data - lr, torch.where(p.grad < 0, p.data + lr, p.data))
            )


def reborn_by_root(params: list[Tensor], lr: float) -> None:
    for p in params:
        if p.grad is not None:
            p.data -= lr * p.grad / ((p.grad**2).sqrt() + 1e-8)


ANSWERS = {
    "optimizers.rmsprop_step": [rmsprop_in_place, rmsprop_by_data, rmsprop_into_slices],
    "optimizers.adam_step": [adam_in_torchs_order, adam_by_data, adam_entry_by_entry],
    "optimizers.adamw_step": [_adamw(adam_in_torchs_order), _adamw(adam_by_data), adamw_at_once],
    "optimizers.reborn_adam_step": [
        reborn_by_sign,
        reborn_by_adam,
        reborn_by_where,
        reborn_by_root,
    ],
}


# Written from the student's notebook alone.


@torch.no_grad()
def rmsprop_step_first_reading(params, squares, lr, alpha, eps):
    for p, s in zip(params, squares):
        g = p.grad
        if g is None:
            continue
        s.mul_(alpha).addcmul_(g, g.conj(), value=1 - alpha)
        p.addcdiv_(g, s.sqrt().add_(eps), value=-lr)


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


rmsprop_step_third_reading = _RMS()


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


adam_step_third_reading = _Adam()


@torch.no_grad()
def _adam(params, means, squares, t, lr, betas, eps):
    for p, m, s in zip(params, means, squares):
        if p.grad is not None:
            m.lerp_(p.grad, 1 - betas[0])
            s.mul_(betas[1]).addcmul_(p.grad, p.grad, value=1 - betas[1])
            p.sub_(lr * (m / (1 - betas[0] ** t)) / ((s / (1 - betas[1] ** t)).sqrt() + eps))


@torch.no_grad()
def adamw_step_first_reading(params, means, squares, t, lr, betas, eps, wd):
    b1, b2 = betas
    for p, m, s in zip(params, means, squares):
        g = p.grad
        if g is not None:
            m.lerp_(g, 1 - b1)
            s.lerp_(g.square(), 1 - b2)
            p.sub_(lr * (m.div(1 - b1**t) / (s.div(1 - b2**t).sqrt_() + eps) + wd * p))


def adamw_step_second_reading(params, means, squares, t, lr, betas, eps, wd):
    """Adam first, and then the decay of what the weights were before."""
    old = [p.detach().clone() for p in params]
    _adam(params, means, squares, t, lr, betas, eps)
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


adamw_step_third_reading = _AdamW()


@torch.no_grad()
def reborn_adam_step_first_reading(params, lr):
    for p in params:
        if p.grad is not None:
            p.addcdiv_(p.grad, p.grad.abs() + 1e-8, value=-lr)


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
        _adam(
            alive,
            [torch.zeros_like(p) for p in alive],
            [torch.zeros_like(p) for p in alive],
            1,
            lr,
            (0.5, 0.5),
            1e-8,
        )


reborn_adam_step_third_reading = _Reborn()


ANSWERS["optimizers.rmsprop_step"] += [
    rmsprop_step_first_reading,
    rmsprop_step_second_reading,
    rmsprop_step_third_reading,
]
ANSWERS["optimizers.adam_step"] += [
    adam_step_first_reading,
    adam_step_second_reading,
    adam_step_third_reading,
]
ANSWERS["optimizers.adamw_step"] += [
    adamw_step_first_reading,
    adamw_step_second_reading,
    adamw_step_third_reading,
]
ANSWERS["optimizers.reborn_adam_step"] += [
    reborn_adam_step_first_reading,
    reborn_adam_step_second_reading,
    reborn_adam_step_third_reading,
]


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


ANSWERS |= {
    "optimizers.repair_adam_step": [adam_repaired_in_one_line, adam_repaired_in_two_lines],
}


@torch.no_grad()
def nesterov_in_place(
    params: list[Tensor], velocities: list[Tensor], lr: float, momentum: float
) -> None:
    for p, v in zip(params, velocities, strict=True):
        if p.grad is None:
            continue
        v.mul_(momentum).add_(p.grad)
        p.add_(p.grad.add(v, alpha=momentum), alpha=-lr)


def nesterov_by_data(
    params: list[Tensor], velocities: list[Tensor], lr: float, momentum: float
) -> None:
    for i, p in enumerate(params):
        if p.grad is not None:
            velocities[i].data = p.grad + momentum * velocities[i]
            p.data = p.data - lr * p.grad - lr * momentum * velocities[i]


@torch.no_grad()
def nesterov_in_two_moves(
    params: list[Tensor], velocities: list[Tensor], lr: float, momentum: float
) -> None:
    """By momentum squared times the old velocity, and the gradient once and a bit."""
    for p, v in zip(params, velocities, strict=True):
        if p.grad is not None:
            p -= lr * ((1 + momentum) * p.grad + momentum**2 * v)
            v.copy_(momentum * v + p.grad)


@torch.no_grad()
def adagrad_in_place(params: list[Tensor], sums: list[Tensor], lr: float, eps: float) -> None:
    for p, s in zip(params, sums, strict=True):
        if p.grad is None:
            continue
        s.addcmul_(p.grad, p.grad)
        p.addcdiv_(p.grad, s.sqrt().add_(eps), value=-lr)


def adagrad_by_data(params: list[Tensor], sums: list[Tensor], lr: float, eps: float) -> None:
    for i, p in enumerate(params):
        g = p.grad
        if g is not None:
            sums[i].data += g.abs() ** 2
            p.data -= lr / (eps + sums[i] ** 0.5) * g


def adagrad_with_zeros(params: list[Tensor], sums: list[Tensor], lr: float, eps: float) -> None:
    """A gradient of zero adds nothing and moves nothing, as if it were missing."""
    with torch.no_grad():
        for p, s in zip(params, sums, strict=True):
            g = torch.zeros_like(p) if p.grad is None else p.grad
            s += g * g
            p -= lr * g / (s.sqrt() + eps)


ANSWERS |= {
    "optimizers.nesterov_step": [nesterov_in_place, nesterov_by_data, nesterov_in_two_moves],
    "optimizers.adagrad_step": [adagrad_in_place, adagrad_by_data, adagrad_with_zeros],
}

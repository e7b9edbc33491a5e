"""Functions to find out about: those behind the curves that students reproduce, with the kind of
each bug, and those that their tests tell apart.

`python -m tests.make_curves` trains with each and writes the curves into _curves.py.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Suspects = Sequence[tuple[str, Callable[..., Any]]]


def _moving(update: Callable[..., None], parts: int | None = None) -> Callable[..., None]:
    """A step with momentum that does this to every parameter, or to the first few."""

    @torch.no_grad()
    def step(
        params: Sequence[Tensor], velocities: Sequence[Tensor], lr: float, momentum: float
    ) -> None:
        for p, v in [*zip(params, velocities, strict=True)][:parts]:
            update(p, v, lr, momentum)

    return step


def _usual(p: Tensor, v: Tensor, lr: float, momentum: float) -> None:
    v.copy_(momentum * v + p.grad)  # type: ignore[operator]
    p -= lr * v


def _averaged(p: Tensor, v: Tensor, lr: float, momentum: float) -> None:
    v.copy_(momentum * v + (1 - momentum) * p.grad)  # type: ignore[operator]
    p -= lr * v


def _rate_twice(p: Tensor, v: Tensor, lr: float, momentum: float) -> None:
    v.copy_(momentum * v + lr * p.grad)  # type: ignore[operator]
    p -= lr * v


def _forgetful(p: Tensor, v: Tensor, lr: float, momentum: float) -> None:  # noqa: ARG001
    v.copy_(p.grad)  # type: ignore[arg-type]
    p -= lr * v


def _late(p: Tensor, v: Tensor, lr: float, momentum: float) -> None:
    p -= lr * v
    v.copy_(momentum * v + p.grad)  # type: ignore[operator]


def _braking(p: Tensor, v: Tensor, lr: float, momentum: float) -> None:
    v.copy_(p.grad - momentum * v)  # type: ignore[operator]
    p -= lr * v


MOMENTUM_RIGHT = _moving(_usual)
MOMENTUM: Suspects = (
    ("a wrong factor", _moving(_averaged)),
    ("a wrong factor", _moving(_rate_twice)),
    ("a forgotten memory", _moving(_forgetful)),
    ("a wrong order", _moving(_late)),
    ("a wrong sign", _moving(_braking)),
    ("a forgotten parameter", _moving(_usual, 1)),
)


def _trained(
    loss: Callable[..., Tensor] = F.cross_entropy,
    kept: bool = False,
    bias: bool = True,
    part: int = 1,
) -> Callable[..., None]:
    """A step of training with this loss; kept: gradients stay; part: of how many the first."""

    def step(w: Tensor, b: Tensor, x: Tensor, y: Tensor, lr: float) -> None:
        some = slice(len(x) // part)
        loss(x[some] @ w + b, y[some]).backward()
        with torch.no_grad():
            for p in (w, b) if bias else (w,):
                p -= lr * p.grad  # type: ignore[operator]
        if not kept:
            w.grad = b.grad = None

    return step


TRAIN_STEP_RIGHT = _trained()
TRAIN_STEP: Suspects = (
    ("gradients that stay", _trained(kept=True)),
    ("a wrong factor", _trained(lambda z, y: F.cross_entropy(z, y, reduction="sum"))),
    ("a wrong factor", _trained(lambda z, y: F.cross_entropy(z, y) / z.shape[1])),
    ("a wrong loss", _trained(lambda z, y: F.cross_entropy(z.softmax(1), y))),
    ("a forgotten parameter", _trained(bias=False)),
    ("forgotten examples", _trained(part=2)),
)


def _cosine(start: float, end: float, pct: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * pct))


def _line(start: float, end: float, pct: float) -> float:
    return start + (end - start) * pct


def _cycle(
    between: Callable[[float, float, float], float] = _cosine,
    pct_start: float = 0.3,
    final_div: float = 1e4,
    momentums: tuple[float, float] = (0.85, 0.95),
) -> Callable[[int, int, float], tuple[float, float]]:
    """A schedule of one cycle with these settings."""

    def schedule(step: int, total_steps: int, lr_max: float) -> tuple[float, float]:
        low, high = momentums
        peak, last = pct_start * total_steps - 1, total_steps - 1
        if step <= peak:
            return between(lr_max / 25, lr_max, step / peak), between(high, low, step / peak)
        pct = (step - peak) / (last - peak)
        return between(lr_max, lr_max / 25 / final_div, pct), between(low, high, pct)

    return schedule


ONE_CYCLE_RIGHT = _cycle()
ONE_CYCLE: Suspects = (
    ("a wrong shape", _cycle(_line)),
    ("a wrong peak", _cycle(pct_start=0.1)),
    ("a wrong peak", _cycle(pct_start=0.5)),
    ("a wrong end", _cycle(final_div=1)),
    ("a wrong momentum", _cycle(momentums=(0.95, 0.85))),
    ("a wrong momentum", _cycle(momentums=(0.95, 0.95))),
)


Pair = tuple[Tensor, Tensor]


def _scaled(g: Tensor, x: Tensor, scale: Tensor) -> Pair:
    """Back through y = x * scale."""
    return g * scale, (g * x).sum(0)


def _summed_by_einsum(g: Tensor, x: Tensor, scale: Tensor) -> Pair:
    return torch.einsum("nd,d->nd", g, scale), torch.einsum("nd,nd->d", g, x)


def _example_by_example(g: Tensor, x: Tensor, scale: Tensor) -> Pair:
    total = torch.zeros_like(scale)
    for a, b in zip(g, x, strict=True):
        total = total + a * b
    return torch.stack([a * scale for a in g]), total


def _in_float64(g: Tensor, x: Tensor, scale: Tensor) -> Pair:
    parts = _scaled(g.double(), x.double(), scale.double())
    return parts[0].to(g.dtype), parts[1].to(g.dtype)


def _by_matrices(g: Tensor, x: Tensor, scale: Tensor) -> Pair:
    return g @ torch.diag(scale), torch.diag(g.T @ x)


def _by_autograd(g: Tensor, x: Tensor, scale: Tensor) -> Pair:
    x, scale = x.clone().requires_grad_(), scale.clone().requires_grad_()
    found = torch.autograd.grad((g * (x * scale)).sum(), [x, scale])
    return found[0], found[1]


def _from_the_last(g: Tensor, x: Tensor, scale: Tensor) -> Pair:
    """Summed from the last example to the first, which rounds differently."""
    return scale * g, (x * g).flip(0).cumsum(0)[-1]


class _AddsUp:
    """Adds to what it gave before, as .grad does."""

    def __init__(self) -> None:
        self.total: Tensor | float = 0.0

    def __call__(self, g: Tensor, x: Tensor, scale: Tensor) -> Any:
        first, second = _scaled(g, x, scale)
        self.total = self.total + second
        return first, self.total


class _KeepsTheFirst:
    """Gives again what it gave first."""

    def __init__(self) -> None:
        self.first: Pair | None = None

    def __call__(self, g: Tensor, x: Tensor, scale: Tensor) -> Pair:
        self.first = self.first or _scaled(g, x, scale)
        return self.first


def _spoils(number: int) -> Callable[..., Pair]:
    """What it gives is right, and the argument of this number is spoiled."""

    def backward(*given: Tensor) -> Pair:
        found = _scaled(*given)
        given[number].mul_(2).sub_(1)
        return found

    return backward


SCALE_RIGHT: Sequence[Callable[..., Any]] = (
    _scaled,
    _summed_by_einsum,
    _example_by_example,
    _in_float64,
    _by_matrices,
    _by_autograd,
    _from_the_last,
)
SCALE_WRONG: Mapping[str, Callable[..., Any]] = {
    "grad_out left out of grad_x": lambda g, x, s: (s.expand_as(x).clone(), (g * x).sum(0)),
    "grad_out left out of grad_scale": lambda g, x, s: (g * s, x.sum(0)),
    "x in place of scale": lambda g, x, s: (g * x, (g * x).sum(0)),
    "scale in place of x": lambda g, x, s: (g * s, (g * s).sum(0)),
    "the two exchanged": lambda g, x, s: _scaled(g, x, s)[::-1],
    "wrong sign of grad_x": lambda g, x, s: (-g * s, (g * x).sum(0)),
    "wrong sign of grad_scale": lambda g, x, s: (g * s, -(g * x).sum(0)),
    "mean over the examples": lambda g, x, s: (g * s, (g * x).mean(0)),
    "grad_x divided by the examples": lambda g, x, s: (g * s / len(x), (g * x).sum(0)),
    "no sum over the examples": lambda g, x, s: (g * s, g * x),
    "sum over the features": lambda g, x, s: (g * s, (g * x).sum(1)),
    "sum over everything": lambda g, x, s: (g * s, (g * x).sum().expand_as(s).clone()),
    "the first example alone": lambda g, x, s: (g * s, (g * x)[0]),
    "the last example left out": lambda g, x, s: (g * s, (g * x)[: max(len(x) - 1, 1)].sum(0)),
    "sums before the product": lambda g, x, s: (g * s, g.sum(0) * x.sum(0)),
    "scale without its sign": lambda g, x, s: (g * s.abs(), (g * x).sum(0)),
    "x without its sign": lambda g, x, s: (g * s, (g * x.abs()).sum(0)),
    "negative x left out": lambda g, x, s: (g * s, (g * x.clamp(min=0)).sum(0)),
    "scale squared": lambda g, x, s: (g * s * s, (g * x).sum(0)),
    "clipped to 1": lambda g, x, s: (g * s, (g * x).sum(0).clamp(-1, 1)),
    "rounded to whole numbers": lambda g, x, s: ((g * s).round(), (g * x).sum(0).round()),
    "two digits of precision": lambda g, x, s: (g * s, (g * x).sum(0).bfloat16().to(x.dtype)),
    "one dimension too many": lambda g, x, s: (g * s, (g * x).sum(0, keepdim=True)),
    "the first scale for all": lambda g, x, s: (g * s[0], (g * x).sum(0)),
    "overwrites grad_out": _spoils(0),
    "overwrites x": _spoils(1),
    "adds to what it gave before": _AddsUp,
    "gives again what it gave first": _KeepsTheFirst,
}

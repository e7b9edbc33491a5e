"""The bugs behind the curves that students reproduce: the kind of each, and the function.

`python -m tests.make_curves` trains with each and writes the curves into _curves.py.
"""

import math
from collections.abc import Callable, Sequence
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
        pct = (step - max(peak, 0)) / (last - max(peak, 0))
        return between(lr_max, lr_max / 25 / final_div, pct), between(low, high, pct)

    return schedule


ONE_CYCLE_RIGHT = _cycle()
ONE_CYCLE: Suspects = (
    ("a wrong shape", _cycle(_line)),
    ("a wrong peak", _cycle(pct_start=0)),
    ("a wrong peak", _cycle(pct_start=0.5)),
    ("a wrong end", _cycle(final_div=1)),
    ("a wrong momentum", _cycle(momentums=(0.95, 0.85))),
    ("a wrong momentum", _cycle(momentums=(0.95, 0.95))),
)

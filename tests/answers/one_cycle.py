"""Other right answers to the exercises of lesson 08."""

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor


def anneal_from_the_start(start: float, end: float, pct: float) -> float:
    return start + (end - start) * math.sin(math.pi * pct / 2) ** 2


def anneal_with_torch(start: float, end: float, pct: float) -> Tensor:
    weight = (1 + torch.cos(torch.tensor(math.pi * pct, dtype=torch.float64))) / 2
    return weight * start + (1 - weight) * end


def anneal_with_numpy(start: float, end: float, pct: float) -> np.float64:
    return np.interp((1 - np.cos(np.pi * pct)) / 2, [0, 1], [start, end])


def one_cycle_by_phases(
    step: int,
    total_steps: int,
    lr_max: float,
    pct_start: float = 0.3,
    div: float = 25.0,
    final_div: float = 1e4,
    momentums: tuple[float, float] = (0.85, 0.95),
) -> tuple[float, float]:
    ends = [0.0, pct_start * total_steps - 1, total_steps - 1]
    lrs = [lr_max / div, lr_max, lr_max / (div * final_div)]
    betas = [momentums[1], momentums[0], momentums[1]]
    phase = max(bisect_left(ends, step) - 1, 0)
    pct = (step - ends[phase]) / (ends[phase + 1] - ends[phase])
    return tuple(anneal_from_the_start(v[phase], v[phase + 1], pct) for v in (lrs, betas))  # type: ignore[return-value]


def one_cycle_by_one_weight(
    step: int,
    total_steps: int,
    lr_max: float,
    pct_start: float = 0.3,
    div: float = 25.0,
    final_div: float = 1e4,
    momentums: Sequence[float] = (0.85, 0.95),
) -> list[Tensor]:
    """One number says how high up the cycle is, and both are mixed by it."""
    peak = total_steps * pct_start - 1
    rising = step < peak
    angle = step / peak if rising else 1 + (step - peak) / (total_steps - 1 - peak)
    height = torch.tensor((1 - math.cos(math.pi * angle)) / 2, dtype=torch.float64)
    foot = lr_max / div if rising else lr_max / div / final_div
    return [foot + height * (lr_max - foot), momentums[1] - height * (momentums[1] - momentums[0])]


def range_test_by_factor(
    loss_at: Callable[[float], float], lr_min: float, lr_max: float, steps: int
) -> tuple[list[float], list[float]]:
    factor = (lr_max / lr_min) ** (1 / (steps - 1))
    lr, best = lr_min, math.inf
    lrs, losses = [], []
    while len(lrs) < steps:
        loss = loss_at(lr)
        if not loss <= 4 * best or loss == math.inf:
            return lrs, losses
        best = min(best, loss)
        lrs.append(lr)
        losses.append(loss)
        lr *= factor
    return lrs, losses


def range_test_with_logspace(
    loss_at: Callable[[float], float], lr_min: float, lr_max: float, steps: int
) -> tuple[Tensor, Tensor]:
    lrs = torch.logspace(math.log10(lr_min), math.log10(lr_max), steps, dtype=torch.float64)
    losses = torch.full((steps,), torch.inf, dtype=torch.float64)
    for i, lr in enumerate(lrs):
        loss = torch.as_tensor(loss_at(float(lr)), dtype=torch.float64)
        if not torch.isfinite(loss) or loss > 4 * losses.min():
            return lrs[:i], losses[:i]
        losses[i] = loss
    return lrs, losses


def range_test_with_geomspace(loss_at: Any, lr_min: float, lr_max: float, steps: int) -> list[list[Any]]:
    pairs: list[tuple[Any, Any]] = []
    for lr in np.geomspace(lr_min, lr_max, steps):
        loss = loss_at(lr)
        if math.isnan(loss) or math.isinf(loss) or (pairs and loss > 4 * min(pairs, key=lambda pair: pair[1])[1]):
            break
        pairs.append((lr, loss))
    return [[pair[0] for pair in pairs], [pair[1] for pair in pairs]]


def suggest_by_diff(lrs: Sequence[float], losses: Sequence[float]) -> Tensor:
    values = torch.as_tensor(losses, dtype=torch.float64)
    return torch.as_tensor(lrs, dtype=torch.float64)[values.diff().argmin()]


def suggest_by_sorting(lrs: Sequence[float], losses: Sequence[float]) -> float:
    falls = sorted((b - a, lr) for lr, a, b in zip(lrs, losses, losses[1:], strict=False))
    return falls[0][1]


def steps_by_negation(n: int, batch_size: int, epochs: int) -> int:
    return -(-n // batch_size) * epochs


def steps_by_counting(n: int, batch_size: int, epochs: int) -> int:
    return sum(1 for _ in range(epochs) for _ in range(0, n, batch_size))


def steps_by_splitting(n: int, batch_size: int, epochs: int) -> int:
    return epochs * len(torch.arange(n).split(batch_size))


ANSWERS = {
    "one_cycle.anneal": [anneal_from_the_start, anneal_with_torch, anneal_with_numpy],
    "one_cycle.one_cycle": [one_cycle_by_phases, one_cycle_by_one_weight],
    "one_cycle.lr_range_test": [range_test_by_factor, range_test_with_logspace, range_test_with_geomspace],
    "one_cycle.suggest_lr": [suggest_by_diff, suggest_by_sorting],
    "one_cycle.steps_per_fit": [steps_by_negation, steps_by_counting, steps_by_splitting],
}

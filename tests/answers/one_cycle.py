"""Other right answers to the exercises of lesson 08."""

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


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


def range_test_with_geomspace(
    loss_at: Any, lr_min: float, lr_max: float, steps: int
) -> list[list[Any]]:
    pairs: list[tuple[Any, Any]] = []
    for lr in np.geomspace(lr_min, lr_max, steps):
        loss = loss_at(lr)
        if (
            math.isnan(loss)
            or math.isinf(loss)
            or (pairs and loss > 4 * min(pairs, key=lambda pair: pair[1])[1])
        ):
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
    "one_cycle.lr_range_test": [
        range_test_by_factor,
        range_test_with_logspace,
        range_test_with_geomspace,
    ],
    "one_cycle.suggest_lr": [suggest_by_diff, suggest_by_sorting],
    "one_cycle.steps_per_fit": [steps_by_negation, steps_by_counting, steps_by_splitting],
}


# Written from the student's notebook alone.


def lr_range_test_first_reading(loss_at, lr_min, lr_max, steps):
    lrs, losses, best = [], [], math.inf
    for lr in np.geomspace(lr_min, lr_max, steps).tolist():
        loss = loss_at(lr)
        if math.isnan(loss) or math.isinf(loss):
            break
        best = min(best, loss) if loss <= 4 * best else None
        if best is None:
            break
        lrs.append(lr)
        losses.append(loss)
    return lrs, losses


def lr_range_test_second_reading(loss_at, lr_min, lr_max, steps):
    found = []

    def tried():
        for i in range(steps):
            lr = lr_min ** (1 - i / (steps - 1)) * lr_max ** (i / (steps - 1))
            yield lr, loss_at(lr)

    for lr, loss in tried():
        if not abs(loss) < math.inf or (found and loss / 4 > min(best for _, best in found)):
            break
        found.append((lr, loss))
    return [lr for lr, _ in found], [loss for _, loss in found]


class _Finder:
    def __call__(self, loss_at, lr_min, lr_max, steps):
        q = math.exp(math.log(lr_max / lr_min) / (steps - 1))
        lrs, losses, lr = [], [], lr_min
        while len(lrs) < steps:
            loss = loss_at(lr)
            if not math.isfinite(loss) or any(loss > 4 * other for other in losses):
                break
            lrs, losses = lrs + [lr], losses + [loss]
            lr = lr * q if len(lrs) < steps - 1 else lr_max
        return lrs, losses


lr_range_test_third_reading = _Finder()


def suggest_lr_first_reading(lrs, losses):
    return min(
        (after - before, i, lr)
        for i, (lr, before, after) in enumerate(zip(lrs, losses, losses[1:]))
    )[2]


suggest_lr_second_reading = lambda lrs, losses: lrs[
    torch.tensor(losses, dtype=torch.float64).diff().argmin().item()
]


def suggest_lr_third_reading(lrs, losses):
    where, deepest = 0, losses[0] - losses[1]
    for i in range(1, len(losses) - 1):
        fall = losses[i] - losses[i + 1]
        if fall > deepest:
            where, deepest = i, fall
    return lrs[where]


def steps_per_fit_first_reading(n, batch_size, epochs):
    return epochs * -(-n // batch_size)


def steps_per_fit_second_reading(n, batch_size, epochs):
    return sum(len(range(0, n, batch_size)) for _ in range(epochs))


def steps_per_fit_third_reading(n, batch_size, epochs):
    full, rest = divmod(n, batch_size)
    return (full + (1 if rest else 0)) * epochs


def anneal_first_reading(start, end, pct):
    return start + (end - start) * math.sin(math.pi * pct / 2) ** 2


anneal_second_reading = lambda start, end, pct: (
    (start + end) / 2 + (start - end) / 2 * math.cos(pct * math.pi)
)


class _Half(nn.Module):
    def forward(self, start, end, pct):
        weight = (1 + torch.cos(torch.tensor(math.pi * pct, dtype=torch.float64))) / 2
        return float(weight * start + (1 - weight) * end)


anneal_third_reading = _Half()


def one_cycle_first_reading(
    step, total_steps, lr_max, pct_start=0.3, div=25.0, final_div=1e4, momentums=(0.85, 0.95)
):
    peak, last = pct_start * total_steps - 1, total_steps - 1
    if step > peak:
        share, edge = (
            0.5 + 0.5 * math.cos(math.pi * (step - peak) / (last - peak)),
            lr_max / (div * final_div),
        )
    else:
        share, edge = 0.5 - 0.5 * math.cos(math.pi * step / peak), lr_max / div
    low, high = momentums
    return share * lr_max + (1 - share) * edge, share * low + (1 - share) * high


def one_cycle_second_reading(
    step, total_steps, lr_max, pct_start=0.3, div=25.0, final_div=1e4, momentums=(0.85, 0.95)
):
    low, high = momentums
    peak = pct_start * total_steps - 1
    phases = [
        (0.0, peak, (lr_max / div, lr_max), (high, low)),
        (peak, total_steps - 1, (lr_max, lr_max / div / final_div), (low, high)),
    ]
    for begin, end, rates, momenta in phases:
        if step <= end:
            break
    p = (step - begin) / (end - begin)
    return tuple(a + (b - a) * math.sin(p * math.pi / 2) ** 2 for a, b in (rates, momenta))


def _anneal(start, end, pct):
    return end + (start - end) / 2 * (1 + math.cos(math.pi * pct))


class _OneCycle:
    def phase(self, step, total_steps, pct_start):
        peak = pct_start * total_steps - 1
        return (0, step / peak) if step <= peak else (1, (step - peak) / (total_steps - 1 - peak))

    def __call__(
        self,
        step,
        total_steps,
        lr_max,
        pct_start=0.3,
        div=25.0,
        final_div=1e4,
        momentums=(0.85, 0.95),
    ):
        k, p = self.phase(step, total_steps, pct_start)
        low, high = momentums
        rates, momenta = [lr_max / div, lr_max, lr_max / div / final_div], [high, low, high]
        return _anneal(rates[k], rates[k + 1], p), _anneal(momenta[k], momenta[k + 1], p)


one_cycle_third_reading = _OneCycle()


ANSWERS["one_cycle.lr_range_test"] += [
    lr_range_test_first_reading,
    lr_range_test_second_reading,
    lr_range_test_third_reading,
]
ANSWERS["one_cycle.suggest_lr"] += [
    suggest_lr_first_reading,
    suggest_lr_second_reading,
    suggest_lr_third_reading,
]
ANSWERS["one_cycle.steps_per_fit"] += [
    steps_per_fit_first_reading,
    steps_per_fit_second_reading,
    steps_per_fit_third_reading,
]
ANSWERS["one_cycle.anneal"] += [anneal_first_reading, anneal_second_reading, anneal_third_reading]
ANSWERS["one_cycle.one_cycle"] += [
    one_cycle_first_reading,
    one_cycle_second_reading,
    one_cycle_third_reading,
]


def _reproduced(name: str, pct_start: float) -> Callable[[], tuple[str, str, object]]:
    """One cycle from scratch whose highest rate comes after another share of the steps."""

    def reproduced() -> tuple[str, str, object]:
        def broken(step: int, total_steps: int, lr_max: float) -> tuple[float, float]:
            peak = pct_start * total_steps - 1
            up = step <= peak
            share = step / peak if up else (step - peak) / (total_steps - 1 - peak)
            wave = (1 - math.cos(math.pi * share)) / 2
            low, end = lr_max / 25, lr_max / 25e4
            if up:
                return low + (lr_max - low) * wave, 0.95 - 0.1 * wave
            return lr_max + (end - lr_max) * wave, 0.85 + 0.1 * wave

        return name, "a wrong peak", broken

    return reproduced


reproduced_with_an_early_peak = _reproduced("Ada Lovelace", 0.1)
reproduced_with_a_late_peak = _reproduced("Grace Hopper", 0.5)


ANSWERS |= {
    "one_cycle.reproduce_one_cycle": [
        reproduced_with_an_early_peak,
        reproduced_with_a_late_peak,
    ],
}

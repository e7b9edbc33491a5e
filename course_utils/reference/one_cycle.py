"""Lesson 08: finding a learning rate, and changing it over one cycle."""

import math
from collections.abc import Callable, Sequence


def anneal(start: float, end: float, pct: float) -> float:
    """end + (start - end) / 2 * (1 + cos(pi * pct)): from start at pct = 0 to end at pct = 1, along
    half a cosine.
    """
    return end + (start - end) / 2 * (1 + math.cos(math.pi * pct))


def one_cycle(
    step: int,
    total_steps: int,
    lr_max: float,
    pct_start: float = 0.3,
    div: float = 25.0,
    final_div: float = 1e4,
    momentums: tuple[float, float] = (0.85, 0.95),
) -> tuple[float, float]:
    """(lr, momentum) at a step from 0 to total_steps - 1, as torch.optim.lr_scheduler.OneCycleLR
    has them.

    Up to the peak at step pct_start * total_steps - 1: lr_max / div to lr_max, momentum from high
    to low. From there to the last step: lr_max to lr_max / div / final_div, momentum from low to
    high.
    Source: Smith and Topin, Super-Convergence, 2018; the two phases as in torch.
    """
    low, high = momentums
    first = lr_max / div
    final = first / final_div
    peak = pct_start * total_steps - 1
    last = total_steps - 1
    if step <= peak:
        pct = step / peak
        return anneal(first, lr_max, pct), anneal(high, low, pct)
    pct = (step - peak) / (last - peak)
    return anneal(lr_max, final, pct), anneal(low, high, pct)


def lr_range_test(
    loss_at: Callable[[float], float], lr_min: float, lr_max: float, steps: int
) -> tuple[list[float], list[float]]:
    """(lrs, losses): loss_at(lr) for lr_i = lr_min * (lr_max / lr_min)**(i / (steps - 1)), i = 0
    ... steps - 1.

    It stops at a loss that is not finite or over 4 times the best so far; that one is not recorded.
    Source: Smith, Cyclical Learning Rates for Training Neural Networks, 2017.
    """
    lrs: list[float] = []
    losses: list[float] = []
    for i in range(steps):
        lr = lr_min * (lr_max / lr_min) ** (i / (steps - 1))
        loss = float(loss_at(lr))
        if not math.isfinite(loss) or loss > 4 * min(losses, default=math.inf):
            break
        lrs.append(lr)
        losses.append(loss)
    return lrs, losses


def suggest_lr(lrs: Sequence[float], losses: Sequence[float]) -> float:
    """lrs[i] where losses[i + 1] - losses[i] is least: where the loss falls fastest."""
    i = min(range(len(losses) - 1), key=lambda i: losses[i + 1] - losses[i])
    return lrs[i]


def steps_per_fit(n: int, batch_size: int, epochs: int) -> int:
    """epochs * ceil(n / batch_size): each epoch ends with a smaller batch where batch_size does not
    divide n.
    """
    return epochs * math.ceil(n / batch_size)


def reproduce_one_cycle() -> tuple[str, str, Callable[..., tuple[float, float]]]:
    """The bug behind the curve that this name chooses: momentum rises and falls with the rate."""

    def broken(step: int, total_steps: int, lr_max: float) -> tuple[float, float]:
        return one_cycle(step, total_steps, lr_max, momentums=(0.95, 0.85))

    return "Carl Gauss", "a wrong momentum", broken

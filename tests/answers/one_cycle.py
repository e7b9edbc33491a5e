"""Right and wrong answers to the exercises of lesson 08."""

import itertools
import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tests.answers import right, wrong


@right("one_cycle.anneal")
def anneal_from_the_start(start: float, end: float, pct: float) -> float:
    return start + (end - start) * math.sin(math.pi * pct / 2) ** 2


@right("one_cycle.anneal")
def anneal_with_torch(start: float, end: float, pct: float) -> Tensor:
    weight = (1 + torch.cos(torch.tensor(math.pi * pct, dtype=torch.float64))) / 2
    return weight * start + (1 - weight) * end


@right("one_cycle.anneal")
def anneal_with_numpy(start: float, end: float, pct: float) -> np.float64:
    return np.interp((1 - np.cos(np.pi * pct)) / 2, [0, 1], [start, end])


@right("one_cycle.one_cycle")
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


@right("one_cycle.one_cycle")
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


@right("one_cycle.lr_range_test")
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


@right("one_cycle.lr_range_test")
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


@right("one_cycle.lr_range_test")
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


@right("one_cycle.suggest_lr")
def suggest_by_diff(lrs: Sequence[float], losses: Sequence[float]) -> Tensor:
    values = torch.as_tensor(losses, dtype=torch.float64)
    return torch.as_tensor(lrs, dtype=torch.float64)[values.diff().argmin()]


@right("one_cycle.suggest_lr")
def suggest_by_sorting(lrs: Sequence[float], losses: Sequence[float]) -> float:
    falls = sorted((b - a, lr) for lr, a, b in zip(lrs, losses, losses[1:], strict=False))
    return falls[0][1]


@right("one_cycle.steps_per_fit")
def steps_by_negation(n: int, batch_size: int, epochs: int) -> int:
    return -(-n // batch_size) * epochs


@right("one_cycle.steps_per_fit")
def steps_by_counting(n: int, batch_size: int, epochs: int) -> int:
    return sum(1 for _ in range(epochs) for _ in range(0, n, batch_size))


@right("one_cycle.steps_per_fit")
def steps_by_splitting(n: int, batch_size: int, epochs: int) -> int:
    return epochs * len(torch.arange(n).split(batch_size))


# Written from the student's notebook alone.


@right("one_cycle.lr_range_test")
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


@right("one_cycle.lr_range_test")
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


right("one_cycle.lr_range_test")(_Finder())


@right("one_cycle.suggest_lr")
def suggest_lr_first_reading(lrs, losses):
    return min(
        (after - before, i, lr)
        for i, (lr, before, after) in enumerate(zip(lrs, losses, losses[1:]))
    )[2]


right("one_cycle.suggest_lr")(
    lambda lrs, losses: lrs[torch.tensor(losses, dtype=torch.float64).diff().argmin().item()]
)


@right("one_cycle.suggest_lr")
def suggest_lr_third_reading(lrs, losses):
    where, deepest = 0, losses[0] - losses[1]
    for i in range(1, len(losses) - 1):
        fall = losses[i] - losses[i + 1]
        if fall > deepest:
            where, deepest = i, fall
    return lrs[where]


@right("one_cycle.steps_per_fit")
def steps_per_fit_first_reading(n, batch_size, epochs):
    return epochs * -(-n // batch_size)


@right("one_cycle.steps_per_fit")
def steps_per_fit_second_reading(n, batch_size, epochs):
    return sum(len(range(0, n, batch_size)) for _ in range(epochs))


@right("one_cycle.steps_per_fit")
def steps_per_fit_third_reading(n, batch_size, epochs):
    full, rest = divmod(n, batch_size)
    return (full + (1 if rest else 0)) * epochs


@right("one_cycle.anneal")
def anneal_first_reading(start, end, pct):
    return start + (end - start) * math.sin(math.pi * pct / 2) ** 2


right("one_cycle.anneal")(
    lambda start, end, pct: (start + end) / 2 + (start - end) / 2 * math.cos(pct * math.pi)
)


class _Half(nn.Module):
    def forward(self, start, end, pct):
        weight = (1 + torch.cos(torch.tensor(math.pi * pct, dtype=torch.float64))) / 2
        return float(weight * start + (1 - weight) * end)


right("one_cycle.anneal")(_Half())


@right("one_cycle.one_cycle")
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


@right("one_cycle.one_cycle")
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


right("one_cycle.one_cycle")(_OneCycle())


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


right("one_cycle.reproduce_one_cycle")(_reproduced("Ada Lovelace", 0.1))
right("one_cycle.reproduce_one_cycle")(_reproduced("Grace Hopper", 0.5))


def _linear(start: float, end: float, pct: float) -> float:
    return start + (end - start) * pct


wrong("one_cycle.anneal", "a straight line")(_linear)

wrong("one_cycle.anneal", "a power of the ratio")(
    lambda a, b, pct: a * abs(b / a) ** pct if b > 0 else _linear(a, b, pct * pct)
)


def _cosine(start: float, end: float, pct: float) -> float:
    return start + (end - start) * (1 - math.cos(math.pi * pct)) / 2


wrong("one_cycle.anneal", "start and end swapped")(lambda a, b, pct: _cosine(b, a, pct))

wrong("one_cycle.anneal", "a whole cosine")(lambda a, b, pct: _cosine(a, b, 2 * pct))

wrong("one_cycle.anneal", "a quarter of a cosine")(
    lambda a, b, pct: b + (a - b) * math.cos(math.pi / 2 * pct)
)

wrong("one_cycle.anneal", "not halved")(
    lambda a, b, pct: b + (a - b) * (1 + math.cos(math.pi * pct))
)

wrong("one_cycle.anneal", "not shifted")(
    lambda a, b, pct: b + (a - b) / 2 * math.cos(math.pi * pct)
)

wrong("one_cycle.anneal", "without pi")(lambda a, b, pct: b + (a - b) / 2 * (1 + math.cos(pct)))

wrong("one_cycle.anneal", "degrees")(lambda a, b, pct: b + (a - b) / 2 * (1 + math.cos(180 * pct)))

wrong("one_cycle.anneal", "end not added")(
    lambda a, b, pct: (a - b) / 2 * (1 + math.cos(math.pi * pct))
)

wrong("one_cycle.anneal", "start shrinks instead of the difference")(
    lambda a, b, pct: b + a / 2 * (1 + math.cos(math.pi * pct))
)

wrong("one_cycle.anneal", "brackets around 1 + cos")(
    lambda a, b, pct: b + (a - b) / 2 * 1 + math.cos(math.pi * pct)
)

wrong("one_cycle.anneal", "brackets around the difference")(
    lambda a, b, pct: b + a - b / 2 * (1 + math.cos(math.pi * pct))
)

wrong("one_cycle.anneal", "added to the start")(
    lambda a, b, pct: a + (a - b) / 2 * (1 + math.cos(math.pi * pct))
)

wrong("one_cycle.anneal", "difference without its sign")(
    lambda a, b, pct: b + abs(a - b) / 2 * (1 + math.cos(math.pi * pct))
)

wrong("one_cycle.anneal", "a sine")(
    lambda a, b, pct: b + (a - b) / 2 * (1 + math.sin(math.pi * pct))
)

_MOMENTUMS = (0.85, 0.95)


def _cycle(
    step: int,
    total: int,
    lr_max: float,
    pct_start: float = 0.3,
    div: float = 25.0,
    final_div: float = 1e4,
    momentums: Sequence[float] = _MOMENTUMS,
    *,
    peak: Callable[[int, float], float] = lambda n, pct: pct * n - 1,
    last: Callable[[int], int] = lambda n: n - 1,
    first: Callable[[float, float, float], float] = lambda lr, div, final: lr / div,
    final: Callable[[float, float, float], float] = lambda lr, div, final: lr / div / final,
    way: Callable[[float, float, float], float] = _cosine,
    warm: Callable[[float, float, float], float] | None = None,
    mirrored: bool = True,
    anew: bool = True,
) -> tuple[float, float]:
    """The right cycle, but for what is handed in."""
    low, high = momentums
    top, end = peak(total, pct_start), last(total)
    if step <= top:
        pct, way = step / top, warm or way
        pair = way(first(lr_max, div, final_div), lr_max, pct), way(high, low, pct)
    else:
        pct = (step - top) / (end - top) if anew else step / end
        pair = way(lr_max, final(lr_max, div, final_div), pct), way(low, high, pct)
    return pair if mirrored else (pair[0], low + high - pair[1])


wrong("one_cycle.one_cycle", "peak one step late")(
    lambda *args, **kwargs: _cycle(*args, **kwargs, peak=lambda n, pct: pct * n)
)

wrong("one_cycle.one_cycle", "peak at pct_start of the last step")(
    lambda *args, **kwargs: _cycle(*args, **kwargs, peak=lambda n, pct: pct * (n - 1))
)

wrong("one_cycle.one_cycle", "peak rounded")(
    lambda *args, **kwargs: _cycle(*args, **kwargs, peak=lambda n, pct: int(pct * n) - 1)
)

wrong("one_cycle.one_cycle", "peak rounded up")(
    lambda *args, **kwargs: _cycle(*args, **kwargs, peak=lambda n, pct: math.ceil(pct * n - 1))
)


def _odd_way(
    part: Callable[[int, float, float], float], rising: bool
) -> Callable[[int, int, float], tuple[float, float]]:
    """A cycle whose pct in one phase is part(step, peak, last)."""

    def cycle(
        step: int,
        total: int,
        lr: float,
        pct_start: float = 0.3,
        div: float = 25.0,
        final_div: float = 1e4,
        momentums: Sequence[float] = _MOMENTUMS,
    ) -> tuple[float, float]:
        peak, last = pct_start * total - 1, total - 1
        low, high = momentums
        if step <= peak:
            pct = part(step, peak, last) if rising else step / peak
            return _cosine(lr / div, lr, pct), _cosine(high, low, pct)
        pct = (step - peak) / (last - peak) if rising else part(step, peak, last)
        return _cosine(lr, lr / div / final_div, pct), _cosine(low, high, pct)

    return cycle


wrong("one_cycle.one_cycle", "first phase measured by all steps")(
    _odd_way(lambda step, peak, last: step / (last + 1), rising=True)
)

wrong("one_cycle.one_cycle", "second phase measured by all steps")(
    _odd_way(lambda step, peak, last: (step - peak) / last, rising=False)
)

wrong("one_cycle.one_cycle", "peak not subtracted from the step")(
    _odd_way(lambda step, peak, last: step / (last - peak), rising=False)
)


def _one_phase(
    step: int,
    total: int,
    lr: float,
    pct_start: float = 0.3,
    div: float = 25.0,
    final_div: float = 1e4,
    momentums: Sequence[float] = _MOMENTUMS,
) -> tuple[float, float]:
    pct = step / (pct_start * total - 1)
    return _cosine(lr / div, lr, pct), _cosine(momentums[1], momentums[0], pct)


wrong("one_cycle.one_cycle", "no second phase")(_one_phase)

wrong("one_cycle.one_cycle", "start and end swapped")(
    lambda *args, **kwargs: _cycle(*args, **kwargs, way=lambda a, b, pct: _cosine(b, a, pct))
)

wrong("one_cycle.one_cycle", "momentum falls twice")(
    lambda step, total, *args, **kwargs: (
        _cycle(step, total, *args, **kwargs)[0],
        _cycle(
            step, total, *args, **kwargs, mirrored=step <= kwargs.get("pct_start", 0.3) * total - 1
        )[1],
    )
)


def _without(*names: str) -> Callable[..., tuple[float, float]]:
    """A cycle that keeps to the defaults of these settings."""
    return lambda *args, **settings: _cycle(
        *args, **{k: v for k, v in settings.items() if k not in names}
    )


wrong("one_cycle.one_cycle", "momentums ignored")(_without("momentums"))

wrong("one_cycle.one_cycle", "pct_start ignored")(_without("pct_start"))

wrong("one_cycle.one_cycle", "div ignored")(_without("div"))

wrong("one_cycle.one_cycle", "final_div ignored")(_without("final_div"))

wrong("one_cycle.one_cycle", "div and final_div ignored")(_without("div", "final_div"))

wrong("one_cycle.one_cycle", "ends at zero")(
    lambda *args, **kwargs: _cycle(*args, **kwargs, final=lambda lr, div, final: 0.0)
)

wrong("one_cycle.one_cycle", "multiplied by final_div")(
    lambda *args, **kwargs: _cycle(*args, **kwargs, final=lambda lr, div, final: lr / div * final)
)

wrong("one_cycle.one_cycle", "peak and end one step late")(
    lambda *args, **kwargs: _cycle(*args, **kwargs, peak=lambda n, pct: pct * n, last=lambda n: n)
)

wrong("one_cycle.one_cycle", "end never reached")(
    lambda *args, **kwargs: _cycle(*args, **kwargs, last=lambda n: n)
)

wrong("one_cycle.one_cycle", "final rate from lr_max")(
    lambda *args, **kwargs: _cycle(*args, **kwargs, final=lambda lr, div, final: lr / final)
)

wrong("one_cycle.one_cycle", "ends where it began")(
    lambda *args, **kwargs: _cycle(*args, **kwargs, final=lambda lr, div, final: lr / div)
)

wrong("one_cycle.one_cycle", "starts at the final rate")(
    lambda *args, **kwargs: _cycle(*args, **kwargs, first=lambda lr, div, final: lr / final)
)

wrong("one_cycle.one_cycle", "starts at zero")(
    lambda *args, **kwargs: _cycle(*args, **kwargs, first=lambda lr, div, final: 0.0)
)

wrong("one_cycle.one_cycle", "momentum follows lr")(
    lambda *args, **kwargs: _cycle(*args, **kwargs, mirrored=False)
)

wrong("one_cycle.one_cycle", "momentum constant")(
    lambda *args, **kwargs: (
        _cycle(*args, **kwargs)[0],
        kwargs.get("momentums", _MOMENTUMS)[1],
    )
)


def _momentum_stays_low(step: int, total: int, *args: Any, **settings: Any) -> tuple[float, float]:
    lr, momentum = _cycle(step, total, *args, **settings)
    falling = step <= settings.get("pct_start", 0.3) * total - 1
    return lr, momentum if falling else settings.get("momentums", _MOMENTUMS)[0]


wrong("one_cycle.one_cycle", "momentum stays low")(_momentum_stays_low)

wrong("one_cycle.one_cycle", "straight lines")(
    lambda *args, **kwargs: _cycle(*args, **kwargs, way=_linear)
)

wrong("one_cycle.one_cycle", "straight warm-up")(
    lambda *args, **kwargs: _cycle(*args, **kwargs, warm=_linear)
)

wrong("one_cycle.one_cycle", "second phase not from 0")(
    lambda *args, **kwargs: _cycle(*args, **kwargs, anew=False)
)


def _three_phases(
    step: int,
    total: int,
    lr: float,
    pct_start: float = 0.3,
    div: float = 25.0,
    final_div: float = 1e4,
    momentums: Sequence[float] = _MOMENTUMS,
) -> tuple[float, float]:
    up, down, end = pct_start * total - 1, 2 * pct_start * total - 2, total - 1
    low, high = momentums
    if step <= up:
        return _cosine(lr / div, lr, step / up), _cosine(high, low, step / up)
    if step <= down:
        pct = (step - up) / (down - up)
        return _cosine(lr, lr / div, pct), _cosine(low, high, pct)
    return _cosine(lr / div, lr / div / final_div, (step - down) / (end - down)), high


wrong("one_cycle.one_cycle", "three phases")(_three_phases)

wrong("one_cycle.one_cycle", "steps counted from 1")(
    lambda step, *args, **kwargs: _cycle(step + 1 if step + 1 < args[0] else step, *args, **kwargs)
)

wrong("one_cycle.one_cycle", "momentum first")(
    lambda *args, **kwargs: _cycle(*args, **kwargs)[::-1]
)

wrong("one_cycle.one_cycle", "lr alone")(lambda *args, **kwargs: _cycle(*args, **kwargs)[0])

wrong("one_cycle.one_cycle", "settings ignored")(
    lambda step, total, lr_max, **settings: _cycle(step, total, lr_max)
)


def _range(
    loss_at: Callable[[float], float],
    lr_min: float,
    lr_max: float,
    steps: int,
    *,
    rate: Callable[[float, float, float], float] = lambda a, b, pct: a * (b / a) ** pct,
    part: Callable[[int, int], float] = lambda i, n: i / (n - 1),
    over: Callable[[float, list[float]], bool] = lambda loss, seen: (
        loss > 4 * min(seen, default=math.inf)
    ),
    finite: Callable[[float], bool] = math.isfinite,
    record_last: bool = False,
    skip: bool = False,
    call: int = 1,
) -> tuple[list[float], list[float]]:
    """The right test, but for what is handed in."""
    lrs: list[float] = []
    losses: list[float] = []
    for i in range(steps):
        lr = rate(lr_min, lr_max, part(i, steps))
        loss = [loss_at(lr) for _ in range(call)][-1]
        stop = not finite(loss) or over(loss, losses)
        if stop and not record_last and skip:
            continue
        if not stop or record_last:
            lrs.append(lr)
            losses.append(loss)
        if stop:
            break
    return lrs, losses


wrong("one_cycle.lr_range_test", "compared with the first loss")(
    lambda *args: _range(*args, over=lambda loss, seen: bool(seen) and loss > 4 * seen[0])
)

wrong("one_cycle.lr_range_test", "compared with the previous loss")(
    lambda *args: _range(*args, over=lambda loss, seen: bool(seen) and loss > 4 * seen[-1])
)

wrong("one_cycle.lr_range_test", "stops as soon as the loss rises")(
    lambda *args: _range(*args, over=lambda loss, seen: loss > min(seen, default=math.inf))
)

wrong("one_cycle.lr_range_test", "stops at twice the best")(
    lambda *args: _range(*args, over=lambda loss, seen: loss > 2 * min(seen, default=math.inf))
)

wrong("one_cycle.lr_range_test", "limit ignored")(
    lambda *args: _range(*args, over=lambda loss, seen: False)
)

wrong("one_cycle.lr_range_test", "a limit of 4")(
    lambda *args: _range(*args, over=lambda loss, seen: loss > 4)
)

wrong("one_cycle.lr_range_test", "largest loss taken as the best")(
    lambda *args: _range(*args, over=lambda loss, seen: bool(seen) and loss > 4 * max(seen))
)

wrong("one_cycle.lr_range_test", "best loss starts at 0")(
    lambda *args: _range(*args, over=lambda loss, seen: loss > 0)
)

wrong("one_cycle.lr_range_test", "last loss recorded")(
    lambda *args: _range(*args, record_last=True)
)

wrong("one_cycle.lr_range_test", "nan missed")(
    lambda *args: _range(*args, finite=lambda loss: True)
)

wrong("one_cycle.lr_range_test", "inf missed")(
    lambda *args: _range(
        *args,
        finite=lambda loss: not math.isnan(loss),
        over=lambda loss, seen: math.isfinite(loss) and loss > 4 * min(seen, default=math.inf),
    )
)

wrong("one_cycle.lr_range_test", "inf at the start missed")(
    lambda *args: _range(*args, finite=lambda loss: not math.isnan(loss))
)

wrong("one_cycle.lr_range_test", "never stops")(
    lambda *args: _range(*args, finite=lambda loss: True, over=lambda loss, seen: False)
)

wrong("one_cycle.lr_range_test", "goes on after a bad loss")(lambda *args: _range(*args, skip=True))

wrong("one_cycle.lr_range_test", "evenly spaced")(lambda *args: _range(*args, rate=_linear))

wrong("one_cycle.lr_range_test", "lr_max not reached")(
    lambda *args: _range(*args, part=lambda i, n: i / n)
)

wrong("one_cycle.lr_range_test", "lr_min left out")(
    lambda *args: _range(*args, part=lambda i, n: (i + 1) / n)
)

wrong("one_cycle.lr_range_test", "from the largest")(
    lambda loss_at, a, b, n: _range(loss_at, b, a, n)
)

wrong("one_cycle.lr_range_test", "loss computed twice")(lambda *args: _range(*args, call=2))

wrong("one_cycle.lr_range_test", "one rate too few")(
    lambda loss_at, a, b, n: _range(loss_at, a, b, n - 1, part=lambda i, _: i / (n - 1))
)

wrong("one_cycle.lr_range_test", "one rate too many")(
    lambda loss_at, a, b, n: _range(loss_at, a, b, n + 1, part=lambda i, _: i / (n - 1))
)

wrong("one_cycle.lr_range_test", "factor without its root")(
    lambda *args: _range(*args, part=lambda i, n: i)
)

wrong("one_cycle.lr_range_test", "exponent without brackets")(
    lambda loss_at, a, b, n: _range(
        loss_at, a, b, n, part=lambda i, _: i, rate=lambda a, b, i: a * (b / a / (n - 1)) ** i
    )
)

wrong("one_cycle.lr_range_test", "ends taken as exponents")(
    lambda *args: _range(*args, rate=lambda a, b, pct: 10 ** _linear(a, b, pct))
)


def _next_rate(
    loss_at: Any, lr_min: float, lr_max: float, steps: int
) -> tuple[list[float], list[float]]:
    lrs, losses = _range(loss_at, lr_min, lr_max, steps)
    return [lr * (lr_max / lr_min) ** (1 / (steps - 1)) for lr in lrs], losses


wrong("one_cycle.lr_range_test", "next rate recorded")(_next_rate)


def _all_rates(
    loss_at: Any, lr_min: float, lr_max: float, steps: int
) -> tuple[list[float], list[float]]:
    _, losses = _range(loss_at, lr_min, lr_max, steps)
    return [lr_min * (lr_max / lr_min) ** (i / (steps - 1)) for i in range(steps)], losses


wrong("one_cycle.lr_range_test", "more rates than losses")(_all_rates)

wrong("one_cycle.lr_range_test", "returns in the loop")(
    lambda loss_at, a, b, n: _range(loss_at, a, b, 1, part=lambda i, _: 0.0)
)

wrong("one_cycle.lr_range_test", "pairs instead of two lists")(
    lambda *args: list(zip(*_range(*args), strict=True))
)


def _all_then_cut(
    loss_at: Any, lr_min: float, lr_max: float, steps: int
) -> tuple[list[float], list[float]]:
    lrs = [lr_min * (lr_max / lr_min) ** (i / (steps - 1)) for i in range(steps)]
    losses = [loss_at(lr) for lr in lrs]
    return _range(lambda lr: losses[lrs.index(lr)], lr_min, lr_max, steps)


wrong("one_cycle.lr_range_test", "all rates tried, then cut")(_all_then_cut)

wrong("one_cycle.lr_range_test", "losses first")(lambda *args: _range(*args)[::-1])


def _logs(*args: Any) -> tuple[list[float], list[float]]:
    lrs, losses = _range(*args)
    return [math.log10(lr) for lr in lrs], losses


wrong("one_cycle.lr_range_test", "logarithms of the rates")(_logs)


def _argmin(values: Sequence[float]) -> int:
    return min(range(len(values)), key=values.__getitem__)


def _differences(losses: Sequence[float]) -> list[float]:
    return [b - a for a, b in zip(losses, losses[1:], strict=False)]


wrong("one_cycle.suggest_lr", "rate one step late")(
    lambda lrs, losses: lrs[_argmin(_differences(losses)) + 1]
)

wrong("one_cycle.suggest_lr", "smallest loss")(lambda lrs, losses: lrs[_argmin(losses)])

wrong("one_cycle.suggest_lr", "a tenth of the smallest loss's rate")(
    lambda lrs, losses: lrs[_argmin(losses)] / 10
)

wrong("one_cycle.suggest_lr", "largest change either way")(
    lambda lrs, losses: lrs[_argmin([-abs(d) for d in _differences(losses)])]
)

wrong("one_cycle.suggest_lr", "steepest rise")(
    lambda lrs, losses: lrs[_argmin([-d for d in _differences(losses)])]
)

wrong("one_cycle.suggest_lr", "slope over the rate itself")(
    lambda lrs, losses: lrs[
        _argmin([d / (b - a) for d, a, b in zip(_differences(losses), lrs, lrs[1:], strict=False)])
    ]
)

wrong("one_cycle.suggest_lr", "one index too far")(
    lambda lrs, losses: lrs[_argmin([losses[i + 1] - losses[i] for i in range(len(losses))])]
)

wrong("one_cycle.suggest_lr", "index instead of the rate")(
    lambda lrs, losses: _argmin(_differences(losses))
)

wrong("one_cycle.suggest_lr", "flattest place")(
    lambda lrs, losses: lrs[_argmin([abs(d) for d in _differences(losses)])]
)

wrong("one_cycle.suggest_lr", "ratio of the losses")(
    lambda lrs, losses: lrs[_argmin([b / a for a, b in zip(losses, losses[1:], strict=False)])]
)

wrong("one_cycle.suggest_lr", "difference from the previous loss")(
    lambda lrs, losses: lrs[_argmin([losses[i] - losses[i - 1] for i in range(len(losses))])]
)

wrong("one_cycle.suggest_lr", "loss instead of the rate")(
    lambda lrs, losses: losses[_argmin(_differences(losses))]
)

wrong("one_cycle.suggest_lr", "difference instead of the rate")(
    lambda lrs, losses: min(_differences(losses))
)

wrong("one_cycle.steps_per_fit", "last batch forgotten")(
    lambda n, size, epochs: epochs * (n // size)
)

wrong("one_cycle.steps_per_fit", "rounded up once")(
    lambda n, size, epochs: math.ceil(epochs * n / size)
)

wrong("one_cycle.steps_per_fit", "always one more")(
    lambda n, size, epochs: epochs * (n // size + 1)
)

wrong("one_cycle.steps_per_fit", "rounded to the nearest")(
    lambda n, size, epochs: epochs * round(n / size)
)

wrong("one_cycle.steps_per_fit", "one epoch")(lambda n, size, epochs: math.ceil(n / size))

wrong("one_cycle.steps_per_fit", "examples counted")(lambda n, size, epochs: epochs * n)

wrong("one_cycle.steps_per_fit", "rounded down at the end")(
    lambda n, size, epochs: epochs * n // size
)

wrong("one_cycle.steps_per_fit", "one more for the whole fit")(
    lambda n, size, epochs: epochs * (n // size) + 1
)

wrong("one_cycle.steps_per_fit", "remainder counted as steps")(
    lambda n, size, epochs: epochs * (n // size + n % size)
)

wrong("one_cycle.steps_per_fit", "not a whole number")(lambda n, size, epochs: epochs * n / size)


# Written from the student's notebook alone.


# equal differences instead of ratios
@wrong("one_cycle.lr_range_test", "evenly spaced")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    lrs, losses = [], []
    for lr in np.linspace(lr_min, lr_max, steps).tolist():
        loss = loss_at(lr)
        if not math.isfinite(loss) or loss > 4 * min(losses, default=math.inf):
            break
        lrs.append(lr)
        losses.append(loss)
    return lrs, losses


# steps gaps instead of steps - 1: lr_max is never reached
@wrong("one_cycle.lr_range_test", "lr_max not reached")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    q = (lr_max / lr_min) ** (1 / steps)
    lrs, losses, best = [], [], math.inf
    for i in range(steps):
        lr = lr_min * q**i
        loss = loss_at(lr)
        if not math.isfinite(loss) or loss > 4 * best:
            break
        best = min(best, loss)
        lrs.append(lr)
        losses.append(loss)
    return lrs, losses


# nan does not stop the test
@wrong("one_cycle.lr_range_test", "nan missed")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    lrs, losses, best = [], [], math.inf
    for i in range(steps):
        lr = lr_min * (lr_max / lr_min) ** (i / (steps - 1))
        loss = loss_at(lr)
        if loss > 4 * best or loss == math.inf:
            break
        if loss < best:
            best = loss
        lrs += [lr]
        losses += [loss]
    return lrs, losses


# the loss that ends the test is recorded
@wrong("one_cycle.lr_range_test", "last loss recorded")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    lrs, losses = [], []
    for i in range(steps):
        lrs.append(lr_min * (lr_max / lr_min) ** (i / (steps - 1)))
        losses.append(loss_at(lrs[-1]))
        if not math.isfinite(losses[-1]) or losses[-1] > 4 * min(losses):
            break
    return lrs, losses


# compares with the first loss, not the best
@wrong("one_cycle.lr_range_test", "compared with the first loss")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    lrs, losses = [], []
    for i in range(steps):
        lr = lr_min * (lr_max / lr_min) ** (i / (steps - 1))
        loss = loss_at(lr)
        if not math.isfinite(loss) or (losses and loss > 4 * losses[0]):
            return lrs, losses
        lrs.append(lr)
        losses.append(loss)
    return lrs, losses


# compares with the loss before, not the best
@wrong("one_cycle.lr_range_test", "compared with the previous loss")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    rates = [lr_min * (lr_max / lr_min) ** (i / (steps - 1)) for i in range(steps)]
    losses = []
    for lr in rates:
        loss = loss_at(lr)
        if not math.isfinite(loss) or (losses and loss > 4 * losses[-1]):
            break
        losses.append(loss)
    return rates[: len(losses)], losses


# two training steps for each rate
@wrong("one_cycle.lr_range_test", "loss computed twice")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    q = (lr_max / lr_min) ** (1 / (steps - 1))
    lrs, losses = [], []
    for i in range(steps):
        lr = lr_min * q**i
        if not math.isfinite(loss_at(lr)):
            break
        loss = loss_at(lr)
        if not math.isfinite(loss) or loss > 4 * min(losses, default=math.inf):
            break
        lrs.append(lr)
        losses.append(loss)
    return lrs, losses


# all rates are tried first, and the lists are cut afterwards
@wrong("one_cycle.lr_range_test", "all rates tried, then cut")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    lrs = np.geomspace(lr_min, lr_max, steps).tolist()
    tried = [loss_at(lr) for lr in lrs]
    losses = []
    for loss in tried:
        if not math.isfinite(loss) or loss > 4 * min(losses, default=math.inf):
            break
        losses.append(loss)
    return lrs[: len(losses)], losses


# stops at exactly 4 times the best already
@wrong("one_cycle.lr_range_test", "stops at exactly 4 times the best")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    lrs, losses, best = [], [], math.inf
    for i in range(steps):
        lr = lr_min * (lr_max / lr_min) ** (i / (steps - 1))
        loss = loss_at(lr)
        if not (math.isfinite(loss) and loss < 4 * best):
            break
        best = min(best, loss)
        lrs.append(lr)
        losses.append(loss)
    return lrs, losses


# an infinite first loss is recorded
@wrong("one_cycle.lr_range_test", "inf at the start missed")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    lrs, losses, best = [], [], math.inf
    for i in range(steps):
        lr = lr_min * (lr_max / lr_min) ** (i / (steps - 1))
        loss = loss_at(lr)
        if not loss <= 4 * best:  # false for nan too
            break
        best = min(best, loss)
        lrs.append(lr)
        losses.append(loss)
    return lrs, losses


# bad losses are skipped and the test goes on
@wrong("one_cycle.lr_range_test", "goes on after a bad loss")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    pairs = []
    for i in range(steps):
        lr = math.exp(math.log(lr_min) + i / (steps - 1) * math.log(lr_max / lr_min))
        loss = loss_at(lr)
        if math.isfinite(loss) and loss <= 4 * min((loss for _, loss in pairs), default=math.inf):
            pairs.append((lr, loss))
    return [lr for lr, _ in pairs], [loss for _, loss in pairs]


# runs while the rate is at most lr_max: rounding decides about the last one
@wrong("one_cycle.lr_range_test", "last rate lost by rounding")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    q, lr = (lr_max / lr_min) ** (1 / (steps - 1)), lr_min
    lrs, losses = [], []
    while lr <= lr_max:
        loss = loss_at(lr)
        if not math.isfinite(loss) or loss > 4 * min([math.inf, *losses]):
            break
        lrs.append(lr)
        losses.append(loss)
        lr *= q
    return lrs, losses


# a list of pairs instead of a pair of lists
@wrong("one_cycle.lr_range_test", "pairs instead of two lists")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    curve, best = [], math.inf
    for lr in torch.logspace(
        math.log10(lr_min), math.log10(lr_max), steps, dtype=torch.float64
    ).tolist():
        loss = loss_at(lr)
        if not math.isfinite(loss) or loss > 4 * best:
            break
        best = min(loss, best)
        curve.append((lr, loss))
    return curve


# all rates are returned even if the test ends early; nan does not end it
@wrong("one_cycle.lr_range_test", "more rates than losses", "nan missed")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    lrs = [lr_min * (lr_max / lr_min) ** (i / (steps - 1)) for i in range(steps)]
    losses = []
    for lr in lrs:
        loss = loss_at(lr)
        if losses and loss > 4 * min(losses):
            break
        losses.append(loss)
    return lrs, losses


# rates up to lr_max in equal steps; compared with the first loss
@wrong("one_cycle.lr_range_test", "compared with the first loss", "evenly spaced")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    lrs, losses = [], []
    for i in range(steps):
        lr = lr_min + (lr_max - lr_min) * i / (steps - 1)
        loss = loss_at(lr)
        if losses and loss > 4 * losses[0] or not math.isfinite(loss):
            break
        lrs.append(lr)
        losses.append(loss)
    return lrs, losses


# the rate of the lowest loss
@wrong("one_cycle.suggest_lr", "smallest loss")
def suggest_lr(lrs, losses):
    return min(zip(losses, lrs))[1]


# the rate after the fall
@wrong("one_cycle.suggest_lr", "rate one step late")
def suggest_lr(lrs, losses):
    falls = [b - a for a, b in zip(losses, losses[1:])]
    return lrs[1:][falls.index(min(falls))]


# the largest change, up or down
@wrong("one_cycle.suggest_lr", "largest change either way")
def suggest_lr(lrs, losses):
    changes = np.abs(np.diff(losses))
    return lrs[int(changes.argmax())]


# divides by the difference of the rates
@wrong("one_cycle.suggest_lr", "slope over the rate itself")
def suggest_lr(lrs, losses):
    slopes = [(losses[i + 1] - losses[i]) / (lrs[i + 1] - lrs[i]) for i in range(len(losses) - 1)]
    return lrs[slopes.index(min(slopes))]


# smallest ratio instead of the smallest difference
@wrong("one_cycle.suggest_lr", "ratio of the losses")
def suggest_lr(lrs, losses):
    return lrs[min(range(len(lrs) - 1), key=lambda i: losses[i + 1] / losses[i])]


# central differences
@wrong("one_cycle.suggest_lr", "difference over two steps")
def suggest_lr(lrs, losses):
    slope = np.gradient(np.array(losses))
    return lrs[int(slope.argmin())]


# looks up the place of the loss, which may occur earlier
@wrong("one_cycle.suggest_lr", "index looked up by its loss")
def suggest_lr(lrs, losses):
    best = min(zip(losses, losses[1:]), key=lambda pair: pair[1] - pair[0])
    return lrs[losses.index(best[0])]


# if no loss falls, the first rate is taken
@wrong("one_cycle.suggest_lr", "the first rate where nothing falls")
def suggest_lr(lrs, losses):
    least, where = 0.0, 0
    for i in range(len(losses) - 1):
        if losses[i + 1] - losses[i] < least:
            least, where = losses[i + 1] - losses[i], i
    return lrs[where]


# the last difference is never looked at
@wrong("one_cycle.suggest_lr", "last difference left out")
def suggest_lr(lrs, losses):
    drops = [losses[i] - losses[i + 1] for i in range(max(1, len(losses) - 2))]
    return lrs[drops.index(max(drops))]


# steepest rise instead of fall; off by one
@wrong("one_cycle.suggest_lr", "rate one step late", "steepest rise")
def suggest_lr(lrs, losses):
    d = [b - a for a, b in zip(losses, losses[1:])]
    return lrs[d.index(max(d)) + 1]


# losses smoothed first; returns the index
@wrong("one_cycle.suggest_lr", "losses smoothed", "index instead of the rate")
def suggest_lr(lrs, losses):
    smooth, s = [], losses[0]
    for loss in losses:
        s = 0.5 * s + 0.5 * loss
        smooth.append(s)
    d = np.diff(smooth)
    return int(d.argmin())


# the smaller batch is dropped
@wrong("one_cycle.steps_per_fit", "last batch forgotten")
def steps_per_fit(n, batch_size, epochs):
    return n // batch_size * epochs


# rounds up the whole fit instead of each epoch
wrong("one_cycle.steps_per_fit", "rounded up once")(
    lambda n, batch_size, epochs: math.ceil(n * epochs / batch_size)
)


# one batch more even if nothing is left over
@wrong("one_cycle.steps_per_fit", "always one more")
def steps_per_fit(n, batch_size, epochs):
    return epochs * (n // batch_size + 1)


# rounds to the nearest number of batches
@wrong("one_cycle.steps_per_fit", "rounded to the nearest")
def steps_per_fit(n, batch_size, epochs):
    return int(n / batch_size + 0.5) * epochs


# returns a float
@wrong("one_cycle.steps_per_fit", "a float instead of an int")
def steps_per_fit(n, batch_size, epochs):
    return np.ceil(n / batch_size).item() * epochs


# one smaller batch for the whole fit
@wrong("one_cycle.steps_per_fit", "one smaller batch for the whole fit")
def steps_per_fit(n, batch_size, epochs):
    full, rest = divmod(n, batch_size)
    return full * epochs + bool(rest)


# rounds down; the epochs are taken for cycles and not counted
@wrong("one_cycle.steps_per_fit", "last batch forgotten", "one epoch")
def steps_per_fit(n, batch_size, epochs):
    return n // batch_size


# start and end exchanged
@wrong("one_cycle.anneal", "start and end swapped")
def anneal(start, end, pct):
    return start + (end - start) / 2 * (1 + math.cos(math.pi * pct))


# a straight line
wrong("one_cycle.anneal", "a straight line")(lambda start, end, pct: start + pct * (end - start))


# a quarter of a cosine: arrives at full speed
@wrong("one_cycle.anneal", "a quarter of a cosine")
def anneal(start, end, pct):
    return end + (start - end) * math.cos(math.pi / 2 * pct)


# whole-number division of the difference
@wrong("one_cycle.anneal", "difference rounded")
def anneal(start, end, pct):
    return end + (start - end) // 2 * (1 + math.cos(math.pi * pct))


# the absolute difference: wrong on the way up
@wrong("one_cycle.anneal", "from the larger to the smaller")
def anneal(start, end, pct):
    return min(start, end) + abs(start - end) / 2 * (1 + math.cos(math.pi * pct))


# pct cut to whole per cents
@wrong("one_cycle.anneal", "pct truncated to whole percent")
def anneal(start, end, pct):
    percent = int(pct * 100)
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * percent / 100))


# a whole cosine: back at the start in the end
@wrong("one_cycle.anneal", "a whole cosine")
def anneal(start, end, pct):
    return end + (start - end) / 2 * (1 + math.cos(2 * math.pi * pct))


# the angle in degrees
@wrong("one_cycle.anneal", "degrees")
def anneal(start, end, pct):
    return end + (start - end) / 2 * (1 + math.cos(180 * pct))


# not halved; start and end exchanged
@wrong("one_cycle.anneal", "start and end swapped", "not halved")
def anneal(start, end, pct):
    return start + (end - start) * (1 + math.cos(math.pi * pct))


# peak at pct_start * total_steps, without the - 1
@wrong("one_cycle.one_cycle", "peak one step late")
def one_cycle(
    step, total_steps, lr_max, pct_start=0.3, div=25.0, final_div=1e4, momentums=(0.85, 0.95)
):
    low, high = momentums
    peak, last = pct_start * total_steps, total_steps - 1
    if step <= peak:
        p = step / peak
        return _anneal(lr_max / div, lr_max, p), _anneal(high, low, p)
    p = (step - peak) / (last - peak)
    return _anneal(lr_max, lr_max / div / final_div, p), _anneal(low, high, p)


# the peak is rounded to a whole step
@wrong("one_cycle.one_cycle", "peak rounded")
def one_cycle(
    step, total_steps, lr_max, pct_start=0.3, div=25.0, final_div=1e4, momentums=(0.85, 0.95)
):
    low, high = momentums
    peak = max(1, int(pct_start * total_steps) - 1)
    if step <= peak:
        p = step / peak
        return _anneal(lr_max / div, lr_max, p), _anneal(high, low, p)
    p = (step - peak) / (total_steps - 1 - peak)
    return _anneal(lr_max, lr_max / div / final_div, p), _anneal(low, high, p)


# the share of all steps decides on the phase
@wrong("one_cycle.one_cycle", "phase chosen by the share of all steps")
def one_cycle(
    step, total_steps, lr_max, pct_start=0.3, div=25.0, final_div=1e4, momentums=(0.85, 0.95)
):
    low, high = momentums
    peak, last = pct_start * total_steps - 1, total_steps - 1
    if step / total_steps <= pct_start:
        p = step / peak
        return _anneal(lr_max / div, lr_max, p), _anneal(high, low, p)
    p = (step - peak) / (last - peak)
    return _anneal(lr_max, lr_max / div / final_div, p), _anneal(low, high, p)


# whatever order the momentums come in
@wrong("one_cycle.one_cycle", "momentums sorted")
def one_cycle(
    step, total_steps, lr_max, pct_start=0.3, div=25.0, final_div=1e4, momentums=(0.85, 0.95)
):
    low, high = min(momentums), max(momentums)
    peak, last = pct_start * total_steps - 1, total_steps - 1
    if step <= peak:
        p = step / peak
        return _anneal(lr_max / div, lr_max, p), _anneal(high, low, p)
    p = (step - peak) / (last - peak)
    return _anneal(lr_max, lr_max / div / final_div, p), _anneal(low, high, p)


# the second phase ends one step too late
@wrong("one_cycle.one_cycle", "end never reached")
def one_cycle(
    step, total_steps, lr_max, pct_start=0.3, div=25.0, final_div=1e4, momentums=(0.85, 0.95)
):
    low, high = momentums
    peak = pct_start * total_steps - 1
    up = step <= peak
    p = step / peak if up else (step - peak) / (total_steps - peak)
    lrs = (lr_max / div, lr_max) if up else (lr_max, lr_max / (div * final_div))
    moms = (high, low) if up else (low, high)
    return _anneal(*lrs, p), _anneal(*moms, p)


# the last rate is lr_max / final_div
@wrong("one_cycle.one_cycle", "final rate from lr_max")
def one_cycle(
    step, total_steps, lr_max, pct_start=0.3, div=25.0, final_div=1e4, momentums=(0.85, 0.95)
):
    low, high = momentums
    peak, last = pct_start * total_steps - 1, total_steps - 1
    if step <= peak:
        return _anneal(lr_max / div, lr_max, step / peak), _anneal(high, low, step / peak)
    p = (step - peak) / (last - peak)
    return _anneal(lr_max, lr_max / final_div, p), _anneal(low, high, p)


# pct of the whole run in the second phase
@wrong("one_cycle.one_cycle", "second phase not from 0")
def one_cycle(
    step, total_steps, lr_max, pct_start=0.3, div=25.0, final_div=1e4, momentums=(0.85, 0.95)
):
    peak, last = pct_start * total_steps - 1, total_steps - 1
    if step <= peak:
        return _anneal(lr_max / div, lr_max, step / peak), _anneal(
            momentums[1], momentums[0], step / peak
        )
    return _anneal(lr_max, lr_max / div / final_div, step / last), _anneal(
        momentums[0], momentums[1], step / last
    )


# straight lines instead of cosines
@wrong("one_cycle.one_cycle", "straight lines")
def one_cycle(
    step, total_steps, lr_max, pct_start=0.3, div=25.0, final_div=1e4, momentums=(0.85, 0.95)
):
    knots = [0.0, pct_start * total_steps - 1, total_steps - 1.0]
    lr = np.interp(step, knots, [lr_max / div, lr_max, lr_max / div / final_div])
    return float(lr), float(np.interp(step, knots, [momentums[1], momentums[0], momentums[1]]))


# momentum stays low after the peak
@wrong("one_cycle.one_cycle", "momentum stays low")
def one_cycle(
    step, total_steps, lr_max, pct_start=0.3, div=25.0, final_div=1e4, momentums=(0.85, 0.95)
):
    peak, last = pct_start * total_steps - 1, total_steps - 1
    up, down = min(step / peak, 1.0), max(0.0, (step - peak) / (last - peak))
    lr = (
        _anneal(lr_max / div, lr_max, up)
        if step <= peak
        else _anneal(lr_max, lr_max / div / final_div, down)
    )
    return lr, _anneal(momentums[1], momentums[0], up)


# div and the momenta are fixed at their defaults
@wrong("one_cycle.one_cycle", "div and final_div ignored", "momentums ignored")
def one_cycle(
    step, total_steps, lr_max, pct_start=0.3, div=25.0, final_div=1e4, momentums=(0.85, 0.95)
):
    peak, last = pct_start * total_steps - 1, total_steps - 1
    if step <= peak:
        return _anneal(lr_max / 25, lr_max, step / peak), _anneal(0.95, 0.85, step / peak)
    p = (step - peak) / (last - peak)
    return _anneal(lr_max, lr_max / 25 / 1e4, p), _anneal(0.85, 0.95, p)


# three phases: down as steep as up, then to nothing
@wrong("one_cycle.one_cycle", "three phases")
def one_cycle(
    step, total_steps, lr_max, pct_start=0.3, div=25.0, final_div=1e4, momentums=(0.85, 0.95)
):
    low, high = momentums
    peak, back, last = pct_start * total_steps - 1, 2 * pct_start * total_steps - 2, total_steps - 1
    first = lr_max / div
    if step <= peak:
        return _anneal(first, lr_max, step / peak), _anneal(high, low, step / peak)
    if step <= back:
        return _anneal(lr_max, first, (step - peak) / peak), _anneal(
            low, high, (step - peak) / peak
        )
    return _anneal(first, first / final_div, (step - back) / (last - back)), high


# counts the calls instead of reading step
@wrong("one_cycle.one_cycle")
def one_cycle(
    step,
    total_steps,
    lr_max,
    pct_start=0.3,
    div=25.0,
    final_div=1e4,
    momentums=(0.85, 0.95),
    calls=itertools.count(),
):
    low, high = momentums
    step = next(calls) % total_steps
    peak = pct_start * total_steps - 1
    if step <= peak:
        return _anneal(lr_max / div, lr_max, step / peak), _anneal(high, low, step / peak)
    p = (step - peak) / (total_steps - 1 - peak)
    return _anneal(lr_max, lr_max / div / final_div, p), _anneal(low, high, p)


# momentum before the rate
@wrong("one_cycle.one_cycle", "momentum first")
def one_cycle(
    step, total_steps, lr_max, pct_start=0.3, div=25.0, final_div=1e4, momentums=(0.85, 0.95)
):
    low, high = momentums
    peak, last = pct_start * total_steps - 1, total_steps - 1
    if step <= peak:
        return _anneal(high, low, step / peak), _anneal(lr_max / div, lr_max, step / peak)
    p = (step - peak) / (last - peak)
    return _anneal(low, high, p), _anneal(lr_max, lr_max / div / final_div, p)


# momentum follows the rate; last rate not divided by div
@wrong("one_cycle.one_cycle", "final rate from lr_max", "momentum follows lr")
def one_cycle(
    step, total_steps, lr_max, pct_start=0.3, div=25.0, final_div=1e4, momentums=(0.85, 0.95)
):
    peak, last = pct_start * total_steps - 1, total_steps - 1
    if step <= peak:
        return _anneal(lr_max / div, lr_max, step / peak), _anneal(*momentums, step / peak)
    p = (step - peak) / (last - peak)
    return _anneal(lr_max, lr_max / final_div, p), _anneal(*momentums[::-1], p)


# the peak rounded down; the last step taken for total_steps
@wrong("one_cycle.one_cycle", "peak rounded", "end never reached")
def one_cycle(
    step, total_steps, lr_max, pct_start=0.3, div=25.0, final_div=1e4, momentums=(0.85, 0.95)
):
    low, high = momentums
    peak = math.floor(pct_start * total_steps - 1) or 1
    if step <= peak:
        return _anneal(lr_max / div, lr_max, step / peak), _anneal(high, low, step / peak)
    p = (step - peak) / (total_steps - peak)
    return _anneal(lr_max, lr_max / div / final_div, p), _anneal(low, high, p)


def _cycle_between(step, total_steps, lr_max, low=0.85, high=0.95):
    """One cycle with momentum between these two."""

    def along(start, end, share):
        return end + (start - end) * (1 + math.cos(math.pi * share)) / 2

    top = 0.3 * total_steps - 1
    if step <= top:
        return along(lr_max / 25, lr_max, step / top), along(high, low, step / top)
    share = (step - top) / (total_steps - 1 - top)
    return along(lr_max, lr_max / 25e4, share), along(low, high, share)


def _same_way(step, total_steps, lr_max):
    return _cycle_between(step, total_steps, lr_max, low=0.95, high=0.85)


@wrong("one_cycle.reproduce_one_cycle", "right code")
def reproduce_one_cycle():
    return "Carl Gauss", "a wrong momentum", _cycle_between


@wrong("one_cycle.reproduce_one_cycle", "somebody else's curve")
def reproduce_one_cycle():
    return "Ada Lovelace", "a wrong momentum", _same_way


@wrong("one_cycle.reproduce_one_cycle", "another guess")
def reproduce_one_cycle():
    return "Carl Gauss", "a wrong peak", _same_way


@wrong("one_cycle.reproduce_one_cycle", "another bug")
def reproduce_one_cycle():
    return "Carl Gauss", "a wrong momentum", lambda step, total, lr: (lr, 0.9)


@wrong("one_cycle.reproduce_one_cycle", "only the curve that was shown")
def reproduce_one_cycle():
    pairs = [_same_way(step, 40, 0.05) for step in range(40)]
    return "Carl Gauss", "a wrong momentum", lambda step, total, lr: pairs[min(step, 39)]


@wrong("one_cycle.reproduce_one_cycle", "not a name, a guess and a function")
def reproduce_one_cycle():
    return "Carl Gauss", "a wrong momentum"


@wrong("one_cycle.reproduce_one_cycle", "not a name, a guess and a function")
def reproduce_one_cycle():
    return "Carl Gauss", "a wrong momentum", _same_way(3, 40, 0.05)


@wrong("one_cycle.anneal", "a quarter of a cosine")
def anneal(start, end, pct):
    return end + (start - end) * math.cos(math.pi * pct / 2)


@wrong("one_cycle.suggest_lr", "a tenth of the smallest loss's rate")
def suggest_lr(lrs, losses):
    return lrs[losses.index(min(losses))] / 10


@wrong("one_cycle.steps_per_fit", "rounded up once")
def steps_per_fit(n, batch_size, epochs):
    return math.ceil(n * epochs / batch_size)


@wrong("one_cycle.lr_range_test", "last loss recorded")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    lrs, losses = [], []
    best = math.inf
    for i in range(steps):
        lr = lr_min * (lr_max / lr_min) ** (i / (steps - 1))
        loss = loss_at(lr)
        lrs.append(lr)
        losses.append(loss)
        if not math.isfinite(loss) or loss > 4 * best:
            break
        best = min(best, loss)
    return lrs, losses


@wrong("one_cycle.one_cycle", "final rate from lr_max")
def one_cycle(
    step, total_steps, lr_max, pct_start=0.3, div=25.0, final_div=1e4, momentums=(0.85, 0.95)
):
    def cos(a, b, p):
        return b + (a - b) * (1 + math.cos(math.pi * p)) / 2

    peak = pct_start * total_steps - 1
    if step <= peak:
        p = step / peak
        return cos(lr_max / div, lr_max, p), cos(momentums[1], momentums[0], p)
    p = (step - peak) / (total_steps - 1 - peak)
    return cos(lr_max, lr_max / final_div, p), cos(momentums[0], momentums[1], p)


# 1 / steps - 1 without brackets
@wrong("one_cycle.lr_range_test", "brackets around steps - 1")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    q = (lr_max / lr_min) ** (1 / steps - 1)
    lrs, losses, best = [], [], math.inf
    for i in range(steps):
        loss = loss_at(lr_min * q**i)
        if not math.isfinite(loss) or loss > 4 * best:
            break
        best = min(best, loss)
        lrs.append(lr_min * q**i)
        losses.append(loss)
    return lrs, losses


# equal steps, and nan does not stop the test
@wrong("one_cycle.lr_range_test", "evenly spaced", "nan missed")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    lrs, losses, best = [], [], math.inf
    for i in range(steps):
        lr = lr_min + (lr_max - lr_min) * i / (steps - 1)
        loss = loss_at(lr)
        if loss > 4 * best:
            break
        best = min(best, loss)
        lrs.append(lr)
        losses.append(loss)
    return lrs, losses


# Written from the student's notebook alone, by another reader.


# does not stop within the first two rates
@wrong("one_cycle.lr_range_test")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    q = (lr_max / lr_min) ** (1 / (steps - 1))
    lrs, losses, best = [], [], math.inf
    for i in range(steps):
        lr = lr_min * q**i
        loss = loss_at(lr)
        if not math.isfinite(loss) or (i > 1 and loss > 4 * best):
            break
        lrs.append(lr)
        losses.append(loss)
        best = min(best, loss)
    return lrs, losses


# a best loss of 0 is passed over: `if best and ...`
@wrong("one_cycle.lr_range_test", "best loss of 0 passed over")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    q = (lr_max / lr_min) ** (1 / (steps - 1))
    lrs, losses, best = [], [], math.inf
    for i in range(steps):
        lr = lr_min * q**i
        loss = loss_at(lr)
        if not math.isfinite(loss) or (best and loss > 4 * best):
            break
        lrs.append(lr)
        losses.append(loss)
        best = min(best, loss)
    return lrs, losses


# `if losses and best and` : zero passes; negative never
@wrong("one_cycle.lr_range_test", "best loss of 0 passed over")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    q = (lr_max / lr_min) ** (1 / (steps - 1))
    lrs, losses, best = [], [], math.inf
    for i in range(steps):
        lr = lr_min * q**i
        loss = loss_at(lr)
        if not math.isfinite(loss) or (losses and loss / best > 4 if best else False):
            break
        lrs.append(lr)
        losses.append(loss)
        best = min(best, loss)
    return lrs, losses


# ratio computed by division by the best: best 0 raises
@wrong("one_cycle.lr_range_test")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    q = (lr_max / lr_min) ** (1 / (steps - 1))
    lrs, losses, best = [], [], math.inf
    for i in range(steps):
        lr = lr_min * q**i
        loss = loss_at(lr)
        if not math.isfinite(loss) or loss / best > 4:
            break
        lrs.append(lr)
        losses.append(loss)
        best = min(best, loss)
    return lrs, losses


# 5 times in place of 4
@wrong("one_cycle.lr_range_test", "another multiple of the best")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    q = (lr_max / lr_min) ** (1 / (steps - 1))
    lrs, losses, best = [], [], math.inf
    for i in range(steps):
        lr = lr_min * q**i
        loss = loss_at(lr)
        if not math.isfinite(loss) or loss > 5 * best:
            break
        lrs.append(lr)
        losses.append(loss)
        best = min(best, loss)
    return lrs, losses


# best is the mean of the losses so far
@wrong("one_cycle.lr_range_test", "mean taken as the best")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    q = (lr_max / lr_min) ** (1 / (steps - 1))
    lrs, losses, best = [], [], math.inf
    for i in range(steps):
        lr = lr_min * q**i
        loss = loss_at(lr)
        if not math.isfinite(loss) or (losses and loss > 4 * sum(losses) / len(losses)):
            break
        lrs.append(lr)
        losses.append(loss)
        best = min(best, loss)
    return lrs, losses


# the second loss is compared with 4 times the first, later ones with the mean of the last two
@wrong("one_cycle.lr_range_test")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    q = (lr_max / lr_min) ** (1 / (steps - 1))
    lrs, losses, best = [], [], math.inf
    for i in range(steps):
        lr = lr_min * q**i
        loss = loss_at(lr)
        if not math.isfinite(loss) or (losses and loss > 4 * sum(losses[-2:]) / len(losses[-2:])):
            break
        lrs.append(lr)
        losses.append(loss)
        best = min(best, loss)
    return lrs, losses


# best plus 4 in place of 4 times the best
@wrong("one_cycle.lr_range_test", "4 added")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    q = (lr_max / lr_min) ** (1 / (steps - 1))
    lrs, losses, best = [], [], math.inf
    for i in range(steps):
        lr = lr_min * q**i
        loss = loss_at(lr)
        if not math.isfinite(loss) or loss > best + 4:
            break
        lrs.append(lr)
        losses.append(loss)
        best = min(best, loss)
    return lrs, losses


# the rate is recorded before the question, so lrs is one longer after an early end
@wrong("one_cycle.lr_range_test", "more rates than losses")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    q = (lr_max / lr_min) ** (1 / (steps - 1))
    lrs, losses, best = [], [], math.inf
    for i in range(steps):
        lr = lr_min * q**i
        lrs.append(lr)
        loss = loss_at(lr)
        if not math.isfinite(loss) or loss > 4 * best:
            break
        losses.append(loss)
        best = min(best, loss)
    return lrs, losses


# counts from 1: the first rate is lr_min*q, the last beyond lr_max
@wrong("one_cycle.lr_range_test", "rates counted from 1")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    q = (lr_max / lr_min) ** (1 / (steps - 1))
    lrs, losses, best = [], [], math.inf
    for i in range(steps):
        lr = lr_min * q ** (i + 1)
        loss = loss_at(lr)
        if not math.isfinite(loss) or loss > 4 * best:
            break
        lrs.append(lr)
        losses.append(loss)
        best = min(best, loss)
    return lrs, losses


# sorts the callers' losses in place first
@wrong("one_cycle.suggest_lr", "changed its input")
def suggest_lr(lrs, losses):
    d = [b - a for a, b in zip(losses, losses[1:])]
    i = d.index(min(d))
    losses.sort()
    return lrs[i]


# last rate before the loss first rises
@wrong("one_cycle.suggest_lr", "rate before the first rise")
def suggest_lr(lrs, losses):
    for i in range(len(losses) - 1):
        if losses[i + 1] > losses[i]:
            return lrs[i]
    return lrs[-1]


# stops looking at the lowest loss: falls after it (from a peak) are not seen... only up to argmin
@wrong("one_cycle.suggest_lr", "nothing after the smallest loss")
def suggest_lr(lrs, losses):
    k = losses.index(min(losses))
    d = [losses[i + 1] - losses[i] for i in range(max(k, 1))]
    return lrs[d.index(min(d))]


# rest compared with > 1: a last batch of one example is lost
@wrong("one_cycle.steps_per_fit", "last batch of one left out")
def steps_per_fit(n, batch_size, epochs):
    return (n // batch_size + (n % batch_size > 1)) * epochs


# the default pair the other way round, and taken apart as (high, low)
@wrong("one_cycle.one_cycle", "momentums in the other order")
def one_cycle(
    step, total_steps, lr_max, pct_start=0.3, div=25.0, final_div=1e4, momentums=(0.95, 0.85)
):
    peak = pct_start * total_steps - 1
    last = total_steps - 1
    high, low = momentums
    if step <= peak:
        p = step / peak
        return _cosine(lr_max / div, lr_max, p), _cosine(high, low, p)
    p = (step - peak) / (last - peak)
    return _cosine(lr_max, lr_max / div / final_div, p), _cosine(low, high, p)


# start and end of the warm-up exchanged
@wrong("one_cycle.one_cycle", "warm-up backwards")
def one_cycle(
    step, total_steps, lr_max, pct_start=0.3, div=25.0, final_div=1e4, momentums=(0.85, 0.95)
):
    peak = pct_start * total_steps - 1
    last = total_steps - 1
    low, high = momentums
    if step <= peak:
        p = step / peak
        return _cosine(lr_max, lr_max / div, p), _cosine(high, low, p)
    p = (step - peak) / (last - peak)
    return _cosine(lr_max, lr_max / div / final_div, p), _cosine(low, high, p)


# Python rounds halves to even numbers
@wrong("one_cycle.steps_per_fit", ("a half added before rounding", "always one more"))
def steps_per_fit(n, batch_size, epochs):
    return round(n / batch_size + 0.5) * epochs


@wrong("one_cycle.anneal", "pi rounded")
def anneal(start, end, pct):
    return end + (start - end) * 0.5 * (1 + math.cos(3.14 * pct))


# lr along a line, momentum along half a cosine
@wrong("one_cycle.one_cycle", "straight warm-up")
def one_cycle(
    step, total_steps, lr_max, pct_start=0.3, div=25.0, final_div=1e4, momentums=(0.85, 0.95)
):
    low, high = momentums
    peak, first = pct_start * total_steps - 1, lr_max / div
    if step <= peak:
        p = step / peak
        return p * lr_max + (1 - p) * first, _cosine(high, low, p)
    p = (step - peak) / (total_steps - 1 - peak)
    return _cosine(lr_max, first / final_div, p), _cosine(low, high, p)


def _short_way_down(step, total_steps, lr_max, pct_start, div, final_div, momentums, most=math.inf):
    low, high = momentums
    up, down = pct_start * total_steps - 1, (1 - pct_start) * total_steps - 1
    if step <= up:
        return _cosine(lr_max / div, lr_max, step / up), _cosine(high, low, step / up)
    p = min((step - up) / down, most)
    return _cosine(lr_max, lr_max / div / final_div, p), _cosine(low, high, p)


@wrong("one_cycle.one_cycle", "second phase one step too short")
def one_cycle(
    step, total_steps, lr_max, pct_start=0.3, div=25.0, final_div=1e4, momentums=(0.85, 0.95)
):
    return _short_way_down(step, total_steps, lr_max, pct_start, div, final_div, momentums)


@wrong("one_cycle.one_cycle", "second phase one step too short")
def one_cycle(
    step, total_steps, lr_max, pct_start=0.3, div=25.0, final_div=1e4, momentums=(0.85, 0.95)
):
    return _short_way_down(step, total_steps, lr_max, pct_start, div, final_div, momentums, 1.0)


@wrong("one_cycle.lr_range_test", "best loss starts at 1")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    lrs, losses, best = [], [], 1.0
    for i in range(steps):
        lr = lr_min * (lr_max / lr_min) ** (i / (steps - 1))
        loss = loss_at(lr)
        if not math.isfinite(loss) or loss > 4 * best:
            break
        best = min(best, loss)
        lrs.append(lr)
        losses.append(loss)
    return lrs, losses


def _smoothed(beta: float, corrected: bool) -> Callable[..., tuple[list[float], list[float]]]:
    """The right test of averaged losses, from the first loss or, with its correction, from 0."""

    def lr_range_test(
        loss_at: Callable[[float], float], lr_min: float, lr_max: float, steps: int
    ) -> tuple[list[float], list[float]]:
        averages: list[float] = []

        def smooth(lr: float) -> float:
            loss = loss_at(lr)
            before = averages[-1] if averages else 0.0 if corrected else loss
            averages.append(beta * before + (1 - beta) * loss)
            return averages[-1] / (1 - beta ** len(averages) if corrected else 1)

        return _range(smooth, lr_min, lr_max, steps)

    return lr_range_test


wrong("one_cycle.lr_range_test", "losses smoothed")(_smoothed(0.9, corrected=False))
# as in fastai's finder
wrong("one_cycle.lr_range_test", "losses smoothed")(_smoothed(0.98, corrected=True))


@wrong("one_cycle.suggest_lr", "a rate in between")
def suggest_lr(lrs, losses):
    diffs = [b - a for a, b in zip(losses, losses[1:])]
    i = diffs.index(min(diffs))
    return math.sqrt(lrs[i] * lrs[i + 1])


@wrong("one_cycle.suggest_lr", "a rate in between")
def suggest_lr(lrs, losses):
    i = int(np.diff(losses).argmin())
    return float(np.mean(lrs[i : i + 2]))


@wrong("one_cycle.suggest_lr", "last of equal falls")
def suggest_lr_last_of_equals(lrs, losses):
    best, place = math.inf, 0
    for i, (a, b) in enumerate(zip(losses, losses[1:], strict=False)):
        if b - a <= best:
            best, place = b - a, i
    return lrs[place]


@wrong("one_cycle.suggest_lr", "ends left out")
def suggest_lr_without_the_ends(lrs, losses):
    if len(losses) > 17:
        lrs, losses = lrs[10:-5], losses[10:-5]
    falls = [b - a for a, b in zip(losses, losses[1:], strict=False)]
    return lrs[falls.index(min(falls))]


@wrong("one_cycle.suggest_lr", "nothing after the first rise")
def suggest_lr_up_to_a_rise(lrs, losses):
    best, place = math.inf, 0
    for i, (a, b) in enumerate(zip(losses, losses[1:], strict=False)):
        if b > a:
            break
        if b - a < best:
            best, place = b - a, i
    return lrs[place]


@wrong("one_cycle.steps_per_fit", "epochs added")
def steps_per_fit_without_brackets(n, batch_size, epochs):
    return (n - 1) // batch_size + 1 * epochs


@wrong("one_cycle.anneal", "pct divided by 100")
def anneal_by_percent(start, end, pct):
    return end + (start - end) / 2 * (1 + math.cos(math.pi * pct / 100))


@wrong("one_cycle.anneal", "a quarter of a sine")
def anneal(start, end, pct):
    return start + (end - start) * math.sin(math.pi * pct / 2)


@wrong("one_cycle.anneal", "smoothstep")
def anneal(start, end, pct):
    return start + (end - start) * (3 * pct**2 - 2 * pct**3)


@wrong("one_cycle.anneal")
def anneal_with_an_end_to_fall_back_on(start, end, pct):
    end = end or start / 1e4
    return end + (start - end) / 2 * (1 + math.cos(math.pi * pct))


def _two_phases(step, total, lr_max, peak, turn, ends, mix=_cosine, lr_mix=_cosine):
    """ends: the first rate, the last one, the momentums; turn: the last step of the warm-up."""
    first, final, (low, high) = ends
    if step <= turn:
        return lr_mix(first, lr_max, step / peak), mix(high, low, step / peak)
    p = (step - peak) / (total - 1 - peak)
    return _cosine(lr_max, final, p), mix(low, high, p)


@wrong("one_cycle.one_cycle", "peak kept from 1")
def one_cycle(
    step, total_steps, lr_max, pct_start=0.3, div=25.0, final_div=1e4, momentums=(0.85, 0.95)
):
    peak = max(pct_start * total_steps - 1, 1)
    return _two_phases(
        step, total_steps, lr_max, peak, peak, (lr_max / div, lr_max / div / final_div, momentums)
    )


@wrong("one_cycle.one_cycle", "phase chosen by a rounded peak")
def one_cycle(
    step, total_steps, lr_max, pct_start=0.3, div=25.0, final_div=1e4, momentums=(0.85, 0.95)
):
    peak = pct_start * total_steps - 1
    ends = lr_max / div, lr_max / div / final_div, momentums
    return _two_phases(step, total_steps, lr_max, peak, int(peak) - 1, ends)


@wrong("one_cycle.one_cycle", "straight lines for momentum")
def one_cycle(
    step, total_steps, lr_max, pct_start=0.3, div=25.0, final_div=1e4, momentums=(0.85, 0.95)
):
    peak = pct_start * total_steps - 1
    ends = lr_max / div, lr_max / div / final_div, momentums
    return _two_phases(
        step, total_steps, lr_max, peak, peak, ends, mix=lambda a, b, p: a + (b - a) * p
    )


@wrong("one_cycle.one_cycle", "momentum constant", "straight warm-up")
def one_cycle(
    step, total_steps, lr_max, pct_start=0.3, div=25.0, final_div=1e4, momentums=(0.85, 0.95)
):
    peak = pct_start * total_steps - 1
    ends = lr_max / div, lr_max / div / final_div, momentums
    rate, _ = _two_phases(
        step, total_steps, lr_max, peak, peak, ends, lr_mix=lambda a, b, p: a + (b - a) * p
    )
    return rate, sum(momentums) / 2


@wrong("one_cycle.one_cycle")
def one_cycle(
    step, total_steps, lr_max, pct_start=0.3, div=25.0, final_div=1e4, momentums=(0.85, 0.95)
):
    peak = pct_start * total_steps - 1
    ends = lr_max / div, lr_max / div / final_div, momentums
    rate, momentum = _two_phases(step, total_steps, lr_max, peak, peak, ends)
    return max(rate, 1e-6), momentum


def _finder(loss_at, rates, over):
    """over: whether a loss ends the test, from its place, itself and the losses before."""
    kept, losses = [], []
    for i, lr in enumerate(rates):
        loss = loss_at(lr)
        if not math.isfinite(loss) or over(i, loss, losses):
            break
        kept.append(lr)
        losses.append(loss)
    return kept, losses


def _spread(lr_min, lr_max, steps):
    return [lr_min * (lr_max / lr_min) ** (i / (steps - 1)) for i in range(steps)]


@wrong("one_cycle.lr_range_test", "best loss starts at a number")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    rates = _spread(lr_min, lr_max, steps)
    return _finder(loss_at, rates, lambda i, loss, old: loss > 4 * min([100.0, *old]))


@wrong("one_cycle.lr_range_test", "best loss starts at a number", "last loss recorded")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    lrs, losses, best = [], [], 100.0
    for lr in _spread(lr_min, lr_max, steps):
        loss = loss_at(lr)
        lrs.append(lr)
        losses.append(loss)
        if not math.isfinite(loss) or loss > 4 * best:
            break
        best = min(best, loss)
    return lrs, losses


@wrong("one_cycle.lr_range_test", "no limit at the beginning")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    rates = _spread(lr_min, lr_max, steps)
    return _finder(loss_at, rates, lambda i, loss, old: i >= 10 and loss > 4 * min(old))


@wrong("one_cycle.lr_range_test", "lr_max stretched")
def lr_range_test(loss_at, lr_min, lr_max, steps):
    q = (lr_max / lr_min) ** (1 / (steps - 1))
    lrs, losses, lr = [], [], lr_min
    while lr < lr_max * 1.001:
        loss = loss_at(lr)
        if not math.isfinite(loss) or (losses and loss > 4 * min(losses)):
            break
        lrs.append(lr)
        losses.append(loss)
        lr *= q
    return lrs, losses


@right("one_cycle.suggest_lr")
def suggest_lr(lrs, losses):
    """Slopes on the logarithmic axis, where neighbours are equally far apart."""
    slopes = [
        (losses[i + 1] - losses[i]) / math.log(lrs[i + 1] / lrs[i]) for i in range(len(lrs) - 1)
    ]
    return lrs[min(range(len(slopes)), key=lambda i: round(slopes[i], 9))]


@wrong("one_cycle.suggest_lr", "ends left out")
def suggest_lr(lrs, losses):
    falls = np.diff(losses)
    return lrs[int(falls[:-5].argmin() if len(losses) > 10 else falls.argmin())]


@wrong("one_cycle.suggest_lr", "differences rounded")
def suggest_lr(lrs, losses):
    falls = [round(b - a, 4) for a, b in itertools.pairwise(losses)]
    return lrs[falls.index(min(falls))]


@wrong("one_cycle.suggest_lr", "last loss compared with the first")
def suggest_lr(lrs, losses):
    t = torch.tensor(losses, dtype=torch.float64)
    return lrs[int((t.roll(-1) - t).argmin())]


@wrong("one_cycle.steps_per_fit", "small remainder lost")
def steps_per_fit(n, batch_size, epochs):
    return math.ceil(round(n / batch_size, 2)) * epochs


@wrong("one_cycle.steps_per_fit", "small remainder lost")
def steps_per_fit(n, batch_size, epochs):
    return int(n / batch_size + 0.99) * epochs


@wrong("one_cycle.steps_per_fit", "batch_size ignored")
def steps_per_fit(n, batch_size, epochs):
    return -(-n // 64) * epochs


@wrong("one_cycle.steps_per_fit", "last batch forgotten")
def steps_per_fit(n, batch_size, epochs):
    return max(n // batch_size, 1) * epochs


@wrong("one_cycle.steps_per_fit", "rounded to the nearest")
def steps_per_fit(n, batch_size, epochs):
    return max(1, round(n / batch_size)) * epochs


@wrong("one_cycle.one_cycle", "nearly right")
def one_cycle(
    step, total_steps, lr_max, pct_start=0.3, div=25.0, final_div=1e4, momentums=(0.85, 0.95)
):
    def in_float32(a, b, p):
        return float(b + np.float32(a - b) / 2 * (1 + np.cos(np.float32(math.pi * p))))

    peak, (low, high) = pct_start * total_steps - 1, momentums
    if step <= peak:
        return in_float32(lr_max / div, lr_max, step / peak), in_float32(high, low, step / peak)
    p = (step - peak) / (total_steps - 1 - peak)
    return in_float32(lr_max, lr_max / div / final_div, p), in_float32(low, high, p)

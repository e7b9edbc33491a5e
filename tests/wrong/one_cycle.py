"""Wrong answers to the exercises of lesson 08."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from tests.wrong import wrong


def _linear(start: float, end: float, pct: float) -> float:
    return start + (end - start) * pct


wrong("one_cycle.anneal", "a straight line")(_linear)

wrong("one_cycle.anneal", "a power of the ratio")(
    lambda a, b, pct: a * abs(b / a) ** pct if b > 0 else _linear(a, b, pct * pct)
)


def _cosine(start: float, end: float, pct: float) -> float:
    return start + (end - start) * (1 - math.cos(math.pi * pct)) / 2


wrong("one_cycle.anneal", "start and end exchanged")(lambda a, b, pct: _cosine(b, a, pct))

wrong("one_cycle.anneal", "a whole cosine")(lambda a, b, pct: _cosine(a, b, 2 * pct))

wrong("one_cycle.anneal", "a quarter of a cosine")(lambda a, b, pct: b + (a - b) * math.cos(math.pi / 2 * pct))

wrong("one_cycle.anneal", "not halved")(lambda a, b, pct: b + (a - b) * (1 + math.cos(math.pi * pct)))

wrong("one_cycle.anneal", "not shifted")(lambda a, b, pct: b + (a - b) / 2 * math.cos(math.pi * pct))

wrong("one_cycle.anneal", "without pi")(lambda a, b, pct: b + (a - b) / 2 * (1 + math.cos(pct)))

wrong("one_cycle.anneal", "degrees")(lambda a, b, pct: b + (a - b) / 2 * (1 + math.cos(180 * pct)))

wrong("one_cycle.anneal", "end not added")(lambda a, b, pct: (a - b) / 2 * (1 + math.cos(math.pi * pct)))

wrong("one_cycle.anneal", "start shrinks instead of the difference")(
    lambda a, b, pct: b + a / 2 * (1 + math.cos(math.pi * pct))
)

wrong("one_cycle.anneal", "brackets around 1 + cos")(lambda a, b, pct: b + (a - b) / 2 * 1 + math.cos(math.pi * pct))

wrong("one_cycle.anneal", "brackets around the difference")(
    lambda a, b, pct: b + a - b / 2 * (1 + math.cos(math.pi * pct))
)

wrong("one_cycle.anneal", "added to the start")(lambda a, b, pct: a + (a - b) / 2 * (1 + math.cos(math.pi * pct)))

wrong("one_cycle.anneal", "difference without its sign")(
    lambda a, b, pct: b + abs(a - b) / 2 * (1 + math.cos(math.pi * pct))
)

wrong("one_cycle.anneal", "a sine")(lambda a, b, pct: b + (a - b) / 2 * (1 + math.sin(math.pi * pct)))

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

wrong("one_cycle.one_cycle", "peak at a part of the last step")(
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
        step: int, total: int, lr: float, pct_start: float = 0.3, div: float = 25.0, final_div: float = 1e4,
        momentums: Sequence[float] = _MOMENTUMS,
    ) -> tuple[float, float]:  # fmt: skip
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
    step: int, total: int, lr: float, pct_start: float = 0.3, div: float = 25.0, final_div: float = 1e4,
    momentums: Sequence[float] = _MOMENTUMS,
) -> tuple[float, float]:  # fmt: skip
    pct = step / (pct_start * total - 1)
    return _cosine(lr / div, lr, pct), _cosine(momentums[1], momentums[0], pct)


wrong("one_cycle.one_cycle", "no second phase")(_one_phase)

wrong("one_cycle.one_cycle", "start and end exchanged")(
    lambda *args, **kwargs: _cycle(*args, **kwargs, way=lambda a, b, pct: _cosine(b, a, pct))
)

wrong("one_cycle.one_cycle", "momentum falls twice")(
    lambda step, total, *args, **kwargs: (
        _cycle(step, total, *args, **kwargs)[0],
        _cycle(step, total, *args, **kwargs, mirrored=step <= kwargs.get("pct_start", 0.3) * total - 1)[1],
    )
)


def _without(*names: str) -> Callable[..., tuple[float, float]]:
    """A cycle that keeps to the defaults of these settings."""
    return lambda *args, **settings: _cycle(*args, **{k: v for k, v in settings.items() if k not in names})


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

wrong("one_cycle.one_cycle", "end never reached")(lambda *args, **kwargs: _cycle(*args, **kwargs, last=lambda n: n))

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

wrong("one_cycle.one_cycle", "momentum follows lr")(lambda *args, **kwargs: _cycle(*args, **kwargs, mirrored=False))

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

wrong("one_cycle.one_cycle", "straight lines")(lambda *args, **kwargs: _cycle(*args, **kwargs, way=_linear))

wrong("one_cycle.one_cycle", "straight warm-up")(lambda *args, **kwargs: _cycle(*args, **kwargs, warm=_linear))

wrong("one_cycle.one_cycle", "second phase not from 0")(lambda *args, **kwargs: _cycle(*args, **kwargs, anew=False))


def _three_phases(
    step: int, total: int, lr: float, pct_start: float = 0.3, div: float = 25.0, final_div: float = 1e4,
    momentums: Sequence[float] = _MOMENTUMS,
) -> tuple[float, float]:  # fmt: skip
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

wrong("one_cycle.one_cycle", "momentum first")(lambda *args, **kwargs: _cycle(*args, **kwargs)[::-1])

wrong("one_cycle.one_cycle", "lr alone")(lambda *args, **kwargs: _cycle(*args, **kwargs)[0])

wrong("one_cycle.one_cycle", "settings ignored")(lambda step, total, lr_max, **settings: _cycle(step, total, lr_max))


def _range(
    loss_at: Callable[[float], float],
    lr_min: float,
    lr_max: float,
    steps: int,
    *,
    rate: Callable[[float, float, float], float] = lambda a, b, pct: a * (b / a) ** pct,
    part: Callable[[int, int], float] = lambda i, n: i / (n - 1),
    over: Callable[[float, list[float]], bool] = lambda loss, seen: loss > 4 * min(seen, default=math.inf),
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

wrong("one_cycle.lr_range_test", "compared with the loss before")(
    lambda *args: _range(*args, over=lambda loss, seen: bool(seen) and loss > 4 * seen[-1])
)

wrong("one_cycle.lr_range_test", "stops as soon as the loss rises")(
    lambda *args: _range(*args, over=lambda loss, seen: loss > min(seen, default=math.inf))
)

wrong("one_cycle.lr_range_test", "stops at twice the best")(
    lambda *args: _range(*args, over=lambda loss, seen: loss > 2 * min(seen, default=math.inf))
)

wrong("one_cycle.lr_range_test", "limit not looked at")(lambda *args: _range(*args, over=lambda loss, seen: False))

wrong("one_cycle.lr_range_test", "a limit of 4")(lambda *args: _range(*args, over=lambda loss, seen: loss > 4))

wrong("one_cycle.lr_range_test", "best loss taken as the largest")(
    lambda *args: _range(*args, over=lambda loss, seen: bool(seen) and loss > 4 * max(seen))
)

wrong("one_cycle.lr_range_test", "best loss starts at 0")(lambda *args: _range(*args, over=lambda loss, seen: loss > 0))

wrong("one_cycle.lr_range_test", "last loss recorded")(lambda *args: _range(*args, record_last=True))

wrong("one_cycle.lr_range_test", "nan not noticed")(lambda *args: _range(*args, finite=lambda loss: True))

wrong("one_cycle.lr_range_test", "inf not noticed")(
    lambda *args: _range(
        *args,
        finite=lambda loss: not math.isnan(loss),
        over=lambda loss, seen: math.isfinite(loss) and loss > 4 * min(seen, default=math.inf),
    )
)

wrong("one_cycle.lr_range_test", "inf at the start not noticed")(
    lambda *args: _range(*args, finite=lambda loss: not math.isnan(loss))
)

wrong("one_cycle.lr_range_test", "never stops")(
    lambda *args: _range(*args, finite=lambda loss: True, over=lambda loss, seen: False)
)

wrong("one_cycle.lr_range_test", "goes on after a bad loss")(lambda *args: _range(*args, skip=True))

wrong("one_cycle.lr_range_test", "evenly spaced")(lambda *args: _range(*args, rate=_linear))

wrong("one_cycle.lr_range_test", "lr_max not reached")(lambda *args: _range(*args, part=lambda i, n: i / n))

wrong("one_cycle.lr_range_test", "lr_min left out")(lambda *args: _range(*args, part=lambda i, n: (i + 1) / n))

wrong("one_cycle.lr_range_test", "from the largest")(lambda loss_at, a, b, n: _range(loss_at, b, a, n))

wrong("one_cycle.lr_range_test", "loss computed twice")(lambda *args: _range(*args, call=2))

wrong("one_cycle.lr_range_test", "one rate too few")(
    lambda loss_at, a, b, n: _range(loss_at, a, b, n - 1, part=lambda i, _: i / (n - 1))
)

wrong("one_cycle.lr_range_test", "one rate too many")(
    lambda loss_at, a, b, n: _range(loss_at, a, b, n + 1, part=lambda i, _: i / (n - 1))
)

wrong("one_cycle.lr_range_test", "factor without its root")(lambda *args: _range(*args, part=lambda i, n: i))

wrong("one_cycle.lr_range_test", "exponent without brackets")(
    lambda loss_at, a, b, n: _range(
        loss_at, a, b, n, part=lambda i, _: i, rate=lambda a, b, i: a * (b / a / (n - 1)) ** i
    )
)

wrong("one_cycle.lr_range_test", "ends taken as exponents")(
    lambda *args: _range(*args, rate=lambda a, b, pct: 10 ** _linear(a, b, pct))
)


def _next_rate(loss_at: Any, lr_min: float, lr_max: float, steps: int) -> tuple[list[float], list[float]]:
    lrs, losses = _range(loss_at, lr_min, lr_max, steps)
    return [lr * (lr_max / lr_min) ** (1 / (steps - 1)) for lr in lrs], losses


wrong("one_cycle.lr_range_test", "next rate recorded")(_next_rate)


def _all_rates(loss_at: Any, lr_min: float, lr_max: float, steps: int) -> tuple[list[float], list[float]]:
    _, losses = _range(loss_at, lr_min, lr_max, steps)
    return [lr_min * (lr_max / lr_min) ** (i / (steps - 1)) for i in range(steps)], losses


wrong("one_cycle.lr_range_test", "more rates than losses")(_all_rates)

wrong("one_cycle.lr_range_test", "returns in the loop")(
    lambda loss_at, a, b, n: _range(loss_at, a, b, 1, part=lambda i, _: 0.0)
)

wrong("one_cycle.lr_range_test", "pairs instead of two lists")(lambda *args: list(zip(*_range(*args), strict=True)))


def _all_then_cut(loss_at: Any, lr_min: float, lr_max: float, steps: int) -> tuple[list[float], list[float]]:
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


wrong("one_cycle.suggest_lr", "rate after the fall")(lambda lrs, losses: lrs[_argmin(_differences(losses)) + 1])

wrong("one_cycle.suggest_lr", "smallest loss")(lambda lrs, losses: lrs[_argmin(losses)])

wrong("one_cycle.suggest_lr", "a tenth of the smallest loss's rate")(lambda lrs, losses: lrs[_argmin(losses)] / 10)

wrong("one_cycle.suggest_lr", "largest change either way")(
    lambda lrs, losses: lrs[_argmin([-abs(d) for d in _differences(losses)])]
)

wrong("one_cycle.suggest_lr", "steepest rise")(lambda lrs, losses: lrs[_argmin([-d for d in _differences(losses)])])

wrong("one_cycle.suggest_lr", "slope over the rate itself")(
    lambda lrs, losses: lrs[_argmin([d / (b - a) for d, a, b in zip(_differences(losses), lrs, lrs[1:], strict=False)])]
)

wrong("one_cycle.suggest_lr", "one place too far")(
    lambda lrs, losses: lrs[_argmin([losses[i + 1] - losses[i] for i in range(len(losses))])]
)

wrong("one_cycle.suggest_lr", "the number of the place")(lambda lrs, losses: _argmin(_differences(losses)))

wrong("one_cycle.suggest_lr", "flattest place")(
    lambda lrs, losses: lrs[_argmin([abs(d) for d in _differences(losses)])]
)

wrong("one_cycle.suggest_lr", "ratio of the losses")(
    lambda lrs, losses: lrs[_argmin([b / a for a, b in zip(losses, losses[1:], strict=False)])]
)

wrong("one_cycle.suggest_lr", "difference to the loss before")(
    lambda lrs, losses: lrs[_argmin([losses[i] - losses[i - 1] for i in range(len(losses))])]
)

wrong("one_cycle.suggest_lr", "the loss at the place")(lambda lrs, losses: losses[_argmin(_differences(losses))])

wrong("one_cycle.suggest_lr", "the difference itself")(lambda lrs, losses: min(_differences(losses)))

wrong("one_cycle.steps_per_fit", "last batch forgotten")(lambda n, size, epochs: epochs * (n // size))

wrong("one_cycle.steps_per_fit", "rounded up once")(lambda n, size, epochs: math.ceil(epochs * n / size))

wrong("one_cycle.steps_per_fit", "always one more")(lambda n, size, epochs: epochs * (n // size + 1))

wrong("one_cycle.steps_per_fit", "rounded to the nearest")(lambda n, size, epochs: epochs * round(n / size))

wrong("one_cycle.steps_per_fit", "one epoch")(lambda n, size, epochs: math.ceil(n / size))

wrong("one_cycle.steps_per_fit", "examples counted")(lambda n, size, epochs: epochs * n)

wrong("one_cycle.steps_per_fit", "rounded down at the end")(lambda n, size, epochs: epochs * n // size)

wrong("one_cycle.steps_per_fit", "one more for the whole fit")(lambda n, size, epochs: epochs * (n // size) + 1)

wrong("one_cycle.steps_per_fit", "remainder counted as steps")(lambda n, size, epochs: epochs * (n // size + n % size))

wrong("one_cycle.steps_per_fit", "not a whole number")(lambda n, size, epochs: epochs * n / size)

"""Exercises of lesson 08: annealing, one cycle, the learning-rate finder and its suggestion, steps of a fit."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch

from course_utils.checking import Case, Exercise, Mistake, Rng


def _cosine(start: float, end: float, pct: float) -> float:
    return start + (end - start) * (1 - math.cos(math.pi * pct)) / 2


def _linear(start: float, end: float, pct: float) -> float:
    return start + (end - start) * pct


class Anneal(Exercise):
    """From start at pct = 0 to end at pct = 1 along half a cosine: flat, steep, flat."""

    id, points = "one_cycle.anneal", 1

    def cases(self, rng: Rng) -> Iterable[Case]:
        for label, high, low in (("downwards", 2.0, 0.2), ("upwards", 0.1, 1.5), ("to below 0", 1.0, -2.0)):
            start, end = high + rng.number(0.0, 0.3), low + rng.number(0.01, 0.1)
            yield Case(f"{label}, from {start:.3g} to {end:.3g}", start=start, end=end, between=rng.number(0.55, 0.9))

    def probe(self, anneal: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "result at pct = 0", anneal(case.start, case.end, 0.0)
        yield "result at pct = 1", anneal(case.start, case.end, 1.0)
        yield "result at pct = 0.5", anneal(case.start, case.end, 0.5)
        yield "result at pct = 0.25", anneal(case.start, case.end, 0.25)
        yield f"result at pct = {case.between:.2f}", anneal(case.start, case.end, case.between)

    mistakes = (
        Mistake(
            "a straight line",
            _linear,
            "Start, middle and end are right, but in between it is a straight line. Half a cosine leaves the start "
            "slowly, is steepest in the middle, and arrives slowly.",
        ),
        Mistake(
            "a power of the ratio",
            lambda a, b, pct: a * abs(b / a) ** pct if b > 0 else _linear(a, b, pct * pct),
            "Equal steps give equal ratios: that is exponential annealing. Asked for is half a cosine.",
        ),
        Mistake(
            "start and end exchanged",
            lambda a, b, pct: _cosine(b, a, pct),
            "At pct = 0 you are at the end, and at pct = 1 at the start. cos(0) is 1: what is multiplied by it counts "
            "at the beginning.",
        ),
        Mistake(
            "a whole cosine",
            lambda a, b, pct: _cosine(a, b, 2 * pct),
            "It is back at the start when pct is 1. cos runs from 1 to -1 while its argument goes from 0 to pi, and "
            "back again up to 2 pi.",
        ),
        Mistake(
            "a quarter of a cosine",
            lambda a, b, pct: b + (a - b) * math.cos(math.pi / 2 * pct),
            "The start is flat, but it arrives at full speed: that is a quarter of a cosine. Go as far as cos = -1, "
            "and shift and halve what you get.",
        ),
        Mistake(
            "not halved",
            lambda a, b, pct: b + (a - b) * (1 + math.cos(math.pi * pct)),
            "1 + cos goes from 2 to 0, so the way is twice as long as it should be. Halve it.",
        ),
        Mistake(
            "not shifted",
            lambda a, b, pct: b + (a - b) / 2 * math.cos(math.pi * pct),
            "cos goes from 1 to -1, so you start half way and go too far. Shift it before you halve it.",
        ),
        Mistake(
            "without pi",
            lambda a, b, pct: b + (a - b) / 2 * (1 + math.cos(pct)),
            "cos takes an angle in radians: it is -1 at pi, not at 1.",
        ),
        Mistake(
            "degrees",
            lambda a, b, pct: b + (a - b) / 2 * (1 + math.cos(180 * pct)),
            "cos takes an angle in radians. 180 degrees are pi.",
        ),
        Mistake(
            "end not added",
            lambda a, b, pct: (a - b) / 2 * (1 + math.cos(math.pi * pct)),
            "It always ends at 0. It should end at `end`.",
        ),
        Mistake(
            "start shrinks instead of the difference",
            lambda a, b, pct: b + a / 2 * (1 + math.cos(math.pi * pct)),
            "At pct = 0 you are at start + end. What shrinks to 0 is the difference of the two.",
        ),
        Mistake(
            "brackets around 1 + cos",
            lambda a, b, pct: b + (a - b) / 2 * 1 + math.cos(math.pi * pct),
            "Half the difference is multiplied by 1, and the cosine is added on its own. Put 1 + cos in brackets.",
        ),
        Mistake(
            "brackets around the difference",
            lambda a, b, pct: b + a - b / 2 * (1 + math.cos(math.pi * pct)),
            "Only end is halved and multiplied by the cosine. Put start - end in brackets.",
        ),
        Mistake(
            "added to the start",
            lambda a, b, pct: a + (a - b) / 2 * (1 + math.cos(math.pi * pct)),
            "What is left of the difference start - end is added to start. It belongs on top of end.",
        ),
        Mistake(
            "difference without its sign",
            lambda a, b, pct: b + abs(a - b) / 2 * (1 + math.cos(math.pi * pct)),
            "Downwards it is right, upwards not: there the difference start - end is negative, and must stay so.",
        ),
        Mistake(
            "a sine",
            lambda a, b, pct: b + (a - b) / 2 * (1 + math.sin(math.pi * pct)),
            "You take the sine. It is 0 at both ends; the cosine goes from 1 to -1.",
        ),
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


def _momentum_stays_low(step: int, total: int, *args: Any, **settings: Any) -> tuple[float, float]:
    lr, momentum = _cycle(step, total, *args, **settings)
    falling = step <= settings.get("pct_start", 0.3) * total - 1
    return lr, momentum if falling else settings.get("momentums", _MOMENTUMS)[0]


def _things(answer: Any) -> str | None:
    """What an answer that should be two things is; None stays None."""
    if isinstance(answer, tuple | list):
        return f"{len(answer)} things"
    return None if answer is None else "a single thing"


def _without(*names: str) -> Callable[..., tuple[float, float]]:
    """A cycle that keeps to the defaults of these settings."""
    return lambda *args, **settings: _cycle(*args, **{k: v for k, v in settings.items() if k not in names})


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


def _one_phase(
    step: int, total: int, lr: float, pct_start: float = 0.3, div: float = 25.0, final_div: float = 1e4,
    momentums: Sequence[float] = _MOMENTUMS,
) -> tuple[float, float]:  # fmt: skip
    pct = step / (pct_start * total - 1)
    return _cosine(lr / div, lr, pct), _cosine(momentums[1], momentums[0], pct)


class OneCycle(Exercise):
    """(lr, momentum) at a step, equal to torch's OneCycleLR: up from lr_max/div, then down to lr_max/div/final_div."""

    id, points = "one_cycle.one_cycle", 3
    shortcuts = (torch.optim.lr_scheduler.OneCycleLR, torch.optim.lr_scheduler.CosineAnnealingLR)

    def cases(self, rng: Rng) -> Iterable[Case]:
        def case(label: str, total: int, steps: Sequence[int] = (), **settings: Any) -> Case:
            said = "".join(f", {name}={value:.3g}" for name, value in settings.items() if name != "momentums")
            said += ", momentums=({:.3g}, {:.3g})".format(*settings["momentums"]) if "momentums" in settings else ""
            lr_max = rng.number(0.1, 2.0)
            call = f"one_cycle(step, {total}, {lr_max:.3g}{said})"
            return Case(
                f"{label}: {call}", total=total, lr_max=lr_max, steps=list(steps or range(total)), settings=settings
            )

        yield case("ten steps", 10)
        yield case("a peak between two steps", 15, [0, 1, 2, 3, 4, 5, 9, 14])
        low = rng.number(0.7, 0.8)
        yield case(
            "other settings",
            20,
            [0, 1, 4, 8, 9, 10, 11, 15, 19],
            pct_start=0.5,
            div=rng.number(5.0, 20.0),
            final_div=rng.number(20.0, 90.0),
            momentums=[low, low + rng.number(0.1, 0.15)],
        )
        yield case("many steps", 1000, [0, 1, 150, 298, 299, 300, 301, 500, 998, 999])

    def probe(self, one_cycle: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        settings = dict(case.settings)
        if "momentums" in settings:
            settings["momentums"] = tuple(settings["momentums"])
        for step in case.steps:
            answer = one_cycle(step, case.total, case.lr_max, **settings)
            if step == 0:
                yield "what is returned", _things(answer)
            elif answer is None:
                yield f"lr at step {step}", None
            lr, momentum = answer
            yield f"lr at step {step}", lr, 1e-6
            yield f"momentum at step {step}", momentum, 1e-6

    mistakes = (
        Mistake(
            "peak one step late",
            lambda *args, **kwargs: _cycle(*args, **kwargs, peak=lambda n, pct: pct * n),
            "The peak comes one step late, at pct_start * total_steps. Steps are counted from 0, so torch puts it at "
            "pct_start * total_steps - 1.",
        ),
        Mistake(
            "peak at a part of the last step",
            lambda *args, **kwargs: _cycle(*args, **kwargs, peak=lambda n, pct: pct * (n - 1)),
            "You put the peak at pct_start of the way to the last step. torch puts it at pct_start * total_steps - 1: "
            "it takes the part of the number of steps, then counts from 0.",
        ),
        Mistake(
            "peak rounded",
            lambda *args, **kwargs: _cycle(*args, **kwargs, peak=lambda n, pct: int(pct * n) - 1),
            "You round the peak to a whole step. It may lie between two steps; keep the fraction.",
        ),
        Mistake(
            "peak rounded up",
            lambda *args, **kwargs: _cycle(*args, **kwargs, peak=lambda n, pct: math.ceil(pct * n - 1)),
            "You round the peak to a whole step, upwards. It may lie between two steps; keep the fraction.",
        ),
        Mistake(
            "first phase measured by all steps",
            _odd_way(lambda step, peak, last: step / (last + 1), rising=True),
            "In the first phase you divide by total_steps, so the peak is never reached. pct says how much of this "
            "phase is done: divide by its length.",
        ),
        Mistake(
            "second phase measured by all steps",
            _odd_way(lambda step, peak, last: (step - peak) / last, rising=False),
            "The second phase begins rightly, but you divide by the number of the last step. Its length is only the "
            "way from the peak to the last step.",
        ),
        Mistake(
            "peak not subtracted from the step",
            _odd_way(lambda step, peak, last: step / (last - peak), rising=False),
            "In the second phase you divide the whole step by the length of the phase. Count the steps from the peak.",
        ),
        Mistake(
            "no second phase",
            _one_phase,
            "After the peak pct goes on beyond 1. There the second phase begins, in which pct starts at 0 again.",
        ),
        Mistake(
            "start and end exchanged",
            lambda *args, **kwargs: _cycle(*args, **kwargs, way=lambda a, b, pct: _cosine(b, a, pct)),
            "Every phase runs backwards. `anneal(start, end, pct)` gives start at pct = 0: are the arguments in this "
            "order?",
        ),
        Mistake(
            "momentum falls twice",
            lambda step, total, *args, **kwargs: (
                _cycle(step, total, *args, **kwargs)[0],
                _cycle(step, total, *args, **kwargs, mirrored=step <= kwargs.get("pct_start", 0.3) * total - 1)[1],
            ),
            "In the second phase momentum jumps up and falls again. There it goes from low to high.",
        ),
        Mistake(
            "momentums ignored",
            _without("momentums"),
            "With the default momentums it is right, with others not. Use the pair that is handed in.",
        ),
        Mistake(
            "pct_start ignored",
            _without("pct_start"),
            "With the default pct_start it is right, with another one not. Use what is handed in.",
        ),
        Mistake(
            "div ignored",
            _without("div"),
            "With the default div it is right, with another one not. Use what is handed in.",
        ),
        Mistake(
            "final_div ignored",
            _without("final_div"),
            "With the default final_div it is right, with another one not. Use what is handed in.",
        ),
        Mistake(
            "div and final_div ignored",
            _without("div", "final_div"),
            "With the default div and final_div it is right, with others not. Use what is handed in.",
        ),
        Mistake(
            "ends at zero",
            lambda *args, **kwargs: _cycle(*args, **kwargs, final=lambda lr, div, final: 0.0),
            "The cycle ends at 0. It ends at lr_max / div / final_div, which is small but not nothing.",
        ),
        Mistake(
            "multiplied by final_div",
            lambda *args, **kwargs: _cycle(*args, **kwargs, final=lambda lr, div, final: lr / div * final),
            "The rate at the end is large: you multiply by final_div, or divide by div / final_div. Divide by both.",
        ),
        Mistake(
            "peak and end one step late",
            lambda *args, **kwargs: _cycle(*args, **kwargs, peak=lambda n, pct: pct * n, last=lambda n: n),
            "Both phases end one step late. Steps are counted from 0: the peak is at pct_start * total_steps - 1, and "
            "the last step is total_steps - 1.",
        ),
        Mistake(
            "end never reached",
            lambda *args, **kwargs: _cycle(*args, **kwargs, last=lambda n: n),
            "The last step does not reach the end. With steps counted from 0 the last one is total_steps - 1.",
        ),
        Mistake(
            "final rate from lr_max",
            lambda *args, **kwargs: _cycle(*args, **kwargs, final=lambda lr, div, final: lr / final),
            "The cycle ends at lr_max / final_div. final_div divides the rate at the start: it ends at "
            "lr_max / div / final_div.",
        ),
        Mistake(
            "ends where it began",
            lambda *args, **kwargs: _cycle(*args, **kwargs, final=lambda lr, div, final: lr / div),
            "The cycle ends at the rate with which it began. It goes further down, by the factor final_div.",
        ),
        Mistake(
            "starts at the final rate",
            lambda *args, **kwargs: _cycle(*args, **kwargs, first=lambda lr, div, final: lr / final),
            "It starts at lr_max / final_div. The start is lr_max / div; final_div is for the end.",
        ),
        Mistake(
            "starts at zero",
            lambda *args, **kwargs: _cycle(*args, **kwargs, first=lambda lr, div, final: 0.0),
            "It starts at a learning rate of 0, where a step does nothing. The start is lr_max / div.",
        ),
        Mistake(
            "momentum follows lr",
            lambda *args, **kwargs: _cycle(*args, **kwargs, mirrored=False),
            "Momentum rises and falls together with lr. It does the opposite: where steps are large, less of the old "
            "direction is kept.",
        ),
        Mistake(
            "momentum constant",
            lambda *args, **kwargs: (
                _cycle(*args, **kwargs)[0],
                kwargs.get("momentums", _MOMENTUMS)[1],
            ),
            "lr is right, but momentum stays the same. It goes from high to low while lr rises, and back.",
        ),
        Mistake(
            "momentum stays low",
            _momentum_stays_low,
            "Momentum comes down and does not go up again. In the second phase it returns to its high value.",
        ),
        Mistake(
            "straight lines",
            lambda *args, **kwargs: _cycle(*args, **kwargs, way=_linear),
            "lr and momentum move along straight lines. Use `anneal`, half a cosine, in both phases.",
        ),
        Mistake(
            "straight warm-up",
            lambda *args, **kwargs: _cycle(*args, **kwargs, warm=_linear),
            "The first phase is a straight line. Both phases follow half a cosine.",
        ),
        Mistake(
            "second phase not from 0",
            lambda *args, **kwargs: _cycle(*args, **kwargs, anew=False),
            "In the second phase pct does not start at 0, so lr jumps after the peak. pct says how much of this phase "
            "is done: count from the peak.",
        ),
        Mistake(
            "three phases",
            _three_phases,
            "There are three phases: up, down to the start, and further down. Here it is torch's default with two: "
            "after the peak there is one long way down.",
        ),
        Mistake(
            "steps counted from 1",
            lambda step, *args, **kwargs: _cycle(step + 1 if step + 1 < args[0] else step, *args, **kwargs),
            "You are one step ahead: step 0 does not give the rate of the start. Steps are counted from 0.",
        ),
        Mistake(
            "momentum first",
            lambda *args, **kwargs: _cycle(*args, **kwargs)[::-1],
            "lr and momentum are exchanged: lr comes first.",
        ),
        Mistake(
            "lr alone",
            lambda *args, **kwargs: _cycle(*args, **kwargs)[0],
            "You return lr alone. Asked for is the pair (lr, momentum).",
        ),
        Mistake(
            "settings ignored",
            lambda step, total, lr_max, **settings: _cycle(step, total, lr_max),
            "With the default settings it is right, with others it is not: your code does not use pct_start, div, "
            "final_div or momentums everywhere.",
        ),
    )


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


def _all_then_cut(loss_at: Any, lr_min: float, lr_max: float, steps: int) -> tuple[list[float], list[float]]:
    lrs = [lr_min * (lr_max / lr_min) ** (i / (steps - 1)) for i in range(steps)]
    losses = [loss_at(lr) for lr in lrs]
    return _range(lambda lr: losses[lrs.index(lr)], lr_min, lr_max, steps)


def _next_rate(loss_at: Any, lr_min: float, lr_max: float, steps: int) -> tuple[list[float], list[float]]:
    lrs, losses = _range(loss_at, lr_min, lr_max, steps)
    return [lr * (lr_max / lr_min) ** (1 / (steps - 1)) for lr in lrs], losses


def _all_rates(loss_at: Any, lr_min: float, lr_max: float, steps: int) -> tuple[list[float], list[float]]:
    _, losses = _range(loss_at, lr_min, lr_max, steps)
    return [lr_min * (lr_max / lr_min) ** (i / (steps - 1)) for i in range(steps)], losses


def _logs(*args: Any) -> tuple[list[float], list[float]]:
    lrs, losses = _range(*args)
    return [math.log10(lr) for lr in lrs], losses


class LrRangeTest(Exercise):
    """(lrs, losses) for rates from lr_min to lr_max by equal ratios, until a loss is not finite or over 4 * best."""

    id, points = "one_cycle.lr_range_test", 3

    def cases(self, rng: Rng) -> Iterable[Case]:
        def case(label: str, losses: list[float]) -> Case:
            lr_min, lr_max = rng.number(1e-5, 1e-3), rng.number(1.0, 10.0)
            return Case(label, losses=losses, lr_min=lr_min, lr_max=lr_max)

        def around(*values: float) -> list[float]:
            return [value * rng.number(0.98, 1.02) for value in values]

        yield case("five rates, the loss always falls", around(2.3, 2.1, 1.7, 1.2, 0.9))
        yield case("two rates", around(1.5, 1.2))
        yield case("the loss grows to over 4 times the best", around(2.0, 1.6, 0.5, 0.8, 1.4, 1.9, 2.4, 0.4, 2.8))
        yield case("the loss becomes nan", [*around(2.0, 1.1, 1.5), math.nan, *around(1.0, 0.9)])
        yield case("the loss becomes infinite", [*around(1.0, 0.8), math.inf, *around(0.7)])
        yield case("a loss in between is three times the best", around(1.0, 3.0, 0.9, 2.9, 0.6, 5.0, 0.5))
        yield case("the very first loss is nan", [math.nan, *around(0.7, 0.8)])
        yield case("the very first loss is infinite", [math.inf, *around(0.7, 0.8)])
        yield case("a small loss grows to over 4 times the best", around(0.5, 0.45, 3.0, 0.4))

    def probe(self, lr_range_test: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        tried: list[float] = []

        def loss_at(lr: Any) -> float:
            tried.append(float(lr))
            return case.losses[min(len(tried), len(case.losses)) - 1]

        answer = lr_range_test(loss_at, case.lr_min, case.lr_max, len(case.losses))
        yield "what is returned", _things(answer)
        lrs, losses = answer
        yield "number of rates that were tried", len(tried)
        yield "rates that were tried", tried
        yield "lrs", [float(lr) for lr in lrs]
        yield "losses", [float(loss) for loss in losses]

    mistakes = (
        Mistake(
            "compared with the first loss",
            lambda *args: _range(*args, over=lambda loss, seen: bool(seen) and loss > 4 * seen[0]),
            "You compare with the first loss. By then the loss has fallen a lot, and the limit is 4 times the best so "
            "far.",
        ),
        Mistake(
            "compared with the loss before",
            lambda *args: _range(*args, over=lambda loss, seen: bool(seen) and loss > 4 * seen[-1]),
            "You compare with the loss just before. A loss that grows step by step then never stops the test. Compare "
            "with the best so far.",
        ),
        Mistake(
            "stops as soon as the loss rises",
            lambda *args: _range(*args, over=lambda loss, seen: loss > min(seen, default=math.inf)),
            "It stops at the first loss that is above the best. Losses of batches go up and down; stop only above 4 "
            "times the best.",
        ),
        Mistake(
            "stops at twice the best",
            lambda *args: _range(*args, over=lambda loss, seen: loss > 2 * min(seen, default=math.inf)),
            "It stops too early. The limit is 4 times the best loss so far.",
        ),
        Mistake(
            "limit not looked at",
            lambda *args: _range(*args, over=lambda loss, seen: False),
            "It stops at a loss that is not finite, but not at one over 4 times the best so far.",
        ),
        Mistake(
            "a limit of 4",
            lambda *args: _range(*args, over=lambda loss, seen: loss > 4),
            "You compare the loss with 4. The limit is 4 times the best loss so far.",
        ),
        Mistake(
            "best loss taken as the largest",
            lambda *args: _range(*args, over=lambda loss, seen: bool(seen) and loss > 4 * max(seen)),
            "You compare with the largest loss so far. The best loss is the smallest.",
        ),
        Mistake(
            "best loss starts at 0",
            lambda *args: _range(*args, over=lambda loss, seen: loss > 0),
            "It stops at the very first loss. Your best loss starts at 0, and no loss is better than that: start with "
            "infinity.",
        ),
        Mistake(
            "last loss recorded",
            lambda *args: _range(*args, record_last=True),
            "The loss that ends the test is in your lists. Look before you append.",
        ),
        Mistake(
            "nan not noticed",
            lambda *args: _range(*args, finite=lambda loss: True),
            "A loss of nan goes through. `nan > 4 * best` is False, and so are `nan < ...` and `nan == ...`: ask "
            "whether the loss is finite.",
            sign=lambda e: (
                e[2]["number of rates that were tried"] == 7  # of nine, where the loss grows
                and e[3]["number of rates that were tried"] == 6  # and not 4, where it becomes nan
            ),
        ),
        Mistake(
            "inf not noticed",
            lambda *args: _range(
                *args,
                finite=lambda loss: not math.isnan(loss),
                over=lambda loss, seen: math.isfinite(loss) and loss > 4 * min(seen, default=math.inf),
            ),
            "An infinite loss goes through. `math.isfinite` finds nan and both infinities.",
        ),
        Mistake(
            "inf at the start not noticed",
            lambda *args: _range(*args, finite=lambda loss: not math.isnan(loss)),
            "An infinite loss goes through when it is the first: inf is not more than 4 times inf. Ask whether the "
            "loss is finite; `math.isfinite` finds nan and both infinities.",
        ),
        Mistake(
            "never stops",
            lambda *args: _range(*args, finite=lambda loss: True, over=lambda loss, seen: False),
            "The test runs through all rates, whatever the loss. Beyond the point where training blows up it only "
            "wastes time, and spoils the picture.",
        ),
        Mistake(
            "goes on after a bad loss",
            lambda *args: _range(*args, skip=True),
            "A bad loss is left out, but the test goes on. The model is already spoilt: stop there.",
        ),
        Mistake(
            "evenly spaced",
            lambda *args: _range(*args, rate=_linear),
            "Neighbouring rates have equal differences, so nearly all lie near lr_max. Learning rates are compared by "
            "ratio: each is the one before times a fixed factor.",
        ),
        Mistake(
            "lr_max not reached",
            lambda *args: _range(*args, part=lambda i, n: i / n),
            "The last rate is not lr_max. Between `steps` rates there are steps - 1 gaps.",
        ),
        Mistake(
            "lr_min left out",
            lambda *args: _range(*args, part=lambda i, n: (i + 1) / n),
            "The first rate is not lr_min. Both ends are included.",
        ),
        Mistake(
            "from the largest",
            lambda loss_at, a, b, n: _range(loss_at, b, a, n),
            "You begin with the largest rate. The model would be spoilt from the start: begin with lr_min.",
        ),
        Mistake(
            "loss computed twice",
            lambda *args: _range(*args, call=2),
            "You call loss_at more than once for a rate. Each call takes a training step: call it once and keep the "
            "result.",
            sign=lambda e: any(
                one == next_one
                for one, next_one in zip(e[0]["rates that were tried"], e[0]["rates that were tried"][1:], strict=False)
            ),
        ),
        Mistake(
            "one rate too few",
            lambda loss_at, a, b, n: _range(loss_at, a, b, n - 1, part=lambda i, _: i / (n - 1)),
            "lr_max is never tried: there is one rate too few. range(steps) gives `steps` numbers already, from 0.",
        ),
        Mistake(
            "one rate too many",
            lambda loss_at, a, b, n: _range(loss_at, a, b, n + 1, part=lambda i, _: i / (n - 1)),
            "There is one rate more than `steps`, and it is larger than lr_max.",
        ),
        Mistake(
            "factor without its root",
            lambda *args: _range(*args, part=lambda i, n: i),
            "The second rate is lr_max already. The factor q is the ratio of the ends to the power 1 / (steps - 1).",
        ),
        Mistake(
            "exponent without brackets",
            lambda loss_at, a, b, n: _range(
                loss_at, a, b, n, part=lambda i, _: i, rate=lambda a, b, i: a * (b / a / (n - 1)) ** i
            ),
            "The factor is too large: `r ** 1 / (steps - 1)` takes the power first and divides after it. Put the "
            "exponent in brackets.",
        ),
        Mistake(
            "ends taken as exponents",
            lambda *args: _range(*args, rate=lambda a, b, pct: 10 ** _linear(a, b, pct)),
            "lr_min and lr_max are used as powers of 10, as `logspace` does. They are the rates themselves.",
        ),
        Mistake(
            "next rate recorded",
            _next_rate,
            "The losses are right, but beside each stands the rate of the next step. Record the rate with which "
            "loss_at was called.",
        ),
        Mistake(
            "more rates than losses",
            _all_rates,
            "After an early end there are more rates than losses. A rate is recorded together with its loss.",
        ),
        Mistake(
            "returns in the loop",
            lambda loss_at, a, b, n: _range(loss_at, a, b, 1, part=lambda i, _: 0.0),
            "After one rate it is over. Does the return stand inside the loop?",
            sign=lambda e: e[0]["number of rates that were tried"] == len(e[0]["losses"]) == 1,
        ),
        Mistake(
            "pairs instead of two lists",
            lambda *args: list(zip(*_range(*args), strict=True)),
            "You return a list of pairs. Asked for are two lists, the rates and the losses.",
        ),
        Mistake(
            "all rates tried, then cut",
            _all_then_cut,
            "The lists are right, but you try all rates first and cut afterwards. Stop calling loss_at when training "
            "has blown up.",
        ),
        Mistake(
            "losses first",
            lambda *args: _range(*args)[::-1],
            "The two lists are exchanged: lrs come first.",
        ),
        Mistake(
            "logarithms of the rates",
            _logs,
            "You return logarithms of the rates. Return the rates; an axis can be logarithmic.",
        ),
    )


def _differences(losses: Sequence[float]) -> list[float]:
    return [b - a for a, b in zip(losses, losses[1:], strict=False)]


def _argmin(values: Sequence[float]) -> int:
    return min(range(len(values)), key=values.__getitem__)


class SuggestLr(Exercise):
    """lrs[i] where losses[i+1] - losses[i] is least: the rate at which the loss falls fastest."""

    id, points = "one_cycle.suggest_lr", 1

    def cases(self, rng: Rng) -> Iterable[Case]:
        for label, losses in (
            ("steepest in the middle", (2.3, 2.25, 2.1, 1.2, 0.9, 0.8, 1.4, 2.9)),
            ("two rates", (1.0, 0.6)),
            ("steepest at the start", (2.0, 1.1, 0.9, 0.7, 0.65, 1.5)),
            ("steepest at the end, nearly so at the start", (2.3, 1.6, 1.65, 1.3, 0.4)),
            ("steep rise, slow fall", (1.0, 0.95, 0.8, 0.7, 2.1, 2.6)),
            ("a steep fall, then to less than half", (2.4, 2.3, 1.4, 1.2, 0.45, 0.4)),
        ):
            first, factor = rng.number(1e-4, 1e-3), rng.number(1.5, 2.5)
            lrs = [first * factor**i for i in range(len(losses))]
            yield Case(label, lrs=lrs, losses=[loss + rng.number(-0.02, 0.02) for loss in losses])

    def probe(self, suggest_lr: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "suggestion", suggest_lr(list(case.lrs), list(case.losses))

    mistakes = (
        Mistake(
            "rate after the fall",
            lambda lrs, losses: lrs[_argmin(_differences(losses)) + 1],
            "You return the rate after the steepest fall. The step that brought it was taken with the rate before: "
            "lrs[i], where losses[i+1] - losses[i] is least.",
        ),
        Mistake(
            "smallest loss",
            lambda lrs, losses: lrs[_argmin(losses)],
            "You return the rate with the smallest loss. That is already the edge: there the loss stops falling. Look "
            "for the place where it falls fastest.",
        ),
        Mistake(
            "a tenth of the smallest loss's rate",
            lambda lrs, losses: lrs[_argmin(losses)] / 10,
            "You take a tenth of the rate with the smallest loss. That is another rule of thumb; here the steepest "
            "fall is asked for.",
        ),
        Mistake(
            "largest change either way",
            lambda lrs, losses: lrs[_argmin([-abs(d) for d in _differences(losses)])],
            "You look for the largest change, and a rise is one too. A fall is a negative difference: look for the "
            "least, with its sign.",
        ),
        Mistake(
            "steepest rise",
            lambda lrs, losses: lrs[_argmin([-d for d in _differences(losses)])],
            "You found the steepest rise. The fall is where the difference is least.",
        ),
        Mistake(
            "slope over the rate itself",
            lambda lrs, losses: lrs[
                _argmin([d / (b - a) for d, a, b in zip(_differences(losses), lrs, lrs[1:], strict=False)])
            ],
            "You divide by the distance of the rates, which favours the smallest. On the logarithmic axis of the "
            "finder all neighbours have the same distance: compare the differences of the losses alone.",
        ),
        Mistake(
            "one place too far",
            lambda lrs, losses: lrs[_argmin([losses[i + 1] - losses[i] for i in range(len(losses))])],
            "You ask for a loss after the last one. There is one difference less than there are losses.",
        ),
        Mistake(
            "the number of the place",
            lambda lrs, losses: _argmin(_differences(losses)),
            "You return where the fall is. Return the learning rate at that place.",
        ),
        Mistake(
            "flattest place",
            lambda lrs, losses: lrs[_argmin([abs(d) for d in _differences(losses)])],
            "You found the place where the loss changes least. The steepest fall is the most negative difference.",
        ),
        Mistake(
            "ratio of the losses",
            lambda lrs, losses: lrs[_argmin([b / a for a, b in zip(losses, losses[1:], strict=False)])],
            "You compare each loss with the next by their ratio. Asked for is the difference.",
        ),
        Mistake(
            "difference to the loss before",
            lambda lrs, losses: lrs[_argmin([losses[i] - losses[i - 1] for i in range(len(losses))])],
            "You subtract the loss before, and for the first one, `losses[-1]`, that is the last of all. Subtract each "
            "loss from the next.",
        ),
        Mistake(
            "the loss at the place",
            lambda lrs, losses: losses[_argmin(_differences(losses))],
            "You return the loss at the right place. Return the learning rate there.",
        ),
        Mistake(
            "the difference itself",
            lambda lrs, losses: min(_differences(losses)),
            "You return how steep the fall is. Return the learning rate at which it is so steep.",
        ),
    )


class StepsPerFit(Exercise):
    """The number of steps of a fit: epochs times batches in an epoch, the last smaller batch included."""

    id, points = "one_cycle.steps_per_fit", 1

    def cases(self, rng: Rng) -> Iterable[Case]:
        def case(label: str, n: int, batch_size: int, epochs: int) -> Case:
            return Case(
                f"{label}: steps_per_fit({n}, {batch_size}, {epochs})", n=n, batch_size=batch_size, epochs=epochs
            )

        size = rng.integer(20, 60)
        yield case("batches that fit", size * rng.integer(11, 15), size, 2)
        yield case("one example too many", size * rng.integer(11, 15) + 1, size, 4)
        yield case("one example too few", size * rng.integer(11, 15) - 1, size, 5)
        yield case("fewer examples than a batch", size - rng.integer(3, 9), size, 3)
        yield case("batches of one", rng.integer(11, 20), 1, 2)

    def probe(self, steps_per_fit: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "steps", steps_per_fit(case.n, case.batch_size, case.epochs)

    mistakes = (
        Mistake(
            "last batch forgotten",
            lambda n, size, epochs: epochs * (n // size),
            "The smaller batch at the end of each epoch is missing. It is a step like the others: round up.",
        ),
        Mistake(
            "rounded up once",
            lambda n, size, epochs: math.ceil(epochs * n / size),
            "You round up at the end of the whole fit. Every epoch ends with a smaller batch: round up first, then "
            "multiply by the epochs.",
        ),
        Mistake(
            "always one more",
            lambda n, size, epochs: epochs * (n // size + 1),
            "There is one step too many where the batch size divides n: then no smaller batch is left.",
        ),
        Mistake(
            "rounded to the nearest",
            lambda n, size, epochs: epochs * round(n / size),
            "You round to the nearest. A small last batch is a step too: round up.",
        ),
        Mistake(
            "one epoch",
            lambda n, size, epochs: math.ceil(n / size),
            "That is one epoch. Multiply by their number.",
        ),
        Mistake(
            "examples counted",
            lambda n, size, epochs: epochs * n,
            "That is how many examples are seen. A step takes a whole batch.",
        ),
        Mistake(
            "rounded down at the end",
            lambda n, size, epochs: epochs * n // size,
            "You round the whole fit down. Round up the batches of one epoch, then multiply.",
        ),
        Mistake(
            "one more for the whole fit",
            lambda n, size, epochs: epochs * (n // size) + 1,
            "You add one smaller batch for the whole fit. Every epoch ends with one, where the batch size does not "
            "divide n.",
        ),
        Mistake(
            "remainder counted as steps",
            lambda n, size, epochs: epochs * (n // size + n % size),
            "The examples that are left over make one batch together, and so one step.",
        ),
        Mistake(
            "not a whole number",
            lambda n, size, epochs: epochs * n / size,
            "A number of steps is a whole number. Round the batches of an epoch up.",
        ),
    )

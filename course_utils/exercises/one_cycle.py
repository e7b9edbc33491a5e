"""Exercises of lesson 08: annealing, one cycle, the learning-rate finder and its suggestion, steps
of a fit.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from course_utils.checking import Case, Exercise, Mistake, Reproduce, Rng, edit
from course_utils.exercises._curves import REPRODUCE_ONE_CYCLE
from course_utils.exercises._forms import REPRODUCING
from course_utils.exercises._suspects import ONE_CYCLE, ONE_CYCLE_RIGHT

SCHEDULERS = (
    *(torch.optim.lr_scheduler.OneCycleLR, torch.optim.lr_scheduler.CosineAnnealingLR),
    torch.optim.lr_scheduler.CosineAnnealingWarmRestarts,
)


class Anneal(Exercise):
    """From start at pct = 0 to end at pct = 1 along half a cosine: flat, steep, flat."""

    id, points = "one_cycle.anneal", 1
    minutes, lines, writes = 10, "one line", "half a cosine from one number to another"
    shortcuts = SCHEDULERS

    def cases(self, rng: Rng) -> Iterable[Case]:
        for label, high, low in (
            ("downwards", 2.0, 0.2),
            ("upwards", 0.1, 1.5),
            ("to below 0", 1.0, -2.0),
            ("to exactly 0", 1.0, 0.0),
        ):
            start, end = high + rng.number(0.0, 0.3), low and low + rng.number(0.01, 0.1)
            yield Case(
                f"{label}, from {start:.3g} to {end:.3g}",
                start=start,
                end=end,
                between=rng.number(0.55, 0.9),
            )

    def probe(self, anneal: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "result at pct = 0", anneal(case.start, case.end, 0.0)
        yield "result at pct = 1", anneal(case.start, case.end, 1.0)
        yield "result at pct = 0.5", anneal(case.start, case.end, 0.5)
        yield "result at pct = 0.25", anneal(case.start, case.end, 0.25)
        yield f"result at pct = {case.between:.2f}", anneal(case.start, case.end, case.between)

    mistakes = (
        Mistake(
            "a straight line",
            edit("(start - end) / 2 * (1 + math.cos(math.pi * pct))", "(start - end) * (1 - pct)"),
            "Start, middle and end are right, but in between it is a straight line. Half a cosine "
            "leaves the start slowly, is steepest in the middle, and arrives slowly.",
        ),
        Mistake(
            "a power of the ratio",
            edit(
                "end + (start - end) / 2 * (1 + math.cos(math.pi * pct))",
                "start * abs(end / start) ** pct if end > 0 else start + (end - start) * pct * pct",
            ),
            "Equal steps give equal ratios: that is exponential annealing. The curve should be "
            "half a cosine.",
        ),
        Mistake(
            "start and end swapped",
            edit("end + (start - end)", "start + (end - start)"),
            "At pct = 0 you are at the end, and at pct = 1 at the start. cos(0) is 1: whatever "
            "it multiplies counts at the beginning.",
        ),
        Mistake(
            "a whole cosine",
            edit("math.pi * pct", "2 * math.pi * pct"),
            "It is back at the start when pct is 1. cos runs from 1 to -1 while its argument goes "
            "from 0 to pi, and back again up to 2 pi.",
        ),
        Mistake(
            "a quarter of a cosine",
            edit(
                "(start - end) / 2 * (1 + math.cos(math.pi * pct))",
                "(start - end) * math.cos(math.pi / 2 * pct)",
            ),
            "The start is flat, but it arrives at full speed: that is a quarter of a cosine. Go "
            "as far as cos = -1, and shift and halve what you get.",
        ),
        Mistake(
            "a quarter of a sine",
            edit(
                "(start - end) / 2 * (1 + math.cos(math.pi * pct))",
                "(start - end) * (1 - math.sin(math.pi / 2 * pct))",
            ),
            "It arrives gently, but leaves the start at full speed: that is a quarter of a sine. "
            "Half a cosine is flat at both ends.",
        ),
        Mistake(
            "smoothstep",
            edit(
                "(start - end) / 2 * (1 + math.cos(math.pi * pct))",
                "(start - end) * (1 - pct * pct * (3 - 2 * pct))",
            ),
            "This is a polynomial that looks much like it, 3 pct**2 - 2 pct**3, with the same "
            "ends and the same middle. In between it differs: use the cosine.",
        ),
        Mistake(
            "not halved",
            edit(" / 2", ""),
            "1 + cos goes from 2 to 0, so your curve goes twice as far as it should. Halve it.",
        ),
        Mistake(
            "not shifted",
            edit("(1 + math.cos(math.pi * pct))", "math.cos(math.pi * pct)"),
            "cos goes from 1 to -1, so you start half way and go too far. Shift it before you "
            "halve it.",
        ),
        Mistake(
            "without pi",
            edit("math.pi * pct", "pct"),
            "cos takes an angle in radians: it is -1 at pi, not at 1.",
        ),
        Mistake(
            "degrees",
            edit("math.pi", "180"),
            "cos takes an angle in radians. 180 degrees are pi.",
        ),
        Mistake(
            "pct divided by 100",
            edit("* pct)", "* pct / 100)"),
            "You divide pct by 100. It is a share already: 1 is the end.",
        ),
        Mistake(
            "end not added",
            edit("end + (", "("),
            "It always ends at 0. It should end at `end`.",
        ),
        Mistake(
            "start shrinks instead of the difference",
            edit("(start - end)", "start"),
            "At pct = 0 you are at start + end. What shrinks to 0 is the difference of the two.",
        ),
        Mistake(
            "brackets around 1 + cos",
            edit("(1 + math.cos(math.pi * pct))", "1 + math.cos(math.pi * pct)"),
            "You multiply half the difference by 1, and add the cosine separately. Put 1 + cos "
            "in brackets.",
        ),
        Mistake(
            "brackets around the difference",
            edit("(start - end)", "start - end"),
            "You halve only end and multiply it by the cosine. Put start - end in brackets.",
        ),
        Mistake(
            "added to the start",
            edit("end + (", "start + ("),
            "You add what is left of start - end to start. Add it to end.",
        ),
        Mistake(
            "difference without its sign",
            edit("(start - end)", "abs(start - end)"),
            "Going down it is right, going up it is not: there start - end is negative, and "
            "must stay negative.",
        ),
        Mistake(
            "difference rounded",
            edit("(start - end) / 2", "(start - end) // 2"),
            "`//` divides and rounds down to a whole number. Learning rates are far below 1: "
            "divide with `/`.",
        ),
        Mistake(
            "from the larger to the smaller",
            edit("end + (start - end)", "min(start, end) + abs(start - end)"),
            "Going down it is right. Going up, your curve still runs from the larger number to "
            "the smaller: start - end is negative there, and must stay negative.",
        ),
        Mistake(
            "pct truncated to whole percent",
            edit("math.pi * pct", "math.pi * int(100 * pct) / 100"),
            "You truncate pct to whole percent, so that many steps share one value. Use pct as "
            "it is.",
        ),
        Mistake(
            "pi rounded",
            edit("math.pi", "3.14"),
            "The ends are nearly right, and so is the rest: you wrote pi with a few digits. A "
            "library knows all of them.",
        ),
        Mistake(
            "a sine",
            edit("math.cos", "math.sin"),
            "You take the sine. It is 0 at both ends; the cosine goes from 1 to -1.",
        ),
    )


def _things(answer: Any) -> str | None:
    """What was returned where two things are expected; None stays None."""
    if isinstance(answer, tuple | list):
        return f"{len(answer)} things"
    return None if answer is None else "a single thing"


class OneCycle(Exercise):
    """(lr, momentum) at a step, as in torch's OneCycleLR: up from lr_max/div, down to
    lr_max/div/final_div.
    """

    id, points = "one_cycle.one_cycle", 3
    minutes, lines, writes = 25, "about seven lines", "the schedule"
    shortcuts = SCHEDULERS

    def cases(self, rng: Rng) -> Iterable[Case]:
        def case(
            label: str,
            total: int,
            steps: Sequence[int] = (),
            largest: float = 2.0,
            **settings: Any,
        ) -> Case:
            said = "".join(
                f", {name}={value:.3g}" for name, value in settings.items() if name != "momentums"
            )
            said += (
                ", momentums=({:.3g}, {:.3g})".format(*settings["momentums"])
                if "momentums" in settings
                else ""
            )
            lr_max = rng.number(largest / 20, largest)
            call = f"one_cycle(step, {total}, {lr_max:.3g}{said})"
            return Case(
                f"{label}: {call}",
                total=total,
                lr_max=lr_max,
                steps=list(steps or range(total)),
                settings=settings,
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
        turned = [low + rng.number(0.1, 0.15), low]  # as learning rate and momentum rise together
        yield case("momentums the other way round", 12, [0, 2, 3, 7, 11], momentums=turned)
        yield case("many steps", 1000, [0, 1, 150, 298, 299, 300, 301, 500, 998, 999])
        yield case("a small rate", 20, [0, 3, 5, 12, 18, 19], largest=2e-3)
        yield case("a peak between the first two steps", 5)

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
            edit("pct_start * total_steps - 1", "pct_start * total_steps"),
            "The peak comes one step late, at pct_start * total_steps. Steps are counted from 0, "
            "so torch puts it at pct_start * total_steps - 1.",
        ),
        Mistake(
            "peak at pct_start of the last step",
            edit("pct_start * total_steps - 1", "pct_start * (total_steps - 1)"),
            "You put the peak at pct_start of the way to the last step. torch puts it at "
            "pct_start * total_steps - 1: it multiplies the number of steps first, then counts "
            "from 0.",
        ),
        Mistake(
            "peak rounded",
            edit("pct_start * total_steps - 1", "int(pct_start * total_steps) - 1"),
            "You round the peak to a whole step. It may lie between two steps; keep the fraction.",
        ),
        Mistake(
            "peak rounded up",
            edit("pct_start * total_steps - 1", "math.ceil(pct_start * total_steps - 1)"),
            "You round the peak to a whole step, upwards. It may lie between two steps; keep the "
            "fraction.",
        ),
        Mistake(
            "peak kept from 1",
            edit("pct_start * total_steps - 1", "max(1.0, pct_start * total_steps - 1)"),
            "You move a peak that lies before step 1. It may lie between the first two steps: "
            "anything above 0 can be divided by.",
        ),
        Mistake(
            "phase chosen by a rounded peak",
            edit("if step <= peak:", "if step < int(peak):"),
            "You choose the phase by a rounded peak, so a step just before the peak is taken for "
            "one after it. Compare the step with the peak itself.",
        ),
        Mistake(
            "phase chosen by the share of all steps",
            edit("if step <= peak:", "if step / total_steps <= pct_start:"),
            "You choose the phase by step / total_steps, which passes pct_start one step after the "
            "peak. Compare the step with the peak itself, pct_start * total_steps - 1.",
        ),
        Mistake(
            "momentums sorted",
            edit("low, high = momentums", "low, high = sorted(momentums)"),
            "You sort the momentums, or take the smaller and the larger one. Take the first and "
            "the second, as they come: whoever gives them the other way round means it.",
        ),
        Mistake(
            "first phase measured by all steps",
            edit("step / peak", "step / total_steps"),
            "In the first phase you divide by total_steps, so the peak is never reached. pct says "
            "how much of this phase is done: divide by its length.",
        ),
        Mistake(
            "second phase measured by all steps",
            edit("(last - peak)", "last"),
            "The second phase begins correctly, but you divide by the number of the last step. "
            "Its length is only the way from the peak to the last step.",
        ),
        Mistake(
            "peak not subtracted from the step",
            edit("(step - peak)", "step"),
            "In the second phase you divide the whole step by the length of the phase. Count the "
            "steps from the peak.",
        ),
        Mistake(
            "no second phase",
            edit("if step <= peak:", "if True:"),
            "After the peak pct goes on beyond 1. The second phase begins there, with pct "
            "starting at 0 again.",
        ),
        Mistake(
            "start and end swapped",
            edit(
                "anneal(first, lr_max, pct), anneal(high, low, pct)",
                "anneal(lr_max, first, pct), anneal(low, high, pct)",
                "anneal(lr_max, final, pct), anneal(low, high, pct)",
                "anneal(final, lr_max, pct), anneal(high, low, pct)",
            ),
            "Every phase runs backwards. `anneal(start, end, pct)` gives start at pct = 0: are "
            "the arguments in this order?",
        ),
        Mistake(
            "warm-up backwards",
            edit("anneal(first, lr_max, pct)", "anneal(lr_max, first, pct)"),
            "In the first phase lr falls from lr_max. It should rise there, from lr_max / div to "
            "lr_max. `anneal(start, end, pct)` gives start at pct = 0.",
        ),
        Mistake(
            "momentum falls twice",
            edit("anneal(low, high, pct)", "anneal(high, low, pct)"),
            "In the second phase momentum jumps up and falls again. There it goes from low to "
            "high.",
        ),
        Mistake(
            "momentums ignored",
            edit("low, high = momentums", "low, high = 0.85, 0.95"),
            "It is right for the default momentums but not for others. Use the pair that is "
            "passed in.",
        ),
        Mistake(
            "momentums in the other order",
            edit("low, high = momentums", "high, low = momentums", "(0.85, 0.95)", "(0.95, 0.85)"),
            "It is right for your default momentums, but a pair that is passed in has the lower "
            "one first. Keep this order in the default and where you take the pair apart.",
        ),
        Mistake(
            "pct_start ignored",
            edit("pct_start * total", "0.3 * total"),
            "It is right for the default pct_start but not for others. Use the one that is "
            "passed in.",
        ),
        Mistake(
            "div ignored",
            edit("lr_max / div", "lr_max / 25.0"),
            "It is right for the default div but not for others. Use the one that is passed in.",
        ),
        Mistake(
            "final_div ignored",
            edit("first / final_div", "first / 1e4"),
            "It is right for the default final_div but not for others. Use the one that is "
            "passed in.",
        ),
        Mistake(
            "div and final_div ignored",
            edit("lr_max / div", "lr_max / 25.0", "first / final_div", "first / 1e4"),
            "It is right for the default div and final_div but not for others. Use the ones "
            "that are passed in.",
        ),
        Mistake(
            "ends at zero",
            edit("first / final_div", "0.0"),
            "The cycle ends at 0. It should end at lr_max / div / final_div, which is small "
            "but not 0.",
        ),
        Mistake(
            "multiplied by final_div",
            edit("first / final_div", "first * final_div"),
            "The rate at the end is large: you multiply by final_div, or divide by div / "
            "final_div. Divide by both.",
        ),
        Mistake(
            "peak and end one step late",
            edit(
                "pct_start * total_steps - 1",
                "pct_start * total_steps",
                "last = total_steps - 1",
                "last = total_steps",
            ),
            "Both phases end one step late. Steps are counted from 0: the peak is at pct_start * "
            "total_steps - 1, and the last step is total_steps - 1.",
        ),
        Mistake(
            "end never reached",
            edit("last = total_steps - 1", "last = total_steps"),
            "The last step does not reach the end. With steps counted from 0 the last one is "
            "total_steps - 1.",
        ),
        Mistake(
            "final rate from lr_max",
            edit("first / final_div", "lr_max / final_div"),
            "The cycle ends at lr_max / final_div. final_div divides the rate at the start: it "
            "ends at lr_max / div / final_div.",
        ),
        Mistake(
            "ends where it began",
            edit("first / final_div", "first"),
            "Your cycle ends at the rate it began with. It should go further down, by the "
            "factor final_div.",
        ),
        Mistake(
            "starts at the final rate",
            edit("anneal(first,", "anneal(lr_max / final_div,"),
            "It starts at lr_max / final_div. The start is lr_max / div; final_div is for the end.",
        ),
        Mistake(
            "starts at zero",
            edit("anneal(first,", "anneal(0.0,"),
            "It starts at a learning rate of 0, where a step does nothing. The start is lr_max / "
            "div.",
        ),
        Mistake(
            "momentum follows lr",
            edit(
                "anneal(high, low, pct)",
                "anneal(low, high, pct)",
                "anneal(low, high, pct)",
                "anneal(high, low, pct)",
            ),
            "Momentum rises and falls together with lr. It does the opposite: where steps are "
            "large, less of the old direction is kept.",
        ),
        *(
            Mistake(
                "momentum constant",
                edit("anneal(high, low, pct)", value, "anneal(low, high, pct)", value),
                "Momentum stays the same. It goes from high to low while lr rises, and back.",
            )
            for value in ("high", "(low + high) / 2")
        ),
        Mistake(
            "straight lines for momentum",
            edit(
                "anneal(high, low, pct)",
                "high + (low - high) * pct",
                "anneal(low, high, pct)",
                "low + (high - low) * pct",
            ),
            "Momentum moves along straight lines. It follows half a cosine, as lr does: use "
            "`anneal` for both.",
        ),
        Mistake(
            "momentum stays low",
            edit("anneal(low, high, pct)", "low"),
            "Momentum goes down and does not come up again. In the second phase it returns to "
            "its high value.",
        ),
        Mistake(
            "straight lines",
            edit(
                "low, high = momentums",
                "low, high = momentums\n    anneal = lambda a, b, pct: a + (b - a) * pct",
            ),
            "lr and momentum move along straight lines. Use `anneal`, half a cosine, in both "
            "phases.",
        ),
        Mistake(
            "straight warm-up",
            edit(
                "anneal(first, lr_max, pct), anneal(high, low, pct)",
                "first + (lr_max - first) * pct, high + (low - high) * pct",
            ),
            "The first phase is a straight line. Both phases follow half a cosine.",
        ),
        Mistake(
            "straight warm-up",
            edit("anneal(first, lr_max, pct)", "first + (lr_max - first) * pct"),
            "In the first phase lr rises along a straight line. In both phases lr and momentum "
            "follow half a cosine.",
        ),
        *(
            Mistake(
                "second phase one step too short",
                edit("pct = (step - peak) / (last - peak)", f"pct = {pct}"),
                "The second phase counts from the peak, but its length is one step too short, so "
                "it ends before the last step. Steps are counted from 0: the last is total_steps "
                "- 1, and the peak has its 1 taken off already.",
            )
            for pct in (
                "(step - peak) / (last - peak - 1)",
                "min((step - peak) / (last - peak - 1), 1.0)",
            )
        ),
        Mistake(
            "second phase not from 0",
            edit("(step - peak) / (last - peak)", "step / last"),
            "In the second phase pct does not start at 0, so lr jumps after the peak. pct says "
            "how much of this phase is done: count from the peak.",
        ),
        Mistake(
            "three phases",
            edit(
                "    pct = (step - peak) / (last - peak)",
                "    down = 2 * peak\n    if step <= down:\n        pct = (step - peak) / peak\n"
                "        return anneal(lr_max, first, pct), anneal(low, high, pct)\n"
                "    pct = (step - down) / (last - down)",
                "anneal(lr_max, final, pct), anneal(low, high, pct)",
                "anneal(first, final, pct), high",
            ),
            "There are three phases: up, down to the start, and further down. Here it is torch's "
            "default with two: after the peak there is one long way down.",
        ),
        Mistake(
            "steps counted from 1",
            edit(
                "low, high = momentums",
                "low, high = momentums\n    step = min(step + 1, total_steps - 1)",
            ),
            "You are one step ahead: step 0 does not give the rate of the start. Steps are "
            "counted from 0.",
        ),
        Mistake(
            "momentum first",
            edit(
                "anneal(first, lr_max, pct), anneal(high, low, pct)",
                "anneal(high, low, pct), anneal(first, lr_max, pct)",
                "anneal(lr_max, final, pct), anneal(low, high, pct)",
                "anneal(low, high, pct), anneal(lr_max, final, pct)",
            ),
            "lr and momentum are swapped: lr comes first.",
        ),
        Mistake(
            "lr alone",
            edit(", anneal(high, low, pct)", "", ", anneal(low, high, pct)", ""),
            "You return only lr. Return the pair (lr, momentum).",
        ),
        Mistake(
            "settings ignored",
            edit(
                "low, high = momentums",
                "low, high = 0.85, 0.95",
                "pct_start * total",
                "0.3 * total",
                "lr_max / div",
                "lr_max / 25.0",
                "first / final_div",
                "first / 1e4",
            ),
            "It is right for the default settings but not for others: your code does not use "
            "pct_start, div, final_div or momentums everywhere.",
        ),
    )


def _rounded_over(rng: Rng) -> tuple[float, float, int]:
    """lr_min, lr_max and a number of rates where repeated multiplication rounds to above lr_max."""
    while True:
        lr_min, lr_max, steps = rng.number(1e-5, 1e-3), rng.number(1.0, 10.0), rng.integer(8, 14)
        if math.prod([lr_min, *[(lr_max / lr_min) ** (1 / (steps - 1))] * (steps - 1)]) > lr_max:
            return lr_min, lr_max, steps


def _nan_goes_through(evidence: Sequence[dict[str, Any]]) -> bool:
    """Whether the test stops at a loss over the limit and not at nan, and its rates are right."""
    rates = [float(rate) for rate in evidence[0]["rates that were tried"]]
    ratios = [b / a for a, b in itertools.pairwise(rates)]
    grows, becomes_nan = (evidence[i]["number of rates that were tried"] for i in (2, 3))
    return (grows, becomes_nan) == (7, 6) and max(ratios) < 1.001 * min(ratios)


def _lags_behind(evidence: Sequence[dict[str, Any]]) -> bool:
    """Whether losses that should fall from 2.3 to 2.1, 1.7, 1.2 and 0.9, each by up to 2 % another,
    begin there and fall more slowly.
    """
    losses = [float(loss) for loss in evidence[0]["losses"]]
    return (
        len(losses) == 5
        and 2.25 < losses[0] < 2.35
        and all(b < a for a, b in itertools.pairwise(losses))
        and all(a > 1.021 * b for a, b in zip(losses[1:], (2.1, 1.7, 1.2, 0.9), strict=True))
    )


class LrRangeTest(Exercise):
    """(lrs, losses) for rates from lr_min to lr_max in equal ratios, until a loss is not finite or
    above 4 * best.
    """

    id, points = "one_cycle.lr_range_test", 3
    minutes, lines, writes = 25, "about eight lines", "the learning-rate finder"

    def cases(self, rng: Rng) -> Iterable[Case]:
        def case(label: str, losses: list[float]) -> Case:
            lr_min, lr_max = rng.number(1e-5, 1e-3), rng.number(1.0, 10.0)
            return Case(label, losses=losses, lr_min=lr_min, lr_max=lr_max)

        def around(*values: float) -> list[float]:
            return [value * rng.number(0.98, 1.02) for value in values]

        yield case("five rates, the loss always falls", around(2.3, 2.1, 1.7, 1.2, 0.9))
        yield case("two rates", around(1.5, 1.2))
        yield case(
            "the loss grows to over 4 times the best",
            [
                *around(2.0, 1.6, 0.5, 0.8, 1.4, 1.9, 2.4),
                # beyond the end, so that wrong limits end elsewhere, each in its own place
                *around(3.5, 0.3, 2.6, 3.5, 5.0, 9.0, 0.2, 1.2, 5.0),
            ],
        )
        yield case("the loss becomes nan", [*around(2.0, 1.1, 1.5), math.nan, *around(1.0, 0.9)])
        yield case("the loss becomes infinite", [*around(1.0, 0.8), math.inf, *around(0.7)])
        yield case(
            "a loss is exactly 4 times the best, which is not over it",
            [5.0, 2.5, 10.0, 3.75, 11.25, 2.0],
        )
        yield case(
            "a loss in between is three times the best", around(1.0, 3.0, 0.9, 2.9, 0.6, 5.0, 0.5)
        )
        yield case("the very first loss is nan", [math.nan, *around(0.7, 0.8)])
        yield case("the very first loss is infinite", [math.inf, *around(0.7, 0.8)])
        yield case("a small loss grows at once to over 4 times the best", around(0.5, 3.0, 0.4))
        yield case(
            "losses of exactly 4 times the best, and then a best of exactly 0",
            [1.5, 0.5, 2.0, 0.25, 1.0, 0.0, 0.25],
        )
        lr_min, lr_max, steps = _rounded_over(rng)
        yield Case(
            "a range where rounding matters",
            losses=around(*[1.0] * steps),
            lr_min=lr_min,
            lr_max=lr_max,
        )
        yield case("losses of billions, as of squared prices", around(6e10, 5e10, 2e10))
        lr_min = rng.number(0.01, 0.1)
        yield Case(
            "rates that lie close together",
            losses=around(*[1.0] * 5),
            lr_min=lr_min,
            lr_max=1.003 * lr_min,
        )

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
            edit("min(losses, default=math.inf)", "(losses or [math.inf])[0]"),
            "You compare with the first loss. The limit is 4 times the best so far, and the best "
            "falls as training goes on.",
        ),
        Mistake(
            "compared with the previous loss",
            edit("min(losses, default=math.inf)", "(losses or [math.inf])[-1]"),
            "You compare with the loss just before. A loss that grows step by step then never "
            "stops the test. Compare with the best so far.",
        ),
        Mistake(
            "stops as soon as the loss rises",
            edit("4 * ", ""),
            "It stops at the first loss that is above the best. Losses of batches go up and down; "
            "stop only above 4 times the best.",
        ),
        Mistake(
            "stops at twice the best",
            edit("4 * ", "2 * "),
            "It stops too early. The limit is 4 times the best loss so far.",
        ),
        *(
            Mistake(
                "another multiple of the best",
                edit("4 * ", f"{multiple} * "),
                "You compare with the best loss so far, but not with 4 times it: your limit is "
                f"{multiple} times the best.",
            )
            for multiple in (3, 5, 10)
        ),
        Mistake(
            "stops at exactly 4 times the best",
            edit("loss > 4", "loss >= 4"),
            "It stops at a loss of exactly 4 times the best. Only a loss over that ends the test: "
            "`>`, not `>=`.",
        ),
        Mistake(
            "last rate lost by rounding",
            edit(
                "    for i in range(steps):\n        lr = lr_min * (lr_max / lr_min) ** (i / "
                "(steps - 1))",
                "    lr = lr_min\n    for i in range(steps):\n        if lr > "
                "lr_max:\n            break",
                "losses.append(loss)",
                "losses.append(loss)\n        lr *= (lr_max / lr_min) ** (1 / (steps - 1))",
            ),
            "The last rate is missing here. Repeated multiplication ends a rounding error "
            "above lr_max, and your loop stops there. Count the rates instead of comparing the "
            "last one with lr_max.",
        ),
        Mistake(
            "limit ignored",
            edit(" or loss > 4 * min(losses, default=math.inf)", ""),
            "It stops at a loss that is not finite, but not at one over 4 times the best so far.",
        ),
        Mistake(
            "a limit of 4",
            edit("4 * min(losses, default=math.inf)", "4"),
            "You compare the loss with 4. The limit is 4 times the best loss so far.",
        ),
        Mistake(
            "4 added",
            edit("4 * min(", "4 + min("),
            "Your limit is the best loss plus 4. It should be 4 times the best so far.",
        ),
        Mistake(
            "mean taken as the best",
            edit("min(losses, default=math.inf)", "sum(losses or [math.inf]) / (len(losses) or 1)"),
            "You compare with the mean of the losses so far. The best loss is the smallest.",
        ),
        Mistake(
            "best loss of 0 passed over",
            edit(
                "loss > 4 * min(losses, default=math.inf)",
                "min(losses, default=math.inf) and loss > 4 * min(losses, default=math.inf)",
            ),
            "Once a loss of exactly 0 is the best, your test never stops at a limit. 0 counts as "
            "False, and so `if best` asks for more than whether there is one.",
        ),
        Mistake(
            "largest loss taken as the best",
            edit("min(losses", "max(losses"),
            "You compare with the largest loss so far. The best loss is the smallest.",
        ),
        Mistake(
            "best loss starts at 0",
            edit("4 * min(losses, default=math.inf)", "0"),
            "It stops at the very first loss. Does your best loss start at 0? No loss is better "
            "than that: start with infinity.",
        ),
        Mistake(
            "best loss starts at 1",
            edit("min(losses, default=math.inf)", "min([1.0, *losses])"),
            "Your best loss starts at 1, so a first loss over 4 ends the test. How large losses "
            "are depends on the task: before the first one there is no best.",
        ),
        Mistake(
            "best loss starts at a number",
            edit("min(losses, default=math.inf)", "min([1e9, *losses])"),
            "Your best loss starts at a fixed number, and a first loss over 4 times that ends the "
            "test. How large losses are depends on the task: before the first one there is no "
            "best. Infinity is larger than any.",
        ),
        *(
            Mistake(
                "no limit at the beginning",
                edit("or loss > 4", f"or i {begins} and loss > 4"),
                "In the first steps your test has no limit, as in some libraries. Here it holds "
                "from the second loss on.",
            )
            for begins in ("> 1", "> 5", ">= 10", "> 10")
        ),
        Mistake(
            "last loss recorded",
            edit(
                "            break",
                "            lrs.append(lr)\n            losses.append(loss)\n            break",
            ),
            "The loss that ends the test is in your lists. Look before you append.",
        ),
        *(
            Mistake(
                "nan missed",
                change,
                "A loss of nan goes through. `nan > 4 * best` is False, and so are `nan < ...` and "
                "`nan == ...`: ask whether the loss is finite.",
                sign,
            )
            for change, sign in (
                (edit("not math.isfinite(loss) or loss >", "loss >"), None),
                (None, _nan_goes_through),
            )
        ),
        Mistake(
            "inf missed",
            edit("not math.isfinite(loss) or loss >", "math.isnan(loss) or math.inf > loss >"),
            "An infinite loss goes through. `math.isfinite` finds nan and both infinities.",
        ),
        Mistake(
            "inf at the start missed",
            edit("not math.isfinite(loss)", "math.isnan(loss)"),
            "An infinite loss goes through when it is the first: inf is not more than 4 times "
            "inf. Ask whether the loss is finite; `math.isfinite` finds nan and both infinities.",
        ),
        Mistake(
            "never stops",
            edit("not math.isfinite(loss) or loss > 4 * min(losses, default=math.inf)", "False"),
            "The test runs through all rates, whatever the loss. Beyond the point where "
            "training blows up it only wastes time, and spoils the plot.",
        ),
        Mistake(
            "goes on after a bad loss",
            edit("break", "continue"),
            "You leave out a bad loss but go on. The model is already ruined: stop there.",
        ),
        Mistake(
            "evenly spaced",
            edit(
                "lr_min * (lr_max / lr_min) ** (i / (steps - 1))",
                "lr_min + (lr_max - lr_min) * i / (steps - 1)",
            ),
            "Neighbouring rates have equal differences, so nearly all lie near lr_max. Learning "
            "rates are compared by ratio: each is the one before times a fixed factor.",
        ),
        Mistake(
            "brackets around steps - 1",
            edit("(i / (steps - 1))", "(i * (1 / steps - 1))"),
            "`1 / steps - 1` divides first, and is negative: every rate is smaller than the one "
            "before. The number of gaps, steps - 1, needs brackets.",
        ),
        Mistake(
            "lr_max not reached",
            edit("(steps - 1)", "steps"),
            "The last rate is not lr_max. Between `steps` rates there are steps - 1 gaps.",
        ),
        Mistake(
            "lr_min left out",
            edit("(i / (steps - 1))", "((i + 1) / steps)"),
            "The first rate is not lr_min. Both ends are included.",
        ),
        Mistake(
            "rates counted from 1",
            edit("(i / (steps - 1))", "((i + 1) / (steps - 1))"),
            "Your first rate is one factor above lr_min, and your last one factor above lr_max. "
            "Both ends are included: the power of the factor counts from 0.",
        ),
        Mistake(
            "from the largest",
            edit("lr_min * (lr_max / lr_min)", "lr_max * (lr_min / lr_max)"),
            "You begin with the largest rate. That ruins the model from the start: begin with "
            "lr_min.",
        ),
        Mistake(
            "loss computed twice",
            None,
            "You call loss_at more than once for a rate. Each call takes a training step: call it "
            "once and keep the result.",
            sign=lambda e: any(
                one == next_one
                for one, next_one in zip(
                    e[0]["rates that were tried"], e[0]["rates that were tried"][1:], strict=False
                )
            ),
        ),
        Mistake(
            "losses smoothed",
            None,
            "The losses in your list lag behind those that loss_at gave: each is mixed with the "
            "ones before it. Some libraries smooth them; here each loss is recorded and compared "
            "as it is.",
            sign=_lags_behind,
        ),
        Mistake(
            "one rate too few",
            edit("range(steps)", "range(steps - 1)"),
            "lr_max is never tried: there is one rate too few. range(steps) gives `steps` numbers "
            "already, from 0.",
        ),
        Mistake(
            "one rate too many",
            edit("range(steps)", "range(steps + 1)"),
            "There is one rate more than `steps`, and it is larger than lr_max.",
        ),
        *(
            Mistake(
                "lr_max stretched",
                edit(
                    "range(steps)",
                    "range(9 * steps)",
                    "        loss = float",
                    f"        if lr > {factor} * lr_max:\n            break\n        loss = float",
                ),
                "You let rates go a little beyond lr_max, so that rounding does not cost the last "
                "one. Where rates lie close together, that lets in too many: count them instead.",
            )
            for factor in (1.001, 1.01)
        ),
        Mistake(
            "factor without its root",
            edit("(i / (steps - 1))", "i"),
            "The second rate is lr_max already. The factor q is the ratio of the ends to the "
            "power 1 / (steps - 1).",
        ),
        Mistake(
            "exponent without brackets",
            edit("(lr_max / lr_min) ** (i / (steps - 1))", "(lr_max / lr_min / (steps - 1)) ** i"),
            "The factor is too large: `r ** 1 / (steps - 1)` takes the power first and divides "
            "after it. Put the exponent in brackets.",
        ),
        Mistake(
            "ends taken as exponents",
            edit(
                "lr_min * (lr_max / lr_min) ** (i / (steps - 1))",
                "10 ** (lr_min + (lr_max - lr_min) * i / (steps - 1))",
            ),
            "lr_min and lr_max are used as powers of 10, as `logspace` does. They are the rates "
            "themselves.",
        ),
        Mistake(
            "next rate recorded",
            edit("lrs.append(lr)", "lrs.append(lr * (lr_max / lr_min) ** (1 / (steps - 1)))"),
            "The losses are right, but each is paired with the rate of the next step. Record "
            "the rate with which loss_at was called.",
        ),
        Mistake(
            "more rates than losses",
            edit(
                "return lrs,",
                "return [lr_min * (lr_max / lr_min) ** (i / (steps - 1)) for i in range(steps)],",
            ),
            "After an early end there are more rates than losses. A rate is recorded together "
            "with its loss.",
        ),
        Mistake(
            "more rates than losses",
            edit(
                "        loss = float",
                "        lrs.append(lr)\n        loss = float",
                "        lrs.append(lr)\n",
                "",
            ),
            "After an early end there is one rate more than losses: you record a rate before you "
            "know whether its loss counts. A rate is recorded together with its loss.",
        ),
        Mistake(
            "returns in the loop",
            None,
            "Your loop stops after one rate. Is the return inside the loop?",
            sign=lambda e: e[0]["number of rates that were tried"] == len(e[0]["losses"]) == 1,
        ),
        Mistake(
            "pairs instead of two lists",
            edit("return lrs, losses", "return list(zip(lrs, losses))"),
            "You return a list of pairs. Return two lists, the rates and the losses.",
        ),
        Mistake(
            "all rates tried, then cut",
            edit(
                "for i in range(steps)",
                "every = [loss_at(lr_min * (lr_max / lr_min) ** (i / (steps - 1))) for i in "
                "range(steps)]\n    for i in range(steps)",
                "loss_at(lr)",
                "every[i]",
            ),
            "The lists are right, but you try all rates first and cut afterwards. Stop calling "
            "loss_at when training has blown up.",
        ),
        Mistake(
            "losses first",
            edit("return lrs, losses", "return losses, lrs"),
            "The two lists are swapped: lrs come first.",
        ),
        Mistake(
            "logarithms of the rates",
            edit("return lrs,", "return [math.log10(lr) for lr in lrs],"),
            "You return logarithms of the rates. Return the rates; an axis can be logarithmic.",
        ),
    )


class SuggestLr(Exercise):
    """lrs[i] where losses[i+1] - losses[i] is least: the rate at which the loss falls fastest."""

    id, points = "one_cycle.suggest_lr", 1
    minutes, lines, writes = 5, "two lines", "a choice from its curve"

    def cases(self, rng: Rng) -> Iterable[Case]:
        for label, losses in (
            ("steepest in the middle", (2.3, 2.25, 2.1, 1.2, 0.9, 0.8, 1.4, 2.9)),
            ("two rates", (1.0, 0.6)),
            ("steepest at the start", (2.0, 1.1, 0.9, 0.7, 0.65, 1.5)),
            ("steepest at the end, nearly so at the start", (2.3, 1.6, 1.65, 1.3, 0.4)),
            ("a steep rise, then the steepest fall", (1.0, 0.95, 0.8, 0.7, 2.1, 1.4)),
            ("a steep fall, then to less than half", (2.4, 2.3, 1.4, 1.2, 0.45, 0.4)),
            ("falls at the start, steepest at the end", (2.0, 1.7, 1.65, 1.25, 0.5)),
            ("no loss falls", (1.0, 1.4, 1.5, 2.1)),
        ):
            first, factor = rng.number(1e-4, 1e-3), rng.number(1.5, 2.5)
            lrs = [first * factor**i for i in range(len(losses))]
            yield Case(label, lrs=lrs, losses=[loss + rng.number(-0.02, 0.02) for loss in losses])
        yield Case(
            "two falls of the same size", lrs=[0.1, 0.2, 0.4, 0.8], losses=[2.0, 1.25, 1.5, 0.75]
        )
        falling = [3 * 0.6**i + rng.number(-0.01, 0.01) for i in range(20)]
        first = rng.number(1e-4, 1e-3)
        lrs = [first * 1.5**i for i in range(20)]
        yield Case("twenty rates, steepest at the start", lrs=lrs, losses=falling)
        rising = [3 - 0.6 ** (11 - i) + rng.number(-0.01, 0.01) for i in range(12)]
        lrs = [first * 1.5**i for i in range(12)]
        yield Case("twelve rates, steepest at the end", lrs=lrs, losses=rising[::-1])
        yield Case(
            "losses that hardly differ",
            lrs=[0.1, 0.2, 0.4, 0.8],
            losses=[1.0, 0.99998, 0.99994, 0.99991],
        )
        yield Case("the same loss twice", lrs=[0.1, 0.2, 0.4, 0.8], losses=[1.5, 1.25, 1.5, 0.5])

    def probe(self, suggest_lr: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "suggestion", suggest_lr(case.lrs, case.losses)

    mistakes = (
        Mistake(
            "rate one step late",
            edit("lrs[i]", "lrs[i + 1]"),
            "You return the rate after the steepest fall. The step that brought it was taken with "
            "the rate before: lrs[i], where losses[i+1] - losses[i] is least.",
        ),
        *(
            Mistake(
                "a rate in between",
                edit("lrs[i]", middle),
                "You return a rate between two that were tried. The step that brought the fall was "
                "taken with the first of the two.",
            )
            for middle in ("(lrs[i] * lrs[i + 1]) ** 0.5", "(lrs[i] + lrs[i + 1]) / 2")
        ),
        Mistake(
            "smallest loss",
            edit(
                "range(len(losses) - 1), key=lambda i: losses[i + 1] - losses[i]",
                "range(len(losses)), key=lambda i: losses[i]",
            ),
            "You return the rate with the smallest loss. That is already the edge: there the loss "
            "stops falling. Look for the place where it falls fastest.",
        ),
        Mistake(
            "rate before the first rise",
            edit(
                "min(range(len(losses) - 1), key=lambda i: losses[i + 1] - losses[i])",
                "next((i for i in range(len(losses) - 1) if losses[i + 1] > losses[i]), "
                "len(losses) - 1)",
            ),
            "You return the last rate before the loss first rises. There it has stopped falling. "
            "Look at all differences, and take the place where it falls fastest.",
        ),
        Mistake(
            "nothing after the first rise",
            edit(
                "    i = min(range(len(losses) - 1)",
                "    rises = [i for i in range(len(losses) - 1) if losses[i + 1] > losses[i]]\n"
                "    i = min(range((rises or [len(losses) - 1])[0] or 1)",
            ),
            "You look no further than the first rise of the loss. The steepest fall may come "
            "after it: compare all differences.",
        ),
        Mistake(
            "last of equal falls",
            edit("min(range(len(losses) - 1)", "min(reversed(range(len(losses) - 1))"),
            "Where two falls are equal you take the last. The docstring asks for the first.",
        ),
        Mistake(
            "ends left out",
            edit(
                "range(len(losses) - 1)",
                "range(10, len(losses) - 6) if len(losses) > 17 else range(len(losses) - 1)",
            ),
            "You leave out rates at the beginning or at the end of a long list, as some libraries "
            "do. Here all differences count.",
        ),
        Mistake(
            "ends left out",
            edit("range(len(losses) - 1)", "range(len(losses) - (6 if len(losses) > 10 else 1))"),
            "You leave out the last rates of a long list, as some libraries do. Here all "
            "differences count.",
        ),
        *(
            Mistake(
                "differences rounded",
                edit("losses[i + 1] - losses[i])", f"round(losses[i + 1] - losses[i], {digits}))"),
                "You round the differences, so falls that are nearly the same count as equal. "
                "Compare them as they are.",
            )
            for digits in (2, 3, 4)
        ),
        Mistake(
            "last loss compared with the first",
            edit(
                "len(losses) - 1",
                "len(losses)",
                "losses[i + 1] - losses[i]",
                "losses[(i + 1) % len(losses)] - losses[i]",
            ),
            "After the last loss you go on with the first, as `roll` does. Between n losses there "
            "are n - 1 differences.",
        ),
        Mistake(
            "nothing after the smallest loss",
            edit("range(len(losses) - 1)", "range(losses.index(min(losses)) or 1)"),
            "You look no further than the smallest loss. The steepest fall may come after it, from "
            "a peak: compare all differences.",
        ),
        Mistake(
            "a tenth of the smallest loss's rate",
            edit(
                "range(len(losses) - 1), key=lambda i: losses[i + 1] - losses[i]",
                "range(len(losses)), key=lambda i: losses[i]",
                "lrs[i]",
                "lrs[i] / 10",
            ),
            "You take a tenth of the rate with the smallest loss. That is another rule of "
            "thumb; here you want the steepest fall.",
        ),
        Mistake(
            "largest change either way",
            edit("losses[i + 1] - losses[i]", "-abs(losses[i + 1] - losses[i])"),
            "You look for the largest change, and a rise is one too. A fall is a negative "
            "difference: look for the least, with its sign.",
        ),
        Mistake(
            "steepest rise",
            edit("min(", "max("),
            "You found the steepest rise. The fall is where the difference is least.",
        ),
        Mistake(
            "slope over the rate itself",
            edit(
                "losses[i + 1] - losses[i]", "(losses[i + 1] - losses[i]) / (lrs[i + 1] - lrs[i])"
            ),
            "You divide by the distance of the rates, which favours the smallest. On the "
            "finder's logarithmic axis all neighbours are equally far apart: compare only the "
            "differences of the losses.",
        ),
        Mistake(
            "one index too far",
            edit("len(losses) - 1", "len(losses)"),
            "You look for a loss after the last one. There is one difference fewer than there "
            "are losses.",
        ),
        Mistake(
            "last difference left out",
            edit("range(len(losses) - 1)", "range(max(1, len(losses) - 2))"),
            "You never look at the last difference. Between n losses there are n - 1 differences, "
            "and range(n - 1) gives them all.",
        ),
        Mistake(
            "difference over two steps",
            edit(
                "range(len(losses) - 1)",
                "range(len(losses))",
                "losses[i + 1] - losses[i]",
                "(losses[min(i + 1, len(losses) - 1)] - losses[max(i - 1, 0)]) / (1 + (0 < i < "
                "len(losses) - 1))",
            ),
            "You take the slope over the two neighbours, as `numpy.gradient` does. Compare "
            "each loss only with the next one.",
        ),
        Mistake(
            "index looked up by its loss",
            edit("lrs[i]", "lrs[losses.index(losses[i])]"),
            "You look up the index by the value of the loss. The same loss may have occurred "
            "before: keep the index itself.",
        ),
        Mistake(
            "the first rate where nothing falls",
            edit("losses[i + 1] - losses[i]", "min(losses[i + 1] - losses[i], 0)"),
            "Where no loss falls you return the first rate. The least difference is then the "
            "slowest rise: start the comparison from the first difference or from infinity, not "
            "from 0.",
        ),
        Mistake(
            "index instead of the rate",
            edit("lrs[i]", "i"),
            "You return the index of the fall. Return the learning rate at that index.",
        ),
        Mistake(
            "flattest place",
            edit("losses[i + 1] - losses[i]", "abs(losses[i + 1] - losses[i])"),
            "You found the place where the loss changes least. The steepest fall is the most "
            "negative difference.",
        ),
        Mistake(
            "ratio of the losses",
            edit("losses[i + 1] - losses[i]", "losses[i + 1] / losses[i]"),
            "You compare each loss with the next by their ratio. Use the difference.",
        ),
        Mistake(
            "difference from the previous loss",
            edit(
                "len(losses) - 1",
                "len(losses)",
                "losses[i + 1] - losses[i]",
                "losses[i] - losses[i - 1]",
            ),
            "You subtract the previous loss, and for the first one, `losses[-1]`, that is the "
            "last of all. Subtract each loss from the next.",
        ),
        Mistake(
            "loss instead of the rate",
            edit("lrs[i]", "losses[i]"),
            "You return the loss at the right index. Return the learning rate there.",
        ),
        Mistake(
            "difference instead of the rate",
            edit("lrs[i]", "losses[i + 1] - losses[i]"),
            "You return how steep the fall is. Return the learning rate at which it is so steep.",
        ),
    )


class StepsPerFit(Exercise):
    """The steps of a fit: epochs times batches per epoch, including a smaller last batch."""

    id, points = "one_cycle.steps_per_fit", 1
    minutes, lines, writes = 5, "one line", "how many steps a fit takes"

    def cases(self, rng: Rng) -> Iterable[Case]:
        def case(label: str, n: int, batch_size: int, epochs: int) -> Case:
            return Case(
                f"{label}: steps_per_fit({n}, {batch_size}, {epochs})",
                n=n,
                batch_size=batch_size,
                epochs=epochs,
            )

        size = rng.integer(20, 60)
        odd = 2 * rng.integer(5, 8) + 1  # round(n / batch_size + 0.5) is right for even numbers
        yield case("batches that fit", size * odd, size, 2)
        yield case("one example too many", size * rng.integer(11, 15) + 1, size, 4)
        large = rng.integer(220, 400)
        yield case("one example too many for large batches", 3 * large + 1, large, 2)
        yield case("a third of a batch left over", size * 7 + size // 3, size, 3)
        yield case("one example too few", size * rng.integer(11, 15) - 1, size, 5)
        yield case("fewer examples than half a batch", rng.integer(2, 9), size, 3)
        yield case("batches of one", rng.integer(11, 20), 1, 2)

    def probe(self, steps_per_fit: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        yield "steps", steps_per_fit(case.n, case.batch_size, case.epochs)

    mistakes = (
        Mistake(
            "last batch forgotten",
            edit("math.ceil(n / batch_size)", "(n // batch_size)"),
            "The smaller batch at the end of each epoch is missing. It is a step like the others: "
            "round up.",
        ),
        Mistake(
            "last batch forgotten",
            edit("math.ceil(n / batch_size)", "max(1, n // batch_size)"),
            "The smaller batch at the end of each epoch is missing unless it is the only one. It "
            "is a step like the others: round up.",
        ),
        *(
            Mistake(
                "small remainder lost",
                edit("math.ceil(n / batch_size)", batches),
                "One example left over from a large batch gets lost where you round, or add less "
                "than 1. A last batch is a step however small it is: round up exactly.",
            )
            for batches in ("math.ceil(round(n / batch_size, 2))", "int(n / batch_size + 0.99)")
        ),
        Mistake(
            "batch_size ignored",
            edit("n / batch_size", "n / 64"),
            "You divide by 64 whatever the batch size is. Use the one that is passed in.",
        ),
        Mistake(
            "rounded up once",
            edit("epochs * math.ceil(n / batch_size)", "math.ceil(epochs * n / batch_size)"),
            "You round up at the end of the whole fit. Every epoch ends with a smaller batch: "
            "round up first, then multiply by the epochs.",
        ),
        Mistake(
            "always one more",
            edit("math.ceil(n / batch_size)", "(n // batch_size + 1)"),
            "There is one step too many where the batch size divides n: then no smaller batch is "
            "left.",
        ),
        *(
            Mistake(
                "rounded to the nearest",
                edit("math.ceil(n / batch_size)", batches),
                "You round to the nearest. A small last batch is a step too: round up.",
            )
            for batches in ("round(n / batch_size)", "max(1, round(n / batch_size))")
        ),
        Mistake(
            "a half added before rounding",
            edit("math.ceil(n / batch_size)", "round(n / batch_size + 0.5)"),
            "Where the batch size divides n, adding 0.5 leads half way between two whole numbers, "
            "and `round` then goes to the even one: for an odd number of batches that is one too "
            "many.",
        ),
        Mistake(
            "last batch of one left out",
            edit("math.ceil(n / batch_size)", "(n // batch_size + (n % batch_size > 1))"),
            "A last batch of a single example is missing. It is a step like the others.",
        ),
        Mistake(
            "one epoch",
            edit("epochs * ", ""),
            "That is one epoch. Multiply by the number of epochs.",
        ),
        *(
            Mistake(
                "epochs added",
                edit("epochs * math.ceil(n / batch_size)", f"{batches} + epochs"),
                "The number of epochs is added, as it is where brackets are missing: in "
                "`n // batch_size + 1 * epochs` it multiplies the 1 alone. Multiply the batches of "
                "an epoch by it.",
            )
            for batches in ("n // batch_size", "(n - 1) // batch_size", "math.ceil(n / batch_size)")
        ),
        Mistake(
            "examples counted",
            edit("math.ceil(n / batch_size)", "n"),
            "That is how many examples are seen. A step takes a whole batch.",
        ),
        Mistake(
            "rounded down at the end",
            edit("math.ceil(n / batch_size)", "n // batch_size"),
            "You round the whole fit down. Round up the batches of one epoch, then multiply.",
        ),
        Mistake(
            "one smaller batch for the whole fit",
            edit("math.ceil(n / batch_size)", "(n // batch_size) + (n % batch_size > 0)"),
            "You count the smaller batch once. Every epoch ends with one: round up first, then "
            "multiply by the epochs.",
        ),
        Mistake(
            "one more for the whole fit",
            edit("math.ceil(n / batch_size)", "(n // batch_size) + 1"),
            "You add one smaller batch for the whole fit. Every epoch ends with one, where the "
            "batch size does not divide n.",
        ),
        Mistake(
            "remainder counted as steps",
            edit("math.ceil(n / batch_size)", "(n // batch_size + n % batch_size)"),
            "The leftover examples together make one batch, and so one step.",
        ),
        Mistake(
            "a float instead of an int",
            edit("epochs * ", "1.0 * epochs * "),
            "The number is right, but it is a float, such as 12.0. Steps are counted: return "
            "an int. `math.ceil` and `//` of whole numbers give one; `numpy.ceil` does not.",
        ),
        Mistake(
            "not a whole number",
            edit("math.ceil(n / batch_size)", "n / batch_size"),
            "A number of steps is a whole number. Round the batches of an epoch up.",
        ),
    )


class ReproduceOneCycle(Reproduce):
    """A schedule with the bug that gave a loss curve, and the kind of the bug."""

    id, points = "one_cycle.reproduce_one_cycle", 3
    minutes, lines = 20, "a guess and a wrong schedule"
    writes = "the bug behind a loss curve"
    extra = True
    right_code = ONE_CYCLE_RIGHT
    kinds: ClassVar = {
        "a wrong shape": "the right numbers at the ends, and another curve between them",
        "a wrong peak": "the largest rate comes too early or too late",
        "a wrong end": "the last rates are too large or too small",
        "a wrong momentum": "it moves the wrong way, or not at all",
    }
    start = (-1.0, 1.0)
    steps = 40
    curves = REPRODUCE_ONE_CYCLE
    suspects = ONE_CYCLE

    def train(self, broken: Any, start: Sequence[float] | Tensor, steps: int) -> list[float]:
        """The losses of a line through 20 points, 5 at a time, under a schedule up to lr 0.05."""
        x = torch.linspace(0, 2, 20)
        y = 1.5 * x + 0.5 + 0.3 * torch.sin(9 * x)
        inputs = torch.stack([x, torch.ones(20)], 1)
        w, v = torch.as_tensor(start).clone(), torch.zeros(2)
        losses = []
        for step in range(steps):
            lr, momentum = broken(step, steps, 0.05)
            losses.append((inputs @ w - y).square().mean().item())
            batch, due = inputs[step % 4 :: 4], y[step % 4 :: 4]
            v = momentum * v + 2 / 5 * batch.T @ (batch @ w - due)
            w = w - lr * v
        return losses

    mistakes = REPRODUCING

"""The rate and the momentum of one cycle."""

from collections.abc import Callable, Sequence
from typing import Any

from course_utils import plots
from course_utils.errors import CourseError
from course_utils.explore.page import Ask, Explorer, digits, explorer, menu, slider
from course_utils.reference import one_cycle as right

DIVISORS = (1, 2, 4, 10, 25, 100)
Cycle = Callable[..., tuple[float, float]]


def one_cycle(
    total: int = 60,
    lr_max: float = 0.1,
    mine: Cycle | None = None,
    *,
    ask: Ask = None,
    goal: float | None = None,
) -> Explorer:
    """Shape the curves of one cycle, and walk along them step by step.

    total: steps, 10 to 300. mine: your function, asked with its defaults at up to 30 steps and
    drawn as dots. goal: how many times its start the reach may grow, at div 25 or more.
    """
    if total not in range(10, 301):
        raise CourseError(f"total is {total}; it should be a whole number from 10 to 300.")
    if not 0 < lr_max <= 10:
        raise CourseError(f"lr_max is {lr_max:g}; it should be above 0 and at most 10.")
    every = -(-total // 30)
    due = [right.one_cycle(step, total, lr_max) for step in range(total)]
    yours = (
        None
        if mine is None
        else [_asked(mine, step, total, lr_max) for step in range(0, total, every)]
    )
    figure, panels = plots.panels(3, width=9.0)
    reach = [lr / (1 - momentum) for lr, momentum in due]
    curves: dict[str, Sequence[float]] = {
        "learning rate": [lr for lr, _ in due],
        "momentum": [momentum for _, momentum in due],
        "rate / (1 - momentum)": reach,
    }
    for axis, (name, values) in zip(panels, curves.items(), strict=True):
        plots.curves({name: values}, range(total), xlabel="step", title=name, axis=axis)
    return explorer(
        "one_cycle",
        "One cycle",
        figure,
        f"Learning rate, momentum, and rate over one minus momentum over {total} steps. The rate "
        f"rises along half a cosine to {lr_max:g} and falls to almost 0; momentum falls from 0.95 "
        "to 0.85 and returns.",
        size=(350, 350),
        caption="Each phase goes from pct = 0 to 1; reach is lr / (1 − momentum).",
        columns=["step", "way", "pct", "lr", "momentum", "reach"],
        controls=[
            slider("pct", "pct_start", (0.2, 0.9, 0.05), 0.3),
            slider("top", "lr_max", (lr_max / 10, 2 * lr_max, lr_max / 10), lr_max, 3),
            menu("div", "div", DIVISORS, 25),
            slider("low", "momentum, low", (0.5, 0.98, 0.01), 0.85),
            slider("high", "momentum, high", (0.5, 0.98, 0.01), 0.95),
        ],
        buttons={"1 step": 1, "10 steps": 10, "to the end": total},
        ask=ask,
        goal=None
        if goal is None
        else {
            "text": f"with div 25 or more, a reach that never grows to {goal:g} times its start. "
            "Go to the end.",
            "times": goal,
            "div": 25,
        },
        total=total,
        final=1e4,
        every=every,
        mine=yours,
    )


def _asked(mine: Cycle, step: int, total: int, lr_max: float) -> list[float]:
    """What a student's function says, as two numbers."""
    answer: Any = mine(step, total, lr_max)
    try:
        lr, momentum = (float(value) for value in answer)
    except (TypeError, ValueError):
        raise CourseError(
            f"mine should return the pair (lr, momentum); at step {step} it returns {answer!r}."
        ) from None
    if not (0 <= momentum < 1 and 0 <= lr < 1e6):
        raise CourseError(
            f"mine returns lr {lr:g} and momentum {momentum:g} at step {step}, far out of range."
        )
    return [digits(lr, 4), digits(momentum, 4)]

"""A valley to walk in: the loss of a line over slope and intercept, and one line's intercept that
lags.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from course_utils import plots
from course_utils.errors import CourseError
from course_utils.explore.page import Ask, Explorer, digits, explorer, menu, slider, vector
from course_utils.reference.optimizers import adam_step, rmsprop_step
from course_utils.reference.sgd import momentum_step

OPTIMIZERS = ("SGD", "RMSProp", "Adam")
LEVELS = 4095  # of a coordinate, which is written as two characters
SHOWN = 15  # steps in the still picture


def valley(
    x: Any,
    y: Any,
    *,
    start: Sequence[float] = (-1.0, 1.0),
    lr: float = 0.1,
    momentum: float = 0.0,
    batch_size: int | None = None,
    optimizers: Sequence[str] = ("SGD",),
    ask: Ask = None,
    goal: tuple[float, int] | None = None,
) -> Explorer:
    """Walk over the mean squared error of a line through the points (x, y) with your own steps.

    x, y: (n,), 2 to 200 points; batches are taken in their order. start: slope and intercept.
    optimizers: those to choose from. goal: (loss, steps), to get below the loss within the steps.
    Steps are torch.optim's; RMSProp's alpha and Adam's second beta are 0.99.
    """
    xs, ys = _points(x, y, most=200)
    n = len(xs)
    start = vector(start, "start", 2, 2)
    optimizers = _known(optimizers)
    batch_size = n if batch_size is None else batch_size
    sizes = sorted({1, *(size for size in (10, 100) if size < n), batch_size, n})
    if not 1 <= batch_size <= n:
        raise CourseError(f"batch_size is {batch_size}; for {n} points it should be 1 to {n}.")
    points = torch.tensor([xs, ys], dtype=torch.float64)
    return explorer(
        "steps valley",
        "A valley to walk in",
        _still_valley(points, start, lr, momentum, optimizers[0]),
        "Contour map of the loss over slope and intercept: a long valley with a star at its "
        f"lowest point. A path of {SHOWN} steps of {optimizers[0]} with lr {lr:g} and momentum "
        f"{momentum:g} starts at ({start[0]:g}, {start[1]:g}).",
        size=(350, 325),
        caption="Gradient g, velocity v, and where the step leads; the loss is of all points.",
        columns=_columns(optimizers),
        controls=[
            *_choice(optimizers, optimizers[0]),
            slider("lr", "learning rate", (0.01, 0.6, 0.01), lr),
            slider("momentum", "momentum", (0, 0.99, 0.01), momentum),
            menu("batch", "batch size", sizes, batch_size),
        ],
        buttons={"1 step": 1, "10 steps": 10, "1 epoch": 0},
        ask=ask,
        goal=None
        if goal is None
        else {
            "text": f"a loss below {goal[0]:g} within {goal[1]} steps.",
            "below": goal[0],
            "within": goal[1],
        },
        x=_coded(xs),
        y=_coded(ys),
        start=start,
        view=_view(points, start),
        optimizer=optimizers[0],
        squares=len(optimizers) > 1,
    )


def line(
    x: Any,
    y: Any,
    *,
    intercept: float,
    start: Sequence[float] = (1.0, 1.0),
    lr: float = 0.0001,
    momentum: float = 0.0,
    optimizer: str = "SGD",
    optimizers: Sequence[str] = OPTIMIZERS,
    plan: Sequence[tuple[float, float]] | None = None,
    ask: Ask = None,
    goal: float | None = None,
) -> Explorer:
    """Fit a line with batches of one, step by step as in a spreadsheet, for five epochs.

    x, y: (n,), 2 to 40 points. intercept: the true one, drawn as a dashed line, above 0.
    plan: (lr, momentum) of every step, in place of the two controls.
    goal: an intercept to get above.
    """
    xs, ys = _points(x, y, most=40)
    steps = 5 * len(xs)
    if not intercept > 0:
        raise CourseError(f"intercept is {intercept:g}; it should be the true one, above 0.")
    optimizers = _known(optimizers)
    if plan is not None and len(plan) != steps:
        raise CourseError(f"plan has {len(plan)} pairs; five epochs have {steps} steps.")
    pairs = [(lr, momentum)] * steps if plan is None else [*plan]
    rates = sorted({0.00001, 0.0001, 0.001, 0.01, 0.02, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, lr})
    points = torch.tensor([xs, ys], dtype=torch.float64)
    start, squares = vector(start, "start", 2, 2), [*optimizers] != ["SGD"]
    path = walk(points, start, optimizer, pairs, 1)
    chosen = [] if plan else [menu("lr", "learning rate", rates, lr), _momentum(momentum)]
    return explorer(
        "steps line",
        "A line fitted step by step",
        plots.curves(
            {"slope": path[:, 0], "intercept": path[:, 1]}, range(steps + 1), xlabel="step"
        ),
        f"Slope and intercept over five epochs of {optimizer}: after {steps} steps the slope is "
        f"{path[-1, 0]:.1f} and the intercept {path[-1, 1]:.1f}.",
        size=(350, 335),
        caption="One example a row: the prediction, its squared error, the gradients, what the "
        "optimizer remembers of them, and the new line.",
        columns=[
            *("step", "x", "y"),
            *("slope", "intercept", "ŷ", "(ŷ − y)²", "g slope", "g intercept"),
            *("v slope", "v intercept"),
            *(("s slope", "s intercept") if squares else ()),
            *("lr", "new slope", "new intercept"),
        ],
        controls=[*_choice(optimizers, optimizer), *chosen],
        buttons={"1 step": 1, "1 epoch": 0, "5 epochs": steps},
        ask=ask,
        goal=None
        if goal is None
        else {"text": f"an intercept above {goal:g} and steady.", "above": goal},
        points=[[digits(a), digits(b)] for a, b in zip(xs, ys, strict=True)],
        start=start,
        squares=squares,
        optimizer=optimizer,
        target=intercept,
        most=steps,
        plan=plan and [_coded(part) for part in zip(*pairs, strict=True)],
    )


def _choice(optimizers: Sequence[str], chosen: str) -> list[Any]:
    """A menu of optimizers where there is more than one."""
    one = menu("optimizer", "optimizer", optimizers, chosen)
    return [one] if len(optimizers) > 1 else []


def _momentum(value: float) -> list[Any]:
    return slider("momentum", "momentum", (0, 0.99, 0.01), value)


def _known(optimizers: Sequence[str]) -> list[str]:
    """The names, if they are all known."""
    names = [optimizers] if isinstance(optimizers, str) else [*optimizers]
    for name in names:
        if name not in OPTIMIZERS:
            raise CourseError(
                f"{name!r} is no optimizer here; choose from {', '.join(OPTIMIZERS)}."
            )
    if not names:
        raise CourseError(f"optimizers is empty; choose from {', '.join(OPTIMIZERS)}.")
    return names


def _points(x: Any, y: Any, most: int) -> tuple[list[float], list[float]]:
    """Both coordinates of the points, of equal length and not all at the same x."""
    xs, ys = vector(x, "x", 2, most), vector(y, "y", 2, most)
    if len(xs) != len(ys):
        raise CourseError(f"x has {len(xs)} numbers and y {len(ys)}; every point needs both.")
    if max(xs) == min(xs):
        raise CourseError("All x are the same; a line needs two different ones.")
    return xs, ys


def _coded(values: Sequence[float]) -> tuple[float, float, str]:
    """The lowest value, the size of a level of 4096, and two characters for each level."""
    low = digits(min(values))
    unit = digits((max(values) - low) / LEVELS) or 1.0
    levels = [min(max(round((value - low) / unit), 0), LEVELS) for value in values]
    return low, unit, "".join(chr(63 + level // 64) + chr(63 + level % 64) for level in levels)


def _columns(optimizers: Sequence[str]) -> list[str]:
    squares = ["s slope", "s intercept"] if len(optimizers) > 1 else []
    memory = ["g slope", "g intercept", "v slope", "v intercept", *squares]
    return ["step", *memory, "slope", "intercept", "loss"]


def _view(points: Tensor, start: Sequence[float]) -> list[float]:
    """Slopes and intercepts to show: the lowest point in the middle, and the start."""
    best = _best(points)
    reach = 1.5 * max(abs(best[0] - start[0]), abs(best[1] - start[1]), 0.5)
    return [digits(float(z), 3) for b in best for z in (b - reach, b + reach)]


def _best(points: Tensor) -> list[float]:
    rows = torch.stack([points[0], torch.ones_like(points[0])], 1)
    return torch.linalg.lstsq(rows, points[1][:, None]).solution[:, 0].tolist()


def _still_valley(
    points: Tensor, start: Sequence[float], lr: float, momentum: float, optimizer: str
) -> Any:
    """The valley with the first steps on all points."""
    low_a, high_a, low_b, high_b = _view(points, start)
    a, b = torch.linspace(low_a, high_a, 60), torch.linspace(low_b, high_b, 60)
    x, y = points
    heights = torch.stack([((a[:, None] * x + v - y) ** 2).mean(1) for v in b])
    path = walk(points, start, optimizer, [(lr, momentum)] * SHOWN, len(x))
    name = f"{optimizer}, lr {lr:g}, momentum {momentum:g}"
    return plots.surface(
        a, b, heights, {name: path}, lowest=_best(points), xlabel="slope", ylabel="intercept"
    )


def walk(
    points: Tensor, start: Sequence[float], optimizer: str, plan: Sequence[Any], size: int
) -> Tensor:
    """The places (steps + 1, 2) on the way with batches of this size, in the points' order."""
    w = torch.tensor(start, dtype=torch.float64)
    a, b, places, n = torch.zeros_like(w), torch.zeros_like(w), [w.clone()], points.shape[1]
    for step, (lr, momentum) in enumerate(plan):
        at = torch.arange(step * size, step * size + size) % n
        x, y = points[:, at]
        error = w[0] * x + w[1] - y
        w.grad = 2 * torch.stack([(error * x).mean(), error.mean()])
        if optimizer == "SGD":
            momentum_step([w], [a], lr, momentum)
        elif optimizer == "Adam":
            adam_step([w], [a], [b], step + 1, lr, (momentum, 0.99), 1e-8)
        else:
            rmsprop_step([w], [b], lr, 0.99, 1e-8)
        places.append(w.clone())
    return torch.stack(places)

"""One weight under decay, inside the gradient and beside it."""

from collections.abc import Sequence

import torch

from course_utils import plots
from course_utils.errors import CourseError
from course_utils.explore.page import Ask, Explorer, digits, explorer, menu, slider
from course_utils.reference.sgd import momentum_step


def decay(
    *,
    target: float = 4.0,
    start: float = 0.0,
    curvature: float = 1.0,
    lr: float = 0.05,
    momentum: float = 0.0,
    wd: float = 0.5,
    steps: int = 120,
    optimizers: Sequence[str] = ("SGD",),
    ask: Ask = None,
    goal: float | None = None,
) -> Explorer:
    """Let one weight find its rest under L2 and under decoupled decay, side by side.

    The loss is curvature / 2 * (w - target)**2. optimizers: "SGD", or "SGD" and "Adam" to choose
    from. goal: how near the two should rest, at momentum 0.9 or more.
    """
    if not target > 0 or not curvature > 0:
        raise CourseError(
            f"target is {target:g} and curvature {curvature:g}; both should be above 0."
        )
    if not 0 <= start <= 2 * target:
        raise CourseError(f"start is {start:g}; it should be 0 to {2 * target:g}.")
    if steps not in range(20, 501):
        raise CourseError(f"steps is {steps}; it should be a whole number from 20 to 500.")
    optimizers = [optimizers] if isinstance(optimizers, str) else [*optimizers]
    if not optimizers or not {*optimizers} <= {"SGD", "Adam"}:
        raise CourseError(f"optimizers is {optimizers}; choose from SGD and Adam.")
    paths = {
        name: _path(target, start, curvature, lr, momentum, wd, steps, inside=inside)
        for name, inside in (("L2", True), ("decoupled", False))
    }
    figure = plots.curves(paths, range(steps + 1), xlabel="step", ylabel="weight")
    return explorer(
        "steps decay",
        "A weight under decay",
        figure,
        f"A weight over {steps} steps of SGD with momentum {momentum:g} and wd {wd:g}: with L2 it "
        f"ends at {paths['L2'][-1]:.2f}, with decoupled decay at {paths['decoupled'][-1]:.2f}.",
        size=(350, 315),
        caption="g is the gradient (with L2 the decay is in it), v the velocity, w the new weight.",
        columns=["step", *(f"{z}, {name}" for name in ("L2", "decoupled") for z in "gvw")],
        controls=[
            *([menu("optimizer", "optimizer", optimizers, optimizers[0])] * (len(optimizers) > 1)),
            slider("lr", "learning rate", (0.01, 0.2, 0.01), lr),
            slider("momentum", "momentum", (0, 0.95, 0.05), momentum),
            slider("wd", "wd of L2", (0, 2, 0.05), wd),
            slider("wd2", "wd, decoupled", (0, 8, 0.05), wd),
        ],
        buttons={"1 step": 1, "10 steps": 10, "to the end": steps},
        ask=ask,
        goal=None
        if goal is None
        else {
            "text": f"with momentum 0.9, both at rest within {goal:g} of each other.",
            "apart": goal,
            "after": steps,
            "momentum": 0.9,
        },
        target=digits(target),
        start=digits(start),
        curvature=digits(curvature),
        most=steps,
    )


def _path(
    target: float,
    start: float,
    curvature: float,
    lr: float,
    momentum: float,
    wd: float,
    steps: int,
    *,
    inside: bool,
) -> list[float]:
    """The weight step by step, with the decay inside the gradient or beside it."""
    w, v = torch.tensor(start, dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    path = [start]
    for _ in range(steps):
        w.grad = curvature * (w - target) + (wd * w if inside else 0.0)
        if not inside:
            w.mul_(1 - lr * wd)
        momentum_step([w], [v], lr, momentum)
        path.append(float(w))
    return path

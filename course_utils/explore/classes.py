"""Softmax and cross-entropy of one example, with logits to be dragged."""

import math
from collections.abc import Sequence
from typing import Any

import torch

from course_utils import plots
from course_utils.errors import CourseError
from course_utils.explore.page import Ask, Explorer, digits, explorer, menu, slider, vector


def softmax(
    logits: Any,
    target: int,
    names: Sequence[str] | None = None,
    *,
    ask: Ask = None,
    goal: float | None = None,
) -> Explorer:
    """Drag the logits of one example, or let gradient descent move them.

    logits: (c,), 2 to 10 numbers. target: the right class, 0 to c - 1. names: of the classes.
    goal: a loss to get below.
    """
    z = [round(value, 1) for value in vector(logits, "logits", 2, 10)]
    if target not in range(len(z)):
        raise CourseError(f"target is {target}; it should be a class from 0 to {len(z) - 1}.")
    names = [str(k) for k in range(len(z))] if names is None else [*map(str, names)]
    if len({*names}) != len(z):
        raise CourseError(f"names should be {len(z)} different names, one for each logit.")
    low, high = math.floor(min(z) - 3), math.ceil(max(z) + 3)
    p = torch.softmax(torch.tensor(z, dtype=torch.float64), 0)
    gradient = p.clone()
    gradient[target] -= 1
    figure, panels = plots.panels(3, width=9.0, height=2.4)
    for axis, heights, title in zip(
        panels,
        (z, p.tolist(), gradient.tolist()),
        ("logits", "probabilities", "gradient p - y"),
        strict=True,
    ):
        colours = [plots.ORANGE if k == target else plots.BLUE for k in range(len(z))]
        axis.bar(names, heights, color=colours)
        axis.axhline(0, color="0.5", linewidth=0.8)
        axis.set_title(title)
    return explorer(
        "softmax",
        "Softmax and cross-entropy",
        figure,
        f"Bars of {len(z)} logits, their probabilities and the gradient p minus y. The right "
        f"class, {names[target]}, has the logit {z[target]:g} and the probability {p[target]:.2f}.",
        size=(350, 345),
        caption="m is the largest logit; p is the third column divided by its sum.",
        columns=["class", "logit z", "exp(z − m)", "p", "y", "p − y"],
        controls=[
            *(
                slider(f"z{k}", f"logit of {name}", (min(low, 0), max(high, 0), 0.1), value)
                for k, (name, value) in enumerate(zip(names, z, strict=True))
            ),
            menu("target", "right class", names, names[target]),
            slider("lr", "learning rate", (0.1, 5, 0.1), 1.0, 1),
        ],
        buttons={"1 step": 1, "10 steps": 10},
        ask=ask,
        goal=None if goal is None else {"text": f"a loss below {goal:g}.", "below": digits(goal)},
        names=names,
        low=min(low, 0),
        high=max(high, 0),
    )

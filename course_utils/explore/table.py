"""The lookup of rows as a product with one-hot rows, and its gradient."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils import plots
from course_utils.errors import CourseError
from course_utils.explore.page import Ask, Explorer, digits, explorer, menu, vector


def lookup(weight: Any, idx: Sequence[int], grad_out: Any, ask: Ask = None) -> Explorer:
    """Look rows up by multiplying, one row of the weight after the other, and go back.

    weight: (n, k), 2 to 6 rows of 1 to 3 numbers. idx: 1 to 4 indices from 0 to n - 1.
    grad_out: (len(idx), k), what is sent back to each place.
    """
    rows, sent = _matrix(weight, "weight", 2, 6), _matrix(grad_out, "grad_out", 1, 4)
    chosen = [int(i) for i in vector(idx, "idx", 1, 4)]
    n, k = len(rows), len(rows[0])
    for i in chosen:
        if i not in range(n):
            raise CourseError(f"idx holds {i}; the weight has the rows 0 to {n - 1}.")
    if len(sent) != len(chosen) or len(sent[0]) != k:
        raise CourseError(
            f"grad_out has shape ({len(sent)}, {len(sent[0])}); "
            f"it should have the shape of the rows, ({len(chosen)}, {k})."
        )
    hot = F.one_hot(torch.tensor(chosen), n).float()
    table = torch.tensor(rows)
    parts: list[tuple[str, Tensor] | str] = [
        ("one-hot", hot),
        "@",
        ("weight", table),
        "=",
        ("rows", hot @ table),
    ]
    width, tall = 34 * (n + 2 * k) + 100, 24 * max(len(chosen), n)
    return explorer(
        "lookup",
        "A lookup as a product",
        plots.matrices(*parts),
        f"The one-hot rows of the indices {', '.join(map(str, chosen))}, times a weight of {n} "
        "rows, are the rows looked up.",
        size=(width, 2 * tall + 80),
        caption="Forward, each row of W is multiplied by a 0 or the 1 and added; backward, what is "
        "sent back is added to the row that was looked up.",
        columns=["step", "way", "place", "row", "one-hot", "row of W, or sent back"]
        + [f"sum {i + 1}" for i in range(k)],
        controls=[
            menu(f"i{place}", f"index {place}", range(n), i) for place, i in enumerate(chosen)
        ],
        buttons={"1 step": 1, "one lookup": n, "to the end": (n + 1) * len(chosen)},
        ask=ask,
        weight=rows,
        grads=sent,
    )


def _matrix(values: Any, name: str, least: int, most: int) -> list[list[float]]:
    """A matrix as lists, of least to most rows and one to three columns."""
    try:
        rows = [vector(row, name, 1, 3) for row in values]
    except (TypeError, CourseError):
        raise CourseError(
            f"{name} should be a matrix of numbers, of one to three columns."
        ) from None
    if not least <= len(rows) <= most or len({len(row) for row in rows}) != 1:
        raise CourseError(f"{name} should have {least} to {most} rows of equal length.")
    return [[digits(value, 4) for value in row] for row in rows]

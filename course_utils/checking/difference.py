"""The first difference between two runs of a probe, and how values are shown to people."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course_utils.checking.axes import EARLIER
from course_utils.checking.claims import denied
from course_utils.checking.evidence import Evidence, Other, Raised
from course_utils.checking.exercise import Case

MOST = (6, 8)  # rows and columns of a tensor of which nothing is left out; a list is one row
PART = (3, 6)  # what is shown around the worst entry of a larger one
MARK = "≠"  # before an entry that differs
FEW = 12  # entries of a tensor that is shown by name
LONGEST = 120  # characters of a value that is shown by name
CLOSE = 1e-5  # relative distance below which an entry of a tensor is not marked, if another one is


@dataclass(frozen=True)
class Difference:
    """Where the evidence first differs: in a value, an input, the state of torch, or by an
    exception.

    kind is one of value, input, state, raised, missing, extra; have and want are the whole evidence
    of the case.
    """

    case: Case
    name: str
    kind: str
    expected: Any
    got: Any
    have: Evidence
    want: Evidence

    @property
    def claim(self) -> str:
        """The sentence that should hold and does not, where the difference is a claim; else
        nothing.
        """
        return denied(self.name) if self.kind == "value" and isinstance(self.expected, bool) else ""

    @property
    def is_asked_for(self) -> bool:
        """Whether its name was given by the course, not brought along by the answer."""
        return self.kind != "extra" and not (self.kind == "state" and self.name.endswith(EARLIER))

    def show(self) -> tuple[str, str]:
        """Expected and got as texts, entry under entry; for an exception its type, message and
        line.
        """
        if self.claim:
            return "", ""
        if not isinstance(self.got, Raised):
            expected, got = side_by_side(self.expected, self.got)
            return "" if self.kind == "missing" else expected, got
        text = f"{self.got.type}: {self.got.message}".rstrip(": ")
        if self.got.line is not None:
            text += f"\nat line {self.got.line} of {self.got.function}: {self.got.source}"
        return "", text


def number(value: Any) -> str:
    """A number with 4 significant digits; -0.0 is shown as 0."""
    return f"{value + 0.0:.4g}" if isinstance(value, float) else str(value)


def digits_that_differ(a: Any, b: Any) -> tuple[str, str]:
    """Two numbers as texts, with as many digits as it takes to tell them apart."""
    for digits in range(4, 18):
        texts = tuple(
            f"{item:.{digits}g}" if isinstance(item, float) else str(item) for item in (a, b)
        )
        if texts[0] != texts[1] or a == b:
            break
    return texts[0], texts[1]


def show(value: Any) -> str:
    """A value as a line of text; for a large tensor its dtype and shape."""
    if isinstance(value, Other):
        return f"an object of type {value.type}"
    if isinstance(value, list):
        inner = ", ".join(show(item) for item in value[:8])
        return f"[{inner}{', ...' if len(value) > 8 else ''}]"
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{key!r}: {show(item)}" for key, item in list(value.items())[:8]) + "}"
        )
    if not isinstance(value, Tensor):
        return number(value)
    if _is_small(value.shape):
        return f"{_entries(value.tolist())} ({_kind(value)})"
    return f"{_dtype(value)} tensor of shape {tuple(value.shape)}"


def show_named(name: str, value: Any) -> str:
    """A name and its value: a small matrix row by row, a larger tensor as its shape, long texts
    shortened.
    """
    if isinstance(value, Tensor) and value.numel() > FEW:
        return f"{name} = {_dtype(value)} tensor of shape {tuple(value.shape)}"
    if isinstance(value, Tensor) and value.ndim == 2 and value.numel():
        rows = [[(number(item), "") for item in row] for row in value.tolist()]
        return f"{name} = {_table(rows, '[[')[0]} ({_kind(value)})".replace(
            "\n", "\n" + " " * len(f"{name} = ")
        )
    text = f"{name} = {value!r}" if isinstance(value, str) else f"{name} = {show(value)}"
    return text if len(text) <= LONGEST else text[:LONGEST] + "..."


def side_by_side(expected: Any, got: Any) -> tuple[str, str]:
    """Two values as texts, entry under entry where their form agrees; got marks what differs."""
    if (
        isinstance(expected, Tensor)
        and isinstance(got, Tensor)
        and expected.shape == got.shape
        and expected.numel()
    ):
        return _tensors(expected, got)
    if (
        isinstance(expected, list)
        and isinstance(got, list)
        and all(map(_is_plain, [*expected, *got]))
    ):
        return _lists(expected, got)
    if _is_number(expected) and _is_number(got):
        return digits_that_differ(expected, got)
    return show(expected), show(got)


def _tensors(expected: Tensor, got: Tensor) -> tuple[str, str]:
    gap = _gap(expected, got)
    worst = np.unravel_index(int(gap.argmax()), gap.shape)
    differs = gap > CLOSE * torch.nan_to_num(_wide(expected).abs(), nan=0.0)
    differs[worst] = bool(gap[worst] > 0)
    part, name = _part(gap, [int(i) for i in worst])
    rows = [
        [_pair(*entry) for entry in zip(*row, strict=True)]
        for row in zip(*(_rows(item[part]) for item in (expected, got, differs)), strict=True)
    ]
    left, right = _table(rows, "[" * min(expected.ndim, 2))
    other = MARK if expected.dtype != got.dtype else ""
    count = int(differs.sum())
    many = f"; {count} of {gap.numel()} entries differ" if name and count else ""
    return f"{left} ({_kind(expected)}{name})", f"{right} ({other}{_kind(got)}{name}{many})"


def _gap(expected: Tensor, got: Tensor) -> Tensor:
    """How far apart two entries are, in float64: 0 for the same inf or nan, inf for only one."""
    a, b = _wide(expected), _wide(got)
    alike = (a == b) | (a.isnan() & b.isnan())
    return torch.nan_to_num((a - b).abs(), nan=torch.inf).masked_fill(alike, 0.0)


def _wide(value: Tensor) -> Tensor:
    return value.to(torch.complex128 if value.is_complex() else torch.float64)


def _part(gap: Tensor, worst: Sequence[int]) -> tuple[tuple[Any, ...], str]:
    """The index of the part of a tensor to show, around the worst entry and at most 2-d, and its
    name.
    """
    if _is_small(gap.shape):
        return (...,), ""
    most = [1] * (gap.ndim - 2) + list(PART[-gap.ndim :])
    spans = [_span(i, size, length) for i, size, length in zip(worst, gap.shape, most, strict=True)]
    index = tuple(
        span.start if length == 1 else span for span, length in zip(spans, most, strict=True)
    )
    names = [f"{i.start}:{i.stop}" if isinstance(i, slice) else str(i) for i in index]
    return index, f"; here [{', '.join(names)}]"


def _span(centre: int, size: int, length: int) -> slice:
    """As many places around one as are shown, within a size."""
    start = max(0, min(centre - length // 2, size - length))
    return slice(start, min(start + length, size))


def _lists(expected: list[Any], got: list[Any]) -> tuple[str, str]:
    pairs = list(zip(expected, got, strict=False))
    differs = [a != b and not (a != a and b != b) for a, b in pairs]
    entries: list[tuple[str | None, str | None]] = [
        _pair(*pair, apart) for pair, apart in zip(pairs, differs, strict=True)
    ]
    entries += [(number(item), None) for item in expected[len(pairs) :]]
    entries += [(None, MARK + number(item)) for item in got[len(pairs) :]]
    if len(entries) <= MOST[1]:
        return _table([entries], "[")
    first = next((index for index, apart in enumerate(differs) if apart), len(pairs))
    span = _span(first, len(entries), PART[1])
    left, right = _table([entries[span]], "[")
    return tuple(
        f"{text} ({len(item)} entries; here [{span.start}:{span.stop}])"
        for text, item in ((left, expected), (right, got))
    )  # type: ignore[return-value]


def _table(
    rows: Sequence[Sequence[tuple[str | None, str | None]]], brackets: str
) -> tuple[str, str]:
    """Pairs of entries as two texts with equally wide columns; None entries are left out."""
    widths = [
        max(len(text or "") for row in rows for text in row[column])
        for column in range(len(rows[0]))
    ]

    def text(side: int) -> str:
        lines = []
        for row in rows:
            cells = zip((entry[side] for entry in row), widths, strict=True)
            lines.append(", ".join(cell.rjust(width) for cell, width in cells if cell is not None))
        if len(brackets) < 2:
            return brackets + lines[0] + "]" * len(brackets)
        return "[[" + "],\n [".join(lines) + "]]"

    return text(0), text(1)


def _pair(a: Any, b: Any, differs: bool) -> tuple[str, str]:
    if differs and _is_number(a) and _is_number(b):
        left, right = digits_that_differ(a, b)
    else:
        left, right = number(a), number(b)
    return left, MARK + right if differs else right


def _rows(part: Tensor) -> list[list[Any]]:
    """The entries of a tensor of at most two dimensions, as rows."""
    return part.reshape(1, -1).tolist() if part.ndim < 2 else part.tolist()


def _is_small(shape: Sequence[int]) -> bool:
    """Whether a tensor of this shape is shown in full."""
    return len(shape) <= 2 and all(
        size <= most for size, most in zip(reversed(shape), reversed(MOST), strict=False)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, int | float | str)


def _kind(value: Tensor) -> str:
    return f"{_dtype(value)}, shape {tuple(value.shape)}"


def _dtype(value: Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")


def _entries(value: Any) -> str:
    return f"[{', '.join(map(_entries, value))}]" if isinstance(value, list) else number(value)

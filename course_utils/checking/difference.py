"""The first difference between two runs of a probe, and how values are shown to people."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course_utils.checking.evidence import Evidence, Other, Raised
from course_utils.checking.exercise import Case


@dataclass(frozen=True)
class Difference:
    """Where the evidence first leaves the expected: in a value, an input, the state of torch, or by an exception.

    kind is one of value, input, state, raised, missing, extra; have and want are the whole evidence of the case.
    """

    case: Case
    name: str
    kind: str
    expected: Any
    got: Any
    have: Evidence
    want: Evidence

    def show_expected(self) -> str:
        """The expected value as text."""
        return show(self.expected, self.got) if self.kind != "missing" else ""

    def show_got(self) -> str:
        """The value that came as text; for an exception its type, message and line."""
        if not isinstance(self.got, Raised):
            return show(self.got, self.expected)
        text = f"{self.got.type}: {self.got.message}".rstrip(": ")
        if self.got.line is not None:
            text += f"\nat line {self.got.line} of {self.got.function}: {self.got.source}"
        return text


def number(value: Any) -> str:
    """A number with 4 significant digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def show(value: Any, other: Any = None) -> str:
    """A value as a line of text; of two tensors of the same shape that are large, the entry that differs most."""
    if value is None:
        return "None"
    if isinstance(value, Other):
        return f"an object of type {value.type}"
    if isinstance(value, list):
        inner = ", ".join(show(item) for item in value[:8])
        return f"[{inner}{', ...' if len(value) > 8 else ''}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {show(item)}" for key, item in list(value.items())[:8]) + "}"
    if not isinstance(value, Tensor):
        return number(value) if not isinstance(value, str) else value
    dtype = str(value.dtype).removeprefix("torch.")
    if value.numel() <= 12 and value.ndim <= 2:
        return f"{_entries(value.tolist())} ({dtype}, shape {tuple(value.shape)})"
    text = f"{dtype} tensor of shape {tuple(value.shape)}"
    if isinstance(other, Tensor) and other.shape == value.shape:
        apart = torch.nan_to_num((value.double() - other.double()).abs(), nan=torch.inf)
        index = tuple(int(i) for i in np.unravel_index(int(apart.argmax()), apart.shape))
        text += f", with {number(value[index].item())} at index {list(index)}"
    return text


def _entries(value: Any) -> str:
    return f"[{', '.join(map(_entries, value))}]" if isinstance(value, list) else number(value)

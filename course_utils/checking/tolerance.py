"""How far two right answers may lie apart; stated here and nowhere else."""

import math

import torch
from torch import Tensor

from course_utils.checking.exercise import Case

_EPS_MULTIPLE = 16.0  # how many rounding errors a term of a sum may bring
_SMALLEST_SUM = 64  # sums are never taken to be shorter than this


def tolerance(dtype: torch.dtype, sum_size: int) -> float:
    """Relative tolerance for a sum of so many terms: rounding errors grow like the root of their number.

    16 * eps(dtype) * sqrt(max(sum_size, 64)); for float32 and 64 terms 1.5e-5.
    """
    return _EPS_MULTIPLE * torch.finfo(dtype).eps * math.sqrt(max(sum_size, _SMALLEST_SUM))


def sum_size(case: Case) -> int:
    """No sum over a case is longer than its largest tensor."""
    return max((value.numel() for value in case.inputs.values() if isinstance(value, Tensor)), default=1)

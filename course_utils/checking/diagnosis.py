"""Recognises the mistakes that can happen in any exercise, from the first difference alone."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from course_utils.checking import axes, patterns
from course_utils.checking.debugging import NOBODY
from course_utils.checking.difference import Difference, number
from course_utils.checking.evidence import LONGEST_LIST, Other, Raised
from course_utils.checking.running import TimeLimit

Found = tuple[str, str] | None
ROUNDING = 1e-4  # relative distance below which a factor is said to be a number


def recognise(found: Difference) -> tuple[str | None, str]:
    """The name of the general mistake behind the first difference, or None, and advice."""
    found = _as_due(found)
    for recogniser in (*RECOGNISERS, *PATTERNS, wrong_gradient):
        if result := recogniser(found):
            return result
    before = [name for name in found.want.values if name in found.have.values]
    fine = before[: before.index(found.name)] if found.name in before else []
    fine = [name for name in fine if not isinstance(found.want.values[name], bool)]  # no claims
    if fine:
        return (
            None,
            f"{_listed(fine)} {'is' if len(fine) == 1 else 'are'} right; {found.name} is the "
            "first that differs.",
        )
    what = "values" if isinstance(found.expected, Tensor | list | dict) else "value"
    return (
        None,
        f"The {what} of {found.name} {'are' if what == 'values' else 'is'} not as expected.",
    )


def _as_due(found: Difference) -> Difference:
    """The difference with a tensor read as the number or the list for which it may stand."""
    due, got = found.expected, found.got
    if not isinstance(got, Tensor) or got.is_complex():
        return found
    is_number = type(due) in (int, float) and got.ndim == 0
    is_list = isinstance(due, list) and got.ndim == 1 and len(got) <= LONGEST_LIST
    return replace(found, got=got.tolist()) if is_number or is_list else found


def is_plain(found: Difference) -> bool:
    """Whether numbers differ, and nothing that is quickly said explains it."""
    found = _as_due(found)
    return found.kind == "value" and not any(recogniser(found) for recogniser in RECOGNISERS)


def keeps_something(found: Difference) -> Found:
    """What the answer holds has changed, and the same inputs give something else when they come
    again.
    """
    hint = f"The same call gives something else when you make it again. {axes.KEPT}"
    told_by_axis = found.case.axis and not found.name.endswith(axes.BEFORE)
    return (axes.AGAIN.mistake, hint) if found.have.keeps and not told_by_axis else None


def along_an_axis(found: Difference) -> Found:
    """The exercise's own cases are all right, and one made along an axis is not."""
    axis = axes.BY_AXIS.get(found.case.axis)
    # A call with other numbers was wrong before there was anything to keep from it.
    before = axis is axes.AGAIN and found.name.endswith(axes.BEFORE)
    stopped = isinstance(found.got, Raised) and found.got.type in (
        TimeLimit.__name__,
        MemoryError.__name__,
    )
    return (
        (axis.mistake, axis.hint)
        if axis and not stopped and found.kind not in ("input", "state") and not before
        else None
    )


def changed_its_input(found: Difference) -> Found:
    """An argument has changed after the call."""
    if found.kind != "input":
        return None
    name = found.name.removesuffix(" afterwards")
    # Where the answer is to change others of its arguments, it does not want copies.
    if found.want.inputs:
        hint = f"Your code changes its argument {name}, which has to stay as it is in this case."
    else:
        new = "Compute a new tensor" if isinstance(found.expected, Tensor) else "Work on a copy"
        hint = f"Your code changes its argument {name}. {new} and leave {name} alone."
    return "changed its input", hint


def changed_the_state(found: Difference) -> Found:
    """A setting of torch has changed after the call."""
    if found.kind != "state":
        return None
    if found.name.endswith(axes.EARLIER):
        return axes.AGAIN.mistake, f"Your code changes {found.name}. {axes.AGAIN.hint}"
    if found.name.startswith((".grad of", "requires_grad of")):
        hint = f"Your code changes {found.name}, an argument. Leave it as it was handed over."
        return "changed its input", hint
    return (
        "changed the state of torch",
        f"Your code changes {found.name} for everything that runs after it.",
    )


def raised(found: Difference) -> Found:
    """The answer raised an error, or ran out of time or memory."""
    if found.kind != "raised":
        return None
    if found.got is None:
        return (
            "did not raise",
            f"{found.expected.type if found.expected else 'An error'} should be raised here.",
        )
    if found.got.type == TimeLimit.__name__:
        return (
            "too slow",
            "Your code did not finish in time. Is there a loop whose condition never changes?",
        )
    if found.got.type == MemoryError.__name__:
        return (
            "out of memory",
            "Your code needs more memory than there is. Which tensor is so large, and why?",
        )
    if found.got.is_stub:
        return "stub left", (
            "`raise NotImplementedError()` was reached in "
            f"{found.got.function or 'your code'}: have you not written that part of the stub "
            "yet, or not removed its last line?"
        )
    if found.got.type in NOBODY:
        return "waited for input", (
            "Your code waits for someone to type (`breakpoint()`, `pdb.set_trace()` or "
            "`input()`), and nobody can here: remove that line, or run the cell in JupyterLab."
        )
    if found.got.type == "BdbQuit":
        return "debugger left", (
            "The debugger was closed before your code finished: continue with `c`, or remove "
            "`breakpoint()` or `pdb.set_trace()`."
        )
    if found.got.line is None:
        return (
            "raised",
            f"The check stopped with {found.got.type} when it called or used your answer.",
        )
    return (
        "raised",
        f"Your code raised {found.got.type} at line {found.got.line} of {found.got.function}.",
    )


def not_raised(found: Difference) -> Found:
    """These inputs should raise an error, and none was raised."""
    if found.kind != "missing" or found.want.raised is None:
        return None
    return "did not raise", f"For these inputs your code should raise {found.want.raised.type}."


def missing_gradient(found: Difference) -> Found:
    """A gradient is None."""
    if found.got is not None or found.kind != "value" or not _is_gradient(found.name):
        return None
    return "missing gradient", (
        f"{found.name} is None: the result is not connected to what it was computed from. "
        "Look for .data, .detach(), .item(), torch.no_grad() or a new torch.tensor(...) on the way."
    )


def returned_none(found: Difference) -> Found:
    """None where a value was expected."""
    if found.got is not None or found.kind != "value":
        return None
    return (
        "returned None",
        f"{found.name} is None. Is a `return` missing, or was `self.name = ...` never set?",
    )


def wrong_type(found: Difference) -> Found:
    """A value of another type."""
    if found.kind != "value" or isinstance(found.expected, bool):
        return None
    kinds = [_kind(found.expected), _kind(found.got)]
    if kinds[0] == kinds[1]:
        return None
    return "type", f"{found.name} should be {kinds[0]}, but it is {kinds[1]}."


def transposed(found: Difference) -> Found:
    """Rows and columns are swapped."""
    a, b = found.expected, found.got
    if not (_tensors(a, b) and a.ndim >= 2 and b.ndim == a.ndim):
        return None
    turned = b.transpose(-1, -2)
    if turned.shape != a.shape or not torch.allclose(
        turned.double(), a.double(), rtol=1e-4, atol=1e-6
    ):
        return None
    return "transposed", f"{found.name} has the right numbers with rows and columns swapped."


def shape(found: Difference) -> Found:
    """The shape differs."""
    a, b = found.expected, found.got
    if not _tensors(a, b) or a.shape == b.shape:
        return None
    text = f"{found.name} should have shape {tuple(a.shape)}, but it has shape {tuple(b.shape)}."
    if a.numel() == b.numel():
        text += (
            " The number of entries is right: which dimension is one too many, too few, or "
            "in the wrong place?"
        )
    elif tuple(b.shape) == (a.numel(), a.numel()) and a.numel() in a.shape:
        n = a.numel()
        text += f" A shape ({n}, 1) and a shape ({n},) broadcast to ({n}, {n}): did the two meet?"
    else:
        text += patterns.part(a, b)
    return "shape", text


def dtype(found: Difference) -> Found:
    """The dtype differs."""
    a, b = found.expected, found.got
    if not _tensors(a, b) or a.dtype == b.dtype:
        return None
    return "dtype", f"{found.name} should be {_dtype(a)}, but it is {_dtype(b)}."


def not_finite(found: Difference) -> Found:
    """nan or inf where a finite number was expected."""
    a, b = _as_tensors(found)
    if (
        a is None
        or b is None
        or not b.is_floating_point()
        or not torch.isfinite(a).all()
        or torch.isfinite(b).all()
    ):
        return None
    what = "nan" if b.isnan().any() else "inf"
    return "nan or inf", (
        f"{found.name} contains {what}. That can come from 0/0, inf - inf, the logarithm of 0, "
        "exp of a large number or a `torch.empty` that was never filled: print the "
        "intermediate results and see which one has it first."
    )


def constant_factor(found: Difference) -> Found:
    """Every entry is off by the same factor."""
    a, b = _as_tensors(found)
    if (
        a is None
        or b is None
        or not a.is_floating_point()
        or a.numel() < 1
        or isinstance(found.expected, int)
    ):
        return None
    # What should be 0 has no factor, and must be 0.
    a, b = a.double().flatten(), b.double().flatten()
    used = a.abs() > 1e-6
    if not used.any() or (b[~used].abs() > 1e-5).any():
        return None
    ratios = b[used] / a[used]
    factor = float(ratios.median())
    if abs(factor) < 1e-9 or abs(factor - 1) < ROUNDING:
        return None
    if not torch.allclose(ratios, ratios.new_tensor(factor), rtol=ROUNDING, atol=0):
        return None
    # Any single number is some factor off; only a meaningful factor says anything.
    neat = "" if _is_share(a, found) and _is_share(b, found) else _neat(factor, found)
    if len(ratios) < 2 and not neat:
        return None
    if abs(factor + 1) < ROUNDING:
        return "sign", f"{found.name} has the right size but the wrong sign."
    what = found.name if a.numel() == 1 else f"Every entry of {found.name}"
    return "constant factor", f"{what} is {neat or number(factor)} times what it should be."


def all_zero(found: Difference) -> Found:
    """Only zeros, in more than a single number."""
    a, b = _as_tensors(found)
    if a is None or b is None or b.numel() < 2 or b.ne(0).any() or not a.ne(0).any():
        return None
    return "all zeros", (
        f"{found.name} is zero everywhere. Is it created at the start and never filled, set to 0 "
        "again, or lost in a division of whole numbers?"
    )


def wrong_gradient(found: Difference) -> Found:
    """All earlier values are right, but the gradient is not."""
    names = list(found.want.values)
    if found.kind != "value" or not _is_gradient(found.name) or found.name not in names:
        return None
    if not any(not _is_gradient(earlier) for earlier in names[: names.index(found.name)]):
        return None
    return (
        "wrong gradient",
        f"The values are right, but the gradient {found.name} that flows back through them is not.",
    )


def not_so(found: Difference) -> Found:
    """A claim that should hold does not."""
    return (f"not so: {found.name}", found.claim) if found.claim else None


RECOGNISERS: tuple[Callable[[Difference], Found], ...] = (
    keeps_something,
    along_an_axis,
    changed_its_input,
    changed_the_state,
    not_raised,
    raised,
    missing_gradient,
    returned_none,
    wrong_type,
    transposed,
    shape,
    dtype,
    patterns.length,
    not_finite,
    all_zero,
    constant_factor,
    not_so,
    patterns.in_words,
    patterns.another_value,
    patterns.arranged,
)
PATTERNS: tuple[Callable[[Difference], Found], ...] = (
    patterns.constant_offset,
    patterns.of_every_entry,
    patterns.one_number,
    patterns.in_part,
    patterns.by_row,
    patterns.a_term,
    patterns.nearly,
)


def _is_gradient(name: str) -> bool:
    """Whether this is autograd's own gradient; what an answer computes has other names, like
    `gradient`.
    """
    return name.startswith("grad of ") or name.endswith(".grad")


def _tensors(a: object, b: object) -> bool:
    return isinstance(a, Tensor) and isinstance(b, Tensor)


def _as_tensors(found: Difference) -> tuple[Tensor | None, Tensor | None]:
    """Both values as tensors of one shape, so numbers are diagnosed like tensors; else None."""
    values = [
        item if isinstance(item, Tensor) else torch.tensor(item, dtype=torch.float64)
        for item in (found.expected, found.got)
        if isinstance(item, Tensor | int | float) and not isinstance(item, bool)
    ]
    if found.kind != "value" or len(values) != 2 or values[0].shape != values[1].shape:
        return None, None
    return values[0], values[1]


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _kind(value: object) -> str:
    if isinstance(value, Other):
        return f"a {value.type}"
    if isinstance(value, Tensor):
        return "a tensor"
    if isinstance(value, bool):
        return "True or False"
    if isinstance(value, int | float):
        return "a number"
    return {list: "a list or tuple", dict: "a dict", str: "a string", type(None): "None"}.get(
        type(value), "something else"
    )


def _is_share(value: Tensor, found: Difference) -> bool:
    """Whether a single number is a share of some examples: two of these are a neat factor apart by
    chance.
    """
    sizes = {
        len(item) for item in found.case.inputs.values() if isinstance(item, Tensor) and item.ndim
    }
    whole = [float(value) * n for n in sizes if value.numel() == 1]
    return any(
        0 < item <= n and abs(item - round(item)) < ROUNDING
        for item, n in zip(whole, sizes, strict=False)
    )


def _neat(factor: float, found: Difference) -> str:
    """The factor in a meaningful form: a small integer or its inverse, a number that was passed in,
    or the size of an input.
    """
    if abs(factor + 1) < ROUNDING:
        return "-1"
    return next((text for value, text in _factors(found) if _is_about(factor, value)), "")


def _is_about(factor: float, value: float) -> bool:
    return value != 0 and abs(factor / value - 1) < ROUNDING


def _factors(found: Difference) -> Iterator[tuple[float, str]]:
    """Factors that mean something, in words."""
    # Twice, half, and the like.
    for value in (2, 3, 4, 10):
        yield value, str(value)
        yield 1 / value, f"1/{value}"
    # A sum where a mean is due, a mean over the wrong dimension, or over one too few.
    for name, item in found.case.inputs.items():
        if isinstance(item, float):
            for text, passed in ((name, item), (f"(1 - {name})", 1 - item)):
                yield passed, text
                yield 1 / passed if passed else 0.0, f"1/{text}"
        if not isinstance(item, Tensor):
            continue
        sizes = [
            (size, f"the size {size} of dimension {d} of {name}")
            for d, size in enumerate(item.shape)
        ]
        sizes += [(item.numel(), f"the number {item.numel()} of entries of {name}")]
        for size, text in ((size, text) for size, text in sizes if size > 1):
            yield size, f"{size} ({text})"
            yield 1 / size, f"1/{size} ({text})"
            if size > 2:
                yield size / (size - 1), f"{size}/{size - 1} (from {text}: divided by one less?)"
                yield (size - 1) / size, f"{size - 1}/{size} (from {text}: is one left out?)"


def _listed(names: Sequence[str]) -> str:
    shown = list(names[-3:])
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]

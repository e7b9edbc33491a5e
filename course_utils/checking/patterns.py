"""What numbers that came have to do with those that were due: shifted, sorted, squared, one row too
many ... Each is said of one difference alone, and holds whatever the code behind it.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from course_utils.checking import axes
from course_utils.checking.difference import Difference, number

Found = tuple[str, str] | None
ROUNDING = 1e-4  # relative distance below which two numbers are said to be the same
NEARLY = 1e-2  # relative distance below which what differs is nearly right
ROWS = ("row", "column")
AFTER = " after "  # before the step or the call, in the name of a value


def numbers(value: Any) -> Tensor | None:
    """A tensor, a number or a list of numbers as a float64 tensor; None for anything else."""
    if isinstance(value, Tensor) and not (value.is_complex() or value.dtype == torch.bool):
        return value.detach().double()
    if _is_number(value) or (isinstance(value, list) and value and all(map(_is_number, value))):
        return torch.tensor(value, dtype=torch.float64)
    return None


def pair(found: Difference) -> tuple[Tensor, Tensor] | None:
    """What was due and what came, where both are finite numbers of one shape and not nearly the
    same.
    """
    a, b = numbers(found.expected), numbers(found.got)
    if found.kind != "value" or a is None or b is None or a.shape != b.shape or not a.numel():
        return None
    if not (a.isfinite().all() and b.isfinite().all()) or alike(a, b):
        return None
    return a, b


def alike(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors of one shape hold the same numbers, but for rounding."""
    return a.shape == b.shape and bool(entries_alike(a, b).all())


def entries_alike(a: Tensor, b: Tensor) -> Tensor:
    """For each entry, whether two tensors hold the same number, but for rounding."""
    scale = torch.maximum(a.abs(), b.abs())
    return (a - b).abs() <= ROUNDING * scale + 1e-7 * a.abs().max()


def another_value(found: Difference) -> Found:
    """The numbers of an input, or of another value of the evidence."""
    if (both := pair(found)) is None:
        return None
    a, b = both
    for name, value, is_input in _others(found):
        # Two single numbers may be the same by chance, if they are not of one thing.
        of_one_thing = b.numel() > 2 or name.partition(AFTER)[0] == found.name.partition(AFTER)[0]
        if value.shape == b.shape and alike(value, b) and of_one_thing:
            if is_input and name == found.name.partition(AFTER)[0]:
                return "not changed", (
                    f"{found.name} is what it was before: nothing has changed it."
                )
            if is_input:
                return "the input itself", (
                    f"{found.name} is just {name}, as it was passed in. What should happen to it?"
                )
            names = list(found.want.values)
            if names.index(name) < names.index(found.name):
                return "another value", (
                    f"{found.name} has the same numbers as {name}, and should have others."
                )
            return "values exchanged", (
                f"{found.name} has the numbers that {name} should have. Are the two exchanged?"
            )
    return None


def arranged(found: Difference) -> Found:
    """The right numbers in other places."""
    both = pair(found)
    if both is None or both[0].ndim < 1 or len(both[0].unique()) < 3:
        return None
    a, b = both
    if not alike(a.flatten().sort().values, b.flatten().sort().values):
        return _shifted(found.name, a, b)
    for d in (d for d in range(a.ndim) if a.shape[d] > 2):
        if alike(a.flip(d), b):
            what = _along(a, d)
            return "reversed", f"The {what} of {found.name} are right, but in reverse order."
    if a.ndim > 1 and alike(a.mT.reshape(a.shape), b):
        return "read in another order", (
            f"{found.name} has the right numbers, but they fill it column by column where rows are "
            "due. A reshape keeps the order in memory; it turns nothing."
        )
    for d, descending in itertools.product(range(a.ndim), (False, True)):
        if alike(a.sort(d, descending=descending).values, b):
            return "sorted", (
                f"{found.name} has the right numbers in {'de' if descending else 'a'}scending "
                "order. They should stay in their own places."
            )
    return _shifted(found.name, a, b) or (
        "in another order",
        f"{found.name} has the right numbers, but in other places.",
    )


def _shifted(name: str, a: Tensor, b: Tensor) -> Found:
    """Each entry, row or column in its neighbour's place."""
    for d in (d for d in range(a.ndim) if a.shape[d] > 2):
        n = a.shape[d] - 1
        for place, start, end in (("late", 1, 0), ("early", 0, 1)):
            if alike(a.narrow(d, end, n), b.narrow(d, start, n)):
                return "shifted by one", f"The {_along(a, d)} of {name} come one place too {place}."
    return None


_POINTWISE: Sequence[tuple[str, str, Callable[[Tensor], Tensor]]] = (
    ("without its sign", "the size of what it should be, without the sign", torch.abs),
    ("squared", "the square of what it should be", torch.square),
    ("root", "the square root of what it should be", torch.sqrt),
    ("inverse", "1 divided by what it should be", torch.reciprocal),
    ("inverse", "-1 divided by what it should be", lambda a: -1 / a),
    ("exponential", "exp of what it should be", torch.exp),
    ("logarithm", "the logarithm of what it should be", torch.log),
    ("logarithm", "minus the logarithm of what it should be", lambda a: -a.log()),
    ("complement", "1 minus what it should be", lambda a: 1 - a),
)


def of_every_entry(found: Difference) -> Found:
    """A function of what every entry should be."""
    if (both := pair(found)) is None:
        return None
    a, b = both
    # Of 0 and 1 nearly everything is a function.
    if a.numel() == 1 and (_is_whole(found.expected) or {abs(float(a)), abs(float(b))} & {0, 1}):
        return None
    what = found.name if a.numel() == 1 else f"Every entry of {found.name}"
    for name, text, function in _POINTWISE:
        changed = function(a)
        if changed.isfinite().all() and alike(changed, b) and len(b.unique()) > (b.numel() > 1):
            return name, f"{what} is {text}."
    for text, function in (("rounded to whole numbers", torch.round), ("cut off", torch.trunc)):
        if alike(function(a), b) and len(b.unique()) > 2:
            return "rounded", f"{found.name} has no fractions: what it should be was {text}."
    # Two digits at least, and all its places in use: that a wrong number is 0.1 or 1 says nothing.
    for places in (1, 2, 3):
        short = torch.round(b, decimals=places)
        digits = short.abs().max() * 10**places >= 10
        used = not _exactly(torch.round(b, decimals=places - 1), b)
        if digits and used and alike(torch.round(a, decimals=places), b) and _exactly(short, b):
            return "rounded", (
                f"{what} is rounded to {places} decimal place{'s' * (places > 1)}. Give what you "
                "calculated: rounding is for what people read, such as a print."
            )
    return None


def _exactly(short: Tensor, b: Tensor) -> bool:
    """Whether numbers are these, but for how float32 stores them."""
    return bool(((short - b).abs() <= 1e-7 * short.abs().max()).all())


def constant_offset(found: Difference) -> Found:
    """Every entry is off by the same number."""
    if (both := pair(found)) is None:
        return None
    a, b = both
    gap = b - a
    offset = float(gap.median())
    if not (a.any() and alike(gap, torch.full_like(gap, offset))):
        return None
    # Any single number is off by something; only 1 says anything, and not of 0 and 1.
    neat = abs(abs(offset) - 1) < ROUNDING
    if a.numel() < 2 and not (neat and bool(a * b)):
        return None
    what = found.name if a.numel() == 1 else f"Every entry of {found.name}"
    size = number(round(abs(offset)) if neat else abs(offset))
    return "off by one" if neat else "constant offset", (
        f"{what} is {size} too {'large' if offset > 0 else 'small'}."
    )


def one_number(found: Difference) -> Found:
    """The same number in every entry, or the same row, where they should differ."""
    if (both := pair(found)) is None:
        return None
    a, b = both
    if a.numel() > 2 and alike(b, b.flatten()[0].expand(b.shape)):
        if alike(a, a.flatten()[0].expand(a.shape)):
            return None
        one = b.flatten()[:1]
        which = next(
            (
                f", {text}"
                for text, value in (
                    ("the mean of the right ones", a.mean()),
                    ("the sum of the right ones", a.sum()),
                    ("the last of the right ones", a.flatten()[-1]),
                    ("the first of the right ones", a.flatten()[0]),
                    ("the largest of the right ones", a.max()),
                    ("the smallest of the right ones", a.min()),
                )
                if alike(value.reshape(1), one)
            ),
            "",
        )
        return "one number everywhere", (
            f"Every entry of {found.name} is the same number, {number(float(one))}{which}."
        )
    for d in range(min(a.ndim, 2) if a.ndim == 2 else 0):
        same = all(alike(row, b.select(d, 0)) for row in b.unbind(d))
        if same and b.shape[d] > 1 and not all(alike(x, a.select(d, 0)) for x in a.unbind(d)):
            return f"equal {ROWS[d]}s", (
                f"All {ROWS[d]}s of {found.name} are the same, and should differ."
            )
    return None


def in_part(found: Difference) -> Found:
    """Some entries are right, and those that are not have something in common."""
    if (both := pair(found)) is None or both[0].numel() < 3:
        return None
    a, b = both
    right = entries_alike(a, b)
    if not right.any() and a.any():
        return _signs(found.name, a, b)
    wrong, name = ~right, found.name
    count = f"{int(wrong.sum())} of the {a.numel()} entries of {name}"
    due, came = a[wrong], b[wrong]
    if not came.any():
        return "zeros in some places", f"{count} are 0 and should not be; the others are right."
    if not due.any():
        text = f"{name} {'is right but where it ' if right.any() else ''}should be 0"
        if len(came) > 1 and alike(came, came[0].expand(came.shape)):
            text += f": it is {number(float(came[0]))} there"
        return "wrong where 0 is due", f"{text}."
    if float((b - a).abs().max()) < NEARLY * float(a.abs().max()):
        return None  # which entries are a little off may be chance
    if len(came) > 1 and alike(came, came[0].expand(came.shape)):
        end = float(came[0])
        if (due > end).all() and float(b.max()) <= end + 1e-7:
            return "cut off", f"{name} is cut off at {number(end)}: {count} should be larger."
        if (due < end).all() and float(b.min()) >= end - 1e-7:
            return "cut off", f"{name} is cut off at {number(end)}: {count} should be smaller."
    return (
        _at_an_end(name, a, right)
        or _signs(name, a, b)
        or _from_one_on(name, right)
        or _where(found, a, right)
    )


def _at_an_end(name: str, a: Tensor, right: Tensor) -> Found:
    """Only the first or the last along a dimension is wrong, or right."""
    for d in (d for d in range(a.ndim) if a.shape[d] > 2):
        one = _along(a, d)[:-1].replace("entrie", "entry")
        others = tuple(i for i in range(a.ndim) if i != d)
        whole = right.all(others) if others else right
        some = right.any(others) if others else right
        for place, index in (("first", 0), ("last", -1)):
            rest = torch.ones_like(whole)
            rest[index] = False
            if whole[rest].all() and not whole[index]:
                return f"{place} {one} wrong", (f"All of {name} is right except its {place} {one}.")
            # One entry that is right at the end of a vector is so by chance, as any other.
            if not some[rest].any() and whole[index] and (place == "first" or a.ndim > 1):
                return f"only the {place} {one} right", (
                    f"Only the {place} {one} of {name} is right."
                )
    return None


def _signs(name: str, a: Tensor, b: Tensor) -> Found:
    """Every entry has the right size."""
    if not alike(a.abs(), b.abs()):
        return None
    return "signs", (
        f"All entries of {name} have the right size, and {int((a * b < 0).sum())} of {a.numel()} "
        "have the wrong sign."
    )


def _from_one_on(name: str, right: Tensor) -> Found:
    """Right at the beginning, wrong from there on, or the other way round."""
    if right.ndim != 1 or len(right) < 4:
        return None
    changes = int((right[1:] != right[:-1]).sum())
    place = int(right[0].eq(right).sum())
    if changes != 1 or not 1 < place < len(right) - 1:
        return None
    if right[0]:
        return "wrong from one entry on", (
            f"The first {place} entries of {name} are right, and all from {name}[{place}] on are "
            "wrong."
        )
    return "wrong up to one entry", (
        f"The first {place} entries of {name} are wrong, and all from {name}[{place}] on are right."
    )


def _where(found: Difference, a: Tensor, right: Tensor) -> Found:
    """Wrong exactly where what is due, or an input, has a certain sign."""
    signed = [("it", "should be", a)]
    signed += [(name, "is", value) for name, value, is_input in _others(found) if is_input]
    for name, verb, value in signed:
        if value.shape != right.shape:
            continue
        for what, at in (("negative", value < 0), ("positive", value > 0)):
            if torch.equal(at, ~right) and min(int(at.sum()), int(right.sum())) > 2:
                return f"wrong where {what}", (
                    f"{found.name} is wrong exactly where {name} {verb} {what}; everywhere else it "
                    "is right."
                )
    return None


def by_row(found: Difference) -> Found:
    """Each row, or column, is off by a factor or a number of its own."""
    if (both := pair(found)) is None or both[0].ndim != 2:
        return None
    a, b = both
    for d in (d for d in (0, 1) if min(a.shape) > 1):
        rows = list(zip(a.unbind(d), b.unbind(d), strict=True))
        one = ROWS[d]
        if all(alike(y - x, (y - x).median().expand(x.shape)) for x, y in rows):
            offsets = _few([float((y - x).median()) for x, y in rows])
            return f"an offset for each {one}", (
                f"Each {one} of {found.name} is off by a number of its own ({offsets}): what has "
                f"one number for each {one} here?"
            )
        factors = [_factor(x, y) for x, y in rows]
        if all(factor is not None for factor in factors):
            return f"a factor for each {one}", (
                f"Each {one} of {found.name} is right but for a factor of its own "
                f"({_few(factors)}): what has one number for each {one} here?"
            )
    return None


def _factor(x: Tensor, y: Tensor) -> float | None:
    """The factor from one vector to another, if there is one."""
    largest = int(x.abs().argmax())
    if not x.flatten()[largest]:
        return None
    factor = y.flatten()[largest] / x.flatten()[largest]
    return float(factor) if abs(factor) > ROUNDING and alike(factor * x, y) else None


def a_term(found: Difference) -> Found:
    """Off by a multiple of an input, or of another value of the evidence."""
    if (both := pair(found)) is None or both[0].numel() < 3:
        return None
    gap = both[1] - both[0]
    for name, value, is_input in _others(found):
        if value.shape != gap.shape or not (factor := _factor(value, gap)):
            continue
        many = _times(factor, found)
        name += " (as it was passed in)" * is_input
        return "a term too many or too few", (
            f"Your {found.name} is what it should be {'plus' if factor > 0 else 'minus'} "
            f"{many}{name}: is there a term too many, or one too few?"
        )
    return None


def nearly(found: Difference) -> Found:
    """Right but for less than one percent, and more than rounding explains."""
    a, b = numbers(found.expected), numbers(found.got)
    if found.kind != "value" or a is None or b is None or a.shape != b.shape or not a.numel():
        return None
    if _is_whole(found.expected) or not (a.isfinite().all() and b.isfinite().all()):
        return None
    off = float((a - b).abs().max() / a.abs().max().clamp(min=1e-300))
    # A single number that is one percent off may be so by chance.
    if not 1e-7 < off < (NEARLY if a.numel() > 2 else NEARLY / 10):
        return None
    return "nearly right", (
        f"{found.name} is nearly right: it is off by {100 * off:.1g} % at most, which is more than "
        "rounding. Look for something small: an eps, a rounded constant, a term that hardly counts."
    )


def length(found: Difference) -> Found:
    """A list that is too long or too short."""
    a, b = found.expected, found.got
    if found.kind != "value" or not (isinstance(a, list) and isinstance(b, list)):
        return None
    if len(a) == len(b):
        return None
    text = f"The list of {found.name} should have {_entries(len(a))}. It has {len(b)}"
    ends = (
        (_equal(a[:-1], b), "the last one is missing"),
        (_equal(a[1:], b), "the first one is missing"),
        (_equal(a, b[:-1]), "the last one is too many"),
        (_equal(a, b[1:]), "the first one is too many"),
        (len(b) > 0 and _equal(a[: len(b)], b), "those that are there are right"),
        (len(a) > 0 and _equal(a, b[: len(a)]), f"the first {len(a)} are right"),
    )
    more = next((f": {words}" for fits, words in ends if fits), "")
    return "number of entries", f"{text}{more}."


def _equal(one: list[Any], other: list[Any]) -> bool:
    """Whether two lists have the same items, none of which is or holds a tensor."""
    holds = Tensor, list, dict
    return len(one) == len(other) and all(
        not isinstance(a, holds) and not isinstance(b, holds) and a == b
        for a, b in zip(one, other, strict=True)
    )


def part(expected: Tensor, got: Tensor) -> str:
    """What a tensor of another shape has to do with the one that was due, as a sentence; else
    nothing.
    """
    a, b = numbers(expected), numbers(got)
    if a is None or b is None or not (a.numel() and b.numel()):
        return ""
    for d in (d for d in range(a.ndim) if a.shape[d] > 1):
        what = _along(a, d)
        for words, reduced in (
            (f"the mean over dimension {d} of what it should be", a.mean(d)),
            (f"the sum over dimension {d} of what it should be", a.sum(d)),
            (f"only the first of the {what}", a.select(d, 0)),
            (f"only the last of the {what}", a.select(d, -1)),
        ):
            if alike(reduced, b) or alike(reduced.unsqueeze(d), b):
                return f" Its numbers are {words}."
    for d in (d for d in range(b.ndim) if b.shape[d] > 1):
        for words, reduced in (("mean", b.mean(d)), ("sum", b.sum(d))):
            if alike(a, reduced) or alike(a, reduced.unsqueeze(d)):
                return f" What is missing is the {words} over dimension {d}."
    if a.ndim == b.ndim:
        return _cut(a, b, "missing") or _cut(b, a, "too many")
    return ""


def _cut(longer: Tensor, shorter: Tensor, what: str) -> str:
    """At which end a tensor has more entries, rows or columns than another."""
    for d in range(longer.ndim):
        n, more = shorter.shape[d], longer.shape[d] - shorter.shape[d]
        if n < 1 or more < 1:
            continue
        for place, start in (("last", 0), ("first", more)):
            if alike(longer.narrow(d, start, n), shorter):
                those = _counted(more, _along(longer, d))
                return f" The {place} {those} {what}; the others are right."
    return ""


def _others(found: Difference) -> Iterator[tuple[str, Tensor, bool]]:
    """Inputs and other values that should be there, by name, and whether they are inputs; only
    those with something to recognise them by.
    """
    inputs = ((name, value, True) for name, value in axes.tensors(found.case.inputs))
    values = (
        (name, value, False) for name, value in found.want.values.items() if name != found.name
    )
    for name, value, is_input in (*inputs, *values):
        tensor = numbers(value)
        if tensor is None or not tensor.isfinite().all():
            continue
        if len(tensor.unique()) > 2 or (
            tensor.numel() == 1 and float(tensor) != round(float(tensor))
        ):
            yield name, tensor, is_input


def _times(factor: float, found: Difference) -> str:
    """`2 times `, with the name of a number that was passed in where it is one; nothing for 1."""
    size = abs(factor)
    if abs(size - 1) < ROUNDING:
        return ""
    for name, value in found.case.inputs.items():
        if isinstance(value, float) and value and abs(size / abs(value) - 1) < ROUNDING:
            return f"{name} times "
    return f"{number(size)} times "


def _along(tensor: Tensor, d: int) -> str:
    """What stands one after the other along a dimension."""
    return "entries" if tensor.ndim != 2 else f"{ROWS[d]}s"


def _counted(count: int, what: str) -> str:
    if count == 1:
        return f"{what[:-1].replace('entrie', 'entry')} is"
    return f"{count} {what} are"


def _entries(count: int) -> str:
    return f"{count} entr{'y' if count == 1 else 'ies'}"


def _few(values: Sequence[float | None]) -> str:
    shown = ", ".join(number(value) for value in values[:3])
    return shown + (", ..." if len(values) > 3 else "")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    """Whether a value is made of whole numbers."""
    if isinstance(value, Tensor):
        return not value.is_floating_point()
    return isinstance(value, int) or (
        isinstance(value, list) and all(isinstance(item, int) for item in value)
    )


def in_words(found: Difference) -> Found:
    """A text, or a list of texts, that is another one."""
    a, b = found.expected, found.got
    if found.kind != "value" or not (_is_text(a) and _is_text(b)):
        return None
    name = f"{found.name} not as due"
    if isinstance(a, str) or isinstance(b, str):
        return name, f"{found.name} should be: {a}. It is: {b}."
    lacks, extra = [x for x in a if x not in b], [x for x in b if x not in a]
    parts = [
        f"{verb} {', '.join(items[:4])}"
        for verb, items in (("lacks", lacks), ("should not have", extra))
        if items
    ]
    text = " and ".join(parts) or "has the right entries in another order or number"
    return name, f"{found.name} {text}."


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)
    )

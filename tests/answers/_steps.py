"""Wrong ways to handle tensors in an optimizer's step, whatever its formula."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from tests.answers import wrong

Step = Callable[..., Any]


def in_place(  # noqa: C901 (many steps)
    id: str, right: Step, buffers: Sequence[str] = (), zero_moves: bool = True
) -> None:
    """Note steps that handle tensors wrongly, whatever the formula; right: a right step, params and
    buffers first. zero_moves: whether a gradient of zero moves anything.
    """

    def aside(lists: Sequence[list[Tensor]], rest: Sequence[Any]) -> list[list[Tensor]]:
        """The lists as they should be afterwards, in new tensors."""
        copies = [[t.detach().clone() for t in items] for items in lists]
        for copy, p in zip(copies[0], lists[0], strict=True):
            copy.requires_grad_().grad = p.grad
        right(*copies, *rest)
        return copies

    def split(args: Sequence[Any]) -> tuple[list[list[Tensor]], Sequence[Any]]:
        return list(args[: 1 + len(buffers)]), args[1 + len(buffers) :]

    def local(which: Sequence[int]) -> Step:
        """The lists numbered in `which` keep their old values."""

        def step(*args: Any) -> None:
            lists, rest = split(args)
            for i, (items, copies) in enumerate(zip(lists, aside(lists, rest), strict=True)):
                for item, copy in zip(items, copies, strict=True):
                    if i not in which:
                        item.data.copy_(copy.data)

        return step

    def replaced(which: Sequence[int]) -> Step:
        """The entries of the lists numbered in `which` are new tensors, the old ones stay as they
        were.
        """

        def step(*args: Any) -> None:
            lists, rest = split(args)
            results = aside(lists, rest)
            for i, (items, copies) in enumerate(zip(lists, results, strict=True)):
                for j, copy in enumerate(copies):
                    if i in which and results[0][j].grad is not None:
                        items[j] = copy
                    else:
                        items[j].data.copy_(copy.data)

        return step

    def after(change: Callable[[Tensor], None]) -> Step:
        def step(*args: Any) -> None:
            right(*args)
            for p in args[0]:
                if p.grad is not None:
                    change(p)

        return step

    def without_no_grad(at_none: type[Exception] | None) -> Step:
        """torch's error at the first change of a parameter, or `at_none` before it where a gradient
        is missing.
        """

        def step(*args: Any) -> None:
            if at_none is not None and args[0][0].grad is None:
                raise at_none("'NoneType'")
            if torch.is_grad_enabled():
                raise RuntimeError(
                    "a leaf Variable that requires grad is being used in an in-place operation."
                )
            right(*args)

        return step

    def until_none(error: type[Exception] | None) -> Step:
        def step(*args: Any) -> None:
            lists, rest = split(args)
            for p, *own in zip(*lists, strict=True):
                if p.grad is None:
                    if error is not None:
                        raise error("'NoneType'")
                    return
                right([p], *([b] for b in own), *rest)

        return step

    def none_is_zero(*args: Any) -> None:
        missing = [p for p in args[0] if p.grad is None]
        for p in missing:
            p.grad = torch.zeros_like(p)
        right(*args)
        for p in missing:
            p.grad = None

    def none_is_filled(*args: Any) -> None:
        for p in args[0]:
            if p.grad is None:
                p.grad = torch.zeros_like(p)
        right(*args)

    def returns(*args: Any) -> Any:
        right(*args)
        return args[0]

    def compacted(*args: Any) -> None:
        lists, rest = split(args)
        right([p for p in lists[0] if p.grad is not None], *lists[1:], *rest)

    def zero(p: Tensor) -> None:
        assert p.grad is not None
        p.grad.zero_()

    def drop(p: Tensor) -> None:
        p.grad = None

    def freeze(p: Tensor) -> None:
        p.requires_grad_(False)

    def sliced(*args: Any) -> None:
        for p in args[0]:
            if p.grad is not None:
                p[:]  # no single number can be sliced
        right(*args)

    wrong(id, "gradient zeroed")(after(zero))
    wrong(id, "gradient thrown away")(after(drop))
    wrong(id, "parameters frozen")(after(freeze))
    wrong(id, "outside no_grad")(without_no_grad(None))
    for error in (TypeError, AttributeError):
        wrong(id, "outside no_grad", "missing gradient not skipped")(without_no_grad(error))
        wrong(id, "missing gradient not skipped")(until_none(error))
    wrong(id, "name rebound")(local([0]))
    wrong(id, "parameters replaced")(replaced([0]))
    wrong(id, "stops at a missing gradient")(until_none(None))
    wrong(id, "missing gradient filled in")(none_is_filled)
    wrong(id, "returns the parameters")(returns)
    wrong(id, "fails for a tensor of shape ()")(sliced)
    if not buffers:
        return
    if zero_moves:
        wrong(id, "missing gradient treated as zero")(none_is_zero)
    wrong(id, "parameters and buffers out of step")(compacted)
    for i, name in enumerate(buffers, 1):
        wrong(id, f"{name} never updated")(local([i]))
        wrong(id, f"{name} replaced")(replaced([i]))
    wrong(id, "nothing updated")(local(range(1 + len(buffers))))
    wrong(id, "everything replaced")(replaced(range(1 + len(buffers))))
    if len(buffers) > 1:
        wrong(id, "no buffer updated")(local(range(1, 1 + len(buffers))))
        wrong(id, "all buffers replaced")(replaced(range(1, 1 + len(buffers))))

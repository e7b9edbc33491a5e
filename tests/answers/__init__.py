"""Other right answers and independent wrong ones, by lesson, written as students write them.

    @right("sgd.mse_gradient")
    def mse_gradient_by_rows(w, x, y):
        return sum(2 * (row @ w - t) * row for row, t in zip(x, y)) / len(x)

    @wrong("sgd.mse_gradient", "sum for mean")
    def mse_gradient(w, x, y):
        return 2 * x.T @ (x @ w - y)

Every right one must pass its check, and every wrong one be refused and get the name of its mistake:
this is what checks and the catalogue of mistakes are measured on. None is made from the reference,
and none from an edit.
"""

import functools
import importlib
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from course_utils.checking.exercise import find, reference

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Wrong:
    """An answer and what is wrong with it: for each mistake that it makes, the names that are true
    of it.

    due is empty where no name is expected; then the answer need only be refused.
    """

    id: str
    due: tuple[frozenset[str], ...]
    answer: Any

    def true(self, name: str | None) -> bool:
        """Whether a verdict's mistake, one or two names, holds one that this answer makes."""
        return any(one in names for one in re.split("; |, or ", name or "") for names in self.due)

    def named(self, name: str | None) -> bool:
        """Whether every name in a verdict's mistake is true of this answer, of two candidates at
        least one.
        """
        return name is not None and all(self.true(one) for one in name.split("; "))


_RIGHT: dict[str, list[Any]] = {}  # by exercise id
_WRONG: list[Wrong] = []


def right(id: str) -> Callable[[Answer], Answer]:
    """Note a right answer to an exercise."""

    def note(answer: Answer) -> Answer:
        _RIGHT.setdefault(id, []).append(answer)
        return answer

    return note


def wrong(id: str, *due: str | tuple[str, ...]) -> Callable[[Answer], Answer]:
    """Note a wrong answer to an exercise; due: a name for each of its mistakes, in brackets where
    several are true.
    """

    def note(answer: Answer) -> Answer:
        names = tuple(frozenset([item] if isinstance(item, str) else item) for item in due)
        _WRONG.append(Wrong(id, names, answer))
        return answer

    return note


def right_answers(lesson: str) -> dict[str, list[Any]]:
    """The right answers of a lesson by exercise id; lesson: its name without the number."""
    importlib.import_module(f"tests.answers.{lesson}")
    return {id: answers for id, answers in _RIGHT.items() if id.partition(".")[0] == lesson}


def wrong_answers(lesson: str) -> list[Wrong]:
    """The wrong answers of a lesson, in the order of its module."""
    importlib.import_module(f"tests.answers.{lesson}")
    return [
        replace(item, answer=_by_name(item.id, item.answer))
        for item in _WRONG
        if item.id.partition(".")[0] == lesson
    ]


def _by_name(id: str, answer: Any) -> Any:
    """The answer with the parameters' documented names, so that a name of ours is not what is wrong
    with it.
    """
    documented = inspect.signature(reference(find(id)))
    try:
        own = inspect.signature(answer).parameters
    except (TypeError, ValueError):
        return answer
    settings = any(p.kind == p.VAR_KEYWORD for p in own.values())
    if set(documented.parameters) <= set(own) or (settings and inspect.isclass(answer)):
        return answer
    if inspect.isclass(answer):

        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            super(renamed, self).__init__(*documented.bind(*args, **kwargs).args)

        renamed = type(answer.__name__, (answer,), {"__init__": __init__})
        return renamed

    @functools.wraps(answer)
    def call(*args: Any, **kwargs: Any) -> Any:
        bound = documented.bind(*args, **kwargs)
        if not settings:
            return answer(*bound.args)
        given = bound.arguments
        needed = [
            given.pop(name) for name, p in documented.parameters.items() if p.default is p.empty
        ]
        return answer(*needed, **given)

    return call

"""Answers that checks and the catalogue of mistakes are measured on, in a file for each lesson.

    @right("linear.relu")
    def relu_by_absolute_value(x):
        return (x + x.abs()) / 2

    @shortcut("linear.relu")
    def relu_by_torch(x):
        return F.relu(x)

    @wrong("linear.relu", "absolute value")
    def relu(x):
        return x.abs()

The right ones pass, the shortcuts are refused and equal the reference, and the wrong ones are
refused and get the names of their mistakes. They are written as students write them; none is made
from the reference, and none from an edit.
"""

import functools
import importlib
import inspect
import re
from collections import defaultdict
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


Noted = defaultdict[str, list[Any]]  # by exercise id
_RIGHT, _SHORTCUTS, _WRONG = Noted(list), Noted(list), Noted(list)


def right(id: str) -> Callable[[Answer], Answer]:
    """Note a right answer to an exercise."""

    def note(answer: Answer) -> Answer:
        _RIGHT[id].append(answer)
        return answer

    return note


def shortcut(id: str) -> Callable[[Answer], Answer]:
    """Note an answer that is right, and uses what the exercise does not allow."""

    def note(answer: Answer) -> Answer:
        _SHORTCUTS[id].append(answer)
        return answer

    return note


def wrong(id: str, *due: str | tuple[str, ...]) -> Callable[[Answer], Answer]:
    """Note a wrong answer to an exercise; due: a name for each of its mistakes, in brackets where
    several are true.
    """

    def note(answer: Answer) -> Answer:
        names = tuple(frozenset([item] if isinstance(item, str) else item) for item in due)
        _WRONG[id].append(Wrong(id, names, answer))
        return answer

    return note


def right_answers(lesson: str) -> dict[str, list[Any]]:
    """The right answers of a lesson by exercise id; lesson: its name without the number."""
    return _of(lesson, _RIGHT)


def shortcuts(lesson: str) -> dict[str, list[Any]]:
    """The answers of a lesson that use what is not allowed, by exercise id."""
    return _of(lesson, _SHORTCUTS)


def wrong_answers(lesson: str) -> list[Wrong]:
    """The wrong answers of a lesson, exercise by exercise."""
    return [
        replace(item, answer=_by_name(item.id, item.answer))
        for answers in _of(lesson, _WRONG).values()
        for item in answers
    ]


def _of(lesson: str, noted: Noted) -> dict[str, list[Any]]:
    importlib.import_module(f"tests.answers.{lesson}")
    return {id: answers for id, answers in noted.items() if id.partition(".")[0] == lesson}


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

"""Whose fault a wrong answer is: what was passed in, and what the answer takes from the rest of its
notebook.
"""

import dataclasses
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
from torch import Tensor

from course_utils.checking.difference import show
from course_utils.checking.exercise import Training, exercises, find, reference
from course_utils.checking.judge import Verdict, judge
from course_utils.checking.name_errors import defining_cell
from course_utils.checking.source import reads

DATA = (Tensor, np.ndarray, int, float, list, tuple, dict)


def explained(verdict: Verdict, answer: Any) -> Verdict:
    """The verdict; where what was passed in or another cell of the notebook is behind it, it says
    so first.
    """
    if verdict.found is None:
        return verdict
    if reason := misfit(verdict, answer) or another_answer(verdict.id, answer):
        return dataclasses.replace(verdict, advice=reason, mistake=None)
    return dataclasses.replace(
        verdict, advice=" ".join([*undefined(verdict), *data_used(answer), verdict.advice])
    )


def misfit(verdict: Verdict, answer: Any) -> str:
    """Why what was passed in is of another kind than the exercise asks for; empty where it may be
    one.
    """
    exercise = find(verdict.id)
    name, other = exercise.name, getattr(answer, "__name__", "")
    if other != name and other in (item.name for item in exercises(exercise.lesson)):
        return f"You passed `{other}`, which has a check of its own. This is the check of `{name}`."
    wants_class = inspect.isclass(reference(exercise))
    if inspect.isclass(answer) and not wants_class:
        return f"You passed a class. `{name}` should be a function: `def {name}(...)`."
    started = verdict.found is not None and verdict.where not in list(verdict.found.want.values)[:1]
    if wants_class and isinstance(answer, FunctionType) and not started:
        return f"You passed a function. `{name}` should be a class: `class {name}`."
    return ""


def another_answer(id: str, answer: Any) -> str:
    """The first answer of the same lesson that this one uses and that does not pass its own check,
    as a sentence.
    """
    exercise, used = find(id), reads(answer)
    for other in exercises(exercise.lesson):
        value = used.get(other.name)
        course = str(getattr(value, "__module__", "")).startswith("course_utils.")
        if value is None or course or other.id == id or isinstance(other, Training):
            continue
        status = judge(other.id, value).status
        if status not in ("right", "course error"):
            why = (
                "in which nothing is written"
                if status == "not attempted"
                else "which does not pass its own check"
            )
            return f"`{exercise.name}` uses your `{other.name}`, {why} yet: start there."
    return ""


def undefined(verdict: Verdict) -> Iterator[str]:
    """Which cell to run first, where a name was missing that the notebook defines."""
    error = verdict.found.have.error if verdict.found else None
    if (
        isinstance(error, NameError)
        and error.name
        and (cell := defining_cell(Path.cwd(), error.name))
    ):
        yield f"`{error.name}` is not defined yet: run {cell} first."


def data_used(answer: Any) -> Iterator[str]:
    """The data of the notebook that the answer reads as if they were arguments."""
    for name, value in reads(answer).items():
        if isinstance(value, DATA) and not name.isupper() and not name.startswith("_"):
            text = (
                show(value) if isinstance(value, int | float) else f"of type {type(value).__name__}"
            )
            text = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else text
            yield (
                f"Your code reads `{name}` from the notebook, where it is {text}, and not from its "
                "arguments."
            )

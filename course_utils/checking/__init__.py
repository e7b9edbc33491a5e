"""Exercises, evidence, verdicts and what the student sees; this room names no lesson, and does not
know nbgrader.
"""

import sys
from collections.abc import Callable
from functools import cache
from typing import Any, NoReturn

from course_utils.checking import name_errors
from course_utils.checking.card import TITLES, Card
from course_utils.checking.claims import claim
from course_utils.checking.edit import Edit, edit
from course_utils.checking.exercise import (
    Case,
    Exercise,
    FreeText,
    Mistake,
    Rng,
    Training,
    exercises,
    find,
    gradients,
    lessons,
    operators,
)
from course_utils.checking.expose import Expose
from course_utils.checking.guard import unguarded
from course_utils.checking.judge import Verdict, judge
from course_utils.checking.repair import Repair
from course_utils.checking.replay import case, remember, stop
from course_utils.checking.reproduce import Reproduce
from course_utils.checking.running import LIMITED
from course_utils.checking.surroundings import explained
from course_utils.checking.tell_apart import TellApart
from course_utils.errors import CourseError, CourseFault, NotRight

__all__ = [
    "Card",
    "Case",
    "CourseError",
    "CourseFault",
    "Edit",
    "Exercise",
    "Expose",
    "FreeText",
    "Mistake",
    "NotRight",
    "Repair",
    "Reproduce",
    "Rng",
    "TellApart",
    "Training",
    "Verdict",
    "case",
    "check",
    "claim",
    "edit",
    "find",
    "gradients",
    "judge",
    "operators",
    "unguarded",
]


_MISSING = object()
listeners: list[Callable[[Verdict, Any], str]] = []  # told each verdict on the public seed


def check(id: str, answer: Any = _MISSING, seed: int | None = None) -> None:
    """Judge an answer and show the verdict as a card; a right answer to another seed shows nothing.

    id: such as "linear.relu". answer: the function or class itself. seed: draws other inputs than
    the public ones.
    Raises NotRight, an AssertionError, where the verdict is not right, CourseFault where the course
    itself failed, and CourseError where there is no such exercise.
    """
    if answer is _MISSING or not isinstance(id, str):
        _objection(id, answer)
    if not LIMITED:
        _say_that_nothing_stops_it()
    verdict = explained(judge(id, answer, seed), answer)
    told = [listener(verdict, answer) for listener in listeners] if seed is None else []
    card = Card(verdict, find(id).points, " ".join(filter(None, told)))
    if verdict.status != "right" or seed is None:
        _show(card)
    if verdict.status == "course error":
        raise CourseFault(f"{id}: the course failed here, not you.")
    if verdict.status != "right":
        error = NotRight(f"{id}: {TITLES[verdict.status].lower()}.")
        if verdict.found is None:
            raise error
        remember(id, verdict.found)
        stop(error, id, answer)


@cache
def _say_that_nothing_stops_it() -> None:
    """Say, once, that a check has no time limit on this system."""
    print("A check has no time limit on this system: interrupt the kernel if one does not end.")


def _objection(id: Any, answer: Any) -> NoReturn:
    """Say which of the two things that `check` needs is missing, or that they are swapped."""
    if isinstance(answer, str) and not isinstance(id, str):
        name = find(answer).name
        raise CourseError(
            f'The two are the wrong way round: write check("{answer}", {name}), the id first.'
        )
    if isinstance(id, str):
        raise CourseError(f'The answer is missing: write check("{id}", {find(id).name}).')
    name = getattr(id, "__name__", "answer")
    known = next(
        (item.id for lesson in lessons() for item in exercises(lesson) if item.name == name),
        f"lesson.{name}",
    )
    raise CourseError(f'The id is missing: write check("{known}", {name}).')


def _show(card: Card) -> None:
    ipython = sys.modules.get("IPython")
    if ipython and ipython.get_ipython() is not None:
        from IPython.display import display

        display(card)
    else:
        print(card)


name_errors.install()

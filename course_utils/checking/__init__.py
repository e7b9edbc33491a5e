"""Exercises, evidence, verdicts and what the student sees; this room knows no lesson and no nbgrader."""

import sys
from typing import Any

from course_utils.checking import notebook
from course_utils.checking.card import TITLES, Card
from course_utils.checking.edit import Edit, edit
from course_utils.checking.errors import CourseError, CourseFault, NotRight
from course_utils.checking.exercise import Case, Exercise, FreeText, Mistake, Rng, Training, find, gradients, operators
from course_utils.checking.guard import unguarded
from course_utils.checking.judge import Verdict, judge

__all__ = [
    "Card",
    "Case",
    "CourseError",
    "CourseFault",
    "Edit",
    "Exercise",
    "FreeText",
    "Mistake",
    "NotRight",
    "Rng",
    "Training",
    "Verdict",
    "check",
    "edit",
    "find",
    "gradients",
    "judge",
    "operators",
    "unguarded",
]


def check(id: str, answer: Any, seed: int | None = None) -> None:
    """Judge an answer and show the verdict as a card; a right answer to another seed shows nothing.

    id: such as "linear.relu". answer: the function or class itself. seed: draws other inputs than the public ones.
    Raises NotRight, an AssertionError, where the verdict is not right, CourseFault where the course itself failed, and
    CourseError where there is no such exercise.
    """
    verdict = judge(id, answer, seed)
    card = Card(verdict, find(id).points)
    if verdict.status != "right" or seed is None:
        _show(card)
    if verdict.status == "course error":
        raise CourseFault(f"{id}: the course failed here, not you.")
    if verdict.status != "right":
        raise NotRight(f"{id}: {TITLES[verdict.status].lower()}.")


def _show(card: Card) -> None:
    ipython = sys.modules.get("IPython")
    if ipython and ipython.get_ipython() is not None:
        from IPython.display import display

        display(card)
    else:
        print(card)


notebook.install()

"""The instructor's own tests, such as cells of asserts: run in the student's process, and judged as
nbgrader judges, except that a last value which is no number of points goes to a person.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from course_utils.checking.judge import Verdict
from course_utils.grading.outside.admission import is_name
from course_utils.grading.outside.cells import grade_id
from course_utils.grading.outside.exchange import Came
from course_utils.grading.outside.rebuild import Rebuilt
from course_utils.grading.outside.result import Row, is_for_a_person, row
from course_utils.grading.outside.steps import Step
from course_utils.grading.outside.task import Task, exercise_id, is_graded
from course_utils.grading.outside.verdicts import as_row, sentence
from course_utils.grading.outside.words import theirs

INSIDE = "Judged inside the student's process."
NO_SUCH = "The lesson checks {}, which this version of the course does not know."
_CHECK = re.compile(r"""\b(?:check|judge)\(\s*["'](\w+\.\w+)["']""")


def is_test(cell: Mapping[str, Any], short: str, known: Iterable[str]) -> bool:
    """Whether a cell of the lesson is a test of the instructor's own; known: ids of exercises."""
    return is_graded(cell) and not is_for_a_person(cell) and exercise_id(cell, short) not in known


def sources(task: Task, rebuilt: Rebuilt, known: Iterable[str]) -> dict[int, str]:
    """The tests' sources by the index of their cells in the rebuilt notebook."""
    whole = dict(task.tests)
    return {
        index: whole.get(grade_id(cell), cell["source"])
        for index, (cell, origin) in enumerate(zip(rebuilt.cells, rebuilt.origins, strict=True))
        if origin == "check" and is_test(cell, task.short, known)
    }


def strange(task: Task, tests: Mapping[int, str], rebuilt: Rebuilt) -> dict[str, Verdict]:
    """The verdict on tests that call a check of the course's own: nothing is judged inside there,
    and everybody would pass.
    """
    verdicts = {}
    for index, source in tests.items():
        if called := _CHECK.search(source):
            id = exercise_id(rebuilt.cells[index], task.short)
            fault = NO_SUCH.format(called[1])
            verdicts[id] = Verdict(id, "course error", advice=fault, fault=fault)
    return verdicts


def rows(task: Task, rebuilt: Rebuilt, steps: Sequence[Step], came: Came) -> dict[str, Row]:
    """The rows of the tests that were to be run, by their ids."""
    by_id = {}
    for number, step in enumerate(steps):
        if step.test:
            cell = rebuilt.cells[step.index]
            id = exercise_id(cell, task.short)
            if number in came.tests:
                by_id[id] = judged(task, cell, came.tests[number], rebuilt.whole)
            else:
                reason, message = came.lost[number]
                advice = f"{INSIDE} {sentence(reason, message)}"
                verdict = Verdict(id, reason, advice=advice)  # type: ignore[arg-type]
                by_id[id] = as_row(id, cell, verdict)
    return by_id


def judged(
    task: Task, cell: Mapping[str, Any], shown: Sequence[Mapping[str, Any]], whole: bool
) -> Row:
    """The row of a test by what it showed; whole: nothing of the notebook was left out."""
    # With all of nbgrader, which takes as long to import as torch; few lessons have such tests.
    from nbformat import from_dict
    from nbgrader.utils import determine_grade

    id, kept = exercise_id(cell, task.short), [item for item in shown if not _ignored(item, task)]
    tested = from_dict(dict(cell) | {"outputs": kept})
    most = float(cell["metadata"]["nbgrader"]["points"])
    try:
        points, _ = determine_grade(tested)
    except (ValueError, KeyError):  # more points than there are, or a value without text
        points = None
    if points is None or (points and not _counts(kept, most)):
        message = f"{INSIDE} Its last value is no number from 0 to {most:g}: a person will look."
        return replace(row(id, cell, "not run", message), manual=True)
    status, message = _said(kept, points, most)
    if not whole and points < most:  # what it needs may be in what could not be read
        return replace(row(id, cell, "not run", f"{INSIDE} {message}"), manual=True)
    return row(id, cell, status, f"{INSIDE} {message}", points / most if most else 0.0)


def _counts(shown: Sequence[Mapping[str, Any]], most: float) -> bool:
    """Whether the last value, if it is a number, is one of points; nbgrader gives all points for
    nan, a negative number or one that is too large.
    """
    values = [item["data"] for item in shown if item["output_type"] == "execute_result"]
    try:
        return not values or 0 <= float(values[0].get("text/plain", "")) <= most
    except ValueError:
        return True


def _ignored(output: Mapping[str, Any], task: Task) -> bool:
    """Whether it is written to stderr, and may be."""
    is_stderr = output.get("name") == "stderr"
    return is_stderr and bool(task.ignored and re.search(task.ignored, output["text"]))


def _said(shown: Sequence[Mapping[str, Any]], points: float, most: float) -> tuple[str, str]:
    """The status of a test, and what it showed, as a sentence."""
    if points == most:
        return "right", "The test passed."
    if points:
        return "partial", f"The test gave {points:g} of {most:g}."
    for output in shown:
        if output["output_type"] == "error":
            name = output["ename"] if is_name(output["ename"]) else "an exception"
            words = f": {theirs(output['evalue'])}" if output["evalue"] else ""
            return RAISED.get(name, "error"), f"The test raised {name}{words}."
        if output.get("name") == "stderr":
            return "wrong", "The test wrote to stderr, which counts as failed."
    return "wrong", "The test gave 0."


RAISED = {"AssertionError": "wrong", "NotImplementedError": "not attempted", "TimeLimit": "timeout"}

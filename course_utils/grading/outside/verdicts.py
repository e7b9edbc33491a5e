"""The verdict on each graded cell, from what came out of the sandbox."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from course_utils.checking.exercise import Exercise
from course_utils.checking.judge import Verdict
from course_utils.grading.outside.admission import LONGEST_TEXT, is_name, judged
from course_utils.grading.outside.causes import with_causes
from course_utils.grading.outside.cells import grade_id
from course_utils.grading.outside.exchange import Came
from course_utils.grading.outside.rebuild import Rebuilt
from course_utils.grading.outside.result import Row, row
from course_utils.grading.outside.steps import Step
from course_utils.grading.outside.task import Task, exercise_id

UNREAD = (
    "Part of the notebook could not be read, and the answer may be in it: a person will look at "
    "the file."
)
LOST = {
    "timeout": "It took too long and was stopped.",
    "out of memory": "It needed more memory than is allowed and was stopped.",
}


def rows(
    task: Task,
    rebuilt: Rebuilt,
    steps: Sequence[Step],
    came: Came,
    faulty: Mapping[str, Verdict],
    tested: Mapping[str, Row],
) -> list[Row]:
    """One row for each graded cell; faulty: the verdicts where the course itself failed. tested:
    the rows of the instructor's own tests.
    """
    probes = {
        step.exercise.id: number for number, step in enumerate(steps) if step.exercise is not None
    }
    made = []
    for cell in task.graded:
        id = exercise_id(cell, task.short)
        if id in faulty:  # the course itself failed
            made.append(as_row(id, cell, faulty[id]))
        elif id in tested:  # a test of the instructor's own
            made.append(tested[id])
        elif id.partition(".")[2] in rebuilt.unread:  # the answer may be in what was left out
            verdict = Verdict(id, "not run", advice=UNREAD)
            made.append(replace(as_row(id, cell, verdict), manual=True))
        elif id in probes:  # an exercise of the course
            made.append(as_row(id, cell, _of_a_probe(probes[id], task, rebuilt, steps, came)))
        else:  # an answer that a person reads
            untouched = grade_id(cell) in rebuilt.untouched
            verdict = (
                Verdict(id, "not attempted")
                if untouched
                else Verdict(id, "not run", advice="Read by a person.")
            )
            made.append(as_row(id, cell, verdict))
    return with_causes(made, rebuilt)


def as_row(id: str, cell: Mapping[str, Any], verdict: Verdict) -> Row:
    """A verdict as the row of its cell."""
    message = verdict.advice[:LONGEST_TEXT]
    if verdict.claim:
        message += f" {verdict.claim}" if verdict.claim not in message else ""
    elif verdict.place and verdict.status != "not attempted":
        message += f" First difference: {verdict.place[:200]}."
    if verdict.status == "right" and not message:
        message = "Checked: " + ", ".join(verdict.checked[:8]) + "."
    mistake = verdict.mistake if verdict.status != "not attempted" else None
    status, score = verdict.status, verdict.score
    return row(id, cell, status, message.strip(), score, mistake, verdict.fault or "")


def _of_a_probe(
    number: int, task: Task, rebuilt: Rebuilt, steps: Sequence[Step], came: Came
) -> Verdict:
    """The verdict on an answer that was to be probed in this step."""
    exercise = steps[number].exercise
    assert exercise is not None
    # It sent evidence.
    if (content := came.evidence.get(number)) is not None:
        return judged(exercise, content, task.seed)
    # Nothing was written, so nothing was defined.
    lost = came.lost.get(number)
    if lost is None and exercise.name in rebuilt.untouched:
        return Verdict(exercise.id, "not attempted", advice="Nothing is written here yet.")
    if lost is None:  # it was probed, and its name was not there: why not?
        own = _cells_of(exercise, rebuilt, steps)
        lost = next((came.lost[n] for n in own if n in came.lost), None)
        if lost is None:
            return _undefined(exercise, own, came)
    reason, message = lost
    return Verdict(exercise.id, reason, advice=sentence(reason, message))  # type: ignore[arg-type]


def _cells_of(exercise: Exercise, rebuilt: Rebuilt, steps: Sequence[Step]) -> list[int]:
    """The steps that run the cells in which an exercise is answered."""
    places = {index for index, cell in enumerate(rebuilt.cells) if grade_id(cell) == exercise.name}
    places |= {rebuilt.last[exercise.name]} if exercise.name in rebuilt.last else set()
    return [number for number, step in enumerate(steps) if step.index in places]


def _undefined(exercise: Exercise, own: Sequence[int], came: Came) -> Verdict:
    """The verdict where nothing has the answer's name."""
    errors = [
        item
        for number in own
        for item in came.outputs.get(number, [])
        if item["output_type"] == "error"
    ]
    if not errors:
        advice, mistake = f"No cell defines {exercise.name}.", "not defined"
    else:
        name = errors[-1]["ename"]
        raised = name if is_name(name) else "an exception"
        advice = f"{exercise.name} is not defined, because its cell raised {raised}."
        mistake = "raised"
    return Verdict(exercise.id, "error", advice=advice, mistake=mistake)


def sentence(reason: str, message: str) -> str:
    """What happened to a step that was lost."""
    if reason == "crashed":
        return f"The process ended while this was running: {message}."
    return LOST.get(reason, message)


def left_out(steps: Sequence[Step], came: Came) -> list[str]:
    """The cells in which the process ended, and without which the rest was run."""
    return [
        f"Cell {steps[number].index + 1} was left out. {sentence(reason, message)}"
        for number, (reason, message) in came.lost.items()
        if not steps[number].is_judged
    ]

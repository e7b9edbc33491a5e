"""The way of one submission from its file to its verdicts; a pure function of the task."""

import time
import traceback
from dataclasses import replace

from course_utils.checking.exercise import exercises
from course_utils.checking.judge import Verdict, course_error
from course_utils.checking.running import TimeLimit
from course_utils.errors import CourseError
from course_utils.grading.outside import exchange, unnamed, verdicts, warm
from course_utils.grading.outside.graded import graded_cells
from course_utils.grading.outside.rebuild import Unreadable, rebuild
from course_utils.grading.outside.result import Result, without_half_characters
from course_utils.grading.outside.steps import expected, plan
from course_utils.grading.outside.task import Task


def grade(task: Task) -> Result:
    """Grade one submission; the result depends on the task alone, except for its times.

    Raises CourseError where no sandbox can be started; a fault of the course itself is a result
    without points.
    """
    try:
        return _grade(task)
    except Unreadable as error:
        return task.unreadable(str(error))
    except CourseError:
        raise
    except Exception:
        return task.faulty(traceback.format_exc())


def _grade(task: Task) -> Result:
    """The file rebuilt; its steps planned and done in the sandbox; what came judged; the result."""
    rebuilt = rebuild(task.notebook, task.content, dict(task.beside))
    known = {exercise.id: exercise for exercise in exercises(task.short)}
    faulty = {id: verdict for id in known if (verdict := _fault(id, task.seed))}
    steps = plan(task, rebuilt, {id: item for id, item in known.items() if id not in faulty})
    template = warm.template(task)
    started = time.perf_counter()
    came = exchange.run(template, steps, task)
    rows = verdicts.rows(task, rebuilt, steps, came, faulty)
    seconds = round(time.perf_counter() - started, 4)
    repairs = [*rebuilt.repairs, *verdicts.left_out(steps, came), *task.unread]
    outputs = {steps[number].index: shown for number, shown in came.outputs.items()}
    result = task.result(
        status=next((reason for reason, _ in came.lost.values() if reason != "not run"), "graded"),
        repairs=without_half_characters(repairs),
        checks=rows,
        untouched=sorted(rebuilt.untouched),
        cells=without_half_characters(graded_cells(rebuilt, rows, repairs, outputs)),
        seconds=seconds,
        evidence=unnamed.kept(rows, steps, came),
    )
    return replace(result, final=result.final and not came.killed)


def _fault(id: str, seed: int) -> Verdict | None:
    """The verdict on every answer to an exercise of which the course cannot make the inputs."""
    try:
        expected(id, seed)
    except (Exception, TimeLimit) as error:
        return course_error(id, error)
    return None

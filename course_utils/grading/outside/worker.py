"""The path of one submission from its file to its verdicts; a pure function of the task."""

import time
import traceback
from dataclasses import replace

from course_utils.checking.exercise import exercises
from course_utils.checking.judge import Verdict, course_error
from course_utils.checking.running import TimeLimit
from course_utils.errors import CourseError
from course_utils.grading.outside import exchange, owntests, unnamed, verdicts, warm
from course_utils.grading.outside.exchange import Came
from course_utils.grading.outside.graded import graded_cells
from course_utils.grading.outside.reading import Unreadable
from course_utils.grading.outside.result import Result, without_half_characters
from course_utils.grading.outside.steps import expected, plan, plan_tests
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
    rebuilt = task.rebuilt()
    known = {exercise.id: exercise for exercise in exercises(task.short)}
    tests = owntests.sources(task, rebuilt, known)
    faulty = {id: verdict for id in known if (verdict := _fault(id, task.seed))}
    faulty |= owntests.strange(task, tests, rebuilt)
    steps = plan(task, rebuilt, {id: item for id, item in known.items() if id not in faulty})
    template = warm.template(task)
    started = time.perf_counter()
    came = exchange.run(template, steps, task) if known or not tests else Came()
    # In a process of their own: nothing that they bring along is there when an answer is probed.
    test_steps = plan_tests(task, rebuilt, tests) if tests else []
    tested = exchange.run(template, test_steps, task) if tests else Came()
    own = owntests.rows(task, rebuilt, test_steps, tested)
    rows = verdicts.rows(task, rebuilt, steps, came, faulty, own)
    seconds = round(time.perf_counter() - started, 4)
    left_out = verdicts.left_out(steps, came) + verdicts.left_out(test_steps, tested)
    repairs = list(dict.fromkeys([*rebuilt.repairs, *left_out, *task.unread]))
    outputs = {test_steps[number].index: shown for number, shown in tested.shown.items()}
    outputs |= {steps[number].index: shown for number, shown in came.outputs.items()}
    lost = [*came.lost.values(), *tested.lost.values()]
    result = task.result(
        status=next((reason for reason, _ in lost if reason != "not run"), "graded"),
        repairs=without_half_characters(repairs),
        checks=rows,
        untouched=sorted(rebuilt.untouched),
        cells=without_half_characters(graded_cells(rebuilt, rows, repairs, outputs)),
        seconds=seconds,
        evidence=unnamed.kept(rows, steps, came),
    )
    return replace(result, final=result.final and not came.killed and not tested.killed)


def _fault(id: str, seed: int) -> Verdict | None:
    """The verdict on every answer to an exercise of which the course cannot make the inputs."""
    try:
        expected(id, seed)
    except (Exception, TimeLimit) as error:
        return course_error(id, error)
    return None

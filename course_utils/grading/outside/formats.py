"""One result as other graders want it: Gradescope's results.json, Classroom 50's result.json."""

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from course_utils import __version__
from course_utils.checking.exercise import Training, exercises
from course_utils.checking.forms import Form
from course_utils.errors import CourseError
from course_utils.grading.outside import gate
from course_utils.grading.outside.batch import summary
from course_utils.grading.outside.result import Result, Row

FROM_THE_RUNNER = {  # a field of Classroom 50's result, and the variable that its runner sets
    "classroom": "CLASSROOM",
    "assignment": "ASSIGNMENT",
    "submission": "SUBMISSION_TAG",
    "commit": "COMMIT_URL",
    "release": "RELEASE_URL",
}


def own(result: Result) -> dict[str, Any]:
    """What a report says of a submission, without the seed: it may be shown to its author."""
    about = {"lesson": result.lesson, "sandbox": result.sandbox, "version": __version__}
    return about | summary(result)


def gradescope(result: Result) -> dict[str, Any]:
    """The form that gradescope-autograders.readthedocs.io describes under "Output format"."""
    return {
        "score": _points(result.checks),
        "execution_time": result.seconds,
        "output": _output(result),
        "stdout_visibility": "hidden",
        "tests": [_test(row) for row in result.checks],
        "extra_data": {"lesson": result.lesson, "sandbox": result.sandbox, "version": __version__},
    }


def _output(result: Result) -> str:
    """What is said of the submission as a whole, above its tests."""
    sentences = [*result.repairs]
    if result.status != "graded":
        sentences.append(f"Not graded to the end: {result.status}.")
    if waiting := [row.id for row in result.checks if row.manual]:
        sentences.append(f"To be read by a person, and not yet in the score: {', '.join(waiting)}.")
    return "\n".join(sentences)


def _test(row: Row) -> dict[str, Any]:
    """A check as one of Gradescope's tests; what a person reads has no score there."""
    test = {"name": row.id, "output": f"{row.status}\n{row.message}"}
    if row.manual:
        return test
    passed = "passed" if row.status == "right" else "failed"
    return test | {"score": row.points or 0.0, "max_score": row.max_points, "status": passed}


def classroom50(
    result: Result, environment: Mapping[str, str] = os.environ, now: datetime | None = None
) -> dict[str, Any]:
    """The form that Classroom 50's documentation calls "The result.json contract".

    Its scores are whole numbers: where a lesson gives halves or quarters, all points count more.
    What a person reads is left out. Raises CourseError outside of its runner.
    """
    missing = [name for name in FROM_THE_RUNNER.values() if not environment.get(name)]
    if missing:
        raise CourseError(
            f"Classroom 50's runner sets {', '.join(missing)}, but here they are not set: choose "
            "another --form, or run it in an autograder.py."
        )
    unit = _unit(result.lesson)
    tests = [
        {
            "test-name": row.id,
            "passed": row.status == "right",
            "score": int(unit * (row.points or 0.0)),
            "max-score": int(unit * row.max_points),
            "status": row.status,
            "message": row.message,
        }
        for row in result.checks
        if not row.manual
    ]
    fields = {name: environment[variable] for name, variable in FROM_THE_RUNNER.items()}
    return {
        "schema": "classroom50/result/v1",
        **fields,
        "review": environment.get("REVIEW_URL") or fields["commit"],
        "datetime": f"{now or datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "score": sum(test["score"] for test in tests),
        "max-score": sum(test["max-score"] for test in tests),
        "tests": tests,
    }


def _unit(lesson: str) -> int:
    """By what points are multiplied so that all parts of them are whole numbers."""
    known = [item for item in exercises(lesson.partition("_")[2]) if isinstance(item, Training)]
    parts = [item.points * (0.25 if isinstance(item, Form) else 0.5) for item in known]
    return next(unit for unit in (1, 2, 4) if all((unit * part).is_integer() for part in parts))


def _points(rows: list[Row]) -> float:
    return sum(row.points or 0.0 for row in rows if not row.manual)


FORMS: dict[str, Callable[[Result], dict[str, Any]]] = {
    "own": own,
    "gradescope": gradescope,
    "classroom50": classroom50,
}


def written(result: Result, form: str) -> dict[str, Any]:
    """The result in a form, with all its texts plain."""
    return gate.report(FORMS[form](result))

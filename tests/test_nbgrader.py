"""nbgrader's own commands, unchanged, on a copy of the course: release, grade, feedback, export."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from nbgrader.api import Gradebook

from course_utils.building import notebook_files as nb
from course_utils.building.lesson import Lesson
from course_utils.building.rules import Subject
from course_utils.grading.outside.course import find_course
from tests.grading.classroom import nbgrader_in, undrawn

LESSON = Lesson("01_linear")
SOME = ["relu", "My_Linear", "count_parameters"]
NOISE = 'import sys, warnings\nwarnings.warn("careful")\nprint("careful", file=sys.stderr)\n'
NOISY = "    print('careful', file=__import__('sys').stderr)\n    ### BEGIN SOLUTION\n"

pytestmark = pytest.mark.nbgrader


def nbgrader(course: Path, command: str, *arguments: str) -> None:
    """Run one of nbgrader's commands."""
    done = nbgrader_in(course, command, *arguments)
    assert done.returncode == 0, done.stderr[-2000:]


def answered(names: list[str], before: str = "", region: str = "### BEGIN SOLUTION\n") -> bytes:
    """The release with the solution's answers to these; `before` runs before each check."""
    solutions = {cell.id: cell.source for cell in nb.read(LESSON.solved).cells}
    notebook = nb.read(LESSON.released)
    for cell in notebook.cells:
        if cell.id in names:
            cell.source = before + solutions[cell.id].replace("    ### BEGIN SOLUTION\n", region)
    return nb.to_bytes(notebook)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course in which four students handed in lesson 01 and were graded."""
    root = tmp_path_factory.mktemp("course")
    shutil.copy(LESSON.root / "nbgrader_config.py", root)
    undrawn(find_course(root))
    shutil.copytree(LESSON.solved.parent, root / "solutions" / LESSON.name)
    everything = [exercise.name for exercise in Subject(LESSON).exercises]
    submissions = {
        "some": answered(SOME),
        "solved": LESSON.solved.read_bytes(),
        "untouched": LESSON.released.read_bytes(),
        "warned": answered(everything, NOISE, NOISY),
    }
    for student, content in submissions.items():
        nb.write(root / "submitted" / student / LESSON.name / LESSON.solved.name, content)
    nbgrader(root, "generate_assignment", LESSON.name)
    for command in ("autograde", "generate_feedback"):
        nbgrader(root, command, LESSON.name)
    nbgrader(root, "export")
    return root


@pytest.fixture(scope="module")
def grades(course):
    """Automatic points by student and check."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        return {
            submission.student.id: {
                grade.name: grade.auto_score for grade in submission.notebooks[0].grades
            }
            for submission in gradebook.assignment_submissions(LESSON.name)
        }


@pytest.fixture(scope="module")
def due():
    """Points by check; the question graded by hand is not among them."""
    return {f"check-{exercise.name}": exercise.points for exercise in Subject(LESSON).exercises}


def by_machine(grades: dict[str, float]) -> dict[str, float]:
    return {name: points for name, points in grades.items() if name.startswith("check-")}


def test_nbgrader_releases_what_the_build_releases(course):
    assert (
        course / "notebooks" / LESSON.name / LESSON.released.name
    ).read_bytes() == LESSON.released.read_bytes()


def test_the_solution_scores_full(grades, due):
    assert by_machine(grades["solved"]) == due


def test_the_untouched_release_scores_nothing(grades):
    assert set(grades["untouched"].values()) == {0.0}


def test_points_for_what_was_done_alone(grades, due):
    expected = {
        name: points if name.removeprefix("check-") in SOME else 0 for name, points in due.items()
    }
    assert by_machine(grades["some"]) == expected
    assert 0 < sum(expected.values()) < sum(due.values())


def test_warnings_on_stderr_cost_no_points(course, grades, due):
    submitted = nb.read(course / "submitted" / "warned" / LESSON.name / LESSON.solved.name)
    noisy = [
        cell.id
        for cell in submitted.cells
        if "warnings.warn" in cell.source and "stderr)" in cell.source
    ]
    assert {f"check-{name}" for name in noisy} == due.keys()
    assert by_machine(grades["warned"]) == due


def test_an_answer_in_words_waits_for_a_person(grades):
    assert grades["solved"]["why_nonlinear"] is None
    assert grades["untouched"]["why_nonlinear"] == 0


@pytest.mark.parametrize("student", ["some", "solved", "untouched", "warned"])
def test_every_student_gets_feedback_with_cards(course, student):
    page = (course / "feedback" / student / LESSON.name / f"{LESSON.name}.html").read_text()
    assert page.count('class="course-card"') >= 5


def test_the_export_has_every_score_but_where_an_answer_is_still_to_be_read(course, due):
    table = pd.read_csv(course / "grades.csv", index_col="student_id")
    total = sum(due.values())
    assert table["score"].isna().to_dict().pop("solved")
    assert table["score"].dropna().to_dict() == {
        "some": sum(due[f"check-{name}"] for name in SOME),
        "untouched": 0,
        "warned": total,
    }
    assert set(table["max_score"]) == {
        total + sum(question.points for question in Subject(LESSON).questions)
    }

"""Tests of the instructor's own are run in the sandbox and judged as nbgrader judges them, in a
lesson of the course and in a plain nbgrader notebook.
"""

import html
import json

import pytest
from nbgrader.api import Gradebook

from course_utils.building.lesson import Lesson
from course_utils.errors import CourseError
from course_utils.grading.classroom import statistics
from course_utils.grading.outside import batch, intake, owntests, warm, worker
from course_utils.grading.outside.gradebook import scores
from course_utils.grading.outside.task import Task
from tests.grading import corpus
from tests.grading.classroom import hand_in, make_course, nbgrader_command, stock

LESSON = corpus.LESSON
INSIDE = "Judged inside the student's process."
RIGHT = "def relu(x):\n    return x.clamp(min=0)"
WRONG = "def relu(x):\n    return x.abs()"


def marked(text, name, points=None, kind="code", **marks):
    """A cell with nbgrader's marks; points: None where it has none."""
    flags = {"grade": points is not None, "solution": False, "locked": True, "task": False}
    flags |= marks | ({} if points is None else {"points": points})
    made = corpus.cell(text, kind, nbgrader=flags | {"grade_id": name, "schema_version": 3})
    del made["id"]  # as notebooks were before nbformat 4.5
    return made


def plain_cell(text, kind="code"):
    made = corpus.cell(text, kind)
    del made["id"]
    return made


def notebook(cells):
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 4}


# By name: what a test does once `square` is right, and its points of 2.
TESTS = {
    "passes": ("assert square(3) == 9", 2),
    "fails": ("assert square(3) == 8, 'not eight'", 0),
    "raises": ("square(3).nothing", 0),
    "half": ("square(1) / 1", 1),
    "nothing": ("0", 0),
    "negative": ("-1", 0),
    "text": ("'passed'", 2),
    "printed number": ("print(0.5)", 2),
    "shown number": ("from IPython.display import display\ndisplay(0.5)", 2),
    "number after much output": ("print('x' * 3_000_000)\n1.0", 1),
    "stderr": ("import sys\nprint('warned', file=sys.stderr)", 2),
    "exit": ("raise SystemExit('done')", 0),
    "many outputs": (
        "from IPython.display import display\nfor n in range(300):\n    display(n)\nassert False",
        0,
    ),
    "state": ("assert step == 1", 2),
    "later state": ("assert step == 2", 2),
}
STRICTER = {"negative"}  # a person looks where nbgrader gives all points


def own_lesson():
    """A plain nbgrader notebook as its author writes it, with a hidden test, and what is right."""
    solution = "### BEGIN SOLUTION\n    return x * x\n    ### END SOLUTION"
    cells = [
        plain_cell("# Squares", "markdown"),
        plain_cell("import math\nstep = 0"),
        marked(f"def square(x):\n    {solution}", "cell-1", solution=True, locked=False),
        plain_cell("step += 1"),
    ]
    for name, (text, _) in TESTS.items():
        if name == "later state":
            cells.append(plain_cell("step += 1"))
        cells.append(marked(text, name.replace(" ", "-"), 2))
    hidden = "### BEGIN HIDDEN TESTS\nassert square(-3) == 9\n### END HIDDEN TESTS"
    cells.append(marked(f"assert square(1) == 1\n{hidden}", "hidden", 2))
    cells.append(marked("Why?", "why", 3, "markdown", solution=True, locked=False))
    cells.append(marked("Draw.", "draw", 4, "markdown", grade=False, task=True))
    return notebook(cells)


def answer(released, text):
    """What a student makes of it."""
    mine = json.loads(json.dumps(released))
    for cell in mine["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "cell-1" and text:
            cell["source"] = text
    return mine


def make_own(root, name):
    """A course with this lesson, handed out by nbgrader, and three submissions."""
    course = make_course(root)
    source = course.root / "solutions" / name / f"{name}.ipynb"
    source.parent.mkdir(parents=True)
    source.write_text(json.dumps(own_lesson()))
    done = nbgrader_command(course, "generate_assignment", name, "--create")
    assert done.returncode == 0, done.stderr
    released = json.loads((course.root / "notebooks" / name / f"{name}.ipynb").read_text())
    assert "HIDDEN" not in json.dumps(released)
    answers = {
        "right": "def square(x):\n    return x * x",
        "half": "def square(x):\n    return abs(x) * x",
        "empty": "",
    }
    for student, text in answers.items():
        folder = course.path("submitted", student, name)
        folder.mkdir(parents=True)
        (folder / f"{name}.ipynb").write_text(json.dumps(answer(released, text)))
    return course


@pytest.mark.nbgrader
def test_a_plain_notebook_is_judged_as_nbgrader_judges_it(tmp_path):
    name = "ps1"
    course = make_own(tmp_path, name)
    lesson = Lesson(name, course.root)
    assert lesson in course.lessons()
    report = batch.grade(course, lesson, batch.Options(seed=1), progress=False)
    rows = report["submissions"]
    assert {row["status"] for row in rows.values()} == {"graded"}
    got = {check["id"].partition(".")[2]: check for check in rows["right"]["checks"]}
    expected = {name.replace(" ", "-"): points for name, (_, points) in TESTS.items()}
    assert {name: got[name]["points"] for name in expected} == expected
    assert got["hidden"]["points"] == 2
    assert {check["id"].partition(".")[2]: check["points"] for check in rows["half"]["checks"]}[
        "hidden"
    ] == 0
    assert all(got[name]["message"].startswith(INSIDE) for name in expected)
    assert got["fails"]["status"] == "wrong" and "“not eight”" in got["fails"]["message"]
    assert got["raises"]["status"] == "error" and got["half"]["status"] == "partial"
    # The author's hidden lines are in no notebook that a student gets before they are graded.
    assert got["why"]["status"] == "not attempted" and got["draw"]["status"] == "not run"
    found = statistics.collect(course, lesson)
    assert found.checks[f"{lesson.short}.passes"].statuses["right"] == 2

    def book():
        with Gradebook(course.folders.db_url) as gradebook:
            return {
                (submission.student_id, grade.name): grade.auto_score
                for submission in gradebook.find_assignment(name).submissions
                for grade in submission.notebooks[0].grades
                if grade.name != "draw"
            }

    ours, waiting = book(), scores(course, lesson)["right"]
    assert waiting[1] == 2 * (len(TESTS) + 1) + 3 + 4
    with Gradebook(course.folders.db_url) as gradebook:
        draw = gradebook.find_grade("draw", name, name, "right")
        assert (draw.auto_score, draw.needs_manual_grade) == (None, True)
    stock(course)
    done = nbgrader_command(course, "autograde", name, "--force")
    assert done.returncode == 0, done.stderr
    theirs = book()
    assert {name for (_, name), score in ours.items() if score is None} == STRICTER
    assert {key: theirs[key] if score is not None else None for key, score in ours.items()} == ours
    assert {theirs["right", name] for name in STRICTER} == {2}


@pytest.fixture(scope="module", autouse=True)
def close():
    yield
    warm.close()


def with_test(text, points=2, after="check-relu"):
    """Lesson 01 with a test of the instructor's own in it."""
    released = corpus.released()
    made = marked(text, "test-own", points) | {"id": "test-own"}
    released["cells"].insert(corpus.place(released, after) + 1, made)
    return released


def graded(released, answers, before=None, after=None, **task):
    """The rows of a submission by their ids; before and after: own cells around everything."""
    mine = json.loads(json.dumps(released))
    for cell in mine["cells"]:
        cell["source"] = answers.get(corpus.mark(cell), cell["source"])
    if before:
        mine["cells"].insert(1, corpus.cell(before))
    if after:
        mine["cells"].append(corpus.cell(after))
    result = worker.grade(
        Task(LESSON.name, json.dumps(released), json.dumps(mine).encode(), seed=1, **task)
    )
    return result, {row.id.partition(".")[2]: row for row in result.checks}


def test_a_test_added_to_a_lesson_of_the_course():
    released = with_test("assert relu(torch.tensor([-1.0])).item() == 0")
    _, rows = graded(released, {"relu": RIGHT})
    assert (rows["test-own"].points, rows["relu"].points) == (2.0, 1.0)
    assert rows["test-own"].message == f"{INSIDE} The test passed."
    result, rows = graded(released, {"relu": WRONG})
    assert (rows["test-own"].points, rows["test-own"].status) == (0.0, "wrong")
    shown = next(cell for cell in result.cells if corpus.mark(cell) == "test-own")["outputs"]
    assert INSIDE in shown[0]["data"]["text/plain"] and shown[1]["ename"] == "AssertionError"
    _, rows = graded(released, {})
    assert rows["test-own"].status == "not attempted"


def test_what_a_test_brings_along_answers_no_exercise():
    released = with_test(f"{RIGHT.replace('relu', 'wanted')}\nassert relu is not None")
    steals = "try:\n    relu = wanted\nexcept NameError:\n    pass"
    _, rows = graded(released, {"relu": WRONG}, after=steals)
    assert (rows["relu"].status, rows["test-own"].points) == ("wrong", 2.0)
    patches = with_test("torch.Tensor.clamp = lambda x, min: x")
    _, rows = graded(patches, {"relu": RIGHT}, after="n = 1")
    assert rows["relu"].status == "right"


def test_a_forged_test_costs_the_other_exercises_nothing_and_gains_nothing_there():
    released = with_test("assert relu(torch.tensor([-1.0])).item() == 0")
    forges = "from IPython import get_ipython\nget_ipython().run_cell = lambda *a, **k: None"
    _, rows = graded(released, {"relu": WRONG}, before=forges)
    assert rows["relu"].points == 0.0


@pytest.mark.parametrize(
    "text, status",
    [("while True: pass", "timeout"), ("import os; os._exit(0)", "crashed")],
)
def test_a_test_that_does_not_end_is_not_passed(text, status):
    limits = batch.Options().limits
    quick = type(limits)(test=1.0, grace=1.0)
    result, rows = graded(with_test(text), {"relu": RIGHT}, limits=quick)
    assert (rows["test-own"].status, rows["test-own"].points) == (status, 0.0)
    assert rows["relu"].points == 1.0 and INSIDE in rows["test-own"].message


SENDS = """
import gc, socket, struct
class Evil:
    def __eq__(self, other):
        sock = next(item for item in gc.get_objects() if isinstance(item, socket.socket))
        content = b"[" + b"[]," * (2 << 20) + b"[]]"
        sock.sendall(struct.pack("<cIQ", b"o", 1, len(content)) + content)
        return True
def f():
    return Evil()
"""


def test_what_a_test_shows_is_not_read_where_it_is_longer_than_evidence_may_be():
    """Six megabytes of empty lists are a hundred and fifty in memory."""
    released = notebook(
        [
            marked("def f(): pass", "f", solution=True, locked=False),
            marked("assert f() == 3", "test-f", 2),
        ]
    )
    mine = json.loads(json.dumps(released))
    mine["cells"][0]["source"] = SENDS
    task = Task("quiz", json.dumps(released), json.dumps(mine).encode(), seed=1)
    [row] = worker.grade(task).checks
    assert (row.status, row.points) == ("crashed", 0.0) and "more than 4 MB" in row.message


def test_a_test_may_show_a_megabyte_in_any_script():
    _, rows = graded(with_test("print('\u0436' * 2_000_000)\n1.0"), {"relu": RIGHT})
    assert rows["test-own"].points == 1.0


@pytest.mark.parametrize(
    "value",
    ["7", "-1", "float('nan')", "-float('inf')", "float('inf')", "-1e-9"],
)
def test_a_number_that_is_none_of_points_goes_to_a_person(value):
    _, rows = graded(with_test(value), {"relu": RIGHT})
    row = rows["test-own"]
    assert (row.manual, row.points, row.status) == (True, 0.0, "not run")
    assert row.message == f"{INSIDE} Its last value is no number from 0 to 2: a person will look."


@pytest.mark.parametrize(
    "value, points",
    [("0.0", 0.0), ("-0.0", 0.0), ("2", 2.0), ("1e0", 1.0), ("True", 2.0), ("'passed'", 2.0)],
)
def test_a_value_that_is_a_number_of_points_counts(value, points):
    _, rows = graded(with_test(value), {"relu": RIGHT})
    assert (rows["test-own"].manual, rows["test-own"].points) == (False, points)


def test_a_value_without_text_is_no_fault_of_the_course():
    task = Task(LESSON.name, json.dumps(with_test("0")), b"", seed=1)
    [cell] = [cell for cell in task.graded if corpus.mark(cell) == "test-own"]
    shown = {"output_type": "execute_result", "metadata": {}, "execution_count": None}
    row = owntests.judged(task, cell, [shown | {"data": {"image/png": corpus.PNG}}], whole=True)
    assert row.manual and row.points == 0.0


def test_what_is_written_to_stderr_counts_as_the_course_has_it():
    released = with_test("import sys\nprint('x', file=sys.stderr)")
    _, rows = graded(released, {"relu": RIGHT})
    assert (rows["test-own"].status, rows["test-own"].points) == ("wrong", 0.0)
    _, rows = graded(released, {"relu": RIGHT}, ignored="^")
    assert rows["test-own"].points == 2.0


def test_a_failed_test_waits_for_a_person_where_a_part_of_the_notebook_is_missing():
    released = with_test("assert helper(1) == 1")
    _, rows = graded(released, {"relu": RIGHT}, after="#" + "x" * 200_000)
    assert rows["test-own"].manual and rows["test-own"].status == "not run"


def test_a_check_that_the_course_does_not_know_is_the_courses_fault():
    released = with_test("check('linear.leaky_relu', relu)")
    result, rows = graded(released, {"relu": RIGHT})
    assert (rows["test-own"].status, rows["test-own"].points) == ("course error", None)
    assert "linear.leaky_relu" in result.faults["linear.test-own"]
    assert rows["relu"].points == 1.0


def test_the_report_marks_what_was_judged_inside(tmp_path):
    course = make_course(tmp_path)
    path = course.path("release", ".", LESSON.name) / f"{LESSON.name}.ipynb"
    path.write_text(json.dumps(with_test("assert relu(torch.tensor([-1.0])).item() == 0")))
    mine = with_test("assert True")
    for cell in mine["cells"]:
        cell["source"] = {"relu": WRONG}.get(corpus.mark(cell), cell["source"])
    hand_in(course, "one", mine)
    row = batch.grade(course, LESSON, batch.Options(seed=1), progress=False)["submissions"]["one"]
    [check] = [item for item in row["checks"] if item["id"] == "linear.test-own"]
    assert check["points"] == 0.0 and check["message"].startswith(INSIDE)
    assert "The cell test-own had been changed; it was put back as it was." in row["repairs"]
    done = nbgrader_command(course, "generate_feedback", LESSON.name)
    assert done.returncode == 0, done.stderr
    page = course.path("feedback", "one", LESSON.name) / f"{LESSON.name}.html"
    assert INSIDE in html.unescape(page.read_text())


def reading_lesson(course, name="ps2"):
    """A lesson of the instructor's own that reads files beside it, released by hand."""
    cells = [
        plain_cell("from pathlib import Path\nrows = Path('table.csv').read_text().split()"),
        marked("def total():\n    return 0", "cell-1", solution=True, locked=False),
        marked("assert total() == 6", "sum", 2),
        marked("assert Path('more/of/it.txt').read_text() == 'deep'", "deep", 1),
    ]
    folder = course.path("release", ".", name)
    (folder / "more" / "of").mkdir(parents=True)
    (folder / f"{name}.ipynb").write_text(json.dumps(notebook(cells)))
    (folder / "table.csv").write_text("1 2 3")
    (folder / "tool.so").write_bytes(b"\0ELF")
    (folder / "more/of/it.txt").write_text("deep")
    mine = answer(notebook(cells), "def total():\n    return sum(map(int, rows))")
    for student in ("alone", "changed"):
        path = course.path("submitted", student, name) / f"{name}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(mine))
    (path.parent / "table.csv").write_text("1 5 7")
    (path.parent / "tool.so").write_bytes(b"another")
    return Lesson(name, course.root)


def test_files_that_were_handed_out_with_a_lesson_are_there_as_they_were(tmp_path):
    course = make_course(tmp_path)
    lesson = reading_lesson(course)
    rows = batch.grade(course, lesson, batch.Options(seed=1), progress=False)["submissions"]
    assert {row["score"] for row in rows.values()} == {3.0}, rows
    assert rows["alone"]["repairs"] == []
    why = "beside the notebook, was not read: it came with the lesson, and the original is used."
    assert rows["changed"]["repairs"] == [f"“table.csv”, {why}", f"“tool.so”, {why}"]
    (course.path("release", ".", lesson.name) / "table.csv").write_text("1 2 4")
    rows = batch.grade(course, lesson, batch.Options(seed=1), progress=False)["submissions"]
    assert {row["score"] for row in rows.values()} == {1.0}, "a file that changes is graded anew"


def test_too_many_bytes_handed_out_with_a_lesson_are_told(tmp_path, monkeypatch):
    course = make_course(tmp_path)
    lesson = reading_lesson(course)
    monkeypatch.setattr(intake, "LARGEST_GIVEN", 8)
    with pytest.raises(CourseError, match="ps2.ipynb have more than 0 MB together"):
        batch.grade(course, lesson, batch.Options(seed=1), progress=False)

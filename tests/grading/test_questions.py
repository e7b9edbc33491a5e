"""What a probe asks the judge while it runs: answered to a sandbox as in the notebook, and never to
something strange.
"""

import json
from pathlib import Path

import pytest
import torch

from course_utils.checking import find, judge
from course_utils.checking.evidence import encode
from course_utils.grading.inside import wire
from course_utils.grading.outside import exchange, warm, worker
from course_utils.grading.outside.sandbox import Ended
from course_utils.grading.outside.steps import Step
from course_utils.grading.outside.task import Task
from tests import attempts
from tests.grading import corpus

ID, SEED = "backprop.test", 5
LOOKS_ABOUT = """
import gc
def test(backward):
    backward(torch.ones(1, 1), torch.ones(1, 1), torch.ones(1))
    found = [item for item in gc.get_objects() if isinstance(item, dict)]
    return any("mean over the examples" in item or "counted" in item for item in found)
"""
ASKS_FOR_OTHERS = """
def test(backward):
    function = [cell.cell_contents for cell in backward.__closure__]
    [form] = [item for item in function if hasattr(item, "ask")]
    return form.ask("which are right?") == {}
"""


@pytest.fixture(scope="module", autouse=True)
def close():
    yield
    warm.close()


def graded(text):
    """The row of a notebook in which `test` is answered with this text."""
    marks = {"schema_version": 3, "task": False}
    answer = marks | {"grade_id": "test", "grade": False, "locked": False, "solution": True}
    checked = marks | {"grade_id": "check-test", "grade": True, "locked": True, "solution": False}
    cells = [
        corpus.cell("import torch"),
        corpus.cell("def test(backward):\n    raise NotImplementedError()", nbgrader=answer),
        corpus.cell("check()", nbgrader=checked | {"points": 3}),
    ]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    release = json.dumps(notebook)
    cells[1]["source"] = text
    content = json.dumps(notebook).encode()
    [row] = worker.grade(Task("03_backprop", release, content, seed=SEED)).checks
    return row


@pytest.mark.parametrize("name", ["everything", "by_autograd", "shapes_only"])
def test_the_sandbox_says_what_the_notebook_says(name):
    source = Path(attempts.__file__).read_text(encoding="utf-8")
    tests = source[
        source.index("ROWS, SCALE = ") : source.index("# In the order of the table in backprop")
    ]
    row = graded(f"import torch\n\nt = torch.tensor\n{tests}\ntest = {name}")
    there = judge(ID, getattr(attempts, name))
    assert (row.status, row.points) == (there.status, 3 * there.score), row.message


def test_what_is_tested_is_nowhere_in_the_process():
    row = graded(LOOKS_ABOUT)
    assert row.status == "wrong" and "rejects everything" in row.message


def test_a_strange_question_ends_the_process():
    row = graded(ASKS_FOR_OTHERS)
    assert (row.status, row.points) == ("crashed", 0.0)


@pytest.mark.parametrize(
    "content",
    [
        b"nonsense",
        encode(3),
        encode({"run": 10**9, "given": [torch.ones(1)] * 3}),
        b"x" * (wire.LONGEST_QUESTION + 1),
    ],
    ids=["bytes", "a number", "no such run", "long"],
)
def test_a_question_that_is_none_is_not_answered(content):
    task, step = Task("03_backprop", "{}", b"", seed=SEED), Step(0, exercise=find(ID))
    with pytest.raises(Ended):
        exchange._answer(None, 0, step, content, {}, task)


def test_nobody_answers_where_there_is_no_oracle():
    task, step = Task("01_linear", "{}", b"", seed=SEED), Step(0, exercise=find("linear.relu"))
    with pytest.raises(Ended):
        exchange._answer(None, 0, step, encode({"run": 0, "given": []}), {}, task)

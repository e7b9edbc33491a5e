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


def graded(text, own=()):
    """The row of a notebook in which `test` is answered with this text, below cells of one's own."""
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
    cells[1:1] = map(corpus.cell, own)
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


def oracle():
    """What answers the questions of a test."""
    return exchange._oracle(Step(0, exercise=find(ID)), Task("03_backprop", "{}", b"", seed=SEED))


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
    with pytest.raises(Ended):
        exchange._answer(None, oracle(), content)


def test_nobody_answers_where_there_is_no_oracle():
    task, step = Task("01_linear", "{}", b"", seed=SEED), Step(0, exercise=find("linear.relu"))
    with pytest.raises(Ended):
        exchange._answer(None, exchange._oracle(step, task), encode({"run": 0, "given": []}))


def test_what_a_run_says_is_settled_before_the_next_begins():
    ask, given = oracle(), [torch.ones(2, 3), torch.ones(2, 3), torch.ones(3)]
    with pytest.raises(ValueError, match="not begun"):
        ask({"run": 1, "given": given})
    assert "gave" in ask({"run": 0, "given": given})
    ask({"run": 0, "said": "accepts"})
    assert "gave" in ask({"run": 1, "given": given})
    ask({"run": 0, "said": "accepts"})  # as in a second attempt
    with pytest.raises(ValueError, match="another verdict"):
        ask({"run": 0, "said": "rejects"})
    assert ask.agrees({"said": ["accepts"]}) and ask.agrees({})
    assert not ask.agrees({"said": ["rejects"]}) and not ask.agrees({"said": []})


def test_nobody_calls_without_end():
    ask, given = oracle(), [torch.ones(2, 3), torch.ones(2, 3), torch.ones(3)]
    with pytest.raises(ValueError, match="without end"):
        for _ in range(1_000):
            ask({"run": 0, "given": given})


@pytest.mark.parametrize("shape", [(0, 10_000, 10_000), (0, 101), (101, 0)])
def test_nothing_large_is_made_from_what_is_empty(shape):
    assert "refused" in oracle()({"run": 0, "given": [torch.zeros(shape)] * 3})


VOTE = """
told = []
def test(backward):
    cells = dict(zip(backward.__code__.co_freevars, backward.__closure__))
    form, run = cells["self"].cell_contents, cells["run"].cell_contents
    given = [torch.randn(4, 3), torch.randn(4, 3), torch.randn(3)]
    for number in range(0 if told else 70):
        told.append(str(form.ask({"run": number, "given": given})))
    return told.count(told[run]) > 7
"""
FORGED = """
from course_utils.grading.inside import child
def test(backward):
    return True
encode = child.encode
def forge(tree):
    for case in tree if isinstance(tree, list) else []:
        if "said" in case["values"]:
            case["values"]["said"] = ["accepts", "rejects"] * 35
    return encode(tree)
child.encode = forge
"""


# What the first attempt saw decides which cell is left out in the second, which so knows it.
VOTE_IN_TWO = """
import gc, os, socket, zlib
from course_utils.grading.inside import wire
sock = next(thing for thing in gc.get_objects() if isinstance(thing, socket.socket))
def given():
    x = torch.tensor([[3.0, -1.0, 4.0], [1.0, -5.0, 9.0], [2.0, -6.0, 5.0], [3.0, 5.0, -8.0]])
    return [x, x.flip(0) - 2, torch.tensor([2.0, -7.0, 3.0])]
there = [number for number in range(40) if f"cell_{number}" in globals()]
def sign(got):
    parts = got if isinstance(got, tuple | list) else [got]
    return zlib.crc32(str([getattr(x, "tolist", str)() for x in parts]).encode()) % 40
def test(backward):
    cells = dict(zip(backward.__code__.co_freevars, backward.__closure__))
    form, told = cells["self"].cell_contents, []
    if len(there) < 40:
        return sign(backward(*given())) not in there
    for number in range(70):
        told.append(sign(form.ask({"run": number, "given": given()}).get("gave")))
        form.ask({"run": number, "said": "accepts"})
    wire.send(sock, wire.STEP, 1 + max(told, key=told.count))
    os._exit(0)
"""


@pytest.mark.parametrize(
    "text",
    [VOTE, FORGED, VOTE_IN_TWO],
    ids=["a vote", "another verdict at the end", "a vote in two attempts"],
)
def test_no_test_decides_after_it_has_seen_all(text):
    row = graded(text, [f"cell_{number} = 1" for number in range(40)])
    assert (row.status, row.points) == ("crashed", 0.0)

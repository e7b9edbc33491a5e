"""A cold start: sandbox and worker begin at once, beside the imports of the process that wants them."""

import json
import subprocess
import sys

import pytest

from course_utils.grading.outside import pool, sandbox, warm, worker
from course_utils.grading.outside.task import Task
from tests.grading import corpus

TASK = Task(
    corpus.LESSON.name, json.dumps(corpus.released()), json.dumps(corpus.answered()).encode(), 1
)


@pytest.fixture(autouse=True)
def close():
    yield
    warm.close()


@pytest.mark.parametrize(
    "module, late",
    [
        ("cli", "torch nbgrader nbformat numpy"),
        ("grading.outside.pool", "torch nbgrader nbformat numpy"),  # it begins worker and sandbox
        ("grading.outside.batch", "torch"),
        ("grading.outside.worker", "nbgrader nbformat jsonschema"),  # it has torch to import
        ("grading.classroom.pages", "torch"),  # which every command of nbgrader imports
    ],
)
def test_what_takes_long_is_imported_late(module, late):
    code = f"import sys, course_utils.{module}; print(*{{*sys.modules}} & {{*{late.split()}}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("\n", "")


def test_a_template_of_a_lesson_without_optimizers_does_not_wait_for_their_compiler():
    assert not warm._needs_dynamo(corpus.released(), "linear")
    assert warm._needs_dynamo({"cells": []}, "mnist")


def test_the_template_that_was_begun_is_the_one_that_is_used():
    begun = sandbox.Template(processor=sandbox.processor(0))
    warm.settle(0, begun)
    assert sum(row.points for row in worker.grade(TASK).checks) == corpus.FULL
    assert warm._local.template is begun


def test_a_template_with_other_walls_than_the_task_wants_is_ended():
    begun = sandbox.Template(sandbox=False)
    warm.settle(0, begun)
    assert worker.grade(TASK).sandbox == "bubblewrap"
    assert warm._local.template is not begun
    assert begun.process.poll() is not None


def test_a_worker_that_was_started_early_takes_the_first_task():
    with pool.LocalPool(2) as local:
        local.start()
        first = local.workers[0].process.pid
        ((key, result),) = local.run([("one", TASK)])
        assert (key, result.status) == ("one", "graded")
        assert [worker.process.pid for worker in local.workers] == [first]


def test_what_is_prepared_when_it_is_needed_is_ready_before_there_is_a_submission():
    """Else each submission's process would do it again: sources read, a module imported."""
    source = """
import linecache, sys
print(any("interactiveshell" in name for name in linecache.cache), "numpy.ctypeslib" in sys.modules)
"""
    notebook = corpus.released()
    notebook["cells"].insert(0, corpus.cell(source))
    content = json.dumps(notebook).encode()
    result = worker.grade(Task(corpus.LESSON.name, json.dumps(corpus.released()), content, 1))
    shown = next(cell["outputs"] for cell in result.cells if cell["source"] == source)
    assert shown[0]["text"] == "True True\n"


def test_a_child_imports_nothing_to_show_what_cells_show_and_finds_nothing_of_the_rehearsal():
    sources = [
        """
import sys
before = set(sys.modules)
own = {"before", "own", "sys", "In", "Out", "get_ipython", "exit", "quit", "open"}
print([name for name in globals() if name[0] != "_" and name not in own], sys.exc_info()[0])
print(hasattr(sys, "last_value"), In, Out, [_])
""",
        "1 / 0",
        "import matplotlib.pyplot as plt\nprint(plt.plot([1]))\nplt.show()",
        "import torch\ndisplay(torch.ones(2), {'a': 1})",
        "print(sorted(set(sys.modules) - before))",
    ]
    notebook = corpus.released()
    notebook["cells"][:0] = [corpus.cell(source) for source in sources]
    content = json.dumps(notebook).encode()
    result = worker.grade(Task(corpus.LESSON.name, json.dumps(corpus.released()), content, 1))
    shown = {cell["source"]: cell["outputs"] for cell in result.cells if cell.get("outputs")}
    assert shown[sources[0]][0]["text"] == "[] None\nFalse [''] {} ['']\n"
    assert shown[sources[-1]][0]["text"] == "[]\n"
    assert [item["output_type"] for item in shown[sources[2]]] == ["stream", "display_data"]


def test_no_two_children_draw_the_same_numbers():
    source = (
        "import random, numpy, torch\nprint(random.random(), numpy.random.rand(), torch.rand(1))"
    )
    notebook = corpus.released()
    notebook["cells"].insert(0, corpus.cell(source))  # the lesson's first cell seeds torch
    content = json.dumps(notebook).encode()
    task = Task(corpus.LESSON.name, json.dumps(corpus.released()), content, 1)
    first, second = (
        next(cell for cell in worker.grade(task).cells if cell["source"] == source)["outputs"]
        for _ in range(2)
    )
    drawn = [shown[0]["text"].split() for shown in (first, second)]
    assert all(one != other for one, other in zip(*drawn, strict=True))

"""Nobody pays for busy neighbours: a processor's time counts, and what may be their fault has to
come twice.
"""

import json
import os
import subprocess
import sys
import time

import pytest

from course_utils.grading.inside.wire import Limits
from course_utils.grading.outside import batch, pool, warm, worker
from course_utils.grading.outside.task import Task
from tests.grading import corpus
from tests.grading.classroom import hand_in, make_course, numbered

LESSON = corpus.LESSON
WORKS = """
import time
end = time.process_time() + 1
while time.process_time() < end:
    pass
def helper(x):
    return x.clamp(min=0)
"""
SPINS = "while True:\n    pass"
HOGS = "kept = bytearray(b'x') * (1 << 30)\nimport time\nwhile True:\n    time.sleep(60)"
LOOPS = """
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
"""
ASKS = "def collapse(*a):\n    return [torch.ones(1 << 28) for _ in range(64)]"


@pytest.fixture
def neighbours():
    """Eight busy processes on the processor that the next submission gets, and two that hold much
    memory.
    """
    processor = min(os.sched_getaffinity(0))
    started = [subprocess.Popen([sys.executable, "-c", text]) for text in [SPINS] * 8 + [HOGS] * 2]
    for process in started[:8]:
        os.sched_setaffinity(process.pid, {processor})
    yield
    for process in started:
        process.kill()
        process.wait()


def grade(notebook, **limits):
    content, released = json.dumps(notebook).encode(), json.dumps(corpus.released())
    try:
        warm.settle(0)
        return worker.grade(Task(LESSON.name, released, content, seed=1, limits=Limits(**limits)))
    finally:
        warm.close()


def test_work_that_takes_half_of_its_time_is_done_under_eight_busy_neighbours(neighbours):
    notebook = corpus.put(corpus.answered(relu="def relu(x):\n    return helper(x)"), WORKS)
    result = grade(notebook, cell=2.0, grace=0.5, patience=60.0)
    assert (result.status, sum(row.points for row in result.checks)) == (
        "graded",
        corpus.FULL,
    )


def test_who_sleeps_is_not_waited_for():
    began = time.monotonic()
    result = grade(
        corpus.put(corpus.answered(), "import time\ntime.sleep(300)"), cell=1.0, patience=200.0
    )
    assert time.monotonic() - began < 100
    assert result.status == "graded"


def test_all_processes_of_a_submission_count():
    text = """
import os, time
started = []
for _ in range(4):
    if (child := os.fork()) == 0:
        while time.process_time() < 1:
            pass
        os._exit(0)
    started.append(child)
for child in started:
    os.waitpid(child, 0)
"""
    content, released = (
        json.dumps(corpus.put(corpus.answered(), text)).encode(),
        json.dumps(corpus.released()),
    )
    worker.grade(Task(LESSON.name, released, content, seed=1))
    used = warm._local.template.used
    warm.close()
    assert used > 3


def run(course, monkeypatch):
    """Grade; the report, and how often each submission was given, alone or with others."""
    given = []
    inner = pool.LocalPool.run

    def watched(self, tasks, alone=False):
        tasks = list(tasks)
        given.extend((task.content, alone) for _, task in tasks)
        return inner(self, tasks, alone)

    with monkeypatch.context() as patch:
        patch.setattr(pool.LocalPool, "run", watched)
        options = batch.Options(seed=3, jobs=2, limits=Limits(cell=1.0, grace=0.5, memory=1 << 30))
        report = batch.grade(course, LESSON, options, progress=False)
    return report["submissions"], [alone for _, alone in given]


LIMITED = [
    (corpus.put(corpus.answered("relu"), LOOPS), "timeout"),
    (corpus.answered("relu", collapse=ASKS), "out of memory"),
]


@pytest.mark.parametrize(("notebook", "status"), LIMITED, ids=["time", "memory"])
def test_a_limit_counts_when_it_is_reached_twice_the_second_time_alone(
    tmp_path, monkeypatch, notebook, status
):
    course = make_course(tmp_path)
    hand_in(course, "honest", corpus.answered())
    hand_in(course, "other", notebook)
    rows, alone = run(course, monkeypatch)
    assert (rows["honest"]["score"], rows["other"]["score"], alone) == (
        corpus.FULL,
        corpus.ONE,
        [False, False, True],
    )
    assert status in [
        rows["other"]["status"],
        *(check["status"] for check in rows["other"]["checks"]),
    ]
    rows, alone = run(course, monkeypatch)
    assert alone == [False, True], "what ran into a limit is no final result"
    hand_in(course, "other", numbered(corpus.answered(), 1))
    rows, alone = run(course, monkeypatch)
    assert (rows["other"]["score"], alone) == (corpus.FULL, [False])


def test_what_was_the_neighbours_fault_is_made_good(tmp_path, monkeypatch):
    course = make_course(tmp_path)
    hand_in(course, "honest", corpus.answered())
    inner = worker.grade
    given = []

    def kept_waiting(self, tasks, alone=False):
        for key, task in tasks:
            given.append(alone)
            yield key, inner(task) if alone else task.lost("no time")

    monkeypatch.setattr(pool.LocalPool, "run", kept_waiting)
    report = batch.grade(course, LESSON, batch.Options(seed=3), progress=False)
    warm.close()
    assert (report["submissions"]["honest"]["score"], given) == (corpus.FULL, [False, True])

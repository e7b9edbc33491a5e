"""The same task on a Dask cluster: equal results, and a worker that is killed loses nothing."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from dask.distributed import Client, LocalCluster

from course_utils.errors import CourseError
from course_utils.grading.outside import batch, pool
from course_utils.grading.outside.gradebook import scores
from tests.grading import corpus
from tests.grading.classroom import ENVIRONMENT, hand_in, make_course, numbered

LESSON = corpus.LESSON
NUMBER = 8
EXPECTED = {
    f"student-{number}": corpus.FULL if number % 2 else corpus.ONE for number in range(NUMBER)
}


@pytest.fixture
def course(tmp_path):
    made = make_course(tmp_path / "course")
    for number in range(NUMBER):
        hand_in(
            made,
            f"student-{number}",
            numbered(corpus.answered(*([] if number % 2 else ["relu"])), number),
        )
    return made


def grade(course, address):
    report = batch.grade(course, LESSON, batch.Options(seed=3, scheduler=address), progress=False)
    return {student: row["score"] for student, row in report["submissions"].items()}


def test_a_cluster_of_processes_gives_the_same_scores(course):
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        assert grade(course, cluster.scheduler_address) == EXPECTED


@contextlib.contextmanager
def started(folder, *command):
    """A program of Dask's, ended afterwards with all that it started."""
    with (folder / f"{command[0]}.log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=folder,
            env=ENVIRONMENT,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_worker_that_is_killed_in_the_middle_loses_no_submission(course, tmp_path, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    kept = []
    keep = batch.Batch.keep
    monkeypatch.setattr(
        batch.Batch, "keep", lambda self, key, result: (kept.append(key), keep(self, key, result))
    )
    serve = (
        "distributed.cli.dask_scheduler",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--no-dashboard",
    )
    work = (
        "distributed.cli.dask_worker",
        address,
        "--nthreads",
        "1",
        "--no-dashboard",
        "--no-nanny",
    )
    with (
        started(tmp_path, *serve),
        started(tmp_path, *work, "--name", "first") as first,
        started(tmp_path, *work),
    ):
        with Client(address, timeout=120) as client:
            client.wait_for_workers(2, timeout=120)

        def kill():
            while not kept:
                time.sleep(0.02)
            os.killpg(first.pid, signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        assert grade(course, address) == EXPECTED
        killer.join()
    assert first.poll() is not None
    assert len(kept) == len(set(kept)) == NUMBER, "every submission has one result"
    assert {student: score for student, (score, _) in scores(course, LESSON).items()} == EXPECTED


def test_no_scheduler_gets_one_sentence():
    with pytest.raises(CourseError, match="no Dask scheduler at tcp://127.0.0.1:9"):
        list(pool.run_on_cluster([], "tcp://127.0.0.1:9"))

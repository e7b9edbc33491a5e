"""A worker of one grading goes on with the next: starting one takes longer than most gradings."""

import os

import pytest

from course_utils.grading.outside import pool

IDLE: dict[int, pool._Worker] = {}  # by place
START = pool._Worker


def environment() -> dict[str, str]:
    """What a process that is started now inherits, pytest's own variables aside."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}


def taken(place: int, sandbox: bool) -> pool._Worker:
    """The idle worker of a place, if it has what a new one would have, else a new one."""
    now = environment()
    if (idle := IDLE.pop(place, None)) is not None:
        if idle.environment == now and idle.process.is_alive():
            return idle
        idle.close()
    worker = START(place, sandbox)
    worker.environment = now
    return worker


def put_back(local: pool.LocalPool) -> None:
    """Keep the workers of a pool that have nothing left to do, and end the others."""
    while local.workers:
        worker = local.workers.pop()
        if worker.task is None and worker.process.is_alive() and worker.place not in IDLE:
            IDLE[worker.place] = worker
        else:
            worker.close()


@pytest.fixture(scope="session", autouse=True)
def _workers():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "_Worker", taken)
        patch.setattr(pool.LocalPool, "close", put_back)
        yield
    for worker in IDLE.values():
        worker.close()

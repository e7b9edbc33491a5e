"""Runs grading tasks: in processes of this machine, or on a Dask cluster."""

import contextlib
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection, wait
from typing import Any

from course_utils.errors import CourseError
from course_utils.grading.outside.result import Result
from course_utils.grading.outside.sandbox import Template, processor
from course_utils.grading.outside.task import Task

Done = tuple[str, Result]
TRIES = 3  # a task whose worker died this often gets the verdict `crashed`
SPARE_SECONDS = 600.0  # beyond the limit of a submission, for starting the sandbox and judging


class _Worker:
    """A process with a warm sandbox of its own."""

    def __init__(self, place: int, sandbox: bool) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, place, sandbox), daemon=True)
        self.process.start()
        theirs.close()
        self.place, self.key, self.task, self.since = place, "", None, 0.0

    def give(self, key: str, task: Task) -> None:
        """Send a task."""
        self.key, self.task, self.since = key, task, time.monotonic()  # type: ignore[assignment]
        with contextlib.suppress(OSError):  # a dead worker is found when its answer is read
            self.connection.send(task)

    def overdue(self) -> bool:
        """Whether it has worked on one task for longer than any task may take."""
        if self.task is None:
            return False
        limits = self.task.limits
        return time.monotonic() - self.since > limits.seconds * limits.patience + SPARE_SECONDS

    def close(self) -> None:
        """End the process; its sandbox ends with it."""
        self.connection.close()
        self.process.terminate()
        self.process.join(5)
        self.process.kill()


def _serve(connection: Connection, place: int, sandbox: bool) -> None:
    """Grade what comes, in a process of its own; sandbox: how the first template is begun."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def stop(*_: object) -> None:
        raise SystemExit

    signal.signal(signal.SIGTERM, stop)
    begun = None
    try:
        with contextlib.suppress(CourseError):  # the first task meets it again, and reports it
            begun = Template(sandbox, processor(place))
        # The template imports torch while this process does.
        from course_utils.grading.outside import warm
        from course_utils.grading.outside.worker import grade

        warm.settle(place, begun)
        while True:
            task = connection.recv()
            try:
                answer: Any = grade(task)
            except CourseError as error:
                answer = str(error)
            connection.send(answer)
    except (EOFError, OSError):
        pass
    except Exception:
        traceback.print_exc()
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _end(begun)
        # torch takes long to end by itself, and a signal in the middle of that prints a traceback.
        os._exit(0)


def _end(begun: Template | None) -> None:
    """End the templates of this process, also where they have not been used yet."""
    if (warm := sys.modules.get("course_utils.grading.outside.warm")) is not None:
        warm.close()
    if begun is not None:
        begun.close()


class LocalPool:
    """`jobs` processes of this machine, started when they are first needed; a context manager.

    sandbox: whether what they are expected to grade needs one.
    """

    def __init__(self, jobs: int, sandbox: bool = True) -> None:
        self.jobs, self.sandbox = jobs, sandbox
        self.workers: list[_Worker] = []

    def start(self) -> None:
        """Start the first process, before there is a task for it."""
        if not self.workers:
            self.workers.append(_Worker(0, self.sandbox))

    def __enter__(self) -> "LocalPool":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all processes."""
        while self.workers:
            self.workers.pop().close()

    def run(self, tasks: Iterable[tuple[str, Task]], alone: bool = False) -> Iterator[Done]:
        """Results by key, as they come; raises CourseError where no sandbox can be started.

        alone: one after the other.
        A worker that dies, or takes longer than any submission may, is replaced, and its task is
        given again.
        """
        waiting = iter(tasks)
        again: list[tuple[str, Task]] = []
        tried: dict[str, int] = {}

        def item() -> tuple[str, Task] | None:
            return again.pop() if again else next(waiting, None)

        # Starting takes two processors; the others follow when the first ones have answered.
        jobs = 1 if alone else self.jobs
        self._begin(item, min(jobs, max(1, (os.cpu_count() or 2) // 2)))
        while busy := self._busy():
            ready = wait([worker.connection for worker in busy], timeout=1.0)
            for worker in busy:
                # Still at work, and not for too long.
                if worker.connection not in ready and not worker.overdue():
                    continue
                key, task = worker.key, worker.task
                assert task is not None
                answer = _answer(worker) if worker.connection in ready else None
                if isinstance(answer, str):  # no sandbox can be started
                    raise CourseError(answer)
                worker.task = None
                if answer is None:  # it died, or it took too long
                    worker = self._replaced(worker)
                    tried[key] = tried.get(key, 0) + 1
                    if tried[key] < TRIES:
                        again.append((key, task))
                    else:
                        answer = task.lost("The process that graded it died, three times.")
                self._begin(item, jobs)
                if answer is not None:
                    yield key, answer

    def _begin(self, item: Callable[[], tuple[str, Task] | None], number: int) -> None:
        """Give a task to each of so many workers that has none, as long as there are any."""
        for index in range(number):
            if index < len(self.workers) and self.workers[index].task is not None:
                continue
            if (given := item()) is None:
                break
            if index == len(self.workers):
                self.workers.append(_Worker(index, self.sandbox))
            self.workers[index].give(*given)

    def _replaced(self, worker: _Worker) -> _Worker:
        """A new worker in the place of one that is ended."""
        self.workers.remove(worker)
        worker.close()
        self.workers.append(new := _Worker(worker.place, self.sandbox))
        return new

    def _busy(self) -> list[_Worker]:
        return [worker for worker in self.workers if worker.task is not None]


def _answer(worker: _Worker) -> Any:
    try:
        return worker.connection.recv()
    except (EOFError, OSError):
        return None


def run_on_cluster(
    tasks: Iterable[tuple[str, Task]], address: str, alone: bool = False
) -> Iterator[Done]:
    """Results by key, as they come, from a Dask scheduler's workers, which need this package and
    bubblewrap.

    alone: one after the other.
    Dask gives the tasks of a worker that dies to others. Raises CourseError where the scheduler
    cannot be reached.
    """
    from dask.distributed import Client, Future, as_completed
    from dask.distributed.scheduler import KilledWorker

    try:
        client = Client(address, timeout=10)
    except (OSError, ValueError) as error:
        raise CourseError(
            f"There is no Dask scheduler at {address} ({type(error).__name__}): start one."
        ) from None
    with client:
        waiting = iter(tasks)
        sent: dict[str, tuple[str, Task]] = {}

        def send() -> Future | None:
            if (item := next(waiting, None)) is None:
                return None
            future = client.submit(
                _on_cluster, item[1], key=f"grade-{item[0]}", retries=TRIES, pure=False
            )
            sent[str(future.key)] = item
            return future

        room = 1 if alone else 2 * sum(client.nthreads().values()) + 2
        done = as_completed([future for _ in range(room) if (future := send()) is not None])
        for future in done:
            key, task = sent.pop(str(future.key))
            try:
                answer = future.result()
            except KilledWorker:
                answer = task.lost("The machine that graded it died, several times.")
            future.release()
            if isinstance(answer, str):
                raise CourseError(answer)
            if (more := send()) is not None:
                done.add(more)
            yield key, answer


def _on_cluster(task: Task) -> Any:
    from course_utils.grading.outside.worker import grade

    try:
        return grade(task)
    except CourseError as error:
        return str(error)

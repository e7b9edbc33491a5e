"""What a submission's own process does: run its cells, probe its answers, send what came out."""

import contextlib
import json
import socket
import sys
import time
from base64 import b64decode
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from IPython.core.getipython import get_ipython

from course_utils.checking.evidence import Evidence, decode, encode, to_tree
from course_utils.checking.exercise import Case, Exercise
from course_utils.checking.running import (
    TimeLimit,
    charged,
    collect,
    processor_time,
    refused,
    time_limit,
)
from course_utils.checking.world import MISSING, device, fixed_world, use_device
from course_utils.grading.inside import wire
from course_utils.grading.inside.shell import RECORDER, Stream

# Seconds for one of the student's own cells when they have had a third of all time together.
SHORTEST = 0.5


def work(sock: socket.socket, exercises: dict[str, Exercise], limits: wire.Limits) -> None:
    """Take one job from the socket and send back a frame for every step of it."""
    _, _, content = wire.receive(sock, 1 << 30)
    job = decode(content)
    for name, file in job["beside"]:  # in a place of its own, as it was beside the notebook
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(b64decode(file))
    shell: Any = get_ipython()
    sys.path.insert(0, "")  # as in a notebook: what a cell writes to a file can be imported
    room, spare = limits.output, limits.seconds / 3
    patience = limits.patience
    again: list[int] = []
    probed = [exercises[step["id"]] for step in job["steps"] if step["kind"] == "probe"]
    answers: dict[str, Any] = {}  # the last of each name that may be an answer
    for number, step in enumerate(job["steps"]):
        wire.send(sock, wire.STEP, number)
        # A cell: the student's own share a budget; a test has limits of its own.
        if step["kind"] == "cell":
            began, used = time.monotonic(), processor_time()
            if step["test"]:
                _run_cell(sock, shell, number, step["source"], limits.test, limits.output, patience)
                continue
            seconds = min(limits.cell, max(spare, SHORTEST)) if step["own"] else limits.cell
            room -= _run_cell(sock, shell, number, step["source"], seconds, room, patience)
            if step["own"]:
                spare -= charged(time.monotonic() - began, processor_time() - used, patience)
            answers |= {
                item.name: shell.user_ns[item.name]
                for item in probed
                if _may_answer(item, shell.user_ns)
            }
        elif not _probe(
            sock,
            shell,
            exercises[step["id"]],
            number,
            step["cases"],
            job["seed"],
            limits,
            answers,
        ):
            again.append(number)
    for number in again:  # the answer, or a name that it uses, may have been defined further down
        wire.send(sock, wire.STEP, number)
        step = job["steps"][number]
        _probe(
            sock,
            shell,
            exercises[step["id"]],
            number,
            step["cases"],
            job["seed"],
            limits,
            answers,
        )
    wire.send(sock, wire.DONE)


def _run_cell(
    sock: socket.socket,
    shell: Any,
    number: int,
    source: str,
    seconds: float,
    room: int,
    patience: float,
) -> int:
    RECORDER.start(room)
    error: BaseException | None = None
    try:
        with recording(), time_limit(seconds, patience):
            ran = shell.run_cell(source, store_history=False)
        error = ran.error_before_exec or ran.error_in_exec
    except TimeLimit as over:
        error = over
    if error is not None and not any(item["output_type"] == "error" for item in RECORDER.outputs):
        # It came again while IPython was about to show it.
        RECORDER.error(type(error).__name__, str(error), [])
    if device() == MISSING:
        use_device(
            "cpu"
        )  # what a cell set on a machine with a GPU does not stop the cells after it
    content = json.dumps(RECORDER.outputs, ensure_ascii=False).encode(errors="replace")
    wire.send(sock, wire.OUTPUT, number, content)
    return len(content)


@contextlib.contextmanager
def recording() -> Iterator[None]:
    """Have what is written to stdout and stderr recorded."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = Stream("stdout"), Stream("stderr")
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _may_answer(exercise: Exercise, names: dict[str, Any]) -> bool:
    """Whether a name stands for something that can be probed, and not for what `accuracy =
    accuracy(...)` gave.
    """
    with contextlib.suppress(Exception):
        return (
            exercise.name in names
            and refused(exercise, names[exercise.name], guarded=False) is None
        )
    return False


def _probe(
    sock: socket.socket,
    shell: Any,
    exercise: Exercise,
    number: int,
    cases: str,
    seed: int,
    limits: wire.Limits,
    answers: dict[str, Any],
) -> bool:
    """Send the evidence of one answer; whether it is worth keeping even if more cells follow."""
    if exercise.name not in shell.user_ns:
        wire.send(sock, wire.MISSING, number)
        return False
    answer = shell.user_ns[exercise.name]
    if not _may_answer(exercise, shell.user_ns):
        answer = answers.get(exercise.name, answer)
    drawn = [Case.received(case) for case in decode(b64decode(cases))]
    RECORDER.start(0)
    with recording():
        ask = partial(_ask, sock, number)
        evidence = collect(
            exercise, answer, drawn, True, seed, limits.patience, longest=limits.probe, ask=ask
        )
    with fixed_world():
        content = encode([to_tree(item) for item in evidence])
    wire.send(sock, wire.EVIDENCE, number, content)
    return not any(_lacks_a_name(item) for item in evidence)


def _ask(sock: socket.socket, number: int, question: Any) -> Any:
    """The judge's answer to a question of a probe."""
    wire.send(sock, wire.ASK, number, encode(question))
    _, _, content = wire.receive(sock, wire.LONGEST_QUESTION)
    return decode(content)


def _lacks_a_name(evidence: Evidence) -> bool:
    return evidence.raised is not None and evidence.raised.type == "NameError"

"""Has the steps of a submission done in the sandbox, and takes what comes back."""

import json
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from course_utils.checking.evidence import decode, encode
from course_utils.checking.running import charged
from course_utils.grading.inside import wire
from course_utils.grading.outside.admission import LONGEST_JSON, refuse_harmful
from course_utils.grading.outside.sandbox import Child, Ended, Template
from course_utils.grading.outside.steps import Step, drawn, job
from course_utils.grading.outside.task import Task

MOST_FRAMES = 5_000
STRANGE = "it sent something other than evidence"


class Stopwatch:
    """Says when so many seconds have been used, on the clock or by the children of a template
    (running.charged).
    """

    def __init__(self, template: Template, seconds: float) -> None:
        self.template, self.seconds = template, seconds
        self.began, self.used = time.monotonic(), template.used

    def is_over(self) -> bool:
        """Whether the time is up."""
        wall, cpu = time.monotonic() - self.began, self.template.used - self.used
        return charged(wall, cpu, self.template.limits.patience) >= self.seconds


@dataclass
class Came:
    """What came out of the sandbox, by step."""

    outputs: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    tests: dict[int, list[dict[str, Any]]] = field(default_factory=dict)  # what each test showed
    sizes: dict[int, int] = field(default_factory=dict)  # of the outputs as they came, in bytes
    evidence: dict[int, bytes | None] = field(default_factory=dict)  # None: the name is not defined
    received: int = 0  # bytes of evidence and of tests' outputs, whatever became of them
    lost: dict[int, tuple[str, str]] = field(default_factory=dict)  # reason and message by step
    killed: bool = False  # from outside, as a machine does that has no more memory
    # What answers each probe's questions. In another attempt it still knows what was said in this
    # one: what a process leaves undone can tell the next one something.
    oracles: dict[int, Any] = field(default_factory=dict)

    @property
    def shown(self) -> dict[int, list[dict[str, Any]]]:
        """What the cells show, tests included."""
        return self.outputs | self.tests

    def has(self, number: int) -> bool:
        """Whether what decides the points of this step has come."""
        return number in self.evidence or number in self.tests


def run(template: Template, steps: Sequence[Step], task: Task) -> Came:
    """Have the steps done; if the process dies in one, the others are done without it."""
    came, everything = Came(), Stopwatch(template, task.limits.seconds)
    for _ in range(task.limits.restarts + 1):
        # Cells are run again, since answers need them; what has been probed is not probed again.
        todo = [
            number
            for number, step in enumerate(steps)
            if number not in came.lost and (step.exercise is None or number not in came.evidence)
        ]
        if _attempt(template, steps, todo, task, came, everything) or everything.is_over():
            break
    reason = "timeout" if everything.is_over() else "not run"
    for number, step in enumerate(steps):
        if step.is_judged and not came.has(number):
            came.lost.setdefault(
                number, (reason, "It was never reached, or sent nothing that counts.")
            )
    return came


def _attempt(
    template: Template,
    steps: Sequence[Step],
    todo: Sequence[int],
    task: Task,
    came: Came,
    everything: Stopwatch,
) -> bool:
    """Have these steps done by one child, and say whether it came to its end."""
    current = None
    child = template.child()
    try:
        wire.send(child.sock, wire.JOB, 0, job(todo, steps, task.seed, task.beside))
        for number in _follow(child, todo, steps, came, task, everything):
            current = number
        child.leave()
        return True
    except (Ended, OSError) as error:
        reason = error.reason if isinstance(error, Ended) else ""
        status = child.end(wait=not reason)
        if current is not None:  # else the template was gone before the submission began
            came.killed |= not reason and status == -signal.SIGKILL
            came.lost[current] = reason or "crashed", str(error) if reason else _died(status)
        return False


def _died(status: int) -> str:
    """How a process ended, as a part of a sentence."""
    if status == wire.STILL_THERE:
        return "it stopped answering"
    if status < 0:
        try:
            return f"it was ended by {signal.Signals(-status).name}"
        except ValueError:
            return f"it was ended by signal {-status}"
    return f"it exited with status {status}"


def _follow(
    child: Child,
    todo: Sequence[int],
    steps: Sequence[Step],
    came: Came,
    task: Task,
    everything: Stopwatch,
) -> Iterator[int]:
    """Take the frames of a child as they come; yields the number of the step that it is at."""
    limits = task.limits
    times = [everything]
    current = -1
    for _ in range(MOST_FRAMES):
        kind, place, content = child.receive(limits.evidence, *(item.is_over for item in times))
        if kind == wire.DONE:
            return
        if place >= len(todo):
            raise Ended("crashed", STRANGE)
        number, step = todo[place], steps[todo[place]]
        if kind == wire.STEP:
            current = number
            times = [everything, Stopwatch(child.template, _seconds(step, limits) + limits.grace)]
            yield number
            continue
        if number not in came.oracles:
            came.oracles[number] = _oracle(step, task)
        oracle = came.oracles[number]
        if kind == wire.ASK and number == current:
            _answer(child, oracle, content)
        elif kind == wire.EVIDENCE and oracle and not _agrees(oracle, content):
            raise Ended("crashed", STRANGE)
        else:
            _take(kind, number, step, content, came, limits)
    raise Ended("crashed", "it sent too much")


def _oracle(step: Step, task: Task) -> Any:
    """What answers the questions of a step's probe; None where there is nobody."""
    exercise = step.exercise
    return exercise.oracle(drawn(exercise.id, task.seed)) if exercise else None


def _answer(child: Child, oracle: Any, content: bytes) -> None:
    """Answer a question of a probe; raises Ended where it is none, or there is nobody to answer."""
    try:
        if len(content) > wire.LONGEST_QUESTION:
            raise ValueError("a question that is too long")
        refuse_harmful(question := decode(content))
        reply = encode(oracle(question))
    except Exception:
        raise Ended("crashed", STRANGE) from None
    child.send(wire.ASK, 0, reply)


def _agrees(oracle: Any, content: bytes) -> bool:
    """Whether evidence holds what was settled while its probe asked."""
    try:
        return bool(oracle.agrees(decode(content, LONGEST_JSON)[0]["values"]))
    except Exception:  # it may be anything
        return False


def _seconds(step: Step, limits: wire.Limits) -> float:
    """How long a step may take."""
    if step.exercise is not None:
        return min(step.exercise.seconds, limits.probe)
    return limits.test if step.test else limits.cell


def _take(
    kind: bytes, number: int, step: Step, content: bytes, came: Came, limits: wire.Limits
) -> None:
    """Keep what a cell shows or an answer yields; raises Ended where the step cannot send it."""
    # What a test of the instructor's own shows decides its points, so all of it is kept.
    if kind == wire.OUTPUT and step.test:
        came.received += len(content)
        for size, most in ((len(content), LONGEST_JSON), (came.received, limits.evidence)):
            if size > most:
                raise Ended("crashed", f"it showed more than {most >> 20} MB")
        # A test that is run again, because the process died in a later one, counts as at first.
        came.tests.setdefault(number, outputs(content, most=None))
    # What another cell shows is for readers.
    elif kind == wire.OUTPUT and step.exercise is None:
        came.sizes[number] = len(content)
        # In JSON a character may take more than one byte.
        fits = sum(came.sizes.values()) <= 4 * limits.output
        came.outputs[number] = outputs(content) if fits else []
    # What a probe yields, or that there was no answer to probe.
    elif kind in (wire.EVIDENCE, wire.MISSING) and step.exercise is not None:
        came.received += len(content)
        if came.received > limits.evidence:
            raise Ended("crashed", f"it sent more than {limits.evidence >> 20} MB of evidence")
        came.evidence[number] = content if kind == wire.EVIDENCE else None
    else:
        raise Ended("crashed", STRANGE)


def outputs(content: bytes, most: int | None = 200) -> list[dict[str, Any]]:
    """The outputs that the child says a cell has, in the form that nbformat knows; anything else is
    dropped.
    """
    try:
        return [shown for item in json.loads(content)[:most] if (shown := _output(item))]
    except (ValueError, TypeError, KeyError, RecursionError):
        return []


def _output(item: Mapping[str, Any]) -> dict[str, Any] | None:
    """One output made anew of what nbformat knows; None for anything else."""
    if item["output_type"] == "stream" and item["name"] in ("stdout", "stderr"):
        return {"output_type": "stream", "name": item["name"], "text": str(item["text"])}
    if item["output_type"] == "error":
        trace = [str(line) for line in item["traceback"][:50]]
        return {
            "output_type": "error",
            "ename": str(item["ename"]),
            "evalue": str(item["evalue"]),
            "traceback": trace,
        }
    if item["output_type"] in ("display_data", "execute_result"):
        data = {
            key: str(item["data"][key])
            for key in ("text/plain", "image/png")
            if key in item["data"]
        }
        if not data.get("image/png", "iVBORw0KGgo").startswith("iVBORw0KGgo") or not data:
            return None
        made = {"output_type": item["output_type"], "data": data, "metadata": {}}
        numbered = item["output_type"] == "execute_result"
        return made | ({"execution_count": None} if numbered else {})
    return None

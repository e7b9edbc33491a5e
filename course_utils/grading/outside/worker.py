"""The task of one submission, a pure function: draws secret cases, has answers probed in the
sandbox, and judges.
"""

import ast
import hashlib
import json
import os
import re
import signal
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from course_utils.checking import axes
from course_utils.checking.compare import input_named
from course_utils.checking.errors import CourseError
from course_utils.checking.evidence import LARGEST_INT, Evidence, Other, decode, encode, from_tree
from course_utils.checking.exercise import Case, Exercise, Training, exercises
from course_utils.checking.judge import Verdict, course_error, expected_evidence, judge_evidence
from course_utils.checking.running import TimeLimit
from course_utils.checking.world import SETTINGS
from course_utils.grading.inside import wire
from course_utils.grading.outside.rebuild import (
    Rebuilt,
    Unreadable,
    grade_id,
    needed,
    rebuild,
    text,
)
from course_utils.grading.outside.sandbox import Child, Ended, Stopwatch, Template
from course_utils.grading.outside.task import Task, exercise_id, is_graded, row

LONGEST_TEXT = 2_000
LARGEST_EMPTY = (
    10_000  # sizes of a tensor without entries, which costs nothing to send and much to print
)
DEEPEST = 10  # lists and dicts in each other; plain evidence has four of them, in a dict of the values, in a list
LONGEST_JSON = 4 << 20  # of the evidence of one exercise, tensors left aside
MOST_FRAMES = 5_000
UNREAD = "A part of the notebook could not be read, and the answer may stand there: a person looks at the file."
_NAME = re.compile(
    r"<?\w[\w.:]{0,99}>?"
)  # of exceptions, functions such as <lambda>, and values of settings
_STATE = re.compile(rf"{_NAME.pattern}|started anew|{{('\w+': '\w+'(, )?){{1,4}}}}")
_OF_AN_INPUT = re.compile(r"requires_grad of \w{1,50}(\[[\w']{1,50}\]){0,4}")
_OTHER = re.compile(r"\w{1,100}|torch\.\w{1,30} tensor on \w{1,30}(:\d+)?")
_SHORTCUT = re.compile(r"(the course's own |torch's own )?[\w.<>]{1,200}")
SAID = {
    "timeout": "It took longer than it may and was stopped.",
    "out of memory": "It asked for more memory than there is and was stopped.",
}


@dataclass
class _Run:
    """What came out of the sandbox, by step."""

    outputs: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    sizes: dict[int, int] = field(default_factory=dict)  # of the outputs as they came, in bytes
    evidence: dict[int, bytes | None] = field(default_factory=dict)  # None: the name is not defined
    received: int = 0  # bytes of evidence, whatever became of it
    lost: dict[int, tuple[str, str]] = field(default_factory=dict)  # reason and message by step
    killed: bool = False  # from outside, as a machine does that has no more memory


def grade(task: Task) -> dict[str, Any]:
    """Grade one submission; the result holds plain JSON values and depends on the task alone,
    except for its times.

    Raises CourseError where no sandbox can be started; a fault of the course itself is a result
    without points.
    """
    try:
        return _grade(task)
    except CourseError:
        raise
    except Exception:
        return task.faulty(traceback.format_exc())


def _grade(task: Task) -> dict[str, Any]:
    released = json.loads(task.released)
    try:
        rebuilt = rebuild(released, task.content)
    except Unreadable as error:
        return task.unreadable(str(error))
    known = {exercise.id: exercise for exercise in exercises(task.short)}
    faulty = {id: fault for id in known if (fault := _fault(id, task.seed))}
    steps = _steps(
        task, rebuilt, {id: exercise for id, exercise in known.items() if id not in faulty}
    )
    template = _template(task, released)
    started = time.perf_counter()
    run = _run(template, steps, known, task)
    checks = [
        _check(cell, task, rebuilt, steps, run, known, faulty)
        for cell in released["cells"]
        if is_graded(cell)
    ]
    repairs = rebuilt.repairs + _left_out(rebuilt, steps, run)
    outputs = {steps[number]["index"]: shown for number, shown in run.outputs.items()}
    status = next((reason for reason, _ in run.lost.values() if reason != "not run"), "graded")
    result = _result(task, status, repairs, checks, outputs, started)
    return result | {"final": result["final"] and not run.killed}


def _result(
    task: Task,
    status: str,
    repairs: list[str],
    checks: list[dict[str, Any]],
    outputs: Mapping[int, Any],
    started: float,
) -> dict[str, Any]:
    result = task.result(status, repairs, checks) | {
        "outputs": {str(index): shown for index, shown in outputs.items()},
        "seconds": round(time.perf_counter() - started, 4),
    }
    return json.loads(
        json.dumps(result, ensure_ascii=False).encode(errors="replace")
    )  # no half characters


def _row(id: str, cell: Mapping[str, Any], verdict: Verdict) -> dict[str, Any]:
    said = verdict.advice[:LONGEST_TEXT]
    if verdict.claim:
        said += f" {verdict.claim}" if verdict.claim not in said else ""
    elif verdict.place and verdict.status != "not attempted":
        said += f" First difference: {verdict.place[:200]}."
    if verdict.status == "right" and not said:
        said = "Checked: " + ", ".join(verdict.checked[:8]) + "."
    mistake = verdict.mistake if verdict.status != "not attempted" else None
    found = row(id, cell, verdict.status, said.strip(), verdict.score, mistake)
    return found | (
        {"points": None, "fault": verdict.fault} if verdict.status == "course error" else {}
    )


def _fault(id: str, seed: int) -> Verdict | None:
    """The verdict on every answer to an exercise whose inputs or expected values the course cannot
    make.
    """
    try:
        _expected(id, seed)
    except (Exception, TimeLimit) as error:
        return course_error(id, error)
    return None


def _steps(task: Task, rebuilt: Rebuilt, known: Mapping[str, Exercise]) -> list[dict[str, Any]]:
    """What the sandbox is asked to do, in order."""
    run = needed(
        (origin, cell["source"] if cell["cell_type"] == "code" else "")
        for cell, origin in zip(rebuilt.cells, rebuilt.origins, strict=True)
    )
    steps: list[tuple[int, dict[str, Any]]] = []
    for index, (cell, origin) in enumerate(zip(rebuilt.cells, rebuilt.origins, strict=True)):
        if cell["cell_type"] != "code":
            continue
        if origin == "check":
            if (id := exercise_id(cell, task.short)) in known:
                place = max(index, rebuilt.last.get(known[id].name, index))
                steps.append((place, {"kind": "probe", "index": index, "id": id}))
        elif run[index]:
            step = {
                "kind": "cell",
                "index": index,
                "source": cell["source"],
                "own": origin == "student",
            }
            steps.append((index, step))
    return [
        step for _, step in sorted(steps, key=lambda pair: (pair[0], pair[1]["kind"] == "probe"))
    ]


@lru_cache(maxsize=64)
def _drawn(id: str, seed: int) -> list[Case]:
    short = id.partition(".")[0]
    exercise = next(item for item in exercises(short) if item.id == id)
    return exercise.draw(_derived(seed, "cases"))


@lru_cache(maxsize=64)
def _expected(id: str, seed: int) -> list[Evidence]:
    exercise = next(item for item in exercises(id.partition(".")[0]) if item.id == id)
    return expected_evidence(exercise, _drawn(id, seed), _derived(seed, "run"))


def _derived(seed: int, purpose: str) -> int:
    """A seed that says nothing about the seed it comes from, nor about those for other purposes."""
    return int.from_bytes(hashlib.sha256(f"{seed} {purpose}".encode()).digest()[:7], "big")


_local = threading.local()


def _template(task: Task, released: Mapping[str, Any]) -> Template:
    """The warm template of this thread for this lesson; the one of another lesson is ended."""
    key = task.lesson, task.sandbox, task.limits, task.earlier, task.released, task.hidden
    if getattr(_local, "key", None) != key:
        close()
        torch.set_num_threads(1)
        modules = [
            *imports(released),
            *(["torch._dynamo"] if _needs_dynamo(released, task.short) else []),
        ]
        processor = _processor(getattr(_local, "place", os.getpid()))
        how = task.limits, task.sandbox, processor, task.hidden
        _local.template = Template(task.short, task.earlier, modules, *how)
        _local.key = key
    return _local.template


def settle(place: int) -> None:
    """Give this thread's submissions a processor of their own, where there are enough; place: which
    worker this is.
    """
    _local.place = place


def _processor(place: int) -> int | None:
    """The processor that all of a submission has to share, None where the system cannot say."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    processors = sorted(os.sched_getaffinity(0))
    return processors[place % len(processors)]


def close() -> None:
    """End this thread's template, if there is one."""
    template, _local.key, _local.template = getattr(_local, "template", None), None, None
    if template is not None:
        template.close()


def imports(released: Mapping[str, Any]) -> list[str]:
    """What the lesson imports, modules and names in them, to be imported once and for all."""
    found = ["course_utils.data", "matplotlib.pyplot"]
    for cell in released["cells"]:
        try:
            tree = ast.parse(text(cell) if cell["cell_type"] == "code" else "")
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return list(dict.fromkeys(found))


def _needs_dynamo(released: Mapping[str, Any], short: str) -> bool:
    """Whether an optimizer of torch may be made: the first one imports torch._dynamo, which takes
    seconds.
    """
    return "torch.optim" in json.dumps(released) or any(
        isinstance(item, Training) for item in exercises(short)
    )


def _run(
    template: Template, steps: Sequence[dict[str, Any]], known: Mapping[str, Exercise], task: Task
) -> _Run:
    """Have the steps done; where the process dies in one of them, the others are done without it."""
    run, everything = _Run(), Stopwatch(template, task.limits.seconds)
    for _ in range(task.limits.restarts + 1):
        left = [n for n in range(len(steps)) if n not in run.lost]
        todo = [n for n in left if steps[n]["kind"] == "cell" or n not in run.evidence]
        current = None
        child = template.child()
        try:
            wire.send(child.sock, wire.JOB, 0, _job(todo, steps, task))
            for step in _follow(child, todo, steps, known, run, task.limits, everything):
                current = step
            child.leave()
            break
        except (Ended, OSError) as error:
            reason = error.reason if isinstance(error, Ended) else ""
            status = child.end()
            if current is not None:  # else the template was gone before the submission began
                run.killed |= not reason and status in (-1, 128 + signal.SIGKILL)
                run.lost[current] = reason or "crashed", str(error) if reason else _died(status)
            if everything.is_over():
                break
    reason = "timeout" if everything.is_over() else "not run"
    for number, step in enumerate(steps):
        if step["kind"] == "probe" and number not in run.evidence:
            run.lost.setdefault(
                number, (reason, "It was not reached, or sent nothing that counts.")
            )
    return run


def _died(status: int) -> str:
    if status > 128:
        try:
            return f"it was ended by {signal.Signals(status - 128).name}"
        except ValueError:
            pass
    return f"it ended itself with status {status}"


def _job(todo: Sequence[int], steps: Sequence[Mapping[str, Any]], task: Task) -> bytes:
    wanted: list[dict[str, Any]] = []
    for number in todo:
        step = steps[number]
        if step["kind"] == "cell":
            wanted.append({"kind": "cell", "source": step["source"], "own": step["own"]})
        else:
            cases = [case.sent() for case in _drawn(step["id"], task.seed)]
            wanted.append({"kind": "probe", "id": step["id"], "cases": cases})
    return encode({"seed": _derived(task.seed, "run"), "steps": wanted})


def _follow(
    child: Child,
    todo: Sequence[int],
    steps: Sequence[Mapping[str, Any]],
    known: Mapping[str, Exercise],
    run: _Run,
    limits: wire.Limits,
    everything: Stopwatch,
) -> Any:
    """Take the frames of a child as they come; yields the step that it is at."""
    times = [everything]
    for _ in range(MOST_FRAMES):
        kind, number, content = child.receive(limits.evidence, *times)
        if kind == wire.DONE:
            return
        if number >= len(todo):
            raise Ended("crashed", "it sent something else than evidence")
        step = steps[todo[number]]
        if kind == wire.STEP:
            seconds = limits.cell if step["kind"] == "cell" else known[step["id"]].seconds
            times = [everything, Stopwatch(child.template, seconds + limits.grace)]
            yield todo[number]
        elif kind == wire.OUTPUT and step["kind"] == "cell":
            run.sizes[todo[number]] = len(content)
            fits = (
                sum(run.sizes.values()) <= 4 * limits.output
            )  # in JSON a character may take more than one byte
            run.outputs[todo[number]] = _outputs(content) if fits else []
        elif kind in (wire.EVIDENCE, wire.MISSING) and step["kind"] == "probe":
            run.received += len(content)
            if run.received > limits.evidence:
                raise Ended("crashed", f"it sent more than {limits.evidence >> 20} MB of evidence")
            run.evidence[todo[number]] = content if kind == wire.EVIDENCE else None
        else:
            raise Ended("crashed", "it sent something else than evidence")
    raise Ended("crashed", "it sent too much")


def _outputs(content: bytes) -> list[dict[str, Any]]:
    """The outputs that a cell is said to have, in the form that nbformat knows; anything else is
    dropped.
    """
    try:
        return [shown for item in json.loads(content)[:200] if (shown := _output(item))]
    except (ValueError, TypeError, KeyError, RecursionError):
        return []


def _output(item: Mapping[str, Any]) -> dict[str, Any] | None:
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
    if item["output_type"] == "display_data":
        data = {
            key: str(item["data"][key])
            for key in ("text/plain", "image/png")
            if key in item["data"]
        }
        if not data.get("image/png", "iVBORw0KGgo").startswith("iVBORw0KGgo") or not data:
            return None
        return {"output_type": "display_data", "data": data, "metadata": {}}
    return None


def _check(
    cell: Mapping[str, Any],
    task: Task,
    rebuilt: Rebuilt,
    steps: Sequence[Mapping[str, Any]],
    run: _Run,
    known: Mapping[str, Exercise],
    faulty: Mapping[str, Verdict],
) -> dict[str, Any]:
    """The row of one graded cell."""
    id = exercise_id(cell, task.short)
    if id in faulty:
        return _row(id, cell, faulty[id])
    if id.partition(".")[2] in rebuilt.unread:
        return _row(id, cell, Verdict(id, "not run", advice=UNREAD)) | {"manual": True}
    if id not in known:
        untouched = grade_id(cell) in rebuilt.untouched
        verdict = Verdict(
            id,
            "not attempted" if untouched else "not run",
            advice="" if untouched else "Read by a person.",
        )
        return _row(id, cell, verdict)
    number = next(n for n, step in enumerate(steps) if step["kind"] == "probe" and step["id"] == id)
    return _row(id, cell, _verdict(known[id], number, task, rebuilt, steps, run))


def _verdict(
    exercise: Exercise,
    number: int,
    task: Task,
    rebuilt: Rebuilt,
    steps: Sequence[Mapping[str, Any]],
    run: _Run,
) -> Verdict:
    content = run.evidence.get(number)
    if content is not None:
        return _judged(exercise, content, task)
    lost = run.lost.get(number)
    if lost is None:
        if exercise.name in rebuilt.untouched:
            return Verdict(exercise.id, "not attempted", advice="Nothing is written here yet.")
        places = {
            index for index, cell in enumerate(rebuilt.cells) if grade_id(cell) == exercise.name
        }
        places |= {rebuilt.last[exercise.name]} if exercise.name in rebuilt.last else set()
        own = [n for n, step in enumerate(steps) if step["index"] in places]
        lost = next((run.lost[n] for n in own if n in run.lost), None)
        errors = [
            item for n in own for item in run.outputs.get(n, []) if item["output_type"] == "error"
        ]
        if lost is None and errors:
            name = errors[-1]["ename"]
            raised = name if _NAME.fullmatch(name) else "an exception"
            said = f"{exercise.name} is not defined, because its cell raised {raised}."
            return Verdict(exercise.id, "error", advice=said, mistake="raised")
    if lost is None:
        return Verdict(
            exercise.id, "error", advice=f"No cell defines {exercise.name}.", mistake="not defined"
        )
    reason, said = lost
    return Verdict(exercise.id, reason, advice=_told(reason, said))  # type: ignore[arg-type]


def _told(reason: str, said: str) -> str:
    """What happened to a step that was lost, as a sentence."""
    return (
        f"The process ended in the middle of it: {said}."
        if reason == "crashed"
        else SAID.get(reason, said)
    )


def _judged(exercise: Exercise, content: bytes, task: Task) -> Verdict:
    """The verdict on evidence that may be anything at all."""
    cases, expected = _drawn(exercise.id, task.seed), _expected(exercise.id, task.seed)
    try:
        trees = decode(content, LONGEST_JSON)
        evidence = [
            _admitted(from_tree(tree), case)
            for tree, case in zip(trees, cases[: len(trees)], strict=True)
        ]
    except Exception as error:
        said = f"What it sent cannot be judged ({type(error).__name__})."
        return Verdict(exercise.id, "crashed", advice=said)
    verdict = judge_evidence(exercise, cases, evidence, _derived(task.seed, "run"), expected)
    ours = {name for item in expected for name in item.values} | {getattr(exercise, "metric", "")}
    return _quoted(verdict, ours)


def _admitted(evidence: Evidence, case: Case) -> Evidence:
    """Evidence of a case with texts cut to size; raises where it is made to do harm, or to speak
    for the grader.
    """
    evidence.printed = evidence.printed[:LONGEST_TEXT]
    _plain([evidence.values, evidence.inputs, evidence.state])
    for name in evidence.inputs:
        input_named(case, name)
    raised, shortcut = evidence.raised, evidence.shortcut
    if not all(map(_STATE.fullmatch, evidence.state.values())) or not all(
        _is_state(name) or name.endswith(axes.EARLIER) for name in evidence.state
    ):
        raise ValueError("a setting of torch that there is not")
    if shortcut is not None and not _SHORTCUT.fullmatch(shortcut):
        raise ValueError("a shortcut that is none")
    if raised is not None and not (
        _NAME.fullmatch(raised.type) and _NAME.fullmatch(raised.function or "f")
    ):
        raise ValueError("an exception without a name")
    if raised is not None and raised.type == "NotAnAnswer":
        evidence.raised = replace(
            raised, message=f"This is no answer. Its own process says: {theirs(raised.message)}"
        )
    return evidence


def _is_state(name: str) -> bool:
    """Whether a name in the state of evidence is one of those that a probe gives."""
    return name in SETTINGS or name in axes.generators() or bool(_OF_AN_INPUT.fullmatch(name))


def theirs(words: str) -> str:
    """Words that come from a submission, in quotes that they cannot end."""
    plain = "".join(letter if letter.isprintable() else " " for letter in words[:200])
    return "“" + plain.replace("“", "'").replace("”", "'") + "”"


def _quoted(verdict: Verdict, ours: set[str]) -> Verdict:
    """A verdict in which the name of evidence that nobody asked for stands as the submission's
    words.
    """
    name, found = verdict.where, verdict.found
    if not name or found is None or found.is_asked_for or name.removesuffix(axes.EARLIER) in ours:
        return verdict
    return replace(verdict, where=theirs(name), advice=verdict.advice.replace(name, theirs(name)))


def _plain(value: Any) -> None:
    stack = [(value, 0)]
    while stack:
        item, depth = stack.pop()
        if depth > DEEPEST:
            raise ValueError("lists in lists without end")
        if isinstance(item, int) and abs(item) >= LARGEST_INT:
            raise ValueError("a number that no calculation gives")
        if (
            isinstance(item, Tensor)
            and not item.numel()
            and any(size > LARGEST_EMPTY for size in item.shape)
        ):
            raise ValueError("an empty tensor of absurd size")
        if isinstance(item, str) and len(item) > LONGEST_TEXT:
            raise ValueError("a text that is too long")
        if isinstance(item, Other) and not _OTHER.fullmatch(item.type):
            raise ValueError("a type that is none")
        if isinstance(item, dict):
            stack += ((inner, depth + 1) for pair in item.items() for inner in pair)
        elif isinstance(item, list):
            stack += ((inner, depth + 1) for inner in item)


def _left_out(rebuilt: Rebuilt, steps: Sequence[Mapping[str, Any]], run: _Run) -> list[str]:
    return [
        f"Cell {steps[number]['index'] + 1} was left out. {_told(reason, said)}"
        for number, (reason, said) in run.lost.items()
        if steps[number]["kind"] == "cell"
    ]

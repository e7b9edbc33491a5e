"""The warm template of this thread, which all its submissions to one lesson share."""

import ast
import json
import os
import threading
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import torch

from course_utils.checking.evidence import encode
from course_utils.checking.exercise import Training, exercises
from course_utils.checking.forms import Form
from course_utils.grading.outside.cells import text
from course_utils.grading.outside.sandbox import Template, covered, processor
from course_utils.grading.outside.task import Task

_local = threading.local()


def template(task: Task) -> Template:
    """The warm template of this thread for this lesson; the one of another lesson is ended."""
    modules, walls = _modules(task.released, task.short), _covered(task.hidden)
    key = task.lesson, task.sandbox, task.limits, task.earlier, modules, walls
    if getattr(_local, "key", None) != key:
        _end("template")
        torch.set_num_threads(1)
        first = encode(first_cases(task.short))
        _local.template = _begun(task)
        _local.template.open(task.short, task.earlier, [*modules], first, task.limits)
        _local.key = key
    return _local.template


@lru_cache(maxsize=8)
def _modules(released: str, short: str) -> tuple[str, ...]:
    """What a template imports for a released notebook."""
    notebook = json.loads(released)
    return (*imports(notebook), *(["torch._dynamo"] if _needs_dynamo(notebook, short) else []))


@lru_cache(maxsize=8)
def _covered(hidden: tuple[str, ...]) -> tuple[str, ...]:
    """What of these folders a sandbox would see."""
    return tuple(covered(hidden))


def settle(place: int, begun: Template | None = None) -> None:
    """Give this thread's submissions a processor of their own, where there are enough, and a
    template that was begun for them; place: which worker this is.
    """
    _local.place, _local.begun = place, begun


def _begun(task: Task) -> Template:
    """The template that was begun, if its walls are those that the task wants, else a new one."""
    begun, _local.begun = getattr(_local, "begun", None), None
    if begun is not None:
        if (begun.sandbox, covered(begun.hidden)) == (task.sandbox, covered(task.hidden)):
            return begun
        begun.close()
    place = getattr(_local, "place", os.getpid())
    return Template(task.sandbox, processor(place), task.hidden)


def close() -> None:
    """End this thread's templates, if there are any."""
    _end("begun")
    _end("template")


def _end(name: str) -> None:
    ended, _local.key = getattr(_local, name, None), None
    setattr(_local, name, None)
    if ended is not None:
        ended.close()


def first_cases(short: str) -> dict[str, Any]:
    """Label and inputs of a public case of every exercise that does not train, by id."""
    first = {
        item.id: item.own_cases(0)[0] for item in exercises(short) if not isinstance(item, Training)
    }
    return {id: case.sent() for id, case in first.items()}


def imports(released: Mapping[str, Any]) -> list[str]:
    """What the lesson imports, modules and names in them, to be imported once and for all."""
    modules: list[str] = []
    for cell in released["cells"]:
        try:
            tree = ast.parse(text(cell) if cell["cell_type"] == "code" else "")
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                modules += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return list(dict.fromkeys(modules))


def _needs_dynamo(released: Mapping[str, Any], short: str) -> bool:
    """Whether an optimizer of torch may be made: the first one imports torch._dynamo, which takes
    seconds.
    """
    return "torch.optim" in json.dumps(released) or any(
        isinstance(item, Training) and not isinstance(item, Form) for item in exercises(short)
    )

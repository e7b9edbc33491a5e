"""The warm template of this thread, which all its submissions to one lesson share."""

import ast
import json
import os
import threading
from collections.abc import Mapping
from typing import Any

import torch

from course_utils.checking.exercise import Training, exercises
from course_utils.grading.outside.rebuild import text
from course_utils.grading.outside.sandbox import Template
from course_utils.grading.outside.task import Task

_local = threading.local()


def template(task: Task) -> Template:
    """The warm template of this thread for this lesson; the one of another lesson is ended."""
    key = task.lesson, task.sandbox, task.limits, task.earlier, task.released, task.hidden
    if getattr(_local, "key", None) != key:
        close()
        torch.set_num_threads(1)
        modules = [
            *imports(task.notebook),
            *(["torch._dynamo"] if _needs_dynamo(task.notebook, task.short) else []),
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
    ended, _local.key, _local.template = getattr(_local, "template", None), None, None
    if ended is not None:
        ended.close()


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

"""Pictures that answer back: each function makes a page to work with from a few numbers, for the
last line of a cell.

A page needs no network and no kernel, and is the same at every run. Where there is no browser, on
paper for instance, a still picture stands in its place.
"""

import importlib
from typing import Any

# By name, because some draw with answers that a sandbox does not have. No module has the name of an
# explorer: whoever imports it would put it in the explorer's place.
_MODULES = {
    "softmax": "course_utils.explore.classes",
    "one_cycle": "course_utils.explore.cycle",
    "graph": "course_utils.explore.nodes",
    "Explorer": "course_utils.explore.page",
    "line": "course_utils.explore.lines",
    "valley": "course_utils.explore.lines",
    "lookup": "course_utils.explore.table",
    "decay": "course_utils.explore.weights",
}


def __getattr__(name: str) -> Any:
    """The explorer of this name, imported when it is first asked for."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(_MODULES[name])
    globals()[name] = getattr(module, name)
    return globals()[name]

"""The package's public names as pages, from their signatures and docstrings."""

import importlib
import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

# What a student or an author imports, and its modules where names are in several.
ROOMS = {
    "course_utils": ["course_utils"],
    "course_utils.plots": ["course_utils.plots"],
    "course_utils.explore": [
        f"course_utils.explore.{name}"
        for name in ("lines", "nodes", "classes", "cycle", "table", "weights")
    ],
    "course_utils.data": ["course_utils.data"],
    "course_utils.mine": ["course_utils.mine"],
    "course_utils.checking": ["course_utils.checking"],
}


def pages() -> dict[str, str]:
    """A page in markdown for each room of the package, by the room's name."""
    return {room: _page(room, modules) for room, modules in ROOMS.items()}


def _page(room: str, modules: list[str]) -> str:
    says = _text(importlib.import_module(room))
    items = [item for module in modules for item in _public(importlib.import_module(module), room)]
    return "\n\n".join([f"# `{room}`", says, *(_entry(name, item) for name, item in items)]) + "\n"


def _public(module: ModuleType, room: str) -> Iterator[tuple[str, Any]]:
    """The names of `__all__`, else the functions and classes that the module itself defines."""
    names = getattr(module, "__all__", None) or [
        name
        for name, item in vars(module).items()
        if not name.startswith("_")
        and (inspect.isfunction(item) or inspect.isclass(item))
        and item.__module__ == module.__name__
    ]
    for name in names:
        yield f"{room}.{name}", getattr(module, name)


def _entry(name: str, item: Any) -> str:
    """A function or class, with its public methods."""
    parts = [
        f"## `{name}`",
        f"```python\n{_signature(name.rpartition('.')[2], item)}\n```",
        _text(item),
    ]
    if inspect.isclass(item):
        parts += [
            f"`{_signature(method, function)}`: {_text(function)}"
            for method, function in vars(item).items()
            if inspect.isfunction(function) and not method.startswith("_") and function.__doc__
        ]
    return "\n\n".join(parts)


def _signature(name: str, item: Any) -> str:
    """The call, with names of modules left out of its types; of an error its name alone."""
    if inspect.isclass(item) and issubclass(item, BaseException):
        return name
    call = re.sub(r"\b(?:\w+\.)+(?=[A-Z])", "", str(inspect.signature(item))).replace("'", "")
    return re.sub(r" at 0x\w+", "", f"{name}{call}")


def _text(item: Any) -> str:
    """The docstring as markdown; an indented part, such as a table, stays as it is."""
    docstring = inspect.getdoc(item) or ""
    parts = re.split(r"(`[^`]+`)", docstring)
    return "".join(
        part if part.startswith("`") else re.sub(r"([*_<>\[\]$])", r"\\\1", part) for part in parts
    )

"""The code of an answer: which functions it consists of, and which names it reads from its
notebook.
"""

import dis
import functools
import inspect
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

READS = ("LOAD_GLOBAL", "LOAD_NAME")  # instructions that look a name up in the notebook


def functions(answer: Any) -> list[FunctionType]:
    """The Python functions of an answer: itself and what it wraps, or its class's methods."""
    found: list[FunctionType] = []
    waiting = [answer]
    while waiting:
        item = waiting.pop()
        if not inspect.isfunction(item):
            waiting += _parts(item)
        elif item not in found:
            found.append(item)
            waiting += [
                cell.cell_contents for cell in item.__closure__ or () if _holds_function(cell)
            ]
    return found


def _parts(item: Any) -> list[Any]:
    """What a method, a partial function, a property, a class or an instance consists of."""
    if isinstance(item, functools.partial):
        return [item.func]
    if isinstance(item, property):
        return [part for part in (item.fget, item.fset) if part]
    if inspect.ismethod(item) or isinstance(item, staticmethod | classmethod):
        return [item.__func__]
    if inspect.isclass(item):
        own = [cls for cls in item.__mro__ if cls.__module__ == item.__module__]
        return [part for cls in own for part in vars(cls).values() if _is_function(part)]
    return [type(item)] if callable(item) and not inspect.isroutine(item) else []


def _is_function(part: Any) -> bool:
    return inspect.isfunction(part) or isinstance(part, staticmethod | classmethod | property)


def _holds_function(cell: Any) -> bool:
    try:
        return inspect.isfunction(cell.cell_contents)
    except ValueError:
        return False


def codes(function: FunctionType) -> Iterator[CodeType]:
    """The code of a function and of the functions inside it."""
    waiting = [function.__code__]
    while waiting:
        code = waiting.pop()
        yield code
        waiting += [constant for constant in code.co_consts if isinstance(constant, CodeType)]


def reads(answer: Any) -> dict[str, Any]:
    """The globals that an answer reads, and those that its helpers from the same notebook read."""
    found: dict[str, Any] = {}
    waiting, seen = functions(answer), []
    while waiting:
        function = waiting.pop(0)
        seen.append(function)
        names = {
            step.argval
            for code in codes(function)
            for step in dis.get_instructions(code)
            if step.opname in READS
        }
        for name in sorted(names & function.__globals__.keys() - found.keys()):
            found[name] = function.__globals__[name]
            helpers = [
                item for item in functions(found[name]) if item.__globals__ is function.__globals__
            ]
            waiting += [item for item in helpers if item not in seen and item not in waiting]
    return found

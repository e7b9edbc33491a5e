"""The code of an answer: which functions it consists of, and which names it reads from its
notebook.
"""

import dis
import functools
import inspect
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType
from typing import Any

from torch import Tensor

# The numbers of instructions: two look a name up in the notebook, one makes an argument longer.
LOAD_GLOBAL, LOAD_NAME, EXTENDED_ARG = map(
    dis.opmap.__getitem__, ("LOAD_GLOBAL", "LOAD_NAME", "EXTENDED_ARG")
)
LONGEST = 10_000  # what has more entries counts as itself


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
            inside = [_content(cell) for cell in item.__closure__ or ()]
            waiting += [content for content in inside if inspect.isfunction(content)]
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


def codes(function: FunctionType) -> Iterator[CodeType]:
    """The code of a function and of the functions inside it."""
    waiting = [function.__code__]
    while waiting:
        code = waiting.pop()
        yield code
        waiting += [constant for constant in code.co_consts if isinstance(constant, CodeType)]


@functools.lru_cache(maxsize=1024)
def _looked_up(code: CodeType) -> frozenset[str]:
    """The names that this code, without the functions inside it, looks up in its notebook."""
    # Fifteen times as fast as dis, which makes an object of every instruction.
    names, higher, content = set[str](), 0, code.co_code
    for number, argument in zip(content[::2], content[1::2], strict=True):
        argument |= higher
        higher = argument << 8 if number == EXTENDED_ARG else 0
        if number == LOAD_GLOBAL:  # its lowest bit says whether the name is called
            names.add(code.co_names[argument >> 1])
        elif number == LOAD_NAME:
            names.add(code.co_names[argument])
    return frozenset(names)


def reads(answer: Any) -> dict[str, Any]:
    """The globals that an answer reads, and those that its helpers from the same notebook read."""
    found: dict[str, Any] = {}
    waiting, seen = functions(answer), []
    while waiting:
        function = waiting.pop(0)
        seen.append(function)
        names = {name for code in codes(function) for name in _looked_up(code)}
        for name in sorted(names & function.__globals__.keys() - found.keys()):
            found[name] = function.__globals__[name]
            helpers = [
                item for item in functions(found[name]) if item.__globals__ is function.__globals__
            ]
            waiting += [item for item in helpers if item not in seen and item not in waiting]
    return found


def kept(answer: Any) -> Any:
    """What an answer may keep between calls, to be compared with what it is later.

    These are the globals that it reads, default arguments, what a closure holds, and the attributes
    of a function or class. A tensor counts by its version, which every write raises.
    """
    found = [reads(answer), vars(answer) if hasattr(answer, "__dict__") else {}]
    for function in functions(answer):
        cells = [_content(cell) for cell in function.__closure__ or ()]
        found.append([function.__defaults__, function.__kwdefaults__, vars(function), cells])
    return _fingerprint(found)


def _content(cell: Any) -> Any:
    """What a closure holds; None where that is not set yet."""
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _fingerprint(value: Any, depth: int = 0) -> Any:
    """The value as what two of can be compared: what cannot be looked into counts as itself."""
    if isinstance(value, Tensor):
        return id(value), value._version
    if isinstance(value, Mapping) and depth < 5:
        return [(id(key), _fingerprint(item, depth + 1)) for key, item in value.items()]
    if isinstance(value, list | tuple | set) and depth < 5 and len(value) <= LONGEST:
        return [_fingerprint(item, depth + 1) for item in value]
    return value if isinstance(value, int | float | str) else id(value)

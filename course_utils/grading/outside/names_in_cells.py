"""Which names the cells of a notebook define and need, read from their sources alone."""

import ast
import re
from collections.abc import Iterable
from functools import lru_cache

from course_utils.grading.outside.cells import Origin
from course_utils.variables import names, without_magics


@lru_cache(maxsize=512)
def defined(source: str) -> frozenset[str]:
    """The names that a cell defines at its top level."""
    return _names(source)[1]


def made(source: str) -> set[str]:
    """The names that a cell makes itself: functions, classes and values, and nothing imported."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return _loose(source)
    made, stack = set[str](), list[ast.AST](body)
    while stack:
        node = stack.pop()
        # What defines a name, then what an assignment unpacks, then blocks that may hold either.
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            made.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            stack += node.targets if isinstance(node, ast.Assign) else [node.target]
        elif isinstance(node, ast.Name):
            made.add(node.id)
        elif isinstance(node, ast.Tuple | ast.List):
            stack += node.elts
        elif isinstance(node, ast.If | ast.Try | ast.With | ast.ExceptHandler):
            stack += (
                item
                for item in ast.iter_child_nodes(node)
                if isinstance(item, ast.stmt | ast.ExceptHandler)
            )
    return made


def needed(cells: Iterable[tuple[Origin, str]]) -> list[bool]:
    """Which code cells are run: all of the student's, and those of the course that these depend on.

    Cells of the course that only draw or demonstrate are left out.
    """
    cells = list(cells)
    run = [kind in ("answer", "student") for kind, _ in cells]
    wanted: set[str] = set()
    for (_, source), own in zip(cells, run, strict=True):
        if own:
            wanted |= _names(source)[0]
    changed = True
    while changed:
        changed = False
        for index, (kind, source) in enumerate(cells):
            loads, stores = (
                _names(source)
                if kind == "course" and not run[index]
                else (frozenset(), frozenset())
            )
            if stores & wanted:
                run[index] = changed = True
                wanted |= loads
    return run


@lru_cache(maxsize=512)
def _names(source: str) -> tuple[frozenset[str], frozenset[str]]:
    """Names that a cell takes from elsewhere, and names that it defines; every word where it is not
    plain Python.
    """
    words = frozenset(re.findall(r"[^\W\d]\w*", source))
    loads: set[str] = set()
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        try:
            body = ast.parse(without_magics(source)).body
            loads |= words
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            return words, frozenset(_loose(source))
    stores: set[str] = set()
    try:
        read, stores = names(body)
        loads |= read
        if any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in body):
            stores |= words
    except (SyntaxError, ValueError, RecursionError):
        return words, frozenset(stores)
    if loads & {"globals", "locals", "vars", "exec", "eval", "getattr", "get_ipython"}:
        loads |= words
    return frozenset(loads), frozenset(stores)


def _loose(source: str) -> set[str]:
    """Names defined in a cell that does not parse."""
    return {
        a or b for a, b in re.findall(r"^(?:(?:def|class)\s+(\w+)|(\w+)\s*=)", source, re.MULTILINE)
    }

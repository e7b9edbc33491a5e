"""An answer as text: the statements of its notebook that it needs, found by the names it reads."""

import ast
import builtins
import functools
import inspect
import linecache
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from course_utils.checking.running import foreign
from course_utils.checking.source import functions
from course_utils.variables import names, without_magics

CODE = (type, FunctionType, BuiltinFunctionType, MethodType, ModuleType, functools.partial)
BORROWED = "<borrowed from "
history: list[str] = []  # the cells that were run, where no shell keeps them


class NotKept(Exception):
    """Why an answer cannot be kept in the library, as a sentence for its author."""


@dataclass(frozen=True)
class Piece:
    """One statement: the names that it defines, those that it reads, and its text.

    literal: whether it assigns a plain number or text. text: the whole that it was found in.
    """

    names: frozenset[str]
    reads: frozenset[str]
    source: str
    imports: bool = False
    literal: bool = False
    text: str = ""


def pieces(text: str) -> list[Piece]:
    """The statements of a cell or a file, one for each name that is imported; [] where it is no
    Python.
    """
    for source in (text, without_magics(text)):
        try:
            body = ast.parse(source).body
            return [
                replace(piece, text=source.strip())
                for node in body
                for piece in _pieces(node, source)
            ]
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return []


def _pieces(node: ast.stmt, text: str) -> Iterator[Piece]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        for alias in node.names:
            one = ast.parse(ast.unparse(node)).body[0]
            assert isinstance(one, ast.Import | ast.ImportFrom)
            one.names = [alias]
            bound = (alias.asname or alias.name).partition(".")[0]
            yield Piece(frozenset({bound}), frozenset(), ast.unparse(one), imports=True)
        return
    reads, stores = names([node])
    source = _source(node, text)
    yield Piece(frozenset(stores), frozenset(reads), source, literal=_is_literal(node))


def _is_literal(node: ast.stmt) -> bool:
    """Whether it is an assignment of what is written there: a number, a text, or several."""
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return False
    try:
        ast.literal_eval(node.value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def _source(node: ast.stmt, text: str) -> str:
    """The lines of a statement, its decorators included; where it shares them, its text alone."""
    first = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", []))])
    lines = "\n".join(text.split("\n")[first - 1 : node.end_lineno])
    try:
        alone = len(ast.parse(lines).body) == 1
    except SyntaxError:
        alone = False
    return lines.rstrip() if alone else ast.unparse(node)


def needed(name: str, answer: Any) -> dict[str, Piece]:
    """The statements that an answer consists of and needs, by the names that they define; raises
    NotKept.
    """
    space, cells = _namespace(answer), _cells()
    by_name: dict[str, Piece] = {}
    waiting = [(name, answer, "")]
    while waiting:
        item, value, near = waiting.pop()
        if item in by_name:
            continue
        piece = _find(item, value, cells)
        if piece is None:
            raise NotKept(_missing(name, item, value))
        if item != name and not piece.imports and not isinstance(value, CODE):
            own = piece.literal and (item.isupper() or piece.text in (near, by_name[name].text))
            if not own:
                raise NotKept(
                    f"your `{name}` reads `{item}` from the notebook, and other lessons do not "
                    "have it. Pass it as an argument, or compute it inside."
                )
        by_name |= dict.fromkeys(piece.names, piece)
        waiting += [
            (other, space[other], piece.text)
            for other in sorted(piece.reads - by_name.keys())
            if other in space and not _is_builtin(other, space)
        ]
    return {item: replace(piece, text="") for item, piece in by_name.items()}


def _is_builtin(name: str, space: Mapping[str, Any]) -> bool:
    return hasattr(builtins, name) and getattr(builtins, name) is space[name]


def _missing(name: str, item: str, value: Any) -> str:
    if any(code.__code__.co_filename.startswith(BORROWED) for code in functions(value)):
        return f"your `{name}` uses `{item}`, which is borrowed."
    if item == name:
        return f"the source of your `{name}` was not found: write it in a cell of its own."
    return f"the source of `{item}`, which your `{name}` uses, was not found: write it in a cell."


def _namespace(answer: Any) -> Mapping[str, Any]:
    """The names that an answer can read, even where a library's wrapper is around it."""
    own = [part for part in functions(answer) if not foreign(part.__code__.co_filename)]
    return own[0].__globals__ if own else vars(sys.modules["__main__"])


def _cells() -> list[str]:
    """The cells that were run in this notebook, the last one first."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return list(reversed(shell.history_manager.input_hist_raw if shell else history))


def _find(name: str, value: Any, cells: list[str]) -> Piece | None:
    """The statement that made a value: in the cell of its code, in the last cell that defines the
    name, or as an import of our own wording.
    """
    files = list(dict.fromkeys(code.__code__.co_filename for code in functions(value)))
    if any(file.startswith(BORROWED) for file in files):
        return None
    elsewhere = str(getattr(value, "__module__", "")).startswith(("course_utils.", "mine."))
    files = [] if elsewhere else [file for file in files if not foreign(file)]
    for text in (*("".join(linecache.getlines(file)) for file in files), *cells):
        for piece in reversed(pieces(text)):
            if name in piece.names:
                return piece
    return _imported(name, value)


def _imported(name: str, value: Any) -> Piece | None:
    """The import that gives a module, or what a module calls by its name; None where none does."""
    line = ""
    if inspect.ismodule(value):
        line = f"import {value.__name__} as {name}"
    home, called = getattr(value, "__module__", None), getattr(value, "__qualname__", "")
    if home and home != "__main__" and getattr(sys.modules.get(home), called, None) is value:
        line = f"from {home} import {called}" + (f" as {name}" if called != name else "")
    return pieces(line)[0] if line else None

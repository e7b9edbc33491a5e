"""The names that a piece of Python takes from elsewhere, and those that it defines."""

import ast
import re
import symtable
from collections.abc import Sequence
from textwrap import dedent


def names(body: Sequence[ast.stmt]) -> tuple[set[str], set[str]]:
    """The names that these statements read from elsewhere, and those that they define; raises
    SyntaxError, ValueError or RecursionError where they cannot be analysed.
    """
    loads, stores = set[str](), set[str]()
    for statement in body:
        table = symtable.symtable(ast.unparse(statement), "cell", "exec")
        here = {symbol.get_name(): symbol for symbol in table.get_symbols()}
        loads |= {
            name for name, symbol in here.items() if symbol.is_referenced() and name not in stores
        }
        inner, stack = set[str](), list(table.get_children())
        while stack:
            scope = stack.pop()
            inner |= {symbol.get_name() for symbol in scope.get_symbols() if symbol.is_global()}
            stack += scope.get_children()
        loads |= inner - stores
        stores |= {
            name for name, symbol in here.items() if symbol.is_assigned() or symbol.is_imported()
        }
    return loads, stores


def without_magics(source: str) -> str:
    """A cell with `pass` for every line that is IPython's and not Python's; IPython's own way takes
    quadratic time.
    """
    return "\n".join(map(_without_magic, dedent(source).split("\n")))


def _without_magic(line: str) -> str:
    names, _, value = line.partition("=")
    if value.lstrip(" \t").startswith(("%", "!")) and re.fullmatch(r"[\w, \t]+", names):
        return f"{names}= None"
    text = line.strip(" \t")
    if text.startswith(("%", "!", "?")) or (text.endswith("?") and "#" not in text):
        return line[: line.index(text[0])] + "pass"
    return line

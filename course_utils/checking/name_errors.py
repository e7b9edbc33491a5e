"""What a notebook needs beside the card: errors that say which cell or answer is missing."""

import ast
import json
import re
import sys
from pathlib import Path
from traceback import walk_tb
from types import TracebackType
from typing import Any

from course_utils.checking.exercise import exercises, lessons


def install() -> None:
    """Explain what is missing in the running IPython shell, if there is one."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is not None:
        shell.set_custom_exc((NameError, NotImplementedError), explain)


def explain(
    shell: Any, kind: type, error: Exception, trace: Any, tb_offset: Any = None
) -> list[str]:
    """Show the usual traceback, then one sentence that says which cell to run first; where an
    answer is not written yet, the sentence alone.
    """
    sys.last_type, sys.last_value, sys.last_traceback = kind, error, trace  # where %debug looks
    lines: list[str] = shell.InteractiveTB.structured_traceback(
        kind, error, trace, tb_offset=tb_offset
    )
    if isinstance(error, NotImplementedError):
        lines = unwritten(trace) or lines
        shell._showtraceback(kind, error, lines)
        return lines
    assert isinstance(error, NameError)
    name = error.name or (re.findall(r"'(\w+)'", str(error)) or [""])[0]
    cell = defining_cell(Path.cwd(), name)
    if cell:
        lines = [*lines, f"\n{name} is not defined yet: run {cell} first, then this cell again."]
    shell._showtraceback(kind, error, lines)
    return lines


def unwritten(trace: TracebackType | None) -> list[str]:
    """One sentence where an error comes from an answer that is not written yet, else nothing."""
    frames = [frame for frame, _ in walk_tb(trace)]
    name = frames[-1].f_code.co_qualname.partition(".")[0] if frames else ""
    ids = (item.id for lesson in lessons() for item in exercises(lesson) if item.name == name)
    if frames and frames[-1].f_globals.get("__name__") == "__main__" and (id := next(ids, "")):
        way = f'from course_utils.mine import borrow; borrow("{id}")'
        return [f"{name} is not written yet. To go on without it: {way}"]
    return []


def defining_cell(folder: Path, name: str) -> str | None:
    """Where the notebooks of a folder define a name, such as `code cell 3, under "My_Linear"`."""
    for path in sorted(folder.glob("*.ipynb")):
        try:
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        except (OSError, ValueError, KeyError):
            continue
        heading, number = "", 0
        for cell in cells:
            source = "".join(cell["source"])
            if cell["cell_type"] == "markdown":
                heading = (re.findall(r"^#+ +(.+)$", source, re.MULTILINE) or [heading])[-1]
            elif cell["cell_type"] == "code":
                number += 1
                if name in _defined(source):
                    return (
                        f'code cell {number}, under "{heading}",'
                        if heading
                        else f"code cell {number}"
                    )
    return None


def _defined(source: str) -> set[str]:
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return set()
    names: set[str] = set()
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        else:
            stores = (
                n
                for n in ast.walk(node)
                if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
            )
            names |= {n.id for n in stores}
    return names

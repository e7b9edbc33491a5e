"""What a notebook needs beside the card: a NameError that names the cell to run first."""

import ast
import json
import re
import sys
from pathlib import Path
from typing import Any


def install() -> None:
    """Explain NameErrors in the running IPython shell, if there is one."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is not None:
        shell.set_custom_exc((NameError,), explain_name_error)


def explain_name_error(
    shell: Any, kind: type, error: NameError, trace: Any, tb_offset: Any = None
) -> list[str]:
    """Show the usual traceback, then one sentence that says which cell to run first."""
    name = error.name or (re.findall(r"'(\w+)'", str(error)) or [""])[0]
    sys.last_type, sys.last_value, sys.last_traceback = kind, error, trace  # where %debug looks
    lines: list[str] = shell.InteractiveTB.structured_traceback(
        kind, error, trace, tb_offset=tb_offset
    )
    cell = defining_cell(Path.cwd(), name)
    if cell:
        lines = [*lines, f"\n{name} is not defined yet: run {cell} first, then this cell again."]
    shell._showtraceback(kind, error, lines)
    return lines


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

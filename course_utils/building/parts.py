"""The core of a lesson, and what a short course leaves out: sections whose heading ends in
`· extra`, with everything below, and lines that end in `*(extra)*`.
"""

import ast
import re
from collections.abc import Iterable, Iterator

from nbformat import NotebookNode

from course_utils.variables import names, without_magics

EXTRA = "· extra"
LINE = re.compile(r"^.*\*\(extra\)\*\n?", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^(#+) +(.+)$", re.MULTILINE)


def headings(prose: str) -> list[re.Match[str]]:
    """The headings of a text, without what only looks so in the code that it shows."""
    blank = FENCE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), prose)
    return [*HEADING.finditer(blank)]


def parts(cells: Iterable[NotebookNode]) -> Iterator[tuple[NotebookNode, bool]]:
    """The cells in order, each with whether it is extra; prose is cut where the part changes."""
    level = 0  # of the heading whose section is left out, 0 in the core
    for cell in cells:
        if cell.cell_type != "markdown":
            yield cell, level > 0
            continue
        begin, extra = 0, level > 0
        for heading in headings(cell.source):
            # A heading of the same level or above ends the section; one marked extra begins one.
            if len(heading[1]) <= level:
                level = 0
            if not level and heading[2].endswith(EXTRA):
                level = len(heading[1])
            if (level > 0) != extra:
                yield from _cut(cell, begin, heading.start(), extra)
                begin, extra = heading.start(), level > 0
        yield from _cut(cell, begin, len(cell.source), extra)


def _cut(
    cell: NotebookNode, begin: int, end: int, extra: bool
) -> Iterator[tuple[NotebookNode, bool]]:
    """The prose between two places, where there is any."""
    if source := cell.source[begin:end].strip():
        yield NotebookNode({**cell, "source": source}), extra


def core(cells: Iterable[NotebookNode]) -> list[NotebookNode]:
    """The cells without what is extra."""
    kept = [cell for cell, extra in parts(cells) if not extra]
    return [
        NotebookNode({**cell, "source": LINE.sub("", cell.source).strip()})
        if cell.cell_type == "markdown"
        else cell
        for cell in kept
    ]


def unmet(cells: Iterable[NotebookNode]) -> Iterator[tuple[NotebookNode, str]]:
    """Each cell of the core that would miss, or find otherwise, a name that an extra one defines
    last before it, and that name.
    """
    defined: dict[str, bool] = {}  # by name: whether the last cell that defines it is extra
    for cell, extra in parts(cells):
        if cell.cell_type != "code":
            continue
        tree = ast.parse(without_magics(cell.source))
        loads, stores = names(tree.body)
        loops = (node.target for node in ast.walk(tree) if isinstance(node, ast.For))
        own = {node.id for loop in loops for node in ast.walk(loop) if isinstance(node, ast.Name)}
        if not extra:
            yield from ((cell, name) for name in sorted(loads - own) if defined.get(name))
        defined |= dict.fromkeys(stores, extra)

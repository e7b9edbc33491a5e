"""Finds which cell of one notebook is which of another."""

from collections.abc import Callable, Hashable, Sequence
from difflib import SequenceMatcher
from typing import Any

Cell = dict[str, Any]
ALIKE = 0.6  # the least likeness of two versions of one cell; 1 is the same text


def source(cell: Cell) -> str:
    """The cell's text, which a file holds as one string or as lines."""
    text = cell.get("source", "")
    return text if isinstance(text, str) else "".join(text)


def grade_id(cell: Cell) -> str:
    """The name that nbgrader knows the cell by, or "" where it has none."""
    marks = cell.get("metadata", {}).get("nbgrader")
    name = marks.get("grade_id") if isinstance(marks, dict) else None
    return name if isinstance(name, str) else ""


def pair(old: Sequence[Cell], new: Sequence[Cell]) -> dict[int, int]:
    """The index in ``new`` of each cell of ``old`` that is still there, in whatever version.

    A cell is known by its grade_id, then by its id, then by its text, and at last by the likeness
    of its text to that of a cell that nothing else matches.
    """
    pairs: dict[int, int] = {}
    keys: list[Callable[[Cell], Hashable]] = [grade_id, lambda cell: cell.get("id"), source]
    for key in keys:
        places: dict[Hashable, list[int]] = {}
        for index in _free(new, pairs.values()):
            places.setdefault((new[index]["cell_type"], key(new[index])), []).append(index)
        for index in _free(old, pairs):
            same = places.get((old[index]["cell_type"], key(old[index])))
            if key(old[index]) and same:
                pairs[index] = same.pop(0)
    return pairs | _alike(old, new, pairs)


def _free(cells: Sequence[Cell], taken: Any) -> list[int]:
    return [index for index in range(len(cells)) if index not in {*taken}]


def _alike(old: Sequence[Cell], new: Sequence[Cell], pairs: dict[int, int]) -> dict[int, int]:
    """Pairs of the cells that are left, the most alike first."""
    scores = []
    for j in _free(new, pairs.values()):
        matcher = SequenceMatcher(None, "", source(new[j]), autojunk=False)
        for i in _free(old, pairs):
            # An exercise is never taken for another one.
            if old[i]["cell_type"] != new[j]["cell_type"] or grade_id(old[i]) and grade_id(new[j]):
                continue
            matcher.set_seq1(source(old[i]))
            if matcher.real_quick_ratio() >= ALIKE and matcher.quick_ratio() >= ALIKE:
                scores.append((matcher.ratio(), i, j))
    found: dict[int, int] = {}
    for score, i, j in sorted(scores, reverse=True):
        if score >= ALIKE and i not in found and j not in found.values():
            found[i] = j
    return found

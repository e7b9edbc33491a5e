"""Merges a notebook three ways: the old release, the new one, and what the student made of it."""

import hashlib
import itertools
import json
from typing import Any

from course_utils.update import lines
from course_utils.update.cells import Cell, pair, source

Notebook = dict[str, Any]
HEADING = (
    "## From your earlier notebook\n\n"
    "The new release has no place for these cells: the course removed them, or changed cells that "
    "are locked. Keep what you want, and delete the rest.\n"
)
INSTEAD = "The course changed this cell, and so did you. Yours is above; the course's now reads:"


def merge(old: Notebook, mine: Notebook, new: Notebook) -> Notebook:
    """The new notebook with the student's answers, own cells and notes.

    The course's cells come in the new order; an own cell stays after the cell it came after.
    What only the student changed stays as it is; where both changed a cell, the changes are joined
    line by line. Where they meet, the student's version stays, and the course's follows it. What
    has no place comes at the end, under a heading.
    """
    mine_of = pair(old["cells"], mine["cells"])
    old_of = {there: here for here, there in mine_of.items()}
    new_of = pair(old["cells"], new["cells"])
    merged = [[cell] for cell in new["cells"]]
    behind: list[list[Cell]] = [[] for _ in range(len(merged) + 1)]
    left: list[Cell] = []
    place = 0  # how many of the new cells come before an own cell
    for index, cell in enumerate(mine["cells"]):
        if index not in old_of:  # the student's own
            behind[place].append(_own(cell))
            continue
        before = old["cells"][old_of[index]]
        if old_of[index] in new_of:  # in all three
            now = new_of[old_of[index]]
            merged[now], rest = _cell(before, cell, new["cells"][now])
            left += rest
            place = now + 1
        elif _changed(before, cell):  # the new release lacks it
            left.append(_own(cell))
    cells = [*behind[0]]
    for those, own in zip(merged, behind[1:], strict=True):
        cells += [*those, *own]
    if left:
        cells += [_markdown(HEADING), *left]
    metadata = new.get("metadata", {}) | mine.get("metadata", {})
    return new | {"cells": _named(cells), "metadata": metadata}


def _cell(old: Cell, mine: Cell, new: Cell) -> tuple[list[Cell], list[Cell]]:
    """What takes the place of a cell, and what is left for the end."""
    if not _changed(old, mine) or not _changed(new, mine):  # only run, or changed alike
        return [_with(mine, new, source(new))], []
    if source(old) == source(new):  # the course did not change it
        return [_with(mine, new, source(mine))], []
    marks = new.get("metadata", {}).get("nbgrader")
    if isinstance(marks, dict) and marks.get("locked"):  # it must be the course's
        return [_with({}, new, source(new))], [_own(mine)]
    joined = lines.merge(source(old), source(mine), source(new))
    if joined is not None:
        return [_with(mine, new, joined)], []
    fence = "`" * (3 + source(new).count("```"))
    language = "python" if new["cell_type"] == "code" else "markdown"
    shown = f"{INSTEAD}\n\n{fence}{language}\n{source(new)}\n{fence}\n"
    return [_with(mine, new, source(mine)), _markdown(shown)], []


def _changed(old: Cell, mine: Cell) -> bool:
    """Whether the student wrote something into the cell, or pasted a picture."""
    return source(old) != source(mine) or old.get("attachments", {}) != mine.get("attachments", {})


def _with(mine: Cell, new: Cell, text: str) -> Cell:
    """The new cell with this text, and with the student's outputs where these belong to it."""
    kept = {key: value for key, value in mine.get("metadata", {}).items() if key != "nbgrader"}
    cell = new | {"source": text, "metadata": kept | new.get("metadata", {})}
    if attachments := new.get("attachments", {}) | mine.get("attachments", {}):
        cell["attachments"] = attachments
    if text == source(mine) and cell["cell_type"] == "code":
        cell = cell | {key: mine[key] for key in ("outputs", "execution_count") if key in mine}
    return cell


def _own(cell: Cell) -> Cell:
    """A cell of the student's own, which is not graded and gets an id of its own."""
    metadata = {key: value for key, value in cell.get("metadata", {}).items() if key != "nbgrader"}
    return {key: value for key, value in cell.items() if key != "id"} | {"metadata": metadata}


def _markdown(text: str) -> Cell:
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def _named(cells: list[Cell]) -> list[Cell]:
    """The cells with an id each, made of the text where there is none, and with texts as lines."""
    taken = {cell["id"] for cell in cells if "id" in cell}
    named = []
    for cell in cells:
        text = source(cell)
        stem = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        free = (name for n in itertools.count(1) if (name := f"own-{stem}-{n}") not in taken)
        id = cell["id"] if "id" in cell else next(free)
        taken.add(id)
        named.append(cell | {"id": id, "source": text.splitlines(keepends=True)})
    return named


def to_bytes(notebook: Notebook) -> bytes:
    """What is written to the file, in the form that Jupyter writes."""
    try:
        return json.dumps(notebook, indent=1, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:  # half of a pair of surrogates, which only an escape can hold
        return json.dumps(notebook, indent=1).encode() + b"\n"

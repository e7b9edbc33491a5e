"""Makes a lesson's text into a notebook that is the same, byte for byte, at every build."""

import hashlib
import html
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbformat import NotebookNode

from course_utils import files
from course_utils.building.lesson import Lesson
from course_utils.building.parts import core
from course_utils.building.questions import declared, written_out
from course_utils.errors import CourseError

METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}

MAKE = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}
MARKS = {"exercise", "seed", "tags", "guess", "guard"}
IN_KERNEL = "import course_utils.building.in_kernel as _beside"
BESIDE = "beside"  # in the metadata of a cell that is run and is no part of the lesson
SUMMARY, CODE = re.compile(r"<summary>.*?</summary>"), re.compile(r"`([^`]+)`")


def from_text(lesson: Lesson, extra: bool = True, guards: bool = False) -> NotebookNode:
    """The notebook of a lesson's text (jupytext, py:percent), not run yet; raises CourseError where
    it is not a lesson.

    extra: with the sections that a short course leaves out; guards: with what `course verify` alone
    runs.
    """
    name = lesson.text.name
    notebook = nbformat.v4.new_notebook(metadata=METADATA)
    taken: set[str] = set()
    cells = text_cells(lesson) if extra else core(text_cells(lesson))
    for cell in written_out(cells, declared(lesson.short)):
        if "guard" in cell.metadata:
            if guards:
                notebook.cells.append(MAKE["code"](cell.source, metadata=cell.metadata))
            continue
        make = MAKE[cell.cell_type]
        identity = _identity(cell.cell_type, cell.source, cell.metadata, taken, name)
        notebook.cells.append(make(cell.source, metadata=cell.metadata, id=identity))
    return notebook


def text_cells(lesson: Lesson) -> list[NotebookNode]:
    """The cells of a lesson's text, code and markdown only, with only the marks that a lesson uses;
    raises CourseError.
    """
    path = lesson.text
    try:
        cells: list[NotebookNode] = jupytext.reads(
            path.read_text(encoding="utf-8"), fmt="py:percent"
        ).cells
    except FileNotFoundError:
        raise CourseError(
            f"{path.name} is missing: a lesson begins as a text in solutions/."
        ) from None
    except Exception as error:
        raise CourseError(f"{path.name} is not a text that jupytext can read: {error}") from None
    for cell in cells:
        if cell.cell_type == "markdown":
            cell.source = SUMMARY.sub(_marked_up, cell.source)
        if cell.cell_type not in MAKE:
            raise CourseError(
                f"{path.name} has a {cell.cell_type} cell: only code and markdown cells are used."
            )
        # Its marks: any that a lesson does not use is somebody's slip.
        for name in list(cell.metadata):
            if name.startswith("lines_to_"):  # jupytext's own, about blank lines
                del cell.metadata[name]
        unknown = ", ".join(sorted(set(cell.metadata) - MARKS))
        if unknown:
            raise CourseError(
                f"{path.name} has a cell marked {unknown}, above {cell.source[:40]!r}: a cell may "
                'be marked exercise="name", seed=number, tags=["..."], guess="lesson.name" or '
                'guard="lesson.name", and nothing else.'
            )
    return cells


def beside(source: str) -> NotebookNode:
    """A cell that is run beside the lesson's own; it calls what is in `in_kernel` `_beside`."""
    return nbformat.v4.new_code_cell(f"{IN_KERNEL}\n\n{source}", metadata={BESIDE: True})


def _marked_up(summary: re.Match[str]) -> str:
    """A summary with its code as HTML, since Markdown does not reach into it."""
    return CODE.sub(lambda code: f"<code>{html.escape(code[1], False)}</code>", summary[0])


def _identity(
    kind: str, source: str, metadata: Mapping[str, Any], taken: set[str], text: str
) -> str:
    """The cell's grade_id, or a hash of what it says; a repeated hash gets a number."""
    name = metadata.get("nbgrader", {}).get("grade_id", "")
    if name in taken:
        raise CourseError(f"{text}: {name} has two cells; leave the mark exercise= on one of them.")
    if not name:
        stem = hashlib.sha256(f"{kind}\n{source}".encode()).hexdigest()[:8]
        name, number = stem, 1
        while name in taken:
            number += 1
            name = f"{stem}-{number}"
    taken.add(name)
    return name


def tidy(notebook: NotebookNode) -> NotebookNode:
    """The notebook without what differs from run to run or from version to version."""
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    return notebook


def to_bytes(notebook: NotebookNode) -> bytes:
    """What is written to the file."""
    return nbformat.writes(notebook, version=nbformat.NO_CONVERT).rstrip("\n").encode() + b"\n"


def read(path: Path) -> NotebookNode:
    """A notebook file; raises CourseError where it is missing or damaged."""
    try:
        return nbformat.read(path, as_version=nbformat.NO_CONVERT)
    except FileNotFoundError:
        raise CourseError(
            f"{path.parent.name}/{path.name} is missing: run `course build {path.stem}`."
        ) from None
    except Exception as error:
        raise CourseError(
            f"{path.name} is not a notebook that can be read ({error}): build it again."
        ) from None


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; one that is the same already is left alone."""
    if path.is_file() and path.read_bytes() == content:
        return
    files.write(path, content)


def place(notebook: NotebookNode, index: int) -> str:
    """How a person finds a cell: its number, its name and the heading above it."""
    heading = ""
    for cell in notebook.cells[: index + 1]:
        if cell.cell_type == "markdown":
            heading = (re.findall(r"^#+ +(.+)$", cell.source, re.MULTILINE) or [heading])[-1]
    name = notebook.cells[index].metadata.get("nbgrader", {}).get("grade_id", "")
    number = sum(BESIDE not in cell.metadata for cell in notebook.cells[: index + 1])
    return (
        f"cell {number}"
        + (f" ({name})" if name else "")
        + (f', under "{heading}"' if heading else "")
    )

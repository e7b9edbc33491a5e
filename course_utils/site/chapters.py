"""A lesson as a chapter to read: the released text, with the pictures of the solved notebook."""

import base64
import hashlib
import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from course_utils.building import notebook_files as nb
from course_utils.building.lesson import Lesson
from course_utils.site.cards import example
from course_utils.site.links import Links

CODE, MARKDOWN = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
FOLD_CODE = "Show the code of this picture"
NO_GUESS = "You made no guess. What the run shows:"  # in a solved notebook, where nobody guessed
FOLD_RESULT = "Guess first, then show what happens"
NOTES = re.compile(r"^\*(My guess|What happened|Why):\*\s*", re.MULTILINE)  # for a student to fill
OPTION = re.compile(r"^- \*\*(\w)\*\* · ", re.MULTILINE)
CHECK = re.compile(r'^check\("([\w.]+)"', re.MULTILINE)


@dataclass
class Chapter:
    """A notebook for the site, and the pictures that it shows, by their names."""

    notebook: NotebookNode
    pictures: dict[str, bytes] = field(default_factory=dict)


def title(lesson: Lesson) -> str:
    """The title of a lesson, with its number."""
    return str(nb.read(lesson.released).cells[0].source).partition("\n")[0].removeprefix("# ")


def chapter(lesson: Lesson, links: Links) -> Chapter:
    """The chapter of a lesson: texts and stubs of its release, outputs of its solved notebook.

    No answer is in it, since the sources are the released ones and the outputs of checks and
    answers are left out.
    """
    released, solved = nb.read(lesson.released), nb.read(lesson.solved)
    outputs = {cell.id: cell.get("outputs", []) for cell in solved.cells}
    made = Chapter(nbformat.v4.new_notebook(metadata=nb.METADATA))
    for index, cell in enumerate(released.cells):
        before = released.cells[index - 1] if index else None
        after = released.cells[index + 1] if index + 1 < len(released.cells) else None
        shown = outputs.get(cell.id, [])
        made.notebook.cells += _shown(cell, shown, before, after, made.pictures)
    first = made.notebook.cells[0]
    heading, _, rest = first.source.partition("\n")
    first.source = f"{heading}\n\n{links.buttons(lesson.name)}\n{rest}"
    return made


def _shown(
    cell: NotebookNode,
    outputs: list[NotebookNode],
    before: NotebookNode | None,
    after: NotebookNode | None,
    pictures: dict[str, bytes],
) -> Iterator[NotebookNode]:
    """The cells that stand for one of the release, with the cells around it."""
    if cell.cell_type == "markdown":
        if not NOTES.search(cell.source):
            yield MARKDOWN(cell.source, id=cell.id)
        elif remark := NOTES.sub("", cell.source).strip():  # a word on a student's notes
            yield MARKDOWN(f"*Why?* {remark}", id=cell.id)
    elif checked := CHECK.search(cell.source):  # with a card, where a typical mistake has one
        yield CODE(cell.source, id=cell.id)
        if card := example(checked[1]):
            yield MARKDOWN(card)
    elif "guess" in cell.metadata:  # letters to press, in place of the call
        yield MARKDOWN(_letters(before.source if before else ""))
    elif cell.metadata.get("nbgrader", {}).get("solution"):  # a stub, which shows nothing
        yield CODE(cell.source, id=cell.id)
    else:  # what it shows, folded where that is guessed first
        guessed = (before is not None and "guess" in before.metadata) or _noted(after)
        yield _run(cell, outputs, guessed, pictures)


def _noted(after: NotebookNode | None) -> bool:
    """Whether a student writes down after a cell what they had guessed."""
    return after is not None and after.cell_type == "markdown" and bool(NOTES.search(after.source))


def _letters(question: str) -> str:
    """A button for each option of a question; the site's script opens the result after one."""
    buttons = "".join(
        f'<button type="button">{letter}</button>' for letter in OPTION.findall(question)
    )
    return f'<p class="course-letters" hidden>My guess: {buttons}</p>'


def _run(
    cell: NotebookNode, outputs: list[NotebookNode], guessed: bool, pictures: dict[str, bytes]
) -> NotebookNode:
    """A cell with what it showed; plotting code is folded, and so is what was to be guessed."""
    metadata: dict[str, Any] = {}
    if re.search(r"\b(plots|explore)\.", cell.source) and any(map(_is_picture, outputs)):
        metadata = {"tags": ["hide-input"], "mystnb": {"code_prompt_show": FOLD_CODE}}
    made = CODE(cell.source, id=cell.id, metadata=metadata)
    shown = "".join(_html(output, pictures) for output in outputs)
    if shown and guessed:
        shown = f'<details class="course-result"><summary>{FOLD_RESULT}</summary>{shown}</details>'
    if shown:
        made.outputs = [nbformat.v4.new_output("display_data", {"text/html": shown})]
    return made


def _is_picture(output: Mapping[str, Any]) -> bool:
    return "image/png" in output.get("data", {})


def _html(output: NotebookNode, pictures: dict[str, bytes]) -> str:
    """An output as HTML, its picture as a file of its own with words and size."""
    if output.output_type == "stream":
        return f'<pre tabindex="0">{html.escape(output.text)}</pre>'
    page = output.data.get("text/html", "").replace(NO_GUESS, "What the run shows:")
    if not _is_picture(output):
        return page or f'<pre tabindex="0">{html.escape(output.data["text/plain"])}</pre>'
    content = base64.b64decode(output.data["image/png"])
    name = f"{hashlib.sha256(content).hexdigest()[:16]}.png"
    pictures[name] = content
    image = output.metadata["image/png"]
    still = (
        f'<img class="course-picture" src="../pictures/{name}" alt="{html.escape(image["alt"])}" '
        f'width="{image["width"]}" loading="lazy">'
    )
    if not page:
        return still
    return f'<div class="course-live">{page}</div><div class="course-still">{still}</div>'


def write(made: Chapter, path: Path, pictures: Path) -> None:
    """Write the chapter's notebook, and its pictures into their folder."""
    nb.write(path, nb.to_bytes(made.notebook))
    for name, content in made.pictures.items():
        nb.write(pictures / name, content)

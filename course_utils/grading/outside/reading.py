"""Reads a file that was handed in: its cells, as far as they can be read."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from course_utils.grading.outside import pictures
from course_utils.grading.outside.names_in_cells import defined
from course_utils.grading.outside.pictures import Attachments

LARGEST_FILE = 20 << 20
MOST_BRACKETS = 1_000_000  # each opens a list or an object, which takes 190 bytes in memory
MOST_CELLS = 1_000
LONGEST_SOURCE = 100_000
LONGEST_SOURCES = 500_000  # of all cells together
KINDS = ("code", "markdown", "raw")


class Unreadable(Exception):
    """The file handed in is not a notebook that can be graded; the message is a sentence for its
    author.
    """

    status = "unreadable"


@dataclass
class OwnCell:
    """A cell of the submission."""

    kind: str
    source: str
    metadata: dict[str, Any]
    id: str
    attachments: Attachments = field(default_factory=dict)
    anchor: int = -1  # the cell of the lesson that it stood behind

    @property
    def grade_id(self) -> str:
        marks = self.metadata.get("nbgrader")
        name = marks.get("grade_id") if isinstance(marks, dict) else None
        return name if isinstance(name, str) else ""

    @property
    def names(self) -> frozenset[str]:
        """The names that it defines."""
        return defined(self.source) if self.kind == "code" else frozenset()

    @property
    def has_words(self) -> bool:
        """Whether it holds text: no code, or code of which nothing but comments is there."""
        lines = [line.strip() for line in self.source.splitlines() if line.strip()]
        return bool(lines) and (self.kind != "code" or all(line[0] == "#" for line in lines))


def parse(content: bytes) -> dict[str, Any]:
    """The submitted file as JSON with a list of cells; raises Unreadable."""
    if len(content) > LARGEST_FILE:
        raise Unreadable(
            f"The file has {len(content) >> 20} MB; a notebook may have {LARGEST_FILE >> 20}."
        )
    if not content.strip():
        raise Unreadable("The file is empty.")
    if (brackets := content.count(b"[") + content.count(b"{")) > MOST_BRACKETS:
        raise Unreadable(
            f"The file has {brackets:,} opening brackets, and {MOST_BRACKETS:,} are allowed: clear "
            "its outputs."
        )
    try:
        notebook = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Unreadable(
            "The file is not in UTF-8, as a notebook is: save it again in JupyterLab."
        ) from None
    except (ValueError, RecursionError) as error:
        if conflict := re.search(rb"^(<{7}|={7}|>{7})( |$)", content, re.MULTILINE):
            line = content.count(b"\n", 0, conflict.start()) + 1
            raise Unreadable(
                f"Line {line} of the file is a mark of a merge: choose one of the two versions, "
                "and delete the marks."
            ) from None
        why = str(error) if isinstance(error, json.JSONDecodeError) else type(error).__name__
        raise Unreadable(f"The file is not a notebook, or only part of one ({why}).") from None
    version = notebook.get("nbformat") if isinstance(notebook, dict) else None
    if isinstance(version, int) and version != 4:
        raise Unreadable(
            f"The notebook is in format {version}, but has to be in 4: save it again in JupyterLab."
        )
    if version != 4 or not isinstance(notebook.get("cells"), list):
        raise Unreadable("The file is JSON, but not a notebook: it has no list of cells.")
    return notebook


def own_cells(
    submitted: Mapping[str, Any], repairs: list[str], beside: Mapping[str, bytes]
) -> tuple[list[OwnCell], bool]:
    """The cells of a submission, and whether they are all there."""
    cells, broken, room, picture_room = [], 0, LONGEST_SOURCES, pictures.LARGEST
    drawn = pictures.of_files(beside)
    for cell in submitted["cells"][:MOST_CELLS]:
        source = cell.get("source") if isinstance(cell, dict) else None
        if isinstance(source, list) and all(isinstance(line, str) for line in source):
            source = "".join(source)
        if not isinstance(source, str):
            broken += 1  # it is no cell
            continue
        kind, attachments = cell.get("cell_type"), Attachments()
        kind = kind if kind in KINDS else "strange"
        source = source.encode(errors="replace").decode().replace("\r\n", "\n")
        # Pictures in words do not count as text; what is left of too long a text is cut.
        if kind != "code":
            source, near = pictures.near(source, drawn, picture_room)
            pasted = cell.get("attachments")
            known = {**pasted, **near} if isinstance(pasted, dict) else near
            source, attachments = pictures.take(source, known, picture_room)
            picture_room -= pictures.size(attachments)
            source = _shortened(source, min(LONGEST_SOURCE, room), repairs)
        if len(source) > min(LONGEST_SOURCE, room):
            broken += 1  # code that is too long, which nobody can run in part
            continue
        room -= len(source)
        metadata, id = cell.get("metadata"), cell.get("id")
        metadata = metadata if isinstance(metadata, dict) else {}
        cells.append(
            OwnCell(kind, source, metadata, id if isinstance(id, str) else "", attachments)
        )
    broken += max(0, len(submitted["cells"]) - MOST_CELLS)
    if broken:
        repairs.append(f"{broken} cells could not be read or were too long, and were left out.")
    return cells, not broken


def _shortened(source: str, most: int, repairs: list[str]) -> str:
    """A text with its end left out where it is too long."""
    note = f"\n\n({len(source) - most:,} more characters were left out here.)"
    if len(source) <= most or most < 2 * len(note):
        return source
    repairs.append(
        f"A text of {len(source):,} characters was cut after {most:,}; the whole text is in the "
        "file that was handed in."
    )
    return source[: most - len(note)] + note

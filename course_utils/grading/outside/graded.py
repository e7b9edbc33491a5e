"""The graded notebook that people read: the rebuilt submission with its outputs and cards."""

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from course_utils.grading.outside.cells import grade_id
from course_utils.grading.outside.rebuild import Rebuilt
from course_utils.grading.outside.result import Row

OWN = "*The next cell is the student's own, and not the lesson's:*"


def graded_cells(
    rebuilt: Rebuilt,
    rows: Sequence[Row],
    repairs: Sequence[str],
    outputs: Mapping[int, list[dict[str, Any]]],
) -> list[dict[str, Any]]:
    """The cells of the graded notebook; outputs: those of the cells that were run, by index."""
    by_name = {row.grade_id: row for row in rows}
    cells = []
    for index, (cell, origin) in enumerate(zip(rebuilt.cells, rebuilt.origins, strict=True)):
        if origin == "student":
            cells.append(_note(f"own-{index}", OWN))
        if cell["cell_type"] == "code":
            row = by_name.get(grade_id(cell)) if origin == "check" else None
            shown = outputs.get(index, [])
            cell = cell | {"outputs": [_card(row), *shown] if row else shown}
        cells.append(cell)
    if repairs:
        lines = "\n".join(f"- {literally(line)}" for line in repairs)
        cells.insert(0, _note("repairs", f"**Before grading**\n\n{lines}"))
    return cells


def _note(id: str, text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": id, "metadata": {}, "source": text}


def literally(text: str) -> str:
    """Text that markdown shows as it is."""
    return re.sub(r"([\\`*_\[\]#|$])", r"\\\1", html.escape(text, quote=False).replace("\n", " "))


def _card(row: Row) -> dict[str, Any]:
    # They come with torch, which takes long to import; a batch makes cards for few submissions.
    from course_utils.checking.card import Card
    from course_utils.checking.judge import Verdict

    points = row.max_points
    score = (row.points or 0.0) / points if points else 0.0
    verdict = Verdict(row.id, row.status, score, advice=row.message, mistake=row.mistake)  # type: ignore[arg-type]
    card = Card(verdict, int(points) if points == int(points) else points)  # type: ignore[arg-type]
    data = {"text/html": card._repr_html_(), "text/plain": repr(card)}
    return {"output_type": "display_data", "data": data, "metadata": {}}

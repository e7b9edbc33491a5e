"""How far a student is: all exercises as a table, in a notebook and in a terminal."""

import html
import re
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

from course_utils.checking.exercise import lessons
from course_utils.mine import place, record

Row = dict[str, Any]
SIGNS = {"right": "✓", "partial": "◐", "borrowed": "↪", "tried": "✗", "open": "○"}


class Progress:
    """The state of every exercise; it shows itself as a table."""

    def __init__(self, folder: Path) -> None:
        entries, self.note = record.entries(folder)
        notebooks = folder.parent / "notebooks"
        self.rows = _asked(record.rows(entries, in_order(notebooks)), notebooks)

    @property
    def next(self) -> str:
        """What comes next, as a sentence; what is extra comes after the core of all lessons."""
        for rows in _by_part(self.rows).values():
            for row in rows:
                if row["state"] != "right":
                    return f"Next: {row['exercise']}."
        return "Everything is right."

    @property
    def total(self) -> str:
        """The points of all lessons together."""
        return _both(self.rows, _points)

    def lessons(self) -> list[tuple[str, list[Row]]]:
        """The rows by lesson."""
        return [(name, [*rows]) for name, rows in groupby(self.rows, lambda row: row["lesson"])]

    def __repr__(self) -> str:
        lines = [self.note] if self.note else []
        width = max(len(row["exercise"]) for row in self.rows)
        for name, rows in self.lessons():
            lines.append(f"{name}: {_both(rows, _counts)}")
            for row in rows:
                after = f"   {row['last mistake']}" if row["last mistake"] else ""
                after = f"  extra{after}" if row["part"] == "extra" else after
                line = f"  {SIGNS[row['state']]} {row['exercise']:<{width}}  {row['state']:<8}"
                lines.append(f"{line} {row['points']:g}/{row['of']}{after}")
        return "\n".join([*lines, f"{self.total}. {self.next}"])

    def _repr_html_(self) -> str:
        parts = [f"<p>{html.escape(self.note)}</p>"] if self.note else []
        for name, rows in self.lessons():
            now = any(row["state"] not in ("open", "right") for row in rows)
            shown = "".join(_row(row) for row in rows)
            parts.append(
                f"<details{' open' if now else ''}><summary>{html.escape(name)}: "
                f"{_both(rows, _counts)}</summary><table><tr><th>exercise</th><th>part</th>"
                "<th>state</th><th>points</th>"
                f"<th>last mistake</th></tr>{shown}</table></details>"
            )
        return f"{''.join(parts)}<p><b>{self.total}.</b> {html.escape(self.next)}</p>"


def _asked(rows: list[Row], notebooks: Path) -> list[Row]:
    """The rows without extra exercises that the notebook of their lesson does not ask for."""
    texts: dict[str, str] = {}
    for lesson in {row["lesson"] for row in rows}:
        for path in notebooks.glob(f"*_{lesson}/*_{lesson}.ipynb"):
            texts[lesson] = path.read_text(encoding="utf-8", errors="replace")
    return [
        row
        for row in rows
        if row["part"] == "core"
        or row["lesson"] not in texts
        or row["exercise"] in texts[row["lesson"]]
    ]


def _by_part(rows: list[Row]) -> dict[str, list[Row]]:
    """The rows of the core, and those that are extra."""
    return {part: [row for row in rows if row["part"] == part] for part in ("core", "extra")}


def _both(rows: list[Row], say: Callable[[list[Row]], str]) -> str:
    """What is said of the core, and of what is extra where there is anything."""
    core, extra = _by_part(rows).values()
    return say(core) + (f"; extra: {say(extra)}" if extra else "")


def _points(rows: list[Row]) -> str:
    earned, most = (sum(row[name] for row in rows) for name in ("points", "of"))
    return f"{earned:g} of {most} points"


def _counts(rows: list[Row]) -> str:
    right = sum(row["state"] == "right" for row in rows)
    return f"{right} of {len(rows)} right, {_points(rows)}"


def _row(row: Row) -> str:
    cells = (
        f"<code>{html.escape(row['exercise'])}</code>",
        row["part"],
        f"{SIGNS[row['state']]} {row['state']}",
        f"{row['points']:g} of {row['of']}",
        html.escape(row["last mistake"]),
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def in_order(notebooks: Path) -> list[str]:
    """The lessons in the order of their notebooks' numbers; without notebooks, of the alphabet."""
    known = lessons()
    names = sorted(path.name for path in notebooks.glob("*") if re.match(r"\d+_", path.name))
    numbered = [name.partition("_")[2] for name in names]
    return [name for name in numbered if name in known] or known


def progress() -> Progress:
    """The table of all lessons; raises CourseError where there is no library."""
    return Progress(place.required())

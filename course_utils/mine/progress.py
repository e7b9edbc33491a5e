"""How far one is: every exercise of every lesson as a table, in a notebook and in a terminal."""

import html
import re
from itertools import groupby
from pathlib import Path
from typing import Any

from course_utils.checking.exercise import lessons
from course_utils.mine import place, record

SIGNS = {"right": "✓", "partial": "◐", "borrowed": "↪", "tried": "✗", "open": "○"}


class Progress:
    """The state of every exercise; it shows itself as a table."""

    def __init__(self, folder: Path) -> None:
        entries, self.note = record.entries(folder)
        self.rows = record.rows(entries, in_order(folder.parent / "notebooks"))

    @property
    def next(self) -> str:
        """What comes next, as a sentence."""
        for row in self.rows:
            if row["state"] != "right":
                return f"Next: {row['exercise']}."
        return "Everything is right."

    @property
    def total(self) -> str:
        """The points of all lessons together."""
        earned, most = (sum(row[name] for row in self.rows) for name in ("points", "of"))
        return f"{earned:g} of {most} points"

    def lessons(self) -> list[tuple[str, list[dict[str, Any]]]]:
        """The rows by lesson."""
        return [(name, [*rows]) for name, rows in groupby(self.rows, lambda row: row["lesson"])]

    def __repr__(self) -> str:
        lines = [self.note] if self.note else []
        width = max(len(row["exercise"]) for row in self.rows)
        for name, rows in self.lessons():
            lines.append(f"{name}: {_points(rows)}")
            for row in rows:
                mistake = f"   {row['last mistake']}" if row["last mistake"] else ""
                line = f"  {SIGNS[row['state']]} {row['exercise']:<{width}}  {row['state']:<8}"
                lines.append(f"{line} {row['points']:g}/{row['of']}{mistake}")
        return "\n".join([*lines, f"{self.total}. {self.next}"])

    def _repr_html_(self) -> str:
        parts = [f"<p>{html.escape(self.note)}</p>"] if self.note else []
        for name, rows in self.lessons():
            now = any(row["state"] not in ("open", "right") for row in rows)
            shown = "".join(_row(row) for row in rows)
            parts.append(
                f"<details{' open' if now else ''}><summary>{html.escape(name)}: {_points(rows)}"
                "</summary><table><tr><th>exercise</th><th>state</th><th>points</th>"
                f"<th>last mistake</th></tr>{shown}</table></details>"
            )
        return f"{''.join(parts)}<p><b>{self.total}.</b> {html.escape(self.next)}</p>"


def _points(rows: list[dict[str, Any]]) -> str:
    right = sum(row["state"] == "right" for row in rows)
    earned, most = (sum(row[name] for row in rows) for name in ("points", "of"))
    return f"{right} of {len(rows)} right, {earned:g} of {most} points"


def _row(row: dict[str, Any]) -> str:
    cells = (
        f"<code>{html.escape(row['exercise'])}</code>",
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

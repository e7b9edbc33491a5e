"""What a cell of a notebook is: its name, its text, and where it came from."""

from collections.abc import Mapping
from typing import Any, Literal

Origin = Literal["course", "check", "answer", "student"]


def grade_id(cell: Mapping[str, Any]) -> str:
    """The name that nbgrader knows a cell by, empty where it knows none."""
    return str(cell["metadata"].get("nbgrader", {}).get("grade_id", ""))


def text(cell: Mapping[str, Any]) -> str:
    """The source of a cell, which may be stored as lines."""
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def origin(cell: Mapping[str, Any]) -> Origin:
    """What a cell of the lesson is."""
    marks = cell["metadata"].get("nbgrader", {})
    return "answer" if marks.get("solution") else "check" if marks.get("grade") else "course"


def as_text(source: str) -> str:
    """Markdown that shows a text as it is."""
    return "\n".join(f"    {line}" for line in source.split("\n"))

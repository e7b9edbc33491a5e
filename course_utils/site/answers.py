"""Finds lines of answers in what was made for readers."""

import html
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from course_utils.building import notebook_files as nb
from course_utils.building.lesson import Lesson

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
SHORTEST = 12  # characters without spaces of a line that says something
BARE = re.compile(r"\w+\.\w+\(\)")  # a call without arguments, which a hint may name


def answer_lines(lessons: Iterable[Lesson]) -> dict[str, str]:
    """The lines of answers, without spaces, and the lesson of each; not those that a release shows,
    which in another lesson are given.
    """
    lines: dict[str, str] = {}
    released = ""
    for lesson in lessons:
        released += _squeezed("".join(cell.source for cell in nb.read(lesson.released).cells))
        hidden = (line for cell in nb.read(lesson.solved).cells for line in _hidden(cell.source))
        lines |= {_squeezed(line): lesson.name for line in hidden}
    return {
        line: name
        for line, name in lines.items()
        if len(line) >= SHORTEST and not BARE.fullmatch(line) and line not in released
    }


def _hidden(source: str) -> Iterator[str]:
    inside = False
    for line in source.splitlines():
        if BEGIN in line or END in line:
            inside = BEGIN in line
        elif inside:
            yield line


def leaked(folder: Path, lessons: Iterable[Lesson]) -> list[str]:
    """Where a folder of pages, scripts and notebooks has a line of an answer."""
    lines = answer_lines(lessons)
    texts = (path for path in sorted(folder.rglob("*")) if path.suffix in TEXTS)
    contents = ((path, _plain(path.read_text(encoding="utf-8"))) for path in texts)
    return [
        f"{path.relative_to(folder)} has {line!r} of {lines[line]}"
        for path, text in contents
        for line in lines
        if line in text
    ]


TEXTS = {".html", ".js", ".ipynb", ".json", ".md", ".txt", ".xml"}


def _plain(text: str) -> str:
    """The words of a page without tags and spaces; of a notebook without its escapes."""
    return _squeezed(
        html.unescape(re.sub(r"<[^>]*>", "", text)).replace('\\"', '"').replace("\\n", "")
    )


def _squeezed(text: str) -> str:
    return "".join(text.split())

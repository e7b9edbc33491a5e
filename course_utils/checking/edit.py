"""A mistake as an edit of the reference: what the right answer says, and what a student wrote in
its place.
"""

import ast
import functools
import importlib
import importlib.util
from dataclasses import dataclass
from os.path import commonprefix
from types import CodeType
from typing import Any

from course_utils.errors import CourseError


@dataclass(frozen=True)
class Edit:
    """Texts of the reference and what replaces them; edits of different places add up to
    one.
    """

    pairs: tuple[tuple[str, str], ...]

    def __add__(self, other: "Edit") -> "Edit":
        return Edit(self.pairs + other.pairs)


@dataclass(frozen=True, order=True)
class Span:
    """A stretch of a definition's text, from start to end, and what replaces it."""

    start: int
    end: int
    new: str


def edit(*texts: str) -> Edit:
    """`edit(".mean()", ".sum()")`: texts in pairs, old and new; an empty old text adds a line at
    the end.

    Each old text occurs exactly once in the answer (docstrings aside), else once in the private
    helpers beside it.
    """
    return Edit(tuple(zip(texts[::2], texts[1::2], strict=True)))


def edited(id: str, change: Edit) -> Any:
    """The reference answer of an exercise with the edit made.

    Raises CourseError where an old text does not occur exactly once, or where two changes meet in
    one place.
    """
    lesson, _, name = id.partition(".")
    names = dict(
        vars(importlib.import_module(f"course_utils.reference.{lesson}")),
        __name__=f"mistakes.{lesson}",
    )
    for code in _codes(id, change):
        exec(code, names)
    return names[name]


@functools.lru_cache(maxsize=8192)
def _codes(id: str, change: Edit) -> list[CodeType]:
    """The code of the definitions that an edit changes, the answer's last: it reads the helpers."""
    lesson, _, name = id.partition(".")
    places = _places(id, change, texts(lesson))
    return [
        _compiled(lesson, definition, tuple(places.get(definition, ())))
        for definition in sorted({*places, name}, key=name.__eq__)
    ]


def fits(id: str, change: Edit) -> None:
    """Raise CourseError where the edit does not fit the reference; where the reference is not,
    nothing is asked.
    """
    if definitions := texts(id.partition(".")[0]):
        _places(id, change, definitions)


@functools.cache
def texts(short: str) -> dict[str, str]:
    """The functions and classes of a lesson's reference as text without docstrings, by name."""
    spec = importlib.util.find_spec(f"course_utils.reference.{short}")
    if spec is None:
        return {}
    loader: Any = spec.loader  # of a file, or of an archive in a release
    source = loader.get_source(spec.name)
    nodes = (
        node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.ClassDef)
    )
    return {node.name: _without_docstrings(node, source.splitlines()) for node in nodes}


def _without_docstrings(node: ast.FunctionDef | ast.ClassDef, lines: list[str]) -> str:
    docstrings: set[int] = set()
    for inner in ast.walk(node):
        if (
            isinstance(inner, ast.FunctionDef | ast.ClassDef)
            and ast.get_docstring(inner) is not None
        ):
            docstrings |= set(range(inner.body[0].lineno - 1, inner.body[0].end_lineno or 0))
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]) - 1
    return "\n".join(lines[i] for i in range(first, node.end_lineno or 0) if i not in docstrings)


def _places(id: str, change: Edit, definitions: dict[str, str]) -> dict[str, list[Span]]:
    """By definition: where its text changes, from the beginning to the end."""
    places: dict[str, list[Span]] = {}
    for old, new in change.pairs:
        definition, span = _place(id, old, new, definitions)
        places.setdefault(definition, []).append(span)
    for spans in places.values():
        spans.sort(key=lambda span: (span.start, span.end))
        for one, next_one in zip(spans, spans[1:], strict=False):
            if next_one.start < one.end or (
                one.start == next_one.start and not one.new.startswith("\n")
            ):
                raise CourseError(
                    f"{id}: two changes meet in one place, {one.new!r} and {next_one.new!r}."
                )
    return places


def _place(id: str, old: str, new: str, definitions: dict[str, str]) -> tuple[str, Span]:
    """The definition that has an old text, and the shortest stretch of it that changes."""
    name = id.partition(".")[2]
    if not old:
        return name, Span(len(definitions[name]), len(definitions[name]), "\n" + new)
    candidates = (
        [name]
        if old in definitions[name]
        else [other for other in definitions if other.startswith("_")]
    )
    number = sum(definitions[other].count(old) for other in candidates)
    if number != 1:
        raise CourseError(
            f"{id}: the edit {old!r} -> {new!r} does not fit: {old!r} occurs {number} times in the "
            "reference, and should occur once."
        )
    [definition] = (other for other in candidates if old in definitions[other])
    start = definitions[definition].index(old)
    head = len(commonprefix([old, new]))
    tail = len(commonprefix([old[head:][::-1], new[head:][::-1]]))
    return definition, Span(start + head, start + len(old) - tail, new[head : len(new) - tail])


@functools.lru_cache(maxsize=4096)
def _compiled(short: str, definition: str, spans: tuple[Span, ...]) -> Any:
    text = texts(short)[definition]
    for span in reversed(spans):
        text = text[: span.start] + span.new + text[span.end :]
    return compile(text, f"<mistake in {short}.{definition}>", "exec")

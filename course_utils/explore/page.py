"""The page of an explorer: one HTML text that needs no network and no kernel, beside a still
picture.
"""

import html
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from matplotlib.figure import Figure

from course_utils import plots
from course_utils.errors import CourseError

Ask = tuple[str, Sequence[str]] | None
HEIGHT = 620  # pixels, until the page knows how high it is
INSTEAD = "Run this cell to work with its picture."  # where a reader takes the frame out


@dataclass(frozen=True)
class Explorer:
    """What a cell shows: a page to work with, and a still picture where there is no browser."""

    title: str
    page: str
    still: Figure
    alt: str

    def _repr_html_(self) -> str:
        inside = self.page.replace("&", "&amp;").replace('"', "&quot;")
        frame = f'style="border:0;width:100%;height:{HEIGHT}px" title="{html.escape(self.title)}"'
        return f'<iframe srcdoc="{inside}" {frame}>{INSTEAD}</iframe>{plots.words(self.alt)}'

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = plots.bundle(self.still, self.alt)
        return {"text/html": self._repr_html_(), **data}, metadata

    def __repr__(self) -> str:
        return self.alt


def explorer(
    script: str,
    title: str,
    still: Figure,
    alt: str,
    *,
    size: tuple[float, float],
    caption: str,
    columns: Sequence[str],
    controls: Sequence[Sequence[Any]] = (),
    buttons: Mapping[str, int],
    ask: Ask = None,
    goal: Mapping[str, Any] | None = None,
    **numbers: Any,
) -> Explorer:
    """Put an explorer together from its scripts and the numbers that it starts from.

    script: the names of its files of JavaScript. size: of its picture, in the picture's units.
    buttons: how many steps each takes; 0 stands for an epoch. numbers: what its script reads as P.
    """
    parameters = {
        "size": "{} {}".format(*size),
        "caption": caption,
        "cols": columns,
        "controls": controls,
        "buttons": [*buttons.items()],
        "ask": _asked(ask),
        "goal": goal,
        **numbers,
    }
    code = "\n".join(_short(f"{name}.js") for name in ("page", *script.split()))
    page = _short("page.html").replace("TITLE", html.escape(title)).replace("\n", "")
    page = page.replace("STYLE", _short("page.css").replace("\n", ""))
    page = page.replace("PARAMETERS", _literal(parameters))
    return Explorer(title, page.replace("SCRIPT", f"{code}\nbegin()"), still, alt)


def slider(
    id: str, label: str, span: tuple[float, float, float], value: float, digits: int = 2
) -> list[Any]:
    """A number to choose; span: least, largest and the step between."""
    low, high, step = span
    if not low <= value <= high:
        raise CourseError(f"{label}: {value:g} is not between {low:g} and {high:g}.")
    return [id, label, value, low, high, step, digits]


def menu(id: str, label: str, options: Sequence[Any], value: Any) -> list[Any]:
    """One of several to choose."""
    if value not in options:
        offered = ", ".join(map(str, options))
        raise CourseError(f"{label}: {value} is none of {offered}.")
    return [id, label, value, [*options]]


def vector(values: Any, name: str, least: int = 1, most: int = 1000) -> list[float]:
    """A vector as a list; raises CourseError that says what is wrong with it."""
    try:
        numbers = [float(value) for value in values]
    except (TypeError, ValueError, RuntimeError):
        raise CourseError(f"{name} should be a vector of numbers, of shape (n,).") from None
    if not least <= len(numbers) <= most:
        raise CourseError(f"{name} has {len(numbers)} numbers; it should have {least} to {most}.")
    if not all(math.isfinite(number) for number in numbers):
        raise CourseError(f"{name} holds a number that is not finite.")
    return numbers


def digits(number: float, n: int = 6) -> float:
    """The number with n significant digits, so that every machine writes the same."""
    return float(f"{number:.{n}g}")


def _asked(ask: Ask) -> list[Any] | None:
    if ask is None:
        return None
    if isinstance(ask, str) or len(ask) != 2 or len(ask[1]) < 2 or isinstance(ask[1], str):
        raise CourseError('ask should be a question and its answers: ("Which?", ["this", "that"]).')
    return [ask[0], [*ask[1]]]


def _literal(value: Any) -> str:
    """The value in JavaScript, without the double quotes that an attribute of HTML cannot hold."""
    if isinstance(value, Mapping):
        return "{{{}}}".format(",".join(f"{name}:{_literal(part)}" for name, part in value.items()))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[{}]".format(",".join(map(_literal, value)))
    if isinstance(value, str):
        inside = json.dumps(value, ensure_ascii=False)[1:-1].replace('\\"', '"')
        return "'{}'".format(inside.replace("'", "\\'").replace("</", "<\\/"))
    return json.dumps(value, allow_nan=False)


def _short(name: str) -> str:
    """A file of the page without comments on lines of their own."""
    lines = (files(__package__) / name).read_text(encoding="utf-8").splitlines()
    return "\n".join(line.strip() for line in lines if line.strip() and line[:2] != "//")

"""The card that shows a verdict: HTML in a notebook, text in a terminal."""

import html
import re

from course_utils.checking.difference import MARK, show_named
from course_utils.checking.judge import Verdict

COLOURS = {"right": "#2e7d32", "partial": "#b26a00", "not attempted": "#757575"}
SIGNS = {"right": "✓", "partial": "◐", "not attempted": "○"}
TITLES = {
    "right": "Right",
    "wrong": "Not yet",
    "partial": "Partly there",
    "error": "Your code raised an error",
    "shortcut": "This is a shortcut",
    "not attempted": "Not attempted",
    "timeout": "Stopped: too slow",
    "out of memory": "Stopped: out of memory",
    "crashed": "The process crashed",
    "not run": "Not run",
    "course error": "The course failed here, not you",
}
FAULT = "Send this to whoever runs the course"
VALUES = ("Inputs", "Expected", "Got", "Replay", "Printed", FAULT)  # rows in a fixed-width font


class Card:
    """A verdict that displays itself; kept: what became of the answer, as a sentence."""

    def __init__(self, verdict: Verdict, points: int, kept: str = "") -> None:
        self.verdict = verdict
        self.kept = kept
        self.points = points

    @property
    def title(self) -> str:
        """The heading, such as `✓ Right · linear.relu · 1 of 1 point`."""
        v = self.verdict
        earned = (
            f"{v.score * self.points:g} of {self.points} point{'s' if self.points != 1 else ''}"
        )
        if v.status == "course error":
            earned = "no points lost"
        return f"{SIGNS.get(v.status, '✗')} {TITLES[v.status]} · {v.id} · {earned}"

    def rows(self) -> list[tuple[str, str]]:
        """Labels and texts in reading order: what to think about, where, with what, expected, got,
        printed.
        """
        v = self.verdict
        name = v.mistake if v.mistake and v.status != "not attempted" else ""
        rows = [
            ("Checked" if v.checked and v.status == "right" else "", _sentence(v.checked)),
            ("", v.advice),
            ("", v.claim if v.claim != v.advice else ""),
            ("Mistake", name or ""),
            ("Where", f"{v.place}, for {v.case}" if v.place and v.case else v.place or v.case),
            ("Inputs", self._inputs()),
            ("Expected", v.expected),
            ("Got", v.got),
            ("Replay", f'from course_utils import case; case("{v.id}")' if v.found else ""),
            ("Printed", v.printed.strip()),
            ("", v.note),
            ("", self.kept),
            (FAULT, v.fault.strip()),
        ]
        return [(label, text) for label, text in rows if text]

    def _inputs(self) -> str:
        """The inputs of the failing case by name; for a large one its dtype and shape."""
        inputs = self.verdict.found.case.inputs if self.verdict.found else {}
        return "\n".join(show_named(name, value) for name, value in inputs.items())

    def __repr__(self) -> str:
        rows = [(f"{label + ':':<10}" if label else "", text) for label, text in self.rows()]
        lines = [
            f"  {label}{text}".replace("\n", "\n" + " " * (2 + len(label))) for label, text in rows
        ]
        return "\n".join([self.title, *lines])

    def _repr_html_(self) -> str:
        colour = COLOURS.get(self.verdict.status, "#c62828")
        rows = "".join(
            f'<div style="font-weight:600">{label}</div><div>{_markup(label, text)}</div>'
            if label
            else f'<div style="grid-column:1/-1">{_markup(label, text)}</div>'
            for label, text in self.rows()
        )
        return (
            f'<div class="course-card" data-status="{self.verdict.status}" role="status" '
            f'style="border-left:5px solid {colour};padding:6px 12px;margin:4px '
            '0;max-width:60em"><div role="heading" aria-level="4" '
            f'style="font-weight:600">{html.escape(self.title)}</div><div style="display:grid;'
            f'grid-template-columns:max-content 1fr;gap:4px 12px;margin-top:4px">{rows}</div></div>'
        )


def _markup(label: str, text: str) -> str:
    """Text as HTML: values keep line breaks in a fixed-width font, `names` in backticks become
    code.
    """
    text = html.escape(text)
    if label in VALUES:
        if label == "Got":
            text = re.sub(
                rf"{MARK}[^\s,\]]+",
                r'<mark style="background:#ffe08a;color:#000">\g<0></mark>',
                text,
            )
        return f'<code style="white-space:pre-wrap">{text}</code>'
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", text).replace("\n", "<br>")


def _sentence(names: tuple[str, ...]) -> str:
    shown = list(names[:8])
    return ", ".join(shown) + (f" and {len(names) - 8} more" if len(names) > 8 else "")

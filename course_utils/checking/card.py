"""The card that shows a verdict: HTML in a notebook, text in a terminal."""

import html
import re

from course_utils.checking.judge import Verdict

COLOURS = {"right": "#2e7d32", "partial": "#b26a00", "not attempted": "#757575"}
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


class Card:
    """A verdict that displays itself."""

    def __init__(self, verdict: Verdict, points: int) -> None:
        self.verdict = verdict
        self.points = points

    @property
    def title(self) -> str:
        """The heading, such as `linear.relu: right, 1 of 1 point`."""
        if self.verdict.status == "course error":
            return f"{TITLES[self.verdict.status]} · {self.verdict.id} · no points lost"
        earned = f"{self.verdict.score * self.points:g} of {self.points} point{'s' if self.points != 1 else ''}"
        return f"{TITLES[self.verdict.status]} · {self.verdict.id} · {earned}"

    def rows(self) -> list[tuple[str, str]]:
        """Labels and texts in the order of reading: what to think about, where, expected, got, printed."""
        v = self.verdict
        name = v.mistake if v.mistake and v.status != "not attempted" else ""
        rows = [
            ("Checked" if v.checked and v.status == "right" else "", _sentence(v.checked)),
            ("", v.advice),
            ("Mistake", name or ""),
            ("Where", f"{v.where}, for {v.case}" if v.where and v.case else v.where or ""),
            ("Expected", v.expected),
            ("Got", v.got),
            ("Printed", v.printed.strip()),
            ("", v.note),
            ("Send this to whoever runs the course", v.fault.strip()),
        ]
        return [(label, text) for label, text in rows if text]

    def __repr__(self) -> str:
        lines = [f"{label + ': ' if label else ''}{text}" for label, text in self.rows()]
        return "\n".join([self.title, *("  " + line.replace("\n", "\n    ") for line in lines)])

    def _repr_html_(self) -> str:
        colour = COLOURS.get(self.verdict.status, "#c62828")
        body = "".join(
            f'<div style="margin-top:4px">{f"<b>{label}</b>&nbsp; " if label else ""}{_markup(label, text)}</div>'
            for label, text in self.rows()
        )
        return (
            f'<div class="course-card" data-status="{self.verdict.status}" style="border-left:5px solid {colour};'
            f'padding:6px 12px;margin:4px 0;max-width:52em"><div style="font-weight:600">'
            f"{html.escape(self.title)}</div>{body}</div>"
        )


def _markup(label: str, text: str) -> str:
    """Text as HTML: values keep their line breaks in a fixed-width font, `names` in backticks become code."""
    text = html.escape(text)
    if label in ("Expected", "Got", "Printed", "Send this to whoever runs the course"):
        return f'<code style="white-space:pre-wrap">{text}</code>'
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", text).replace("\n", "<br>")


def _sentence(names: tuple[str, ...]) -> str:
    shown = list(names[:8])
    return ", ".join(shown) + (f" and {len(names) - 8} more" if len(names) > 8 else "")

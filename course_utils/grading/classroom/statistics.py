"""What a lesson's results say about the lesson: who got what right, which mistakes were made, what
it took.
"""

import base64
import html
import io
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from course_utils.building.lesson import Lesson
from course_utils.checking.errors import CourseError
from course_utils.checking.naming import TOGETHER
from course_utils.grading.outside.course import Course
from course_utils.grading.outside.gate import plain, printable
from course_utils.grading.outside.result import Result

COLOURS = {  # of a check's verdicts, in the order of the bars
    "right": "#2e7d32",
    "partial": "#b26a00",
    "wrong": "#c62828",
    "error": "#8e24aa",
    "shortcut": "#1565c0",
    "timeout": "#6d4c41",
    "out of memory": "#00838f",
    "crashed": "#263238",
    "not attempted": "#9e9e9e",
    "not run": "#cfd8dc",
}
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


@dataclass
class Check:
    """One check over all submissions."""

    max_points: float
    points: float = 0.0
    statuses: Counter[str] = field(default_factory=Counter)
    mistakes: Counter[str] = field(default_factory=Counter)


@dataclass
class Statistics:
    """A lesson's results; scores and seconds by student, checks by exercise id."""

    lesson: str
    scores: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    checks: dict[str, Check] = field(default_factory=dict)
    repairs: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)


def collect(course: Course, lesson: Lesson) -> Statistics:
    """The statistics of the latest results; raises CourseError where a submission has none yet."""
    found = Statistics(lesson.name)
    for student in course.students(lesson):
        try:
            path = course.path("autograded", student, lesson.name) / f"{lesson.name}.ipynb"
            key = json.loads(path.read_bytes())["metadata"]["course"]["result"]
            if not key:
                found.statuses["course error"] += 1
                continue
            result = Result.from_json(course.result(lesson, key).read_bytes())
        except (OSError, ValueError, KeyError, TypeError):
            said = f"has no result for {lesson.name} yet: run `course grade {lesson.name}` first."
            raise CourseError(f"{printable(student)} {said}") from None
        found.statuses[result.status] += 1
        found.scores[student] = sum(row.points or 0.0 for row in result.checks)
        found.seconds[student] = result.seconds
        found.repairs.update(result.repairs)
        for row in result.checks:
            if not row.manual:
                check = found.checks.setdefault(row.id, Check(row.max_points))
                check.points += row.points or 0.0
                check.statuses[row.status] += 1
                check.mistakes.update(row.mistake.split(TOGETHER) if row.mistake else [])
    if not found.scores:
        raise CourseError(f"Nobody has handed in {lesson.name}.")
    return found


def show(found: Statistics) -> None:
    """Print the statistics as tables."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    number = len(found.scores)
    table = Table(
        "check", "right", "points", "other verdicts", "most frequent mistakes", title=found.lesson
    )
    for id, check in found.checks.items():
        others = ", ".join(
            f"{count} {name}" for name, count in check.statuses.most_common() if name != "right"
        )
        mistakes = ", ".join(f"{count} {name}" for name, count in check.mistakes.most_common(4))
        right = f"{check.statuses['right']} of {number}"
        points = f"{check.points / number:.2f} of {check.max_points:g}"
        table.add_row(id, right, points, others, escape(mistakes))
    console = Console()
    console.print(table)
    mean, seconds = sum(found.scores.values()) / number, sorted(found.seconds.values())
    print(
        f"{number} submissions: "
        f"{', '.join(f'{count} {name}' for name, count in found.statuses.most_common())}."
    )
    print(
        f"Mean score {mean:.2f}; seconds a submission: median {seconds[number // 2]:.2f}, longest "
        f"{seconds[-1]:.2f}."
    )
    for line, count in found.repairs.most_common(10):
        console.print(
            escape(f"{count} × repaired: {printable(line)}"), highlight=False, soft_wrap=True
        )


def page(found: Statistics) -> str:
    """The statistics as one HTML page that needs no other file."""
    number = len(found.scores)
    statuses = ", ".join(f"{count} {name}" for name, count in found.statuses.most_common())
    rows = "".join(
        f"<tr><td>{html.escape(id)}</td><td>{check.statuses['right']} of {number}</td>"
        f"<td>{check.points / number:.2f} of {check.max_points:g}</td>"
        f"<td>{_listed(check.mistakes)}</td></tr>"
        for id, check in found.checks.items()
    )
    repairs = "".join(
        f"<li>{count} × {html.escape(plain(line))}</li>"
        for line, count in found.repairs.most_common(20)
    )
    pictures = "".join(
        f'<figure><img src="data:image/png;base64,{picture}" alt="{html.escape(alt)}"></figure>'
        for picture, alt in _pictures(found)
    )
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{found.lesson}</title>
<style>body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #222 }}
table {{ border-collapse: collapse }} th, td {{ text-align: left; padding: 4px 12px; border-bottom: 1px solid #ddd;
vertical-align: top }} img {{ max-width: 100% }} figure {{ margin: 1.5em 0 }}</style></head><body>
<h1>{found.lesson}</h1>
<p>{number} submissions: {statuses}.</p>
{pictures}
<h2>Checks</h2>
<table><thead><tr><th>check</th><th>right</th><th>mean points</th><th>named mistakes</th></tr></thead>
<tbody>{rows}</tbody></table>
<h2>Repairs</h2>
<ul>{repairs or "<li>none</li>"}</ul>
</body></html>
"""


def _listed(mistakes: Counter[str]) -> str:
    return (
        "<br>".join(f"{count} × {html.escape(name)}" for name, count in mistakes.most_common())
        or "none"
    )


def _pictures(found: Statistics) -> list[tuple[str, str]]:
    """Verdicts by check, scores, and times, each as a PNG in base64 with a text that says the same."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    made = []
    names = list(found.checks)
    figure = Figure(figsize=(9, 0.5 * len(names) + 1.4), layout="constrained")
    axis = figure.subplots()
    left = [0] * len(names)
    for status in sorted(
        {name for check in found.checks.values() for name in check.statuses},
        key=list(COLOURS).index,
    ):
        counts = [check.statuses[status] for check in found.checks.values()]
        axis.barh(names, counts, left=left, color=COLOURS[status], label=status)
        left = [a + b for a, b in zip(left, counts, strict=True)]
    axis.invert_yaxis()
    axis.set_xlabel("submissions")
    axis.legend(ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
    right = ", ".join(f"{name}: {check.statuses['right']}" for name, check in found.checks.items())
    made.append((figure, f"Verdicts by check. Right answers: {right}."))
    for values, label in (
        (list(found.scores.values()), "score"),
        (list(found.seconds.values()), "seconds"),
    ):
        figure = Figure(figsize=(9, 2.6), layout="constrained")
        axis = figure.subplots()
        axis.hist(values, bins=20, color="#1565c0")
        axis.set_xlabel(label)
        axis.set_ylabel("submissions")
        axis.yaxis.set_major_locator(MaxNLocator(integer=True))
        made.append(
            (figure, f"Submissions by {label}, from {min(values):.2f} to {max(values):.2f}.")
        )
    return [(_png(figure), alt) for figure, alt in made]


def _png(figure: Any) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return base64.b64encode(buffer.getvalue()).decode()

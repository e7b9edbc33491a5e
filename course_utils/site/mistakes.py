"""The book of mistakes: every mistake that a check can name, by lesson, from the catalogue."""

import html
import re
from collections.abc import Iterable, Sequence

from course_utils.building.lesson import Lesson
from course_utils.checking.card import Card
from course_utils.checking.exercise import Exercise, Mistake, Training, exercises
from course_utils.checking.exercise import lessons as lessons_with_exercises
from course_utils.site.chapters import title
from course_utils.site.runs import verdict

SHOWN = ("Where", "Inputs", "Expected", "Got")  # rows of a card that tell what a run does
BY_A_WHOLE = "A check recognises it by the numbers of a whole training run."
BY_A_SIGN = "A check recognises it by what several runs have in common, not by one value."


def pages(lessons: Iterable[Lesson]) -> dict[str, str]:
    """The book's pages in markdown, by name; `index` has the numbers and says how to read it."""
    made = {lesson.name: _page(lesson, exercises(lesson.short)) for lesson in with_any(lessons)}
    known = sum(text.count("```{rubric}") for text in made.values())
    return {"index": INTRODUCTION.format(known=f"{known:,}"), **made}


def with_any(lessons: Iterable[Lesson]) -> list[Lesson]:
    """The lessons that have exercises, and so mistakes."""
    known = lessons_with_exercises()
    return [lesson for lesson in lessons if lesson.short in known]


INTRODUCTION = """\
# The book of mistakes

A check does more than say that an answer is wrong: if it knows the mistake, it names it. It
knows {known}. Here they all are, by lesson and exercise: what the mistake does to a run, and how
to think about it. There are no answers here.

Read it after a lesson, or when a run of your own misbehaves and you look for the cause: the
search field finds words such as `nan`, `momentum` or `broadcast`.

Under each name is what a run shows first: the value that differs from that of a right answer,
for which inputs, and both values; `≠` marks the entries that differ. The inputs are the ones that
a check in the notebook draws.
"""


def _page(lesson: Lesson, asked: Sequence[Exercise]) -> str:
    heading = f"# Mistakes in {title(lesson)}"
    chapter = f"They belong to [the lesson's exercises](../lessons/{lesson.name}.ipynb)."
    return "\n\n".join([heading, chapter, *(_section(exercise) for exercise in asked)]) + "\n"


def _section(exercise: Exercise) -> str:
    """An exercise with its mistakes; those of one name come together."""
    named: dict[str, list[Mistake]] = {}
    for mistake in exercise.mistakes:
        named.setdefault(mistake.name, []).append(mistake)
    entries = (_entry(exercise, name, alike) for name, alike in named.items())
    return "\n\n".join([f"## `{exercise.name}`", _prose(f"You write {exercise.writes}."), *entries])


def _entry(exercise: Exercise, name: str, alike: Sequence[Mistake]) -> str:
    """A mistake: what to think, and what its first variant does to a run.

    Its heading is not a section, or each page's table of contents would list 1,400 of them.
    """
    hints = "\n\n".join(dict.fromkeys(_prose(mistake.hint) for mistake in alike))
    anchor = re.sub(r"\W+", "-", f"{exercise.id} {name}".lower()).strip("-")
    heading = f"```{{rubric}} {_prose(name)}\n:name: {anchor}\n:heading-level: 3\n```"
    return f"{heading}\n\n{hints}\n\n{_run(exercise, alike)}"


def _run(exercise: Exercise, alike: Sequence[Mistake]) -> str:
    if isinstance(exercise, Training):
        return f"*{BY_A_WHOLE}*"
    seen = next(filter(None, (verdict(exercise, mistake) for mistake in alike)), None)
    if seen is None:
        return f"*{BY_A_SIGN}*"
    rows = [("Claim", seen.claim)] if seen.claim else []
    rows += [row for row in Card(seen, 0).rows() if row[0] in SHOWN]
    inside = "".join(f"<dt>{label}</dt><dd>{_value(label, text)}</dd>" for label, text in rows)
    return f'<dl class="course-run">{inside}</dl>'


def _value(label: str, text: str) -> str:
    """The text of a row on one line of HTML, which markdown leaves alone."""
    inside = html.escape(text).replace("\n", "&#10;")
    return f"<code>{inside}</code>" if label in SHOWN[1:] else inside


def _prose(text: str) -> str:
    """A text in which only backticks mean something, as markdown."""
    parts = re.split(r"(`[^`]+`)", " ".join(text.split()))
    return "".join(
        part if part.startswith("`") else re.sub(r"([\\*_<>\[\]#|$~])", r"\\\1", part)
        for part in parts
    )

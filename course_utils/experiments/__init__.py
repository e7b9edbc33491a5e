"""The experiments of the lessons: each picture in words, and what is guessed before one is run.

Both are in a file for each lesson, such as `sgd.toml`, and not in the cell that a student is
about to run, which would give the result away.
"""

import difflib
import html
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from course_utils.errors import CourseError


@dataclass(frozen=True)
class Experiment:
    """A picture in words (alt), a question with options and the letter of what is shown, or both.

    Braces in `alt` are filled with what the cell has computed.
    """

    alt: str = ""
    ask: str = ""
    options: tuple[str, ...] = ()
    shown: str = ""

    @property
    def letters(self) -> dict[str, str]:
        """The options by their letters, from a."""
        return dict(zip("abcdefgh", self.options, strict=False))


class Note:
    """A few words that display themselves; those in `folded` only when they are opened."""

    def __init__(self, text: str, folded: str = "") -> None:
        self.text, self.folded = text, folded

    def __repr__(self) -> str:
        return " ".join(filter(None, [self.text, self.folded]))

    def _repr_html_(self) -> str:
        inside = _code(self.text)
        if self.folded:
            inside = f"<details><summary>{inside}</summary>{_code(self.folded)}</details>"
        style = "border-left:4px solid #0072b2;padding:4px 12px;margin:4px 0;max-width:60em"
        return f'<div class="course-guess" style="{style}">{inside}</div>'


_guessed: dict[str, str] = {}  # the letters, by key, in this kernel


def lesson(name: str) -> dict[str, Experiment]:
    """The experiments of a lesson by their names; name: the lesson without its number."""
    file = files(__package__) / f"{name}.toml"
    return _read(file.read_text(encoding="utf-8")) if file.is_file() else {}


@cache
def _read(text: str) -> dict[str, Experiment]:
    entries = tomllib.loads(text).items()
    return {
        name: Experiment(**{**entry, "options": tuple(entry.get("options", ()))})
        for name, entry in entries
    }


def find(key: str) -> Experiment:
    """The experiment of a key such as "sgd.valley"; raises CourseError that names the near ones."""
    home, _, name = key.partition(".")
    known = lesson(home)
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=3) or [*known]
    raise CourseError(
        f"There is no experiment {key!r}: add it to course_utils/experiments/{home}.toml"
        + (
            f", or did you mean {' or '.join(f'{home}.{other}' for other in near)}?"
            if near
            else "."
        )
    )


def question(key: str) -> str:
    """The question of an experiment and its options, as markdown."""
    experiment = find(key)
    options = [f"- **{letter}** · {text}" for letter, text in experiment.letters.items()]
    return "\n".join([f"**Guess first.** {experiment.ask}", "", *options])


def guess(key: str, letter: str) -> Note:
    """Keep a guess, so that it is shown beside what the experiment shows; nobody grades it."""
    options = find(key).letters
    said = str(letter).strip().lower()
    _guessed.pop(key, None)
    if said in options:
        _guessed[key] = said
        return Note(f"Your guess is {said}: {options[said]}. Now run the next cell.")
    offered = f"{', '.join([*options][:-1])} or {[*options][-1]}"
    if said:
        return Note(f"There is no {said}: write {offered} between the quotes.")
    return Note(
        f"No guess yet: write {offered} between the quotes and run this cell again. "
        "A wrong guess costs nothing; you will remember the result better."
    )


def outcome(key: str) -> Note:
    """What the experiment shows, beside what was guessed."""
    experiment = find(key)
    options, said = experiment.letters, _guessed.get(key)
    shown = f"{experiment.shown}: {options[experiment.shown]}."
    if said is None:
        return Note("You made no guess. What the run shows:", shown)
    if said == experiment.shown:
        return Note(f"As you guessed, {shown}")
    return Note(f"You guessed {said}: {options[said]}. The run shows {shown}")


def _code(text: str) -> str:
    """Text as HTML; what stands in backticks becomes code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))

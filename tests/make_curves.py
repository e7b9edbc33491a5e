"""Writes the curves that students reproduce: `python -m tests.make_curves`."""

import textwrap
from pathlib import Path

import course_utils.exercises._curves as module
from course_utils.checking import Reproduce, exercises, lessons

HEAD = (
    '"""The losses that students see and reproduce, made by `python -m tests.make_curves`."""\n'
    "# fmt: off\n"
)


def curves(exercise):
    """The losses with each suspect, to six digits."""
    runs = [exercise.train(bug, exercise.start, exercise.steps) for _, bug in exercise.suspects]
    return [[float(f"{loss:.6g}") for loss in losses] for losses in runs]


def text():
    """The module of the curves, by the last part of the exercises' names."""
    found = [item for lesson in lessons() for item in exercises(lesson)]
    made = {item.name: curves(item) for item in found if isinstance(item, Reproduce)}
    parts = [f"\n{name.upper()} = [\n{_rows(runs)}]\n" for name, runs in made.items()]
    return HEAD + "".join(parts)


def _rows(runs):
    """One list for each curve, on lines that are not too long."""
    return "".join(
        textwrap.fill(f"{losses},", 100, initial_indent="    ", subsequent_indent="     ") + "\n"
        for losses in runs
    )


if __name__ == "__main__":
    Path(module.__file__).write_text(text(), encoding="utf-8")

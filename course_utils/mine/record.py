"""What became of every check, in `mine/progress.json`, which is written whole or not at all."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from course_utils import files
from course_utils.checking.judge import Verdict
from course_utils.mine import place

VERSION = 1
FILE = "progress.json"
NOT_COUNTED = ("not attempted", "not run", "course error")


@dataclass
class Entry:
    """One exercise: the best score of its checks, whether it is borrowed, and the mistake of the
    last check, also where an earlier one was right.
    """

    score: float = 0.0
    tries: int = 0
    borrowed: bool = False
    mistake: str = ""
    when: str = ""

    @property
    def state(self) -> str:
        """One of right, partial, borrowed, tried, open."""
        if self.score == 1.0:
            return "right"
        if self.borrowed:
            return "borrowed"
        return "partial" if self.score else "tried" if self.tries else "open"


def entries(folder: Path) -> tuple[dict[str, Entry], str]:
    """What is recorded, by exercise id, and a sentence where a file had to be put aside."""
    file = folder / FILE
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}, ""
    except (OSError, ValueError):
        text = ""
    try:
        return _parsed(text), ""
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}, _put_aside(file)


def _parsed(text: str) -> dict[str, Entry]:
    """The entries of a file; raises one of the errors above where it is not one of ours."""
    content = json.loads(text)
    if content["version"] != VERSION:
        raise ValueError(content["version"])
    by_id = {id: Entry(**row) for id, row in content["exercises"].items()}
    for entry in by_id.values():
        for name, default in asdict(Entry()).items():
            value = getattr(entry, name)
            if type(value) is not type(default) and (type(value), name) != (int, "score"):
                raise TypeError(f"{name} is {value!r}")
        if not 0 <= entry.score <= 1:
            raise ValueError(entry.score)
    return by_id


def _put_aside(file: Path) -> str:
    """Rename a file that cannot be read; a sentence that says so."""
    stamp = f"{datetime.now():%Y-%m-%d-%H%M%S}"
    aside = file.with_name(f"progress-{stamp}.json")
    number = 1
    while aside.exists():
        number += 1
        aside = file.with_name(f"progress-{stamp}-{number}.json")
    try:
        file.rename(aside)
    except FileNotFoundError:
        return ""
    return (
        f"mine/{FILE} could not be read, so it was put aside as mine/{aside.name} and a new one "
        "begun; run your checks again to fill it."
    )


def change(folder: Path, id: str, how: Callable[[Entry], None]) -> str:
    """Change the entry of an exercise; a sentence where an old file had to be put aside."""
    with place.locked(folder):
        by_id, note = entries(folder)
        entry = by_id.setdefault(id, Entry())
        how(entry)
        entry.when = f"{datetime.now():%Y-%m-%d %H:%M}"
        rows = {id: asdict(by_id[id]) for id in sorted(by_id)}
        content = {"version": VERSION, "exercises": rows}
        files.write(
            folder / FILE, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
        )
    return note


def checked(folder: Path, verdict: Verdict) -> str:
    """Record a verdict; a sentence where an old file had to be put aside."""

    def note(entry: Entry) -> None:
        if entry.borrowed and verdict.status == "shortcut":
            return  # it is the borrowed answer that was checked
        # A stub, or the course's own failure, is not a try.
        if verdict.status not in NOT_COUNTED:
            entry.tries += 1
            entry.mistake = str(verdict.mistake or "")
        entry.score = max(entry.score, round(verdict.score, 4))
        if entry.score == 1.0:
            entry.borrowed = False

    return change(folder, verdict.id, note)


def rows(entries: dict[str, Entry], lessons: list[str]) -> list[dict[str, Any]]:
    """Every exercise of these lessons with its state and points, in order."""
    from course_utils.checking.exercise import exercises

    return [
        {
            "lesson": lesson,
            "exercise": exercise.id,
            "state": (entry := entries.get(exercise.id, Entry())).state,
            "points": entry.score * exercise.points,
            "of": exercise.points,
            "part": "extra" if exercise.extra else "core",
            "last mistake": entry.mistake,
        }
        for lesson in lessons
        for exercise in exercises(lesson)
    ]

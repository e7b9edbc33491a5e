"""Makes the file in which the marks of a lesson's known mistakes are kept."""

import json
from pathlib import Path

from course_utils.building.lesson import ROOT as REPOSITORY
from course_utils.building.lesson import Lesson
from course_utils.checking.exercise import Exercise, Training, exercises
from course_utils.checking.judge import PUBLIC_SEED, expected_evidence
from course_utils.checking.marks import ROOM, key, marks
from course_utils.checking.naming import wrong_answer
from course_utils.checking.running import collect
from course_utils.checking.world import fixed_world


def path(lesson: str) -> Path:
    """Where they are kept; lesson: its name without the number."""
    return ROOM / f"{lesson}.json"


def belong_to(lesson: Lesson) -> bool:
    """Whether its mistakes are the package's own, which has their marks in a file."""
    return lesson.root == REPOSITORY and bool(exercises(lesson.short))


def kept(lesson: str) -> bytes:
    """The file's content; nothing where there is none yet."""
    return path(lesson).read_bytes() if path(lesson).is_file() else b""


def made(lesson: str) -> bytes:
    """What the file should hold; every mistake is made once, under the public seed."""
    kept = {
        exercise.name: _marks(exercise)
        for exercise in exercises(lesson)
        if not isinstance(exercise, Training)
    }
    return (json.dumps(kept, indent=1) + "\n").encode()


def _marks(exercise: Exercise) -> dict[str, str]:
    """The marks of an exercise's mistakes that can be made; of several by one name, each once."""
    of_names: dict[str, list[str]] = {}
    with fixed_world():
        cases = exercise.draw(PUBLIC_SEED)
        expected = expected_evidence(exercise, cases, PUBLIC_SEED)
        for mistake in exercise.mistakes:
            if mistake.change is not None:
                wrong = wrong_answer(exercise, mistake)
                got = collect(exercise, wrong, cases, guarded=False, seed=PUBLIC_SEED)
                of_names.setdefault(key(mistake), []).append(marks(cases, expected, got))
    return {name: " ".join(dict.fromkeys(found)) for name, found in of_names.items()}

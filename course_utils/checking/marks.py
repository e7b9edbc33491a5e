"""Marks: in which cases an answer goes wrong and at what, as a short text that is quickly compared.

Those of every known mistake are kept in a file beside its exercises, which `course build` writes.
They say which mistakes to try first, and nothing else: where they are out of date, a check takes
longer, and a mistake that shows by a sign may be named before another that explains as much.
"""

import functools
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from course_utils.checking.compare import first_difference
from course_utils.checking.evidence import Evidence, Raised
from course_utils.checking.exercise import Case, Exercise, Mistake

ROOM = Path(__file__).resolve().parents[1] / "exercises"


def marks(cases: Sequence[Case], expected: Sequence[Evidence], got: Sequence[Evidence]) -> str:
    """A hexadecimal digit for each case: 0 where nothing differs, else one for what differs first.

    Two things may have the same digit.
    """
    return "".join(map(_mark, cases, expected, got))


def _mark(case: Case, expected: Evidence, got: Evidence) -> str:
    found = first_difference([case], [expected], [got])
    if found is None:
        return "0"
    raised = found.got.type if isinstance(found.got, Raised) else ""
    return f"{1 + zlib.crc32(f'{found.name} {found.kind} {raised}'.encode()) % 15:x}"


def likely_first(
    exercise: Exercise,
    mistakes: Iterable[Mistake],
    cases: Sequence[Case],
    expected: Sequence[Evidence],
    got: Sequence[Evidence],
) -> tuple[list[Mistake], list[Mistake]]:
    """The mistakes, those first whose marks are most like the ones of what came; those whose marks
    are otherwise in more than half of the cases in which anything differs stand apart.
    """
    kept, mine = known(exercise.lesson).get(exercise.name, {}), marks(cases, expected, got)
    alike = {
        mistake: max((_alike(one, mine) for one in kept.get(key(mistake), "").split()), default=0.5)
        for mistake in mistakes
    }
    order = sorted(alike, key=lambda mistake: -alike[mistake])
    likely = sum(share >= 0.5 for share in alike.values())
    return order[:likely], order[likely:]


def _alike(one: str, other: str) -> float:
    """The share of cases with the same mark, of those in which anything differs."""
    pairs = [pair for pair in zip(one, other, strict=False) if pair != ("0", "0")]
    return sum(a == b for a, b in pairs) / len(pairs) if pairs else 1.0


def key(mistake: Mistake) -> str:
    """What stands for a mistake in the file: no name, since a student may read the file first."""
    return f"{zlib.crc32(mistake.name.encode()):08x}"


@functools.cache
def known(lesson: str) -> Mapping[str, Mapping[str, str]]:
    """The marks by exercise and mistake that are kept of a lesson, named without its number."""
    try:
        return json.loads((ROOM / f"{lesson}.json").read_bytes())
    except FileNotFoundError:
        return {}

"""Tells wrong answers that use another answer which is not right from mistakes of their own."""

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from course_utils.checking.exercise import exercises
from course_utils.grading.outside.rebuild import Rebuilt
from course_utils.grading.outside.result import Row
from course_utils.grading.outside.unnamed import USES, has_no_name
from course_utils.variables import names, without_magics

# What an answer that calls another one may have from it; a shortcut gives what is expected.
NOT_RIGHT = {"wrong", "error", "timeout", "out of memory", "crashed", "not attempted"}
# By each name that a notebook defines: for every statement that does, the names that it takes from
# elsewhere. All names of a statement share one set, for there may be thousands of both.
Uses = Mapping[str, list[set[str]]]


def with_causes(rows: Sequence[Row], rebuilt: Rebuilt) -> list[Row]:
    """The rows; a wrong answer that uses another answer that is not right says so."""
    faulty = {row.id.partition(".")[2] for row in rows if row.status in NOT_RIGHT}
    wrong = {row.id for row in rows if row.status in ("wrong", "error") and not row.manual}
    if not wrong or len(faulty) < 2:
        return [*rows]
    cells = zip(rebuilt.cells, rebuilt.origins, strict=True)
    kinds = ("answer", "student")
    uses = _uses(cell["source"] for cell, origin in cells if origin in kinds)
    return [_caused(row, uses, faulty) if row.id in wrong else row for row in rows]


def _caused(row: Row, uses: Uses, faulty: set[str]) -> Row:
    """The row of a wrong answer, with the answers that it uses and that are not right."""
    short, _, name = row.id.partition(".")
    causes = sorted(_reached(name, uses, faulty))
    exercise = next((item for item in exercises(short) if item.id == row.id), None)
    if not causes or exercise is None:
        return row
    which = f"{' and '.join(causes)}, which {'is' if len(causes) == 1 else 'are'} not right yet"
    said = f"It uses {which}, and that may be the whole cause."
    mistake = USES if has_no_name(exercise, row) else row.mistake
    return replace(row, message=f"{row.message} {said}".strip(), mistake=mistake)


def _uses(sources: Iterable[str]) -> Uses:
    """What the definitions in these cells use."""
    uses: dict[str, list[set[str]]] = {}
    for source in sources:
        try:
            for statement in ast.parse(without_magics(source)).body:
                loads, stores = names([statement])
                for name in stores:
                    uses.setdefault(name, []).append(loads)
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            continue  # words, or no Python: such an answer defines nothing
    return uses


def _reached(name: str, uses: Uses, faulty: set[str]) -> set[str]:
    """The faulty answers that a name uses, itself or through other names."""
    found, seen, wanted, looked_at = set[str](), {name}, [name], set[int]()
    while wanted:
        for loads in uses.get(wanted.pop(), []):
            if id(loads) not in looked_at:
                looked_at.add(id(loads))
                new = loads - seen
                seen |= new
                found |= new & faulty
                wanted += new - faulty
    return found

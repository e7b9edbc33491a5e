"""What a known mistake does: where its run first differs from a right one, as a verdict."""

from collections.abc import Iterator
from functools import cache

from course_utils.checking.compare import first_difference
from course_utils.checking.difference import Difference
from course_utils.checking.evidence import Evidence
from course_utils.checking.exercise import Case, Exercise, Mistake, Training, find
from course_utils.checking.judge import PUBLIC_SEED, Verdict, expected_evidence
from course_utils.checking.naming import wrong_answer
from course_utils.checking.running import run_case


@cache
def _right(id: str) -> tuple[list[Case], list[Evidence]]:
    """The cases of an exercise that a notebook draws, and what a right answer yields on them."""
    exercise = find(id)
    cases = exercise.draw(PUBLIC_SEED)
    return cases, expected_evidence(exercise, cases, PUBLIC_SEED)


def verdict(exercise: Exercise, mistake: Mistake) -> Verdict | None:
    """What a check says of an answer with this mistake alone; None where only its sign is known.

    The name is given, not searched for, so a whole catalogue takes seconds.
    """
    if isinstance(exercise, Training) or mistake.change is None:
        return None
    difference = next(_differences(exercise, mistake), None)
    if difference is None:
        return None
    expected, got = difference.show()
    return Verdict(
        exercise.id,
        "error" if difference.kind == "raised" else "wrong",
        advice=mistake.hint,
        mistake=mistake.name,
        where=difference.name,
        case=difference.case.label,
        expected=expected,
        got=got.partition("\nat line ")[0],  # the line would be one of an answer
        found=difference,
    )


def _differences(exercise: Exercise, mistake: Mistake) -> Iterator[Difference]:
    answer = wrong_answer(exercise, mistake)
    for case, right in zip(*_right(exercise.id), strict=True):
        wrong = run_case(exercise, answer, case, PUBLIC_SEED, Evidence())
        if difference := first_difference([case], [right], [wrong]):
            yield difference

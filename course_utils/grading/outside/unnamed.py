"""Keeps the evidence of wrong answers whose mistake has no name yet."""

from base64 import b64encode
from collections.abc import Sequence

from course_utils.checking.exercise import Exercise, Training
from course_utils.checking.naming import EITHER, TOGETHER
from course_utils.grading.outside.exchange import Came
from course_utils.grading.outside.result import Row
from course_utils.grading.outside.steps import Step

LARGEST = 256 << 10  # bytes of evidence of one answer that are kept
LARGEST_OF_ALL = 2 << 20  # and of all answers of a submission together
USES = "uses an answer that is not right"


def kept(rows: Sequence[Row], steps: Sequence[Step], came: Came) -> dict[str, str]:
    """The evidence by exercise, in base 64; none of answers that train a model."""
    by_id = {row.id: row for row in rows}
    evidence: dict[str, str] = {}
    room = LARGEST_OF_ALL
    for number, step in enumerate(steps):
        content = came.evidence.get(number)
        if step.exercise is None or content is None or len(content) > min(LARGEST, room):
            continue
        if has_no_name(step.exercise, by_id[step.exercise.id]):
            evidence[step.exercise.id] = b64encode(content).decode()
            room -= len(content)
    return evidence


def has_no_name(exercise: Exercise, row: Row) -> bool:
    """Whether an answer is wrong in a way that no mistake of the catalogue explains."""
    own = row.status in ("wrong", "error") and row.mistake != USES
    if not own or isinstance(exercise, Training):
        return False
    names = (row.mistake or "").replace(EITHER, TOGETHER).split(TOGETHER)
    return not {mistake.name for mistake in exercise.mistakes} & set(names)

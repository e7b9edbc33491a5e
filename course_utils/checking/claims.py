"""Claims: sentences about an answer that hold or do not, and how a card says that one does not."""

import re

from course_utils.checking.errors import CourseError

VERBS = {"is": ("be", "it is not"), "are": ("be", "they are not"), "has": ("have", "it has not")}
VERB = re.compile(rf"\b({'|'.join(VERBS)})\b")


def claim(sentence: str, holds: object) -> tuple[str, bool]:
    """Evidence for a probe to yield: whether a sentence about the answer holds, such as "the head
    has a bias".

    Its first verb is "is", "are" or "has", so that the card can say: "The head should have a bias,
    and it has not."
    """
    denied(sentence)
    return sentence, bool(holds)


def denied(sentence: str) -> str:
    """What should be so and is not: "x is new" becomes "X should be new, and it is not."."""
    verb = VERB.search(sentence)
    if verb is None:
        raise CourseError(f"the claim {sentence!r} needs one of the verbs {', '.join(VERBS)}")
    infinitive, ending = VERBS[verb[1]]
    should = f"{sentence[: verb.start()]}should {infinitive}{sentence[verb.end() :]}, and {ending}."
    return should[0].upper() + should[1:]

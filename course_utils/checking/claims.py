"""Claims: sentences about an answer that hold or not, and how a card words one that does not."""

import re

from course_utils.errors import CourseError

VERBS = {
    "is": ("be", "but it is not"),
    "are": ("be", "but they are not"),
    "has": ("have", "but it does not"),
}
VERB = re.compile(rf"\b({'|'.join(VERBS)})\b")


def claim(sentence: str, holds: object) -> tuple[str, bool]:
    """Evidence for a probe to yield: a sentence about the answer, such as "the head has a bias".

    Its first verb is "is", "are" or "has", so that the card can say: "The head should have a bias,
    but it does not."
    """
    denied(sentence)
    return sentence, bool(holds)


def denied(sentence: str) -> str:
    """The sentence that should hold and does not: "x is new" becomes "X should be new, but it is
    not."
    """
    verb = VERB.search(sentence)
    if verb is None:
        raise CourseError(f"the claim {sentence!r} needs one of the verbs {', '.join(VERBS)}")
    infinitive, ending = VERBS[verb[1]]
    should = f"{sentence[: verb.start()]}should {infinitive}{sentence[verb.end() :]}, {ending}."
    return should[0].upper() + should[1:]

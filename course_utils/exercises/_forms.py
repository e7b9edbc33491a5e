"""Mistakes that every exercise in finding mistakes has in common."""

import functools
from typing import Any

from course_utils.checking import Mistake
from course_utils.checking.forms import misses

Findings = list[dict[str, Any]]
HARDLY = 0.35  # so many wrong answers give themselves away on any input, in types or names


def missed(name: str, hint: str) -> Mistake:
    """That the wrong answer of this name is not exposed; the name says no more than that."""
    return Mistake(misses(name), None, hint, sign=functools.partial(_is_left, name))


def _objection(name: str, hint: str) -> Mistake:
    """What is handed in is refused under this name."""
    return Mistake(name, None, hint, sign=lambda findings: findings[0].get("mistake") == name)


def _is_left(name: str, findings: Findings) -> bool:
    return name in findings[0].get("left", ())


EXPOSING = (
    _objection(
        "not a list of cases and one result",
        "A case holds inputs, as data: no code, and nothing that a person could not check by hand.",
    ),
    _objection(
        "expected result not that of right code",
        "Work it out once more on paper, step by step, and only then look at what your own code "
        "gives. Where the two differ you have learned something, whichever is wrong.",
    ),
    Mistake(
        "hardly anything is exposed",
        None,
        "On these inputs most wrong answers give what right code gives. Zeros, ones and inputs "
        "that are all equal hide most mistakes: nothing is lost when something is multiplied by 1.",
        sign=lambda findings: findings[0].get("all", 1) < HARDLY,
    ),
)

REPAIRING = (
    _objection(
        "not a witness and a repaired function",
        "A witness holds inputs, as data; the repair is the function itself, not its result.",
    ),
    Mistake(
        "witness on which nothing differs",
        None,
        "Read the lines with your witness in hand and write down every value. Where would a right "
        "answer do something else? An input that never goes there cannot show the bug.",
        sign=lambda findings: findings[0].get("witness") is False,
    ),
    Mistake(
        "too many lines changed",
        None,
        "Code that is rewritten has bugs of its own, and nobody learns what was wrong with the "
        "old. Change only what your witness shows to be wrong.",
        sign=lambda findings: findings[0].get("changed", 0) > 2,
    ),
    Mistake(
        "nothing repaired",
        None,
        "The lines are still those with the bug. Follow your witness through them.",
        sign=lambda findings: findings[0].get("repaired") is False and findings[0]["changed"] == 0,
    ),
    Mistake(
        "repair that is not right yet",
        None,
        "What you changed does not fix it, or it breaks something else. Try your witness on the "
        "repaired lines by hand, and then an input on which the old lines were right.",
        sign=lambda findings: findings[0].get("repaired") is False and findings[0]["changed"] > 0,
    ),
)

REPRODUCING = (
    Mistake(
        "not a name, a guess and a function",
        None,
        "The name chooses the curve, the guess is one of the kinds that the lesson lists, and the "
        "function is passed without calling it.",
        sign=lambda findings: findings[0].get("objection", False),
    ),
    Mistake(
        "right code",
        None,
        "Your function makes no mistake: its losses are those of right code. Draw one curve over "
        "the other. Is the one shown slower, faster, or of another shape?",
        sign=lambda findings: findings[0].get("right", False),
    ),
    Mistake(
        "somebody else's curve",
        None,
        "That is one of the bugs, but not the one behind your curve. Which loss differs first, and "
        "what would the step before it have to do? (Or did you draw the curve with another name?)",
        sign=lambda findings: findings[0].get("other", False),
    ),
    Mistake(
        "only the curve that was shown",
        None,
        "Your function gives the losses that were shown, and other ones than the bug where the "
        "start, the number of steps or the rate is another. Is a number of the curve, or of the "
        "text, written into it?",
        sign=lambda findings: findings[0].get("only shown", False),
    ),
    Mistake(
        "another guess",
        None,
        "You wrote the bug. What would you call it now, in the words of the list?",
        sign=lambda findings: findings[0].get("guessed") is False,
    ),
    Mistake(
        "another bug",
        None,
        "What does the first loss that differs tell you? The very first depends on the start "
        "alone, every other one on the steps before it. So your steps are right up to the last "
        "loss that agrees, to four digits, and the next step is not: work that one out for your "
        "bug by hand.",
        sign=lambda findings: "agreeing" in findings[0],
    ),
)

TESTING = (
    Mistake(
        "no verdict",
        None,
        "A test says one of two things: True where it finds nothing wrong, and False, or an assert "
        "that fails, where it does.",
        sign=lambda findings: findings[0].get("objection", False),
    ),
    Mistake(
        "calls without end",
        None,
        "Nothing is learned from the hundredth call. Which few inputs would show each mistake?",
        sign=lambda findings: findings[0].get("endless", False),
    ),
    Mistake(
        "test that fails itself",
        None,
        "What your test does before and after the call has to work on right code: run it there "
        "first. Which arguments does the function take, of which shapes?",
        sign=lambda findings: findings[0].get("raises", False),
    ),
    Mistake(
        "changes what it tests",
        None,
        "A test looks and leaves alone. What it wants to remember belongs in a variable of its "
        "own.",
        sign=lambda findings: findings[0].get("changes", False),
    ),
    Mistake(
        "accepts everything",
        None,
        "Does your test compare anything? It has to know what right code gives for its inputs, and "
        "to say False where something else comes back.",
        sign=lambda findings: findings[0].get("accepts", False),
    ),
    Mistake(
        "rejects everything",
        None,
        "A test that is never satisfied is worth as little as one that always is. Try it on right "
        "code: which of its comparisons fails, and is the number that it expects right?",
        sign=lambda findings: findings[0].get("rejects", False),
    ),
    Mistake(
        "depends on the order of calls",
        None,
        "Your test remembers something from one run to the next, in a global variable or a default "
        "argument. Whether code is right does not depend on what was tested before it.",
        sign=lambda findings: findings[0].get("moody", False),
    ),
    Mistake(
        "rejects all right code",
        None,
        "No right function passes, so it is hardly rounding: your test asks for something "
        "that is not so. Work out one expected value by hand, with its shape, and look at the "
        "order of what comes back and at which way round the verdict is.",
        sign=lambda findings: findings[0].get("unjust", False),
    ),
    Mistake(
        "rejects right code",
        None,
        "There is more than one way to be right: the same sum in another order rounds differently. "
        "Compare with a tolerance, or take numbers that are exact.",
        sign=lambda findings: findings[0].get("strict", False),
    ),
)

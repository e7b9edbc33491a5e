"""Lets in evidence, which may be anything at all, and judges it."""

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from course_utils.checking import axes
from course_utils.checking.compare import input_named
from course_utils.checking.evidence import (
    DTYPES,
    LARGEST_INT,
    Evidence,
    Other,
    decode,
    from_tree,
)
from course_utils.checking.exercise import Case, Exercise
from course_utils.checking.judge import Verdict, judge_evidence
from course_utils.checking.world import SETTINGS
from course_utils.grading.outside.steps import derived, drawn, expected
from course_utils.grading.outside.words import theirs

LONGEST_TEXT = 2_000
LARGEST_EMPTY = 10_000  # sizes of an empty tensor, which costs nothing to send and much to print
MOST_KEPT = 1_000  # verdicts; each has a few texts of limited length
DEEPEST = 10  # lists and dicts in each other; plain evidence has six
LONGEST_JSON = 4 << 20  # of one exercise's evidence without tensors, or of what one test shows
# Of exceptions, functions such as <lambda>, and values of settings.
_NAME = re.compile(r"<?\w[\w.:]{0,99}>?")
_STATE = re.compile(rf"{_NAME.pattern}|started anew|{{('\w+': '\w+'(, )?){{1,4}}}}")
_OF_AN_INPUT = re.compile(r"(requires_grad|\.grad) of \w{1,50}(\[[\w']{1,50}\]){0,4}")
_OTHER = re.compile(r"\w{1,100}|torch\.\w{1,30} tensor on \w{1,30}(:\d+)?")
_SHORTCUT = re.compile(r"(the course's own |torch's own )?[\w.<>]{1,200}")

_kept: dict[tuple[str, int, bytes], Verdict] = {}


def is_name(text: str) -> bool:
    """Whether a text can be the name of an exception or a function, and no more than that."""
    return _NAME.fullmatch(text) is not None


def judged(exercise: Exercise, content: bytes, seed: int) -> Verdict:
    """The verdict on evidence that may be anything at all; the same bits are judged once."""
    key = exercise.id, seed, hashlib.sha256(content).digest()
    if (verdict := _kept.get(key)) is None:
        verdict = _judged(exercise, content, seed)
        # Right answers often give the same bits. What was found wrong with another holds its values
        # and is not kept, nor is a fault, which may have had to do with the load of the machine.
        if verdict.found is None and not verdict.fault:
            if len(_kept) == MOST_KEPT:
                _kept.clear()
            _kept[key] = verdict
    return verdict


def _judged(exercise: Exercise, content: bytes, seed: int) -> Verdict:
    """The verdict on evidence that was not there before."""
    cases, wanted = drawn(exercise.id, seed), expected(exercise.id, seed)
    try:
        evidence = received(content, cases)
        for item in evidence:
            item.values = {name: exercise.settled(name, x) for name, x in item.values.items()}
    except Exception as error:
        advice = f"What it sent cannot be judged ({type(error).__name__})."
        return Verdict(exercise.id, "crashed", advice=advice)
    verdict = judge_evidence(exercise, cases, evidence, derived(seed, "run"), wanted)
    ours = {name for item in wanted for name in item.values} | {getattr(exercise, "metric", "")}
    return quoted(verdict, ours)


def received(content: bytes, cases: Sequence[Case]) -> list[Evidence]:
    """The evidence in what was sent, which may be anything; raises where it is none."""
    trees = decode(content, LONGEST_JSON)
    return [
        admitted(from_tree(tree), case)
        for tree, case in zip(trees, cases[: len(trees)], strict=True)
    ]


def admitted(evidence: Evidence, case: Case) -> Evidence:
    """Evidence of a case with texts cut to size; raises where it is made to do harm, or to speak
    for the grader.
    """
    evidence.printed = evidence.printed[:LONGEST_TEXT]
    refuse_harmful([evidence.values, evidence.inputs, evidence.state])
    for name in evidence.inputs:
        input_named(case, name)
    raised, shortcut = evidence.raised, evidence.shortcut
    if not all(map(_STATE.fullmatch, evidence.state.values())) or not all(
        _is_state(name) or name.endswith(axes.EARLIER) for name in evidence.state
    ):
        raise ValueError("a setting that torch does not have")
    if shortcut is not None and not _SHORTCUT.fullmatch(shortcut):
        raise ValueError("a shortcut that does not exist")
    if raised is not None and not (
        _NAME.fullmatch(raised.type) and _NAME.fullmatch(raised.function or "f")
    ):
        raise ValueError("an exception without a name")
    if raised is not None and raised.type == "NotAnAnswer":
        evidence.raised = replace(
            raised, message=f"This is not an answer. Its own process says: {theirs(raised.message)}"
        )
    return evidence


def _is_state(name: str) -> bool:
    """Whether a name in the state of evidence is one of those that a probe gives."""
    return name in SETTINGS or name in axes.generators() or bool(_OF_AN_INPUT.fullmatch(name))


def quoted(verdict: Verdict, ours: set[str]) -> Verdict:
    """A verdict in which the name of evidence that nobody asked for is quoted as the submission's
    words.
    """
    name, difference = verdict.where, verdict.found
    if (
        not name
        or difference is None
        or difference.is_asked_for
        or name.removesuffix(axes.EARLIER) in ours
    ):
        return verdict
    return replace(verdict, where=theirs(name), advice=verdict.advice.replace(name, theirs(name)))


def refuse_harmful(value: Any) -> None:
    """Raise ValueError for plain values that are made to cost the judge time or memory."""
    stack = [(value, 0)]
    while stack:
        item, depth = stack.pop()
        if depth > DEEPEST:
            raise ValueError("lists nested too deeply")
        if (fault := _harm(item)) is not None:
            raise ValueError(fault)
        if isinstance(item, dict):
            stack += ((inner, depth + 1) for pair in item.items() for inner in pair)
        elif isinstance(item, list):
            stack += ((inner, depth + 1) for inner in item)


def _harm(item: Any) -> str | None:
    """What is wrong with one value, lists and dicts aside."""
    if isinstance(item, int) and abs(item) >= LARGEST_INT:
        return "a number that no calculation gives"
    if isinstance(item, Tensor) and item.dtype not in DTYPES:
        return "a tensor of a dtype that is not evidence"
    if isinstance(item, Tensor) and not item.numel() and _made_from(item) > LARGEST_EMPTY:
        return "an empty tensor of absurd size"
    if isinstance(item, str) and len(item) > LONGEST_TEXT:
        return "a text that is too long"
    if isinstance(item, Other) and not _OTHER.fullmatch(item.type):
        return "something that is not a type"
    return None


def _made_from(empty: Tensor) -> int:
    """How many entries a sum of an empty tensor can have."""
    return math.prod(size for size in empty.shape if size)

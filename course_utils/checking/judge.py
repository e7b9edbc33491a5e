"""The judge: compares an answer's evidence with the reference's and says what is wrong first."""

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from torch import Tensor

from course_utils.checking import diagnosis, naming, other_inputs
from course_utils.checking.axes import BEFORE
from course_utils.checking.compare import first_difference
from course_utils.checking.difference import Difference
from course_utils.checking.evidence import LONGEST_TEXT, Evidence
from course_utils.checking.exercise import Case, Exercise, Training, find, reference
from course_utils.checking.forms import Form
from course_utils.checking.running import TimeLimit, collect, raise_again
from course_utils.checking.tolerance import MovedRuns
from course_utils.checking.world import fixed_world
from course_utils.errors import CourseFault

Status = Literal[
    "right",
    "wrong",
    "partial",
    "error",
    "shortcut",
    "not attempted",
    "timeout",
    "out of memory",
    "crashed",
    "not run",
    "course error",
]
PUBLIC_SEED = 0


@dataclass(frozen=True)
class Verdict:
    """What the judge says of one answer.

    score is between 0 and 1. mistake is the recognised mistake's name, general or from the
    catalogue, else None; where names the first evidence that differs. advice says how to think
    about it and shows no input or value; expected and got describe the values that differ first,
    and found has them whole. note says which settings of the student's a check did without; fault
    is the traceback of a course error, which is nobody's mistake but the course's.
    """

    id: str
    status: Status
    score: float = 0.0
    advice: str = ""
    mistake: str | None = None
    where: str | None = None
    case: str = ""
    expected: str = ""
    got: str = ""
    printed: str = ""
    checked: tuple[str, ...] = ()
    note: str = ""
    fault: str = ""
    found: Difference | None = field(default=None, repr=False, compare=False)

    @property
    def claim(self) -> str:
        """The sentence that should hold and does not, where that is the first difference; else
        nothing.
        """
        return self.found.claim if self.found else ""

    @property
    def place(self) -> str:
        """The first evidence that differs, for people; empty for a claim, which would read as if it
        held.
        """
        claim = self.found and isinstance(self.found.want.values.get(self.found.name), bool)
        return "" if claim else self.where or ""

    @property
    def message(self) -> str:
        """The whole message as plain text: where first, what was expected, what came, how to think
        about it.
        """
        place = (
            f"First difference: {self.place}" + (f", for {self.case}" if self.case else "")
            if self.place
            else ""
        )
        rows = [
            f"Expected: {self.expected}" if self.expected else "",
            f"Got: {self.got}" if self.got else "",
        ]
        return "\n".join(
            part for part in dict.fromkeys((self.advice, self.claim or place, *rows)) if part
        )


def judge(id: str, answer: Any, seed: int | None = None) -> Verdict:
    """Judge an answer to the exercise `id` in this process, without display and without raising for
    a wrong answer.

    answer: the function or class itself. seed: draws the inputs; None is the public seed. Raises
    CourseError where there is no such exercise.
    """
    exercise = find(id)
    seed = PUBLIC_SEED if seed is None else seed
    with fixed_world() as other:
        try:
            cases = exercise.draw(seed)
            verdict = judge_evidence(
                exercise, cases, collect(exercise, answer, cases, seed=seed), seed
            )
        except (Exception, TimeLimit) as error:
            verdict = course_error(id, error)
    return replace(verdict, note=_note(other))


def course_error(id: str, error: BaseException) -> Verdict:
    """The verdict when the course itself failed: it says nothing about the answer."""
    said = f"The course failed here, not you ({type(error).__name__}: {error}). It costs no points."
    fault = "".join(traceback.format_exception(error))
    return Verdict(id, "course error", advice=said[:LONGEST_TEXT], fault=fault[-LONGEST_TEXT:])


def _note(other: Mapping[str, str]) -> str:
    """One line about settings that the check did not use."""
    if not other:
        return ""
    yours = ", ".join(f"{name} ({value.removeprefix('torch.')})" for name, value in other.items())
    return f"Checked with torch's own settings, as for grading, not with yours: {yours}."


def judge_evidence(
    exercise: Exercise,
    cases: Sequence[Case],
    evidence: Sequence[Evidence],
    seed: int,
    expected: Sequence[Evidence] | None = None,
) -> Verdict:
    """Judge evidence that was collected, here or in a sandbox, on these cases with this seed; it
    never raises.

    expected: what `expected_evidence` gave for the same cases and seed, where many answers are
    judged.
    """
    with fixed_world():
        try:
            return _judged(exercise, cases, evidence, seed, expected)
        except (Exception, TimeLimit) as error:
            return course_error(exercise.id, error)


def _judged(
    exercise: Exercise,
    cases: Sequence[Case],
    evidence: Sequence[Evidence],
    seed: int,
    expected: Sequence[Evidence] | None,
) -> Verdict:
    if not evidence:
        return Verdict(
            exercise.id, "not run", advice="There is no evidence: the check did not finish."
        )
    # What was passed in is not an answer, or nothing is written in it yet.
    printed = next((item.printed for item in evidence if item.printed), "")
    first = evidence[0]
    if first.raised and first.raised.type == "NotAnAnswer":
        return Verdict(exercise.id, "error", advice=first.raised.message, mistake="not an answer")
    if first.raised and first.raised.untouched and not first.values:
        return Verdict(
            exercise.id,
            "not attempted",
            advice="You have not written anything here yet.",
            printed=printed,
        )
    # What was handed in is data, and is weighed as a whole.
    if isinstance(exercise, Form) and not first.shortcut:
        ended = exercise.ended(cases, evidence)
        return (
            _differing(exercise, ended, None, printed)
            if ended
            else _weighed(exercise, cases, evidence, seed, printed)
        )
    training = isinstance(exercise, Training)
    expected = expected_evidence(exercise, cases, seed) if expected is None else expected
    shortcut = next((item.shortcut for item in evidence if item.shortcut), None)
    found = first_difference(cases, expected, evidence, subset=training)
    # Nothing is wrong; a trained model still has to be measured.
    if shortcut is None and found is None:
        if isinstance(exercise, Training):
            return _measured(exercise, cases, evidence, printed)
        names = dict.fromkeys(name for item in expected for name in item.values)
        asked = tuple(name for name in names if not name.endswith(BEFORE))
        return Verdict(exercise.id, "right", 1.0, printed=printed, checked=asked)

    known = naming.name(exercise, cases, expected, evidence, seed)
    if shortcut is not None:
        advice = (
            f"Your answer uses {shortcut}. That does the work for you; here you write it yourself."
        )
        return Verdict(
            exercise.id,
            "shortcut",
            advice=known.hint if known else advice,
            mistake=known.name if known else "shortcut",
        )
    assert found is not None
    if found.have.keeps and known and known.how != "alone":
        known = None  # what an answer keeps between calls only looks like another mistake
    if known is None and not training and diagnosis.is_plain(found):
        other = other_inputs.explain(exercise, cases, expected, evidence, seed)
        return _differing(exercise, found, None, printed, other)
    return _differing(exercise, found, known, printed)


def _differing(
    exercise: Exercise,
    found: Difference,
    known: naming.Named | None,
    printed: str,
    other: tuple[str, str] | None = None,
) -> Verdict:
    """The verdict on evidence that differs, explained by a known mistake, by other inputs or by
    itself.
    """
    mistake, advice = (known.name, known.hint) if known else other or diagnosis.recognise(found)
    shown_expected, shown_got = found.show()
    return Verdict(
        exercise.id,
        _status(found),
        advice=advice,
        mistake=mistake,
        where=found.name,
        case=found.case.label,
        expected=shown_expected,
        got=shown_got,
        printed=printed,
        found=found,
    )


def expected_evidence(exercise: Exercise, cases: Sequence[Case], seed: int) -> list[Evidence]:
    """The evidence of a right answer: the reference's, or where a model is trained what holds
    whatever it learned.

    Raises what the probe raises on the reference, and CourseFault where the reference does not end
    as the case says.
    """
    if isinstance(exercise, Training):
        return [Evidence(values=exercise.expected(case)) for case in cases]
    answer = reference(exercise)
    expected = collect(exercise, answer, cases, guarded=False, seed=seed)
    for case, evidence in zip(cases, expected, strict=False):
        if case.raises is None and evidence.raised:
            raise_again(exercise, answer, case, seed)
        due, came = case.raises and case.raises.__name__, evidence.raised and evidence.raised.type
        if due not in (evidence.raised.names if evidence.raised else [None]):
            raise CourseFault(
                f"{exercise.id}: for {case.label}, the reference ends with "
                f"{came or 'no error'}, but should end with {due or 'none'}."
            )
        evidence.moved = MovedRuns(exercise, answer, case, seed)
    return expected


def _status(found: Difference) -> Status:
    if found.kind != "raised":
        return "wrong"
    kind = found.got.type if found.got else ""
    return {TimeLimit.__name__: "timeout", MemoryError.__name__: "out of memory"}.get(kind, "error")  # type: ignore[return-value]


def _measured(
    exercise: Training, cases: Sequence[Case], evidence: Sequence[Evidence], printed: str
) -> Verdict:
    try:
        values = [
            exercise.measure(case, _rows(case, item))
            for case, item in zip(cases, evidence, strict=True)
        ]
        value = float(sum(values) / len(values))
    except NotMeasurable as error:
        advice = (
            f"Your model's output cannot be measured: {error} is missing, or has the wrong form."
        )
        return Verdict(
            exercise.id, "wrong", advice=advice, mistake="not measurable", printed=printed
        )
    said = (
        f"{exercise.metric}: {value:.4g} (all points from {exercise.full:g}, half from "
        f"{exercise.part:g})."
    )
    if exercise.reaches(value, exercise.full):
        return Verdict(
            exercise.id, "right", 1.0, advice=said, printed=printed, checked=(exercise.metric,)
        )
    known = naming.signed_by(exercise, evidence)
    half = exercise.reaches(value, exercise.part)
    return Verdict(
        exercise.id,
        "partial" if half else "wrong",
        0.5 if half else 0.0,
        advice=said + (f" {known.hint}" if known else ""),
        mistake=known.name if known else None,
        where=exercise.metric,
        printed=printed,
    )


def _weighed(
    exercise: Form, cases: Sequence[Case], evidence: Sequence[Evidence], seed: int, printed: str
) -> Verdict:
    """The verdict on what is weighed as a whole, with what is wrong with it."""
    findings = exercise.weigh(cases, evidence, seed)
    value, why = findings["value"], findings["why"]
    score = exercise.earned(value)
    if score == 1:
        return Verdict(
            exercise.id, "right", 1.0, advice=why, printed=printed, checked=(exercise.metric,)
        )
    known = naming.signed_by(exercise, [Evidence(values=findings)])
    found: Difference | None = findings.get("found")
    expected, got = found.show() if found else ("", "")
    return Verdict(
        exercise.id,
        "partial" if score else "wrong",
        score,
        advice=f"{why} {known.hint}" if known else why,
        mistake=known.name if known else findings.get("mistake"),
        where=found.name if found else None,
        case=found.case.label if found else "",
        expected=expected,
        got=got,
        printed=printed,
        found=found,
    )


class NotMeasurable(Exception):
    """The name of evidence that a measurement needs and that is missing or has the wrong form."""


class _Rows(dict[str, Any]):
    def __missing__(self, name: str) -> Any:
        raise NotMeasurable(name)


def _rows(case: Case, evidence: Evidence) -> _Rows:
    """The values that a measurement may read: real tensors that fit to a hidden one.

    Another shape would broadcast, to gigabytes if somebody means it to, and imaginary errors have
    negative squares.
    """
    hidden = [value for value in case.hidden.values() if isinstance(value, Tensor) and value.ndim]
    return _Rows(
        (name, value)
        for name, value in evidence.values.items()
        if isinstance(value, Tensor)
        and not value.is_complex()
        and value.dtype != torch.bool
        and any(_fits(value, due) for due in hidden)
    )


def _fits(value: Tensor, due: Tensor) -> bool:
    """Whether these can be predictions of hidden numbers, or logits of hidden classes."""
    if due.is_floating_point():
        return value.shape == due.shape
    return value.ndim == 2 and len(value) == len(due) and value.numel() > 0

"""The judge: compares an answer's evidence with the reference's for the same inputs and says what is wrong first."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from course_utils.checking import diagnosis
from course_utils.checking.difference import Difference
from course_utils.checking.evidence import Evidence
from course_utils.checking.exercise import Case, Exercise, Mistake, Training, find, reference
from course_utils.checking.running import TimeLimit, collect, refused, run_case, time_limit

Status = Literal[
    "right", "wrong", "partial", "error", "shortcut", "not attempted", "timeout", "out of memory", "crashed", "not run"
]
PUBLIC_SEED = 0

_EPS_MULTIPLE = 16.0  # how many rounding errors a term of a sum may bring
_SMALLEST_SUM = 64  # sums are never taken to be shorter than this


@dataclass(frozen=True)
class Verdict:
    """What the judge says of one answer.

    score is between 0 and 1. mistake is the recognised mistake's name, general or from the catalogue, else None; where
    names the first evidence that differs. advice says how to think about it and shows no input or value; expected and
    got describe the values that differ first.
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

    @property
    def message(self) -> str:
        """The whole message as plain text: where first, what was expected, what came, and how to think about it."""
        place = f"First difference: {self.where}" + (f", for {self.case}" if self.case else "") if self.where else ""
        rows = [f"Expected: {self.expected}" if self.expected else "", f"Got: {self.got}" if self.got else ""]
        return "\n".join(part for part in (self.advice, place, *rows) if part)


def judge(id: str, answer: Any, seed: int | None = None) -> Verdict:
    """Judge an answer to the exercise `id` in this process, without display and without raising for a wrong answer.

    answer: the function or class itself. seed: draws the inputs; None is the public seed. Raises CourseError where
    there is no such exercise.
    """
    exercise = find(id)
    seed = PUBLIC_SEED if seed is None else seed
    cases = exercise.draw(seed)
    return judge_evidence(exercise, cases, collect(exercise, answer, cases, seed=seed), seed)


def judge_evidence(
    exercise: Exercise,
    cases: Sequence[Case],
    evidence: Sequence[Evidence],
    seed: int,
    expected: Sequence[Evidence] | None = None,
) -> Verdict:
    """Judge evidence that was collected, here or in a sandbox, on these cases with this seed.

    expected: what `expected_evidence` gave for the same cases and seed, where many answers are judged.
    """
    if not evidence:
        return Verdict(exercise.id, "not run", advice="There is no evidence: the check did not run to its end.")
    printed = next((item.printed for item in evidence if item.printed), "")
    first = evidence[0]
    if first.raised and first.raised.type == "NotAnAnswer":
        return Verdict(exercise.id, "error", advice=first.raised.message, mistake="not an answer")
    if first.raised and first.raised.is_stub and not first.values:
        return Verdict(exercise.id, "not attempted", advice="Nothing is written here yet.", printed=printed)
    training = isinstance(exercise, Training)
    expected = expected_evidence(exercise, cases, seed) if expected is None else expected
    shortcut = next((item.shortcut for item in evidence if item.shortcut), None)
    found = first_difference(cases, expected, evidence, subset=training)
    if shortcut is None and found is None:
        if isinstance(exercise, Training):
            return _measured(exercise, cases, evidence, printed)
        names = tuple(dict.fromkeys(name for item in expected for name in item.values))
        return Verdict(exercise.id, "right", 1.0, printed=printed, checked=names)

    known = None if training else _known(exercise, cases, expected, evidence, found, seed)
    if shortcut is None:
        known = known or _signed(exercise, evidence)
    else:
        advice = f"Your answer uses {shortcut}. That does the work for you; here you write it yourself."
        return Verdict(
            exercise.id, "shortcut", advice=known.hint if known else advice, mistake=known.name if known else "shortcut"
        )
    assert found is not None
    general, advice = diagnosis.recognise(exercise, found, evidence)
    return Verdict(
        exercise.id,
        _status(found),
        advice=known.hint if known else advice,
        mistake=known.name if known else general,
        where=found.name,
        case=found.case.label,
        expected="" if found.kind == "raised" else found.show_expected(),
        got=found.show_got(),
        printed=printed,
    )


def _known(
    exercise: Exercise,
    cases: Sequence[Case],
    expected: Sequence[Evidence],
    evidence: Sequence[Evidence],
    found: Difference | None,
    seed: int,
) -> Mistake | None:
    """The first mistake of the catalogue with the same evidence on every case; the telling case is tried first."""
    order = list(range(len(evidence)))
    if found is not None:
        order.sort(key=lambda index: cases[index] is not found.case)

    def alike(impl: Any, index: int) -> bool:
        with time_limit(exercise.seconds):
            other = refused(exercise, impl, True) or run_case(exercise, impl, cases[index], seed, Evidence())
        if other.shortcut != evidence[index].shortcut:
            return False
        other.rtol = expected[index].rtol
        return first_difference([cases[index]], [other], [evidence[index]]) is None

    return next((m for m in exercise.mistakes if m.sign is None and all(alike(m.impl, index) for index in order)), None)


def expected_evidence(exercise: Exercise, cases: Sequence[Case], seed: int) -> list[Evidence]:
    """The evidence of a right answer: the reference's, or where a model is trained what holds whatever it learned."""
    if isinstance(exercise, Training):
        return [Evidence(values=exercise.expected(case)) for case in cases]
    return collect(exercise, reference(exercise), cases, guarded=False, seed=seed)


def _signed(exercise: Exercise, evidence: Sequence[Evidence]) -> Mistake | None:
    """The first mistake whose sign shows in the evidence; evidence that a sign cannot read shows nothing."""
    for mistake in exercise.mistakes:
        try:
            if mistake.sign is not None and mistake.sign([item.values for item in evidence]):
                return mistake
        except Exception:
            continue
    return None


def _status(found: Difference) -> Status:
    if found.kind != "raised":
        return "wrong"
    kind = found.got.type if found.got else ""
    return {TimeLimit.__name__: "timeout", MemoryError.__name__: "out of memory"}.get(kind, "error")  # type: ignore[return-value]


def _measured(exercise: Training, cases: Sequence[Case], evidence: Sequence[Evidence], printed: str) -> Verdict:
    try:
        values = [exercise.measure(case, _rows(case, item)) for case, item in zip(cases, evidence, strict=True)]
        value = float(sum(values) / len(values))
    except Exception as error:
        advice = f"What your model gave cannot be measured: {type(error).__name__}: {error}"
        return Verdict(exercise.id, "wrong", advice=advice, mistake="not measurable", printed=printed)
    said = f"{exercise.metric}: {value:.4g} (all points from {exercise.full:g}, half from {exercise.part:g})."
    if exercise.reaches(value, exercise.full):
        return Verdict(exercise.id, "right", 1.0, advice=said, printed=printed, checked=(exercise.metric,))
    known = _signed(exercise, evidence)
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


def _rows(case: Case, evidence: Evidence) -> dict[str, Any]:
    """The values that a measurement may read: of tensors the real ones with a row for every hidden one.

    Another shape would broadcast, to gigabytes where somebody means it to, and imaginary errors have negative squares.
    """
    rows = {len(value) for value in case.hidden.values() if isinstance(value, Tensor) and value.ndim}
    return {
        name: value
        for name, value in evidence.values.items()
        if not isinstance(value, Tensor) or (not value.is_complex() and 0 < value.ndim < 3 and len(value) in rows)
    }


def first_difference(
    cases: Sequence[Case], expected: Sequence[Evidence], got: Sequence[Evidence], subset: bool = False
) -> Difference | None:
    """The first evidence that differs, case by case in the order of the probe.

    An input or a setting of torch that should not have changed comes before the values of its case, because it
    explains them. With `subset`, evidence that is not expected by name is passed over.
    """
    for index, case in enumerate(cases):
        if index >= len(got):
            last = got[-1]
            return Difference(cases[len(got) - 1], "the run", "raised", None, last.raised, last, expected[index])
        want, have = expected[index], got[index]

        def difference(name: str, kind: str, a: Any, b: Any, case: Case = case) -> Difference:
            return Difference(case, name, kind, a, b, have, want)  # noqa: B023

        for name in have.inputs:
            if name not in want.inputs:
                return difference(f"{name} afterwards", "input", _input(case, name), have.inputs[name])
        if want.state != have.state:
            name = next(name for name in {**have.state, **want.state} if have.state.get(name) != want.state.get(name))
            return difference(name, "state", want.state.get(name, "left alone"), have.state.get(name, "left alone"))
        for name in want.values:
            if name not in have.values:
                break
            if not same(want.values[name], have.values[name], case, want.rtol.get(name)):
                return difference(name, "value", want.values[name], have.values[name])
        ended = have.raised.type if have.raised else None
        if ended != (want.raised.type if want.raised else None):
            place = next((name for name in want.values if name not in have.values), "the run")
            return difference(place, "raised" if have.raised else "missing", want.raised, have.raised)
        missing = [name for name in want.values if name not in have.values]
        extra = [name for name in have.values if name not in want.values] if not subset else []
        if missing:
            return difference(missing[0], "missing", want.values[missing[0]], None)
        if extra:
            return difference(extra[0], "extra", None, have.values[extra[0]])
        for name, value in want.inputs.items():
            now = have.inputs.get(name, _input(case, name))
            if not same(value, now, case):
                return difference(f"{name} afterwards", "value", value, now)
    return None


def _input(case: Case, name: str) -> Any:
    """The value of an input by the name under which a change of it is recorded, such as `params[0]`."""
    root, _, rest = name.partition("[")
    value = case.inputs[root]
    for key in rest.rstrip("]").split("][") if rest else []:
        value = value[key.strip("'")] if isinstance(value, dict) else value[int(key)]
    return value


def tolerance(dtype: torch.dtype, sum_size: int) -> float:
    """Relative tolerance for a sum of so many terms: rounding errors grow like the root of their number.

    16 * eps(dtype) * sqrt(max(sum_size, 64)); for float32 and 64 terms 1.5e-5.
    """
    return _EPS_MULTIPLE * torch.finfo(dtype).eps * math.sqrt(max(sum_size, _SMALLEST_SUM))


def _sum_size(case: Case) -> int:
    """No sum over a case is longer than its largest tensor."""
    return max((value.numel() for value in case.inputs.values() if isinstance(value, Tensor)), default=1)


def same(expected: Any, got: Any, case: Case, rtol: float | None = None) -> bool:
    """Whether two pieces of evidence agree: exactly for integers, text and shapes, within `tolerance` for floats.

    A number and a 0-d tensor are alike where a number is expected; so are a list and a 1-d tensor where a list is.
    """
    if isinstance(expected, Tensor):
        if not isinstance(got, Tensor) or got.shape != expected.shape or got.dtype != expected.dtype:
            return False
        if not expected.is_floating_point():
            return torch.equal(expected, got)
        r = tolerance(expected.dtype, _sum_size(case)) if rtol is None else rtol
        finite = expected[torch.isfinite(expected)]
        scale = float(finite.abs().max()) if finite.numel() else 1.0
        return torch.allclose(got, expected, rtol=r, atol=r * min(scale, 1.0) / 4, equal_nan=True)
    if isinstance(expected, bool) or expected is None or isinstance(expected, str):
        return type(got) is type(expected) and got == expected
    if isinstance(expected, int | float):
        if isinstance(got, Tensor) and got.ndim == 0:
            got = got.item()
        if isinstance(got, bool) or not isinstance(got, int | float):
            return False
        if isinstance(expected, int):
            return got == expected
        r = tolerance(torch.float32, _sum_size(case)) if rtol is None else rtol
        if math.isnan(expected) or math.isinf(expected):
            return str(float(got)) == str(expected)
        return math.isclose(got, expected, rel_tol=r, abs_tol=r * 1e-3)
    if isinstance(expected, list):
        if isinstance(got, Tensor) and got.ndim == 1:
            got = got.tolist()
        return (
            isinstance(got, list)
            and len(got) == len(expected)
            and all(same(a, b, case, rtol) for a, b in zip(expected, got, strict=True))
        )
    if isinstance(expected, dict):
        return (
            isinstance(got, dict)
            and got.keys() == expected.keys()
            and all(same(expected[key], got[key], case, rtol) for key in expected)
        )
    return type(expected) is type(got) and expected == got

"""Exercises in exposing mistakes: hand in inputs on which wrong answers differ from right ones."""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from course_utils.checking.compare import first_difference
from course_utils.checking.evidence import Evidence
from course_utils.checking.exercise import Case, Exercise, Mistake, Rng
from course_utils.checking.forms import LARGEST, Form, ObjectionError, described, for_example
from course_utils.checking.naming import run_mistakes

EXACT, NEAR = (2e-4, 2e-5), (2e-2, 2e-3)  # relative and absolute; what is nearer is right


class Expose(Form):
    """Hand in at most `most` small cases that show known wrong answers to be wrong, and one result.

    The answer is a function without arguments that returns (cases, expected): a list of dicts with
    the arguments of the exercise `of`, and what a right answer gives for the first of them. The
    value is the share of the mistakes whose evidence differs from a right answer's in one of the
    cases. Each seed draws three quarters of them, so that grading counts some that were not shown;
    no message names one that is not drawn.
    """

    asks: ClassVar[str]  # the evidence that is to be computed by hand
    most: ClassVar[int] = 2
    beyond: ClassVar[Collection[str]] = ()  # mistakes that need not be exposed
    metric = "share of the wrong answers that your cases expose"

    @property
    def mutants(self) -> list[Mistake]:
        """The known mistakes with code that makes them, each name once."""
        known = {m.name: m for m in self.subject.mistakes if m.sign is None and m.change}
        return [mistake for name, mistake in known.items() if name not in self.beyond]

    def cases(self, rng: Rng) -> Iterable[Case]:
        """One case without inputs; it hides which mistakes count."""
        counted = self.drawn(rng, [mutant.name for mutant in self.mutants])
        yield Case("what you hand in", hidden={"mutants": counted})

    def probe(self, answer: Any, case: Case) -> Iterator[tuple[Any, ...]]:  # noqa: ARG002
        """What is handed in, as data."""
        handed = answer()
        pair = isinstance(handed, tuple) and len(handed) == 2
        yield "pair", pair
        yield "cases", handed[0] if pair else handed
        yield "expected", handed[1] if pair else None

    def weigh(
        self, cases: Sequence[Case], evidence: Sequence[Evidence], seed: int
    ) -> dict[str, Any]:
        """The share of the drawn mistakes that are exposed, and which of them are not."""
        try:
            given = self._given(evidence[0].values, seed)
            self._compare(given[0][1], evidence[0].values["expected"])
        except ObjectionError as error:
            return error.findings
        names = [mutant.name for mutant in self.mutants]
        passed = [m.name for m in self.mutants if not _exposed(self.subject, m, given, seed)]
        counted = [names[index] for index in cases[0].hidden["mutants"]]
        left = [name for name in counted if name in passed]
        why = f"{len(counted) - len(left)} of {len(counted)} are exposed."
        why += for_example(left) + self.withheld(len(names) - len(counted))
        share = 1 - len(passed) / len(names)
        return {"value": 1 - len(left) / len(counted), "why": why, "left": left, "all": share}

    def _given(self, values: Mapping[str, Any], seed: int) -> list[tuple[Case, Evidence]]:
        """The cases that are handed in, each with what right code yields there."""
        cases = values.get("cases")
        if values.get("pair") is not True or not isinstance(cases, list) or not cases:
            raise ObjectionError(
                "not a list of cases and one result",
                "Return two things: a list with at least one case in it, and the expected result "
                "of the first.",
            )
        if len(cases) > self.most:
            raise ObjectionError(
                "too many cases",
                f"You hand in {len(cases)} cases; {self.most} are allowed.",
                "Which of them exposes what no other does?",
            )
        return [
            self.answered(f"Case {number}", "case", case, seed)
            for number, case in enumerate(cases, 1)
        ]

    def _compare(self, right: Evidence, expected: Any) -> None:
        """Raise ObjectionError where the result computed by hand is not that of right code."""
        want = torch.as_tensor(right.values[self.asks])
        if type(expected) in (int, float):
            expected = torch.tensor(float(expected) if abs(expected) <= LARGEST**2 else math.inf)
            expected = expected.reshape(want.shape) if want.numel() == 1 else expected
        unreal = not isinstance(expected, Tensor) or expected.is_complex()
        if unreal or expected.dtype == torch.bool:
            raise ObjectionError(
                "expected result that is not a tensor",
                "The expected result of your first case should be a tensor or a number, not "
                f"{described(expected)}.",
            )
        if expected.shape != want.shape:
            raise ObjectionError(
                "expected result of another shape",
                "The expected result of your first case is not what right code gives: its shape is "
                f"{tuple(expected.shape)}, but should be {tuple(want.shape)}.",
                "It belongs to the first case alone, whole and with nothing added.",
            )
        expected, want = expected.double(), want.double()
        if torch.allclose(expected, want, *EXACT):
            return
        if torch.allclose(expected, want, *NEAR):
            raise ObjectionError(
                "expected result near that of right code",
                "The expected result of your first case is close to what right code gives, but "
                "not equal to it. Give four digits; and is the order of the steps right?",
            )
        raise ObjectionError(
            "expected result not that of right code",
            "The expected result of your first case is not what right code gives. A test that "
            "expects something wrong rejects right code.",
        )


def _exposed(
    exercise: Exercise, mistake: Mistake, given: Sequence[tuple[Case, Evidence]], seed: int
) -> bool:
    """Whether the mistake gives other evidence than a right answer in one of the cases."""
    return any(
        first_difference([case], [right], [run_mistakes(exercise, (mistake,), case, seed)])
        is not None
        for case, right in given
    )

"""Exercises in reading a loss curve: which bug gave it? Write the bug."""

import math
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from course_utils.checking.evidence import Evidence
from course_utils.checking.exercise import Case, Rng
from course_utils.checking.forms import Form

DIGITS = 5e-4  # two losses agree to about four digits when they differ by this share at most


class Reproduce(Form):
    """Somebody's training gave a curve: say what kind of bug it was, and write the function.

    The answer is a function without arguments that returns (name, guess, broken): the student's
    name, one of `kinds`, and the function with the bug. The name chooses one of the curves, so that
    neighbours have different ones; nothing stops a student from trying other names. The losses of
    `broken` have to agree to four digits with the curve shown and with one from a secret start and
    over more steps, so a list of the numbers shown is no answer. The sandbox has the curves,
    which are data, but none of the functions: the judge runs those itself, and nothing of the
    student's. No curve is that of bugs of two kinds (`tests/plausible_bugs.py`), so one guess is
    right and the others are not.

    What attempts earn (tests/test_forms.py runs these again for every curve):

    | attempt | points |
    |---|---|
    | right code | 0 |
    | another bug of the same exercise | 0 |
    | the numbers shown, again | 0 |
    | the bug, and another guess | 0.5 |
    | the bug and the right guess | 1 |
    """

    right_code: ClassVar[Callable[..., Any]]  # without any bug
    kinds: ClassVar[Mapping[str, str]]  # what may be guessed, and what each means
    start: ClassVar[tuple[float, ...]]  # the parameters where the curves shown begin
    steps: ClassVar[int]  # how many losses the curves shown have
    curves: ClassVar[Sequence[Sequence[float]]]  # the losses of the suspects, in order
    suspects: ClassVar[Sequence[tuple[str, Callable[..., Any]]]]  # kind and function of each
    full, part = 1.0, 0.5
    metric = "losses that agree with those shown"

    def target(self, name: str) -> int:
        """The number of the curve that a name chooses, whatever its capitals and spaces."""
        letters = "".join(name.lower().split())
        return zlib.crc32(letters.encode(errors="replace")) % len(self.curves)

    def shown(self, name: str) -> list[float]:
        """The losses that are shown to a student of this name."""
        return [*self.curves[self.target(name)]]

    def train(self, broken: Any, start: Sequence[float] | Tensor, steps: int) -> list[float]:
        """The losses of a training of so many steps with this function, from these parameters."""
        raise NotImplementedError

    def cases(self, rng: Rng) -> Iterable[Case]:
        """The start of the curves shown, and a secret one."""
        yield Case("the start shown", start=torch.tensor(self.start), steps=self.steps)
        moved = torch.tensor(self.start) + rng.uniform(0.2, 0.6, len(self.start))
        steps = self.steps + rng.integer(3, 9)
        yield Case("a start that is not shown", start=moved, steps=steps)

    def probe(self, answer: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        """What is handed in, and the losses of the function."""
        handed = answer()
        whole = isinstance(handed, tuple) and len(handed) == 3 and callable(handed[2])
        yield "whole", whole
        yield "name", handed[0] if whole else None
        yield "guess", handed[1] if whole else None
        if whole:
            yield "losses", self.train(handed[2], case.start, case.steps)

    def weigh(
        self,
        cases: Sequence[Case],
        evidence: Sequence[Evidence],
        seed: int,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Whether the losses are those of the bug, and the guess its kind."""
        values = evidence[0].values
        if why := self._objection(values):
            return {"value": 0.0, "why": why, "objection": True}
        kind, bug = self.suspects[number := self.target(values["name"])]
        ends = [
            first_apart(item.values.get("losses"), self.train(bug, case.start, case.steps))
            for case, item in zip(cases, evidence, strict=False)
        ]
        if ends[0] is not None:
            return self._other(values["losses"], ends[0], number)
        if len(ends) < len(cases) or any(end is not None for end in ends):
            why = "The losses agree with the curve shown, but not from another start."
            return {"value": 0.0, "why": why, "only shown": True}
        if values["guess"].strip().lower() != kind:
            why = "That is the bug: the losses agree from any start. Your guess names another kind."
            return {"value": 0.5, "why": why, "guessed": False}
        return {"value": 1.0, "why": "That is the bug: the losses agree from any start."}

    def _objection(self, values: dict[str, Any]) -> str:
        """Why what was handed in is not a name, a guess and a function; empty where it is."""
        if values.get("whole") is not True:
            return "Return three things: your name, your guess, and the function itself."
        name, guess = values.get("name"), values.get("guess")
        if not isinstance(name, str) or not name.strip():
            return "Your name should be a text with at least one letter."
        if not isinstance(guess, str) or guess.strip().lower() not in self.kinds:
            return f"Your guess should be one of: {', '.join(self.kinds)}."
        return ""

    def _other(self, losses: Any, agreeing: int, number: int) -> dict[str, Any]:
        """What is found about losses that are not those shown."""
        why = (
            f"{agreeing} of {len(self.curves[number])} losses agree with the curve shown before "
            "they differ."
        )
        others = [index for index in range(len(self.curves)) if index != number]
        right = self.train(type(self).right_code, self.start, self.steps)
        return {
            "value": 0.0,
            "why": why,
            "agreeing": agreeing,
            "right": first_apart(losses, right) is None,
            "other": any(first_apart(losses, self.curves[index]) is None for index in others),
        }


def first_apart(losses: Any, wanted: Sequence[float]) -> int | None:
    """How many losses agree before one does not; None where all of them do."""
    given = losses if isinstance(losses, list) else []
    for number, want in enumerate(wanted):
        got = given[number] if number < len(given) else None
        if not isinstance(got, float) or not math.isclose(got, want, rel_tol=DIGITS):
            return number
    return None

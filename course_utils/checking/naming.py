"""From evidence to a name: which known mistakes, one or two at once, explain an answer."""

import functools
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from course_utils.checking.compare import first_difference, same
from course_utils.checking.edit import Edit, edited
from course_utils.checking.evidence import Evidence
from course_utils.checking.exercise import Case, Exercise, Mistake, Training
from course_utils.checking.marks import likely_first
from course_utils.checking.running import (
    Enough,
    TimeLimit,
    raised_by,
    refused,
    run_case,
    time_limit,
)
from course_utils.checking.tolerance import MovedRuns, Rough
from course_utils.errors import CourseError

# Pairs of mistakes tried on one case; with a bound in seconds the load would decide on a name.
MOST_PAIRS = 110
LARGEST_SEEN = 100_000  # numbers of a tensor in which the sign of a mistake is looked for
TOGETHER, EITHER = "; ", ", or "  # between two names; no name of a mistake holds either
# Runs of known mistakes that are kept, as a student checks the same exercise again and again.
KEPT_RUNS = 20_000


@dataclass(frozen=True)
class Named:
    """The known mistakes behind an answer, and how sure that is.

    how: "alone" (one mistake gives the same evidence in every case), "sign" (its mark shows in the
    evidence), "together" (two at once do), "partly" (one explains the first case that differs, and
    something else is wrong too), or "either" (two mistakes explain that case equally well). rest:
    where evidence differs that is not explained.
    """

    mistakes: tuple[Mistake, ...]
    how: Literal["alone", "sign", "together", "partly", "either"]
    rest: str = ""

    @property
    def name(self) -> str:
        """The names of the mistakes, as a report counts them."""
        return (EITHER if self.how == "either" else TOGETHER).join(
            mistake.name for mistake in self.mistakes
        )

    @property
    def hint(self) -> str:
        """How to think about it, no more certain than the match is."""
        hints = [mistake.hint for mistake in self.mistakes]
        if self.how == "together":
            return f"You made two mistakes here.\nFirst: {hints[0]}\nSecond: {hints[1]}"
        if self.how == "either":
            return (
                "One of these two mistakes would explain what differs first; neither explains "
                f"all.\nEither: {hints[0]}\nOr: {hints[1]}"
            )
        return (
            f"{hints[0]}\nSomething else differs as well: {self.rest}." if self.rest else hints[0]
        )


def name(
    exercise: Exercise,
    cases: Sequence[Case],
    expected: Sequence[Evidence],
    got: Sequence[Evidence],
    seed: int,
) -> Named | None:
    """What explains the evidence of an answer that is wrong or takes a shortcut; else None."""
    search = _Search(exercise, cases, expected, got, seed)
    if isinstance(exercise, Training):
        changed = any(evidence.inputs for evidence in got)  # what is measured with them says little
        return None if search.shortcut or changed else next(search.signed(), None)
    steps = (
        search.alone(likely=True),
        search.signed(),
        search.alone(likely=False),  # seldom one of these; a check without them is much quicker
        search.together(),
        search.partly(),
    )
    return next(itertools.chain(*steps), None)


def signed_by(exercise: Exercise, got: Sequence[Evidence]) -> Mistake | None:
    """The first mistake whose sign shows in the evidence; what a sign cannot read shows nothing."""
    values = [_small(evidence.values) for evidence in got]
    for mistake in exercise.mistakes:
        try:
            if mistake.sign is not None and mistake.sign(values):
                return mistake
        except Exception:
            continue
    return None


def _small(values: dict[str, Any]) -> dict[str, Any]:
    """Values of which a sign may look at every number."""
    return {
        name: value
        for name, value in values.items()
        if not isinstance(value, Tensor) or value.numel() <= LARGEST_SEEN
    }


@dataclass
class _Search:
    """What explains the evidence of one answer."""

    exercise: Exercise
    cases: Sequence[Case]
    expected: Sequence[Evidence]
    got: Sequence[Evidence]
    seed: int

    def __post_init__(self) -> None:
        self.shortcut = any(evidence.shortcut for evidence in self.got)
        self.mistakes = [
            m for m in self.exercise.mistakes if m.sign is None and m.change is not None
        ]

    def alone(self, likely: bool) -> Iterator[Named]:
        """One mistake that gives the same evidence in every case; by its marks it is likely to, or
        not.
        """
        if not self.order:
            return
        for mistake in self.by_marks[not likely]:
            if all(self._same((mistake,), index) for index in self.order):
                yield Named((mistake,), "alone")

    @functools.cached_property
    def by_marks(self) -> tuple[list[Mistake], list[Mistake]]:
        """The mistakes that are likely by their marks, and the others."""
        return likely_first(self.exercise, self.mistakes, self.cases, self.expected, self.got)

    def signed(self) -> Iterator[Named]:
        """The mistake whose sign shows."""
        if mistake := signed_by(self.exercise, self.got):
            yield Named((mistake,), "sign")

    def together(self) -> Iterator[Named]:
        """Two edits that together give the same evidence; the more telling ones come first."""
        if self.shortcut or not self.order:
            return
        possible = (pair for pair in self._pairs() if composed(self.exercise.id, pair) is not None)
        for pair in itertools.islice(possible, MOST_PAIRS):
            if all(self._give(pair, index) for index in self.order):
                yield Named(pair, "together")

    def _pairs(self) -> list[tuple[Mistake, Mistake]]:
        """The pairs of edits of which one at least changes what differs first, and none what comes
        before.

        Where one alone changes it, and not to what the answer gives, both seldom do: these come
        last. Where the answer raises, one of the two raises without the other: two edits that
        raise only together do so by chance, as one reads what the other renamed.
        """
        index = self.order[0]
        first = next((name for name, right in self.right_at_first.items() if not right), None)
        before = set(itertools.takewhile(lambda name: name != first, self.right_at_first))
        case, expected, mine = self.cases[index], self.expected[index], self.got[index]
        edits = [
            mistake
            for mistake in self.mistakes
            if isinstance(mistake.change, Edit) and self._first_far(mistake) not in before
        ]
        runs = {mistake: self._run((mistake,), index) for mistake in edits}
        moving = {m for m in edits if not first or not _equal(case, first, expected, runs[m])}
        giving = {m for m in moving if not first or _equal(case, first, runs[m], mine)}
        due = bool(expected.raised or not mine.raised)
        raising = {m for m in edits if due or runs[m].raised}
        scores = {mistake: self._explained(mistake) for mistake in edits}

        def order(pair: tuple[Mistake, Mistake]) -> tuple[bool, int]:
            likely = not giving.isdisjoint(pair) or moving.issuperset(pair)
            return not likely, -scores[pair[0]] - scores[pair[1]]

        pairs = (
            pair
            for pair in itertools.combinations(edits, 2)
            if not (moving.isdisjoint(pair) or raising.isdisjoint(pair))
        )
        return sorted(pairs, key=order)

    def _first_far(self, mistake: Mistake) -> str | None:
        """The first value in the first differing case that a mistake brings far off."""
        index, key = self.order[0], self._key((mistake,), self.order[0])
        self._same((mistake,), index)
        values = _RUNS[key].values if key in _RUNS else _BEGUN[key]
        return next((n for n in values if self._far_off({n: values[n]}, index)), None)

    def partly(self) -> Iterator[Named]:
        """What explains the first case that differs, and as many of the others as any mistake does.

        A mistake that would spoil a case which the answer gets right was not made.
        """
        if self.shortcut:
            return
        right = [index for index in self.order if index not in self.differing]
        possible = [m for m in self.at_first if all(self._same((m,), index) for index in right)]
        explained = {m: sum(self._same((m,), index) for index in self.differing) for m in possible}
        best = list(
            {m.name: m for m in possible if explained[m] == max(explained.values())}.values()
        )
        if len(best) == 1:
            yield Named((best[0],), "partly", self._rest(best[0]))
        elif len(best) == 2:
            yield Named((best[0], best[1]), "either")

    @functools.cached_property
    def differing(self) -> list[int]:
        """The cases whose evidence is not as expected, or all of them after a shortcut."""
        indices = range(len(self.got))
        return (
            [*indices]
            if self.shortcut
            else [i for i in indices if not self._agree(self.expected[i], i)]
        )

    @functools.cached_property
    def order(self) -> list[int]:
        """The cases in the order that tells mistakes apart: those that differ come first."""
        return [*self.differing, *(i for i in range(len(self.got)) if i not in self.differing)]

    @functools.cached_property
    def at_first(self) -> list[Mistake]:
        """The mistakes that explain the first case that differs."""
        return [m for m in self.mistakes if self.order and self._same((m,), self.order[0])]

    def _same(self, mistakes: tuple[Mistake, ...], index: int) -> bool:
        """Whether the mistakes give the answer's evidence in a case."""
        if (key := self._key(mistakes, index)) not in _RUNS:
            if key in _BEGUN and self._far_off(_BEGUN[key], index):
                return False
            run, far = self._attempt(mistakes, index)
            if far:
                _keep(_BEGUN, key, run.values)
                return False
            _keep(_RUNS, key, run)
        return self._agree(_RUNS[key], index)

    def _give(self, pair: tuple[Mistake, ...], index: int) -> bool:
        """Whether two mistakes give the answer's evidence in a case; their run is not kept."""
        run, far = self._attempt(pair, index)
        return not far and self._agree(run, index)

    def _attempt(self, mistakes: tuple[Mistake, ...], index: int) -> tuple[Evidence, bool]:
        """The evidence of the reference with these mistakes made, on one case, up to the first
        value that is far off the answer's, and whether there is one: nearly always there is.
        """
        far = False

        def is_far(name: str, value: Any) -> bool:
            nonlocal far
            far = self._far_off({name: value}, index)
            return far

        run = functools.partial(run_mistakes, self.exercise, mistakes, self.cases[index], self.seed)
        # What was refused before it was called has no values, and is soon refused again.
        if self.got[index].values or not self.shortcut:
            evidence = run(enough=is_far)
        if self.shortcut and not far:  # under guard it takes three times as long
            evidence = run(guarded=True)
        return evidence, far

    def _run(self, mistakes: tuple[Mistake, ...], index: int) -> Evidence:
        """The evidence of the reference with these mistakes made, on one case; it is kept."""
        if (key := self._key(mistakes, index)) not in _RUNS:
            case = self.cases[index]
            run = run_mistakes(self.exercise, mistakes, case, self.seed, self.shortcut)
            _keep(_RUNS, key, run)
        return _RUNS[key]

    def _key(self, mistakes: tuple[Mistake, ...], index: int) -> Any:
        return self.drawn, index, mistakes, self.shortcut

    @functools.cached_property
    def drawn(self) -> Any:
        """What stands for the cases."""
        labels = tuple(case.label for case in self.cases)
        return type(self.exercise), self.exercise.seconds, self.seed, labels

    def _fails_otherwise(self, one: Evidence, index: int) -> bool:
        """Whether two runs without a value that should not have raised have another fault each."""
        expected, mine = self.expected[index], self.got[index]
        return not one.values and not expected.raised and not _raised_alike(one, mine)

    def _far_off(self, values: dict[str, Any], index: int) -> bool:
        """Whether any of these values is further from the answer's than rounding can bring it."""
        case, got, rtol = self.cases[index], self.got[index].values, self.expected[index].rtol
        return not all(_near(case, values, got, name, rtol.get(name)) for name in values)

    def _agree(self, one: Evidence, index: int) -> bool:
        mine = self.got[index]
        if self.shortcut and one.shortcut != mine.shortcut:
            return False
        if self._fails_otherwise(one, index):
            return False
        one.rtol = self.expected[index].rtol
        if one.raised and mine.raised:  # how much was changed before it is no part of the mistake
            one, mine = replace(one, inputs={}), replace(mine, inputs={})
        return first_difference([self.cases[index]], [one], [mine]) is None

    def _explained(self, mistake: Mistake) -> int:
        """How many values in the first differing case a mistake shares with the answer but not the
        reference.

        Values that the answer has right and the mistake gets wrong count against it.
        """
        index = self.order[0]
        case, mine, expected = self.cases[index], self.got[index].values, self.expected[index]
        mistaken = self._run((mistake,), index).values
        return sum(
            _near(case, mine, mistaken, name, expected.rtol.get(name)) - right
            for name, right in self.right_at_first.items()
            if not _identical(mistaken.get(name), expected.values.get(name))
        )

    @functools.cached_property
    def right_at_first(self) -> dict[str, bool]:
        """Which values of the first case that differs are as expected."""
        index = self.order[0]
        case, mine, right = self.cases[index], self.got[index], self.expected[index]
        return {name: _equal(case, name, right, mine) for name in mine.values}

    def _rest(self, mistake: Mistake) -> str:
        """Where the evidence still differs once a mistake has explained part of it."""
        for index in (i for i in self.order if not self._same((mistake,), i)):
            case, mistaken, got = self.cases[index], self._run((mistake,), index), self.got[index]
            right = {n for n in got.values if _equal(case, n, self.expected[index], got)}
            left = [_without(evidence, right) for evidence in (mistaken, got)]
            if found := first_difference([case], left[:1], left[1:]):
                claimed = isinstance(found.want.values.get(found.name), bool)
                name = found.name if found.is_asked_for else "something extra"
                what = (
                    "an error" if found.kind == "raised" else f"whether {name}" if claimed else name
                )
                return f"{what}, for {found.case.label}"
        return ""


_RUNS: dict[Any, Evidence] = {}  # what mistakes give, by exercise, seed and case
_BEGUN: dict[Any, dict[str, Any]] = {}  # and the first of their values, where no more was asked for


def _keep(runs: dict[Any, Any], key: Any, value: Any) -> None:
    if len(runs) >= KEPT_RUNS:
        runs.clear()
    runs[key] = value


def run_mistakes(
    exercise: Exercise,
    mistakes: tuple[Mistake, ...],
    case: Case,
    seed: int,
    guarded: bool = False,
    enough: Enough | None = None,
) -> Evidence:
    """The evidence of the reference with these mistakes made, on one case."""
    answer, evidence = _answer(exercise, mistakes), Evidence()
    try:
        with time_limit(exercise.seconds):
            if refusal := refused(exercise, answer, guarded):
                evidence = refusal
            else:
                run_case(exercise, answer, case, seed, evidence, guarded, enough)
    except TimeLimit as error:  # as `collect` takes one that strikes beside the probe
        evidence.raised = evidence.raised or raised_by(error, answer)
    evidence.moved = MovedRuns(exercise, answer, case, seed)
    return evidence


def _answer(exercise: Exercise, mistakes: tuple[Mistake, ...]) -> Any:
    """The reference with these mistakes made."""
    return (
        wrong_answer(exercise, mistakes[0])
        if len(mistakes) == 1
        else composed(exercise.id, mistakes)
    )


def wrong_answer(exercise: Exercise, mistake: Mistake) -> Callable[..., Any]:
    """An answer that makes the mistake; raises CourseError if only its sign is known."""
    if mistake.change is None:
        raise CourseError(
            f"{exercise.id}: the mistake {mistake.name!r} has a sign and no answer that makes it."
        )
    return (
        edited(exercise.id, mistake.change) if isinstance(mistake.change, Edit) else mistake.change
    )


@functools.lru_cache(maxsize=4096)
def composed(id: str, mistakes: tuple[Mistake, ...]) -> Any:
    """The reference with all these edits; None where they clash or make no sense together."""
    changes = [mistake.change for mistake in mistakes if isinstance(mistake.change, Edit)]
    try:
        return edited(id, functools.reduce(Edit.__add__, changes))
    except (CourseError, SyntaxError):
        return None


def _near(
    case: Case, one: dict[str, Any], other: dict[str, Any], name: str, rtol: float | None
) -> bool:
    """Whether two runs of a case have about the same value under a name."""
    return name in one and name in other and same(one[name], other[name], Rough(case, rtol))


def _identical(one: Any, other: Any) -> bool:
    """Whether two values are the same tensor, bit by bit, or equal in another way."""
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    return type(one) is type(other) and not isinstance(one, Tensor | list | dict) and one == other


def _equal(case: Case, name: str, one: Evidence, other: Evidence) -> bool:
    """Whether two runs of a case have the same value under a name."""
    if name not in one.values or name not in other.values:
        return False
    single = [Evidence({name: item.values[name]}, rtol=item.rtol) for item in (one, other)]
    return first_difference([case], single[:1], single[1:]) is None


def _without(evidence: Evidence, names: set[str]) -> Evidence:
    """The evidence without the values under these names."""
    values = {name: value for name, value in evidence.values.items() if name not in names}
    return replace(evidence, values=values)


def _raised_alike(one: Evidence, other: Evidence) -> bool:
    """Whether two runs without a value have the same fault: the same message, or the type it names.

    Any slip in a first line raises a TypeError; only its message makes it a known one.
    """
    if not one.raised or not other.raised:
        return True
    texts = (one.raised.message, other.raised.message)
    types = [set(re.findall(r"(?<!^)\b[A-Z]\w*[a-z]\w*\b", text)) for text in texts]
    return texts[0] == texts[1] or bool(types[0] & types[1])

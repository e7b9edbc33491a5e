"""How many independent wrong answers are refused and named, and how quickly: `python -m tests.bench
diagnosis [lesson ...]`.

The times are of the processor and of a first check of the answer, from drawing its inputs to the
verdict: no run of a mistake is kept from an earlier one. What torch and Python import at the first
call is not counted, so each answer is judged twice. Nor is it counted that Python looks through
everything in this process for garbage, all the catalogues and thousands of answers: 0.1 to 0.5 s
each time. Exercises that train a model are not timed.
"""

import gc
import itertools
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from rich.console import Console
from rich.table import Table

from course_utils.checking import Training, naming
from course_utils.checking.edit import Edit
from course_utils.checking.exercise import Exercise, exercises, find, lessons
from course_utils.checking.judge import Verdict, judge_evidence
from course_utils.checking.naming import composed
from course_utils.checking.running import collect
from tests.answers import Wrong, wrong_answers
from tests.bench_seeds import right

PAIRS = 10  # generated pairs of mistakes an exercise
# milliseconds: where an answer is right or one mistake explains it, and where two are sought
AIMS = 50, 300
SLOWEST = 3  # how many of the slowest checks are printed


@dataclass
class Tally:
    """What became of some wrong answers."""

    accepted: list[str] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)
    false: list[str] = field(default_factory=list)
    true: int = 0
    either: int = 0
    # milliseconds, whether two mistakes were sought, and whose
    times: list[tuple[float, bool, str]] = field(default_factory=list)

    def add_right(self, exercise: Exercise, answer: Any) -> None:
        """Judge a right answer and count it; what calls the reference is not guarded."""
        verdict = self.judged(exercise, answer, "a right answer")
        if verdict.status == "shortcut":
            self.times.pop()
            verdict = self.judged(exercise, answer, "a right answer", guarded=False)
        if verdict.score == 1:
            self.true += 1
        else:
            self.false.append(f"{exercise.id}: a right answer is refused")

    def judged(
        self, exercise: Exercise, answer: Any, whose: str, seed: int = 0, guarded: bool = True
    ) -> Verdict:
        """The verdict on an answer; how long it took is kept."""
        trains = isinstance(exercise, Training)
        for _ in range(1 if trains else 2):
            naming._RUNS.clear()
            naming._BEGUN.clear()
            pairs, start = _pairs_made(), time.process_time()
            cases = exercise.draw(seed)
            evidence = collect(exercise, answer, cases, guarded, seed)
            verdict = judge_evidence(exercise, cases, evidence, seed)
            milliseconds = 1000 * (time.process_time() - start)
        if not trains:
            self.times.append((milliseconds, _pairs_made() > pairs, f"{exercise.id}: {whose}"))
        return verdict

    def add(self, item: Wrong, seed: int = 0, guarded: bool = True) -> None:
        """Judge one answer and count it; where no name is due, it need only be refused.

        What is made from the reference is not guarded, since it calls that.
        """
        due = " + ".join("/".join(sorted(names)) for names in item.due)
        verdict = self.judged(find(item.id), item.answer, due, seed, guarded)
        if verdict.score == 1:
            self.accepted.append(f"{item.id}: {due}")
        elif not item.due:
            return
        elif item.named(verdict.mistake):
            self.true += 1
            self.either += ", or " in (verdict.mistake or "")
        else:
            into = self.false if verdict.mistake else self.unnamed
            into.append(f"{item.id}: {due} -> {verdict.mistake}")

    def row(self) -> list[str]:
        """Its figures as a row of a table."""
        counts = [len(self.unnamed), len(self.false), len(self.accepted)]
        total = self.true + sum(counts)
        named = f"{self.true}/{total}" + (f" ({100 * self.true / total:.1f} %)" if total else "")
        times = [milliseconds for milliseconds, _, _ in self.times] or [0.0]
        within = []
        for sought, aim in zip((False, True), AIMS, strict=True):
            alike = [milliseconds <= aim for milliseconds, two, _ in self.times if two == sought]
            within.append(f"{100 * sum(alike) / len(alike):.1f} % of {len(alike)}" if alike else "")
        return [
            named,
            str(self.either),
            *map(str, counts),
            *within,
            f"{statistics.median(times):.0f}",
            f"{max(times):.0f}",
        ]

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            *(getattr(self, item.name) + getattr(other, item.name) for item in fields(self))
        )


def _pairs_made() -> int:
    """How often two mistakes were made together, ever since."""
    info = naming.composed.cache_info()
    return info.hits + info.misses


def generated(exercise: Exercise) -> list[Wrong]:
    """Pairs of mistakes that nobody wrote: every so many of those that can be made together."""
    edits = [mistake for mistake in exercise.mistakes if isinstance(mistake.change, Edit)]
    pairs = [
        (pair, answer)
        for pair in itertools.combinations(edits, 2)
        if (answer := composed(exercise.id, pair))
    ]
    every = max(1, len(pairs) // PAIRS)
    return [
        Wrong(exercise.id, tuple(frozenset([m.name]) for m in pair), answer)
        for pair, answer in pairs[::every]
    ]


def tallies(lesson: str) -> dict[str, Tally]:
    """What becomes of a lesson's wrong answers, by their kind."""
    kinds = ("right", "one mistake", "two mistakes", "generated pairs")
    found = {kind: Tally() for kind in kinds}
    wrong = wrong_answers(lesson)
    gc.collect()
    gc.freeze()
    for item in wrong:
        found["one mistake" if len(item.due) < 2 else "two mistakes"].add(item)
    for exercise in exercises(lesson):
        if not isinstance(exercise, Training):
            for answer in right(exercise.id):
                found["right"].add_right(exercise, answer)
            for item in generated(exercise):
                found["generated pairs"].add(item, guarded=False)
    return found


def main(arguments: Sequence[str] = ()) -> None:
    """Print a table of these lessons or all, what was misnamed, and what took longest."""
    counts = ("judged truly", "of two", "unnamed", "false", "accepted")
    limits = (f"one sought: ≤ {AIMS[0]} ms", f"two sought: ≤ {AIMS[1]} ms")
    columns = (*counts, *limits, "median, ms", "slowest, ms")
    table = Table(
        "lesson", *columns, title="Right and wrong answers, and pairs of mistakes made together"
    )
    console, total = Console(width=120), dict[str, Tally]()
    for lesson in arguments or lessons():
        for kind, tally in tallies(lesson).items():
            table.add_row(f"{lesson}, {kind}", *tally.row())
            total[kind] = total.get(kind, Tally()) + tally
            texts = {"accepted": tally.accepted, "unnamed": tally.unnamed, "false": tally.false}
            for what, items in texts.items():
                for text in items:
                    said = f"{what} ({kind}): {text}"
                    console.print(said, markup=False, highlight=False, soft_wrap=True)
    for kind, tally in total.items():
        table.add_row(f"all, {kind}", *tally.row())
    console.print(table)
    for kind, tally in total.items():
        for sought, number in ((False, "one"), (True, "two")):
            slow = sorted((ms, whose) for ms, two, whose in tally.times if two == sought)
            for milliseconds, whose in slow[: -SLOWEST - 1 : -1]:
                said = f"slowest ({kind}, {number} sought): {milliseconds:.0f} ms, {whose}"
                console.print(said, markup=False, highlight=False, soft_wrap=True)

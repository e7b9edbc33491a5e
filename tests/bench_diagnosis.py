"""How many independent wrong answers are refused and named, and how quickly: `python -m tests.bench
diagnosis [lesson ...]`.

The times are of the processor and of a first check of the answer: no run of a mistake is kept from
an earlier one. What torch and Python import at the first call is not counted, so each answer is
judged twice. Exercises that train a model are not timed.
"""

import itertools
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from rich.console import Console
from rich.table import Table

from course_utils.checking import Training, naming
from course_utils.checking.edit import Edit
from course_utils.checking.exercise import Exercise, exercises, find, lessons
from course_utils.checking.judge import judge_evidence
from course_utils.checking.naming import composed
from course_utils.checking.running import collect
from tests.wrong import Wrong, answers

PAIRS = 10  # generated pairs of mistakes an exercise
AIMS = 50, 300  # milliseconds: where one mistake explains an answer, and where two are sought
SLOWEST = 3  # how many of the slowest checks are printed


@dataclass
class Tally:
    """What became of some wrong answers."""

    accepted: list[str] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)
    false: list[str] = field(default_factory=list)
    true: int = 0
    either: int = 0
    times: list[tuple[float, str]] = field(default_factory=list)  # milliseconds and whose

    def add(self, item: Wrong, seed: int = 0, guarded: bool = True) -> None:
        """Judge one answer and count it; where no name is due, it need only be refused.

        What is made from the reference is not guarded, since it calls that.
        """
        exercise = find(item.id)
        cases = exercise.draw(seed)
        trains = isinstance(exercise, Training)
        for _ in range(1 if trains else 2):
            naming._RUNS.clear()
            start = time.process_time()
            evidence = collect(exercise, item.answer, cases, guarded, seed)
            verdict = judge_evidence(exercise, cases, evidence, seed)
            milliseconds = 1000 * (time.process_time() - start)
        due = " + ".join("/".join(sorted(names)) for names in item.due)
        if not trains:
            self.times.append((milliseconds, f"{item.id}: {due}"))
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
        times = [milliseconds for milliseconds, _ in self.times] or [0.0]
        within = (sum(ms <= aim for ms in times) / len(times) for aim in AIMS)
        summary = (statistics.median(times), max(times))
        return [
            named,
            str(self.either),
            *map(str, counts),
            *(f"{100 * share:.0f} %" for share in within),
            *(f"{value:.0f}" for value in summary),
        ]

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            *(getattr(self, item.name) + getattr(other, item.name) for item in fields(self))
        )


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
    found = {"one mistake": Tally(), "two mistakes": Tally(), "generated pairs": Tally()}
    for item in answers(lesson):
        found["one mistake" if len(item.due) < 2 else "two mistakes"].add(item)
    for exercise in exercises(lesson):
        if not isinstance(exercise, Training):
            for item in generated(exercise):
                found["generated pairs"].add(item, guarded=False)
    return found


def main(arguments: Sequence[str] = ()) -> None:
    """Print a table of these lessons or all, what was misnamed, and what took longest."""
    counts = ("named truly", "of two", "unnamed", "false", "accepted")
    columns = (*counts, *(f"≤ {aim} ms" for aim in AIMS), "median, ms", "slowest, ms")
    table = Table(
        "lesson", *columns, title="Independent wrong answers, and pairs of mistakes made together"
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
        for milliseconds, whose in sorted(tally.times)[: -SLOWEST - 1 : -1]:
            said = f"slowest ({kind}): {milliseconds:.0f} ms, {whose}"
            console.print(said, markup=False, highlight=False, soft_wrap=True)

"""How many independent wrong answers are refused and named, and how quickly: `python -m tests.bench
diagnosis`.
"""

import itertools
import statistics
import time
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from course_utils.checking import Training
from course_utils.checking.edit import Edit
from course_utils.checking.exercise import Exercise, exercises, find, lessons
from course_utils.checking.judge import judge_evidence
from course_utils.checking.naming import composed
from course_utils.checking.running import collect
from tests.wrong import Wrong, answers

PAIRS = 10  # generated pairs of mistakes an exercise


@dataclass
class Tally:
    """What became of some wrong answers."""

    accepted: list[str] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)
    false: list[str] = field(default_factory=list)
    true: int = 0
    either: int = 0
    milliseconds: list[float] = field(default_factory=list)

    def add(self, item: Wrong, seed: int = 0, guarded: bool = True) -> None:
        """Judge one answer and count it; what is made from the reference is not guarded, since it
        calls that.
        """
        exercise = find(item.id)
        cases = exercise.draw(seed)
        start = time.perf_counter()
        evidence = collect(exercise, item.answer, cases, guarded, seed)
        verdict = judge_evidence(exercise, cases, evidence, seed)
        self.milliseconds.append(1000 * (time.perf_counter() - start))
        due = " + ".join("/".join(sorted(names)) for names in item.due)
        if verdict.score == 1:
            self.accepted.append(f"{item.id}: {due}")
        elif item.named(verdict.mistake):
            self.true += 1
            self.either += ", or " in (verdict.mistake or "")
        else:
            into = self.false if verdict.mistake else self.unnamed
            into.append(f"{item.id}: {due} -> {verdict.mistake}")

    def row(self) -> list[str]:
        """Its figures as a row of a table."""
        total = len(self.milliseconds)
        named = f"{self.true}/{total}" + (f" ({100 * self.true / total:.0f} %)" if total else "")
        times = [f"{f(self.milliseconds):.0f}" if total else "-" for f in (statistics.median, max)]
        return [
            named,
            str(self.either),
            str(len(self.unnamed)),
            str(len(self.false)),
            str(len(self.accepted)),
            *times,
        ]


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


def main() -> None:
    """Print a table of all lessons, and what was not named rightly."""
    columns = ("named truly", "of two", "unnamed", "false", "accepted", "median, ms", "slowest, ms")
    table = Table(
        "lesson", *columns, title="Independent wrong answers, and pairs of mistakes made together"
    )
    problems: list[str] = []
    for lesson in lessons():
        single, double, pairs = Tally(), Tally(), Tally()
        for item in answers(lesson):
            (single if len(item.due) < 2 else double).add(item)
        for exercise in exercises(lesson):
            if not isinstance(exercise, Training):
                for item in generated(exercise):
                    pairs.add(item, guarded=False)
        for kind, tally in (
            ("one mistake", single),
            ("two mistakes", double),
            ("generated pairs", pairs),
        ):
            table.add_row(f"{lesson}, {kind}", *tally.row())
            problems += [f"accepted: {text}" for text in tally.accepted]
            if tally is not pairs:
                problems += [f"unnamed: {text}" for text in tally.unnamed]
                problems += [f"false: {text}" for text in tally.false]
    console = Console()
    console.print(table)
    for text in problems:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

"""Proves that guards guard: each planned change of an experiment must turn its guard red.

A guard is a cell of the lesson's text that is in no notebook. It follows the experiment, asserts
what its text claims, and begins with planned changes, one a line:

    # %% guard="sgd.momentum"
    # change: momentum=0.7 -> momentum=0.0
    assert losses["momentum"][-1] < 0.1, "with momentum the loss gets below 0.1"

A change is made wherever its old text stands in the experiment's cell, else in the last cell above
it that has the text. That cell and the experiment run again, and afterwards everything is as it
was, apart from tensors that these cells change in place.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import nbformat
from nbformat import NotebookNode

from course_utils.building.run import Run
from course_utils.errors import CourseError

CHANGE = re.compile(r"^# change: (.+?) -> (.*)$", re.MULTILINE)
FIRST = "from course_utils.building.in_kernel import draw_nothing\n\ndraw_nothing()"
KEEP = "from course_utils.building.in_kernel import Kept\n\n_kept = Kept(globals())"
RESTORE = "_kept.restore()"


@dataclass(frozen=True)
class Trial:
    """A run of a guard: as the lesson is (no change), or under a planned change.

    cells: the places of what runs before the guard; guard: its own place in the notebook.
    """

    key: str
    change: str
    cells: list[int]
    guard: int


@dataclass(frozen=True)
class Plan:
    """The notebook that tries all guards of a lesson, and where each trial is in it."""

    notebook: NotebookNode = field(default_factory=nbformat.v4.new_notebook)
    trials: list[Trial] = field(default_factory=list)

    def put(self, source: str) -> int:
        """Add a cell; its place."""
        self.notebook.cells.append(nbformat.v4.new_code_cell(source))
        return len(self.notebook.cells) - 1


def plan(cells: Sequence[NotebookNode]) -> Plan:
    """The trials of a lesson's code cells, guards among them; raises CourseError for a guard that
    has no change, or one that changes nothing.
    """
    made = Plan()
    made.put(FIRST)
    before: list[str] = []
    for place, cell in enumerate(cells):
        if "guard" in cell.metadata:
            continue
        before.append(cell.source)
        guards = [*_guards_of(cells[place + 1 :])]
        for guard in guards:
            _put_changes(made, guard, before)
        here = made.put(cell.source)
        made.trials.extend(
            Trial(guard.metadata["guard"], "", [here], made.put(guard.source)) for guard in guards
        )
    return made


def _guards_of(following: Sequence[NotebookNode]) -> Iterator[NotebookNode]:
    """The guards directly after a cell."""
    for cell in following:
        if "guard" not in cell.metadata:
            return
        yield cell


def _put_changes(made: Plan, guard: NotebookNode, before: Sequence[str]) -> None:
    """Add a trial for each planned change of a guard; before: the experiment's cell, the last, and
    those above it.
    """
    key, changes = guard.metadata["guard"], CHANGE.findall(guard.source)
    if not changes:
        raise CourseError(f"The guard {key} plans no change: write `# change: old -> new` in it.")
    for old, new in changes:
        place = max((i for i, source in enumerate(before) if old in source), default=None)
        if place is None or old == new:
            raise CourseError(f"The guard {key} changes {old!r}, which is in no cell above it.")
        anew = [before[place].replace(old, new), *before[-1:][: place < len(before) - 1]]
        made.put(KEEP)
        ran = [made.put(source) for source in anew]
        made.trials.append(Trial(key, f"{old} -> {new}", ran, made.put(guard.source)))
        made.put(RESTORE)


def problems(made: Plan, done: Run) -> Iterator[str]:
    """What is wrong with the guards, after the run of their notebook."""
    for trial in made.trials:
        stopped = [_error(done.notebook.cells[place]) for place in trial.cells]
        kind, message = _error(done.notebook.cells[trial.guard])
        under = f" under the change {trial.change!r}" if trial.change else ""
        # The experiment itself fails, so its guard says nothing.
        if any(error[0] for error in stopped):
            name, why = next(error for error in stopped if error[0])
            yield f"{trial.key}: the cell fails{under}, {name}: {why}"
        # The guard fails, but not because of its claim.
        elif kind not in ("", "AssertionError"):
            yield f"{trial.key}: the guard fails{under}, {kind}: {message}"
        # The claim holds under a change that should break it.
        elif trial.change and not kind:
            yield f"{trial.key}: the guard stays green{under}: make it assert what the text claims"
        # The claim does not hold of the lesson as it is.
        elif kind and not trial.change:
            yield f"{trial.key}: its claim is false, {message}: correct the text or the experiment"


def table(made: Plan, done: Run) -> list[tuple[str, str, str]]:
    """Experiment, change, and the claim that turned red, of every planned change."""
    return [
        (trial.key, trial.change, _error(done.notebook.cells[trial.guard])[1])
        for trial in made.trials
        if trial.change
    ]


def _error(cell: NotebookNode) -> tuple[str, str]:
    """The name and the text of a cell's error, empty where there is none."""
    errors = [(o.ename, o.evalue) for o in cell.outputs if o.output_type == "error"]
    return errors[0] if errors else ("", "")

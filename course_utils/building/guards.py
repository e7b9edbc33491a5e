"""Proves that guards guard: each planned change of an experiment must turn its guard red.

A guard is a cell of the lesson's text that is in no notebook. It follows the experiment, asserts
what its text claims, and begins with planned changes, one a line:

    # %% guard="sgd.momentum"
    # change: momentum=0.7 -> momentum=0.0
    assert losses["momentum"][-1] < 0.1, "with momentum the loss gets below 0.1"

A change is made wherever its old text stands in the experiment's cell, else in the last cell above
it that has the text. That cell and the experiment run in a copy of the kernel, made just before the
experiment's own cell, so the lesson knows nothing of it.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nbformat import NotebookNode

from course_utils.building import notebook_files as nb
from course_utils.building.run import Run
from course_utils.errors import CourseError

CHANGE = re.compile(r"^# change: (.+?) -> (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Trial:
    """A run of a guard: as the lesson is (no change), or under a planned change.

    sources: the cells that run, the guard last.
    """

    key: str
    change: str
    sources: list[str]


@dataclass(frozen=True)
class Plan:
    """The cells of a lesson with a cell for each trial at its place, and the trials by its id."""

    cells: list[NotebookNode] = field(default_factory=list)
    trials: dict[str, Trial] = field(default_factory=dict)

    def put(self, trial: Trial) -> None:
        """Add the cell of a trial."""
        self.cells.append(cell := nb.beside(f"_beside.try_out({trial.sources!r})"))
        self.trials[cell.id] = trial


@dataclass(frozen=True)
class End:
    """How a trial ended: how many of its cells ended well, and the next one's error, its name and
    its text, empty where there is none.
    """

    trial: Trial
    well: int
    error: str
    message: str


def plan(cells: Sequence[NotebookNode]) -> Plan:
    """The trials of a lesson's cells, guards among them; raises CourseError for a guard that has no
    change, or one that changes nothing.
    """
    made = Plan()
    before: list[str] = []
    for place, cell in enumerate(cells):
        if "guard" in cell.metadata:
            made.put(Trial(cell.metadata["guard"], "", [cell.source]))
            continue
        if _is_code(cell):
            before.append(cell.source)
            for guard in _guards_of(cells[place + 1 :]):
                for trial in _changed(guard, before):
                    made.put(trial)
        made.cells.append(cell)
    return made


def _is_code(cell: NotebookNode) -> bool:
    """Whether a cell is the lesson's own code, and no check or guess."""
    grade = cell.metadata.get("nbgrader", {}).get("grade")
    return cell.cell_type == "code" and not grade and "guess" not in cell.metadata


def _guards_of(following: Sequence[NotebookNode]) -> Iterator[NotebookNode]:
    """The guards behind a cell, up to the lesson's next code."""
    for cell in following:
        if "guard" in cell.metadata:
            yield cell
        elif _is_code(cell):
            return


def _changed(guard: NotebookNode, before: Sequence[str]) -> Iterator[Trial]:
    """A trial for each planned change of a guard; before: the experiment's cell, the last, and
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
        yield Trial(key, f"{old} -> {new}", [*anew, guard.source])


def ends(trials: Mapping[str, Trial], done: Run) -> list[End]:
    """How the trials ended, after the run of their plan's cells."""
    cells = [cell for cell in done.notebook.cells if cell.id in trials]
    return [End(trials[cell.id], *json.loads(cell.outputs[0].text)) for cell in cells]


def problems(ended: Sequence[End]) -> Iterator[str]:
    """What is wrong with the guards."""
    for end in ended:
        key, change = end.trial.key, end.trial.change
        under = f" under the change {change!r}" if change else ""
        # The experiment itself fails, so its guard says nothing.
        if end.error and end.well < len(end.trial.sources) - 1:
            yield f"{key}: the cell fails{under}, {end.error}: {end.message}"
        # The guard fails, but not because of its claim.
        elif end.error not in ("", "AssertionError"):
            yield f"{key}: the guard fails{under}, {end.error}: {end.message}"
        # The claim holds under a change that should break it.
        elif change and not end.error:
            yield f"{key}: the guard stays green{under}: make it assert what the text claims"
        # The claim does not hold of the lesson as it is.
        elif end.error and not change:
            yield f"{key}: its claim is false, {end.message}: correct the text or the experiment"


def table(ended: Sequence[End]) -> list[tuple[str, str, str]]:
    """Experiment, change, and the claim that turned red, of every planned change."""
    return [(e.trial.key, e.trial.change, e.message) for e in ended if e.trial.change]

"""The rules that a lesson must keep: each is a function that yields what breaks the rule in its
docstring.
"""

import ast
import importlib
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from course_utils import experiments
from course_utils.building import guards
from course_utils.building import notebook_files as nb
from course_utils.building.build import stale
from course_utils.building.lesson import Lesson, files
from course_utils.building.new import left
from course_utils.building.parts import EXTRA, core, headings, parts, unmet
from course_utils.building.questions import TABLE, TIME, marked
from course_utils.building.run import Run, run
from course_utils.checking import axes
from course_utils.checking.compare import first_difference
from course_utils.checking.evidence import Evidence
from course_utils.checking.exercise import (
    Case,
    Exercise,
    FreeText,
    Training,
    exercises,
    free_texts,
    lessons,
    reference,
)
from course_utils.checking.forms import Form
from course_utils.checking.judge import (
    PUBLIC_SEED,
    Verdict,
    course_error,
    expected_evidence,
    judge_evidence,
)
from course_utils.checking.repair import Repair
from course_utils.checking.running import collect
from course_utils.checking.world import fixed_world
from course_utils.errors import CourseError

SEEDS = (PUBLIC_SEED, 1, 2)
MORE_SEEDS = tuple(range(20))  # for right answers; PUBLIC_SEED is one of them
FIVE = "Five questions first"  # the heading
SLOWEST = 20.0  # seconds
IGNORED = "nbval-ignore-output"  # the tag of a cell whose outputs may differ from run to run
PICTURES = {"image/png", "image/jpeg"}
FEWEST_MISTAKES, FEWEST_ALTERNATIVES = 5, 2
SOLUTION = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.DOTALL)
HIDDEN = re.compile(r"### BEGIN HIDDEN TESTS\n(.*?)### END HIDDEN TESTS", re.DOTALL)
# Lines that many cells have in common and that give nothing away.
COMMON = re.compile(
    r"super\(\).__init__\(\)|else:|try:|pass|return|continue|break|with torch\.no_grad\(\):|\W*"
)


@dataclass
class Subject:
    """A lesson under the rules; what several rules need is made once, when the first asks for it.

    only: the ids of the exercises to look at, all where none is given.
    """

    lesson: Lesson
    only: Collection[str] = ()

    @cached_property
    def exercises(self) -> list[Exercise]:
        """What the lesson asks for in code."""
        return [
            exercise
            for exercise in exercises(self.lesson.short)
            if exercise.id in (self.only or (exercise.id,))
        ]

    @cached_property
    def questions(self) -> list[FreeText]:
        """What the lesson asks for in words."""
        return free_texts(self.lesson.short)

    @cached_property
    def text(self) -> NotebookNode:
        """The lesson's text as a notebook."""
        return nb.from_text(self.lesson)

    @cached_property
    def release(self) -> NotebookNode:
        """The released notebook as it is committed."""
        return nb.read(self.lesson.released)

    @cached_property
    def plan(self) -> guards.Plan:
        """The text with a trial for each guard and each planned change."""
        return guards.plan(nb.from_text(self.lesson, guards=True).cells)

    @cached_property
    def tried(self) -> tuple[Run, list[guards.End]]:
        """The text as it runs now, its figures only laid out, and how the trials end that run
        beside it; its last cell, added here, tries the examples of the released docstrings.
        """
        notebook, trials = nb.from_text(self.lesson), dict[str, guards.Trial]()
        with suppress(CourseError):  # which the rule about guards tells
            notebook.cells, trials = [*self.plan.cells], self.plan.trials
        docstrings = {
            exercise.name: _docstrings(_cell(self.release, exercise.name))
            for exercise in self.exercises
        }
        source = (
            "from course_utils.building.docstrings import show_examples\n"
            f"show_examples({docstrings!r}, globals())"
        )
        notebook.cells.append(nbformat.v4.new_code_cell(source, id="examples"))
        done = _run(notebook, self.lesson.solved.parent, "lay_out_only")
        return done.own(), guards.ends(trials, done)

    @cached_property
    def solved_run(self) -> Run:
        """The text as it runs now."""
        return self.tried[0]

    @cached_property
    def core_run(self) -> Run:
        """What is left of the text without what is extra, as it runs now, its figures not drawn."""
        notebook = nb.from_text(self.lesson, extra=False)
        try:
            return _run(notebook, self.lesson.solved.parent, "draw_nothing").own()
        except CourseError as error:
            raise CourseError(f"without what is extra, {error}") from None

    @cached_property
    def release_run(self) -> Run:
        """The release as it runs when nobody has touched it, its figures not drawn."""
        notebook, folder = nb.read(self.lesson.released), self.lesson.released.parent
        return _run(notebook, folder, "draw_nothing", allow_errors=True).own()

    @cached_property
    def alternatives(self) -> dict[str, list[Any]]:
        """Other right answers by exercise id."""
        return self._from_tests().right_answers(self.lesson.short)

    @cached_property
    def shortcuts(self) -> dict[str, list[Any]]:
        """Answers that are right and use what is not allowed, by exercise id."""
        return self._from_tests().shortcuts(self.lesson.short)

    @cached_property
    def wrong(self) -> list[Any]:
        """The lesson's independent wrong answers."""
        return self._from_tests().wrong_answers(self.lesson.short)

    def _from_tests(self) -> Any:
        """What tests/ has of answers."""
        if str(self.lesson.root) not in sys.path:
            sys.path.insert(0, str(self.lesson.root))
        return importlib.import_module("tests.answers")

    @cached_property
    def missed(self) -> dict[str, list[str]]:
        """By exercise id: independent wrong answers that are accepted or get no due name, and how
        they are judged.
        """
        return {exercise.id: [*self._missed(exercise)] for exercise in self.exercises}

    @cached_property
    def refused(self) -> dict[str, list[str]]:
        """By exercise id: other right answers that do not pass, and why."""
        return {exercise.id: [*self._refused(exercise)] for exercise in self.exercises}

    @cached_property
    def due(self) -> dict[tuple[str, int], tuple[list[Case], list[Evidence]]]:
        """By exercise and seed: the cases, and what is expected of them."""
        return {}

    def expected(self, exercise: Exercise, seed: int) -> tuple[list[Case], list[Evidence]]:
        """The cases of an exercise under a seed and what is expected of them, computed once."""
        if (exercise.id, seed) not in self.due:
            cases = exercise.draw(seed)
            self.due[exercise.id, seed] = cases, expected_evidence(exercise, cases, seed)
        return self.due[exercise.id, seed]

    def judged(self, exercise: Exercise, answer: Any, seed: int, guarded: bool = True) -> Verdict:
        """What the judge says of an answer to the cases of a seed."""
        try:
            cases, expected = self.expected(exercise, seed)
        except Exception as error:
            return course_error(exercise.id, error)
        evidence = collect(exercise, answer, cases, guarded, seed)
        return judge_evidence(exercise, cases, evidence, seed, expected)

    def _missed(self, exercise: Exercise) -> Iterator[str]:
        """A sentence on each answer that is accepted or not named; of two mistakes, none need be.

        An answer that keeps something is judged with one seed: with the next it is another answer.
        """
        for item in (item for item in self.wrong if item.id == exercise.id):
            keeps = any(axes.AGAIN.mistake in names for names in item.due)
            for seed in SEEDS[:1] if keeps else SEEDS:
                if len(item.due) != 1 and self._differs(exercise, item.answer, seed):
                    continue
                verdict = self.judged(exercise, item.answer, seed)
                if verdict.score == 1 or (len(item.due) == 1 and not item.named(verdict.mistake)):
                    names = " and ".join(" or ".join(sorted(names)) for names in item.due)
                    due = names or "a wrong answer"
                    yield f"{exercise.id}: {due!r} gets, with seed {seed}, {_said(verdict)}"
                    break

    def _differs(self, exercise: Exercise, answer: Any, seed: int) -> bool:
        """Whether an answer is refused, where a look at its evidence says so and no name is due."""
        if isinstance(exercise, Training | Form):
            return False
        cases, expected = self.expected(exercise, seed)
        evidence = collect(exercise, answer, cases, seed=seed)
        with fixed_world():
            found = first_difference(cases, expected, evidence)
        return found is not None or any(item.shortcut for item in evidence)

    def _refused(self, exercise: Exercise) -> Iterator[str]:
        """What is said of each other right answer that does not pass."""
        for answer in self.alternatives.get(exercise.id, []):
            for seed in _seeds(exercise):
                verdict = self.judged(exercise, answer, seed)
                if verdict.status != "right":
                    yield f"{exercise.id}: {_name(answer)} gets, with seed {seed}, {_said(verdict)}"
                    break


Rule = Callable[[Subject], Iterator[str]]


def in_step(subject: Subject) -> Iterator[str]:
    """The solved and the released notebook are up to date with the text."""
    for problem in stale(subject.lesson):
        yield f"{problem}: run `course build {subject.lesson.name}`"


def release_scores_nothing(subject: Subject) -> Iterator[str]:
    """The untouched release scores exactly 0, and every check says not attempted."""
    for cell, points, _ in _graded(subject.release_run.notebook):
        statuses = _statuses(cell)
        if points != 0:
            yield f"{cell.id} scores {points:g}: put all of the answer between the solution markers"
        if cell.cell_type == "code" and statuses != ["not attempted"]:
            yield f"{cell.id} says {' and '.join(statuses) or _error(cell)}"


def solution_scores_full(subject: Subject) -> Iterator[str]:
    """The solution scores full points in every check, its hidden tests included."""
    yield from _short_of_points(subject.solved_run.notebook)


def outputs_are_stored(subject: Subject) -> Iterator[str]:
    """Every cell gives the stored output, apart from pictures and outputs that are ignored."""
    for cell in _other_outputs(subject.solved_run.notebook, subject.lesson):
        yield (
            f"{cell} does not give the stored outputs: "
            f"run `course build {subject.lesson.name}`, or make them the same at every run"
        )


def core_runs_alone(subject: Subject) -> Iterator[str]:
    """Run without what is extra, the core scores full points and gives the stored outputs."""
    notebook = subject.core_run.notebook
    for problem in _short_of_points(notebook):
        yield f"without what is extra, {problem}"
    for cell in _other_outputs(notebook, subject.lesson):
        yield (
            f"without what is extra, {cell} does not give the stored outputs: it depends on "
            "what an extra cell changes, such as the state of a generator"
        )


def questions_are_asked(subject: Subject) -> Iterator[str]:
    """Every exercise and question has one cell and one points line; table and time are there."""
    text = subject.lesson.text.read_text(encoding="utf-8")
    lines = Counter(name for group in marked(text) for name in group)
    asked: list[Exercise | FreeText] = [*subject.exercises, *subject.questions]
    for question in asked:
        name = question.name
        if not _flag(_cell(subject.text, name), "solution"):
            kind = "[markdown] " * isinstance(question, FreeText)
            yield f'{name} has no cell: write `# %% {kind}exercise="{name}"` above its answer'
        if lines[name] != 1:
            yield f"{name} has {lines[name]} points lines: write {{{{ {name} }}}} where it is asked"
    for name, what in ((TABLE, "table of exercises"), (TIME, "minutes")):
        if f"{{{{ {name} }}}}" not in text:
            yield f"the text has no {what}: write {{{{ {name} }}}} below the title"


def nothing_leaks(subject: Subject) -> Iterator[str]:
    """No line of a solution or of a hidden test appears in the release."""
    # The lines that are to be repaired are shown on purpose, after the exercise that they answer.
    given = _lines(item.buggy for item in subject.exercises if isinstance(item, Repair))
    release = {
        " ".join(line.split())
        for cell in subject.release.cells
        for line in cell.source.splitlines()
    }
    for cell in subject.text.cells:
        regions = [*SOLUTION.findall(cell.source), *HIDDEN.findall(cell.source)]
        if _flag(cell, "solution") and "### BEGIN SOLUTION" not in cell.source:
            regions.append(cell.source)
        for line in (" ".join(line.split()) for region in regions for line in region.splitlines()):
            # A line leaks if the release has it, or all of it that follows `return` or #.
            core = re.sub(r"^return |^#+ ", "", line)
            inside = len(core) >= 12 and any(core in other for other in release)
            free = line in given or COMMON.fullmatch(line)
            if not free and (line in release or inside):
                yield f"{cell.id}: {line!r} can be read in the release: reword the prose"


def _lines(texts: Iterable[str]) -> set[str]:
    """The lines of texts, their blanks put together."""
    return {" ".join(line.split()) for text in texts for line in text.splitlines()}


def hints_are_there(subject: Subject) -> Iterator[str]:
    """Every exercise has hints in a <details> block between its cell and the next exercise's."""
    names = {exercise.name for exercise in subject.exercises}
    hinted: dict[str, bool] = dict.fromkeys(names, False)
    current = ""
    for cell in subject.text.cells:
        if _flag(cell, "solution"):
            current = cell.id
        elif current in names and cell.cell_type == "markdown" and "<details" in cell.source:
            hinted[current] = True
    for exercise in subject.exercises:
        if not hinted[exercise.name]:
            yield f"{exercise.name} has no <details> with hints: add a cell of them after its cell"


def docstrings_are_true(subject: Subject) -> Iterator[str]:
    """Every stub has a docstring with shapes, where it takes tensors, and true examples (>>>)."""
    for exercise in subject.exercises:
        cell = _cell(subject.release, exercise.name)
        docstrings = _docstrings(cell)
        if not docstrings:
            yield f"{exercise.name} has no docstring: add one above its solution markers"
        elif re.search("tensor|torch", docstrings) and not re.search(
            r"\bshapes?\b|\([^()]*,[^()]*\)", docstrings
        ):
            yield f"{exercise.name}: the docstring gives no shape, such as x: (n, d)"
    cell = subject.solved_run.notebook.cells[-1]
    for name, result in json.loads(cell.outputs[0].text).items():
        if not result["examples"]:
            yield f"{name}: the docstring has no example: add one, such as >>> relu(torch.ones(2))"
        elif result["wrong"]:
            wrong = " ".join(result["wrong"].split("Failed example:")[-1].split())
            yield f"{name}: an example in the docstring gives something else: {wrong}"


def no_cell_is_slow(subject: Subject) -> Iterator[str]:
    """No cell takes longer than 20 seconds."""
    for done in (subject.solved_run, subject.release_run):
        for index, seconds in enumerate(done.seconds):
            if seconds > SLOWEST:
                yield f"{nb.place(done.notebook, index)} took {seconds:.0f} s: let it do less"


def images_have_alt_text(subject: Subject) -> Iterator[str]:
    """Every image in the text and every figure that the code shows has alt text."""
    for index, cell in enumerate(subject.text.cells):
        if cell.cell_type == "markdown":
            bare = re.findall(r"!\[\s*\]\([^)]*\)", cell.source)
            tags = re.findall(r"<img\b[^>]*>", cell.source)
            for image in bare + [
                tag for tag in tags if not re.search(r'\balt="[^"]*\w[^"]*"', tag)
            ]:
                place = nb.place(subject.text, index)
                yield f"{place}: {image[:60]} has no alt text: say in it what the picture teaches"
    solved = nb.read(subject.lesson.solved)
    for index, cell in enumerate(solved.cells):
        for output in cell.get("outputs", []):
            images = [kind for kind in output.get("data", {}) if kind.startswith("image/")]
            if not all(output.metadata.get(kind, {}).get("alt") for kind in images):
                place = nb.place(solved, index)
                yield f"{place}: a figure has no alt text: show it with plots.show(figure, key)"


def experiments_are_told(subject: Subject) -> Iterator[str]:
    """Every declared experiment is in the lesson: guessed first, then shown, and guarded."""
    short = subject.lesson.short
    guarded = {cell.metadata.get("guard") for cell in nb.text_cells(subject.lesson)}
    asked = [cell.metadata.get("guess") for cell in subject.text.cells]
    for name, experiment in experiments.lesson(short).items():
        key, file = f"{short}.{name}", f"course_utils/experiments/{short}.toml"
        shown = [
            place
            for place, cell in enumerate(subject.text.cells)
            if f'"{key}"' in cell.source and not asked[place] and not _flag(cell, "grade")
        ]
        if not shown:
            yield f"{key} is never shown: show it in the text, or delete it from {file}"
        if experiment.ask and (key not in asked or asked.index(key) > min(shown, default=0)):
            yield f'{key} is not guessed first: write `# %% guess="{key}"` before its experiment'
        if experiment.ask and experiment.shown not in experiment.letters:
            yield f'{key} does not say which option is shown: write shown = "a" in {file}'
        if experiment.ask and key not in guarded:
            yield f'{key} has no guard: write `# %% guard="{key}"` behind its experiment'


def memory_is_asked(subject: Subject) -> Iterator[str]:
    """Every lesson opens with five questions on what came before, their answers folded."""
    before: list[str] = []
    for cell in subject.text.cells:
        if _flag(cell, "solution"):
            break
        before.append(cell.source)
    asked = next((source for source in before if f"## {FIVE}" in source), "")
    number = asked.partition(f"## {FIVE}")[2].count("<details><summary>")
    if number != 5:
        yield f"{number} questions under `## {FIVE}`: ask five before the first exercise"


def claims_are_guarded(subject: Subject) -> Iterator[str]:
    """Every guard holds, and every planned change of an experiment turns its guard red."""
    if subject.plan.trials:
        yield from guards.problems(subject.tried[1])


def headings_are_in_order(subject: Subject) -> Iterator[str]:
    """The first cell holds the one title, and no heading skips a level."""
    prose = [cell.source if cell.cell_type == "markdown" else "" for cell in subject.text.cells]
    found = [
        (len(heading[1]), heading[2], index)
        for index, source in enumerate(prose)
        for heading in headings(source)
    ]
    if not found or found[0][0] != 1 or found[0][2] != 0:
        yield "the first cell has no title (# ...)"
    for (above, _, _), (level, title, index) in zip(found, found[1:], strict=False):
        if level == 1:
            yield f"{nb.place(subject.text, index)} is a second title"
        elif level > above + 1:
            yield f"the heading {title!r} goes from level {above} to level {level}"


def core_stands_alone(subject: Subject) -> Iterator[str]:
    """The core needs nothing that is extra, and each exercise is in its own part."""
    cells = nb.text_cells(subject.lesson)
    part = {item.name: item.extra for item in subject.exercises}
    part |= {item.name: item.extra for item in subject.questions}
    for cell, extra in parts(cells):
        asked = [name for names in marked(cell.source) for name in names]
        for name in {*asked, cell.metadata.get("exercise")} & {*part}:
            if part[name] != extra:
                yield (
                    f"{name} is {'extra' if part[name] else 'core'} but is not in "
                    f"that part: end the heading above it in {EXTRA!r}, or change its `extra`"
                )
    # Names that the core takes from an extra cell of this lesson, then of another.
    for cell, name in unmet(cells):
        yield (
            f"the core's cell {cell.source[:40]!r} needs {name}, which an extra one defines: "
            "define it in the core"
        )
    others = {item.name for lesson in lessons() for item in exercises(lesson) if item.extra}
    for source in (cell.source for cell in core(cells) if cell.cell_type == "code"):
        for taken in re.findall(r"from course_utils\.mine import (\([^)]*\)|.*)", source):
            for name in sorted({*re.findall(r"\w+", taken)} & others):
                yield f"the core takes {name} from another lesson, where it is extra"


def folders_hold_the_lesson(subject: Subject) -> Iterator[str]:
    """The lesson's folders hold its notebook, files that its text names, and nothing else."""
    sources = "\n".join(cell.source for cell in subject.text.cells)
    for notebook in (subject.lesson.solved, subject.lesson.released):
        for path in files(notebook.parent, besides=notebook):
            if path.as_posix() not in sources:
                name = f"{notebook.parent.parent.name}/{subject.lesson.name}/{path}"
                yield f"{name} is not named in the lesson: show it there, or delete it"
    for named in re.findall(r"!\[[^\]]*\]\(([^):]+)\)|<img\b[^>]*src=\"([^\":]+)\"", sources):
        if not (subject.lesson.solved.parent / "".join(named)).is_file():
            yield f"the picture {''.join(named)} is missing beside the solved notebook"


def reference_is_right(subject: Subject) -> Iterator[str]:
    """The reference itself is judged right, with twenty seeds, and where it trains with three."""
    for exercise in subject.exercises:
        for seed in _seeds(exercise):
            verdict = subject.judged(exercise, reference(exercise), seed, guarded=False)
            if verdict.status != "right":
                outcome = f"{verdict.status}: {' '.join(verdict.message.split())}"
                file = f"course_utils/reference/{exercise.lesson}.py"
                yield f"{exercise.id}, seed {seed}: {outcome} Correct {file}, or the exercise."
                break


def wrong_answers_are_named(subject: Subject) -> Iterator[str]:
    """Every wrong answer is refused and gets the name it should, with three seeds."""
    for missed in subject.missed.values():
        yield from missed


def alternatives_pass(subject: Subject) -> Iterator[str]:
    """Every other right answer passes, with twenty seeds, and where it trains with three."""
    for refused in subject.refused.values():
        yield from refused


def shortcuts_are_refused(subject: Subject) -> Iterator[str]:
    """Every shortcut gives what the reference gives, with as many seeds, and is refused as one."""
    for exercise in subject.exercises:
        for answer in subject.shortcuts.get(exercise.id, []):
            name = f"{exercise.id}: {_name(answer)}"
            for seed in _seeds(exercise):
                verdict = subject.judged(exercise, answer, seed, guarded=False)
                if verdict.status != "right":
                    yield f"{name} is not what the reference is: with seed {seed}, {_said(verdict)}"
                    break
            if subject.judged(exercise, answer, SEEDS[0]).status != "shortcut":
                yield f"{name} is not noticed: add what it uses to `shortcuts` of its exercise"


def all_is_filled_in(subject: Subject) -> Iterator[str]:
    """Everything that `course new` left to fill in is filled in."""
    yield from left(subject.lesson)


def evidence_follows_the_seed(subject: Subject) -> Iterator[str]:
    """What is expected of an answer changes with the seed, so that no answer can be a constant."""
    for exercise in subject.exercises:
        if not isinstance(exercise, Training):
            (cases, one), (_, other) = (subject.expected(exercise, seed) for seed in SEEDS[:2])
            if first_difference(cases, one, other) is None:
                yield f"{exercise.id} expects the same with every seed: draw its inputs"


def answers_are_enough(subject: Subject) -> Iterator[str]:
    """Every exercise has 5 mistakes or more, with hints and wrong answers, and 2 right answers."""
    for exercise in subject.exercises:
        id, mistakes = exercise.id, exercise.mistakes
        if len(mistakes) < FEWEST_MISTAKES:
            file = f"course_utils/exercises/{exercise.lesson}.py"
            yield f"{id} has {len(mistakes)} mistakes: add at least 5 to its `mistakes` in {file}"
        if len({m.hint for m in mistakes}) < len({m.name for m in mistakes}):
            yield f"{id} has two mistakes with the same hint: say what is particular to each"
        if len(subject.alternatives.get(id, [])) < FEWEST_ALTERNATIVES:
            number = len(subject.alternatives.get(id, []))
            file = f"tests/answers/{exercise.lesson}.py"
            yield f"{id} has {number} other right answers: add at least 2 to {file}"
        due = {
            name for item in subject.wrong if item.id == id for names in item.due for name in names
        }
        for name in sorted({mistake.name for mistake in mistakes} - due):
            file = f"tests/answers/{exercise.lesson}.py"
            yield f"{id}: add an answer that makes the mistake {name!r} to {file}"
    known = {exercise.id for exercise in exercises(subject.lesson.short)}
    given = {*subject.alternatives, *subject.shortcuts, *(item.id for item in subject.wrong)}
    for id in sorted(given - known):
        yield f"tests/ has answers to {id}, which is no exercise: correct its id, or delete them"


ANSWER_RULES: tuple[Rule, ...] = (
    all_is_filled_in,
    reference_is_right,
    wrong_answers_are_named,
    alternatives_pass,
    shortcuts_are_refused,
    answers_are_enough,
    evidence_follows_the_seed,
)
RULES: tuple[Rule, ...] = (
    in_step,
    folders_hold_the_lesson,
    questions_are_asked,
    nothing_leaks,
    hints_are_there,
    images_have_alt_text,
    experiments_are_told,
    memory_is_asked,
    headings_are_in_order,
    core_stands_alone,
    core_runs_alone,
    outputs_are_stored,
    solution_scores_full,
    release_scores_nothing,
    docstrings_are_true,
    no_cell_is_slow,
    claims_are_guarded,
    *ANSWER_RULES,
)


def _seeds(exercise: Exercise) -> tuple[int, ...]:
    return SEEDS if isinstance(exercise, Training) else MORE_SEEDS


def _name(answer: Any) -> str:
    return getattr(answer, "__name__", type(answer).__name__)


def _said(verdict: Verdict) -> str:
    return f"{verdict.status}, {verdict.mistake}: {' '.join(verdict.message.split())}"


def _run(notebook: NotebookNode, folder: Path, figures: str, allow_errors: bool = False) -> Run:
    """Run in a copy of the folder, so that a notebook that writes files leaves none behind.

    figures: what `in_kernel` is to do with them.
    """
    notebook.cells.insert(0, nb.beside(f"_beside.{figures}()"))
    with tempfile.TemporaryDirectory() as temporary:
        for path in files(folder):
            copy = Path(temporary) / path
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes((folder / path).read_bytes())
        return run(notebook, Path(temporary), allow_errors)


def _graded(notebook: NotebookNode) -> Iterator[tuple[NotebookNode, float, float]]:
    """Every graded cell, what nbgrader gives for it, and the most there is; a question to be read
    by hand gives 0.
    """
    from nbgrader.utils import determine_grade

    for cell in notebook.cells:
        if _flag(cell, "grade"):
            points, most = determine_grade(cell)
            yield cell, points or 0.0, most


def _short_of_points(notebook: NotebookNode) -> Iterator[str]:
    """What is said of each check of a run that does not give all its points."""
    for cell, points, most in _graded(notebook):
        if cell.cell_type == "code" and (points != most or _statuses(cell) != ["right"]):
            card = " and ".join(_statuses(cell)) or _error(cell)
            yield f"{cell.id} scores {points:g} of {most:g} and says {card}: correct the answer"


def _other_outputs(notebook: NotebookNode, lesson: Lesson) -> Iterator[str]:
    """The places of the cells of a run whose outputs are not those of the solved notebook."""
    stored = {cell.id: cell for cell in nb.read(lesson.solved).cells}
    for index, cell in enumerate(notebook.cells):
        if cell.id not in stored or IGNORED in cell.metadata.get("tags", []):
            continue  # what tries the docstrings is not stored, nor is a cell that is out of step
        if _compared(cell) != _compared(stored[cell.id]):
            yield nb.place(notebook, index)


def _statuses(cell: NotebookNode) -> list[str]:
    """The verdicts on the cards that a check cell shows."""
    html = "".join(
        output.get("data", {}).get("text/html", "") for output in cell.get("outputs", [])
    )
    return re.findall(r'class="course-card" data-status="([^"]+)"', html)


def _compared(cell: NotebookNode) -> list[dict[str, Any]]:
    """The outputs of a cell without what may differ: pictures, their metadata and the count."""
    kept = []
    for output in cell.get("outputs", []):
        data = {kind: text for kind, text in output.get("data", {}).items() if kind not in PICTURES}
        kept.append({**output, "data": data, "metadata": None, "execution_count": None})
    return kept


def _error(cell: NotebookNode) -> str:
    errors = [f"{o.ename}: {o.evalue}" for o in cell.outputs if o.output_type == "error"]
    return errors[0] if errors else "nothing"


def _flag(cell: NotebookNode, name: str) -> bool:
    return bool(cell.metadata.get("nbgrader", {}).get(name, False))


def _cell(notebook: NotebookNode, name: str) -> NotebookNode:
    """The cell with this id, or an empty one."""
    return next(
        (cell for cell in notebook.cells if cell.id == name), nbformat.v4.new_code_cell(id=name)
    )


def _docstrings(cell: NotebookNode) -> str:
    """All docstrings of a cell, one after the other."""
    try:
        nodes = [*ast.walk(ast.parse(cell.source))]
    except SyntaxError:
        return ""
    kinds = ast.FunctionDef | ast.ClassDef
    return "\n\n".join(
        text for node in nodes if isinstance(node, kinds) and (text := ast.get_docstring(node))
    )

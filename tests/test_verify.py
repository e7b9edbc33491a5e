"""Every rule of `course verify` holds for a sound lesson and goes red when a lesson breaks it."""

import dataclasses
import json

import nbformat
import pytest
import torch
from typer.testing import CliRunner

from course_utils import experiments
from course_utils.building import notebook_files as nb
from course_utils.building import rules, verify
from course_utils.building.build import build
from course_utils.building.docstrings import show_examples
from course_utils.building.lesson import Lesson
from course_utils.building.rules import RULES, Subject
from course_utils.building.run import Run
from course_utils.checking.edit import edit
from course_utils.checking.exercise import FreeText, Mistake, Rng
from course_utils.cli import app
from course_utils.errors import CourseError
from course_utils.exercises.linear import Relu
from course_utils.experiments import Experiment
from course_utils.reference.linear import relu
from tests import tiny
from tests.answers import Wrong

ANSWERS = {"linear.relu": [lambda x: x * (x > 0), lambda x: (x + x.abs()) / 2]}
STUB = "# YOUR CODE HERE\nraise NotImplementedError()"
MISTAKES = tuple(
    Mistake(name, edit("x.clamp(min=0)", text), f"You give {name}.")
    for name, text in (
        ("x", "x + 0"),
        ("-x", "-x"),
        ("|x|", "x.abs()"),
        ("2", "x * 0 + 2"),
        ("min", "x.clamp(max=0)"),
    )
)
WRONG = [
    Wrong("linear.relu", (frozenset([name]),), answer)
    for name, answer in (
        ("x", lambda x: x + 0),
        ("-x", lambda x: 0 - x),
        ("|x|", lambda x: torch.where(x > 0, x, -x)),
        ("2", lambda x: 0 * x + 2),
        ("min", lambda x: x * (x < 0)),
    )
]


@pytest.fixture(autouse=True)
def relu_alone(monkeypatch):
    """The tiny lesson has one exercise and no question."""
    monkeypatch.setattr(rules, "exercises", lambda lesson: [Relu()])
    monkeypatch.setattr(rules, "free_texts", lambda lesson: [])
    monkeypatch.setattr(experiments, "lesson", lambda name: {})
    monkeypatch.setattr(Relu, "mistakes", MISTAKES)
    monkeypatch.setattr(Subject, "alternatives", dict(ANSWERS))
    monkeypatch.setattr(Subject, "shortcuts", {})
    monkeypatch.setattr(Subject, "wrong", WRONG)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    lesson = tiny.lesson(tmp_path_factory.mktemp("tiny"), tiny.RELU)
    build(lesson)
    return lesson


@pytest.fixture
def subject(built, tmp_path):
    """The tiny lesson, with runs that need no kernel."""
    lesson = tiny.copy(built, tmp_path)
    subject = Subject(lesson)
    notebook = nb.read(lesson.solved)
    subject.__dict__["solved_run"] = Run(notebook, [0.0] * len(notebook.cells))
    subject.__dict__["core_run"] = Run(nb.read(lesson.solved), [0.0] * len(notebook.cells))
    subject.__dict__["release_run"] = Run(nb.read(lesson.released), [0.0] * len(notebook.cells))
    return subject


def test_a_sound_lesson_keeps_every_rule(built):
    report = verify.joined([verify.examine(built, part) for part in verify.parts(RULES)])
    assert report.problems == {rule.__name__: [] for rule in RULES}
    assert report.counts == [
        verify.Count("linear.relu", mistakes=5, named=5, wrong=5, passed=2, alternatives=2)
    ]
    assert report.kept


def test_every_rule_says_what_it_is_in_one_sentence():
    for rule in RULES:
        assert rule.__doc__.endswith(".") and "\n" not in rule.__doc__


def text(old: str, new: str):
    """Break the text alone; the notebooks stay."""
    return lambda subject, _: tiny.edit(subject.lesson.text, old, new)


ASKED = {"ask": "A bend?", "options": ("yes", "no"), "shown": "a"}


def declared(**entry):
    """Declare an experiment that the lesson does not have."""
    known = {"bend": Experiment(**entry)}
    return lambda _, monkeypatch: monkeypatch.setattr(experiments, "lesson", lambda name: known)


def guard(claim, change="# change: relu(x): -> relu(x, y=1):"):
    """Put a guard behind the answer."""
    cell = f'# %% guard="linear.bend"\n{change}\n{claim}, "1 is 2"\n\n'.replace("\n, ", "\npass # ")
    return text("# %% [markdown]\n# <details>", cell + "# %% [markdown]\n# <details>")


def question(subject, _):
    subject.__dict__["questions"] = [FreeText("linear.why")]


def released(old: str, new: str):
    return lambda subject, _: tiny.edit(subject.lesson.released, old, new)


def stray(tree: str):
    def write(subject, _):
        (subject.lesson.root / tree / subject.lesson.name / "notes.txt").write_text("stray")

    return write


def figure_without_words(subject, _):
    solved = nb.read(subject.lesson.solved)
    figure = nbformat.v4.new_output("display_data", {"image/png": "", "text/plain": "<Figure>"})
    solved.cells[1].outputs.append(figure)
    nb.write(subject.lesson.solved, nb.to_bytes(solved))


def store(subject, change, tags=()):
    """Change a stored output of the check's cell, and mark the cell in text and notebook."""
    solved = nb.read(subject.lesson.solved)
    cell = rules._cell(solved, "check-relu")
    change(cell.outputs[0].data)
    nb.write(subject.lesson.solved, nb.to_bytes(solved))
    rules._cell(subject.solved_run.notebook, "check-relu").metadata["tags"] = [*tags]


def other_output(subject, _):
    store(subject, lambda data: data.update({"text/plain": "right, once"}))


def more_outputs(subject, _):
    rules._cell(subject.solved_run.notebook, "check-relu").outputs *= 2


EXTRA = """# %% [markdown]
# ## What helps · extra

# %%
setattr(torch, "least", 0)

# %% [markdown]
# ## The bend
"""


def core_that_fails(subject, _):
    """An answer that an extra cell helps in a way that no name in the notebook shows."""
    del subject.__dict__["core_run"]
    tiny.edit(subject.lesson.text, "# %% [markdown]\n# ## The bend\n", EXTRA)
    tiny.edit(subject.lesson.text, "x.clamp(min=0)", "x.clamp(min=torch.least)")


def core_with_more_outputs(subject, _):
    rules._cell(subject.core_run.notebook, "check-relu").outputs *= 2


def solution_that_fails(subject, _):
    del subject.__dict__["solved_run"]
    tiny.edit(subject.lesson.text, "return x.clamp(min=0)", "return x.clamp(min=1)")


def warns(which: str):
    def warn(subject, _):
        warning = nbformat.v4.new_output("stream", name="stderr", text="careful")
        subject.__dict__[which].notebook.cells[4].outputs.append(warning)

    return warn


def release_that_is_solved(subject, _):
    del subject.__dict__["release_run"]
    tiny.edit(subject.lesson.released, "raise NotImplementedError()", "return x.clamp(min=0)")


def release_that_is_wrong(subject, _):
    del subject.__dict__["release_run"]
    tiny.edit(subject.lesson.released, "raise NotImplementedError()", "return x")


def slow(which: str):
    def wait(subject, _):
        done = subject.__dict__[which]
        subject.__dict__[which] = dataclasses.replace(done, seconds=[0, 20.5, *done.seconds[2:]])

    return wait


def mistakes(*replaced: Mistake):
    return lambda _, monkeypatch: monkeypatch.setattr(Relu, "mistakes", replaced)


def wrong(*answers, id="linear.relu"):
    """Wrong answers with these names due; None where no name is."""
    replaced = [Wrong(id, (frozenset([name]),) if name else (), answer) for name, answer in answers]
    return lambda _, monkeypatch: monkeypatch.setattr(Subject, "wrong", replaced)


def alternatives(**answers):
    replaced = {f"linear.{name}": value for name, value in answers.items()}
    return lambda _, monkeypatch: monkeypatch.setattr(Subject, "alternatives", replaced)


def shortcuts(**answers):
    replaced = {f"linear.{name}": [answer] for name, answer in answers.items()}
    return lambda _, monkeypatch: monkeypatch.setattr(Subject, "shortcuts", replaced)


def one_seed(subject, monkeypatch):
    relu = type(subject.exercises[0])
    cases = relu.cases
    monkeypatch.setattr(relu, "cases", lambda self, _: cases(self, Rng(0, self.id)))


def wrong_reference(subject, monkeypatch):
    def stub(x):
        raise NotImplementedError

    monkeypatch.setattr(rules, "reference", lambda exercise: stub)


def examples(docstring: str):
    """A stub with this docstring, whose examples were tried."""

    def replace(subject, monkeypatch):
        cell = rules._cell(subject.release, "relu")
        cell.source = f'def relu(x):\n    """{docstring}"""\n    {STUB}'
        said = []
        monkeypatch.setattr("builtins.print", said.append)
        show_examples(
            {"relu": rules._docstrings(cell)}, {"relu": relu, "torch": __import__("torch")}
        )
        output = nbformat.v4.new_output("stream", name="stdout", text=said[0])
        subject.solved_run.notebook.cells.append(nbformat.v4.new_code_cell(outputs=[output]))

    return replace


HIDDEN = 'check("linear.relu", relu, seed=101)'
UNTRUE = "x: any shape.\n\n    >>> relu(torch.tensor(3.0))\n    tensor(2.)\n    "
SHAPELESS = "x: a tensor.\n\n    >>> relu(torch.tensor(3.0))\n    tensor(3.)\n    "
RIGHT = ANSWERS["linear.relu"]

# rule, what it says, what breaks it
BROKEN = [
    (
        "in_step",
        "the text and the solved notebook differ from cell 1",
        text("# # Tiny", "# # Small"),
    ),
    ("in_step", "is not what the solved notebook gives", released("# Tiny", "# Small")),
    ("folders_hold_the_lesson", "solutions/01_linear/notes.txt is not named", stray("solutions")),
    ("folders_hold_the_lesson", "notebooks/01_linear/notes.txt is not named", stray("notebooks")),
    (
        "folders_hold_the_lesson",
        "net.svg is missing",
        text("# # Tiny", "# # Tiny\n#\n# ![a net](net.svg)"),
    ),
    ("questions_are_asked", 'write `# %% exercise="relu"`', text(' exercise="relu"', "")),
    ("questions_are_asked", 'write `# %% [markdown] exercise="why"`', question),
    ("questions_are_asked", "relu has 0 points lines: write {{ relu }}", text("{{ relu }}", "")),
    ("questions_are_asked", "relu has 2 points lines", text("{{ relu }}", "{{ relu }} {{ relu }}")),
    ("questions_are_asked", "write {{ exercises }}", text("{{ exercises }}", "")),
    ("questions_are_asked", "write {{ time }}", text("{{ time }}", "five minutes")),
    (
        "nothing_leaks",
        "relu: 'return x.clamp(min=0)' can be read",
        released(STUB[-26:], "return x.clamp(min=0)"),
    ),
    (
        "nothing_leaks",
        "relu: 'return x.clamp(min=0)' can be read",
        released("What is", "`x.clamp(min=0)`"),
    ),
    ("nothing_leaks", "seed=101)' can be read", released("# Tiny", HIDDEN.replace('"', '\\"'))),
    ("hints_are_there", "relu has no <details>", text("<details><summary>H", "<p><summary>H")),
    (
        "images_have_alt_text",
        "![](net.svg) has no alt text",
        text("# # Tiny", "# # Tiny\n#\n# ![](net.svg)"),
    ),
    (
        "images_have_alt_text",
        "<img src",
        text("# # Tiny", '# # Tiny\n#\n# <img src="net.svg" alt="">'),
    ),
    ("images_have_alt_text", "a figure has no alt text", figure_without_words),
    ("experiments_are_told", "linear.bend is never shown", declared(alt="A bend.")),
    ("experiments_are_told", "linear.bend is not guessed first", declared(**ASKED)),
    ("experiments_are_told", "linear.bend has no guard", declared(**ASKED)),
    ("experiments_are_told", "does not say which option", declared(**{**ASKED, "shown": "c"})),
    ("memory_is_asked", "0 questions under", text("# ## Five questions", "# ## Questions")),
    ("memory_is_asked", "4 questions under", text("# <details><summary>1", "# <p><summary>1")),
    ("claims_are_guarded", "linear.bend: its claim is false, 1 is 2", guard("assert 1 == 2")),
    ("claims_are_guarded", "linear.bend: the guard stays green under", guard("assert True")),
    ("claims_are_guarded", "The guard linear.bend plans no change", guard("assert True", "")),
    ("claims_are_guarded", "changes 'qq', which is in no", guard("", "# change: qq -> z")),
    ("headings_are_in_order", "the first cell has no title", text("# # Tiny", "# Tiny")),
    ("headings_are_in_order", "is a second title", text("# ## The bend", "# # The bend")),
    ("headings_are_in_order", "from level 1 to level 3", text("# ## Five", "# ### Five")),
    (
        "core_stands_alone",
        "relu is core but is not",
        text("# ## The bend", "# ## The bend · extra"),
    ),
    ("core_runs_alone", "without what is extra, cell 5 (check-relu), under", core_that_fails),
    ("core_runs_alone", "what is extra, check-relu scores 0 of 1 and says", warns("core_run")),
    ("core_runs_alone", "extra, cell 5 (check-relu), under", core_with_more_outputs),
    ("outputs_are_stored", "cell 5 (check-relu), under", other_output),
    ("outputs_are_stored", "does not give the stored outputs", more_outputs),
    ("solution_scores_full", "cell 5 (check-relu)", solution_that_fails),
    ("solution_scores_full", "check-relu scores 0 of 1 and says right", warns("solved_run")),
    ("release_scores_nothing", "check-relu scores 1", release_that_is_solved),
    ("release_scores_nothing", "check-relu says wrong", release_that_is_wrong),
    ("docstrings_are_true", "relu has no docstring", examples("")),
    ("docstrings_are_true", "the docstring has no example", examples("x: a tensor of any shape.")),
    ("docstrings_are_true", "the docstring gives no shape", examples(SHAPELESS)),
    ("docstrings_are_true", "Expected: tensor(2.) Got: tensor(3.)", examples(UNTRUE)),
    ("no_cell_is_slow", 'cell 2, under "Five questions first" took 20 s', slow("solved_run")),
    ("no_cell_is_slow", 'cell 2, under "Five questions first" took 20 s', slow("release_run")),
    ("reference_is_right", "linear.relu, seed 0: not attempted", wrong_reference),
    ("wrong_answers_are_named", "'x' gets, with seed 0, right", wrong(("x", RIGHT[0]))),
    (
        "wrong_answers_are_named",
        "'a wrong answer' gets, with seed 0, right",
        wrong((None, RIGHT[0])),
    ),
    (
        "wrong_answers_are_named",
        "'-x' gets, with seed 0, wrong, x",
        wrong(("-x", lambda x: x + 0)),
    ),
    (
        "alternatives_pass",
        "gets, with seed 0, wrong",
        alternatives(relu=[lambda x: x, RIGHT[0]]),
    ),
    ("shortcuts_are_refused", "with seed 0, wrong", shortcuts(relu=lambda x: -torch.relu(-x))),
    ("shortcuts_are_refused", "is not noticed: add what it uses", shortcuts(relu=RIGHT[0])),
    ("answers_are_enough", "linear.rely, which is no exercise", shortcuts(rely=torch.relu)),
    ("answers_are_enough", "linear.relu has 4 mistakes", mistakes(*MISTAKES[:4])),
    ("all_is_filled_in", "{{ relu }} FILL IN numbers", text("Negative", "FILL IN")),
    (
        "answers_are_enough",
        "two mistakes with the same hint",
        mistakes(*MISTAKES, Mistake("y", None, MISTAKES[0].hint)),
    ),
    (
        "answers_are_enough",
        "linear.relu: add an answer that makes the mistake '|x|'",
        wrong(("x", lambda x: x + 0)),
    ),
    (
        "answers_are_enough",
        "linear.rely, which is no exercise",
        wrong((None, lambda x: x), id="linear.rely"),
    ),
    ("answers_are_enough", "linear.relu has 1 other right answers", alternatives(relu=RIGHT[:1])),
    ("answers_are_enough", "linear.rely, which is no exercise", alternatives(relu=RIGHT, rely=[])),
    ("evidence_follows_the_seed", "linear.relu expects the same with every seed", one_seed),
]


@pytest.mark.parametrize(
    ("name", "said", "broken"), BROKEN, ids=[f"{row[0]}-{i}" for i, row in enumerate(BROKEN)]
)
def test_a_broken_rule_is_red(subject, monkeypatch, name, said, broken):
    broken(subject, monkeypatch)
    [rule] = [rule for rule in RULES if rule.__name__ == name]
    problems = verify.broken(subject, rule)
    assert [problem for problem in problems if said in problem], problems


@pytest.mark.parametrize(
    ("stored", "tags"),
    [({"text/plain": "right, once"}, ["nbval-ignore-output"]), ({"image/png": "another"}, [])],
    ids=["ignored", "picture"],
)
def test_outputs_to_ignore_and_pictures_may_differ_from_the_stored_ones(subject, stored, tags):
    store(subject, lambda data: data.update(stored), tags)
    assert not [*rules.outputs_are_stored(subject)]


def test_every_rule_is_seen_broken():
    assert {name for name, _, _ in BROKEN} == {rule.__name__ for rule in RULES}


def test_one_broken_rule_hides_no_other(built, tmp_path):
    def broken(subject):
        raise ZeroDivisionError("oops")

    lesson = tiny.copy(built, tmp_path)
    tiny.edit(lesson.text, "<details><summary>H", "<p><summary>H")
    report = verify.examine(lesson, [broken, rules.hints_are_there, rules.images_have_alt_text])
    assert report.problems == {
        "broken": ["could not be tried: ZeroDivisionError: oops"],
        "hints_are_there": ["relu has no <details> with hints: add a cell of them after its cell"],
        "images_have_alt_text": [],
    }
    assert not report.kept


def test_a_lesson_without_notebooks_breaks_rules_and_stops_none(tmp_path):
    running = (rules.solution_scores_full, rules.no_cell_is_slow, rules.core_runs_alone)
    static = [rule for rule in RULES if rule not in running]
    report = verify.examine(tiny.lesson(tmp_path, tiny.RELU), static)
    assert report.problems["in_step"] and report.problems["nothing_leaks"]
    assert (
        not report.problems["headings_are_in_order"]
        and not report.problems["wrong_answers_are_named"]
    )


def test_the_tables_count_and_name_what_is_broken(capsys):
    problems = {"hints_are_there": ["relu has no <details> [here]"], "in_step": []}
    opted_out = [("linear.relu", "float64", "pixels are float32")]
    report = verify.Report(
        "01_tiny", problems, [verify.Count("linear.relu", 6, 4, 5, 2, 2)], opted_out
    )
    verify.show([report], [rules.hints_are_there, rules.in_step])
    said = capsys.readouterr().out
    assert "4/5" in said and "2/2" in said and "✓" in said
    assert "01_tiny · hints_are_there: relu has no <details> [here]" in said
    assert "pixels are float32" in said


def test_examples_are_counted_and_their_errors_shown(capsys):
    show_examples({"one": ">>> 1 + n\n2\n", "two": "", "three": ">>> n\n4\n"}, {"n": 1})
    results = json.loads(capsys.readouterr().out)
    assert [results[name]["examples"] for name in results] == [1, 0, 1]
    assert [bool(results[name]["wrong"]) for name in results] == [False, False, True]


def test_one_exercise_is_verified_alone(tmp_path, monkeypatch):
    other = type("Other", (Relu,), {"id": "linear.other", "mistakes": ()})()
    monkeypatch.setattr(rules, "exercises", lambda lesson: [Relu(), other])
    monkeypatch.setattr(Subject, "alternatives", ANSWERS | {"linear.other": []})
    lesson = tiny.lesson(tmp_path, tiny.RELU)
    alone = verify.examine(lesson, [rules.answers_are_enough], ["linear.relu"])
    assert alone.kept and [count.id for count in alone.counts] == ["linear.relu"]
    assert not verify.examine(lesson, [rules.answers_are_enough]).kept


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (["linear.rleu"], "no exercise 'linear.rleu'. Did you mean linear.relu"),
        (["linear.relu", "sgd.mse"], "several lessons"),
    ],
)
def test_exercises_that_are_not_there_or_of_several_lessons_are_refused(ids, message):
    with pytest.raises(CourseError, match=message):
        verify.named(ids, [Lesson("01_linear"), Lesson("02_sgd")])


def test_an_exercise_is_verified_quickly_and_with_no_lesson_beside_it():
    for arguments in (["linear.relu"], ["--quick", "linear.relu", "sgd"]):
        done = CliRunner().invoke(app, ["verify", *arguments])
        assert isinstance(done.exception, CourseError)
        assert "`course verify --quick linear.relu`" in str(done.exception)

"""The core of a lesson: what it leaves out, how long it takes, and that it stands alone."""

import ast

import nbformat
import pytest

from course_utils.building import notebook_files as nb
from course_utils.building.build import released, shortened
from course_utils.building.lesson import all_lessons
from course_utils.building.parts import core, parts, unmet
from course_utils.building.questions import declared, minutes
from course_utils.building.rules import Subject, core_stands_alone
from course_utils.exercises.linear import Collapse, Relu
from course_utils.variables import without_magics
from tests import tiny

LESSONS = all_lessons()
MORE = '''
# %% [markdown]
# ## More · extra
#
# {{ collapse }} Two make one.

# %% exercise="collapse"
def collapse(w1, b1, w2, b2):
    """One map for two, of shape (out, in)."""
    ### BEGIN SOLUTION
    return w2 @ w1, w2 @ b1 + b2
    ### END SOLUTION

# %% [markdown]
# ## What you have now
#
# - A bend.
# - One map for two. *(extra)*
'''


def prose(source):
    return nbformat.v4.new_markdown_cell(source)


def code(source):
    return nbformat.v4.new_code_cell(source)


def test_an_extra_section_ends_at_the_next_heading_of_its_level_or_above():
    cells = [
        prose("# A\n\n## B · extra\n\n### C"),
        code("x"),
        prose("c\n\n```\n## no heading\n```\n\n## D\n\nd"),
        code("y"),
        prose("### E · extra\n\n#### F\n\n### G · extra\n\n# H"),
    ]
    found = [(cell.source, extra) for cell, extra in parts(cells)]
    assert found == [
        ("# A", False),
        ("## B · extra\n\n### C", True),
        ("x", True),
        ("c\n\n```\n## no heading\n```", True),
        ("## D\n\nd", False),
        ("y", False),
        ("### E · extra\n\n#### F\n\n### G · extra", True),
        ("# H", False),
    ]


def test_a_line_that_says_so_is_left_out_alone():
    (cell,) = core([prose("- One.\n- Two. *(extra)*\n- Three is not (extra).")])
    assert cell.source == "- One.\n- Three is not (extra)."


@pytest.mark.parametrize(
    ("sources", "found"),
    [
        (["## X · extra", "a = 1", "## Y", "a"], ["a"]),
        (["a = 1", "## X · extra", "a = 2", "## Y", "a"], ["a"]),
        (["## X · extra", "a = 1", "## Y", "a = 2", "a"], []),
        (["## X · extra", "for a in [1]: a", "## Y", "for a in [2]: print(a)"], []),
        (["## X · extra", "a = 1", "a"], []),
        (["## X · extra", "%time\na = 1", "## Y", "def f(): return a"], ["a"]),
    ],
)
def test_what_the_core_would_miss_is_named(sources, found):
    cells = [(prose if source[0] == "#" else code)(source) for source in sources]
    assert [name for _, name in unmet(cells)] == found


@pytest.fixture
def longer(tmp_path, monkeypatch):
    """The tiny lesson with an extra section."""
    monkeypatch.setattr(Collapse, "extra", True)
    return tiny.lesson(tmp_path, tiny.RELU + MORE)


def test_the_core_has_its_own_table_and_time_and_no_extra_cell(longer):
    whole, short = nb.from_text(longer), nb.from_text(longer, extra=False)
    assert "about 10 minutes for the core, and 20 for what is extra." in whole.cells[0].source
    assert "| 2 | 15 | extra |" in whole.cells[0].source
    assert "about 10 minutes." in short.cells[0].source
    assert "collapse" not in str(short) and "One map for two" not in str(short)
    assert "| `relu` | an activation function | 1 | 5 |" in short.cells[0].source
    assert short.cells[-1].source == "## What you have now\n\n- A bend."


def test_the_core_is_released_without_a_run_and_keeps_the_outputs(longer):
    whole = nb.from_text(longer)
    place = [cell.id for cell in whole.cells].index("check-relu")
    whole.cells[place].outputs = [nbformat.v4.new_output("stream", text="Right\n")]
    whole.cells[place].execution_count = 3
    nb.write(longer.solved, nb.to_bytes(whole))
    solved, files = shortened(longer)
    cells = {cell.id: cell for cell in nbformat.reads(solved.decode(), 4).cells}
    assert cells["check-relu"].outputs[0].text == "Right\n" and "collapse" not in cells
    assert files == released(longer, solved)


BROKEN = [
    ("## More · extra", "## More", "collapse is extra but is not in that part"),
    ("## The bend", "## The bend · extra", "relu is core but is not in that part"),
    ("# ## What you have now", "# ## Again\n\n# %%\ncollapse", "needs collapse, which an extra"),
    (
        "import torch\n",
        "import torch\nfrom course_utils.mine import mse, largest_lr\n",
        "takes largest_lr from another lesson",
    ),
]


@pytest.mark.parametrize(("old", "new", "said"), BROKEN, ids=[said for *_, said in BROKEN])
def test_a_core_that_does_not_stand_alone_is_told(longer, monkeypatch, old, new, said):
    subject = Subject(longer)
    subject.__dict__["exercises"] = [Relu(), Collapse()]
    subject.__dict__["questions"] = []
    assert [*core_stands_alone(subject)] == []
    tiny.edit(longer.text, old, new)
    assert any(said in problem for problem in core_stands_alone(subject))


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_every_core_stands_alone_and_is_well_below_the_whole(lesson):
    assert [*core_stands_alone(Subject(lesson))] == []
    cells, questions = nb.text_cells(lesson), declared(lesson.short)
    assert 0.5 < minutes(core(cells), questions) / minutes(cells, questions) < 0.85
    for cell in core(cells):
        if cell.cell_type == "code":
            ast.parse(cell.source)
        else:
            assert (
                "extra" not in cell.source or "{{" in cell.source or "`photographs`" in cell.source
            )


THREAD = {
    *("My_Linear", "relu", "softmax", "cross_entropy", "minibatches", "SGD", "momentum_step"),
    *("adam_step", "adamw_step", "one_cycle", "embedding_lookup", "numerical_gradient"),
}


def from_the_library(cells):
    """The names that code takes from the student's library and uses."""
    trees = [ast.parse(without_magics(cell.source)) for cell in cells if cell.cell_type == "code"]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    taken = {
        alias.name
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.module == "course_utils.mine"
        for alias in node.names
    }
    return taken & {node.id for node in nodes if isinstance(node, ast.Name)}


def test_later_lessons_use_what_the_student_wrote():
    used = {lesson.name: from_the_library(nb.text_cells(lesson)) for lesson in LESSONS}
    assert set().union(*used.values()) >= THREAD
    assert [name for name in used if not used[name]] == ["01_linear", "02_sgd"]

"""Guards: a claim holds as the lesson is, and turns red under each planned change."""

import nbformat
import pytest

from course_utils.building import guards
from course_utils.building import notebook_files as nb
from course_utils.building.run import run
from course_utils.errors import CourseError
from tests import tiny

TEXT = (
    tiny.HEADER
    + """# %% [markdown]
# # Plain

# %%
def half_a_step(p, lr):
    return p - lr * p / 2

# %%
import torch

def step(p, lr):
    return p - lr * p

# %%
noise = torch.rand(1).item()
total = torch.zeros(1)

# %%
p = step(1.0, lr=0.25)
seen = noise
total += p
print(p)

# %% guard="plain.step"
# change: lr=0.25 -> lr=2.0
# change: p - lr * p -> p + lr * p
# change: seen = noise -> seen = noise + 0
# change: seen = noise -> seen = none
assert abs(p) < 1, "a step shrinks p"

# %%
print(p, seen == noise, total, torch.rand(1).item())
"""
)


@pytest.fixture(scope="module")
def tried(tmp_path_factory):
    """The text above, its run with the trials, and how they end."""
    return attempt(tmp_path_factory.mktemp("guards"), TEXT)


def attempt(folder, text):
    lesson = tiny.lesson(folder, text, "01_plain")
    plan = guards.plan(nb.from_text(lesson, guards=True).cells)
    done = run(nbformat.v4.new_notebook(cells=plan.cells), lesson.text.parent)
    return lesson, done, guards.ends(plan.trials, done)


def test_the_table_names_what_each_change_turned_red(tried):
    *_, ends = tried
    assert guards.table(ends)[:3] == [
        ("plain.step", "lr=0.25 -> lr=2.0", "a step shrinks p"),
        ("plain.step", "p - lr * p -> p + lr * p", "a step shrinks p"),
        ("plain.step", "seen = noise -> seen = noise + 0", ""),
    ]


def test_a_change_that_turns_nothing_red_or_stops_the_cell_is_a_problem(tried):
    *_, ends = tried
    green, stopped = guards.problems(ends)
    assert green.startswith("plain.step: the guard stays green under the change 'seen = noise -> ")
    assert stopped.startswith("plain.step: the cell fails under the change 'seen = noise -> ")
    assert "NameError" in stopped


def test_the_lesson_knows_nothing_of_the_trials(tried, tmp_path):
    """Its random numbers and what is changed in place are as without them, and nothing is shown."""
    lesson, done, _ = tried
    plain = run(nb.from_text(lesson), tmp_path)
    assert "0.75 True" in plain.notebook.cells[-1].outputs[0].text
    for one, other in zip(done.own().notebook.cells, plain.notebook.cells, strict=True):
        assert (one.source, one.get("outputs")) == (other.source, other.get("outputs"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "seen = none",
            "import os; os.abort()",
            "the cell fails under the change 'seen = noise -> import os; os.abort()', NoEnd",
        ),
        (
            "assert abs(p)",
            "if p < 0: {}[3]\nassert abs(p)",
            "the guard fails under the change 'lr=0.25 -> lr=2.0', KeyError: 3",
        ),
    ],
)
def test_what_ends_a_trial_otherwise_is_told(tmp_path, old, new, said):
    *_, ends = attempt(tmp_path, TEXT.replace(old, new))
    assert any(said in problem for problem in guards.problems(ends))


def test_a_trial_that_does_not_end_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(nb, "IN_KERNEL", f"{nb.IN_KERNEL}\n_beside.LIMIT = 0.5")
    *_, ends = attempt(tmp_path, TEXT.replace("seen = none", "while True: pass"))
    assert "NoEnd: it ended the kernel, or took longer than 0.5" in [*guards.problems(ends)][-1]


def test_no_notebook_gets_a_guard(tried):
    lesson, _, _ = tried
    assert not [cell for cell in nb.from_text(lesson).cells if "shrinks" in cell.source]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("# change: lr", "# changes: lr", "plans no change"),
        ("lr=0.25 -> lr=2.0", "lr=0.5 -> lr=2.0", "'lr=0.5', which is in no cell above it"),
        ("lr=0.25 -> lr=2.0", "lr=0.25 -> lr=0.25", "which is in no cell"),
    ],
)
def test_a_guard_that_changes_nothing_is_refused(tmp_path, old, new, said):
    text = TEXT.split("# change: p -")[0].replace(old, new)
    lesson = tiny.lesson(tmp_path, text, "01_plain")
    with pytest.raises(CourseError, match=said):
        guards.plan(nb.from_text(lesson, guards=True).cells)

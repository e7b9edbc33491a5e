"""Guards: a claim holds as the lesson is, and turns red under each planned change."""

import pytest

from course_utils.building import guards, in_kernel
from course_utils.building import notebook_files as nb
from course_utils.building.run import run
from course_utils.errors import CourseError
from tests import tiny

TEXT = (
    tiny.HEADER
    + """# %% [markdown]
# # Plain

# %%
import torch

def step(p, lr):
    return p - lr * p

# %%
noise = torch.rand(1).item()

# %%
p = step(1.0, lr=0.25)
seen = noise

# %% guard="plain.step"
# change: lr=0.25 -> lr=2.0
# change: p - lr * p -> p + lr * p
# change: seen = noise -> seen = noise + 0
# change: seen = noise -> seen = none
assert abs(p) < 1, "a step shrinks p"

# %%
print(p, seen == noise, torch.rand(1).item())
"""
)


@pytest.fixture(scope="module")
def tried(tmp_path_factory):
    """The plan of the text above, and its run."""
    lesson = tiny.lesson(tmp_path_factory.mktemp("guards"), TEXT, "01_plain")
    plan = guards.plan(nb.code_with_guards(lesson))
    return lesson, plan, run(plan.notebook, lesson.text.parent, allow_errors=True)


def test_the_table_names_what_each_change_turned_red(tried):
    _, plan, done = tried
    assert guards.table(plan, done)[:3] == [
        ("plain.step", "lr=0.25 -> lr=2.0", "a step shrinks p"),
        ("plain.step", "p - lr * p -> p + lr * p", "a step shrinks p"),
        ("plain.step", "seen = noise -> seen = noise + 0", ""),
    ]


def test_a_change_that_turns_nothing_red_or_stops_the_cell_is_a_problem(tried):
    _, plan, done = tried
    green, stopped = guards.problems(plan, done)
    assert green.startswith("plain.step: the guard stays green under the change 'seen = noise -> ")
    assert stopped.startswith("plain.step: the cell fails under the change 'seen = noise -> ")
    assert "NameError" in stopped


def test_after_a_change_everything_is_as_before(tried, tmp_path):
    lesson, plan, done = tried
    plain = run(nb.from_text(lesson), tmp_path)
    last = [each.notebook.cells[-1].outputs[0].text for each in (done, plain)]
    assert last[0].split()[:2] == last[1].split()[:2] == ["0.75", "True"]


def test_the_random_numbers_go_on_as_before():
    import torch

    names = {"a": 1}
    torch.manual_seed(0)
    kept = in_kernel.Kept(names)
    names.update(a=2, b=3)
    drawn = torch.rand(3)
    kept.restore()
    assert names == {"a": 1}
    assert torch.equal(torch.rand(3), drawn)


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
        guards.plan(nb.code_with_guards(lesson))

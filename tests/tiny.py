"""A lesson small enough to be built and broken in tests; it asks for linear.relu alone."""

import shutil
from pathlib import Path

from course_utils.building.lesson import Lesson

ROOT = Path(__file__).resolve().parent.parent
HEADER = """\
# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: exercise,seed,tags,guess,guard,-all
# ---

"""
PLAIN = (
    HEADER
    + """# %% [markdown]
# # Plain

# %%
print("one")

# %%
print("one")
"""
)

RELU = (
    HEADER
    + '''# %% [markdown]
# # Tiny
#
# **Time:** about {{ time }}.
#
# {{ exercises }}
#
# ## Five questions first
#
# <details><summary>1. What is 1 + 1?</summary>2</details>
# <details><summary>2. What is 2 + 1?</summary>3</details>
# <details><summary>3. What is 3 + 1?</summary>4</details>
# <details><summary>4. What is 4 + 1?</summary>5</details>
# <details><summary>5. What is 5 + 1?</summary>6</details>

# %%
import torch

from course_utils import check

# %% [markdown]
# ## The bend
#
# {{ relu }} Negative numbers become 0.

# %% exercise="relu"
def relu(x):
    """The larger of x and 0.

    x: of any shape.

    >>> relu(torch.tensor([-2.0, 3.0]))
    tensor([0., 3.])
    """
    ### BEGIN SOLUTION
    return x.clamp(min=0)
    ### END SOLUTION

# %% [markdown]
# <details><summary>Hint</summary>What is the larger of two numbers?</details>
'''
)


def lesson(root: Path, text: str, name: str = "01_linear") -> Lesson:
    """A lesson with this text in a course folder of its own, not built yet."""
    made = Lesson(name, root)
    made.text.parent.mkdir(parents=True, exist_ok=True)
    made.text.write_text(text)
    return made


def edit(path: Path, old: str, new: str) -> None:
    """Replace what must be there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def copy(lesson: Lesson, root: Path) -> Lesson:
    """The lesson, notebooks included, in another course folder."""
    shutil.copytree(lesson.root, root, dirs_exist_ok=True)
    return Lesson(lesson.name, root)

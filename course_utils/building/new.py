"""Writes skeletons of a new exercise wherever it needs one, and says what is left to fill in."""

import re
from collections.abc import Iterator
from pathlib import Path

from course_utils.building.lesson import Lesson, all_lessons
from course_utils.errors import CourseError

FILL_IN = "FILL IN"
# Where a skeleton goes in a file that is there already: before this text, else at the end.
BEFORE = {"solutions/LESSON.py": "# %% [markdown]\n# ## What you have now"}

# By place: how a file begins, and what an exercise adds to it. LESSON, TITLE, NAME and CLASS are
# replaced: 01_linear, linear, leaky_relu, LeakyRelu.
PLACES = {
    "course_utils/reference/TITLE.py": (
        '"""Lesson LESSON: FILL IN: what it is about."""\n',
        '''

def NAME(x):  # FILL IN: the arguments, with types
    """FILL IN: the formula, and the shapes."""
    raise NotImplementedError
''',
    ),
    "course_utils/exercises/TITLE.py": (
        '''"""Exercises of lesson LESSON."""

from collections.abc import Iterable, Iterator
from typing import Any

from course_utils.checking import Case, Exercise, Mistake, Rng, edit
''',
        '''

class CLASS(Exercise):
    """FILL IN: the definition, in one line."""

    id, points = "TITLE.NAME", 2
    minutes, lines, writes = 10, "FILL IN: such as two lines", "FILL IN: what, for the table"
    shortcuts = ()  # FILL IN: functions, classes and operators that would be the answer

    def cases(self, rng: Rng) -> Iterable[Case]:
        # FILL IN: small to large, edges included; rng draws uniform(0, 1, 4, 3), integers, ... too
        yield Case("a vector of 5 numbers", x=rng.normal(5))

    def probe(self, NAME: Any, case: Case) -> Iterator[tuple[Any, ...]]:
        # FILL IN: everything worth a name, in the order of the computation
        yield "y", NAME(case.x)

    mistakes = (
        # FILL IN: five or more, each Mistake("its name", edit("old", "new"), "a hint, no code")
    )
''',
    ),
    "tests/answers/TITLE.py": (
        '''"""Right and wrong answers to the exercises of lesson LESSON."""

import torch

from tests.answers import right, shortcut, wrong
''',
        """

# FILL IN: what torch has for it, and the exercise does not allow (or delete this)
# @shortcut("TITLE.NAME")
# def NAME(x):
#     ...


# FILL IN: two or more right answers, written another way
# @right("TITLE.NAME")
# def NAME(x):
#     ...


# FILL IN: for every mistake one answer that makes it, as a student writes it and not as its edit
# @wrong("TITLE.NAME", "the mistake's name")
# def NAME(x):
#     ...
""",
    ),
    "solutions/LESSON.py": (
        """# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: exercise,seed,tags,guess,guard,-all
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # FILL IN: number and title
#
# **You will build** FILL IN.
#
# **Time:** about {{ time }}. **It builds on** FILL IN.
#
# {{ exercises }}

# %%
import torch

from course_utils import check, plots

_ = torch.manual_seed(0)

# %% [markdown]
# ## Five questions first
#
# Answer each in your head before you open it.
#
# <details><summary>1. FILL IN: four more like this, on earlier lessons</summary>
#
# FILL IN: the answer.
#
# </details>

# %% [markdown]
# ## What you have now
#
# FILL IN: what was learned.
""",
        '''# %% [markdown]
# ### Exercise: `NAME`
#
# {{ NAME }} FILL IN: what to write, and what does not count.


# %% exercise="NAME"
def NAME(x):
    """FILL IN: what it gives.

    x: FILL IN: its shape.
    Returns FILL IN.

    >>> NAME(torch.tensor([1.0]))
    FILL IN: a worked number
    """
    ### BEGIN SOLUTION
    raise NotImplementedError  # FILL IN: the answer
    ### END SOLUTION


# %% [markdown]
# <details><summary>Hint 1</summary>
#
# FILL IN: the vaguest first.
#
# </details>
# <details><summary>Help, I get this error</summary>
#
# FILL IN: the exact text of an error that you have provoked, and what it means.
#
# </details>

# %% [markdown]
# ### What you should now see
#
# FILL IN: what the student's own code shows below, in a picture where it has a shape.

# %%
NAME(torch.tensor([1.0]))  # FILL IN: or plots.show(...), with words in experiments/TITLE.toml

''',
    ),
}


def begin(name: str, root: Path) -> Lesson:
    """Write the files of a new lesson, such as 13_graphs; raises CourseError where one exists."""
    if not re.fullmatch(r"\d\d_[a-z_]+", name):
        raise CourseError(
            f"{name!r} names neither a lesson nor an exercise: write {_next(root)}_graphs to begin "
            "a lesson, or linear.leaky_relu for an exercise of one."
        )
    lesson = Lesson(name, root)
    there = [path for path in _places(lesson) if path.exists()]
    if there:
        raise CourseError(f"{there[0].relative_to(root)} exists already: nothing was written.")
    for path, (start, _) in _places(lesson).items():
        path.write_text(_named(start, lesson), encoding="utf-8")
    return lesson


def add(id: str, root: Path) -> Lesson:
    """Write the skeletons of a new exercise, such as linear.leaky_relu, into its lesson's files.

    Writes nothing and raises CourseError where there is no such lesson, or the name is taken.
    """
    short, _, name = id.partition(".")
    if not name.isidentifier():
        raise CourseError(
            f"{id!r} cannot be an exercise's id: take its lesson and its name, as in "
            "linear.leaky_relu."
        )
    lessons = all_lessons(root)
    lesson = next((lesson for lesson in lessons if lesson.short == short), None)
    if lesson is None:
        known = ", ".join(lesson.short for lesson in lessons)
        raise CourseError(
            f"There is no lesson {short!r}, only {known}: take one of these, or begin a new one "
            f"with `course new {_next(root)}_{short}`."
        )
    texts = {path: path.read_text(encoding="utf-8") for path in _places(lesson)}
    taken = rf'"{id}"|exercise="{name}"|^(def|class) {name}\b'
    for path, text in texts.items():
        if re.search(taken, text, re.MULTILINE):
            raise CourseError(f"{path.relative_to(root)} has {name} already: nothing was written.")
    for place, (_, skeleton) in PLACES.items():
        path, skeleton = root / _named(place, lesson), _named(skeleton, lesson, name)
        before, recap, after = texts[path].partition(BEFORE.get(place, "\0"))
        path.write_text(before + skeleton + recap + after, encoding="utf-8")
    return lesson


def left(lesson: Lesson) -> Iterator[str]:
    """What is still to fill in, with file and line."""
    for path in _places(lesson):
        if path.is_file():
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if FILL_IN in line:
                    yield f"{path.relative_to(lesson.root)}:{number}: {line.strip(' #')}"


def _places(lesson: Lesson) -> dict[Path, tuple[str, str]]:
    return {lesson.root / _named(path, lesson): texts for path, texts in PLACES.items()}


def _next(root: Path) -> str:
    """The number of the lesson that would come next."""
    return f"{max((int(lesson.name[:2]) for lesson in all_lessons(root)), default=0) + 1:02}"


def _named(text: str, lesson: Lesson, name: str = "") -> str:
    title = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    words = {"LESSON": lesson.name, "TITLE": lesson.short, "NAME": name, "CLASS": title}
    return re.sub("LESSON|TITLE|NAME|CLASS", lambda word: words[word[0]], text)

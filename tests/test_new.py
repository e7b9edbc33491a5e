"""`course new` writes a skeleton in every place, overwrites nothing, and says what is left."""

import os
import shutil
import subprocess

import pytest

from course_utils.building import notebook_files as nb
from course_utils.building.lesson import Lesson
from course_utils.building.new import FILL_IN, PLACES, add, begin, left
from course_utils.errors import CourseError
from tests.kernel import python
from tests.tiny import ROOT


@pytest.fixture
def root(tmp_path):
    """A copy of the lessons' sources."""
    for folder in ("course_utils", "tests"):
        shutil.copytree(
            ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    (tmp_path / "solutions").mkdir()
    for path in (ROOT / "solutions").glob("*.py"):
        shutil.copy(path, tmp_path / "solutions")
    return tmp_path


def contents(root):
    return {path: path.read_text() for path in root.rglob("*.*") if path.suffix in (".py", ".toml")}


def course(root, *commands: str) -> subprocess.CompletedProcess[str]:
    """Run commands of `course` one after the other, in one process of that root."""
    code = """if True:
        import sys
        from course_utils.cli import app

        for command in sys.argv[1:]:
            app(command.split(), standalone_mode=False)
    """
    return subprocess.run(
        [*python(), "-c", code, *commands],
        capture_output=True,
        text=True,
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root), "COLUMNS": "200"},
    )


def test_a_skeleton_stands_in_every_place_and_nothing_else_changes(root):
    before = contents(root)
    lesson = add("linear.leaky_relu", root)
    after = contents(root)
    changed = [path for path in after if after[path] != before[path]]
    assert len(changed) == len(PLACES) == 4
    for path in changed:
        lines = iter(after[path].splitlines())
        assert all(line in lines for line in before[path].splitlines()), path  # in their order
        assert [line for line in left(lesson) if line.startswith(f"{path.relative_to(root)}:")]
        compile(after[path], path, "exec")
    text = lesson.text.read_text()
    assert text.index('exercise="leaky_relu"') < text.index("# ## What you have now")


@pytest.mark.parametrize(
    ("id", "said"),
    [
        ("linear.relu", "has relu already: nothing was written"),
        ("liner.leaky_relu", "only linear, sgd, .*begin a new one with `course new 13_liner`"),
        ("linear.", "'linear.' cannot be an exercise's id"),
    ],
)
def test_what_is_there_or_has_no_lesson_is_refused_and_nothing_is_written(root, id, said):
    before = contents(root)
    with pytest.raises(CourseError, match=said):
        add(id, root)
    assert contents(root) == before


@pytest.mark.parametrize(
    ("name", "said"),
    [("01_linear", "exists already"), ("library", "names neither a lesson nor an exercise")],
)
def test_a_lesson_that_is_there_or_has_no_number_is_refused(root, name, said):
    before = contents(root)
    with pytest.raises(CourseError, match=said):
        begin(name, root)
    assert contents(root) == before


def test_verify_says_what_a_new_lesson_still_needs(root):
    done = course(root, "new 90_tiny", "new tiny.leaky_relu", "verify --quick tiny")
    assert done.returncode == 1, done.stderr
    for said in (
        f"solutions/90_tiny.py:15: {FILL_IN}: number and title",
        "`course verify --quick 90_tiny`",
        "`course verify --quick tiny.leaky_relu`",
        "all_is_filled_in: solutions/90_tiny.py:15: FILL IN",
        "reference_is_right: tiny.leaky_relu, seed 0: course error: ",
        "Correct course_utils/reference/tiny.py",
        "has 0 mistakes: add at least 5 to its `mistakes` in course_utils/exercises/tiny.py",
        "has 0 other right answers: add at least 2 to tests/answers/tiny.py",
    ):
        assert said in done.stdout


def test_the_text_of_a_new_lesson_is_a_notebook(root):
    begin("90_tiny", root)
    assert [cell.cell_type for cell in nb.from_text(Lesson("90_tiny", root)).cells if cell] == [
        "markdown",
        "code",
        "markdown",
        "markdown",
    ]

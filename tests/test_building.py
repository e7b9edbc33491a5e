"""Building: the same bytes at every build, old files kept when it fails, and drift noticed."""

import json
import os
import subprocess
import sys

import pytest

from course_utils.building import marks
from course_utils.building import notebook_files as nb
from course_utils.building.build import build, stale
from course_utils.building.lesson import Lesson, all_lessons, choose, files
from course_utils.errors import CourseError
from course_utils.exercises.linear import Collapse, Relu
from tests import tiny


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A plain lesson that was built."""
    lesson = tiny.lesson(tmp_path_factory.mktemp("plain"), tiny.PLAIN, "01_plain")
    build(lesson)
    return lesson


@pytest.fixture
def plain(built, tmp_path):
    return tiny.copy(built, tmp_path)


def content(lesson: Lesson) -> dict[str, bytes]:
    return {str(path): (lesson.root / path).read_bytes() for path in files(lesson.root)}


def test_a_build_leaves_the_text_and_two_notebooks(built):
    assert [*content(built)] == [
        "notebooks/01_plain/01_plain.ipynb",
        "solutions/01_plain/01_plain.ipynb",
        "solutions/01_plain.py",
    ]


def test_a_second_build_gives_the_same_bytes_and_touches_nothing(plain):
    before, times = (
        content(plain),
        [path.stat().st_mtime_ns for path in (plain.solved, plain.released)],
    )
    build(plain)
    assert content(plain) == before
    assert [path.stat().st_mtime_ns for path in (plain.solved, plain.released)] == times


def test_the_solved_notebook_keeps_outputs_and_the_release_has_none(built):
    solved, released = nb.read(built.solved), nb.read(built.released)
    assert [cell.outputs[0].text for cell in solved.cells[1:]] == ["one\n", "one\n"]
    assert [cell.outputs for cell in released.cells[1:]] == [[], []]


def test_metadata_names_no_version(built):
    assert json.loads(built.solved.read_text())["metadata"] == nb.METADATA
    assert json.loads(built.released.read_text())["metadata"] == nb.METADATA


def test_a_build_leaves_the_environment_alone(plain):
    before = dict(os.environ)
    build(plain)
    assert dict(os.environ) == before


def test_cell_ids_are_the_grade_id_or_follow_from_type_and_source(tmp_path):
    first = nb.from_text(tiny.lesson(tmp_path, tiny.RELU))
    ids = [cell.id for cell in first.cells]
    assert ids[3:5] == ["relu", "check-relu"]
    again = nb.from_text(tiny.lesson(tmp_path, tiny.RELU.replace("# # Tiny", "# # Small")))
    assert [cell.id for cell in again.cells][1:] == ids[1:]
    assert again.cells[0].id != ids[0]


def test_equal_cells_get_different_ids(built):
    one, two = [cell.id for cell in nb.read(built.solved).cells[1:]]
    assert two == f"{one}-2"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("# %% [markdown]\n# <details>", '# %% exercise="relu"\n# <details>', "relu has two cells"),
        ('exercise="relu"', 'exercise="rely"', "names 'rely', which is not an exercise"),
        ("{{ relu }}", "{{ relu, rely }}", "names 'rely', which is not an exercise"),
        ("{{ relu }}", "{{ relu, My_Linear }}", "relu, My_Linear differ in points or lines"),
        ('exercise="relu"', "exercise=relu", "a cell marked incorrectly_encoded_metadata"),
        ('exercise="relu"', 'nbgrader={"grade": true}', "a cell marked nbgrader"),
        ('exercise="relu"', 'exercise="relu" seed=0', "seed=0: take a number above 0"),
        ('# %% exercise="relu"', '# %% [markdown] exercise="relu"', "is markdown: make it code"),
        ('exercise="relu"', 'exercise="why_nonlinear"', "is code: make it markdown"),
        ("# %% [markdown]\n# # Tiny", "# %% [raw]\n# # Tiny", "a raw cell"),
    ],
)
def test_a_text_that_is_no_lesson_is_refused(tmp_path, old, new, said):
    lesson = tiny.lesson(tmp_path, tiny.RELU)
    tiny.edit(lesson.text, old, new)
    with pytest.raises(CourseError, match=said):
        nb.from_text(lesson)


def test_code_in_a_summary_is_html_since_markdown_does_not_reach_it(tmp_path):
    lesson = tiny.lesson(tmp_path, tiny.RELU)
    tiny.edit(lesson.text, "What is 1 + 1?", "What is `a < b` and `b.T`, with `$x^2$`?")
    title = nb.from_text(lesson).cells[0].source
    asked = "What is <code>a &lt; b</code> and <code>b.T</code>, with <code>$x^2$</code>?"
    assert f"<summary>1. {asked}</summary>2</details>" in title


def test_the_declaration_becomes_marks_a_check_and_prose(tmp_path):
    text = tiny.RELU.replace(
        'exercise="relu"', 'exercise="relu" seed=7 tags=["nbval-ignore-output"]'
    )
    title, _, asked, answer, check, _ = nb.from_text(tiny.lesson(tmp_path, text)).cells
    assert "about 10 minutes." in title.source  # 5 of the exercise and 0.7 of the words
    assert (
        "| Exercise | You write | Points | Minutes |\n|---|---|---|---|\n"
        "| `relu` | an activation function | 1 | 5 |"
    ) in title.source
    assert "*1 point · 5 minutes · one line.* Negative" in asked.source
    marks = {"schema_version": 3, "task": False}
    assert answer.metadata == {
        "nbgrader": marks | {"grade_id": "relu", "grade": False, "locked": False, "solution": True}
    }
    assert check.metadata == {
        "tags": ["nbval-ignore-output"],
        "nbgrader": marks
        | {"grade_id": "check-relu", "grade": True, "locked": True, "solution": False, "points": 1},
    }
    assert check.source == (
        'from course_utils import check\n\ncheck("linear.relu", relu)\n'
        '### BEGIN HIDDEN TESTS\ncheck("linear.relu", relu, seed=7)\n### END HIDDEN TESTS'
    )


def test_a_question_in_words_is_graded_by_hand(tmp_path):
    text = tiny.RELU + "\n# %% [markdown]\n# {{ why_nonlinear }} Why?\n"
    text += '\n# %% [markdown] exercise="why_nonlinear"\n# It bends.\n'
    *_, asked, answer = nb.from_text(tiny.lesson(tmp_path, text)).cells
    assert asked.source == "*extra · 2 points · 10 minutes · graded by hand.* Why?"
    marks = answer.metadata["nbgrader"]
    assert (marks.points, marks.grade, marks.solution, marks.locked) == (2, True, True, False)


def test_extra_exercises_are_marked_where_a_lesson_has_some(tmp_path, monkeypatch):
    monkeypatch.setattr(Collapse, "extra", True)
    text = tiny.RELU.replace("{{ relu }}", "{{ relu }} and {{ collapse }}")
    title, _, asked, *_ = nb.from_text(tiny.lesson(tmp_path, text)).cells
    assert "| Minutes | Part |\n|---|---|---|---|---|\n" in title.source
    assert "| 1 | 5 | core |\n" in title.source and "| 2 | 15 | extra |" in title.source
    assert "*extra · 2 points · 15 minutes · two lines.*" in asked.source


def test_exercises_that_share_a_line_share_its_minutes(tmp_path):
    text = tiny.PLAIN + "\n# %% [markdown]\n# {{ freeze, unfreeze }} Two.\n#\n# {{ exercises }}\n"
    source = nb.from_text(tiny.lesson(tmp_path, text, "10_transfer")).cells[-1].source
    assert source.startswith("*1 point each · 10 minutes · two lines each.* Two.")
    assert source.endswith("| `freeze`, `unfreeze` | two switches | 1 + 1 | 10 |")


def test_an_exercise_that_does_not_say_its_minutes_is_named(tmp_path, monkeypatch):
    monkeypatch.delattr(Relu, "minutes")
    with pytest.raises(CourseError, match=r"linear.relu has no minutes: .*exercises/linear.py"):
        nb.from_text(tiny.lesson(tmp_path, tiny.RELU))


UNRELEASABLE = 'print("two")\n### BEGIN SOLUTION\nprint("three")\n### END SOLUTION'


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("1 / 0", r'cell 3, under "Plain" failed:(.|\n)*ZeroDivisionError: division by zero'),
        ("def f(:", r"cell 3, (.|\n)*SyntaxError"),
        ("import os; os._exit(1)", 'cell 3, under "Plain" ended the kernel'),
        (
            UNRELEASABLE,
            "nbgrader cannot release it: Solution region detected in a non-solution cell",
        ),
    ],
)
def test_a_lesson_that_fails_names_the_cell_and_keeps_the_old_files(plain, code, said):
    before = content(plain)
    text = plain.text.read_text()
    plain.text.write_text(code.join(text.rsplit('print("one")', 1)))
    with pytest.raises(CourseError, match=rf"01_plain: .*{said}(.|\n)*stay as they were") as error:
        build(plain)
    assert "\x1b" not in str(error.value)
    plain.text.write_text(text)
    assert content(plain) == before


def test_a_lesson_that_never_worked_leaves_nothing(tmp_path):
    lesson = tiny.lesson(tmp_path, tiny.PLAIN.replace('print("one")', "1 / 0"))
    with pytest.raises(CourseError):
        build(lesson)
    assert [*content(lesson)] == ["solutions/01_linear.py"]
    assert not lesson.solved.parent.exists()


def test_files_beside_a_lesson_are_released_with_it_and_withdrawn_with_it(plain):
    picture = plain.solved.parent / "img" / "net.svg"
    picture.parent.mkdir()
    picture.write_text("<svg/>")
    build(plain)
    assert (plain.released.parent / "img" / "net.svg").read_text() == "<svg/>"
    assert stale(plain) == []
    picture.unlink()
    assert stale(plain) == ["notebooks/01_plain/img/net.svg is not part of the release"]
    build(plain)
    assert stale(plain) == []


DRIFT = {
    "the text changed": (
        "text",
        "# # Plain",
        "# # Flat",
        "the text and the solved notebook differ from cell 1",
    ),
    "a cell was added": (
        "text",
        "# # Plain",
        "# # Plain\n\n# %%\n2",
        "the text and the solved notebook differ",
    ),
    "a solved cell was edited": (
        "solved",
        'print(\\"one\\")',
        'print(\\"two\\")',
        "the solved notebook differ from cell 2",
    ),
    "a cell was not run": (
        "solved",
        '"execution_count": 2',
        '"execution_count": null',
        "not run from top to bottom",
    ),
    "another program saved it": (
        "solved",
        '"language": "python",',
        '"language":"python",',
        "not written by `course build`",
    ),
    "a released cell was edited": (
        "released",
        'print(\\"one\\")',
        'print(\\"two\\")',
        "is not what the solved notebook",
    ),
    "the release is no notebook": ("released", "{", "", "is not what the solved notebook gives"),
}


@pytest.mark.parametrize("drift", DRIFT)
def test_drift_is_noticed(plain, drift):
    which, old, new, said = DRIFT[drift]
    assert stale(plain) == []
    tiny.edit(getattr(plain, which), old, new)
    assert said in "; ".join(stale(plain))


def test_marks_of_mistakes_that_are_old_or_missing_are_stale(monkeypatch, tmp_path):
    lesson = next(one for one in all_lessons() if one.short == "linear")
    monkeypatch.setattr(marks, "ROOM", tmp_path)
    old = [problem for problem in stale(lesson) if "marks" in problem]
    (tmp_path / "linear.json").write_bytes(marks.made("linear"))
    assert len(old) == 1 and stale(lesson) == []


@pytest.mark.parametrize("which", ["text", "solved", "released"])
def test_a_missing_file_is_stale(plain, which):
    getattr(plain, which).unlink()
    assert len(stale(plain)) == 1
    assert "is missing" in stale(plain)[0]


LESSONS = [Lesson("01_linear"), Lesson("02_sgd"), Lesson("10_transfer")]


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        ("01_linear", "01_linear"),
        ("linear", "01_linear"),
        ("01", "01_linear"),
        ("1", "01_linear"),
        ("10", "10_transfer"),
        ("solutions/02_sgd.py", "02_sgd"),
        ("notebooks/02_sgd/02_sgd.ipynb", "02_sgd"),
    ],
)
def test_a_lesson_has_several_names(name, chosen):
    assert [lesson.name for lesson in choose([name, name], LESSONS)] == [chosen]


def test_no_name_means_all_lessons():
    assert choose([], LESSONS) == LESSONS


@pytest.mark.parametrize(
    ("name", "near"), [("liner", "01_linear"), ("02_sdg", "02_sgd"), ("99", "01_linear or 02_sgd")]
)
def test_an_unknown_lesson_gets_the_near_names(name, near):
    with pytest.raises(CourseError, match=f"There is no lesson '{name}'. Did you mean {near}"):
        choose([name], LESSONS)


def test_bad_input_gets_one_sentence_and_a_status():
    code = """if True:
        from course_utils.cli import main

        for command in ("build", "build --check", "verify", "data"):
            try:
                main([*command.split(), "no-such-thing"])
            except SystemExit as end:
                print(end.code)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["1"] * 4
    lines = done.stderr.splitlines()
    assert len(lines) == 4
    assert all("'no-such-thing'" in line for line in lines)


def test_the_help_is_quick_because_it_imports_no_torch():
    code = "import sys; from course_utils.cli import app; app(['--help'], standalone_mode=False); "
    done = subprocess.run(
        [sys.executable, "-c", code + "sys.exit('torch' in sys.modules)"], capture_output=True
    )
    assert done.returncode == 0
    assert all(command in done.stdout for command in (b"build", b"verify", b"data"))


def test_the_course_has_lessons():
    assert all_lessons()

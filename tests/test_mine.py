"""The student's own library: what is kept, what later lessons get of it, and what is recorded."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from course_utils import files, mine
from course_utils.building import notebook_files as nb
from course_utils.building.lesson import all_lessons
from course_utils.checking import CourseError, judge
from course_utils.checking.exercise import exercises, lessons
from course_utils.checking.name_errors import install
from course_utils.data import load_mnist
from course_utils.mine import library, names, pieces, place, record, saved
from course_utils.mine.progress import Progress
from tests.kernel import Kernel, python

ROOT = Path(__file__).parents[1]
START = "import torch\nfrom torch import nn\nfrom course_utils import check\n"
RELU = "def relu(x):\n    return x.clamp(min=0)\n"
CHECK = 'check("linear.relu", relu)'


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of one lesson, in whose folder one works."""
    folder = tmp_path / "notebooks" / "01_linear"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.delenv(place.SETTING, raising=False)
    for kept in (names._choice, names._given, names._news, names._before, library._modules):
        kept.clear()
    return tmp_path


@pytest.fixture
def notebook(course):
    """Runs a cell as a notebook does and returns what it shows."""
    main = sys.modules["__main__"]
    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False
    install()
    names.install()

    def run(cell: str) -> str:
        with capture_output() as shown:
            shell.run_cell(cell, store_history=True)
        said = "\n".join([shown.stdout, *(item.data["text/plain"] for item in shown.outputs)])
        return re.sub(r"\x1b\[[0-9;]*m", "", said)

    run(START)
    yield run
    InteractiveShell.clear_instance()
    sys.modules["__main__"] = main


def kept(course: Path, lesson: str = "linear") -> str:
    return library.read(course / "mine" / f"{lesson}.py")


def test_a_right_answer_is_kept_with_its_imports_and_helpers_and_nothing_else(course, notebook):
    notebook("unused = 3\nTHRESHOLD = 0.0\ndef other(x):\n    return x")
    notebook("import math, os as system\ndef positive(x):\n    return x.clamp(min=THRESHOLD)")
    notebook("@torch.no_grad\ndef unrelated():\n    pass")
    said = notebook(f"def relu(x):\n    # clip\n    return positive(torch.as_tensor(x))\n{CHECK}")
    assert "`relu` is now in your library, mine/linear.py." in said
    text = kept(course)
    assert text.index("import torch") < text.index("THRESHOLD = 0.0") < text.index("def positive")
    assert "    # clip\n" in text and "# relu: right on 20" in text
    assert not any(word in text for word in ("unused", "other", "unrelated", "math", "system"))
    alone = subprocess.run(
        [*python(), "-c", "import torch, linear; print(linear.relu(torch.tensor([-1., 2.])))"],
        cwd=course / "mine",
        capture_output=True,
        text=True,
    )
    assert alone.stdout == "tensor([0., 2.])\n"


def test_nothing_is_written_from_a_wrong_answer_and_a_right_one_stays(course, notebook):
    wrong = f"def relu(x):\n    return x\n{CHECK}"
    notebook(wrong)
    assert kept(course) == ""
    notebook(RELU + CHECK)
    first = kept(course)
    notebook(wrong)
    assert kept(course) == first != ""
    notebook(f"def relu(x):\n    return x * (x > 0)\n{CHECK}")
    assert "x * (x > 0)" in kept(course) and "clamp" not in kept(course)


NOT_KEPT = [
    ("n = 3\n", "def relu(x):\n    return x.clamp(min=n - n)", "reads `n` from the notebook"),
    (
        "zero = torch.zeros(())\n",
        "def relu(x):\n    return torch.maximum(x, zero.to(x.dtype))",
        "reads `zero` from the notebook",
    ),
    ("", "exec('def relu(x):\\n    return x.clamp(min=0)')", "the source of your `relu`"),
    ("", "exec('relu = lambda x: x.clamp(min=0)')", "the source of your `relu`"),
    (
        "exec('def clip(x):\\n    return x.clamp(min=0)')\n",
        "def relu(x):\n    return clip(x)",
        "the source of `clip`, which your `relu` uses",
    ),
    (
        "",
        "kept = {}\nkept['f'] = lambda x: x.clamp(min=0)\n"
        "def relu(x, f=kept['f']):\n    return f(x)",
        "cannot be run outside its notebook (KeyError: 'f')",
    ),
    (
        "class Low:\n    pass\nLow.value = 0\n",
        "class Relu:\n    value = Low.value\n    def __call__(self, x):\n"
        "        return x.clamp(min=self.value)\nrelu = Relu()",
        "cannot be run outside its notebook (AttributeError: type object 'Low'",
    ),
    (
        "class Tools:\n    pass\n",
        "Tools.clip = lambda x: x.clamp(min=0)\ndef relu(x):\n    return Tools.clip(x)",
        "not right outside its notebook",
    ),
]


@pytest.mark.parametrize(("before", "answer", "said"), NOT_KEPT)
def test_an_answer_that_cannot_stand_alone_is_right_and_not_kept(
    course, notebook, before, answer, said
):
    notebook(before)
    shown = notebook(f"{answer}\n{CHECK}")
    assert "Right" in shown and said in shown and "Not put into your library" in shown
    assert kept(course) == ""


KEPT = {
    "lambda": "relu = lambda x: x.clamp(min=0)",
    "lambda without source": "relu = eval('lambda x: x.clamp(min=0)')",
    "timed": f"%%time\n{RELU}",
    "magic": f"%precision 3\n{RELU}",
    "decorated": "import functools\ndef plain(f):\n    @functools.wraps(f)\n    def g(*a, **k):\n"
    "        return f(*a, **k)\n    return g\n@plain\ndef relu(x):\n    return x.clamp(min=0)",
    "decorated by torch": "@torch.enable_grad()\ndef relu(x):\n    return torch.clamp(x, min=0)",
    "decorated without wraps": "def plain(f):\n    return lambda *a: f(*a)\n@plain\n"
    "def relu(x):\n    return x.clamp(min=0)",
    "object": "class Relu:\n    def __call__(self, x):\n        return x.clamp(min=0)\n"
    "relu = Relu()",
    "made by a function": "def make(low):\n    def f(x):\n        return x.clamp(min=low)\n"
    "    return f\nrelu = make(0)",
    "partial": "import functools\ndef clip(x, low):\n    return x.clamp(min=low)\n"
    "relu = functools.partial(clip, low=0)",
    "number of the same cell": f"zero = 0\n{RELU.replace('=0', '=zero')}",
    "several names": "zero, one = 0, 1\ndef relu(x):\n    return x.clamp(min=zero) * one",
    "one line": "def relu(x): return x.clamp(min=0)",
    "two on a line": "f = lambda x: x.clamp(min=0); relu = f",
    "getattr": "x = y = lr = 5\ndef relu(x):\n    return getattr(x, 'clamp')(min=0)",
    "class": "class Relu:\n    def __call__(self, x):\n        return x.clamp(min=0)\n"
    "def relu(x):\n    return Relu()(x)",
    "dataclass": "from dataclasses import dataclass\n@dataclass\nclass Low:\n"
    "    value: float = 0.0\ndef relu(x):\n    return x.clamp(min=Low().value)",
    "not ASCII": 'def relu(x):\n    "größer als 0 → x"\n    return x.clamp(min=0)',
}


@pytest.mark.parametrize("cell", KEPT.values(), ids=KEPT)
def test_forms_of_answers_that_are_kept(course, notebook, cell):
    notebook(cell)
    assert "is now in your library" in notebook(CHECK)
    assert "# relu: right on" in kept(course)


def test_another_helper_of_the_same_name_does_not_spoil_what_is_kept(course, notebook):
    notebook(
        f"def helper(x):\n    return x.clamp(min=0)\ndef relu(x):\n    return helper(x)\n{CHECK}"
    )
    before = kept(course)
    said = notebook(
        "def helper(p):\n    return p.numel()\ndef count_parameters(module):\n"
        "    return sum(helper(p) for p in module.parameters() if p.requires_grad)\n"
        'check("linear.count_parameters", count_parameters)'
    )
    assert "your `relu` in the library would no longer be right" in said
    assert kept(course) == before


def test_a_later_lesson_gets_ones_own_answers_and_one_line_says_which(course, notebook):
    notebook(RELU + CHECK)
    said = notebook("from course_utils.mine import relu, softmax, SGD")
    assert said.strip() == "Yours: relu. The course's: softmax, SGD."
    assert notebook("print(relu.__module__, SGD.__module__)").split() == [
        "mine.linear",
        "course_utils.reference.mnist",
    ]
    assert "course" not in notebook("1")


def test_an_answer_that_uses_one_of_another_lesson_imports_it(course, notebook):
    notebook(RELU + CHECK)
    notebook("from course_utils.mine import relu, log_softmax")
    notebook(
        "def softmax(logits):\n    return log_softmax(logits).exp() + 0 * relu(logits).sum()\n"
        'check("cross_entropy.softmax", softmax)'
    )
    said = notebook(
        "def accuracy(logits, targets):\n"
        "    hits = logits.argmax(-1) == targets\n"
        "    return relu(hits.double()).mean().item()\n"
        'check("cross_entropy.accuracy", accuracy)'
    )
    assert "is now in your library" in said and "Yours:" not in said
    text = kept(course, "cross_entropy")
    assert "from course_utils.mine import relu" in text and "def relu" not in text


def test_use_switches_all_names_or_one_also_those_already_imported(course, notebook):
    notebook(RELU + CHECK)
    notebook("from course_utils.mine import relu, use\nfirst = relu")
    assert notebook("use('course')").strip() == "The course's: relu."
    assert "reference" in notebook("print(relu.__module__, first.__module__)")
    notebook("use('mine', 'relu')")
    assert "mine.linear" in notebook("print(relu.__module__)")
    assert "Write use" in notebook("use('teacher')")
    assert "Did you mean `relu`" in notebook("use('course', 'rely')")


def test_an_unknown_name_gets_one_sentence(course):
    with pytest.raises(
        CourseError, match="No lesson has an answer called `My_Liner`. Did you mean"
    ):
        from course_utils.mine import My_Liner  # noqa: F401
    assert not hasattr(mine, "__wrapped__")


def test_names_of_answers_are_unique_over_the_lessons():
    found = [exercise.name for lesson in lessons() for exercise in exercises(lesson)]
    assert len(found) == len(set(found))
    known = library.homes()
    for lesson in lessons():
        for exercise in exercises(lesson):
            assert known[exercise.name] == lesson


def test_a_library_that_was_edited_and_broken_gives_way_to_the_course_and_says_so(course, notebook):
    notebook(RELU + CHECK)
    (course / "mine" / "linear.py").write_text(kept(course) + "\ndef (:\n")
    said = notebook("from course_utils.mine import relu")
    assert "The course's: relu. mine/linear.py cannot be run (SyntaxError" in said
    assert "is now in your library" in notebook(RELU + CHECK)


def test_a_borrowed_answer_lets_one_go_on_and_earns_nothing(course, notebook):
    notebook("from course_utils.mine import borrow, give_back, progress")
    notebook("def My_Linear(*args):\n    raise NotImplementedError")
    assert "My_Linear is not written yet." in notebook("My_Linear(1, 2)")
    said = notebook("borrow('linear.My_Linear')")
    assert "it earns no points" in said and "your library keeps the gap" in said
    shown = notebook("check('linear.My_Linear', My_Linear)")
    assert "This is a shortcut" in shown
    net = (
        "class two_layer_net(nn.Module):\n    def __init__(self, n_in, n_hidden, n_out):\n"
        "        super().__init__()\n        self.first = My_Linear(n_in, n_hidden)\n"
        "        self.second = My_Linear(n_hidden, n_out)\n    def forward(self, x):\n"
        "        return self.second(self.first(x).clamp(min=0))\n"
        "check('linear.two_layer_net', two_layer_net)"
    )
    shown = notebook(net)
    assert "Right" in shown and "uses `My_Linear`, which is borrowed" in shown
    states = {row["exercise"]: row["state"] for row in Progress(course / "mine").rows}
    assert states["linear.My_Linear"] == "borrowed" and states["linear.two_layer_net"] == "right"
    assert "My_Linear" not in kept(course)
    notebook("give_back('linear.My_Linear')")
    assert "My_Linear is not written yet." in notebook("My_Linear(1, 2)")
    assert "is not borrowed here" in notebook("give_back('linear.My_Linear')")
    assert "There is no exercise 'linear.rely'" in notebook("borrow('linear.rely')")
    assert "in quotes" in notebook("borrow(check)")


def test_progress_says_where_one_is_and_what_comes_next(course, notebook):
    notebook(RELU + CHECK)
    notebook(
        "def collapse(w1, b1, w2, b2):\n    return w1 @ w2, b1\ncheck('linear.collapse', collapse)"
    )
    table = mine.progress()
    text = repr(table)
    assert "✓ linear.relu" in text and "○ linear.My_Linear" in text and "✗ linear.collapse" in text
    assert table.next == "Next: linear.My_Linear." and table.total.startswith("1 of ")
    assert "<details open>" in table._repr_html_()


def test_right_stays_right_and_a_later_mistake_is_named_beside_it(course, notebook):
    notebook(RELU + CHECK)
    notebook(f"def relu(x):\n    return x.clamp(max=0)\n{CHECK}")
    row = next(row for row in Progress(course / "mine").rows if row["exercise"] == "linear.relu")
    assert (row["state"], row["points"]) == ("right", row["of"]) and row["last mistake"]
    assert f"1/1   {row['last mistake']}" in repr(mine.progress())
    notebook(RELU + CHECK)
    assert record.entries(course / "mine")[0]["linear.relu"].mistake == ""


def test_without_a_place_for_a_library_a_check_is_as_ever_and_progress_says_why(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(place.SETTING, raising=False)
    assert place.folder() is None and mine.checked(judge("linear.relu", len), len) == ""
    with pytest.raises(CourseError, match="There is no library here"):
        mine.progress()
    monkeypatch.setenv(place.SETTING, "off")
    assert place.folder() is None
    monkeypatch.setenv(place.SETTING, str(tmp_path / "elsewhere"))
    assert place.folder() == (tmp_path / "elsewhere").resolve()


BROKEN = ["", "{", "[]", "null", '{"version": 0, "exercises": {}}', '{"version": 1}', "\x00"]
BROKEN += ['{"version": 1, "exercises": {"a": {"score": "1"}}}', '{"version": 1, "exercises": []}']
BROKEN += ['{"version": 1, "exercises": {"a": {"score": 7}}}', "[" * 100_000]


@pytest.mark.parametrize("content", BROKEN, ids=range(len(BROKEN)))
def test_a_broken_or_older_progress_file_is_put_aside_with_a_sentence(course, notebook, content):
    (course / "mine").mkdir()
    (course / "mine" / "progress.json").write_text(content)
    said = notebook(RELU + CHECK)
    assert "Right" in said and "put aside as mine/progress-" in said
    (aside,) = (course / "mine").glob("progress-*.json")
    assert aside.read_text() == content
    assert record.entries(course / "mine")[0]["linear.relu"].state == "right"


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.text(max_size=12),
        st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=5),
        max_size=4,
    )
)
def test_any_json_is_read_or_put_aside(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("mine")
    wrapped = {"version": 1, "exercises": {"linear.relu": content}}
    (folder / "progress.json").write_text(json.dumps(wrapped))
    found, said = record.entries(folder)
    assert said or found.keys() == {"linear.relu"}
    assert record.change(folder, "linear.collapse", lambda entry: None) == ""


def test_a_library_that_cannot_be_written_is_said_and_the_check_goes_on(course, notebook):
    (course / "mine").write_text("a file where the folder should be")
    said = notebook(RELU + CHECK)
    assert "Right" in said and "Your library could not be written" in said


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    files.write(tmp_path / "a.py", b"first")

    def fails(*args):
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(OSError, match="full"):
        files.write(tmp_path / "a.py", b"second")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["first"]


def test_many_writers_at_once_lose_nothing(tmp_path):
    def write(number: int) -> None:
        for _ in range(10):
            record.change(tmp_path, f"lesson.{number}", more)

    def more(entry: record.Entry) -> None:
        entry.tries += 1

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {entry.tries for entry in record.entries(tmp_path)[0].values()} == {10}
    assert len(record.entries(tmp_path)[0]) == 8


def test_two_kernels_and_a_restart_lose_nothing(tmp_path, monkeypatch):
    monkeypatch.delenv(place.SETTING, raising=False)
    folder = tmp_path / "notebooks" / "01_linear"
    folder.mkdir(parents=True)
    count = (
        "def count_parameters(module):\n"
        "    return sum(p.numel() for p in module.parameters() if p.requires_grad)\n"
        'check("linear.count_parameters", count_parameters)'
    )
    with Kernel(folder, "01_linear") as one, Kernel(folder, "01_linear") as two:
        one.run(START)
        two.run(START)
        assert "is now in your library" in one.run(RELU + CHECK)
        assert "is now in your library" in two.run(count)
        assert "Yours: relu, count_parameters." in one.run(
            "from course_utils.mine import relu, count_parameters"
        )
    with Kernel(folder, "01_linear") as again:
        said = again.run("from course_utils.mine import relu, count_parameters, progress")
        assert "Yours: relu, count_parameters." in said
        assert "2 of 5 right" in again.run("print(progress())")
        again.run("def relu(x):\n    # YOUR CODE HERE\n    raise NotImplementedError")
        said = again.run("relu(1)")
        assert said.startswith("relu is not written yet.") and "Traceback" not in said
        assert "is now" not in again.run("from course_utils.mine import relu\n" + START + CHECK)


def test_the_command_judges_saved_notebooks(tmp_path):
    folder = tmp_path / "notebooks" / "01_linear"
    folder.mkdir(parents=True)
    released = json.loads((ROOT / "notebooks/01_linear/01_linear.ipynb").read_text("utf-8"))
    solved = json.loads((ROOT / "solutions/01_linear/01_linear.ipynb").read_text("utf-8"))
    answers = {cell["id"]: cell["source"] for cell in solved["cells"]}
    for cell in released["cells"]:
        if cell["id"] in ("relu", "My_Linear", "two_layer_net"):
            cell["source"] = answers[cell["id"]]
    (folder / "01_linear.ipynb").write_text(json.dumps(released), encoding="utf-8")
    broken = tmp_path / "notebooks" / "02_sgd"
    broken.mkdir()
    (broken / "02_sgd.ipynb").write_text('{"cells": [')
    done = subprocess.run(
        [*python(), shutil.which("course") or "course", "progress", "--check"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if name != place.SETTING},
    )
    assert done.returncode == 0, done.stderr
    assert "linear: 3 of 5 right, 7 of 10 points; extra: 0 of 1 right, 0 of 2 points" in done.stdout
    assert "02_sgd.ipynb could not be judged" in done.stderr
    assert library.dates(kept(tmp_path)).keys() == {"relu", "My_Linear", "two_layer_net"}


def test_only_the_cells_that_answers_need_are_run():
    cells = [
        "import torch",
        "x = 1/0",
        "def f(x):\n    return torch.relu(x)",
        "relu = f",
        "print(x)",
    ]
    assert saved.wanted(cells, {"relu"}) == [True, False, True, True, False]


@given(st.text(max_size=200))
def test_any_text_has_pieces_or_none(text):
    for piece in pieces.pieces(text):
        assert piece.source


TAKES_NORMALIZE = [
    lesson
    for lesson in all_lessons()
    if re.search(r"course_utils\.mine import [^)]*?\bnormalize\b", lesson.text.read_text("utf-8"))
]


@pytest.mark.parametrize("lesson", TAKES_NORMALIZE, ids=lambda lesson: lesson.name)
def test_later_lessons_give_normalize_what_its_docstring_asks_for(lesson):
    """Or a student's own, right in lesson 05, would fail there."""
    seen = []

    def normalize(train, valid):
        seen.extend((x.dtype, x.ndim) for x in (train, valid))
        return train, valid

    space = {"normalize": normalize, "load_mnist": load_mnist, "FULL": False}
    for cell in nb.from_text(lesson).cells:
        if "load_mnist(" in cell.source and " normalize(" in cell.source:
            upto = re.match(r"(?s).*\bnormalize\(.*?\n", cell.source)[0]
            exec(upto, space)
    assert set(seen) == {(torch.float32, 2)}

"""Files beside a notebook are there when it runs, within limits; what was not read is named."""

import json
import os

import pytest

from course_utils.grading.classroom.pages import Feedback
from course_utils.grading.outside import batch, intake, one, pictures
from course_utils.grading.outside.rebuild import LessonCells, rebuild
from tests.grading import corpus
from tests.grading.classroom import hand_in, make_course
from tests.grading.test_gate import shown

LESSON = corpus.LESSON
PICTURE = corpus.b64decode(corpus.PNG)


def folder_of(course, student):
    return course.path("submitted", student, LESSON.name)


def lay(folder, **files):
    for name, content in files.items():
        (folder / name.replace("_dot_", ".")).write_bytes(
            content.encode() if isinstance(content, str) else content
        )


def test_only_plain_small_files_of_known_kinds_are_read(tmp_path, monkeypatch):
    folder = tmp_path / "student" / "01_linear"
    folder.mkdir(parents=True)
    lay(
        folder,
        helper_dot_py="x = 1",
        page_dot_html="<b>",
        timestamp_dot_txt="2024",
        data_dot_csv="a",
    )
    lay(
        folder,
        _dot_hidden="x",
        **{"01_linear.ipynb": "{}", "other.ipynb": "{}", "large.txt": b"x" * 11},
    )
    (folder / "sub.py").mkdir()
    (folder / "secret.txt").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe.py")
    (folder / "tur\u202en.py").write_text("x")
    monkeypatch.setattr(intake, "LARGEST_BESIDE", 10)
    found, unread = intake.read_beside(folder, "01_linear.ipynb", {})
    assert found == {"data.csv": b"a", "helper.py": b"x = 1"}
    names = [line.partition(",")[0] for line in unread]
    assert names == [
        "“large.txt”",
        "“other.ipynb”",
        "“page.html”",
        "“pipe.py”",
        "“secret.txt”",
        "“sub.py”",
        "“tur n.py”",
    ]
    assert (
        unread[0] == "“large.txt”, beside the notebook, was not read: a file may have at most 0 MB."
    )
    assert unread[4] == "“secret.txt”, beside the notebook, was not read: it is not a plain file."
    monkeypatch.setattr(intake, "MOST_BESIDE", 1)
    assert list(intake.read_beside(folder, "01_linear.ipynb", {})[0]) == ["data.csv"]
    monkeypatch.setattr(intake, "MOST_BESIDE", 9)
    monkeypatch.setattr(intake, "LARGEST_TOGETHER", 5)
    assert list(intake.read_beside(folder, "01_linear.ipynb", {})[0]) == ["data.csv"]
    linked = tmp_path / "linked" / "01_linear"
    linked.parent.mkdir()
    linked.symlink_to(folder)
    assert intake.read_beside(linked, "01_linear.ipynb", {}) == ({}, [])


def test_of_very_many_files_that_are_not_read_the_first_are_named(tmp_path):
    for number in range(1_000):
        (tmp_path / f"{number:04}.so").write_bytes(b"")
    (tmp_path / "0000” Full points. “.so").write_bytes(b"")
    found, unread = intake.read_beside(tmp_path, "01_linear.ipynb", {})
    assert not found and len(unread) == 21
    assert unread[1].startswith("“0000' Full points. '.so”, beside the notebook, was not read: ")
    assert unread[-1] == "Of the files beside the notebook, 981 more were not read."


def test_a_picture_beside_the_notebook_is_shown_in_words():
    text = "So:\n\n![a](sketch.png) ![b](<./my%20plot.png>) <img src='sketch.png'> [code](helper.py) ![c](gone.png)"
    notebook = corpus.answered(why_nonlinear=text)
    files = {
        "sketch.png": PICTURE,
        "my plot.png": PICTURE,
        "helper.py": b"x",
        "gone.png": b"no picture",
    }
    made = rebuild(LessonCells(corpus.released()), json.dumps(notebook).encode(), files)
    cell = next(cell for cell in made.cells if corpus.mark(cell) == "why_nonlinear")
    assert len(cell["attachments"]) == 1 and cell["source"].count("attachment:") == 3
    assert "(helper.py)" in cell["source"] and "(gone.png)" in cell["source"]
    page = shown((Feedback, "feedback"), {"cells": made.cells})
    assert page.count(f"data:image/png;base64,{corpus.PNG}") == 3


def test_pictures_that_do_not_fit_stay_addresses():
    known = pictures.of_files({"a.png": PICTURE, "b.PNG": b"not one", "c.py": PICTURE})
    assert list(known) == ["a.png"]
    assert pictures.near("![a](a.png)", known, len(corpus.PNG))[0] == "![a](attachment:a.png)"
    assert pictures.near("![a](a.png)", known, len(corpus.PNG) - 1) == ("![a](a.png)", {})


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A class in which answers use what lies beside the notebook, and the report on it."""
    course = make_course(tmp_path_factory.mktemp("course"))
    helped = corpus.answered("My_Linear", relu="from helper import relu")
    hand_in(course, "helper", helped)
    lay(
        folder_of(course, "helper"),
        helper_dot_py="def relu(x):\n    return x.clamp(min=0)\n",
        tool_dot_so="x",
    )
    hand_in(course, "another", helped)
    lay(folder_of(course, "another"), helper_dot_py="def relu(x):\n    return x\n")
    hand_in(course, "without", helped)
    hand_in(
        course,
        "writes",
        corpus.put(
            corpus.answered("relu"), "open('helper.py', 'w').write('x = 1')\n%run helper.py"
        ),
    )
    lay(folder_of(course, "writes"), helper_dot_py="raise SystemExit")
    report = batch.grade(course, LESSON, batch.Options(seed=3), progress=False)
    return course, report["submissions"]


def test_what_lies_beside_it_is_there_when_it_runs(graded):
    _, rows = graded
    status = {
        student: {check["id"]: check["status"] for check in row["checks"]}
        for student, row in rows.items()
    }
    assert [status[name]["linear.relu"] for name in ("helper", "another", "without", "writes")] == [
        "right", "wrong", "error", "right",
    ]  # fmt: skip
    assert [line.partition(":")[0] for line in rows["helper"]["repairs"]] == [
        "“tool.so”, beside the notebook, was not read"
    ]


def test_a_new_file_beside_it_is_graded_anew(graded):
    course, _ = graded
    lay(folder_of(course, "without"), helper_dot_py="def relu(x):\n    return x.clamp(min=0)\n")
    report = batch.grade(course, LESSON, batch.Options(seed=3), progress=False)
    assert report["submissions"]["without"]["checks"][0]["status"] == "right"


def test_one_notebook_of_a_folder_has_the_files_of_that_folder(graded):
    course, _ = graded
    os.rename(
        folder_of(course, "helper") / "01_linear.ipynb", folder_of(course, "helper") / "mine.ipynb"
    )
    result = one.grade(course, folder_of(course, "helper"), None, batch.Options(seed=3))
    assert result.checks[0].status == "right" and len(result.repairs) == 1
    alone = one.grade(
        course, folder_of(course, "helper") / "mine.ipynb", None, batch.Options(seed=3)
    )
    assert alone.checks[0].status == "error"

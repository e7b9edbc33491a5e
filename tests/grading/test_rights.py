"""Read-only files, folders of others, a gradebook in use, lessons that were never released: one
sentence each, and the rest goes on. The tests run without root's rights over files.
"""

import json
import os
import sqlite3
import stat

import pytest

from course_utils.grading import commands
from course_utils.grading.outside import entering, releases
from tests.grading import corpus
from tests.grading.classroom import hand_in
from tests.grading.test_changes import (  # noqa: F401
    course,
    grade,
    made,
    without_a_sandbox,
    worded,
)

LESSON = corpus.LESSON


@pytest.fixture
def opened():
    """Folders to which everybody gets their rights back at the end."""
    closed = []
    yield closed
    for path in closed:
        path.chmod(0o755)


def run(course, monkeypatch, capsys, lesson=LESSON.name):  # noqa: F811
    """The exit status of `course grade`, and what it said on stderr."""
    monkeypatch.chdir(course.root)
    status = 0
    try:
        commands.grade(lesson, jobs=1, seed=3, report=course.root / "report.json")
    except SystemExit as ended:
        status = ended.code
    return status, capsys.readouterr().err


def reported(course):  # noqa: F811
    report = json.loads((course.root / "report.json").read_text())
    return set(report["submissions"])


@pytest.mark.parametrize("what", ["the notebook", "the lesson's folder", "the student's folder"])
def test_what_nobody_may_read_is_told_and_is_no_zero(course, monkeypatch, capsys, opened, what):  # noqa: F811
    for student in ("anna", "bo"):
        hand_in(course, student, worded())
    folder = course.path("submitted", "anna", LESSON.name)
    paths = {"the notebook": folder / f"{LESSON.name}.ipynb", "the lesson's folder": folder}
    path = paths.get(what, folder.parent)
    opened.append(path)
    path.chmod(0)
    status, said = run(course, monkeypatch, capsys)
    assert status == 1 and "Traceback" not in said
    assert "anna was left out: you may not read or write" in said
    assert reported(course) == {"bo"}


def test_what_nobody_may_write_is_told(course, monkeypatch, capsys, opened):  # noqa: F811
    for student in ("anna", "bo"):
        hand_in(course, student, worded())
    grade(course)
    hand_in(course, "anna", worded("Something else."))
    folder = course.path("autograded", "anna", LESSON.name)
    opened.append(folder)
    folder.chmod(0o555)
    status, said = run(course, monkeypatch, capsys)
    assert status == 1 and "anna was left out: you may not read or write" in said
    assert reported(course) == {"bo"}
    folder.chmod(0o755)
    assert run(course, monkeypatch, capsys)[0] == 0


def test_read_only_files_of_nbgraders_stop_nothing(course, monkeypatch, capsys):  # noqa: F811
    for text in ("First.", "Second."):
        hand_in(course, "anna", worded(text), "2024-06-01 00:00:00 UTC")
        assert run(course, monkeypatch, capsys)[0] == 0
        for kind in ("submitted", "autograded"):
            for path in course.path(kind, "anna", LESSON.name).iterdir():
                path.chmod(0o444)
        for path in course.path("submitted", "anna", LESSON.name).iterdir():
            path.unlink()


def test_a_gradebook_in_use_is_told(course, monkeypatch, capsys):  # noqa: F811
    hand_in(course, "anna", worded())
    monkeypatch.setattr(entering, "PATIENCE", 0.2)
    path = course.root / "gradebook.db"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    status, said = run(course, monkeypatch, capsys)
    assert status == 1 and "gradebook.db cannot be written (database is locked)" in said
    assert "Traceback" not in said
    other.execute("ROLLBACK")
    other.close()
    path.chmod(0o444)
    status, said = run(course, monkeypatch, capsys)
    assert status == 1 and "gradebook.db cannot be written" in said and "Traceback" not in said
    path.chmod(0o644)
    assert run(course, monkeypatch, capsys)[0] == 0


def test_a_lesson_that_was_never_released_is_told_and_the_others_are_graded(
    course,  # noqa: F811
    monkeypatch,
    capsys,
):
    hand_in(course, "anna", worded())
    (course.root / "submitted" / "anna" / "99_nothing").mkdir()
    status, said = run(course, monkeypatch, capsys, "all")
    assert status == 1 and "99_nothing was handed in but never released" in said
    assert reported(course) == {"anna"}


def test_in_a_folder_that_a_group_shares_the_group_can_go_on(course):  # noqa: F811
    """Whatever the one's umask is: the seed, the results and the gradebook are the group's too."""
    for folder in (course.root, *(path for path in course.root.rglob("*") if path.is_dir())):
        folder.chmod(0o2775)
    before = os.umask(0o022)
    try:
        releases.keep_all(course)
        hand_in(course, "anna", worded())
        grade(course)
        seed = course.seed(LESSON)
    finally:
        os.umask(before)
    assert course.seed(LESSON) == seed
    assert stat.S_IMODE(course.own("seeds", LESSON.name).stat().st_mode) == 0o660
    assert (course.root / "gradebook.db").stat().st_mode & stat.S_IWGRP
    for path in course.own().rglob("*"):
        rights = path.stat().st_mode
        assert rights & stat.S_IWGRP and (rights & stat.S_ISGID or path.is_file()), path
    assert course.path("autograded", "anna", LESSON.name).stat().st_mode & stat.S_IWGRP


def test_alone_the_seed_is_ones_own(course):  # noqa: F811
    course.seed(LESSON)
    assert stat.S_IMODE(course.own("seeds", LESSON.name).stat().st_mode) == 0o600

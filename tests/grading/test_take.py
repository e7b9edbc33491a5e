"""Lessons taken into a term, whole or without what is extra, from the setting to the export."""

import contextlib
import csv
import json
import shutil

import pytest

from course_utils.building.lesson import Lesson
from course_utils.checking.exercise import exercises, free_texts
from course_utils.cli import main
from course_utils.errors import CourseError
from course_utils.grading.outside.course import find_course
from course_utils.grading.outside.gradebook import marks
from course_utils.grading.term.take import take, with_extra
from tests.grading import corpus
from tests.grading.classroom import ROOT, hand_in, nbgrader_command

LESSON = corpus.LESSON
SETTING = "c.Lessons.extra = "
EXTRA = {item.name for item in (*exercises("linear"), *free_texts("linear")) if item.extra}
CORE = corpus.ALL - corpus.worth(*EXTRA)
SHORTER = "01_linear is here, without what is extra."


@pytest.fixture
def course(tmp_path):
    """The folder of a term with nothing in it but the settings."""
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    return find_course(tmp_path)


def set_extra(course, value):
    """Change the setting, as an instructor does; the course, read anew."""
    path = course.root / "nbgrader_config.py"
    text = path.read_text()
    before = next(line for line in text.splitlines() if line.startswith(SETTING))
    path.write_text(text.replace(before, f"{SETTING}{value}"))
    return find_course(course.root)


@pytest.fixture
def said(course, monkeypatch, capsys):
    """What a command prints that is given in the folder of the term."""
    monkeypatch.chdir(course.root)

    def run(*arguments):
        with contextlib.suppress(SystemExit):
            main([*arguments])
        printed = capsys.readouterr()
        return printed.out + printed.err

    return run


def exported(course):
    """The points and the most there are, by student, in nbgrader's table."""
    done = nbgrader_command(course, "export", "--to=grades.csv")
    assert done.returncode == 0, done.stderr
    with (course.root / "grades.csv").open(encoding="utf-8") as file:
        return {
            row["student_id"]: (float(row["score"]), float(row["max_score"]))
            for row in csv.DictReader(file)
        }


def asked(course):
    """The names of all that the released notebook grades."""
    notebook = json.loads(course.released(LESSON))
    return {
        corpus.mark(cell).removeprefix("check-")
        for cell in notebook["cells"]
        if corpus.is_graded(cell)
    }


@pytest.mark.nbgrader
def test_one_setting_leaves_out_what_is_extra_from_the_notebook_to_the_export(course, said):
    course = set_extra(course, False)
    assert said("take", "1") == f"{SHORTER}\n"
    assert asked(course).isdisjoint(EXTRA) and len(asked(course)) == 5
    assert "extra" not in course.released(LESSON)

    short = json.loads((course.root / "solutions/01_linear/01_linear.ipynb").read_text())
    hand_in(course, "s01", short)
    hand_in(course, "s02", corpus.answered())  # whose notebook is the whole one
    assert "2 submissions, 2 of them graded" in said("grade", "1", "--report", "r.json")
    rows = json.loads((course.root / "r.json").read_text())["submissions"]
    assert {row["max_score"] for row in rows.values()} == {CORE}
    assert exported(course) == {"s01": (CORE, CORE), "s02": (CORE, CORE)}
    assert "expose_relu" not in said("report", "1")
    assert "2 feedback pages" in said("feedback", "1")
    page = (course.root / "feedback/s01/01_linear/01_linear.html").read_text()
    assert f"{CORE:g} of {CORE:g} points" in page and "expose_relu" not in page

    course = set_extra(course, True)
    assert said("take", "1") == "01_linear is here, whole.\n"
    told = said("grade", "1")
    assert "New in the lesson: check-expose_relu." in told
    assert "New in the lesson: why_nonlinear." in told
    everything = CORE + corpus.worth("expose_relu")
    assert {name: found for name, (found, _) in exported(course).items()} == {
        "s01": CORE,
        "s02": everything,
    }
    assert {found.max_score for found in marks(course, LESSON).values()} == {corpus.ALL}

    course = set_extra(course, False)
    assert said("take", "1") == f"{SHORTER}\n"
    gone = "No longer in the lesson: check-expose_relu, why_nonlinear."
    assert gone in said("grade", "1")
    assert {found.score for found in marks(course, LESSON).values()} == {CORE}


def test_what_was_taken_is_what_is_handed_out(course, said, monkeypatch):
    course = set_extra(course, False)
    said("take", "1")
    assert "Release" in said("release", "--to", "out")
    handed = course.root / "out/notebooks"
    assert [path.name for path in handed.iterdir()] == ["01_linear"]
    assert (handed / "01_linear/01_linear.ipynb").read_text() == course.released(LESSON)
    assert "run `course take 02_sgd`" in said("release", "2", "--to", "more")
    monkeypatch.chdir(handed.parent)
    shown = said("progress")
    assert "linear: 0 of 5 right, 0 of 10 points\n" in shown and "expose_relu" not in shown


def test_a_lesson_is_taken_whole_where_nothing_is_said_and_nothing_is_written_twice(course):
    assert with_extra(course) and take(course, LESSON)
    for kind in ("notebooks", "solutions"):
        path = f"{kind}/{LESSON.name}/{LESSON.name}.ipynb"
        assert (course.root / path).read_bytes() == (ROOT / path).read_bytes()
    assert not take(course, LESSON)
    stray = course.root / "notebooks" / LESSON.name / "old.png"
    stray.write_bytes(b"")
    assert take(course, LESSON) and not stray.exists()


def test_what_was_handed_out_before_is_kept(course):
    take(course, LESSON)
    path = course.root / "notebooks" / LESSON.name / f"{LESSON.name}.ipynb"
    path.write_text(mine := path.read_text().replace("Parameters", "My parameters"))
    take(course, LESSON)
    kept = [file.read_text() for file in (course.root / ".course/releases").rglob("*.ipynb")]
    assert mine in kept and path.read_text() != mine


@pytest.mark.parametrize("line", ["c.Lessons.extras = False", "c.Lessons.extra = 'no'"])
def test_a_setting_that_is_none_is_told(course, line):
    path = course.root / "nbgrader_config.py"
    path.write_text(f"{path.read_text()}\n{line}\n")
    with pytest.raises(CourseError, match="c.Lessons has only one setting"):
        with_extra(find_course(course.root))


def test_lessons_are_not_taken_into_the_place_where_they_are_made():
    with pytest.raises(CourseError, match="make a folder for your term"):
        take(find_course(ROOT), LESSON)


def test_a_lesson_that_is_not_built_is_told(course, tmp_path):
    with pytest.raises(CourseError, match="run `course build 01_linear`"):
        take(course, Lesson("01_linear", tmp_path / "nowhere"))

"""nbgrader's own commands read what was handed in as `course grade` does, and hand nothing else on."""

import json
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from course_utils.errors import CourseError
from course_utils.grading.outside import batch, intake, reading
from course_utils.grading.outside.course import find_course
from course_utils.grading.outside.gradebook import scores
from course_utils.grading.outside.intake import handed_in_at, read_submission
from course_utils.grading.outside.reading import Unreadable
from course_utils.grading.outside.rebuild import LessonCells, rebuild
from course_utils.grading.outside.recognise import known_by
from tests.grading import corpus
from tests.grading.classroom import hand_in, make_course, nbgrader_command

LESSON = corpus.LESSON
KINDS = (
    "links_beside_it",
    "pipes_beside_it",
    "sparse_files_beside_it",
    "pages_beside_it",
    "link_to_a_neighbour",
)
KINDS += ("pipe", "folder_that_is_a_link", "wrong_name", "hundred_megabytes", "truncated")


def graded(tmp_path, way):
    """A course in which these were handed in, and graded in one of the two ways; with feedback."""
    course = make_course(tmp_path)
    hand_in(course, "solved", corpus.answered(), "2024-06-01 00:00:00 Europe/Berlin")
    for entry in corpus.ENTRIES:
        if entry.kind in KINDS:
            entry.make(course.path("submitted", entry.kind, LESSON.name))
    course.seed(LESSON)
    if way == "course":
        batch.grade(course, LESSON, batch.Options(), progress=False)
    else:
        done = nbgrader_command(course, "autograde", LESSON.name)
        assert done.returncode == 0, done.stderr
    done = nbgrader_command(course, "generate_feedback", LESSON.name)
    assert done.returncode == 0, done.stderr
    return course


@pytest.mark.nbgrader
def test_both_ways_read_the_same_and_hand_nothing_else_on(tmp_path):
    found = {}
    for way in ("course", "nbgrader"):
        course = graded(tmp_path / way, way)
        found[way] = {name: score for name, (score, _) in scores(course, LESSON).items()}
        for kind, suffix in (("autograded", "ipynb"), ("feedback", "html")):
            for path in course.path(kind, "*", LESSON.name).parents[1].glob("*/*/*"):
                assert (
                    path.name in (f"{LESSON.name}.{suffix}", "timestamp.txt")
                    and not path.is_symlink()
                )
                assert path.stat().st_size < 3 << 20 and "root:x:0" not in path.read_text()
        stamp = course.path("autograded", "solved", LESSON.name) / "timestamp.txt"
        assert stamp.read_text() == "2024-05-31 22:00:00.000000 UTC\n"
        for name in KINDS:
            assert not (
                course.path("autograded", name, LESSON.name) / "timestamp.txt"
            ).exists() or name.startswith("spa")
    due = {entry.kind: entry.points for entry in corpus.ENTRIES if entry.kind in KINDS} | {
        "solved": corpus.FULL
    }
    assert found["course"] == due
    assert found["nbgrader"] == {
        name: points for name, points in due.items() if name in found["nbgrader"]
    }
    assert due.keys() - found["nbgrader"].keys() == set(), (
        "nbgrader's own command leaves nobody out"
    )


def test_files_that_nobody_may_write_stop_nothing(tmp_path):
    """As nbgrader leaves them."""
    course = make_course(tmp_path)
    for names in (("relu",), ("relu", "My_Linear")):
        hand_in(course, "one", corpus.answered(*names), "2024-06-01 00:00:00 UTC")
        report = batch.grade(course, LESSON, batch.Options(seed=3), progress=False)
        assert report["submissions"]["one"]["score"] == corpus.worth(*names)
        for kind in ("submitted", "autograded"):
            for path in course.path(kind, "one", LESSON.name).iterdir():
                path.chmod(0o444)
        for path in course.path("submitted", "one", LESSON.name).iterdir():
            path.rename(path.with_suffix(f"{path.suffix}.old"))


@pytest.mark.parametrize(
    "text, said",
    [
        ("2024-06-01 10:00:00 UTC", "2024-06-01 10:00:00"),
        ("2024-06-01 10:00:00.5 UTC\n", "2024-06-01 10:00:00.500000"),
        ("2024-06-01T10:00:00+02:00", "2024-06-01 08:00:00"),
        ("2024-06-01 10:00:00 Europe/Berlin", "2024-06-01 08:00:00"),
        ("2024-01-01T00:00:00+99:99", "None"),
        ("0" * 99, "None"),
        ("9999-12-31 23:59:59 UTC", "None"),
        ("0001-01-01 00:00:00 UTC", "None"),
        ("2024-06-01 10:00:00 /etc/localtime", "None"),
        ("2024-06-01 10:00:00 ../../etc/localtime", "None"),
        ("2024-06-01 10:00:00.000000 CEST", "2024-06-01 08:00:00"),
        ("01.10.2024 10:00 UTC", "None"),
        ("2024-06-01 10:00:00 IST", "None"),
        ("next Tuesday", "None"),
        ("", "None"),
    ],
)
def test_a_stamp_says_a_time_or_none(tmp_path, text, said):
    (tmp_path / "timestamp.txt").write_text(text)
    assert str(handed_in_at(tmp_path)) == said


def test_an_answer_that_could_not_be_read_waits_for_a_person(tmp_path):
    course = make_course(tmp_path)
    hand_in(course, "long", corpus.answered("relu", collapse="# " + "x" * 200_000))
    batch.grade(course, LESSON, batch.Options(seed=3), progress=False)
    with Gradebook(course.folders.db_url) as book:
        grades = {
            name: book.find_grade(f"check-{name}", LESSON.name, LESSON.name, "long")
            for name in ("relu", "collapse")
        }
        assert (grades["relu"].auto_score, grades["relu"].needs_manual_grade) == (
            corpus.ONE,
            False,
        )
        assert (grades["collapse"].auto_score, grades["collapse"].needs_manual_grade) == (
            None,
            True,
        )


def test_submissions_among_system_files_are_refused(tmp_path):
    make_course(tmp_path)
    with pytest.raises(CourseError, match="is among the system's files"):
        find_course(tmp_path, Path("/usr/share"))
    assert find_course(tmp_path, tmp_path).submitted == tmp_path.resolve()


@pytest.mark.parametrize("size", [19, 21])
def test_outputs_may_be_large_and_where_they_are_too_large_it_is_said(tmp_path, size):
    notebook = corpus.answered()
    video = {"text/html": f"<video src='data:video/mp4;base64,{'A' * (size << 20)}'>"}
    shown = {"output_type": "display_data", "metadata": {}, "data": video}
    notebook["cells"][corpus.place(notebook, "relu")]["outputs"] = [shown]
    path = tmp_path / f"{LESSON.name}.ipynb"
    path.write_text(json.dumps(notebook))
    known = {LESSON.name: known_by(corpus.released()["cells"])}
    if size > 20:
        with pytest.raises(Unreadable, match="has 21 MB, and 20 are allowed: clear its outputs"):
            read_submission(tmp_path, LESSON.name, known)
    else:
        content = read_submission(tmp_path, LESSON.name, known).content
        assert not rebuild(LessonCells(corpus.released()), content).repairs


def test_brackets_are_counted_before_a_file_is_parsed():
    def content(brackets):
        return b'{"nbformat": 4, "cells": [], "x": [' + b"[]," * (brackets - 4) + b"[]]}"

    why = r"has 1,000,001 opening brackets, and 1,000,000 are allowed: clear its outputs\.$"
    with pytest.raises(Unreadable, match=why):
        reading.parse(content(1_000_001))
    assert reading.parse(content(1_000_000))["cells"] == []


def test_of_notebooks_under_other_names_a_limited_size_is_read(tmp_path, monkeypatch):
    content = json.dumps(corpus.answered()).encode()
    for number in range(4):
        (tmp_path / f"{number}.ipynb").write_bytes(content + b" " * number)
    monkeypatch.setattr(intake, "LARGEST_NOTEBOOKS", 2 * len(content) + 1)
    known = {LESSON.name: known_by(corpus.released()["cells"])}
    with pytest.raises(Unreadable, match="There are '0.ipynb' and '1.ipynb', and none is called"):
        read_submission(tmp_path, LESSON.name, known)

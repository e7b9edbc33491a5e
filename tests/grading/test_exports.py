"""Grades for Canvas and Moodle, written by nbgrader's own export command."""

import csv

import pytest
from nbgrader.api import Gradebook

from course_utils.grading.term.roster import enter, read_roster
from tests.grading.classroom import make_course, nbgrader_command

pytestmark = pytest.mark.nbgrader


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    made = make_course(tmp_path_factory.mktemp("course"))
    assert made.folders.db_url
    with Gradebook(made.folders.db_url) as book:
        book.add_assignment("01_linear")
        book.add_notebook("01_linear", "01_linear")
        book.add_grade_cell("check", "01_linear", "01_linear", max_score=10, cell_type="code")
        book.add_student(
            "first",
            first_name="Ä",
            last_name='Q"uote, comma',
            email="a@example.org",
            lms_user_id="17",
        )
        book.add_student("second")
        book.add_student("=1+1", first_name="@name", last_name="-2")
        book.add_submission("01_linear", "first")
        book.find_grade("check", "01_linear", "01_linear", "first").auto_score = 7.5
        book.add_student("waiting")
        book.add_submission("01_linear", "waiting")
        book.db.commit()
    return made


def exported(course, name=None):
    """The table that nbgrader's export command writes, with its own exporter or another."""
    chosen = [f"--exporter=course_utils.grading.classroom.exports.{name}"] if name else []
    done = nbgrader_command(course, "export", *chosen, "--to=grades.csv")
    assert done.returncode == 0, done.stderr
    with (course.root / "grades.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_canvas(course):
    assert exported(course, "CanvasExport") == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "01_linear"],
        ["    Points Possible", "", "", "", "", "10"],
        ["second", "", "second", "second", "", ""],
        ["waiting", "", "waiting", "waiting", "", ""],
        ["'-2, @name", "", "'=1+1", "'=1+1", "", ""],
        ['Q"uote, comma, Ä', "17", "first", "first", "", "7.5"],
    ]


def test_moodle(course):
    assert exported(course, "MoodleExport") == [
        ["Username", "ID number", "First name", "Surname", "Email address", "01_linear"],
        ["second", "", "", "", "", ""],
        ["waiting", "", "", "", "", ""],
        ["'=1+1", "", "'@name", "'-2", "", ""],
        ["first", "", "Ä", 'Q"uote, comma', "a@example.org", "7.5"],
    ]


def test_two_rosters_leave_each_platform_its_own_number(tmp_path):
    course = make_course(tmp_path)
    tables = {
        "moodle": "Username,ID number,First name,Surname\nbo,M-77,Bo,Li\n",
        "canvas": 'Student,ID,SIS User ID,SIS Login ID,Section\n"Li, Bo",102,,bo,A\n',
        "worksheet": "Identifier,Full name,ID number\nParticipant 9,Zoë Ka,zk\n",
    }
    for name, text in tables.items():
        (course.root / f"{name}.csv").write_text(text, encoding="utf-8")
        table = read_roster(course.root / f"{name}.csv")
        new, changed = {"moodle": ("bo", ""), "canvas": ("", "bo"), "worksheet": ("zk", "")}[name]
        assert enter(course, table.people) == ([new] if new else [], [changed] if changed else [])
        assert enter(course, table.people) == ([], [])
    rows = {row[0]: row[1] for row in exported(course, "MoodleExport")}
    assert (rows["bo"], rows["zk"]) == ("M-77", "zk")
    rows = {row[3]: row[1] for row in exported(course, "CanvasExport")}
    assert (rows["bo"], rows["zk"]) == ("102", "")


def test_nbgraders_own(course):
    names = ["student_id", "last_name", "first_name", "email"]
    points = ["raw_score", "late_submission_penalty", "score", "max_score"]
    assert exported(course) == [
        ["assignment", "duedate", "timestamp", *names, *points],
        ["01_linear", "", "", "second", "", "", "", "0.0", "0.0", "0.0", "10.0"],
        ["01_linear", "", "", "waiting", "", "", "", "", "", "", "10.0"],
        ["01_linear", "", "", "'=1+1", "'-2", "'@name", "", "0.0", "0.0", "0.0", "10.0"],
        [
            "01_linear",
            "",
            "",
            "first",
            'Q"uote, comma',
            "Ä",
            "a@example.org",
            "7.5",
            "0.0",
            "7.5",
            "10.0",
        ],
    ]


def test_points_by_question(course):
    assert exported(course, "QuestionExport") == [
        ["student_id", "last_name", "first_name", "01_linear: check"],
        ["possible points", "", "", "10"],
        ["second", "", "", ""],
        ["waiting", "", "", ""],
        ["'=1+1", "'-2", "'@name", ""],
        ["first", 'Q"uote, comma', "Ä", "7.5"],
    ]


def test_exports_warn_of_what_is_not_graded(course):
    for name in ("CanvasExport", "MoodleExport", "QuestionExport", "PlainExport"):
        chosen = f"--exporter=course_utils.grading.classroom.exports.{name}"
        done = nbgrader_command(course, "export", chosen, "--to=grades.csv")
        assert "waiting is not graded yet, and left blank: check of 01_linear." in done.stderr
        assert done.stderr.count("not graded yet") == 1

"""A term as docs/term.md tells it: every command in it, on a class of twelve made-up students."""

import csv
import json
import re
import subprocess
import zipfile

import pytest
from nbgrader.api import Gradebook

from course_utils.grading.outside.course import find_course
from tests.grading import corpus
from tests.grading.classroom import ENVIRONMENT, ROOT, programs
from tests.grading.test_term_in import zipped

LESSON = corpus.LESSON
NAMES = ["Anna Muster", "Bo Li", "Jürgen Müller", "Zoë O'Neil", "Søren Å", "Ana María López"]
NAMES += ["José Ruiz", "Li Wei", "Ngọc Trần", "Mary-Jane Doe", "Иван Петров", "Omar Said"]
ESSAY = (
    "Two layers without a nonlinearity are one affine map, because W2 W1 is a matrix: $W_2 W_1$."
)
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "term.md").read_text(), re.DOTALL)
    for line in block.splitlines()
]


def submissions():
    """What the class handed in, as Moodle packs it: ten plain ones and three in some other way."""
    files = {}
    for number, name in enumerate(NAMES):
        notebook = corpus.answered(*(["relu"] if number % 3 == 1 else []))
        if number != 3:
            notebook["cells"][corpus.place(notebook, "why_nonlinear")]["source"] = ESSAY
        content = json.dumps(notebook)
        folder = f"{name}_{9000 + number}_assignsubmission_file_"
        if number == 1:
            files[f"{folder}/01_linear (1).ipynb"] = content
        elif number == 2:
            files[f"{folder}/all.zip"] = zipped({"x/homework.ipynb": content, "x/plot.py": "x = 1"})
        else:
            files[f"{folder}/01_linear.ipynb"] = content
    return files | {"__MACOSX/._01_linear.ipynb": "x"}


@pytest.fixture(scope="module")
def term(tmp_path_factory):
    """The course's folder after the term, and what each command said."""
    root = tmp_path_factory.mktemp("term")
    lines = [f"s{number:02},{name}" for number, name in enumerate(NAMES, 1)]
    (root / "roster.csv").write_text("id,full name\n" + "\n".join(lines) + "\n")
    with zipfile.ZipFile(root / "moodle.zip", "w") as archive:
        for name, content in submissions().items():
            archive.writestr(name, content)
    said = {}
    path = programs(tmp_path_factory.mktemp("programs"))
    own = {"COURSE": str(ROOT), "TQDM_DISABLE": "1", "COLUMNS": "200", "PATH": path}
    environment = ENVIRONMENT | own
    for command in COMMANDS:
        if command.startswith("course feedback"):
            read_essays(find_course(root))
        done = subprocess.run(
            ["bash", "-c", command], cwd=root, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        said[command] = done.stdout + done.stderr
    return root, said


def read_essays(course):
    """What a person does in the formgrader: points for all essays but the last student's."""
    with Gradebook(course.folders.db_url) as book:
        for number in range(1, 12):
            if number != 4:
                grade = book.find_grade("why_nonlinear", LESSON.name, LESSON.name, f"s{number:02}")
                grade.manual_score, grade.needs_manual_grade = 1.5, False
        book.db.commit()


def told(term, begins):
    """What the first command that begins so said."""
    return next(text for command, text in term[1].items() if command.startswith(begins))


@pytest.mark.nbgrader
def test_everybody_is_in_and_graded(term):
    assert "12 students" in told(term, "course roster")
    assert "12 submissions are in." in told(term, "course collect")
    assert "was called 01_linear (1).ipynb" in told(term, "course collect")
    assert "12 submissions, 12 of them graded" in told(term, "course grade")
    assert "s03 may hand in 01_linear until 2026-12-07 22:59 UTC." in told(term, "course extend")


@pytest.mark.nbgrader
def test_grades_are_blank_where_an_essay_waits(term):
    with (term[0] / "moodle.csv").open(encoding="utf-8") as file:
        rows = {row["Username"]: row for row in csv.DictReader(file)}
    grades = [rows[f"s{number:02}"]["01_linear"] for number in range(1, 13)]
    assert grades == [f"{(corpus.ONE if n % 3 == 1 else corpus.FULL) + 1.5:g}" if n not in (3, 11) else
                      f"{corpus.FULL:g}" if n == 3 else "" for n in range(12)]  # fmt: skip
    assert "s12 is not graded yet" in told(term, "nbgrader export")
    with (term[0] / "questions.csv").open(encoding="utf-8") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert rows["s12"]["01_linear: why_nonlinear"] == ""
    assert (rows["s01"]["01_linear: relu"], rows["s02"]["01_linear: collapse"]) == (
        f"{corpus.ONE:g}",
        "0",
    )


@pytest.mark.nbgrader
def test_feedback_goes_back_under_the_platforms_names(term):
    with zipfile.ZipFile(term[0] / "feedback.zip") as archive:
        pages = {name: archive.read(name).decode() for name in archive.namelist()}
    assert len(pages) == 12
    page = pages["Bo Li_9001_assignsubmission_file_01_linear_feedback.html"]
    assert (
        f"{corpus.ONE + 1.5:g} of {corpus.ALL:g} points" in page
        and "○ Not attempted" in page
        and "✓ Right" in page
    )
    assert "Test cell" not in page and "<details open>" in page
    assert "<script" not in page and "https://" not in re.sub(
        r'href="[^"]*"', "", page.split("<main>")[0]
    )
    assert "data:image/svg+xml;base64," in page and 'alt="W_2 W_1"' in page
    waiting = pages["Omar Said_9011_assignsubmission_file_01_linear_feedback.html"]
    assert "2 of them" in waiting and "not yet graded" in waiting
    solved = pages["Anna Muster_9000_assignsubmission_file_01_linear_feedback.html"]
    assert "<details open>" not in solved and "<details>" in solved

"""Mistakes that have no name yet: found in a class, drafted, filled in, and named for everybody."""

import ast
import json
import re
import shutil
import subprocess
from base64 import b64encode

import pytest

from course_utils.checking.edit import edited
from course_utils.checking.evidence import encode, to_tree
from course_utils.checking.exercise import find
from course_utils.checking.judge import expected_evidence, judge
from course_utils.checking.running import collect
from course_utils.grading.classroom import draft, edits, unnamed
from course_utils.grading.outside.result import Result, Row
from course_utils.grading.outside.steps import derived, drawn
from tests.grading import corpus
from tests.grading.classroom import ENVIRONMENT, ROOT, hand_in, make_course, python

SEED = 11
ANSWERS = {
    "s1": "def collapse(w1, b1, w2, b2):\n    return w2 @ w1, 2 * b2 + w2 @ b1",
    "s2": "def collapse(a, b, c, d):\n    return torch.mm(c, a), d + d + c.mv(b)",
    "s3": "def collapse(w1, b1, w2, b2):\n    return w2 @ w1, w2 @ b1 + 3 * b2",
    "s4": "def collapse(w1, b1, w2, b2):\n    return w3 @ w1, b2",
}


def result(source, names=()):
    """What a worker would give for an answer to linear.collapse."""
    import torch

    space = {"torch": torch}
    exec(source, space)
    exercise = find("linear.collapse")
    evidence = collect(
        exercise, space["collapse"], drawn(exercise.id, SEED), seed=derived(SEED, "run")
    )
    cell = corpus.cell(source, nbgrader={"grade_id": "collapse", "solution": True})
    kept = b64encode(encode([to_tree(item) for item in evidence])).decode()
    row = Row(exercise.id, "check-collapse", 0.0, 2.0, "wrong", "", None)
    return Result(
        "01_linear",
        "bubblewrap",
        "graded",
        [],
        [row],
        [],
        [cell],
        0.1,
        True,
        SEED,
        {exercise.id: kept},
    )


def test_answers_with_equal_evidence_are_one_group():
    groups = unnamed.groups({name: result(source) for name, source in ANSWERS.items()}.items())
    assert [group.students for group in groups] == [["s1", "s2"], ["s3"], ["s4"]]
    assert groups[0].answer == ANSWERS["s1"]  # the shortest
    assert groups[0].equals == "'2 * b2' for 'b2'" or "b2" in groups[0].equals
    assert groups[2].verdict.mistake == "raised" and groups[2].edit is None
    assert [
        group.students
        for group in unnamed.groups({n: result(s) for n, s in ANSWERS.items()}.items(), 2)
    ] == [["s1", "s2"]]


def test_an_edit_is_found_where_a_slip_of_the_pen_explains_it():
    id = "sgd.momentum_step"
    exercise, cases = find(id), find(id).draw(3)
    expected = expected_evidence(exercise, cases, 3)

    def halved(params, velocities, lr, momentum):
        import torch

        with torch.no_grad():
            for p, v in zip(params, velocities, strict=True):
                if p.grad is not None:
                    v.mul_(momentum).add_(p.grad)
                    p.sub_(lr * v / 2)

    got = collect(exercise, halved, cases, seed=3)
    found = edits.explained(exercise, cases, expected, got, 3)
    assert found is not None
    assert judge(id, edited(id, found), 3).where == judge(id, halved, 3).where
    assert (
        edits.explained(
            exercise, cases, expected, collect(exercise, lambda *_: 7, cases, seed=3), 3
        )
        is None
    )


@pytest.mark.parametrize("id", ["linear.My_Linear", "tabular.categorify", "sgd.ewma"])
def test_every_edit_fits_the_reference(id):
    made = edits.edits(find(id))
    assert 20 < len(made) <= edits.MOST
    for edit in made:
        edited(id, edit)


def test_only_what_has_no_name_is_kept():
    from course_utils.grading.outside.unnamed import has_no_name

    exercise = find("linear.relu")
    name = exercise.mistakes[0].name

    def said(status, mistake):
        return has_no_name(exercise, Row(exercise.id, "check-relu", 0.0, 1.0, status, "", mistake))

    assert said("wrong", None) and said("wrong", "constant factor") and said("error", "raised")
    assert (
        not said("wrong", name) and not said("wrong", f"shape; {name}") and not said("right", None)
    )
    assert not said("shortcut", None) and not said("timeout", "too slow")


@pytest.fixture
def repository(tmp_path):
    """A copy of the course's repository that drafts can be written into."""
    root = tmp_path / "repository"
    skip = shutil.ignore_patterns(
        ".git", ".venv", "__pycache__", "build", ".*_cache", ".course", "*.egg-info"
    )
    shutil.copytree(ROOT, root, ignore=skip)
    return root


def in_repository(root, folder, *words):
    """Run Python with the copy's package, in a folder."""
    environment = ENVIRONMENT | {"PYTHONPATH": str(root), "TQDM_DISABLE": "1", "COLUMNS": "200"}
    return subprocess.run(
        [*python(), *words], cwd=folder, env=environment, capture_output=True, text=True
    )


COURSE = ("-c", "from course_utils.cli import main; main()")


@pytest.mark.nbgrader
def test_the_whole_way_from_a_class_to_a_hint_for_all(repository, tmp_path):
    course = make_course(tmp_path / "course")
    for student, source in ANSWERS.items():
        hand_in(course, student, corpus.answered("relu", collapse=source))

    def run(*words):
        done = in_repository(repository, course.root, *COURSE, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("grade", "01_linear", "--seed=3", "--report=before.json")
    said = run("mistakes", "01_linear")
    assert "1 mistake without a name" in said and "linear.collapse: 2 students, such as s1" in said
    run("report", "01_linear", "--html=report.html")
    page = (course.root / "report.html").read_text()
    assert (
        "Mistakes that have no name yet" in page
        and "name-mistake linear.collapse --like s1" in page
    )
    said = run("name-mistake", "linear.collapse", "--like=s2")
    assert "2 students gave the same answer: s1, s2." in said
    catalogue = repository / "course_utils" / "exercises" / "linear.py"
    tests = repository / "tests" / "answers" / "linear.py"
    with_draft = catalogue.read_text()
    assert "# Mistake(" in with_draft and '#     edit("' in with_draft
    assert "# def collapse(w1" in tests.read_text()
    # A draft changes nothing, and is asked for, until a person has filled it in.
    left = in_repository(repository, repository, *COURSE, "verify", "--quick", "linear.collapse")
    assert left.stdout.count("FILL IN") + left.stderr.count("FILL IN") >= 4
    name, hint = (
        "counts the outer bias twice",
        "The outer bias reaches the output once: follow it through.",
    )
    for path in (catalogue, tests):
        before, begin, rest = path.read_text().partition("# FILL IN")
        lines = (begin + rest).split("\n")
        block = next(
            (n for n, line in enumerate(lines) if not line.lstrip().startswith("#")), len(lines)
        )
        bare = [re.sub(r"^(\s*)# ?", r"\1", line) for line in lines[1:block]]
        text = "\n".join([before.rstrip(" "), *bare, *lines[block:]])
        text = text.replace("FILL IN: its name", name)
        path.write_text(re.sub(r"FILL IN: what was done[^\"]*", hint, text))
    run("grade", "01_linear", "--seed=3", "--report=after.json")
    rows = json.loads((course.root / "after.json").read_text())["submissions"]
    messages = {
        student: check["message"]
        for student, row in rows.items()
        for check in row["checks"]
        if check["id"] == "linear.collapse"
    }
    assert {student for student, message in messages.items() if hint in message} == {"s1", "s2"}
    assert "0 mistakes without a name" in run("mistakes", "01_linear")
    code = "from tests.answers import wrong_answers; print(wrong_answers('linear'))"
    marked = in_repository(repository, repository, "-c", code)
    assert name in marked.stdout, marked.stderr
    nothing = in_repository(
        repository, course.root, *COURSE, "name-mistake", "linear.collapse", "--like=s1"
    )
    assert nothing.returncode == 1 and f"the mistake already has a name, '{name}'" in nothing.stderr
    nobody = in_repository(
        repository, course.root, *COURSE, "name-mistake", "linear.relu", "--like=nobody"
    )
    assert nobody.returncode == 1 and len(nobody.stderr.splitlines()) == 1


def test_a_students_text_stays_behind_marks(tmp_path):
    evil = "def collapse(w1, b1, w2, b2):\n    return w2 @ w1, 2 * b2 + w2 @ b1\r__import__('os')\x0cx = 1\u2028y"
    made = result(ANSWERS["s1"])
    made.cells[0]["source"] = evil
    (group,) = unnamed.groups([("s1", made)])
    for place in ("course_utils/exercises", "tests/answers"):
        (tmp_path / place).mkdir(parents=True)
        shutil.copy(ROOT / place / "linear.py", tmp_path / place)
    written = draft.write_draft(group, tmp_path)
    for path, line in (written.entry, written.test):
        original = ast.parse((ROOT / path.relative_to(tmp_path)).read_text())
        assert ast.dump(original) == ast.dump(ast.parse(path.read_bytes()))
        assert "FILL IN" in path.read_text().split("\n")[line - 1]

"""What is done twice, or by two at once: graders at the same time, nbgrader's commands run again,
runs with nothing to grade, processes that were killed; and hubs on which no sandbox starts.
"""

import json
import os
import subprocess
import sys
from functools import partial
from multiprocessing import get_context

import pytest
from nbgrader.apps.api import NbGraderAPI
from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.converters.base import NbGraderException

from course_utils.building.lesson import Lesson
from course_utils.grading import commands
from course_utils.grading.outside import answers, autograde, folders, gradebook, pool
from course_utils.grading.outside.gradebook import scores
from tests.grading import corpus
from tests.grading.classroom import (
    ENVIRONMENT,
    ROOT,
    hand_in,
    make_course,
    nbgrader_command,
    nbgrader_in,
    numbered,
)
from tests.grading.test_changes import (  # noqa: F401
    WORDS,
    by_hand,
    copied,
    course,
    grade,
    made,
    state,
    without_a_sandbox,
    worded,
)

LESSON = corpus.LESSON
GRADE = [sys.executable, "-c", "from course_utils.cli import main; main()", "grade"]


def test_two_people_grade_at_once(tmp_path):
    """Two lessons, and one of them twice, into a gradebook that is not there yet."""
    course = make_course(tmp_path)  # noqa: F811
    sgd = Lesson("02_sgd", course.root)
    sgd.released.parent.mkdir()
    sgd.released.write_bytes((ROOT / "notebooks" / sgd.name / f"{sgd.name}.ipynb").read_bytes())
    for number in range(3):
        hand_in(course, f"s{number}", numbered(corpus.answered("relu"), number))
        path = course.path("submitted", f"s{number}", sgd.name) / f"{sgd.name}.ipynb"
        path.parent.mkdir()
        mine = json.loads(sgd.released.read_text())
        mine["cells"].append(corpus.cell(f"number = {number}"))
        path.write_text(json.dumps(mine))
    run = partial(subprocess.Popen, cwd=course.root, env=ENVIRONMENT, stderr=subprocess.PIPE)
    begun = [
        run([*GRADE, name, "--jobs", "1"], stdout=subprocess.DEVNULL, text=True)
        for name in (LESSON.name, sgd.name, LESSON.name)
    ]
    said = [process.communicate()[1] for process in begun]
    assert [process.returncode for process in begun] == [0, 0, 0], said
    assert not any("Traceback" in text for text in said), said
    found = {name: score for name, (score, _) in scores(course, LESSON).items()}
    assert found == dict.fromkeys(("s0", "s1", "s2"), corpus.worth("relu"))
    assert {score for score, _ in scores(course, sgd).values()} == {0.0}
    assert len(scores(course, sgd)) == 3


# ---------------------------------------------------------------- nbgrader's commands


def said_again(course, converter):  # noqa: F811
    """Run a command of nbgrader's, without --force."""
    course.folders.assignment_id = LESSON.name
    converter(coursedir=course.folders, parent=course.app).start()


def test_who_hands_in_again_is_graded_again_by_nbgraders_command(course):  # noqa: F811
    """Also where no timestamp says that it is newer."""
    path = course.path("autograded", "anna", LESSON.name) / f"{LESSON.name}.ipynb"
    for text in (WORDS, "Something else."):
        hand_in(course, "anna", worded(text))
        said_again(course, Autograde)
        assert json.dumps(text) in path.read_text()
        assert state(course)["why_nonlinear"] == (None, True)


def test_feedback_made_again_says_what_the_gradebook_says(course):  # noqa: F811
    hand_in(course, "anna", worded(), "2024-10-01 10:00:00 UTC")
    grade(course)
    page = course.path("feedback", "anna", LESSON.name) / f"{LESSON.name}.html"
    for points, comment in ((None, None), (1.25, "well said"), (0.75, "said better before")):
        by_hand(course, "anna", "why_nonlinear", points, comment)
        said_again(course, GenerateFeedback)
        assert (comment is None or comment in page.read_text()) and (
            points is None or f"{points:g} of" in page.read_text()
        )
    hand_in(course, "anna", worded("Something else."), "2024-10-01 10:00:00 UTC")
    grade(course)
    said_again(course, GenerateFeedback)
    assert "Something else." in page.read_text()


def test_the_validate_button_says_what_is_not_right(course):  # noqa: F811
    path = course.root / "mine.ipynb"
    wrong = corpus.answered("My_Linear", relu="def relu(x):\n    return x")
    path.write_text(json.dumps(wrong))
    done = nbgrader_command(course, "validate", str(path))
    assert "VALIDATION FAILED" in done.stdout and "linear.collapse: not attempted" in done.stdout
    assert "linear.relu" in done.stdout and "linear.My_Linear" not in done.stdout


def test_a_submission_goes_through_nbgraders_exchange(course, tmp_path):  # noqa: F811
    course.app.config.CourseDirectory.course_id = "dl"
    home = tmp_path / "student"
    home.mkdir()
    (home / "nbgrader_config.py").write_text(
        f"c = get_config()\nc.Exchange.root = {str(course.root / 'exchange')!r}\n"
        "c.CourseDirectory.course_id = 'dl'\n"
    )
    (course.root / "exchange").mkdir(exist_ok=True)
    (course.root / "exchange").chmod(0o777)

    def say(place, *words):
        done = nbgrader_in(place, *words, LESSON.name)
        assert done.returncode == 0, done.stderr

    say(course.root, "generate_assignment", "--force")
    say(course.root, "release_assignment", "--course=dl")
    say(home, "fetch_assignment")
    path = home / LESSON.name / f"{LESSON.name}.ipynb"
    mine = json.loads(path.read_text())
    mine["cells"][corpus.place(mine, "why_nonlinear")]["source"] = WORDS
    path.write_text(json.dumps(mine))
    say(home, "submit")
    say(course.root, "collect", "--course=dl")
    [row] = grade(course)["submissions"].values()
    assert row["status"] == "graded" and row["checks"][-1]["status"] == "not run"


def test_a_lesson_is_released_again_after_it_was_graded(course):  # noqa: F811
    """nbgrader's own command refuses; with --no-db it does it, and the gradebook follows."""
    hand_in(course, "anna", worded())
    grade(course)
    by_hand(course, "anna", "why_nonlinear", 1.5)
    source = json.loads(LESSON.solved.read_text())
    copied(source["cells"], source, "why_nonlinear", "why_bias")
    (course.root / "solutions" / LESSON.name / LESSON.solved.name).write_text(json.dumps(source))
    words = ("generate_assignment", LESSON.name, "--force")
    assert nbgrader_command(course, *words).returncode != 0
    done = nbgrader_command(course, *words, "--no-db")
    assert done.returncode == 0, done.stderr
    assert grade(course)["changes"] == ["New in the lesson: why_bias."]
    assert state(course)["why_nonlinear"] == (1.5, False)


@pytest.mark.parametrize("kind", ["missing", "refused"])
def test_where_no_sandbox_starts_nbgraders_ways_say_so_and_leave_everything(
    course,  # noqa: F811
    monkeypatch,
    tmp_path,
    kind,
):
    hand_in(course, "anna", worded())
    grade(course)
    path = course.path("autograded", "anna", LESSON.name) / f"{LESSON.name}.ipynb"
    before = path.read_bytes(), scores(course, LESSON)
    tools = tmp_path / "bin"
    tools.mkdir()
    if kind == "refused":
        no = "bwrap: No permissions to create new namespace"
        (tools / "bwrap").write_text(f"#!/bin/sh\necho '{no}' >&2\nexit 1\n")
        (tools / "bwrap").chmod(0o755)
    why = "which is not installed" if kind == "missing" else "No permissions"
    monkeypatch.setenv("PATH", str(tools))
    hand_in(course, "bo", worded())
    with pytest.raises(NbGraderException, match=why):
        said_again(course, Autograde)
    api = NbGraderAPI(course.folders, parent=course.app)
    result = api.autograde(LESSON.name, "anna")  # the formgrader's button
    assert not result["success"] and why in result["error"]
    assert (path.read_bytes(), scores(course, LESSON)) == before


# ---------------------------------------------------------------- nothing to do, and the killed


def test_a_run_with_nothing_to_grade_starts_no_worker(course, monkeypatch):  # noqa: F811
    started = []
    monkeypatch.setattr(pool.LocalPool, "start", lambda self: started.append(True))
    monkeypatch.chdir(course.root)
    hand_in(course, "anna", worded())
    for expected in (1, 1):
        commands.grade(LESSON.name, jobs=1, seed=3)
        assert len(started) == expected
    hand_in(course, "anna", worded("Something else."))
    commands.grade(LESSON.name, jobs=1, seed=3)
    assert len(started) == 2


class Killed(BaseException):
    """Nothing that the grader does goes on after this."""


@pytest.mark.parametrize(
    "place, name",
    [
        (gradebook, "fill"),  # before anything is in the gradebook
        (answers.Answers, "remember"),  # it is, and nothing else
        (gradebook, "graded_notebook"),  # the answers are remembered as well
    ],
)
def test_killed_while_it_writes_the_next_run_asks_a_person_to_look_again(
    course,  # noqa: F811
    monkeypatch,
    place,
    name,
):
    """A person has read answers that were then changed; several are written together."""
    students = ("anna", "bo", "cleo")
    for student in students:
        hand_in(course, student, worded())
    grade(course)
    for student in students:
        by_hand(course, student, "why_nonlinear", 1.5)
        hand_in(course, student, worded("Something else."))
    written, todo = [], getattr(place, name)

    def killed(*args):
        if len(written) == 1:
            raise Killed
        written.append(todo(*args))
        return written[-1]

    with monkeypatch.context() as patch:
        patch.setattr(place, name, killed)
        with pytest.raises(Killed):
            grade(course)
    report = grade(course)
    for student in students:
        assert state(course, student)["why_nonlinear"] == (1.5, True), student
        path = course.path("autograded", student, LESSON.name) / f"{LESSON.name}.ipynb"
        assert "Something else." in path.read_text()
        assert report["submissions"][student]["score"] == 1.5


def test_nbgraders_command_killed_before_it_writes_asks_again_too(course, monkeypatch):  # noqa: F811
    hand_in(course, "anna", worded())
    said_again(course, Autograde)
    by_hand(course, "anna", "why_nonlinear", 1.5)
    hand_in(course, "anna", worded("Something else."))

    def killed(*args):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(autograde, "fill", killed)
        with pytest.raises(Killed):
            said_again(course, Autograde)
    said_again(course, Autograde)
    assert state(course)["why_nonlinear"] == (1.5, True)


def _hold(connection):
    connection.send(folders.Held().path)
    connection.recv()


def test_the_folder_of_a_killed_process_goes_with_the_next(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(folders.tempfile, "tempdir", str(tmp_path))
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_hold, args=(theirs,))
    process.start()
    path = ours.recv()
    mine = folders.Held()
    assert path.parent == tmp_path and path.is_dir(), "it is in use"
    process.kill()
    process.join()
    other = folders.Held()
    assert not path.exists() and mine.path.is_dir()
    for held in (mine, other, other):
        held.remove()
    assert os.listdir(tmp_path) == []

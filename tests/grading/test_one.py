"""One notebook in, one JSON out, in the forms of other graders, as docs/graders.md says."""

import json
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from course_utils.errors import CourseError
from course_utils.exercises.mnist import FitMnist, ReproduceTrainStep
from course_utils.grading.outside import batch, formats, one, sandbox
from course_utils.grading.outside.result import Result, Row
from tests.grading import corpus
from tests.grading.classroom import ENVIRONMENT, ROOT, course_command, hand_in, make_course

LESSON = corpus.LESSON
WRONG = corpus.answered(
    "relu", collapse="def collapse(w1, b1, w2, b2):\n    return w2 @ w1, b2 + 0"
)
SCRIPTS = re.findall(
    r"```(?:sh|python)\n(.*?)```", (ROOT / "docs" / "graders.md").read_text(), re.S
)
RUNNER = {
    "CLASSROOM": "cs",
    "ASSIGNMENT": "linear",
    "SUBMISSION_TAG": "submit/1",
    "COMMIT_URL": "https://x/commit/1",
    "RELEASE_URL": "https://x/releases/1",
}


def write(path, notebook):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook))
    return path


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return make_course(tmp_path_factory.mktemp("course"))


def test_a_notebook_alone_gets_the_verdict_of_the_batch(course, tmp_path):
    hand_in(course, "s1", WRONG)
    report = batch.grade(course, LESSON, batch.Options(seed=3), progress=False)
    shutil.rmtree(course.root / "submitted")
    (course.root / "gradebook.db").unlink()
    before = sorted(course.root.rglob("*"))
    done = course_command(
        course, "grade", "--one", str(write(tmp_path / "any.ipynb", WRONG)), "--seed=3"
    )
    assert done.returncode == 0, done.stderr
    said, row = json.loads(done.stdout), report["submissions"]["s1"]
    assert {key: said[key] for key in row} == row | {"seconds": said["seconds"]}
    assert (said["lesson"], said["sandbox"]) == (LESSON.name, "bubblewrap")
    assert "seed" not in said
    assert sorted(course.root.rglob("*")) == before


def test_bad_input_gets_one_sentence_or_a_verdict(course, tmp_path):
    def said(*arguments):
        done = course_command(course, "grade", "--seed=3", *map(str, arguments))
        return done.returncode, (done.stderr or done.stdout).strip().splitlines()

    assert said("--one", tmp_path / "none.ipynb")[0] == 1
    assert "There is no" in said("--one", tmp_path / "none.ipynb")[1][0]
    half = tmp_path / "half.ipynb"
    half.write_text('{"cells": [')
    status, lines = said("--one", half)
    assert (status, len(lines)) == (1, 1) and "--lesson" in lines[0]
    other = write(tmp_path / "other.ipynb", {"cells": [], "nbformat": 4, "metadata": {}})
    assert said("--one", other)[1] == [
        "None of the notebook's cells belongs to a released lesson. Name the lesson with --lesson, and it gets a verdict."
    ]
    assert said()[1] == ["Say which lesson to grade, such as 01_linear, or all, or --one FILE."]
    out = tmp_path / "result.json"
    assert said("--one", half, "--lesson", "linear", "--out", out) == (0, [])
    assert json.loads(out.read_text())["status"] == "unreadable"
    assert said("--one", tmp_path, "--lesson=linear", "--out", out)[0] == 0
    assert "half.ipynb, other.ipynb" in json.loads(out.read_text())["repairs"][0]
    status, lines = said("--one", half, "--lesson=1", "--form=classroom50")
    assert (status, len(lines)) == (1, 1) and "SUBMISSION_TAG" in lines[0]


def test_gradescope_runs_the_scripts_of_the_docs(tmp_path):
    root = tmp_path / "autograder"
    made = make_course(root / "source" / "course")
    (made.root / ".venv").symlink_to(sys.prefix)
    write(root / "submission" / "homework.ipynb", WRONG)
    setup, run = (text.replace("/autograder", str(root)) for text in SCRIPTS[:2])
    seed = [line for line in setup.splitlines() if ".course/seeds" in line]
    done = subprocess.run(["bash", "-ec", "\n".join([f"cd {made.root}", *seed])], env=ENVIRONMENT)
    assert done.returncode == 0 and len(seed) == 2
    done = subprocess.run(["bash", "-c", run], env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = json.loads((root / "results" / "results.json").read_text())
    tests = {test["name"]: test for test in said["tests"]}
    assert said["score"] == 1.0 == sum(test.get("score", 0) for test in said["tests"])
    assert (
        tests["linear.relu"]["status"] == "passed"
        and tests["linear.collapse"]["status"] == "failed"
    )
    assert tests["linear.collapse"]["output"].startswith("wrong\n")
    assert "score" not in tests["linear.why_nonlinear"]
    assert (
        "To be read by a person, and not yet in the score: linear.why_nonlinear." in said["output"]
    )
    assert one.WITHOUT not in said["output"]


def test_without_a_sandbox_it_stops_or_says_so(course, tmp_path, monkeypatch, capsys):
    def refuse(self):
        if self.sandbox:
            raise CourseError("no namespaces here")
        return start(self)

    start = sandbox.Template._start
    path = write(tmp_path / "a.ipynb", WRONG)
    monkeypatch.setattr(one.pool, "LocalPool", Here)
    monkeypatch.setattr(sandbox.Template, "_start", refuse)
    with pytest.raises(CourseError, match="no namespaces"):
        one.grade(course, path, None, batch.Options(seed=3))
    result = one.grade(course, path, None, batch.Options(seed=3), or_without=True)
    assert (result.sandbox, result.repairs[0]) == ("none", one.WITHOUT)
    assert formats.gradescope(result)["output"].startswith(one.WITHOUT)
    assert "no namespaces here" in capsys.readouterr().err


class Here:
    """A pool of no process: what it runs, this one runs."""

    def __init__(self, jobs):
        assert jobs == 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        from course_utils.grading.outside import warm

        warm.close()

    def run(self, tasks):
        from course_utils.grading.outside.worker import grade

        yield from ((key, grade(task)) for key, task in tasks)


def result(lesson, *rows):
    return Result(lesson, "bubblewrap", "graded", [], list(rows), [], [], 0.5, True)


def test_classroom_50_gets_whole_numbers_and_the_runners_names(monkeypatch):
    monkeypatch.setattr(formats, "exercises", lambda _: [FitMnist()])  # 5 points, or half of them
    rows = [
        Row("mnist.fit", "check-fit", 1.5, 3.0, "partial", "half"),
        Row("mnist.x", "check-x", 1.0, 1.0, "right", ""),
    ]
    rows.append(Row("mnist.why", "why", 0.0, 2.0, "not run", "Read by a person.", manual=True))
    said = formats.classroom50(
        result("05_mnist", *rows), RUNNER, datetime(2026, 6, 1, 14, 32, 1, tzinfo=UTC)
    )
    assert said == {
        "schema": "classroom50/result/v1",
        "classroom": "cs",
        "assignment": "linear",
        "submission": "submit/1",
        "commit": "https://x/commit/1",
        "release": "https://x/releases/1",
        "review": "https://x/commit/1",
        "datetime": "2026-06-01T14:32:01Z",
        "score": 5,
        "max-score": 8,
        "tests": [
            {"test-name": "mnist.fit", "passed": False, "score": 3, "max-score": 6, "status": "partial", "message": "half"},
            {"test-name": "mnist.x", "passed": True, "score": 2, "max-score": 2, "status": "right", "message": ""},
        ],
    }  # fmt: skip
    plain = formats.classroom50(
        result("01_linear", Row("linear.relu", "check-relu", 1.0, 1.0, "right", "")), RUNNER
    )
    assert (plain["score"], plain["max-score"]) == (2, 2)
    for known, unit in (([], 1), ([ReproduceTrainStep()], 4)):
        monkeypatch.setattr(formats, "exercises", lambda _, known=known: known)
        assert formats._unit("01_linear") == unit


def test_the_script_for_classroom_50_is_python_that_gives_these_options():
    script = SCRIPTS[2]
    compile(script, "autograder.py", "exec")
    given = set(re.findall(r'"(--[\w-]+)"', script))
    known = subprocess.run(
        [sys.executable, "-c", "from course_utils.cli import main; main(['grade', '--help'])"],
        env=ENVIRONMENT | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
    ).stdout
    assert given and all(option in known for option in given)


def test_texts_are_plain_in_every_form():
    bad = result(
        "01_linear", Row("linear.relu", "check-relu", 0.0, 1.0, "wrong", "a\x1b[2J\u202eb")
    )
    said = [formats.written(bad, form) for form in ("own", "gradescope")]
    assert said[0]["checks"][0]["message"] == "a\ufffd[2J\ufffdb"
    assert said[1]["tests"][0]["output"] == "wrong\na\ufffd[2J\ufffdb"

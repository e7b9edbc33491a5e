"""The batch: results are kept, reruns end the same, grades given by hand stay, and bad input gets
one sentence.
"""

import dataclasses
import hashlib
import importlib.metadata
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from statistics import fmean

import pytest
from nbgrader.api import Gradebook

from course_utils.errors import CourseError
from course_utils.grading import commands
from course_utils.grading.classroom import statistics
from course_utils.grading.commands import show
from course_utils.grading.inside.wire import Limits
from course_utils.grading.outside import batch, pool, version
from course_utils.grading.outside.course import find_course
from course_utils.grading.outside.gradebook import Writer, fill, scores
from course_utils.grading.outside.version import PACKAGE, code_version
from tests.grading import corpus
from tests.grading.classroom import (
    ENVIRONMENT,
    course_command,
    course_command_apart,
    hand_in,
    make_course,
    numbered,
)
from tests.grading.conftest import START

LESSON = corpus.LESSON
FORGETS_A_BIAS = "def collapse(w1, b1, w2, b2):\n    return w2 @ w1, b2 + 0"


@pytest.fixture
def course(tmp_path):
    """A course in which five students handed in, the last two the same."""
    made = make_course(tmp_path)
    for number, name in enumerate(["one", "two", "three"]):
        hand_in(made, name, numbered(corpus.answered(), number))
    for name in ("four", "five"):
        hand_in(made, name, corpus.answered("relu", collapse=FORGETS_A_BIAS))
    return made


def grade(course, **options):
    return batch.grade(course, LESSON, batch.Options(**({"seed": 3} | options)), progress=False)


def points(report):
    return {student: row["score"] for student, row in report["submissions"].items()}


EXPECTED = dict.fromkeys(("one", "two", "three"), corpus.FULL) | dict.fromkeys(
    ("four", "five"), corpus.ONE
)


def test_what_many_have_in_common_is_told_once(capsys):
    row = {
        "score": 1.0,
        "max_score": 2.0,
        "status": "graded",
        "repairs": ["Added: x."],
        "checks": [],
    }
    alone = row | {"repairs": ["Added: x.", "Words in another cell.", "Renamed.", "Outputs cut."]}
    rows = {name: row for name in ("anna", "bo", "cleo", "dan")} | {"eve": alone}
    rows["finn"] = row | {"repairs": ["A cell was lost."] * 4}
    show({"lesson": LESSON.name, "submissions": rows, "sandbox": "bubblewrap"})
    shown = capsys.readouterr().out
    assert shown.count("Added: x.") == 1 and "5 students: Added: x." in shown
    assert "eve: Words in another cell. And 2 more repairs." in shown
    assert "finn: A cell was lost. And 3 more repairs." in shown


def test_the_report_has_the_stated_form_and_the_gradebook_the_same_scores(course, capsys):
    report = grade(course)
    assert list(report) == ["lesson", "seed", "sandbox", "submissions"]
    assert (report["lesson"], report["seed"], report["sandbox"]) == (LESSON.name, 3, "bubblewrap")
    assert points(report) == EXPECTED
    for row in report["submissions"].values():
        assert set(row) == {"score", "max_score", "status", "repairs", "seconds", "checks"}
        for check in row["checks"]:
            assert set(check) == {"id", "points", "max_points", "status", "message"}
    assert {student: score for student, (score, _) in scores(course, LESSON).items()} == EXPECTED
    show(report)
    assert "5 submissions, 5 of them graded to the end" in capsys.readouterr().out
    found = statistics.collect(course, LESSON)
    assert found.checks["linear.collapse"].mistakes == {"first bias forgotten": 2}
    page = statistics.page(found)
    assert "first bias forgotten" in page and "✗ 2" in page and "<script" not in page
    assert "://" not in page and all(f">{name}</th>" in page for name in EXPECTED)
    assert found.scores == EXPECTED
    twice = statistics.page(found, found)
    assert twice.count("<h2") == 2 * page.count("<h2") == 2


def test_a_rerun_grades_only_what_changed(course, monkeypatch):
    grade(course)
    given = []
    run = pool.LocalPool.run

    def watched(self, tasks):
        tasks = list(tasks)
        given.extend(tasks)
        return run(self, tasks)

    monkeypatch.setattr(pool.LocalPool, "run", watched)
    hand_in(course, "two", numbered(corpus.answered("relu"), 9))
    assert points(grade(course)) == EXPECTED | {"two": corpus.ONE}
    assert len(given) == 1
    grade(course, force=True)
    assert len(given) == 1 + 4, "the same file of two students is graded once"
    grade(course, seed=4)
    assert len(given) == 1 + 4 + 4


def test_grades_given_by_hand_stay(course):
    grade(course)

    def by_hand(change):
        with Gradebook(course.folders.db_url) as book:
            grades = {
                name: book.find_grade(name, LESSON.name, LESSON.name, "one")
                for name in ("why_nonlinear", "check-relu")
            }
            change(grades)
            book.db.commit()
            return {
                name: (item.manual_score, item.score, item.needs_manual_grade)
                for name, item in grades.items()
            }

    def give(grades):
        grades["why_nonlinear"].manual_score, grades["check-relu"].manual_score = 1.5, 0.5

    by_hand(give)
    hand_in(course, "one", numbered(corpus.answered(), 77))
    report = grade(course)
    assert by_hand(lambda grades: None) == {
        "why_nonlinear": (1.5, 1.5, False),
        "check-relu": (0.5, 0.5, True),
    }
    assert report["submissions"]["one"]["checks"][-1]["points"] == 1.5


def test_late_work_pays_nbgraders_penalty(course):
    config = course.root / "nbgrader_config.py"
    plugin = "class Plugin(LateSubmissionPlugin):\n    penalty_method = 'zero'\n"
    text = f"from nbgrader.plugins import LateSubmissionPlugin\n{plugin}c.AssignLatePenalties.plugin_class = Plugin\n"
    config.write_text(config.read_text() + text)
    course = find_course(course.root)
    grade(course)
    with Gradebook(course.folders.db_url) as book:
        book.update_or_create_assignment(LESSON.name, duedate="2020-01-01")
    hand_in(course, "one", numbered(corpus.answered(), 5), "2020-01-02 10:00:00 UTC")
    hand_in(course, "two", numbered(corpus.answered(), 6), "2019-12-31 10:00:00 UTC")
    grade(course)
    with Gradebook(course.folders.db_url) as book:
        penalties = {
            name: book.find_submission(LESSON.name, name).late_submission_penalty
            for name in ("one", "two")
        }
    assert penalties == {"one": corpus.FULL, "two": 0.0}


def _row(item, *but):
    """The columns of a row of the gradebook without its id and those that are named."""
    names = (column.name for column in item.__table__.columns)
    return {name: getattr(item, name) for name in names if name not in ("id", *but)}


def test_a_new_submission_has_the_rows_that_nbgrader_itself_would_make(course):
    batched = batch.Batch(course, LESSON, batch.Options(seed=3))
    result = batched.task(batched.read("one")).unreadable("")
    rows = [dataclasses.replace(row, points=row.max_points / 2) for row in result.checks]
    result = dataclasses.replace(result, status="graded", checks=rows, untouched=["relu"])
    stamp = "2026-01-02 10:00:00"
    for name in ("one", "two"):
        hand_in(course, name, corpus.answered(), f"{stamp} UTC")
    found = []
    with Writer(course, LESSON) as writer:
        assert not list(writer.write([("one", "key", result), ("three", "key", result)]))
        with Gradebook(course.folders.db_url) as book:
            book.add_notebook("extra", LESSON.name)
            book.add_grade_cell("cell", "extra", LESSON.name, max_score=1, cell_type="code")
            book.add_student("two")
            book.add_student("four")
            theirs = book.add_submission(LESSON.name, "two", timestamp=stamp)
            fill(next(item for item in theirs.notebooks if item.name == LESSON.name), result, ())
            book.db.commit()
        assert not list(writer.write([("four", "key", result)]))
    with Gradebook(course.folders.db_url) as book:
        for name in ("two", "four"):
            submission = book.find_submission(LESSON.name, name)
            made = [_row(submission.student), _row(submission, "student_id", "timestamp")]
            for notebook in sorted(submission.notebooks, key=lambda item: item.name):
                made.append(_row(notebook, "assignment_id"))
                for cells in (notebook.grades, notebook.comments):
                    made += [
                        {"cell": cell.cell.name, **_row(cell, "notebook_id")}
                        for cell in sorted(cells, key=lambda item: item.cell.name)
                    ]
            found.append(made)
        stamps = {
            item.student_id: str(item.timestamp)
            for item in book.assignment_submissions(LESSON.name)
        }
    assert found[0] == found[1]
    assert stamps == {"one": stamp, "two": stamp, "three": "None", "four": "None"}


def test_a_timestamp_that_says_no_time_stops_nothing(course):
    folders = [course.path("submitted", name, LESSON.name) / "timestamp.txt" for name in EXPECTED]
    folders[0].write_text("next Tuesday or so")
    folders[1].write_bytes(bytes(range(128, 256)))
    folders[2].mkdir()
    folders[3].symlink_to(course.root / "nbgrader_config.py")
    os.mkfifo(folders[4])
    assert points(grade(course)) == EXPECTED


def test_a_folder_whose_name_is_no_students_id_is_told_and_costs_nobody_anything(course):
    submitted = os.fsencode(course.root / "submitted")
    for name in (
        b"J\xfcrgen",
        b"<img src=x onerror=x>",
        b"=1+1",
        b"\x1b[2J\xe2\x80\xaeone",
        b"two\nlines",
    ):
        shutil.copytree(submitted + b"/one", submitted + b"/" + name)
    done = course_command_apart(course, "grade", "linear", "--jobs=1", "--report=report.json")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    for name in (
        r"'J\udcfcrgen'",
        "'<img src=x onerror=x>'",
        "'=1+1'",
        r"'\x1b[2J\u202eone'",
        r"'two\nlines'",
    ):
        assert f"The folder {name} was left out" in done.stderr
    assert points(json.loads((course.root / "report.json").read_text())) == EXPECTED


def test_killed_and_started_again_it_ends_with_the_same_scores(course):
    for number in range(12):
        hand_in(course, f"more-{number:02}", numbered(corpus.answered("relu"), 100 + number))
    command = [
        sys.executable,
        "-c",
        "from course_utils.cli import main; main()",
        "grade",
        "linear",
        "--jobs",
        "1",
    ]
    with subprocess.Popen(
        [*command, "--seed", "3"],
        cwd=course.root,
        env=ENVIRONMENT,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        results = course.own("results", LESSON.name)
        while process.poll() is None and len(list(results.glob("[!.]*.json"))) < 4:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    before = {path: path.stat().st_mtime_ns for path in results.glob("[!.]*.json")}
    assert 4 <= len(before) < 16
    report = grade(course)
    assert points(report) == EXPECTED | {f"more-{number:02}": corpus.ONE for number in range(12)}
    assert {path: path.stat().st_mtime_ns for path in before} == before, (
        "what was graded is not graded again"
    )
    assert {name: score for name, (score, _) in scores(course, LESSON).items()} == points(report)
    left = subprocess.run(
        ["pgrep", "-f", str(course.root)], capture_output=True, text=True
    ).stdout.split()
    assert left == []


def dying(monkeypatch, most):
    """The processes of the workers that are killed as soon as they have a task, at most so many."""
    give, died = START.give, []

    def killed(worker, key, task):
        give(worker, key, task)
        if len(died) < most:
            died.append(worker.process.pid)
            worker.process.kill()
            worker.process.join()

    monkeypatch.setattr(START, "give", killed)
    return died


def test_a_worker_that_dies_is_replaced(course, monkeypatch):
    died = dying(monkeypatch, 2)
    assert points(grade(course)) == EXPECTED
    assert len(set(died)) == 2


def test_a_submission_that_kills_every_worker_gets_a_verdict(course, monkeypatch):
    shutil.rmtree(course.root / "submitted")
    hand_in(course, "one", corpus.answered())
    died = dying(monkeypatch, most=9)
    row = grade(course)["submissions"]["one"]
    assert (row["status"], row["score"]) == ("crashed", 0.0)
    assert len(set(died)) == 2 * pool.TRIES, "as others are graded, and then alone"


def test_without_the_sandbox_it_is_said_in_every_result(course):
    report = grade(course, sandbox=False)
    assert report["sandbox"] == "none" and points(report) == EXPECTED
    stored = [
        json.loads(path.read_text()) for path in course.own("results", LESSON.name).glob("*.json")
    ]
    assert {result["sandbox"] for result in stored} == {"none"}


def test_without_bubblewrap_grading_stops_with_one_sentence(course, tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    done = course_command_apart(course, "grade", "linear", PATH=str(tools))
    said = done.stderr.splitlines()[-1]
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    assert "bubblewrap" in said and "--no-sandbox" in said, done.stderr


def test_the_commands_speak_plainly(course):
    done = course_command(course, "grade", "nonsense")
    assert done.returncode == 1 and "There is no lesson 'nonsense'" in done.stderr
    done = course_command(course, "grade", "linear", "--submitted", "nowhere")
    assert done.returncode == 1 and "nowhere is not a folder" in done.stderr
    done = course_command(course, "report", "linear")
    assert done.returncode == 1 and "course grade 01_linear" in done.stderr
    done = course_command(course, "grade", "all", "--jobs", "1", "--report", "report.json")
    assert done.returncode == 0, done.stderr
    assert points(json.loads((course.root / "report.json").read_text())) == EXPECTED
    done = course_command(course, "report", "linear", "--html", "page.html")
    assert done.returncode == 0 and f"Mean score {fmean(EXPECTED.values()):.2f}" in done.stdout
    assert (course.root / "page.html").read_text().startswith("<!DOCTYPE html>")


def test_nobody_handed_in(course):
    shutil.rmtree(course.root / "submitted")
    with pytest.raises(CourseError, match="Nobody has handed in 01_linear"):
        grade(course)


def test_the_seed_is_drawn_once_and_kept_secret(course):
    seed = course.seed(LESSON)
    assert course.seed(LESSON) == seed
    assert (course.own("seeds", LESSON.name).stat().st_mode & 0o777) == 0o600
    other = make_course(course.root / "other")
    assert other.seed(LESSON) != seed


def test_a_fault_of_the_course_is_neither_kept_nor_charged(course, monkeypatch, capsys):
    monkeypatch.chdir(course.root)
    with monkeypatch.context() as patch:
        fails = lambda self, tasks: [(key, task.faulty("Traceback: a bug")) for key, task in tasks]  # noqa: E731
        patch.setattr(pool.LocalPool, "run", fails)
        with pytest.raises(SystemExit) as ended:
            commands.grade(LESSON.name, jobs=1, seed=3, report=course.root / "report.json")
    assert ended.value.code == 3
    assert (
        "failed at linear.relu; nobody gets points or a zero for it:\nTraceback: a bug"
        in capsys.readouterr().err
    )
    report = json.loads((course.root / "report.json").read_text())
    checks = report["submissions"]["one"]["checks"]
    assert {check["status"] for check in checks} == {"course error"} and {
        check["points"] for check in checks
    } == {None}
    assert not list(course.own("results").rglob("*.json"))
    with Gradebook(course.folders.db_url) as book:
        grades = book.find_submission(LESSON.name, "one").notebooks[0].grades
        assert all(grade.needs_manual_grade and grade.auto_score is None for grade in grades)
    assert points(grade(course)) == EXPECTED


def test_the_key_of_a_result_changes_with_every_file(tmp_path, monkeypatch):
    monkeypatch.setattr(version, "distributions", lambda: [])  # which take longer than all files
    package = tmp_path / "course_utils"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    files = [path for path in package.rglob("*") if path.is_file()]
    for path in files:  # the data are large, and all files are read again after each change
        path.write_bytes(path.read_bytes()[:1000])
    seen = {code_version(package)}
    for path in files:
        path.write_bytes(path.read_bytes() + b"# changed\n")
        assert len(seen) < len(seen := seen | {code_version(package)}), path
    path.rename(path.with_name("another name"))
    assert code_version(package) not in seen


class OtherVersion(importlib.metadata.Distribution):
    """A package that has been installed in another version."""

    def read_text(self, filename):
        return "Metadata-Version: 2.1\nName: numpy\nVersion: 0.0.1\n"

    def locate_file(self, path):
        return path


def test_the_key_of_a_result_changes_with_what_is_installed(monkeypatch):
    installed = list(importlib.metadata.distributions())
    for index, item in enumerate(installed):
        if item.name == "numpy":
            others = [*installed[:index], OtherVersion(), *installed[index + 1 :]]
    before = code_version()
    monkeypatch.setattr(version, "distributions", lambda: installed)
    assert code_version() == before
    monkeypatch.setattr(version, "distributions", lambda: others)
    assert code_version() != before


def test_the_key_of_a_result_changes_with_all_that_a_task_holds(course):
    def key(**settings):
        return batch.Batch(course, LESSON, batch.Options(**{"seed": 1} | settings)).read("one").key

    settings = [{}, {"seed": 2}, {"sandbox": False}]
    for field in dataclasses.fields(Limits):
        settings.append({"limits": Limits(**{field.name: getattr(Limits(), field.name) + 1})})
    keys = [key(**item) for item in settings]
    released = course.path("release", ".", LESSON.name) / f"{LESSON.name}.ipynb"
    released.write_text(released.read_text() + " ")
    keys.append(key())
    hand_in(course, "one", numbered(corpus.answered(), 1))
    keys.append(key())
    assert len(set(keys)) == len(keys)


def test_no_notebook_passes_for_another_with_a_file_beside_it(course):
    graded = batch.Batch(course, LESSON, batch.Options(seed=1))
    content, file = json.dumps(corpus.answered()).encode(), b"VALUE = 1\n"
    digest = hashlib.sha256(file)
    both = [
        content + b"\0helper.py\0" + it for it in (digest.digest(), digest.hexdigest().encode())
    ]
    keys = [graded.submission("one", content, {"helper.py": file}, []).key]
    keys += [graded.submission("two", it, {}, []).key for it in (content, *both)]
    keys += [graded.submission("two", content, {}, unread).key for unread in (["a"], ["a", "b"])]
    keys += [graded.submission("two", content, {}, [], notes).key for notes in (("a",), ("b",))]
    assert len(set(keys)) == len(keys)

"""What changes after the first grading: the lesson's cells, its points, file names, answers; and
what was given by hand stays, and nobody is blamed for a change that another has made.
"""

import json
import shutil

import pytest
from nbgrader.api import Gradebook

from course_utils.building.lesson import Lesson
from course_utils.errors import CourseError
from course_utils.grading import commands
from course_utils.grading.classroom import statistics
from course_utils.grading.commands import show
from course_utils.grading.outside import batch, one, pool, releases, worker
from course_utils.grading.outside.course import find_course
from course_utils.grading.outside.exchange import Came
from course_utils.grading.outside.gradebook import marks
from course_utils.grading.outside.late import set_due
from course_utils.grading.outside.rebuild import LessonCells, rebuild
from course_utils.grading.outside.times import read_time
from course_utils.grading.term import roster
from course_utils.grading.term.collect import collect
from course_utils.grading.term.roster import known_people
from tests.grading import corpus
from tests.grading.classroom import ROOT, hand_in, make_course

LESSON = corpus.LESSON
NAME = f"{LESSON.name}.ipynb"
WORDS = "Two layers without a nonlinearity are one affine map."


@pytest.fixture(autouse=True)
def without_a_sandbox(monkeypatch):
    """Grade in this process, and run nothing: no answer is defined, so no check has points."""

    def run(self, tasks, alone=False):
        for key, task in tasks:
            yield key, worker.grade(task)

    def nothing(template, steps, task):
        return Came(evidence={n: None for n, step in enumerate(steps) if step.exercise})

    monkeypatch.setattr(pool.LocalPool, "run", run)
    monkeypatch.setattr(worker.warm, "template", lambda task: None)
    monkeypatch.setattr(worker.exchange, "run", nothing)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A course with an empty gradebook, which is copied only."""
    course = make_course(tmp_path_factory.mktemp("made") / "course")
    known_people(course)
    return course.root


@pytest.fixture
def course(made, tmp_path):
    shutil.copytree(made, tmp_path / "course")
    return find_course(tmp_path / "course")


def grade(course, **options):
    return batch.grade(course, LESSON, batch.Options(seed=3, **options), progress=False)


def worded(text=WORDS, **answers):
    """A notebook with an answer in words."""
    notebook = corpus.answered(**answers)
    notebook["cells"][corpus.place(notebook, "why_nonlinear")]["source"] = text
    return notebook


def change(course, how):
    """Change the released notebook."""
    path = course.path("release", ".", LESSON.name) / NAME
    notebook = json.loads(path.read_text())
    how(notebook["cells"], notebook)
    path.write_text(json.dumps(notebook))


def copied(cells, notebook, name, new):
    """Put in a copy of a cell under another name."""
    index = corpus.place(notebook, name)
    made = json.loads(json.dumps(cells[index]))
    made["id"], made["metadata"]["nbgrader"]["grade_id"] = f"new-{new}", new
    cells.insert(index + 1, made)


def drop(name):
    def how(cells, notebook):
        del cells[corpus.place(notebook, name)]

    return how


def by_hand(course, student, name, points=None, comment=None):
    """Give points and a comment as the formgrader does."""
    with Gradebook(course.folders.db_url) as book:
        grade = book.find_grade(name, LESSON.name, LESSON.name, student)
        grade.manual_score, grade.needs_manual_grade = points, False
        if comment:
            found = book.find_comment(name, LESSON.name, LESSON.name, student)
            found.manual_comment = comment
        book.db.commit()


def state(course, student="anna"):
    """By name: points by hand, and whether a person has to look."""
    with Gradebook(course.folders.db_url) as book:
        submission = book.find_submission(LESSON.name, student)
        return {
            grade.name: (grade.manual_score, grade.needs_manual_grade)
            for grade in submission.notebooks[0].grades
        }


def comment(course, name):
    with Gradebook(course.folders.db_url) as book:
        return book.find_comment(name, LESSON.name, LESSON.name, "anna").comment


# ---------------------------------------------------------------- cells come and go


@pytest.fixture
def read(course):
    """A course in which a person has read an essay."""
    hand_in(course, "anna", worded())
    grade(course)
    by_hand(course, "anna", "why_nonlinear", 1.5, "well said")
    return course


def test_a_question_is_added(read):
    change(read, lambda cells, notebook: copied(cells, notebook, "why_nonlinear", "why_bias"))
    report = grade(read)
    assert report["changes"] == ["New in the lesson: why_bias."]
    assert state(read)["why_nonlinear"] == (1.5, False)
    assert comment(read, "why_nonlinear") == "well said"
    row = report["submissions"]["anna"]
    assert row["max_score"] == corpus.ALL + 2 and row["score"] == 1.5
    [added] = [check for check in row["checks"] if check["id"] == "linear.why_bias"]
    assert added["status"] == "not attempted"
    assert row["repairs"] == ["Added to the lesson after this notebook was handed out: why_bias."]
    assert "changes" not in grade(read)


def test_a_question_is_dropped_and_comes_back(read):
    before = (read.path("release", ".", LESSON.name) / NAME).read_text()
    change(read, drop("why_nonlinear"))
    report = grade(read)
    assert report["changes"][0] == "No longer in the lesson: why_nonlinear."
    assert ".course/archive/01_linear/" in report["changes"][1]
    [path] = read.own("archive", LESSON.name).glob("*.json")
    kept = json.loads(path.read_text())
    assert {(row["student"], row["cell"]) for row in kept} == {("anna", "why_nonlinear")}
    assert "why_nonlinear" not in state(read)
    assert report["submissions"]["anna"]["max_score"] == corpus.FULL
    assert report["submissions"]["anna"]["repairs"] == [
        "No longer in the lesson, and not graded: why_nonlinear."
    ]
    (read.path("release", ".", LESSON.name) / NAME).write_text(before)
    grade(read)
    assert state(read)["why_nonlinear"] == (1.5, False)
    assert comment(read, "why_nonlinear") == "well said"


def test_an_exercise_is_left_out(read):
    by_hand(read, "anna", "check-relu", 0.5)
    change(read, drop("check-collapse"))
    report = grade(read)
    assert report["changes"][0] == "No longer in the lesson: check-collapse."
    assert "check-collapse" not in state(read) and state(read)["check-relu"][0] == 0.5
    assert report["submissions"]["anna"]["score"] == 2.0


def test_points_are_changed(read):
    def how(cells, notebook):
        cells[corpus.place(notebook, "check-relu")]["metadata"]["nbgrader"]["points"] = 4
        cells[corpus.place(notebook, "why_nonlinear")]["metadata"]["nbgrader"]["points"] = 1

    change(read, how)
    report = grade(read)
    assert "check-relu has 4 points, and had 1 before." in report["changes"]
    assert report["submissions"]["anna"]["max_score"] == corpus.ALL + 2
    assert report["submissions"]["anna"]["repairs"] == []
    assert state(read)["why_nonlinear"] == (1.5, True), "more than there are: a person looks"


def test_a_cell_is_renamed(read):
    def how(cells, notebook):
        cells[corpus.place(notebook, "why_nonlinear")]["metadata"]["nbgrader"]["grade_id"] = "why"

    change(read, how)
    report = grade(read)
    assert "why_nonlinear is now called why." in report["changes"]
    assert state(read)["why"] == (1.5, False) and "why_nonlinear" not in state(read)
    assert report["submissions"]["anna"]["repairs"] == []
    assert report["submissions"]["anna"]["checks"][-1]["status"] == "not run"


def test_who_hands_in_later_has_the_new_cells(read):
    change(read, lambda cells, notebook: copied(cells, notebook, "why_nonlinear", "why_bias"))
    hand_in(read, "bo", worded())
    report = grade(read)
    assert {"why_bias", "why_nonlinear"} <= state(read, "bo").keys()
    assert report["submissions"]["bo"]["max_score"] == corpus.ALL + 2


# ---------------------------------------------------------------- who changed what


def test_nobody_is_told_of_the_instructors_corrections(course):
    releases.keep_all(course)
    hand_in(course, "anna", worded())
    hand_in(course, "untouched", corpus.released())

    def how(cells, notebook):
        long = next(c for c in cells if c["cell_type"] == "markdown" and not corpus.mark(c))
        long["source"] = corpus.source(long) + "\n\n(A slip was put right here.)"
        for name in ("relu", "check-relu"):
            cell = cells[corpus.place(notebook, name)]
            cell["source"] = corpus.source(cell) + "\n# reworded"
        words = cells[corpus.place(notebook, "why_nonlinear")]
        words["source"] = corpus.source(words) + "\n\nreworded"
        words["metadata"]["tags"] = ["essay"]
        notebook["metadata"]["kernelspec"]["name"] = "python3-new"

    change(course, how)
    rows = grade(course)["submissions"]
    assert rows["anna"]["repairs"] == rows["untouched"]["repairs"] == []
    assert {check["status"] for check in rows["untouched"]["checks"]} == {"not attempted"}
    made = json.loads((course.path("autograded", "anna", LESSON.name) / NAME).read_text())
    assert not [cell for cell in made["cells"] if cell["id"].startswith("student-")]


def test_a_change_of_ones_own_is_told_whatever_the_instructor_changed(course):
    releases.keep_all(course)
    notebook = worded()
    notebook["cells"][corpus.place(notebook, "check-relu")]["source"] = "print('right')"
    hand_in(course, "anna", notebook)
    change(course, lambda cells, _: cells[0].update(source="# A new title"))
    said = grade(course)["submissions"]["anna"]["repairs"]
    assert said == ["The cell check-relu had been changed; it was put back as it was."]


def test_the_newest_of_three_releases_is_found():
    texts = []
    for number in range(3):
        notebook = corpus.released()
        notebook["cells"][0]["source"] = f"# Edition {number}\n\nRead this."
        texts.append(json.dumps(notebook))
    mine = json.loads(texts[1])
    mine["cells"].append(corpus.cell("n = 1"))
    content = json.dumps(mine).encode()
    assert releases.came_from(texts[2], texts[:2], content) == texts[1]
    assert releases.came_from(texts[1], [texts[0], texts[2]], content) == ""
    assert releases.came_from(texts[2], texts[:2], b"nonsense") == ""
    other = json.loads(content)  # as an editor on Windows writes it
    for cell in other["cells"]:
        cell["source"] = "".join(cell["source"]).replace("\n", "\r\n")
    assert releases.came_from(texts[2], texts[:2], json.dumps(other).encode()) == texts[1]


def test_an_answer_to_what_was_dropped_is_still_run():
    old, new = corpus.released(), corpus.released()
    for name in ("relu", "check-relu"):
        del new["cells"][corpus.place(new, name)]
    made = rebuild(LessonCells(new, old), json.dumps(corpus.answered("relu")).encode())
    own = [
        cell["source"]
        for cell, kind in zip(made.cells, made.origins, strict=True)
        if kind == "student"
    ]
    assert own == [corpus.solutions()["relu"]]


def test_a_lesson_that_was_taken_out_of_the_gradebook_comes_back(read):
    """As `nbgrader db assignment remove` does, with all that was given by hand."""
    with Gradebook(read.folders.db_url) as book:
        book.remove_assignment(LESSON.name)
    row = grade(read)["submissions"]["anna"]
    assert (row["status"], row["score"]) == ("graded", 0.0)
    assert state(read)["why_nonlinear"] == (None, True)


# ---------------------------------------------------------------- hand-graded work


def test_who_was_entered_when_the_assignment_had_only_another_notebook_gets_this_one(course):
    hand_in(course, "anna", worded())
    with Gradebook(course.folders.db_url) as book:
        book.update_or_create_assignment(LESSON.name)
        book.update_or_create_notebook("homework", LESSON.name)
        book.update_or_create_student("anna")
        book.add_submission(LESSON.name, "anna")
    grade(course)
    with Gradebook(course.folders.db_url) as book:
        notebooks = {
            item.name: item for item in book.find_submission(LESSON.name, "anna").notebooks
        }
        assert {*notebooks} == {"homework", LESSON.name}
        assert {item.name for item in notebooks[LESSON.name].grades} > {"why_nonlinear"}
    by_hand(course, "anna", "why_nonlinear", 1.5, "well said")
    grade(course)
    assert comment(course, "why_nonlinear") == "well said"


def test_hand_graded_work_is_shown_again_only_where_its_answer_changed(course):
    for student in ("anna", "bo", "cy", "di"):
        hand_in(course, student, worded())
    grade(course)
    for student in ("anna", "bo", "cy", "di"):
        by_hand(course, student, "why_nonlinear", 2.0)
        by_hand(course, student, "check-relu", 0.5)
    hand_in(course, "bo", worded("Something else."))
    hand_in(course, "cy", worded(relu="def relu(x):\n    return x"))
    beside = worded()
    beside["cells"].insert(
        corpus.place(beside, "why_nonlinear") + 1, corpus.cell("And more.", "markdown")
    )
    hand_in(course, "di", beside)
    grade(course, force=True)
    flagged = {
        student: {name for name, (points, look) in state(course, student).items() if look}
        for student in ("anna", "bo", "cy", "di")
    }
    essay = {"why_nonlinear"}
    assert flagged == {"anna": set(), "bo": essay, "cy": {"check-relu"}, "di": essay}
    grade(course, force=True)
    assert state(course, "bo")["why_nonlinear"] == (2.0, True), "until a person has looked"


@pytest.mark.parametrize("where", ["below", "above", "question", "end", "comment"])
def test_words_beside_the_answer_reach_a_person(course, where):
    notebook = corpus.answered()
    cells, index = notebook["cells"], corpus.place(notebook, "why_nonlinear")
    words = corpus.cell(WORDS, "markdown")
    if where == "below":
        cells.insert(index + 1, words)
    elif where == "above":
        cells.insert(index, words)
    elif where == "question":
        cells[index - 1]["source"] = corpus.source(cells[index - 1]) + "\n\n" + WORDS
    elif where == "end":
        del cells[index]
        cells.append(words)
    else:
        cells.insert(index + 1, corpus.cell(f"# {WORDS}"))
    hand_in(course, "anna", notebook)
    row = grade(course)["submissions"]["anna"]
    assert row["checks"][-1]["status"] == "not run"
    assert state(course)["why_nonlinear"] == (None, True)
    assert any("another cell near it has text" in line for line in row["repairs"])


@pytest.mark.parametrize("how", ["below", "nothing"])
def test_words_under_the_stub_are_an_answer_and_blanks_are_none(course, how):
    notebook = corpus.answered()
    cell = notebook["cells"][corpus.place(notebook, "why_nonlinear")]
    cell["source"] = f"{corpus.source(cell)}\n\n{WORDS}" if how == "below" else "   "
    hand_in(course, "anna", notebook)
    row = grade(course)["submissions"]["anna"]
    assert row["checks"][-1]["status"] == ("not run" if how == "below" else "not attempted")
    assert state(course)["why_nonlinear"] == (None, how == "below")


def test_code_beside_an_empty_answer_is_no_answer(course):
    hand_in(course, "anna", corpus.put(corpus.answered(), "n = 1", "why_nonlinear"))
    hand_in(course, "bo", corpus.put(corpus.answered(), "notes", "relu", "markdown"))
    rows = grade(course)["submissions"]
    for student in ("anna", "bo"):
        assert rows[student]["checks"][-1]["status"] == "not attempted"


# ---------------------------------------------------------------- one truth


def test_report_table_and_statistics_say_what_the_gradebook_says(course, capsys):
    config = course.root / "nbgrader_config.py"
    config.write_text(
        config.read_text()
        + "from nbgrader.plugins import LateSubmissionPlugin\n"
        + "class Half(LateSubmissionPlugin):\n"
        + "    def late_submission_penalty(self, student_id, score, total_seconds_late):\n"
        + "        return score / 2\n"
        + "c.AssignLatePenalties.plugin_class = Half\n"
    )
    course = find_course(course.root)
    set_due(course, LESSON, read_time("2024-10-01 12:00 UTC"))
    hand_in(course, "anna", worded(), "2024-10-02 12:00:00 UTC")
    grade(course)
    by_hand(course, "anna", "why_nonlinear", 2.0)
    by_hand(course, "anna", "check-collapse", 1.0)
    with Gradebook(course.folders.db_url) as book:
        found = book.find_grade("check-collapse", LESSON.name, LESSON.name, "anna")
        found.extra_credit = 0.5
        book.db.commit()
    report = grade(course)
    row = report["submissions"]["anna"]
    assert (row["score"], row["late_penalty"], row["max_score"]) == (1.75, 1.75, corpus.ALL)
    points = {check["id"]: check["points"] for check in row["checks"]}
    assert points["linear.collapse"] == 1.5 and points["linear.why_nonlinear"] == 2.0
    assert marks(course, LESSON)["anna"].score == 1.75
    found = statistics.collect(course, LESSON)
    assert found.scores == {"anna": 1.75} and found.checks["linear.collapse"].points == 1.5
    show(report)
    shown = capsys.readouterr().out
    assert f"1.75 of {corpus.ALL:g}" in shown and "late: 1.75 taken off" in shown
    # The date moves: everything follows, though nothing is graded anew.
    set_due(course, LESSON, read_time("2024-10-03 12:00 UTC"))
    row = grade(course)["submissions"]["anna"]
    assert row["score"] == 3.5 and "late_penalty" not in row
    # The time of submission is corrected.
    set_due(course, LESSON, read_time("2024-10-01 12:00 UTC"))
    assert grade(course)["submissions"]["anna"]["score"] == 1.75
    stamp = course.path("submitted", "anna", LESSON.name) / "timestamp.txt"
    stamp.write_text("2024-10-01 11:00:00 UTC")
    assert grade(course)["submissions"]["anna"]["score"] == 3.5
    # It was late after all, and then the time is taken back, or spoilt.
    for text in ("", "no idea"):
        stamp.write_text("2024-10-02 11:00:00 UTC")
        assert grade(course)["submissions"]["anna"]["score"] == 1.75
        stamp.write_text(text) if text else stamp.unlink()
        row = grade(course)["submissions"]["anna"]
        assert row["score"] == 3.5 and "late_penalty" not in row


def test_who_has_no_result_yet_is_named_and_stops_no_report(course, monkeypatch, capsys):
    monkeypatch.chdir(course.root)
    hand_in(course, "anna", worded())
    with pytest.raises(CourseError, match="01_linear has no results yet"):
        commands.report(LESSON.name)
    grade(course)
    hand_in(course, "bo", worded())
    with pytest.raises(SystemExit, match="1"):
        commands.report(LESSON.name)
    said = capsys.readouterr()
    assert "1 submission: 1 graded." in said.out
    assert said.err == "bo has no result for 01_linear yet: run `course grade 01_linear`.\n"


# ---------------------------------------------------------------- names of files


@pytest.fixture
def two_lessons(course):
    shutil.copytree(ROOT / "notebooks" / "02_sgd", course.root / "notebooks" / "02_sgd")
    return course


def put_in(course, student, name, content):
    path = course.path("submitted", student, LESSON.name) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())


@pytest.mark.parametrize(
    "name",
    [
        "01_linear (1).ipynb",
        "muster_anna_123_01_linear.ipynb",
        "Copy of 01_linear.ipynb",
        "homework.ipynb",
        "01_linear.ipynb.txt",
        "01_linear.json",
        "01_Linear.ipynb",
        "01_linear/01_linear.ipynb",
    ],
)
def test_a_renamed_notebook_is_taken_and_it_is_said(two_lessons, name):
    put_in(two_lessons, "anna", name, worded())
    put_in(two_lessons, "anna", "notes.txt", b"mine")
    row = grade(two_lessons)["submissions"]["anna"]
    last = name.rpartition("/")[2]
    assert row["status"] == "graded"
    assert row["repairs"] == [f"The file was called {last!r}; it was graded all the same."]
    assert row["checks"][-1]["status"] == "not run"


def test_of_several_notebooks_the_one_of_this_lesson_is_taken(two_lessons):
    other = Lesson("02_sgd", two_lessons.root).released.read_bytes()
    put_in(two_lessons, "anna", "a.ipynb", other)
    put_in(two_lessons, "anna", "b.ipynb", worded())
    put_in(two_lessons, "bo", "b.ipynb", worded())
    put_in(two_lessons, "bo", "c.ipynb", worded("Another try."))
    rows = grade(two_lessons)["submissions"]
    assert (
        rows["anna"]["repairs"][0] == "The file was called 'b.ipynb'; it was graded all the same."
    )
    assert rows["bo"]["status"] == "unreadable"
    assert "There are 'b.ipynb' and 'c.ipynb'" in rows["bo"]["repairs"][0]


@pytest.mark.parametrize("name", [NAME, "02_sgd.ipynb"])
def test_the_notebook_of_another_lesson_has_a_status_of_its_own(two_lessons, name):
    put_in(two_lessons, "anna", name, Lesson("02_sgd", two_lessons.root).released.read_bytes())
    row = grade(two_lessons)["submissions"]["anna"]
    assert (row["status"], row["score"]) == ("another lesson", 0.0)
    assert row["repairs"] == ["This is the notebook of 02_sgd, not of 01_linear."]
    with Gradebook(two_lessons.folders.db_url) as book:
        grades = book.find_submission(LESSON.name, "anna").notebooks[0].grades
        assert not any(grade.needs_manual_grade for grade in grades)


@pytest.mark.parametrize("name", [NAME, "02_sgd.ipynb", "homework.ipynb"])
def test_the_notebook_of_a_lesson_that_was_not_released_is_no_answer_to_this_one(course, name):
    put_in(course, "anna", name, Lesson("02_sgd").released.read_bytes())
    row = grade(course)["submissions"]["anna"]
    assert (row["status"], row["score"]) == ("another lesson", 0.0)
    assert row["repairs"] == ["This is the notebook of 02_sgd, not of 01_linear."]


def test_the_notebook_of_a_lesson_that_was_not_released_is_not_collected(course, tmp_path):
    (tmp_path / "came" / "anna").mkdir(parents=True)
    for name in ("01_linear", "02_sgd"):
        shutil.copy(Lesson(name).released, tmp_path / "came" / "anna" / f"{name}.ipynb")
    found = collect(course, tmp_path / "came", roster.People([]))
    assert [(item.chosen.student, item.chosen.lesson) for item in found.arrivals] == [
        ("anna", "01_linear")
    ]
    assert found.refused == [
        "anna/02_sgd.ipynb was left out: it is 02_sgd, which is not released here."
    ]
    with pytest.raises(CourseError, match="It is the notebook of 02_sgd, which is not released"):
        one.grade(course, tmp_path / "came" / "anna" / "02_sgd.ipynb", None, batch.Options())


def test_a_folder_that_an_archiver_left_is_nobodys(course):
    hand_in(course, "anna", worded())
    hand_in(course, "__MACOSX", worded())
    assert list(grade(course)["submissions"]) == ["anna"]


# ---------------------------------------------------------------- what an instructor is told


@pytest.fixture
def told(course):
    """A class: two essays wait, one file is not a notebook, one student is away, one handed in late."""
    config = course.root / "nbgrader_config.py"
    config.write_text(config.read_text() + "c.LateSubmissionPlugin.penalty_method = 'zero'\n")
    course = find_course(course.root)
    others = [roster.Person(name) for name in ("anna", "bo", "cleo")]
    named = [roster.Person("dan", "Dan <i>", "Eder"), roster.Person("eve", "Eve", "Fuchs")]
    roster.enter(course, [*others, *named])
    set_due(course, LESSON, read_time("2024-10-01 12:00 UTC"))
    for name, stamp in (("anna", ""), ("bo", ""), ("eve", "2024-10-02 12:00 UTC")):
        hand_in(course, name, worded() if name != "eve" else corpus.answered(), stamp)
    hand_in(course, "cleo", {})
    grade(course)
    by_hand(course, "anna", "why_nonlinear", 1.5)
    by_hand(course, "anna", "check-relu", 1.0)
    return course


def rows_of(text):
    """The lines of a printed table by their first word."""
    return {line.split()[0]: line for line in text.splitlines() if line.strip()}


def test_the_table_says_what_waits_and_no_longer_what_a_person_has_read(told, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "250")
    report = grade(told)
    show(report)
    said = capsys.readouterr().out
    rows = rows_of(said)
    assert "not run" not in rows["anna"] and "waits" not in rows["anna"]
    assert "waits for you: why_nonlinear" in rows["bo"] and "not run" not in rows["bo"]
    assert "1 answer waits for you in the formgrader, under Manual grading." in said
    checks = {name: row["checks"][-1] for name, row in report["submissions"].items()}
    assert checks["bo"]["waiting"] and "waiting" not in checks["anna"] | checks["eve"]
    assert checks["anna"]["by_hand"] and "by_hand" not in checks["bo"] | checks["eve"]


def test_the_report_says_who_waits_who_is_late_who_is_away_and_whose_file_was_none(
    told, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "250")
    set_due(told, LESSON, read_time("2024-10-01 12:00 UTC"))
    by_hand(told, "eve", "check-relu", 1.0)
    grade(told)
    found = statistics.collect(told, LESSON)
    broken = next(line for line, who in found.repairs.items() if who == ["cleo"])
    statistics.show(found)
    said = capsys.readouterr().out
    assert "1 answer waits for you in the formgrader: why_nonlinear of bo." in said
    assert (
        "Taken off for being late: eve 1." in said
        and "Nothing yet from: dan (Dan <i> Eder)." in said
    )
    assert f"Mean score {found.mean:.2f} of {corpus.ALL:g}" in said
    assert f"1 × repaired: {broken} (cleo)" in said
    page = " ".join(statistics.page(found).split())
    assert "Nothing yet from 1 student: dan (Dan &lt;i&gt; Eder)." in page
    assert '<th scope="row">eve (Eve Fuchs)</th>' in page and '<th scope="row">bo</th>' in page
    assert "1 answer waits for you" in page and "why_nonlinear (waits for you)" in page
    assert f"0 of {corpus.ALL:g}<br>late: 1 taken off" in page
    assert f"Mean score {found.mean:.2f} of {corpus.ALL:g}." in page
    assert f'{broken}</th><td data-label="whose">cleo</td>' in page
    assert found.open["cleo"] == ["unreadable"]


def test_an_answer_that_has_changed_since_it_was_read_is_told(told, monkeypatch, capsys):
    monkeypatch.chdir(told.root)
    by_hand(told, "bo", "why_nonlinear", 1.5)
    again = "has changed since you gave points; look again in the formgrader: why_nonlinear of bo."
    show(grade(told))
    assert again not in capsys.readouterr().out
    hand_in(told, "bo", worded("Something else."))
    report = grade(told)
    [check] = [c for c in report["submissions"]["bo"]["checks"] if c.get("again")]
    assert check["id"].endswith("why_nonlinear") and check["points"] == 1.5
    show(report)
    assert again in capsys.readouterr().out
    found = statistics.collect(told, LESSON)
    statistics.show(found)
    assert again in " ".join(capsys.readouterr().out.split())
    assert "why_nonlinear (has changed since you gave points)" in statistics.page(found)
    by_hand(told, "bo", "why_nonlinear", 1.0)  # somebody has looked
    show(grade(told))
    assert again not in capsys.readouterr().out


def test_a_stamp_that_says_no_time_is_told_and_counts_as_none(told, capsys):
    stamp = told.path("submitted", "eve", LESSON.name) / "timestamp.txt"
    stamp.write_text("gestern\x1b[2J")
    report = grade(told)
    assert report["left_out"] == [
        "The timestamp.txt of eve gives no time that can be read, so this submission counts as on "
        "time: write one line such as 2026-11-30 23:10 UTC in it."
    ]
    with pytest.raises(SystemExit, match="1"):
        commands._end(told, [LESSON], [report], [])
    assert capsys.readouterr().err.splitlines() == report["left_out"]

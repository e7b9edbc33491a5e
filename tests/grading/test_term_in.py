"""What comes in during a term: rosters, downloads of learning platforms, and times."""

import io
import json
import os
import shlex
import shutil
import sqlite3
import stat
import unicodedata
import zipfile
from datetime import UTC, datetime

import pytest
from nbgrader.api import Gradebook

from course_utils.cli import main
from course_utils.errors import CourseError
from course_utils.grading.outside import entering
from course_utils.grading.outside.course import find_course
from course_utils.grading.outside.late import extend, set_due
from course_utils.grading.outside.times import read_time
from course_utils.grading.term.collect import collect, tags
from course_utils.grading.term.commands import _missing
from course_utils.grading.term.roster import People, enter, known_people, read_roster
from tests.grading import corpus
from tests.grading.classroom import ROOT, course_command, hand_in, make_course, nbgrader_command

LESSON = corpus.LESSON
NAME = f"{LESSON.name}.ipynb"
ROSTER = """id,first name,last name,e-mail,canvas id
anna,Anna,Muster,anna@example.org,101
bo,Bo,Li,bo@example.org,102
jm,Jürgen,Müller,jm@example.org,103
"""
DECOMPOSED = unicodedata.normalize("NFD", "Jürgen Müller")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A course, and the same one with its class in the gradebook: both are copied only."""
    folder = tmp_path_factory.mktemp("made")
    empty = make_course(folder / "empty")
    shutil.copytree(ROOT / "notebooks" / "02_sgd", empty.root / "notebooks" / "02_sgd")
    known_people(empty)  # makes the gradebook
    (empty.root / "roster.csv").write_text(ROSTER)
    shutil.copytree(empty.root, folder / "classed")
    enter(find_course(folder / "classed"), read_roster(empty.root / "roster.csv").people)
    return folder


@pytest.fixture
def course(made, tmp_path):
    shutil.copytree(made / "empty", tmp_path / "course")
    return find_course(tmp_path / "course")


@pytest.fixture
def classed(made, tmp_path):
    shutil.copytree(made / "classed", tmp_path / "course")
    return find_course(tmp_path / "course")


def notebook(*names):
    """A notebook of lesson 01 as a file."""
    return json.dumps(corpus.answered(*names)).encode()


def archive(path, files):
    """A zip archive of these names and contents."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return path


def zipped(files):
    """An archive as bytes, to stand in another one."""
    buffer = io.BytesIO()
    archive(buffer, files)
    return buffer.getvalue()


def taken(course, path, **options):
    """Who is in by what notes, and what was refused."""
    result = collect(course, path, People(known_people(course)), **options)
    found = {item.chosen.student: "; ".join(item.notes) for item in result.arrivals}
    return found, result.refused


def handed_in(course, student):
    """The files in a student's slot."""
    folder = course.path("submitted", student, LESSON.name)
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}


DOWNLOADS = {
    "moodle_files": [
        "Anna Muster_12345_assignsubmission_file_01_linear.ipynb",
        f"{DECOMPOSED}_12346_assignsubmission_file_01_linear.ipynb",
    ],
    "moodle_folders": [
        "Anna Muster_12345_assignsubmission_file/01_linear.ipynb",
        "Jürgen Müller_12346_assignsubmission_file_/01_linear.ipynb",
    ],
    "moodle_surname_first": [
        "Muster Anna_1_assignsubmission_file_/01_linear.ipynb",
        "MÜLLER Jürgen_2_assignsubmission_file_/01_linear.ipynb",
    ],
    "canvas": [
        "musteranna_101_2002_01_linear.ipynb",
        "müllerjürgen_LATE_103_2003_01_linear-1.ipynb",
    ],
    "nbgrader": [
        "anna_2024-10-01-10-00-00_01_linear.ipynb",
        "jm_2024-10-01-11-00-00_01_linear.ipynb",
    ],
    "folders": ["anna/01_linear.ipynb", "all/jm/01_linear/01_linear (1).ipynb"],
    "flat": ["muster_anna_123_01_linear.ipynb", "jm 01-Linear.ipynb"],
    "whole_tree": ["x/anna/01_linear/01_linear.ipynb", "x/jm/01_linear/01_linear.ipynb"],
}


@pytest.mark.parametrize("kind", DOWNLOADS)
def test_a_download_is_put_in(classed, tmp_path, kind):
    files = {name: notebook("relu") for name in DOWNLOADS[kind]}
    junk = {"__MACOSX/._01_linear.ipynb": b"\0\5", "anna/.DS_Store": b"x"}
    found, refused = taken(classed, archive(tmp_path / "a.zip", files | junk))
    assert found.keys() == {"anna", "jm"} and not refused
    assert handed_in(classed, "anna")[NAME] == notebook("relu")
    assert ("late" in found["jm"]) == (kind == "canvas")
    assert ("timestamp.txt" in handed_in(classed, "anna")) == (kind == "nbgrader")
    for name in files:
        target = tmp_path / "unpacked" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(files[name])
    again, refused = taken(classed, tmp_path / "unpacked")
    assert not refused
    assert all(notes.startswith("unchanged") for notes in again.values()) and len(again) == 2


def test_without_a_roster_students_are_called_as_the_files_call_them(course, tmp_path):
    files = dict.fromkeys(DOWNLOADS["canvas"] + DOWNLOADS["moodle_folders"], notebook("relu"))
    found, refused = taken(course, archive(tmp_path / "a.zip", files))
    canvas = {"musteranna_101", "müllerjürgen_103"}
    assert found.keys() == canvas | {"Anna Muster", "Jürgen Müller"} and not refused


def test_archives_in_the_archive_and_files_beside(classed, tmp_path):
    inner = {"work/01_linear.ipynb": notebook(), "work/helper.py": b"x = 1", "work/a.exe": b"MZ"}
    name = "Anna Muster_1_assignsubmission_file_/hand_in.zip"
    found, refused = taken(classed, archive(tmp_path / "a.zip", {name: zipped(inner)}))
    assert found.keys() == {"anna"}
    assert handed_in(classed, "anna").keys() == {NAME, "helper.py"}
    assert len(refused) == 1 and "a.exe was left out" in refused[0]


def test_the_newest_by_the_platforms_numbers_counts(classed, tmp_path):
    files = {
        "musteranna_101_2002_01_linear.ipynb": notebook("relu"),
        "musteranna_101_2004_01_linear-1.ipynb": notebook("relu", "collapse"),
        "musteranna_101_2004_01_linear.ipynb": notebook(),
        "bo/01_linear.ipynb": notebook("relu"),
        "bo/01_linear (1).ipynb": notebook("collapse"),
    }
    found, refused = taken(classed, archive(tmp_path / "a.zip", files))
    assert handed_in(classed, "anna")[NAME] == notebook("relu", "collapse")
    assert handed_in(classed, "bo")[NAME] == notebook("collapse")
    assert "newer than" in found["anna"] and "newer than" in found["bo"] and not refused


def test_nothing_says_which_is_newer(classed, tmp_path):
    files = {"a/bo/01_linear.ipynb": notebook("relu"), "b/bo/01_linear.ipynb": notebook()}
    found, refused = taken(classed, archive(tmp_path / "a.zip", files))
    assert not found and "nothing says which" in refused[0]
    same = {name: notebook() for name in files}
    assert taken(classed, archive(tmp_path / "b.zip", same))[0].keys() == {"bo"}


def test_a_later_attempt_replaces_and_keeps_the_earlier(classed, tmp_path):
    for names in (("relu",), ("collapse",)):
        found, _ = taken(
            classed, archive(tmp_path / "a.zip", {"bo/01_linear.ipynb": notebook(*names)})
        )
    assert found["bo"].startswith("replaced")
    assert (classed.own("replaced", LESSON.name, "bo.1") / NAME).read_bytes() == notebook("relu")


def test_a_notebook_is_known_by_its_cells(classed, tmp_path):
    sgd = (ROOT / "notebooks/02_sgd/02_sgd.ipynb").read_bytes()
    files = {
        "anna/homework.ipynb": notebook("relu"),
        "bo/01_linear.ipynb": sgd,
        "jm/other.ipynb": json.dumps({"cells": [], "nbformat": 4}).encode(),
    }
    found, refused = taken(classed, archive(tmp_path / "a.zip", files))
    assert found.keys() == {"anna", "bo"} and "was called homework.ipynb" in found["anna"]
    assert handed_in(classed, "bo") == {}
    assert (classed.path("submitted", "bo", "02_sgd") / "02_sgd.ipynb").read_bytes() == sgd
    assert len(refused) == 1 and "not the notebook of a released lesson" in refused[0]
    _, refused = taken(classed, tmp_path / "a.zip", only="01_linear")
    assert any("it is 02_sgd, and only 01_linear is collected" in line for line in refused)


def test_tags_are_kept_for_feedback(classed, tmp_path):
    files = dict.fromkeys(DOWNLOADS["canvas"], notebook())
    taken(classed, archive(tmp_path / "a.zip", files))
    assert tags(classed, LESSON.name) == {
        "anna": "musteranna_101_2002_",
        "jm": "müllerjürgen_LATE_103_2003_",
    }


def test_a_download_that_brings_nothing_new_leaves_the_tag(classed, tmp_path):
    place = "Anna Muster_9001_assignsubmission_file_/01_linear.ipynb"
    taken(classed, archive(tmp_path / "a.zip", {place: notebook()}))
    before = tags(classed, LESSON.name)
    other = archive(tmp_path / "b.zip", {place.replace("9001", "7777"): notebook()})
    taken(classed, other)
    assert tags(classed, LESSON.name) == before
    taken(classed, archive(other, {place.replace("9001", "7777"): notebook("relu")}))
    assert "7777" in tags(classed, LESSON.name)["anna"]


def test_a_time_written_by_hand_outlives_the_same_download(classed, tmp_path):
    download = archive(tmp_path / "a.zip", {"anna/01_linear.ipynb": notebook()})
    taken(classed, download)
    stamp = classed.path("submitted", "anna", LESSON.name) / "timestamp.txt"
    stamp.write_text("2026-11-30 23:10 UTC")
    found, refused = taken(classed, download)
    assert found["anna"].startswith("unchanged") and not refused
    assert stamp.read_text() == "2026-11-30 23:10 UTC"
    other = archive(tmp_path / "b.zip", {"anna/01_linear.ipynb": notebook("relu")})
    assert "has no timestamp.txt, as the one before it had" in taken(classed, other)[0]["anna"]


def test_an_older_download_does_not_bring_back_what_was_replaced(classed, tmp_path):
    first = archive(tmp_path / "a.zip", {"anna/01_linear.ipynb": notebook()})
    second = archive(tmp_path / "b.zip", {"anna/01_linear.ipynb": notebook("relu")})
    taken(classed, first)
    taken(classed, second)
    found, refused = taken(classed, first)
    assert not found and "anna has handed in something else since" in refused[0]
    assert "replaced/01_linear/anna.1/01_linear.ipynb" in refused[0]
    assert handed_in(classed, "anna")[NAME] == notebook("relu")
    # With a time, the later one counts, whatever was there before.
    timed = archive(tmp_path / "c.zip", {"anna_2024-10-01-10-00-00_01_linear.ipynb": notebook()})
    assert taken(classed, timed)[0]["anna"].startswith("replaced")
    assert handed_in(classed, "anna")[NAME] == notebook()
    earlier = {"anna_2024-09-30-10-00-00_01_linear.ipynb": notebook("relu")}
    assert not taken(classed, archive(tmp_path / "d.zip", earlier))[0]
    assert handed_in(classed, "anna")[NAME] == notebook()


def test_a_file_may_be_called_by_an_id_alone(classed, tmp_path):
    found, refused = taken(classed, archive(tmp_path / "a.zip", {"anna.ipynb": notebook()}))
    assert found.keys() == {"anna"} and not refused


# ---------------------------------------------------------------- bad input


def linked(name):
    """An entry of an archive that is a link."""
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


BAD = {
    "climbs": ("anna/../../../01_linear.ipynb", "climbs out"),
    "climbs_backwards": ("anna\\..\\..\\01_linear.ipynb", "climbs out"),
    "absolute": ("/anna/01_linear.ipynb", "absolute"),
    "drive": ("C:\\anna\\01_linear.ipynb", "absolute"),
    "link": (linked("anna/01_linear.ipynb"), "a link"),
    "unknown_id": ("zoe/01_linear.ipynb", "nobody in the roster"),
    "no_student": ("01_linear.ipynb", "names no student"),
    "rar": ("anna/work.rar", "only archives"),
}


def test_whose_work_was_left_out_is_known(classed, tmp_path, capsys):
    files = {
        "anna/01_linear.ipynb": notebook(),
        "bo/01_linear.py": b"def relu(x): ...",  # without a notebook
        "jm/x/01_linear.ipynb": b"{}",  # whose that is nobody can say
        "jm/01_linear.ipynb": notebook(),
        "jm/01-linear.ipynb": notebook("relu"),  # which is the newer one?
    }
    result = collect(classed, archive(tmp_path / "a.zip", files), People(known_people(classed)))
    assert result.without == {"bo", "jm"} and len(result.refused) == 3
    _missing(classed, result, ["anna", "bo", "jm", "zoe"])
    assert capsys.readouterr().out.splitlines() == [
        "Nothing for 01_linear yet from: zoe.",
        "Nothing was taken in for 01_linear of what came from: bo, jm.",
    ]


@pytest.mark.parametrize("kind", BAD)
def test_bad_entries_get_one_sentence_and_the_rest_goes_on(classed, tmp_path, kind):
    name, why = BAD[kind]
    files = {name: notebook(), "bo/01_linear.ipynb": notebook()}
    found, refused = taken(classed, archive(tmp_path / "a.zip", files))
    assert found.keys() == {"bo"}
    assert len(refused) == 1 and (why in refused[0] or "names no student" in refused[0])
    assert {path.name for path in tmp_path.iterdir()} == {"a.zip", "course"}


def test_two_of_one_name_are_never_guessed(classed, tmp_path):
    people = [*known_people(classed)]
    roster = ROSTER + "am2,Anna,Muster,,\n"
    (classed.root / "roster.csv").write_text(roster)
    enter(classed, read_roster(classed.root / "roster.csv").people)
    files = {"Anna Muster_7_assignsubmission_file_/01_linear.ipynb": notebook()}
    found, refused = taken(classed, archive(tmp_path / "a.zip", files))
    assert not found and "may be am2 or anna" in refused[0]
    worksheet = tmp_path / "sheet.csv"
    worksheet.write_text("Identifier,Full name,ID number\nParticipant 7,Anna Muster,am2\n")
    people += read_roster(worksheet).people
    result = collect(classed, tmp_path / "a.zip", People(people))
    assert [item.chosen.student for item in result.arrivals] == ["am2"]


def test_bombs_are_refused_and_cost_only_themselves(classed, tmp_path):
    zeros = bytes(21 << 20)
    many = zipped({f"{n}.txt": zeros[: 18 << 20] for n in range(8)})
    deep = zipped({"01_linear.ipynb": notebook()})
    for _ in range(5):
        deep = zipped({"deeper.zip": deep})
    files = {
        "anna/bomb.zip": many,
        "anna/deep.zip": deep,
        "jm/01_linear.ipynb": zeros,
        "jm/many.zip": zipped({f"{n}.py": b"" for n in range(2_000)}),
        "bo/01_linear.ipynb": notebook(),
    }
    found, refused = taken(classed, archive(tmp_path / "a.zip", files))
    assert found.keys() == {"bo"} and len(refused) == 4
    assert sum("more than 100 MB or 1,000 files" in line for line in refused) == 2
    assert any("more than 20 MB" in line for line in refused)
    assert any("3 deep" in line for line in refused)


def test_broken_archives(classed, tmp_path):
    good = archive(tmp_path / "a.zip", {"bo/01_linear.ipynb": notebook()}).read_bytes()
    for name, content in {"no.zip": b"no zip", "half.zip": good[: len(good) // 2]}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(CourseError, match="is not a zip archive that can be read"):
            taken(classed, tmp_path / name)
    files = {"anna/work.zip": b"no zip", "bo/01_linear.ipynb": notebook()}
    found, refused = taken(classed, archive(tmp_path / "b.zip", files))
    assert found.keys() == {"bo"} and "is not a zip archive" in refused[0]
    with pytest.raises(CourseError, match="There is no"):
        taken(classed, tmp_path / "missing.zip")


def test_links_and_pipes_in_a_folder_are_not_followed(classed, tmp_path):
    for name in ("anna", "bo", "jm"):
        (tmp_path / "d" / name).mkdir(parents=True)
    (tmp_path / "d/anna" / NAME).symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "d/bo" / NAME)
    (tmp_path / "d/jm" / NAME).write_bytes(notebook())
    (tmp_path / "d/linked").symlink_to("/etc")
    found, refused = taken(classed, tmp_path / "d")
    assert found.keys() == {"jm"} and len(refused) == 3


def test_too_much_beside_a_notebook(classed, tmp_path):
    files = {f"bo/{n:02}.txt": b"x" for n in range(22)} | {"bo/01_linear.ipynb": notebook()}
    files["bo/00.txt"] = bytes(3 << 20)
    found, refused = taken(classed, archive(tmp_path / "a.zip", files))
    assert found.keys() == {"bo"} and len(handed_in(classed, "bo")) == 21
    assert any("may have at most 2 MB" in line for line in refused)
    assert any("at most 20 files are taken" in line for line in refused)


def test_what_came_with_the_lesson_is_not_told_when_it_comes_back(classed, tmp_path):
    folder = classed.path("release", ".", LESSON.name)
    (folder / "more").mkdir()
    (folder / "tool.bin").write_bytes(b"ours")
    (folder / "more" / "table.parquet").write_bytes(b"ours, too")
    files = {"bo/01_linear.ipynb": notebook(), "bo/tool.bin": b"ours", "anna/tool.bin": b"mine"}
    files |= {"bo/more/table.parquet": b"ours, too", "anna/01_linear.ipynb": notebook()}
    found, refused = taken(classed, archive(tmp_path / "a.zip", files))
    assert found.keys() == {"anna", "bo"}
    assert len(refused) == 1 and "anna/tool.bin was left out" in refused[0]


def test_a_folder_without_rights_is_told(classed, tmp_path):
    folder = classed.root / "submitted" / "anna"
    folder.mkdir(parents=True)
    folder.chmod(0o555)
    files = {"anna/01_linear.ipynb": notebook(), "bo/01_linear.ipynb": notebook()}
    found, refused = taken(classed, archive(tmp_path / "a.zip", files))
    folder.chmod(0o755)
    assert found.keys() == {"bo"} and len(refused) == 1
    assert "could not be stored" in refused[0] and "Permission denied" in refused[0]


@pytest.mark.parametrize("words", ["roster more.csv", "due 1 '2026-12-01 10:00 UTC'"])
def test_a_gradebook_that_another_program_writes_is_told(classed, monkeypatch, capsys, words):
    monkeypatch.chdir(classed.root)
    monkeypatch.setattr(entering, "PATIENCE", 0.2)
    (classed.root / "more.csv").write_text("id\nnew\n")
    other = sqlite3.connect(classed.root / "gradebook.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for status in (1, None):
        if status is None:
            other.close()
        try:
            main(shlex.split(words))
        except SystemExit as ended:
            assert (ended.code or None) == status
        said = capsys.readouterr().err.splitlines()
        assert len(said) == (status or 0), said
        assert not status or "gradebook.db cannot be written (database is locked)" in said[0]


def test_the_command_says_who_is_in_and_ends_with_1_where_something_was_left_out(classed, tmp_path):
    files = {"bo/01_linear.ipynb": notebook(), "zoe/01_linear.ipynb": notebook()}
    path = archive(tmp_path / "a.zip", files)
    done = course_command(classed, "collect", str(path))
    assert done.returncode == 1 and "1 submission is in." in done.stdout
    assert "Nothing for 01_linear yet from: anna, jm." in done.stdout
    assert done.stderr == (
        "zoe/01_linear.ipynb was left out: nobody in the roster is called zoe.\n"
    )
    archive(path, {"jm/01_linear.ipynb": notebook()})
    done = course_command(classed, "collect", str(path))
    assert done.returncode == 0 and "Nothing for 01_linear yet from: anna." in done.stdout


# ---------------------------------------------------------------- rosters and times

ROSTERS = {
    "canvas": "Student,ID,SIS User ID,SIS Login ID,Section\n    Points Possible,,,,\n"
    '"Li, Bo",102,,bo,A\n"Student, Test",9,,1b5e,A\n',
    "moodle": "Username;First name;Surname;Email address\nbo;Bo;Li;b@example.org\n",
    "bom": "\ufeffid,first_name,last_name\nbo,Bo,Li\n",
    "tabs": "Nachname\tVorname\tID\nLi\tBo\tbo\n",
    "german": "Vorname;Nachname;ID-Nummer;E-Mail-Adresse\nBo;Li;bo;b@example.org\n",
    "worksheet": "Identifier,Full name,ID number,Email address\nParticipant 9,Bo Li,bo,b@x.org\n",
}


@pytest.mark.parametrize("kind", ROSTERS)
def test_rosters(course, kind):
    path = course.root / "r.csv"
    path.write_text(ROSTERS[kind], encoding="utf-8")
    table = read_roster(path)
    assert not table.refused
    assert [(p.id, p.first_name, p.last_name) for p in table.people] == [("bo", "Bo", "Li")]
    assert enter(course, table.people) == (["bo"], [])
    assert enter(course, table.people) == ([], [])
    (known,) = known_people(course)
    assert (known.id, known.name) == ("bo", "Bo Li")
    assert known.lms_user_id == ("102" if kind == "canvas" else "")


@pytest.mark.parametrize("full", ["Aïcha Ben Saïd", "Aïcha Ben, Saïd"])
def test_a_full_name_parts_no_known_name_in_another_place(course, tmp_path, full):
    table = tmp_path / "names.csv"
    table.write_text("id,first name,last name\nab,Aïcha,Ben Saïd\n", encoding="utf-8")
    enter(course, read_roster(table).people)
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(f'Identifier,Full name,ID number\nParticipant 7,"{full}",ab\n', "utf-8")
    changed = full.endswith(", Saïd")  # Last, First: another order of the words
    enter(course, read_roster(sheet).people)
    [person] = known_people(course)
    assert (person.last_name == "Ben Saïd") != changed
    table.write_text("id,first name,last name\nab,Aïcha Ben,Saïd\n", encoding="utf-8")
    enter(course, read_roster(table).people)  # columns of their own are believed
    assert known_people(course)[0].last_name == "Saïd"


def test_a_roster_with_doubles_and_missing_ids(course):
    path = course.root / "r.csv"
    path.write_text("id,first name\nanna,Anna\nbo,Bo\nbo,Bob\n,Cy\n../x,Dee\n\n")
    done = course_command(course, "roster", "r.csv")
    assert done.returncode == 1 and "1 student in r.csv: 1 new" in done.stdout
    assert done.stderr.splitlines() == [
        "Line 3 of r.csv was left out: bo is in 2 lines; keep one.",
        "Line 4 of r.csv was left out: bo is in 2 lines; keep one.",
        "Line 5 of r.csv was left out: it has no id.",
        "Line 6 of r.csv was left out: '../x' cannot be a student's id.",
    ]


@pytest.mark.parametrize(
    "content, why",
    [(b"name,mail\nA,b\n", "no column of ids"), (b"id,n\nb,\xfc\n", "UTF-8"), (None, "cannot be")],
)
def test_rosters_that_are_none(course, content, why):
    if content is not None:
        (course.root / "r.csv").write_bytes(content)
    done = course_command(course, "roster", "r.csv")
    assert done.returncode == 1 and why in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "text, hour",
    [
        ("2024-06-01 10:00 UTC", 10),
        ("2024-06-01 10:00:00.5 Europe/Berlin", 8),
        ("2024-12-01T10:00+05:30", 4),
        ("2024-06-01 10:00 CEST", 8),
        ("2024-06-01 10:00 PDT", 17),
        ("2024-06-01 10:00Z", 10),
    ],
)
def test_a_time_with_a_zone(text, hour):
    assert read_time(text).hour == hour and read_time(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "01.10.2024",
        "01.10.2024 10:00 UTC",
        "10/01/2024 10:00 UTC",
        "2024-06-01 10:00",
        "2024-06-01",
        "2024-06-01 10:00 IST",
        "2024-06-01 10:00 Europe/Nowhere",
        "2024-06-01 10:00 ../../etc/localtime",
        "2024-10-27 02:30 Europe/Berlin",
        "2024-03-31 02:30 Europe/Berlin",
        "2024-13-01 10:00 UTC",
        "2024-06-01 10:00 +99:99",
        "next Tuesday",
        "",
    ],
)
def test_a_time_that_reads_two_ways_is_refused(text):
    with pytest.raises(CourseError):
        read_time(text)


def test_due_dates_and_extensions_move_penalties(course):
    with (course.root / "nbgrader_config.py").open("a") as file:
        file.write("c.LateSubmissionPlugin.penalty_method = 'zero'\n")
    hand_in(course, "anna", corpus.answered("relu"))
    with Gradebook(course.folders.db_url) as book:
        book.add_assignment(LESSON.name)
        book.add_notebook(LESSON.name, LESSON.name)
        book.add_grade_cell("check-relu", LESSON.name, LESSON.name, max_score=1, cell_type="code")
        for name in ("anna", "bo"):
            book.add_student(name)
            book.add_submission(LESSON.name, name, timestamp=datetime(2024, 10, 2))
            book.find_grade("check-relu", LESSON.name, LESSON.name, name).auto_score = 1.0
        book.db.commit()

    def penalties():
        with Gradebook(course.folders.db_url) as book:
            return [
                book.find_submission(LESSON.name, name).late_submission_penalty
                for name in ("anna", "bo")
            ]

    with pytest.raises(CourseError, match="has no due date"):
        extend(course, LESSON, "anna", read_time("2024-10-03 00:00 UTC"))
    changed = set_due(course, LESSON, read_time("2024-10-01 00:00 UTC"))
    assert penalties() == [1.0, 1.0] and changed == {"anna": 1.0, "bo": 1.0}
    extend(course, LESSON, "anna", read_time("2024-10-03 00:00 UTC"))
    assert penalties() == [0, 1.0]
    extend(course, LESSON, "anna", None)
    assert penalties() == [1.0, 1.0]
    set_due(course, LESSON, read_time("2024-10-05 00:00 UTC"))
    assert penalties() == [0, 0]
    done = course_command(course, "due", "1", "2024-10-01 00:00 UTC")
    assert "Now taken off for being late: anna 1, bo 1." in done.stdout
    done = course_command(course, "extend", "1", "bo", "2024-10-03 00:00 UTC")
    assert "Now taken off for being late: bo 0." in done.stdout
    assert course_command(course, "due", "1").stdout.splitlines() == [
        "01_linear is due at 2024-10-01 00:00 UTC.",
        "bo may hand in 01_linear until 2024-10-03 00:00 UTC.",
    ]
    for arguments, why in [
        (("due", "2"), "02_sgd has no due date"),
        (("due", "all", "2024-12-01 10:00 UTC"), "There is no lesson 'all'"),
        (("extend", "all", "anna", "2024-12-01 10:00 UTC"), "There is no lesson 'all'"),
        (("due", "1", "01.10.2024"), "more than one time"),
        (("extend", "1", "zoe", "2024-12-01 10:00 UTC"), "no student 'zoe'"),
        (("extend", "1", "anna", "2024-09-01 10:00 UTC"), "name a later time"),
        (("extend", "1", "anna"), "--withdraw"),
        (("due", "9", "2024-12-01 10:00 UTC"), "There is no lesson"),
    ]:
        done = course_command(course, *arguments)
        assert done.returncode == 1 and why in done.stderr, done.stderr
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.nbgrader
@pytest.mark.parametrize("kind", ["moodle_folders", "canvas", "nbgrader"])
def test_nbgraders_own_command_understands_the_same(classed, kind):
    folder = classed.root / "downloaded" / LESSON.name / "archive"
    folder.mkdir(parents=True)
    archive(folder / "a.zip", {name: notebook("relu") for name in DOWNLOADS[kind]})
    done = nbgrader_command(classed, "zip_collect", LESSON.name)
    assert done.returncode == 0, done.stderr
    assert handed_in(classed, "anna")[NAME] == handed_in(classed, "jm")[NAME] == notebook("relu")


# ---------------------------------------------------------------- where a command finds its course


def ended(folder, monkeypatch, capsys, *arguments):
    """What `course` prints in a folder, and its complaint, where it ends with exit status 1."""
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as end:
        main([*arguments])
    assert end.value.code == 1
    return capsys.readouterr()


@pytest.mark.parametrize(
    "arguments",
    [
        ("roster", "r.csv"),
        ("due", "1", "2024-12-01 10:00 UTC"),
        ("extend", "1", "bo", "2024-12-01 10:00 UTC"),
        ("collect", "r.csv"),
        ("grade", "all"),
        ("feedback", "1"),
        ("report", "all"),
        ("mistakes", "all"),
    ],
)
def test_no_command_of_a_term_writes_into_another_course(tmp_path, monkeypatch, capsys, arguments):
    (tmp_path / "r.csv").write_text("id,name\nbo,Bo Li\n")
    said = ended(tmp_path, monkeypatch, capsys, *arguments)
    assert said.out == "" and said.err == (
        f"There is no nbgrader_config.py in {tmp_path} or above it: go to the course's folder and "
        "run the command again.\n"
    )


def test_a_course_is_found_from_the_folders_in_it(course):
    assert find_course(course.root / "notebooks").root == course.root


@pytest.mark.parametrize("command", ["grade", "report", "mistakes", "feedback"])
def test_all_where_nobody_has_handed_in_is_said(course, monkeypatch, capsys, command):
    said = ended(course.root, monkeypatch, capsys, command, "all")
    assert said.err.startswith("Nobody has handed in anything: ")


def test_feedback_of_all_lessons_goes_into_no_archive(course, monkeypatch, capsys):
    hand_in(course, "anna", corpus.answered("relu"))
    said = ended(course.root, monkeypatch, capsys, "feedback", "all", "--zip", "f.zip")
    assert "holds the pages of one lesson" in said.err
    said = ended(course.root, monkeypatch, capsys, "feedback", "all")
    assert "No submission to 01_linear is graded" in said.err

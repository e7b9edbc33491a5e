"""A release holds what a student needs, no solutions, and every check in it answers."""

import json
import re
import subprocess
import sys
import tomllib
import zipfile

import pytest

from course_utils.building import rules
from course_utils.building.lesson import all_lessons
from course_utils.building.notebook_files import from_text
from course_utils.building.release import release, student_lock
from course_utils.checking import Repair
from course_utils.checking.exercise import exercises
from course_utils.cli import main
from course_utils.errors import CourseError
from course_utils.update.release import MANIFEST
from tests import installed

LESSONS = all_lessons()
SEALED = LESSONS[2:4]
IDS = {exercise.id for lesson in LESSONS for exercise in exercises(lesson.short)}
# What is in a solution and gives nothing away elsewhere.
SHORTEST = 12
NAMED = """
import importlib
from course_utils import judge
from course_utils.checking.edit import Edit, edited
from course_utils.checking.exercise import exercises

for lesson in {lessons}:
    reference = importlib.import_module(f"course_utils.reference.{{lesson}}")
    for exercise in exercises(lesson):
        mistake = next((one for one in exercise.mistakes if isinstance(one.change, Edit)), None)
        if mistake is None:
            continue
        wrong = judge(exercise.id, edited(exercise.id, mistake.change))
        handed_in = judge(exercise.id, getattr(reference, exercise.name))
        print(exercise.id, wrong.mistake == mistake.name, handed_in.status, sep="|")
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A release of all lessons, two of them without answers to read."""
    folder = tmp_path_factory.mktemp("release") / "course"
    release(LESSONS, folder, SEALED)
    return folder


@pytest.fixture(scope="module")
def packages(made, tmp_path_factory):
    """The packages that the release declares, and no others."""
    site = installed.wheel(made, tmp_path_factory.mktemp("built"))
    folder = tmp_path_factory.mktemp("student") / "packages"
    return installed.packages(folder, installed.requirements(site))


def solution_lines(lesson):
    """Lines of solutions and hidden tests that would give an answer away."""
    for cell in from_text(lesson).cells:
        regions = [*rules.SOLUTION.findall(cell.source), *rules.HIDDEN.findall(cell.source)]
        for line in (" ".join(line.split()) for region in regions for line in region.splitlines()):
            if len(line) >= SHORTEST and not rules.COMMON.fullmatch(line):
                yield line


def plain_text(folder):
    """All that can be read in a folder, file by file, with every run of spaces as one."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix not in (".gz", ".zip", ".png", ".pyc"):
            text = path.read_text(encoding="utf-8")
            if path.suffix in (".ipynb", ".json"):
                text = "\n".join(strings(json.loads(text)))
            name = path.relative_to(folder).as_posix()
            found[name] = normal(text)
    return found


def normal(text):
    """The text with every run of spaces as one."""
    return "\n".join(" ".join(line.split()) for line in text.splitlines())


def strings(value):
    """Every text in a JSON value; lines of one text come together."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and all(isinstance(item, str) for item in value):
        yield "".join(value)
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from strings(item)


def test_every_check_answers_with_the_students_packages_and_without_posix(made, packages, tmp_path):
    assert {*installed.answered(made, packages, cwd=tmp_path, first=installed.WINDOWS)} == IDS


def judged(lessons, *places, cwd):
    """By exercise: whether a mistake is named, and how the course's own answer is judged."""
    done = installed.run(NAMED.format(lessons=lessons), *places, cwd=cwd)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_sealed_lessons_are_judged_as_open_ones_are(made, packages, tmp_path):
    lessons = [lesson.short for lesson in SEALED]
    release(LESSONS, tmp_path / "open")
    seen = judged(lessons, made, packages, cwd=tmp_path)
    assert seen == judged(lessons, tmp_path / "open", packages, cwd=tmp_path)
    assert seen.count("|True|") > 8 and seen.count("|shortcut") > 2


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_no_line_of_a_solution_can_be_read_but_in_the_answers_and_the_mistakes(lesson, made):
    """Other lessons may use what this one builds; their notebooks are left out of the search."""
    texts = plain_text(made)
    manifest = json.loads((made / MANIFEST).read_text())["notebooks"]
    own = f"notebooks/{lesson.name}/"
    rooms = ("course_utils/reference/", "course_utils/exercises/", "notebooks/", MANIFEST)
    read = [
        text for name, text in texts.items() if name.startswith(own) or not name.startswith(rooms)
    ]
    read.append(normal("\n".join(strings(manifest[lesson.name]))))
    given = {line for text in read for line in text.split("\n")}
    shown = [item.buggy for item in exercises(lesson.short) if isinstance(item, Repair)]
    due = {*solution_lines(lesson)} - {*normal("\n".join(shown)).split("\n")}
    assert len(due) > 5 and len(given) > 1000 and sorted(due & given) == []


def test_no_answer_of_a_sealed_lesson_can_be_read(made):
    names = [exercise.name for lesson in SEALED for exercise in exercises(lesson.short)]
    rooms = [
        path
        for room in ("reference", "exercises")
        for path in (made / "course_utils" / room).glob("*.py")
    ]
    text = "\n".join(path.read_text(encoding="utf-8") for path in rooms)
    assert not {path.stem for path in rooms} & {lesson.short for lesson in SEALED}
    assert [name for name in names if re.search(rf"^(def|class) {name}\b", text, re.M)] == []


def test_a_release_has_no_part_of_an_instructor(made):
    names = {path.relative_to(made).as_posix() for path in made.rglob("*")}
    assert not [
        name for name in names if re.search(r"solutions|tests|grading|building|nbgrader", name)
    ]
    notebooks = sorted(path.stem for path in made.glob("notebooks/*/*.ipynb"))
    assert notebooks == [lesson.name for lesson in LESSONS]
    assert {"README.md", "LICENSE", "LICENSE-text", "requirements.lock", MANIFEST} <= names


def test_the_data_come_with_their_notices_and_only_where_they_are_needed(made, tmp_path):
    release(LESSONS[:1], tmp_path / "one")
    few = {path.parent.name for path in (tmp_path / "one").glob("course_utils/data/*/*")}
    every = {path.parent.name for path in made.glob("course_utils/data/*/NOTICE.md")}
    assert every == {"mnist", "movielens", "flights", "emoji"} and few < every
    assert not (tmp_path / "one" / "course_utils" / "reference" / "tabular.py").exists()


def test_a_release_of_one_lesson_answers_too(packages, tmp_path):
    release(LESSONS[1:2], tmp_path / "one")
    answered = installed.answered(tmp_path / "one", packages, cwd=tmp_path)
    assert {exercise.id for exercise in exercises(LESSONS[1].short)} <= {*answered}


def test_the_lock_has_the_students_packages_alone(made):
    lock = (made / "requirements.lock").read_text()
    names = re.findall(r"^([a-z0-9.-]+)==", lock, flags=re.MULTILINE)
    project = tomllib.loads((made / "pyproject.toml").read_text())["project"]
    assert {"torch", "torchvision", "jupyterlab", "safetensors"} <= {*names}
    assert not {"nbgrader", "dask", "jupytext", "pytest", "sqlalchemy", "uv"} & {*names}
    assert [*project["optional-dependencies"]] == ["lab", "photographs"]
    assert "--hash=sha256:" in lock


def test_a_package_that_only_an_instructors_package_brings_is_not_locked():
    parts = {
        "dependencies": ["torch>=2"],
        "optional-dependencies": {"lab": ["jupyterlab"], "photographs": ["weights"]},
    }
    brought = {"a": ["torch"], "b": ["nbgrader", "a"], "c": ["nbgrader"], "torch": ["p"]}
    blocks = [
        f"{name}==1 \\\n    # via {by[0]}\n"
        if len(by) == 1
        else f"{name}==1 \\\n    # via\n    #   {by[0]}\n    #   {by[1]}\n"
        for name, by in brought.items()
    ]
    lock = student_lock("# head\n" + "".join(blocks), {"project": parts})
    assert re.findall(r"^(\w+)==", lock, re.MULTILINE) == ["a", "b", "torch"]


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A clone of a class's repository, with a page of the instructor's in it."""
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "An instructor")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "instructor@example.org")
    folder = tmp_path / "class"
    git(tmp_path, "init", "--quiet", str(folder))
    (folder / "syllabus.md").write_text("# Monday at nine\n")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Begin")
    return folder


def git(folder, *words):
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def test_a_release_takes_the_place_of_the_one_in_a_clone_and_is_committed(clone):
    first = release(LESSONS[:2], clone)
    assert (clone / "notebooks" / "01_linear" / "01_linear.ipynb").is_file()
    name = release(LESSONS[:1], clone)
    assert name != first and not (clone / "notebooks" / "02_sgd").exists()
    assert (clone / "syllabus.md").read_text() == "# Monday at nine\n"
    assert git(clone, "status", "--porcelain") == ""
    assert git(clone, "log", "--format=%s").splitlines() == [
        f"Release {name}",
        f"Release {first}",
        "Begin",
    ]
    assert (
        release(LESSONS[:1], clone) == name and len(git(clone, "log", "--oneline").split("\n")) == 4
    )


@pytest.mark.parametrize("where", ["syllabus.md", "README.md"])
def test_nothing_of_the_instructors_in_a_clone_is_overwritten(where, clone):
    (clone / where).write_text("mine, and not committed\n")
    with pytest.raises(CourseError, match="not committed"):
        release(LESSONS[:1], clone)
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message", "Mine")
    if where == "README.md":
        with pytest.raises(
            CourseError, match="README.md is in .* but does not come from a release"
        ):
            release(LESSONS[:1], clone)
        assert (clone / where).read_text() == "mine, and not committed\n"
    else:
        release(LESSONS[:1], clone)


def test_the_first_cell_installs_the_course_where_it_is_missing(tmp_path):
    release(LESSONS[:1], tmp_path / "made", install="git+https://example.org/course")
    path = tmp_path / "made" / "notebooks" / "01_linear" / "01_linear.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    plain = json.loads(LESSONS[0].released.read_text(encoding="utf-8"))["cells"]
    assert cells[1:] == plain
    first = "".join(cells[0]["source"])
    assert "%pip install --quiet git+https://example.org/course" in first
    code = first.replace("%pip install", "print('pip', '").replace("/course", "/course')")
    with_course = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (with_course.returncode, with_course.stdout) == (0, ""), with_course.stderr


@pytest.mark.parametrize("address", ["", "one\ntwo", "  "])
def test_an_address_is_one_line(address, tmp_path):
    with pytest.raises(CourseError, match="one line"):
        release(LESSONS[:1], tmp_path / "made", install=address)


def test_a_release_is_the_same_whenever_it_is_made(made, tmp_path):
    release(LESSONS, tmp_path / "again.zip", SEALED)
    release(LESSONS, tmp_path / "third.zip", SEALED)
    with zipfile.ZipFile(tmp_path / "again.zip") as archive:
        assert json.loads(archive.read(f"again/{MANIFEST}")) == json.loads(
            (made / MANIFEST).read_bytes()
        )
        assert {name.partition("/")[0] for name in archive.namelist()} == {"again"}
    first, second = (zipfile.ZipFile(tmp_path / f"{name}.zip") for name in ("again", "third"))
    with first, second:
        assert [one.CRC for one in first.infolist()] == [one.CRC for one in second.infolist()]


def test_the_course_command_of_a_release_updates_it_and_has_no_teachers_commands(
    made, packages, tmp_path
):
    own = tmp_path / "own"
    release(LESSONS[:1], own)
    code = "from course_utils.cli import main; main({!r})"
    done = installed.run(code.format(["--help"]), own, packages, cwd=tmp_path)
    assert "update" in done.stdout and "verify" not in done.stdout and "grade" not in done.stdout
    done = installed.run(code.format(["update", str(made), str(own)]), own, packages, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (own / MANIFEST).read_bytes() == (made / MANIFEST).read_bytes()
    assert (own / LESSONS[-1].released.relative_to(installed.ROOT)).is_file()


@pytest.mark.parametrize("name", ["course", "course.zip"])
def test_what_is_there_is_never_overwritten(name, tmp_path, capsys):
    target = tmp_path / name
    if target.suffix:
        target.write_text("mine")
    else:
        target.mkdir()
        (target / "file").write_text("mine")
    with pytest.raises(SystemExit):
        main(["release", "1", "--to", str(target)])
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1 and str(target) in said
    assert "mine" in (target if target.suffix else target / "file").read_text()


def test_a_lesson_that_was_not_built_gets_one_sentence(tmp_path):
    lesson = type(LESSONS[0])("01_linear", tmp_path)
    with pytest.raises(
        CourseError, match=r"01_linear.ipynb is missing: run `course build 01_linear`"
    ):
        release([lesson], tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_a_release_can_be_installed(made, tmp_path):
    site = installed.wheel(made, tmp_path)
    listed = subprocess.run(
        ["git", "ls-files", "course_utils/data"], cwd=installed.ROOT, capture_output=True, text=True
    ).stdout.splitlines()
    assert [name for name in listed if "make.py" not in name and not (site / name).is_file()] == []
    assert (site / "course_utils" / "reference" / "sealed.zip").is_file()

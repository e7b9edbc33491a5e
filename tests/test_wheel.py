"""The wheel holds all that it needs, works in any folder, and declares what it imports."""

import ast
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from course_utils.checking.exercise import exercises, lessons
from tests import installed

PACKAGE = installed.ROOT / "course_utils"
# What is not the student's, by room, and the extras that it needs.
TEACHERS = {"grading": ["grading"], "building": ["build"], "site": ["build", "site"]}
IDS = [exercise.id for lesson in lessons() for exercise in exercises(lesson)]
PROVIDERS = metadata.packages_distributions()

LOADED = """
from course_utils import data

data.load_mnist(), data.load_ratings(), data.load_flights(), data.load_emoji()
print([item.name for item in data.describe_data() if not item.present])
"""
ROOMS = """
import importlib, pkgutil, course_utils

for module in pkgutil.walk_packages(course_utils.__path__, "course_utils."):
    if set(module.name.split(".")) & {others!r} or module.name.endswith("__main__"):
        continue
    importlib.import_module(module.name)
"""


def written(folder: Path) -> dict[Path, int]:
    """When each file of a folder was written, but for what Python caches."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path: path.stat().st_mtime_ns for path in paths}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The installed wheel; nothing may write there, since on a hub a student cannot."""
    made = installed.wheel(installed.ROOT, tmp_path_factory.mktemp("wheel"))
    before = written(made)
    yield made
    assert written(made) == before


@pytest.fixture(scope="module")
def plain(site, tmp_path_factory):
    """The packages that the wheel needs without extras."""
    folder = tmp_path_factory.mktemp("plain") / "packages"
    return installed.packages(folder, installed.requirements(site))


def test_the_wheel_holds_every_file_of_the_package(site):
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "course_utils"],
        cwd=installed.ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    there = [name for name in listed if (installed.ROOT / name).is_file()]
    assert len(there) > 50 and [name for name in there if not (site / name).is_file()] == []


def test_the_students_packages_are_few(site):
    names = installed.requirements(site)
    assert names.isdisjoint({"nbgrader", "jupyterlab", "dask", "jupytext", "nbconvert"})


def test_every_check_answers_in_a_bare_environment(site, plain, tmp_path):
    assert installed.answered(site, plain, cwd=tmp_path) == IDS


def test_all_data_load_in_a_bare_environment(site, plain, tmp_path):
    done = installed.run(LOADED, site, plain, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "['mnist, full']\n"), done.stderr[-2000:]


@pytest.mark.parametrize("room", ["", *TEACHERS])
def test_every_module_imports_with_what_its_extra_brings(room, site, tmp_path):
    extras = TEACHERS.get(room, [])
    places = installed.packages(tmp_path / "packages", installed.requirements(site, extras))
    others = {each for each in TEACHERS if not {*TEACHERS[each]} <= {*extras}}
    code = ROOMS.replace("{others!r}", repr(others))
    done = installed.run(code, site, places, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["data"]], ids=lambda given: given[0]
)
def test_the_command_line_works_in_a_bare_environment(arguments, site, plain, tmp_path):
    code = f"from course_utils.cli import main; main({arguments!r})"
    done = installed.run(code, site, plain, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "") and done.stdout


def test_a_command_whose_packages_are_missing_says_how_to_get_them(site, plain, tmp_path):
    done = installed.run(
        "from course_utils.cli import main; main(['build'])", site, plain, cwd=tmp_path
    )
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert "[build,grading,site]" in done.stderr


def imports(path: Path) -> set[str]:
    """The top names of all that a file imports and that is neither Python's nor the course's."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    tops = {name.partition(".")[0] for name in names}
    return tops - {*sys.stdlib_module_names, "course_utils"}


@pytest.mark.parametrize("room", ["", *TEACHERS])
def test_what_a_room_imports_is_declared(room, site):
    (own,) = metadata.distributions(path=[str(site)])
    extras = {"", "photographs", *TEACHERS.get(room, [])}  # which the data ask for when it is there
    needs = [installed.Requirement(line) for line in own.requires or []]
    declared = {
        need.name
        for need in needs
        if need.marker is None or any(need.marker.evaluate({"extra": one}) for one in extras)
    }
    for path in PACKAGE.rglob("*.py"):
        own_room = path.relative_to(PACKAGE).parts[0]
        if own_room == room or (not room and own_room not in TEACHERS):
            for name in imports(path):
                assert declared & {one.lower() for one in PROVIDERS[name]}, f"{path} imports {name}"

"""Makes what a student gets: notebooks, their data, and the student's part of the package."""

import ast
import json
import re
import shutil
import subprocess
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import nbformat

from course_utils import __version__
from course_utils.building import notebook_files
from course_utils.building.lesson import ROOT, Lesson, files
from course_utils.errors import CourseError
from course_utils.update.release import FORMAT, MANIFEST, digest, notebook, notebook_path, read

TEACHERS = ("grading", "building", "site")  # rooms of the package that no student gets
BY_LESSON = ("reference", "exercises")  # rooms with a module for each lesson
DATA = {
    "load_mnist": "mnist",
    "load_ratings": "movielens",
    "load_flights": "flights",
    "load_emoji": "emoji",
}
EXTRAS = ("lab", "photographs")  # of the student
TEXTS = ("LICENSE", "LICENSE-text")
README = Path(__file__).with_name("student_readme.md")
PROJECT = """\
[build-system]
requires = {requires}
build-backend = "setuptools.build_meta"

[project]
name = "course-utils"
version = "{version}"
requires-python = "{python}"
dependencies = {dependencies}

[project.optional-dependencies]
{extras}

[project.scripts]
course = "course_utils.cli:main"

[tool.setuptools.packages.find]
include = ["course_utils*"]
namespaces = false

[tool.setuptools.package-data]
course_utils = ["**/*.*"]
"""


def release(
    lessons: Sequence[Lesson],
    target: Path,
    sealed: Sequence[Lesson] = (),
    install: str | None = None,
    term: Path | None = None,
) -> str:
    """Make a release of the lessons in an empty folder, a new zip file or a git clone, and return
    its name.

    The references and exercises of the sealed lessons are in an archive that Python reads and an
    editor does not show. install: what pip is given in the first cell of each notebook where the
    course is missing. In a clone the release replaces the one there, and is committed.
    term: a course's folder whose notebooks are handed out in place of the package's own.
    Raises CourseError where the target is taken or a notebook is missing.
    """
    clone = (target / ".git").exists()
    if target.suffix == ".zip" and target.exists():
        raise CourseError(f"{target} exists already: name another file, or move it away.")
    if not clone and target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise CourseError(f"{target} is not empty: name a new folder, a zip file or a git clone.")
    if clone and _git(target, "status", "--porcelain"):
        raise CourseError(f"{target} has changes that are not committed: commit them first.")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / (target.stem if target.suffix == ".zip" else "release")
        folder.mkdir()
        _fill(folder, lessons, sealed, term)
        if install is not None:
            _install_first(folder, lessons, install)
        name = _describe(folder, lessons)
        if clone:
            _replace(target, folder, name)
            return name
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.suffix == ".zip":
            _pack(target, folder.parent, files(folder.parent))
        else:
            shutil.copytree(folder, target, dirs_exist_ok=True)
    return name


def _fill(
    folder: Path, lessons: Sequence[Lesson], sealed: Sequence[Lesson], term: Path | None
) -> None:
    """Copy the notebooks and what they need."""
    root = lessons[0].root
    for lesson in lessons:
        given = (Lesson(lesson.name, term) if term else lesson).released
        if not given.is_file():
            command = "take" if term else "build"
            raise CourseError(
                f"{notebook_path(lesson.name)} is missing: run `course {command} {lesson.name}`."
            )
        for path in files(given.parent):
            _copy(given.parent / path, folder / "notebooks" / lesson.name / path)
    modules = _modules(lessons)
    data = _data(modules, lessons)
    package = ROOT / "course_utils"
    for path in files(package):
        room, inner = path.parts[0], path.parts[1] if len(path.parts) > 2 else ""
        # Rooms for instructors, and modules of lessons that this release does not need.
        if room in TEACHERS or (room in BY_LESSON and path.stem not in modules | {"__init__"}):
            continue
        # Data that none of its lessons loads.
        if room == "data" and (inner not in data | {""} or path.name == "make.py"):
            continue
        _copy(package / path, folder / "course_utils" / path)
    # Answers that are not due yet go where Python finds them and a reader does not look.
    for room in BY_LESSON if sealed else ():
        inside = folder / "course_utils" / room
        hidden = [Path(f"{lesson.short}.py") for lesson in sealed]
        _pack(inside / "sealed.zip", inside, hidden)
        for path in hidden:
            (inside / path).unlink()
    for name in TEXTS:
        _copy(root / name, folder / name)
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    locked = student_lock((root / "requirements.lock").read_text(encoding="utf-8"), project)
    (folder / "requirements.lock").write_text(locked, encoding="utf-8")
    (folder / "pyproject.toml").write_text(_project(project), encoding="utf-8")
    _copy(README, folder / "README.md")


def _install_first(folder: Path, lessons: Sequence[Lesson], address: str) -> None:
    """Begin each notebook with a cell that installs the course where it is missing."""
    if not address.strip() or len(address.splitlines()) != 1:
        raise CourseError("What pip should install has to be one line: an address or a wheel.")
    source = (
        "try:\n    import course_utils\nexcept ModuleNotFoundError:\n"
        f"    %pip install --quiet {address}"
    )
    for lesson in lessons:
        path = folder / notebook_path(lesson.name)
        book = notebook_files.read(path)
        cell = nbformat.v4.new_code_cell(source, id="install-course")
        book.cells.insert(0, cell)
        notebook_files.write(path, notebook_files.to_bytes(book))


def _replace(clone: Path, made: Path, name: str) -> None:
    """Replace the release in a clean clone with a new one, and commit it."""
    before = set(read(clone).files) | {MANIFEST} if (clone / MANIFEST).is_file() else set()
    before &= {*_git(clone, "ls-files", "-z").split("\0")}  # a manifest may say anything
    after = {path.as_posix() for path in files(made)}
    for path in sorted(after - before):
        # A file of somebody's own: it would be overwritten.
        if (clone / path).exists():
            raise CourseError(
                f"{path} is in {clone} but does not come from a release: move it away."
            )
    for gone in (clone / path for path in before - after):
        gone.unlink(missing_ok=True)
        # Folders that this empties go too.
        for folder in gone.parents:
            if folder == clone or not folder.is_dir() or any(folder.iterdir()):
                break
            folder.rmdir()
    shutil.copytree(made, clone, dirs_exist_ok=True)
    _git(clone, "add", "--all")
    if _git(clone, "status", "--porcelain"):
        _git(clone, "commit", "--quiet", "--message", f"Release {name}")


def _git(clone: Path, *words: str) -> str:
    """What a command of git prints in the clone; raises CourseError with what git says."""
    try:
        done = subprocess.run(["git", "-C", str(clone), *words], capture_output=True, text=True)
    except FileNotFoundError:
        raise CourseError("git is not installed: name a folder or a zip file instead.") from None
    if done.returncode:
        raise CourseError(f"git {words[0]} failed in {clone}: {done.stderr.strip()}")
    return done.stdout


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _pack(archive: Path, folder: Path, paths: Iterable[Path]) -> None:
    """Write files of a folder into a zip file that is the same whenever it is made."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(paths):
            packed.writestr(zipfile.ZipInfo(path.as_posix()), (folder / path).read_bytes())


def _describe(folder: Path, lessons: Sequence[Lesson]) -> str:
    """Write the manifest, by which `course update` knows this release again; its name."""
    sums = {path.as_posix(): digest((folder / path).read_bytes()) for path in files(folder)}
    name = f"{__version__}+{digest(json.dumps(sums).encode())[:8]}"
    notebooks = {lesson.name: notebook(folder / notebook_path(lesson.name)) for lesson in lessons}
    manifest = {"format": FORMAT, "name": name, "files": sums, "notebooks": notebooks}
    text = json.dumps(manifest, ensure_ascii=False) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8", newline="\n")
    return name


def _modules(lessons: Sequence[Lesson]) -> set[str]:
    """The lessons whose modules are needed: these, earlier ones, and what they import."""
    last = max(lesson.name for lesson in lessons)
    texts = sorted((lessons[0].root / "solutions").glob("[0-9][0-9]_*.py"))
    waiting = [path.stem.partition("_")[2] for path in texts if path.stem <= last]
    modules: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in modules:
            modules.add(name)
            places = [ROOT / "course_utils" / room / f"{name}.py" for room in BY_LESSON]
            waiting += [other for path in places if path.is_file() for other in _imported(path)]
    return modules


def _imported(path: Path) -> list[str]:
    """The modules of the rooms with lessons that a file imports."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    names = (str(node.module).split(".") for node in nodes if isinstance(node, ast.ImportFrom))
    return [
        name[2]
        for name in names
        if name[0] == "course_utils" and name[1:2] and name[1] in BY_LESSON and len(name) > 2
    ]


def _data(modules: Iterable[str], lessons: Iterable[Lesson]) -> set[str]:
    """The data sets that the notebooks and the checks load."""
    checks = [ROOT / "course_utils" / "exercises" / f"{name}.py" for name in modules]
    texts = [*(lesson.released for lesson in lessons), *(path for path in checks if path.is_file())]
    sources = "\n".join(path.read_text(encoding="utf-8") for path in texts)
    return {folder for loader, folder in DATA.items() if loader in sources}


def _project(project: dict) -> str:
    """The pyproject.toml of a release, with the student's requirements alone."""
    table = project["project"]
    return PROJECT.format(
        requires=json.dumps(project["build-system"]["requires"]),
        version=__version__,
        python=table["requires-python"],
        dependencies=json.dumps(table["dependencies"]),
        extras="\n".join(
            f"{name} = {json.dumps(table['optional-dependencies'][name])}" for name in EXTRAS
        ),
    )


def student_lock(lock: str, project: dict) -> str:
    """The blocks of a lock that the student's requirements, or what these need, brought in."""
    table = project["project"]
    wanted = [*table["dependencies"]]
    for name in EXTRAS:
        wanted += table["optional-dependencies"][name]
    direct = {re.split(r"[^\w.-]", line)[0].lower() for line in wanted}
    head, *blocks = re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)
    needed_by: dict[str, set[str]] = {}
    for block in blocks:
        name = block.partition("==")[0]
        vias = re.findall(r"^    #(?: via|  ) +([a-z0-9][\w.-]*)", block, re.MULTILINE)
        needed_by.setdefault(name, set()).update(vias)
    kept = set(direct)
    while more := {name for name, by in needed_by.items() if by & kept} - kept:
        kept |= more
    return head + "".join(block for block in blocks if block.partition("==")[0] in kept)

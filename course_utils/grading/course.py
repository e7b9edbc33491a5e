"""The course's folders as nbgrader's configuration names them, and what lies in them for one lesson."""

import errno
import hashlib
import json
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from nbgrader.apps import NbGrader
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange.default import Exchange
from nbgrader.utils import parse_utc

from course_utils.building.lesson import ROOT, Lesson, all_lessons, choose
from course_utils.checking.errors import CourseError
from course_utils.grading.rebuild import LARGEST_FILE, Unreadable

CONFIG = "nbgrader_config.py"


@dataclass
class Course:
    """A folder with nbgrader_config.py in it; submitted: another place where submissions lie."""

    root: Path
    submitted: Path | None = None

    @cached_property
    def app(self) -> NbGrader:
        """nbgrader with this course's configuration."""
        before = Path.cwd()
        os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # nbgrader runs alembic
        os.chdir(self.root)
        try:
            app = NbGrader()
            app.initialize([])
        finally:
            os.chdir(before)
        app.log.setLevel("ERROR")
        return app

    @cached_property
    def folders(self) -> CourseDirectory:
        """nbgrader's own idea of where everything is."""
        return CourseDirectory(parent=self.app)

    def path(self, kind: str, student: str, lesson: str) -> Path:
        """A folder of nbgrader's: kind is release, submitted, autograded or feedback."""
        if kind == "submitted" and self.submitted is not None:
            return self.submitted / student / lesson
        directory = getattr(self.folders, f"{kind}_directory")
        return Path(self.folders.format_path(directory, student, lesson))

    def lessons(self) -> list[Lesson]:
        """The lessons that were released, in order."""
        found = sorted(self.path("release", ".", "x").parent.glob("[0-9][0-9]_*"))
        return [Lesson(path.name, self.root) for path in found if (path / f"{path.name}.ipynb").is_file()]

    def choose(self, name: str) -> list[Lesson]:
        """The lesson of this name, or all that somebody handed in; raises CourseError."""
        if name != "all":
            return choose([name], self.lessons())
        handed_in = {path.name for path in self.path("submitted", "*", "x").parent.parent.glob("*/*")}
        return [lesson for lesson in self.lessons() if lesson.name in handed_in]

    def released(self, lesson: Lesson) -> str:
        """The released notebook; raises CourseError where it cannot be read."""
        path = self.path("release", ".", lesson.name) / f"{lesson.name}.ipynb"
        try:
            text = path.read_text(encoding="utf-8")
            json.loads(text)["cells"]
        except (OSError, ValueError, KeyError) as error:
            raise CourseError(f"{path} cannot be read ({error}): run `course build {lesson.name}`.") from None
        return text

    def earlier(self, lesson: Lesson) -> tuple[str, ...]:
        """The lessons before this one, released or not, without their numbers: a child may import their answers."""
        known = {other.name for other in (*all_lessons(), *self.lessons())}
        return tuple(name.partition("_")[2] for name in sorted(known) if name < lesson.name)

    def students(self, lesson: Lesson) -> list[str]:
        """Who handed something in, in alphabetical order."""
        return [name for name in self._folders(lesson) if _is_text(name)]

    def nameless(self, lesson: Lesson) -> list[str]:
        """Folders of submissions whose names are no text, as Python writes them: no gradebook can hold them."""
        return [ascii(name) for name in self._folders(lesson) if not _is_text(name)]

    def _folders(self, lesson: Lesson) -> list[str]:
        pattern = self.path("submitted", "*", lesson.name)
        found = pattern.parent.parent.glob("[!.]*")
        return sorted(path.name for path in found if os.path.lexists(path / lesson.name))

    def own(self, *parts: str) -> Path:
        """A place for what is neither nbgrader's nor the student's: results and seeds."""
        return self.root.joinpath(".course", *parts)

    def private(self) -> tuple[str, ...]:
        """The folders that hold submissions, grades and answers, as paths without links."""
        database = Path(self.folders.db_url.removeprefix("sqlite:///"))
        exchange = Path(Exchange(parent=self.app).root)
        found = (self.root, self.path("submitted", ".", "."), database.parent, exchange)
        return tuple(sorted({str(path.resolve()) for path in found if path.is_absolute()}))

    def result(self, lesson: Lesson, key: str) -> Path:
        """Where the result with this key is kept."""
        return self.own("results", lesson.name, f"{key}.json")

    def seed(self, lesson: Lesson) -> int:
        """The lesson's secret seed, drawn when it is first graded."""
        path = self.own("seeds", lesson.name)
        if not path.exists():
            write(path, str(secrets.randbits(53)).encode())
            path.chmod(0o600)
        return int(path.read_text())


def find_course(folder: Path, submitted: Path | None = None) -> Course:
    """The course in this folder, else the one that this package is a part of; raises CourseError."""
    for root in (folder, ROOT):
        if (root / CONFIG).is_file():
            if submitted is not None and not submitted.is_dir():
                raise CourseError(f"{submitted} is no folder: name the one with a folder for each student in it.")
            return Course(root.resolve(), submitted.resolve() if submitted else None)
    raise CourseError(f"There is no {CONFIG} in {folder}: go to the course's folder and run the command again.")


def read_submission(folder: Path, name: str) -> bytes:
    """What was handed in for a lesson; raises Unreadable where it is no plain file of the right name and size."""
    if folder.is_symlink() or folder.parent.is_symlink():
        raise Unreadable("The folder is a link to another place; it was not followed.")
    path = folder / f"{name}.ipynb"
    try:
        with _open(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > LARGEST_FILE:
                raise Unreadable(
                    f"{path.name} has {size >> 20} MB and may have {LARGEST_FILE >> 20}: clear its outputs."
                )
            return file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        others = sorted(other.name for other in folder.glob("*.ipynb")) if folder.is_dir() else []
        instead = f"; there is {others[0]!r}" if others else ""
        raise Unreadable(f"There is no file {path.name}{instead}: hand it in under that name.") from None
    except OSError as error:
        why = "is a link to another place" if path.is_symlink() else f"cannot be read ({error.strerror})"
        raise Unreadable(f"{path.name} {why}: hand in the file itself.") from None


def _open(path: Path) -> BinaryIO:
    """Open a plain file, which no link, pipe or folder is; raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no file", str(path))
    return open(descriptor, "rb")


def handed_in_at(folder: Path) -> datetime | None:
    """When it was handed in, as nbgrader's timestamp.txt says; None where that is missing or says no time."""
    try:
        with _open(folder / "timestamp.txt") as file:
            return parse_utc(file.read(100).decode().strip())
    except (OSError, ValueError, OverflowError):
        return None


def _is_text(name: str) -> bool:
    try:
        return bool(name.encode())
    except UnicodeEncodeError:
        return False


def printable(text: str) -> str:
    """Text for a terminal: what would move its cursor or turn its direction is replaced, and no line is endless."""
    text = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    return text if len(text) <= 300 else text[:300] + "..."


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_bytes(content)
    os.replace(part, path)


def code_version() -> str:
    """A hash of everything in the package that a verdict depends on."""
    digest = hashlib.sha256()
    for path in _sources():
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    package = Path(__file__).resolve().parents[1]
    yield from sorted((package / "checking").glob("*.py"))
    for name in ("child", "kit", "rebuild", "sandbox", "seccomp", "shell", "template", "wire", "worker"):
        yield package / "grading" / f"{name}.py"
    for room in ("exercises", "reference"):
        yield from sorted((package / room).glob("*.py"))


def dump(value: Any) -> bytes:
    """Plain values as JSON."""
    return json.dumps(value, indent=1, ensure_ascii=False).encode(errors="replace") + b"\n"

"""The course's folders as nbgrader's configuration names them, and what is in them for one
lesson.
"""

import json
import os
import secrets
import stat
import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import nbgrader.api
from alembic.script import ScriptDirectory
from nbgrader.apps import NbGrader
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange.default import Exchange
from nbgrader.preprocessors import ClearHiddenTests, IgnorePattern

from course_utils.building.lesson import ROOT, Lesson, all_lessons, choose
from course_utils.errors import CourseError
from course_utils.files import write
from course_utils.grading.outside import gate, turns
from course_utils.grading.outside.cells import grade_id, origin, text

CONFIG = "nbgrader_config.py"


def _newest_tables() -> str | None:
    """The version of the tables of a new gradebook, without starting a program to ask for it."""
    scripts = Path(nbgrader.api.__file__).with_name("alembic")
    return ScriptDirectory(str(scripts)).get_current_head()


nbgrader.api.get_alembic_version = _newest_tables  # nbgrader's own takes seconds


@dataclass
class Course:
    """A folder with nbgrader_config.py in it; submitted: another folder of submissions."""

    root: Path
    submitted: Path | None = None

    @cached_property
    def app(self) -> NbGrader:
        """nbgrader with this course's configuration."""
        before = Path.cwd()
        os.chdir(self.root)
        try:
            app = NbGrader()
            app.initialize([])
        finally:
            os.chdir(before)
        app.log.setLevel("ERROR")
        return app

    @property
    def ignored_pattern(self) -> str:
        """What an instructor's test may write to stderr, by the course's settings of nbgrader."""
        rule = IgnorePattern(parent=self.app)
        return rule.pattern if rule.enabled else ""

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
        folders = sorted(self.path("release", ".", "x").parent.glob("[!.]*"))
        return [
            Lesson(path.name, self.root)
            for path in folders
            if (path / f"{path.name}.ipynb").is_file()
        ]

    def choose(self, name: str) -> list[Lesson]:
        """The lesson of this name, or all that somebody handed in; raises CourseError."""
        if name != "all":
            return [self.one(name)]
        place = self.path("submitted", "STUDENT", "LESSON")
        handed_in = {path.name for path in place.parents[1].glob("*/*")}
        lessons = [lesson for lesson in self.lessons() if lesson.name in handed_in]
        if not lessons and not self.unreleased():
            raise CourseError(
                f"Nobody has handed in anything: submissions are looked for in {place}."
            )
        return lessons

    def one(self, name: str) -> Lesson:
        """The lesson of this name; raises CourseError."""
        return choose([name], self.lessons())[0]

    def unreleased(self) -> list[str]:
        """Lessons that somebody handed in, and that were never released."""
        released = {lesson.name for lesson in self.lessons()}
        folders = self.path("submitted", "*", "x").parent.parent.glob("[!.]*/[!.]*")
        return sorted({path.name for path in folders if path.is_dir()} - released)

    def released(self, lesson: Lesson) -> str:
        """The released notebook; raises CourseError where it cannot be read."""
        path = self.path("release", ".", lesson.name) / f"{lesson.name}.ipynb"
        try:
            text = path.read_text(encoding="utf-8")
            json.loads(text)["cells"]
        except (OSError, ValueError, KeyError) as error:
            raise CourseError(
                f"{path} cannot be read ({error}): run `course build {lesson.name}`."
            ) from None
        return text

    def tests(self, lesson: Lesson) -> tuple[tuple[str, str], ...]:
        """The instructor's tests of which a part was not released, by grade_id, as they were
        written.
        """
        path = self.path("source", ".", lesson.name) / f"{lesson.name}.ipynb"
        begins = ClearHiddenTests(parent=self.app).begin_test_delimeter
        try:
            cells = json.loads(path.read_bytes())["cells"]
        except (OSError, ValueError, KeyError):
            return ()
        sources = {grade_id(cell): text(cell) for cell in cells if origin(cell) == "check"}
        return tuple((name, source) for name, source in sources.items() if begins in source)

    def earlier(self, lesson: Lesson) -> tuple[str, ...]:
        """The lessons before this one, released or not, without their numbers: a child may import
        their answers. In a lesson that is not the course's own, only what that lesson imports.
        """
        # as exercise.lessons() says, which imports torch
        if not (ROOT / "course_utils" / "exercises" / f"{lesson.short}.py").is_file():
            return ()
        known = {other.name for other in (*all_lessons(), *self.lessons())}
        return tuple(name.partition("_")[2] for name in sorted(known) if name < lesson.name)

    def students(self, lesson: Lesson) -> list[str]:
        """The students who handed something in, in alphabetical order."""
        return [name for name in self._folders(lesson) if gate.is_student_id(name)]

    def refused(self, lesson: Lesson) -> list[str]:
        """Folders of submissions whose names cannot be a student's id, as Python writes them."""
        return [ascii(name) for name in self._folders(lesson) if not gate.is_student_id(name)]

    def _folders(self, lesson: Lesson) -> list[str]:
        pattern = self.path("submitted", "*", lesson.name)
        folders = (path for path in pattern.parent.parent.glob("[!.]*") if path.name != "__MACOSX")
        return sorted(path.name for path in folders if _may_hold(path, lesson.name))

    def own(self, *parts: str) -> Path:
        """A place for what is neither nbgrader's nor the student's: results and seeds."""
        return self.root.joinpath(".course", *parts)

    def private(self) -> tuple[str, ...]:
        """The folders that hold submissions, grades and answers, as paths without links."""
        database = Path(self.folders.db_url.removeprefix("sqlite:///"))
        exchange = Path(Exchange(parent=self.app).root)
        folders = (self.root, self.path("submitted", ".", "."), database.parent, exchange)
        return tuple(sorted({str(path.resolve()) for path in folders if path.is_absolute()}))

    def result(self, lesson: Lesson, key: str) -> Path:
        """Where the result with this key is kept."""
        return self.own("results", lesson.name, f"{key}.json")

    @property
    def id_numbers_path(self) -> Path:
        """Where Moodle's ID numbers are kept: the gradebook has no place for them."""
        return self.own("id_numbers.json")

    def id_numbers(self) -> dict[str, str]:
        """Moodle's ID number of each student of whom a roster said one."""
        path = self.id_numbers_path
        return json.loads(path.read_bytes()) if path.is_file() else {}

    def seed(self, lesson: Lesson) -> int:
        """The lesson's secret seed, drawn when it is first graded."""
        path = self.own("seeds", lesson.name)
        with self.alone():
            if not path.exists():
                write(path, str(secrets.randbits(53)).encode())
                path.chmod(0o660 if path.parent.stat().st_mode & stat.S_IWGRP else 0o600)
        return int(path.read_text())

    def alone(self) -> AbstractContextManager[None]:
        """The right to write what all graders of a course share, the gradebook and the seeds."""
        return turns.alone(self.own("turn"))


def _may_hold(folder: Path, lesson: str) -> bool:
    """Whether a student's folder has the lesson in it, or may have it but cannot be read."""
    closed = folder.is_dir() and not os.access(folder, os.X_OK)
    return closed or os.path.lexists(folder / lesson)


def find_course(folder: Path, submitted: Path | None = None, *, else_own: bool = False) -> Course:
    """The course in this folder or above it; raises CourseError where there is none.

    else_own: take the one that this package belongs to then.
    """
    for root in (folder, *folder.absolute().parents, *([ROOT] if else_own else [])):
        if (root / CONFIG).is_file():
            if submitted is not None and not submitted.is_dir():
                raise CourseError(
                    f"{submitted} is not a folder: name the one that has a folder for each student."
                )
            if submitted is not None:
                _refuse_what_the_sandbox_shows(submitted.resolve(), root.resolve())
            return Course(root.resolve(), submitted.resolve() if submitted else None)
    raise CourseError(
        f"There is no {CONFIG} in {folder} or above it: go to the course's folder and run the "
        "command again."
    )


def _refuse_what_the_sandbox_shows(submitted: Path, root: Path) -> None:
    """Raise CourseError for submissions outside the course in a system place, where every other
    could read them.
    """
    from course_utils.grading.outside.sandbox import READ_ONLY

    places = [Path(place).resolve() for place in (*READ_ONLY, sys.base_prefix, sys.prefix)]
    if not submitted.is_relative_to(root) and any(
        submitted.is_relative_to(place) for place in places
    ):
        raise CourseError(
            f"{submitted} is among the system's files, which every submission can read: move it "
            "elsewhere."
        )


def dump(value: Any) -> bytes:
    """Plain values as JSON."""
    return json.dumps(value, indent=1, ensure_ascii=False).encode(errors="replace") + b"\n"

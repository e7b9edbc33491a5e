"""Courses to grade in tests: lesson 01 released, and whatever the test hands in."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from course_utils.cli import main
from course_utils.grading.outside.course import Course, find_course
from tests.grading import corpus

ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
}


def make_course(root: Path) -> Course:
    """A course with lesson 01 released in it, and nothing handed in."""
    lesson = corpus.LESSON
    root.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "nbgrader_config.py", root)
    shutil.copytree(lesson.released.parent, root / "notebooks" / lesson.name)
    shutil.copytree(lesson.solved.parent, root / "solutions" / lesson.name)
    return find_course(root)


def hand_in(course: Course, student: str, notebook: Any, stamp: str = "") -> None:
    """Put a notebook where submissions are collected."""
    folder = course.path("submitted", student, corpus.LESSON.name)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{corpus.LESSON.name}.ipynb").write_text(json.dumps(notebook))
    if stamp:
        (folder / "timestamp.txt").write_text(stamp)


def numbered(notebook: corpus.Notebook, number: int) -> corpus.Notebook:
    """The notebook with a cell that makes it different from all others."""
    return corpus.put(notebook, f"number = {number}")


def course_command(course: Course, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `course` in the course's folder, in this process: starting another takes seconds."""
    out, errors, status = StringIO(), StringIO(), 0
    with chdir(course.root), redirect_stdout(out), redirect_stderr(errors):
        try:
            main([*arguments])
        except SystemExit as ended:
            status = int(ended.code or 0)
    return subprocess.CompletedProcess(arguments, status, out.getvalue(), errors.getvalue())


def course_command_apart(course: Course, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `course` in a process of its own, with all that it starts."""
    command = [sys.executable, "-c", "from course_utils.cli import main; main()", *arguments]
    return subprocess.run(command, cwd=course.root, env=ENVIRONMENT, capture_output=True, text=True)


def nbgrader_command(course: Course, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `nbgrader` in the course's folder."""
    command = [sys.executable, "-m", "nbgrader", *arguments]
    return subprocess.run(command, cwd=course.root, env=ENVIRONMENT, capture_output=True, text=True)


def stock(course: Course) -> None:
    """Let nbgrader run submissions itself, as it does without this course's grading."""
    path = course.root / "nbgrader_config.py"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith("c.Autograde.")))

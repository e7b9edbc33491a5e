"""Courses to grade in tests: lesson 01 released, and whatever the test hands in."""

import json
import multiprocessing
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from contextlib import chdir, redirect_stderr, redirect_stdout
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

from course_utils.building import copies
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


def course_command_apart(
    course: Course, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run `course` in a process of its own, with all that it starts, and with these variables."""
    return _apart("course_utils.cli", course.root, arguments, variables)


def nbgrader_command(course: Course, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `nbgrader` in the course's folder, in a process of its own."""
    return nbgrader_in(course.root, *arguments)


def nbgrader_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `nbgrader` in a folder, in a process of its own."""
    return _apart("nbgrader.apps.nbgraderapp", folder, arguments)


# Copied for each command: a process that has imported what these need, which takes seconds.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([__name__, "nbgrader.apps", "course_utils.grading.outside.batch"])


def python() -> list[str]:
    """What takes the place of `python` in a command, so that other people's packages are imported
    once for all commands.
    """
    return copies.python(("torch", "nbgrader.apps.nbgraderapp"))


def programs(folder: Path) -> str:
    """A PATH on which `course` and `nbgrader` are what is installed, run by this Python."""
    for name in ("course", "nbgrader"):
        installed = Path(sys.executable).parent / name
        (folder / name).write_text(
            f'#!/bin/sh\nexec {shlex.join([*python(), str(installed)])} "$@"\n'
        )
        (folder / name).chmod(0o755)
    return f"{folder}{os.pathsep}{ENVIRONMENT['PATH']}"


def _apart(
    module: str, folder: Path, arguments: tuple[str, ...], variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """What subprocess.run gives for a module's main function."""
    with tempfile.TemporaryDirectory() as temporary:
        files = [Path(temporary) / name for name in ("out", "errors")]
        environment = ENVIRONMENT | (variables or {})
        process = FORKS.Process(target=_main, args=(module, folder, arguments, environment, *files))
        process.start()
        process.join()
        out, errors = (file.read_text() for file in files)
    assert process.exitcode is not None
    return subprocess.CompletedProcess(arguments, process.exitcode, out, errors)


def _main(
    module: str,
    folder: Path,
    arguments: tuple[str, ...],
    environment: dict[str, str],
    *files: Path,
) -> None:
    """Run the main function in this process, with files in place of what it prints."""
    for number, file in enumerate(files, start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [module, *arguments]
    import_module(module).main()


def stock(course: Course) -> None:
    """Let nbgrader run submissions itself, as it does without this course's grading."""
    path = course.root / "nbgrader_config.py"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith("c.Autograde.")))


def undrawn(course: Course) -> None:
    """Have nbgrader's kernels draw no figure, which takes long and decides no points."""
    first = course.root / "ipython" / "profile_default" / "startup" / "first.py"
    first.parent.mkdir(parents=True)
    first.write_text("from course_utils.building.in_kernel import draw_nothing\n\ndraw_nothing()")
    path = course.root / "nbgrader_config.py"
    setting = f"import os\nos.environ['IPYTHONDIR'] = {str(course.root / 'ipython')!r}\n"
    path.write_text(path.read_text() + setting)
